"""Validation of object metadata · 对象元数据的校验

The rules every object keeps, whatever its kind: how it may be named, labelled and owned on the
way in, and what of this may never change afterwards.

Upstream: staging/src/k8s.io/apimachinery/pkg/api/validation/objectmeta.go
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from k8s_ref.apiserver.validation_names import Test, dns_label, prefix
from k8s_ref.apiserver.validation_rules import immutable, labels, not_negative
from k8s_ref.machinery.errors import Cause, forbidden, invalid, required, show, too_long
from k8s_ref.machinery.meta import Object
from k8s_ref.machinery.selectors import label_key_problems

ANNOTATIONS_LIMIT = 256 * 1024
"""Bytes that the keys and values of all annotations may have together."""

STANDARD_FINALIZERS = ("kubernetes", "orphan", "foregroundDeletion")
"""Finalizers that need no domain in front."""


def metadata(meta: Object, path: str, name_test: Test, core: bool = True) -> Iterator[Cause]:
    """What is wrong with the metadata of a new object whose names pass this test; ``core``: of
    a kind whose finalizers must have a slash or be known."""
    if meta.get("generateName"):
        for problem in prefix(name_test)(meta["generateName"]):
            yield invalid(f"{path}.generateName", meta["generateName"], problem)
    if not meta.get("name"):
        yield required(f"{path}.name", "name or generateName is required")
    else:
        for problem in name_test(meta["name"]):
            yield invalid(f"{path}.name", meta["name"], problem)
    for problem in dns_label(meta["namespace"]) if meta.get("namespace") else ():
        yield invalid(f"{path}.namespace", meta["namespace"], problem)
    yield from not_negative(meta.get("generation") or 0, f"{path}.generation")
    yield from _common(meta, path)
    yield from _finalizers(meta.get("finalizers") or (), f"{path}.finalizers", core)


def labels_and_annotations(meta: Object, path: str) -> Iterator[Cause]:
    """What is wrong with the labels and annotations, of an object or of a template."""
    yield from labels(meta.get("labels") or {}, f"{path}.labels")
    if meta.get("annotations"):
        yield from _annotations(meta["annotations"], f"{path}.annotations")


def _common(meta: Object, path: str) -> Iterator[Cause]:
    yield from labels_and_annotations(meta, path)
    if meta.get("ownerReferences"):
        yield from _owners(meta["ownerReferences"], f"{path}.ownerReferences")


def _annotations(value: Object, path: str) -> Iterator[Cause]:
    """What is wrong with annotations: their keys are names, and they are not too large."""
    size = 0
    for key, item in value.items():
        for problem in label_key_problems(key.lower()):
            yield invalid(path, key, problem)
        size += len(key.encode()) + len((item or "").encode())
    if size > ANNOTATIONS_LIMIT:
        yield too_long(path, ANNOTATIONS_LIMIT)


def _owners(owners: Sequence[Object], path: str) -> Iterator[Cause]:
    first = ""
    for owner in owners:
        yield from _owner(owner, path)
        if owner.get("controller"):
            if first:
                yield invalid(path, owners, _TWO_CONTROLLERS.format(first, owner["name"]))
            first = owner.get("name") or ""


_TWO_CONTROLLERS = (
    'Only one reference can have Controller set to true. Found "true" in references for {} and {}'
)


def _owner(owner: Object, path: str) -> Iterator[Cause]:
    api_version = owner.get("apiVersion") or ""
    if not api_version.rpartition("/")[2]:
        yield invalid(f"{path}.apiVersion", api_version, "version must not be empty")
    for name in ("kind", "name", "uid"):
        if not owner.get(name):
            yield invalid(f"{path}.{name}", "", "must not be empty")
    if (api_version, owner.get("kind")) == ("v1", "Event"):
        yield invalid(path, owner, "/v1, Kind=Event is disallowed from being an owner")


def _finalizers(names: Sequence[str], path: str, core: bool) -> Iterator[Cause]:
    for index, name in enumerate(names):
        yield from finalizer(name, f"{path}[{index}]", core)
    if "orphan" in names and "foregroundDeletion" in names:
        yield invalid(path, names, "orphan and foregroundDeletion cannot be both set")


def finalizer(name: str, path: str, core: bool = True) -> Iterator[Cause]:
    """What is wrong with the name of a finalizer."""
    for problem in label_key_problems(name):
        yield invalid(path, name, problem)
    if core and "/" not in name and name not in STANDARD_FINALIZERS:
        yield invalid(path, name, _UNQUALIFIED)


_UNQUALIFIED = "name is neither a standard finalizer name nor is it fully qualified"


def known_finalizers(meta: Object, path: str) -> Iterator[Cause]:
    """The finalizers of an object of the core that are nobody's."""
    for index, name in enumerate(meta.get("finalizers") or ()):
        if "/" not in name and name not in STANDARD_FINALIZERS:
            yield invalid(f"{path}.finalizers[{index}]", name, _UNQUALIFIED)


def metadata_update(new: Object, old: Object, path: str) -> Iterator[Cause]:
    """What is wrong with the metadata that is to replace ``old``."""
    if old.get("deletionTimestamp"):
        yield from _no_new_finalizers(new, old, f"{path}.finalizers")
    if not new.get("resourceVersion"):
        yield invalid(f"{path}.resourceVersion", "", "must be specified for an update")
    generation = new.get("generation") or 0
    if generation < (old.get("generation") or 0):
        yield invalid(f"{path}.generation", generation, "must not be decremented")
    for name in _FIXED:
        yield from immutable(new.get(name), old.get(name), f"{path}.{name}")
    yield from _common(new, path)


_FIXED = (
    "name", "namespace", "uid", "creationTimestamp", "deletionTimestamp",
    "deletionGracePeriodSeconds",
)  # fmt: skip


def _no_new_finalizers(new: Object, old: Object, path: str) -> Iterator[Cause]:
    before = old.get("finalizers") or ()
    added = [name for name in new.get("finalizers") or () if name not in before]
    if added:
        yield forbidden(
            path,
            "no new finalizers can be added if the object is being deleted, "
            f"found new finalizers []string{{{', '.join(map(show, added))}}}",
        )
