"""Notebooks · 笔记本

What a notebook says for itself because no page stands around it.  The one idea: a picture holds
both languages and shows that of its page; a notebook's page is the program that opened it, which
speaks whatever it speaks, so a notebook in one language says which one in its first cell.

Upstream: none.
"""

from __future__ import annotations

import builtins
from typing import Any

from k8s_ref.sim.drawing import Picture


def speak(lang: str) -> None:
    """Have this notebook draw its pictures in one language; nothing happens outside of one."""
    shell: Any = getattr(builtins, "get_ipython", lambda: None)()
    if shell is not None:
        formatter = shell.display_formatter.formatters["image/svg+xml"]
        formatter.for_type(Picture, lambda picture: picture.svg(lang))
