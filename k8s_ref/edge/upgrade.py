"""SPDY on the bare connection · 直接跑在连接上的 SPDY

What kubectl did before 1.30, and still tries when WebSocket is refused: it asks to go on with
``SPDY/3.1`` instead of HTTP, and both sides then write frames to the same connection.  The one
trick: aiohttp hands over everything that follows, as it does for its own WebSockets.

Upstream: apimachinery/pkg/util/httpstream/spdy/upgrade.go
"""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from k8s_ref.apiserver.streams import Session, Stream
from k8s_ref.edge.spdy import Bridge, Command, Ports, Speaker

SPDY = "SPDY/3.1"
VERSION = "X-Stream-Protocol-Version"
COMMANDS, PORTS = "v4.channel.k8s.io", "portforward.k8s.io"
UNREAD = 64
"""So many pieces are kept before the connection is not read any more."""


def wanted(request: web.BaseRequest) -> bool:
    """Whether the client asks for SPDY."""
    return request.headers.get("Upgrade", "").lower() == SPDY.lower()


class Wire(web.StreamResponse):
    """The connection after the change of protocol: bytes as they come and go."""

    def __init__(self, version: str) -> None:
        headers = {"Connection": "Upgrade", "Upgrade": SPDY, VERSION: version}
        super().__init__(status=101, headers=headers)
        self._received: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._transport: asyncio.Transport | None = None

    async def take_over(self, request: web.BaseRequest) -> None:
        """Answer, and read the connection from now on."""
        await self.prepare(request)
        assert isinstance(request.transport, asyncio.Transport), "a connection that is open"
        self._transport = request.transport
        parser: Any = self
        request.protocol.set_parser(parser)

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """aiohttp received something."""
        self._received.put_nowait(bytes(data))
        if self._received.qsize() > UNREAD and self._transport is not None:
            self._transport.pause_reading()
        return False, b""

    def feed_eof(self) -> None:
        """aiohttp received the end."""
        self._received.put_nowait(None)

    async def carry(self, speaker: Speaker) -> None:
        """Feed what comes, until the client is gone."""
        while (data := await self._received.get()) is not None:
            if self._transport is not None:
                self._transport.resume_reading()
            await speaker.spdy.feed(data)

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()


async def serve(request: web.BaseRequest, stream: Stream, bridge: Bridge) -> web.StreamResponse:
    """Speak SPDY about a stream that is open, until both sides are done."""
    command = isinstance(stream, Session)
    wire = Wire(COMMANDS if command else PORTS)
    await wire.take_over(request)
    speaker: Speaker
    if isinstance(stream, Session):
        speaker = Command(wire.write, bridge, stream)
    else:
        speaker = Ports(wire.write, bridge, stream)
    tasks = [asyncio.ensure_future(each) for each in (wire.carry(speaker), speaker.over.wait())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        speaker.stop()
        wire.close()
    return wire
