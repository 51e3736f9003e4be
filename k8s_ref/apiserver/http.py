"""HTTP without sockets · 不带套接字的 HTTP

What a client sends over the wire and what it is sent back, as values: whoever has a socket fills
in an :class:`HTTPRequest` and writes out an :class:`HTTPResponse`, and a test needs no socket at
all.  The one idea: a chain of stations (who is it, may he, what does he ask, how does he want it
told) ends in the same ``handle`` that components in this process call.

Upstream: apiserver/pkg/server/config.go (DefaultBuildHandlerChain), pkg/endpoints/handlers/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from k8s_ref.apiserver.codec import decode_body
from k8s_ref.apiserver.encoding import Encoder, Representation, negotiate, to_json
from k8s_ref.apiserver.request import ADMIN, Request, Response, User, parse
from k8s_ref.apiserver.server import APIServer
from k8s_ref.apiserver.watchcache import Watch, WatchEvent
from k8s_ref.machinery.errors import ApiError, InternalError
from k8s_ref.machinery.kinds import Kind
from k8s_ref.sim.loop import SECOND

Headers = list[tuple[str, str]]

BOOKMARK_SECONDS = 60.0
"""How often a watcher who likes bookmarks is told how far the world has come."""
CHUNK = 200
"""So many events at most are sent in one piece."""


@dataclass(slots=True)
class HTTPRequest:
    """One request: header names in small letters, the body as it came."""

    method: str
    path: str
    query: Mapping[str, Sequence[str]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    certificate: tuple[str, tuple[str, ...]] | None = None
    """Common name and organizations of a client certificate that was found good."""


class ByteStream(Protocol):
    """A body that goes on."""

    async def next(self) -> bytes | None:
        """The next piece, or None: that was all."""

    def stop(self) -> None:
        """The reader has gone away."""


@dataclass(slots=True)
class HTTPResponse:
    """The answer: a body at once, a body in pieces, or a change of protocol."""

    code: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: Headers = field(default_factory=list)
    stream: ByteStream | None = None
    upgrade: Any = None
    """What speaks on the connection from now on, if the client asked for another protocol."""
    seconds: float = 0.0
    """How long a stream may last; 0: as long as both sides like."""


Document = Callable[[HTTPRequest], HTTPResponse | None]
"""Answers what is no resource: discovery, OpenAPI, health; None if it is not asked for here."""


class Handler:
    """The chain of stations in front of one API server."""

    def __init__(self, server: APIServer, documents: Sequence[Document] = ()) -> None:
        self.server, self.loop = server, server.loop
        self.documents = tuple(documents)
        self.encoder = Encoder(lambda: self.loop.now + self.loop.epoch * SECOND)
        self.authenticate: Callable[[HTTPRequest], User] = lambda request: ADMIN
        """Says who it is, or raises ``Unauthorized``."""

    async def serve(self, http: HTTPRequest) -> HTTPResponse:
        """Answer; whatever is refused, and whatever breaks, is answered with a Status."""
        try:
            return await self._serve(http)
        except ApiError as error:
            return _refused(error)
        except (AssertionError, ArithmeticError, LookupError, TypeError, ValueError) as error:
            # A fault of this server must not end it.
            return _refused(InternalError(f"{type(error).__name__}: {error}"))

    async def _serve(self, http: HTTPRequest) -> HTTPResponse:
        user = self.authenticate(http)
        for document in self.documents:
            if (found := document(http)) is not None:
                return found
        wanted = negotiate(http.headers.get("accept", ""))
        request = self._read(http, user)
        return self._written(await self.server.handle(request), request, wanted)

    def _read(self, http: HTTPRequest, user: User) -> Request:
        query = {name: values[0] for name, values in http.query.items() if values}
        request = parse(self.server.kinds, http.method, http.path, query)
        request.user, request.values = user, http.query
        request.agent = http.headers.get("user-agent", "").partition("/")[0] or "unknown"
        request.content_type = http.headers.get("content-type", "") or "application/json"
        if http.method != "GET" and request.subresource != "proxy":
            request.body = decode_body(request.content_type, http.body)
        elif request.subresource == "proxy":
            request.body = http.body
        return request

    def _written(
        self, response: Response, request: Request, wanted: Representation
    ) -> HTTPResponse:
        headers: Headers = [("Warning", f"299 - {_quoted(text)}") for text in response.warnings]
        if response.stream is not None:
            events = Events(response.stream, request, wanted, self)
            seconds = float(request.query.get("timeoutSeconds") or 0)
            type_ = wanted.media_type
            return HTTPResponse(200, b"", type_, headers, stream=events, seconds=seconds)
        body = response.body
        if isinstance(body, dict):
            kind = request.kind if _is_of(request.kind, body) else None
            include = request.query.get("includeObject", "")
            data = self.encoder.answer(wanted, body, kind, include)
            seconds = (body.get("details") or {}).get("retryAfterSeconds", 0)
            if response.code >= 400 and seconds:
                headers.append(("Retry-After", str(seconds)))
            return HTTPResponse(response.code, data, wanted.media_type, headers)
        if isinstance(body, str):
            return HTTPResponse(response.code, body.encode(), "text/plain", headers)
        if hasattr(body, "next"):
            return HTTPResponse(response.code, b"", "text/plain", headers, stream=Lines(body))
        return HTTPResponse(response.code, headers=headers, upgrade=body)


def _is_of(kind: Kind, body: Any) -> bool:
    return body.get("kind") in (kind.kind, f"{kind.kind}List")


def _refused(error: ApiError) -> HTTPResponse:
    headers: Headers = []
    if error.retry_after_seconds:
        headers.append(("Retry-After", str(error.retry_after_seconds)))
    return HTTPResponse(error.code, to_json(error.status()), headers=headers)


def _quoted(text: str) -> str:
    inner = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
    return f'"{inner}"'


class Lines:
    """A log that goes on, as bytes."""

    def __init__(self, lines: Any) -> None:
        self.lines, self.stop = lines, lines.stop

    async def next(self) -> bytes | None:
        """The next line."""
        line: str | None = await self.lines.next()
        return None if line is None else line.encode()


class Events:
    """A watch as lines of JSON; what is there already goes out in one piece."""

    def __init__(
        self, watch: Watch, request: Request, wanted: Representation, handler: Handler
    ) -> None:
        self.watch, self.kind, self.wanted, self.handler = watch, request.kind, wanted, handler
        self.include = request.query.get("includeObject", "")
        self.over = False
        if request.query.get("allowWatchBookmarks") in ("true", "1"):
            handler.loop.call_later(BOOKMARK_SECONDS, self._mark)

    async def next(self) -> bytes | None:
        """All events there are, or the next one; after an error nothing more."""
        if self.over:
            return None
        pieces = []
        try:
            event = await self.watch.next()
            while event is not None:
                pieces.append(self._encoded(event))
                event = self.watch.take() if len(pieces) < CHUNK else None
        except ApiError as error:
            self.over = True
            pieces.append(self._encoded(WatchEvent("ERROR", error.status())))
        return b"".join(pieces) or None

    def stop(self) -> None:
        """Close the watch."""
        self.watch.stop()

    def _encoded(self, event: WatchEvent) -> bytes:
        return self.handler.encoder.event(self.wanted, *event, self.kind, self.include)

    def _mark(self) -> None:
        """Tell from time to time how far everything is, so that a new watch can begin there."""
        if not self.watch.stopped:
            self.watch.bookmark(self.kind, self.handler.server.storage.revision)
            self.handler.loop.call_later(BOOKMARK_SECONDS, self._mark)
