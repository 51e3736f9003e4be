"""The socket edge · 套接字边缘

Carries requests from sockets to the API server and answers back.  HTTP, TLS and WebSocket are
aiohttp's; nothing here knows what a Pod is.  The one rule: a request is performed on the
cluster's loop and never runs a controller; those have their turn when the clock says so.

Upstream: apiserver/pkg/server/secure_serving.go
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from k8s_ref.apiserver.http import Handler, HTTPRequest, HTTPResponse
from k8s_ref.edge import websocket
from k8s_ref.edge.certificates import Pair
from k8s_ref.edge.realtime import RealTime

HOST = "127.0.0.1"
CONTROL = "/k8s-ref/console"
"""Where lines of the console language are taken: ``run 30s``, ``fail node-1``."""
LARGEST = 3 * 1024 * 1024
"""Bytes of a body that are read at most; one more, and the server can say it is too many."""


class Edge:
    """One listening socket in front of one handler."""

    def __init__(
        self,
        handler: Callable[[], Handler | None],
        time: RealTime,
        control: Callable[[str], str] | None = None,
    ) -> None:
        """``handler``: who answers at present; None while the API server is down.  ``control``:
        what those who own the cluster may have done to it, line by line."""
        self.handler, self.time, self.control = handler, time, control
        self._runner: web.ServerRunner | None = None
        self.streams: set[asyncio.Task[Any]] = set()
        """Those who send pieces at present."""

    async def start(self, port: int, tls: ssl.SSLContext | None) -> int:
        """Listen on a port of this machine, 0 for a free one; return which it is."""
        # Whoever goes away is waited for no longer, however still a watch is.
        server = web.Server(self._answer, handler_cancellation=True, access_log=None)
        self._runner = web.ServerRunner(server, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, port, ssl_context=tls)
        await site.start()
        found: int = self._runner.addresses[0][1]
        return found

    async def stop(self) -> None:
        """Close every connection."""
        for stream in list(self.streams):
            stream.cancel()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path == CONTROL and self.control is not None:
            return await self._controlled(request, self.control)
        handler = self.handler()
        if handler is None:
            return web.Response(status=503, text="the API server is down\n")
        asked = HTTPRequest(
            request.method,
            request.path,
            _query(request),
            _by_name(request),
            await _body(request),
            _subject(request),
        )
        answer = await self.time.perform(handler.serve(asked))
        if answer.stream is not None:
            return await self._stream(request, answer)
        if answer.upgrade is not None:
            return await websocket.serve(request, answer.upgrade, self.time)
        return web.Response(status=answer.code, body=answer.body, headers=_headers(answer))

    async def _controlled(
        self, request: web.BaseRequest, control: Callable[[str], str]
    ) -> web.Response:
        """Do what whoever holds the cluster asks, and nobody else.

        The certificate alone says who that is, so the API server can be started again, too.
        """
        subject = _subject(request)
        if subject is None:
            return web.Response(status=401, text="Unauthorized\n")
        if "system:masters" not in subject[1]:
            return web.Response(status=403, text="only system:masters may do this\n")
        if request.method != "POST":
            return web.Response(status=405, text="POST lines of the console\n")
        try:
            return web.Response(text=control((await _body(request)).decode()))
        except ValueError as error:
            return web.Response(status=400, text=f"{error}\n")
        finally:
            # Lines such as `run 30s` moved the clock.
            self.time.rebase()

    async def _stream(self, request: web.BaseRequest, answer: HTTPResponse) -> web.StreamResponse:
        """Send pieces as they come, until there are no more or somebody goes away."""
        assert answer.stream is not None
        response = web.StreamResponse(status=answer.code, headers=_headers(answer))
        response.enable_chunked_encoding()
        task = asyncio.current_task()
        assert task is not None
        self.streams.add(task)
        try:
            await response.prepare(request)
            async with asyncio.timeout(answer.seconds or None):
                while (piece := await self.time.perform(answer.stream.next())) is not None:
                    await response.write(piece)
        except (TimeoutError, ConnectionError):
            pass
        finally:
            self.streams.discard(task)
            answer.stream.stop()
        with contextlib.suppress(ConnectionError):
            await response.write_eof()
        return response


def _by_name(request: web.BaseRequest) -> dict[str, str]:
    """Headers; one that stands several times has a line for each."""
    found: dict[str, str] = {}
    for name, value in request.headers.items():
        key = name.lower()
        found[key] = f"{found[key]}\n{value}" if key in found else value
    return found


def _query(request: web.BaseRequest) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in request.query.items() if request.query_string else ():
        found.setdefault(name, []).append(value)
    return found


async def _body(request: web.BaseRequest) -> bytes:
    if not request.can_read_body:
        return b""
    pieces, length = [], 0
    async for piece in request.content.iter_any():
        pieces.append(piece)
        length += len(piece)
        if length > LARGEST:
            break
    return b"".join(pieces)


def _subject(request: web.BaseRequest) -> tuple[str, tuple[str, ...]] | None:
    """Common name and organizations of the client's certificate, which TLS found good."""
    transport = request.transport
    found = transport.get_extra_info("peercert") if transport is not None else None
    if not found:
        return None
    pairs = [pair for part in found["subject"] for pair in part]
    names = [value for name, value in pairs if name == "commonName"]
    groups = tuple(value for name, value in pairs if name == "organizationName")
    return (names[0] if names else "", groups)


def _headers(answer: HTTPResponse) -> list[tuple[str, str]]:
    # Who is told that nothing changed keeps the type of what there was.
    typed = [("Content-Type", answer.content_type)] if answer.code != 304 else []
    named = {name.lower() for name, _ in answer.headers}
    cached = [] if "cache-control" in named else [("Cache-Control", "no-cache, private")]
    return [*typed, *cached, *answer.headers]


def tls_context(authority: bytes, server: Pair) -> ssl.SSLContext:
    """TLS with this certificate, and clients known by certificates of that authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        # The standard library reads certificates from files alone.
        pair = Path(folder, "server.pem")
        pair.touch(0o600)
        pair.write_bytes(server.certificate + server.key)
        context.load_cert_chain(pair)
    context.load_verify_locations(cadata=authority.decode())
    context.verify_mode = ssl.CERT_OPTIONAL
    return context
