"""Streams over WebSocket · WebSocket 上的流

Carries the pipes of a stream over a WebSocket: every binary message begins with the number of its
channel.  Reads and writes happen on the cluster's loop, a slow reader on either side stops the
other.  The one rule: how a command ended comes last, on the channel called error, and only then is
the connection closed.

Upstream: apiserver/pkg/util/proxy/streamtranslator.go, streamtunnel.go, websocket.go;
kubelet/pkg/cri/streaming/remotecommand/websocket.go, portforward/websocket.go
"""

from __future__ import annotations

import asyncio
import base64
import json
import struct

from aiohttp import WSMsgType, web

from k8s_ref.apiserver.streams import (
    ERROR,
    STDERR,
    STDIN,
    STDOUT,
    Connection,
    Forwarding,
    Pipe,
    Refused,
    Session,
    Stream,
    failed,
    translated,
)
from k8s_ref.edge import spdy, upgrade
from k8s_ref.edge.spdy import Bridge, put
from k8s_ref.machinery.errors import BadRequest

V5, V4, BASE64 = "v5.channel.k8s.io", "v4.channel.k8s.io", "v4.base64.channel.k8s.io"
TUNNEL = "SPDY/3.1+portforward.k8s.io"
CLOSE = 255
"""Since v5: the channel whose only byte names a channel that ends."""


async def serve(request: web.BaseRequest, stream: Stream, bridge: Bridge) -> web.StreamResponse:
    """Let a stream flow over this request's connection until both sides are done."""
    protocols = (V5, V4, BASE64) if isinstance(stream, Session) else (TUNNEL, V4, BASE64)
    socket = web.WebSocketResponse(protocols=protocols)
    found, old = socket.can_prepare(request), upgrade.wanted(request)
    if not found and not old:
        return _status(BadRequest("Upgrade request required"))
    try:
        if found.protocol != V5:
            await bridge.perform(stream.open())
        if old:
            return await upgrade.serve(request, stream, bridge)
        await socket.prepare(request)
        await _carrier(request, socket, stream, bridge).run()
    except Refused as refused:
        return web.Response(status=refused.code, text=refused.text)
    finally:
        await bridge.perform(_end(stream))
    await socket.close()
    return socket


def _status(error: BadRequest) -> web.Response:
    body = json.dumps(error.status(), separators=(",", ":")) + "\n"
    return web.Response(status=error.code, text=body, content_type="application/json")


async def _end(stream: Stream) -> None:
    stream.close()


def _carrier(
    request: web.BaseRequest, socket: web.WebSocketResponse, stream: Stream, bridge: Bridge
) -> Carrier:
    if isinstance(stream, Session):
        return Command(socket, bridge, stream)
    if socket.ws_protocol == TUNNEL:
        return Tunnel(socket, bridge, stream)
    ports = [int(port) for each in request.query.getall("ports", []) for port in each.split(",")]
    return Ports(socket, bridge, stream, ports)


class Carrier:
    """One WebSocket between a client and the cluster's loop."""

    def __init__(self, socket: web.WebSocketResponse, bridge: Bridge) -> None:
        self.socket, self.bridge = socket, bridge

    async def run(self) -> None:
        """Carry until either side is done."""
        incoming = asyncio.ensure_future(self._receive())
        outgoing = asyncio.ensure_future(self.send_all())
        try:
            await asyncio.wait((incoming, outgoing), return_when=asyncio.FIRST_COMPLETED)
        finally:
            incoming.cancel()
            outgoing.cancel()
            done = await asyncio.gather(incoming, outgoing, return_exceptions=True)
        for error in done:
            if isinstance(error, Exception) and not isinstance(error, ConnectionError):
                raise error

    async def send_all(self) -> None:
        """Send what comes from the cluster; return when there is no more."""
        raise NotImplementedError

    async def take(self, data: bytes) -> None:
        """Take a message of the client."""
        raise NotImplementedError

    async def _receive(self) -> None:
        async for message in self.socket:
            if message.type == WSMsgType.TEXT and self.socket.ws_protocol == BASE64:
                text: str = message.data
                await self.take(bytes([int(text[:1] or "0")]) + base64.b64decode(text[1:]))
            elif message.type in (WSMsgType.TEXT, WSMsgType.BINARY) and message.data:
                data = message.data
                await self.take(data.encode() if isinstance(data, str) else data)

    async def send(self, channel: int, data: bytes) -> None:
        """Send bytes of one channel."""
        if self.socket.ws_protocol == BASE64:
            await self.socket.send_str(f"{channel}{base64.b64encode(data).decode()}")
        else:
            await self.socket.send_bytes(bytes([channel]) + data)

    async def copy(self, pipe: Pipe, channel: int) -> None:
        """Send what comes out of a pipe, to its end."""
        while (data := await self.bridge.perform(pipe.read())) is not None:
            await self.send(channel, data)


