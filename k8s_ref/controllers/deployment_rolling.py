"""Rolling arithmetic · 滚动更新的算术

How large each ReplicaSet of a Deployment should be next.  Two bounds decide everything: never
more than ``replicas + maxSurge`` Pods in all, never fewer than ``replicas - maxUnavailable`` of
them available.  The one idea: each step moves as far as the bounds allow *now* and is computed
anew from what is there, so nobody remembers how far a rollout has come.

Upstream: pkg/controller/deployment/rolling.go, sync.go, util/deployment_util.go
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from k8s_ref.machinery.meta import Object

DESIRED = "deployment.kubernetes.io/desired-replicas"
MAXIMUM = "deployment.kubernetes.io/max-replicas"
"""What a ReplicaSet was scaled for: ``spec.replicas`` of its Deployment then, and with surge."""


@dataclass(slots=True, frozen=True)
class Step:
    """One ReplicaSet and the number of replicas it is to have."""

    name: str
    replicas: int


# -- the bounds


def scaled_value(value: int | str, total: int, up: bool) -> int:
    """A number of Pods, or a percentage of ``total`` rounded up or down.

    >>> scaled_value("25%", 3, up=True), scaled_value("25%", 3, up=False), scaled_value(2, 3, True)
    (1, 0, 2)
    """
    if isinstance(value, int):
        return value
    part = int(value.removesuffix("%")) * total
    return -(-part // 100) if up else part // 100


def resolve_fenceposts(surge: int | str, unavailable: int | str, replicas: int) -> tuple[int, int]:
    """``maxSurge`` and ``maxUnavailable`` in Pods.  Were both 0 nothing could ever move, so one
    Pod may then be missing.

    >>> resolve_fenceposts("25%", "25%", 4), resolve_fenceposts("0%", "25%", 3)
    ((1, 1), (0, 1))
    """
    more = scaled_value(surge, replicas, up=True)
    fewer = scaled_value(unavailable, replicas, up=False)
    return (more, fewer) if more or fewer else (0, 1)


def max_surge(deployment: Object) -> int:
    """How many Pods more than asked for there may be."""
    return _bounds(deployment)[0] if is_rolling(deployment) else 0


def max_unavailable(deployment: Object) -> int:
    """How many Pods fewer than asked for may be available."""
    replicas: int = deployment["spec"]["replicas"]
    if not is_rolling(deployment) or replicas == 0:
        return 0
    return min(_bounds(deployment)[1], replicas)


def is_rolling(deployment: Object) -> bool:
    """Whether its strategy is to roll, not to recreate."""
    return bool(deployment["spec"]["strategy"]["type"] == "RollingUpdate")


def _bounds(deployment: Object) -> tuple[int, int]:
    spec = deployment["spec"]
    rolling = spec["strategy"].get("rollingUpdate") or {}
    surge, unavailable = rolling.get("maxSurge", 0), rolling.get("maxUnavailable", 0)
    return resolve_fenceposts(surge, unavailable, spec["replicas"])


# -- what there is


def size(sets: Iterable[Object | None]) -> int:
    """How many Pods these ReplicaSets are to have."""
    return sum(rs["spec"]["replicas"] for rs in sets if rs is not None)


def sure(rs: Object) -> int:
    """How many available Pods it will still have after it has become as small as it was told.

    A status may be older than the last scaling down; whoever counts Pods that are already
    condemned takes the others down too.
    """
    available: int = rs["status"].get("availableReplicas", 0)
    return min(available, rs["spec"]["replicas"])


def active(sets: Iterable[Object | None]) -> list[Object]:
    """The ReplicaSets that are to have Pods."""
    return [rs for rs in sets if rs is not None and rs["spec"]["replicas"] > 0]


def by_age(rs: Object) -> tuple[str, str]:
    """The order of ReplicaSets, the oldest first."""
    return rs["metadata"]["creationTimestamp"], rs["metadata"]["name"]


# -- one step of a rolling update


def new_size(deployment: Object, new: Object, old: Sequence[Object]) -> int:
    """How large the new ReplicaSet may be now: as large as asked for, within the surge."""
    replicas: int = deployment["spec"]["replicas"]
    has: int = new["spec"]["replicas"]
    if not is_rolling(deployment) or has > replicas:
        return replicas
    room = replicas + max_surge(deployment) - size([*old, new])
    return has + max(min(room, replicas - has), 0)


def shrink_old(deployment: Object, new: Object, old: Sequence[Object]) -> list[Step]:
    """Take old Pods away: first those that do not work, then as many as can be spared.

    The first kind is bounded too: new Pods that are not available yet are as good as missing.
    """
    least = deployment["spec"]["replicas"] - max_unavailable(deployment)
    waiting = new["spec"]["replicas"] - sure(new)
    spare = size([*old, new]) - least - waiting
    if not size(old) or spare <= 0:
        return []
    oldest_first = sorted(active(old), key=by_age)
    steps: list[Step] = []
    sizes = {rs["metadata"]["name"]: rs["spec"]["replicas"] for rs in oldest_first}
    broken = {rs["metadata"]["name"]: rs["spec"]["replicas"] - sure(rs) for rs in oldest_first}
    _take(broken, spare, sizes, steps)
    _take(dict(sizes), sum(map(sure, [*oldest_first, new])) - least, sizes, steps)
    return steps


def _take(offers: dict[str, int], wanted: int, sizes: dict[str, int], steps: list[Step]) -> None:
    """Take up to ``wanted`` Pods from what each set offers, in order."""
    for name, offer in offers.items():
        taken = min(offer, wanted)
        if taken > 0:
            wanted -= taken
            sizes[name] -= taken
            steps.append(Step(name, sizes[name]))


# -- when only the number changes


def resize(deployment: Object, new: Object | None, old: Sequence[Object]) -> list[Step]:
    """Follow a change of ``spec.replicas``: the only set takes it all; several, in the middle of a
    rolling update, share it in proportion to their size."""
    replicas: int = deployment["spec"]["replicas"]
    only = _active_or_latest(new, old)
    if only is not None:
        return [Step(only["metadata"]["name"], replicas)]
    if new is not None and _saturated(deployment, new):
        return [Step(rs["metadata"]["name"], 0) for rs in active(old)]
    sets = active([*old, new])
    return _share(deployment, sets) if sets and is_rolling(deployment) else []


def _active_or_latest(new: Object | None, old: Sequence[Object]) -> Object | None:
    family = [*sorted(old, key=by_age, reverse=True), new]
    found = active(family)
    if len(found) > 1:
        return None
    return found[0] if found else new or family[0]


def _saturated(deployment: Object, rs: Object) -> bool:
    """Whether the new set has everything the Deployment asks for, and was scaled for just that."""
    replicas = deployment["spec"]["replicas"]
    wanted = (rs["metadata"].get("annotations") or {}).get(DESIRED)
    return wanted == str(replicas) and rs["spec"]["replicas"] == replicas == sure(rs)


def _share(deployment: Object, sets: list[Object]) -> list[Step]:
    """Give each set its part of what is to be added (or removed); the largest gets the rest.

    Of equally large sets the newest grows first, and the oldest shrinks first.
    """
    replicas = deployment["spec"]["replicas"]
    add = (replicas + max_surge(deployment) if replicas else 0) - size(sets)
    ordered = sorted(sets, key=by_age, reverse=add > 0)
    ordered.sort(key=lambda rs: -rs["spec"]["replicas"])
    sizes, added = {}, 0
    for rs in ordered:
        part = _part(deployment, rs, add, added) if add else 0
        sizes[rs["metadata"]["name"]] = rs["spec"]["replicas"] + part
        added += part
    left = add - added
    for name, has in sizes.items():
        part = max(left, -has)
        sizes[name], left = has + part, left - part
    return [Step(name, replicas) for name, replicas in sizes.items()]


def _part(deployment: Object, rs: Object, add: int, added: int) -> int:
    """What this set may gain or lose, at most what the sets before it have left."""
    left, fraction = add - added, _fraction(deployment, rs)
    return min(fraction, left) if add > 0 else max(fraction, left)


def _fraction(deployment: Object, rs: Object) -> int:
    has: int = rs["spec"]["replicas"]
    replicas = deployment["spec"]["replicas"]
    if not replicas:
        return -has
    noted = (rs["metadata"].get("annotations") or {}).get(MAXIMUM, "")
    before = int(noted) if noted.isdigit() else 0
    before = before or deployment["status"].get("replicas", 0)
    if not before:
        return 0
    # Half a Pod is rounded away from zero; a size is never negative.
    return math.floor(has * (replicas + max_surge(deployment)) / before + 0.5) - has
