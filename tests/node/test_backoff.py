"""Back-off: 10 s, 20 s … 300 s, and from the beginning after ten good minutes."""

from k8s_ref.node.backoff import Backoff
from k8s_ref.sim.loop import SECOND, Loop


def test_the_first_failure_is_tried_again_at_once():
    assert Backoff(Loop()).left("web") == 0


def test_the_delay_doubles_up_to_five_minutes():
    loop = Loop()
    backoff, delays = Backoff(loop), []
    for _ in range(7):
        backoff.next("web")
        delays.append(backoff.left("web"))
        loop.run(delays[-1])
        assert backoff.left("web") == 0
    assert delays == [10, 20, 40, 80, 160, 300, 300]


def test_it_counts_from_the_exit_and_not_from_the_restart():
    loop = Loop()
    backoff = Backoff(loop)
    backoff.next("web")
    loop.run(5)
    exited = loop.now
    loop.run(4)
    assert backoff.left("web", exited) == 6


def test_after_ten_good_minutes_it_begins_anew():
    loop = Loop()
    backoff = Backoff(loop)
    backoff.next("web")
    backoff.next("web")
    loop.run(601)
    assert backoff.left("web", loop.now) == 0
    backoff.next("web", loop.now)
    assert backoff.delay("web") == 10 * SECOND


def test_a_pod_that_is_gone_leaves_nothing():
    backoff = Backoff(Loop())
    backoff.next("uid/web")
    backoff.forget("uid/")
    assert backoff.left("uid/web") == 0
