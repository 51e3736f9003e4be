"""Adoption · 收养

Whose child is this?  A selector finds children, an owner reference keeps them: an orphan that
the selector matches is adopted, a child it no longer matches is released.  The one idea: of two
controllers with the same selector only one can write the reference, so nobody is fought over.

Upstream: pkg/controller/controller_ref_manager.go
"""

from __future__ import annotations

from collections.abc import Iterable

from k8s_ref.client.client import STRATEGIC, Client
from k8s_ref.client.informer import Informer
from k8s_ref.machinery.errors import ApiError, Conflict, Invalid, NotFound
from k8s_ref.machinery.meta import Object, controller_of, key_of, owner_reference
from k8s_ref.machinery.selectors import Selector, from_label_selector


class Claim:
    """Sorts out, for one owner and one reconcile, which of some objects are its children.

    ``owners`` and ``children`` are resources: ``replicasets`` and ``pods``.
    """

    def __init__(
        self, api: Client, owners: str, owner: Object, children: str, selector: Selector
    ) -> None:
        self.api, self.owners, self.owner = api, owners, owner
        self.children, self.selector = children, selector
        self._may_adopt = False

    async def of(self, candidates: Iterable[Object]) -> list[Object]:
        """The owner's children among the candidates, the new ones as they are after adoption.

        A candidate that cannot be settled does not hold up the others; its error comes last.
        """
        claimed, failures = [], []
        for obj in candidates:
            verdict = judge(self.owner, obj, self.selector)
            try:
                if verdict == "keep":
                    claimed.append(obj)
                elif verdict == "release":
                    await self._release(obj)
                elif verdict == "adopt" and (adopted := await self._adopt(obj)) is not None:
                    claimed.append(adopted)
            except (ApiError, TimeoutError) as error:
                failures.append(error)
        if failures:
            raise failures[0]
        return claimed

    async def _adopt(self, obj: Object) -> Object | None:
        await self._check_owner()
        references = [owner_reference(self.owner)]
        change = {"metadata": {"ownerReferences": references, "uid": obj["metadata"]["uid"]}}
        try:
            key = key_of(obj)
            return await self.api.patch(self.children, key, change, content_type=STRATEGIC)
        except NotFound:
            return None

    async def _release(self, obj: Object) -> None:
        gone = {"$patch": "delete", "uid": self.owner["metadata"]["uid"]}
        change = {"metadata": {"ownerReferences": [gone], "uid": obj["metadata"]["uid"]}}
        try:
            await self.api.patch(self.children, key_of(obj), change, content_type=STRATEGIC)
        except (NotFound, Invalid, Conflict):
            # Deleted, or deleted and made again under the same name: not ours in any case.
            return

    async def _check_owner(self) -> None:
        """Ask the server, not the cache, before the first adoption: an owner that is gone or
        going must not take children along."""
        if self._may_adopt:
            return
        meta = self.owner["metadata"]
        fresh = (await self.api.get(self.owners, key_of(self.owner)))["metadata"]
        what = f"{self.owner['kind']} {meta['namespace']}/{meta['name']}"
        if fresh["uid"] != meta["uid"]:
            raise Conflict(f"original {what} is gone: got uid {fresh['uid']}, wanted {meta['uid']}")
        if "deletionTimestamp" in fresh:
            raise Conflict(f"{what} has just been deleted at {fresh['deletionTimestamp']}")
        self._may_adopt = True


def judge(owner: Object, obj: Object, selector: Selector) -> str:
    """What to do with a candidate: ``keep``, ``adopt``, ``release`` or ``ignore`` it.

    An owner that is being deleted neither adopts nor releases.
    """
    controller, meta = controller_of(obj), obj["metadata"]
    matches = selector.matches(meta.get("labels") or {})
    going = "deletionTimestamp" in owner["metadata"]
    if controller is None:
        free = matches and "deletionTimestamp" not in meta
        same = meta.get("namespace") == owner["metadata"].get("namespace")
        return "adopt" if free and same and not going else "ignore"
    if controller["uid"] != owner["metadata"]["uid"]:
        return "ignore"
    if matches:
        return "keep"
    return "ignore" if going else "release"


def selecting(owners: Informer, orphan: Object) -> list[str]:
    """The keys of those in the orphan's namespace that may adopt it."""
    meta = orphan["metadata"]
    return sorted(
        key
        for key, owner in owners.objects.items()
        if owner["metadata"]["namespace"] == meta["namespace"]
        and from_label_selector(owner["spec"]["selector"]).matches(meta.get("labels"))
    )
