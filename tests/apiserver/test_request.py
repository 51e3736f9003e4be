"""Paths and what they mean."""

import pytest

from k8s_ref.apiserver.request import parse
from k8s_ref.machinery.errors import MethodNotAllowed, NotFound
from k8s_ref.machinery.kinds import KINDS


@pytest.mark.parametrize(
    ("method", "path", "meaning"),
    [
        ("GET", "/api/v1/pods", ("list", "pods", "", "", "")),
        ("GET", "/api/v1/namespaces", ("list", "namespaces", "", "", "")),
        ("GET", "/api/v1/namespaces/default", ("get", "namespaces", "", "default", "")),
        ("PUT", "/api/v1/namespaces/x/status", ("update", "namespaces", "", "x", "status")),
        ("GET", "/api/v1/namespaces/x/pods", ("list", "pods", "x", "", "")),
        ("GET", "/api/v1/namespaces/x/pods/", ("list", "pods", "x", "", "")),
        ("POST", "/api/v1/namespaces/x/pods/a/binding", ("create", "pods", "x", "a", "binding")),
        ("PATCH", "/apis/apps/v1/namespaces/x/replicasets/a/scale",
         ("patch", "replicasets", "x", "a", "scale")),
        ("DELETE", "/api/v1/namespaces/x/pods", ("deletecollection", "pods", "x", "", "")),
        ("DELETE", "/api/v1/nodes/node-1", ("delete", "nodes", "", "node-1", "")),
    ],
)  # fmt: skip
def test_a_path_means_a_verb_a_resource_and_an_object(method, path, meaning):
    r = parse(KINDS, method, path)
    assert (r.verb, r.kind.plural, r.namespace, r.name, r.subresource) == meaning


def test_a_get_with_watch_is_a_watch():
    assert parse(KINDS, "GET", "/api/v1/pods", {"watch": "true"}).verb == "watch"


@pytest.mark.parametrize(
    "path",
    ["/", "/api", "/api/v1", "/api/v2/pods", "/apis/apps/v1", "/apis/apps/v1/pods", "/api/v1/dogs",
     "/api/v1/namespaces/x/nodes/n", "/api/v1/namespaces/x/pods/a/log/more"],
)  # fmt: skip
def test_where_no_resource_lives_nothing_is_found(path):
    with pytest.raises(NotFound, match="the server could not find the requested resource"):
        parse(KINDS, "GET", path)


def test_an_unknown_method_is_refused():
    with pytest.raises(MethodNotAllowed):
        parse(KINDS, "BREW", "/api/v1/pods")
