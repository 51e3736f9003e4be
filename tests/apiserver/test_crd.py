"""A definition makes the server serve a new kind, and its end takes the kind away."""

from typing import Any

import pytest

from k8s_ref import Cluster
from k8s_ref.apiserver.http import Handler, HTTPRequest
from k8s_ref.apiserver.request import Request, parse
from k8s_ref.apiserver.server import APIServer
from k8s_ref.etcd.client import Embedded
from k8s_ref.machinery.errors import ApiError, NotFound
from k8s_ref.machinery.meta import condition_of
from tests.apiserver.widgets import definition, serving, widget


@pytest.fixture
def plane() -> Any:
    """A control plane that serves widgets."""
    return serving()


def reasons(plane: Any, name: str) -> dict[str, str]:
    conditions = plane.do(plane.api.get("crds", name))["status"]["conditions"]
    return {c["type"]: f"{c['status']} {c['reason']}" for c in conditions}


def test_a_definition_is_accepted_and_then_established(plane: Any) -> None:
    crd = plane.do(plane.api.get("crds", "widgets.example.com"))
    assert crd["status"]["acceptedNames"] == {
        "plural": "widgets",
        "singular": "widget",
        "shortNames": ["wg"],
        "kind": "Widget",
        "listKind": "WidgetList",
    }
    assert crd["status"]["storedVersions"] == ["v1"]
    assert reasons(plane, "widgets.example.com") == {
        "NamesAccepted": "True NoConflicts",
        "Established": "True InitialNamesAccepted",
    }


def test_the_names_of_another_definition_are_taken(plane: Any) -> None:
    plane.do(plane.api.create("crds", definition("gadgets", "Gadget")))
    plane.loop.run(0)
    assert reasons(plane, "gadgets.example.com") == {
        "NamesAccepted": "False ShortNamesConflict",
        "Established": "False NotAccepted",
    }
    crd = plane.do(plane.api.get("crds", "gadgets.example.com"))
    assert condition_of(crd, "NamesAccepted")["message"] == '"wg" is already in use'
    assert plane.server.kinds.find("gadgets") is None


def test_names_are_free_again_when_their_definition_is_gone(plane: Any) -> None:
    plane.do(plane.api.create("crds", definition("gadgets", "Gadget")))
    plane.do(plane.api.delete("crds", "widgets.example.com"))
    plane.loop.run(1)
    assert reasons(plane, "gadgets.example.com")["Established"] == "True InitialNamesAccepted"
    assert plane.server.kinds["wg"].kind == "Gadget"


def test_rows_are_there_as_soon_as_the_names_are_accepted(plane: Any) -> None:
    kinds = plane.server.kinds
    assert kinds["wg"] is kinds["widgets.example.com"] is kinds.of("example.com/v1", "Widget")
    path = "/apis/example.com/v1/namespaces/default/widgets/w1/scale"
    assert parse(kinds, "GET", path).kind.kind == "Widget"


def test_the_objects_go_before_their_definition(plane: Any) -> None:
    held = widget()
    held["metadata"]["finalizers"] = ["example.com/wait"]
    plane.do(plane.api.create("widgets", held))
    plane.do(plane.api.create("widgets", widget("w2")))
    answer = plane.do(plane.api.delete("crds", "widgets.example.com"))
    assert answer["metadata"]["finalizers"] == ["customresourcecleanup.apiextensions.k8s.io"]
    assert condition_of(answer, "Terminating")["reason"] == "InstanceDeletionPending"
    plane.loop.run(1)
    assert reasons(plane, "widgets.example.com")["Terminating"] == "True InstanceDeletionInProgress"
    left = plane.do(plane.api.list("widgets"))["items"]
    assert [item["metadata"]["name"] for item in left] == ["w1"]
    with pytest.raises(ApiError) as refused:
        plane.do(plane.api.create("widgets", widget("w3")))
    assert (refused.value.code, str(refused.value)) == (
        405,
        "create not allowed while custom resource definition is terminating",
    )
    plane.do(plane.api.patch("widgets", "default/w1", {"metadata": {"finalizers": None}}))
    plane.loop.run(10)
    with pytest.raises(NotFound):
        plane.do(plane.api.get("crds", "widgets.example.com"))
    with pytest.raises(NotFound, match="could not find the requested resource"):
        plane.do(plane.api.list("widgets"))
    assert plane.store.range("/registry/example.com/").kvs == []


def test_whoever_watches_is_sent_away_when_the_kind_goes(plane: Any) -> None:
    watch = plane.do(plane.api.watch("widgets"))
    plane.do(plane.api.delete("crds", "widgets.example.com"))
    plane.loop.run(1)
    assert plane.do(watch.next()) is None


