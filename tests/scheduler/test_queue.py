"""The scheduling queue: who is next, who has to wait for what, and that nobody waits for ever."""

import pytest

from k8s_ref.machinery.meta import with_path
from k8s_ref.scheduler.cluster_events import ClusterEvent
from k8s_ref.scheduler.framework import Framework
from k8s_ref.scheduler.profile import default_profile
from k8s_ref.scheduler.queue import ANYTHING, Place, SchedulingQueue
from k8s_ref.sim.loop import Loop
from tests.scheduler.plane import asking, node

FIT = frozenset({"NodeResourcesFit"})


class Queue(SchedulingQueue):
    """A queue with a few shorthands; ``popped`` notes who came out when."""

    def __init__(self):
        super().__init__(Loop(), Framework(default_profile(), Loop()), "default-scheduler")
        self.popped = []

    def put(self, name="web", **spec):
        pod = with_path(asking(name, **spec), ("metadata", "uid"), f"uid-{name}")
        self.add(pod)
        return pod

    def take(self):
        return self.loop.run_task(self.pop())

    def fail(self, rejected_by=FIT, name="web"):
        """Take the next Pod and put it back."""
        queued = self.take()
        assert queued.pod.pod["metadata"]["name"] == name
        self.requeue(queued, queued.pod.pod, rejected_by)
        return queued

    def where(self, name="web"):
        return self.place_of(f"default/{name}")

    def follow(self):
        """From now on note who comes out and when, and call it an error."""

        async def run():
            while True:
                queued = await self.pop()
                self.popped.append(self.loop.seconds)
                self.requeue(queued, queued.pod.pod, frozenset())

        self.loop.spawn(run())


@pytest.fixture
def queue():
    queue = Queue()
    yield queue
    queue.loop.run(0)


def names(queue):
    return [queue.take().pod.pod["metadata"]["name"] for _ in range(len(queue))]


def test_the_first_to_arrive_is_the_first_to_go(queue):
    for name in ("c", "a", "b"):
        queue.put(name)
    assert names(queue) == ["c", "a", "b"]


def test_a_higher_priority_goes_before_an_earlier_arrival(queue):
    queue.put("early")
    queue.loop.run(1)
    queue.put("urgent", priority=1000)
    queue.put("idle", priority=-5)
    queue.put("late")
    assert names(queue) == ["urgent", "early", "late", "idle"]


def test_a_deleted_pod_never_comes_out(queue):
    queue.put("gone")
    queue.put("web")
    queue.delete("default/gone")
    assert names(queue) == ["web"]


def test_who_waits_for_a_pod_gets_it_when_it_comes(queue):
    waiting = queue.loop.spawn(queue.pop())
    queue.loop.run(5)
    assert not waiting.done
    queue.put("web")
    queue.loop.run(0)
    assert waiting.result().pod.key == "default/web"


def test_an_updated_pod_comes_out_in_its_new_version(queue):
    old = queue.put("web")
    queue.update(old, with_path(old, ("metadata", "labels"), {"new": "yes"}))
    assert queue.take().pod.pod["metadata"]["labels"] == {"new": "yes"}


def test_an_update_of_a_pod_that_is_in_no_queue_adds_it(queue):
    old = queue.put("web")
    queue.take()
    queue.update(old, old)
    assert queue.where() is Place.ACTIVE


def test_errors_are_retried_after_1_2_4_8_and_then_every_10_seconds(queue):
    queue.follow()
    queue.put("web")
    queue.loop.run(40)
    assert queue.popped == [0, 1, 3, 7, 15, 25, 35]


def test_after_a_rejection_the_count_of_errors_begins_anew(queue):
    queue.put("web")
    for _ in range(3):
        queued = queue.fail(frozenset())
        queue.loop.run(20)
    queue.fail()
    assert (queued.errors, queued.rejections) == (0, 1)


def test_a_rejected_pod_waits_for_an_event_that_may_help(queue):
    queue.put("web", cpu="1")
    queue.fail()
    queue.loop.run(60)
    assert queue.where() is Place.UNSCHEDULABLE
    queue.move(ClusterEvent.NODE_ADD, None, node(cpu="500m"))
    assert queue.where() is Place.UNSCHEDULABLE
    queue.move(ClusterEvent.NODE_ADD, None, node(cpu="1"))
    assert queue.where() is Place.ACTIVE


def test_an_event_that_only_helps_others_is_no_reason_to_try_again(queue):
    queue.put("web")
    queue.fail(frozenset({"TaintToleration"}))
    queue.loop.run(60)
    queue.move(ClusterEvent.ASSIGNED_POD_DELETE, asking("other"), None)
    assert queue.where() is Place.UNSCHEDULABLE


def test_a_pod_does_not_profit_from_leaving_its_own_node(queue):
    pod = queue.put("web")
    queue.fail()
    queue.loop.run(60)
    queue.move(ClusterEvent.ASSIGNED_POD_DELETE, pod, None)
    assert queue.where() is Place.UNSCHEDULABLE


