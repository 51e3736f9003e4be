"""SPDY · SPDY 帧

Many streams over one connection, the way they were before HTTP/2: control frames open a stream
and say its headers, data frames carry its bytes.  Kubernetes has kept it for ``port-forward``, now
inside WebSocket messages, and for the ``exec`` of old clients.  The one idea: whoever gives bytes
and takes bytes can carry it, so nothing here knows a socket.

Upstream: github.com/moby/spdystream; SPDY Protocol, Draft 3.1;
kubelet/pkg/cri/streaming/remotecommand/httpstream.go, portforward/httpstream.go
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
import zlib
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Protocol, TypeVar

from k8s_ref.apiserver.streams import Forwarding, Pipe, Session

T = TypeVar("T")

SYN_STREAM, SYN_REPLY, RST_STREAM, PING, WINDOW_UPDATE = 1, 2, 3, 6, 9
CONTROL, FIN = 0x8003_0000, 0x01
UNREAD = 64
"""So many pieces of a stream wait to be read before the connection is stopped."""


class Bridge(Protocol):
    """The way from sockets to the cluster's loop."""

    async def perform(self, work: Coroutine[Any, Any, T]) -> T:
        """What a coroutine of the loop returns."""


async def put(pipe: Pipe, data: bytes | None) -> None:
    """Put bytes into a pipe and wait for whoever reads it; None ends it."""
    if data is None:
        pipe.close()
    else:
        pipe.write(data)
        await pipe.drain()


@cache
def dictionary() -> bytes:
    """What both sides know before the first header is compressed.

    >>> hex(zlib.adler32(dictionary()))
    '0xe3c6a7c2'
    """
    *words, rest = files("k8s_ref.edge").joinpath("spdy.txt").read_text("ascii").splitlines()
    return b"".join(_sized(word) for word in words) + rest.encode()


class Channel:
    """One stream that the client opened."""

    def __init__(self, connection: SPDY, number: int, headers: Mapping[str, str]) -> None:
        self.connection, self.number, self.headers = connection, number, headers
        self.received: asyncio.Queue[bytes | None] = asyncio.Queue(UNREAD)

    async def read(self) -> bytes | None:
        """The next bytes; None once the client has no more."""
        return await self.received.get()

    async def send(self, data: bytes, last: bool = False) -> None:
        """Send bytes, perhaps the last ones."""
        head = struct.pack(">II", self.number, (FIN << 24 if last else 0) | len(data))
        await self.connection.write(head + data)


class SPDY:
    """The server's end of a connection."""

    def __init__(
        self, write: Callable[[bytes], Awaitable[None]], opened: Callable[[Channel], None]
    ) -> None:
        """``opened`` is told of every stream the client opens."""
        self.write, self.opened = write, opened
        self.channels: dict[int, Channel] = {}
        self._buffer = b""
        self._inflate = zlib.decompressobj(zdict=dictionary())
        self._deflate = zlib.compressobj(zdict=dictionary())

    async def feed(self, data: bytes) -> None:
        """Take bytes that came; frames may be cut anywhere."""
        self._buffer += data
        while len(self._buffer) >= 8:
            first, second = struct.unpack_from(">II", self._buffer)
            end = 8 + (second & 0xFFFFFF)
            if len(self._buffer) < end:
                return
            payload, self._buffer = self._buffer[8:end], self._buffer[end:]
            last = bool(second >> 24 & FIN)
            if first & 0x8000_0000:
                await self._control(first & 0xFFFF, payload, last)
            else:
                await self._data(first, payload, last)

    async def _control(self, kind: int, payload: bytes, last: bool) -> None:
        if kind == PING:
            await self._send_control(PING, payload)
        elif kind in (SYN_STREAM, RST_STREAM):
            number = struct.unpack_from(">I", payload)[0] & 0x7FFF_FFFF
            if kind == SYN_STREAM:
                channel = Channel(self, number, self._headers(payload[10:]))
                self.channels[number] = channel
                await self._send_control(SYN_REPLY, struct.pack(">I", number) + self._no_headers())
                self.opened(channel)
            if (last or kind == RST_STREAM) and number in self.channels:
                await self.channels.pop(number).received.put(None)

    async def _data(self, number: int, payload: bytes, last: bool) -> None:
        channel = self.channels.get(number)
        if payload:
            await self._send_control(WINDOW_UPDATE, struct.pack(">II", number, len(payload)))
        if channel is not None:
            if payload:
                await channel.received.put(payload)
            if last:
                del self.channels[number]
                await channel.received.put(None)

    async def _send_control(self, kind: int, payload: bytes) -> None:
        await self.write(struct.pack(">II", CONTROL | kind, len(payload)) + payload)

    def _headers(self, block: bytes) -> dict[str, str]:
        """Names and values, each with its length before it."""
        raw, found, at = self._inflate.decompress(block), [], 4
        for _ in range(2 * struct.unpack_from(">I", raw)[0]):
            (length,) = struct.unpack_from(">I", raw, at)
            found.append(raw[at + 4 : at + 4 + length].decode())
            at += 4 + length
        return dict(zip(map(str.lower, found[::2]), found[1::2], strict=True))

    def _no_headers(self) -> bytes:
        return self._deflate.compress(b"\0\0\0\0") + self._deflate.flush(zlib.Z_SYNC_FLUSH)


