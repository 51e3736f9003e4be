"""Validation of Jobs and CronJobs · Job 与 CronJob 的校验

Work that ends.  A Job finds its Pods by labels with its own uid, which the server writes; so a
selector that somebody else wrote is refused unless he says that he means it.  Most of a Job is
fixed once it runs: its Pods are made already.

Upstream: pkg/apis/batch/validation/validation.go
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from k8s_ref.apiserver.validation_apps import finds_its_pods, pod_template
from k8s_ref.apiserver.validation_names import dns_subdomain
from k8s_ref.apiserver.validation_rules import (
    always,
    each,
    immutable,
    must,
    not_negative,
    one_of,
    row,
    struct,
    text,
    whole,
)
from k8s_ref.apiserver.validation_scheduling import label_selector
from k8s_ref.machinery import cron
from k8s_ref.machinery.errors import Cause, invalid, not_supported, required
from k8s_ref.machinery.meta import Object
from k8s_ref.machinery.selectors import from_label_selector

MOST_INDEXES = 100_000


def domain_prefixed_path(value: str) -> tuple[str, ...]:
    """What is wrong with a name such as ``acme.io/foo``."""
    domain, slash, rest = value.partition("/")
    if not slash or not domain or not rest:
        return ('must be a domain-prefixed path (such as "acme.io/foo")',)
    return dns_subdomain(domain)


# What to do when a Pod of a Job fails.


def _exit_codes(value: Object, path: str, names: set[str]) -> Iterator[Cause]:
    container = value.get("containerName")
    if container is not None and container not in names:
        problem = "must be one of the container or initContainer names in the pod template"
        yield invalid(f"{path}.containerName", container, problem)
    yield from _OPERATOR(value.get("operator") or "", f"{path}.operator")
    codes = value.get("values") or ()
    if not codes:
        yield invalid(f"{path}.values", [], "at least one value is required")
    for index, code in enumerate(codes):
        if value.get("operator") == "In" and code == 0:
            yield invalid(f"{path}.values[{index}]", code, "must not be 0 for the In operator")
    if sorted(codes) != list(codes):
        yield invalid(f"{path}.values", codes, "must be ordered")


_OPERATOR = one_of("In", "NotIn")
_ACTION = one_of("Count", "FailIndex", "FailJob", "Ignore")
_condition = struct(
    must("type"), row("status", one_of("False", "True", "Unknown"))
)  # fmt: skip


def _failure_rule(rule: Object, path: str, spec: Object) -> Iterator[Cause]:
    template = (spec.get("template") or {}).get("spec") or {}
    groups = ("containers", "initContainers")
    names = {c.get("name") for group in groups for c in template.get(group) or ()}
    if not rule.get("action"):
        yield required(f"{path}.action")
    elif rule["action"] == "FailIndex" and spec.get("backoffLimitPerIndex") is None:
        problem = "requires the backoffLimitPerIndex to be set"
        yield invalid(f"{path}.action", "FailIndex", problem)
    yield from _ACTION(rule.get("action") or "Count", f"{path}.action")
    codes, conditions = rule.get("onExitCodes"), rule.get("onPodConditions")
    if codes is not None:
        yield from _exit_codes(codes, f"{path}.onExitCodes", names)
    yield from each(_condition)(conditions or (), f"{path}.onPodConditions")
    if bool(conditions) == (codes is not None):
        words = "specifying both" if conditions else "specifying one of"
        rest = "is not supported" if conditions else "is required"
        both = "OnExitCodes and OnPodConditions"
        yield _of_no_value(path, f"{words} {both} {rest}")


def _of_no_value(path: str, problem: str) -> Cause:
    """Upstream leaves the value out here."""
    return Cause("FieldValueInvalid", f"Invalid value: {problem}", path)


def _failure_policy(spec: Object, path: str) -> Iterator[Cause]:
    policy = spec.get("podFailurePolicy")
    for index, rule in enumerate((policy or {}).get("rules") or ()):
        yield from _failure_rule(rule, f"{path}.podFailurePolicy.rules[{index}]", spec)


# How many, how often, how long.


def _failed_indexes(spec: Object, path: str) -> Iterator[Cause]:
    most, completions = spec.get("maxFailedIndexes"), spec.get("completions")
    if most is not None and completions is not None and most > completions:
        problem = "must be less than or equal to completions"
        yield invalid(f"{path}.maxFailedIndexes", most, problem)


def _mode(spec: Object, path: str) -> Iterator[Cause]:
    mode = spec.get("completionMode")
    if mode == "Indexed":
        if spec.get("completions") is None:
            yield required(f"{path}.completions", "when completion mode is Indexed")
        elif (spec.get("parallelism") or 0) > MOST_INDEXES:
            problem = (
                f"must be less than or equal to {MOST_INDEXES} when completion mode is Indexed"
            )
            yield invalid(f"{path}.parallelism", spec["parallelism"], problem)
        return
    if mode not in ("NonIndexed", None):
        yield not_supported(f"{path}.completionMode", mode, ("NonIndexed", "Indexed"))
    for name in ("backoffLimitPerIndex", "maxFailedIndexes"):
        if spec.get(name) is not None:
            yield invalid(f"{path}.{name}", spec[name], "requires indexed completion mode")


def _replacement(spec: Object, path: str) -> Iterator[Cause]:
    value = spec.get("podReplacementPolicy")
    allowed = ("Failed",) if spec.get("podFailurePolicy") else ("Failed", "TerminatingOrFailed")
    if value is not None and value not in allowed:
        yield not_supported(f"{path}.podReplacementPolicy", value, allowed)


def _restarts(spec: Object, path: str) -> Iterator[Cause]:
    policy = ((spec.get("template") or {}).get("spec") or {}).get("restartPolicy") or ""
    place = f"{path}.template.spec.restartPolicy"
    if policy in ("", "Always"):
        yield required(place, 'valid values: "OnFailure", "Never"')
    elif policy not in ("OnFailure", "Never"):
        yield not_supported(place, policy, ("OnFailure", "Never"))
    elif spec.get("podFailurePolicy") and policy != "Never":
        problem = 'only "Never" is supported when podFailurePolicy is specified'
        yield invalid(place, policy, problem)


_COUNTS = ("parallelism", "completions", "activeDeadlineSeconds", "backoffLimit",
           "ttlSecondsAfterFinished", "backoffLimitPerIndex", "maxFailedIndexes")  # fmt: skip

_any_job = struct(
    *(row(name, not_negative) for name in _COUNTS),
    whole(_failed_indexes),
    row("managedBy", text(domain_prefixed_path)),
    whole(_mode),
    whole(_failure_policy),
    whole(_replacement),
    always("template", pod_template, {}),
    whole(_restarts),
)


def _selector(spec: Object, path: str) -> Iterator[Cause]:
    if spec.get("selector") is None:
        yield required(f"{path}.selector")
        return
    yield from label_selector(spec["selector"], f"{path}.selector")
    try:
        selector = from_label_selector(spec["selector"])
    except (ValueError, KeyError):
        return
    yield from finds_its_pods(selector, spec, path)


_job_spec = struct(whole(_any_job), whole(_selector))


def _generated(value: Object) -> Iterator[Cause]:
    spec, meta = value["spec"], value["metadata"]
    selector = spec.get("selector")
    if spec.get("manualSelector") or selector is None:
        return
    prefix = "batch.kubernetes.io/"
    own = {"controller-uid": meta.get("uid") or "", "job-name": meta.get("name") or ""}
    own |= {f"{prefix}{name}": label for name, label in own.items()}
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
    for name in sorted(own):
        if labels.get(name) != own[name]:
            problem = f"must be '{own[name]}'"
            yield invalid(f"spec.template.metadata.labels[{name}]", labels.get(name, ""), problem)
    if not from_label_selector(selector).matches(own):
        yield invalid("spec.selector", selector, "`selector` not auto-generated")


def job(value: Object, path: str) -> Iterator[Cause]:
    """What is wrong with a new Job."""
    yield from _generated(value)
    yield from _job_spec(value["spec"], "spec")


_FIXED = ("completions", "selector", "template", "completionMode", "podFailurePolicy",
          "backoffLimitPerIndex", "managedBy", "successPolicy")  # fmt: skip


def job_update(new: Object, old: Object) -> Iterator[Cause]:
    """What is wrong with the Job that is to replace ``old``; one that waits may still change."""
    after, before = new["spec"], old["spec"]
    yield from job(new, "")
    # Upstream looks at the specification twice.
    yield from _job_spec(after, "spec")
    for name in _FIXED:
        if name == "template" and _waits(old):
            continue
        if name == "completions" and _elastic(after, before):
            continue
        yield from immutable(after.get(name), before.get(name), f"spec.{name}")


def _waits(old: Object) -> bool:
    """Suspended and never started: its template may still say where its Pods shall run."""
    return bool(old["spec"].get("suspend")) and not (old.get("status") or {}).get("startTime")


def _elastic(after: Object, before: Object) -> bool:
    """An indexed Job may grow or shrink if as many of it run as are wanted."""
    same = after.get("completions") == after.get("parallelism")
    return before.get("completionMode") == "Indexed" and same


# CronJobs.


def _schedule(value: Any, path: str) -> Iterator[Cause]:
    if "TZ" in value:
        problem = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
        yield invalid(path, value, problem)
        return
    try:
        cron.parse(value)
    except ValueError as error:
        yield invalid(path, value, str(error))


def _time_zone(value: str, path: str) -> Iterator[Cause]:
    if value.lower() == "local" or (_zone(value) is None and _zone("UTC") is not None):
        yield invalid(path, value, f"unknown time zone {value}")


def _zone(name: str) -> ZoneInfo | None:
    """A time zone; a machine without a database of them, such as a browser, knows none."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        return None


