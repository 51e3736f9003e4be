"""Documents about the server · 关于服务器的文档

Besides objects, an API server hands out documents that describe it: discovery, OpenAPI, health,
version.  Each is bytes of a media type.  The one idea: clients keep a document and ask next time
only whether it has changed, by its ETag; the answer to that has no body.

Upstream: staging/src/k8s.io/apiserver/pkg/endpoints/discovery/aggregated/etag.go
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha512
from typing import Any, NamedTuple

TEXT = "text/plain; charset=utf-8"


class Document(NamedTuple):
    """An answer that is no API object."""

    content_type: str
    body: bytes
    headers: Mapping[str, str] = {}
    code: int = 200


def pretty(value: Any) -> bytes:
    """JSON for people, two spaces in front of each level."""
    return json.dumps(value, indent=2).encode()


def text(words: str, code: int = 200) -> Document:
    """A document for people, which no browser is to take for anything else."""
    return Document(TEXT, words.encode(), {"X-Content-Type-Options": "nosniff"}, code)


def page_not_found() -> Document:
    """The answer where not even a group lives."""
    return text("404 page not found\n", 404)


def etag(body: bytes) -> str:
    """A name for exactly these bytes."""
    return sha512(body).hexdigest().upper()


def unless_known(document: Document, tag: str, if_none_match: str) -> Document:
    """The document with its ETag, or just "304 Not Modified" for somebody who has it.

    >>> unless_known(Document("text/plain", b"ok"), "A", '"A"').code
    304
    """
    headers = {**document.headers, "ETag": f'"{tag}"', "Vary": "Accept"}
    if if_none_match == f'"{tag}"':
        return Document("", b"", headers, 304)
    return document._replace(headers=headers)
