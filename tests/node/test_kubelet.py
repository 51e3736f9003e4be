"""The life of Pods on one node, from bound to gone, with a real API server."""

import pytest

from k8s_ref.machinery.errors import BadRequest, NotFound
from k8s_ref.node.kubelet import DEADLINE
from tests.node.machines import Node


def told(node, name="web"):
    """What every write of the Pod's status says from now on: phase, and state of the container."""
    seen = []

    def note(kind, pod, old):
        status = pod["status"]
        if kind != "DELETED" and pod["metadata"]["name"] == name and "containerStatuses" in status:
            ((state, detail),) = status["containerStatuses"][0]["state"].items()
            line = (status["phase"], detail.get("reason", state))
            if seen[-1:] != [line]:
                seen.append(line)

    node.kubelet.pods.on_change(note)
    return seen


def test_a_pod_is_created_then_runs():
    node = Node()
    seen = told(node)
    node.create()
    node.run(5)
    assert seen == [("Pending", "ContainerCreating"), ("Running", "running")]
    status = node.status()
    assert status["podIP"] == "10.244.0.2"
    assert status["podIPs"] == [{"ip": "10.244.0.2"}]
    assert status["hostIP"] == "172.18.0.2"
    assert status["qosClass"] == "BestEffort"
    assert node.container()["ready"] is True
    assert node.container()["image"] == "docker.io/library/nginx:latest"
    assert node.conditions() == dict.fromkeys(
        ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"),
        "True",
    )


def test_events_tell_the_same_story_in_upstreams_words():
    node = Node()
    node.create()
    node.run(5)
    assert node.events() == [
        ("Pulling", 'Pulling image "nginx"', 1),
        (
            "Pulled",
            'Successfully pulled image "nginx" in 1.794s (1.794s including waiting).'
            " Image size: 59773578 bytes.",
            1,
        ),
        ("Created", "Container created", 1),
        ("Started", "Container started", 1),
    ]
    event = node.do(node.api.list("events", "default"))["items"][0]
    assert event["involvedObject"]["fieldPath"] == "spec.containers{web}"
    assert event["source"] == {"component": "kubelet", "host": "node-1"}


def test_only_two_status_writes_make_a_pod_run():
    node = Node()
    node.create()
    node.run(5)
    assert len(node.loop.trace.select(verb="status", subject="pods/")) == 2


def test_everything_that_was_done_follows_from_what_a_person_did():
    node = Node()
    node.create()
    node.run(5)
    last = node.loop.trace.select(verb="status", subject="pods/")[-1]
    verbs = [record.verb for record in node.loop.trace.why(last)]
    assert verbs == ["create", "sandbox", "pull", "container", "start", "status"]


def test_exit_0_and_never_is_succeeded():
    node = Node()
    node.create(image="busybox", command="echo hi; sleep 3", spec={"restartPolicy": "Never"})
    node.run(10)
    assert node.status()["phase"] == "Succeeded"
    assert node.container()["state"]["terminated"]["reason"] == "Completed"
    conditions = {c["type"]: (c["status"], c.get("reason")) for c in node.status()["conditions"]}
    assert conditions["Ready"] == ("False", "PodCompleted")
    assert conditions["Initialized"] == ("True", "PodCompleted")
    assert conditions["PodReadyToStartContainers"] == ("False", None)


def test_exit_1_and_never_is_failed():
    node = Node()
    node.create(image="busybox", command="exit 3", spec={"restartPolicy": "Never"})
    node.run(10)
    assert node.status()["phase"] == "Failed"
    assert node.container()["state"]["terminated"]["exitCode"] == 3
    assert node.started == [("web", 0)]


