"""Eviction · 驱逐

Asks whether a Pod may go, and if so deletes it: what ``kubectl drain`` does instead of a DELETE.
The one idea: permission is taken out of the disruption budget's status before the Pod is deleted,
so that two who ask at once cannot both be given the last one.

Upstream: pkg/registry/core/pod/storage/eviction.go
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from k8s_ref.apiserver.registry import Registry
from k8s_ref.apiserver.request import ADMIN, Request, Response
from k8s_ref.machinery.errors import (
    ApiError,
    BadRequest,
    Cause,
    Conflict,
    Forbidden,
    TooManyRequests,
)
from k8s_ref.machinery.meta import Object, condition_of, set_condition, with_path
from k8s_ref.machinery.selectors import from_label_selector
from k8s_ref.sim.loop import Loop

RETRIES, PAUSE = 20, 0.5
"""How often the budget is looked at again while others write it, and the seconds between."""

MOST_DISRUPTED = 2000
"""So many evictions may be on their way from one budget."""

Change = Callable[[Object], Object]
VERSIONS = ("policy/v1", "policy/v1beta1")


class Evictions:
    """Writes: the status of budgets and the DisruptionTarget condition, then deletes the Pod.

    ``change`` and ``delete`` are the server's own ways to do so.
    """

    def __init__(
        self,
        pods: Registry,
        budgets: Registry,
        change: Callable[[Request, Change], Awaitable[Response]],
        delete: Callable[[Request], Awaitable[Response]],
        loop: Loop,
    ) -> None:
        self.pods, self.budgets, self.loop = pods, budgets, loop
        self._change, self._delete = change, delete

    async def create(self, request: Request) -> Response:
        """Evict one Pod, or say why not: 429 while its budget does not allow it."""
        options = read(request)
        await self.pods.admission.validate("create", request, request.body)
        pod = await self.pods.get(request.key)
        if without_budget(pod):
            # Not running yet it may become ready in this instant; then the answer would be another.
            sure = (
                pod["status"].get("phase") == "Pending"
                and "deletionTimestamp" not in pod["metadata"]
            )
            await self._evict(request, options, pod, sure)
            return _evicted()
        budget = self._budget_of(pod)
        sure = budget is not None and spares(budget, pod)
        if budget is not None and not sure:
            await self._take(budget["metadata"]["name"], request, bool(options.get("dryRun")))
        try:
            await self._evict(request, options, pod, sure)
        except Conflict:
            if budget is None or not sure:
                raise
            raise still_processed(budget["metadata"]["name"]) from None
        return _evicted()

    def _budget_of(self, pod: Object) -> Object | None:
        namespace = pod["metadata"]["namespace"]
        found = [
            budget
            for key, budget in sorted(self.budgets.cache.objects.items())
            if key.startswith(f"{namespace}/")
            and from_label_selector(budget["spec"].get("selector")).selects(pod)
        ]
        if len(found) > 1:
            raise ApiError(
                "This pod has more than one PodDisruptionBudget,"
                " which the eviction subresource does not support."
            )
        return found[0] if found else None

    async def _take(self, name: str, request: Request, dry_run: bool) -> None:
        """Take one disruption out of the budget, as it is now and not as it was."""
        for _ in range(RETRIES):
            key = f"{request.namespace}/{name}"
            budget = await self.budgets.get(key)
            taken = with_one_less(budget, request.name, self.budgets.now())
            if dry_run:
                return
            write = Request("update", self.budgets.kind, request.namespace, name, "status",
                            user=ADMIN, agent="kube-apiserver")  # fmt: skip
            try:
                await self._change(write, lambda old, taken=taken: taken)  # type: ignore[misc]
                return
            except Conflict:
                await self.loop.sleep(PAUSE)
        raise ApiError(f'couldn\'t update PodDisruptionBudget "{name}" due to conflicts')

    async def _evict(self, request: Request, options: Object, pod: Object, sure: bool) -> None:
        """Say in the Pod why it goes, then delete it; ``sure``: only if it is still the same."""
        where = self.pods.kind, request.namespace, request.name
        options = {"kind": "DeleteOptions", "apiVersion": "v1", **options}
        wanted = options.get("preconditions") or {}
        if sure and not wanted.get("resourceVersion"):
            wanted = {**wanted, "resourceVersion": pod["metadata"]["resourceVersion"]}
        if not options.get("dryRun"):
            said = Request("patch", *where, "status", user=ADMIN, agent="kube-apiserver")
            answer = await self._change(said, lambda old: self._condemned(old, wanted))
            if wanted.get("resourceVersion"):
                meta = answer.body["metadata"]
                wanted = {**wanted, "resourceVersion": meta["resourceVersion"]}
        if wanted:
            options["preconditions"] = wanted
        await self._delete(
            Request("delete", *where, body=options, user=request.user, agent=request.agent)
        )

    def _condemned(self, pod: Object, wanted: Object) -> Object:
        for name in ("uid", "resourceVersion"):
            if wanted.get(name) not in (None, "", pod["metadata"][name]):
                raise Conflict.of("Pod", "", pod["metadata"]["name"])
        condition = {
            "type": "DisruptionTarget", "status": "True", "lastProbeTime": None,
            "reason": "EvictionByEvictionAPI", "message": "Eviction API: evicting",
        }  # fmt: skip
        old = pod["status"].get("conditions") or []
        return with_path(
            pod, ("status", "conditions"), set_condition(old, condition, self.pods.now())
        )


def read(request: Request) -> Object:
    """The options of the DELETE that an Eviction asks for; ``BadRequest`` if it makes no sense."""
    body: Any = request.body
    if not isinstance(body, dict) or body.get("kind", "Eviction") != "Eviction":
        raise BadRequest("not a Eviction object")
    if body.get("apiVersion", VERSIONS[0]) not in VERSIONS:
        raise BadRequest(f"unable to recognize the version of the Eviction: {body['apiVersion']}")
    if (body.get("metadata") or {}).get("name") != request.name:
        raise BadRequest("name in URL does not match name in Eviction object")
    options: Object = body.get("deleteOptions") or {}
    asked, tried = options.get("dryRun"), request.query.get("dryRun")
    if asked and tried and asked != [tried]:
        both = f"[{tried}] and [{' '.join(asked)}]"
        raise BadRequest(f"Non-matching dry-run options in request and content: {both}")
    return {**options, "dryRun": [tried]} if tried else options


def without_budget(pod: Object) -> bool:
    """Whether nobody would miss it: it has ended, is going, or never began."""
    phase = pod["status"].get("phase")
    return phase in ("Succeeded", "Failed", "Pending") or "deletionTimestamp" in pod["metadata"]


def spares(budget: Object, pod: Object) -> bool:
    """Whether a budget lets go of a Pod that is not ready and so does not count."""
    if (condition_of(pod, "Ready") or {}).get("status") == "True":
        return False
    if budget["spec"].get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    status = budget.get("status") or {}
    desired = status.get("desiredHealthy", 0)
    return desired > 0 and bool(status.get("currentHealthy", 0) >= desired)


def with_one_less(budget: Object, pod: str, now: str) -> Object:
    """The budget after this eviction; ``TooManyRequests`` if it has none left."""
    name, status = budget["metadata"]["name"], budget.get("status") or {}
    allowed = status.get("disruptionsAllowed", 0)
    on_their_way = status.get("disruptedPods") or {}
    if status.get("observedGeneration", 0) < budget["metadata"].get("generation", 0):
        raise still_processed(name)
    if allowed < 0:
        why = "pdb disruptions allowed is negative"
        raise Forbidden.of("poddisruptionbudget", "policy", name, why)
    if len(on_their_way) > MOST_DISRUPTED:
        why = "DisruptedPods map too big - too many evictions not confirmed by PDB controller"
        raise Forbidden.of("poddisruptionbudget", "policy", name, why)
    if allowed == 0:
        needs = status.get("desiredHealthy", 0)
        has = status.get("currentHealthy", 0)
        raise refused(
            f"The disruption budget {name} needs {needs} healthy pods and has {has} currently"
        )
    status = {
        **status,
        "disruptionsAllowed": allowed - 1,
        "disruptedPods": {**on_their_way, pod: now},
    }
    if allowed == 1:
        status["conditions"] = set_condition(status.get("conditions") or [], allowance(status), now)
    return {**budget, "status": status}


def allowance(status: Object) -> Object:
    """The condition of a budget that says whether a Pod may be evicted.

    >>> allowance({"disruptionsAllowed": 1})["reason"]
    'SufficientPods'
    """
    some = status.get("disruptionsAllowed", 0) > 0
    return {
        "type": "DisruptionAllowed",
        "status": str(some),
        "observedGeneration": status.get("observedGeneration", 0),
        "reason": "SufficientPods" if some else "InsufficientPods",
        "message": "",
    }


_REFUSED = "Cannot evict pod as it would violate the pod's disruption budget."


def refused(why: str, seconds: int = 0) -> TooManyRequests:
    """Not now; whoever asks may ask again."""
    cause = Cause("DisruptionBudget", why, "").as_json()
    wait = {"retryAfterSeconds": seconds} if seconds else {}
    return TooManyRequests(_REFUSED, {"causes": [cause], **wait})


def still_processed(name: str) -> TooManyRequests:
    """The controller has not seen the budget as it is now."""
    return refused(f"The disruption budget {name} is still being processed by the server.", 10)


def _evicted() -> Response:
    status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    return Response(201, {**status, "code": 201})
