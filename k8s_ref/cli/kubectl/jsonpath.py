"""JSONPath templates · JSONPath 模板

``{.items[*].metadata.name}`` takes values out of objects; text outside braces stays as it is.
The part of the language people use: fields, indexes and slices, ``*``, ``..name``, filters,
unions of names, ``range`` … ``end``, and text in quotes.

Upstream: staging/src/k8s.io/client-go/util/jsonpath/
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from k8s_ref.cli.kubectl.yamltext import number

Step = Callable[[list[Any]], list[Any]]


class Missing(ValueError):  # noqa: N818
    """The template asks for something that is not there."""


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


def find(path: str, value: Any) -> list[Any]:
    """The values at a path, with or without braces: ``.metadata.name``."""
    path = path.strip().removeprefix("{").removesuffix("}")
    return _values(path if path.startswith((".", "[", "$", "@")) else f".{path}", value, value)


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
            for item in _values(text.removeprefix("range ").strip(), here, root):
                out += _render(pieces, item, root)[0]
            pieces = rest
        elif text[:1] in ("'", '"'):
            out += _unquoted(text)
        else:
            out += " ".join(map(_shown, _values(text, here, root)))
    return out, []


def _after_end(pieces: list[tuple[bool, str]]) -> list[tuple[bool, str]]:
    depth = 1
    for index, (is_action, text) in enumerate(pieces):
        if is_action:
            depth += (text.startswith("range ")) - (text == "end")
        if not depth:
            return pieces[index + 1 :]
    raise ValueError("error parsing jsonpath: unterminated range")


def _unquoted(text: str) -> str:
    inner = text[1:-1]
    return re.sub(r"\\(.)", lambda m: {"n": "\n", "t": "\t", "r": "\r"}.get(m[1], m[1]), inner)


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return number(value)
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


_STEP = re.compile(
    r"\.\.(?P<deep>[\w/-]+|\*)"
    r"|\.?\[(?P<inside>(?:[^\[\]\"']|\"[^\"]*\"|'[^']*'|\[[^\]]*\])*)\]"
    r"|\.(?P<field>(?:\\.|[^.\[\]\s\\{}])+)"
    r"|\."
)


def _values(path: str, here: Any, root: Any) -> list[Any]:
    """The values a path leads to from ``here``; what is missing gives none."""
    current = [root if path.startswith("$") else here]
    position = 1 if path[:1] in ("$", "@") else 0
    while position < len(path):
        step = _STEP.match(path, position)
        if step is None:
            raise ValueError(f"error parsing jsonpath {{{path}}}, unrecognized character in action")
        union = _union(step["inside"] or "")
        if union:
            # All values of the first name come before those of the second.
            current = [found for path in union for value in current for found in find(path, value)]
        else:
            current = [found for value in current for found in _walk(step, value, root)]
        position = step.end()
    return current


def _union(inside: str) -> list[str]:
    """The names in ``['a','b.c']``; none if the brackets hold something else."""
    if inside.strip()[:1] not in ("'", '"'):
        return []
    return [a or b for a, b in re.findall(r"'([^']*)'|\"([^\"]*)\"", inside)]


def _walk(step: re.Match[str], value: Any, root: Any) -> Iterable[Any]:
    if step["deep"] is not None:
        return _deep(value, step["deep"])
    if step["inside"] is not None:
        return _bracket(step["inside"].strip(), value, root)
    if step["field"] is not None:
        return _field(value, re.sub(r"\\(.)", r"\1", step["field"]))
    return [value]


def _field(value: Any, name: str) -> Iterable[Any]:
    if name == "*":
        return _children(value)
    if isinstance(value, dict) and name in value:
        return [value[name]]
    return []


def _children(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return [value[name] for name in sorted(value)]
    return value if isinstance(value, list) else []


def _deep(value: Any, name: str) -> Iterator[Any]:
    if isinstance(value, dict | list):
        yield from _field(value, name)
        for child in _children(value):
            yield from _deep(child, name)


def _bracket(inside: str, value: Any, root: Any) -> Iterable[Any]:
    if inside.startswith("?("):
        return [item for item in _children(value) if _holds(inside[2:-1].strip(), item, root)]
    if inside == "*":
        return _children(value)
    if not isinstance(value, list):
        return []
    if ":" in inside:
        return value[slice(*(int(part) if part.strip() else None for part in inside.split(":")))]
    return [item for part in inside.split(",") for item in _item(value, part)]


def _item(value: list[Any], part: str) -> list[Any]:
    try:
        index = int(part)
    except ValueError:
        raise ValueError(f"error parsing jsonpath: invalid array index {part}") from None
    if not -len(value) <= index < len(value):
        raise Missing(f"array index out of bounds: index {index}, length {len(value)}")
    return [value[index]]


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
}
_COMPARISON = re.compile(r"(.*?)\s*(==|!=|<=|>=|<|>)\s*(.*)")


def _holds(condition: str, item: Any, root: Any) -> bool:
    found = _COMPARISON.fullmatch(condition)
    if found is None:
        return bool(_values(condition, item, root))
    left, right = _operand(found[1], item, root), _operand(found[3], item, root)
    if not left or not right:
        return False
    try:
        return _COMPARE[found[2]](left[0], right[0])
    except TypeError:
        return False


def _operand(text: str, item: Any, root: Any) -> list[Any]:
    if text[:1] in ("@", "$", "."):
        return _values(text, item, root)
    if text[:1] in ("'", '"'):
        return [_unquoted(text)]
    try:
        return [json.loads(text)]
    except ValueError:
        raise ValueError(f"error parsing jsonpath: unrecognized operand {text}") from None
