"""The simulated runtime: time, addresses, exits, and callers that die in the middle."""

import pytest

from k8s_ref.node.cri import CREATED, EXITED, RUNNING, ContainerConfig, CRIError
from k8s_ref.node.runtime import Runtime
from k8s_ref.sim.loop import Loop
from k8s_ref.sim.process import Process


class Machine:
    """A runtime and somebody who calls it."""

    def __init__(self, cidr="10.244.0.0/24"):
        self.loop = Loop()
        self.runtime = Runtime(self.loop, "node-1", cidr)
        self.told = []
        self.runtime.container_events(self.told.append)

    def do(self, coroutine):
        return self.loop.run_task(coroutine)

    def sandbox(self, name="web"):
        return self.do(self.runtime.run_pod_sandbox(f"uid-{name}", "default", name, 0, False))

    def container(self, image="nginx", command=(), start=True, sandbox=None, **more):
        self.do(self.runtime.pull_image(image))
        config = ContainerConfig("web", image, command=tuple(command), **more)
        made = self.do(self.runtime.create_container(sandbox or self.sandbox(), config))
        if start:
            self.do(self.runtime.start_container(made.id))
        return made.id

    def status(self, container_id):
        return self.do(self.runtime.container_status(container_id))

    def log(self, container_id):
        return [line.text for line in self.runtime.logs(container_id)]


def test_the_first_pull_takes_as_long_as_the_image_is_large():
    machine = Machine()
    machine.do(machine.runtime.pull_image("nginx"))
    assert machine.loop.seconds == pytest.approx(0.3 + 59_773_578 / 40e6)


def test_layers_that_are_there_are_not_fetched_again():
    machine = Machine()
    machine.do(machine.runtime.pull_image("nginx"))
    before = machine.loop.seconds
    machine.do(machine.runtime.pull_image("nginx"))
    assert machine.loop.seconds - before == pytest.approx(0.3)
    before = machine.loop.seconds
    machine.do(machine.runtime.pull_image("redis"))
    assert machine.loop.seconds - before == pytest.approx(0.3 + 23_402_115 / 40e6)


def test_every_sandbox_has_an_address_of_its_own_until_there_are_none_left():
    machine = Machine("10.244.7.0/29")
    boxes = [machine.sandbox(str(n)) for n in range(5)]
    assert [box.ip for box in boxes] == [f"10.244.7.{n}" for n in range(2, 7)]
    with pytest.raises(CRIError, match="no IP addresses available"):
        machine.sandbox("one too many")
    machine.do(machine.runtime.stop_pod_sandbox(boxes[1].id))
    assert machine.sandbox("again").ip == boxes[1].ip


def test_a_server_runs_until_it_is_asked_to_stop_and_ends_well():
    machine = Machine()
    web = machine.container()
    machine.loop.run(1000)
    assert machine.status(web).state == RUNNING
    machine.do(machine.runtime.stop_container(web, 30))
    status = machine.status(web)
    assert (status.state, status.exit_code, status.reason) == (EXITED, 0, "Completed")
    assert "signal 3 (SIGQUIT) received" in "".join(machine.log(web))


def test_a_program_that_ignores_the_signal_is_killed_after_the_grace_period():
    machine = Machine()
    web = machine.container("busybox", ["sleep", "3600"])
    before = machine.loop.seconds
    machine.do(machine.runtime.stop_container(web, 30))
    assert machine.loop.seconds - before == 30
    assert (machine.status(web).exit_code, machine.status(web).reason) == (137, "Error")


def test_an_exit_is_told_and_recorded_with_its_code():
    machine = Machine()
    web = machine.container("busybox", ["sh", "-c", "echo hi; sleep 1; exit 4"])
    machine.loop.run(2)
    assert machine.told == ["uid-web", "uid-web"]
    assert machine.status(web).exit_code == 4
    (record,) = machine.loop.trace.select(verb="exit")
    assert (record.actor, record.subject) == ("containerd/node-1", "pods/default/web")
    assert machine.log(web) == ["hi"]


def test_a_program_that_is_not_in_the_image_cannot_be_started():
    machine = Machine()
    web = machine.container("busybox", ["nosuch"], start=False)
    with pytest.raises(CRIError, match=r'exec: "nosuch": executable file not found in \$PATH'):
        machine.do(machine.runtime.start_container(web))
    status = machine.status(web)
    assert (status.state, status.exit_code, status.reason) == (EXITED, 128, "StartError")
    assert status.started is None


def test_variables_of_the_container_reach_the_program():
    machine = Machine()
    web = machine.container("busybox", ["sh", "-c", "echo $WHO on $HOSTNAME"], env=(("WHO", "me"),))
    machine.loop.run(1)
    assert machine.log(web) == ["me on web"]


def test_a_command_can_be_run_inside_and_is_not_in_the_log():
    machine = Machine()
    web = machine.container("nginx")
    machine.loop.run(1)
    before = machine.log(web)
    result = machine.do(machine.runtime.exec_sync(web, ["sh", "-c", "echo ok; exit 3"], 1))
    assert (result.exit_code, result.output) == (3, "ok\n")
    assert machine.log(web) == before
    with pytest.raises(TimeoutError):
        machine.do(machine.runtime.exec_sync(web, ["sleep", "5"], 1))


def test_containers_go_on_when_the_caller_dies():
    machine = Machine()
    box = machine.sandbox()
    web = machine.container(start=False, sandbox=box)

    async def kubelet():
        await machine.runtime.start_container(web)
        await machine.loop.future()

    caller = Process(machine.loop, "kubelet", kubelet)
    caller.start()
    machine.loop.run(1)
    caller.stop()
    machine.loop.run(1)
    assert machine.status(web).state == RUNNING


def test_a_caller_that_dies_in_a_call_leaves_nothing_half_done():
    machine = Machine()
    web = machine.container(start=False)
    for call in (
        machine.runtime.run_pod_sandbox("u", "default", "b", 0, False),
        machine.runtime.start_container(web),
        machine.runtime.pull_image("redis"),
    ):
        task = machine.loop.spawn(call)
        machine.loop.run(0.01)
        task.cancel()
    machine.loop.run(10)
    assert machine.status(web).state == CREATED
    assert len(machine.do(machine.runtime.list_pod_sandboxes())) == 1
    assert machine.do(machine.runtime.image_status("redis")) is None


def test_a_caller_that_dies_takes_no_address_along():
    machine = Machine("10.244.7.0/29")
    for _ in range(8):
        task = machine.loop.spawn(machine.runtime.run_pod_sandbox("u", "default", "a", 0, False))
        machine.loop.run(0.01)
        task.cancel()
    assert machine.sandbox().ip == "10.244.7.2"


def test_after_a_reboot_nothing_runs_and_everything_is_remembered():
    machine = Machine()
    web = machine.container()
    machine.runtime.reboot()
    status = machine.status(web)
    assert (status.state, status.exit_code, status.reason) == (EXITED, 255, "Unknown")
    (box,) = machine.do(machine.runtime.list_pod_sandboxes())
    assert box.state == "NOTREADY"
    assert machine.do(machine.runtime.image_status("nginx")) is not None


def test_a_removed_sandbox_takes_its_containers_along():
    machine = Machine()
    box = machine.sandbox()
    web = machine.container(sandbox=box)
    machine.do(machine.runtime.remove_pod_sandbox(box.id))
    assert machine.do(machine.runtime.list_containers()) == []
    assert machine.runtime.logs(web) == []
    with pytest.raises(CRIError, match="not found"):
        machine.status(web)
