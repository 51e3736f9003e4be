"""The map for search engines · 站点地图

Says which pages there are and which two are the same page in two languages, so that a search
engine shows each reader the one that suits.  A map holds whole addresses, so it is written only
where the address of the site is known.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import quoteattr

from tools.site.model import LANGUAGES

HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
    ' xmlns:xhtml="http://www.w3.org/1999/xhtml">'
)


def write(site: Path, address: str) -> None:
    """Write ``sitemap.xml`` at the root of the finished site, or see that there is none."""
    path = site / "sitemap.xml"
    if address:
        path.write_text(sitemap(site, address.rstrip("/")), "utf-8")
    else:
        path.unlink(missing_ok=True)


def sitemap(site: Path, address: str) -> str:
    """Every page, each with its address in both languages."""
    return "\n".join([HEAD, *entries(site, address), "</urlset>\n"])


def entries(site: Path, address: str) -> Iterator[str]:
    """One entry for each page in each language."""
    found = {lang: set(pages(site / lang)) for lang in LANGUAGES}
    for lang in LANGUAGES:
        for page in sorted(found[lang]):
            loc = quoteattr(f"{address}/{lang}/{page}")[1:-1]
            both = [other for other in LANGUAGES if page in found[other]]
            links = "".join(alternate(f"{address}/{other}/{page}", other) for other in both)
            yield f"<url><loc>{loc}</loc>{links}</url>"


def alternate(address: str, lang: str) -> str:
    """The page in one language."""
    return f'<xhtml:link rel="alternate" hreflang="{lang}" href={quoteattr(address)}/>'


def pages(folder: Path) -> Iterator[str]:
    """The addresses of the pages below a folder: each is a folder with an index."""
    for path in folder.rglob("index.html"):
        page = path.parent.relative_to(folder).as_posix()
        yield "" if page == "." else f"{page}/"
