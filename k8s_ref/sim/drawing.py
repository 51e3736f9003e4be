"""Drawing · 画图

The strokes, boxes and words of which pictures are made.  The one idea: one SVG speaks both
languages and suits light and dark pages: its words follow the ``lang`` of the page, its text the
page's own colour.  The rule it keeps: no ids, no scripts, nothing to fetch, so that a picture
can stand in any page, twice.

Upstream: none.
"""

from __future__ import annotations

import html
import re
from unicodedata import east_asian_width

BLUE, VIOLET, TEAL, ORANGE = "#3f7fe0", "#9168e8", "#14909c", "#c8681a"
GOLD, PINK, GREEN, RED, GREY = "#98790f", "#c9559f", "#2d9352", "#d9534f", "#788394"
"""Each has a contrast of 3 and more on white and on night blue; text is never coloured."""

STYLE = """
.k8s-picture{max-width:100%;height:auto;fill:currentColor;
font:13px system-ui,"PingFang SC","Microsoft YaHei","Noto Sans CJK SC",sans-serif}
.k8s-picture:root{color-scheme:light dark;color:CanvasText;background:Canvas}
.k8s-picture .k8s-mono{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
.k8s-picture .k8s-bold{font-weight:600}
.k8s-picture .k8s-small{font-size:11px;fill-opacity:.8}
.k8s-picture .k8s-zh,.k8s-picture:lang(zh) .k8s-en{display:none}
.k8s-picture:lang(zh) .k8s-zh{display:inline}"""


class Picture:
    """Something that draws itself; pages and notebooks show it."""

    def svg(self, lang: str | None = None) -> str:
        """An SVG file; without ``lang`` in the language of the page around it."""
        raise NotImplementedError

    def _repr_svg_(self) -> str:
        return self.svg()


def document(title: str, about: str, body: str, size: tuple[int, int], lang: str | None) -> str:
    """The whole file; who cannot see it hears the title and the plain text of the picture."""
    fixed = f'lang="{html.escape(lang)}" xml:lang="{html.escape(lang)}"' if lang else ""
    frame = 'viewBox="0 0 {0} {1}" width="{0}" height="{1}"'.format(*size)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="k8s-picture" role="img" {frame} {fixed}>'
        f"<title>{title}</title><desc>{safe(about)}</desc><style>{STYLE}</style>{body}</svg>"
    )


def group(title: str, parts: list[str]) -> str:
    """Parts that belong together; whoever points at them sees the title."""
    return f"<g><title>{safe(title)}</title>{''.join(parts)}</g>"


def text(x: int, y: int, words: str, style: str = "k8s-text", anchor: str = "middle") -> str:
    """A line of words, which may be marked up already."""
    return f'<text x="{x}" y="{y}" class="{style}" text-anchor="{anchor}">{words}</text>'


def stroke(path: str, opacity: str, hue: str = "currentColor", look: str = "") -> str:
    """A line along a path."""
    return f'<path d="{path}" stroke="{hue}" stroke-opacity="{opacity}" {look}/>'


def arrow(start: int, end: int, y: int, hue: str, dash: str = "none") -> str:
    """A level arrow."""
    head = f'<path d="M{end} {y}l{-8 if end > start else 8} -5v10z" fill="{hue}"/>'
    look = f'stroke-width="2" stroke-dasharray="{dash}"'
    return stroke(f"M{start} {y}H{end}", "1", hue, look) + head


def panel(x: int, y: int, width: int, height: int, hue: str, radius: int) -> str:
    """A box with a thin edge and a faint ground of its colour."""
    box = f'x="{x}" y="{y}" width="{width}" height="{height}" rx="{radius}"'
    return f'<rect {box} fill="{hue}" fill-opacity=".14" stroke="{hue}"/>'


def both(en: str, zh: str) -> str:
    """Words in two languages; the style shows one."""
    return f'<tspan class="k8s-en">{en}</tspan><tspan class="k8s-zh">{zh}</tspan>'


def safe(text: str) -> str:
    """Escaped, and without what XML cannot hold."""
    # Not the one of xml.sax, which loads urllib, and that takes a browser half a second.
    return html.escape(
        re.sub("[^\n -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", " ", text), quote=False
    )


def width(text: str, size: int = 13) -> int:
    """Estimated pixels: a Chinese character is a square, a Latin letter 0.6 of one."""
    return sum(10 if east_asian_width(c) in "WF" else 6 for c in text) * size // 10 + 1
