"""Adoption: orphans that match are taken, strangers never, and nobody adopts from the grave."""

import pytest

from k8s_ref.controllers.adoption import Claim, judge
from k8s_ref.machinery.errors import Conflict
from k8s_ref.machinery.meta import controller_of, owner_reference, with_path
from k8s_ref.machinery.selectors import from_label_selector
from tests.harness import ControlPlane, pod, replicaset

SELECTOR = from_label_selector({"matchLabels": {"app": "web"}})


def owner(uid="u", **metadata):
    meta = {"name": "web", "namespace": "default", "uid": uid, **metadata}
    return {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": meta}


def child(of=None, app="web", **metadata):
    meta = {"name": "a", "namespace": "default", "labels": {"app": app}, **metadata}
    if of:
        meta["ownerReferences"] = [owner_reference(of)]
    return {"metadata": meta}


GOING = {"deletionTimestamp": "2026-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("verdict", "who", "what"),
    [
        ("keep", owner(), child(owner())),
        ("keep", owner(**GOING), child(owner())),
        ("adopt", owner(), child()),
        ("release", owner(), child(owner(), app="other")),
        ("ignore", owner(), child(owner("another"))),
        ("ignore", owner(), child(app="other")),
        ("ignore", owner(), child(**GOING)),
        ("ignore", owner(), child(namespace="elsewhere")),
        ("ignore", owner(**GOING), child()),
        ("ignore", owner(**GOING), child(owner(), app="other")),
    ],
)
def test_what_becomes_of_a_candidate(verdict, who, what):
    assert judge(who, what, SELECTOR) == verdict


class Scene(ControlPlane):
    """One ReplicaSet and one orphan that it could adopt; nobody else is there."""

    def __init__(self):
        super().__init__()
        self.rs = self.do(self.api.create("replicasets", replicaset()))
        self.orphan = self.do(self.api.create("pods", pod("a")))

    def claim(self, *candidates):
        claim = Claim(self.api, "replicasets", self.rs, "pods", SELECTOR)
        return self.do(claim.of(candidates))

    def now(self):
        return self.do(self.api.get("pods", "default/a"))


def test_an_adopted_child_names_its_owner_and_keeps_its_other_references():
    scene = Scene()
    other = {**owner_reference(owner("other")), "controller": False}
    scene.do(scene.api.patch("pods", "default/a", {"metadata": {"ownerReferences": [other]}}))
    (adopted,) = scene.claim(scene.now())
    assert controller_of(adopted)["uid"] == scene.rs["metadata"]["uid"]
    assert len(scene.now()["metadata"]["ownerReferences"]) == 2


def test_a_released_child_keeps_its_other_references():
    scene = Scene()
    other = {**owner_reference(owner("other")), "controller": False}
    references = [other, owner_reference(scene.rs)]
    change = {"metadata": {"ownerReferences": references, "labels": {"app": "debug"}}}
    scene.do(scene.api.patch("pods", "default/a", change))
    assert scene.claim(scene.now()) == []
    assert scene.now()["metadata"]["ownerReferences"] == [other]


def test_a_released_child_without_any_owner_has_no_list_of_owners():
    scene = Scene()
    scene.claim(scene.orphan)
    scene.do(scene.api.patch("pods", "default/a", {"metadata": {"labels": {"app": "debug"}}}))
    assert scene.claim(scene.now()) == []
    assert "ownerReferences" not in scene.now()["metadata"]


def test_an_owner_that_is_gone_but_still_in_the_cache_adopts_nobody():
    scene = Scene()
    scene.do(scene.api.delete("replicasets", "default/web"))
    scene.do(scene.api.create("replicasets", replicaset()))
    with pytest.raises(Conflict, match="is gone: got uid"):
        scene.claim(scene.orphan)
    assert controller_of(scene.now()) is None


def test_an_owner_that_is_going_adopts_nobody():
    scene = Scene()
    held = {"metadata": {"finalizers": ["example.com/hold"]}}
    scene.do(scene.api.patch("replicasets", "default/web", held))
    scene.do(scene.api.delete("replicasets", "default/web"))
    with pytest.raises(Conflict, match="has just been deleted at"):
        scene.claim(scene.orphan)


def test_an_orphan_that_vanished_is_nobodys_child():
    scene = Scene()
    scene.do(scene.api.delete("pods", "default/a"))
    assert scene.claim(scene.orphan) == []


def test_a_namesake_of_the_orphan_is_not_adopted_by_mistake():
    scene = Scene()
    former = with_path(scene.orphan, ("metadata", "uid"), "of the one before")
    with pytest.raises(Exception, match="uid|UID"):
        scene.claim(former)
    assert controller_of(scene.now()) is None


def test_one_failure_does_not_hold_up_the_others():
    scene = Scene()
    second = scene.do(scene.api.create("pods", pod("b")))
    former = with_path(scene.orphan, ("metadata", "uid"), "of the one before")
    with pytest.raises(Exception, match="uid|UID"):
        scene.claim(former, second)
    assert controller_of(scene.do(scene.api.get("pods", "default/b"))) is not None
