"""JSONPath templates · JSONPath 模板

``{.items[*].metadata.name}`` takes values out of objects; text outside braces stays as it is.
The part of the language people use: fields, indexes and slices, ``*``, ``..name``, filters,
unions of names, ``range`` … ``end``, and text in quotes.

Upstream: staging/src/k8s.io/client-go/util/jsonpath/
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from k8s_ref.apiserver.jsonpath import Missing, find, unquoted, values
from k8s_ref.cli.kubectl.yamltext import number

__all__ = ["Missing", "find", "of_go_template", "render"]

_ACTION = re.compile(r"\{((?:[^{}\"']|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*')*)\}")


def render(template: str, value: Any) -> str:
    """Fill in a template; ``ValueError`` if it is not one.

    >>> pods = {"items": [{"name": "a"}, {"name": "b"}]}
    >>> render("{.items[*].name}{range .items[*]}<{.name}>{end}", pods)
    'a b<a><b>'
    """
    pieces = list(_pieces(template))
    out, rest = _render(pieces, value, value)
    if rest:
        raise ValueError(f"error parsing jsonpath {template}, not in range, nothing to end")
    return out


_GO_ACTION = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}")


def of_go_template(template: str) -> str:
    """A Go template of fields, ranges and text in quotes, as a JSONPath template.

    >>> of_go_template('{{range .items}}{{.metadata.name}}{{"\\\\n"}}{{end}}')
    '{range .items[*]}{.metadata.name}{"\\\\n"}{end}'
    """

    def action(found: re.Match[str]) -> str:
        word, _, rest = found[1].partition(" ")
        if word == "range" and rest.startswith("."):
            return f"{{range {rest}[*]}}"
        if found[1] == "end" or found[1][:1] in (".", '"'):
            return f"{{{found[1]}}}"
        raise ValueError(f"error parsing template {template}: {word} is not known here")

    return _GO_ACTION.sub(action, template)


def _pieces(template: str) -> Iterator[tuple[bool, str]]:
    """Text and actions in turn: (whether it is an action, what stands there)."""
    end = 0
    for found in _ACTION.finditer(template):
        yield False, template[end : found.start()]
        yield True, found[1].strip()
        end = found.end()
    if "{" in template[end:]:
        raise ValueError(f"error parsing jsonpath {template}, unclosed action")
    yield False, template[end:]


def _render(
    pieces: list[tuple[bool, str]], here: Any, root: Any
) -> tuple[str, list[tuple[bool, str]]]:
    """The text up to the end of the template or of the range, and the pieces after it."""
    out = ""
    while pieces:
        (is_action, text), *pieces = pieces
        if not is_action:
            out += text
        elif text == "end":
            return out, [(False, ""), *pieces]
        elif text.startswith("range "):
            rest: list[tuple[bool, str]] = _after_end(pieces)
            for item in values(text.removeprefix("range ").strip(), here, root):
                out += _render(pieces, item, root)[0]
            pieces = rest
        elif text[:1] in ("'", '"'):
            out += unquoted(text)
        else:
            out += " ".join(map(_shown, values(text, here, root)))
    return out, []


def _after_end(pieces: list[tuple[bool, str]]) -> list[tuple[bool, str]]:
    depth = 1
    for index, (is_action, text) in enumerate(pieces):
        if is_action:
            depth += (text.startswith("range ")) - (text == "end")
        if not depth:
            return pieces[index + 1 :]
    raise ValueError("error parsing jsonpath: unterminated range")


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return number(value)
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
