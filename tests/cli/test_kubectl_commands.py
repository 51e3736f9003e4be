"""What cannot be recorded: watching, waiting, following; errors on the way to the server."""

import pytest

from k8s_ref.cli import kubectl
from k8s_ref.cli.kubectl.describe.nodes import total
from k8s_ref.cli.workbench import Cluster
from tests.cli.scene import Terminal, build
from tests.harness import pod

BUSYBOX = """\
apiVersion: v1
kind: Pod
metadata: {{name: {name}, labels: {{app: talk}}}}
spec:
  restartPolicy: Never
  containers:
  - name: talk
    image: busybox
    command: [sh, -c, "{script}"]
"""


def busybox(name, script):
    return BUSYBOX.format(name=name, script=script)


# -- help and mistakes


def test_help_names_every_command():
    terminal = Terminal()
    text = terminal("help")
    assert all(f"\n  {name} " in text for name in kubectl.COMMANDS)
    assert terminal.code == 0
    assert terminal("") == terminal("--help") == text


@pytest.mark.parametrize("name", kubectl.COMMANDS)
def test_each_command_explains_its_flags(name):
    terminal = Terminal()
    assert terminal(f"{name} --help") == terminal(f"help {name}")
    assert terminal(f"{name} -h").startswith(f"kubectl {name}: ")


def test_an_unknown_command_is_refused_with_a_guess():
    terminal = Terminal()
    assert terminal("gte pods") == (
        'error: unknown command "gte" for "kubectl"\n\nDid you mean this?\n\tget\n'
    )
    assert terminal.code == 1


def test_a_quote_that_never_ends_is_an_error_not_a_crash():
    terminal = Terminal()
    assert terminal("get pods 'web") == "error: No closing quotation\n"
    assert terminal.code == 1


def test_a_server_that_is_down_is_named():
    cluster = Cluster(nodes=0)
    cluster.stop("kube-apiserver")
    assert cluster.kubectl("get pods") == (
        "The connection to the server 10.0.0.1:6443 was refused"
        " - did you specify the right host or port?\n"
    )


def test_text_comes_piece_by_piece_to_whoever_wants_it():
    terminal, pieces = Terminal(), []
    terminal.create("pods", pod("web"))
    task = kubectl.run(terminal.cluster.api, "get pods", write=pieces.append)
    text, code = terminal.cluster.loop.run_task(task)
    assert ("".join(pieces), code) == (text, 0)


# -- get


def test_managed_fields_are_hidden():
    terminal = Terminal()
    obj = pod("web")
    obj["metadata"]["managedFields"] = [{"manager": "me"}]
    terminal.create("pods", obj)
    assert "managedFields" not in terminal("get pod web -o yaml")


def test_a_list_as_yaml_names_kind_and_version_of_each_item():
    terminal = Terminal()
    terminal.create("configmaps", {"apiVersion": "v1", "kind": "ConfigMap",
                                   "metadata": {"name": "a", "namespace": "default"},
                                   "data": {"on": "true", "n": "1"}})  # fmt: skip
    text = terminal("get cm -o yaml")
    assert text.startswith("apiVersion: v1\nitems:\n- apiVersion: v1\n  data:\n")
    assert '    "n": "1"\n    "on": "true"\n  kind: ConfigMap\n' in text
    assert text.endswith('kind: List\nmetadata:\n  resourceVersion: ""\n')


def test_a_watch_prints_a_line_for_every_change():
    cluster = Cluster(nodes=1, seed=1)
    cluster.kubectl("create -f -", busybox("talk", "sleep 2"))
    rows = cluster.kubectl("get pods -w").splitlines()
    words = [row.split()[2] for row in rows]
    assert words == ["STATUS", "Pending", "Pending", "ContainerCreating", "Running", "Completed"]
    assert len({row.index(word) for row, word in zip(rows, words, strict=True)}) == 1


def test_a_watch_of_nothing_prints_the_heading_with_the_first_line():
    cluster = Cluster(nodes=1, seed=1)
    cluster.loop.call_later(3, lambda: cluster.loop.spawn(_create(cluster)))
    heading, row, *_ = cluster.kubectl("get pods -w").splitlines()
    assert (heading.split()[0], row.split()[0]) == ("NAME", "web")


async def _create(cluster):
    await cluster.api.create("pods", pod("web"))


# -- describe


def test_events_stand_at_the_end_oldest_first():
    terminal = Terminal()
    build(terminal)
    page = terminal("describe pod web")
    assert page.endswith(
        "Events:\n"
        "  Type    Reason     Age                From     Message\n"
        "  ----    ------     ----               ----     -------\n"
        "  Normal  Scheduled  60s                kubelet  Message 0\n"
        "  Normal  Pulled     58s (x3 over 60s)  kubelet  Message 1\n"
    )


def test_any_other_kind_is_shown_field_by_field():
    terminal = Terminal()
    build(terminal)
    page = terminal("describe lease l")
    assert "API Version:  coordination.k8s.io/v1\n" in page
    assert "Spec:\n  Holder Identity:  me\n" in page


# -- delete


def test_delete_waits_until_the_pod_is_gone():
    cluster = Cluster(nodes=1, seed=1)
    cluster.kubectl("create -f -", busybox("deaf", "trap '' TERM; sleep 1000"))
    cluster.run(10)
    before = cluster.loop.seconds
    assert cluster.kubectl("delete pod deaf --grace-period=5") == 'pod "deaf" deleted\n'
    assert cluster.kubectl("get pods") == "No resources found in default namespace.\n"
    assert 4 < cluster.loop.seconds - before < 10


