"""Deployments: one template gives way to the next, within its bounds at every single instant."""

import pytest

from k8s_ref.cluster import Wiring
from k8s_ref.controllers.deployment_revisions import HASH, HISTORY, REVISION
from k8s_ref.machinery.meta import controller_of, key_of, with_path, without_path
from tests.controllers.workloads import Workloads, deployment, violations


def rolled_out(seed=0, order="fifo", **spec):
    """A control plane whose Deployment web has all it needs."""
    plane = Workloads(seed, order)
    plane.do(plane.api.create("deployments", deployment(**spec)))
    plane.loop.run(5 + spec.get("minReadySeconds", 0))
    return plane


def test_a_deployment_makes_a_replica_set_named_after_its_template():
    plane = rolled_out()
    (rs,) = plane.items("replicasets")
    assert rs["metadata"]["name"] == f"web-{rs['metadata']['labels'][HASH]}"
    assert controller_of(rs)["uid"] == plane.get()["metadata"]["uid"]
    assert plane.get()["metadata"]["annotations"][REVISION] == "1"
    assert plane.told() == [f"Scaled up replica set {rs['metadata']['name']} from 0 to 3"]


def test_the_status_is_written_when_there_is_something_new_to_say_and_not_else():
    """The same writes, in the same order, as a real control plane was seen to make."""
    plane = rolled_out()
    said = []
    for version in plane.versions():
        status = version["status"]
        reasons = {c["type"]: c["reason"] for c in status.get("conditions", ())}
        counts = [
            status.get(n, 0) for n in ("replicas", "availableReplicas", "unavailableReplicas")
        ]
        said.append((*counts, reasons.get("Progressing"), reasons.get("Available")))
    assert said == [
        (0, 0, 0, None, None),
        (0, 0, 0, "NewReplicaSetCreated", None),
        (0, 0, 3, "NewReplicaSetCreated", "MinimumReplicasUnavailable"),
        (3, 0, 3, "ReplicaSetUpdated", "MinimumReplicasUnavailable"),
        (3, 3, 0, "NewReplicaSetAvailable", "MinimumReplicasAvailable"),
    ]


def test_conditions_of_a_first_rollout_end_in_upstreams_words():
    plane = rolled_out()
    status = plane.get()["status"]
    assert [(c["type"], c["reason"]) for c in status["conditions"]] == [
        ("Available", "MinimumReplicasAvailable"),
        ("Progressing", "NewReplicaSetAvailable"),
    ]
    counts = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    assert [status[count] for count in counts] == [3, 3, 3, 3]
    assert status["terminatingReplicas"] == 0
    assert "unavailableReplicas" not in status


def test_a_new_template_replaces_the_old_one_by_one():
    plane = rolled_out()
    plane.image("nginx:2")
    plane.loop.run(10)
    assert plane.sizes() == {"nginx:2": 3}
    steps = [text.split(" from ")[1] for text in plane.told()[1:]]
    assert steps == ["0 to 1", "3 to 2", "1 to 2", "2 to 1", "2 to 3", "1 to 0"]
    assert plane.get()["metadata"]["annotations"][REVISION] == "2"


def bounds(surge, unavailable):
    rolling = {"maxSurge": surge, "maxUnavailable": unavailable}
    return {"type": "RollingUpdate", "rollingUpdate": rolling}


@pytest.mark.parametrize(
    ("surge", "unavailable"), [(1, 0), (0, 1), (2, 1), ("50%", "50%"), (0, "1%")]
)
def test_at_no_instant_are_there_too_many_pods_or_too_few(surge, unavailable):
    plane = rolled_out(replicas=4, strategy=bounds(surge, unavailable))
    more, fewer = {"50%": 2}.get(surge, surge), {"50%": 2, "1%": 1}.get(unavailable, unavailable)
    since = plane.store.revision
    plane.image("nginx:2")
    plane.loop.run(30)
    assert plane.sizes() == {"nginx:2": 4}
    assert violations(plane.store, since, 4 - fewer, 4 + more) == []


FAULTS = ("crash-before", "crash-after", "delay-event", "repeat-event", "cut-watch")


@pytest.mark.parametrize("seed", range(8))
def test_nor_with_accidents_and_a_third_template_in_the_middle(seed):
    plane = rolled_out(seed, "shuffle", replicas=5, strategy=bounds(2, 1))
    since = plane.store.revision
    for kind in FAULTS:
        chance = 0.03 if kind.startswith("crash") else 0.2
        plane.faults.add(kind, actor="controller-manager", chance=chance, seconds=2)
    plane.image("nginx:2")
    plane.loop.run(plane.loop.stream("test").uniform(0, 4))
    plane.image("nginx:3")
    plane.loop.run(60)
    plane.faults.clear()
    plane.loop.run(400)
    assert plane.sizes() == {"nginx:3": 5}
    assert violations(plane.store, since, 4, 7) == []
    assert plane.condition("Progressing") == ("True", "NewReplicaSetAvailable")


