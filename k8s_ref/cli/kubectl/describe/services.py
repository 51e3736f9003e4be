"""Services and data on a page · Service 与数据的描述

Upstream: ServiceDescriber, ConfigMapDescriber and SecretDescriber in
staging/src/k8s.io/kubectl/pkg/describe/describe.go
"""

from __future__ import annotations

from base64 import b64decode

from k8s_ref.apiserver.cells import first_three
from k8s_ref.cli.kubectl.describe.page import Page
from k8s_ref.cli.kubectl.session import Session
from k8s_ref.machinery.meta import Object


def _heading(page: Page, obj: Object) -> None:
    page.heading(obj)
    page.mapping("Labels", obj["metadata"].get("labels"))
    page.annotations(obj["metadata"].get("annotations"))


async def describe_service(session: Session, page: Page, service: Object) -> None:
    """Everything about a Service but its Events."""
    spec = service.get("spec") or {}
    _heading(page, service)
    selector = ",".join(f"{k}={v}" for k, v in sorted((spec.get("selector") or {}).items()))
    page.field(0, "Selector", selector or "<none>")
    page.field(0, "Type", spec.get("type", ""))
    page.maybe(0, "IP Family Policy", spec.get("ipFamilyPolicy"))
    page.field(0, "IP Families", ",".join(spec.get("ipFamilies") or ()) or "<none>")
    page.field(0, "IP", spec.get("clusterIP", ""))
    page.field(0, "IPs", ",".join(spec.get("clusterIPs") or ()) or "<none>")
    page.maybe(0, "External IPs", ",".join(spec.get("externalIPs") or ()))
    page.maybe(0, "External Name", spec.get("externalName"))
    slices = await _slices(session, service)
    for port in spec.get("ports") or ():
        _port(page, port, slices)
    page.field(0, "Session Affinity", spec.get("sessionAffinity", ""))
    page.maybe(0, "External Traffic Policy", spec.get("externalTrafficPolicy"))
    page.maybe(0, "Internal Traffic Policy", spec.get("internalTrafficPolicy"))


async def _slices(session: Session, service: Object) -> list[Object]:
    meta = service["metadata"]
    labels = f"kubernetes.io/service-name={meta['name']}"
    return list((await session.api.list("endpointslices", meta["namespace"], labels))["items"])


def _port(page: Page, port: Object, slices: list[Object]) -> None:
    name, protocol = port.get("name") or "<unset>", port.get("protocol", "TCP")
    page.field(0, "Port", f"{name}\t{port['port']}/{protocol}")
    page.field(0, "TargetPort", f"{port.get('targetPort', 0)}/{protocol}")
    if port.get("nodePort"):
        page.field(0, "NodePort", f"{name}\t{port['nodePort']}/{protocol}")
    addresses = [
        f"{address}:{known['port']}"
        for one in slices
        for known in one.get("ports") or ()
        if known.get("name", "") == port.get("name", "")
        for endpoint in one.get("endpoints") or ()
        if (endpoint.get("conditions") or {}).get("ready") is not False
        for address in endpoint["addresses"]
    ]
    page.field(0, "Endpoints", first_three(addresses, "<none>"))


async def describe_configmap(session: Session, page: Page, configmap: Object) -> None:
    """The entries of a ConfigMap in full."""
    _heading(page, configmap)
    page.line(0, "\nData\n====")
    for key, text in sorted((configmap.get("data") or {}).items()):
        page.line(0, f"{key}:\n----\n{text}\n")
    page.line(0, "\nBinaryData\n====")
    for key, coded in sorted((configmap.get("binaryData") or {}).items()):
        page.line(0, f"{key}: {len(b64decode(coded))} bytes")
    page.line(0, "")


async def describe_secret(session: Session, page: Page, secret: Object) -> None:
    """How long the entries of a Secret are, and no more."""
    _heading(page, secret)
    page.field(0, "\nType", secret.get("type", ""))
    page.line(0, "\nData\n====")
    for key, coded in sorted((secret.get("data") or {}).items()):
        page.field(0, key, f"{len(b64decode(coded))} bytes")
