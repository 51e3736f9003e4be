"""Discovery: the documents a client reads before it can ask for anything."""

import json

import pytest

from k8s_ref.apiserver.discovery import answer, root_paths
from k8s_ref.apiserver.http import HTTPRequest
from k8s_ref.apiserver.routes import Routes
from k8s_ref.machinery.kinds import KINDS
from tests.harness import ControlPlane

V2 = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
V2BETA1 = V2.replace("v=v2", "v=v2beta1")

CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "crontabs.stable.example.com"},
    "spec": {
        "group": "stable.example.com",
        "scope": "Namespaced",
        "names": {"plural": "crontabs", "kind": "CronTab", "shortNames": ["ct"]},
        "versions": [
            {
                "name": name,
                "served": True,
                "storage": name == "v1",
                "schema": {"openAPIV3Schema": {"type": "object"}},
            }
            for name in ("v1beta1", "v1")
        ],
    },
}


def read(path, accept="application/json", kinds=KINDS, **more):
    """The JSON at a path."""
    return json.loads(answer(path, accept, kinds, **more).body)


def entry(document, name):
    """A resource of a legacy list."""
    return next(each for each in document["resources"] if each["name"] == name)


def test_the_groups_stand_in_the_order_of_preference():
    names = [group["metadata"]["name"] for group in read("/apis", V2)["items"]]
    assert names[:4] == ["apiregistration.k8s.io", "apps", "events.k8s.io", "authentication.k8s.io"]
    assert names[-1] == "flowcontrol.apiserver.k8s.io"
    assert [group["name"] for group in read("/apis")["groups"]] == names


def test_api_has_the_core_group_and_apis_all_others():
    (core,) = read("/api", V2)["items"]
    assert core["metadata"] == {}
    assert [each["version"] for each in core["versions"]] == ["v1"]
    assert all(group["metadata"]["name"] for group in read("/apis", V2)["items"])


def test_a_resource_is_described_with_its_subresources_by_name():
    (core,) = read("/api", V2)["items"]
    found = {each["resource"]: each for each in core["versions"][0]["resources"]}
    assert list(found) == sorted(found)
    subresources = found["pods"].pop("subresources")
    assert found["pods"] == {
        "resource": "pods",
        "responseKind": {"group": "", "version": "", "kind": "Pod"},
        "scope": "Namespaced",
        "singularResource": "pod",
        "verbs": [
            "create",
            "delete",
            "deletecollection",
            "get",
            "list",
            "patch",
            "update",
            "watch",
        ],
        "shortNames": ["po"],
        "categories": ["all"],
    }
    assert [sub["subresource"] for sub in subresources] == [
        "attach", "binding", "ephemeralcontainers", "eviction", "exec", "log", "portforward",
        "proxy", "resize", "status",
    ]  # fmt: skip
    assert subresources[3] == {
        "subresource": "eviction",
        "responseKind": {"group": "policy", "version": "v1", "kind": "Eviction"},
        "verbs": ["create"],
    }


@pytest.mark.parametrize(
    ("accept", "version"),
    [
        (f"{V2},{V2BETA1},application/json", "v2"),
        (f"{V2BETA1},application/json", "v2beta1"),
        (f"{V2};q=0.5,{V2BETA1}", "v2beta1"),
        ("application/json;g=apidiscovery.k8s.io;v=v3;as=APIGroupDiscoveryList," + V2, "v2"),
    ],
)
def test_a_caller_gets_the_first_form_it_names_that_the_server_has(accept, version):
    document = answer("/apis", accept, KINDS)
    assert document.content_type == V2.replace("v=v2", f"v={version}")
    assert json.loads(document.body)["apiVersion"] == f"apidiscovery.k8s.io/{version}"


@pytest.mark.parametrize("accept", ["", "*/*", "application/json", f"application/json,{V2}"])
def test_who_does_not_ask_for_everything_at_once_gets_the_old_form(accept):
    assert read("/apis", accept)["kind"] == "APIGroupList"


def test_who_has_the_document_is_told_only_that_it_has_not_changed():
    first = answer("/apis", V2, KINDS)
    again = answer("/apis", V2, KINDS, first.headers["ETag"])
    assert (again.code, again.body) == (304, b"")
    assert first.headers["Vary"] == "Accept"
    assert answer("/apis", V2, KINDS, '"other"').code == 200