@pytest.mark.parametrize("kind", ["crash-before", "crash-after", "lose-request", "lose-answer"])
@pytest.mark.parametrize("call", range(1, 13))
def test_an_accident_at_any_call_of_a_rollout_changes_nothing_in_the_end(kind, call):
    plane = rolled_out(replicas=2)
    since = plane.store.revision
    plane.faults.add(kind, actor="deployment-controller", call=call)
    plane.image("nginx:2")
    plane.loop.run(120)
    assert plane.sizes() == {"nginx:2": 2}
    assert violations(plane.store, since, 2, 3) == []
    assert len(plane.items("replicasets")) == 2


def test_a_status_of_the_replica_set_that_is_late_takes_no_pod_down():
    """Its controller is off while the Deployment's goes on: the numbers it sees are old."""
    plane = rolled_out()
    since = plane.store.revision
    plane.faults.add("delay", actor="replicaset-controller", verb="update", seconds=20)
    plane.image("nginx:2")
    plane.loop.run(300)
    assert plane.sizes() == {"nginx:2": 3}
    assert violations(plane.store, since, 3, 4) == []


def test_a_quiet_deployment_writes_nothing():
    plane = rolled_out()
    before = plane.store.revision
    plane.loop.run(3600)
    assert plane.store.revision == before


def test_a_manager_that_starts_anew_asks_for_no_write_at_all():
    """Not even for one that the server would find to change nothing."""
    plane = rolled_out()
    plane.faults.add("delay", actor="controller", verb="update", seconds=0)
    (updates,) = plane.faults.rules
    plane.manager.crash()
    plane.loop.run(3600)
    assert updates.seen == 0
    plane.patch({"replicas": 4})
    plane.loop.run(5)
    assert updates.seen > 0


# -- bad images and the deadline


def test_a_bad_template_stops_after_its_first_pods_and_is_called_stuck():
    plane = rolled_out(progressDeadlineSeconds=60)
    plane.image("bad:1")
    plane.loop.run(59)
    assert plane.condition("Progressing") == ("True", "ReplicaSetUpdated")
    plane.loop.run(5)
    assert plane.condition("Progressing") == ("False", "ProgressDeadlineExceeded")
    assert plane.condition("Available") == ("True", "MinimumReplicasAvailable")
    assert plane.sizes() == {"nginx:1": 3, "bad:1": 1}
    written = []
    plane.store.watch("/registry/", plane.store.revision, written.append)
    plane.loop.run(3600)
    # Only what was told about it is forgotten after an hour.
    assert all(e.deleted and e.kv.key.startswith("/registry/events/") for e in written)


def test_going_back_from_a_bad_template_costs_no_good_pod():
    plane = rolled_out()
    good = {key_of(pod) for pod in plane.items("pods")}
    plane.image("bad:1")
    plane.loop.run(5)
    plane.image("nginx:1")
    plane.loop.run(5)
    assert {key_of(pod) for pod in plane.items("pods")} == good
    assert plane.condition("Progressing") == ("True", "NewReplicaSetAvailable")


# -- history


def test_going_back_uses_the_old_set_again_under_a_new_number():
    plane = rolled_out()
    (first,) = plane.items("replicasets")
    plane.image("nginx:2")
    plane.loop.run(10)
    plane.image("nginx:1")
    plane.loop.run(10)
    again = plane.get(first["metadata"]["name"], "replicasets")
    notes = again["metadata"]["annotations"]
    assert (again["spec"]["replicas"], notes[REVISION], notes[HISTORY]) == (3, "3", "1")
    assert plane.get()["metadata"]["annotations"][REVISION] == "3"


def test_only_so_many_old_sets_are_kept():
    plane = rolled_out(revisionHistoryLimit=1)
    for number in (2, 3, 4):
        plane.image(f"nginx:{number}")
        plane.loop.run(10)
    images = sorted(
        rs["spec"]["template"]["spec"]["containers"][0]["image"]
        for rs in plane.items("replicasets")
    )
    assert images == ["nginx:3", "nginx:4"]


def test_a_name_taken_by_another_template_counts_as_a_collision():
    plane = Workloads()
    plane.manager.stop()
    plane.do(plane.api.create("deployments", deployment()))
    plane.manager.start()
    plane.loop.run(5)
    (rs,) = plane.items("replicasets")
    plane.manager.stop()
    plane.do(plane.api.delete("replicasets", key_of(rs)))
    squatter = without_path(without_path(rs, ("metadata", "ownerReferences")), ("status",))
    squatter = with_path(squatter, ("metadata", "labels"), {"app": "other"})
    plane.do(plane.api.create("replicasets", squatter))
    plane.manager.start()
    plane.loop.run(10)
    assert plane.get()["status"]["collisionCount"] == 1
    assert len(plane.items("replicasets")) == 2
    assert plane.get()["status"]["updatedReplicas"] == 3


