"""Preemption: who has to go for whom, on which node, and what is said and written about it."""

import pytest

from k8s_ref.machinery.meta import condition_of, with_path
from k8s_ref.scheduler.cache import PodInfo
from k8s_ref.scheduler.framework import Candidate
from k8s_ref.scheduler.plugins.preemption import best_candidate
from tests.harness import pod
from tests.scheduler.plane import Scheduled, asking, decide, node

GPU = {"key": "gpu", "effect": "NoSchedule"}


def ranked(name="web", priority=0, cpu="1", started="", **spec):
    """A Pod of a priority class of its own name and value."""
    obj = asking(name, cpu=cpu, priority=priority, priorityClassName=f"p{priority}", **spec)
    return with_path(obj, ("status",), {"startTime": started}) if started else obj


def on(where, *pods):
    return [with_path(obj, ("spec", "nodeName"), where) for obj in pods]


def budget(allowed, **labels):
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "budget", "namespace": "default"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": labels}},
        "status": {"disruptionsAllowed": allowed},
    }


def plan(obj, nodes, pods, budgets=()):
    """The node where room is to be made, and who has to go."""

    class Reader:
        def get(self, resource, key):
            return None

        def list(self, resource, namespace):
            return budgets if resource == "poddisruptionbudgets" else ()

    found = decide(obj, nodes, pods, reader=Reader()).candidate
    return found and (found.node, [victim.key.partition("/")[2] for victim in found.victims])


class Preempting(Scheduled):
    """A plane with priority classes."""

    def __init__(self, *nodes, values=(0, 5, 10, 100), **options):
        super().__init__(*nodes, **options)
        for value in values:
            meta = {"metadata": {"name": f"p{value}"}, "value": value}
            kind = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass"}
            self.do(self.api.create("priorityclasses", {**kind, **meta}))

    def exists(self, name):
        return any(p["metadata"]["name"] == name for p in self.pods())

    def pods(self):
        return self.do(self.api.list("pods"))["items"]

    def end(self, name):
        """What a kubelet does with a Pod whose grace period is over."""
        self.delete(name)


# -- whom it hits


def test_only_pods_of_lower_priority_have_to_go_and_no_more_than_needed():
    pods = on("node-1", ranked("low", 0), ranked("mid", 5), ranked("same", 10), ranked("high", 11))
    assert plan(ranked(priority=10), [node(cpu="4")], pods) == ("node-1", ["low"])
    assert plan(ranked(priority=10, cpu="2"), [node(cpu="4")], pods) == ("node-1", ["mid", "low"])
    assert plan(ranked(priority=10, cpu="3"), [node(cpu="4")], pods) is None


def test_a_pod_that_fits_in_beside_the_newcomer_stays():
    pods = on("node-1", ranked("large", 5, "1500m"), ranked("small", 0, "500m"))
    assert plan(ranked(priority=10), [node()], pods) == ("node-1", ["large"])


def test_of_equals_the_one_that_has_run_longest_stays():
    old, new = (
        ranked("old", 0, started="2026-01-01T00:00:00Z"),
        ranked("new", 0, started="2026-01-02T00:00:00Z"),
    )
    assert plan(ranked(priority=10), [node()], on("node-1", new, old)) == ("node-1", ["new"])


def test_a_pod_that_a_budget_protects_stays_if_another_can_go():
    kept, other = ranked("kept", 0), ranked("other", 0)
    kept = with_path(kept, ("metadata", "labels"), {"app": "db"})
    pods = on("node-1", other, kept)
    assert plan(ranked(priority=10), [node()], pods)[1] == ["kept"]
    assert plan(ranked(priority=10), [node()], pods, [budget(0, app="db")])[1] == ["other"]
    assert plan(ranked(priority=10), [node()], pods, [budget(1, app="db")])[1] == ["kept"]


def test_a_budget_is_violated_if_there_is_no_other_way():
    pods = on("node-1", ranked("db", 0))
    decision = plan(ranked(priority=10, cpu="2"), [node()], pods, [budget(0, app="web")])
    assert decision == ("node-1", ["db"])


def test_a_node_whose_taint_is_the_problem_is_not_emptied():
    pods = on("node-1", ranked("low", 0, "2"))
    assert plan(ranked(priority=10), [node(taints=[GPU])], pods) is None


