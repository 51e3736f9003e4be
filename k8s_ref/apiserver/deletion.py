"""Deletion · 删除

A DELETE is a wish.  What becomes of the object depends on who still has work with it: a kubelet
that must stop containers, a collector that must see to its dependents, anybody who put down a
finalizer.  Until they are done the object stays, marked with the time of its end; the one idea:
the mark is an ordinary write, and whoever removes the last reason to stay removes the object.

Upstream: staging/src/k8s.io/apiserver/pkg/registry/rest/delete.go, generic/registry/store.go
"""

from __future__ import annotations

from typing import NamedTuple

from k8s_ref.apiserver.options import DeleteOptions
from k8s_ref.apiserver.strategy import Grace, Strategy
from k8s_ref.machinery.meta import Object, with_path
from k8s_ref.machinery.timestamps import SECOND, parse, timestamp

ORPHAN, FOREGROUND = "orphan", "foregroundDeletion"
"""Finalizers that ask the garbage collector to let dependents go, or to delete them first."""


class Plan(NamedTuple):
    """What a DELETE does: the version to write first, if another, and whether it then goes."""

    marked: Object
    gone: bool


def plan(obj: Object, options: DeleteOptions, strategy: Strategy, now: int) -> Plan:
    """What becomes of an object that is to be deleted; ``now`` in nanoseconds since 1970."""
    meta = obj["metadata"]
    if strategy.begins is not None and "deletionTimestamp" not in meta:
        return Plan(strategy.begins(obj, timestamp(now)), False)
    marked = obj if strategy.grace is None else _with_grace(obj, options.grace, strategy.grace, now)
    if marked is None or held(obj):
        return Plan(obj, False)
    finalizers = _finalizers(meta.get("finalizers") or [], options, strategy)
    if finalizers != meta.get("finalizers", []):
        marked = with_path(marked, ("metadata", "finalizers"), finalizers)
    if finalizers and "deletionTimestamp" not in marked["metadata"]:
        marked = _marked(marked, now, 0)
    waits = finalizers or marked["metadata"].get("deletionGracePeriodSeconds")
    return Plan(marked, not waits)


def _with_grace(obj: Object, asked: int | None, grace: Grace, now: int) -> Object | None:
    """The object with the end its kind grants it; None if an earlier DELETE said it already."""
    meta = obj["metadata"]
    if asked is not None and asked < 0:
        # Upstream takes a negative grace period for one second.
        asked = 1
    if "deletionTimestamp" not in meta:
        seconds = grace(obj, asked)
        return _marked(obj, now + seconds * SECOND, seconds)
    left = meta.get("deletionGracePeriodSeconds")
    if not left:
        return obj
    if asked is None or asked >= left:
        return None
    # The clock began with the first DELETE; a later one can only bring the end forward.
    begun = parse(meta["deletionTimestamp"]) - left * SECOND
    return _marked(obj, begun + asked * SECOND, asked)


def released(new: Object, old: Object) -> bool:
    """Whether an update took away the last reason to keep an object that is being deleted."""
    meta = old["metadata"]
    if "deletionTimestamp" not in meta or meta.get("deletionGracePeriodSeconds"):
        return False
    return not new["metadata"].get("finalizers") and not held(new)


def held(obj: Object) -> bool:
    """Whether a Namespace still waits for somebody to empty it."""
    return obj["kind"] == "Namespace" and bool(obj["spec"].get("finalizers"))


def _marked(obj: Object, when: int, seconds: int) -> Object:
    meta = obj["metadata"]
    marked = {
        **meta,
        "deletionTimestamp": timestamp(when),
        "deletionGracePeriodSeconds": seconds,
    }
    if "deletionTimestamp" not in meta and "generation" in meta:
        # Controllers have to notice; for this the beginning of the end is a change of the spec.
        marked["generation"] = meta["generation"] + 1
    return {**obj, "metadata": marked}


def _finalizers(present: list[str], options: DeleteOptions, strategy: Strategy) -> list[str]:
    """The finalizers with exactly that of the garbage collector which the caller asked for.

    An explicit wish counts most, then what the object carries already, then the kind's habit.
    """
    if strategy.collected == "":
        return present
    policy = options.propagation
    if options.orphan is not None:
        policy = "Orphan" if options.orphan else "Background"
    if not policy:
        by_finalizer = {ORPHAN: "Orphan", FOREGROUND: "Foreground"}
        carried = [by_finalizer[name] for name in present if name in by_finalizer]
        policy = carried[0] if carried else strategy.collected
    wanted = {"Orphan": [ORPHAN], "Foreground": [FOREGROUND]}.get(policy, [])
    kept = [name for name in present if name not in (ORPHAN, FOREGROUND)] + wanted
    return present if sorted(kept) == sorted(present) else kept
