"""Hashes in names · 名字里的哈希

A ReplicaSet is named after the template it serves, so that making it twice gives the same name
and the second time is refused.  The one idea: the name is computed, not drawn by chance.  The
hash need not be strong; two templates that share one are told apart by a count of collisions.

Upstream: pkg/controller/controller_utils.go (ComputeHash), apimachinery/pkg/util/rand/rand.go
"""

from __future__ import annotations

import json
from functools import reduce

from k8s_ref.machinery.meta import Object

ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""No vowels, no 0, 1 or 3: no words come out, and nothing is misread."""


def fnv32a(data: bytes) -> int:
    """FNV-1a of 32 bits.

    >>> f"{fnv32a(b'foobar'):x}"
    'bf9cf968'
    """
    return reduce(lambda value, byte: (value ^ byte) * 0x01000193 & 0xFFFFFFFF, data, 0x811C9DC5)


def safe_encode(text: str) -> str:
    """The text in letters that a name may have.

    >>> safe_encode("4165863")
    '85b9db7'
    """
    return "".join(ALPHABET[ord(letter) % len(ALPHABET)] for letter in text)


def hash_of(value: Object, collisions: int | None = None) -> str:
    """A short name for some JSON; another one after each collision.

    >>> hash_of({"a": 1}) != hash_of({"a": 1}, 1)
    True
    """
    data = json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
    if collisions is not None:
        data += collisions.to_bytes(8, "little")
    return safe_encode(str(fnv32a(data)))
