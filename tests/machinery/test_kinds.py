"""Tests of the kinds table; the numbers and names are those of a Kubernetes 1.36 server."""

from __future__ import annotations

import pytest

from k8s_ref.machinery.kinds import KINDS, Kind


def test_every_built_in_resource_is_there_once() -> None:
    assert len(KINDS) == 68
    assert len({(row.group, row.version, row.plural) for row in KINDS}) == 68
    assert len({row.gvk for row in KINDS}) == 68


@pytest.mark.parametrize(
    "name",
    ["pods", "pod", "po", "Pod", "POD", "pods.", "pods.v1."],
)
def test_a_pod_may_be_called_by_any_of_its_names(name: str) -> None:
    assert KINDS[name].gvk == ("", "v1", "Pod")


@pytest.mark.parametrize(
    ("name", "resource"),
    [
        ("deploy", "deployments.apps"),
        ("deployments.apps", "deployments.apps"),
        ("deployments.v1.apps", "deployments.apps"),
        ("rs", "replicasets.apps"),
        ("Ingress", "ingresses.networking.k8s.io"),
        ("netpol", "networkpolicies.networking.k8s.io"),
        ("crds", "customresourcedefinitions.apiextensions.k8s.io"),
        ("endpoints", "endpoints"),
        ("ep", "endpoints"),
        ("cs", "componentstatuses"),
    ],
)
def test_names_lead_to_the_resource_kubectl_finds(name: str, resource: str) -> None:
    assert KINDS[name].resource == resource


def test_an_ambiguous_name_means_the_core_group_and_then_the_newest_version() -> None:
    assert KINDS["events"].group == ""
    assert KINDS["ev"].group == ""
    assert KINDS["events.events.k8s.io"].group == "events.k8s.io"
    assert KINDS["hpa"].version == "v2"
    assert KINDS["hpa.v1.autoscaling"].version == "v1"


def test_an_unknown_name_is_refused_in_kubectls_words() -> None:
    assert KINDS.find("gadgets") is None
    with pytest.raises(KeyError) as error:
        KINDS["gadgets"]
    assert error.value.args == ('the server doesn\'t have a resource type "gadgets"',)


def test_an_object_finds_its_kind_and_a_path_its_resource() -> None:
    deployment = KINDS.of("apps/v1", "Deployment")
    assert deployment is KINDS.of_gvk("apps", "v1", "Deployment")
    assert deployment is KINDS.served("apps", "v1", "deployments")
    assert KINDS.of("v1", "Deployment") is None
    assert KINDS.served("", "v1", "deployments") is None


def test_paths_are_those_of_the_api() -> None:
    assert KINDS["pods"].path("default", "web", "log") == "/api/v1/namespaces/default/pods/web/log"
    assert KINDS["nodes"].path("ignored", "node-1") == "/api/v1/nodes/node-1"
    assert KINDS["deploy"].path("default") == "/apis/apps/v1/namespaces/default/deployments"


def test_the_table_knows_scope_verbs_and_subresources() -> None:
    assert KINDS["pods"].namespaced
    assert not KINDS["nodes"].namespaced
    assert "deletecollection" not in KINDS["namespaces"].verbs
    assert KINDS["tokenreviews"].verbs == ("create",)
    scale = KINDS["deployments"].subresource("scale")
    assert scale is not None
    assert (scale.group, scale.version, scale.kind) == ("autoscaling", "v1", "Scale")
    status = KINDS["deployments"].subresource("status")
    assert status is not None
    assert (status.group, status.kind, status.verbs[0]) == ("apps", "Deployment", "get")
    assert KINDS["configmaps"].subresource("status") is None


def test_get_all_asks_for_ten_kinds_in_the_order_of_the_groups() -> None:
    plurals = [row.plural for row in KINDS.in_category("all")]
    assert plurals[:3] == ["pods", "replicationcontrollers", "services"]
    assert plurals[-2:] == ["cronjobs", "jobs"]
    assert len(plurals) == 10


def test_a_custom_kind_is_known_to_the_new_table_and_not_to_the_old_one() -> None:
    widget = Kind("example.com", "v1", "Widget", "widgets", True, "widget", ("po", "wd"))
    table = KINDS.with_kinds([widget])
    assert table["wd"] is widget
    assert table["po"].kind == "Pod"
    assert KINDS.find("widgets") is None


def test_a_plural_wins_over_a_short_name_that_came_earlier() -> None:
    tool = Kind("a.example.com", "v1", "Tool", "tools", short_names=("gadgets",))
    gadget = Kind("b.example.com", "v1", "Gadget", "gadgets")
    assert KINDS.with_kinds([tool, gadget])["gadgets"] is gadget
