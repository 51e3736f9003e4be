"""What every namespace has · 每个命名空间都有的东西

Keeps a ServiceAccount ``default`` and a ConfigMap ``kube-root-ca.crt`` in every active namespace,
so that a Pod that names neither has both.  The one idea: each is a loop over namespaces, not over
what it makes; whoever deletes the child has only reminded the loop to look.

Upstream: pkg/controller/serviceaccount/serviceaccounts_controller.go,
pkg/controller/certificates/rootcacertpublisher/publisher.go
"""

from __future__ import annotations

from k8s_ref.client.client import Client
from k8s_ref.client.informer import InformerFactory
from k8s_ref.controllers.controller import Controller
from k8s_ref.machinery.errors import AlreadyExists
from k8s_ref.machinery.meta import Object
from k8s_ref.sim.loop import Loop

CA_BUNDLE = """\
-----BEGIN CERTIFICATE-----
VGhlcmUgYXJlIG5vIGNlcnRpZmljYXRlcyBpbiB0aGlzIGNsdXN0ZXIu
-----END CERTIFICATE-----
"""
"""What stands where the certificate of the cluster's authority would."""

DESCRIPTION = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal"
    " endpoints such as the internal service IP or kubernetes.default.svc. No other usage is"
    " guaranteed across distributions of Kubernetes clusters."
)


class OnePerNamespace(Controller):
    """Sees to it that each active namespace has one object of a certain name."""

    resource, kind = "namespaces", "Namespace"
    children: str
    """Plural of what each namespace has one of."""
    child: str
    """Its name."""

    def __init__(self, api: Client, informers: InformerFactory, loop: Loop) -> None:
        super().__init__(api, informers, loop)
        self.namespaces, self.existing = informers[self.resource], informers[self.children]
        self.existing.on_change(self._changed)

    async def reconcile(self, key: str) -> float | None:
        """Make what is missing, or put right what was changed."""
        namespace = self.namespaces.get(key)
        if namespace is None or namespace["status"].get("phase") != "Active":
            return None
        wanted = self.wanted()
        wanted["metadata"] |= {"name": self.child, "namespace": key}
        there = self.existing.get(f"{key}/{self.child}")
        if there is None:
            try:
                await self.api.create(self.children, wanted)
            except AlreadyExists:
                # The cache is late: it was made a moment ago.
                return None
        elif there.get("data") != wanted.get("data"):
            await self.api.update(self.children, {**there, "data": wanted["data"]})
        return None

    def wanted(self) -> Object:
        """The object as it should be, without name and namespace."""
        raise NotImplementedError(f"{type(self).__name__} must say what each namespace has")

    def _changed(self, kind: str, obj: Object, old: Object | None) -> None:
        if obj["metadata"]["name"] == self.child and kind != "ADDED":
            self.queue.add(obj["metadata"]["namespace"])


class ServiceAccountController(OnePerNamespace):
    """Writes: the ServiceAccount ``default`` of every namespace."""

    name = "serviceaccount-controller"
    children, child = "serviceaccounts", "default"

    def wanted(self) -> Object:
        """Nothing but its name."""
        return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {}}


class RootCAPublisher(OnePerNamespace):
    """Writes: the ConfigMap ``kube-root-ca.crt`` of every namespace."""

    name = "root-ca-certificate-publisher-controller"
    children, child = "configmaps", "kube-root-ca.crt"

    def wanted(self) -> Object:
        """By what a Pod knows the API server."""
        annotations = {"kubernetes.io/description": DESCRIPTION}
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"annotations": annotations},
            "data": {"ca.crt": CA_BUNDLE},
        }
