"""Validation of ReplicaSets and Deployments · ReplicaSet 与 Deployment 的校验

Kinds that make Pods from a template.  Their one rule of their own: the selector must match the
labels of the template, or they would never find the Pods they made; and it may never change.

Upstream: pkg/apis/apps/validation/validation.go
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from k8s_ref.apiserver.validation_meta import labels_and_annotations
from k8s_ref.apiserver.validation_pod import pod_spec
from k8s_ref.apiserver.validation_rules import (
    Rule,
    immutable,
    labels,
    not_negative,
    one_of,
    row,
    struct,
    whole,
)
from k8s_ref.apiserver.validation_scheduling import label_selector
from k8s_ref.machinery.errors import Cause, forbidden, invalid, not_supported, required
from k8s_ref.machinery.meta import Object
from k8s_ref.machinery.selectors import EVERYTHING, Selector, from_label_selector


def pod_template(template: Object, path: str) -> Iterator[Cause]:
    """What is wrong with a template of Pods."""
    yield from labels_and_annotations(template.get("metadata") or {}, f"{path}.metadata")
    spec = template.get("spec") or {}
    yield from pod_spec(spec, f"{path}.spec")
    if spec.get("ephemeralContainers"):
        problem = "ephemeral containers not allowed in pod template"
        yield forbidden(f"{path}.spec.ephemeralContainers", problem)


def selector_for(kind: str) -> Rule:
    """The selector of such a kind, which may not take in every Pod there is."""

    def check(spec: Object, path: str) -> Iterator[Cause]:
        selector = spec.get("selector")
        if selector is None:
            yield required(f"{path}.selector")
            return
        yield from label_selector(selector, f"{path}.selector")
        if not selector.get("matchLabels") and not selector.get("matchExpressions"):
            yield invalid(f"{path}.selector", selector, f"empty selector is invalid for {kind}")

    return check


# Upstream says deployment of ReplicaSets as well.
_selector = selector_for("deployment")


def _template(spec: Object, path: str) -> Iterator[Cause]:
    selector = _readable(spec.get("selector"))
    if selector is None:
        yield invalid(f"{path}.selector", spec["selector"], "invalid label selector")
        return
    if selector != EVERYTHING:
        yield from finds_its_pods(selector, spec, path)
    template = spec.get("template") or {}
    yield from pod_template(template, f"{path}.template")
    yield from runs_forever(template.get("spec") or {}, f"{path}.template.spec", "ReplicaSet")


def finds_its_pods(selector: Selector, spec: Object, path: str) -> Iterator[Cause]:
    """Whether the selector takes in the Pods that the template makes."""
    found = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    if not selector.matches(found):
        problem = "`selector` does not match template `labels`"
        yield invalid(f"{path}.template.metadata.labels", found, problem)


def _readable(selector: Object | None) -> Selector | None:
    if selector and any(labels(selector.get("matchLabels") or {}, "")):
        return None
    try:
        return from_label_selector(selector)
    except (ValueError, KeyError):
        return None


def runs_forever(spec: Object, path: str, kind: str) -> Iterator[Cause]:
    """What such a kind makes is made anew whenever it ends, so it may not want to end."""
    policy = spec.get("restartPolicy")
    if policy in ("OnFailure", "Never"):
        yield not_supported(f"{path}.restartPolicy", policy, ["Always"])
    if spec.get("activeDeadlineSeconds") is not None:
        problem = f"activeDeadlineSeconds in {kind} is not Supported"
        yield forbidden(f"{path}.activeDeadlineSeconds", problem)


replica_set = struct(
    row("replicas", not_negative),
    row("minReadySeconds", not_negative),
    whole(_selector),
    whole(_template),
)

# How a Deployment rolls.

_PERCENT = (
    "a valid percent string must be a numeric string followed by an ending '%' "
    "(e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')"
)


def number_or_percent(value: Any, path: str) -> Iterable[Cause]:
    """A number of Pods, or a percentage of them, that is not negative."""
    if isinstance(value, int):
        return not_negative(value, path)
    return () if re.fullmatch("[0-9]+%", value) else (invalid(path, value, _PERCENT),)


def not_all(value: Any, path: str) -> Iterable[Cause]:
    """A percentage of Pods that is no more than all of them."""
    if isinstance(value, str) and amount_of(value) > 100:
        return (invalid(path, value, "must not be greater than 100%"),)
    return ()


def amount_of(value: Any) -> int:
    """The number itself, or the number before the percent sign."""
    if isinstance(value, int):
        return value
    return int(value[:-1]) if re.fullmatch("[0-9]+%", value) else 0


def _some_room(value: Object, path: str) -> Iterable[Cause]:
    most, unavailable = value.get("maxSurge", 0), value.get("maxUnavailable", 0)
    if amount_of(unavailable) or amount_of(most):
        return ()
    problem = "may not be 0 when `maxSurge` is 0"
    return (invalid(f"{path}.maxUnavailable", unavailable, problem),)


_rolling = struct(
    row("maxUnavailable", number_or_percent),
    row("maxSurge", number_or_percent),
    whole(_some_room),
    row("maxUnavailable", not_all),
)


def _strategy(value: Object, path: str) -> Iterator[Cause]:
    kind, rolling = value.get("type"), value.get("rollingUpdate")
    if kind == "Recreate":
        if rolling is not None:
            problem = "may not be specified when strategy `type` is 'Recreate'"
            yield forbidden(f"{path}.rollingUpdate", problem)
    elif kind == "RollingUpdate":
        yield from _rolling(rolling or {}, f"{path}.rollingUpdate")
    else:
        yield from one_of("Recreate", "RollingUpdate")(kind, f"{path}.type")


def _deadline(spec: Object, path: str) -> Iterator[Cause]:
    seconds = spec.get("progressDeadlineSeconds")
    if seconds is None:
        return
    yield from not_negative(seconds, f"{path}.progressDeadlineSeconds")
    if seconds <= (spec.get("minReadySeconds") or 0):
        problem = "must be greater than minReadySeconds"
        yield invalid(f"{path}.progressDeadlineSeconds", seconds, problem)


deployment = struct(
    row("replicas", not_negative),
    whole(_selector),
    whole(_template),
    row("strategy", _strategy),
    row("minReadySeconds", not_negative),
    row("revisionHistoryLimit", not_negative),
    whole(_deadline),
)


def same_selector(new: Object, old: Object) -> Iterable[Cause]:
    """The selector of what is there may not change, or its Pods would be nobody's."""
    before = (old.get("spec") or {}).get("selector")
    return immutable((new.get("spec") or {}).get("selector"), before, "spec.selector")
