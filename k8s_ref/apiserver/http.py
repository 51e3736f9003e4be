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

from k8s_ref.apiserver.authorization import Attributes, path_words
from k8s_ref.apiserver.codec import decode_body
from k8s_ref.apiserver.encoding import Encoder, Representation, negotiate, to_json
from k8s_ref.apiserver.request import Request, Response, User, parse
from k8s_ref.apiserver.server import APIServer
from k8s_ref.apiserver.watchcache import Watch, WatchEvent
from k8s_ref.machinery.errors import (
    ApiError,
    BadRequest,
    Expired,
    InternalError,
    NotFound,
    invalid,
)
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
        self.observe: Callable[[Request, int, float], None] = lambda request, code, seconds: None
        """Told about each request for a resource: how it was answered, and how long it took."""
        self.clock: Callable[[], float] = lambda: 0.0
        """Seconds on the clock by which requests are timed."""

    def authenticate(self, http: HTTPRequest) -> User:
        """Who it is, or ``Unauthorized``."""
        return self.server.access.authenticator.authenticate(http.headers, http.certificate)

    async def serve(self, http: HTTPRequest) -> HTTPResponse:
        """Answer; whatever is refused, and whatever breaks, is answered with a Status."""
        try:
            return await self._serve(http)
        except ApiError as error:
            return _refused(error)
        except Exception as error:
            # A fault of this server must not end it.
            return _refused(InternalError(f"{type(error).__name__}: {error}"))

    async def _serve(self, http: HTTPRequest) -> HTTPResponse:
        query = {name: values[0] for name, values in http.query.items() if values}
        user = self.authenticate(http)
        try:
            request = parse(self.server.kinds, http.method, http.path, query)
        except NotFound:
            asked = path_words(user, http.method, http.path, query)
            if self._leads(http.path):
                self.server.access.check_path(asked, _impersonation(http))
                return await self._proxied(http, user)
            return self._elsewhere(http, asked)
        request.user, request.impersonate = user, _impersonation(http)
        if self._leads(http.path):
            self.server.access.check(request)
            return await self._proxied(http, request.user)
        self._read(http, request)
        wanted = negotiate(http.headers.get("accept", ""))
        _check_include(wanted, request.query.get("includeObject", ""))
        began = self.clock()
        response = await self.server.handle(request)
        self.observe(request, response.code, self.clock() - began)
        return self._written(response, request, wanted)

    def _leads(self, path: str) -> bool:
        """Whether another server answers for a path."""
        return self.server.aggregator is not None and bool(self.server.aggregator.routes(path))

    async def _proxied(self, http: HTTPRequest, user: User) -> HTTPResponse:
        assert self.server.aggregator is not None, "nobody leads to other servers"
        answer: HTTPResponse = await self.server.aggregator.proxy(http, user)
        return answer

    def _elsewhere(self, http: HTTPRequest, asked: Attributes) -> HTTPResponse:
        """Where no resource lives.  Whoever may not look there is not told that it is empty."""
        self.server.access.check_path(asked, _impersonation(http))
        for document in self.documents:
            if (found := document(http)) is not None:
                return found
        raise NotFound.resource()

    def _read(self, http: HTTPRequest, request: Request) -> None:
        request.values = http.query
        request.agent = http.headers.get("user-agent", "").partition("/")[0] or "unknown"
        request.content_type = http.headers.get("content-type", "") or "application/json"
        if http.method != "GET" and request.subresource != "proxy":
            try:
                request.body = decode_body(request, http.body)
            except ApiError:
                # Whoever may not ask at all is not told what is wrong with the question.
                self.server.access.check(request)
                raise
        elif request.subresource == "proxy":
            request.body = http.body

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
        if request.verb == "watch" and response.code == Expired.code:
            # The watch begins, and its first news is that it has to begin anew.
            line = self.encoder.event(wanted, "ERROR", body, request.kind, "")
            return HTTPResponse(200, b"", wanted.media_type, headers, stream=Ended(line))
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


def _check_include(wanted: Representation, include: str) -> None:
    """How much of the objects a table shows is one of three words."""
    if wanted.turned == "Table" and include not in ("", "Metadata", "Object", "None"):
        words = "must be 'Metadata', 'Object', 'None', or empty"
        cause = invalid("includeObject", include, words)
        raise BadRequest(f"Unable to convert to Table as requested: {cause}")


def _impersonation(http: HTTPRequest) -> dict[str, str]:
    return {name: text for name, text in http.headers.items() if name.startswith("impersonate-")}


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


class Ended:
    """A watch that is over as soon as it has begun: one line says why."""

    def __init__(self, line: bytes) -> None:
        self.lines = [line]

    async def next(self) -> bytes | None:
        """The line, and then no more."""
        return self.lines.pop() if self.lines else None

    def stop(self) -> None:
        """Forget the line."""
        self.lines.clear()


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