class Command(Carrier):
    """``exec`` and ``attach``: five channels."""

    def __init__(self, socket: web.WebSocketResponse, bridge: Bridge, session: Session) -> None:
        super().__init__(socket, bridge)
        self.session, self.closes = session, socket.ws_protocol == V5

    async def send_all(self) -> None:
        """Output as it comes, then how it ended."""
        # An empty message tells the client that it may begin.
        await self.send(STDOUT, b"")
        if self.closes:
            try:
                await self.bridge.perform(self.session.open())
            except Refused as refused:
                await self.send(ERROR, json.dumps(failed(refused.told)).encode())
                return
        session = self.session
        await asyncio.gather(self.copy(session.stdout, STDOUT), self.copy(session.stderr, STDERR))
        while (data := await self.bridge.perform(session.error.read())) is not None:
            if self.closes:
                data = json.dumps(translated(json.loads(data)), separators=(",", ":")).encode()
            await self.send(ERROR, data)

    async def take(self, data: bytes) -> None:
        """Bytes for a channel, or the end of one."""
        channels = self.session.channels
        if self.closes and data[0] == CLOSE:
            if data[1:2] == bytes([STDIN]):
                await self.bridge.perform(put(self.session.stdin, None))
        elif data[0] < len(channels):
            await self.bridge.perform(put(channels[data[0]], data[1:]))


class Ports(Carrier):
    """``portforward`` with two channels a port, as the Python client speaks it."""

    def __init__(
        self,
        socket: web.WebSocketResponse,
        bridge: Bridge,
        forwarding: Forwarding,
        ports: list[int],
    ) -> None:
        super().__init__(socket, bridge)
        self.forwarding, self.ports = forwarding, ports
        self.connections: dict[int, Connection] = {}
        self.ready = asyncio.Event()

    async def send_all(self) -> None:
        """Name the ports, connect, and copy until the last connection has ended."""
        for index, port in enumerate(self.ports):
            for channel in (2 * index, 2 * index + 1):
                await self.send(channel, struct.pack("<H", port))
        for index, port in enumerate(self.ports):
            try:
                connection = await self.bridge.perform(self.forwarding.connect(port))
                self.connections[index] = connection
            except ConnectionRefusedError as error:
                await self.send(2 * index + 1, str(error).encode())
        self.ready.set()
        await asyncio.gather(
            *(self.copy(c.downward, 2 * index) for index, c in self.connections.items())
        )

    async def take(self, data: bytes) -> None:
        """Bytes for a port."""
        await self.ready.wait()
        connection = self.connections.get(data[0] // 2)
        if connection is not None and data[0] % 2 == 0:
            await self.bridge.perform(put(connection.upward, data[1:]))


class Tunnel(Carrier):
    """``portforward`` of kubectl: SPDY inside binary messages."""

    def __init__(
        self, socket: web.WebSocketResponse, bridge: Bridge, forwarding: Forwarding
    ) -> None:
        super().__init__(socket, bridge)
        self.inside = spdy.Ports(socket.send_bytes, bridge, forwarding)

    async def send_all(self) -> None:
        """Serve connections for as long as the client stays."""
        try:
            await self.inside.over.wait()
        finally:
            self.inside.stop()

    async def take(self, data: bytes) -> None:
        """Bytes of the connection inside."""
        await self.inside.spdy.feed(data)
