"""Controllers of workloads on a control plane, and a stand-in for all kubelets together."""

from functools import partial

from k8s_ref.client.informer import InformerFactory
from k8s_ref.cluster import Past
from k8s_ref.controllers.deployment import DeploymentController
from k8s_ref.controllers.replicaset import ReplicaSetController
from k8s_ref.machinery.errors import ApiError
from k8s_ref.machinery.meta import condition_of, key_of
from k8s_ref.machinery.timestamps import timestamp
from k8s_ref.sim.process import Process
from tests.harness import ControlPlane

START = 0.5
"""Seconds from the creation of a Pod until it is ready."""


class Workloads(ControlPlane):
    """Deployments and ReplicaSets work; Pods become ready by themselves, unless they are bad."""

    def __init__(self, seed=0, order="fifo"):
        super().__init__(seed, order)
        self.manager = Process(self.loop, "kube-controller-manager", self._manager)
        self.manager.start()
        Process(self.loop, "kubelet", self._kubelet).start()
        self.loop.run(0)

    async def _manager(self):
        api = self.client("kube-controller-manager")
        informers = InformerFactory(api, self.loop)
        controllers = [
            make(api, informers, self.loop) for make in (DeploymentController, ReplicaSetController)
        ]
        await informers.start()
        for controller in controllers:
            controller.start()

    async def _kubelet(self):
        api = self.client("kubelet")
        informers = InformerFactory(api, self.loop)
        seen = set()

        def started(kind, pod, old):
            image = pod["spec"]["containers"][0]["image"]
            uid = pod["metadata"]["uid"]
            if kind != "DELETED" and uid not in seen and not image.startswith("bad"):
                seen.add(uid)
                self.loop.spawn(partial(self._ready, api, pod), name="ready")

        informers["pods"].on_change(started)
        await informers.start()
        await self.loop.future()

    async def _ready(self, api, pod):
        await self.loop.sleep(START)
        since = timestamp(self.loop.now, self.loop.epoch)
        ready = {"type": "Ready", "status": "True", "lastTransitionTime": since}
        status = {"phase": "Running", "conditions": [ready]}
        try:
            await api.patch("pods", key_of(pod), {"status": status}, "status")
        except ApiError:
            # It was deleted before it was ready.
            return

    def get(self, name="web", resource="deployments"):
        return self.do(self.api.get(resource, f"default/{name}"))

    def items(self, resource):
        return self.do(self.api.list(resource, "default"))["items"]

    def patch(self, spec, name="web"):
        return self.do(self.api.patch("deployments", f"default/{name}", {"spec": spec}))

    def image(self, image, name="web"):
        """Change the template."""
        return self.patch({"template": {"spec": {"containers": [box(image)]}}}, name)

    def versions(self, name="web"):
        """Every version the Deployment had."""
        found = [Past(self.store, n).get("deployments", f"default/{name}")
                 for n in range(1, self.store.revision + 1)]  # fmt: skip
        return [new for old, new in zip([None, *found], found, strict=False) if new and new != old]

    def condition(self, kind, name="web"):
        found = condition_of(self.get(name), kind)
        return found and (found["status"], found["reason"])

    def sizes(self):
        """Image and size of each ReplicaSet that is to have Pods."""
        return {
            rs["spec"]["template"]["spec"]["containers"][0]["image"]: rs["spec"]["replicas"]
            for rs in self.items("replicasets")
            if rs["spec"]["replicas"]
        }

    def told(self, reason="ScalingReplicaSet"):
        """What was told as events, in order."""
        found = [event for event in self.items("events") if event["reason"] == reason]
        found.sort(key=lambda event: int(event["metadata"]["resourceVersion"]))
        return [event["message"] for event in found]


def box(image):
    return {"name": "web", "image": image}


def deployment(name="web", replicas=3, image="nginx:1", **spec):
    """A Deployment of nginx; keywords go into its spec."""
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [box(image)]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": template,
            **spec,
        },
    }


def violations(store, since, least, most):
    """The revisions at which fewer Pods were available, or more ordered, than allowed."""
    found = []
    for revision in range(since, store.revision + 1):
        past = Past(store, revision)
        ordered = sum(rs["spec"]["replicas"] for rs in past.list("replicasets", "default"))
        working = sum(map(_works, past.list("pods", "default")))
        if ordered > most or working < least:
            found.append((revision, ordered, working))
    return found


def _works(pod):
    ready = condition_of(pod, "Ready")
    return bool(ready) and ready["status"] == "True" and "deletionTimestamp" not in pod["metadata"]
