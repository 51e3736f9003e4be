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
from k8s_ref.machinery.errors import NotFound, TooManyRequests
from k8s_ref.machinery.kinds import Kind
from k8s_ref.machinery.meta import Object, controller_of, key_of, split_key
from k8s_ref.machinery.selectors import parse_labels
from k8s_ref.machinery.timestamps import format_duration
from k8s_ref.sim.loop import SECOND

MIRROR = "kubernetes.io/config.mirror"

RETRY_SECONDS = 5.0
"""After so long a Pod is evicted again that its budget did not let go."""


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
    """Evict every Pod, those refused again and again, and wait until the last one is gone."""
    loop, seconds = session.api.loop, session.flags["timeout"] or WEEK
    end = loop.now + round(seconds * SECOND)
    waiting = pods
    leaving: list[Object] = []
    while waiting or leaving:
        late = f"global timeout reached: {format_duration(round(seconds * SECOND))}"
        refused = [pod for pod in waiting if not await _sent_away(session, pod, end)]
        if refused and loop.now >= end:
            _too_late(session, node, refused, [f"{_about(pod)}: {late}" for pod in refused])
        leaving += [] if session.dry else [pod for pod in waiting if pod not in refused]
        waiting, again = refused, loop.now + round(RETRY_SECONDS * SECOND)
        until_then = min(again, end) if waiting else end
        leaving = [pod for pod in leaving if not await _left(session, pod, until_then)]
        if leaving and loop.now >= end:
            _too_late(session, node, leaving, ["context deadline exceeded"], "error: ")
        if waiting:
            await loop.sleep((again - loop.now) / SECOND)


def _too_late(
    session: Session, node: str, pods: list[Object], why: list[str], prefix: str = ""
) -> None:
    shown = why[0] if len(why) == 1 else f"[{', '.join(why)}]"
    session.say(f'There are pending pods in node "{node}" when an error occurred: {shown}')
    for pod in pods:
        session.say(f"pod/{pod['metadata']['name']}")
    _give_up(session, node, why, prefix)


def _about(pod: Object) -> str:
    namespace, name = split_key(key_of(pod))
    return f'error when evicting pods/"{name}" -n "{namespace}"'


async def _sent_away(session: Session, pod: Object, end: int) -> bool:
    """Evict a Pod, or delete it; False if its budget does not allow that now."""
    flags, key = session.flags, key_of(pod)
    grace = None if flags["grace-period"] < 0 else flags["grace-period"]
    if not flags["disable-eviction"]:
        session.say(f"evicting pod {key}{session.tail}")
    if session.api.loop.now >= end:
        return False
    try:
        if session.dry:
            return True
        if flags["disable-eviction"]:
            await session.api.delete("pods", key, grace, pod["metadata"]["uid"])
        else:
            await session.api.evict(key, grace)
    except TooManyRequests as error:
        session.say(f"{_about(pod)} (will retry after {RETRY_SECONDS:g}s): {error}")
        return False
    except NotFound:
        pass
    return True


async def _left(session: Session, pod: Object, end: int) -> bool:
    """Whether a Pod is gone by then; say so if it is."""
    left = (end - session.api.loop.now) / SECOND
    try:
        await until(session, session.api.kinds["pods"], key_of(pod), _gone(pod), left)
    except TimeoutError:
        return False
    done = "deleted" if session.flags["disable-eviction"] else "evicted"
    session.say(f"pod/{pod['metadata']['name']} {done}")
    return True


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
