"""Containers on a page · 容器的描述

Containers and volumes, as they stand on the page of a Pod and, without their states, on the page
of everything that has a Pod template.

Upstream: describeContainers, describeVolumes in staging/src/k8s.io/kubectl/pkg/describe/describe.go
"""

from __future__ import annotations

from collections.abc import Iterable

from k8s_ref.cli.kubectl.describe.page import Page, long_date
from k8s_ref.cli.kubectl.yamltext import number_or_text
from k8s_ref.machinery.meta import Object
from k8s_ref.machinery.quantity import ONE, parse


def describe_containers(
    page: Page, label: str, pod: Object, field: str, states: str = "", space: str = ""
) -> None:
    """The containers in one field of a Pod's spec; ``states`` names the field of their statuses."""
    found = pod["spec"].get(field) or ()
    statuses = {s["name"]: s for s in (pod.get("status") or {}).get(states) or ()}
    page.line(0, f"{space}{label}:{'' if found else ' <none>'}")
    for container in found:
        page.line(1, f"{' ' if space else ''}{container['name']}:")
        _basics(page, container, statuses.get(container["name"]))
        for name in ("command", "args"):
            _words(page, name.capitalize(), container.get(name) or ())
        if container["name"] in statuses:
            _state(page, statuses[container["name"]])
        _resources(page, container.get("resources") or {})
        _probes(page, container)
        _environment(page, container, pod)
        _mounts(page, container)


def _basics(page: Page, container: Object, status: Object | None) -> None:
    if status is not None:
        page.field(2, "Container ID", status.get("containerID", ""))
    page.field(2, "Image", container["image"])
    if status is not None:
        page.field(2, "Image ID", status.get("imageID", ""))
    ports = container.get("ports") or ()
    for name, key in (("Port", "containerPort"), ("Host Port", "hostPort")):
        shown = ", ".join(f"{p.get(key, 0)}/{p.get('protocol', 'TCP')}" for p in ports)
        page.field(2, f"{name}s" if "," in shown else name, shown or "<none>")


def _words(page: Page, name: str, words: Iterable[str]) -> None:
    lines = [line for word in words for line in word.split("\n")]
    if lines:
        page.line(2, f"{name}:")
    for line in lines:
        page.line(3, line)


def _state(page: Page, status: Object) -> None:
    _one_state(page, "State", status.get("state") or {})
    if "terminated" in (status.get("lastState") or {}):
        _one_state(page, "Last State", status["lastState"])
    page.field(2, "Ready", status.get("ready", False))
    page.field(2, "Restart Count", status.get("restartCount", 0))


def _one_state(page: Page, name: str, state: Object) -> None:
    if "running" in state:
        page.field(2, name, "Running")
        page.field(3, "Started", long_date(state["running"].get("startedAt")))
    elif "terminated" in state:
        _ended(page, name, state["terminated"])
    else:
        page.field(2, name, "Waiting")
        page.maybe(3, "Reason", (state.get("waiting") or {}).get("reason"))


def _ended(page: Page, name: str, ended: Object) -> None:
    page.field(2, name, "Terminated")
    page.maybe(3, "Reason", ended.get("reason"))
    page.maybe(3, "Message", ended.get("message"))
    page.field(3, "Exit Code", ended.get("exitCode", 0))
    page.maybe(3, "Signal", ended.get("signal"))
    page.field(3, "Started", long_date(ended.get("startedAt")))
    page.field(3, "Finished", long_date(ended.get("finishedAt")))


def _resources(page: Page, resources: Object) -> None:
    for name in ("limits", "requests"):
        amounts = resources.get(name) or {}
        if amounts:
            page.line(2, f"{name.capitalize()}:")
        for resource, amount in sorted(amounts.items()):
            page.field(3, resource, amount)


def _probes(page: Page, container: Object) -> None:
    for name in ("liveness", "readiness", "startup"):
        probe = container.get(f"{name}Probe")
        if probe:
            page.field(2, name.capitalize(), _probe(probe))


def _probe(probe: Object) -> str:
    times = (
        f"delay={probe.get('initialDelaySeconds', 0)}s timeout={probe.get('timeoutSeconds', 1)}s"
        f" period={probe.get('periodSeconds', 10)}s #success={probe.get('successThreshold', 1)}"
        f" #failure={probe.get('failureThreshold', 3)}"
    )
    if "exec" in probe:
        return f"exec [{' '.join(probe['exec'].get('command') or ())}] {times}"
    if "httpGet" in probe:
        get = probe["httpGet"]
        scheme, host = get.get("scheme", "HTTP").lower(), get.get("host", "")
        return f"http-get {scheme}://{host}:{get['port']}/{get.get('path', '').lstrip('/')} {times}"
    if "tcpSocket" in probe:
        socket = probe["tcpSocket"]
        return f"tcp-socket {socket.get('host', '')}:{socket['port']} {times}"
    if "grpc" in probe:
        return f"grpc <pod>:{probe['grpc']['port']} {probe['grpc'].get('service') or ''} {times}"
    return f"unknown {times}"


