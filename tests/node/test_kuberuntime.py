"""In what surroundings containers start, and what is left behind."""

from tests.node.machines import Node


def test_command_and_args_are_expanded():
    node = Node()
    env = [{"name": "WHO", "value": "you"}]
    node.create(image="busybox", env=env, args=["echo", "hello $(WHO)"])
    node.run(1)
    assert node.kubelet.server.container_logs("default", "web", "web") == "hello you\n"


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
