"""The trace · 轨迹

What happened, one record a line: who did what to which object, when, and because of which
earlier record.  Every picture, every "why?" and every test of an order reads this one tree.
Verbs come from one closed list, so a trace reads aloud in both languages.

Upstream: none; audit log, component logs and OpenTelemetry spans cover parts of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, overload

VERBS: dict[str, str] = {
    "create": "创建",
    "update": "更新",
    "patch": "修补",
    "status": "写状态",
    "bind": "绑定",
    "delete": "删除",
    "refuse": "拒绝",
    "call": "询问",
    "enqueue": "入队",
    "filter": "过滤",
    "score": "打分",
    "select": "选定",
    "unfit": "放不下",
    "preempt": "抢占",
    "assume": "暂记",
    "expect": "缺口",
    "scale": "扩缩",
    "sandbox": "建沙箱",
    "pull": "拉镜像",
    "container": "建容器",
    "start": "启动",
    "exit": "退出",
    "kill": "终止",
    "probe": "探测",
    "stream": "接通",
    "remove": "移除",
    "backoff": "退避",
    "taint": "改 taint",
    "evict": "驱逐",
    "heartbeat": "心跳",
    "retry": "重试",
    "relist": "重新列举",
    "crash": "崩溃",
    "restart": "重启",
    "delay": "延迟",
    "lose": "丢失",
    "repeat": "重复",
    "cut": "切断",
    "partition": "隔离",
    "heal": "恢复连通",
}
"""Every verb a record may use, with its Chinese gloss."""

LIMIT = 200_000
"""So many records are kept; the oldest half is forgotten when there are more."""


class Record(NamedTuple):
    """One line of the trace."""

    number: int
    at: int
    """Virtual nanoseconds."""
    actor: str
    verb: str
    subject: str
    """``resource/key`` for API objects, otherwise a plain name."""
    note: str
    to: str
    """Who was asked to do it; empty for a decision of the actor's own."""
    revision: int
    """The store's revision this write produced, or 0."""
    cause: int
    """Number of the record that led to this one, or 0."""

    def __str__(self) -> str:
        line = f"{self.at / 1e9:9.3f}s  {self.actor:<23} {self.verb:<9} {self.subject}"
        return f"{line}  {self.note}" if self.note else line

    def __repr__(self) -> str:
        return str(self)


class Trace(Sequence[Record]):
    """A bounded sequence of records; slices and selections are traces too.

    >>> trace = Trace()
    >>> trace.add(0, "kubectl", "create", "pods/default/web")
    1
    >>> trace
        0.000s  kubectl                 create    pods/default/web
    """

    def __init__(self, records: Iterable[Record] = (), source: Trace | None = None) -> None:
        self._records = list(records)
        self._source = source
        """The whole trace this one was cut from: causes are looked up there."""
        self._forgotten = 0
        self._by_revision: dict[int, int] = {}
        self.heartbeats: dict[str, int] = {}
        """Heartbeats are counted, not recorded one by one, after the first of each actor."""

    def add(
        self,
        at: int,
        actor: str,
        verb: str,
        subject: str,
        note: str = "",
        to: str = "",
        revision: int = 0,
        cause: int = 0,
    ) -> int:
        """Append a record; returns its number."""
        assert verb in VERBS, f"{verb!r} is not a verb of the trace: add it to VERBS with its gloss"
        number = self._forgotten + len(self._records) + 1
        if verb == "heartbeat":
            self.heartbeats[actor] = self.heartbeats.get(actor, 0) + 1
            if self.heartbeats[actor] > 1:
                return cause
        self._records.append(Record(number, at, actor, verb, subject, note, to, revision, cause))
        if revision:
            self._by_revision[revision] = number
        if len(self._records) > LIMIT:
            self._forget()
        return number

    def also(self, revision: int, written_with: int) -> None:
        """Let the record that wrote one revision stand for another it wrote on the way."""
        self._by_revision[revision] = self.number_of(written_with)

    def number_of(self, revision: int) -> int:
        """The record that wrote this revision of the store, or 0 if none is remembered."""
        return self._by_revision.get(revision, 0)

    def get(self, number: int) -> Record | None:
        """The record of that number, if it is still remembered."""
        if self._source is not None:
            return self._source.get(number)
        index = number - self._forgotten - 1
        return self._records[index] if 0 <= index < len(self._records) else None

    def select(
        self, actor: str = "", verb: str = "", subject: str = "", since: float = 0.0
    ) -> Trace:
        """Records whose actor, verb and subject contain these texts, from ``since`` seconds on."""
        return self._cut(
            r
            for r in self._records
            if actor in r.actor
            and (not verb or verb == r.verb)
            and subject in r.subject
            and r.at >= since * 1e9
        )

    def without(self, *prefixes: str) -> Trace:
        """Records whose subject begins with none of these."""
        return self._cut(r for r in self._records if not r.subject.startswith(prefixes))

    def why(self, record: Record | int) -> Trace:
        """The chain of causes from the first record to this one."""
        chain: list[Record] = []
        number = record if isinstance(record, int) else record.number
        while (found := self.get(number)) is not None:
            chain.append(found)
            number = found.cause
        return self._cut(reversed(chain))

    def _cut(self, records: Iterable[Record]) -> Trace:
        return Trace(records, self._source or self)

    def _forget(self) -> None:
        half = len(self._records) // 2
        for record in self._records[:half]:
            self._by_revision.pop(record.revision, None)
        del self._records[:half]
        self._forgotten += half

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> Trace: ...
    def __getitem__(self, index: int | slice) -> Record | Trace:
        if isinstance(index, slice):
            return self._cut(self._records[index])
        return self._records[index]

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)

    def __repr__(self) -> str:
        return "\n".join(map(str, self._records))
