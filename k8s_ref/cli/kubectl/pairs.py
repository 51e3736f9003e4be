"""kubectl label, annotate · 标签与注解

Small changes of metadata from the words of the line: ``key=value`` sets, ``key-`` takes away, and
what has a value already is only changed with ``--overwrite``.

Upstream: staging/src/k8s.io/kubectl/pkg/cmd/label/label.go, pkg/cmd/annotate/annotate.go
"""

from __future__ import annotations

from functools import partial

from k8s_ref.cli.kubectl.flags import switch
from k8s_ref.cli.kubectl.output import DRY_RUN, OUTPUT, report
from k8s_ref.cli.kubectl.selection import ALL, SELECTORS, change_each, chosen, patched
from k8s_ref.cli.kubectl.session import Command, Session
from k8s_ref.machinery.errors import show
from k8s_ref.machinery.kinds import Kind
from k8s_ref.machinery.meta import Object
from k8s_ref.machinery.selectors import label_value_problems

FIELDS = {"label": "labels", "annotate": "annotations"}
NOUNS = {"label": "label", "annotate": "annotation"}


def is_pair(word: str) -> bool:
    """Whether a word is a change and not the name of something.

    >>> [is_pair(word) for word in ("a=b", "a-", "pods", "web-1")]
    [True, True, False, False]
    """
    return word.find("=") > 0 or (word.endswith("-") and word != "-")


def split(words: list[str]) -> tuple[list[str], list[str]]:
    """The words that select objects, and the changes behind them."""
    end = next((index for index, word in enumerate(words) if is_pair(word)), len(words))
    return words[:end], words[end:]


def parse(pairs: list[str], noun: str) -> tuple[dict[str, str], list[str]]:
    """What to set and what to take away.

    >>> parse(["a=b", "c-"], "label")
    ({'a': 'b'}, ['c'])
    """
    new: dict[str, str] = {}
    gone: list[str] = []
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if equals:
            problems = label_value_problems(value) if noun == "label" else ()
            if problems:
                raise ValueError(f"invalid label value: {show(pair)}: {'; '.join(problems)}")
            new[key] = value
        elif is_pair(pair):
            gone.append(pair[:-1])
        else:
            raise ValueError(f"all resources must be specified before {noun} changes: {pair}")
    if new.keys() & set(gone):
        article = "an" if noun[0] in "aeiou" else "a"
        raise ValueError(f"can not both modify and remove {article} {noun} in the same command")
    return new, gone


async def change(session: Session) -> int:
    """Set and remove labels or annotations of everything selected."""
    flags, noun = session.flags, NOUNS[session.name]
    session.words, pairs = split(session.words)
    if not session.words and not flags["filename"]:
        raise ValueError("one or more resources must be specified as <resource> <name> or"
                         " <resource>/<name>")  # fmt: skip
    if not pairs and not flags["list"]:
        raise ValueError(f"at least one {noun} update is required")
    if flags["all"] and flags["selector"]:
        raise ValueError("cannot set --all and --selector at the same time")
    new, gone = parse(pairs, noun)
    wanted = chosen(session)
    if flags["list"]:
        return await change_each(
            session, wanted, partial(_list, session, len(wanted) > 1 or not wanted[0].name)
        )
    return await change_each(session, wanted, partial(_change, session, new, gone))


async def _list(session: Session, several: bool, kind: Kind, obj: Object) -> None:
    if several:
        session.say(f"Listing {FIELDS[session.name]} for {kind.kind}.{kind.group}/"
                    f"{obj['metadata']['name']}:")  # fmt: skip
    values = obj["metadata"].get(FIELDS[session.name]) or {}
    for key in sorted(values):
        session.say(f"{' ' if several else ''}{key}={values[key]}")


async def _change(
    session: Session, new: dict[str, str], gone: list[str], kind: Kind, obj: Object
) -> None:
    field = FIELDS[session.name]
    old = obj["metadata"].get(field) or {}
    if not session.flags["overwrite"]:
        _check_kept(session, old, new)
    for key in gone:
        if key not in old and field == "labels":
            session.say(f"label {show(key)} not found.")
    values = {key: value for key, value in old.items() if key not in gone} | new
    if values != old:
        patch = {"metadata": {field: new | {key: None for key in gone if key in old}}}
        obj = await patched(session, kind, obj, patch)
    report(session, kind, obj, _done(session, old, values))


def _check_kept(session: Session, old: dict[str, str], new: dict[str, str]) -> None:
    taken = [
        f"'{key}' already has a value ({old[key]})"
        for key in new
        if old.get(key, new[key]) != new[key]
    ]
    if taken and session.name == "annotate":
        found = "; ".join(taken)
        raise ValueError(
            f"--overwrite is false but found the following declared annotation(s): {found}"
        )
    if taken:
        raise ValueError(f"{taken[0]}, and --overwrite is false")


def _done(session: Session, old: dict[str, str], values: dict[str, str]) -> str:
    if session.name == "annotate":
        return "annotated"
    if values == old:
        return "not labeled"
    fewer = len(values) < len(old) and not session.flags["overwrite"]
    return "unlabeled" if fewer else "labeled"


COMMANDS = tuple(
    Command(
        name,
        change,
        (*SELECTORS, OUTPUT, DRY_RUN, ALL,
         switch("overwrite", "change what has a value already"),
         switch("list", "print them")),
        f"kubectl {name} TYPE NAME KEY=VALUE ... KEY- ...",
        f"set or remove {field}",
    )
    for name, field in FIELDS.items()
)  # fmt: skip
