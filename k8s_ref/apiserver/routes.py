"""Routes · 资源以外的路径

What an HTTP server answers besides resources: discovery, OpenAPI, health, version, metrics, and
"not found" where nobody lives.  The one rule: whoever is asked first and knows the path answers.

Upstream: staging/src/k8s.io/apiserver/pkg/server/routes/, pkg/server/mux/pathrecorder.go
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

from k8s_ref.apiserver import discovery, health, openapi
from k8s_ref.apiserver.documents import Document, page_not_found
from k8s_ref.apiserver.http import HTTPRequest, HTTPResponse
from k8s_ref.apiserver.metrics import Metrics
from k8s_ref.apiserver.server import APIServer
from k8s_ref.machinery.kinds import Kinds
from k8s_ref.machinery.meta import Object

OTHERS = ("/metrics", "/openapi/v2", "/openapi/v3", "/openapi/v3/")


class Routes:
    """The documents of one server.  It answers every path without resources: ask others first."""

    def __init__(self, server: APIServer, language: str = "en", address: str = "") -> None:
        self.server, self.language, self.address = server, language, address
        self.metrics = Metrics()
        """Whoever serves requests tells it about each."""
        self.checks = health.checks_of(server)
        self.remote: Callable[[], Sequence[Object]] = lambda: ()
        """The groups that other servers serve behind this one."""

    def __call__(self, http: HTTPRequest) -> HTTPResponse | None:
        """The answer to a request; ``None`` if it is about a resource."""
        if self._is_resource(http):
            return None
        found = next(filter(None, self._answers(http)), None) if http.method == "GET" else None
        found = found or page_not_found()
        return HTTPResponse(found.code, found.body, found.content_type, [*found.headers.items()])

    def _is_resource(self, http: HTTPRequest) -> bool:
        root, *names = http.path.strip("/").split("/")
        if root == "apis" and names:
            known, place = names[0] in _groups(self.server.kinds), 2
        else:
            known, place = root == "api", 1
        return known and (len(names) > place or http.method != "GET")

    def _answers(self, http: HTTPRequest) -> Iterator[Document | None]:
        path, query, kinds = http.path, http.query, self.server.kinds
        accept, known = (http.headers.get(name, "") for name in ("accept", "if-none-match"))
        if path == "/":
            yield discovery.root_paths(kinds, [*OTHERS, *health.paths(self.checks)])
        yield discovery.answer(path, accept, kinds, known, self.address, self.remote())
        yield openapi.answer(path, query, accept, kinds, self.language, known)
        yield health.answer(path, query, self.checks)
        yield self.metrics.answer(path, self.server)


@lru_cache(maxsize=8)
def _groups(kinds: Kinds) -> frozenset[str]:
    return frozenset(kind.group for kind in kinds)
