"""Selectors · 选择器

Objects are joined by labels, not by names: a Service sends to, a ReplicaSet counts, ``kubectl -l``
prints whatever matches.  Text (``app=web,tier!=db``), a ``LabelSelector`` object and the terms of
a node selector all become the same thing: a list of requirements that must all hold.  An empty
selector matches everything and an absent one nothing.

Field selectors ask the same of a few fields of the object itself, with ``=`` and ``!=`` only.

Upstream: staging/src/k8s.io/apimachinery/pkg/labels/selector.go, pkg/fields/selector.go,
component-helpers/scheduling/corev1/nodeaffinity/nodeaffinity.go
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from k8s_ref.machinery.errors import Cause, invalid, show
from k8s_ref.machinery.meta import Object

Labels = Mapping[str, str]

_FROM_OBJECT = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}
_FROM_NODE_SELECTOR = _FROM_OBJECT | {"Gt": "gt", "Lt": "lt"}
_OPERATORS = "in, notin, =, ==, !=, gt, lt"
_SYMBOLS = {">": "gt", "<": "lt"}


@dataclass(slots=True, frozen=True)
class Requirement:
    """One condition on one label; the operator is upstream's word: ``in``, ``!=``, ``exists``."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Labels) -> bool:
        """Whether these labels meet the condition; a missing label is unequal to everything."""
        match self.operator:
            case "=" | "==" | "in":
                return labels.get(self.key) in self.values
            case "!=" | "notin":
                return labels.get(self.key) not in self.values
            case "exists":
                return self.key in labels
            case "!":
                return self.key not in labels
        return self._compares(labels.get(self.key, ""))

    def _compares(self, actual: str) -> bool:
        if not (_is_integer(actual) and _is_integer(self.values[0])):
            return False
        left, right = int(actual), int(self.values[0])
        return left > right if self.operator == "gt" else left < right

    def __str__(self) -> str:
        match self.operator:
            case "exists":
                return self.key
            case "!":
                return f"!{self.key}"
            case "in" | "notin":
                return f"{self.key} {self.operator} ({','.join(sorted(self.values))})"
            case "gt" | "lt":
                return f"{self.key}{'>' if self.operator == 'gt' else '<'}{self.values[0]}"
        return f"{self.key}{self.operator}{self.values[0]}"


@dataclass(slots=True, frozen=True)
class Selector:
    """Requirements that must all hold.

    ``nothing`` makes the selector match no object, which no list of requirements can say.
    """

    requirements: tuple[Requirement, ...] = ()
    nothing: bool = False

    def matches(self, labels: Labels | None) -> bool:
        """Whether an object with these labels is selected."""
        if self.nothing:
            return False
        present = labels or {}
        # Asked so often that the generator of an all() would be most of the price.
        for requirement in self.requirements:  # noqa: SIM110
            if not requirement.matches(present):
                return False
        return True

    def selects(self, obj: Object) -> bool:
        """Whether this object is selected by its labels."""
        return self.matches(obj["metadata"].get("labels"))

    def __str__(self) -> str:
        return ",".join(map(str, self.requirements))


EVERYTHING = Selector()
NOTHING = Selector(nothing=True)


def _selector(requirements: Iterator[Requirement]) -> Selector:
    return Selector(tuple(sorted(requirements, key=lambda requirement: requirement.key)))


def from_label_selector(selector: Object | None) -> Selector:
    """The selector a ``LabelSelector`` object describes.

    >>> print(from_label_selector({"matchLabels": {"app": "web"}}))
    app=web
    """
    return NOTHING if selector is None else _selector(_of_label_selector(selector))


def _of_label_selector(selector: Object) -> Iterator[Requirement]:
    for key, value in (selector.get("matchLabels") or {}).items():
        yield Requirement(key, "=", (value,))
    for expression in selector.get("matchExpressions") or ():
        yield _of_expression(expression, _FROM_OBJECT)


