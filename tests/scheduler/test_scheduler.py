"""The scheduler: from a Pod without a node to a bound one, whatever happens on the way."""

import pytest

from k8s_ref.apiserver import watchcache
from k8s_ref.scheduler.framework import Plugin
from k8s_ref.sim.faults import KINDS
from tests.harness import pod
from tests.scheduler.plane import Scheduled, asking, node

GPU = {"key": "gpu", "effect": "NoSchedule"}


def three():
    return Scheduled(*(node(f"node-{n}") for n in (1, 2, 3)))


# -- finding a node


def test_a_pod_is_bound_to_a_node_and_an_event_says_so():
    plane = Scheduled(node())
    plane.create(pod())
    assert plane.node_of() == "node-1"
    assert plane.verdict()[0] == "True"
    assert plane.events("Scheduled") == ["Successfully assigned default/web to node-1"]


def test_the_full_node_is_avoided():
    plane = three()
    plane.create(asking("big", cpu="2", nodeName="node-1"))
    plane.create(*(asking(f"p{n}", cpu="1") for n in range(4)))
    nodes = sorted(plane.node_of(f"p{n}") for n in range(4))
    assert nodes == ["node-2", "node-2", "node-3", "node-3"]


def test_equal_pods_spread_evenly():
    plane = three()
    plane.create(*(asking(f"p{n}", cpu="100m") for n in range(9)))
    nodes = [plane.node_of(f"p{n}") for n in range(9)]
    assert sorted(nodes) == ["node-1"] * 3 + ["node-2"] * 3 + ["node-3"] * 3


def test_pods_that_arrive_together_count_each_other():
    plane = Scheduled(node(cpu="1"))
    for obj in (asking("a", cpu="600m"), asking("b", cpu="600m")):
        plane.do(plane.api.create("pods", obj))
    plane.loop.run(0)
    assert sorted(map(str, (plane.node_of("a"), plane.node_of("b")))) == ["None", "node-1"]


def test_a_selector_and_a_taint_are_obeyed():
    nodes = [node("node-1"), node("node-2", labels={"disk": "ssd"}), node("node-3", taints=[GPU])]
    plane = Scheduled(*nodes)
    plane.create(pod("picky", nodeSelector={"disk": "ssd"}))
    plane.create(*(asking(f"p{n}", cpu="100m") for n in range(4)))
    assert plane.node_of("picky") == "node-2"
    assert "node-3" not in {plane.node_of(f"p{n}") for n in range(4)}


def test_the_higher_priority_gets_the_last_place():
    plane = Scheduled(node(cpu="1"))
    process = plane.process
    process.stop()
    plane.do(plane.api.create("priorityclasses", {"metadata": {"name": "high"}, "value": 100}))
    plane.create(asking("first", cpu="1"), asking("urgent", cpu="1", priorityClassName="high"))
    process.start()
    plane.loop.run(0)
    assert (plane.node_of("first"), plane.node_of("urgent")) == (None, "node-1")


def test_pods_of_another_scheduler_are_left_alone_but_count():
    plane = Scheduled(node(cpu="1"))
    plane.create(asking("other", cpu="1", schedulerName="mine"))
    assert plane.node_of("other") is None
    plane.do(plane.api.bind("default/other", "node-1"))
    plane.loop.run(0)
    plane.create(asking(cpu="1"))
    assert plane.node_of() is None


def test_a_pod_with_scheduling_gates_waits_for_its_gates():
    plane = Scheduled(node())
    plane.create(pod(schedulingGates=[{"name": "example.com/a"}]))
    plane.loop.run(1000)
    assert plane.node_of() is None
    assert plane.events("FailedScheduling") == []
    plane.do(plane.api.patch("pods", "default/web", {"spec": {"schedulingGates": None}}))
    plane.loop.run(0)
    assert plane.node_of() == "node-1"


# -- when nothing fits


def test_a_pod_that_fits_nowhere_says_why_in_its_condition_and_in_an_event():
    plane = Scheduled(node("node-1", taints=[GPU]), node("node-2"), node("node-3"))
    plane.create(asking(cpu="5"))
    message = (
        "0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient cpu."
        " no new claims to deallocate, preemption: 0/3 nodes are available:"
        " 3 Preemption is not helpful for scheduling."
    )
    assert plane.verdict() == ("False", "Unschedulable", message)
    assert plane.events("FailedScheduling") == [message]


