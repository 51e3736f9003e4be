"""What a DELETE does, seen through a client: marks, finalizers, grace, and the end."""

import pytest

from k8s_ref.machinery.errors import AlreadyExists, Conflict, Forbidden, Invalid, NotFound
from k8s_ref.machinery.meta import with_path
from tests.harness import ControlPlane, pod, replicaset


@pytest.fixture
def plane():
    return ControlPlane()


def config_map(name="cm", **meta):
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "default", **meta},
    }


def marked_by(plane, **options):
    """What a DELETE of a fresh ConfigMap with two finalizers leaves."""
    plane.do(plane.api.create("configmaps", config_map(finalizers=["a.b/c"])))
    return plane.do(plane.api.delete("configmaps", "default/cm", **options))["metadata"]


@pytest.mark.parametrize(
    ("policy", "finalizers"),
    [
        ("Foreground", ["a.b/c", "foregroundDeletion"]),
        ("Orphan", ["a.b/c", "orphan"]),
        ("Background", ["a.b/c"]),
    ],
)
def test_the_policy_becomes_a_finalizer_for_the_garbage_collector(plane, policy, finalizers):
    assert marked_by(plane, propagationPolicy=policy)["finalizers"] == finalizers


def test_the_old_way_to_ask_for_orphans_still_works(plane):
    assert marked_by(plane, orphanDependents=True)["finalizers"] == ["a.b/c", "orphan"]


def test_a_later_policy_takes_the_place_of_an_earlier_one(plane):
    marked_by(plane, propagationPolicy="Foreground")
    again = plane.do(plane.api.delete("configmaps", "default/cm", propagationPolicy="Orphan"))
    assert again["metadata"]["finalizers"] == ["a.b/c", "orphan"]
    kept = plane.do(plane.api.delete("configmaps", "default/cm"))
    assert kept is again


def test_dependents_of_a_job_are_orphaned_unless_somebody_says_otherwise(plane):
    spec = {
        "template": {
            "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}
        }
    }
    job = {"metadata": {"name": "once", "namespace": "default"}, "spec": spec}
    plane.do(plane.api.create("jobs", job))
    marked = plane.do(plane.api.delete("jobs", "default/once"))
    assert marked["metadata"]["finalizers"] == ["orphan"]


def test_an_object_nobody_holds_goes_at_once_and_leaves_a_status(plane):
    plane.do(plane.api.create("configmaps", config_map()))
    answer = plane.do(plane.api.delete("configmaps", "default/cm", propagationPolicy="Background"))
    assert (answer["kind"], answer["status"]) == ("Status", "Success")
    assert (answer["details"]["name"], answer["details"]["kind"]) == ("cm", "configmaps")


def test_the_mark_is_a_time_no_grace_and_a_generation(plane):
    body = with_path(replicaset(), ("metadata", "finalizers"), ["a.b/c"])
    plane.do(plane.api.create("replicasets", body))
    plane.loop.run(5)
    meta = plane.do(plane.api.delete("replicasets", "default/web"))["metadata"]
    assert (meta["deletionTimestamp"], meta["deletionGracePeriodSeconds"], meta["generation"]) == (
        "2026-01-01T00:00:05Z", 0, 2,
    )  # fmt: skip


def test_deleting_again_changes_nothing(plane):
    marked_by(plane)
    before = plane.store.revision
    plane.do(plane.api.delete("configmaps", "default/cm"))
    assert plane.store.revision == before


def test_a_name_is_not_free_before_the_object_is_gone(plane):
    marked_by(plane)
    with pytest.raises(AlreadyExists, match=r'^object is being deleted: configmaps "cm" already'):
        plane.do(plane.api.create("configmaps", config_map()))


def test_no_finalizer_may_be_added_to_what_is_being_deleted(plane):
    marked_by(plane)
    change = {"metadata": {"finalizers": ["a.b/c", "d.e/f"]}}
    with pytest.raises(Invalid, match=r'found new finalizers \[\]string\{"d.e/f"\}'):
        plane.do(plane.api.patch("configmaps", "default/cm", change))


def test_whoever_removes_the_last_finalizer_removes_the_object(plane):
    marked_by(plane)
    plane.do(plane.api.patch("configmaps", "default/cm", {"metadata": {"finalizers": None}}))
    with pytest.raises(NotFound):
        plane.do(plane.api.get("configmaps", "default/cm"))
    # The revision of the end has its record: what follows from it has a cause.
    assert plane.loop.trace[-1].revision == plane.store.revision


