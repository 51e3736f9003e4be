"""Validation of Pods · Pod 的校验

What a Pod's ``spec`` must keep, read from the table :data:`_SPEC` top to bottom: volumes first,
because containers mount them, then containers, then the fields of the Pod itself.  Templates keep
the same rules, except the few at the end that only make sense for a Pod that exists.

Upstream: pkg/apis/core/validation/validation.go (ValidatePodSpec)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from k8s_ref.apiserver.validation_container import (
    PROBES_AND_HOOKS,
    container,
    host_ports,
    image_without_spaces,
    probes_and_hooks,
    seccomp,
    user_id,
)
from k8s_ref.apiserver.validation_ephemeral import ephemeral_containers
from k8s_ref.apiserver.validation_names import dns_label, dns_subdomain, ip_problems
from k8s_ref.apiserver.validation_resources import resources
from k8s_ref.apiserver.validation_rules import (
    always,
    between,
    each,
    label_name,
    labels,
    must,
    once,
    one_of,
    row,
    struct,
    text,
    whole,
)
from k8s_ref.apiserver.validation_scheduling import affinity, spread_constraints, tolerations
from k8s_ref.apiserver.validation_volume import volumes
from k8s_ref.machinery.errors import Cause, duplicate, forbidden, invalid, required
from k8s_ref.machinery.meta import Object

# Containers, and what must hold between them.


def _containers(spec: Object, path: str) -> Iterator[Cause]:
    containers = list(_with_paths(spec, path, "containers"))
    if not containers:
        yield required(f"{path}.containers")
    names: set[str] = set()
    for place, value in containers:
        yield from container(value, place, *_surroundings(spec))
        yield from _new_name(value, place, names)
        yield from probes_and_hooks(value, place, spec.get("terminationGracePeriodSeconds"))
    yield from host_ports(containers)
    yield from _init_containers(spec, path, names)
    yield from ephemeral_containers(spec, path, names, *_surroundings(spec))


def _with_paths(spec: Object, path: str, group: str) -> Iterator[tuple[str, Object]]:
    for index, value in enumerate(spec.get(group) or ()):
        yield f"{path}.{group}[{index}]", value


def _surroundings(spec: Object) -> tuple[set[str], set[str]]:
    """The names of the volumes and of the resource claims of the Pod."""
    return _names(spec.get("volumes")), _names(spec.get("resourceClaims"))


def _names(items: list[Object] | None) -> set[str]:
    return {item.get("name") or "" for item in items or ()}


def _new_name(value: Object, path: str, names: set[str]) -> Iterator[Cause]:
    name = value.get("name") or ""
    if name and name in names:
        yield duplicate(f"{path}.name", name)
    names.add(name)


def _init_containers(spec: Object, path: str, names: set[str]) -> Iterator[Cause]:
    for place, value in _with_paths(spec, path, "initContainers"):
        yield from container(value, place, *_surroundings(spec))
        yield from _new_name(value, place, names)
        # They run one after the other, so only one of them needs its ports at a time.
        yield from host_ports([(place, value)])
        if value.get("restartPolicy") == "Always":
            yield from probes_and_hooks(value, place, spec.get("terminationGracePeriodSeconds"))
            continue
        for field in PROBES_AND_HOOKS:
            if value.get(field) is not None:
                yield forbidden(f"{place}.{field}", _NOT_A_SIDECAR)


_NOT_A_SIDECAR = "may not be set for init containers without restartPolicy=Always"


# The Pod's own security context, DNS, gates and aliases.

_SYSCTL = re.compile(r"([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?")


def _sysctl_name(value: str) -> tuple[str, ...]:
    if len(value) <= 253 and _SYSCTL.fullmatch(value):
        return ()
    return (f"must have at most 253 characters and match regex ^{_SYSCTL.pattern}$",)


_security_context = struct(
    row("fsGroup", user_id),
    row("runAsUser", user_id),
    row("runAsGroup", user_id),
    row("supplementalGroups", each(user_id)),
    row("sysctls", each(struct(must("name", text(_sysctl_name))), unique="name")),
    row("fsGroupChangePolicy", one_of("Always", "OnRootMismatch")),
    row("seccompProfile", seccomp),
)


def _host_network(spec: Object, path: str) -> Iterator[Cause]:
    """On the network of the node a port of the node is the container's own."""
    for place, value in _with_paths(spec, path, "containers") if spec.get("hostNetwork") else ():
        for index, port in enumerate(value.get("ports") or ()):
            host = port.get("hostPort") or 0
            if host and host != port.get("containerPort"):
                problem = "must match `containerPort` when `hostNetwork` is true"
                yield invalid(f"{place}.ports[{index}].hostPort", host, problem)


