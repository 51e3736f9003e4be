"""The trace: one line a record, causes, selections, and that it never grows without bound."""

import pytest

from k8s_ref.sim import trace as trace_module
from k8s_ref.sim.trace import VERBS, Trace


def filled():
    trace = Trace()
    trace.add(0, "kubectl", "create", "replicasets/default/web", "", "kube-apiserver", 5)
    trace.add(0, "replicaset-controller", "create", "pods/default/web-a", "", "", 6, 1)
    trace.add(10**9, "default-scheduler", "bind", "pods/default/web-a", "node-1", "", 7, 2)
    return trace


def test_a_record_prints_as_one_line():
    assert str(filled()[2]) == (
        "    1.000s  default-scheduler       bind      pods/default/web-a  node-1"
    )


def test_why_gives_the_chain_of_causes_oldest_first():
    trace = filled()
    assert [r.actor for r in trace.why(trace[2])] == [
        "kubectl", "replicaset-controller", "default-scheduler",
    ]  # fmt: skip


def test_why_works_on_a_slice_because_the_whole_trace_is_remembered():
    trace = filled()
    assert len(trace[2:].why(trace[2])) == 3


def test_the_record_of_a_revision_is_found():
    assert filled().number_of(6) == 2
    assert filled().number_of(99) == 0


def test_select_narrows_by_actor_verb_subject_and_time():
    trace = filled()
    assert [r.number for r in trace.select(verb="create")] == [1, 2]
    assert [r.number for r in trace.select(subject="web-a")] == [2, 3]
    assert [r.number for r in trace.select(actor="scheduler")] == [3]
    assert [r.number for r in trace.select(since=0.5)] == [3]


def test_subjects_can_be_left_out():
    assert [r.number for r in filled().without("pods/", "events/")] == [1]


def test_a_verb_outside_the_list_is_refused():
    with pytest.raises(AssertionError, match="'invent' is not a verb"):
        Trace().add(0, "a", "invent", "b")


def test_every_verb_has_a_chinese_gloss():
    assert all(any("\u4e00" <= c <= "\u9fff" for c in gloss) for gloss in VERBS.values())


def test_heartbeats_are_counted_after_the_first():
    trace = Trace()
    for second in range(5):
        trace.add(second, "kubelet/node-1", "heartbeat", "leases/kube-node-lease/node-1")
    assert len(trace) == 1
    assert trace.heartbeats == {"kubelet/node-1": 5}


def test_the_oldest_half_is_forgotten_when_there_are_too_many(monkeypatch):
    monkeypatch.setattr(trace_module, "LIMIT", 10)
    trace = Trace()
    for number in range(25):
        trace.add(number, "a", "create", f"pods/x/{number}", revision=number + 1)
    assert len(trace) <= 10
    assert trace[-1].number == 25
    assert trace.get(25) is trace[-1]
    assert trace.get(1) is None
    assert trace.number_of(1) == 0
    assert trace.number_of(25) == 25


def test_one_record_may_stand_for_two_revisions():
    trace = Trace()
    number = trace.add(0, "kubectl", "delete", "pods/default/web", revision=8)
    trace.also(7, written_with=8)
    assert trace.number_of(7) == trace.number_of(8) == number