def _of_expression(expression: Object, operators: Mapping[str, str]) -> Requirement:
    operator = operators.get(expression["operator"])
    if operator is None:
        raise ValueError(f"{show(expression['operator'])} is not a valid label selector operator")
    return _checked(expression["key"], operator, tuple(expression.get("values") or ()), "key")


def from_labels(labels: Labels | None) -> Selector:
    """The selector of objects that carry all these labels, as ``spec.selector`` of a Service.

    >>> from_labels({"app": "web"}).matches({"app": "web", "tier": "front"})
    True
    """
    return _selector(Requirement(key, "=", (value,)) for key, value in (labels or {}).items())


def format_label_selector(selector: Object | None) -> str:
    """A ``LabelSelector`` as kubectl prints it.

    >>> format_label_selector({}), format_label_selector({"matchLabels": {"app": "web"}})
    ('<none>', 'app=web')
    """
    try:
        return str(from_label_selector(selector)) or "<none>"
    except ValueError:
        return "<error>"


def matches_node_selector(selector: Object, node: Object) -> bool:
    """Whether a node meets at least one term of a ``NodeSelector``; an empty term meets nothing."""
    return any(matches_node_term(term, node) for term in selector.get("nodeSelectorTerms") or ())


def matches_node_term(term: Object, node: Object) -> bool:
    """Whether a node meets all expressions of one term; one that cannot be read is not met."""
    expressions, fields = term.get("matchExpressions") or (), term.get("matchFields") or ()
    if not expressions and not fields:
        return False
    labels = node["metadata"].get("labels") or {}
    names = {"metadata.name": node["metadata"]["name"]}
    try:
        return all(
            _of_expression(one, _FROM_NODE_SELECTOR).matches(labels) for one in expressions
        ) and all(_of_expression(one, _FROM_NODE_SELECTOR).matches(names) for one in fields)
    except ValueError:
        return False


@lru_cache(maxsize=1024)
def parse_labels(text: str) -> Selector:
    """The selector written as ``text``; raises :class:`ValueError` in upstream's words.

    >>> str(parse_labels("tier notin (db,cache), app == web, !old"))
    'app==web,!old,tier notin (cache,db)'
    """
    return _selector(_Parser(text).requirements())


# One token: a bracket or comma, an operator, or a word up to the next of those.
_TOKEN = re.compile(r"\s*(?:([(),]|[=!><]+)|([^\s=!(),><]+))", re.ASCII)
_SYMBOL = re.compile(r"==|!=|[=!<>]")


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    for symbol, word in _TOKEN.findall(text):
        if word:
            yield ("operator" if word in ("in", "notin") else "word"), word
        for part in [symbol] if symbol and symbol in "()," else _SYMBOL.findall(symbol):
            yield part, part
    yield "end", ""


