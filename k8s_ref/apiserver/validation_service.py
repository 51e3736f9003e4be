"""Validation of Services · Service 的校验

What may be asked of a Service.  Addresses and node ports are given out elsewhere; here stands
only what can be said without knowing what is taken.

Upstream: pkg/apis/core/validation/validation.go (ValidateService)
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from k8s_ref.apiserver.validation_names import (
    cidr_problems,
    dns_label,
    dns_subdomain,
    ip_problems,
)
from k8s_ref.apiserver.validation_rules import (
    always,
    between,
    each,
    label_name,
    labels,
    must,
    one_of,
    port_number,
    port_number_or_name,
    row,
    struct,
    text,
    whole,
)
from k8s_ref.machinery.errors import Cause, duplicate, forbidden, invalid, required
from k8s_ref.machinery.meta import Object

_ONLY_LOAD_BALANCER = "may only be used when `type` is 'LoadBalancer'"

# Ports.

_port = struct(
    row("name", text(dns_label)),
    always("port", port_number, zero=0),
    must("protocol", one_of("SCTP", "TCP", "UDP")),
    always("targetPort", port_number_or_name, zero=0),
    row("appProtocol", label_name),
)
_ports = each(_port, unique="name")


def _named_ports(spec: Object, path: str) -> Iterator[Cause]:
    """A single port needs no name; of several each needs one."""
    ports = spec.get("ports") or ()
    if not ports and spec.get("type") != "ExternalName" and not _headless(spec):
        yield required(f"{path}.ports")
    for index, port in enumerate(ports):
        if len(ports) > 1 and not port.get("name"):
            yield required(f"{path}.ports[{index}].name")
    yield from _ports(ports, f"{path}.ports")


def _distinct_ports(spec: Object, path: str) -> Iterator[Cause]:
    seen = set()
    for index, port in enumerate(spec.get("ports") or ()):
        pair = port.get("protocol"), port.get("port")
        if spec.get("type") == "ClusterIP" and port.get("nodePort"):
            problem = "may not be used when `type` is 'ClusterIP'"
            yield forbidden(f"{path}.ports[{index}].nodePort", problem)
        if pair in seen:
            shown = {"protocol": pair[0], "port": pair[1], "targetPort": 0}
            yield duplicate(f"{path}.ports[{index}]", shown)
        seen.add(pair)


# Addresses.


def _cluster_ips(spec: Object) -> list[str]:
    first = spec.get("clusterIP")
    return spec.get("clusterIPs") or ([first] if first else [])


def _headless(spec: Object) -> bool:
    return _cluster_ips(spec) == ["None"]


def _of_type(spec: Object, path: str) -> Iterator[Cause]:
    kind = spec.get("type")
    if kind in ("LoadBalancer", "NodePort") and _headless(spec):
        problem = f"may not be set to 'None' for {kind} services"
        yield invalid(f"{path}.clusterIPs[0]", "None", problem)
    if kind == "ExternalName":
        for field, value in (
            ("clusterIPs", _cluster_ips(spec)),
            ("ipFamilies", spec.get("ipFamilies")),
            ("ipFamilyPolicy", spec.get("ipFamilyPolicy")),
        ):
            if value:
                yield forbidden(f"{path}.{field}", "may not be set for ExternalName services")
        yield from _external_name(spec, path)


_external_name = struct(
    must("externalName", text(lambda value: dns_subdomain(value.removesuffix("."))))
)


def _families(spec: Object, path: str) -> Iterator[Cause]:
    families = spec.get("ipFamilies") or ()
    for index, address in enumerate(_cluster_ips(spec)):
        if address == "None" or spec.get("type") == "ExternalName":
            continue
        problems = ip_problems(address)
        for problem in problems:
            yield invalid(f"{path}.clusterIPs[{index}]", address, problem)
        expected = families[index] if index < len(families) else ""
        if not problems and expected not in ("", f"IPv{ipaddress.ip_address(address).version}"):
            problem = f"expected an {expected} value as indicated by `ipFamilies[{index}]`"
            yield invalid(f"{path}.clusterIPs[{index}]", address, problem)


_NOT_SPECIAL = {
    "is_unspecified": "may not be unspecified (0.0.0.0 or ::)",
    "is_loopback": "may not be in the loopback range (127.0.0.0/8, ::1/128)",
    "is_link_local": "may not be in the link-local range (169.254.0.0/16, fe80::/10)",
    "is_multicast": "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)",
}


def _external_ip(value: str) -> tuple[str, ...]:
    problems = ip_problems(value)
    if problems:
        return problems
    address = ipaddress.ip_address(value)
    return tuple(words for test, words in _NOT_SPECIAL.items() if getattr(address, test))


# Who talks to whom.

_affinity_config = struct(
    row(
        "clientIP",
        struct(
            always(
                "timeoutSeconds",
                between(1, 86400, "must be greater than 0 and less than 86400"),
                zero=0,
            )
        ),
    )
)


def _load_balancer(spec: Object, path: str) -> Iterator[Cause]:
    balanced = spec.get("type") == "LoadBalancer"
    # Upstream writes the name of this field with a capital.
    place = f"{path}.LoadBalancerSourceRanges"
    ranges = spec.get("loadBalancerSourceRanges") or ()
    if balanced:
        yield from each(text(lambda value: cidr_problems(value.strip())))(ranges, place)
    elif ranges:
        yield forbidden(place, _ONLY_LOAD_BALANCER)
    for field in ("allocateLoadBalancerNodePorts", "loadBalancerClass"):
        if not balanced and spec.get(field) is not None:
            yield forbidden(f"{path}.{field}", _ONLY_LOAD_BALANCER)
    if balanced and spec.get("loadBalancerClass"):
        yield from label_name(spec["loadBalancerClass"], f"{path}.loadBalancerClass")


_POLICY = one_of("Cluster", "Local")


def _external_traffic(spec: Object, path: str) -> Iterator[Cause]:
    policy = spec.get("externalTrafficPolicy")
    reached = spec.get("type") in ("NodePort", "LoadBalancer") or spec.get("externalIPs")
    if policy and not reached:
        problem = "may only be set for externally-accessible services"
        yield invalid(f"{path}.externalTrafficPolicy", policy, problem)
    elif policy:
        yield from _POLICY(policy, f"{path}.externalTrafficPolicy")
    checked = spec.get("type") == "LoadBalancer" and policy == "Local"
    if spec.get("healthCheckNodePort") and not checked:
        problem = (
            "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
        )
        yield invalid(f"{path}.healthCheckNodePort", spec["healthCheckNodePort"], problem)


_spec = struct(
    whole(_of_type),
    whole(_named_ports),
    row("selector", labels),
    must("sessionAffinity", one_of("ClientIP", "None")),
    row("sessionAffinityConfig", _affinity_config),
    whole(_families),
    row("externalIPs", each(text(_external_ip))),
    must("type", one_of("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")),
    whole(_distinct_ports),
    whole(_load_balancer),
    whole(_external_traffic),
    row("internalTrafficPolicy", _POLICY),
    row("trafficDistribution", one_of("PreferClose", "PreferSameNode", "PreferSameZone")),
)  # fmt: skip

service = struct(always("spec", _spec, {}))


def service_update(new: Object, old: Object) -> Iterator[Cause]:
    """An address once given is kept, unless the Service becomes a mere name."""
    before, after = old.get("spec") or {}, new.get("spec") or {}
    if "ExternalName" not in (before.get("type"), after.get("type")) and _cluster_ips(before):
        after = _with_addresses(after, _cluster_ips(before))
        ips = _cluster_ips(after)
        if ips[:1] != _cluster_ips(before)[:1]:
            yield invalid("spec.clusterIPs[0]", ips, "may not change once set")
    yield from service({**new, "spec": after}, "")


def _with_addresses(spec: Object, before: list[str]) -> Object:
    """Who names no address keeps the old ones; who changed only one of the fields means both."""
    first, ips = spec.get("clusterIP"), spec.get("clusterIPs") or []
    if not first:
        return {**spec, "clusterIPs": ips or before}
    return {**spec, "clusterIPs": [first, *ips[1:]]} if ips == before else spec
