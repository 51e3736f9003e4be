"""The vocabulary of validation · 校验规则的词汇

A rule takes a value and the path it stands at, and yields a cause for each thing wrong with it.
Rules are put together like the schema they check: a struct is a list of fields with a rule each,
a list is a rule for its items.  So the rules of a kind read as a table, in upstream's order,
which is the order of the causes a user sees.

A field that is absent, null or the empty text is checked only if it must be there: to Go these
are the same thing.

Upstream: staging/src/k8s.io/apimachinery/pkg/util/validation/field/, pkg/api/validation/
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, TypeAlias

from k8s_ref.apiserver.validation_names import Test, port_name_problems
from k8s_ref.machinery import quantity
from k8s_ref.machinery.errors import Cause, duplicate, forbidden, invalid, not_supported, required
from k8s_ref.machinery.meta import Object
from k8s_ref.machinery.selectors import label_key_problems, label_value_problems

Rule: TypeAlias = Callable[[Any, str], Iterable[Cause]]


class Row(NamedTuple):
    """One line of a struct's rules; an empty name means the struct itself."""

    name: str
    rule: Rule
    needed: bool = False


def row(name: str, rule: Rule) -> Row:
    """The field, if set, keeps the rule."""
    return Row(name, rule)


def must(name: str, rule: Rule | None = None) -> Row:
    """The field must be set, and then keeps the rule."""
    return Row(name, rule or anything, needed=True)


def whole(rule: Rule) -> Row:
    """A rule that looks at several fields of the struct at once."""
    return Row("", rule)


def always(name: str, rule: Rule, zero: Any = "") -> Row:
    """The rule is asked even if the field is not set; it then gets the zero of its type."""
    return whole(lambda value, path: rule(value.get(name) or zero, inside(path, name)))


def struct(*rows: Row) -> Rule:
    """An object whose fields keep these rules, asked in this order.

    >>> [str(cause) for cause in struct(must("kind"), row("port", port_number))({"port": 0}, "x")]
    ['x.kind: Required value', 'x.port: Invalid value: 0: must be between 1 and 65535, inclusive']
    """

    def check(value: Any, path: str) -> list[Cause]:
        causes: list[Cause] = []
        for name, rule, needed in rows:
            if not name:
                causes += rule(value, path)
                continue
            item = value.get(name)
            if item is None:
                # By far the most frequent case comes first.
                if needed:
                    causes.append(required(inside(path, name)))
            elif needed and not item and item is not False:
                causes.append(required(inside(path, name)))
            elif item != "":
                causes += rule(item, inside(path, name))
        return causes

    return check


def inside(path: str, name: str) -> str:
    """The path of a field."""
    return f"{path}.{name}" if path else name


def each(rule: Rule, unique: str = "") -> Rule:
    """A list whose items keep the rule; the values of the field ``unique`` stand in it once."""

    def check(items: Any, path: str) -> Iterator[Cause]:
        seen = set()
        for index, item in enumerate(items):
            place = f"{path}[{index}]"
            yield from rule(item, place)
            name = item.get(unique) if unique else None
            if name and name in seen:
                yield duplicate(f"{place}.{unique}", name)
            seen.add(name)

    return check


REMEMBERED = 1000
"""So many objects a rule asked :func:`once` knows before it begins anew."""


def once(rule: Rule) -> Rule:
    """The rule, not asked again about the very same object that kept it before.

    What was sent is immutable from then on, and most Pods share most of their template.
    """
    known: dict[int, Any] = {}

    def check(value: Any, path: str) -> Iterable[Cause]:
        # The object itself is held, so that no other can come to have its number.
        if known.get(id(value)) is value:
            return ()
        causes = list(rule(value, path))
        if not causes:
            if len(known) >= REMEMBERED:
                known.clear()
            known[id(value)] = value
        return causes

    return check


def anything(value: Any, path: str) -> Iterable[Cause]:
    """Nothing to object to."""
    return ()


def text(*tests: Test) -> Rule:
    """A text that passes the tests."""

    def check(value: Any, path: str) -> list[Cause]:
        return [invalid(path, value, problem) for test in tests for problem in test(value)]

    return check


def one_of(*allowed: str) -> Rule:
    """One of these words; the message lists them in the order given."""
    words = frozenset(allowed)

    def check(value: Any, path: str) -> Iterable[Cause]:
        return () if value in words else (not_supported(path, value, allowed),)

    return check


def between(least: int, most: int, words: str = "") -> Rule:
    """A number of this range."""
    problem = words or f"must be between {least} and {most}, inclusive"

    def check(value: Any, path: str) -> Iterable[Cause]:
        return () if least <= value <= most else (invalid(path, value, problem),)

    return check


def more_than(limit: int, words: str = "") -> Rule:
    """A number greater than the limit."""
    problem = words or f"must be greater than {limit}"

    def check(value: Any, path: str) -> Iterable[Cause]:
        return () if value > limit else (invalid(path, value, problem),)

    return check


NOT_NEGATIVE = "must be greater than or equal to 0"
IMMUTABLE = "field is immutable"


def not_negative(value: Any, path: str) -> Iterable[Cause]:
    """A number that is at least zero."""
    return () if value >= 0 else (invalid(path, value, NOT_NEGATIVE),)


port_number = between(1, 65535)
port_name = text(port_name_problems)
label_name = text(label_key_problems)


def port_if_set(value: Any, path: str) -> Iterable[Cause]:
    """A port number, where 0 stands for none."""
    return port_number(value, path) if value else ()


def port_number_or_name(value: Any, path: str) -> Iterable[Cause]:
    """A port number, or the name of a port."""
    return port_number(value, path) if isinstance(value, int) else port_name(value, path)


def immutable(new: Any, old: Any, path: str) -> Iterable[Cause]:
    """The value may not change."""
    return () if (new or None) == (old or None) else (invalid(path, new, IMMUTABLE),)


def exactly_one(needed: str, several: str, **kinds: Rule) -> Rule:
    """An object that sets one of these fields; a second one is refused, whatever is in it."""

    def check(value: Any, path: str) -> Iterator[Cause]:
        found = [name for name in value if name in kinds and value[name] is not None]
        if len(found) > 1:
            found = [name for name in kinds if name in found]
        for name in found[:1]:
            yield from kinds[name](value[name], inside(path, name))
        for name in found[1:]:
            yield forbidden(inside(path, name), several)
        if not found and needed:
            yield required(path, needed)

    return check


def labels(value: Object, path: str) -> Iterator[Cause]:
    """A map of labels."""
    for key, label in value.items():
        for problem in label_key_problems(key):
            yield invalid(path, key, problem)
        for problem in label_value_problems(label or ""):
            yield invalid(path, label, problem)


def amount_not_negative(value: Any, path: str) -> Iterator[Cause]:
    """An amount of something that is at least none."""
    if quantity.parse(value).nanos < 0:
        yield invalid(path, quantity.canonical(value), NOT_NEGATIVE)