def test_the_reason_for_trying_again_is_in_the_trace(queue):
    queue.put("web")
    queue.fail()
    queue.loop.run(60)
    queue.move(ClusterEvent.NODE_ADD, None, node())
    (record,) = queue.loop.trace.select(verb="enqueue")
    assert (record.subject, record.note) == ("pods/default/web", "NodeAdd: NodeResourcesFit")


def test_a_pod_rejected_by_nobody_in_particular_waits_for_any_event(queue):
    queue.put("web")
    queue.fail(frozenset({ANYTHING}))
    queue.loop.run(60)
    queue.move(ClusterEvent.NODE_TAINT, node(), node())
    assert queue.where() is Place.ACTIVE


def test_a_pod_that_was_just_rejected_backs_off_behind_all_that_are_active(queue):
    queue.put("web")
    queue.fail()
    queue.put("fresh")
    queue.move(ClusterEvent.NODE_ADD, None, node())
    assert queue.where() is Place.BACKOFF
    assert names(queue) == ["fresh", "web"]


def test_an_idle_scheduler_does_not_wait_for_the_back_off_unless_it_was_an_error(queue):
    queue.put("web")
    queue.fail()
    queue.move(ClusterEvent.NODE_ADD, None, node())
    assert queue.take().pod.key == "default/web"
    assert queue.loop.seconds == 0
    queue.put("broken")
    queue.fail(frozenset(), "broken")
    queue.take()
    assert queue.loop.seconds == 1


def test_an_event_during_the_decision_leads_to_another_try(queue):
    queue.put("web")
    queued = queue.take()
    queue.move(ClusterEvent.NODE_ADD, None, node())
    queue.requeue(queued, queued.pod.pod, FIT)
    assert queue.where() is Place.BACKOFF


def test_an_event_during_the_decision_that_only_helps_others_does_not(queue):
    queue.put("web", cpu="4")
    queued = queue.take()
    queue.move(ClusterEvent.NODE_ADD, None, node(cpu="2"))
    queue.requeue(queued, queued.pod.pod, FIT)
    assert queue.where() is Place.UNSCHEDULABLE


def test_what_happened_before_a_pod_was_taken_out_is_no_news_to_it(queue):
    queue.put("early")
    early = queue.take()
    queue.move(ClusterEvent.NODE_ADD, None, node())
    queue.put("late")
    late = queue.take()
    queue.requeue(late, late.pod.pod, FIT)
    queue.requeue(early, early.pod.pod, FIT)
    assert (queue.where("late"), queue.where("early")) == (Place.UNSCHEDULABLE, Place.BACKOFF)


def test_a_pod_whose_victims_are_being_evicted_stays_out_until_it_is_released(queue):
    (plugin,) = (p for p in queue.framework.plugins if p.name == "DefaultPreemption")
    queue.put("web")
    queue.fail()
    queue.loop.run(60)
    plugin.preempting.add("uid-web")
    queue.move(ClusterEvent.NODE_ADD, None, node())
    assert queue.where() is Place.GATED
    plugin.preempting.clear()
    queue.release("default/web")
    assert queue.where() is Place.ACTIVE


def test_nobody_is_unschedulable_for_more_than_five_minutes(queue):
    queue.put("web")
    queue.fail()
    queue.loop.run(299)
    assert queue.where() is Place.UNSCHEDULABLE
    queue.loop.run(1)
    assert queue.where() is Place.ACTIVE


def test_each_pod_has_its_own_five_minutes(queue):
    queue.put("web")
    queue.fail()
    queue.loop.run(100)
    queue.put("second")
    queue.fail(FIT, "second")
    queue.loop.run(200)
    assert (queue.where(), queue.where("second")) == (Place.ACTIVE, Place.UNSCHEDULABLE)
    queue.loop.run(100)
    assert queue.where("second") is Place.ACTIVE


def test_a_gated_pod_is_not_looked_at_until_its_gates_are_gone(queue):
    gates = [{"name": "example.com/a"}, {"name": "example.com/b"}]
    old = queue.put("web", schedulingGates=gates)
    assert queue.where() is Place.GATED
    half = with_path(old, ("spec", "schedulingGates"), gates[:1])
    queue.update(old, half)
    queue.move(ClusterEvent.NODE_ADD, None, node())
    queue.loop.run(1000)
    assert queue.where() is Place.GATED
    queue.update(half, with_path(old, ("spec", "schedulingGates"), []))
    assert queue.take().pod.key == "default/web"


def test_a_new_toleration_is_a_reason_to_try_again(queue):
    old = queue.put("web")
    queue.fail(frozenset({"TaintToleration"}))
    queue.loop.run(60)
    queue.update(old, with_path(old, ("metadata", "labels"), {"x": "y"}))
    assert queue.where() is Place.UNSCHEDULABLE
    queue.update(old, with_path(old, ("spec", "tolerations"), [{"operator": "Exists"}]))
    assert queue.where() is Place.ACTIVE


def test_a_queue_in_which_nobody_waits_for_a_time_has_no_timer(queue):
    queue.put("gated", schedulingGates=[{"name": "a"}])
    queue.put("web")
    queue.fail()
    queue.delete("default/web")
    queue.loop.run(301)
    steps = []
    queue.loop.run_until(lambda: steps.append(1), timeout=86_400)
    # run_until asks once before it begins and once after every step.
    assert len(steps) == 1
