"""k8s-ref play · 播放一份清单

Makes a cluster, applies a manifest, lets virtual time pass and tells what happened, step by step,
in Chinese or in English.  The one idea: the story is the trace read aloud; there is no second
account of what the components do.

Upstream: none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import groupby
from typing import Any

from k8s_ref.cli.kubectl import yamltext
from k8s_ref.cli.workbench import Cluster
from k8s_ref.machinery.kinds import KINDS
from k8s_ref.machinery.meta import split_key
from k8s_ref.sim.trace import VERBS, Record, Trace

NOISE = ("events/", "leases/", "nodes/", "namespaces/")
"""What happens in every cluster and is no part of the story."""


@dataclass(slots=True, frozen=True)
class Play:
    """What to play, and in which language to tell it."""

    manifest: str
    nodes: int = 3
    seed: int = 0
    seconds: float = 10.0
    lang: str = "en"
    svg: str = ""
    trace: bool = False


class Refused(Exception):  # noqa: N818
    """The cluster did not accept the manifest; the text is what kubectl said."""


class BadManifest(Exception):  # noqa: N818
    """The manifest is not YAML; the text says where."""


@cache
def words() -> dict[str, Any]:
    """Everything ``k8s-ref`` says, in both languages."""
    text = resources.files("k8s_ref.cli").joinpath("words.yaml").read_text("utf-8")
    found: dict[str, Any] = next(yamltext.read(text))
    return found


def example() -> str:
    """The manifest that is played when none is given."""
    return resources.files("k8s_ref.cli").joinpath("web.yaml").read_text("utf-8")


def play(what: Play, say: Callable[[str], None]) -> str:
    """Play it and tell the story line by line; returns the sequence diagram, if one was wanted."""
    try:
        list(yamltext.read(what.manifest))
    except yamltext.BadYaml as error:
        raise BadManifest(str(error)) from None
    cluster = Cluster(nodes=what.nodes, seed=what.seed)
    start = len(cluster.trace)
    say(_text(what, "head"))
    say("$ kubectl apply -f -")
    try:
        say(str(cluster.apply(what.manifest)).rstrip("\n"))
    except ValueError as error:
        raise Refused(str(error)) from None
    cluster.run(what.seconds)
    say(f"\n{_text(what, 'story')}")
    for line in _told(cluster.trace[start:], what):
        say(line)
    say("\n$ kubectl get pods -o wide")
    say(str(cluster.kubectl("get pods -o wide")).rstrip("\n"))
    return cluster.sequence(cluster.trace[start:]).svg(what.lang) if what.svg else ""


def _text(what: Play, name: str) -> str:
    return words()["story"][name][what.lang].format(
        nodes=what.nodes,
        word="node" if what.nodes == 1 else "nodes",
        seed=what.seed,
        seconds=what.seconds,
        manifest=_indented(what.manifest),
    )


def _indented(text: str) -> str:
    return "".join(f"    {line}\n" if line else "\n" for line in text.rstrip("\n").split("\n"))


def _told(trace: Trace, what: Play) -> Iterator[str]:
    if what.trace:
        yield str(trace)
        return
    for moment, records in groupby(trace.without(*NOISE), key=lambda record: record.at):
        yield f"\n{moment / 1e9:.3f} {'秒' if what.lang == 'zh' else 's'}"
        for record in records:
            yield f"  {sentence(record, what.lang)}"


def sentence(record: Record, lang: str) -> str:
    """A record of the trace as a sentence.

    >>> record = Record(1, 0, "kubelet/node-1", "pull", "pods/default/web", "nginx", "", 0, 0)
    >>> print(sentence(record, "en"))
    kubelet/node-1 pulls an image for Pod web: nginx
    >>> print(sentence(record, "zh"))
    kubelet/node-1 为 Pod web 拉镜像：nginx
    """
    # Most glosses of the trace can simply stand before the subject.
    form = words()["verbs"][record.verb].get(lang, f"{VERBS[record.verb]} {{s}}")
    colon = "：" if lang == "zh" else ": "
    note = f"{colon}{record.note}" if record.note else ""
    return f"{record.actor} {form.format(s=_subject(record.subject))}{note}"


def _subject(subject: str) -> str:
    """``pods/default/web`` as ``Pod web``; a namespace is named unless it is the default one."""
    plural, slash, key = subject.partition("/")
    kind = KINDS.find(plural)
    if kind is None or not slash:
        return subject
    namespace, name = split_key(key)
    return f"{kind.kind} {name if namespace in ('', 'default') else key}"
