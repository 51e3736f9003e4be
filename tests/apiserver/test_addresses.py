"""Addresses and node ports of Services, through a client."""

from ipaddress import ip_address
from types import SimpleNamespace

import pytest

from k8s_ref.apiserver.addresses import RANGE
from k8s_ref.machinery.errors import Invalid
from tests.harness import ControlPlane


@pytest.fixture
def plane():
    return ControlPlane()


def service(name="web", ports=({"port": 80},), **spec):
    return {
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"selector": {"app": "web"}, "ports": list(ports), **spec},
    }


def created(plane, obj=None, **spec):
    return plane.do(plane.api.create("services", obj or service(**spec)))["spec"]


def updated(plane, change):
    return plane.do(plane.api.patch("services", "default/web", {"spec": change}))["spec"]


def test_a_service_gets_an_address_of_its_own(plane):
    first, second = created(plane), created(plane, service("other"))
    assert ip_address(first["clusterIP"]) in RANGE
    assert first["clusterIPs"] == [first["clusterIP"]] != second["clusterIPs"]
    assert (first["ipFamilies"], first["ipFamilyPolicy"]) == (["IPv4"], "SingleStack")


def test_the_same_seed_gives_the_same_addresses():
    assert created(ControlPlane(3)) == created(ControlPlane(3)) != created(ControlPlane(4))


def test_an_address_that_is_taken_is_not_given_again(plane, monkeypatch):
    draws = iter([300, 300, 301])
    addresses = plane.server.registry("services").reviser.__self__
    monkeypatch.setattr(addresses, "_random", SimpleNamespace(randrange=lambda *_: next(draws)))
    assert created(plane)["clusterIP"] == "10.96.1.44"
    assert created(plane, service("other"))["clusterIP"] == "10.96.1.45"


def test_an_address_that_is_asked_for_is_given_once(plane):
    assert created(plane, clusterIP="10.96.9.9")["clusterIPs"] == ["10.96.9.9"]
    words = r'^Service "b" is invalid: spec.clusterIPs: Invalid value: \["10.96.9.9"\]: failed to'
    with pytest.raises(Invalid, match=words + " allocate IP 10.96.9.9: provided IP is already al"):
        created(plane, service("b", clusterIP="10.96.9.9"))
    plane.do(plane.api.delete("services", "default/web"))
    assert created(plane, service("b", clusterIP="10.96.9.9"))["clusterIP"] == "10.96.9.9"


@pytest.mark.parametrize("address", ["10.1.1.1", "10.96.0.0", "10.96.255.255"])
def test_an_address_outside_the_range_is_refused(plane, address):
    with pytest.raises(Invalid, match="the provided network does not match the current range"):
        created(plane, clusterIP=address)


def test_the_address_of_the_api_is_taken(plane):
    with pytest.raises(Invalid, match="provided IP is already allocated"):
        created(plane, clusterIP="10.96.0.1")


def test_a_headless_service_has_no_address(plane):
    spec = created(plane, clusterIP="None")
    assert (spec["clusterIPs"], spec["ipFamilies"]) == (["None"], ["IPv4"])
    bare = created(plane, service("bare", selector=None, clusterIP="None"))
    assert (bare["ipFamilies"], bare["ipFamilyPolicy"]) == (["IPv4", "IPv6"], "RequireDualStack")


def test_a_mere_name_has_no_address(plane):
    spec = created(plane, type="ExternalName", externalName="example.com")
    assert not {"clusterIP", "clusterIPs", "ipFamilies"} & spec.keys()


def test_a_port_of_the_nodes_is_given_once(plane):
    (port,) = created(plane, type="NodePort")["ports"]
    assert 30086 <= port["nodePort"] <= 32767
    taken = service("b", [{"port": 80, "nodePort": port["nodePort"]}], type="NodePort")
    words = rf"spec.ports\[0\].nodePort: Invalid value: {port['nodePort']}: provided port is alr"
    with pytest.raises(Invalid, match=words):
        created(plane, taken)


def test_a_port_outside_the_range_is_refused(plane):
    words = "provided port is not in the valid range. The range of valid ports is 30000-32767"
    with pytest.raises(Invalid, match=words):
        created(plane, type="NodePort", ports=[{"port": 80, "nodePort": 80}])


def test_two_protocols_may_share_a_number(plane):
    ports = [
        {"name": name, "port": 53, "nodePort": 30556, "protocol": name.upper()}
        for name in ("tcp", "udp")
    ]
    assert [p["nodePort"] for p in created(plane, type="NodePort", ports=ports)["ports"]] == [
        30556, 30556,
    ]  # fmt: skip


def test_a_balancer_that_keeps_the_sender_has_a_port_for_health_checks(plane):
    spec = created(plane, type="LoadBalancer", externalTrafficPolicy="Local")
    assert spec["healthCheckNodePort"] not in {p["nodePort"] for p in spec["ports"]}
    quiet = service("q", type="LoadBalancer", allocateLoadBalancerNodePorts=False)
    assert "nodePort" not in created(plane, quiet)["ports"][0]


def test_an_update_keeps_what_was_given_out(plane):
    before = created(plane, type="NodePort")
    after = updated(plane, {"ports": [{"port": 80, "targetPort": 8080}], "clusterIP": None})
    assert after["clusterIP"] == before["clusterIP"]
    assert after["ports"][0]["nodePort"] == before["ports"][0]["nodePort"]


def test_a_service_that_becomes_reachable_gets_a_port_and_gives_it_back(plane):
    created(plane)
    (port,) = updated(plane, {"type": "NodePort"})["ports"]
    assert port["nodePort"]
    (port,) = updated(plane, {"type": "ClusterIP"})["ports"]
    assert "nodePort" not in port


def test_an_address_does_not_change(plane):
    created(plane)
    with pytest.raises(Invalid, match=r"clusterIPs\[0\]: .*: may not change once set"):
        updated(plane, {"clusterIP": "10.96.3.4", "clusterIPs": ["10.96.3.4"]})


def test_this_cluster_has_one_family(plane):
    with pytest.raises(Invalid, match="this cluster is not configured for dual-stack services"):
        created(plane, ipFamilyPolicy="RequireDualStack")
    with pytest.raises(Invalid, match=r'ipFamilies\[0\]: Invalid value: "IPv6": not configured on'):
        created(plane, ipFamilies=["IPv6"])
