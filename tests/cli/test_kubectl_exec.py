"""kubectl exec in a page: what it prints and what it says of itself."""

import pytest

from k8s_ref import Cluster

TWO = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "two", "namespace": "default"},
    "spec": {
        "containers": [{"name": name, "image": "nginx"} for name in ("a", "b")],
        "initContainers": [{"name": "i", "image": "busybox", "command": ["true"]}],
    },
}


@pytest.fixture(scope="module")
def cluster():
    cluster = Cluster(nodes=1)
    cluster.loop.run_task(cluster.api.create("pods", TWO))
    cluster.kubectl("run web --image=nginx")
    cluster.kubectl("run done --image=busybox --restart=Never -- true")
    cluster.run(20)
    return cluster


@pytest.mark.parametrize(
    ("line", "printed"),
    [
        ("exec web -- cat /etc/hostname", "web\n"),
        ("exec pod/web -- sh -c 'echo out; exit 3'",
         "out\ncommand terminated with exit code 3\n"),
        ("exec two -- hostname", 'Defaulted container "a" out of: a, b, i (init)\ntwo\n'),
        ("exec two -c b -- hostname", "two\n"),
        ("exec web ls", "error: exec [POD] [COMMAND] is not supported anymore."
         " Use exec [POD] -- [COMMAND] instead\nSee 'kubectl exec -h' for help and examples\n"),
        ("exec web", "error: you must specify at least one command for the container\n"),
        ("exec", "error: pod, type/name or --filename must be specified\n"),
        ("exec none -- ls", 'Error from server (NotFound): pods "none" not found\n'),
        ("exec web -c x -- ls",
         "Error from server (BadRequest): container x is not valid for pod web\n"),
        ("exec done -- ls", "error: cannot exec into a container in a completed pod;"
         " current phase is Succeeded\n"),
        ("exec web --request-timeout=1s -- tail -f /dev/null", "error: timed out waiting for the"
         " condition\n"),
    ],
)  # fmt: skip
def test_exec_prints_what_kubectl_prints(cluster, line, printed):
    assert cluster.kubectl(line) == printed


def test_input_goes_to_the_command_and_a_page_has_no_terminal(cluster):
    shown = cluster.kubectl("exec -it web -- sh", stdin="echo hi > /tmp/f\ncat /tmp/f\n")
    words = "Unable to use a TTY - input is not a terminal or the right kind of file"
    assert shown == f"{words}\nhi\n"


def test_the_kubelets_no_is_told_in_the_api_servers_words():
    cluster = Cluster(nodes=1)
    cluster.kubectl("run web --image=nginx")
    cluster.run(10)
    cluster.stop("kubelet/node-1")
    assert cluster.kubectl("exec web -- ls").startswith(
        'error: Internal error occurred: error sending request: Post "https://'
    )
