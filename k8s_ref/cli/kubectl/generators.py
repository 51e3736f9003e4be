"""Objects from words · 从命令行的词到对象

What ``create``, ``run`` and ``expose`` make of a line: each function takes the session and a name
and returns the object kubectl would send, with the empty fields Go writes.

Upstream: staging/src/k8s.io/kubectl/pkg/cmd/create/, pkg/cmd/run/, pkg/generate/versioned/
"""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from k8s_ref.cli.kubectl.session import Session
from k8s_ref.machinery.errors import show
from k8s_ref.machinery.meta import Object


def plain(api_version: str, kind: str, name: str, **more: Any) -> Object:
    """An object with a name and not yet a date."""
    meta = {"name": name, "creationTimestamp": None}
    return {"apiVersion": api_version, "kind": kind, "metadata": meta, **more}


def namespace(session: Session, name: str) -> Object:
    """A Namespace."""
    return plain("v1", "Namespace", name, spec={}, status={})


def serviceaccount(session: Session, name: str) -> Object:
    """A ServiceAccount."""
    return plain("v1", "ServiceAccount", name)


def configmap(session: Session, name: str) -> Object:
    """A ConfigMap of literals and files."""
    data = _data(session, f"Data for ConfigMap {show(name)}")
    return plain("v1", "ConfigMap", name, **({"data": data} if data else {}))


def secret(session: Session, name: str) -> Object:
    """A Secret of literals and files."""
    data = _data(session, f"Data for Secret {show(name)}")
    coded = {key: b64encode(text.encode()).decode() for key, text in data.items()}
    kind = {"type": session.flags["type"]} if session.flags["type"] else {}
    return plain("v1", "Secret", name, **({"data": coded} if coded else {}), **kind)


def _data(session: Session, what: str) -> dict[str, str]:
    data: dict[str, str] = {}
    for key, value in _entries(session):
        if key in data:
            raise ValueError(f"cannot add key {show(key)}, another key by that name already exists"
                             f" in {what}")  # fmt: skip
        data[key] = value
    return data


def _entries(session: Session) -> list[tuple[str, str]]:
    flags = session.flags
    found = []
    for source in flags["from-file"]:
        key, _, path = source.rpartition("=")
        found.append((key or path.rpartition("/")[2], _file(session, path)))
    for literal in flags["from-literal"]:
        key, equals, value = literal.partition("=")
        if not equals or not key:
            raise ValueError(f"invalid literal source {literal}, expected key=value")
        found.append((key, value))
    for path in flags["from-env-file"]:
        lines = [line.lstrip() for line in _file(session, path).splitlines()]
        pairs = [line.partition("=") for line in lines if line and not line.startswith("#")]
        found += [(key, value) for key, _, value in pairs]
    return found


def _file(session: Session, path: str) -> str:
    try:
        return session.read(path)
    except OSError:
        raise ValueError(f"error reading {path}: no such file or directory") from None


def deployment(session: Session, name: str) -> Object:
    """A Deployment of one container for each image."""
    images, labels, flags = session.flags["image"], {"app": name}, session.flags
    if len(images) > 1 and session.after:
        raise ValueError("cannot specify multiple --image options and command")
    containers = [{"name": _short(image), "image": image, "resources": {}} for image in images]
    if session.after:
        containers[0]["command"] = session.after
    if flags["port"] >= 0:
        containers[0]["ports"] = [{"containerPort": flags["port"]}]
    template = {
        "metadata": {"labels": labels, "creationTimestamp": None},
        "spec": {"containers": containers},
    }
    spec = {"replicas": flags["replicas"], "selector": {"matchLabels": labels}, "strategy": {},
            "template": template}  # fmt: skip
    obj = plain("apps/v1", "Deployment", name, spec=spec, status={})
    obj["metadata"]["labels"] = labels
    return obj


def _short(image: str) -> str:
    return image.rpartition("/")[2].partition(":")[0].partition("@")[0]


def job(session: Session, name: str) -> Object:
    """A Job of one container."""
    container = {"name": name, "image": session.flags["image"][0], "resources": {}}
    container |= {"command": session.after} if session.after else {}
    inner = {"containers": [container], "restartPolicy": "Never"}
    template = {"metadata": {"creationTimestamp": None}, "spec": inner}
    return plain("batch/v1", "Job", name, spec={"template": template}, status={})


