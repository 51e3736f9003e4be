"""kubectl logs · 查看日志

What the containers of a Pod printed.  For a ReplicaSet or another owner, one of its Pods is
chosen; of several containers, the first unless the line says which.

Upstream: staging/src/k8s.io/kubectl/pkg/cmd/logs/logs.go, pkg/polymorphichelpers/
"""

from __future__ import annotations

import math

from k8s_ref.cli.kubectl.flags import Flag, switch
from k8s_ref.cli.kubectl.selection import kind_named
from k8s_ref.cli.kubectl.session import Command, Failure, Session, resource_of
from k8s_ref.cli.kubectl.watching import LONGEST
from k8s_ref.machinery.errors import NotFound, show
from k8s_ref.machinery.meta import Object, key_of
from k8s_ref.machinery.selectors import from_label_selector, from_labels
from k8s_ref.sim.loop import SECOND

USAGE = """\
error: expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.
POD or TYPE/NAME is a required argument for the logs command
See 'kubectl logs -h' for help and examples"""

DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
FOLLOW_SECONDS = 1.0
"""How often ``-f`` asks for more."""


async def logs(session: Session) -> int:
    """Print the log of one container, or of all that are selected."""
    flags = session.flags
    if bool(session.words) == bool(flags["selector"]):
        raise Failure(USAGE)
    pods = await _selected(session) if flags["selector"] else [await _named(session)]
    for pod in pods:
        for container in _containers(session, pod):
            await _print(session, pod, container)
    return 0


async def _selected(session: Session) -> list[Object]:
    listed = await session.api.list("pods", session.namespace, session.flags["selector"])
    if not listed["items"]:
        session.say(f"No resources found in {session.namespace} namespace.")
    pods: list[Object] = listed["items"]
    return pods


async def _named(session: Session) -> Object:
    word, *more = session.words
    if more and not session.flags["container"]:
        session.flags["container"] = more[0]
    type_name, slash, name = word.partition("/")
    kind = kind_named(session, type_name if slash else "pods")
    key = session.key(kind, name if slash else word)
    try:
        obj = await session.api.get(resource_of(kind), key)
    except NotFound as error:
        where = f" in namespace {show(session.namespace)}" if kind.namespaced else ""
        raise ValueError(f"error from server (NotFound): {error}{where}") from None
    return obj if kind.kind == "Pod" else await one_pod_of(session, obj)


async def one_pod_of(session: Session, owner: Object) -> Object:
    """One of the Pods an owner selects: those that run come first, then the oldest."""
    wanted = (owner.get("spec") or {}).get("selector")
    if not wanted:
        raise ValueError(f"cannot get the logs from {owner['kind']}: no selector")
    labels = wanted.keys() & {"matchLabels", "matchExpressions"}
    selector = from_label_selector(wanted) if labels else from_labels(wanted)
    listed = await session.api.list("pods", owner["metadata"]["namespace"], str(selector))
    pods = sorted(listed["items"], key=_preference)
    if not pods:
        raise ValueError("timed out waiting for the condition")
    if len(pods) > 1:
        session.say(f"Found {len(pods)} pods, using pod/{pods[0]['metadata']['name']}")
    return pods[0]


def _preference(pod: Object) -> tuple[bool, str, str]:
    """Pods that run first, then the oldest."""
    running = pod["status"].get("phase") == "Running"
    return not running, pod["metadata"]["creationTimestamp"], pod["metadata"]["name"]


def _containers(session: Session, pod: Object) -> list[str]:
    """The containers to print."""
    spec, flags = pod["spec"], session.flags
    init: list[str] = [c["name"] for c in spec.get("initContainers") or ()]
    names: list[str] = [c["name"] for c in spec["containers"]]
    guests: list[str] = [c["name"] for c in spec.get("ephemeralContainers") or ()]
    if flags["all-containers"]:
        return init + names + guests
    if flags["container"]:
        if flags["container"] not in init + names + guests:
            raise ValueError(
                f"container {flags['container']} is not valid for pod {pod['metadata']['name']}"
            )
        return [flags["container"]]
    return [default_container(session, pod)]


def default_container(session: Session, pod: Object) -> str:
    """The container that is meant when none is named; of several it says which."""
    init: list[str] = [c["name"] for c in pod["spec"].get("initContainers") or ()]
    names: list[str] = [c["name"] for c in pod["spec"]["containers"]]
    chosen: str = pod["metadata"].get("annotations", {}).get(DEFAULT_CONTAINER, "")
    if chosen in names:
        return chosen
    if len(names) > 1:
        others = ", ".join([*names, *(f"{name} (init)" for name in init)])
        session.say(f"Defaulted container {show(names[0])} out of: {others}")
    return names[0]


async def _print(session: Session, pod: Object, container: str) -> None:
    options = _options(session, container)
    text = await session.api.logs(key_of(pod), **options)
    _write(session, pod, container, text)
    if session.flags["follow"]:
        options.pop("tailLines", None)
        await _follow(session, pod, container, options)


async def _follow(session: Session, pod: Object, container: str, options: dict[str, str]) -> None:
    """Ask for what is new until the Pod has ended, or printed nothing for as long as patience."""
    loop, quiet, limit = session.api.loop, 0.0, session.flags["request-timeout"] or LONGEST
    end = loop.now + round(limit * SECOND)
    seen = len(await session.api.logs(key_of(pod), **options))
    while loop.now < end and quiet < session.patience:
        await loop.sleep(FOLLOW_SECONDS)
        text = await session.api.logs(key_of(pod), **options)
        _write(session, pod, container, text[seen:])
        quiet = 0.0 if len(text) > seen else quiet + FOLLOW_SECONDS
        seen = len(text)
        now = await session.api.get("pods", key_of(pod))
        if now["status"].get("phase") in ("Succeeded", "Failed"):
            return


def _options(session: Session, container: str) -> dict[str, str]:
    flags = session.flags
    options = {"container": container}
    tail = 10 if flags["selector"] and flags["tail"] == -1 else flags["tail"]
    if tail < -1:
        raise ValueError("--tail must be greater than or equal to -1")
    if tail >= 0:
        options["tailLines"] = str(tail)
    if flags["since"]:
        options["sinceSeconds"] = str(math.ceil(flags["since"]))
    if flags["previous"]:
        options["previous"] = "true"
    if flags["timestamps"]:
        options["timestamps"] = "true"
    return options


def _write(session: Session, pod: Object, container: str, text: str) -> None:
    if not session.flags["prefix"]:
        session.write(text)
        return
    prefix = f"[pod/{pod['metadata']['name']}/{container}] "
    session.write("".join(f"{prefix}{line}" for line in text.splitlines(keepends=True)))


COMMANDS = (
    Command(
        "logs",
        logs,
        (
            Flag("container", "c", help="which container"),
            Flag("selector", "l", help="the logs of all Pods with these labels"),
            Flag("tail", type="int", default=-1, help="only the last lines"),
            Flag("since", type="duration", default=0.0, help="only what is not older, as 5m"),
            switch("previous", "of the container before its last restart", "p"),
            switch("timestamps", "when each line was printed"),
            switch("all-containers", "of every container"),
            switch("prefix", "say of each line who printed it"),
            switch("follow", "go on while more is printed", "f"),
        ),
        "kubectl logs POD | TYPE/NAME [-c CONTAINER]",
        "print what a container printed",
    ),
)
