"""A lighter search index · 轻一点的搜索索引

The index is fetched with the first page, so every byte of it is paid by every reader.  The one
idea: a page is found by all its words, an entry of the API reference by its whole name; what it
says about itself is a click away.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

INDEX = "search/search_index.json"
REFERENCE = "reference/"


def tighten(site: Path) -> None:
    """Write the index of one language without spaces."""
    path = site / INDEX
    index = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps(index, ensure_ascii=False, separators=(",", ":")), "utf-8")


def add_reference(index: Any, page: Any) -> None:
    """Add the entries of a module's page, which the search plugin was told to leave alone."""
    first, *_ = page.toc.items
    entries = [(first, page.url.removeprefix(REFERENCE).strip("/").replace("/", "."))]
    entries += [(item, name_of(f"{page.url}{item.url}")) for item in below(first)]
    for item, text in entries:
        title = html.unescape(item.title)
        section = SimpleNamespace(id=item.id, title=[title], text=[text])
        index.create_entry_for_section(section, page.toc, page.url, page)


def below(item: Any) -> Iterable[Any]:
    """Everything below an entry of a table of contents that names something of the API."""
    for child in item.children:
        if child.id.startswith("k8s_ref."):
            yield child
        yield from below(child)


def name_of(location: str) -> str:
    """The whole name of what stands at this place of a module's page; empty for the page.

    >>> name_of("reference/k8s_ref/cluster/#k8s_ref.cluster.Wiring.crash")
    'Wiring.crash'
    """
    page, _, anchor = location.partition("#")
    module = page.removeprefix(REFERENCE).strip("/").replace("/", ".")
    return anchor.removeprefix(f"{module}.")