def test_a_pod_that_is_kept_apart_from_another_may_evict_it():
    apart = {
        "podAntiAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [
                {
                    "topologyKey": "kubernetes.io/hostname",
                    "labelSelector": {"matchLabels": {"app": "web"}},
                }
            ]
        }
    }
    pods = on("node-1", ranked("low", 0, "100m"), ranked("also", 5, "100m"))
    found = plan(ranked(priority=10, affinity=apart), [node()], pods)
    assert found == ("node-1", ["also", "low"])


# -- on which node


def candidate(name, *victims, violations=0):
    pods = (
        PodInfo.of(ranked(f"{name}-{n}", priority, started=started))
        for n, (priority, started) in enumerate(victims)
    )
    return Candidate(name, tuple(pods), violations)


@pytest.mark.parametrize(
    ("why", "better", "worse"),
    [
        ("violations", candidate("b", (9, "1"), (9, "1")), candidate("a", (0, "1"), violations=1)),
        ("highest", candidate("b", (4, "1"), (4, "1")), candidate("a", (5, "1"))),
        ("sum", candidate("b", (5, "1"), (1, "1")), candidate("a", (5, "1"), (2, "1"))),
        ("number", candidate("b", (5, "1")), candidate("a", (5, "1"), (-(2**31), "1"))),
        ("start", candidate("b", (5, "2")), candidate("a", (5, "1"))),
    ],
)
def test_the_node_whose_victims_are_missed_least_is_taken(why, better, worse):
    assert best_candidate([worse, better]) is better
    assert best_candidate([better, worse]) is better


def test_of_equal_candidates_the_first_is_taken():
    first, second = candidate("a", (5, "1")), candidate("b", (5, "1"))
    assert best_candidate([first, second]) is first


def test_the_message_counts_why_evicting_would_not_help():
    nodes = [node("a", cpu="3"), node("b", taints=[GPU]), node("c", cpu="3")]
    pods = [*on("a", ranked("high", 50, "1"), ranked("low", 0, "1")), *on("c", ranked("x", 50))]
    decision = decide(ranked(priority=10, cpu="3"), nodes, pods)
    assert decision.message == (
        "0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient cpu. no new"
        " claims to deallocate, preemption: 0/3 nodes are available: 1 Insufficient cpu,"
        " 1 No preemption victims found for incoming pod,"
        " 1 Preemption is not helpful for scheduling."
    )


# -- what happens


def full(**options):
    plane = Preempting(node(cpu="1"), **options)
    plane.create(ranked("low", 0))
    return plane


def test_the_victim_is_told_why_and_deleted_and_the_node_is_promised():
    plane = full()
    plane.create(ranked("high", 10))
    victim, high = plane.pod("low"), plane.pod("high")
    condition = condition_of(victim, "DisruptionTarget")
    assert (condition["status"], condition["reason"]) == ("True", "PreemptionByScheduler")
    assert condition["message"] == (
        "default-scheduler: preempting to accommodate a higher priority pod"
    )
    assert victim["metadata"]["deletionTimestamp"]
    assert high["status"]["nominatedNodeName"] == "node-1"
    assert plane.events("Preempted") == [
        f"Preempted by pod {high['metadata']['uid']} on node node-1"
    ]
    assert plane.verdict("high")[2] == "0/1 nodes are available: 1 Insufficient cpu."


def test_the_pod_waits_until_the_victim_has_ended():
    plane = full()
    plane.create(ranked("high", 10))
    plane.loop.run(20)
    assert plane.node_of("high") is None
    plane.end("low")
    assert plane.node_of("high") == "node-1"


def test_the_trace_tells_who_had_to_go_for_whom():
    plane = full()
    plane.create(ranked("high", 10))
    (record,) = plane.loop.trace.select(verb="preempt")
    assert (record.subject, record.note) == (
        "pods/default/low", "by pods/default/high on node-1",
    )  # fmt: skip
    plane.end("low")
    assert [r.verb for r in plane.loop.trace.why(record)][-2:] == ["unfit", "preempt"]


