"""The cluster on which recorded/*.json was recorded from the real kubectl 1.32.5."""

from pathlib import Path

from k8s_ref.cli import kubectl
from k8s_ref.machinery.meta import copy
from tests.harness import ControlPlane

RECORDED = Path(__file__).with_name("recorded")
START = "2026-01-01T00:00:0"


class Terminal:
    """A kubectl on a control plane: ``terminal("get pods")`` gives the text."""

    def __init__(self, cluster=None, files=()):
        self.cluster = cluster or ControlPlane()
        self.files = dict(files)
        self.code = None

    def __call__(self, line, stdin=""):
        task = kubectl.run(self.cluster.api, line, stdin, read=self.read)
        text, self.code = self.cluster.loop.run_task(task)
        return text

    def read(self, name):
        if name not in self.files:
            raise FileNotFoundError(name)
        return self.files[name]

    def set_status(self, resource, key, **status):
        obj = copy(self.cluster.do(self.cluster.api.get(resource, key)))
        obj.setdefault("status", {}).update(status)
        self.cluster.do(self.cluster.api.update_status(resource, obj))

    def create(self, resource, obj):
        return self.cluster.do(self.cluster.api.create(resource, obj))


def build(terminal):
    """Objects of every kind the skeleton prints, in telling states, one minute old."""
    assert "error" not in terminal("apply -f -", (RECORDED / "state.yaml").read_text("utf-8"))
    add_node(terminal)
    for name in ("web", "two"):
        terminal.cluster.do(terminal.cluster.api.bind(f"default/{name}", "node-1"))
    set_pod_status(terminal)
    add_events(terminal)
    add_replicasets(terminal)
    terminal.cluster.loop.run(60)


def add_node(terminal):
    terminal.create("nodes", {
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": "node-1", "labels": {"a": "b", "kubernetes.io/hostname": "node-1"},
                     "annotations": {"x": "y"}},
        "spec": {"taints": [{"key": "k", "value": "v", "effect": "NoSchedule"},
                            {"key": "a", "effect": "NoExecute"}],
                 "podCIDR": "10.244.0.0/24", "podCIDRs": ["10.244.0.0/24"]},
    })  # fmt: skip
    beat = {"lastHeartbeatTime": f"{START}0Z", "lastTransitionTime": f"{START}0Z"}
    terminal.set_status(
        "nodes", "node-1",
        capacity={"cpu": "4", "memory": "8Gi", "pods": "110", "ephemeral-storage": "10Gi"},
        allocatable={"cpu": "3900m", "memory": "7Gi", "pods": "110", "ephemeral-storage": "9Gi",
                     "example.com/gpu": "2"},
        conditions=[
            {"type": "Ready", "status": "True", "reason": "KubeletReady",
             "message": "kubelet is posting ready status", **beat},
            {"type": "MemoryPressure", "status": "False",
             "reason": "KubeletHasSufficientMemory",
             "message": "kubelet has sufficient memory available"},
        ],
        addresses=[{"type": "InternalIP", "address": "10.0.0.2"},
                   {"type": "Hostname", "address": "node-1"}],
        nodeInfo={"machineID": "m", "systemUUID": "s", "bootID": "b", "kernelVersion": "6.1",
                  "osImage": "Debian", "operatingSystem": "linux", "architecture": "amd64",
                  "containerRuntimeVersion": "sim://1", "kubeletVersion": "v1.32.0",
                  "kubeProxyVersion": ""},
    )  # fmt: skip
    terminal.create("leases", {
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": "node-1", "namespace": "kube-node-lease"},
        "spec": {"holderIdentity": "node-1", "renewTime": "2026-01-01T00:00:10.000000Z"},
    })  # fmt: skip


def set_pod_status(terminal):
    times = {"startedAt": f"{START}2Z", "finishedAt": f"{START}3Z"}
    terminal.set_status(
        "pods", "default/web",
        phase="Running", hostIP="10.0.0.2", podIP="10.244.0.2",
        podIPs=[{"ip": "10.244.0.2"}], startTime=f"{START}1Z",
        conditions=[{"type": "PodScheduled", "status": "True"},
                    {"type": "Ready", "status": "True"}],
        containerStatuses=[
            {"name": "web", "ready": True, "restartCount": 2, "containerID": "sim://abc",
             "image": "nginx", "imageID": "nginx@sha",
             "state": {"running": {"startedAt": f"{START}2Z"}},
             "lastState": {"terminated": {"exitCode": 1, "reason": "Error", **times}}}
        ],
    )  # fmt: skip
    terminal.set_status(
        "pods", "default/two",
        phase="Pending",
        containerStatuses=[
            {"name": "a", "ready": False, "restartCount": 0, "image": "x", "imageID": "",
             "state": {"waiting": {"reason": "ImagePullBackOff"}}},
            {"name": "b", "ready": False, "restartCount": 0, "image": "x", "imageID": "",
             "state": {"terminated": {"exitCode": 137, "signal": 9, "message": "bad", **times}}},
        ],
    )  # fmt: skip


def add_events(terminal):
    pod = terminal.cluster.do(terminal.cluster.api.get("pods", "default/web"))
    about = {"apiVersion": "v1", "kind": "Pod", "name": "web", "namespace": "default",
             "uid": pod["metadata"]["uid"], "fieldPath": "spec.containers{web}"}  # fmt: skip
    for number, (reason, count) in enumerate((("Scheduled", 1), ("Pulled", 3))):
        terminal.create("events", {
            "apiVersion": "v1", "kind": "Event",
            "metadata": {"name": f"web.{number}", "namespace": "default"},
            "involvedObject": about, "type": "Normal", "reason": reason,
            "message": f"Message {number}", "count": count,
            "source": {"component": "kubelet", "host": "node-1"},
            "firstTimestamp": f"{START}0Z", "lastTimestamp": f"{START}{number + 1}Z",
        })  # fmt: skip


def add_replicasets(terminal):
    deployment = terminal.cluster.do(terminal.cluster.api.get("deployments.apps", "default/dep"))
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "dep",
             "uid": deployment["metadata"]["uid"], "controller": True}  # fmt: skip
    for number, image, replicas in ((1, "nginx:1", 0), (2, "nginx:2", 1), (3, "nginx", 2)):
        labels = {"app": "dep", "pod-template-hash": f"h{number}"}
        template = copy(deployment["spec"]["template"])
        template["metadata"]["labels"] = labels
        template["spec"]["containers"][0]["image"] = image
        terminal.create("replicasets.apps", {
            "apiVersion": "apps/v1", "kind": "ReplicaSet",
            "metadata": {"name": f"dep-{number}", "namespace": "default", "labels": labels,
                         "annotations": {"deployment.kubernetes.io/revision": str(number)},
                         "ownerReferences": [owner]},
            "spec": {"replicas": replicas, "selector": {"matchLabels": labels},
                     "template": template},
        })  # fmt: skip
    terminal.set_status(
        "deployments.apps", "default/dep",
        replicas=3, updatedReplicas=2, unavailableReplicas=3,
        conditions=[
            {"type": "Available", "status": "False", "reason": "MinimumReplicasUnavailable"},
            {"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated"},
        ],
    )  # fmt: skip