def test_without_nodes_a_pod_waits_and_is_scheduled_when_the_first_comes():
    plane = Scheduled()
    plane.create(pod())
    assert plane.verdict()[2] == "no nodes available to schedule pods"
    plane.loop.run(100)
    assert len(plane.loop.trace.select(verb="unfit")) == 1
    plane.add_node(node())
    assert plane.node_of() == "node-1"


def test_an_unschedulable_pod_is_scheduled_as_soon_as_a_node_is_added():
    plane = Scheduled(node("small", cpu="1"))
    plane.create(asking(cpu="3"))
    plane.loop.run(30)
    plane.add_node(node("also-small", cpu="2"))
    assert plane.node_of() is None
    plane.add_node(node("large", cpu="4"))
    assert plane.node_of() == "large"
    assert plane.verdict() == ("True", None, None)
    # The node that was too small as well was no reason to try again.
    assert len(plane.loop.trace.select(verb="unfit")) == 1


@pytest.mark.parametrize("phase", ["deleted", "Succeeded", "Failed"])
def test_an_unschedulable_pod_takes_the_place_of_one_that_goes_or_ends(phase):
    plane = Scheduled(node(cpu="1"))
    plane.create(asking("old", cpu="1"), asking("new", cpu="1"))
    assert plane.node_of("new") is None
    plane.loop.run(10)
    if phase == "deleted":
        plane.delete("old")
    else:
        change = {"status": {"phase": phase}}
        plane.do(plane.api.patch("pods", "default/old", change, "status"))
        plane.loop.run(0)
    assert plane.node_of("new") == "node-1"


def test_an_unschedulable_pod_is_scheduled_when_a_taint_a_label_or_a_cordon_changes():
    changes = [
        (node(taints=[GPU]), {}, {"spec": {"taints": None}}),
        (node(), {"nodeSelector": {"disk": "ssd"}}, {"metadata": {"labels": {"disk": "ssd"}}}),
        (node(unschedulable=True), {}, {"spec": {"unschedulable": None}}),
    ]
    for obj, spec, change in changes:
        plane = Scheduled(obj)
        plane.create(pod(**spec))
        assert plane.node_of() is None
        plane.loop.run(5)
        plane.do(plane.api.patch("nodes", "node-1", change))
        plane.loop.run(0)
        assert plane.node_of() == "node-1", change


def test_a_deleted_pod_is_not_tried_again():
    plane = Scheduled()
    plane.create(pod())
    plane.delete()
    plane.add_node(node())
    assert len(plane.loop.trace.select(verb="unfit")) == 1
    assert not plane.loop.trace.select(verb="select")


def test_the_condition_is_written_only_when_it_changes():
    plane = Scheduled(node("node-1", cpu="1"))
    plane.faults.add("delay", actor="default-scheduler", verb="update", seconds=0)
    (calls,) = plane.faults.rules
    plane.create(asking(cpu="3"))
    plane.loop.run(10)
    version = plane.pod()["metadata"]["resourceVersion"]
    plane.loop.run(900)
    assert len(plane.loop.trace.select(verb="unfit")) == 4
    assert calls.seen == 1
    assert plane.pod()["metadata"]["resourceVersion"] == version


# -- the trace


def test_a_decision_leaves_three_records_each_the_cause_of_the_next():
    plane = Scheduled(node("node-1"), node("node-2", cpu="8"), node("node-3", taints=[GPU]))
    plane.create(asking(cpu="1", memory="1Gi"))
    (bind,) = plane.loop.trace.select(verb="bind")
    chain = [r for r in plane.loop.trace.why(bind) if r.actor == "default-scheduler"]
    created = plane.loop.trace.select(verb="create", subject="pods/default/web")[0]
    assert [(r.verb, r.note) for r in chain] == [
        ("filter", f"2 of 3 nodes fit at revision {created.revision}: "
                   "1 node(s) had untolerated taint(s)"),
        ("score", "node-2 452: TaintToleration 300, NodeResourcesFit 81, "
                  "NodeResourcesBalancedAllocation 71"),
        ("select", "node-2"),
        ("bind", "node-2"),
    ]  # fmt: skip
    assert chain[0].cause == created.number


