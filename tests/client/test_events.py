"""Events: said once, counted up when repeated, dropped when they cannot be sent."""

from k8s_ref.client.events import EventRecorder, SeriesRecorder
from k8s_ref.sim.process import Process
from tests.harness import ControlPlane, pod


def setup():
    plane = ControlPlane()
    web = plane.do(plane.api.create("pods", pod()))
    return plane, web, EventRecorder(plane.client("kubelet"), plane.loop, "kubelet", "node-1")


def events(plane):
    return plane.do(plane.api.list("events"))["items"]


def test_an_event_names_its_object_and_its_source():
    plane, web, recorder = setup()
    recorder.event(web, "Normal", "Pulled", "Container image present", "spec.containers{web}")
    plane.loop.run(0)
    (event,) = events(plane)
    assert event["involvedObject"]["uid"] == web["metadata"]["uid"]
    assert event["involvedObject"]["fieldPath"] == "spec.containers{web}"
    assert event["source"] == {"component": "kubelet", "host": "node-1"}
    assert (event["type"], event["reason"], event["count"]) == ("Normal", "Pulled", 1)


def test_the_same_said_again_is_counted_and_keeps_its_first_time():
    plane, web, recorder = setup()
    for _ in range(3):
        recorder.event(web, "Warning", "BackOff", "Back-off restarting")
        plane.loop.run(10)
    (event,) = events(plane)
    assert event["count"] == 3
    assert event["firstTimestamp"] == "2026-01-01T00:00:00Z"
    assert event["lastTimestamp"] == "2026-01-01T00:00:20Z"


def test_something_else_said_of_the_same_object_is_another_event():
    plane, web, recorder = setup()
    recorder.event(web, "Normal", "Created", "Created container: web")
    recorder.event(web, "Normal", "Started", "Started container web")
    plane.loop.run(0)
    assert [event["reason"] for event in events(plane)] == ["Created", "Started"]


def test_an_event_that_expired_is_said_anew():
    plane, web, recorder = setup()
    recorder.event(web, "Normal", "Killing", "Stopping container web")
    plane.loop.run(1)
    (event,) = events(plane)
    plane.do(plane.api.delete("events", f"default/{event['metadata']['name']}"))
    for _ in range(2):
        recorder.event(web, "Normal", "Killing", "Stopping container web")
        plane.loop.run(1)
    # The number of times is remembered by who counts, not by the Event.
    assert [event["count"] for event in events(plane)] == [3]


def test_an_event_that_cannot_be_sent_is_dropped_and_harms_nobody():
    plane, web, recorder = setup()
    gone = {**web, "metadata": {**web["metadata"], "namespace": "nowhere"}}
    recorder.event(gone, "Normal", "Killing", "Stopping container web")
    plane.loop.run(1)
    assert events(plane) == []
    assert plane.loop.trace[-1].verb == "lose"


def test_events_arrive_in_the_order_in_which_they_were_said():
    plane, web, recorder = setup()
    plane.faults.add("delay", actor="kubelet", chance=0.5, seconds=3)
    for number in range(6):
        recorder.event(web, "Normal", f"Step{number}", "done")
    plane.loop.run(60)
    assert [event["reason"] for event in events(plane)] == [f"Step{n}" for n in range(6)]


def in_a_process(plane, say):
    """Faults spare a person; so say it from within a process."""

    async def main():
        say()
        await plane.loop.future()

    process = Process(plane.loop, "kubelet", main)
    process.start()
    return process


def test_an_event_whose_answer_is_lost_is_sent_again():
    plane, web, recorder = setup()
    plane.faults.add("lose-request", actor="kubelet", call=1)
    in_a_process(plane, lambda: recorder.event(web, "Normal", "Pulled", "done"))
    plane.loop.run(9)
    assert events(plane) == []
    plane.loop.run(20)
    assert [event["reason"] for event in events(plane)] == ["Pulled"]


def test_an_event_that_was_stored_but_not_confirmed_is_not_stored_twice():
    plane, web, recorder = setup()
    plane.faults.add("lose-answer", actor="kubelet", call=1)
    in_a_process(plane, lambda: recorder.event(web, "Normal", "Pulled", "done"))
    plane.loop.run(60)
    assert [(event["reason"], event["count"]) for event in events(plane)] == [("Pulled", 1)]


# -- the new style


def scheduler_events():
    plane = ControlPlane()
    web = plane.do(plane.api.create("pods", pod()))
    recorder = SeriesRecorder(plane.client("s"), plane.loop, "default-scheduler", "control-plane")
    return plane, web, recorder


def test_an_event_of_the_new_style_has_an_action_and_no_count():
    plane, web, recorder = scheduler_events()
    recorder.event(web, "Normal", "Scheduled", "Binding", "Successfully assigned default/web to n")
    plane.loop.run(0)
    (event,) = events(plane)
    assert (event["action"], event["reason"]) == ("Binding", "Scheduled")
    assert event["eventTime"] == "2026-01-01T00:00:00.000000Z"
    assert event["reportingComponent"] == "default-scheduler"
    assert event["reportingInstance"] == "default-scheduler-control-plane"
    assert "count" not in event and "series" not in event


def test_what_is_repeated_becomes_a_series_whose_number_is_told_at_its_end():
    plane, web, recorder = scheduler_events()
    for message in ("no node", "still no node", "no", "never"):
        recorder.event(web, "Warning", "FailedScheduling", "Scheduling", message)
        plane.loop.run(60)
    (event,) = events(plane)
    assert (event["message"], event["series"]["count"]) == ("no node", 2)
    plane.loop.run(360)
    (event,) = events(plane)
    assert event["series"] == {"count": 4, "lastObservedTime": "2026-01-01T00:03:00.000000Z"}


def test_what_happens_again_after_a_long_silence_is_a_new_event():
    plane, web, recorder = scheduler_events()
    for _ in range(2):
        recorder.event(web, "Warning", "FailedScheduling", "Scheduling", "no node")
        plane.loop.run(400)
    assert len(events(plane)) == 2


def test_the_other_object_that_had_a_part_in_it_is_named():
    plane, web, recorder = scheduler_events()
    other = plane.do(plane.api.create("pods", pod("db")))
    recorder.event(web, "Normal", "Preempted", "Preempting", "Preempted by a pod", other)
    plane.loop.run(0)
    (event,) = events(plane)
    assert event["related"]["name"] == "db" and event["involvedObject"]["name"] == "web"