def _environment(page: Page, container: Object, pod: Object) -> None:
    sources = container.get("envFrom") or ()
    if sources:
        page.line(2, "Environment Variables from:")
    for source in sources:
        kind, label = ("configMapRef", "ConfigMap") if "configMapRef" in source else (
            "secretRef", "Secret"
        )  # fmt: skip
        optional = str(source[kind].get("optional", False)).lower()
        prefix = f" with prefix '{source['prefix']}'" if source.get("prefix") else ""
        page.line(3, f"{source[kind]['name']}\t{label}{prefix}\tOptional: {optional}")
    variables = container.get("env") or ()
    page.line(2, "Environment:" if variables else "Environment:\t<none>")
    for variable in variables:
        first, *rest = _variable(variable, container, pod).split("\n")
        page.field(3, variable["name"], first)
        for line in rest:
            page.line(3, f"\t{line}")


def _variable(variable: Object, container: Object, pod: Object) -> str:
    source = variable.get("valueFrom") or {}
    if "fieldRef" in source:
        path = source["fieldRef"]["fieldPath"]
        version = source["fieldRef"].get("apiVersion", "v1")
        return f"{_downward(pod, path)} ({version}:{path})"
    if "resourceFieldRef" in source:
        resource = source["resourceFieldRef"]["resource"]
        return f"{_amount(container, source['resourceFieldRef'])} ({resource})"
    for key, text in (
        ("secretKeyRef", "in secret"),
        ("configMapKeyRef", "of config map"),
    ):
        if key in source:
            reference = source[key]
            optional = str(reference.get("optional", False)).lower()
            return (
                f"<set to the key '{reference['key']}' {text} '{reference['name']}'>"
                f"\tOptional: {optional}"
            )
    return variable.get("value", "")


def _amount(container: Object, reference: Object) -> int:
    """How much of a resource the container is given, in units of the divisor, rounded up."""
    kind, _, resource = reference["resource"].partition(".")
    amount = ((container.get("resources") or {}).get(kind) or {}).get(resource, "0")
    divisor = parse(reference.get("divisor") or "0").nanos or ONE
    return -(-parse(amount).nanos // divisor)


def _downward(pod: Object, path: str) -> str:
    known = {"metadata.name": "name", "metadata.namespace": "namespace", "metadata.uid": "uid"}
    return pod.get("metadata", {}).get(known.get(path, ""), "")


def _mounts(page: Page, container: Object) -> None:
    mounts = container.get("volumeMounts") or ()
    page.line(2, "Mounts:" if mounts else "Mounts:\t<none>")
    for mount in sorted(mounts, key=lambda mount: mount["mountPath"]):
        how = ["ro" if mount.get("readOnly") else "rw"]
        if mount.get("subPath"):
            how.append(f'path="{mount["subPath"]}"')
        page.line(3, f"{mount['mountPath']} from {mount['name']} ({','.join(how)})")


def describe_volumes(page: Page, volumes: list[Object] | None, space: str = "") -> None:
    """The volumes of a Pod or of a template."""
    page.line(0, f"{space}Volumes:" if volumes else f"{space}Volumes:\t<none>")
    for volume in volumes or ():
        page.line(1, f"{' ' if space else ''}{volume['name']}:")
        source = next((key for key in volume if key != "name"), "")
        for name, value in _volume(source, volume.get(source) or {}).items():
            page.field(2, name, value)


def _volume(name: str, source: Object) -> dict[str, str]:
    if name == "projected":
        return _projected(source)
    title, fields = _VOLUMES.get(name, ("<unknown>", ()))
    return {"Type": title} | {
        shown: number_or_text(source.get(field, missing)) for shown, field, missing in fields
    }


def _optional(source: Object) -> str:
    return str(source.get("optional", False)).lower()


def _pointer(source: Object) -> str:
    # Upstream prints the pointer, not what it points to; nobody can want the address.
    return _optional(source) if "optional" in source else "<nil>"


def _projected(source: Object) -> dict[str, str]:
    fields = {"Type": "Projected (a volume that contains injected data from multiple sources)"}
    for part in source.get("sources") or ():
        if "serviceAccountToken" in part:
            seconds = part["serviceAccountToken"].get("expirationSeconds", 3600)
            fields["TokenExpirationSeconds"] = str(seconds)
        elif "configMap" in part:
            fields["ConfigMapName"] = part["configMap"]["name"]
            fields["ConfigMapOptional"] = _pointer(part["configMap"])
        elif "secret" in part:
            fields["SecretName"] = part["secret"]["name"]
            fields["SecretOptionalName"] = _pointer(part["secret"])
        elif "downwardAPI" in part:
            fields["DownwardAPI"] = "true"
    return fields


# What each volume is called, and its fields: the name on the page, the field, what if it is absent.
_VOLUMES: dict[str, tuple[str, tuple[tuple[str, str, str], ...]]] = {
    "hostPath": ("HostPath (bare host directory volume)",
                 (("Path", "path", ""), ("HostPathType", "type", ""))),
    "emptyDir": ("EmptyDir (a temporary directory that shares a pod's lifetime)",
                 (("Medium", "medium", ""), ("SizeLimit", "sizeLimit", "<unset>"))),
    "secret": ("Secret (a volume populated by a Secret)",
               (("SecretName", "secretName", ""), ("Optional", "optional", "false"))),
    "configMap": ("ConfigMap (a volume populated by a ConfigMap)",
                  (("Name", "name", ""), ("Optional", "optional", "false"))),
    "persistentVolumeClaim": (
        "PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)",
        (("ClaimName", "claimName", ""), ("ReadOnly", "readOnly", "false"))),
    "nfs": ("NFS (an NFS mount that lasts the lifetime of a pod)",
            (("Server", "server", ""), ("Path", "path", ""), ("ReadOnly", "readOnly", "false"))),
}  # fmt: skip
