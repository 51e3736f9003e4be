"""The Node object, its heartbeats, and what of it belongs to others."""

from k8s_ref.machinery.meta import with_path
from k8s_ref.node.node_status import machine_of
from tests.node.machines import Node


def get(node):
    return node.do(node.api.get("nodes", "node-1"))


def ready(node):
    return next(c for c in get(node)["status"]["conditions"] if c["type"] == "Ready")


def test_a_node_registers_itself():
    obj = get(Node())
    assert obj["metadata"]["labels"] == {
        "kubernetes.io/hostname": "node-1",
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
    }
    assert obj["spec"]["podCIDR"] == "10.244.0.0/24"
    status = obj["status"]
    assert status["capacity"]["pods"] == status["allocatable"]["pods"] == "110"
    assert status["nodeInfo"]["kubeletVersion"] == "v1.36.2"
    assert status["addresses"][0] == {"type": "InternalIP", "address": "172.18.0.2"}
    reasons = [(c["type"], c["status"], c["reason"]) for c in status["conditions"]]
    assert reasons == [
        ("MemoryPressure", "False", "KubeletHasSufficientMemory"),
        ("DiskPressure", "False", "KubeletHasNoDiskPressure"),
        ("PIDPressure", "False", "KubeletHasSufficientPID"),
        ("Ready", "True", "KubeletReady"),
    ]


def test_an_unchanged_status_is_written_every_five_minutes():
    node = Node()
    node.run(301)
    writes = node.loop.trace.select(verb="status", subject="nodes/")
    assert [r.at / 1e9 for r in writes] == [300]
    assert ready(node)["lastHeartbeatTime"] == "2026-01-01T00:05:00Z"
    assert ready(node)["lastTransitionTime"] == "2026-01-01T00:00:00Z"


def test_images_that_arrived_are_told_within_ten_seconds():
    node = Node()
    node.create()
    node.run(11)
    (image,) = get(node)["status"]["images"]
    assert image["names"][1] == "docker.io/library/nginx:latest"
    assert image["sizeBytes"] == 59_773_578


def test_a_node_that_was_given_up_says_that_it_lives():
    node = Node()
    conditions = [
        {**c, "status": "Unknown", "reason": "NodeStatusUnknown"}
        for c in get(node)["status"]["conditions"]
    ]
    conditions.append({"type": "NetworkUnavailable", "status": "False"})
    node.do(
        node.api.update_status("nodes", with_path(get(node), ("status", "conditions"), conditions))
    )
    node.run(11)
    assert ready(node)["status"] == "True"
    assert ready(node)["lastTransitionTime"] == "2026-01-01T00:00:10Z"
    types = [c["type"] for c in get(node)["status"]["conditions"]]
    assert "NetworkUnavailable" in types


def test_a_kubelet_that_starts_again_takes_its_node_over():
    node = Node()
    node.do(node.api.patch("nodes", "node-1", {"metadata": {"labels": {"disk": "ssd"}}}))
    uid = get(node)["metadata"]["uid"]
    node.process.crash()
    node.run(5)
    assert get(node)["metadata"]["uid"] == uid
    assert get(node)["metadata"]["labels"]["disk"] == "ssd"


def test_no_two_machines_share_an_address():
    cidrs = [f"10.{244 + n // 256}.{n % 256}.0/24" for n in range(1000)]
    assert len({machine_of(cidr).address for cidr in cidrs}) == 1000
