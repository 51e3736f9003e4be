"""May he: the chain, and its words."""

import pytest

from k8s_ref.apiserver.authorization import Attributes, attributes_of, path_words
from k8s_ref.apiserver.request import Request
from tests.apiserver.callers import Server, known, rule

CASES = [
    ("GET", "/api/v1/namespaces/e/pods", None,
     'pods is forbidden: User "bob" cannot list resource "pods" in API group "" in the'
     ' namespace "e"'),
    ("GET", "/api/v1/namespaces/e/pods/bp", None,
     'pods "bp" is forbidden: User "bob" cannot get resource "pods" in API group "" in the'
     ' namespace "e"'),
    ("GET", "/api/v1/pods", None,
     'pods is forbidden: User "bob" cannot list resource "pods" in API group "" at the cluster'
     " scope"),
    ("GET", "/api/v1/namespaces/e/pods", {"watch": "1"},
     'pods is forbidden: User "bob" cannot watch resource "pods" in API group "" in the namespace'
     ' "e"'),
    ("GET", "/apis/apps/v1/namespaces/e/deployments/dp/scale", None,
     'deployments.apps "dp" is forbidden: User "bob" cannot get resource "deployments/scale" in API'
     ' group "apps" in the namespace "e"'),
    ("DELETE", "/api/v1/namespaces/e/pods", None,
     'pods is forbidden: User "bob" cannot deletecollection resource "pods" in API group "" in the'
     ' namespace "e"'),
    ("GET", "/api/v1/namespaces/e", None,
     'namespaces "e" is forbidden: User "bob" cannot get resource "namespaces" in API group "" in'
     ' the namespace "e"'),
    ("GET", "/metrics", None, 'forbidden: User "bob" cannot get path "/metrics"'),
    ("GET", "/api/v1/namespaces/e/foos", None,
     'foos is forbidden: User "bob" cannot list resource "foos" in API group "" in the namespace'
     ' "e"'),
    ("GET", "/apis/example.com/v1/namespaces/d/widgets/w1", None,
     'widgets.example.com "w1" is forbidden: User "bob" cannot get resource "widgets" in API group'
     ' "example.com" in the namespace "d"'),
    ("GET", "/api/v1/nodes", {"fieldSelector": "metadata.name=n1"},
     'nodes "n1" is forbidden: User "bob" cannot list resource "nodes" in API group "" at the'
     " cluster scope"),
]  # fmt: skip


@pytest.fixture
def server():
    return Server()


@pytest.mark.parametrize(("method", "path", "query", "message"), CASES)
def test_a_refusal_says_who_may_not_do_what_where(server, method, path, query, message):
    code, answer = server.as_bob(method, path, query=query)
    assert (code, answer["reason"], answer["message"]) == (403, "Forbidden", message)


def test_a_path_that_is_no_resource_has_no_details(server):
    assert server.as_bob("GET", "/metrics")[1]["details"] == {}


def test_whoever_may_look_is_told_that_there_is_nothing(server):
    assert server.call("GET", "/api/v1/namespaces/e/foos")[0] == 404


def test_the_masters_need_no_role(server):
    for name in list(server.server.registry("clusterrolebindings").cache.objects):
        server.do(server.api.delete("clusterrolebindings", name))
    assert server.call("GET", "/api/v1/namespaces/default/pods")[0] == 200


def test_a_decision_is_forgotten_when_roles_change(server):
    server.allow("reader", rule("list", "pods"))
    bob = known("bob")
    request = Request("list", server.server.kinds["pods"], "default", user=bob)
    assert server.do(server.server.handle(request)).code == 200
    server.do(server.api.delete("clusterrolebindings", "reader"))
    assert server.do(server.server.handle(request)).code == 403


def test_what_is_allowed_everywhere_is_decided_once(server):
    server.allow("reader", rule("list", "pods"))
    chain = server.access.authorization
    request = Request("list", server.server.kinds["pods"], "default", user=known("bob"))
    chain.check(request)
    chain.authorizers = ()
    chain.check(request)
    assert chain.decide(request).reason.startswith('RBAC: allowed by ClusterRoleBinding "reader"')


def test_what_is_allowed_in_one_namespace_is_not_taken_for_another(server):
    server.allow("reader", rule("list", "pods"), namespace="default")
    pods = server.server.kinds["pods"]
    for namespace, code in (("default", 200), ("kube-system", 403)):
        request = Request("list", pods, namespace, user=known("bob"))
        assert server.do(server.server.handle(request)).code == code


def test_a_component_in_this_process_is_asked_as_well(server):
    request = Request("list", server.server.kinds["secrets"], user=known("system:kube-scheduler"))
    assert server.do(server.server.handle(request)).body["message"] == (
        'secrets is forbidden: User "system:kube-scheduler" cannot list resource "secrets" in API'
        ' group "" at the cluster scope'
    )


def test_whoever_may_not_is_refused_before_the_object_is_looked_at(server):
    assert server.as_bob("POST", "/api/v1/namespaces/gone/pods", {"kind": "Nonsense"})[0] == 403


def test_the_words_of_a_path_are_those_of_the_request_it_becomes(server):
    bob = known("bob")
    words = Attributes(bob, "get", "", "namespaces", "status", "e", "e")
    kind = server.server.kinds["namespaces"]
    assert path_words(bob, "GET", "/api/v1/namespaces/e/status", {}) == words
    assert attributes_of(Request("get", kind, "", "e", "status", user=bob)) == words
