"""kubectl create, run, expose · 创建对象

Creates the objects of a file, or one object from the words of the line; whatever exists already
is an error, which is the difference to ``apply``.  ``expose`` takes what the Service needs from
another object.

Upstream: staging/src/k8s.io/kubectl/pkg/cmd/create/, pkg/cmd/run/, pkg/cmd/expose/
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from functools import partial

from k8s_ref.cli.kubectl import generators
from k8s_ref.cli.kubectl.apply import annotated, create_one
from k8s_ref.cli.kubectl.flags import Flag, switch
from k8s_ref.cli.kubectl.generators import number_or_name, pairs, plain
from k8s_ref.cli.kubectl.manifests import FILENAME, manifests
from k8s_ref.cli.kubectl.output import DRY_RUN, OUTPUT, check_format, report
from k8s_ref.cli.kubectl.selection import change_each, chosen
from k8s_ref.cli.kubectl.session import Command, Session, full_name, resource_of
from k8s_ref.machinery.kinds import KINDS, Kind
from k8s_ref.machinery.meta import Object, with_path

Make = Callable[[Session, str], Object]
NOT_YET: Object = {"loadBalancer": {}}
"""The status of a Service that nobody has seen."""

SAVE = switch("save-config", "keep the manifest in an annotation, for a later apply")


async def create(session: Session) -> int:
    """Create every object of the files."""
    check_format(session.flags["output"])
    if session.words and not session.flags["filename"]:
        raise session.misused(f"Unexpected args: [{' '.join(session.words)}]")
    if not session.flags["filename"]:
        raise ValueError("must specify one of -f and -k")
    for manifest in manifests(session, "create"):
        saved = annotated(manifest.obj) if session.flags["save-config"] else manifest.obj
        await create_one(session, manifest, saved)
    return 0


def _creates(make: Make) -> Callable[[Session], Awaitable[int]]:
    """The command that makes one object from the words of the line."""

    async def create_from_words(session: Session) -> int:
        check_format(session.flags["output"])
        names = session.words[: len(session.words) - len(session.after)]
        if len(names) != 1:
            raise session.misused(f"exactly one NAME is required, got {len(names)}")
        await store(session, make(session, names[0]), "created")
        return 0

    return create_from_words


async def store(session: Session, obj: Object, done: str) -> None:
    """Create an object that the words of the line made, and say so."""
    kind = KINDS.of(obj["apiVersion"], obj["kind"])
    assert kind is not None, "kubectl makes only objects of kinds it knows"
    path = ("metadata", "namespace")
    if kind.namespaced and session.flags["namespace"]:
        obj = with_path(obj, path, session.namespace)
    if session.flags.get("save-config"):
        obj = annotated(obj)
    if session.dry != "client":
        placed = with_path(obj, path, session.namespace) if kind.namespaced else obj
        obj = await session.api.create(resource_of(kind), placed, strict=True)
    report(session, kind, obj, done)


_IMAGE_NAME = re.compile(r"[\w.\-/:]+(@[\w+.\-]+:[0-9a-fA-F]+)?")


async def run(session: Session) -> int:
    """Create one Pod."""
    flags = session.flags
    if not session.words:
        raise session.misused("NAME is required for run")
    if flags["restart"] not in ("Always", "OnFailure", "Never"):
        raise session.misused(f"invalid restart policy: {flags['restart']}")
    if not _IMAGE_NAME.fullmatch(flags["image"]):
        raise ValueError(f'Invalid image name "{flags["image"]}": invalid reference format')
    pod = generators.pod(session, session.words[0])
    await store(session, pod, "created")
    return 0


async def expose(session: Session) -> int:
    """Create a Service for what is selected; ``--selector`` is about the Pods, not about that."""
    flags = session.flags
    flags["selector-of-service"], flags["selector"] = flags["selector"], ""
    return await change_each(session, chosen(session), partial(_expose, session))


async def _expose(session: Session, kind: Kind, obj: Object) -> None:
    flags, meta = session.flags, obj["metadata"]
    asked = pairs(flags["selector-of-service"], "unexpected selector")
    selector = asked or _selector_of(kind, obj)
    ports = flags["port"].split(",") if flags["port"] else _ports_of(obj)
    if not ports:
        raise ValueError("couldn't find port via --port flag or introspection")
    spec: Object = {"ports": [_port(session, ports, port) for port in ports], "selector": selector}
    spec |= {"type": flags["type"]} if flags["type"] else {}
    made = plain("v1", "Service", flags["name"] or meta["name"], spec=spec, status=NOT_YET)
    labels = pairs(flags["labels"], "unexpected label spec") or meta.get("labels")
    made["metadata"] |= {"labels": labels} if labels else {}
    await store(session, made, "exposed")


def _selector_of(kind: Kind, obj: Object) -> Object:
    """The labels by which the Pods behind an object are known."""
    spec, labels = obj.get("spec") or {}, obj["metadata"].get("labels") or {}
    found: Object
    if kind.kind == "Pod":
        found = labels
    elif kind.kind in ("Service", "ReplicationController"):
        found = spec.get("selector") or {}
    elif kind.kind in ("Deployment", "ReplicaSet"):
        found = spec["selector"].get("matchLabels") or {}
    else:
        raise ValueError(f"cannot expose a {full_name(kind)}")
    return found


def _ports_of(obj: Object) -> list[str]:
    spec = obj.get("spec") or {}
    if obj["kind"] == "Service":
        return [str(port["port"]) for port in spec.get("ports") or ()]
    inner = spec if obj["kind"] == "Pod" else spec["template"]["spec"]
    containers = inner.get("containers") or ()
    return [str(p["containerPort"]) for c in containers for p in c.get("ports") or ()]


def _port(session: Session, ports: list[str], port: str) -> Object:
    flags = session.flags
    if not port.isdigit():
        raise ValueError(f'strconv.Atoi: parsing "{port}": invalid syntax')
    made = {"port": int(port), "protocol": flags["protocol"] or "TCP",
            "targetPort": number_or_name(flags["target-port"] or port)}  # fmt: skip
    return made | ({"name": f"port-{ports.index(port) + 1}"} if len(ports) > 1 else {})


_COMMON = (OUTPUT, DRY_RUN, SAVE)
_DATA = (
    Flag("from-literal", type="array", default=(), help="KEY=VALUE"),
    Flag("from-file", type="list", default=(), help="FILE, or KEY=FILE"),
    Flag("from-env-file", type="list", default=(), help="a file of lines KEY=VALUE"),
)
_TCP = Flag("tcp", type="list", default=(), help="PORT or PORT:TARGET")
_NODE_PORT = Flag("node-port", type="int", default=0, help="the port on every node")
_IMAGE = Flag("image", type="list", default=(), help="the image to run", required=True)
_SERVICES = {
    "clusterip": (_TCP, Flag("clusterip", help="an address, or None")),
    "nodeport": (_TCP, _NODE_PORT),
    "loadbalancer": (_TCP,),
    "externalname": (_TCP, Flag("external-name", help="a name in DNS", required=True)),
}
_ROWS: tuple[tuple[str, Make, tuple[Flag, ...], tuple[str, ...]], ...] = (
    ("namespace", generators.namespace, (), ("ns",)),
    ("serviceaccount", generators.serviceaccount, (), ("sa",)),
    ("configmap", generators.configmap, _DATA, ("cm",)),
    ("secret generic", generators.secret, (*_DATA, Flag("type", help="the type of Secret")), ()),
    ("deployment", generators.deployment,
     (_IMAGE, Flag("replicas", "r", "int", 1, help="how many Pods"),
      Flag("port", type="int", default=-1, help="a port of the container")), ("deploy",)),
    ("job", generators.job, (_IMAGE,), ()),
    ("quota", generators.quota,
     (Flag("hard", type="list", default=(), help="RESOURCE=AMOUNT,..."),
      Flag("scopes", type="list", default=(), help="only Pods of these scopes")),
     ("resourcequota",)),
    ("poddisruptionbudget", generators.budget,
     (Flag("min-available", help="how many Pods must stay, or which share"),
      Flag("max-unavailable", help="how many may be missing, or which share"),
      Flag("selector", type="list", default=(), help="KEY=VALUE,...")), ("pdb",)),
    *((f"service {name}", generators.service, flags, (f"svc {name}",))
      for name, flags in _SERVICES.items()),
)  # fmt: skip

_RUN = (
    OUTPUT, DRY_RUN, SAVE,
    Flag("image", help="the image to run", required=True),
    Flag("restart", default="Always", help="Always, OnFailure or Never"),
    Flag("env", type="array", default=(), help="NAME=VALUE"),
    Flag("labels", "l", "list", (), help="KEY=VALUE,..."),
    Flag("port", type="int", default=-1, help="a port of the container"),
    switch("command", "the words behind -- are the command, not its arguments"),
)  # fmt: skip
_EXPOSE = (
    FILENAME, OUTPUT, DRY_RUN, SAVE,
    Flag("port", help="the port of the Service"),
    Flag("target-port", help="the port of the container"),
    Flag("name", help="the name of the Service"),
    Flag("type", help="ClusterIP, NodePort, LoadBalancer or ExternalName"),
    Flag("protocol", help="TCP, UDP or SCTP"),
    Flag("labels", "l", "list", (), help="labels of the Service"),
    Flag("selector", type="list", default=(), help="labels of the Pods behind it"),
)  # fmt: skip

COMMANDS = (
    Command("create", create, (FILENAME, *_COMMON), "kubectl create -f FILE",
            "create objects from a file"),
    *(
        Command(f"create {name}", _creates(make), (*_COMMON, *flags),
                f"kubectl create {name} NAME", f"create a {name.partition(' ')[0]}",
                tuple(f"create {alias}" for alias in aliases))
        for name, make, flags, aliases in _ROWS
    ),
    Command("run", run, _RUN, "kubectl run NAME --image=IMAGE [-- ARG ...]", "run one Pod"),
    Command("expose", expose, _EXPOSE, "kubectl expose TYPE NAME --port=PORT",
            "put a Service in front of Pods"),
)  # fmt: skip
