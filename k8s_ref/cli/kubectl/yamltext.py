"""YAML in and out · YAML 的读与写

Manifests are YAML as Kubernetes reads it: dates stay text, ``1:30`` is no number.  Objects are
written the way ``kubectl get -o yaml`` writes them: keys sorted, a list as far left as its key,
text in quotes only where it would otherwise be read as something else.

Upstream: sigs.k8s.io/yaml, staging/src/k8s.io/cli-runtime/pkg/printers/yaml.go
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cmp_to_key
from typing import Any

from k8s_ref.apiserver.yamltext import RESOLVED, BadYaml, read

__all__ = ["BadYaml", "number", "number_or_text", "read", "write"]


def write(value: Any) -> str:
    """The value as YAML, in the form ``kubectl get -o yaml`` gives it.

    >>> print(write({"b": ["true", 1], "a": {}}), end="")
    a: {}
    b:
    - "true"
    - 1
    """
    return "".join(f"{line}\n" for line in _lines(value, 0))


def _lines(value: Any, indent: int) -> Iterator[str]:
    pad = " " * indent
    if isinstance(value, dict) and value:
        for key in sorted(value, key=cmp_to_key(_compare)):
            yield from _entry(f"{pad}{_key(key)}:", value[key], indent)
    elif isinstance(value, list) and value:
        for item in value:
            yield from _item(item, indent)
    else:
        yield f"{pad}{_scalar(value, indent)}"


def _key(key: str) -> str:
    """A key stands on one line, whatever is in it."""
    return _double(key) if "\n" in key else _text(key, 0)


def _entry(head: str, value: Any, indent: int) -> Iterator[str]:
    if isinstance(value, dict) and value:
        yield head
        yield from _lines(value, indent + 2)
    elif isinstance(value, list) and value:
        yield head
        yield from _lines(value, indent)
    else:
        yield f"{head} {_scalar(value, indent + 2)}"


def _item(value: Any, indent: int) -> Iterator[str]:
    """An item of a list: its first line stands behind the dash, the others below that."""
    pad = " " * indent
    if isinstance(value, dict | list) and value:
        first, *rest = _lines(value, indent + 2)
        yield f"{pad}- {first.lstrip(' ')}"
        yield from rest
    else:
        yield f"{pad}- {_scalar(value, indent + 2)}"


def _scalar(value: Any, indent: int) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return "{}" if isinstance(value, dict) else "[]"
    if isinstance(value, str):
        return _text(value, indent)
    return number(value)


def number(value: float) -> str:
    """A number as Go prints it in JSON and YAML."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return repr(value)


def number_or_text(value: Any) -> str:
    """A value the way Go prints one without being told how: ``map[app:web]``."""
    if isinstance(value, dict):
        inside = " ".join(f"{key}:{number_or_text(value[key])}" for key in sorted(value))
        return f"map[{inside}]"
    if isinstance(value, list):
        return f"[{' '.join(map(number_or_text, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return "<nil>" if value is None else number(value) if isinstance(value, float) else str(value)


_PLAIN_START = re.compile(r"[^-?:,\[\]{}#&*!|>'\"%@` ]|[-?:](?=[^ ])")
_BASE60 = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ].*)?")


def _text(text: str, indent: int) -> str:
    if "\n" in text and not _breaks_badly(text):
        return _block(text, indent)
    if _read_as_other(text) or not _printable(text) or "\n" in text:
        return _double(text)
    if _is_plain(text):
        return text
    return "'" + text.replace("'", "''") + "'"


def _breaks_badly(text: str) -> bool:
    """Whether lines of the text could not be read back: a space at an end is easily lost."""
    return " \n" in text or text.endswith(" ") or not _printable(text)


def _block(text: str, indent: int) -> str:
    """Text of several lines, as it is, below a ``|``."""
    body = text.rstrip("\n")
    ends = len(text) - len(body)
    keep = {0: "-", 1: ""}.get(ends, "+") if body else "+"
    hint = str(2) if text.startswith((" ", "\n")) else ""
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    pad = " " * indent
    return "\n".join([f"|{hint}{keep}", *(f"{pad}{line}" if line else "" for line in lines)])


def _printable(text: str) -> bool:
    return all((char.isprintable() and char <= "\uffff") or char in "\n\xa0" for char in text)


def _read_as_other(text: str) -> bool:
    """Whether a reader would take plain text for a number, a boolean, a date or nothing."""
    if text != "<<" and any(form.fullmatch(text) for form, _ in RESOLVED.values()):
        return True
    return bool(_BASE60.fullmatch(text) or _DATE.fullmatch(text))


def _is_plain(text: str) -> bool:
    if not _PLAIN_START.match(text) or text != text.strip(" ") or text.startswith(("---", "...")):
        return False
    return ": " not in text and " #" not in text and not text.endswith(":")


_ESCAPES = {
    "\0": "\\0", "\a": "\\a", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\v": "\\v", "\f": "\\f",
    "\r": "\\r", "\x1b": "\\e", '"': '\\"', "\\": "\\\\", "\x85": "\\N",
    "\u2028": "\\L", "\u2029": "\\P",
}  # fmt: skip


def _double(text: str) -> str:
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    if _printable(char):
        return char
    number = ord(char)
    if number < 0x100:
        return f"\\x{number:02X}"
    return f"\\u{number:04X}" if number < 0x10000 else f"\\U{number:08X}"


def _compare(a: str, b: str) -> int:
    """Keys in the order of Go's YAML writer: signs before letters, numbers by their size.

    >>> sorted(["a10", "a9", "ab", "a-b"], key=cmp_to_key(_compare))
    ['a-b', 'a9', 'a10', 'ab']
    """
    digits = False
    for i, (x, y) in enumerate(zip(a, b, strict=False)):
        if x == y:
            digits = x.isdigit()
        elif x.isalpha() and y.isalpha():
            return -1 if x < y else 1
        elif x.isalpha() or y.isalpha():
            return -1 if x.isalpha() == digits else 1
        else:
            m, n = _leading_number(a[i:]), _leading_number(b[i:])
            return -1 if (m, x) < (n, y) else 1
    return len(a) - len(b)


def _leading_number(text: str) -> tuple[int, int]:
    found = re.match("[0-9]*", text)
    digits = found[0] if found else ""
    return int(digits or 0), len(digits)
