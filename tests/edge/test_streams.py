"""Streams over a socket: the real kubectl, and the protocol byte by byte."""

import asyncio
import fcntl
import json
import os
import pty
import re
import struct
import termios
import urllib.request
from http.client import RemoteDisconnected

import aiohttp
import pytest

from tests.edge.live import Live, find_kubectl

PROMPT, ENTER = b"# ", b"try pressing enter."
CLOCK = "while true; do date; sleep 1; done"


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    with Live(tmp_path_factory.mktemp("live"), nodes=1, speed=10) as served:
        served.apply("web", image="nginx", ports=[{"containerPort": 80}])
        served.apply("clock", image="busybox", command=["sh", "-c", CLOCK])
        served.apply("shell", image="busybox", stdin=True, tty=True)
        yield served


@pytest.fixture
def kubectl(live):
    find_kubectl()
    return live.kubectl


def typed(live, line, *turns, size=(24, 80)):
    """Type at a command that has a terminal: each turn waits for a text and presses keys.

    Returns the exit code and all that was shown.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
    process = live.start(line, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    shown = b""
    try:
        for text, keys in turns:
            shown += wait_for(ours, text)
            os.write(ours, keys)
        while piece := read(ours):
            shown += piece
        return process.wait(20), shown.decode()
    finally:
        process.kill()
        os.close(ours)


def wait_for(descriptor, text):
    shown = b""
    while text not in shown and (piece := read(descriptor)):
        shown += piece
    return shown


def read(descriptor):
    try:
        return os.read(descriptor, 4096)
    except OSError:
        # The other side of the terminal was closed.
        return b""


# -- exec


def test_a_command_runs_and_its_exit_code_is_kubectls(kubectl):
    line = ["exec", "web", "--", "sh", "-c", "echo out; echo err >&2; exit 3"]
    assert kubectl(line) == (3, "out\n", "err\ncommand terminated with exit code 3\n")


def test_input_goes_to_the_command_and_ends_it(kubectl):
    assert kubectl("exec -i web -- cat", stdin="你好\n".encode()) == (0, "你好\n", "")


def test_what_is_no_program_is_refused_in_containerds_words(kubectl):
    code, out, err = kubectl("exec web -- nope")
    assert (code, out) == (1, "")
    assert err.startswith(
        "error: Internal error occurred: Internal error occurred: error executing"
    )
    assert err.endswith('exec: "nope": executable file not found in $PATH\n')


def test_a_container_that_is_not_there_is_refused_before_anything_begins(kubectl):
    expected = "Error from server (BadRequest): container other is not valid for pod web\n"
    assert kubectl("exec web -c other -- ls") == (1, "", expected)


def test_at_a_terminal_a_shell_talks_and_ctrl_c_ends_only_what_it_runs(live):
    turns = ((PROMPT, b"hostname\r"), (PROMPT, b"sleep 1000\r"), (b"1000\r\n", b"\x03"))
    code, shown = typed(live, "exec -it web -- sh", *turns, (PROMPT, b"exit 7\r"))
    assert code == 7
    assert "/ # hostname\r\nweb\r\n/ # sleep 1000\r\n^C\r\n/ # exit 7\r\n" in shown


def test_the_size_of_the_window_reaches_the_container(live):
    turns = ((PROMPT, b"stty size\r"), (PROMPT, b"exit\r"))
    _, shown = typed(live, "exec -it web -- sh", *turns, size=(33, 99))
    assert "stty size\r\n33 99\r\n" in shown


@pytest.mark.parametrize("release", ["1.27", "1.28", "1.29", "1.30", "1.31", "1.33"])
def test_other_releases_run_commands_too_the_old_ones_over_bare_spdy(live, release):
    line = ["exec", "-i", "web", "--", "sh", "-c", "cat; exit 3"]
    expected = 3, "hello\n", "command terminated with exit code 3\n"
    assert live.kubectl(line, stdin=b"hello\n", release=release) == expected


# -- attach, run, debug


def test_attach_shows_what_the_program_prints_from_now_on(live):
    process = live.start("attach clock")
    lines = [process.stdout.readline().decode() for _ in range(4)]
    process.terminate()
    process.wait(10)
    assert sum("UTC 20" in line for line in lines) >= 2


def test_run_it_gives_a_shell_in_a_pod_that_goes_away_afterwards(live):
    line = "run guest -it --rm --restart=Never --image=busybox -- sh"
    turns = ((ENTER, b"\r"), (PROMPT, b"hostname\r"), (PROMPT, b"exit 0\r"))
    code, shown = typed(live, line, *turns)
    assert code == 0
    assert "guest\r\n/ # exit 0\r\n" in shown
    assert 'pod "guest" deleted' in shown


def test_debug_puts_a_container_beside_the_others(live, kubectl):
    line = "debug -it web --image=busybox --container=look -- sh"
    _, shown = typed(live, line, (ENTER, b"\r"), (PROMPT, b"hostname\r"), (PROMPT, b"exit 5\r"))
    assert "web\r\n/ # exit 5\r\n" in shown
    path = "{.status.ephemeralContainerStatuses[?(@.name=='look')].state.terminated.exitCode}"
    read = ["get", "pod", "web", "-o", f"jsonpath={path}"]
    live.until(lambda: kubectl(read)[1])
    assert kubectl(read)[1] == "5"
    assert kubectl("get pod web")[1].split()[5:9] == ["web", "1/1", "Running", "0"]


# -- logs, cp, port-forward


def test_logs_follow_the_container(live):
    process = live.start("logs -f clock --tail=1")
    lines = [process.stdout.readline().decode() for _ in range(4)]
    process.terminate()
    process.wait(10)
    assert all("UTC 20" in line for line in lines)
    assert lines == sorted(lines)


def test_cp_carries_any_bytes_both_ways(live, kubectl, tmp_path):
    content = bytes(range(256)) * 4000
    (tmp_path / "there").write_bytes(content)
    assert kubectl(f"cp {tmp_path / 'there'} web:/tmp/some.bin")[0] == 0
    assert kubectl("exec web -- ls /tmp")[1] == "some.bin\n"
    assert kubectl(f"cp web:/tmp/some.bin {tmp_path / 'back'}")[0] == 0
    assert (tmp_path / "back").read_bytes() == content


def test_cp_carries_folders(kubectl, tmp_path):
    (tmp_path / "site" / "deep").mkdir(parents=True)
    (tmp_path / "site" / "deep" / "page").write_text("hello")
    assert kubectl(f"cp {tmp_path / 'site'} web:/tmp")[0] == 0
    assert kubectl("exec web -- cat /tmp/site/deep/page")[1] == "hello"
    assert kubectl(f"cp web:/tmp/site {tmp_path / 'copy'}")[0] == 0
    assert (tmp_path / "copy" / "deep" / "page").read_text() == "hello"


def port_of(process):
    found = re.search(r"127\.0\.0\.1:(\d+)", process.stdout.readline().decode())
    return int(found[1])


def test_a_forwarded_port_answers_again_and_again(live):
    find_kubectl()
    process = live.start("port-forward pod/web :80")
    url = f"http://127.0.0.1:{port_of(process)}/"
    pages = [urllib.request.urlopen(url, timeout=10).read() for _ in range(3)]
    process.terminate()
    process.wait(10)
    assert pages == [b"<h1>Welcome to nginx!</h1>\n"] * 3


def test_a_forwarded_port_where_nobody_listens_says_so(live):
    find_kubectl()
    process = live.start("port-forward pod/web :81")
    with pytest.raises(RemoteDisconnected):
        urllib.request.urlopen(f"http://127.0.0.1:{port_of(process)}/", timeout=10)
    shown = process.communicate(timeout=10)[0].decode()
    assert "error forwarding port 81 to pod" in shown
    assert "IPv4: dial tcp4 127.0.0.1:81: connect: connection refused" in shown


# -- byte by byte


def spoken(live, path, protocol, *messages):
    """What comes back over a WebSocket to which these messages are sent."""

    async def speak():
        async with (
            aiohttp.ClientSession() as client,
            client.ws_connect(
                live.url + path,
                protocols=[protocol],
                ssl=live.tls,
                timeout=aiohttp.ClientWSTimeout(10),
            ) as socket,
        ):
            for message in messages:
                await socket.send_bytes(message)
            return [message.data async for message in socket], socket.protocol

    return asyncio.run(asyncio.wait_for(speak(), 20))


EXEC = "/api/v1/namespaces/default/pods/web/exec?stdout=true&stderr=true"


def joined(frames, channel):
    return b"".join(frame[1:] for frame in frames if frame[0] == channel)


def test_every_message_begins_with_its_channel_and_the_status_comes_last(live):
    path = EXEC + "&command=sh&command=-c&command=echo+out;+echo+err+%3E%262;+exit+3"
    frames, protocol = spoken(live, path, "v5.channel.k8s.io")
    assert protocol == "v5.channel.k8s.io"
    assert (joined(frames, 1), joined(frames, 2)) == (b"out\n", b"err\n")
    assert frames[-1][0] == 3
    status = json.loads(frames[-1][1:])
    assert status["details"] == {"causes": [{"reason": "ExitCode", "message": "3"}]}
    assert status["message"] == (
        "command terminated with non-zero exit code: command terminated with exit code 3"
    )


def test_the_fifth_version_can_end_the_input(live):
    frames, _ = spoken(live, EXEC + "&stdin=true&command=cat", "v5.channel.k8s.io",
                       b"\0hel", b"\0lo", b"\xff\0")  # fmt: skip
    assert joined(frames, 1) == b"hello"
    assert json.loads(frames[-1][1:]) == {"metadata": {}, "status": "Success"}


def test_the_fourth_version_tells_the_status_in_the_runtimes_words(live):
    frames, _ = spoken(live, EXEC + "&command=false", "v4.channel.k8s.io")
    expected = (
        "command terminated with non-zero exit code: error executing command [false], exit code 1"
    )
    assert json.loads(frames[-1][1:])["message"] == expected


def refused(live, path, protocol):
    async def ask():
        async with aiohttp.ClientSession() as client:
            headers = {
                "Connection": "Upgrade",
                "Upgrade": "websocket",
                "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
                "Sec-WebSocket-Protocol": protocol,
            }
            headers = headers if protocol else {}
            async with client.get(live.url + path, headers=headers, ssl=live.tls) as answer:
                return answer.status, await answer.text()

    return asyncio.run(asyncio.wait_for(ask(), 20))


def test_before_the_fifth_version_the_kubelets_refusal_is_an_http_error(live):
    path = "/api/v1/namespaces/default/pods/web/exec?command=ls"
    expected = 400, "you must specify at least 1 of stdin, stdout, stderr"
    assert refused(live, path, "v4.channel.k8s.io") == expected
    frames, _ = spoken(live, path, "v5.channel.k8s.io")
    assert json.loads(frames[-1][1:])["message"] == (
        "Internal error occurred: unable to upgrade connection: "
        "you must specify at least 1 of stdin, stdout, stderr"
    )


def test_a_pod_that_is_not_there_is_not_found(live):
    code, text = refused(live, EXEC.replace("web", "none"), "v5.channel.k8s.io")
    assert (code, json.loads(text)["message"]) == (404, 'pods "none" not found')


def test_who_does_not_ask_for_another_protocol_is_told_to(live):
    code, text = refused(live, EXEC + "&command=ls", "")
    assert (code, json.loads(text)["message"]) == (400, "Upgrade request required")


def test_two_channels_a_port_as_the_python_client_speaks(live):
    path = "/api/v1/namespaces/default/pods/web/portforward?ports=80"
    request = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    frames, _ = spoken(live, path, "v4.channel.k8s.io", b"\0" + request)
    assert frames[:2] == [b"\0" + struct.pack("<H", 80), b"\1" + struct.pack("<H", 80)]
    assert joined(frames[2:], 0).endswith(b"\r\n\r\n<h1>Welcome to nginx!</h1>\n")
