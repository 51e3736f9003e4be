"""What objects use of what quotas limit."""

import pytest

from k8s_ref.apiserver.admission.usage import pod_total, texts, usage_of
from k8s_ref.machinery.kinds import KINDS
from tests.harness import pod

LATER = 10**19


def used(resource, obj, now=0):
    return texts(usage_of(KINDS[resource], obj, now))


def container(cpu, **more):
    return {"name": "c", "image": "x", "resources": {"requests": {"cpu": cpu}}, **more}


def test_a_pod_uses_what_its_containers_ask_for_and_one_place():
    found = used("pods", {**pod(containers=[container("1"), container("250m")]), "status": {}})
    assert found == {"count/pods": "1", "cpu": "1250m", "pods": "1", "requests.cpu": "1250m"}


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_pod_that_has_ended_is_only_counted(phase):
    assert used("pods", {**pod(), "status": {"phase": phase}}) == {"count/pods": "1"}


def test_a_pod_whose_time_to_end_has_run_out_gives_back_what_it_used():
    going = pod()
    going["metadata"] |= {"deletionTimestamp": "2026-01-01T00:00:00Z",
                          "deletionGracePeriodSeconds": 30}  # fmt: skip
    assert "pods" in used("pods", going)
    assert used("pods", going, LATER) == {"count/pods": "1"}


def test_starting_may_take_more_than_running_and_sidecars_are_there_all_the_time():
    sidecar = container("1", restartPolicy="Always")
    spec = {"containers": [container("1")], "initContainers": [sidecar, container("3")]}
    assert texts(pod_total(spec, "requests")) == {"cpu": "4"}
    spec["initContainers"].reverse()
    assert texts(pod_total(spec, "requests")) == {"cpu": "3"}


def test_the_overhead_of_a_runtime_comes_on_top():
    spec = {"containers": [container("1")], "overhead": {"cpu": "100m"}}
    assert texts(pod_total(spec, "requests")) == {"cpu": "1100m"}
    assert pod_total(spec, "limits") == {}


def test_what_only_some_nodes_have_is_counted_as_requested():
    asked = {"requests": {"example.com/gpu": "2"}, "limits": {"example.com/gpu": "2"}}
    found = used("pods", pod(containers=[{"name": "c", "image": "x", "resources": asked}]))
    assert found == {"count/pods": "1", "pods": "1", "requests.example.com/gpu": "2"}


def test_a_balancer_may_do_without_node_ports():
    spec = {"type": "LoadBalancer", "ports": [{"port": 1}, {"port": 2, "nodePort": 30000}]}
    assert used("services", {"spec": spec})["services.nodeports"] == "2"
    found = used("services", {"spec": {**spec, "allocateLoadBalancerNodePorts": False}})
    assert (found["services.nodeports"], found["services.loadbalancers"]) == ("1", "1")


def test_storage_is_counted_by_class_too():
    spec = {"storageClassName": "fast", "resources": {"requests": {"storage": "5Gi"}}}
    found = used("persistentvolumeclaims", {"spec": spec})
    assert found["fast.storageclass.storage.k8s.io/requests.storage"] == "5Gi"
    assert found["fast.storageclass.storage.k8s.io/persistentvolumeclaims"] == "1"
    assert found["requests.storage"] == "5Gi"