def test_a_crashing_container_is_restarted_later_and_later():
    node = Node()
    node.create(
        image="busybox",
        command="sleep 1; exit 1",
        imagePullPolicy="IfNotPresent",
        spec={"restartPolicy": "OnFailure"},
    )
    node.run(180)
    starts = [r.at / 1e9 for r in node.loop.trace.select(verb="start")]
    exits = [r.at / 1e9 for r in node.loop.trace.select(verb="exit")]
    waits = [start - end for start, end in zip(starts[1:], exits, strict=False)]
    assert waits == pytest.approx([0, 10, 20, 40, 80], abs=0.2)
    status = node.container()
    assert status["restartCount"] == 5
    assert node.started == [("web", attempt) for attempt in range(6)]


def test_crash_loop_back_off_is_told_in_upstreams_words():
    node = Node()
    pod = node.create(image="busybox", command="exit 1")
    node.run(8)
    full_name = f"web_default({pod['metadata']['uid']})"
    assert node.container()["state"]["waiting"] == {
        "reason": "CrashLoopBackOff",
        "message": f"back-off 10s restarting failed container=web pod={full_name}",
    }
    assert node.container()["lastState"]["terminated"]["exitCode"] == 1
    assert node.status()["phase"] == "Running"
    message = f"Back-off restarting failed container web in pod {full_name}"
    assert [m for reason, m, _ in node.events() if reason == "BackOff"] == [message]


def test_what_a_person_sees_of_a_crash_loop():
    node = Node()
    seen = told(node)
    node.create(image="busybox", command="sleep 1; exit 1")
    node.run(14)
    assert seen == [
        ("Pending", "ContainerCreating"),
        ("Running", "running"),
        ("Running", "Error"),
        ("Running", "running"),
        ("Running", "Error"),
        ("Running", "CrashLoopBackOff"),
        ("Running", "running"),
    ]


