"""Which containers have to be killed and started: a pure function of spec, runtime and probes."""

from hypothesis import given
from hypothesis import strategies as st

from k8s_ref.node.cri import EXITED, NOT_READY, RUNNING, Container, ContainerConfig, PodSandbox
from k8s_ref.node.pod_actions import (
    PodState,
    compute_actions,
    field_path,
    is_over,
    should_start,
)
from k8s_ref.node.probe_results import LIVENESS, STARTUP, ProbeResults


def box(number=0, state="READY"):
    return PodSandbox(f"box-{number}", "uid", "default", "web", number, 0, "10.0.0.1", state)


def container(name, state=RUNNING, code=0, sandbox=0, attempt=0):
    config = ContainerConfig(name, "nginx", attempt)
    return Container(
        f"{name}-{attempt}", f"box-{sandbox}", "uid", config, "nginx", "", 0, state, exit_code=code
    )


def pod(policy="Always", init=(), mains=("web",)):
    specs = [{"name": n, "image": "nginx"} if isinstance(n, str) else n for n in init]
    return {
        "metadata": {"name": "web", "namespace": "default", "uid": "uid"},
        "spec": {"restartPolicy": policy, "initContainers": specs,
                 "containers": [{"name": name, "image": "nginx"} for name in mains]},
    }  # fmt: skip


def actions(wanted, state, **results):
    """What to kill and to start, with results of probes by container id."""
    probes = ProbeResults()
    for identity, (kind, result) in results.items():
        for spec in wanted["spec"]["containers"]:
            spec.setdefault(kind, {})
        probes.set(identity.replace("_", "-"), kind, result)
    found = compute_actions(wanted, state, probes)
    return [kill.message for kill in found.kill], [c["name"] for c in found.start]


def names(*args):
    return actions(*args)[1]


def test_nothing_there_starts_everything_but_init_containers_first():
    assert names(pod(), PodState()) == ["web"]
    assert names(pod(init=["a", "b"]), PodState()) == ["a"]


def test_the_next_init_container_waits_for_the_one_before():
    running = PodState((box(),), (container("a"),))
    done = PodState((box(),), (container("a", EXITED),))
    assert names(pod(init=["a", "b"]), running) == []
    assert names(pod(init=["a", "b"]), done) == ["b"]


def test_an_init_container_that_failed_is_started_again_unless_never():
    failed = PodState((box(),), (container("a", EXITED, 1),))
    assert names(pod(init=["a"]), failed) == ["a"]
    assert names(pod("Never", init=["a"]), failed) == []
    assert is_over(pod("Never", init=["a"]), failed)


def test_in_a_new_sandbox_init_containers_run_again():
    old = (container("a", EXITED), container("web", EXITED, 255))
    state = PodState((box(0, NOT_READY), box(1)), old)
    assert names(pod(init=["a"]), state) == ["a"]


def test_once_begun_nobody_looks_at_init_containers_again():
    state = PodState((box(),), (container("a", EXITED), container("web", EXITED, 1)))
    assert names(pod(init=["a"]), state) == ["web"]


def test_a_sidecar_goes_first_and_is_restarted():
    sidecar = {"name": "s", "image": "nginx", "restartPolicy": "Always"}
    wanted = pod("OnFailure", init=[sidecar, "a"])
    assert names(wanted, PodState()) == ["s"]
    assert names(wanted, PodState((box(),), (container("s"),))) == ["a"]
    begun = (container("s", EXITED), container("a", EXITED), container("web"))
    assert names(wanted, PodState((box(),), begun)) == ["s"]


@given(
    st.sampled_from(["Always", "OnFailure", "Never"]),
    st.lists(st.tuples(st.sampled_from([RUNNING, EXITED]), st.integers(0, 1)), max_size=3),
)
def test_a_pod_is_over_exactly_when_nothing_runs_and_nothing_would_start(policy, containers):
    mains = ["a", "b", "c"][: len(containers)] or ["a"]
    made = [container(n, *c) for n, c in zip(mains, containers, strict=False)]
    wanted, state = pod(policy, mains=mains), PodState((box(),), tuple(made))
    assert is_over(wanted, state) == (not state.running and not names(wanted, state))


def test_a_container_runs_only_once_at_a_time():
    for policy in ("Always", "OnFailure", "Never"):
        assert not should_start(policy, container("web"))


def test_events_name_the_container_by_its_place_in_the_spec():
    assert field_path(pod(init=["a"]), "a") == "spec.initContainers{a}"
    assert field_path(pod(init=["a"]), "web") == "spec.containers{web}"


def test_a_container_that_fails_its_liveness_probe_is_killed_and_started_again():
    state = PodState((box(),), (container("web"),))
    message = "Container web failed liveness probe, will be restarted"
    assert actions(pod(), state, web_0=(LIVENESS, False)) == ([message], ["web"])
    assert actions(pod(), state, web_0=(LIVENESS, True)) == ([], [])


def test_with_never_it_is_killed_and_stays_so():
    state = PodState((box(),), (container("web"),))
    message = "Container web failed startup probe"
    assert actions(pod("Never"), state, web_0=(STARTUP, False)) == ([message], [])


def test_a_changed_image_restarts_the_container_whatever_the_policy():
    state = PodState((box(),), (container("web"), container("other")))
    wanted = pod("Never", mains=("web", "other"))
    wanted["spec"]["containers"][0]["image"] = "nginx:2"
    message = "Container web definition changed, will be restarted"
    assert actions(wanted, state) == ([message], ["web"])


def test_what_follows_a_sidecar_waits_for_its_startup_probe():
    sidecar = {"name": "s", "image": "nginx", "restartPolicy": "Always", "startupProbe": {}}
    state = PodState((box(),), (container("s"),))
    assert names(pod(init=[sidecar]), state) == []
    assert actions(pod(init=[sidecar]), state, s_0=(STARTUP, True)) == ([], ["web"])
