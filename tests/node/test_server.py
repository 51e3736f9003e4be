"""The kubelet's server: commands, attached clients, ports, and what it refuses."""

import json

import pytest

from k8s_ref.apiserver.streams import ERROR, STDERR, STDOUT, Refused, Session
from tests.node.machines import Node


class Client:
    """A client of one stream: what it was told, channel by channel."""

    def __init__(self, machine, opener, **options):
        options = {"stdout": True, "stderr": True, **options}
        self.machine, self.told = machine, {STDOUT: b"", STDERR: b"", ERROR: b""}
        self.session = Session(machine.loop, options, opener)
        machine.do(self.session.open())
        for channel in self.told:
            machine.loop.spawn(self._read(channel))

    async def _read(self, channel):
        while (data := await self.session.channels[channel].read()) is not None:
            self.told[channel] += data

    @property
    def out(self):
        return self.told[STDOUT].decode()

    @property
    def status(self):
        return json.loads(self.told[ERROR])

    @property
    def code(self):
        status = self.status
        return int(status["details"]["causes"][0]["message"]) if "details" in status else 0


def execute(machine, *command, stdin=None, keys=(), **options):
    """A command in the container of ``web``, with its input or with keys pressed one by one."""
    asked = {"stdin": stdin is not None or bool(keys), "tty": bool(keys), **options}
    client = Client(
        machine, lambda s: machine.kubelet.server.exec("default", "web", "web", command, s), **asked
    )
    if stdin is not None:
        client.session.stdin.write(stdin)
        client.session.stdin.close()
    for key in keys:
        machine.run(1)
        client.session.stdin.write(key)
    machine.run(1)
    return client


@pytest.fixture
def machine():
    machine = Node()
    machine.create(ports=[{"containerPort": 80}])
    machine.run(10)
    return machine


def test_both_outputs_and_the_exit_code_come_back(machine):
    client = execute(machine, "sh", "-c", "echo out; echo -n err >&2; exit 3")
    assert (client.out, client.told[STDERR], client.code) == ("out\n", b"err", 3)
    assert client.status["message"] == (
        "command terminated with non-zero exit code: error executing command"
        " [sh -c echo out; echo -n err >&2; exit 3], exit code 3"
    )


def test_input_is_read_byte_by_byte_to_its_end(machine):
    assert execute(machine, "cat", stdin=b"\xff\x00\xfe").told[STDOUT] == b"\xff\x00\xfe"


def test_a_shell_runs_its_input_as_a_script_even_over_several_lines(machine):
    client = execute(machine, "sh", stdin=b"if true; then\necho yes\nfi\nexit 4\n")
    assert (client.out, client.code) == ("yes\n", 4)


def test_a_shell_at_a_terminal_asks_for_the_rest_of_a_line(machine):
    client = execute(machine, "sh", keys=[b"for x in a b; do\r", b"echo $x; done\r", b"\x04"])
    expected = "/ # for x in a b; do\n> echo $x; done\na\nb\n/ # "
    assert client.out == expected.replace("\n", "\r\n")
    assert client.code == 0


def test_ctrl_c_ends_a_command_at_a_terminal(machine):
    client = execute(machine, "sleep", "1000", keys=[b"\x03"])
    assert (client.out, client.code) == ("^C\r\n", 130)


def test_ctrl_c_leaves_the_shell_alone(machine):
    client = execute(machine, "sh", keys=[b"sleep 99\r", b"\x03", b"echo $?\r"])
    assert client.out.endswith("^C\r\n/ # echo $?\r\n130\r\n/ # ")


def test_a_terminal_that_hangs_up_ends_the_shell(machine):
    client = execute(machine, "sh", keys=[b"cd /tmp\r"])
    client.session.stdin.close()
    machine.run(1)
    assert (client.out.endswith("/tmp # "), client.code) == (True, 0)


def test_the_size_of_the_window_is_known_inside(machine):
    client = execute(machine, "sh", stdin=None, keys=[b""])
    client.session.resize.write(b'{"Width":99,"Height":33}')
    client.session.stdin.write(b"stty size\r")
    machine.run(1)
    assert "33 99\r\n" in client.out


def test_what_runs_in_a_container_ends_with_it(machine):
    client = execute(machine, "sleep", "1000")
    machine.delete(grace=0)
    machine.run(10)
    assert client.code == 137


def test_files_written_by_a_command_are_there_for_the_next(machine):
    execute(machine, "sh", "-c", "cat > /tmp/f", stdin=b"no newline")
    assert execute(machine, "cat", "/tmp/f").out == "no newline"


def test_a_pod_container_or_stream_that_is_not_there_is_refused(machine):
    server = machine.kubelet.server

    def refusal(opener, **options):
        with pytest.raises(Refused) as refused:
            Client(machine, opener, **options)
        return refused.value.code, refused.value.text

    ls = ("ls",)
    assert refusal(lambda s: server.exec("default", "nix", "web", ls, s)) == (
        404, "pod does not exist")  # fmt: skip
    assert refusal(lambda s: server.exec("default", "web", "x", ls, s)) == (
        500, 'container not found ("x")')  # fmt: skip
    assert refusal(lambda s: server.attach("default", "web", "x", s)) == (
        500, "container x not found in pod web_default")  # fmt: skip
    silent = {"stdout": False, "stderr": False}
    assert refusal(lambda s: server.exec("default", "web", "web", ls, s), **silent) == (
        400, "you must specify at least 1 of stdin, stdout, stderr")  # fmt: skip


