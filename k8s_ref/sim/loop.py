"""The loop · 循环

One clock, one heap of things to do, one thread.  Everything in the cluster happens because
the loop took the earliest entry ``(integer nanoseconds, sequence)``; a coroutine that awaits
puts an entry there and is resumed by it.  Same seed, same entries, same trace: always.

Every entry remembers the trace record that led to it (``Loop.cause``), so the question "why
did this happen?" costs nothing to answer later.

Upstream: none; Go's runtime, wall clocks and goroutines stand in its place there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Generator
from heapq import heappop, heappush
from random import Random
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from k8s_ref.sim.trace import Trace

if TYPE_CHECKING:
    from k8s_ref.sim.process import Process

T = TypeVar("T")

Entry: TypeAlias = tuple[int, Callable[..., None], tuple[Any, ...]]
"""Something to do: the cause, the function, its arguments."""

Work: TypeAlias = Coroutine[Any, Any, T] | Callable[[], Coroutine[Any, Any, T]]
"""What a task does.  A function is called at the first step: if that never comes, nothing was
begun, while Python warns of a coroutine that nobody ran."""

SECOND = 1_000_000_000
"""Nanoseconds in a second; the clock counts integer nanoseconds."""

EPOCH = 1_767_225_600
"""2026-01-01T00:00:00Z, the date of virtual second zero unless the caller says otherwise."""

FOREVER = 2**63
PATIENCE = 20_000_000
"""So many steps in one instant mean that something never rests."""


class Crash(BaseException):
    """The process that runs this task dies here; nothing after this line happens."""


class Cancelled(Exception):  # noqa: N818
    """The task somebody awaited was cancelled before it had a result."""


class Future(Generic[T]):
    """A value that will be known later; awaiting it suspends until then."""

    __slots__ = ("_error", "_value", "_waiters", "done", "loop")

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.done = False
        self._value: T | None = None
        self._error: BaseException | None = None
        self._waiters: list[Callable[[], None]] = []

    def resolve(self, value: T) -> None:
        """Give the value; everyone who waits goes on in this instant."""
        self._finish(value, None)

    def fail(self, error: BaseException) -> None:
        """Give an error instead of a value; it is raised where the future is awaited."""
        self._finish(None, error)

    def on_done(self, do: Callable[[], None]) -> None:
        """Call ``do()`` in the instant the value is known."""
        if self.done:
            self.loop.call_soon(do)
        else:
            self._waiters.append(do)

    def result(self) -> T:
        """The value, or the error raised."""
        assert self.done, "a result is asked for before it is known"
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]

    def __await__(self) -> Generator[Any, None, T]:
        if not self.done:
            yield self
        return self.result()

    def _finish(self, value: T | None, error: BaseException | None) -> None:
        if self.done:
            return
        self.done, self._value, self._error = True, value, error
        waiters, self._waiters = self._waiters, []
        for do in waiters:
            self.loop.call_soon(do)


class Task(Future[T]):
    """A running coroutine; also the future of what it returns."""

    __slots__ = ("_coroutine", "_work", "name", "observed", "process")

    def __init__(self, loop: Loop, work: Work[T], name: str, process: Process | None) -> None:
        super().__init__(loop)
        self._work, self.name, self.process = work, name, process
        self._coroutine = None if callable(work) else work
        self.observed = False

    def cancel(self) -> None:
        """Stop the coroutine where it waits; its ``finally`` blocks run."""
        if not self.done:
            if self._coroutine is not None:
                self._coroutine.close()
            self.observed = True
            self.fail(Cancelled(self.name))
            self._leave()

    def step(self) -> None:
        """Run until the coroutine waits for something or ends."""
        if self.done:
            return
        loop = self.loop
        loop.task = self
        if self._coroutine is None:
            assert callable(self._work)
            self._coroutine = self._work()
        try:
            awaited = self._coroutine.send(None)
        except StopIteration as stop:
            self.resolve(stop.value)
            self._leave()
        except (Crash, Exception) as error:
            self._end(error)
            self._leave()
        else:
            if type(awaited) is int:
                loop.call_at(loop.now + awaited, self.step)
            else:
                awaited.on_done(self.step)
        loop.task = None

    def _leave(self) -> None:
        if self.done and self.process is not None:
            self.process.tasks.pop(self, None)

    def _end(self, error: BaseException) -> None:
        """Fail: a crash takes the whole process along, an error nobody awaits stops the run."""
        if isinstance(error, Crash):
            assert self.process is not None, f"{self.name} crashed outside any process"
            self.process.crash(str(error))
        elif isinstance(error, Exception) and not self._waiters and not self.observed:
            self.loop.failures.append(error)
        self.fail(error)


class _Nap(tuple[int]):
    """So many nanoseconds; to await it is to hand them to the loop."""

    __slots__ = ()
    __await__ = tuple.__iter__


class Loop:
    """The only source of time, order and randomness.

    >>> loop = Loop(seed=1)
    >>> async def nap() -> int:
    ...     await loop.sleep(1.5)
    ...     return loop.now
    >>> loop.run_task(nap())
    1500000000
    """

    def __init__(self, seed: int = 0, order: str = "fifo", epoch: int = EPOCH) -> None:
        if order not in ("fifo", "shuffle"):
            raise ValueError(f'order must be "fifo" or "shuffle", got {order!r}')
        self.seed, self.order, self.epoch = seed, order, epoch
        self.now = 0
        self.trace = Trace()
        self.cause = 0
        """Number of the record that led to the present step; 0 where a person did."""
        self.task: Task[Any] | None = None
        self.failures: list[Exception] = []
        self._heap: list[tuple[int, int, Entry]] = []
        self._ready: deque[Entry] = deque()
        self._sequence = 0
        self._streams: dict[str, Random] = {}
        self._shuffler = self.stream("order") if order == "shuffle" else None

    # -- chance and time

    def stream(self, name: str) -> Random:
        """The source of chance of that name: drawing from one never disturbs another, and a
        component that restarts goes on where it was, so that no uid is given twice."""
        if name not in self._streams:
            self._streams[name] = Random(f"{self.seed}/{name}")
        return self._streams[name]

    @property
    def seconds(self) -> float:
        """Virtual seconds since the start, for people; code computes with ``now``."""
        return self.now / SECOND

    @property
    def next_instant(self) -> int | None:
        """When the earliest thing that waits for its time is due, in nanoseconds."""
        return self._heap[0][0] if self._heap else None

    @property
    def busy(self) -> bool:
        """Whether there is something to do in this very instant."""
        return bool(self._ready)

    def sleep(self, seconds: float) -> Awaitable[None]:
        """Wait for so many virtual seconds."""
        return _Nap((round(seconds * SECOND),))  # type: ignore[return-value]

    # -- things to do

    def call_soon(self, do: Callable[..., None], *args: Any) -> None:
        """Call ``do(*args)`` in this instant, after what is already waiting."""
        self._ready.append((self.cause, do, args))

    def call_at(self, when: int, do: Callable[..., None], *args: Any) -> None:
        """Call ``do(*args)`` when the clock shows ``when`` nanoseconds."""
        if when <= self.now:
            self._ready.append((self.cause, do, args))
            return
        self._sequence += 1
        heappush(self._heap, (when, self._sequence, (self.cause, do, args)))

    def call_later(self, seconds: float, do: Callable[..., None], *args: Any) -> None:
        """Call ``do(*args)`` after so many virtual seconds."""
        self.call_at(self.now + round(seconds * SECOND), do, *args)

    def spawn(self, work: Work[T], name: str = "", process: Process | None = None) -> Task[T]:
        """Start a coroutine, or a function that gives one when its turn comes.

        The task belongs to ``process``, or to the process that spawns it.
        """
        if process is None and self.task is not None:
            process = self.task.process
        task = Task(self, work, name or getattr(work, "__name__", "task"), process)
        if process is not None:
            process.tasks[task] = None
        self.call_soon(task.step)
        return task

    def future(self) -> Future[Any]:
        """A future that some other step resolves."""
        return Future(self)

    async def within(self, seconds: float, coroutine: Coroutine[Any, Any, T]) -> T:
        """The result of a coroutine; ``TimeoutError`` if it takes longer, and it is cancelled."""
        task = self.spawn(coroutine)
        task.observed = True
        either = self.future()
        task.on_done(lambda: either.resolve(None))
        self.call_later(seconds, either.resolve, None)
        await either
        if not task.done:
            task.cancel()
            raise TimeoutError(f"{task.name} took longer than {seconds:g} s")
        return task.result()

    # -- running

    def run(self, seconds: float) -> None:
        """Let so many virtual seconds pass."""
        self._run(self.now + round(seconds * SECOND), None)

    def run_until(self, condition: Callable[[], bool], timeout: float) -> bool:
        """Run until the condition holds, at most ``timeout`` seconds; say whether it does."""
        return condition() or self._run(self.now + round(timeout * SECOND), condition)

    def run_task(self, coroutine: Coroutine[Any, Any, T], timeout: float = 1e9) -> T:
        """Run the loop until this coroutine has a result, and return it."""
        task = self.spawn(coroutine)
        task.observed = True
        if not self.run_until(lambda: task.done, timeout):
            task.cancel()
            raise TimeoutError(f"{task.name} did not end within {timeout:g} virtual seconds")
        return task.result()

    def _run(self, deadline: int, condition: Callable[[], bool] | None) -> bool:
        heap, ready = self._heap, self._ready
        while not (stopped := self._run_instant(condition)) and heap and heap[0][0] <= deadline:
            # The earliest instant begins: all its entries are ready at once.
            self.now = now = heap[0][0]
            while heap and heap[0][0] == now:
                ready.append(heappop(heap)[2])
        self.cause, self.now = 0, self.now if stopped else max(self.now, deadline)
        return stopped

    def _run_instant(self, condition: Callable[[], bool] | None) -> bool:
        """Do all that is to be done now; True as soon as the condition holds."""
        ready, failures, shuffler, steps = self._ready, self.failures, self._shuffler, 0
        while ready:
            if shuffler is not None:
                ready.rotate(shuffler.randrange(len(ready)))
            self.cause, do, args = ready.popleft()
            do(*args)
            if failures:
                raise failures.pop(0)
            if condition is not None and condition():
                return True
            steps += 1
            if steps > PATIENCE:
                raise RuntimeError(f"{steps} steps at {self.seconds:.3f} s: something never rests")
        return False

    # -- the trace

    def record(
        self, actor: str, verb: str, subject: str, note: str = "", to: str = "", revision: int = 0
    ) -> int:
        """Write one line of the trace, caused by the present step; return its number."""
        return self.trace.add(self.now, actor, verb, subject, note, to, revision, self.cause)
