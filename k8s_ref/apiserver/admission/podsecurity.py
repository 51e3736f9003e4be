"""PodSecurity · Pod 安全准入

Holds the Pods of a namespace to the standard its labels name: ``enforce`` refuses, ``warn`` tells
the caller, ``audit`` leaves a note.  Whoever makes Pods later, a Deployment say, is only warned:
the Pods themselves are refused.  A namespace that becomes stricter is told which of its Pods are
too lax already; they stay.

Upstream: staging/src/k8s.io/pod-security-admission/admission/admission.go, api/helpers.go
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from k8s_ref.apiserver.admission import Plugin, refusal_of
from k8s_ref.apiserver.admission.podsecurity_checks import LATEST, Violation, violations
from k8s_ref.apiserver.request import Request
from k8s_ref.apiserver.watchcache import WatchCache
from k8s_ref.machinery.errors import Cause, Invalid, NotFound, invalid, show
from k8s_ref.machinery.meta import Object

PREFIX = "pod-security.kubernetes.io/"
LEVELS = ("privileged", "baseline", "restricted")

TEMPLATES = {
    "replicationcontrollers": ("spec", "template"),
    "podtemplates": ("template",),
    "replicasets.apps": ("spec", "template"),
    "deployments.apps": ("spec", "template"),
    "statefulsets.apps": ("spec", "template"),
    "daemonsets.apps": ("spec", "template"),
    "jobs.batch": ("spec", "template"),
    "cronjobs.batch": ("spec", "jobTemplate", "spec", "template"),
}
"""Where objects that make Pods keep the template."""

_VERSION = re.compile(r"v1\.(0|[1-9][0-9]*)")


class Standard(NamedTuple):
    """A level, and the version of it: ``restricted:latest``."""

    level: str = "privileged"
    version: str = "latest"

    def __str__(self) -> str:
        return f"{self.level}:{self.version}"

    def broken_by(self, template: Object) -> list[str]:
        """What is wrong with a Pod by this standard."""
        return [str(each) for each in self._violations(template)]

    def reasons(self, template: Object) -> str:
        """What is wrong with it, without the places."""
        return ", ".join(each.reason for each in self._violations(template))

    def _violations(self, template: Object) -> list[Violation]:
        minor = LATEST if self.version == "latest" else int(self.version.partition(".")[2])
        return violations(self.level, minor, template.get("metadata") or {}, template["spec"])


class Policy(NamedTuple):
    """The standards of a namespace."""

    enforce: Standard = Standard()
    audit: Standard = Standard()
    warn: Standard = Standard()


def policy_of(labels: dict[str, str]) -> tuple[Policy, list[Cause]]:
    """The policy labels describe, and what is wrong with them; the worse the label, the stricter.

    >>> print(*policy_of({"pod-security.kubernetes.io/enforce": "baseline"})[0])
    baseline:latest privileged:latest baseline:latest
    """
    found: dict[str, Standard] = {}
    causes: list[Cause] = []
    if not any(name.startswith(PREFIX) for name in labels):
        return Policy(), causes
    for mode in Policy._fields:
        level = labels.get(PREFIX + mode, "privileged")
        version = labels.get(f"{PREFIX}{mode}-version", "latest")
        if level not in LEVELS:
            problem = f"must be one of {', '.join(LEVELS)}"
            causes.append(invalid(f"metadata.labels[{PREFIX}{mode}]", level, problem))
            level = "restricted" if mode == "enforce" else "privileged"
        if version != "latest" and not _VERSION.fullmatch(version):
            problem = 'must be "latest" or "v1.x"'
            causes.append(invalid(f"metadata.labels[{PREFIX}{mode}-version]", version, problem))
            version = "latest"
        found[mode] = Standard(level, version)
    policy = Policy(**found)
    said = labels.get(PREFIX + "enforce") in LEVELS and PREFIX + "warn" not in labels
    if said and stricter(policy.enforce, policy.warn):
        own = f"{PREFIX}warn-version" in labels
        version = policy.warn.version if own else policy.enforce.version
        policy = policy._replace(warn=Standard(policy.enforce.level, version))
    return policy, causes


def stricter(new: Standard, old: Standard) -> bool:
    """Whether the level is higher."""
    return LEVELS.index(new.level) > LEVELS.index(old.level)


class PodSecurity(Plugin):
    """Refuses Pods, warns about those who make them, and looks at the labels of namespaces."""

    on = tuple(
        f"{operation} {resource}"
        for operation in ("create", "update")
        for resource in ("pods", "pods/ephemeralcontainers", "namespaces", *TEMPLATES)
    )

    def __init__(self, namespaces: WatchCache, pods: WatchCache) -> None:
        self.namespaces, self.pods = namespaces, pods

    def validate(self, request: Request, obj: Object | None, old: Object | None) -> None:
        """Refuse, warn or note, whatever the namespace wants."""
        if obj is None:
            return
        if request.kind.kind == "Namespace":
            self._namespace(request, obj, old)
            return
        namespace = self.namespaces.objects.get(request.namespace)
        if namespace is None:
            raise NotFound.of("namespaces", "", request.namespace)
        policy, _ = policy_of(namespace["metadata"].get("labels") or {})
        if request.kind.kind == "Pod":
            if old is None or is_significant(obj, old):
                self._judge(request, policy, obj, obj)
            return
        template: Object | None = obj
        for step in TEMPLATES[request.kind.resource]:
            template = (template or {}).get(step)
        if template:
            self._judge(request, policy, template, None)

    def _judge(
        self, request: Request, policy: Policy, template: Object, pod: Object | None
    ) -> None:
        if policy == Policy():
            return
        noted = policy.audit.broken_by(template)
        if noted:
            request.annotations[f"{PREFIX}audit-violations"] = _would(policy.audit, noted)
        if pod is not None:
            request.annotations[f"{PREFIX}enforce-policy"] = str(policy.enforce)
            broken = policy.enforce.broken_by(template)
            if broken:
                name = show(str(policy.enforce))
                why = f"violates PodSecurity {name}: {', '.join(broken)}"
                raise refusal_of(request, why, pod)
        warned = policy.warn.broken_by(template)
        if warned:
            request.warnings.append(_would(policy.warn, warned))

    def _namespace(self, request: Request, new: Object, old: Object | None) -> None:
        policy, causes = policy_of(new["metadata"].get("labels") or {})
        before, known = policy_of(old["metadata"].get("labels") or {}) if old else (Policy(), [])
        if causes and causes != known:
            raise Invalid.of("Namespace", "", new["metadata"].get("name", ""), causes)
        same_version = policy.enforce.version == before.enforce.version
        if old is None or (same_version and not stricter(policy.enforce, before.enforce)):
            return
        request.warnings.extend(self._too_lax(new["metadata"]["name"], policy.enforce))

    def _too_lax(self, namespace: str, standard: Standard) -> Iterator[str]:
        """Which Pods that are there already a new standard would not have let in."""
        found: dict[str, list[str]] = {}
        for key in sorted(self.pods.objects):
            if key.startswith(f"{namespace}/"):
                pod = self.pods.objects[key]
                found.setdefault(standard.reasons(pod), []).append(pod["metadata"]["name"])
        found.pop("", None)
        if found:
            what = f"violate the new PodSecurity enforce level {show(str(standard))}"
            yield f"existing pods in namespace {show(namespace)} {what}"
        yield from sorted(f"{_first_of(names)}: {why}" for why, names in found.items())


def _would(standard: Standard, broken: list[str]) -> str:
    return f"would violate PodSecurity {show(str(standard))}: {', '.join(broken)}"


def _first_of(names: list[str]) -> str:
    others = len(names) - 1
    pods = f" (and {others} other pod{'s' * (others > 1)})"
    return names[0] + (pods if others else "")


def is_significant(new: Object, old: Object) -> bool:
    """Whether an update touched what the standards are about: images, or a container more."""

    def seen(pod: Object) -> list[list[tuple[str, str]]]:
        groups = ("initContainers", "containers", "ephemeralContainers")
        spec = pod["spec"]
        return [[(c["name"], c.get("image", "")) for c in spec.get(g) or ()] for g in groups]

    return seen(new) != seen(old)
