"""Another API server, over HTTPS · HTTPS 另一头的 API 服务器

Sends a request on to a server outside this process and hands back what comes, in pieces if it
comes in pieces.  Where that server is, a Service of type ExternalName says; whom to believe that
it is the right one, the ``caBundle`` of the APIService.

Upstream: staging/src/k8s.io/kube-aggregator/pkg/apiserver/handler_proxy.go
"""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import Callable

import aiohttp

from k8s_ref.apiserver.aggregation import Dial, Serve
from k8s_ref.apiserver.http import HTTPRequest, HTTPResponse
from k8s_ref.apiserver.server import APIServer
from k8s_ref.edge.outside import Outside
from k8s_ref.machinery.meta import Object

PIECE = 1 << 16
"""Bytes of an answer that are read at once."""
_HOP = ("host", "content-length", "transfer-encoding", "connection")
"""Headers that are about one connection and not about the request."""


class Remote:
    """One server behind a Service."""

    def __init__(self, url: str, tls: ssl.SSLContext | bool, outside: Outside) -> None:
        self.url, self.tls, self.outside = url, tls, outside

    async def serve(self, http: HTTPRequest) -> HTTPResponse:
        """What the server answers; 503 if it does not."""
        return await self.outside.do(self._send(http))

    async def _send(self, http: HTTPRequest) -> HTTPResponse:
        session = aiohttp.ClientSession()
        try:
            response = await session.request(
                http.method,
                self.url + http.path,
                params=[(name, value) for name, values in http.query.items() for value in values],
                headers={name: text for name, text in http.headers.items() if name not in _HOP},
                data=http.body or None,
                ssl=self.tls,
            )
        except BaseException as error:
            # Also if nobody waits any more: a session that is not closed keeps its connection.
            await session.close()
            if not isinstance(error, aiohttp.ClientError | OSError):
                raise
            text = f"error trying to reach service: {error}\n"
            return HTTPResponse(503, text.encode(), "text/plain")
        kind = response.headers.get("Content-Type", "application/json")
        if response.headers.get("Transfer-Encoding") == "chunked":
            stream = Pieces(session, response, self.outside)
            return HTTPResponse(response.status, b"", kind, stream=stream)
        async with session:
            return HTTPResponse(response.status, await response.read(), kind)


class Pieces:
    """An answer that goes on."""

    def __init__(
        self, session: aiohttp.ClientSession, response: aiohttp.ClientResponse, outside: Outside
    ) -> None:
        self.session, self.response, self.outside = session, response, outside

    async def next(self) -> bytes | None:
        """The next piece, or None: that was all."""
        return await self.outside.do(self._read())

    async def _read(self) -> bytes | None:
        piece = await self.response.content.read(PIECE)
        if not piece:
            await self.session.close()
        return piece or None

    def stop(self) -> None:
        """The reader has gone away."""
        self.response.close()
        self._closing = asyncio.ensure_future(self.session.close())


def dialer(server: Callable[[], APIServer | None], outside: Outside) -> Dial:
    """Finds the server outside that a Service of type ExternalName leads to."""

    def dial(key: str, port: int) -> Serve | None:
        present = server()
        service = present and present.registry("services").cache.objects.get(key)
        if present is None or not service or service["spec"].get("type") != "ExternalName":
            return None
        known = present.registry("apiservices").cache.objects.values()
        specs = [one["spec"] for one in known if _leads_to(one, key)]
        url = f"https://{service['spec']['externalName']}:{port}"
        return Remote(url, _trusting(specs[0] if specs else {}), outside).serve

    return dial


def _leads_to(service: Object, key: str) -> bool:
    where = service["spec"].get("service") or {}
    return f"{where.get('namespace')}/{where.get('name')}" == key


def _trusting(spec: Object) -> ssl.SSLContext | bool:
    if spec.get("insecureSkipTLSVerify"):
        return False
    if not spec.get("caBundle"):
        return ssl.create_default_context()
    return ssl.create_default_context(cadata=base64.b64decode(spec["caBundle"]).decode())
