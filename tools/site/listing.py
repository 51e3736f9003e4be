"""Listings · 源码清单

Whole files as HTML, with line numbers to point at.  They are put into finished pages: neither
Markdown nor the search index has anything to find in them, and both would take their time.
"""

from __future__ import annotations

import hashlib
import html
import re
from pathlib import Path

from pygments import highlight  # type: ignore[import-untyped]
from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]
from pygments.lexers import PythonLexer  # type: ignore[import-untyped]

from tools.site.modules import Module

PLACE = re.compile(r"<!-- listing (\S+) -->")


def place(module: Module) -> str:
    """Where the listing of a file will stand."""
    return f"<!-- listing {module.file} -->"


def anchor(line: int) -> str:
    """The id of a line."""
    return f"line-{line}"


def write(made: list[Module], folder: Path) -> None:
    """Make the folder hold the listings of these files and no others."""
    wanted = {folder / f"{module.file}.html": module for module in made}
    for path in [path for path in folder.rglob("*") if path.is_file() and path not in wanted]:
        path.unlink()
    for path, module in wanted.items():
        mark = f"<!-- {hashlib.sha256(module.text.encode()).hexdigest()[:16]} -->"
        # To colour a file takes long; one that did not change keeps its colours.
        if not path.exists() or not path.read_text("utf-8").startswith(mark):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(mark + listing(module), "utf-8")


def listing(module: Module) -> str:
    """The whole file."""
    formatter = HtmlFormatter(
        linenos="table", cssclass="highlight", wrapcode=True, lineanchors="line"
    )
    name = f'<span class="filename">{html.escape(module.file)}</span>'
    table = str(highlight(module.text, PythonLexer(), formatter))
    return f'<div class="k8s-listing">{name}{table}</div>'


def fill(page: str, folder: Path) -> str:
    """A finished page with its listings put in."""
    return PLACE.sub(lambda found: (folder / f"{found[1]}.html").read_text("utf-8"), page)
