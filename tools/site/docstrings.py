"""Docstrings on the site · 网站上的文档字符串

An extension of the reference's parser: the first line of a module is its title and is not said
twice, the roles of Sphinx become code, and doctests become fences.
"""

from __future__ import annotations

import inspect
import re
from typing import Any

import griffe

DOCTEST = re.compile(r"^>>> .*(?:\n.+)*", re.MULTILINE)
ROLE = re.compile(r":\w+:`[~!]?([^`]+)`")


class Docstrings(griffe.Extension):
    """Makes docstrings Markdown."""

    def on_instance(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Called for every module, class, function and attribute."""
        if not obj.docstring:
            return
        text = ROLE.sub(r"`\1`", inspect.cleandoc(obj.docstring.value))
        if obj.is_module:
            text = text.partition("\n")[2].lstrip("\n")
        obj.docstring.value = DOCTEST.sub(r"```pycon\n\g<0>\n```", text)