class _Parser:
    """Reads requirements one after the other, looking one token ahead."""

    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._position = 0

    def _peek(self) -> tuple[str, str]:
        kind, text = self._tokens[self._position]
        # Where an operator cannot stand, "in" and "notin" are words like any other.
        return ("word", text) if kind == "operator" else (kind, text)

    def _next(self) -> tuple[str, str]:
        token = self._peek()
        self._position = min(self._position + 1, len(self._tokens) - 1)
        return token

    def requirements(self) -> Iterator[Requirement]:
        kind, text = self._peek()
        while kind in ("word", "!"):
            try:
                yield self._requirement()
            except ValueError as error:
                raise ValueError(f"unable to parse requirement: {error}") from None
            kind, text = self._next()
            if kind == "end":
                return
            if kind != ",":
                raise ValueError(f"found '{text}', expected: ',' or 'end of string'")
            kind, text = self._peek()
            if kind not in ("word", "!"):
                raise ValueError(f"found '{text}', expected: identifier after ','")
        if kind != "end":
            raise ValueError(f"found '{text}', expected: !, identifier, or 'end of string'")

    def _requirement(self) -> Requirement:
        kind, text = self._next()
        absent = kind == "!"
        if absent:
            kind, text = self._next()
        if kind != "word":
            raise ValueError(f"found '{text}', expected: identifier")
        _check_key(text, "<nil>")
        if absent:
            return Requirement(text, "!")
        if self._peek()[0] in ("end", ","):
            return Requirement(text, "exists")
        operator = self._operator()
        values = self._values() if operator in ("in", "notin") else self._value()
        return _checked(text, operator, tuple(sorted(set(values))), "key")

    def _operator(self) -> str:
        text = self._next()[1]
        if text not in ("in", "notin", "=", "==", "!=", ">", "<"):
            raise ValueError(f"found '{text}', expected: {_OPERATORS}")
        return _SYMBOLS.get(text, text)

    def _value(self) -> list[str]:
        if self._peek()[0] in ("end", ","):
            return [""]
        kind, text = self._next()
        if kind != "word":
            raise ValueError(f"found '{text}', expected: identifier")
        return [text]

    def _values(self) -> list[str]:
        kind, text = self._next()
        if kind != "(":
            raise ValueError(f"found '{text}' expected: '('")
        kind, text = self._peek()
        if kind == ")":
            self._next()
            return []
        if kind not in ("word", ","):
            raise ValueError(f"found '{text}', expected: ',', ')' or identifier")
        return self._value_list()

    def _value_list(self) -> list[str]:
        values = []
        while True:
            # Nothing between two commas, or beside a bracket, is the empty value.
            values.append(self._next()[1] if self._peek()[0] == "word" else "")
            kind, text = self._next()
            if kind == ")":
                return values
            if kind != ",":
                raise ValueError(f"found '{text}', expected: ',' or ')'")


def _checked(key: str, operator: str, values: tuple[str, ...], path: str) -> Requirement:
    _check_key(key, path)
    cause = _wrong_values(operator, values)
    if cause is None:
        for index, value in enumerate(values):
            for problem in label_value_problems(value):
                cause = cause or invalid(f"values[{index}][{key}]", value, problem)
    if cause is not None:
        raise ValueError(str(cause))
    return Requirement(key, operator, values)


def _check_key(key: str, path: str) -> None:
    problems = label_key_problems(key)
    if problems:
        raise ValueError(str(invalid(path, key, "; ".join(problems))))


def _wrong_values(operator: str, values: Sequence[str]) -> Cause | None:
    if operator in ("in", "notin") and not values:
        detail = "for 'in', 'notin' operators, values set can't be empty"
        return invalid("values", list(values), detail)
    if operator in ("exists", "!") and values:
        detail = "values set must be empty for exists and does not exist"
        return invalid("values", list(values), detail)
    if operator in ("gt", "lt"):
        if len(values) != 1:
            detail = "for 'Gt', 'Lt' operators, exactly one value is required"
            return invalid("values", list(values), detail)
        if not _is_integer(values[0]):
            detail = "for 'Gt', 'Lt' operators, the value must be an integer"
            return invalid("values[0]", values[0], detail)
    return None


def _is_integer(text: str) -> bool:
    return re.fullmatch(r"[+-]?[0-9]{1,19}", text, re.ASCII) is not None


_NAME = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_SUBDOMAIN = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_NAME_RULE = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', "
    f"regex used for validation is '{_NAME}')"
)
_SUBDOMAIN_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'example.com', "
    f"regex used for validation is '{_SUBDOMAIN}')"
)
_VALUE_RULE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value', "
    f" or '12345', regex used for validation is '({_NAME})?')"
)


@lru_cache(maxsize=4096)
def label_key_problems(key: str, what: str = "a valid label key") -> tuple[str, ...]:
    """What is wrong with a label key (``what`` = "a qualified name" for other such names).

    >>> label_key_problems("example.com/tier")
    ()
    """
    prefix, slash, name = key.rpartition("/")
    if "/" in prefix:
        optional = "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        return (f"{what} {_NAME_RULE} {optional}",)
    problems = []
    if slash and not prefix:
        problems.append("prefix part must be non-empty")
    elif slash:
        problems += [f"prefix part {problem}" for problem in subdomain_problems(prefix)]
    if not name:
        problems.append("name part must be non-empty")
    elif len(name) > 63:
        problems.append("name part must be no more than 63 bytes")
    if not re.fullmatch(_NAME, name):
        problems.append(f"name part {_NAME_RULE}")
    return tuple(problems)


