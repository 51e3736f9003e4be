"""Namespace controller · 命名空间控制器

Empties a namespace that is being deleted, Pods first, and lets it go when nothing is left.  The
one idea: what there is to delete is read off the table of kinds, so whatever can be put into a
namespace is also taken out of it.  What it waits for stands in the namespace's conditions.

Upstream: pkg/controller/namespace/deletion/namespaced_resources_deleter.go,
status_condition_utils.go
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from k8s_ref.client.client import Client
from k8s_ref.client.informer import InformerFactory
from k8s_ref.controllers.controller import Controller
from k8s_ref.machinery.errors import ApiError, InternalError, NotFound
from k8s_ref.machinery.kinds import Kind, Kinds
from k8s_ref.machinery.meta import Object, key_of, set_condition, with_path
from k8s_ref.machinery.timestamps import parse, timestamp
from k8s_ref.sim.loop import SECOND, Loop

PAUSE_SECONDS = 5.0
"""A namespace is left alone for so long, so that creations on their way arrive and are seen."""

FINALIZER_SECONDS = 15
"""How long a finalizer is expected to take."""

FINALIZER = "kubernetes"


@dataclass(slots=True)
class Left:
    """What is still there after everything was told to go."""

    seconds: int = 0
    """How long that may take."""
    objects: Counter[str] = field(default_factory=Counter)
    """How many, by resource as conditions name it."""
    finalizers: Counter[str] = field(default_factory=Counter)
    errors: list[Exception] = field(default_factory=list)


class NamespaceController(Controller):
    """Writes: deletions of a dying namespace's content, its conditions, its last finalizer."""

    name = "namespace-controller"
    resource, kind = "namespaces", "Namespace"

    def __init__(self, api: Client, informers: InformerFactory, loop: Loop) -> None:
        super().__init__(api, informers, loop)
        self.namespaces = informers["namespaces"]

    async def reconcile(self, key: str) -> float | None:
        """Delete what is inside, say what remains, and let the namespace go when nothing does."""
        known = self.namespaces.get(key)
        if known is None or "deletionTimestamp" not in known["metadata"]:
            return None
        age = self._age(known)
        if age < PAUSE_SECONDS:
            return PAUSE_SECONDS - age
        try:
            namespace = await self.api.get("namespaces", key)
        except NotFound:
            return None
        if FINALIZER not in namespace["spec"].get("finalizers", ()):
            return None
        left = Left()
        pods_gone = await self._empty(key, age, left)
        namespace = await self._write_conditions(namespace, left, pods_gone)
        if left.errors:
            raise left.errors[0]
        if left.objects:
            return float(left.seconds // 2 + 1)
        await self._finalize(namespace)
        return None

    async def _empty(self, namespace: str, age: float, left: Left) -> bool:
        """Delete the Pods, and once they are gone the rest; whether it came to that."""
        for kind in namespaced(self.api.kinds):
            try:
                await self._empty_of(kind, namespace, age, left)
            except (ApiError, TimeoutError) as error:
                left.errors.append(error)
            if kind.kind == "Pod" and (left.objects or left.errors):
                return False
        return True

    async def _empty_of(self, kind: Kind, namespace: str, age: float, left: Left) -> None:
        """Delete all objects of one kind, and count those that do not go at once."""
        found = (await self.api.list(kind.resource, namespace))["items"]
        seconds = _patience(kind, found, age)
        for obj in found:
            if "deletionTimestamp" not in obj["metadata"]:
                await self._delete(kind, obj)
        if not found:
            return
        found = (await self.api.list(kind.resource, namespace))["items"]
        if not found:
            return
        finalizers = Counter(f for obj in found for f in obj["metadata"].get("finalizers") or ())
        left.objects[f"{kind.plural}.{kind.group}"] = len(found)
        left.finalizers += finalizers
        if not seconds and not finalizers:
            raise InternalError(
                f"unexpected items still remain in namespace: {namespace} for gvr:"
                f" {kind.api_version if kind.group else '/v1'}, Resource={kind.plural}"
            )
        left.seconds = max(left.seconds, seconds or FINALIZER_SECONDS)

    async def _delete(self, kind: Kind, obj: Object) -> None:
        key, uid = key_of(obj), obj["metadata"]["uid"]
        try:
            await self.api.delete(kind.resource, key, uid=uid, propagationPolicy="Background")
        except NotFound:
            return

    async def _write_conditions(self, namespace: Object, left: Left, pods_gone: bool) -> Object:
        """Say what was done and what remains; the namespace as it is afterwards."""
        old = namespace["status"].get("conditions") or []
        conditions, now = old, timestamp(self.loop.now, self.loop.epoch)
        for condition in conditions_of(left, pods_gone):
            conditions = set_condition(conditions, condition, now)
        if conditions == old:
            return namespace
        changed = with_path(namespace, ("status", "conditions"), conditions)
        return await self.api.update_status("namespaces", changed)

    async def _finalize(self, namespace: Object) -> None:
        """Take away what held the namespace."""
        rest = [name for name in namespace["spec"]["finalizers"] if name != FINALIZER]
        released = with_path(namespace, ("spec", "finalizers"), rest)
        try:
            await self.api.update("namespaces", released, "finalize")
        except NotFound:
            return

    def _age(self, namespace: Object) -> float:
        """Seconds since it was deleted."""
        now = self.loop.epoch * SECOND + self.loop.now
        return (now - parse(namespace["metadata"]["deletionTimestamp"])) / SECOND


def namespaced(kinds: Kinds) -> list[Kind]:
    """One version of every kind that lives in namespaces and can be deleted, Pods first."""
    found: dict[str, Kind] = {}
    for kind in kinds:
        if kind.namespaced and {"list", "delete"} <= set(kind.verbs):
            found.setdefault(kind.resource, kind)
    return sorted(found.values(), key=lambda kind: (kind.kind != "Pod", kind.resource))


def _patience(kind: Kind, objects: list[Object], age: float) -> int:
    """Seconds that these may take to end by themselves: only Pods do, and not for ever."""
    if kind.kind != "Pod":
        return 0
    running = (p for p in objects if p["status"].get("phase") not in ("Succeeded", "Failed"))
    seconds: int = max(
        (p["spec"].get("terminationGracePeriodSeconds", 30) for p in running), default=0
    )
    return seconds if age < seconds else 0


def conditions_of(left: Left, pods_gone: bool) -> list[Object]:
    """The five conditions of a namespace that is going.

    What remains is only counted when all of it was asked to go: while there are Pods it was not.
    """
    failed = ", ".join(sorted(map(str, left.errors)))
    objects = left.objects if pods_gone else Counter()
    counted = ", ".join(f"{name} has {n} resource instances" for name, n in sorted(objects.items()))
    finalizers = left.finalizers if pods_gone else Counter()
    held = ", ".join(f"{name} in {n} resource instances" for name, n in sorted(finalizers.items()))
    deletion = "NamespaceDeletion"
    return [
        _no(f"{deletion}DiscoveryFailure", "ResourcesDiscovered",
            "All resources successfully discovered"),
        _no(f"{deletion}GroupVersionParsingFailure", "ParsedGroupVersions",
            "All legacy kube types successfully parsed"),
        _yes(f"{deletion}ContentFailure", "ContentDeletionFailed",
             f"Failed to delete all resource types, {len(left.errors)} remaining: {failed}")
        if failed else
        _no(f"{deletion}ContentFailure", "ContentDeleted",
            "All content successfully deleted, may be waiting on finalization"),
        _yes("NamespaceContentRemaining", "SomeResourcesRemain",
             f"Some resources are remaining: {counted}")
        if counted else
        _no("NamespaceContentRemaining", "ContentRemoved", "All content successfully removed"),
        _yes("NamespaceFinalizersRemaining", "SomeFinalizersRemain",
             f"Some content in the namespace has finalizers remaining: {held}")
        if held else
        _no("NamespaceFinalizersRemaining", "ContentHasNoFinalizers",
            "All content-preserving finalizers finished"),
    ]  # fmt: skip


def _yes(kind: str, reason: str, message: str) -> Object:
    return {"type": kind, "status": "True", "reason": reason, "message": message}


def _no(kind: str, reason: str, message: str) -> Object:
    return {"type": kind, "status": "False", "reason": reason, "message": message}
