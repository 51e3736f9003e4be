"""What every cluster has from the start."""

import pytest

from k8s_ref.apiserver import bootstrap, validation
from k8s_ref.apiserver.server import APIServer
from k8s_ref.etcd.client import Embedded
from k8s_ref.machinery import schema
from k8s_ref.machinery.kinds import KINDS
from tests.harness import ControlPlane

EVERYTHING = [
    (plural, key) for plural, objects in bootstrap.policy().items() for key in sorted(objects)
]


@pytest.fixture(scope="module")
def plane():
    return ControlPlane()


def stored(plane, plural, key):
    return plane.server.registry(plural).cache.objects[key]


@pytest.mark.parametrize(("plural", "key"), EVERYTHING)
def test_all_of_it_could_have_been_sent(plane, plural, key):
    obj = stored(plane, plural, key)
    kind = KINDS[plural]
    problems = schema.check(obj, kind)
    assert not problems.unknown and not problems.ill_typed
    assert validation.validate(kind.kind, obj) == []


def test_it_is_written_in_two_transactions(plane):
    revisions = {stored(plane, *each)["metadata"]["resourceVersion"] for each in EVERYTHING}
    assert len(revisions) == 2
    assert len({stored(plane, *each)["metadata"]["uid"] for each in EVERYTHING}) == 137


def test_view_has_what_is_for_viewers_and_edit_and_admin_have_more(plane):
    view, edit, admin = (
        stored(plane, "clusterroles", name)["rules"] for name in ("view", "edit", "admin")
    )
    assert view == stored(plane, "clusterroles", "system:aggregate-to-view")["rules"]
    assert (len(view), len(edit), len(admin)) == (12, 27, 29)
    assert all(rule in edit for rule in view) and all(rule in admin for rule in edit)


def again(plane):
    """The API server starts once more with the same store."""
    server = APIServer(Embedded(plane.store, plane.lessor), plane.loop)
    plane.loop.run_task(server.start())
    return server


def test_a_second_start_writes_nothing():
    plane = ControlPlane()
    before = plane.store.revision
    again(plane)
    assert plane.store.revision == before


def test_what_was_taken_away_is_given_back_and_what_was_added_stays():
    plane = ControlPlane()
    role = stored(plane, "clusterroles", "system:kube-dns")
    extra = {"verbs": ["get"], "apiGroups": [""], "resources": ["nodes"]}
    plane.do(plane.api.update("clusterroles", {**role, "rules": [extra]}))
    plane.do(plane.api.delete("clusterrolebindings", "system:discovery"))
    server = again(plane)
    rules = server.registry("clusterroles").cache.objects["system:kube-dns"]["rules"]
    assert rules[0] == extra
    assert [(r["resources"], r["verbs"]) for r in rules[1:]] == [
        (["endpoints"], ["list"]), (["endpoints"], ["watch"]),
        (["services"], ["list"]), (["services"], ["watch"]),
    ]  # fmt: skip
    assert "system:discovery" in server.registry("clusterrolebindings").cache.objects


def test_whoever_says_so_keeps_his_role_as_it_is():
    plane = ControlPlane()
    role = stored(plane, "clusterroles", "system:kube-dns")
    annotations = {bootstrap.AUTOUPDATE: "false"}
    meta = {**role["metadata"], "annotations": annotations}
    plane.do(plane.api.update("clusterroles", {**role, "metadata": meta, "rules": []}))
    objects = again(plane).registry("clusterroles").cache.objects
    assert objects["system:kube-dns"].get("rules") in ([], None)
