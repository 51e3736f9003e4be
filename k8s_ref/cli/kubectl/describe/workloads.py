"""Workloads and namespaces on a page · 工作负载与命名空间的描述

Upstream: ReplicaSetDescriber, DeploymentDescriber, NamespaceDescriber and DescribePodTemplate in
staging/src/k8s.io/kubectl/pkg/describe/describe.go
"""

from __future__ import annotations

from k8s_ref.apiserver.cells import at
from k8s_ref.cli.kubectl.describe.containers import describe_containers, describe_volumes
from k8s_ref.cli.kubectl.describe.page import Page, long_date
from k8s_ref.cli.kubectl.describe.pods import tolerations
from k8s_ref.cli.kubectl.session import Session
from k8s_ref.machinery.meta import Object, controller_of, without_path
from k8s_ref.machinery.selectors import format_label_selector, from_label_selector

PHASES = ("Running", "Pending", "Succeeded", "Failed")


async def describe_replicaset(session: Session, page: Page, rs: Object) -> None:
    """Everything about a ReplicaSet but its Events."""
    page.heading(rs)
    page.field(0, "Selector", format_label_selector(rs["spec"]["selector"]))
    page.mapping("Labels", rs["metadata"].get("labels"))
    page.annotations(rs["metadata"].get("annotations"))
    page.controlled_by(rs)
    current, desired = at(rs, "status.replicas") or 0, at(rs, "spec.replicas") or 0
    page.field(0, "Replicas", f"{current} current / {desired} desired")
    await _pods_status(session, page, rs)
    pod_template(page, rs["spec"]["template"])
    _conditions(page, rs)


async def _pods_status(session: Session, page: Page, owner: Object) -> None:
    """How many of its Pods are in each phase."""
    selector = str(from_label_selector(owner["spec"]["selector"]))
    listed = await session.api.list("pods", owner["metadata"]["namespace"], selector)
    uid = owner["metadata"]["uid"]
    own = [pod for pod in listed["items"] if (controller_of(pod) or {}).get("uid") == uid]
    phases = [pod["status"].get("phase") for pod in own]
    running, waiting, succeeded, failed = (phases.count(phase) for phase in PHASES)
    page.field(
        0,
        "Pods Status",
        f"{running} Running / {waiting} Waiting / {succeeded} Succeeded / {failed} Failed",
    )


def pod_template(page: Page, template: Object) -> None:
    """The Pods it makes."""
    meta, spec = template.get("metadata") or {}, template["spec"]
    page.line(0, "Pod Template:")
    page.mapping("Labels", meta.get("labels"), 1)
    if meta.get("annotations"):
        page.annotations(meta["annotations"], 1)
    page.maybe(1, "Service Account", spec.get("serviceAccountName"))
    if spec.get("initContainers"):
        describe_containers(page, "Init Containers", template, "initContainers", space="  ")
    describe_containers(page, "Containers", template, "containers", space="  ")
    describe_volumes(page, spec.get("volumes"), "  ")
    page.maybe(1, "Priority Class Name", spec.get("priorityClassName"))
    page.mapping("  Node-Selectors", spec.get("nodeSelector"))
    indented = Page(page.now)
    tolerations(indented, spec.get("tolerations"))
    for line in indented.text.splitlines():
        page.line(1, line)


def _conditions(page: Page, obj: Object) -> None:
    conditions = at(obj, "status.conditions") or ()
    if conditions:
        page.line(0, "Conditions:\n  Type\tStatus\tReason")
        page.line(1, "----\t------\t------")
    for condition in conditions:
        cells = (condition["type"], condition["status"], condition.get("reason", ""))
        page.line(1, " \t".join(cells[:1]) + f" \t{cells[1]}\t{cells[2]}")


async def describe_deployment(session: Session, page: Page, deployment: Object) -> None:
    """Everything about a Deployment but its Events."""
    meta, spec, status = (deployment.get(part) or {} for part in ("metadata", "spec", "status"))
    page.heading(deployment)
    page.field(0, "CreationTimestamp", long_date(meta["creationTimestamp"]))
    page.mapping("Labels", meta.get("labels"))
    page.annotations(meta.get("annotations"))
    page.field(0, "Selector", format_label_selector(spec["selector"]))
    page.field(
        0,
        "Replicas",
        f"{spec.get('replicas', 0)} desired | {status.get('updatedReplicas', 0)} updated"
        f" | {status.get('replicas', 0)} total | {status.get('availableReplicas', 0)} available"
        f" | {status.get('unavailableReplicas', 0)} unavailable",
    )
    strategy = spec.get("strategy") or {}
    page.field(0, "StrategyType", strategy.get("type", ""))
    page.field(0, "MinReadySeconds", spec.get("minReadySeconds", 0))
    rolling = strategy.get("rollingUpdate")
    if rolling:
        bounds = f"{rolling['maxUnavailable']} max unavailable, {rolling['maxSurge']} max surge"
        page.field(0, "RollingUpdateStrategy", bounds)
    pod_template(page, spec["template"])
    _conditions(page, deployment)
    await _replica_sets(session, page, deployment)


async def _replica_sets(session: Session, page: Page, deployment: Object) -> None:
    """The ReplicaSets of a Deployment: the new one, and those that still have Pods."""
    selector = str(from_label_selector(deployment["spec"]["selector"]))
    namespace = deployment["metadata"]["namespace"]
    listed = await session.api.list("replicasets.apps", namespace, selector)
    uid = deployment["metadata"]["uid"]
    own = [rs for rs in listed["items"] if (controller_of(rs) or {}).get("uid") == uid]
    own.sort(key=lambda rs: (rs["metadata"]["creationTimestamp"], rs["metadata"]["name"]))
    wanted = _without_hash(deployment["spec"]["template"])
    new = [rs for rs in own if _without_hash(rs["spec"]["template"]) == wanted][:1]
    if own:
        page.field(0, "OldReplicaSets", _names([rs for rs in own if rs not in new]))
        page.field(0, "NewReplicaSet", _names(new))


def _without_hash(template: Object) -> Object:
    """A Pod template without the label that tells the ReplicaSets of a Deployment apart."""
    return without_path(template, ("metadata", "labels", "pod-template-hash"))


def _names(sets: list[Object]) -> str:
    shown = [
        f"{rs['metadata']['name']} ({at(rs, 'status.replicas') or 0}/{at(rs, 'spec.replicas') or 0}"
        " replicas created)"
        for rs in sets
    ]
    return ", ".join(shown) or "<none>"


async def describe_namespace(session: Session, page: Page, namespace: Object) -> None:
    """Everything about a Namespace."""
    meta = namespace["metadata"]
    page.field(0, "Name", meta["name"])
    page.mapping("Labels", meta.get("labels"))
    page.annotations(meta.get("annotations"))
    page.field(0, "Status", at(namespace, "status.phase") or "")
    page.line(0, "\nNo resource quota.")
    page.line(0, "\nNo LimitRange resource.")
