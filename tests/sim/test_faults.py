"""Faults: each kind of accident does what its name says, to whom and when the rule says."""

import pytest

from k8s_ref.sim.faults import KINDS, Faults
from k8s_ref.sim.loop import Loop
from k8s_ref.sim.process import Process


class Service:
    """Counts calls, made by a component that calls once a second."""

    def __init__(self, seed=0):
        self.loop = Loop(seed)
        self.faults = Faults(self.loop)
        self.served, self.heard, self.gave_up = [], [], []
        self.process = Process(self.loop, "kube-scheduler", self.main)
        self.process.start()

    async def serve(self):
        self.served.append(self.loop.seconds)
        return "ok"

    async def main(self):
        while True:
            await self.loop.sleep(1)
            try:
                await self.faults.around("default-scheduler", "bind", "pods/a", self.serve)
            except TimeoutError:
                self.gave_up.append(self.loop.seconds)
            else:
                self.heard.append(self.loop.seconds)


def test_without_rules_calls_just_happen():
    service = Service()
    service.loop.run(3.5)
    assert service.served == service.heard == [1.0, 2.0, 3.0]


def test_a_crash_before_the_call_leaves_it_undone():
    service = Service()
    service.faults.add("crash-before", call=2)
    service.loop.run(4.5)
    assert service.served == [1.0, 4.0]
    assert service.process.crashes == 1


def test_a_crash_after_the_call_leaves_it_done_and_unheard():
    service = Service()
    service.faults.add("crash-after", call=2)
    service.loop.run(4.5)
    assert service.served == [1.0, 2.0, 4.0]
    assert service.heard == [1.0, 4.0]


def test_a_lost_request_times_out_undone_and_a_lost_answer_done():
    for kind, served in (("lose-request", []), ("lose-answer", [1.0])):
        service = Service()
        service.faults.add(kind, call=1)
        service.loop.run(11.5)
        assert service.served == served
        assert service.gave_up == [11.0]


def test_a_delayed_call_happens_later():
    service = Service()
    service.faults.add("delay", call=1, seconds=0.5)
    service.loop.run(2)
    assert 1.0 < service.served[0] <= 1.5


def test_a_rule_for_somebody_else_or_another_verb_does_nothing():
    service = Service()
    service.faults.add("crash-before", actor="kubelet")
    service.faults.add("crash-before", verb="delete")
    service.loop.run(2.5)
    assert service.heard == [1.0, 2.0]


def test_a_partition_cuts_a_process_off_until_it_heals():
    service = Service()
    service.faults.partition("kube-scheduler")
    service.loop.run(5)
    assert service.served == []
    service.faults.heal("kube-scheduler")
    service.loop.run(10)
    assert service.gave_up == [11.0]
    assert service.heard == [12.0, 13.0, 14.0, 15.0]


def test_what_is_dropped_is_lost_with_all_after_it_until_the_stream_is_found_dead():
    faults = Faults(Loop())
    process = Process(faults.loop, "kube-scheduler", lambda: None)
    faults.add("drop-event", seconds=3, call=2)
    seen = []

    async def hear():
        seen.extend(faults.on_event("scheduler", "pods/a") for _ in range(3))

    faults.loop.spawn(hear, process=process)
    faults.loop.run(0)
    assert seen[0] == seen[2] == (False, False, 0.0)
    cut, twice, late = seen[1]
    assert cut and not twice and 0 < late < 3
    assert [record.verb for record in faults.loop.trace] == ["lose"]


def test_a_person_has_no_process_and_is_spared():
    loop = Loop()
    faults = Faults(loop)
    faults.add("crash-before")

    async def call():
        return "ok"

    assert loop.run_task(faults.around("kubectl", "create", "pods/a", call)) == "ok"


def test_chance_is_drawn_by_seed():
    def crashes(seed):
        service = Service(seed)
        service.faults.add("crash-before", chance=0.3)
        service.loop.run(50)
        return [record.at for record in service.loop.trace.select(verb="crash")]

    assert crashes(1) == crashes(1)
    assert crashes(1) != crashes(2)
    assert 3 < len(crashes(1)) < 25


def test_an_unknown_fault_is_refused_with_the_list_of_known_ones():
    with pytest.raises(ValueError, match=r"unknown fault 'explode': one of crash-before, "):
        Faults(Loop()).add("explode")
    assert len(KINDS) == 9