def test_the_event_that_helped_is_the_cause_of_the_decision():
    plane = Scheduled(node(cpu="1"))
    plane.create(asking(cpu="2"), asking("other", cpu="500m"))
    plane.add_node(node("large", cpu="4"))
    trace = plane.loop.trace

    def why(name):
        (bind,) = trace.select(verb="bind", subject=f"pods/default/{name}")
        return [(record.verb, record.subject) for record in trace.why(bind)]

    assert why("web")[:3] == [
        ("create", "nodes/large"), ("enqueue", "pods/default/web"), ("filter", "pods/default/web"),
    ]  # fmt: skip
    assert why("other")[:2] == [("create", "pods/default/other"), ("filter", "pods/default/other")]


def test_of_pods_that_arrive_together_each_has_its_own_cause():
    plane = three()
    for name in ("a", "b", "c"):
        plane.do(plane.api.create("pods", pod(name)))
    plane.loop.run(0)
    for name in ("a", "b", "c"):
        (bind,) = plane.loop.trace.select(verb="bind", subject=f"pods/default/{name}")
        assert {r.subject for r in plane.loop.trace.why(bind)} == {f"pods/default/{name}"}


def test_a_pod_is_bound_before_the_next_is_decided_about():
    plane = three()
    plane.process.stop()
    plane.create(*(pod(f"p{n}") for n in range(3)))
    plane.process.start()
    plane.loop.run(0)
    steps = [r.verb for r in plane.loop.trace if r.verb in ("select", "bind")]
    assert steps == ["select", "bind"] * 3


def test_the_next_search_begins_where_the_last_one_ended():
    small = [node(f"node-{number:03}") for number in range(100)]
    large = [node(f"node-{number:03}", cpu="64") for number in range(100, 150)]
    plane = Scheduled(*small, *large)
    plane.create(asking("first", cpu="1"))
    assert plane.node_of("first") < "node-100"
    plane.create(asking("second", cpu="1"))
    assert plane.node_of("second") >= "node-100"


def test_a_pod_that_fits_nowhere_leaves_one_record_with_the_reasons_counted():
    plane = Scheduled(node("node-1", cpu="1"), node("node-2", cpu="1"))
    plane.create(asking(cpu="2"))
    (record,) = plane.loop.trace.select(actor="default-scheduler", verb="unfit")
    assert record.note.startswith("0 of 2 nodes fit at revision ")
    assert record.note.endswith(": 2 Insufficient cpu")


def test_the_same_seed_gives_the_same_decisions_and_another_seed_others():
    def nodes(seed):
        plane = Scheduled(*(node(f"node-{n}") for n in range(8)), seed=seed)
        plane.create(*(pod(f"p{n}") for n in range(8)))
        return [plane.node_of(f"p{n}") for n in range(8)]

    assert nodes(1) == nodes(1)
    assert nodes(1) != nodes(2)


def test_a_scheduler_with_nothing_to_do_does_nothing():
    plane = three()
    plane.create(pod())
    before, records = plane.store.revision, len(plane.loop.trace)
    steps = []
    # After an hour the store forgets the Event.
    plane.loop.run_until(lambda: steps.append(1), timeout=3_000)
    assert len(steps) == 1
    assert (plane.store.revision, len(plane.loop.trace)) == (before, records)


# -- when something goes wrong


@pytest.mark.parametrize("kind", ["crash-before", "crash-after"])
@pytest.mark.parametrize("verb", ["bind", "update", "create", "list"])
def test_a_scheduler_that_dies_at_any_call_does_its_work_after_all_and_once(kind, verb):
    plane = three()
    plane.process.stop()
    plane.faults.add(kind, actor="default-scheduler", verb=verb, call=1)
    plane.create(asking("huge", cpu="9"), *(asking(f"p{n}", cpu="1") for n in range(6)))
    plane.process.start()
    plane.loop.run(400)
    assert plane.process.crashes == 1
    assert [plane.node_of(f"p{n}") is not None for n in range(6)] == [True] * 6
    assert plane.verdict("huge")[1] == "Unschedulable"
    bound = [record.subject for record in plane.loop.trace.select(verb="bind")]
    assert len(bound) == len(set(bound)) == 6


