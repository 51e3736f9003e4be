"""kubectl drain · 清空节点

Makes a node free for repair: closes it, then sends its Pods away one and all, except those a
DaemonSet would only bring back.  The one idea: what cannot come back elsewhere, Pods without a
controller and data kept on the node, is only given up when the line says so.

Upstream: staging/src/k8s.io/kubectl/pkg/drain/
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from k8s_ref.cli.kubectl.flags import Flag, switch
from k8s_ref.cli.kubectl.nodes import SELECTOR, nodes, set_cordon
from k8s_ref.cli.kubectl.output import DRY_RUN
from k8s_ref.cli.kubectl.selection import change_each
from k8s_ref.cli.kubectl.session import Command, Failure, Session
from k8s_ref.cli.kubectl.watching import WEEK, until
from k8s_ref.machinery.kinds import Kind
from k8s_ref.machinery.meta import Object, controller_of, key_of
from k8s_ref.machinery.selectors import parse_labels
from k8s_ref.sim.loop import SECOND

MIRROR = "kubernetes.io/config.mirror"


async def drain(session: Session) -> int:
    """Cordon the nodes, then empty them."""
    session.flags["output"] = ""
    try:
        parse_labels(session.flags["pod-selector"])
    except ValueError:
        raise ValueError("--pod-selector=<pod_selector> must be a valid label selector") from None
    wanted = nodes(session)
    await change_each(session, wanted, partial(set_cordon, session, True), True)
    return 0 if session.errors else await change_each(session, wanted, partial(_drain, session))


async def _drain(session: Session, kind: Kind, node: Object) -> None:
    name = node["metadata"]["name"]
    fields = f"spec.nodeName={name}"
    listed = await session.api.list("pods", "", session.flags["pod-selector"], fields)
    pods = [p for p in listed["items"] if MIRROR not in (p["metadata"].get("annotations") or {})]
    problems = _refused(session, pods)
    if problems:
        _give_up(session, name, problems)
    _warn(session, pods)
    pods = [pod for pod in pods if not _of_daemonset(pod)]
    await _send_away(session, name, pods)
    session.say(f"node/{name} drained{session.tail}")


def _give_up(session: Session, name: str, problems: list[str], prefix: str = "") -> None:
    shown = problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]"
    session.say(
        f'error: unable to drain node "{name}" due to error: {shown}, continuing command...\n'
        f"There are pending nodes to be drained:\n {name}"
    )
    raise Failure(prefix + "\n".join(problems))


def _of_daemonset(pod: Object) -> bool:
    owner = controller_of(pod)
    return owner is not None and owner["kind"] == "DaemonSet"


def _finished(pod: Object) -> bool:
    return pod["status"].get("phase") in ("Succeeded", "Failed")


def _on_its_own(pod: Object) -> bool:
    return controller_of(pod) is None and not _finished(pod)


def _with_data(pod: Object) -> bool:
    volumes = pod["spec"].get("volumes") or ()
    return any("emptyDir" in volume for volume in volumes) and not _finished(pod)


# What stands in the way of a drain: how to tell, what the flag is, how kubectl words it.
_OBSTACLES: tuple[tuple[Callable[[Object], bool], str, str], ...] = (
    (_of_daemonset, "ignore-daemonsets",
     "cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore)"),
    (_with_data, "delete-emptydir-data",
     "cannot delete Pods with local storage (use --delete-emptydir-data to override)"),
    (_on_its_own, "force",
     "cannot delete cannot delete Pods that declare no controller (use --force to override)"),
)  # fmt: skip


def _refused(session: Session, pods: list[Object]) -> list[str]:
    """The problems, and the Pods each of them is about; a Pod is named for the first only."""
    found: dict[str, list[str]] = {}
    for pod in pods:
        for applies, flag, words in _OBSTACLES:
            if applies(pod) and not session.flags[flag]:
                found.setdefault(words, []).append(key_of(pod))
                break
    return [f"{words}: {', '.join(found[words])}" for words in sorted(found)]


def _warn(session: Session, pods: list[Object]) -> None:
    ignored = [key_of(pod) for pod in pods if _of_daemonset(pod)]
    alone = [key_of(pod) for pod in pods if _on_its_own(pod)]
    about = ("deleting Pods that declare no controller", "ignoring DaemonSet-managed Pods")
    both = zip(about, (alone, ignored), strict=True)
    parts = [f"{words}: {', '.join(named)}" for words, named in both if named]
    if parts:
        session.say(f"Warning: {'; '.join(parts)}")


async def _send_away(session: Session, node: str, pods: list[Object]) -> None:
    """Delete every Pod, then wait until the last one is gone."""
    flags = session.flags
    grace = None if flags["grace-period"] < 0 else flags["grace-period"]
    for pod in pods:
        if not flags["disable-eviction"]:
            session.say(f"evicting pod {key_of(pod)}{session.tail}")
        if not session.dry:
            await session.api.delete("pods", key_of(pod), grace, pod["metadata"]["uid"])
    end = session.api.loop.now + round((flags["timeout"] or WEEK) * SECOND)
    for number, pod in enumerate([] if session.dry else pods):
        left = (end - session.api.loop.now) / SECOND
        try:
            await until(session, session.api.kinds["pods"], key_of(pod), _gone(pod), left)
        except TimeoutError:
            why = "context deadline exceeded"
            session.say(f'There are pending pods in node "{node}" when an error occurred: {why}')
            for waiting in pods[number:]:
                session.say(f"pod/{waiting['metadata']['name']}")
            _give_up(session, node, [why], "error: ")
        done = "deleted" if flags["disable-eviction"] else "evicted"
        session.say(f"pod/{pod['metadata']['name']} {done}")


def _gone(pod: Object) -> Callable[[Object | None], bool]:
    return lambda now: now is None or now["metadata"]["uid"] != pod["metadata"]["uid"]


COMMANDS = (
    Command(
        "drain",
        drain,
        (SELECTOR, DRY_RUN,
         switch("force", "also Pods that no controller would make again"),
         switch("ignore-daemonsets", "leave the Pods of DaemonSets where they are"),
         switch("delete-emptydir-data", "also Pods that keep data on the node"),
         switch("disable-eviction", "delete the Pods instead of evicting them"),
         Flag("grace-period", type="int", default=-1, help="seconds to stop in"),
         Flag("pod-selector", help="only Pods with these labels"),
         Flag("timeout", type="duration", default=0.0, help="how long to wait")),
        "kubectl drain NODE",
        "send the Pods of a node away",
    ),
)  # fmt: skip
