"""kubectl cordon, uncordon, taint · 节点的排他

What keeps new Pods off a node: the switch ``unschedulable``, and taints, which only those Pods
pass that tolerate them.

Upstream: staging/src/k8s.io/kubectl/pkg/cmd/drain/drain.go, pkg/cmd/taint/
"""

from __future__ import annotations

from functools import partial

from k8s_ref.cli.kubectl.flags import Flag, switch
from k8s_ref.cli.kubectl.output import DRY_RUN, OUTPUT, report
from k8s_ref.cli.kubectl.pairs import is_pair
from k8s_ref.cli.kubectl.selection import ALL, SELECTORS, Target, change_each, chosen, patched
from k8s_ref.cli.kubectl.session import Command, Session
from k8s_ref.machinery.kinds import Kind
from k8s_ref.machinery.meta import Object
from k8s_ref.machinery.selectors import label_key_problems, label_value_problems

EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
SELECTOR = Flag("selector", "l", help="nodes with these labels")


def nodes(session: Session) -> list[Target]:
    """The nodes a line names or selects."""
    if not session.words and not session.flags["selector"]:
        raise session.misused(f"USAGE: {session.name} NODE [flags]")
    if session.words and session.flags["selector"]:
        raise session.misused("cannot specify both a node name and a --selector option")
    kind = session.api.kinds["nodes"]
    names = [word.removeprefix("node/").removeprefix("nodes/") for word in session.words]
    return [Target(kind, name) for name in names] or [Target(kind)]


async def cordon(session: Session) -> int:
    """Close nodes for new Pods, or open them again."""
    wanted = session.name == "cordon"
    return await change_each(session, nodes(session), partial(set_cordon, session, wanted), True)


async def set_cordon(session: Session, wanted: bool, kind: Kind, node: Object) -> None:
    """Close or open one node and say so."""
    closed = bool((node.get("spec") or {}).get("unschedulable"))
    done = "cordoned" if wanted else "uncordoned"
    if closed != wanted:
        change = {"spec": {"unschedulable": True if wanted else None}}
        node = await patched(session, kind, node, change)
    else:
        done = f"already {done}"
    report(session, kind, node, done)


async def taint(session: Session) -> int:
    """Put taints on nodes and take them off."""
    words = session.words
    end = next((i for i, word in enumerate(words) if is_pair(word) or ":" in word), len(words))
    session.words, changes = words[:end], words[end:]
    if not session.words:
        raise ValueError("one or more resources must be specified as <resource> <name>")
    if not changes:
        raise ValueError("at least one taint update is required")
    kind = session.api.kinds.find(session.words[0].partition("/")[0])
    if kind is None or kind.kind != "Node":
        raise ValueError(f"invalid resource type {session.words[0]}, only node types are supported")
    new = [_taint(session, word) for word in changes if not word.endswith("-")]
    gone = [_gone(word[:-1]) for word in changes if word.endswith("-")]
    _check(new, gone)
    wanted = chosen(session)
    return await change_each(session, wanted, partial(_change, session, new, gone))


def _taint(session: Session, spec: str) -> Object:
    """``key=value:effect``; the value may be missing."""
    pair, _, effect = spec.partition(":")
    key, equals, value = pair.partition("=")
    problems = label_key_problems(key, "a qualified name") + label_value_problems(value)
    if ":" not in spec:
        problems = label_key_problems(spec, "a qualified name")
    if problems:
        raise session.misused(f"invalid taint spec: {spec}, {'; '.join(problems)}")
    if effect not in EFFECTS:
        raise session.misused(f"invalid taint effect: {effect}, unsupported taint effect")
    return {"key": key, **({"value": value} if equals and value else {}), "effect": effect}


def _gone(spec: str) -> tuple[str, str]:
    key, _, effect = spec.partition(":")
    return key.partition("=")[0], effect


def _check(new: list[Object], gone: list[tuple[str, str]]) -> None:
    both = [key for key, effect in gone if any(_is(t, key, effect) for t in new)]
    if both:
        raise ValueError(
            "can not both modify and remove the following taint(s) in the same command:"
            f" {', '.join(f'{key}=' for key in both)}"
        )


def _is(taint: Object, key: str, effect: str) -> bool:
    return taint["key"] == key and effect in ("", taint["effect"])


async def _change(
    session: Session, new: list[Object], gone: list[tuple[str, str]], kind: Kind, node: Object
) -> None:
    old: list[Object] = (node.get("spec") or {}).get("taints") or []
    name = node["metadata"]["name"]
    for key, effect in gone:
        if not any(_is(taint, key, effect) for taint in old):
            raise ValueError(f'taint "{key}{":" if effect else ""}{effect}" not found')
    taken = [t["key"] for t in new if any(_is(o, t["key"], t["effect"]) for o in old)]
    if taken and not session.flags["overwrite"]:
        raise ValueError(
            f"node {name} already has {', '.join(taken)} taint(s) with same effect(s) and"
            " --overwrite is false"
        )
    away = [*gone, *((taint["key"], taint["effect"]) for taint in new)]
    kept = [taint for taint in old if not any(_is(taint, *place) for place in away)]
    node = await patched(session, kind, node, {"spec": {"taints": [*new, *kept] or None}})
    done = "modified" if taken or (new and gone) else "tainted" if new else "untainted"
    report(session, kind, node, done, tail=False)


COMMANDS = (
    Command("cordon", cordon, (SELECTOR, OUTPUT, DRY_RUN), "kubectl cordon NODE",
            "keep new Pods off a node"),
    Command("uncordon", cordon, (SELECTOR, OUTPUT, DRY_RUN), "kubectl uncordon NODE",
            "let new Pods onto a node again"),
    Command("taint", taint, (*SELECTORS, OUTPUT, DRY_RUN, ALL,
                             switch("overwrite", "change the value of a taint there is")),
            "kubectl taint nodes NAME KEY=VALUE:EFFECT ... KEY:EFFECT- ...",
            "put taints on nodes or take them off"),
)  # fmt: skip
