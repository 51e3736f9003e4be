"""Lists and watches · 列举与监听

What a caller may ask about many objects: which of them, as of which version, how many at a time.
The one idea: all pages of one list are cut from one revision of the store, and the token between
two pages is that revision and the key to go on from; when the store has forgotten it, the caller
may begin again, or go on knowing that the pages no longer fit together.

Upstream: staging/src/k8s.io/apiserver/pkg/storage/continue.go, etcd3/store.go (GetList),
apimachinery/pkg/apis/meta/internalversion/validation/validation.go
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from functools import lru_cache

from k8s_ref.apiserver.options import number
from k8s_ref.apiserver.request import Request
from k8s_ref.apiserver.storage import Storage, path_of
from k8s_ref.apiserver.strategy import FIELDS, selectable
from k8s_ref.apiserver.watchcache import Selector, Watch, WatchCache, decode, everything
from k8s_ref.etcd.mvcc import Compacted
from k8s_ref.machinery import selectors
from k8s_ref.machinery.errors import (
    ApiError,
    BadRequest,
    Cause,
    Expired,
    Invalid,
    Timeout,
    forbidden,
    invalid,
    not_supported,
    show,
)
from k8s_ref.machinery.kinds import Kind
from k8s_ref.machinery.meta import Object

LATEST = -1
"""The revision in the token of a list that no longer fits together: whatever there is now."""

_NO_SNAPSHOT = (
    "The provided continue parameter is too old to display a consistent list result. You can start"
    " a new list without the continue parameter, or use the continue token in this response to"
    " retrieve the remainder of the results. Continuing with the provided token results in an"
    " inconsistent list - objects that were created, modified, or deleted between the time the"
    " first chunk was returned and now may show up in the list."
)


class Lister:
    """Reads of one resource that are about more than one object."""

    def __init__(self, kind: Kind, storage: Storage, cache: WatchCache, triggered: bool) -> None:
        self.kind, self.storage, self.cache, self.triggered = kind, storage, cache, triggered
        self._selectable = selectable(kind)

    async def find(self, request: Request) -> Object:
        """The objects that the selectors let pass, all or one page of them."""
        selector, _ = self.selector(request)
        metadata: Object = {"resourceVersion": str(self.storage.revision)}
        if not _ASKS.isdisjoint(request.query):
            items = await self._part(request, selector, metadata)
        else:
            items = self._cached(request, selector)
        return {
            "kind": f"{self.kind.kind}List",
            "apiVersion": self.kind.api_version,
            "metadata": metadata,
            "items": items,
        }

    def watch(self, request: Request) -> Watch:
        """Events after ``resourceVersion``; without one (or 0) first ADDED for all there is."""
        query = request.query
        for name in _NUMBERS:
            if query.get(name):
                number(query[name])
        _refuse(_watch_causes(query))
        version = parse_version(query.get("resourceVersion", ""))
        selector, value = self.selector(request)
        initial = query.get("sendInitialEvents") == "true"
        watch = self.cache.watch(None if initial else version or None, selector, value)
        if initial and query.get("allowWatchBookmarks") in ("true", "1"):
            watch.bookmark(self.kind, max(self.storage.revision, version), initial=True)
        return watch

    def selector(self, request: Request) -> tuple[Selector, str | None]:
        """Which objects the request means, and the value of the trigger field if it names one."""
        query, namespace = request.query, request.namespace
        if not ("labelSelector" in query or "fieldSelector" in query):
            return _inside(namespace) if namespace else everything, None
        try:
            labels = selectors.parse_labels(query.get("labelSelector", ""))
            fields = selectors.parse_fields(query.get("fieldSelector", ""))
        except ValueError as error:
            raise BadRequest(str(error)) from None
        for field, *_ in fields.terms:
            if field not in self._selectable:
                raise BadRequest(_unknown(self.kind, field))

        def selected(obj: Object) -> bool:
            return (
                (not namespace or obj["metadata"].get("namespace") == namespace)
                and labels.selects(obj)
                and fields.selects(obj)
            )

        only_fields = not (namespace or "labelSelector" in query)
        value = fields.exact("spec.nodeName") if self.triggered else None
        return fields.selects if only_fields else selected, value

    def check_version(self, version: str) -> None:
        """Refuse a version that has not happened yet, as a cache that cannot wait for it."""
        asked = parse_version(version)
        if asked > self.storage.revision:
            why = f"Too large resource version: {asked}, current: {self.storage.revision}"
            cause = Cause("ResourceVersionTooLarge", "Too large resource version", "")
            raise Timeout.of(why, 1, [cause])

    # -- pages

    def _cached(self, request: Request, selector: Selector) -> list[Object]:
        prefix = f"{request.namespace}/" if request.namespace else ""
        return [obj for obj in self.cache.sorted(prefix) if selector(obj)]

    async def _part(self, request: Request, selector: Selector, metadata: Object) -> list[Object]:
        """One page, or an old version, of the list; says in ``metadata`` how to go on."""
        query, limit = request.query, _check_list(request.query)
        token, version = query.get("continue", ""), query.get("resourceVersion", "")
        exact = query.get("resourceVersionMatch") == "Exact"
        start, revision = "", 0
        if token:
            start, revision = decode_token(token)
            self.check_version(str(max(revision, 0)))
            if version not in ("", "0"):
                problem = "specifying resource version is not allowed when using continue"
                raise BadRequest(problem)
        elif version:
            self.check_version(version)
            # A list from the cache has no pages; a page of a version is cut from that version.
            limit = 0 if version == "0" else limit
            revision = int(version) if exact or limit else 0
        if not (limit or token or exact):
            return self._cached(request, selector)
        metadata["resourceVersion"] = str(revision if revision > 0 else self.storage.revision)
        return await self._page(request, selector, start, revision, limit, metadata)

    async def _page(
        self,
        request: Request,
        selector: Selector,
        start: str,
        revision: int,
        limit: int,
        metadata: Object,
    ) -> list[Object]:
        root = path_of(self.kind, f"{request.namespace}/" if request.namespace else "")
        try:
            found = await self.storage.etcd.range(root, root + start, revision=max(revision, 0))
        except Compacted:
            raise _forgotten(start) from None
        items: list[Object] = []
        for index, kv in enumerate(found.kvs):
            obj = decode(kv)
            if not selector(obj):
                continue
            if limit and len(items) == limit:
                last = path_of(self.kind, _key(items[-1])).removeprefix(root)
                snapshot = revision or int(metadata["resourceVersion"])
                metadata["continue"] = encode_token(last + "\0", snapshot)
                if not ("labelSelector" in request.query or "fieldSelector" in request.query):
                    metadata["remainingItemCount"] = len(found.kvs) - index
                break
            items.append(obj)
        return items


@lru_cache(1024)
def _inside(namespace: str) -> Selector:
    return lambda obj: obj["metadata"].get("namespace") == namespace


_ASKS = frozenset((
    "limit", "continue", "resourceVersion", "resourceVersionMatch", "sendInitialEvents",
    "timeoutSeconds",
))  # fmt: skip
"""What of the query makes a list more than all there is now."""


def _key(obj: Object) -> str:
    namespace = obj["metadata"].get("namespace")
    name: str = obj["metadata"]["name"]
    return f"{namespace}/{name}" if namespace else name


def encode_token(start: str, revision: int) -> str:
    """The token with which a list goes on: opaque to callers, JSON to us.

    >>> decode_token(encode_token("web", 7))
    ('web', 7)
    """
    token = json.dumps(
        {"v": "meta.k8s.io/v1", "rv": revision, "start": start}, separators=(",", ":")
    )
    return base64.urlsafe_b64encode(token.encode()).decode().rstrip("=")


def decode_token(token: str) -> tuple[str, int]:
    """The key to go on from and the revision; ``BadRequest`` if this never was a token."""
    begin = "invalid continue token: continue key is not valid"
    try:
        if len(token) % 4 == 1:
            raise binascii.Error
        text = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError):
        place = len(token) - 1
        raise BadRequest(f"{begin}: illegal base64 data at input byte {place}") from None
    try:
        found = json.loads(text)
        start, revision = found.get("start", ""), found.get("rv", 0)
        if not isinstance(start, str) or type(revision) is not int:
            raise TypeError
    except (ValueError, AttributeError, TypeError):
        problem = f"invalid character '{chr((text or b' ')[0])}' looking for beginning of value"
        raise BadRequest(f"{begin}: {problem}") from None
    # Nobody climbs out of the keys of his resource.
    if not start or {"", ".", ".."}.intersection(start.removeprefix("/").split("/")):
        raise BadRequest(f"{begin}: {start}")
    return start, revision


def _forgotten(start: str) -> Expired:
    if not start:
        return Expired("The resourceVersion for the provided list is too old.")
    return Expired(_NO_SNAPSHOT, metadata={"continue": encode_token(start, LATEST)})


# -- options


def parse_version(text: str) -> int:
    """A version somebody asks for; 0 is any.  Refused in the words of Go's parser."""
    if not text:
        return 0
    if (problem := _unreadable(text)) is not None:
        raise ApiError(str(problem))
    return int(text)


