"""Flags of kubectl · kubectl 的参数

A small parser with the habits of the one kubectl uses, so that the same line means the same here:
flags may stand anywhere, ``-nshop`` and ``--namespace=shop`` are one, short switches may be
glued together, and what cannot be understood is refused in the same words.

Upstream: github.com/spf13/pflag, staging/src/k8s.io/cli-runtime/pkg/genericclioptions/
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from k8s_ref.machinery.errors import show
from k8s_ref.machinery.timestamps import parse_duration


class UsageError(Exception):
    """The line cannot be understood; the text is what kubectl says of it."""


@dataclass(slots=True, frozen=True)
class Flag:
    """One flag: ``--name`` or ``-short``, of a type, with what holds when it is not given."""

    name: str
    short: str = ""
    type: str = "string"
    default: Any = ""
    bare: str = ""
    """What the flag means when it is given without a value, as ``--dry-run``."""
    help: str = ""
    required: bool = False

    @property
    def title(self) -> str:
        """How messages name the flag: ``-o, --output``."""
        return f"-{self.short}, --{self.name}" if self.short else f"--{self.name}"


def switch(name: str, about: str, short: str = "", default: bool = False) -> Flag:
    """A flag that is on or off."""
    return Flag(name, short, "bool", default, "true", about)


_TRUE = ("1", "t", "T", "true", "TRUE", "True")
_FALSE = ("0", "f", "F", "false", "FALSE", "False")


def _bool(text: str) -> bool:
    if text not in _TRUE + _FALSE:
        raise ValueError(f"strconv.ParseBool: parsing {show(text)}: invalid syntax")
    return text in _TRUE


def _int(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"strconv.ParseInt: parsing {show(text)}: invalid syntax") from None


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"strconv.ParseFloat: parsing {show(text)}: invalid syntax") from None


def _seconds(text: str) -> float:
    return parse_duration(text) / 1e9


_READ: dict[str, Callable[[str], Any]] = {
    "string": str,
    "bool": _bool,
    "int": _int,
    "float": _float,
    "duration": _seconds,
    "list": lambda text: text.split(","),
    "files": lambda text: text.split(","),
    "array": lambda text: [text],
}


def parse(words: Iterable[str], flags: Iterable[Flag]) -> tuple[dict[str, Any], list[str]]:
    """The values of all flags, given or default, and the words that are no flags.

    >>> parse(["pods", "-oyaml", "-A"], [Flag("output", "o"), switch("all", "", "A")])
    ({'output': 'yaml', 'all': True}, ['pods'])
    """
    parser = _Parser(list(words), flags)
    parser.run()
    return parser.values, parser.rest


class _Parser:
    def __init__(self, words: list[str], flags: Iterable[Flag]) -> None:
        known = list(flags)
        self.words, self.rest = words, list[str]()
        self.by_name = {flag.name: flag for flag in known}
        self.by_short = {flag.short: flag for flag in known if flag.short}
        self.values: dict[str, Any] = {flag.name: flag.default for flag in known}
        self.given: set[str] = set()

    def run(self) -> None:
        while self.words:
            word = self.words.pop(0)
            if word == "--":
                self.rest += self.words
                return
            if word.startswith("--"):
                self._long(word[2:])
            elif word.startswith("-") and word != "-":
                self._short(word[1:], word)
            else:
                self.rest.append(word)

    def _long(self, word: str) -> None:
        name, equals, value = word.partition("=")
        flag = self.by_name.get(name)
        if flag is None:
            raise UsageError(f"unknown flag: --{name}")
        if not equals:
            value = flag.bare or self._next(f"flag needs an argument: --{name}")
        self._set(flag, value)

    def _short(self, letters: str, word: str) -> None:
        while letters:
            flag = self.by_short.get(letters[0])
            if flag is None:
                raise UsageError(f"unknown shorthand flag: '{letters[0]}' in -{letters}")
            letter, letters = letters[0], letters[1:]
            if letters.startswith("="):
                return self._set(flag, letters[1:])
            if not flag.bare:
                missing = f"flag needs an argument: '{letter}' in {word}"
                return self._set(flag, letters or self._next(missing))
            self._set(flag, flag.bare)
        return None

    def _next(self, missing: str) -> str:
        if not self.words:
            raise UsageError(missing)
        return self.words.pop(0)

    def _set(self, flag: Flag, text: str) -> None:
        try:
            value = _READ[flag.type](text)
        except ValueError as error:
            message = f'invalid argument {show(text)} for "{flag.title}" flag: {error}'
            raise UsageError(message) from None
        if isinstance(value, list) and flag.name in self.given:
            value = [*self.values[flag.name], *value]
        self.given.add(flag.name)
        self.values[flag.name] = value
