"""NodeRestriction · 节点限制

What a kubelet may change: its own Node, except what decides which Pods it gets, and the Pods that
run there.  RBAC lets every kubelet write Nodes and Pods; here each is held to its own, so that
one broken machine does not take the cluster along.

Upstream: plugin/pkg/admission/noderestriction/admission.go
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NoReturn

from k8s_ref.apiserver.admission import MIRROR, Plugin, refusal_of
from k8s_ref.apiserver.request import Request, User
from k8s_ref.apiserver.watchcache import WatchCache
from k8s_ref.machinery.errors import NotFound, show
from k8s_ref.machinery.meta import Object

PREFIX, GROUP = "system:node:", "system:nodes"
OWN_LABELS = frozenset(
    {"kubernetes.io/hostname", "kubernetes.io/arch", "kubernetes.io/os",
     "beta.kubernetes.io/arch", "beta.kubernetes.io/os",
     "node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type",
     *(f"{root}/{part}" for part in ("zone", "region")
       for root in ("topology.kubernetes.io", "failure-domain.beta.kubernetes.io"))}
)  # fmt: skip
OWN_PREFIXES = ("kubelet.kubernetes.io", "node.kubernetes.io")


def node_of(user: User) -> str | None:
    """The node whose kubelet this is, empty if it does not say which; None for anybody else.

    >>> node_of(User("system:node:n1", ("system:nodes",)))
    'n1'
    """
    if not user.name.startswith(PREFIX) or GROUP not in user.groups:
        return None
    return user.name.removeprefix(PREFIX)


class NodeRestriction(Plugin):
    """Refuses kubelets what is not theirs."""

    on = ("* *",)

    def __init__(self, pods: WatchCache, nodes: WatchCache) -> None:
        self.pods, self.nodes = pods, nodes
        self._rules: dict[str, Callable[[Request, str, Object | None, Object | None], None]] = {
            "pods": self._pod,
            "pods/status": self._pod_status,
            "pods/eviction": self._eviction,
            "nodes": self._node,
            "nodes/status": self._node,
            "leases.coordination.k8s.io": self._lease,
            "csinodes.storage.k8s.io": self._csi_node,
        }

    def validate(self, request: Request, obj: Object | None, old: Object | None) -> None:
        """Refuse a kubelet that reaches beyond its node."""
        node = node_of(request.user)
        if node is None:
            return
        if not node:
            _refuse(request, f"could not determine node from user {show(request.user.name)}")
        rule = self._rules.get(request.resource)
        if rule is not None:
            rule(request, node, obj, old)
        elif request.kind.resource == "pods":
            only = "only 'status' and 'eviction' are allowed"
            _refuse(request, f"unexpected pod subresource {show(request.subresource)}, {only}")
        elif request.kind.resource == "persistentvolumeclaims" and request.subresource != "status":
            _refuse(request, "may only update PVC status")

    def _pod(self, request: Request, node: str, obj: Object | None, old: Object | None) -> None:
        if obj is None and old is not None:
            if old["spec"].get("nodeName") != node:
                why = "can only delete pods with spec.nodeName set to itself"
                _refuse(request, f"node {show(node)} {why}")
        elif old is not None or obj is None:
            why = f"node {show(node)} can only create and delete mirror pods"
            _refuse(request, f'unexpected operation "UPDATE", {why}')
        else:
            self._mirror(request, node, obj)

    def _mirror(self, request: Request, node: str, pod: Object) -> None:
        """What a kubelet runs by itself it may show, and no more than that."""
        meta, spec, name = pod["metadata"], pod["spec"], show(node)
        if MIRROR not in (meta.get("annotations") or {}):
            why = f"pod does not have {show(MIRROR)} annotation, node {name} can only create"
            _refuse(request, f"{why} mirror pods")
        if spec.get("nodeName") != node:
            _refuse(request, f"node {name} can only create pods with spec.nodeName set to itself")
        owners = meta.get("ownerReferences") or []
        own = [o for o in owners if (o["apiVersion"], o["kind"], o["name"]) == ("v1", "Node", node)]
        if len(owners) > 1 or not own:
            which = "a single" if len(owners) > 1 else "an"
            why = f"can only create pods with {which} owner reference set to itself"
            _refuse(request, f"node {name} {why}")
        known = self.nodes.objects.get(node)
        if known is None:
            raise NotFound.of("nodes", "", node)
        if own[0]["uid"] != known["metadata"]["uid"]:
            both = f"expected {own[0]['uid']} got {known['metadata']['uid']}"
            _refuse(request, f"node {node} UID mismatch: {both}")
        for what in _references(spec):
            _refuse(request, f"node {name} can not create pods that reference {what}")

    def _pod_status(
        self, request: Request, node: str, obj: Object | None, old: Object | None
    ) -> None:
        if old is None or obj is None:
            _refuse(request, 'unexpected operation "CREATE"')
        if old["spec"].get("nodeName") != node:
            why = "can only update pod status for pods with spec.nodeName set to itself"
            _refuse(request, f"node {show(node)} {why}")
        if old["metadata"].get("labels") != obj["metadata"].get("labels"):
            _refuse(request, f"node {show(node)} cannot update labels through pod status")

    def _eviction(
        self, request: Request, node: str, obj: Object | None, old: Object | None
    ) -> None:
        pod = self.pods.objects.get(request.key)
        if pod is None:
            raise NotFound.of("pods", "", request.name)
        if pod["spec"].get("nodeName") != node:
            _refuse(request, f"node {node} can only evict pods with spec.nodeName set to itself")

    def _node(self, request: Request, node: str, obj: Object | None, old: Object | None) -> None:
        meta = (obj or old or {})["metadata"]
        name = request.name or meta.get("name", "")
        if name != node:
            _refuse(request, f"node {show(node)} is not allowed to modify node {show(name)}")
        if obj is None:
            return
        if old is not None and (obj["spec"].get("taints") or []) != (
            old["spec"].get("taints") or []
        ):
            _refuse(request, f"node {show(node)} is not allowed to modify taints")
        before = (old or {"metadata": {}})["metadata"].get("labels") or {}
        now = meta.get("labels") or {}
        changed = {key for key in {**before, **now} if before.get(key) != now.get(key)}
        forbidden = ", ".join(sorted(filter(_is_forbidden, changed)))
        if forbidden and old is None:
            why = f"is not allowed to set the following labels: {forbidden}"
            _refuse(request, f"node {show(node)} {why}")
        if forbidden:
            _refuse(request, f"is not allowed to modify labels: {forbidden}")

    def _lease(self, request: Request, node: str, obj: Object | None, old: Object | None) -> None:
        meta = (obj or old or {})["metadata"]
        if request.namespace != "kube-node-lease":
            why = 'can only access leases in the "kube-node-lease" system namespace'
            _refuse(request, why)
        if meta.get("name") != node:
            _refuse(request, "can only access node lease with the same name as the requesting node")

    def _csi_node(
        self, request: Request, node: str, obj: Object | None, old: Object | None
    ) -> None:
        if (obj or old or {})["metadata"].get("name") != node:
            _refuse(request, "can only access CSINode with the same name as the requesting node")


def _refuse(request: Request, why: str) -> NoReturn:
    raise refusal_of(request, why)


def _references(spec: Object) -> Iterable[str]:
    """The kinds of API objects a Pod would let its node read."""
    if spec.get("serviceAccountName"):
        yield "a service account"
    containers = [*spec["containers"], *(spec.get("initContainers") or ())]
    sources = [e.get("valueFrom") or {} for c in containers for e in c.get("env") or ()]
    sources += [e for c in containers for e in c.get("envFrom") or ()]
    volumes = spec.get("volumes") or []
    sources += [
        source for v in volumes for source in (v.get("projected") or {}).get("sources") or ()
    ]
    used = {name for source in [*sources, *volumes] for name in source}
    if spec.get("imagePullSecrets") or used & {"secret", "secretKeyRef", "secretRef"}:
        yield "secrets"
    if used & {"configMap", "configMapKeyRef", "configMapRef"}:
        yield "configmaps"
    if "clusterTrustBundle" in used:
        yield "clustertrustbundles"
    if used & {"persistentVolumeClaim"}:
        yield "persistentvolumeclaims"


def _is_forbidden(label: str) -> bool:
    """Whether a label is Kubernetes' own and not one a kubelet knows best; so those below
    ``node-restriction.kubernetes.io`` are for administrators, and no node can draw Pods to it."""
    space = label.partition("/")[0] if "/" in label else ""
    if not (_below(space, "kubernetes.io") or _below(space, "k8s.io")):
        return False
    return label not in OWN_LABELS and not any(_below(space, own) for own in OWN_PREFIXES)


def _below(space: str, root: str) -> bool:
    return space == root or space.endswith(f".{root}")