def test_nobody_else_may_set_the_time_of_the_end(plane):
    plane.do(plane.api.create("configmaps", config_map()))
    change = {"metadata": {"deletionTimestamp": "2030-01-01T00:00:00Z"}}
    with pytest.raises(Invalid, match=r'deletionTimestamp: .*"2030-.*": field is immutable'):
        plane.do(plane.api.patch("configmaps", "default/cm", change))


def history(plane, key="/registry/pods/default/web"):
    """Grace seconds of every version a Pod had; None for none, "gone" for its end."""
    events = []
    plane.store.watch(key, 1, lambda event: events.append(event))
    return [
        "gone" if e.deleted else e.kv.value["metadata"].get("deletionGracePeriodSeconds")
        for e in events
    ]


def test_a_pod_is_marked_before_it_goes_even_if_nobody_has_to_be_waited_for(plane):
    plane.do(plane.api.create("pods", pod()))
    gone = plane.do(plane.api.delete("pods", "default/web"))
    assert (gone["kind"], gone["metadata"]["generation"]) == ("Pod", 2)
    assert history(plane) == [None, 0, "gone"]


def test_force_writes_a_grace_of_nothing_and_then_the_end(plane):
    plane.do(plane.api.create("pods", pod(nodeName="node-1")))
    plane.do(plane.api.delete("pods", "default/web"))
    plane.do(plane.api.delete("pods", "default/web", grace=0))
    assert history(plane) == [None, 30, 0, "gone"]
    deletes = plane.loop.trace.select(verb="delete", subject="pods/default/web")
    assert len(deletes) == 2
    # Both revisions of the second DELETE are that one record's doing.
    assert plane.loop.trace.number_of(plane.store.revision - 1) == deletes[-1].number


def test_a_shorter_grace_counts_from_the_first_delete(plane):
    plane.do(plane.api.create("pods", pod(nodeName="node-1")))
    plane.do(plane.api.delete("pods", "default/web"))
    plane.loop.run(3)
    shorter = plane.do(plane.api.delete("pods", "default/web", grace=5))
    assert shorter["metadata"]["deletionTimestamp"] == "2026-01-01T00:00:05Z"
    assert plane.do(plane.api.delete("pods", "default/web", grace=60)) is shorter


def test_a_negative_grace_is_one_second(plane):
    plane.do(plane.api.create("pods", pod(nodeName="node-1")))
    marked = plane.do(plane.api.delete("pods", "default/web", grace=-5))
    assert marked["metadata"]["deletionGracePeriodSeconds"] == 1


def test_a_dry_run_says_what_would_be_and_does_nothing(plane):
    plane.do(plane.api.create("pods", pod(nodeName="node-1")))
    before = plane.store.revision
    would = plane.do(plane.api.delete("pods", "default/web", dryRun=["All"]))
    assert would["metadata"]["deletionGracePeriodSeconds"] == 30
    assert plane.store.revision == before


def test_only_this_version_may_be_asked_for(plane):
    plane.do(plane.api.create("configmaps", config_map()))
    wrong = {"preconditions": {"resourceVersion": "1"}}
    with pytest.raises(Conflict, match=r'on ConfigMap "cm": the ResourceVersion in the precondi'):
        plane.do(plane.api.delete("configmaps", "default/cm", **wrong))


# -- namespaces


def namespace(plane, name="n"):
    plane.do(plane.api.create("namespaces", {"metadata": {"name": name}}))
    return plane.do(plane.api.delete("namespaces", name))


def test_a_namespace_ends_by_becoming_terminating(plane):
    going = namespace(plane)
    assert going["status"] == {"phase": "Terminating"}
    assert going["spec"] == {"finalizers": ["kubernetes"]}
    assert "deletionGracePeriodSeconds" not in going["metadata"]
    assert plane.do(plane.api.delete("namespaces", "n")) is going


def test_nothing_new_comes_into_a_namespace_that_goes(plane):
    namespace(plane)
    why = "unable to create new content in namespace n because it is being terminated"
    with pytest.raises(Forbidden, match=rf'^pods "web" is forbidden: {why}$') as refusal:
        plane.do(plane.api.create("pods", with_path(pod(), ("metadata", "namespace"), "n")))
    (cause,) = refusal.value.causes
    assert tuple(cause) == (
        "NamespaceTerminating", "namespace n is being terminated", "metadata.namespace",
    )  # fmt: skip


def test_the_one_who_finalizes_a_namespace_ends_it(plane):
    going = namespace(plane)
    done = with_path(going, ("spec", "finalizers"), [])
    plane.do(plane.api.update("namespaces", done))
    assert plane.do(plane.api.get("namespaces", "n"))["spec"] == {"finalizers": ["kubernetes"]}
    plane.do(plane.api.update("namespaces", done, "finalize"))
    with pytest.raises(NotFound):
        plane.do(plane.api.get("namespaces", "n"))