def quota(session: Session, name: str) -> Object:
    """A ResourceQuota."""
    flags, hard = session.flags, {}
    for item in flags["hard"]:
        resource, equals, amount = item.partition("=")
        if not equals or "=" in amount:
            raise ValueError(f"Invalid argument syntax {item}, expected <resource>=<value>")
        hard[resource] = amount
    spec: Object = {"hard": hard} if hard else {}
    spec |= {"scopes": flags["scopes"]} if flags["scopes"] else {}
    return plain("v1", "ResourceQuota", name, spec=spec, status={})


def budget(session: Session, name: str) -> Object:
    """A PodDisruptionBudget."""
    flags = session.flags
    bounds = {"minAvailable": flags["min-available"], "maxUnavailable": flags["max-unavailable"]}
    given = {field: number_or_name(text) for field, text in bounds.items() if text}
    if not flags["selector"]:
        raise ValueError("a selector must be specified")
    if not given:
        raise ValueError("one of min-available or max-unavailable must be specified")
    if len(given) > 1:
        raise ValueError("min-available and max-unavailable cannot be both specified")
    labels = pairs(flags["selector"], "invalid selector")
    counts = ("currentHealthy", "desiredHealthy", "disruptionsAllowed", "expectedPods")
    spec = {**given, "selector": {"matchLabels": labels}}
    status = dict.fromkeys(counts, 0)
    return plain("policy/v1", "PodDisruptionBudget", name, spec=spec, status=status)


def service(session: Session, name: str) -> Object:
    """A Service of the type the command names, for Pods with the label ``app``."""
    flags, type_name = session.flags, TYPES[session.name.rpartition(" ")[2]]
    ports = [_port(text, flags.get("node-port", 0)) for text in flags["tcp"]]
    headless = flags.get("clusterip") == "None"
    if not ports and not headless and type_name != "ExternalName":
        raise ValueError("at least one tcp port specifier must be provided")
    spec: Object = {"type": type_name, "selector": {"app": name}}
    spec |= {"ports": ports} if ports else {}
    spec |= {"clusterIP": flags["clusterip"]} if flags.get("clusterip") else {}
    spec |= {"externalName": flags["external-name"]} if flags.get("external-name") else {}
    obj = plain("v1", "Service", name, spec=spec, status={"loadBalancer": {}})
    obj["metadata"]["labels"] = {"app": name}
    return obj


TYPES = {"clusterip": "ClusterIP", "nodeport": "NodePort", "loadbalancer": "LoadBalancer",
         "externalname": "ExternalName"}  # fmt: skip


def _port(text: str, node_port: int) -> Object:
    """``80:8080`` as a port of a Service."""
    port, colon, target = text.partition(":")
    if not port.isdigit():
        raise ValueError(f"strconv.ParseUint: parsing {show(port)}: invalid syntax")
    made = {"name": f"{port}-{target}" if colon else port, "protocol": "TCP", "port": int(port),
            "targetPort": number_or_name(target or port)}  # fmt: skip
    return made | ({"nodePort": node_port} if node_port else {})


def number_or_name(text: str) -> int | str:
    """A port, by its number or by its name."""
    return int(text) if text.isdigit() else text


def pairs(items: list[str], wrong: str) -> dict[str, str]:
    """``a=b`` words as a map."""
    for item in items:
        if "=" not in item or item.startswith("="):
            raise ValueError(f"{wrong}: {item}")
    return dict(item.split("=", 1) for item in items)


def pod(session: Session, name: str) -> Object:
    """The Pod of ``run``."""
    flags, args = session.flags, session.words[1:]
    container: Object = {"name": name, "image": flags["image"], "resources": {}}
    variables = pairs(flags["env"], "invalid env")
    if variables:
        container["env"] = [{"name": key, "value": variables[key]} for key in variables]
    if args:
        container["command" if flags["command"] else "args"] = args
    if flags["port"] >= 0:
        container["ports"] = [{"containerPort": flags["port"]}]
    spec = {"containers": [container], "restartPolicy": flags["restart"],
            "dnsPolicy": "ClusterFirst"}  # fmt: skip
    obj = plain("v1", "Pod", name, spec=spec, status={})
    obj["metadata"]["labels"] = pairs(flags["labels"], "unexpected label spec") or {"run": name}
    return obj
