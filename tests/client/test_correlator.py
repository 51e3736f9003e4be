"""What becomes of something said: a new Event, one more of an old one, or nothing."""

from hypothesis import given
from hypothesis import strategies as st

from k8s_ref.client.correlator import BURST, COMBINED, MEMORY, SIMILAR, Correlator, Recent
from k8s_ref.sim.loop import Loop


def said(message="m", name="web", reason="BackOff", path=""):
    involved = {"kind": "Pod", "namespace": "default", "name": name, "uid": f"uid-{name}"}
    if path:
        involved["fieldPath"] = path
    said.times += 1
    return {
        "metadata": {"name": f"{name}.{said.times}", "namespace": "default"},
        "involvedObject": involved,
        "type": "Warning",
        "reason": reason,
        "message": message,
        "firstTimestamp": "then",
        "count": 1,
    }


said.times = 0


def test_the_same_words_about_the_same_thing_are_counted():
    correlator = Correlator(Loop())
    first, second = (correlator.correlate(said()) for _ in range(2))
    assert (first["count"], second["count"]) == (1, 2)
    assert first["metadata"]["name"] == second["metadata"]["name"]


def test_other_words_another_object_or_another_container_are_something_else():
    correlator = Correlator(Loop())
    events = [said(), said("n"), said(name="db"), said(reason="Failed"), said(path="spec{a}")]
    assert [correlator.correlate(event)["count"] for event in events] == [1] * 5


def test_from_the_tenth_different_message_on_they_are_combined():
    correlator = Correlator(Loop())
    events = [correlator.correlate(said(f"try {n}")) for n in range(SIMILAR + 2)]
    assert [event["message"] for event in events[:9]] == [f"try {n}" for n in range(9)]
    assert [event["message"] for event in events[9:]] == [
        f"{COMBINED}try {n}" for n in range(9, 12)
    ]
    assert [event["count"] for event in events[9:]] == [1, 2, 3]
    assert len({event["metadata"]["name"] for event in events[9:]}) == 1


def test_after_ten_minutes_of_silence_nothing_is_combined():
    loop = Loop()
    correlator = Correlator(loop)
    for n in range(SIMILAR):
        correlator.correlate(said(f"try {n}"))
    loop.run(601)
    assert correlator.correlate(said("try again"))["message"] == "try again"


def test_of_one_object_no_more_than_a_burst_is_told_and_one_more_every_five_minutes():
    loop = Loop()
    correlator = Correlator(loop)
    told = [correlator.correlate(said()) is not None for _ in range(BURST + 5)]
    assert told == [True] * BURST + [False] * 5
    assert correlator.correlate(said(name="db")) is not None
    loop.run(299)
    assert correlator.correlate(said()) is None
    loop.run(2)
    # What was not told was counted.
    assert correlator.correlate(said())["count"] == BURST + 7
    assert correlator.correlate(said()) is None


@given(st.lists(st.integers(0, MEMORY + 50), max_size=50))
def test_a_memory_forgets_what_was_not_used_for_longest(keys):
    recent = Recent()
    for key in range(MEMORY):
        recent.remember(key, None)
    for key in keys:
        recent.remember(key, None)
    assert len(recent) == MEMORY
    assert all(key in recent for key in keys)


def test_what_is_sent_is_a_copy():
    correlator = Correlator(Loop())
    event = said()
    correlator.correlate(event)
    repeated = said()
    correlator.correlate(repeated)
    assert repeated["count"] == 1 and repeated["metadata"]["name"] != event["metadata"]["name"]
