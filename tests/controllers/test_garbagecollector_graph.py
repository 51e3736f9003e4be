"""The graph of owners: right whatever the order in which objects become known."""

from itertools import permutations

import pytest

from k8s_ref.controllers.garbagecollector_graph import ABSENT, Graph, Identity, collected
from k8s_ref.machinery.kinds import KINDS
from k8s_ref.machinery.meta import with_path


class Noted(Graph):
    """A graph, and what it wants to have looked at."""

    def __init__(self):
        self.to_delete, self.to_orphan, self.complaints = [], [], []
        super().__init__(
            self.to_delete.append,
            self.to_orphan.append,
            lambda dependent, owner: self.complaints.append((dependent.name, owner.name)),
        )

    def looked_at(self):
        found, self.to_delete[:] = sorted(set(self.to_delete)), []
        return found


def thing(name, *owners, namespace="default", **metadata):
    references = [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": owner, "uid": owner} for owner in owners
    ]
    metadata = {"name": name, "uid": name, "namespace": namespace, **metadata}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {**metadata, "ownerReferences": references},
    }


FAMILY = [thing("a"), thing("b", "a"), thing("c", "a", "b")]


@pytest.mark.parametrize("order", list(permutations(FAMILY)))
def test_the_order_in_which_objects_become_known_does_not_matter(order):
    graph = Noted()
    for obj in order:
        graph.changed("ADDED", obj, None)
    edges = {uid: sorted(node.dependents) for uid, node in graph.nodes.items()}
    assert edges == {"a": ["b", "c"], "b": ["c"], "c": []}
    assert not any(node.virtual for node in graph.nodes.values())


def test_an_owner_nobody_has_seen_is_looked_for():
    graph = Noted()
    graph.changed("ADDED", FAMILY[1], None)
    assert graph.nodes["a"].virtual
    assert graph.looked_at() == ["a"]


def test_when_an_object_goes_its_dependents_are_looked_at():
    graph = Noted()
    for obj in FAMILY:
        graph.changed("ADDED", obj, None)
    graph.looked_at()
    graph.changed("DELETED", FAMILY[0], FAMILY[0])
    assert graph.looked_at() == ["b", "c"]
    assert graph.is_absent(Identity("v1", "ConfigMap", "a", "a", "default"))


def test_an_unchanged_object_is_no_news():
    graph = Noted()
    for obj in FAMILY:
        graph.changed("ADDED", obj, None)
    graph.looked_at()
    graph.changed("MODIFIED", with_path(FAMILY[2], ("data",), {"a": "b"}), FAMILY[2])
    assert graph.looked_at() == []


def test_a_namesake_that_took_the_place_unnoticed_is_another_object():
    graph = Noted()
    graph.changed("ADDED", FAMILY[0], None)
    graph.changed("ADDED", FAMILY[1], None)
    graph.looked_at()
    graph.changed("MODIFIED", with_path(FAMILY[0], ("metadata", "uid"), "other"), FAMILY[0])
    assert sorted(graph.nodes) == ["b", "other"]
    assert graph.looked_at() == ["b"]


def test_finalizers_say_what_is_asked_for():
    graph = Noted()
    for obj in FAMILY:
        graph.changed("ADDED", obj, None)
    graph.looked_at()
    when = {"deletionTimestamp": "2026-01-01T00:00:00Z"}
    graph.changed("MODIFIED", thing("a", finalizers=["foregroundDeletion"], **when), FAMILY[0])
    assert graph.looked_at() == ["a", "b", "c"]
    graph.changed("MODIFIED", thing("b", "a", finalizers=["orphan"], **when), FAMILY[1])
    assert graph.to_orphan == ["b"]


def test_a_reference_into_another_namespace_is_complained_about_in_either_order():
    stray = thing("stray", "a", namespace="kube-system")
    for order in ([FAMILY[0], stray], [stray, FAMILY[0]]):
        graph = Noted()
        for obj in order:
            graph.changed("ADDED", obj, None)
        assert graph.complaints == [("stray", "a")]
        assert "stray" in graph.looked_at()


def test_one_wrong_reference_does_not_hide_a_right_one():
    graph = Noted()
    wrong = thing("wrong", "a", namespace="kube-system")
    graph.changed("ADDED", wrong, None)
    graph.changed("ADDED", FAMILY[1], None)
    graph.looked_at()
    # The server was asked for kube-system/a, as the first one said, and has none.
    graph.remove("a")
    assert graph.nodes["a"].identity.namespace == "default"
    assert sorted(graph.nodes["a"].dependents) == ["b"]


def test_only_so_many_owners_are_remembered_as_gone():
    graph = Noted()
    for number in range(ABSENT + 10):
        graph.remember_absent(Identity("v1", "ConfigMap", str(number), str(number)))
    assert len(graph.absent) == ABSENT


def test_every_kind_is_collected_once_and_events_are_not():
    kinds = collected(KINDS)
    names = [kind.resource for kind in kinds]
    assert len(set(names)) == len(names)
    assert {"pods", "deployments.apps", "nodes"} <= set(names)
    assert not {"events", "events.events.k8s.io"} & set(names)
