"""Waiting for an object · 等一个对象

Several commands wait: until something is gone, until a condition holds, until a rollout is done.
The one idea: list, then watch from there, so that nothing that happens in between is missed; and
when the stream breaks, do both again.

Upstream: staging/src/k8s.io/client-go/tools/watch/until.go
"""

from __future__ import annotations

from collections.abc import Callable

from k8s_ref.apiserver.watchcache import WatchEvent
from k8s_ref.cli.kubectl.session import Session, resource_of
from k8s_ref.client.client import ClientWatch
from k8s_ref.machinery.errors import Expired
from k8s_ref.machinery.kinds import Kind
from k8s_ref.machinery.meta import Object, split_key
from k8s_ref.sim.loop import SECOND

LONGEST = 600.0
"""Virtual seconds after which ``-w`` and ``-f`` stop although there is still news."""

WEEK = 7 * 24 * 3600.0

Seen = Callable[[Object | None], bool]
"""Looks at an object, or at None when there is none; says whether that is the end."""


async def until(session: Session, kind: Kind, key: str, seen: Seen, seconds: float) -> None:
    """Show one object to ``seen`` until it is content; ``TimeoutError`` if it never is."""
    namespace, name = split_key(key)
    resource, fields = resource_of(kind), f"metadata.name={name}"

    async def follow() -> None:
        while True:
            listed = await session.api.list(resource, namespace, fields=fields)
            if seen(next(iter(listed["items"]), None)):
                return
            since = listed["metadata"]["resourceVersion"]
            stream = await session.api.watch(resource, since, namespace, fields=fields)
            try:
                while (event := await stream.next()) is not None:
                    if seen(None if event.type == "DELETED" else event.object):
                        return
            except Expired:
                continue
            finally:
                stream.stop()

    await session.api.loop.within(seconds, follow())


async def follow(session: Session, stream: ClientWatch, tell: Callable[[WatchEvent], None]) -> None:
    """Tell every event of a stream, until there was no news for as long as patience lasts."""
    limit = session.flags["request-timeout"]
    end = session.api.loop.now + round((limit or LONGEST) * SECOND)
    try:
        while (left := (end - session.api.loop.now) / SECOND) > 0:
            quiet = left if limit else min(left, session.patience)
            event = await session.api.loop.within(quiet, stream.next())
            if event is None:
                return
            tell(event)
    except TimeoutError:
        pass
    finally:
        stream.stop()


def timed_out(kind: Kind, name: str) -> ValueError:
    """What is said when patience with one object has ended."""
    return ValueError(f"timed out waiting for the condition on {kind.plural}/{name}")