def _sized(text: str) -> bytes:
    return struct.pack(">I", len(text)) + text.encode()


# -- what flows through the streams

Write = Callable[[bytes], Awaitable[None]]


class Speaker:
    """Speaks SPDY with one client about one thing; a task for everything that flows."""

    def __init__(self, write: Write, bridge: Bridge) -> None:
        self.spdy, self.bridge = SPDY(write, self.opened), bridge
        self.over = asyncio.Event()
        """Set when this side is done."""
        self.tasks: set[asyncio.Task[None]] = set()

    def opened(self, channel: Channel) -> None:
        """The client opened a stream."""
        raise NotImplementedError

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something beside the rest."""
        task = asyncio.ensure_future(_unless_gone(work))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def stop(self) -> None:
        """The client has gone."""
        for task in list(self.tasks):
            task.cancel()

    async def give(self, channel: Channel, pipe: Pipe) -> None:
        """What the client sends goes into a pipe, to its end."""
        while (data := await channel.read()) is not None:
            await self.bridge.perform(put(pipe, data))
        await self.bridge.perform(put(pipe, None))

    async def send(self, pipe: Pipe, channel: Channel) -> None:
        """What comes out of a pipe goes to the client, to its end."""
        while (data := await self.bridge.perform(pipe.read())) is not None:
            await channel.send(data)
        await channel.send(b"", last=True)


async def _unless_gone(work: Coroutine[Any, Any, None]) -> None:
    with contextlib.suppress(ConnectionResetError):
        await work


class Ports(Speaker):
    """``portforward``: two streams for every connection, one of them for an error."""

    def __init__(self, write: Write, bridge: Bridge, forwarding: Forwarding) -> None:
        super().__init__(write, bridge)
        self.forwarding = forwarding
        self._errors: dict[str, Channel] = {}

    def opened(self, channel: Channel) -> None:
        """The second stream of a connection begins it."""
        request = channel.headers.get("requestid", "")
        if channel.headers.get("streamtype") == "error":
            self._errors[request] = channel
        elif request in self._errors:
            self.begin(self._forward(channel, self._errors.pop(request)))

    async def _forward(self, channel: Channel, error: Channel) -> None:
        try:
            port = int(channel.headers["port"])
            connection = await self.bridge.perform(self.forwarding.connect(port))
        except ConnectionRefusedError as refused:
            await error.send(str(refused).encode(), last=True)
            await channel.send(b"", last=True)
            return
        self.begin(self.give(channel, connection.upward))
        await self.send(connection.downward, channel)
        await error.send(b"", last=True)


class Command(Speaker):
    """``exec`` and ``attach``: a stream for each channel that was asked for."""

    def __init__(self, write: Write, bridge: Bridge, session: Session) -> None:
        super().__init__(write, bridge)
        self.session = session
        tty = session.options.get("tty")
        asked = {name for name in ("stdin", "stdout", "stderr") if session.options.get(name)}
        self.missing = asked | {"error"} | ({"resize"} if tty else set())
        self.missing -= {"stderr"} if tty else set()
        self._channels: dict[str, Channel] = {}

    def opened(self, channel: Channel) -> None:
        """When the last stream is there, everything begins to flow."""
        name = channel.headers.get("streamtype", "")
        self._channels[name] = channel
        self.missing.discard(name)
        if not self.missing:
            self.begin(self._run())

    async def _run(self) -> None:
        session, channels = self.session, self._channels
        for name, pipe in (("stdin", session.stdin), ("resize", session.resize)):
            if name in channels:
                self.begin(self.give(channels[name], pipe))
        outputs = (("stdout", session.stdout), ("stderr", session.stderr))
        await asyncio.gather(*(self.send(p, channels[n]) for n, p in outputs if n in channels))
        await self.send(session.error, channels["error"])
        self.over.set()
