"""JSONPath · JSONPath 路径

What a path such as ``.status.conditions[?(@.type=="Ready")].status`` leads to in an object: the
columns of custom resources are described by such paths, and kubectl's templates are made of them.
The one idea: each step turns a list of values into the next list, so a step that leads nowhere
gives nothing and never an error.

Upstream: staging/src/k8s.io/client-go/util/jsonpath/
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any


class Missing(ValueError):  # noqa: N818
    """The path asks for an item of a list that is not there."""


def find(path: str, value: Any) -> list[Any]:
    """The values at a path, with or without braces: ``.metadata.name``."""
    path = path.strip().removeprefix("{").removesuffix("}")
    return values(path if path.startswith((".", "[", "$", "@")) else f".{path}", value, value)


_STEP = re.compile(
    r"\.\.(?P<deep>[\w/-]+|\*)"
    r"|\.?\[(?P<inside>(?:[^\[\]\"']|\"[^\"]*\"|'[^']*'|\[[^\]]*\])*)\]"
    r"|\.(?P<field>(?:\\.|[^.\[\]\s\\{}])+)"
    r"|\."
)


def values(path: str, here: Any, root: Any) -> list[Any]:
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
        return bool(values(condition, item, root))
    left, right = _operand(found[1], item, root), _operand(found[3], item, root)
    if not left or not right:
        return False
    try:
        return _COMPARE[found[2]](left[0], right[0])
    except TypeError:
        return False


def _operand(text: str, item: Any, root: Any) -> list[Any]:
    if text[:1] in ("@", "$", "."):
        return values(text, item, root)
    if text[:1] in ("'", '"'):
        return [unquoted(text)]
    try:
        return [json.loads(text)]
    except ValueError:
        raise ValueError(f"error parsing jsonpath: unrecognized operand {text}") from None


def unquoted(text: str) -> str:
    """Text in quotes without them, its escapes resolved."""
    inner = text[1:-1]
    return re.sub(r"\\(.)", lambda m: {"n": "\n", "t": "\t", "r": "\r"}.get(m[1], m[1]), inner)
