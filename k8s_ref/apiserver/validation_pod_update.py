"""What may change in a Pod · Pod 可以改变什么

Nearly nothing: a Pod that runs is what it is, and whoever wants another makes another.  The few
fields that may change are put back to what they were; if the rest is not what it was, the update
is refused, with the difference.

Upstream: pkg/apis/core/validation/validation.go (ValidatePodUpdate)
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from typing import Any

from k8s_ref.apiserver.validation_ephemeral import only_more_guests
from k8s_ref.apiserver.validation_pod import only_for_pods, pod_spec
from k8s_ref.apiserver.validation_rules import between
from k8s_ref.machinery.errors import Cause, forbidden, invalid, required
from k8s_ref.machinery.meta import Object

ONLY_THESE = (
    "pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` "
    "(only additions to existing tolerations),`spec.terminationGracePeriodSeconds` "
    "(allow it to be set to 1 if it was previously negative)"
)


def pod_update(new: Object, old: Object) -> Iterator[Cause]:
    """What speaks against giving a Pod this ``spec`` in place of the one it has."""
    after, before = new.get("spec") or {}, old.get("spec") or {}
    if after is before:
        return
    yield from pod_spec(after, "spec")
    yield from only_for_pods(after, "spec")
    for group in ("containers", "initContainers"):
        now, then = after.get(group) or [], before.get(group) or []
        if len(now) != len(then):
            yield forbidden(f"spec.{group}", "pod updates may not add or remove containers")
            return
        yield from _images(now, f"spec.{group}")
    yield from _deadline(after, before)
    yield from _tolerations(after, before)
    yield from _gates(after, before)
    wanted, present = _meaning(_put_back(after, before)), _meaning(before)
    if wanted != present:
        yield forbidden("spec", f"{ONLY_THESE}\n{difference(present, wanted)}")


def guests_update(new: Object, old: Object) -> list[Cause]:
    """What speaks against the guests that ``pods/ephemeralcontainers`` brings."""
    return [*pod_spec(new["spec"], "spec"), *only_more_guests(new, old)]


def _images(containers: list[Object], path: str) -> Iterator[Cause]:
    for index, container in enumerate(containers):
        if not container.get("image"):
            yield required(f"{path}[{index}].image")


_seconds = between(0, 2**31 - 1)


def _deadline(after: Object, before: Object) -> Iterator[Cause]:
    """A deadline may be set or come closer; it is never taken away."""
    path, now, then = (
        "spec.activeDeadlineSeconds",
        after.get("activeDeadlineSeconds"),
        before.get("activeDeadlineSeconds"),
    )
    if now is not None:
        yield from _seconds(now, path)
        if then is not None and now > then:
            yield invalid(path, now, "must be less than or equal to previous value")
    elif then is not None:
        yield invalid(path, None, "must not update from a positive integer to nil value")


def _tolerations(after: Object, before: Object) -> Iterator[Cause]:
    kept = [_without_seconds(toleration) for toleration in after.get("tolerations") or ()]
    if any(_without_seconds(old) not in kept for old in before.get("tolerations") or ()):
        problem = "existing toleration can not be modified except its tolerationSeconds"
        yield forbidden("spec.tolerations", problem)


def _without_seconds(toleration: Object) -> Object:
    return {name: value for name, value in toleration.items() if name != "tolerationSeconds"}


def _gates(after: Object, before: Object) -> Iterator[Cause]:
    present = {gate.get("name") or "" for gate in before.get("schedulingGates") or ()}
    for index, gate in enumerate(after.get("schedulingGates") or ()):
        name = gate.get("name") or ""
        if name not in present:
            problem = f"only deletion is allowed, but found new scheduling gate '{name}'"
            yield forbidden(f"spec.schedulingGates[{index}].name", problem)


def _put_back(after: Object, before: Object) -> Object:
    """The new ``spec`` with what may change as it was."""
    munged = {**after}
    for name in ("activeDeadlineSeconds", "tolerations", "schedulingGates"):
        munged[name] = before.get(name)
    grace = "terminationGracePeriodSeconds"
    if before.get(grace, 0) < 0 and after.get(grace) == 1:
        munged[grace] = before[grace]
    for group in ("containers", "initContainers"):
        pairs = zip(after.get(group) or (), before.get(group) or (), strict=True)
        munged[group] = [{**now, "image": then.get("image")} for now, then in pairs]
    return munged


def _meaning(value: Any) -> Any:
    """The value without what is empty, in one order: a list without items is as good as none."""
    if isinstance(value, dict):
        kept = {name: _meaning(value[name]) for name in sorted(value)}
        return {name: item for name, item in kept.items() if item not in (None, "", [], {})}
    return [_meaning(item) for item in value] if isinstance(value, list) else value


def difference(old: Any, new: Any) -> str:
    """The lines that differ, each with three lines around it.

    Upstream prints Go structs; this prints the fields as manifests name them.

    >>> print(difference({"nodeName": "a"}, {"nodeName": "b"}), end="")
    @@ -1,3 +1,3 @@
     {
    - "nodeName": "a"
    + "nodeName": "b"
     }
    """
    before, after = (json.dumps(value, indent=1).splitlines() for value in (old, new))
    # The first two lines name files, and there are none.
    lines = list(difflib.unified_diff(before, after, lineterm=""))[2:]
    return "".join(f"{line}\n" for line in lines)
