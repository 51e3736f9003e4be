"""Addresses of Services · Service 的地址

Gives each Service an address of its own, and each port that is reached through the nodes a port
number.  The one idea: what is taken is read from the Services there are, so nothing is ever
leaked; whoever asks for a certain address gets it if it is free.

Upstream: pkg/registry/core/service/storage/alloc.go, ipallocator/, portallocator/
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from k8s_ref.apiserver.request import Request
from k8s_ref.apiserver.watchcache import WatchCache
from k8s_ref.machinery.errors import Cause, Invalid, invalid
from k8s_ref.machinery.meta import Object
from k8s_ref.sim.loop import Loop

RANGE = IPv4Network("10.96.0.0/16")
"""Addresses of Services; the first is that of the API itself."""
API = str(RANGE[1])
STATIC_ADDRESSES, STATIC_PORTS = 256, 86
"""So many at the beginning are left for those who ask for a certain one."""
FIRST_PORT, LAST_PORT = 30000, 32767


class ServiceAddresses:
    """Completes Services with what only the server can know."""

    def __init__(self, services: WatchCache, loop: Loop) -> None:
        self.services, self._random = services, loop.stream("service addresses")

    def create(self, request: Request, service: Object) -> Object:
        """A new Service with its families, address and ports; ``Invalid`` if one is taken."""
        if not _has_address(service["spec"]):
            return service
        return self._complete(request, service, "")

    def update(self, request: Request, new: Object, old: Object) -> Object:
        """An update keeps what was given out, unless it asks for something else."""
        if new["spec"] == old["spec"]:
            return new
        was = old["spec"]
        spec = _without_what_the_type_had(new["spec"], was)
        if not _has_address(spec):
            return {**new, "spec": spec}
        for field in _OF_AN_ADDRESS if _has_address(was) else ():
            if not spec.get(field) and was.get(field):
                spec[field] = was[field]
        if _on_nodes(spec):
            _keep_ports(spec, was)
        name = f"{request.namespace}/{new['metadata']['name']}"
        return self._complete(request, {**new, "spec": spec}, name)

    def _complete(self, request: Request, service: Object, own: str) -> Object:
        spec = {**service["spec"]}
        causes = [*_with_families(spec), *self._with_address(spec, request, own)]
        causes += self._with_ports(spec, request, own)
        if causes:
            raise Invalid.of("Service", "", service["metadata"].get("name", ""), causes)
        return {**service, "spec": spec}

    # -- addresses

    def _with_address(self, spec: Object, request: Request, own: str) -> Iterator[Cause]:
        asked = spec.get("clusterIP") or next(iter(spec.get("clusterIPs") or ()), "")
        given = asked or self._free_address(own)
        # What is no address at all, validation says.
        problem = self._refused(asked, request, own) if _is_address(asked) else ""
        if problem:
            yield invalid("spec.clusterIPs", [asked], f"failed to allocate IP {asked}: {problem}")
        spec["clusterIP"] = spec.get("clusterIP") or given
        spec["clusterIPs"] = spec.get("clusterIPs") or [given]

    def _refused(self, asked: str, request: Request, own: str) -> str:
        usable = IPv4Address(asked) in RANGE and asked not in (str(RANGE[0]), str(RANGE[-1]))
        if request.query.get("dryRun"):
            problem = f"the provided IP ({asked}) is not in the valid range."
            return "" if usable else f"{problem} The range of valid IPs is {RANGE}"
        if not usable:
            return "the provided network does not match the current range"
        return "provided IP is already allocated" if asked in self._taken(own) else ""

    def _free_address(self, own: str) -> str:
        taken = self._taken(own)
        while True:
            address = str(RANGE[self._random.randrange(STATIC_ADDRESSES + 1, 2**16 - 1)])
            if address not in taken:
                return address

    def _taken(self, own: str) -> set[str]:
        others = (service for key, service in self.services.objects.items() if key != own)
        return {API, *(ip for service in others for ip in service["spec"].get("clusterIPs") or ())}

    # -- ports of the nodes

    def _with_ports(self, spec: Object, request: Request, own: str) -> Iterator[Cause]:
        if not _on_nodes(spec):
            return
        taken = self._taken_ports(own)
        gives = not _balanced(spec) or spec.get("allocateLoadBalancerNodePorts", True)
        ports: list[Object] = []
        mine: dict[int, set[str]] = {}
        for index, port in enumerate(spec.get("ports") or ()):
            asked, protocol = port.get("nodePort"), port.get("protocol")
            if asked:
                # One number may serve several protocols of one Service.
                again = protocol in mine.get(asked, ()) or asked in taken
                problem = _port_refused(asked, again, bool(request.query.get("dryRun")))
                if problem:
                    yield invalid(f"spec.ports[{index}].nodePort", asked, problem)
            elif gives:
                port = {**port, "nodePort": self._free_port(taken | mine.keys())}
            if port.get("nodePort"):
                mine.setdefault(port["nodePort"], set()).add(protocol)
            ports.append(port)
        spec["ports"] = ports
        if _checked(spec):
            spec.setdefault("healthCheckNodePort", self._free_port(taken | mine.keys()))

    def _taken_ports(self, own: str) -> set[int]:
        taken: set[int] = set()
        for key, service in self.services.objects.items():
            if key != own:
                spec = service["spec"]
                taken.update(p["nodePort"] for p in spec.get("ports") or () if p.get("nodePort"))
                taken.add(spec.get("healthCheckNodePort", 0))
        return taken

    def _free_port(self, taken: set[int]) -> int:
        free = [n for n in range(FIRST_PORT + STATIC_PORTS, LAST_PORT + 1) if n not in taken]
        return self._random.choice(free)


def _port_refused(asked: int, again: bool, dry_run: bool) -> str:
    if again:
        return "provided port is already allocated"
    if FIRST_PORT <= asked <= LAST_PORT or dry_run:
        return ""
    valid = f"The range of valid ports is {FIRST_PORT}-{LAST_PORT}"
    return f"provided port is not in the valid range. {valid}"


def _with_families(spec: Object) -> Iterator[Cause]:
    """This cluster has IPv4 only; a headless Service without a selector may have both."""
    for index, family in enumerate(spec.get("ipFamilies") or ()):
        address = next(iter(spec.get("clusterIPs") or ()), "")
        if family == "IPv6" and not address:
            problem = "not configured on this cluster"
            yield invalid(f"spec.ipFamilies[{index}]", family, problem)
    bare = not spec.get("selector") and spec.get("clusterIP") == "None"
    policy = spec.get("ipFamilyPolicy")
    if policy == "RequireDualStack" and not bare:
        problem = "this cluster is not configured for dual-stack services"
        yield invalid("spec.ipFamilyPolicy", policy, problem)
    if not policy:
        spec["ipFamilyPolicy"] = "RequireDualStack" if bare else "SingleStack"
    both = bare and spec["ipFamilyPolicy"] != "SingleStack"
    if not spec.get("ipFamilies"):
        spec["ipFamilies"] = ["IPv4", "IPv6"] if both else ["IPv4"]


def _is_address(text: str) -> bool:
    try:
        return bool(IPv4Address(text))
    except ValueError:
        return False


# -- what goes with a type


def _has_address(spec: Object) -> bool:
    return spec.get("type") != "ExternalName"


def _on_nodes(spec: Object) -> bool:
    return spec.get("type") in ("NodePort", "LoadBalancer")


def _reached(spec: Object) -> bool:
    return _on_nodes(spec) or bool(spec.get("externalIPs"))


def _balanced(spec: Object) -> bool:
    return spec.get("type") == "LoadBalancer"


def _checked(spec: Object) -> bool:
    return _balanced(spec) and spec.get("externalTrafficPolicy") == "Local"


_OF_AN_ADDRESS = ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy")
_OF_A_TYPE: tuple[tuple[Callable[[Object], bool], tuple[str, ...]], ...] = (
    (_has_address, _OF_AN_ADDRESS),
    (_reached, ("externalTrafficPolicy",)),
    (_checked, ("healthCheckNodePort",)),
    (_balanced, ("allocateLoadBalancerNodePorts", "loadBalancerClass")),
)


def _without_what_the_type_had(spec: Object, was: Object) -> Object:
    """What the old type came with goes with it, unless it was changed: then it was asked for."""
    kept = {**spec}
    for needs, fields in _OF_A_TYPE:
        if needs(was) and not needs(spec):
            for field in fields:
                if kept.get(field) == was.get(field):
                    kept.pop(field, None)
    if _on_nodes(was) and not _on_nodes(spec):
        had = {port.get("nodePort") for port in was.get("ports") or ()}
        kept["ports"] = [
            {name: value for name, value in port.items() if name != "nodePort" or value not in had}
            for port in spec.get("ports") or ()
        ]
    return kept


def _keep_ports(spec: Object, was: Object) -> None:
    """Ports of the same number and protocol keep their node port."""
    given = {_which(port): port.get("nodePort") for port in was.get("ports") or ()}
    spec["ports"] = [
        {**port, "nodePort": given[_which(port)]}
        if not port.get("nodePort") and given.get(_which(port))
        else port
        for port in spec.get("ports") or ()
    ]
    if was.get("healthCheckNodePort") and _checked(spec):
        spec.setdefault("healthCheckNodePort", was["healthCheckNodePort"])


def _which(port: Object) -> tuple[Any, Any]:
    return port.get("protocol"), port.get("port")