def test_a_binding_whose_answer_is_lost_is_not_made_again():
    plane = three()
    plane.faults.add("lose-answer", verb="bind", call=1)
    plane.create(asking(cpu="1"))
    first = plane.node_of()
    assert first is not None
    plane.loop.run(60)
    assert plane.node_of() == first
    assert plane.verdict()[0] == "True"
    assert len(plane.loop.trace.select(actor="default-scheduler", verb="select")) == 1


def test_a_binding_whose_answer_is_lost_and_whose_news_is_late_is_refused_and_dropped():
    plane = three()
    plane.faults.add("lose-answer", verb="bind", call=1)
    plane.faults.add("delay-event", actor="default-scheduler", call=2, seconds=1000)
    plane.create(asking(cpu="1"))
    plane.loop.run(30)
    # Nobody has told it yet, so it tried again.
    assert len(plane.loop.trace.select(verb="select")) == 2
    assert plane.loop.trace.select(verb="refuse")
    assert plane.verdict()[0] == "True"
    plane.loop.run(1000)
    assert len(plane.loop.trace.select(verb="select")) == 2
    (bound,) = plane.loop.trace.select(verb="bind")
    assert plane.node_of() == bound.note
    assert plane.verdict()[0] == "True"
    assert plane.scheduler.cache.get("default/web").pod["spec"]["nodeName"] == bound.note
    assert len(plane.scheduler.queue) == 0


def test_a_binding_that_never_arrives_is_made_after_a_back_off():
    plane = Scheduled(node())
    plane.faults.add("lose-request", verb="bind", call=1)
    plane.create(pod())
    plane.loop.run(10)
    assert plane.verdict()[:2] == ("False", "SchedulerError")
    assert plane.events("FailedScheduling") == [
        "no answer within 10 s (request: bind pods/default/web)"
    ]
    (backoff,) = plane.loop.trace.select(verb="backoff")
    assert (backoff.at, backoff.note) == (10 * 10**9, "1 s")
    plane.loop.run(1)
    assert plane.node_of() == "node-1"


def test_a_failed_binding_gives_its_place_to_others():
    plane = Scheduled(node(cpu="1"))
    plane.faults.add("lose-request", verb="bind", call=1)
    plane.create(asking("unlucky", cpu="1"), asking("lucky", cpu="1"))
    assert plane.verdict("lucky")[1] == "Unschedulable"
    plane.loop.run(10)
    assert plane.node_of("lucky") == "node-1"
    plane.loop.run(1)
    assert plane.verdict("unlucky")[1] == "Unschedulable"


def test_a_pod_somebody_else_bound_meanwhile_is_forgotten_here():
    plane = Scheduled(node("node-1", cpu="1"), node("node-2", taints=[GPU]))
    plane.faults.add("delay", actor="default-scheduler", verb="bind", call=1, seconds=5)
    plane.create(asking(cpu="1"))
    plane.do(plane.api.bind("default/web", "node-2"))
    plane.loop.run(20)
    assert plane.node_of() == "node-2"
    assert plane.verdict()[0] == "True"
    plane.create(asking("next", cpu="1"))
    assert plane.node_of("next") == "node-1"


def test_a_change_of_a_pod_that_is_being_bound_starts_nothing_new():
    plane = three()
    plane.faults.add("delay", actor="default-scheduler", verb="bind", call=1, seconds=5)
    plane.create(pod())
    plane.do(plane.api.patch("pods", "default/web", {"metadata": {"labels": {"x": "y"}}}))
    plane.loop.run(20)
    assert plane.node_of() is not None
    assert len(plane.loop.trace.select(verb="select")) == 1


def test_a_pod_deleted_while_it_is_bound_leaves_its_place():
    plane = Scheduled(node(cpu="1"))
    plane.faults.add("delay", actor="default-scheduler", verb="bind", call=1, seconds=5)
    plane.create(asking(cpu="1"))
    plane.delete()
    plane.create(asking("next", cpu="1"))
    plane.loop.run(20)
    assert plane.node_of("next") == "node-1"
    assert len(plane.scheduler.queue) == 0


def test_a_pod_that_was_made_anew_while_nobody_watched_is_scheduled(monkeypatch):
    monkeypatch.setattr(watchcache, "CAPACITY", 4)
    plane = Scheduled(node(cpu="1"))
    plane.create(asking(cpu="1"))
    plane.faults.add("cut-watch", actor="default-scheduler", call=1)
    for _ in range(4):
        plane.delete()
        plane.create(asking(cpu="1"))
    plane.loop.run(10)
    assert plane.loop.trace.select(verb="relist", subject="pods")
    assert plane.node_of() == "node-1"
    info = plane.scheduler.cache.get("default/web")
    assert info.uid == plane.pod()["metadata"]["uid"]