def test_a_server_that_starts_again_serves_what_was_there(plane: Any) -> None:
    plane.do(plane.api.create("widgets", widget()))
    again = APIServer(Embedded(plane.store, plane.lessor), plane.loop)
    plane.do(again.start())
    request = Request("get", again.kinds["wg"], "default", "w1")
    assert plane.do(again.handle(request)).body["spec"]["size"] == 3
    again.stop()


def test_a_table_has_the_columns_of_the_definition(plane: Any) -> None:
    plane.do(plane.api.create("widgets", widget()))
    accept = "application/json;as=Table;v=v1;g=meta.k8s.io"
    admin = ("admin", ("system:masters",))
    headers = {"accept": accept}
    path = "/apis/example.com/v1/widgets"
    http = HTTPRequest("GET", path, headers=headers, certificate=admin)
    body = plane.do(Handler(plane.server).serve(http)).body.decode()
    assert '"cells":["w1",3]' in body
    assert "Custom resource definition column (in JSONPath format): .spec.size" in body


@pytest.fixture
def cluster() -> Cluster:
    made = Cluster(nodes=0)
    made.apply({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
                **definition(categories=["all"])})  # fmt: skip
    return made.run(1)


MANIFEST = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w1"}}


def test_kubectl_knows_the_kind(cluster: Cluster) -> None:
    assert "widget.example.com/w1 created" in cluster.apply({**MANIFEST, "spec": {"size": 1}})
    assert "configured" in cluster.apply({**MANIFEST, "spec": {"size": 2}})
    assert cluster.kubectl("get wg") == "NAME   SIZE\nw1     2\n"
    assert "widget.example.com/w1" in cluster.kubectl("get all")
    assert "scaled" in cluster.kubectl("scale wg w1 --replicas=5")


def test_a_namespace_takes_its_custom_resources_along(cluster: Cluster) -> None:
    cluster.kubectl("create namespace shop")
    cluster.apply(
        {**MANIFEST, "metadata": {"name": "w1", "namespace": "shop"}, "spec": {"size": 1}}
    )
    cluster.kubectl("delete namespace shop --wait=false")
    cluster.run(30)
    assert "No resources found" in cluster.kubectl("get widgets -A")
    assert "NotFound" in cluster.kubectl("get namespace shop")


def test_what_a_custom_resource_owns_goes_with_it(cluster: Cluster) -> None:
    cluster.apply({**MANIFEST, "spec": {"size": 1}})
    uid = cluster.kubectl("get wg w1 -o jsonpath={.metadata.uid}")
    owner = {"apiVersion": "example.com/v1", "kind": "Widget", "name": "w1", "uid": str(uid)}
    child = {"name": "child", "ownerReferences": [owner]}
    cluster.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": child})
    cluster.apply({**MANIFEST, "metadata": {**child, "name": "w2"}, "spec": {"size": 1}})
    cluster.run(1)
    cluster.kubectl("delete wg w1")
    cluster.run(5)
    assert "NotFound" in cluster.kubectl("get configmap child")
    assert "No resources found" in cluster.kubectl("get wg")


def test_a_custom_dependent_is_only_cut_loose_from_the_owner_that_went(cluster: Cluster) -> None:
    owners = []
    for name in ("a", "b"):
        cluster.apply({**MANIFEST, "metadata": {"name": name}, "spec": {"size": 1}})
        uid = str(cluster.kubectl(f"get wg {name} -o jsonpath={{.metadata.uid}}"))
        owners.append({"apiVersion": "example.com/v1", "kind": "Widget", "name": name, "uid": uid})
    meta = {"name": "child", "ownerReferences": owners}
    cluster.apply({**MANIFEST, "metadata": meta, "spec": {"size": 1}})
    cluster.run(1)
    cluster.kubectl("delete wg a")
    cluster.run(5)
    owned = cluster.kubectl("get wg child -o jsonpath={.metadata.ownerReferences[*].name}")
    assert owned == "b"


def test_a_kind_that_comes_back_is_collected_again(cluster: Cluster) -> None:
    cluster.kubectl("delete crd widgets.example.com")
    cluster.run(10)
    cluster.apply({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
                   **definition()})  # fmt: skip
    cluster.run(1)
    test_what_a_custom_resource_owns_goes_with_it(cluster)


def test_what_the_objects_owned_goes_even_though_nobody_serves_their_kind(cluster: Cluster) -> None:
    cluster.apply({**MANIFEST, "spec": {"size": 1}})
    uid = str(cluster.kubectl("get wg w1 -o jsonpath={.metadata.uid}"))
    owner = {"apiVersion": "example.com/v1", "kind": "Widget", "name": "w1", "uid": uid}
    child = {"name": "child", "ownerReferences": [owner]}
    cluster.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": child})
    cluster.run(2)
    cluster.kubectl("delete crd widgets.example.com")
    cluster.run(5)
    assert "NotFound" in cluster.kubectl("get configmap child")
