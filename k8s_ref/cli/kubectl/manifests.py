"""Manifests · 清单文件

What ``-f`` names becomes objects: documents are told apart, lists unpacked, each finds its kind
and its namespace.  The one idea: one bad object must not stop the others, so what is wrong with
it is noted and said at the end.

Upstream: staging/src/k8s.io/cli-runtime/pkg/resource/visitor.go, builder.go
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from k8s_ref.cli.kubectl import yamltext
from k8s_ref.cli.kubectl.flags import Flag
from k8s_ref.cli.kubectl.session import Session
from k8s_ref.machinery import schema
from k8s_ref.machinery.errors import ApiError, show
from k8s_ref.machinery.kinds import Kind
from k8s_ref.machinery.meta import Object

FILENAME = Flag("filename", "f", "files", (), help="file with the objects; - for standard input")


@dataclass(slots=True, frozen=True)
class Manifest:
    """One object of a file, its kind, and the file, which messages name."""

    kind: Kind
    obj: Object
    source: str

    @property
    def name(self) -> str:
        """The name it asks for; empty when the server is to make one."""
        return self.obj["metadata"].get("name", "")

    @property
    def key(self) -> str:
        """Its key."""
        namespace = self.obj["metadata"].get("namespace", "")
        return f"{namespace}/{self.name}" if namespace else self.name


def manifests(session: Session, command: str) -> Iterator[Manifest]:
    """The objects of all files the line names; what is wrong with one is noted, not raised."""
    found = False
    for name in session.flags["filename"]:
        source = "STDIN" if name == "-" else name
        try:
            text = session.stdin if name == "-" else read(session, name)
            for obj in documents(text, source):
                for manifest in _manifest(session, obj, source):
                    found = True
                    yield manifest
        except ValueError as error:
            session.fail(error)
    if not found and not session.errors:
        raise ValueError(f"no objects passed to {command}")


def read(session: Session, name: str) -> str:
    """The text of a file; ``ValueError`` in kubectl's words if it cannot be read."""
    try:
        return session.read(name)
    except FileNotFoundError:
        raise ValueError(f"the path {show(name)} does not exist") from None
    except OSError as error:
        raise ValueError(f"the path {show(name)} cannot be accessed: {error.strerror}") from None


_SEPARATOR = re.compile(r"^---.*\n?", re.MULTILINE)


def documents(text: str, source: str) -> Iterator[Object]:
    """The objects in a manifest, lists taken apart; ``ValueError`` in kubectl's words.

    >>> list(documents("{apiVersion: v1, kind: Pod}", "web.yaml"))
    [{'apiVersion': 'v1', 'kind': 'Pod'}]
    """
    # Lines are counted within their document, as kubectl counts them.
    for part in _SEPARATOR.split(text):
        try:
            found = list(yamltext.read(part))
        except yamltext.BadYaml as error:
            message = f"error parsing {source}: error converting YAML to JSON: {error}"
            raise ValueError(message) from None
        for document in found:
            yield from _unpacked(document, source)


def _unpacked(document: Any, source: str) -> Iterator[Object]:
    if not isinstance(document, dict):
        raise ValueError(_not_valid(source, "invalid object to validate"))
    missing = [f"{name} not set" for name in ("apiVersion", "kind") if not document.get(name)]
    if missing:
        what = missing[0] if len(missing) == 1 else f"[{', '.join(missing)}]"
        raise ValueError(_not_valid(source, what))
    if "items" in document and str(document["kind"]).endswith("List"):
        for item in document["items"] or ():
            yield from _unpacked(item, source)
    else:
        yield document


def _not_valid(source: str, what: str) -> str:
    return (
        f"error validating {show(source)}: error validating data: {what};"
        " if you choose to ignore these errors, turn validation off with --validate=false"
    )


def _manifest(session: Session, obj: Object, source: str) -> Iterator[Manifest]:
    meta = {**(obj.get("metadata") or {})}
    kind = session.api.kinds.of(obj["apiVersion"], obj["kind"])
    asked = session.flags["namespace"]
    if kind is None:
        session.fail(ValueError(_no_such_kind(obj, meta, source)))
        return
    wrong = schema.check({"metadata": meta}, kind).ill_typed
    if wrong:
        wrong = wrong.replace(f"struct field {kind.kind}.", "struct field ObjectMeta.")
        raise ValueError(f"unable to decode {show(source)}: {wrong}")
    if not kind.namespaced:
        meta.pop("namespace", None)
    elif asked and meta.get("namespace", asked) != asked:
        session.fail(
            ValueError(
                f"the namespace from the provided object {show(meta['namespace'])} does not match"
                f" the namespace {show(asked)}. You must pass '--namespace={meta['namespace']}' to"
                " perform this operation."
            )
        )
        return
    else:
        meta["namespace"] = meta.get("namespace") or session.namespace
    yield Manifest(kind, {**obj, "metadata": meta}, source)


def _no_such_kind(obj: Object, meta: Object, source: str) -> str:
    return (
        f"resource mapping not found for name: {show(meta.get('name', ''))}"
        f" namespace: {show(meta.get('namespace', ''))} from {show(source)}:"
        f" no matches for kind {show(obj['kind'])} in version {show(obj['apiVersion'])}\n"
        "ensure CRDs are installed first"
    )


def at_source(error: ApiError, verb: str, source: str) -> ApiError:
    """The same error, saying in which file the object stands."""
    return worded(error, f"error when {verb} {show(source)}: {error.message}")


def worded(error: ApiError, message: str) -> ApiError:
    """The same error in other words."""
    told = type(error)(message, error.details, error.metadata)
    told.reason, told.code = error.reason, error.code
    return told