def test_a_pod_of_lower_priority_does_not_take_the_promised_room():
    plane = Preempting(node(cpu="2"))
    plane.create(ranked("a", 0), ranked("b", 0))
    plane.create(ranked("high", 10, cpu="2"))
    plane.end("a")
    plane.create(ranked("thief", 5, cpu="1"))
    assert plane.node_of("thief") is None
    plane.end("b")
    assert (plane.node_of("high"), plane.node_of("thief")) == ("node-1", None)


def test_a_pod_of_higher_priority_takes_the_promised_room_and_the_promise_with_it():
    plane = full()
    plane.create(ranked("high", 10))
    plane.create(ranked("higher", 100))
    assert plane.pod("higher")["status"]["nominatedNodeName"] == "node-1"
    assert "nominatedNodeName" not in plane.pod("high")["status"]
    plane.end("low")
    assert (plane.node_of("higher"), plane.node_of("high")) == ("node-1", None)


def test_while_a_victim_ends_nobody_else_is_evicted_for_the_same_pod():
    plane = Preempting(node("node-1", cpu="1"), node("node-2", cpu="1"))
    plane.create(ranked("a", 0), ranked("b", 0))
    plane.create(ranked("high", 10))
    plane.loop.run(400)
    assert len(plane.loop.trace.select(verb="preempt")) == 1
    assert plane.verdict("high")[2] == (
        "0/2 nodes are available: 2 Insufficient cpu. no new claims to deallocate, preemption:"
        " not eligible due to a terminating pod on the nominated node."
    )
    # It keeps the promise all the same.
    assert plane.pod("high")["status"]["nominatedNodeName"]


def test_a_pod_whose_policy_is_never_evicts_nobody():
    plane = full()
    polite = {"metadata": {"name": "polite"}, "value": 10, "preemptionPolicy": "Never"}
    plane.do(plane.api.create("priorityclasses", polite))
    plane.create(asking("polite", cpu="1", priorityClassName="polite"))
    assert plane.node_of("low") == "node-1"
    assert not plane.loop.trace.select(verb="preempt")
    assert "nominatedNodeName" not in plane.pod("polite")["status"]


def test_a_promise_that_cannot_be_kept_any_more_is_taken_back():
    plane = full()
    plane.create(ranked("high", 10))
    plane.do(plane.api.patch("nodes", "node-1", {"spec": {"taints": [GPU]}}))
    plane.end("low")
    assert "nominatedNodeName" not in plane.pod("high")["status"]


def test_a_pod_that_waits_for_a_permit_gives_its_node_back_and_is_not_deleted():
    from tests.scheduler.test_scheduler import Quorum

    plane = Preempting(node(cpu="1"), plugins=[Quorum()])
    plane.create(ranked("low", 0))
    plane.create(ranked("high", 10))
    assert "deletionTimestamp" not in plane.pod("low")["metadata"]
    plane.scheduler.framework.allow(plane.pod("high")["metadata"]["uid"], "Quorum")
    plane.loop.run(0)
    assert (plane.node_of("low"), plane.node_of("high")) == (None, "node-1")


@pytest.mark.parametrize("kind", ["crash-before", "crash-after"])
@pytest.mark.parametrize("verb", ["patch", "delete", "update"])
def test_a_scheduler_that_dies_while_it_preempts_makes_room_after_all(kind, verb):
    plane = full()
    plane.faults.add(kind, actor="default-scheduler", verb=verb, call=1)
    plane.create(ranked("high", 10))
    plane.loop.run(60)
    assert plane.process.crashes == 1
    assert plane.pod("low")["metadata"]["deletionTimestamp"]
    plane.end("low")
    plane.loop.run(400)
    assert plane.node_of("high") == "node-1"


def test_an_eviction_that_is_lost_is_tried_again():
    plane = full()
    plane.faults.add("lose-request", actor="default-scheduler", verb="delete", call=1)
    plane.create(ranked("high", 10))
    plane.loop.run(400)
    assert plane.pod("low")["metadata"]["deletionTimestamp"]
    assert plane.loop.trace.select(verb="lose", subject="pods/default/high")


def test_a_pod_of_no_priority_is_scheduled_as_before():
    plane = full()
    plane.create(pod("next"))
    assert plane.node_of("next") == "node-1"
