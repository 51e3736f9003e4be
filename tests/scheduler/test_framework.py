"""The framework: in which order plugins are asked, and what their answers do."""

import pytest

from k8s_ref.scheduler.cache import PodInfo, Snapshot
from k8s_ref.scheduler.framework import (
    SKIP,
    Code,
    CycleState,
    Framework,
    Plugin,
    default_normalize_score,
)
from k8s_ref.sim.loop import Loop
from tests.scheduler.plane import asking, node

POD = PodInfo.of(asking())
NODES = Snapshot.of([node("a"), node("b"), node("c")], [])


def plugin(name, **points):
    """A plugin that answers as given at the points named."""
    answers = {
        point: answer if callable(answer) else (lambda self, *_, answer=answer: answer)
        for point, answer in points.items()
    }
    return type(name, (Plugin,), {"name": name, **answers})()


def framework(*plugins, loop=None):
    weighted = [p if isinstance(p, tuple) else (p, 1) for p in plugins]
    return Framework(weighted, loop or Loop())


def test_the_first_plugin_that_objects_to_a_node_is_the_one_that_is_named():
    first, second = (plugin(name, filter=lambda self, *_: self.reject("no")) for name in "pq")
    fw, state = framework(plugin("fine", filter=None), first, second), CycleState()
    fw.pre_filter(state, POD, NODES)
    assert fw.filter(state, POD, NODES.nodes[0]).plugin == "p"


def test_a_plugin_that_skips_is_not_asked_about_nodes():
    never = plugin("never", pre_filter=SKIP, filter=lambda self, *_: self.reject("no"))
    fw, state = framework(never), CycleState()
    assert fw.pre_filter(state, POD, NODES) == (None, [])
    assert fw.filter(state, POD, NODES.nodes[0]) is None


def test_nodes_that_several_plugins_name_are_those_all_of_them_name():
    ab = plugin("ab", pre_filter=frozenset({"a", "b"}))
    bc = plugin("bc", pre_filter=frozenset({"b", "c"}))
    names, by = framework(bc, ab).pre_filter(CycleState(), POD, NODES)
    assert (names, by) == (frozenset({"b"}), ["ab", "bc"])


def test_plugins_that_name_different_nodes_leave_none():
    a, b = (plugin(f"only-{name}", pre_filter=frozenset({name})) for name in "ab")
    status = framework(a, b).pre_filter(CycleState(), POD, NODES)
    assert status.code is Code.UNSCHEDULABLE_AND_UNRESOLVABLE
    assert str(status) == "node(s) didn't satisfy plugin(s) [only-a only-b] simultaneously"


def test_scores_are_normalized_over_all_nodes_and_weighted():
    def score(self, state, pod, info):
        return "abc".index(info.name)

    def normalize(self, state, pod, scores):
        return default_normalize_score(scores)

    fw = framework((plugin("order", score=score, normalize=normalize), 3))
    (scores,) = fw.score(CycleState(), POD, NODES.nodes)
    assert (scores.raw, scores.normalized, scores.weight) == ([0, 1, 2], [0, 50, 100], 3)


def test_a_plugin_without_preferences_does_not_score():
    fw = framework(plugin("shy", pre_score=SKIP, score=7))
    assert fw.score(CycleState(), POD, NODES.nodes) == []


def test_a_score_out_of_bounds_is_the_plugins_fault():
    with pytest.raises(AssertionError, match="loud gives scores outside 0..100"):
        framework(plugin("loud", score=101)).score(CycleState(), POD, NODES.nodes)


@pytest.mark.parametrize(
    ("scores", "reverse", "normalized"),
    [
        ([], False, []),
        ([0, 0], False, [0, 0]),
        ([0, 0], True, [100, 100]),
        ([1, 2, 3], False, [33, 66, 100]),
        ([1, 2, 3], True, [67, 34, 0]),
    ],
)
def test_normalizing_rounds_down_in_proportion_to_the_highest(scores, reverse, normalized):
    assert default_normalize_score(scores, reverse) == normalized


def test_what_was_reserved_is_given_back_in_reverse_order():
    said = []
    plugins = [
        plugin(name, unreserve=lambda self, *_: said.append(self.name)) for name in ("a", "b")
    ]
    framework(*plugins).unreserve(CycleState(), POD, "a")
    assert said == ["b", "a"]


def test_reserving_stops_at_the_first_objection():
    said = []
    no = plugin("no", reserve=lambda self, *_: self.reject("full"))
    later = plugin("later", reserve=lambda self, *_: said.append(self.name))
    status = framework(no, later).reserve(CycleState(), POD, "a")
    assert (status.plugin, said) == ("no", [])


def waiting(loop, *seconds):
    plugins = [plugin(f"p{n}", permit=s) for n, s in enumerate(seconds)]
    fw = framework(*plugins, loop=loop)
    assert fw.permit(CycleState(), POD, "a").code is Code.WAIT
    return fw, loop.spawn(fw.wait_on_permit(POD))


def test_a_pod_waits_until_every_plugin_that_asked_for_time_agrees():
    loop = Loop()
    fw, task = waiting(loop, 10, 10)
    fw.allow(POD.uid, "p0")
    loop.run(1)
    assert not task.done
    fw.allow(POD.uid, "p1")
    loop.run(20)
    assert task.result() is None


def test_a_plugin_may_refuse_in_the_end():
    loop = Loop()
    fw, task = waiting(loop, 10)
    fw.refuse(POD.uid, "p0", "the others never came")
    loop.run(0)
    assert (task.result().plugin, str(task.result())) == ("p0", "the others never came")
    # The answer was for that attempt only.
    assert loop.run_task(fw.wait_on_permit(POD)) is None


def test_a_pod_nobody_allows_is_refused_when_the_time_is_up():
    loop = Loop()
    _, task = waiting(loop, 20, 10)
    loop.run(9)
    assert not task.done
    loop.run(1)
    assert str(task.result()) == "rejected due to timeout after waiting 10s at plugin p1"


def test_a_pod_nobody_wants_to_hold_back_does_not_wait():
    fw = framework(plugin("fine", permit=None))
    assert fw.permit(CycleState(), POD, "a") is None
    assert Loop().run_task(fw.wait_on_permit(POD)) is None


def test_the_first_plugin_that_binds_is_the_last_that_is_asked():
    said = []

    def binds(answer):
        async def bind(self, *_):
            said.append(self.name)
            return answer

        return bind

    plugins = [
        plugin("lazy", bind=binds(SKIP)),
        plugin("binder", bind=binds(None)),
        plugin("spare", bind=binds(None)),
    ]
    Loop().run_task(framework(*plugins).bind(CycleState(), POD, "a"))
    assert said == ["lazy", "binder"]


def test_a_profile_that_cannot_bind_says_so():
    with pytest.raises(LookupError, match="no plugin of the profile binds"):
        Loop().run_task(framework().bind(CycleState(), POD, "a"))


def test_prebind_stops_at_the_first_that_fails():
    async def no(self, *_):
        return self.reject("volume is lost")

    async def never(self, *_):
        raise AssertionError("asked although the first said no")

    fw = framework(plugin("no", pre_bind=no), plugin("later", pre_bind=never))
    status = Loop().run_task(fw.pre_bind(CycleState(), POD, "a"))
    assert str(status) == "volume is lost"
