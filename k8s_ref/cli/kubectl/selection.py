"""Which objects a line means · 选中哪些对象

``pods``, ``pods web db``, ``pod/web rs/db``, ``pods,rs -l app=web``, ``all``: the words after a
command as a list of what to ask the server, one thing after the other.

Upstream: staging/src/k8s.io/cli-runtime/pkg/resource/builder.go
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from k8s_ref.cli.kubectl.flags import Flag, switch
from k8s_ref.cli.kubectl.manifests import FILENAME, manifests
from k8s_ref.cli.kubectl.session import Failure, Session, resource_of
from k8s_ref.cli.kubectl.threeway import three_way
from k8s_ref.client.client import MERGE, STRATEGIC
from k8s_ref.machinery import schema
from k8s_ref.machinery.errors import ApiError, BadRequest, NotFound, show
from k8s_ref.machinery.kinds import Kind
from k8s_ref.machinery.meta import Object, key_of, split_key
from k8s_ref.machinery.patch import PATCHES

SELECTORS = (
    FILENAME,
    Flag("selector", "l", help="only objects whose labels match, as app=web or 'app in (a,b)'"),
    Flag("field-selector", help="only objects whose fields match, as status.phase=Running"),
    switch("all-namespaces", "objects of every namespace", "A"),
)
"""Flags of all commands that select objects."""


ALL = switch("all", "every object of the type")

NOTHING_NAMED = """\
error: You must provide one or more resources by argument or filename.
Example resource specifications include:
   '-f rsrc.yaml'
   '--filename=rsrc.json'
   '<resource> <name>'
   '<resource>'"""


@dataclass(slots=True, frozen=True)
class Target:
    """One thing to ask for: an object by name, or, without a name, all that match."""

    kind: Kind
    name: str = ""
    namespace: str = ""
    source: str = ""
    """The file that names it, if a file does."""


def targets(session: Session) -> list[Target]:
    """What the words of the line select; ``ValueError`` in kubectl's words."""
    if session.flags["filename"]:
        return [
            Target(m.kind, m.name, m.obj["metadata"].get("namespace", ""), m.source)
            for m in manifests(session, "the command")
        ]
    words = session.words
    if not all(words):
        raise ValueError("resource name may not be empty")
    if any("/" in word for word in words):
        return [_by_path(session, word) for word in words]
    kinds = [kind for name in words[0].split(",") for kind in _kinds(session, name)]
    names = words[1:]
    if not names:
        return [Target(kind) for kind in kinds]
    if session.flags["selector"] or session.flags.get("field-selector"):
        raise ValueError("name cannot be provided when a selector is specified")
    if session.flags.get("all-namespaces"):
        raise ValueError("a resource cannot be retrieved by name across all namespaces")
    return [Target(kind, name) for kind in kinds for name in names]


def chosen(session: Session) -> list[Target]:
    """What a line that changes things selects: by name, by a selector, or with ``--all``."""
    flags = session.flags
    if not session.words and not flags["filename"]:
        raise Failure(NOTHING_NAMED)
    wanted = targets(session)
    unnamed = any(not target.name for target in wanted)
    every, selected = flags.get("all"), flags["selector"] or flags.get("field-selector")
    if every and flags["selector"]:
        raise ValueError("setting 'all' parameter but found a non empty selector. ")
    if unnamed and not every and not selected:
        raise ValueError("resource(s) were provided, but no name was specified")
    if every and not unnamed:
        raise ValueError("name cannot be provided when a selector is specified")
    return wanted


async def change_each(
    session: Session,
    wanted: Iterable[Target],
    change: Callable[[Kind, Object], Awaitable[None]],
    together: bool = False,
) -> int:
    """Do the same to every object; what cannot be done to one is noted and the rest goes on.

    With ``together`` nothing is done unless all are there.
    """
    found = await fetch_all(session, wanted)
    for kind, obj in [] if together and session.errors else found:
        try:
            await change(kind, obj)
        except (ApiError, ValueError) as error:
            session.fail(error)
    return 0


