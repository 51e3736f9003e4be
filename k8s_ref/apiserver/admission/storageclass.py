"""DefaultStorageClass, PersistentVolumeClaimResize · 默认存储类与扩容

A claim that names no class gets the one marked as default; if several are, the newest.  A claim
that names the empty class wants none and is left alone.

Upstream: plugin/pkg/admission/storage/{storageclass/setdefault,persistentvolume/resize}/,
pkg/volume/util/
"""

from __future__ import annotations

from k8s_ref.apiserver.admission import Plugin
from k8s_ref.apiserver.request import Request
from k8s_ref.apiserver.watchcache import WatchCache
from k8s_ref.machinery.errors import Forbidden
from k8s_ref.machinery.meta import Object, with_path
from k8s_ref.machinery.quantity import Quantity, parse

MARKS = (
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
)
OLD_WAY = "volume.beta.kubernetes.io/storage-class"
"""The annotation that named a class before there was a field."""


class DefaultStorageClass(Plugin):
    """Gives claims without a class the default one."""

    on = ("create persistentvolumeclaims",)

    def __init__(self, classes: WatchCache) -> None:
        self.classes = classes

    def admit(self, request: Request, claim: Object, old: Object | None) -> Object:
        """The claim with a class, if it left that open and there is a default."""
        named = OLD_WAY in (claim["metadata"].get("annotations") or {})
        if named or claim["spec"].get("storageClassName") is not None:
            return claim
        marked = [each["metadata"] for each in self.classes.objects.values() if _is_default(each)]
        if not marked:
            return claim
        by_name = sorted(marked, key=lambda meta: str(meta["name"]))
        newest = max(by_name, key=lambda meta: str(meta["creationTimestamp"]))
        return with_path(claim, ("spec", "storageClassName"), newest["name"])


class PersistentVolumeClaimResize(Plugin):
    """Lets a claim ask for more only where its class can give more."""

    on = ("update persistentvolumeclaims",)

    def __init__(self, classes: WatchCache) -> None:
        self.classes = classes

    def validate(self, request: Request, obj: Object | None, old: Object | None) -> None:
        """``Forbidden`` if the claim grows and its class does not allow that."""
        assert obj is not None and old is not None, "an update has both"
        if _asked(obj) <= _asked(old):
            return
        found = self.classes.objects.get(obj["spec"].get("storageClassName") or "")
        if found is None or not found.get("allowVolumeExpansion"):
            raise Forbidden.of("persistentvolumeclaims", "", request.name, NOT_RESIZABLE)


NOT_RESIZABLE = (
    "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc"
    " must support resize"
)


def _asked(claim: Object) -> Quantity:
    requests = (claim["spec"].get("resources") or {}).get("requests") or {}
    return parse(requests.get("storage") or "0")


def _is_default(storage_class: Object) -> bool:
    notes = storage_class["metadata"].get("annotations") or {}
    return any(notes.get(mark) == "true" for mark in MARKS)
