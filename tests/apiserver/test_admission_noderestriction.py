"""What a kubelet may not do although it is a kubelet."""

import pytest

from k8s_ref.apiserver.admission.noderestriction import NodeRestriction, node_of
from k8s_ref.apiserver.request import ADMIN, Request, User
from k8s_ref.machinery.errors import Forbidden, NotFound
from tests.harness import ControlPlane, pod

KUBELET = User("system:node:n1", ("system:nodes", "system:authenticated"))
MIRROR = {"kubernetes.io/config.mirror": "x"}


class Plane(ControlPlane):
    """Two nodes, and a Pod on each."""

    def __init__(self):
        super().__init__()
        for name in ("n1", "n2"):
            self.do(self.api.create("nodes", {"metadata": {"name": name}}))
            self.do(self.api.create("pods", pod(f"on-{name}", nodeName=name)))
        plugins = self.server.registry("pods").admission.plugins
        (self.plugin,) = [each for each in plugins if isinstance(each, NodeRestriction)]

    def ask(self, resource, obj, old=None, key="", part="", user=KUBELET):
        namespace, _, name = key.rpartition("/")
        kind = self.server.kinds[resource]
        request = Request("update", kind, namespace, name, part, body=obj, user=user)
        self.plugin.validate(request, obj, old)

    def get(self, resource, key):
        return self.do(self.api.get(resource, key))

    def refusal(self, *args, **more):
        with pytest.raises(Forbidden) as caught:
            self.ask(*args, **more)
        return str(caught.value).partition(" is forbidden: ")[2]


@pytest.fixture
def plane():
    return Plane()


def changed(obj, **parts):
    return {**obj, **{name: {**obj[name], **value} for name, value in parts.items()}}


def test_a_kubelet_is_known_by_its_name_and_its_group():
    assert node_of(KUBELET) == "n1"
    assert node_of(User("system:node:n1")) is None
    assert node_of(ADMIN) is None


def test_others_are_not_held_back(plane):
    n2 = plane.get("nodes", "n2")
    plane.ask("nodes", changed(n2, spec={"taints": []}), n2, "n2", user=ADMIN)


def test_a_node_may_change_itself_and_no_other(plane):
    n1, n2 = plane.get("nodes", "n1"), plane.get("nodes", "n2")
    plane.ask("nodes", changed(n1, status={}), n1, "n1", "status")
    assert plane.refusal("nodes", n2, n2, "n2") == ('node "n1" is not allowed to modify node "n2"')


def test_a_node_may_not_make_itself_attractive(plane):
    n1 = plane.get("nodes", "n1")
    taint = {"key": "a", "effect": "NoSchedule"}
    assert plane.refusal("nodes", changed(n1, spec={"taints": [taint]}), n1, "n1") == (
        'node "n1" is not allowed to modify taints'
    )
    labels = {"node-restriction.kubernetes.io/x": "y", "app": "web", "kubernetes.io/os": "linux",
              "foo.k8s.io/x": "y", "kubelet.kubernetes.io/x": "y"}  # fmt: skip
    labelled = changed(n1, metadata={"labels": labels})
    both = "foo.k8s.io/x, node-restriction.kubernetes.io/x"
    assert plane.refusal("nodes", labelled, n1, "n1") == f"is not allowed to modify labels: {both}"
    assert plane.refusal("nodes", labelled, None, "n1") == (
        f'node "n1" is not allowed to set the following labels: {both}'
    )


def test_a_kubelet_deletes_and_evicts_its_own_pods_only(plane):
    plane.ask("pods", None, plane.get("pods", "default/on-n1"), "default/on-n1")
    other = plane.get("pods", "default/on-n2")
    assert plane.refusal("pods", None, other, "default/on-n2") == (
        'node "n1" can only delete pods with spec.nodeName set to itself'
    )
    eviction = {"metadata": {"name": "on-n2"}}
    assert plane.refusal("pods", eviction, None, "default/on-n2", "eviction") == (
        "node n1 can only evict pods with spec.nodeName set to itself"
    )
    with pytest.raises(NotFound):
        plane.ask("pods", eviction, None, "default/nobody", "eviction")


def test_a_kubelet_writes_the_status_of_its_own_pods_and_nothing_else_through_it(plane):
    own, other = plane.get("pods", "default/on-n1"), plane.get("pods", "default/on-n2")
    plane.ask("pods", own, own, "default/on-n1", "status")
    assert plane.refusal("pods", other, other, "default/on-n2", "status") == (
        'node "n1" can only update pod status for pods with spec.nodeName set to itself'
    )
    labelled = changed(own, metadata={"labels": {"a": "b"}})
    assert plane.refusal("pods", labelled, own, "default/on-n1", "status") == (
        'node "n1" cannot update labels through pod status'
    )


def test_a_kubelet_makes_no_pods_but_mirrors_of_what_it_runs_itself(plane):
    uid = plane.get("nodes", "n1")["metadata"]["uid"]
    owner = {"apiVersion": "v1", "kind": "Node", "name": "n1", "uid": uid, "controller": True}
    good = changed(pod(nodeName="n1"), metadata={"annotations": MIRROR, "ownerReferences": [owner]})
    plane.ask("pods", good)
    cases = {
        "pod does not have": changed(good, metadata={"annotations": {}}),
        "with spec.nodeName set": changed(good, spec={"nodeName": "n2"}),
        "with an owner reference": changed(good, metadata={"ownerReferences": []}),
        "UID mismatch": changed(good, metadata={"ownerReferences": [{**owner, "uid": "x"}]}),
        "reference a service account": changed(good, spec={"serviceAccountName": "admin"}),
        "reference secrets": changed(good, spec={"volumes": [{"name": "v", "secret": {}}]}),
        "reference persistentvolumeclaims": changed(
            good, spec={"volumes": [{"name": "v", "persistentVolumeClaim": {}}]}
        ),
    }
    for words, obj in cases.items():
        assert words in plane.refusal("pods", obj)
    assert "can only create and delete mirror pods" in plane.refusal("pods", good, good)


def test_a_kubelet_renews_its_own_lease(plane):
    lease = {"metadata": {"name": "n1", "namespace": "kube-node-lease"}, "spec": {}}
    plane.ask("leases", lease, key="kube-node-lease/n1")
    assert "same name as the requesting node" in plane.refusal(
        "leases", changed(lease, metadata={"name": "n2"}), key="kube-node-lease/n2"
    )
    assert "system namespace" in plane.refusal("leases", lease, key="default/n1")