def test_a_container_that_has_ended_runs_no_commands():
    machine = Node()
    machine.create(image="busybox", command="exit 0", spec={"restartPolicy": "Never"})
    machine.run(10)
    with pytest.raises(Refused, match=r'container not found \("web"\)'):
        execute(machine, "ls")


# -- attach


def attach(machine, **options):
    opener = lambda s: machine.kubelet.server.attach("default", "web", "web", s)  # noqa: E731
    return Client(machine, opener, **options)


def test_an_attached_client_sees_what_is_printed_from_now_on_and_no_exit_code():
    machine = Node()
    spec = {"restartPolicy": "Never"}
    machine.create(image="busybox", command="echo a; sleep 9; echo b; exit 3", spec=spec)
    machine.run(6)
    client = attach(machine)
    machine.run(20)
    assert (client.out, client.status) == ("b\n", {"metadata": {}, "status": "Success"})
    assert machine.kubelet.server.container_logs("default", "web", "web") == "a\nb\n"


def test_several_clients_share_a_containers_input():
    machine = Node()
    machine.create(image="busybox", command="cat", stdin=True)
    machine.run(6)
    one, two = attach(machine, stdin=True), attach(machine, stdin=True)
    one.session.stdin.write(b"from one\n")
    machine.run(1)
    one.session.stdin.close()
    machine.run(1)
    two.session.stdin.write(b"from two\n")
    machine.run(1)
    assert two.out == "from one\nfrom two\n"


def test_with_stdin_once_the_first_who_leaves_ends_the_input():
    machine = Node()
    machine.create(
        image="busybox", command="cat", stdin=True, stdinOnce=True, spec={"restartPolicy": "Never"}
    )
    machine.run(6)
    attach(machine, stdin=True).session.stdin.close()
    machine.run(5)
    assert machine.status()["phase"] == "Succeeded"


def test_without_stdin_a_shell_ends_at_once():
    machine = Node()
    machine.create(image="busybox", spec={"restartPolicy": "Never"})
    machine.run(6)
    assert machine.status()["phase"] == "Succeeded"


# -- ports


def talk(machine, port, *pieces):
    """What a port answers to bytes sent piece by piece."""
    connect = machine.do(machine.kubelet.server.port_forward("default", "web"))
    connection = machine.do(connect(port))
    for piece in pieces:
        connection.upward.write(piece)
        machine.run(1)
    connection.upward.close()
    machine.run(1)
    answer = b""
    while (data := machine.do(connection.downward.read())) is not None:
        answer += data
    return answer.decode()


def test_a_web_server_answers_requests_that_come_in_pieces(machine):
    request = b"GET /index.html HTTP/1.1\r\nHost: x\r\n\r\n"
    answer = talk(machine, 80, request[:9], request[9:] + request)
    assert answer.count("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n") == 2
    assert answer.endswith("\r\n\r\n<h1>Welcome to nginx!</h1>\n")


def test_a_head_request_has_no_body_and_a_missing_page_is_missing(machine):
    assert talk(machine, 80, b"HEAD / HTTP/1.0\r\n\r\n").endswith("Connection: close\r\n\r\n")
    assert talk(machine, 80, b"GET /x HTTP/1.0\r\n\r\n").startswith("HTTP/1.1 404 Not Found\r\n")


def test_a_body_belongs_to_its_request(machine):
    post = b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello"
    assert talk(machine, 80, post + b"GET / HTTP/1.0\r\n\r\n").count("HTTP/1.1 200 OK") == 2


def test_what_is_no_request_is_echoed(machine):
    assert talk(machine, 80, b"ping\n", b"PING\r\n") == "ping\nPING\r\n"


def test_a_port_where_nobody_listens_is_refused(machine):
    connect = machine.do(machine.kubelet.server.port_forward("default", "web"))
    with pytest.raises(ConnectionRefusedError, match="error forwarding port 81 to pod"):
        machine.do(connect(81))


def test_a_pod_without_a_sandbox_has_no_ports():
    machine = Node()
    machine.create(image="busybox:missing")
    with pytest.raises(Refused, match=r'pod not found \("web_default"\)'):
        machine.do(machine.kubelet.server.port_forward("default", "web"))


# -- ephemeral containers


def test_a_guest_is_started_beside_the_others_and_never_again(machine):
    guest = {"name": "look", "image": "busybox", "command": ["sh", "-c", "sleep 5; exit 2"]}
    change = {"spec": {"ephemeralContainers": [guest]}}
    machine.do(machine.api.patch("pods", "default/web", change, "ephemeralcontainers"))
    machine.run(3)
    [status] = machine.status()["ephemeralContainerStatuses"]
    assert (status["name"], "running" in status["state"], status["ready"]) == ("look", True, False)
    machine.run(60)
    [status] = machine.status()["ephemeralContainerStatuses"]
    assert status["state"]["terminated"]["exitCode"] == 2
    assert status["restartCount"] == 0
    assert machine.conditions()["Ready"] == "True"
