import re

import pytest

from k8s_ref.cli import console
from k8s_ref.cli.workbench import Cluster

SCENARIO = """
# a Pod, from the manifest to the node

$ kubectl apply -f - <<EOF
apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
  - {name: web, image: nginx}
EOF
run 30s
$ kubectl get pods \\
    --no-headers
"""


def test_a_transcript_shows_every_line_and_what_it_printed():
    assert console.play(Cluster(nodes=1), SCENARIO) == (
        "# a Pod, from the manifest to the node\n"
        "$ kubectl apply -f - <<EOF\n"
        "apiVersion: v1\n"
        "kind: Pod\n"
        "metadata:\n"
        "  name: web\n"
        "spec:\n"
        "  containers:\n"
        "  - {name: web, image: nginx}\n"
        "EOF\n"
        "pod/web created\n"
        "run 30s\n"
        "$ kubectl get pods \\\n"
        "    --no-headers\n"
        "web   1/1   Running   0     30s\n"
    )


def test_the_clock_moves_only_when_told():
    cluster = Cluster(nodes=1)
    console.play(cluster, "$ kubectl get pods\n$ kubectl get nodes")
    assert cluster.loop.seconds == 0
    console.play(cluster, "run 1m30s")
    assert cluster.loop.seconds == 90


def test_output_without_a_last_newline_gets_one():
    line = "$ kubectl get nodes -o jsonpath={.items[*].metadata.name}"
    assert console.play(Cluster(nodes=2), f"run 1s\n{line}").endswith("node-1 node-2\n")


def test_run_until_waits_for_a_value():
    cluster = Cluster(nodes=1)
    console.play(cluster, SCENARIO.partition("run 30s")[0])
    console.play(cluster, "run until pod/web {.status.phase}=Running")
    assert 0 < cluster.loop.seconds < 30


def test_a_process_can_be_crashed_stopped_and_started():
    cluster = Cluster(nodes=1)
    console.play(cluster, "crash kube-scheduler\nstop kubelet/node-1\nrun 5s\nstart kubelet/node-1")
    assert cluster.processes["kube-scheduler"].crashes == 1
    assert cluster.processes["kubelet/node-1"].alive


def test_a_machine_can_fail_and_recover():
    cluster = Cluster(nodes=1)
    console.play(cluster, SCENARIO.partition("run 30s")[0] + "\nrun 30s\nfail node-1\nrun 1s")
    assert not cluster.processes["kubelet/node-1"].alive
    containers = cluster.loop.run_task(cluster.runtimes["node-1"].list_containers())
    assert [c.state for c in containers] == ["EXITED"]
    console.play(cluster, "recover node-1\nrun 30s")
    containers = cluster.loop.run_task(cluster.runtimes["node-1"].list_containers())
    assert [c.state for c in containers] == ["EXITED", "RUNNING"]


def test_a_node_can_be_cut_off_and_healed():
    cluster = Cluster(nodes=1)
    console.play(cluster, "partition node-1")
    assert cluster.faults.partitioned == {"node-1"}
    console.play(cluster, "heal node-1")
    assert not cluster.faults.partitioned


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("run 5s\njump node-1", "line 2: 'jump' is not a verb of the console"),
        ("$ ls -l", "line 1: 'ls' is not a program of this console: there is only kubectl"),
        ("run", "line 1: run what? Write for example: run 30s"),
        ("run soon", "line 1: 'soon' is not a duration: write 30s, 2m or 1m30s"),
        ("run until pod/web", "line 1: 'pod/web' is not a condition: write run until pod/web"),
        ("crash nobody", "line 1: no process 'nobody'"),
        ("fail nobody", "line 1: no node 'nobody': there are node-1"),
        ("recover nobody", "line 1: no node 'nobody': there are node-1"),
        ("$ kubectl apply -f - <<EOF\na: b", "line 1: the text for '$ kubectl apply -f -' never"),
    ],
)
def test_a_mistake_is_named_with_its_line(text, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        console.play(Cluster(nodes=1), text)
