"""Quantities · 数量

How much of a resource: ``250m`` is a quarter of a CPU, ``1.5Gi`` is 1536 mebibytes.  A quantity
is an exact whole number of billionths and the way it was written; there is never a float, so
adding a thousand requests loses nothing.  Whatever is finer than a billionth, or than the unit
asked for, rounds away from zero: who asks for a little gets a little, never nothing.

Upstream: staging/src/k8s.io/apimachinery/pkg/api/resource/quantity.go
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

NANO = 1
MILLI = 10**6
ONE = 10**9

# The largest amount upstream can hold, whatever was written.
_MOST = (2**63 - 1) * ONE

_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL_SUFFIX = {exponent: suffix for suffix, exponent in _DECIMAL.items()}
_BINARY_SUFFIX = {exponent: suffix for suffix, exponent in _BINARY.items()}

_PARTS = re.compile(
    r"(?P<sign>[+-]?)(?P<whole>[0-9]*)(?P<dot>\.?)(?P<fraction>[0-9]*)"
    r"(?P<suffix>[eEinumkKMGTP]*[-+]?[0-9]*)",
    re.ASCII,
)
_EXPONENT = re.compile(r"[eE]([-+]?[0-9]{1,18})", re.ASCII)

_WRONG_FORMAT = (
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
)
_WRONG_SUFFIX = "unable to parse quantity's suffix"
_WRONG_NUMBER = "unable to parse numeric part of quantity"
_MOST_DIGITS = 1000


@dataclass(slots=True, frozen=True, order=True)
class Quantity:
    """An exact amount in billionths, and the family of suffixes it is written with.

    ``notation`` is upstream's: ``DecimalSI`` (k, M, G), ``BinarySI`` (Ki, Mi) or
    ``DecimalExponent`` (e3, e6).  It plays no part in comparisons.
    """

    nanos: int
    notation: str = field(default="DecimalSI", compare=False)

    def __add__(self, other: Quantity) -> Quantity:
        return Quantity(self.nanos + other.nanos, (self if self.nanos else other).notation)

    def __sub__(self, other: Quantity) -> Quantity:
        return Quantity(self.nanos - other.nanos, (self if self.nanos else other).notation)

    def __neg__(self) -> Quantity:
        return Quantity(-self.nanos, self.notation)

    def in_units(self, unit: int) -> int:
        """The amount as a whole number of ``MILLI`` or ``ONE``, rounded away from zero."""
        count = -(-abs(self.nanos) // unit)
        return count if self.nanos >= 0 else -count

    def round_up(self, unit: int) -> Quantity:
        """The amount without what is finer than ``unit``."""
        return Quantity(self.in_units(unit) * unit, self.notation)

    def __str__(self) -> str:
        """The canonical form: no fraction, and the largest suffix that needs none."""
        if self.nanos == 0:
            return "0"
        if self.notation == "BinarySI" and abs(self.nanos) >= 1024 * ONE and not self.nanos % ONE:
            number, exponent = _without_factors(self.nanos // ONE, 1024, 10, most=60)
            return f"{number}{_BINARY_SUFFIX.get(exponent, '')}"
        number, exponent = _without_factors(self.nanos, 1000, 3, most=27)
        exponent -= 9
        if self.notation == "DecimalExponent":
            return f"{number}e{exponent}" if exponent else str(number)
        return f"{number}{_DECIMAL_SUFFIX[exponent]}"


def _without_factors(number: int, base: int, step: int, most: int) -> tuple[int, int]:
    exponent = 0
    while exponent < most and number % base == 0:
        number //= base
        exponent += step
    return number, exponent


@lru_cache(maxsize=4096)
def parse(text: str | float) -> Quantity:
    """The quantity written as ``text``; JSON numbers count as they are written.

    >>> parse("250m") + parse("0.25") == parse("500m")
    True
    """
    parts = _PARTS.fullmatch(str(text))
    if parts is None or not (parts["whole"] or parts["dot"]):
        raise ValueError(_WRONG_FORMAT)
    base, exponent, notation = _interpret(parts["suffix"])
    nanos = _magnitude(parts["whole"], parts["fraction"], base, exponent)
    if notation == "BinarySI" and nanos < ONE:
        notation = "DecimalSI"
    return Quantity(-nanos if parts["sign"] == "-" else nanos, notation)


def _interpret(suffix: str) -> tuple[int, int, str]:
    if suffix in _DECIMAL:
        return 10, _DECIMAL[suffix], "DecimalSI"
    if suffix in _BINARY:
        return 2, _BINARY[suffix], "BinarySI"
    exponent = _EXPONENT.fullmatch(suffix)
    if exponent is None:
        raise ValueError(_WRONG_SUFFIX)
    return 10, int(exponent[1]), "DecimalExponent"


def _magnitude(whole: str, fraction: str, base: int, exponent: int) -> int:
    digits = whole + fraction
    if len(digits) > _MOST_DIGITS:
        raise ValueError(_WRONG_NUMBER)
    number = int(digits or "0")
    # Beyond these bounds the result is the most, or the least, there is; do not compute it.
    bound = len(digits) + 60
    numerator: int = number * ONE * base ** min(max(exponent, 0), bound)
    denominator: int = 10 ** len(fraction) * base ** min(max(-exponent, 0), bound)
    return min(-(-numerator // denominator), _MOST)


def value(text: str | float) -> int:
    """The amount in whole units, rounded up: bytes of memory, numbers of Pods.

    >>> value("1.5Gi"), value("100m")
    (1610612736, 1)
    """
    return parse(text).in_units(ONE)


def milli(text: str | float) -> int:
    """The amount in thousandths, rounded up: thousandths of a CPU.

    >>> milli("0.1"), milli("2"), milli("1u")
    (100, 2000, 1)
    """
    return parse(text).in_units(MILLI)


@lru_cache(maxsize=4096)
def canonical(text: str | float, unit: int = NANO) -> str:
    """The form in which the amount is stored; amounts in resource lists are whole ``MILLI``.

    >>> canonical("0.5"), canonical("1024Ki"), canonical("1000000k"), canonical("1e3")
    ('500m', '1Mi', '1G', '1e3')
    """
    return str(parse(text).round_up(unit))
