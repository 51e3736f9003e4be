"""A lighter search index · 轻一点的搜索索引

The index is fetched with the first page, so every byte of it is paid by every reader.  The one
idea: a page is found by all its words, an entry of the API reference by its whole name; what it
says about itself is a click away.
"""

from __future__ import annotations

import json
from pathlib import Path

INDEX = "search/search_index.json"
REFERENCE = "reference/"


def lighten(site: Path) -> None:
    """Rewrite the index of one language."""
    path = site / INDEX
    index = json.loads(path.read_text("utf-8"))
    for entry in index["docs"]:
        if entry["location"].startswith(REFERENCE):
            entry["text"] = name_of(entry["location"]) or entry["text"]
    path.write_text(json.dumps(index, ensure_ascii=False, separators=(",", ":")), "utf-8")


def name_of(location: str) -> str:
    """The whole name of what stands at this place of a module's page; empty for the page.

    >>> name_of("reference/k8s_ref/cluster/#k8s_ref.cluster.Wiring.crash")
    'Wiring.crash'
    """
    page, _, anchor = location.partition("#")
    module = page.removeprefix(REFERENCE).strip("/").replace("/", ".")
    return anchor.removeprefix(f"{module}.")