@pytest.mark.parametrize("order", ["fifo", "shuffle"])
@pytest.mark.parametrize("seed", range(8))
def test_under_any_accident_every_pod_ends_on_a_node_with_room(seed, order):
    plane = Scheduled(*(node(f"node-{n}") for n in (1, 2, 3)), seed=seed, order=order)
    for kind in KINDS:
        plane.faults.add(kind, actor="scheduler", chance=0.1, seconds=3)
    for number in range(12):
        plane.create(asking(f"p{number}", cpu="500m"))
        plane.loop.run(1)
    plane.loop.run(60)
    plane.faults.clear()
    plane.loop.run(400)
    nodes = [plane.node_of(f"p{number}") for number in range(12)]
    assert sorted(nodes) == ["node-1"] * 4 + ["node-2"] * 4 + ["node-3"] * 4
    assert {plane.verdict(f"p{number}")[0] for number in range(12)} == {"True"}
    bound = [record.subject for record in plane.loop.trace.select(verb="bind")]
    assert len(bound) == len(set(bound))


# -- extension points after the decision


class Quorum(Plugin):
    """Holds Pods back until it is told that enough have come."""

    name = "Quorum"

    def permit(self, state, pod, node):
        return 30.0


class NoRoom(Plugin):
    """Refuses to set anything aside the first time."""

    name = "NoRoom"

    def __init__(self):
        self.asked = 0

    def reserve(self, state, pod, node):
        self.asked += 1
        return self.reject("disk is full") if self.asked == 1 else None


class LateNode(Plugin):
    """Prepares the node, which fails the first time."""

    name = "LateNode"

    def __init__(self):
        self.asked = 0

    async def pre_bind(self, state, pod, node):
        self.asked += 1
        if self.asked == 1:
            raise TimeoutError("the disk did not attach")


def test_a_pod_is_held_back_until_it_is_allowed():
    plane = Scheduled(node(cpu="1"), plugins=[Quorum()])
    plane.create(asking(cpu="1"), asking("second", cpu="1"))
    assert plane.node_of() is None
    assert plane.verdict("second")[1] == "Unschedulable"
    plane.scheduler.framework.allow(plane.pod()["metadata"]["uid"], "Quorum")
    plane.loop.run(0)
    assert plane.node_of() == "node-1"


def test_a_pod_that_is_never_allowed_gives_up_its_node_and_says_why():
    plane = Scheduled(node(cpu="1"), plugins=[Quorum()])
    plane.create(asking(cpu="1"))
    plane.loop.run(31)
    assert plane.node_of() is None
    assert plane.verdict()[1:] == (
        "Unschedulable",
        "0/1 nodes are available: 1 rejected due to timeout after waiting 30s at plugin Quorum.",
    )
    assert plane.scheduler.cache.get("default/web") is None


def test_a_refused_reservation_frees_the_node():
    plane = Scheduled(node(cpu="1"), plugins=[NoRoom()])
    plane.create(asking(cpu="1"))
    assert plane.verdict()[2] == "0/1 nodes are available: 1 disk is full."
    plane.create(asking("next", cpu="1"))
    assert plane.node_of("next") == "node-1"


def test_a_node_that_cannot_be_prepared_is_tried_again_later():
    plane = Scheduled(node(), plugins=[LateNode()])
    plane.create(pod())
    assert plane.verdict()[1:] == ("SchedulerError", "the disk did not attach")
    plane.loop.run(1)
    assert plane.node_of() == "node-1"


def test_a_change_by_others_does_not_keep_the_reason_from_being_written():
    plane = Scheduled(node(cpu="1"))
    plane.faults.add("delay", actor="default-scheduler", verb="update", call=1, seconds=5)
    plane.create(asking(cpu="2"))
    change = {"metadata": {"labels": {"seen": "yes"}}}
    plane.do(plane.api.patch("pods", "default/web", change))
    plane.loop.run(10)
    assert plane.verdict()[1] == "Unschedulable"
    assert plane.pod()["metadata"]["labels"]["seen"] == "yes"