@lru_cache(maxsize=4096)
def label_value_problems(value: str) -> tuple[str, ...]:
    """What is wrong with a label value."""
    problems = ["must be no more than 63 bytes"] if len(value.encode()) > 63 else []
    if not re.fullmatch(f"({_NAME})?", value):
        problems.append(_VALUE_RULE)
    return tuple(problems)


@lru_cache(maxsize=4096)
def subdomain_problems(name: str) -> tuple[str, ...]:
    """What is wrong with a name that must be a DNS subdomain, as most object names."""
    problems = ["must be no more than 253 bytes"] if len(name.encode()) > 253 else []
    if not re.fullmatch(_SUBDOMAIN, name):
        problems.append(_SUBDOMAIN_RULE)
    return tuple(problems)


@dataclass(slots=True, frozen=True)
class FieldSelector:
    """Terms ``(field, "=" or "!=", value)`` that must all hold for an object."""

    terms: tuple[tuple[str, str, str], ...] = ()

    def selects(self, obj: Object) -> bool:
        """Whether the fields of this object are as asked."""
        for field, operator, value in self.terms:
            if (field_value(obj, field) == value) != (operator == "="):
                return False
        return True

    def exact(self, field: str) -> str | None:
        """The one value the selector allows for a field, if it allows only one."""
        found = (value for name, operator, value in self.terms if (name, operator) == (field, "="))
        return next(found, None)

    def __str__(self) -> str:
        return ",".join(f"{field}{operator}{_escape(v)}" for field, operator, v in self.terms)


# What a field is when JSON leaves it out: the zero of its type.
_ZERO = {
    "spec.unschedulable": "false",
    "spec.hostNetwork": "false",
    "status.successful": "0",
    "status.replicas": "0",
}


def field_value(obj: Object, field: str) -> str:
    """The text of a field such as ``spec.nodeName``, as field selectors compare it."""
    found: Any = obj
    for step in field.split("."):
        found = found.get(step) if isinstance(found, dict) else None
    if found is None:
        return _ZERO.get(field, "")
    return str(found).lower() if isinstance(found, bool) else str(found)


@lru_cache(maxsize=1024)
def parse_fields(text: str) -> FieldSelector:
    """The field selector written as ``text``; raises :class:`ValueError` in upstream's words.

    >>> parse_fields("spec.nodeName=,status.phase!=Failed").terms
    (('spec.nodeName', '=', ''), ('status.phase', '!=', 'Failed'))
    """
    terms = sorted(filter(None, re.findall(r"(?:\\.|[^,\\]|\\$)+", text, re.DOTALL)))
    return FieldSelector(tuple(_field_term(text, term) for term in terms))


def _field_term(selector: str, term: str) -> tuple[str, str, str]:
    parts = re.fullmatch(r"((?:\\.|[^\\=!]|!(?!=))*)(!=|==|=)(.*)", term, re.DOTALL)
    if parts is None:
        raise ValueError(f"invalid selector: '{selector}'; can't understand '{term}'")
    return parts[1], "!=" if parts[2] == "!=" else "=", _unescape(parts[3])


def _unescape(value: str) -> str:
    for sequence in re.findall(r"\\.?", value, re.DOTALL):
        if sequence not in (r"\\", r"\,", r"\="):
            raise ValueError(f"invalid field selector: invalid escape sequence: {sequence}")
    if "=" in re.sub(r"\\.", "", value):
        raise ValueError("invalid field selector: unescaped character in value: 61")
    return re.sub(r"\\(.)", r"\1", value)


def _escape(value: str) -> str:
    return re.sub(r"([\\,=])", r"\\\1", value)