def test_a_set_made_before_a_crash_is_found_and_not_made_twice():
    plane = Workloads()
    plane.faults.add("crash-after", actor="deployment-controller", verb="create", call=1)
    plane.do(plane.api.create("deployments", deployment()))
    plane.loop.run(10)
    assert len(plane.items("replicasets")) == 1
    assert plane.get()["status"]["availableReplicas"] == 3
    assert plane.get()["metadata"]["annotations"][REVISION] == "1"


def test_an_orphan_of_the_same_template_is_adopted_as_the_new_set():
    plane = rolled_out()
    (rs,) = plane.items("replicasets")
    plane.do(plane.api.delete("deployments", "default/web"))
    freed = {"metadata": {"ownerReferences": None}}
    plane.do(plane.api.patch("replicasets", key_of(rs), freed))
    plane.do(plane.api.create("deployments", deployment()))
    plane.loop.run(5)
    (adopted,) = plane.items("replicasets")
    assert controller_of(adopted)["uid"] == plane.get()["metadata"]["uid"]
    assert plane.get()["status"]["availableReplicas"] == 3


# -- scaling and pausing


def test_scaling_rolls_nothing_and_resizes_the_only_set():
    plane = rolled_out()
    plane.patch({"replicas": 5})
    plane.loop.run(5)
    (rs,) = plane.items("replicasets")
    assert rs["spec"]["replicas"] == 5
    notes = rs["metadata"]["annotations"]
    assert notes["deployment.kubernetes.io/desired-replicas"] == "5"
    assert notes["deployment.kubernetes.io/max-replicas"] == "7"
    assert plane.get()["status"]["availableReplicas"] == 5


def test_scaling_in_the_middle_of_a_stuck_rollout_is_shared():
    plane = rolled_out(replicas=10, strategy=bounds(3, 2))
    plane.image("bad:1")
    plane.loop.run(5)
    assert plane.sizes() == {"nginx:1": 8, "bad:1": 5}
    plane.patch({"replicas": 15})
    plane.loop.run(5)
    assert plane.sizes() == {"nginx:1": 11, "bad:1": 7}


def test_while_paused_a_new_template_waits_and_scaling_does_not():
    plane = rolled_out()
    plane.patch({"paused": True})
    plane.loop.run(1)
    assert plane.condition("Progressing") == ("Unknown", "DeploymentPaused")
    plane.image("nginx:2")
    plane.patch({"replicas": 4})
    plane.loop.run(5)
    assert plane.sizes() == {"nginx:1": 4}
    plane.patch({"paused": None})
    plane.loop.run(10)
    assert plane.sizes() == {"nginx:2": 4}
    assert plane.condition("Progressing") == ("True", "NewReplicaSetAvailable")


# -- recreate


def test_recreate_waits_until_the_last_old_pod_is_gone():
    plane = rolled_out(strategy={"type": "Recreate"})
    held = {"metadata": {"finalizers": ["example.com/hold"]}}
    old = plane.items("pods")[0]
    plane.do(plane.api.patch("pods", key_of(old), held))
    plane.image("nginx:2")
    plane.loop.run(30)
    assert plane.sizes() == {}
    assert [key_of(pod) for pod in plane.items("pods")] == [key_of(old)]
    free = {"metadata": {"finalizers": None}}
    plane.do(plane.api.patch("pods", key_of(old), free))
    plane.loop.run(5)
    assert plane.sizes() == {"nginx:2": 3}
    assert plane.condition("Progressing") == ("True", "NewReplicaSetAvailable")


# -- with everybody there


@pytest.mark.parametrize("seed", range(2))
def test_in_a_whole_cluster_a_rollout_keeps_its_bounds(seed):
    cluster = Wiring(nodes=3, seed=seed, order="shuffle")
    do = cluster.loop.run_task
    do(cluster.api.create("deployments", deployment(replicas=4, strategy=bounds(1, 0))))
    cluster.loop.run(60)
    since = cluster.store.revision
    box = [{"name": "web", "image": "nginx:2"}]
    change = {"spec": {"template": {"spec": {"containers": box}}}}
    do(cluster.api.patch("deployments", "default/web", change))
    cluster.loop.run(120)
    status = do(cluster.api.get("deployments", "default/web"))["status"]
    assert (status["updatedReplicas"], status["replicas"], status["availableReplicas"]) == (4, 4, 4)
    assert violations(cluster.store, since, 4, 5) == []


def test_a_deployment_that_is_deleted_is_only_counted():
    plane = rolled_out()
    held = {"metadata": {"finalizers": ["example.com/hold"]}}
    plane.do(plane.api.patch("deployments", "default/web", held))
    plane.do(plane.api.delete("deployments", "default/web"))
    plane.image("nginx:2")
    plane.loop.run(5)
    assert plane.sizes() == {"nginx:1": 3}
    assert plane.get()["status"]["observedGeneration"] == plane.get()["metadata"]["generation"]
