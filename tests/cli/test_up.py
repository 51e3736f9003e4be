"""``k8s-ref up`` as a person starts it: a process, a signal, and what is left behind."""

import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from base64 import b64decode
from pathlib import Path

import pytest
import yaml

from k8s_ref.cli.main import main
from k8s_ref.cli.up import BadFile, policy_in

CONSOLE = "/k8s-ref/console"
POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- {level: None, users: ["system:serviceaccount:*"]}
- {level: Request, resources: [{group: "", resources: [configmaps]}], verbs: [create]}
"""


class Up:
    """A process that serves; ``with`` ends it."""

    def __init__(self, folder, *flags):
        words = [
            sys.executable,
            "-m",
            "k8s_ref.cli.main",
            "up",
            "--port",
            "0",
            "--nodes",
            "0",
            *flags,
        ]
        env = {**os.environ, "LC_ALL": "C.UTF-8", "HOME": str(folder), "TMPDIR": str(folder)}
        self.folder = folder
        self.process = subprocess.Popen(
            words, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def __enter__(self):
        self.head = [self.process.stdout.readline() for _ in range(4)]
        assert self.head[-1], self.process.stderr.read()
        self.path = Path(self.head[2].partition("=")[2].strip())
        self.config = yaml.safe_load(self.path.read_text())
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait(20)
        for stream in (self.process.stdout, self.process.stderr):
            stream.close()

    def end(self, number=signal.SIGINT):
        """Interrupt it: exit code, the rest of its output, its errors."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=20)
        return self.process.returncode, out, err

    def call(self, path, body=None):
        """The text that a request of the administrator is answered with."""
        entries = {p: self.config[p][-1][p[:-1]] for p in ("clusters", "users")}
        tls = ssl.create_default_context(
            cadata=b64decode(entries["clusters"]["certificate-authority-data"]).decode()
        )
        pair = self.folder / "pair.pem"
        names = ("client-certificate-data", "client-key-data")
        pair.write_bytes(b"".join(b64decode(entries["users"][name]) for name in names))
        tls.load_cert_chain(pair)
        asked = urllib.request.Request(entries["clusters"]["server"] + path, body)
        asked.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(asked, timeout=20, context=tls) as answer:
            return answer.read().decode()

    def nodes(self):
        """How many nodes are ready."""
        items = json.loads(self.call("/api/v1/nodes"))["items"]
        ready = {"type": "Ready", "status": "True"}
        return sum(
            any(ready.items() <= c.items() for c in node["status"]["conditions"]) for node in items
        )


def misused(tmp_path, *flags):
    """What is said, in one line, of a line that cannot be."""
    up = Up(tmp_path, *flags)
    out, err = up.process.communicate(timeout=30)
    assert (up.process.returncode, out) == (2, "")
    assert err.count("\n") == 1, err
    return err.strip()


def make_map(up, name="one"):
    body = json.dumps({"metadata": {"name": name}}).encode()
    up.call("/api/v1/namespaces/default/configmaps", body)


def test_it_says_the_line_a_shell_needs_and_a_first_command(tmp_path):
    with Up(tmp_path, "--nodes", "2") as up:
        first, empty, export, command = up.head
        url = r"https://127\.0\.0\.1:\d+"
        assert re.fullmatch(rf"A cluster of 2 nodes serves at {url}; Ctrl-C ends it\.\n", first)
        assert (empty, command) == ("\n", "  kubectl get nodes\n")
        assert export.startswith("  export KUBECONFIG=")
        assert oct(up.path.stat().st_mode & 0o777) == "0o600"
        code, out, err = up.end()
        assert (code, err) == (0, "")
        assert out.endswith("The cluster is gone, and so is its entry in the kubeconfig.\n")
        assert not up.path.exists()
        assert not up.path.parent.exists()


def test_it_tells_what_happens_as_it_happens(tmp_path):
    with Up(tmp_path, "--nodes", "1", "--paused") as up:
        make_map(up)
        time.sleep(0.4)
        _, out, _ = up.end(signal.SIGTERM)
        assert re.search(r"^ +0\.000 \S+ creates ConfigMap one$", out, re.M)


def test_quiet_says_nothing_more(tmp_path):
    with Up(tmp_path, "--quiet", "--paused") as up:
        make_map(up)
        time.sleep(0.4)
        _, out, _ = up.end()
        assert out.split("kubectl get nodes\n")[-1].count("\n") <= 2


def test_a_reader_who_has_read_enough_ends_it_without_a_word(tmp_path):
    with Up(tmp_path, "--paused") as up:
        up.process.stdout.close()
        make_map(up)
        assert (up.process.wait(20), up.process.stderr.read()) == (0, "")
        assert not up.path.exists()


def test_it_speaks_chinese(tmp_path):
    with Up(tmp_path, "--lang", "zh", "--nodes", "1", "--paused") as up:
        assert re.fullmatch(
            r"1 个节点的集群正在 https://\S+ 提供服务；按 Ctrl-C 结束。\n", up.head[0]
        )
        _, out, _ = up.end()
        assert out.endswith("集群已经结束，kubeconfig 里的那一项也拿掉了。\n")


def test_paused_time_stands_still_until_it_is_told_to_run(tmp_path):
    with Up(tmp_path, "--nodes", "1", "--paused") as up:
        make_map(up)
        time.sleep(0.3)
        before = json.loads(up.call("/api/v1/namespaces/default/configmaps/one"))
        assert up.call(CONSOLE, b"run 1h") == "run 1h\n"
        make_map(up, "two")
        after = json.loads(up.call("/api/v1/namespaces/default/configmaps/two"))
        stamps = [each["metadata"]["creationTimestamp"] for each in (before, after)]
        first, second = (time.mktime(time.strptime(t, "%Y-%m-%dT%H:%M:%SZ")) for t in stamps)
        assert second - first == 3600


