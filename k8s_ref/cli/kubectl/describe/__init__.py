"""kubectl describe · 描述对象

One object on one page: what it is asked to be, how it is, what belongs to it, and last what was
said about it, its Events.  Each kind of the first chapters has a page of its own; every other
kind is shown field by field.

Upstream: staging/src/k8s.io/kubectl/pkg/describe/describe.go, pkg/cmd/describe/
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from k8s_ref.cli.kubectl.columns import align
from k8s_ref.cli.kubectl.describe import generic, nodes, pods, services, workloads
from k8s_ref.cli.kubectl.describe.page import Page
from k8s_ref.cli.kubectl.flags import switch
from k8s_ref.cli.kubectl.selection import SELECTORS, Target, fetch, nothing_found, targets
from k8s_ref.cli.kubectl.session import Command, Failure, Session
from k8s_ref.machinery.errors import ApiError, NotFound
from k8s_ref.machinery.kinds import Kind
from k8s_ref.machinery.meta import Object

NO_TYPE = (
    "error: You must specify the type of resource to describe."
    ' Use "kubectl api-resources" for a complete list of supported resources.'
)

Describer = Callable[[Session, Page, Object], Awaitable[None]]

DESCRIBERS: dict[str, Describer] = {
    "pods": pods.describe,
    "nodes": nodes.describe,
    "namespaces": workloads.describe_namespace,
    "replicasets.apps": workloads.describe_replicaset,
    "services": services.describe_service,
    "configmaps": services.describe_configmap,
    "secrets": services.describe_secret,
    "deployments.apps": workloads.describe_deployment,
}
"""Kinds with a page of their own."""

WITHOUT_EVENTS = ("Namespace", "Secret")
"""Kinds on whose page upstream prints no Events."""


async def describe(session: Session) -> int:
    """Print a page for each object selected."""
    if not session.words and not session.flags["filename"]:
        raise Failure(NO_TYPE)
    wanted = targets(session)
    pages: list[str] = []
    for target in wanted:
        try:
            pages += [
                await _page(session, target.kind, obj) for obj in await fetch(session, target)
            ]
        except NotFound as error:
            await _by_prefix(session, target, error)
        except ApiError as error:
            session.fail(error)
    if not pages and not session.errors and not any(target.name for target in wanted):
        session.say(nothing_found(session, wanted))
    session.write("\n\n".join(pages))
    return 0


async def _by_prefix(session: Session, target: Target, error: NotFound) -> None:
    """Describe all objects whose names begin with what was asked for."""
    every = await fetch(session, Target(target.kind, "", target.namespace))
    found = [obj for obj in every if obj["metadata"]["name"].startswith(target.name)]
    if not found:
        session.fail(error)
    for obj in found:
        session.say(await _page(session, target.kind, obj))


async def _page(session: Session, kind: Kind, obj: Object) -> str:
    page = Page(session.now)
    await DESCRIBERS.get(kind.resource, generic.describe)(session, page, obj)
    if session.flags["show-events"] and kind.kind not in WITHOUT_EVENTS:
        await page.events(session, obj)
    return align(page.text)


COMMANDS = (
    Command(
        "describe",
        describe,
        (*SELECTORS, switch("show-events", "what was said about the object", default=True)),
        "kubectl describe TYPE [NAME_PREFIX | -l LABELS] | TYPE/NAME",
        "show one object on a page",
    ),
)
