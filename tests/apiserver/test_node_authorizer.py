"""What a kubelet may do."""

import pytest

from k8s_ref.apiserver.authorization import Attributes
from k8s_ref.apiserver.node_authorizer import node_of
from tests.apiserver.callers import Server, known
from tests.harness import pod

NODE = known("system:node:n1", "system:nodes")
NO_RELATION = "no relationship found between node 'n1' and this object"


@pytest.fixture
def server():
    found = Server()
    found.account()
    return found


def place(server, name, node="n1", **spec):
    """A Pod on a node."""
    server.do(server.api.create("pods", pod(name, **spec)))
    server.do(server.api.bind(f"default/{name}", node))


def ask(server, verb, resource, name="", namespace="default", group="", fields=""):
    plural, _, sub = resource.partition("/")
    words = Attributes(NODE, verb, group, plural, sub, namespace, name, fields=fields)
    return server.access.authorization.authorize(words)


def test_a_node_is_known_by_its_name_and_its_group():
    assert node_of(NODE) == "n1"
    assert node_of(known("system:node:n1")) is None
    assert node_of(known("bob", "system:nodes")) is None


def test_a_secret_is_read_where_a_pod_that_uses_it_runs(server):
    volume = {"name": "v", "secret": {"secretName": "key"}}
    place(server, "a", volumes=[volume])
    place(server, "b", "n2", volumes=[{"name": "v", "secret": {"secretName": "other"}}])
    assert ask(server, "get", "secrets", "key").allowed
    assert ask(server, "get", "secrets", "other") == (False, NO_RELATION, False)
    assert not ask(server, "get", "secrets", "key", "kube-system").allowed


@pytest.mark.parametrize(
    ("resource", "name", "spec"),
    [
        ("secrets", "pull", {"imagePullSecrets": [{"name": "pull"}]}),
        ("secrets", "s", {"volumes": [{"name": "v", "projected": {"sources": [
            {"secret": {"name": "s"}}]}}]}),
        ("configmaps", "c", {"volumes": [{"name": "v", "configMap": {"name": "c"}}]}),
        ("configmaps", "kube-root-ca.crt", {}),
        ("serviceaccounts", "default", {}),
        ("persistentvolumeclaims", "disk", {"volumes": [
            {"name": "v", "persistentVolumeClaim": {"claimName": "disk"}}]}),
    ],
)  # fmt: skip
def test_a_pod_leads_to_what_it_uses(server, resource, name, spec):
    assert ask(server, "get", resource, name).reason == NO_RELATION
    place(server, "a", **spec)
    assert ask(server, "get", resource, name).allowed


def test_a_container_leads_to_its_environment(server):
    env = [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]
    container = {"name": "c", "image": "nginx", "env": env,
                 "envFrom": [{"configMapRef": {"name": "m"}}]}  # fmt: skip
    place(server, "a", containers=[container])
    assert ask(server, "get", "secrets", "s").allowed
    assert ask(server, "get", "configmaps", "m").allowed


def test_when_the_pod_is_gone_the_secret_is_no_longer_read(server):
    place(server, "a", volumes=[{"name": "v", "secret": {"secretName": "key"}}])
    server.do(server.api.delete("pods", "default/a", grace=0))
    assert ask(server, "get", "secrets", "key").reason == NO_RELATION


def test_its_own_pods_alone_are_listed(server):
    mine = ask(server, "list", "pods", namespace="", fields="spec.nodeName=n1")
    assert mine.allowed
    why = "can only list/watch pods with spec.nodeName field selector"
    assert ask(server, "list", "pods", namespace="").reason == why
    assert ask(server, "watch", "pods", namespace="", fields="spec.nodeName=n2").reason == why


@pytest.mark.parametrize(
    ("verb", "resource", "name", "namespace", "group", "why"),
    [
        ("delete", "secrets", "x", "default", "", "can only read resources of this type"),
        ("list", "secrets", "", "default", "", "No Object name found"),
        ("list", "persistentvolumes", "", "", "",
         "can only get individual resources of this type"),
        ("get", "nodes", "n2", "", "", "node 'n1' cannot read 'n2', only its own Node object"),
        ("list", "nodes", "", "", "", "node 'n1' cannot read all nodes, only its own Node object"),
        ("update", "leases", "n2", "kube-node-lease", "coordination.k8s.io",
         "can only access node lease with the same name as the requesting node"),
        ("get", "leases", "n1", "default", "coordination.k8s.io",
         'can only access leases in the "kube-node-lease" system namespace'),
        ("list", "leases", "", "kube-node-lease", "coordination.k8s.io",
         "can only get, create, update, patch, or delete a node lease"),
        ("get", "csinodes", "n2", "", "storage.k8s.io",
         "can only access CSINode with the same name as the requesting node"),
        ("create", "serviceaccounts/token", "default", "default", "", NO_RELATION),
        ("create", "serviceaccounts", "", "default", "",
         "can only create tokens for individual service accounts"),
        ("delete", "deployments", "web", "default", "apps", ""),
    ],
)  # fmt: skip
def test_everything_else_is_refused_in_upstreams_words(
    server, verb, resource, name, namespace, group, why
):
    assert ask(server, verb, resource, name, namespace, group) == (False, why, False)


@pytest.mark.parametrize(
    ("verb", "resource", "name", "namespace", "group"),
    [
        ("get", "nodes", "n1", "", ""),
        ("patch", "nodes/status", "n1", "", ""),
        ("patch", "pods/status", "a", "default", ""),
        ("create", "events", "", "default", "events.k8s.io"),
        ("update", "leases", "n1", "kube-node-lease", "coordination.k8s.io"),
        ("list", "services", "", "", ""),
    ],
)
def test_what_a_kubelet_needs_it_may(server, verb, resource, name, namespace, group):
    assert ask(server, verb, resource, name, namespace, group).allowed


def test_what_a_node_may_cannot_be_listed(server):
    errors = server.access.authorization.rules_for(NODE, "default").errors
    assert errors == ["node authorizer does not support user rule resolution"]