def test_the_legacy_documents_say_what_kubectl_drain_and_old_clients_look_for():
    assert read("/api", address="10.0.0.1:6443") == {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [
            {"clientCIDR": "0.0.0.0/0", "serverAddress": "10.0.0.1:6443"}
        ],
    }
    core = read("/api/v1")
    assert "apiVersion" not in core
    assert entry(core, "pods/eviction") == {
        "name": "pods/eviction",
        "singularName": "",
        "namespaced": True,
        "group": "policy",
        "version": "v1",
        "kind": "Eviction",
        "verbs": ["create"],
    }
    assert entry(core, "configmaps")["storageVersionHash"] == "qFsyl6wFWjQ="
    assert "storageVersionHash" not in entry(core, "componentstatuses")
    apps = read("/apis/apps/v1/")
    assert apps["apiVersion"] == "v1"
    assert entry(apps, "deployments")["categories"] == ["all"]


def test_a_group_names_its_best_version_first():
    assert read("/apis/autoscaling") == {
        "kind": "APIGroup",
        "apiVersion": "v1",
        "name": "autoscaling",
        "versions": [
            {"groupVersion": "autoscaling/v2", "version": "v2"},
            {"groupVersion": "autoscaling/v1", "version": "v1"},
        ],
        "preferredVersion": {"groupVersion": "autoscaling/v2", "version": "v2"},
    }


@pytest.mark.parametrize("path", ["/apis/nope", "/apis/apps/v9", "/apis/nope/v1", "/api/v2"])
def test_where_nobody_lives_there_is_a_page_and_no_status(path):
    document = answer(path, "application/json", KINDS)
    assert (document.code, document.body) == (404, b"404 page not found\n")
    assert document.content_type == "text/plain; charset=utf-8"


@pytest.mark.parametrize("path", ["/api/v1/pods", "/apis/apps/v1/deployments", "/version", "/"])
def test_other_paths_are_left_to_others(path):
    assert answer(path, "application/json", KINDS) is None


def test_a_custom_resource_is_in_every_document_as_soon_as_it_is_defined():
    plane = ControlPlane()
    plane.do(plane.api.create("customresourcedefinitions", CRD))
    plane.loop.run(1)
    kinds = plane.server.kinds
    (group,) = [g for g in read("/apis", V2, kinds)["items"] if "example" in g["metadata"]["name"]]
    assert [version["version"] for version in group["versions"]] == ["v1", "v1beta1"]
    assert read("/apis/stable.example.com", kinds=kinds)["preferredVersion"]["version"] == "v1"
    assert entry(read("/apis/stable.example.com/v1", kinds=kinds), "crontabs")["shortNames"] == [
        "ct"
    ]
    assert "/apis/stable.example.com/v1" in json.loads(root_paths(kinds).body)["paths"]


def test_groups_of_other_servers_stand_among_those_that_were_added():
    remote = {"metadata": {"name": "metrics.k8s.io"}, "versions": [{"version": "v1beta1"}]}
    assert read("/apis", V2, remote=[remote])["items"][-1] == remote
    assert read("/apis", remote=[remote])["groups"][-1]["name"] == "metrics.k8s.io"


def test_the_routes_of_a_server_answer_all_that_is_no_resource():
    routes = Routes(ControlPlane().server)

    def get(path, method="GET", **query):
        found = routes(HTTPRequest(method, path, {name: [v] for name, v in query.items()}))
        return found and (found.code, found.body[:9])

    assert get("/") == (200, b'{\n  "path')
    assert get("/apis/") == (200, b'{"kind":"')
    assert get("/openapi/v3") == (200, b'{"paths":')
    assert get("/version/") == (200, b'{\n  "majo')
    assert get("/livez") == (200, b"ok")
    assert get("/metrics") == (200, b"# HELP ap")
    assert get("/nothing", "POST") == (404, b"404 page ")
    assert get("/apis/foo.example.org/v1/bars") == (404, b"404 page ")
    assert get("/api/v1/pods") is get("/apis/apps/v9/deployments") is None
    paths = json.loads(routes(HTTPRequest("GET", "/")).body)["paths"]
    assert {"/api/v1", "/apis/", "/openapi/v3", "/livez/ping", "/metrics", "/version"} <= {*paths}
