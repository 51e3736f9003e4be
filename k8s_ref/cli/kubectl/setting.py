"""kubectl set · 改模板里的字段

Changes what is inside a Pod template: images and environment variables.  The one idea:
the containers are found wherever the kind keeps its template, changed in a copy, and the
difference is what goes to the server.

Upstream: staging/src/k8s.io/kubectl/pkg/cmd/set/
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from k8s_ref.cli.kubectl.flags import switch
from k8s_ref.cli.kubectl.output import DRY_RUN, OUTPUT, report
from k8s_ref.cli.kubectl.pairs import is_pair, parse, split
from k8s_ref.cli.kubectl.selection import ALL, SELECTORS, change_each, chosen, replaced
from k8s_ref.cli.kubectl.session import Command, Session
from k8s_ref.machinery.errors import show
from k8s_ref.machinery.kinds import Kind
from k8s_ref.machinery.meta import Object, with_path

Edit = Callable[[Object], Object]
"""A container in, the changed container out."""


def _spec_path(kind: Kind) -> tuple[str, ...]:
    """Where a kind keeps the spec of its Pods."""
    inner = ("spec", "jobTemplate", "spec") if kind.kind == "CronJob" else ("spec",)
    return ("spec",) if kind.kind == "Pod" else (*inner, "template", "spec")


def _spec(kind: Kind, obj: Object) -> Object:
    found: Any = obj
    for step in _spec_path(kind):
        found = (found or {}).get(step)
    return found or {}


async def _edit(session: Session, kind: Kind, obj: Object, edit: Edit, done: str) -> None:
    """Change the containers of one object and say so, if that changes anything."""
    spec, path = _spec(kind, obj), _spec_path(kind)
    new = obj
    for field in ("initContainers", "containers"):
        if spec.get(field):
            new = with_path(new, (*path, field), [edit(one) for one in spec[field]])
    if new == obj:
        return
    report(session, kind, await replaced(session, kind, obj, new), done)


async def image(session: Session) -> int:
    """Give containers other images."""
    session.words, pairs = split(session.words)
    if session.words and not pairs:
        raise ValueError("at least one image update is required")
    images = dict(pair.split("=", 1) for pair in pairs)
    return await change_each(session, chosen(session), partial(_image, session, images))


async def _image(session: Session, images: dict[str, str], kind: Kind, obj: Object) -> None:
    spec = _spec(kind, obj)
    names = [c["name"] for f in ("initContainers", "containers") for c in spec.get(f) or ()]
    for wanted in images:
        if wanted != "*" and wanted not in names:
            raise ValueError(f"unable to find container named {show(wanted)}")

    def edit(container: Object) -> Object:
        new = images.get(container["name"], images.get("*"))
        return {**container, "image": new} if new else container

    await _edit(session, kind, obj, edit, "image updated")


async def env(session: Session) -> int:
    """Set and remove environment variables, or list them."""
    session.words, pairs = split(session.words)
    new, gone = parse([pair for pair in pairs if is_pair(pair)], "environment variable")
    return await change_each(session, chosen(session), partial(_env, session, new, gone))


async def _env(
    session: Session, new: dict[str, str], gone: list[str], kind: Kind, obj: Object
) -> None:
    if session.flags["list"]:
        for container in _spec(kind, obj).get("containers") or ():
            session.say(f"# {kind.kind} {obj['metadata']['name']}, container {container['name']}")
            for variable in container.get("env") or ():
                session.say(f"{variable['name']}={variable.get('value', '')}")
        return

    def edit(container: Object) -> Object:
        old = [v for v in container.get("env") or () if v["name"] not in gone]
        kept = [{"name": v["name"], "value": new[v["name"]]} if v["name"] in new else v
                for v in old]  # fmt: skip
        names = [variable["name"] for variable in kept]
        more = [{"name": name, "value": new[name]} for name in new if name not in names]
        if [*kept, *more] == (container.get("env") or []):
            return container
        return {**container, "env": [*kept, *more]}

    await _edit(session, kind, obj, edit, "env updated")


_FLAGS = (*SELECTORS[:2], OUTPUT, DRY_RUN, ALL)

COMMANDS = (
    Command("set image", image, _FLAGS, "kubectl set image TYPE/NAME CONTAINER=IMAGE ...",
            "give containers other images"),
    Command("set env", env, (*_FLAGS, switch("list", "print the variables")),
            "kubectl set env TYPE/NAME KEY=VALUE ... KEY- ...", "set or remove variables"),
)  # fmt: skip
