"""A node on a page · 节点的描述

What the machine has, what its Pods have asked for, and what is left.

Upstream: NodeDescriber in staging/src/k8s.io/kubectl/pkg/describe/describe.go
"""

from __future__ import annotations

from collections.abc import Iterable

from k8s_ref.apiserver.cells import at, node_roles
from k8s_ref.cli.kubectl.describe.page import Page, long_date
from k8s_ref.cli.kubectl.session import Session
from k8s_ref.machinery import quantity
from k8s_ref.machinery.errors import ApiError
from k8s_ref.machinery.meta import Object
from k8s_ref.machinery.quantity import Quantity

_RUNNING = "status.phase!=Succeeded,status.phase!=Failed"
_INFO = {
    "Machine ID": "machineID",
    "System UUID": "systemUUID",
    "Boot ID": "bootID",
    "Kernel Version": "kernelVersion",
    "OS Image": "osImage",
    "Operating System": "operatingSystem",
    "Architecture": "architecture",
    "Container Runtime Version": "containerRuntimeVersion",
    "Kubelet Version": "kubeletVersion",
    "Kube-Proxy Version": "kubeProxyVersion",
}


async def describe(session: Session, page: Page, node: Object) -> None:
    """Everything about a node but its Events."""
    meta, spec = node["metadata"], node.get("spec") or {}
    page.field(0, "Name", meta["name"])
    page.field(0, "Roles", node_roles(node, page.now))
    page.mapping("Labels", meta.get("labels"))
    page.annotations(meta.get("annotations"))
    page.field(0, "CreationTimestamp", long_date(meta["creationTimestamp"]))
    page.items("Taints", [_taint(taint) for taint in sorted(spec.get("taints") or (), key=_key)])
    page.field(0, "Unschedulable", str(spec.get("unschedulable", False)).lower())
    await _lease(session, page, meta["name"])
    _conditions(page, node)
    _facts(page, node)
    fields = f"spec.nodeName={meta['name']},{_RUNNING}"
    pods = (await session.api.list("pods", fields=fields))["items"]
    _pods(page, node, pods)
    _allocated(page, node, pods)


def _key(taint: Object) -> str:
    return f"{taint['effect']},{taint['key']}"


def _taint(taint: Object) -> str:
    value = f"={taint['value']}" if taint.get("value") else ""
    return f"{taint['key']}{value}:{taint['effect']}"


async def _lease(session: Session, page: Page, name: str) -> None:
    page.line(0, "Lease:")
    try:
        lease = await session.api.get("leases", f"kube-node-lease/{name}")
    except ApiError:
        page.text = page.text.removesuffix("Lease:\n")
        page.line(0, "Lease:\tFailed to get lease: ")
        return
    spec = lease.get("spec") or {}
    page.field(1, "HolderIdentity", spec.get("holderIdentity") or "<unset>")
    for name, field in (("AcquireTime", "acquireTime"), ("RenewTime", "renewTime")):
        page.field(1, name, long_date(spec[field]) if spec.get(field) else "<unset>")


def _conditions(page: Page, node: Object) -> None:
    conditions = at(node, "status.conditions") or ()
    if not conditions:
        return
    heads = ("Type", "Status", "LastHeartbeatTime", "LastTransitionTime", "Reason", "Message")
    page.line(0, "Conditions:\n  " + "\t".join(heads))
    page.line(1, "\t".join("-" * len(head) for head in heads))
    for c in conditions:
        beat, change = long_date(c.get("lastHeartbeatTime")), long_date(c.get("lastTransitionTime"))
        cells = (c["type"], c["status"], beat, change, c.get("reason", ""), c.get("message", ""))
        page.line(1, f"{cells[0]} \t" + f"{cells[1]} \t" + " \t".join(cells[2:]))


def _facts(page: Page, node: Object) -> None:
    page.line(0, "Addresses:")
    for address in at(node, "status.addresses") or ():
        page.field(1, address["type"], address["address"])
    for name in ("capacity", "allocatable"):
        amounts = at(node, f"status.{name}") or {}
        if amounts:
            page.line(0, f"{name.capitalize()}:")
        for resource, amount in sorted(amounts.items()):
            page.field(1, resource, amount)
    info = at(node, "status.nodeInfo") or {}
    page.line(0, "System Info:")
    for name, field in _INFO.items():
        page.field(1, name, info.get(field, ""))
    spec = node.get("spec") or {}
    page.maybe(0, "PodCIDR", spec.get("podCIDR"))
    page.maybe(0, "PodCIDRs", ",".join(spec.get("podCIDRs") or ()))
    page.maybe(0, "ProviderID", spec.get("providerID"))


def _pods(page: Page, node: Object, pods: list[Object]) -> None:
    # Upstream leaves an empty column behind the name.
    heads = ("Namespace", "Name", "", "CPU Requests", "CPU Limits", "Memory Requests",
             "Memory Limits", "Age")  # fmt: skip
    page.line(0, f"Non-terminated Pods:\t({len(pods)} in total)")
    page.line(1, "\t".join(heads))
    page.line(1, "\t".join("-" * len(head) for head in heads))
    for pod in pods:
        meta = pod["metadata"]
        cells = [meta["namespace"], meta["name"], ""]
        for resource in ("cpu", "memory"):
            cells += [
                _share(node, resource, total([pod], kind, resource))
                for kind in ("requests", "limits")
            ]
        page.line(1, "\t".join([*cells, page.age(meta.get("creationTimestamp"))]))


def _allocated(page: Page, node: Object, pods: list[Object]) -> None:
    page.line(0, "Allocated resources:")
    page.line(1, "(Total limits may be over 100 percent, i.e., overcommitted.)")
    page.line(1, "Resource\tRequests\tLimits")
    page.line(1, "--------\t--------\t------")
    capacity = at(node, "status.allocatable") or at(node, "status.capacity") or {}
    usual = ["cpu", "memory", "ephemeral-storage"]
    for resource in [*usual, *sorted(capacity.keys() - {*usual, "pods"})]:
        cells = [
            _share(node, resource, total(pods, kind, resource)) for kind in ("requests", "limits")
        ]
        page.line(1, "\t".join([resource, *cells]))


def _share(node: Object, resource: str, amount: Quantity) -> str:
    """``100m (5%)``: an amount, and how much of the node that is."""
    capacity = at(node, "status.allocatable") or at(node, "status.capacity") or {}
    if resource not in ("cpu", "memory", "ephemeral-storage") and "hugepages" not in resource:
        return str(amount)
    whole = quantity.parse(capacity.get(resource, "0")).nanos
    return f"{amount} ({amount.nanos * 100 // whole if whole else 0}%)"


def total(pods: Iterable[Object], kind: str, resource: str) -> Quantity:
    """What some Pods ask for, or are limited to: their containers together, or if that is more,
    the largest init container."""
    whole = Quantity(0)
    for pod in pods:
        spec = pod["spec"]
        amounts = [_amount(c, kind, resource) for c in spec["containers"]]
        init = [_amount(c, kind, resource) for c in spec.get("initContainers") or ()]
        together = sum(amounts, Quantity(0))
        whole += max([together, *init])
    return whole


def _amount(container: Object, kind: str, resource: str) -> Quantity:
    amounts = (container.get("resources") or {}).get(kind) or {}
    return quantity.parse(amounts.get(resource, "0"))
