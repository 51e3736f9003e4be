"""One Pod through every floor: the scenario of the page, and what its reader may change."""

import re

import pytest

from k8s_ref import Cluster

MANIFEST = """
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: web, namespace: default}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: nginx:1.27
        resources: {requests: {cpu: 250m, memory: 64Mi}}
"""


def played(manifest=MANIFEST, seed=1):
    """The cluster ten seconds after the manifest was applied, and what happened in them."""
    cluster = Cluster(nodes=3, seed=seed)
    start = len(cluster.trace)
    cluster.apply(manifest)
    cluster.run(10)
    return cluster, cluster.trace[start:]


def test_each_component_acts_in_its_turn():
    _, story = played()
    order = [(record.actor, record.verb) for record in story]
    expected = [
        ("kubectl", "create"),
        ("replicaset-controller", "create"),
        ("default-scheduler", "filter"),
        ("default-scheduler", "score"),
        ("default-scheduler", "select"),
        ("default-scheduler", "bind"),
        ("kubelet/node-1", "sandbox"),
        ("kubelet/node-1", "pull"),
        ("kubelet/node-1", "container"),
        ("kubelet/node-1", "start"),
    ]
    positions = [order.index(step) for step in expected]
    assert positions == sorted(positions)


def test_components_speak_to_the_api_server_and_to_their_runtime_only():
    story = played()[1].without("events/")
    partners = {(record.actor.partition("/")[0], record.to.partition("/")[0]) for record in story}
    assert partners - {(actor, "") for actor, _ in partners} == {
        ("kubectl", "kube-apiserver"),
        ("replicaset-controller", "kube-apiserver"),
        ("default-scheduler", "kube-apiserver"),
        ("kubelet", "kube-apiserver"),
        ("kubelet", "containerd"),
    }


def test_the_last_step_leads_back_to_the_person_who_applied_the_manifest():
    cluster, _ = played()
    why = cluster.why("pods/default/web-")
    actors = list(dict.fromkeys(record.actor for record in why))
    assert actors == ["kubectl", "replicaset-controller", "default-scheduler", "kubelet/node-1"]


def test_the_picture_shows_every_lane_and_every_revision():
    cluster, story = played()
    picture = cluster.sequence(story).svg("en")
    for lane in ("kubectl", "etcd", "default-", "containerd"):
        assert lane in picture
    shown = set(map(int, re.findall(r"revision (\d+)", repr(cluster.sequence(story)))))
    written = {r.revision for r in story.without("events/", "leases/", "nodes/") if r.revision}
    assert shown == written


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        ("replicas: 1", "replicas: 3", "Running"),
        ("nginx:1.27", "nginx:missing", "ErrImagePull"),
        ("cpu: 250m", 'cpu: "5"', "Pending"),
    ],
)
def test_another_manifest_is_another_picture(old, new, status):
    cluster, story = played(MANIFEST.replace(old, new))
    pods = cluster.kubectl("get pods --no-headers").splitlines()
    assert {line.split()[2] for line in pods} <= {status, "ImagePullBackOff"}
    _, usual = played()
    assert cluster.sequence(story).svg("en") != cluster.sequence(usual).svg("en")


def test_another_seed_changes_the_name_and_nothing_else():
    def anonymous(seed):
        cluster, story = played(seed=seed)
        name = cluster.kubectl("get pods -o name").strip().removeprefix("pod/")
        node = next(record.note for record in story if record.verb == "bind")
        told = repr(cluster.sequence(story)).replace(name, "POD").replace(node, "NODE")
        return name, re.sub(r"one of \d", "", told)

    (one, first), (two, second) = anonymous(1), anonymous(2)
    assert one != two
    assert first == second
