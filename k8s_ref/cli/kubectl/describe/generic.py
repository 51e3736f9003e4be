"""Any object on a page · 任意对象的描述

Kinds without a page of their own are shown field by field, with names made readable:
``creationTimestamp`` becomes ``Creation Timestamp``.

Upstream: genericDescriber in staging/src/k8s.io/kubectl/pkg/describe/describe.go
"""

from __future__ import annotations

import re
from typing import Any

from k8s_ref.cli.kubectl.describe.page import Page
from k8s_ref.cli.kubectl.session import Session
from k8s_ref.cli.kubectl.yamltext import number_or_text
from k8s_ref.machinery.meta import Object

_ACRONYMS = ("API", "URL", "UID", "OSB", "GUID")
_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|-")
_SKIPPED = (
    "metadata.managedFields", "metadata.name", "metadata.namespace", "metadata.labels",
    "metadata.annotations",
)  # fmt: skip


async def describe(session: Session, page: Page, obj: Object) -> None:
    """All fields of an object."""
    page.heading(obj)
    page.mapping("Labels", obj["metadata"].get("labels"))
    page.annotations(obj["metadata"].get("annotations"))
    _fields(page, 0, obj, "")


def _fields(page: Page, level: int, obj: Object, path: str) -> None:
    for key in sorted(obj):
        where = f"{path}.{key}" if path else key
        if where not in _SKIPPED:
            _value(page, level, readable(key), obj[key], where)


def _value(page: Page, level: int, name: str, value: Any, where: str) -> None:
    if isinstance(value, dict):
        page.line(level, f"{name}:")
        _fields(page, level + 1, value, where)
    elif isinstance(value, list):
        page.line(level, f"{name}:")
        for item in value:
            if isinstance(item, dict):
                _fields(page, level + 1, item, where)
            else:
                page.line(level + 1, number_or_text(item))
    else:
        page.field(level, name, number_or_text(value))


def readable(key: str) -> str:
    """A field name as a heading.

    >>> readable("creationTimestamp"), readable("apiVersion"), readable("podIPs")
    ('Creation Timestamp', 'API Version', 'Pod I Ps')
    """
    if not re.fullmatch(r"[a-zA-Z-]+", key):
        return key
    words = _WORD.findall(key)
    return " ".join(w.upper() if w.upper() in _ACRONYMS else w[0].upper() + w[1:] for w in words)