def _job_template(value: Object, path: str) -> Iterator[Cause]:
    spec, place = value.get("spec") or {}, f"{path}.spec"
    yield from _any_job(spec, place)
    if spec.get("selector") is not None:
        problem = "`selector` will be auto-generated"
        yield invalid(f"{place}.selector", spec["selector"], problem)
    if spec.get("manualSelector"):
        yield not_supported(f"{place}.manualSelector", True, ("nil", "false"))


_cron_job_spec = struct(
    must("schedule", _schedule),
    row("timeZone", _time_zone),
    row("startingDeadlineSeconds", not_negative),
    always("concurrencyPolicy", one_of("Allow", "Forbid", "Replace")),
    row("successfulJobsHistoryLimit", not_negative),
    row("failedJobsHistoryLimit", not_negative),
    always("jobTemplate", _job_template, {}),
)

LONGEST_NAME = 52
"""A Job of a CronJob has eleven letters more."""


def cron_job(value: Object, path: str) -> Iterator[Cause]:
    """What is wrong with a new CronJob."""
    yield from _cron_job_spec(value["spec"], "spec")
    name = value["metadata"].get("name") or ""
    if len(name) > LONGEST_NAME:
        problem = f"must be no more than {LONGEST_NAME} characters"
        yield invalid("metadata.name", name, problem)


def cron_job_update(new: Object, old: Object) -> Iterable[Cause]:
    """What is wrong with the CronJob that is to replace ``old``."""
    return _cron_job_spec(new["spec"], "spec")