def test_at_a_thousand_times_the_speed_nodes_are_ready_at_once(tmp_path):
    with Up(tmp_path, "--nodes", "2", "--speed", "1000", "--quiet") as up:
        end = time.monotonic() + 15
        while up.nodes() < 2:
            assert time.monotonic() < end
            time.sleep(0.1)


def test_a_kubeconfig_of_ones_own_gets_a_context_and_comes_back_as_it_was(tmp_path):
    path, text = tmp_path / "config", "# mine\nclusters: [{name: work, cluster: {}}]\n"
    path.write_text(text)
    with Up(tmp_path, "--kubeconfig", str(path), "--paused") as up:
        assert up.path == path
        assert [each["name"] for each in up.config["clusters"]] == ["work", "k8s-ref"]
        assert up.config["current-context"] == "k8s-ref"
        assert up.end()[0] == 0
    assert path.read_text() == text


def test_the_audit_is_a_line_of_json_for_each_stage_and_goes_on_after_a_crash(tmp_path):
    log = tmp_path / "audit.log"
    with Up(tmp_path, "--audit-log", str(log), "--nodes", "0", "--paused") as up:
        make_map(up)
        up.call(CONSOLE, b"crash kube-apiserver\nrun 5s")
        make_map(up, "two")
        # Nobody has to end it to read what happened.
        events = [json.loads(line) for line in log.read_text().splitlines()]
    seen = [
        (event["stage"], event["objectRef"].get("name"), event["level"])
        for event in events
        if event["objectRef"]["resource"] == "configmaps"
        and event["verb"] == "create"
        and event["user"]["username"] == "kubernetes-admin"
    ]
    stages = ("RequestReceived", "ResponseComplete")
    expected = [(stage, name, "Metadata") for name in ("one", "two") for stage in stages]
    assert [each for each in seen if each[1] in ("one", "two")] == expected


def test_a_policy_says_what_is_kept(tmp_path):
    log, policy = tmp_path / "audit.log", tmp_path / "policy.yaml"
    policy.write_text(POLICY)
    flags = ("--audit-log", str(log), "--audit-policy", str(policy), "--nodes", "0", "--paused")
    with Up(tmp_path, *flags) as up:
        make_map(up)
        up.nodes()
        events = [json.loads(line) for line in log.read_text().splitlines()]
    (event,) = [each for each in events if each["objectRef"].get("name") == "one"]
    assert (event["level"], event["stage"]) == ("Request", "ResponseComplete")
    assert event["requestObject"]["metadata"]["name"] == "one"
    assert {each["objectRef"]["resource"] for each in events} == {"configmaps"}


# -- what a person gets wrong


def test_a_port_that_is_taken(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        expected = f"k8s-ref: port {port} is taken; try another one, or --port 0 for a free one"
        assert misused(tmp_path, "--port", str(port)) == expected
        said = misused(tmp_path, "--port", str(port), "--lang", "zh")
        assert said == f"k8s-ref：端口 {port} 已被占用；换一个，或者用 --port 0 由系统挑一个"


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("--speed 0", "--speed is 0, but time has to go forward"),
        ("--nodes -1", "-1"),
        ("--port 70000", "70000"),
        ("--lang fr", "fr"),
        ("--bogus", "bogus"),
        ("here", "up takes no arguments, got 'here'"),
        ("--audit-policy x", "--audit-policy needs --audit-log"),
    ],
)
def test_flags_that_cannot_be(flags, words, capsys):
    assert main(["up", *flags.split()]) == 2
    said = capsys.readouterr().err
    assert (words in said, said.count("\n")) == (True, 1)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("kind: [\n", "has no Policy of audit.k8s.io/v1"),
        ("apiVersion: v1\nkind: Pod\n", "has no Policy of audit.k8s.io/v1"),
        ("apiVersion: audit.k8s.io/v1\nkind: Policy\n", "has no rules"),
        (
            POLICY.replace("level: Request,", "level: All,"),
            'rules[1].level: Unsupported value: "All": supported values: "None", "Metadata",'
            ' "Request", "RequestResponse"',
        ),
    ],
)
def test_a_file_that_is_no_audit_policy(tmp_path, text, why):
    policy = tmp_path / "policy.yaml"
    policy.write_text(text)
    with pytest.raises(BadFile, match=re.escape(why)):
        policy_in(str(policy))


def test_policies_that_are_none_are_said_in_one_line(tmp_path):
    policy, log = tmp_path / "policy.yaml", tmp_path / "log"
    flags = ("--audit-policy", str(policy), "--audit-log", str(log))
    assert "No such file or directory" in misused(tmp_path, *flags)
    policy.write_text("kind: Pod\n")
    said = f"this is no audit policy: {policy} has no Policy of audit.k8s.io/v1"
    assert misused(tmp_path, *flags) == f"k8s-ref: {said}"
    assert not log.exists()


def test_a_file_that_is_no_kubeconfig_is_left_alone(tmp_path):
    path = tmp_path / "config"
    path.write_text("kind: [\n")
    said = misused(tmp_path, "--kubeconfig", str(path))
    assert said == f"k8s-ref: {path} is no kubeconfig; nothing was written"
    assert path.read_text() == "kind: [\n"
