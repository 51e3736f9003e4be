"""Docstrings on the site · 网站上的文档字符串

An extension of the reference's parser: in Chinese, docstrings are those of ``docs/api.zh.yml``
where it has them; the first line of a module is its title and is not said twice; the roles of
Sphinx become code, and doctests become fences.
"""

from __future__ import annotations

import inspect
import os
import re
from typing import Any

import griffe

from tools.site.translations import Translations

DOCTEST = re.compile(r"^>>> .*(?:\n.+)*", re.MULTILINE)
ROLE = re.compile(r":\w+:`[~!]?([^`]+)`")
LANG = "K8S_REF_DOCS_LANG"


class Docstrings(griffe.Extension):
    """Makes docstrings Markdown, in the language of the build."""

    def __init__(self) -> None:
        chinese = os.environ.get(LANG, "zh") == "zh"
        self.translations = Translations() if chinese else None

    def on_instance(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Called for every module, class, function and attribute."""
        if not obj.docstring:
            return
        english = inspect.cleandoc(obj.docstring.value)
        text, wrong = english, ""
        if self.translations is not None:
            text, wrong = self.translations.of(obj.path, english)
        if wrong:
            griffe.logger.warning(wrong)
        text = ROLE.sub(r"`\1`", text)
        if obj.is_module and text == ROLE.sub(r"`\1`", english):
            text = text.partition("\n")[2].lstrip("\n")
        obj.docstring.value = DOCTEST.sub(r"```pycon\n\g<0>\n```", text)