def _unreadable(text: str) -> Cause | None:
    if not (text.isascii() and text.isdigit()):
        why = "invalid syntax"
    elif len(text) > 40 or int(text) >= 2**64:
        why = "value out of range"
    else:
        return None
    problem = f"strconv.ParseUint: parsing {show(text)}: {why}"
    return invalid("resourceVersion", text, problem)


_NUMBERS = ("limit", "timeoutSeconds")


def _check_list(query: Mapping[str, str]) -> int:
    """The limit of a list whose other options make sense."""
    limits = [number(query[name]) for name in _NUMBERS if query.get(name)]
    _refuse(_list_causes(query))
    version = query.get("resourceVersion", "")
    if version and (problem := _unreadable(version)) is not None:
        raise BadRequest(f"invalid resource version: {problem}")
    return max(limits[0], 0) if query.get("limit") else 0


def _list_causes(query: Mapping[str, str]) -> Iterator[Cause]:
    match, version = query.get("resourceVersionMatch", ""), query.get("resourceVersion", "")
    if query.get("sendInitialEvents"):
        yield forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list")
    if not match:
        return
    name = "resourceVersionMatch"
    if query.get("continue"):
        yield forbidden(name, f"{name} is forbidden when continue is provided")
    if not version:
        yield forbidden(name, f"{name} is forbidden unless resourceVersion is provided")
    if match not in ("Exact", "NotOlderThan"):
        yield not_supported(name, match, ("Exact", "NotOlderThan", ""))
    if match == "Exact" and version == "0":
        yield forbidden(name, f'{name} "exact" is forbidden for resourceVersion "0"')


def _watch_causes(query: Mapping[str, str]) -> Iterator[Cause]:
    name, match = "resourceVersionMatch", query.get("resourceVersionMatch", "")
    if query.get("continue"):
        yield forbidden(name, f"{name} is forbidden when continue is provided")
    if not query.get("sendInitialEvents"):
        if match:
            why = f"{name} is forbidden for watch unless sendInitialEvents is provided"
            yield forbidden(name, why)
    elif match != "NotOlderThan":
        yield forbidden(name, f"sendInitialEvents requires setting {name} to NotOlderThan")
        if match:
            yield not_supported(name, match, ("NotOlderThan",))


def _refuse(causes: Iterator[Cause]) -> None:
    found = list(causes)
    if found:
        raise Invalid.of("ListOptions", "meta.k8s.io", "", found)


def _unknown(kind: Kind, field: str) -> str:
    if kind.resource in FIELDS or kind.definition is not None:
        return f"field label not supported: {field}"
    only = '"metadata.name", "metadata.namespace"'
    return f"{show(field)} is not a known field selector: only {only}"
