"""A namespace that is deleted: emptied, Pods first, and gone when nothing is left."""

import pytest

from k8s_ref.controllers.namespace import NamespaceController, namespaced
from k8s_ref.machinery.errors import NotFound
from k8s_ref.machinery.kinds import KINDS
from k8s_ref.machinery.meta import with_path
from tests.controllers.scene import Managed
from tests.harness import pod


def shop(seed=0):
    plane = Managed(NamespaceController, seed=seed)
    plane.create(
        "namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
    )
    return plane


def config(name="settings", **metadata):
    metadata = {"name": name, "namespace": "shop", **metadata}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


def in_shop(obj):
    return with_path(obj, ("metadata", "namespace"), "shop")


def gone(plane):
    try:
        plane.get("namespaces", "shop")
    except NotFound:
        return True
    return False


def condition(plane, kind):
    found = plane.get("namespaces", "shop")["status"]["conditions"]
    (one,) = [c for c in found if c["type"] == kind]
    return one["status"], one["reason"], one["message"]


def test_a_deleted_namespace_takes_everything_in_it_along():
    plane = shop()
    plane.create("configmaps", config())
    plane.create("pods", in_shop(pod()))
    plane.create("pods", pod("elsewhere"))
    plane.delete("namespaces", "shop")
    plane.loop.run(10)
    assert gone(plane)
    assert plane.names("configmaps", "shop") == []
    assert plane.names("pods") == ["elsewhere"]


def test_nothing_is_deleted_in_the_first_seconds():
    plane = shop()
    plane.create("configmaps", config())
    plane.loop.run(0.5)
    plane.delete("namespaces", "shop")
    plane.loop.run(4)
    assert plane.names("configmaps", "shop") == ["settings"]


def test_pods_have_their_grace_period_and_the_rest_waits_for_them():
    plane = shop()
    plane.create("configmaps", config())
    plane.create("pods", in_shop(pod(nodeName="a")))
    plane.delete("namespaces", "shop")
    plane.loop.run(10)
    assert "deletionTimestamp" in plane.get("pods", "shop/web")["metadata"]
    assert plane.names("configmaps", "shop") == ["settings"]
    assert condition(plane, "NamespaceDeletionContentFailure") == (
        "False",
        "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization",
    )
    plane.delete("pods", "shop/web", grace=0)
    plane.loop.run(20)
    assert gone(plane)


def test_a_pod_that_outlives_its_grace_period_is_a_failure_that_is_told():
    plane = shop()
    plane.create("pods", in_shop(pod(nodeName="a")))
    plane.delete("namespaces", "shop")
    plane.loop.run(60)
    assert condition(plane, "NamespaceDeletionContentFailure") == (
        "True",
        "ContentDeletionFailed",
        "Failed to delete all resource types, 1 remaining: unexpected items still remain"
        " in namespace: shop for gvr: /v1, Resource=pods",
    )
    plane.delete("pods", "shop/web", grace=0)
    plane.loop.run(600)
    assert gone(plane)


def test_what_a_finalizer_holds_is_named_until_it_is_let_go():
    plane = shop()
    plane.create("configmaps", config(finalizers=["example.com/f"]))
    plane.delete("namespaces", "shop")
    plane.loop.run(10)
    assert condition(plane, "NamespaceContentRemaining") == (
        "True",
        "SomeResourcesRemain",
        "Some resources are remaining: configmaps. has 1 resource instances",
    )
    assert condition(plane, "NamespaceFinalizersRemaining") == (
        "True",
        "SomeFinalizersRemain",
        "Some content in the namespace has finalizers remaining:"
        " example.com/f in 1 resource instances",
    )
    plane.patch("configmaps", "shop/settings", {"metadata": {"finalizers": None}})
    plane.loop.run(10)
    assert gone(plane)


def test_a_namespace_that_nobody_deletes_costs_nothing():
    plane = shop()
    before = plane.store.revision
    plane.loop.run(3600)
    assert plane.store.revision == before


def test_every_kind_that_lives_in_namespaces_is_emptied_once():
    kinds = namespaced(KINDS)
    assert kinds[0].kind == "Pod"
    assert len({kind.resource for kind in kinds}) == len(kinds)
    expected = {k.resource for k in KINDS if k.namespaced and "delete" in k.verbs}
    assert {kind.resource for kind in kinds} == expected


@pytest.mark.parametrize("kind", ["crash-before", "crash-after", "lose-request", "lose-answer"])
@pytest.mark.parametrize("call", [1, 2, 3, 5, 8, 13, 21, 34, 36])
def test_an_accident_at_any_call_only_delays_it(kind, call):
    plane = shop()
    plane.create("configmaps", config())
    plane.create("pods", in_shop(pod()))
    plane.faults.add(kind, actor="namespace-controller", call=call)
    plane.delete("namespaces", "shop")
    plane.loop.run(60)
    assert gone(plane)