def _dns(spec: Object, path: str) -> Iterator[Cause]:
    config, path = spec.get("dnsConfig"), f"{path}.dnsConfig"
    if spec.get("dnsPolicy") == "None":
        if config is None:
            yield required(path, "must provide `dnsConfig` when `dnsPolicy` is None")
        elif not config.get("nameservers"):
            problem = "must provide at least one DNS nameserver when `dnsPolicy` is None"
            yield required(f"{path}.nameservers", problem)
            return
    if config:
        yield from _dns_config(config, path)


def _at_most(limit: int, what: str) -> Any:
    def check(value: list[Any], path: str) -> Iterable[Cause]:
        problem = f"must not have more than {limit} {what}"
        return (invalid(path, value, problem),) if len(value) > limit else ()

    return check


def _search_list(value: list[str], path: str) -> Iterator[Cause]:
    if len(" ".join(value)) > 2048:
        words = "2048 characters (including spaces) in the search list"
        yield invalid(path, value, f"must not have more than {words}")


_dns_config = struct(
    row("nameservers", _at_most(3, "nameservers")),
    row("nameservers", each(text(ip_problems))),
    row("searches", _at_most(32, "search paths")),
    row("searches", _search_list),
    row("searches", each(text(lambda value: dns_subdomain(value.removesuffix("."))))),
    row("options", each(struct(must("name")))),
)


def _gates(value: list[Object], path: str) -> Iterator[Cause]:
    seen = set()
    for index, gate in enumerate(value):
        name, place = gate.get("name") or "", f"{path}[{index}]"
        yield from label_name(name, place)
        if name in seen:
            yield duplicate(place, name)
        seen.add(name)


def _system(value: Object, path: str) -> Iterable[Cause]:
    if not value.get("name"):
        return (required(f"{path}.name"),)
    return one_of("linux", "windows")(value["name"], path)


# The table.

_SPEC = struct(
    row("volumes", volumes),
    row("resources", resources),
    whole(_containers),
    must("restartPolicy", one_of("Always", "OnFailure", "Never")),
    must("dnsPolicy", one_of("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")),
    row("nodeSelector", labels),
    whole(_host_network),
    row("securityContext", _security_context),
    row("affinity", affinity),
    whole(_dns),
    row("readinessGates", each(struct(always("conditionType", label_name)))),
    row("schedulingGates", _gates),
    row("topologySpreadConstraints", spread_constraints),
    row("serviceAccountName", text(dns_subdomain)),
    row("nodeName", text(dns_subdomain)),
    row("activeDeadlineSeconds", between(1, 2**31 - 1)),
    row("hostname", text(dns_label)),
    row("subdomain", text(dns_label)),
    row("tolerations", once(tolerations)),
    row("hostAliases", each(struct(always("ip", text(ip_problems)),
                                   row("hostnames", each(text(dns_subdomain)))))),
    row("priorityClassName", text(dns_subdomain)),
    row("runtimeClassName", text(dns_subdomain)),
    row("preemptionPolicy", one_of("Never", "PreemptLowerPriority")),
    row("os", _system),
)  # fmt: skip


def pod_spec(spec: Object, path: str) -> Iterable[Cause]:
    """What is wrong with the specification of a Pod, or of the Pods of a template."""
    return _SPEC(spec, path)


def only_for_pods(spec: Object, path: str) -> Iterator[Cause]:
    """What is asked of a Pod that exists and not of a template."""
    for group in ("containers", "initContainers"):
        for place, value in _with_paths(spec, path, group):
            yield from image_without_spaces(value, place)


def new_pod_spec(spec: Object, path: str) -> Iterator[Cause]:
    """What is wrong with the specification of a Pod to be created."""
    yield from pod_spec(spec, path)
    yield from only_for_pods(spec, path)
    if spec.get("ephemeralContainers"):
        yield forbidden(f"{path}.ephemeralContainers", "cannot be set on create")
