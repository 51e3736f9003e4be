"""Reading YAML · 读 YAML

YAML as Kubernetes reads it: dates stay text, ``1:30`` is no number, every key becomes text.  The
one idea: YAML is nothing but another way to write JSON, so what cannot be said in JSON cannot be
said at all.  The rule: what is wrong with a text is said in the words of Go's reader.

Upstream: sigs.k8s.io/yaml, sigs.k8s.io/yaml/goyaml.v2
"""

from __future__ import annotations

import math
import re
from collections.abc import Hashable, Iterator
from typing import Any

import yaml
from yaml.scanner import ScannerError

from k8s_ref.machinery.errors import show


class Loader(yaml.SafeLoader):
    """YAML 1.1 as Go's reader for Kubernetes understands it; takes note of keys that repeat."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.repeated: list[str] = []

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        """The mapping; of several values of one key the last one."""
        seen = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if isinstance(key, yaml.ScalarNode):
                if (key.tag, key.value) in seen:
                    line = key.start_mark.line + 1
                    self.repeated.append(f"line {line}: key {show(key.value)} already set in map")
                seen.add((key.tag, key.value))
        return super().construct_mapping(node, deep)

    def construct_scalar(self, node: Any) -> Any:
        """Text; what is no text in UTF-8 cannot be written in it either."""
        value = super().construct_scalar(node)
        if _SURROGATE.search(value):
            problem = "found invalid Unicode character escape code"
            raise ScannerError(None, None, problem, node.start_mark)
        return value


_SURROGATE = re.compile("[\ud800-\udfff]")

RESOLVED = {
    "tag:yaml.org,2002:bool": (
        re.compile(r"y|Y|yes|Yes|YES|n|N|no|No|NO|true|True|TRUE|false|False|FALSE"
                   r"|on|On|ON|off|Off|OFF"),
        "yYnNtTfFoO",
    ),
    "tag:yaml.org,2002:null": (re.compile(r"~|null|Null|NULL|"), "~nN\0"),
    "tag:yaml.org,2002:int": (
        re.compile(r"[-+]?(0b[01_]+|0x[0-9a-fA-F_]+|0o?[0-7_]+|0|[1-9][0-9_]*)"),
        "-+0123456789",
    ),
    "tag:yaml.org,2002:float": (
        re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
                   r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"),
        "-+.0123456789",
    ),
    "tag:yaml.org,2002:merge": (re.compile(r"<<"), "<"),
}  # fmt: skip
"""What plain text is read as, by its form and its possible first letters."""

_ON = ("on", "On", "ON")
Loader.yaml_implicit_resolvers = {}
for _tag, (_form, _first) in RESOLVED.items():
    _letters = ["" if letter == "\0" else letter for letter in _first]
    Loader.add_implicit_resolver(_tag, re.compile(f"(?:{_form.pattern})$"), _letters)
Loader.add_constructor(
    "tag:yaml.org,2002:bool", lambda loader, node: node.value[0] in "yYtT" or node.value in _ON
)
Loader.add_constructor("tag:yaml.org,2002:merge", lambda loader, node: node.value)


def _read_as(kind: str) -> Any:
    """A type that JSON does not have is read as what it is made of."""
    return lambda loader, node: getattr(loader, f"construct_{kind}")(node)


Loader.add_constructor("tag:yaml.org,2002:timestamp", _read_as("scalar"))
Loader.add_constructor("tag:yaml.org,2002:set", _read_as("mapping"))
Loader.add_constructor("tag:yaml.org,2002:omap", _read_as("sequence"))
Loader.add_constructor("tag:yaml.org,2002:pairs", _read_as("sequence"))


class BadYaml(ValueError):  # noqa: N818
    """The text is not YAML; says where, as kubectl and the API server do."""


_WORDS = {
    r"mapping values are not allowed here": "mapping values are not allowed in this context",
    r"(found character).*( that cannot start any token)": r"\1\2",
    r"found undefined alias (.*)": r"unknown anchor \1 referenced",
    r"expected (?:the )?(.*), but (?:found|got) .*": r"did not find expected \1",
}
"""Where Go's reader says the same thing in other words."""

_PLAIN = re.compile(r"[^\s:\"'?-]\s*$")
"""The end of plain text, which might go on in the next line."""


def read(text: str) -> Iterator[Any]:
    """The documents in the text, empty ones left out; ``BadYaml`` with the line if it is broken.

    >>> list(read("a: 2026-01-01\\n---\\n---\\nb: yes\\n8080: 3.0"))
    [{'a': '2026-01-01'}, {'b': True, '8080': 3}]
    """
    for document, _ in _documents(text):
        if document is not None:
            yield document


def first(text: str) -> tuple[Any, list[str]]:
    """The first document, and where in it a key stands again.

    >>> first("a: 1\\na: 2")
    ({'a': 2}, ['line 2: key "a" already set in map'])
    """
    return next(_documents(text), (None, []))


def _documents(text: str) -> Iterator[tuple[Any, list[str]]]:
    try:
        loader = Loader(text)
        while loader.check_data():  # type: ignore[no-untyped-call]
            yield _as_json(loader.get_data()), loader.repeated
    except yaml.MarkedYAMLError as error:
        raise BadYaml(f"yaml: {_place(error)}{_problem(error)}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BadYaml(f"yaml: {str(error).splitlines()[0]}") from None


def _problem(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or "cannot be read"
    if problem.startswith("expected <block end>"):
        in_list = error.context == "while parsing a block collection"
        return "did not find expected '-' indicator" if in_list else "did not find expected key"
    mark = error.problem_mark
    if r"'\t'" in problem and mark and _PLAIN.search((mark.buffer or "")[: mark.pointer]):
        return "found a tab character that violates indentation"
    for form, words in _WORDS.items():
        problem = re.sub(form, words, problem)
    return problem


def _as_json(value: Any) -> Any:
    """As the way through JSON leaves it: every key is text, a whole number has no fraction."""
    if isinstance(value, dict):
        return {_name(name): _as_json(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_as_json(item) for item in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, float) and not math.isfinite(value):
        raise BadYaml(f"json: unsupported value: {_NO_JSON.get(str(value), 'NaN')}")
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


_NO_JSON = {"inf": "+Inf", "-inf": "-Inf"}


def _name(name: Any) -> str:
    if isinstance(name, str):
        return name
    if isinstance(name, bool):
        return "true" if name else "false"
    if isinstance(name, int | float):
        return str(_as_json(name))
    raise BadYaml(f"yaml: a key must be text, a number or a boolean, not {name!r}")


def _place(error: yaml.MarkedYAMLError) -> str:
    """The line, counted as Go's reader counts: the first has no number, and the parser, unlike
    the scanner, is one behind."""
    for mark in (error.problem_mark, error.context_mark):
        if mark is not None and mark.line:
            return f"line {mark.line + isinstance(error, ScannerError)}: "
    return ""
