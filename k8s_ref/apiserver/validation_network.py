"""Validation of what leads to Pods · 通往 Pod 的资源的校验

Ingresses, network policies, and the two kinds of lists of addresses behind a Service.  Each says
with addresses, ports and names where traffic goes or may go, and a mistake in one of them would
only show as silence, so all of them are checked here.

Upstream: pkg/apis/networking/validation/, pkg/apis/discovery/validation/, pkg/apis/core/validation/
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator

from k8s_ref.apiserver.validation_batch import domain_prefixed_path
from k8s_ref.apiserver.validation_names import (
    cidr_problems,
    dns_label,
    dns_subdomain,
    ip_problems,
    port_name_problems,
)
from k8s_ref.apiserver.validation_rules import (
    anything,
    between,
    each,
    immutable,
    must,
    one_of,
    port_number,
    port_number_or_name,
    row,
    struct,
    text,
    whole,
)
from k8s_ref.apiserver.validation_scheduling import label_selector
from k8s_ref.machinery.errors import Cause, forbidden, invalid, not_supported, required, too_many
from k8s_ref.machinery.meta import Object

# Ingresses.

_PATH_TYPES = one_of("Exact", "ImplementationSpecific", "Prefix")


def _host(value: str, path: str) -> Iterator[Cause]:
    if not ip_problems(value):
        yield invalid(path, value, "must be a DNS name, not an IP address")
        return
    name = value.removeprefix("*.")
    for problem in dns_subdomain(name):
        yield invalid(path, value, problem)


def _backend(value: Object, path: str) -> Iterator[Cause]:
    service, resource = value.get("service"), value.get("resource")
    if service is not None and resource is not None:
        yield invalid(path, "", "cannot set both resource and service backends")
    elif service is None and resource is None:
        yield invalid(path, "", "resource or service backend is required")
    elif service is not None:
        yield from _service_backend(service, path)


def _service_backend(service: Object, path: str) -> Iterator[Cause]:
    name, port = service.get("name") or "", service.get("port") or {}
    if not name:
        yield required(f"{path}.service.name")
    for problem in dns_label(name) if name else ():
        yield invalid(f"{path}.service.name", name, problem)
    if port.get("name") and port.get("number"):
        yield invalid(path, "", "cannot set both port name & port number")
    elif port.get("name"):
        for problem in port_name_problems(port["name"]):
            yield invalid(f"{path}.service.port.name", port["name"], problem)
    elif port.get("number"):
        yield from port_number(port["number"], f"{path}.service.port.number")
    else:
        yield required(path, "port name or number is required")


def _http_path(value: Object, path: str) -> Iterator[Cause]:
    kind, place = value.get("pathType"), value.get("path") or ""
    if kind is None:
        yield required(f"{path}.pathType", "pathType must be specified")
        return
    causes = list(_PATH_TYPES(kind, f"{path}.pathType"))
    if kind in ("Exact", "Prefix"):
        causes += _proper_path(place, f"{path}.path")
    elif kind == "ImplementationSpecific" and place and not place.startswith("/"):
        causes.append(invalid(f"{path}.path", place, "must be an absolute path"))
    yield from causes
    yield from _backend(value.get("backend") or {}, f"{path}.backend")


def _proper_path(value: str, path: str) -> Iterator[Cause]:
    if not value.startswith("/"):
        yield invalid(path, value, "must be an absolute path")
    for part in ("//", "/./", "/../", "%2f", "%2F"):
        if part in value:
            yield invalid(path, value, f"must not contain '{part}'")
    for end in ("/..", "/."):
        if value.endswith(end):
            yield invalid(path, value, f"cannot end with '{end}'")


def _http(value: Object, path: str) -> Iterable[Cause]:
    if not value.get("paths"):
        return (required(f"{path}.paths"),)
    return each(_http_path)(value["paths"], f"{path}.paths")


_tls = struct(row("hosts", each(_host)), row("secretName", text(dns_subdomain)))


def _somewhere(spec: Object, path: str) -> Iterator[Cause]:
    if not spec.get("rules") and spec.get("defaultBackend") is None:
        problem = "either `defaultBackend` or `rules` must be specified"
        yield invalid(path, spec.get("rules"), problem)


_ingress_spec = struct(
    whole(_somewhere),
    row("rules", each(struct(row("host", _host), row("http", _http)))),
    row("defaultBackend", _backend),
    row("tls", each(_tls)),
    row("ingressClassName", text(dns_subdomain)),
)


def ingress(value: Object, path: str) -> Iterable[Cause]:
    """What is wrong with an Ingress."""
    return _ingress_spec(value.get("spec") or {}, "spec")


def ingress_class(value: Object, path: str) -> Iterator[Cause]:
    """What is wrong with an IngressClass."""
    spec = value.get("spec") or {}
    for problem in domain_prefixed_path(spec.get("controller") or ""):
        yield invalid("spec.controller", spec.get("controller") or "", problem)


def ingress_class_update(new: Object, old: Object) -> Iterable[Cause]:
    """A class stays with its controller."""
    after, before = new.get("spec") or {}, old.get("spec") or {}
    return immutable(after.get("controller"), before.get("controller"), "spec.controller")


# Network policies.

_PROTOCOL = one_of("TCP", "UDP", "SCTP")


def _policy_port(value: Object, path: str) -> Iterator[Cause]:
    yield from _port(value, path)
    end, port = value.get("endPort"), value.get("port")
    if end is None:
        return
    if port is None:
        problem = "may not be specified when `port` is not specified"
        yield invalid(f"{path}.endPort", end, problem)
    elif isinstance(port, str):
        yield invalid(f"{path}.endPort", end, "may not be specified when `port` is non-numeric")
    elif end < port:
        problem = "must be greater than or equal to `port`"
        yield invalid(f"{path}.endPort", end, problem)


_port = struct(row("protocol", _PROTOCOL), row("port", port_number_or_name))


def _ip_block(value: Object, path: str) -> Iterator[Cause]:
    cidr = value.get("cidr") or ""
    if not cidr:
        yield required(f"{path}.cidr")
        return
    for problem in cidr_problems(cidr):
        yield invalid(f"{path}.cidr", cidr, problem)
    for index, part in enumerate(value.get("except") or ()):
        place = f"{path}.except[{index}]"
        for problem in cidr_problems(part):
            yield invalid(place, part, problem)
        if not cidr_problems(cidr) and not cidr_problems(part) and not _within(part, cidr):
            yield invalid(place, part, "must be a strict subset of `cidr`")


def _within(part: str, whole_range: str) -> bool:
    inner, outer = (ipaddress.ip_network(each, strict=False) for each in (part, whole_range))
    same = inner.version == outer.version
    return same and inner != outer and inner.subnet_of(outer)  # type: ignore[arg-type]


def _peer(value: Object, path: str) -> Iterator[Cause]:
    for name in ("podSelector", "namespaceSelector"):
        if value.get(name) is not None:
            yield from label_selector(value[name], f"{path}.{name}")
    if value.get("ipBlock") is not None:
        yield from _ip_block(value["ipBlock"], f"{path}.ipBlock")
    selects = any(value.get(name) is not None for name in ("podSelector", "namespaceSelector"))
    if not selects and value.get("ipBlock") is None:
        yield required(path, "must specify a peer")
    elif selects and value.get("ipBlock") is not None:
        yield forbidden(path, "may not specify both ipBlock and another peer")


def _policy_types(value: list[str], path: str) -> Iterator[Cause]:
    if len(value) > 2:
        yield too_many(path, len(value), 2)
        return
    for index, kind in enumerate(value):
        yield from one_of("Ingress", "Egress")(kind, f"{path}[{index}]")


_network_policy_spec = struct(
    row("podSelector", label_selector),
    row("ingress", each(struct(row("ports", each(_policy_port)), row("from", each(_peer))))),
    row("egress", each(struct(row("ports", each(_policy_port)), row("to", each(_peer))))),
    row("policyTypes", _policy_types),
)


def network_policy(value: Object, path: str) -> Iterable[Cause]:
    """What is wrong with a NetworkPolicy."""
    return _network_policy_spec(value.get("spec") or {}, "spec")


# Endpoints and EndpointSlices.


def endpoint_ip(value: str, path: str) -> Iterator[Cause]:
    """An address that Pods can have: not that of the machine itself, nor of no one."""
    for problem in ip_problems(value):
        yield invalid(path, value, problem)
    if ip_problems(value):
        return
    address = ipaddress.ip_address(value)
    wrong = {
        "may not be unspecified (0.0.0.0 or ::)": address.is_unspecified,
        "may not be in the loopback range (127.0.0.0/8, ::1/128)": address.is_loopback,
        "may not be in the link-local range (169.254.0.0/16, fe80::/10)": address.is_link_local,
        "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)": _local(address),
    }
    for problem, found in wrong.items():
        if found:
            yield invalid(path, value, problem)


def _local(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return address.is_multicast and str(address).startswith(("224.0.0.", "ff02:"))


def _endpoint_address(value: Object, path: str) -> Iterator[Cause]:
    address = value.get("ip") or ""
    yield from endpoint_ip(address, f"{path}.ip")
    if ip_problems(address):
        # Upstream looks at it a second time, in fewer words.
        yield invalid(f"{path}.ip", address, "must be a valid IP address")
    for problem in dns_label(value["hostname"]) if value.get("hostname") else ():
        yield invalid(f"{path}.hostname", value["hostname"], problem)


def _subset(value: Object, path: str) -> Iterator[Cause]:
    groups = ("addresses", "notReadyAddresses")
    if not any(value.get(name) for name in groups):
        yield required(path, "must specify `addresses` or `notReadyAddresses`")
    for name in groups:
        yield from each(_endpoint_address)(value.get(name) or (), f"{path}.{name}")
    several = len(value.get("ports") or ()) > 1
    for index, port in enumerate(value.get("ports") or ()):
        place = f"{path}.ports[{index}]"
        if several and not port.get("name"):
            yield required(f"{place}.name")
        yield from _endpoint_port(port, place)


_endpoint_port = struct(
    row("name", text(dns_label)), row("port", port_number), must("protocol", _PROTOCOL)
)

endpoints = struct(row("subsets", each(_subset)))

_FAMILIES = {"IPv4": (4, "must be an IPv4 address"), "IPv6": (6, "must be an IPv6 address")}
MOST_ADDRESSES = 100


def _slice_endpoint(value: Object, path: str, family: str) -> Iterator[Cause]:
    addresses = value.get("addresses") or ()
    if not addresses:
        yield required(f"{path}.addresses", "must contain at least 1 address")
    elif len(addresses) > MOST_ADDRESSES:
        yield too_many(f"{path}.addresses", len(addresses), MOST_ADDRESSES)
    for index, address in enumerate(addresses):
        place = f"{path}.addresses[{index}]"
        if family in _FAMILIES:
            yield from endpoint_ip(address, place)
            yield from _of_family(address, f"{path}.addresses", family)
        elif family == "FQDN":
            for problem in dns_subdomain(address):
                yield invalid(place, address, problem)


def _of_family(address: str, path: str, family: str) -> Iterator[Cause]:
    version, problem = _FAMILIES[family]
    if not ip_problems(address) and ipaddress.ip_address(address).version != version:
        yield invalid(path, address, problem)


_slice_port = struct(
    row("name", text(dns_label)),
    row("protocol", one_of("SCTP", "TCP", "UDP")),
    row("port", between(1, 65535)),
    row("appProtocol", anything),
)


def endpoint_slice(value: Object, path: str) -> Iterator[Cause]:
    """What is wrong with an EndpointSlice."""
    family = value.get("addressType") or ""
    if not family:
        yield required("addressType")
    elif family not in ("FQDN", "IPv4", "IPv6"):
        yield not_supported("addressType", family, ("FQDN", "IPv4", "IPv6"))
    for index, endpoint in enumerate(value.get("endpoints") or ()):
        yield from _slice_endpoint(endpoint, f"endpoints[{index}]", family)
    yield from each(_slice_port, unique="name")(value.get("ports") or (), "ports")


def endpoint_slice_update(new: Object, old: Object) -> Iterator[Cause]:
    """What is wrong with the EndpointSlice that is to replace ``old``."""
    moved = tuple(immutable(new.get("addressType"), old.get("addressType"), "addressType"))
    yield from moved or endpoint_slice(new, "")