async def patched(
    session: Session,
    kind: Kind,
    obj: Object,
    patch: Any,
    form: str = MERGE,
    subresource: str = "",
) -> Object:
    """The object after a patch, which with ``--dry-run=client`` is only worked out here."""
    if session.dry == "client":
        return PATCHES[form](obj, patch, kind)
    return await session.api.patch(resource_of(kind), key_of(obj), patch, subresource, form)


async def replaced(session: Session, kind: Kind, old: Object, new: Object) -> Object:
    """The object after those of its fields were written that ``new`` has otherwise."""
    known = schema.struct_of(kind) is not None
    patch = three_way(old, new, old, kind)
    return await patched(session, kind, old, patch, STRATEGIC if known else MERGE) if patch else old


def _by_path(session: Session, word: str) -> Target:
    if "/" not in word:
        raise ValueError(
            "there is no need to specify a resource type as a separate argument when passing"
            " arguments in resource/name form (e.g. 'kubectl get resource/<resource_name>' instead"
            " of 'kubectl get resource resource/<resource_name>'"
        )
    type_name, _, name = word.partition("/")
    if "/" in name:
        raise ValueError("arguments in resource/name form may not have more than one slash")
    if not type_name or not name:
        raise ValueError("arguments in resource/name form must have a single resource and name")
    return Target(kind_named(session, type_name), name)


def _kinds(session: Session, name: str) -> list[Kind]:
    return session.api.kinds.in_category(name) or [kind_named(session, name)]


def kind_named(session: Session, name: str) -> Kind:
    """The kind a word means; refused in kubectl's words."""
    kind = session.api.kinds.find(name)
    if kind is None:
        plain = name.partition(".")[0]
        raise ValueError(f"the server doesn't have a resource type {show(plain)}")
    for other in session.api.kinds:
        if name in other.short_names and (other.plural, other.group) != (kind.plural, kind.group):
            what = f"{show(name)} could also match lower priority resource {other.resource}"
            session.say(f"Warning: short name {what}")
    return kind


async def fetch(session: Session, target: Target) -> list[Object]:
    """The objects of a target as the server has them, each with its kind."""
    resource = resource_of(target.kind)
    if target.name:
        key = session.key(target.kind, target.name, target.namespace)
        try:
            return [await session.api.get(resource, key)]
        except NotFound:
            namespace = split_key(key)[0]
            if namespace not in ("", "default"):
                # If the namespace is what is missing, that is the better answer.
                await session.api.get("namespaces", namespace)
            raise
    labels, fields = session.flags["selector"], session.flags.get("field-selector", "")
    try:
        listed = await session.api.list(resource, scope(session, target.kind), labels, fields)
    except BadRequest as error:
        raise _not_listed(target.kind, labels, fields, error) from None
    kind = {"apiVersion": target.kind.api_version, "kind": target.kind.kind}
    return [{**kind, **item} for item in listed["items"]]


def _not_listed(kind: Kind, labels: str, fields: str, error: BadRequest) -> BadRequest:
    what = show(f"{kind.group}/{kind.version}, Resource={kind.plural}")
    if not labels and not fields:
        return BadRequest(f"Unable to list {what}: {error}")
    return BadRequest(
        f"Unable to find {what} that match label selector {show(labels)},"
        f" field selector {show(fields)}: {error}"
    )


def scope(session: Session, kind: Kind) -> str:
    """The namespace to list; empty for all."""
    if not kind.namespaced or session.flags.get("all-namespaces"):
        return ""
    return session.namespace


async def fetch_all(
    session: Session, wanted: Iterable[Target], ignore_missing: bool = False
) -> list[tuple[Kind, Object]]:
    """Everything selected, in order; what cannot be had is noted and the rest goes on."""
    found: list[tuple[Kind, Object]] = []
    for target in wanted:
        try:
            found += [(target.kind, obj) for obj in await fetch(session, target)]
        except NotFound as error:
            if not ignore_missing:
                session.fail(error)
        except ApiError as error:
            session.fail(error)
    return found


def nothing_found(session: Session, wanted: Iterable[Target]) -> str:
    """What kubectl says when a selection is empty."""
    namespaced = any(target.kind.namespaced for target in wanted)
    if namespaced and not session.flags["all-namespaces"]:
        return f"No resources found in {session.namespace} namespace."
    return "No resources found"