def test_delete_without_waiting_leaves_the_pod_terminating():
    cluster = Cluster(nodes=1, seed=1)
    cluster.kubectl("create -f -", busybox("deaf", "trap '' TERM; sleep 1000"))
    cluster.run(10)
    cluster.kubectl("delete pod deaf --wait=false")
    assert "Terminating" in cluster.kubectl("get pods")


def test_another_object_of_the_same_name_is_not_waited_for():
    cluster = Cluster(nodes=2, seed=1)
    cluster.kubectl("create deployment web --image=nginx")
    assert cluster.kubectl("delete deployment web") == 'deployment.apps "web" deleted\n'
    assert cluster.kubectl("create deployment web --image=nginx").endswith("created\n")


def test_a_deletion_that_takes_too_long_is_given_up():
    terminal = Terminal()
    obj = pod("stuck")
    obj["metadata"]["finalizers"] = ["example.com/never"]
    terminal.create("pods", obj)
    assert terminal("delete pod stuck --timeout=3s") == (
        'pod "stuck" deleted\nerror: timed out waiting for the condition on pods/stuck\n'
    )
    assert terminal.code == 1
    assert terminal.cluster.loop.seconds == 3


# -- logs


@pytest.fixture
def talking():
    cluster = Cluster(nodes=1, seed=1)
    cluster.kubectl("create -f -", busybox("talk", "echo one; echo two; echo three"))
    cluster.run(20)
    return cluster


def test_logs_are_what_the_container_printed(talking):
    assert talking.kubectl("logs talk") == "one\ntwo\nthree\n"
    assert talking.kubectl("logs pod/talk -c talk --tail=1") == "three\n"


def test_logs_can_say_when_and_who(talking):
    assert talking.kubectl("logs talk --tail=1 --timestamps").startswith("2026-01-01T00:00:0")
    assert talking.kubectl("logs -l app=talk --prefix --tail=1") == "[pod/talk/talk] three\n"


def test_logs_of_a_container_that_is_not_there_are_refused(talking):
    assert (
        talking.kubectl("logs talk -c nope") == "error: container nope is not valid for pod talk\n"
    )


def test_following_ends_with_the_pod():
    cluster = Cluster(nodes=1, seed=1)
    cluster.kubectl("create -f -", busybox("talk", "echo one; sleep 5; echo two"))
    cluster.run(4)
    assert cluster.kubectl("logs -f talk") == "one\ntwo\n"
    assert cluster.loop.seconds < 15


def test_the_first_of_several_containers_is_shown_and_named():
    cluster = Cluster(nodes=1, seed=1)
    manifest = busybox("talk", "echo one") + (
        "  - name: other\n    image: busybox\n    command: [echo, two]\n"
    )
    cluster.kubectl("create -f -", manifest)
    cluster.run(20)
    assert cluster.kubectl("logs talk") == ('Defaulted container "talk" out of: talk, other\none\n')
    assert cluster.kubectl("logs talk --all-containers") == "one\ntwo\n"


def test_a_replicaset_lends_one_of_its_pods():
    cluster = Cluster(nodes=1, seed=1)
    manifest = """
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: busybox, command: [sh, -c, "echo hi; sleep 1000"]}]}
"""
    cluster.apply(manifest)
    cluster.run(20)
    first, said = cluster.kubectl("logs rs/web").splitlines()
    assert first.startswith("Found 2 pods, using pod/web-")
    assert said == "hi"


def test_a_pod_asks_for_its_largest_init_container_if_that_is_more():
    def container(name, cpu):
        return {"name": name, "image": "x", "resources": {"requests": {"cpu": cpu}}}

    spec = {"containers": [container("a", "100m"), container("b", "200m")]}
    assert str(total([{"spec": spec}], "requests", "cpu")) == "300m"
    spec["initContainers"] = [container("i", "500m"), container("j", "50m")]
    assert str(total([{"spec": spec}, {"spec": spec}], "requests", "cpu")) == "1"


def test_a_cascade_that_does_not_exist_is_refused_and_nothing_is_deleted():
    terminal = Terminal()
    text = terminal("delete namespace kube-public --cascade=sideways")
    assert text == (
        'error: invalid cascade value (sideways). Must be "background", "foreground", or "orphan"\n'
    )
    assert terminal.code == 1
    assert "kube-public" in terminal("get namespaces -o name")


# -- templates in files


@pytest.mark.parametrize(
    ("form", "text", "shown"),
    [
        ("jsonpath-file", "{.items[*].metadata.name}", "node-1 node-2"),
        ("go-template-file", "{{range .items}}{{.metadata.name}};{{end}}", "node-1;node-2;"),
        ("templatefile", "{{.kind}}", "List"),
        ("custom-columns-file", "NAME  KIND\n.metadata.name .kind\n", "NAME     KIND\n"
         "node-1   Node\nnode-2   Node\n"),
    ],
)  # fmt: skip
def test_a_template_may_stand_in_a_file(tmp_path, form, text, shown):
    file = tmp_path / "template"
    file.write_text(text)
    cluster = Cluster(nodes=2).run(5)
    assert str(cluster.kubectl(f"get nodes -o {form}={file}")) == shown
    missing = cluster.kubectl(f"get nodes -o {form}={file}.not")
    assert str(missing) == f'error: the path "{file}.not" does not exist\n'


def test_a_template_on_the_line_has_an_older_name():
    assert str(Cluster(nodes=1).run(5).kubectl("get nodes -o template={{.kind}}")) == "List"


def test_a_format_in_a_file_needs_the_file():
    printed = Cluster(nodes=0).kubectl("get nodes -o jsonpath-file")
    assert str(printed) == "error: template format specified but no template given\n"
