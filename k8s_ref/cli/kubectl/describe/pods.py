"""A Pod on a page · Pod 的描述

Upstream: PodDescriber in staging/src/k8s.io/kubectl/pkg/describe/describe.go
"""

from __future__ import annotations

from k8s_ref.cli.kubectl.describe.containers import describe_containers, describe_volumes
from k8s_ref.cli.kubectl.describe.page import Page, long_date
from k8s_ref.cli.kubectl.session import Session
from k8s_ref.machinery.meta import Object, condition_of
from k8s_ref.machinery.selectors import format_label_selector


async def describe(session: Session, page: Page, pod: Object) -> None:
    """Everything about a Pod but its Events."""
    page.heading(pod)
    _placement(page, pod)
    page.mapping("Labels", pod["metadata"].get("labels"))
    page.annotations(pod["metadata"].get("annotations"))
    _status(page, pod)
    page.controlled_by(pod)
    page.maybe(0, "NominatedNodeName", pod["status"].get("nominatedNodeName"))
    if pod["spec"].get("initContainers"):
        describe_containers(page, "Init Containers", pod, "initContainers", "initContainerStatuses")
    describe_containers(page, "Containers", pod, "containers", "containerStatuses")
    _conditions(page, pod)
    describe_volumes(page, pod["spec"].get("volumes"))
    page.field(0, "QoS Class", pod["status"].get("qosClass", "BestEffort"))
    page.mapping("Node-Selectors", pod["spec"].get("nodeSelector"))
    tolerations(page, pod["spec"].get("tolerations"))
    _spread(page, pod)


def _placement(page: Page, pod: Object) -> None:
    spec, status = pod["spec"], pod["status"]
    if "priority" in spec:
        page.field(0, "Priority", spec["priority"])
        page.maybe(0, "Priority Class Name", spec.get("priorityClassName"))
    page.maybe(0, "Runtime Class Name", spec.get("runtimeClassName"))
    page.maybe(0, "Service Account", spec.get("serviceAccountName"))
    node = spec.get("nodeName")
    page.field(0, "Node", f"{node}/{status.get('hostIP', '')}" if node else "<none>")
    if status.get("startTime"):
        page.field(0, "Start Time", long_date(status["startTime"]))


def _status(page: Page, pod: Object) -> None:
    meta, status = pod["metadata"], pod["status"]
    if "deletionTimestamp" in meta and status.get("phase") not in ("Succeeded", "Failed"):
        page.field(0, "Status", f"Terminating (lasts {page.age(meta['deletionTimestamp'])})")
        grace = meta.get("deletionGracePeriodSeconds", 0)
        page.field(0, "Termination Grace Period", f"{grace}s")
    else:
        page.field(0, "Status", status.get("phase", ""))
    page.maybe(0, "Reason", status.get("reason"))
    page.maybe(0, "Message", status.get("message"))
    profile = (pod["spec"].get("securityContext") or {}).get("seccompProfile") or {}
    page.maybe(0, "SeccompProfile", profile.get("type"))
    page.field(0, "IP", status.get("podIP", ""))
    addresses = status.get("podIPs") or ()
    page.line(0, "IPs:" if addresses else "IPs:\t<none>")
    for address in addresses:
        page.field(1, "IP", address["ip"])


def _conditions(page: Page, pod: Object) -> None:
    gates = pod["spec"].get("readinessGates") or ()
    if gates:
        page.line(0, "Readiness Gates:\n  Type\tStatus")
    for gate in gates:
        held = condition_of(pod, gate["conditionType"])
        page.line(1, f"{gate['conditionType']} \t{held['status'] if held else '<none>'} ")
    conditions = pod["status"].get("conditions") or ()
    if conditions:
        page.line(0, "Conditions:\n  Type\tStatus")
    for condition in conditions:
        page.line(1, f"{condition['type']} \t{condition['status']} ")


def tolerations(page: Page, found: list[Object] | None) -> None:
    """Tolerations, one a line, in the order of their keys."""
    shown = [_toleration(t) for t in sorted(found or (), key=lambda t: t.get("key", ""))]
    page.items("Tolerations", shown)


def _toleration(toleration: Object) -> str:
    text: str = toleration.get("key", "")
    if toleration.get("value"):
        text += f"={toleration['value']}"
    if toleration.get("effect"):
        text += f":{toleration['effect']}"
    if toleration.get("operator") == "Exists" and not toleration.get("value"):
        text += " op=Exists" if text else "op=Exists"
    if toleration.get("tolerationSeconds") is not None:
        text += f" for {toleration['tolerationSeconds']}s"
    return text


def _spread(page: Page, pod: Object) -> None:
    shown = [
        f"{c['topologyKey']}:{c['whenUnsatisfiable']} when max skew {c['maxSkew']} is exceeded"
        + (
            f" for selector {format_label_selector(c['labelSelector'])}"
            if "labelSelector" in c
            else ""
        )
        for c in pod["spec"].get("topologySpreadConstraints") or ()
    ]
    if shown:
        page.items("Topology Spread Constraints", shown)
