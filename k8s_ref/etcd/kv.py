"""Key-value requests · 键值请求

What etcd lets anybody ask: ranges with order and filters, puts that keep or change a value,
deletions of whole ranges, transactions with a branch for success and one for failure.  The one
idea: a request is a record, checked whole before it changes anything; the store underneath only
knows how to read at a revision and how to change keys in one.

Upstream: etcd server/etcdserver/txn/txn.go, server/etcdserver/api/v3rpc/key.go
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from k8s_ref.etcd.mvcc import LAST, Delete, KeyValue, Put, Store

MAX_OPERATIONS = 128
"""So many operations one transaction may have, in each part."""

FROM_KEY = "\0"
"""As the end of a range: every key from the first one on."""


class RequestError(ValueError):
    """etcd refuses the request, and nothing was changed; mend it before asking again."""

    def __init__(self, why: str) -> None:
        super().__init__(f"etcdserver: {why}")


class RangeRequest(NamedTuple):
    """Read a key, or all keys from ``key`` to before ``end``; zeros and blanks ask for nothing."""

    key: str
    end: str = ""
    limit: int = 0
    revision: int = 0
    sort_order: str = ""
    """``"ascend"``, ``"descend"`` or nothing, which is the order of the keys."""
    sort_target: str = "key"
    """``"key"``, ``"version"``, ``"create_revision"``, ``"mod_revision"`` or ``"value"``."""
    keys_only: bool = False
    count_only: bool = False
    min_mod_revision: int = 0
    max_mod_revision: int = 0
    min_create_revision: int = 0
    max_create_revision: int = 0


class PutRequest(NamedTuple):
    """Give a key a value and a lease, or change one of them and leave the other as it is."""

    key: str
    value: Any = None
    lease: int = 0
    ignore_value: bool = False
    ignore_lease: bool = False


class DeleteRangeRequest(NamedTuple):
    """Remove a key, or all keys from ``key`` to before ``end``."""

    key: str
    end: str = ""


class Condition(NamedTuple):
    """What must hold of a key: ``Condition("/a", "version", ">", 2)``; absent, all are 0."""

    key: str
    target: str
    """``"version"``, ``"create_revision"``, ``"mod_revision"``, ``"value"`` or ``"lease"``."""
    result: str
    """``"="``, ``"!="``, ``"<"`` or ``">"``."""
    operand: Any


class RangeResponse(NamedTuple):
    """The page, whether the limit cut it off, and how many keys the range holds in all."""

    kvs: list[KeyValue]
    more: bool
    total: int


class PutResponse(NamedTuple):
    """What the key held before."""

    previous: KeyValue | None


class DeleteRangeResponse(NamedTuple):
    """What was removed."""

    previous: list[KeyValue]


class TxnResponse(NamedTuple):
    """Which branch was taken, and the answer of each of its operations."""

    succeeded: bool
    responses: list[RangeResponse | PutResponse | DeleteRangeResponse]


Operation = RangeRequest | PutRequest | DeleteRangeRequest
Answer = RangeResponse | PutResponse | DeleteRangeResponse

RESULTS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}


class KV:
    """The requests of one store.  Every method raises ``RequestError`` for what etcd refuses.

    >>> kv = KV(Store())
    >>> _ = kv.put(PutRequest("/a", 1)), kv.put(PutRequest("/b", 2))
    >>> [one.key for one in kv.range(RangeRequest("/a", FROM_KEY, sort_order="descend")).kvs]
    ['/b', '/a']
    """

    def __init__(self, store: Store) -> None:
        self.store = store

    def range(self, request: RangeRequest) -> RangeResponse:
        """Read, now or at a revision that is not compacted."""
        _check_key(request)
        return self._range(request)

    def put(self, request: PutRequest) -> PutResponse:
        """Write one key in a revision of its own."""
        (answer,) = self.txn((), (request,)).responses
        assert isinstance(answer, PutResponse), "a put is answered as a put"
        return answer

    def delete_range(self, request: DeleteRangeRequest) -> DeleteRangeResponse:
        """Remove keys in one revision; none is spent if there are none."""
        (answer,) = self.txn((), (request,)).responses
        assert isinstance(answer, DeleteRangeResponse), "a deletion is answered as a deletion"
        return answer

    def txn(
        self,
        conditions: Sequence[Condition],
        success: Sequence[Operation],
        failure: Sequence[Operation] = (),
    ) -> TxnResponse:
        """If every condition holds the first branch, otherwise the other, in one revision."""
        for part in (conditions, success, failure):
            if len(part) > MAX_OPERATIONS:
                raise RequestError("too many operations in txn request")
            for one in part:
                _check_key(one)
        for branch in (success, failure):
            _check_duplicates(branch)
        succeeded = all(self._holds(condition) for condition in conditions)
        branch = success if succeeded else failure
        for op in branch:
            self._check(op)
        answers = [self._do(op) for op in branch]
        self.store.commit()
        return TxnResponse(succeeded, answers)

    def _holds(self, condition: Condition) -> bool:
        found = self.store.get(condition.key)
        if found is None and condition.target == "value":
            return False
        value = getattr(found, condition.target) if found else 0
        return RESULTS[condition.result](value, condition.operand)

    def _check(self, op: Operation) -> None:
        """Whatever would fail fails before the first change."""
        if isinstance(op, RangeRequest):
            self.store.check(op.revision)
        elif isinstance(op, PutRequest):
            if op.ignore_value and op.value is not None:
                raise RequestError("value is provided")
            if op.ignore_lease and op.lease:
                raise RequestError("lease is provided")
            if (op.ignore_value or op.ignore_lease) and self.store.get(op.key) is None:
                raise RequestError("key not found")
            self.store.check_lease(Put(op.key, op.value, op.lease))

    def _do(self, op: Operation) -> Answer:
        if isinstance(op, RangeRequest):
            return self._range(op)
        if isinstance(op, PutRequest):
            old = self.store.get(op.key)
            value = old.value if old and op.ignore_value else op.value
            lease = old.lease if old and op.ignore_lease else op.lease
            return PutResponse(self.store.change(Put(op.key, value, lease)))
        there = self.store.interval(*_interval(op))
        for kv in there:
            self.store.change(Delete(kv.key))
        return DeleteRangeResponse(there)

    def _range(self, request: RangeRequest) -> RangeResponse:
        found = self.store.interval(*_interval(request), request.revision)
        if request.count_only:
            return RangeResponse([], False, len(found))
        kvs = [kv for kv in found if _wanted(kv, request)]
        if request.sort_order or request.sort_target != "key":
            kvs.sort(
                key=operator.attrgetter(request.sort_target),
                reverse=request.sort_order == "descend",
            )
        more = 0 < request.limit < len(kvs)
        kvs = kvs[: request.limit] if more else kvs
        if request.keys_only:
            kvs = [kv._replace(value=None) for kv in kvs]
        return RangeResponse(kvs, more, len(found))


def _interval(request: RangeRequest | DeleteRangeRequest) -> tuple[str, str]:
    """The first key and the end; one key alone is the range up to its next neighbour."""
    if request.end == FROM_KEY:
        return request.key, LAST
    return request.key, request.end or request.key + "\0"


def _wanted(kv: KeyValue, request: RangeRequest) -> bool:
    highest_mod = request.max_mod_revision or kv.mod_revision
    highest_create = request.max_create_revision or kv.create_revision
    return (
        request.min_mod_revision <= kv.mod_revision <= highest_mod
        and request.min_create_revision <= kv.create_revision <= highest_create
    )


def _check_key(request: Operation | Condition) -> None:
    if not request.key:
        raise RequestError("key is not provided")


def _check_duplicates(branch: Sequence[Operation]) -> None:
    """Two changes of one key in one revision would have no order."""
    puts = [op.key for op in branch if isinstance(op, PutRequest)]
    if len(puts) != len(set(puts)) or any(_covered(puts, branch)):
        raise RequestError("duplicate key given in txn request")


def _covered(puts: list[str], branch: Sequence[Operation]) -> Iterator[bool]:
    for op in branch:
        if isinstance(op, DeleteRangeRequest):
            first, end = _interval(op)
            yield any(first <= key < end for key in puts)