def test_a_shell_without_a_command_is_the_classic_crash_loop():
    node = Node()
    node.create(image="busybox")
    node.run(8)
    assert node.container()["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert node.container()["lastState"]["terminated"]["reason"] == "Completed"


def test_an_image_that_is_missing_is_asked_for_again_and_again():
    node = Node()
    seen = told(node)
    node.create(image="nginx:missing")
    node.run(35)
    error, back_off = ("Pending", "ErrImagePull"), ("Pending", "ImagePullBackOff")
    assert seen == [("Pending", "ContainerCreating"), *[error, back_off] * 3]
    pulls = [r.at / 1e9 for r in node.loop.trace.select(verb="pull")]
    assert pulls == pytest.approx([0.3, 10.6, 30.9])
    assert node.container()["state"]["waiting"]["message"].startswith(
        'Back-off pulling image "nginx:missing": ErrImagePull: rpc error: code = NotFound desc ='
    )
    reasons = [(reason, message[:24]) for reason, message, _ in node.events()]
    assert reasons == [
        ("Pulling", 'Pulling image "nginx:mis'),
        ("Failed", 'Failed to pull image "ng'),
        ("Failed", "Error: ErrImagePull"),
        ("BackOff", 'Back-off pulling image "'),
        ("Failed", "Error: ImagePullBackOff"),
    ]


@pytest.mark.parametrize(
    ("image", "policy", "reason"),
    [("nginx", "Never", "ErrImageNeverPull"), ("Nginx", "Always", "InvalidImageName")],
)
def test_an_image_that_may_not_or_cannot_be_named(image, policy, reason):
    node = Node()
    node.create(image=image, imagePullPolicy=policy)
    node.run(5)
    assert node.container()["state"]["waiting"]["reason"] == reason
    assert node.started == []


def test_an_image_that_is_there_is_not_pulled_again():
    node = Node()
    node.create("first", image="nginx:1.29")
    node.run(5)
    node.create("second", image="nginx:1.29")
    node.run(0.5)
    assert node.status("second")["phase"] == "Running"
    message = (
        'Container image "nginx:1.29" already present on machine and can be accessed by the pod'
    )
    assert ("Pulled", message, 1) in node.events()


def test_images_are_pulled_one_at_a_time():
    node = Node()
    node.create("first")
    node.create("second")
    node.run(10)
    pulled = [message for reason, message, _ in node.events() if reason == "Pulled"]
    assert pulled[0].startswith('Successfully pulled image "nginx" in 1.794s (1.794s including')
    assert pulled[1].startswith('Successfully pulled image "nginx" in 300ms (2.094s including')


def test_a_program_that_does_not_exist_is_a_run_container_error():
    node = Node()
    node.create(image="busybox", command=None, spec={}, args=["nosuch"])
    seen = told(node)
    node.run(6)
    assert seen[-2:] == [("Running", "RunContainerError"), ("Running", "CrashLoopBackOff")]
    last = node.container()["lastState"]["terminated"]
    assert (last["exitCode"], last["reason"]) == (128, "StartError")
    assert last["startedAt"] == "1970-01-01T00:00:00Z"


# -- several containers


def test_init_containers_run_one_after_the_other_before_the_rest():
    node = Node()
    init = [
        {"name": "one", "image": "busybox", "command": ["sleep", "5"]},
        {"name": "two", "image": "busybox", "command": ["sleep", "5"]},
    ]
    node.create_pod("web", initContainers=init, containers=[{"name": "web", "image": "nginx"}])
    node.run(3)
    status = node.status()
    assert status["phase"] == "Pending"
    assert node.container()["state"]["waiting"]["reason"] == "PodInitializing"
    assert status["initContainerStatuses"][1]["state"]["waiting"]["reason"] == "PodInitializing"
    (initialized,) = [c for c in status["conditions"] if c["type"] == "Initialized"]
    assert initialized["reason"] == "ContainersNotInitialized"
    assert initialized["message"] == "containers with incomplete status: [one two]"
    node.run(15)
    assert node.started == [("one", 0), ("two", 0), ("web", 0)]
    assert node.status()["phase"] == "Running"
    assert [s["ready"] for s in node.status()["initContainerStatuses"]] == [True, True]


def test_an_init_container_that_fails_is_restarted_or_fails_the_pod():
    node = Node()
    init = [{"name": "init", "image": "busybox", "command": ["false"]}]
    containers = [{"name": "web", "image": "nginx"}]
    node.create_pod("always", initContainers=init, containers=containers)
    node.create_pod("never", initContainers=init, containers=containers, restartPolicy="Never")
    node.run(8)
    assert node.status("always")["phase"] == "Pending"
    waiting = node.status("always")["initContainerStatuses"][0]["state"]["waiting"]
    assert waiting["reason"] == "CrashLoopBackOff"
    assert node.status("never")["phase"] == "Failed"


def test_a_sidecar_starts_first_and_does_not_keep_the_pod_alive():
    node = Node()
    sidecar = {"name": "sidecar", "image": "redis", "restartPolicy": "Always"}
    main = {"name": "web", "image": "busybox", "command": ["sleep", "5"]}
    node.create_pod("web", initContainers=[sidecar], containers=[main], restartPolicy="Never")
    node.run(5)
    assert node.started == [("sidecar", 0), ("web", 0)]
    assert node.conditions()["Ready"] == "True"
    node.run(10)
    assert node.status()["phase"] == "Succeeded"
    assert "terminated" in node.status()["initContainerStatuses"][0]["state"]


def test_one_of_two_containers_that_ends_leaves_the_pod_running_but_not_ready():
    node = Node()
    quick = {"name": "quick", "image": "busybox", "command": ["true"]}
    containers = [{"name": "web", "image": "nginx"}, quick]
    node.create_pod("web", containers=containers, restartPolicy="OnFailure")
    node.run(10)
    assert node.status()["phase"] == "Running"
    (ready,) = [c for c in node.status()["conditions"] if c["type"] == "Ready"]
    assert ready["reason"] == "ContainersNotReady"
    assert ready["message"] == "containers with unready status: [quick]"


def test_a_changed_image_restarts_that_container_and_no_other():
    node = Node()
    containers = [{"name": name, "image": "nginx:1.28"} for name in ("web", "other")]
    node.create_pod("web", containers=containers)
    node.run(5)
    change = {"spec": {"containers": [{"name": "web", "image": "nginx:1.29"}]}}
    strategic = "application/strategic-merge-patch+json"
    node.do(node.api.patch("pods", "default/web", change, content_type=strategic))
    node.run(5)
    assert node.started == [("web", 0), ("other", 0), ("web", 1)]
    killing = [message for reason, message, _ in node.events() if reason == "Killing"]
    assert killing == ["Container web definition changed, will be restarted"]
    (web,) = [s for s in node.status()["containerStatuses"] if s["name"] == "web"]
    assert (web["image"], web["restartCount"]) == ("docker.io/library/nginx:1.29", 1)


def test_a_pod_says_in_its_last_words_why_it_ended():
    node = Node()
    script = "echo no money > /dev/termination-log; exit 2"
    node.create(image="busybox", command=script, spec={"restartPolicy": "Never"})
    node.create(
        "logs",
        image="busybox",
        command="echo one; echo two; exit 1",
        terminationMessagePolicy="FallbackToLogsOnError",
        spec={"restartPolicy": "Never"},
    )
    node.create("quiet", image="busybox", command="exit 1", spec={"restartPolicy": "Never"})
    node.run(5)
    ended = {name: node.container(name)["state"]["terminated"] for name in ("web", "logs", "quiet")}
    messages = {name: terminated.get("message") for name, terminated in ended.items()}
    assert messages == {"web": "no money\n", "logs": "one\ntwo\n", "quiet": None}


# -- the end


def test_a_deleted_pod_is_stopped_gracefully_and_then_removed():
    node = Node()
    node.create()
    node.run(5)
    node.delete()
    node.run(0.04)
    assert node.pod()["metadata"]["deletionGracePeriodSeconds"] == 30
    assert node.conditions()["Ready"] == "True"
    node.run(0.1)
    assert node.pods() == []
    assert node.do(node.runtime.list_pod_sandboxes()) == []
    assert ("Killing", "Stopping container web", 1) in node.events()


def test_a_container_that_ignores_sigterm_holds_its_pod_for_the_grace_period():
    node = Node()
    node.create(image="busybox", command="sleep 3600", spec={"terminationGracePeriodSeconds": 7})
    node.run(5)
    node.delete()
    node.run(6.9)
    assert node.conditions()["Ready"] == "True"
    node.run(0.2)
    assert node.pods() == []
    (exited,) = node.loop.trace.select(verb="exit")
    assert exited.note == "web: exit code 137"


def test_a_pod_whose_last_state_matters_to_somebody_is_written_before_it_goes():
    node = Node()
    node.create()
    node.run(5)
    node.do(node.api.patch("pods", "default/web", {"metadata": {"finalizers": ["test/hold"]}}))
    node.delete()
    node.run(2)
    assert node.status()["phase"] == "Succeeded"
    assert node.status()["observedGeneration"] == node.pod()["metadata"]["generation"] == 2
    writes = len(node.loop.trace)
    node.run(9)
    assert len(node.loop.trace.select(subject="pods/")) <= writes


def test_a_forced_deletion_still_ends_the_containers():
    node = Node()
    node.create(image="busybox", command="sleep 3600")
    node.run(5)
    node.delete(grace=0)
    assert node.pods() == []
    node.run(3)
    assert node.do(node.runtime.list_containers()) == []


def test_a_second_deletion_can_bring_the_end_forward():
    node = Node()
    node.create(image="busybox", command="sleep 3600")
    node.run(5)
    node.delete()
    node.run(1)
    node.delete(grace=2)
    node.run(3)
    assert node.pods() == []


def test_a_pod_deleted_while_its_image_is_pulled_does_not_wait_for_it():
    node = Node()
    node.create(image="example.com/large:v1")
    node.run(1)
    node.delete()
    node.run(0.01)
    assert node.pods() == []
    node.run(10)
    assert node.started == []
    assert node.do(node.runtime.list_pod_sandboxes()) == []


def test_a_pod_of_the_same_name_is_another_pod():
    node = Node()
    node.create()
    node.run(5)
    node.delete(grace=0)
    node.create(image="redis")
    node.run(5)
    assert node.status()["phase"] == "Running"
    assert [c.image for c in node.do(node.runtime.list_containers())] == [
        "docker.io/library/redis:latest"
    ]


def test_a_pod_that_is_active_too_long_fails():
    node = Node()
    node.create(spec={"activeDeadlineSeconds": 4, "terminationGracePeriodSeconds": 3})
    node.run(3.9)
    assert node.status()["phase"] == "Running"
    node.run(0.3)
    status = node.status()
    assert (status["phase"], status["reason"], status["message"]) == ("Failed", *DEADLINE)
    (ready,) = [c for c in status["conditions"] if c["type"] == "Ready"]
    assert (ready["status"], ready["reason"]) == ("False", "PodFailed")


# -- quiet, and not alone


def test_a_quiet_node_writes_nothing_but_heartbeats():
    node = Node()
    node.create("web")
    node.create("job", image="busybox", command="true", spec={"restartPolicy": "Never"})
    node.run(60)
    since = node.loop.seconds
    revision = node.store.revision
    renewed = node.loop.trace.heartbeats["kubelet/node-1"]
    node.run(3600)
    written = node.loop.trace.select(since=since)
    assert {(r.verb, r.subject) for r in written} == {("status", "nodes/node-1")}
    assert len(written) == 12
    assert node.loop.trace.heartbeats["kubelet/node-1"] - renewed == 360
    assert node.store.revision - revision == 12 + 360


def test_a_status_that_somebody_overwrote_is_restored():
    node = Node()
    node.create()
    node.run(5)
    conditions = [
        {**c, "status": "False"} if c["type"] == "Ready" else c for c in node.status()["conditions"]
    ]
    conditions.append({"type": "example.com/mine", "status": "True"})
    change = {"status": {"conditions": conditions, "phase": "Pending"}}
    node.do(node.api.patch("pods", "default/web", change, "status"))
    node.run(0)
    assert node.status()["phase"] == "Running"
    assert node.conditions()["Ready"] == "True"
    assert node.conditions()["example.com/mine"] == "True"


def test_pods_of_other_nodes_are_none_of_its_business():
    node = Node()
    node.create_pod("other", nodeName="node-2", containers=[{"name": "web", "image": "nginx"}])
    node.run(5)
    assert "containerStatuses" not in node.status("other")


# -- crashes


def life(node):
    """One Pod that runs and is deleted, one that ends well, one that crashes now and then."""
    node.create("web")
    node.create("job", image="busybox", command="sleep 2", spec={"restartPolicy": "Never"})
    node.run(20)
    middle = (node.status("web")["phase"], node.container("web")["restartCount"])
    node.delete("web")
    node.run(20)
    return middle, sorted(node.started), node.status("job")["phase"], len(node.pods())


CALLS = 26


@pytest.mark.parametrize("kind", ["crash-before", "crash-after", "lose-answer", "lose-request"])
def test_a_kubelet_that_dies_at_any_call_comes_to_the_same_end(kind):
    expected = life(Node())
    assert expected == (("Running", 0), [("job", 0), ("web", 0)], "Succeeded", 1)
    for call in range(1, CALLS):
        node = Node(start=False)
        node.faults.add(kind, actor="kubelet/node-1", call=call)
        node.process.start()
        node.run(0)
        assert life(node) == expected, f"{kind} at call {call}"
        assert [c.name for c in node.do(node.runtime.list_containers())] == ["job"]


def test_the_life_above_has_about_as_many_calls_as_are_tried():
    node = Node(start=False)
    node.faults.add("delay", actor="kubelet/node-1", seconds=0.0)
    node.process.start()
    life(node)
    assert node.faults.rules[0].seen >= CALLS


@pytest.mark.parametrize("seed", range(12))
def test_crashes_by_chance_and_events_that_come_twice_or_late_change_nothing(seed):
    node = Node(seed, order="shuffle", start=False)
    for kind, chance in (("crash-before", 0.05), ("crash-after", 0.05), ("repeat-event", 0.3),
                         ("delay-event", 0.3), ("cut-watch", 0.1)):  # fmt: skip
        node.faults.add(kind, actor="kubelet/node-1", chance=chance)
    node.process.start()
    node.run(0)
    node.create("web")
    node.create("job", image="busybox", command="sleep 2", spec={"restartPolicy": "Never"})
    node.run(60)
    node.faults.clear()
    node.run(30)
    assert sorted(node.started) == [("job", 0), ("web", 0)]
    assert (node.status("web")["phase"], node.status("job")["phase"]) == ("Running", "Succeeded")
    node.delete("web")
    node.run(35)
    assert [c.name for c in node.do(node.runtime.list_containers())] == ["job"]


def test_containers_run_on_while_the_kubelet_is_down():
    node = Node()
    node.create(image="busybox", command="sleep 10; exit 1")
    node.run(5)
    node.process.stop()
    node.run(20)
    assert len(node.loop.trace.select(verb="exit")) == 1
    node.process.start()
    node.run(2)
    assert node.container()["restartCount"] == 1


def test_a_pod_deleted_while_the_kubelet_was_down_is_cleaned_up():
    node = Node()
    node.create()
    node.run(5)
    node.process.stop()
    node.delete(grace=0)
    node.process.start()
    node.run(5)
    assert node.do(node.runtime.list_containers()) == []
    assert node.do(node.runtime.list_pod_sandboxes()) == []


def test_a_machine_that_rebooted_starts_its_pods_again():
    node = Node()
    node.create("web")
    node.create("job", image="busybox", command="sleep 60", spec={"restartPolicy": "Never"})
    node.run(5)
    address = node.status("web")["podIP"]
    node.process.stop()
    node.runtime.reboot()
    node.process.start()
    node.run(5)
    assert node.status("web")["phase"] == "Running"
    assert node.container("web")["restartCount"] == 1
    assert node.container("web")["lastState"]["terminated"]["exitCode"] == 255
    assert node.status("web")["podIP"] != address
    assert node.status("job")["phase"] == "Failed"


# -- logs


def test_logs_are_what_the_container_printed():
    node = Node()
    node.create(image="busybox", command="echo one; sleep 5; echo two; sleep 3600")
    node.run(10)
    logs = node.kubelet.server.container_logs
    assert logs("default", "web", "web") == "one\ntwo\n"
    assert logs("default", "web", "web", tail=1) == "two\n"
    assert logs("default", "web", "web", since_seconds=5) == "two\n"
    stamped = logs("default", "web", "web", timestamps=True).splitlines()[0]
    assert stamped == "2026-01-01T00:00:00.756608950Z one"


def test_logs_of_the_container_before_and_of_one_that_waits():
    node = Node()
    node.create(image="busybox", command="echo $HOSTNAME; exit 1")
    node.run(8)
    logs = node.kubelet.server.container_logs
    assert node.container()["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert logs("default", "web", "web") == "web\n"
    assert logs("default", "web", "web", previous=True) == "web\n"


def test_logs_that_are_not_there_say_why():
    node = Node()
    node.create("web", image="nginx:missing")
    node.create("ok")
    node.run(0.1)
    logs = node.kubelet.server.container_logs
    with pytest.raises(
        BadRequest, match='container "web" in pod "web" is waiting to start: Container'
    ):
        logs("default", "web", "web")
    node.run(8)
    with pytest.raises(BadRequest, match="is waiting to start: trying and failing to pull image"):
        logs("default", "web", "web")
    with pytest.raises(
        BadRequest, match='previous terminated container "ok" in pod "ok" not found'
    ):
        logs("default", "ok", "ok", previous=True)
    with pytest.raises(BadRequest, match='container "other" in pod "ok" is not available'):
        logs("default", "ok", "other")
    with pytest.raises(NotFound, match='pods "nobody" not found'):
        logs("default", "nobody", "web")
