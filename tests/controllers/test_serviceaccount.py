"""What every namespace has comes back when it is taken away."""

import pytest

from k8s_ref.controllers.serviceaccount import RootCAPublisher, ServiceAccountController
from tests.controllers.scene import Managed


def managed():
    return Managed(ServiceAccountController, RootCAPublisher)


def namespace(plane, name="shop"):
    plane.create(
        "namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    )
    plane.loop.run(0)


def test_every_namespace_has_a_default_account_and_the_certificate():
    plane = managed()
    assert plane.names("serviceaccounts") == ["default"] * 4
    namespace(plane)
    assert plane.names("serviceaccounts", "shop") == ["default"]
    assert plane.names("configmaps", "shop") == ["kube-root-ca.crt"]
    assert "ca.crt" in plane.get("configmaps", "shop/kube-root-ca.crt")["data"]


@pytest.mark.parametrize(
    ("resource", "name"), [("serviceaccounts", "default"), ("configmaps", "kube-root-ca.crt")]
)
def test_what_is_deleted_is_made_again(resource, name):
    plane = managed()
    plane.delete(resource, f"default/{name}")
    plane.loop.run(0)
    assert plane.names(resource, "default") == [name]


def test_a_certificate_that_was_changed_is_put_right():
    plane = managed()
    right = plane.get("configmaps", "default/kube-root-ca.crt")["data"]
    plane.patch("configmaps", "default/kube-root-ca.crt", {"data": {"ca.crt": "mine"}})
    plane.loop.run(0)
    assert plane.get("configmaps", "default/kube-root-ca.crt")["data"] == right


def test_a_namespace_that_is_going_gets_nothing_new():
    plane = managed()
    namespace(plane)
    plane.delete("namespaces", "shop")
    plane.delete("serviceaccounts", "shop/default")
    plane.loop.run(10)
    assert plane.names("serviceaccounts", "shop") == []
    assert not plane.loop.trace.select(verb="refuse", subject="shop")


def test_other_accounts_are_nobodys_business():
    plane = managed()
    before = plane.store.revision
    plane.create(
        "serviceaccounts",
        {"apiVersion": "v1", "kind": "ServiceAccount",
         "metadata": {"name": "robot", "namespace": "default"}},
    )  # fmt: skip
    plane.delete("serviceaccounts", "default/robot")
    plane.loop.run(60)
    assert plane.store.revision == before + 2


@pytest.mark.parametrize("kind", ["crash-before", "crash-after", "lose-request", "lose-answer"])
@pytest.mark.parametrize("call", range(1, 4))
def test_an_accident_at_any_call_only_delays_it(kind, call):
    plane = managed()
    plane.faults.add(kind, actor="serviceaccount", call=call)
    plane.faults.add(kind, actor="root-ca", call=call)
    for name in ("a", "b", "c"):
        namespace(plane, name)
    plane.loop.run(60)
    assert plane.names("serviceaccounts") == ["default"] * 7
    assert plane.names("configmaps") == ["kube-root-ca.crt"] * 7
