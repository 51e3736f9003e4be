"""Node authorizer · 节点授权器

What a kubelet may do: a machine that was broken into must not read the secrets of the others.
The one idea: a kubelet may read a Secret exactly if a Pod that uses it is bound to its node, so
the scheduler's decision is also the grant.  What it may write is the same for all of them, and
admission sees to it that it writes only about itself.

Upstream: plugin/pkg/auth/authorizer/node/{node_authorizer,graph}.go, pkg/auth/nodeidentifier/
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from k8s_ref.apiserver.authorization import (
    NO_RULES,
    SILENT,
    Attributes,
    Decision,
    Rules,
    equalities,
)
from k8s_ref.apiserver.rbac import allows
from k8s_ref.apiserver.request import User
from k8s_ref.machinery.meta import Object

Objects = Mapping[str, Object]
Judge = Callable[["NodeAuthorizer", str, Attributes], Decision]

YES, YES_EVERYWHERE = Decision(True), Decision(True, everywhere=True)
_READ, _WRITE = ("get", "list", "watch"), ("get", "create", "update", "patch", "delete")


def node_of(user: User) -> str | None:
    """The node a user is, None for everybody else.

    >>> node_of(User("system:node:node-1", ("system:nodes",)))
    'node-1'
    """
    is_node = user.name.startswith("system:node:") and "system:nodes" in user.groups
    return user.name.removeprefix("system:node:") if is_node else None


class NodeAuthorizer:
    """Knows which objects belong to which node: by its Pods, their volumes and claims."""

    def __init__(self, pods: Objects, claims: Objects, volumes: Objects, rules: list[Object]):
        self.pods, self.claims, self.volumes = pods, claims, volumes
        self.rules = rules
        """What every kubelet may do, of the role ``system:node``."""

    def authorize(self, wanted: Attributes) -> Decision:
        """Allow a kubelet what its node needs."""
        node = node_of(wanted.user)
        if node is None:
            return SILENT
        if not node:
            return Decision(False, f'unknown node for user "{wanted.user.name}"')
        judge = _JUDGES.get(f"{wanted.group}/{wanted.resource}" if wanted.resource else "")
        if judge is not None:
            return judge(self, node, wanted)
        # Everything else is the same for all nodes and all names.
        return YES_EVERYWHERE if any(allows(rule, wanted) for rule in self.rules) else SILENT

    def rules_for(self, user: User, namespace: str) -> Rules:
        """Cannot be listed: it depends on the Pods of the moment."""
        why = "node authorizer does not support user rule resolution"
        return NO_RULES if node_of(user) is None else Rules([], [why])

    def related(self, node: str, wanted: Attributes) -> Decision:
        """Whether a Pod of the node leads to the object."""
        if not wanted.name:
            return Decision(False, "No Object name found")
        if any(wanted.name == name for name in self._uses(node, wanted)):
            return YES
        why = f"no relationship found between node '{node}' and this object"
        return Decision(False, why)

    def _uses(self, node: str, wanted: Attributes) -> Iterator[str]:
        if wanted.resource == "persistentvolumes":
            yield from self._volumes_of(node)
            return
        for pod in self._pods_of(node, wanted.namespace):
            # A Pod that the node itself invented must not give it anything.
            mirror = _MIRROR in (pod["metadata"].get("annotations") or {})
            if wanted.resource == "pods" or not mirror:
                yield from _REFERENCES[wanted.resource](pod)

    def _pods_of(self, node: str, namespace: str = "") -> Iterator[Object]:
        for pod in self.pods.values():
            here = not namespace or pod["metadata"]["namespace"] == namespace
            if here and pod["spec"].get("nodeName") == node:
                yield pod

    def _volumes_of(self, node: str) -> Iterator[str]:
        claims = {
            f"{pod['metadata']['namespace']}/{name}"
            for pod in self._pods_of(node)
            for name in _claims(pod)
        }
        for key in sorted(claims & self.claims.keys()):
            yield self.claims[key]["spec"].get("volumeName", "")


_MIRROR = "kubernetes.io/config.mirror"


def _read(self: NodeAuthorizer, node: str, wanted: Attributes) -> Decision:
    if wanted.verb not in _READ:
        return Decision(False, "can only read resources of this type")
    if wanted.subresource:
        return Decision(False, "cannot read subresource")
    if not wanted.namespace:
        return Decision(False, "can only read namespaced object of this type")
    return self.related(node, wanted)


def _get(self: NodeAuthorizer, node: str, wanted: Attributes) -> Decision:
    if wanted.resource == "persistentvolumeclaims" and wanted.subresource == "status":
        if wanted.verb not in ("update", "patch"):
            return Decision(False, "can only get/update/patch this type")
        return self.related(node, wanted)
    if wanted.verb != "get":
        return Decision(False, "can only get individual resources of this type")
    if wanted.subresource:
        return Decision(False, "cannot get subresource")
    return self.related(node, wanted)


def _account(self: NodeAuthorizer, node: str, wanted: Attributes) -> Decision:
    # A kubelet reads an account to know how to pull images for it.
    if wanted.verb == "get" and not wanted.subresource:
        return self.related(node, wanted)
    if wanted.verb != "create" or not wanted.name:
        return Decision(False, "can only create tokens for individual service accounts")
    if wanted.subresource != "token":
        return Decision(False, "can only create token subresource of serviceaccount")
    return self.related(node, wanted)


def _lease(self: NodeAuthorizer, node: str, wanted: Attributes) -> Decision:
    if wanted.verb not in _WRITE:
        return Decision(False, "can only get, create, update, patch, or delete a node lease")
    if wanted.namespace != "kube-node-lease":
        return Decision(False, 'can only access leases in the "kube-node-lease" system namespace')
    # The name of what is created is not known yet: admission looks at it.
    if wanted.verb != "create" and wanted.name != node:
        why = "can only access node lease with the same name as the requesting node"
        return Decision(False, why)
    return YES


def _csi_node(self: NodeAuthorizer, node: str, wanted: Attributes) -> Decision:
    if wanted.verb not in _WRITE:
        return Decision(False, "can only get, create, update, patch, or delete a CSINode")
    if wanted.subresource:
        return Decision(False, "cannot authorize CSINode subresources")
    if wanted.verb != "create" and wanted.name != node:
        why = "can only access CSINode with the same name as the requesting node"
        return Decision(False, why)
    return YES


def _node(self: NodeAuthorizer, node: str, wanted: Attributes) -> Decision:
    if (wanted.verb, wanted.subresource) in _NODE_WRITES:
        return YES_EVERYWHERE
    if wanted.subresource or wanted.verb not in _READ:
        return SILENT
    if wanted.name == node:
        return YES
    what = f"read '{wanted.name}'" if wanted.name else "read all nodes"
    return Decision(False, f"node '{node}' cannot {what}, only its own Node object")


def _pod(self: NodeAuthorizer, node: str, wanted: Attributes) -> Decision:
    if (wanted.verb, wanted.subresource) in _POD_WRITES:
        return YES_EVERYWHERE
    if wanted.subresource or wanted.verb not in _READ:
        return SILENT
    if ("spec.nodeName", node) in equalities(wanted.fields):
        return YES
    if wanted.verb == "get" or wanted.name:
        return self.related(node, wanted)
    return Decision(False, "can only list/watch pods with spec.nodeName field selector")


_NODE_WRITES = {("create", ""), ("update", ""), ("patch", ""),
                ("update", "status"), ("patch", "status")}  # fmt: skip
_POD_WRITES = {("create", ""), ("delete", ""), ("update", "status"), ("patch", "status"),
               ("create", "eviction")}  # fmt: skip

_JUDGES: dict[str, Judge] = {
    "/secrets": _read,
    "/configmaps": _read,
    "/persistentvolumeclaims": _get,
    "/persistentvolumes": _get,
    "/serviceaccounts": _account,
    "coordination.k8s.io/leases": _lease,
    "storage.k8s.io/csinodes": _csi_node,
    "/nodes": _node,
    "/pods": _pod,
}
"""Who decides about what is not the same for all nodes."""


def _named(pod: Object, wanted: dict[str, str]) -> Iterator[str]:
    """The names of all references of a kind: ``{"secretRef": "name"}`` says where they stand."""
    stack: list[object] = [pod["spec"]]
    while stack:
        part = stack.pop()
        if isinstance(part, dict):
            for key, value in part.items():
                if key in wanted and isinstance(value, dict):
                    yield value.get(wanted[key], "")
                stack.append(value)
        elif isinstance(part, list):
            stack.extend(part)


def _secrets(pod: Object) -> Iterator[str]:
    for reference in pod["spec"].get("imagePullSecrets") or ():
        yield reference.get("name", "")
    yield from _named(pod, {"secretRef": "name", "secretKeyRef": "name"})
    for volume in _sources(pod):
        secret = volume.get("secret") or {}
        yield secret.get("secretName") or secret.get("name", "")


def _config_maps(pod: Object) -> Iterator[str]:
    return _named(pod, {"configMap": "name", "configMapRef": "name", "configMapKeyRef": "name"})


def _sources(pod: Object) -> Iterator[Object]:
    """Volumes, and what is projected into them."""
    for volume in pod["spec"].get("volumes") or ():
        yield volume
        yield from (volume.get("projected") or {}).get("sources") or ()


def _claims(pod: Object) -> Iterator[str]:
    for volume in pod["spec"].get("volumes") or ():
        if "ephemeral" in volume:
            yield f"{pod['metadata']['name']}-{volume['name']}"
        yield (volume.get("persistentVolumeClaim") or {}).get("claimName", "")


def _self(pod: Object) -> Iterable[str]:
    return (pod["metadata"]["name"],)


def _accounts(pod: Object) -> Iterable[str]:
    return (pod["spec"].get("serviceAccountName", ""),)


_REFERENCES: dict[str, Callable[[Object], Iterable[str]]] = {
    "pods": _self,
    "serviceaccounts": _accounts,
    "secrets": _secrets,
    "configmaps": _config_maps,
    "persistentvolumeclaims": _claims,
}
"""Which names of a kind a Pod leads to."""
