"""ResourceQuota · 资源配额

How much of everything a namespace may take.  Before an object is stored its use is added to
``status.used`` of every quota it falls under; if that would be too much, it is refused.  The one
idea: the quota itself is the lock, for of two who add at once only one can write, and the other
looks again.

Upstream: staging/src/k8s.io/apiserver/pkg/admission/plugin/resourcequota/controller.go
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator

from k8s_ref.apiserver.admission import Plugin, refusal_of
from k8s_ref.apiserver.admission.usage import (
    MUST_BE_SAID,
    ZERO,
    Usage,
    added,
    amounts,
    compute,
    matches,
    texts,
    tracks,
    usage_of,
)
from k8s_ref.apiserver.request import Request, Response
from k8s_ref.apiserver.watchcache import WatchCache
from k8s_ref.machinery.errors import from_status
from k8s_ref.machinery.kinds import Kind
from k8s_ref.machinery.meta import Object, with_path
from k8s_ref.sim.loop import SECOND, Loop

RETRIES = 3
"""How often a quota is looked at again because somebody else wrote it."""

CHARGED_AGAIN = ("services", "persistentvolumeclaims")
"""What may grow by an update."""

Handle = Callable[[Request], Awaitable[Response]]


class ResourceQuota(Plugin):
    """Writes: ``status.used`` of quotas, through the API, before what uses them is stored."""

    on = ("create *", *(f"update {name}" for name in CHARGED_AGAIN))

    def __init__(self, quotas: WatchCache, kind: Kind, handle: Handle, loop: Loop) -> None:
        self.quotas, self.kind, self.handle, self.loop = quotas, kind, handle, loop

    def validate(
        self, request: Request, obj: Object | None, old: Object | None
    ) -> Awaitable[None] | None:
        """Charge the quotas of the namespace for this object, or refuse it."""
        # Events are free: what tells that the quota is used up must not be stopped by it.
        if obj is None or request.subresource or request.kind.kind == "Event":
            return None
        if not request.namespace or not self.quotas.objects:
            return None
        return self._settle(request, obj, old)

    async def _settle(self, request: Request, obj: Object, old: Object | None) -> None:
        names: set[str] | None = None
        for last in (*[False] * RETRIES, True):
            charged = list(self._charge(request, obj, old, names))
            if not charged or request.query.get("dryRun"):
                return
            answers = {quota["metadata"]["name"]: await self._write(quota) for quota in charged}
            names = {name for name, answer in answers.items() if answer.code >= 400}
            if last and names:
                raise from_status(answers[min(names)].body)

    def _charge(
        self, request: Request, obj: Object, old: Object | None, names: set[str] | None
    ) -> Iterator[Object]:
        """The quotas, of those named or of all, as they would be with this object."""
        now = self.loop.now + self.loop.epoch * SECOND
        kind, namespace = request.kind, f"{request.namespace}/"
        for key in sorted(k for k in self.quotas.objects if k.startswith(namespace)):
            quota = self.quotas.objects[key]
            if (names is not None and key.removeprefix(namespace) not in names) or not matches(
                quota, kind, obj
            ):
                continue
            before = usage_of(kind, old, now) if old and matches(quota, kind, old) else {}
            check_said(request, quota, obj)
            charged = with_used(request, quota, grown(usage_of(kind, obj, now), before), obj)
            if charged is not quota:
                yield charged

    async def _write(self, quota: Object) -> Response:
        meta = quota["metadata"]
        where = meta["namespace"], meta["name"], "status"
        return await self.handle(
            Request("update", self.kind, *where, body=quota, agent="kube-apiserver")
        )


def grown(usage: Usage, before: Usage) -> Usage:
    """What is used more than before; nothing is given back here, that the controller does."""
    if not before:
        return usage
    more = {name: amount - before.get(name, ZERO) for name, amount in usage.items()}
    return {name: amount for name, amount in more.items() if amount > ZERO}


def check_said(request: Request, quota: Object, obj: Object) -> None:
    """Refuse a Pod that leaves out an amount the quota limits, and a quota not yet counted."""
    name, status = quota["metadata"]["name"], quota.get("status") or {}
    limited = sorted(name for name in status.get("hard") or () if tracks(request.kind, name))
    if request.kind.kind == "Pod":
        silent = unsaid(obj["spec"], MUST_BE_SAID.intersection(limited))
        if silent:
            raise refusal_of(request, f"failed quota: {name}: must specify {silent}", obj)
    if not set(limited) <= (status.get("used") or {}).keys():
        why = f"status unknown for quota: {name}, resources: {','.join(limited)}"
        raise refusal_of(request, why, obj)


def unsaid(spec: Object, limited: Iterable[str]) -> str:
    """Which amounts which containers do not state: ``limits.memory for: c; requests.cpu for: c``.

    >>> unsaid({"containers": [{"name": "c"}]}, ["requests.cpu"])
    'requests.cpu for: c'
    """
    missing: dict[str, list[str]] = {}
    for container in [*spec["containers"], *(spec.get("initContainers") or ())]:
        own = container.get("resources") or {}
        said = compute(amounts(own.get("requests")), amounts(own.get("limits")))
        for name in limited:
            if name not in said:
                missing.setdefault(name, []).append(container["name"])
    return "; ".join(f"{name} for: {','.join(sorted(missing[name]))}" for name in sorted(missing))


def with_used(request: Request, quota: Object, more: Usage, obj: Object) -> Object:
    """The quota with so much more used; ``Forbidden`` if that is more than there is."""
    status = quota.get("status") or {}
    hard, used = amounts(status.get("hard")), amounts(status.get("used"))
    more = {name: more[name] for name in sorted(more) if name in hard}
    after = added((used, more))
    exceeded = [name for name in more if after[name] > hard[name]]
    if exceeded:
        shown = (
            ",".join(f"{name}={amounts.get(name, ZERO)}" for name in exceeded)
            for amounts in (more, used, hard)
        )
        words = "exceeded quota: {}, requested: {}, used: {}, limited: {}"
        raise refusal_of(request, words.format(quota["metadata"]["name"], *shown), obj)
    return with_path(quota, ("status", "used"), texts(after)) if more else quota
