"""What a Pod wants done right after the start and right before the end."""

import pytest

from tests.node.machines import Node


def hooked(node, image="busybox", command="sleep 600", **hooks):
    return node.create(image=image, command=command, lifecycle=hooks)


def test_the_pod_is_not_running_before_its_start_hook_is_done():
    node = Node()
    hooked(node, postStart={"exec": {"command": ["sleep", "5"]}})
    node.run(4)
    assert node.container()["state"]["waiting"]["reason"] == "ContainerCreating"
    node.run(4)
    assert node.status()["phase"] == "Running"


def test_a_start_hook_that_fails_kills_the_container():
    node = Node()
    pod = hooked(node, postStart={"exec": {"command": ["sh", "-c", "echo no >&2; exit 3"]}})
    node.run(31.5)
    waiting = node.container()["state"]["waiting"]
    assert waiting["reason"] == "PostStartHookError"
    name = f"web_default({pod['metadata']['uid']})"
    assert waiting["message"] == (
        f'Exec lifecycle hook ([sh -c echo no >&2; exit 3]) for Container "web" in Pod "{name}"'
        " failed - error: command 'sh -c echo no >&2; exit 3' exited with 3: no\n,"
        ' message: "no\\n"'
    )
    told = [(reason, message) for reason, message, _ in node.events()]
    assert ("FailedPostStartHook", "PostStartHook failed") in told
    assert ("Killing", "FailedPostStartHook") in told


def test_the_stop_hook_runs_first_and_uses_up_the_grace_period():
    node = Node()
    hooked(node, "nginx", None, preStop={"sleep": {"seconds": 8}})
    node.run(5)
    node.delete()
    node.run(7.9)
    assert len(node.loop.trace.select(verb="exit")) == 0
    node.run(0.3)
    assert node.pods() == []


@pytest.mark.parametrize("command", [["sleep", "60"], ["false"]])
def test_a_stop_hook_that_fails_or_takes_too_long_does_not_hold_the_pod(command):
    node = Node()
    hooked(node, "nginx", None, preStop={"exec": {"command": command}})
    node.run(5)
    node.delete(grace=5)
    node.run(7.5)
    assert node.pods() == []
    failed = [message for reason, message, _ in node.events() if reason == "FailedPreStopHook"]
    assert failed == (["PreStopHook failed"] if command == ["false"] else [])


@pytest.mark.parametrize(("path", "failed"), [("/", []), ("/nothing", ["PreStopHook failed"])])
def test_a_hook_may_ask_the_pod_itself(path, failed):
    node = Node()
    hooked(node, "nginx", None, preStop={"httpGet": {"port": 80, "path": path}})
    node.run(5)
    node.delete()
    node.run(1)
    assert node.pods() == []
    events = node.events()
    assert [message for reason, message, _ in events if reason == "FailedPreStopHook"] == failed


def test_a_start_hook_that_asks_a_server_too_early_fails():
    node = Node()
    hooked(node, "nginx", None, postStart={"httpGet": {"port": 80, "path": "/"}})
    node.run(3)
    assert "connection refused" in node.container()["state"]["waiting"]["message"]
