"""Which containers have to start, in what surroundings, and what is left behind."""

from hypothesis import given
from hypothesis import strategies as st

from k8s_ref.node.cri import EXITED, NOT_READY, RUNNING, Container, ContainerConfig, PodSandbox
from k8s_ref.node.kuberuntime import (
    PodState,
    containers_to_start,
    environment,
    field_path,
    is_over,
    should_start,
)
from tests.node.machines import Node


def box(number=0, state="READY"):
    return PodSandbox(f"box-{number}", "uid", "default", "web", number, 0, "10.0.0.1", state)


def container(name, state=RUNNING, code=0, sandbox=0, attempt=0):
    config = ContainerConfig(name, "nginx", attempt)
    return Container(
        f"{name}-{attempt}", f"box-{sandbox}", "uid", config, "nginx", "", 0, state, exit_code=code
    )


def pod(policy="Always", init=(), mains=("web",)):
    specs = [{"name": name} if isinstance(name, str) else name for name in init]
    return {
        "metadata": {"name": "web", "namespace": "default", "uid": "uid"},
        "spec": {"restartPolicy": policy, "initContainers": specs,
                 "containers": [{"name": name} for name in mains]},
    }  # fmt: skip


def names(*args):
    return [c["name"] for c in containers_to_start(*args)]


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
    sidecar = {"name": "s", "restartPolicy": "Always"}
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


def test_variables_may_use_earlier_ones_and_fields_of_the_pod():
    spec = {
        "name": "web",
        "env": [
            {"name": "A", "value": "1"},
            {"name": "B", "value": "$(A)2 $(C)"},
            {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            {"name": "ME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        ],
    }
    env = environment(pod(), spec, {"status.podIP": "10.0.0.1"})
    assert env == {"A": "1", "B": "12 $(C)", "IP": "10.0.0.1", "ME": "web"}


def test_events_name_the_container_by_its_place_in_the_spec():
    assert field_path(pod(init=["a"]), "a") == "spec.initContainers{a}"
    assert field_path(pod(init=["a"]), "web") == "spec.containers{web}"


def test_command_and_args_are_expanded():
    node = Node()
    env = [{"name": "WHO", "value": "you"}]
    node.create(image="busybox", env=env, args=["echo", "hello $(WHO)"])
    node.run(1)
    assert node.kubelet.container_logs("default", "web", "web") == "hello you\n"


def test_a_pod_on_the_hosts_network_has_the_hosts_address():
    node = Node()
    node.create(spec={"hostNetwork": True})
    node.run(5)
    assert node.status()["podIP"] == node.status()["hostIP"] == "172.18.0.2"


def test_a_pod_without_an_address_waits_for_one():
    node = Node()
    taken = [f"10.244.0.{number}" for number in range(2, 255)]
    node.runtime._addresses = dict.fromkeys(taken, "somebody")
    node.create()
    node.run(3)
    assert node.container()["state"]["waiting"]["reason"] == "ContainerCreating"
    reason, message, _ = node.events()[0]
    assert reason == "FailedCreatePodSandBox"
    assert message.startswith(
        "Failed to create pod sandbox: rpc error: code = Unknown desc = no IP"
    )
    del node.runtime._addresses["10.244.0.9"]
    node.run(5)
    assert node.status()["podIP"] == "10.244.0.9"


def test_only_the_last_container_and_the_one_before_are_kept():
    node = Node()
    node.create(image="busybox", command="exit 1")
    node.run(100)
    attempts = [c.attempt for c in node.do(node.runtime.list_containers())]
    assert len(attempts) == 2
    assert attempts[-1] == len(node.started) - 1


def test_all_containers_of_a_pod_are_stopped_at_the_same_time():
    node = Node()
    stubborn = {"image": "busybox", "command": ["sleep", "3600"]}
    node.create_pod("web", containers=[{"name": name, **stubborn} for name in "abc"])
    node.run(5)
    node.delete(grace=10)
    node.run(9.9)
    assert len(node.pods()) == 1
    node.run(0.2)
    assert node.pods() == []
