"""The heartbeat of a node."""

from tests.node.machines import Node


def get(node):
    return node.do(node.api.get("nodes", "node-1"))


def lease_of(node):
    return node.do(node.api.get("leases", "kube-node-lease/node-1"))


def test_the_lease_is_renewed_every_ten_seconds_and_belongs_to_the_node():
    node = Node()
    node.run(25)
    lease = node.do(node.api.get("leases", "kube-node-lease/node-1"))
    assert lease["spec"] == {
        "holderIdentity": "node-1",
        "leaseDurationSeconds": 40,
        "renewTime": "2026-01-01T00:00:20.000000Z",
    }
    assert lease["metadata"]["ownerReferences"][0]["uid"] == get(node)["metadata"]["uid"]


def test_a_lease_that_somebody_else_wrote_is_renewed_all_the_same():
    node = Node()
    node.run(5)
    change = {"metadata": {"labels": {"mine": "too"}}}
    node.do(node.api.patch("leases", "kube-node-lease/node-1", change))
    node.run(10)
    assert lease_of(node)["metadata"]["labels"] == {"mine": "too"}
    assert lease_of(node)["spec"]["renewTime"] == "2026-01-01T00:00:10.000000Z"


def test_a_lease_that_was_deleted_comes_back():
    node = Node()
    node.run(5)
    node.do(node.api.delete("leases", "kube-node-lease/node-1"))
    node.run(10)
    assert lease_of(node)["spec"]["renewTime"] == "2026-01-01T00:00:10.000000Z"


def test_a_renewal_is_one_call():
    node = Node()
    node.run(15)
    node.faults.add("delay", actor="kubelet/node-1", seconds=0.0)
    node.run(100)
    assert node.faults.rules[0].seen == 2 * 10
