"""Statuses: what three facts amount to, for every combination of them."""

from hypothesis import given
from hypothesis import strategies as st

from k8s_ref.node.cri import CREATED, EXITED, RUNNING, Container, ContainerConfig, PodSandbox
from k8s_ref.node.image_manager import StartError
from k8s_ref.node.pod_actions import PodState, is_over
from k8s_ref.node.status import OWN_CONDITIONS, TERMINAL, View, pod_status
from k8s_ref.node.status_manager import merged

BOX = PodSandbox("box", "uid", "default", "web", 0, 0, "10.244.0.2")


def container(name="web", state=RUNNING, code=0, attempt=0):
    config = ContainerConfig(name, "nginx", attempt)
    reason = "Error" if code else "Completed"
    return Container(
        f"id-{name}-{attempt}", "box", "uid", config, "docker.io/library/nginx:latest", "sha", 0,
        state, 1, 2 if state == EXITED else None, code, reason if state == EXITED else "",
    )  # fmt: skip


def view(made=(), before=None, reasons=None, ended=False, policy="Always", **spec):
    pod = {
        "metadata": {"name": "web", "namespace": "default", "uid": "uid", "generation": 1},
        "spec": {
            "containers": [{"name": "web", "image": "nginx"}],
            "restartPolicy": policy,
            **spec,
        },
    }
    state = PodState((BOX,), tuple(made))
    return View(
        pod, before or {}, state, reasons or {}, "172.18.0.2", "now", lambda ns: f"at {ns}", ended
    )


def test_a_running_pod_has_the_fields_that_a_real_kubelet_was_seen_to_write():
    status = pod_status(view([container()]))
    assert list(status["containerStatuses"][0]) == [
        "name", "state", "lastState", "ready", "restartCount", "image", "imageID", "containerID",
        "started", "resources",
    ]  # fmt: skip
    assert [c["type"] for c in status["conditions"]] == list(OWN_CONDITIONS)
    assert status["conditions"][0] == {
        "type": "PodReadyToStartContainers",
        "observedGeneration": 1,
        "status": "True",
        "lastProbeTime": None,
        "lastTransitionTime": "now",
    }
    assert status["hostIPs"] == [{"ip": "172.18.0.2"}]
    assert status["resources"] == {}


def test_the_time_of_a_transition_is_kept_until_the_next_one():
    before = pod_status(view([container()]))
    for condition in before["conditions"]:
        condition["lastTransitionTime"] = "then"
    after = pod_status(view([container(state=EXITED)], before))
    times = {c["type"]: c["lastTransitionTime"] for c in after["conditions"]}
    assert times["Ready"] == times["ContainersReady"] == "now"
    assert times["Initialized"] == times["PodScheduled"] == "then"


def test_what_the_runtime_forgot_the_api_still_knows():
    before = pod_status(view([container(state=EXITED, code=3)], policy="Never", ended=True))
    after = pod_status(view([], before, policy="Never", ended=True))
    assert after["containerStatuses"] == before["containerStatuses"]
    assert after["phase"] == "Failed"


def test_nothing_leaves_a_phase_that_is_the_last():
    for phase in TERMINAL:
        for ended in (True, False):
            assert pod_status(view([container()], {"phase": phase}, ended=ended))["phase"] == phase


def test_a_container_that_never_started_in_a_killed_pod_is_told_as_lost():
    status = pod_status(view([], ended=True))
    terminated = status["containerStatuses"][0]["state"]["terminated"]
    assert (terminated["exitCode"], terminated["reason"]) == (137, "ContainerStatusUnknown")
    assert status["phase"] == "Failed"


def test_what_a_container_asks_for_is_what_it_got():
    resources = {"requests": {"cpu": "1"}, "limits": {"cpu": "2"}}
    spec = [{"name": "web", "image": "nginx", "resources": resources}]
    (status,) = pod_status(view([container()], containers=spec))["containerStatuses"]
    assert status["resources"] == resources
    assert status["allocatedResources"] == {"cpu": "1"}


def test_containers_are_listed_by_name_and_unready_ones_in_the_order_of_the_spec():
    spec = [{"name": "b", "image": "nginx"}, {"name": "a", "image": "nginx"}]
    status = pod_status(view([], containers=spec))
    assert [s["name"] for s in status["containerStatuses"]] == ["a", "b"]
    assert status["conditions"][2]["message"] == "containers with unready status: [b a]"


def test_conditions_of_others_are_kept():
    ours = pod_status(view([container()]))
    theirs = {"type": "DisruptionTarget", "status": "True"}
    there = {"phase": "Pending", "qosClass": "Burstable", "conditions": [theirs]}
    written = merged(there, ours)
    assert written["qosClass"] == "Burstable"
    assert written["conditions"][-1] == theirs
    assert merged(written, ours) == written


STATES = st.one_of(
    st.none(),
    st.sampled_from([(CREATED, 0), (RUNNING, 0), (EXITED, 0), (EXITED, 1), (EXITED, 137)]),
)


@given(
    st.dictionaries(st.sampled_from("ab"), STATES),
    st.sampled_from(["Always", "OnFailure", "Never"]),
    st.booleans(),
    st.booleans(),
)
def test_phase_and_states_agree_in_every_case(states, policy, reason, ended):
    if ended:
        states = {n: s for n, s in states.items() if s is None or s[0] == EXITED}
    containers = [container(n, *s) for n, s in states.items() if s is not None]
    spec = [{"name": name, "image": "nginx"} for name in "ab"]
    reasons = {"a": StartError("ErrImagePull", "no")} if reason else {}
    seen = view(containers, None, reasons, ended, policy, containers=spec)
    status = pod_status(seen)
    kinds = [next(iter(s["state"])) for s in status["containerStatuses"]]
    ready = next(c for c in status["conditions"] if c["type"] == "Ready")["status"]
    assert (ready == "True") == (kinds == ["running", "running"])
    assert (status["phase"] in TERMINAL) == (ended or is_over(seen.pod, seen.state))
    if status["phase"] in TERMINAL:
        assert kinds == ["terminated", "terminated"]
    if policy == "Always" and not ended:
        assert status["phase"] in ("Pending", "Running")
    # Saying it again changes nothing: an unchanged status is never written.
    again = view(containers, status, reasons, ended, policy, containers=spec)
    assert pod_status(again) == status
