"""Names and other texts · 名称与文本的规则

What is wrong with a text that must be a name, a key, a path or an address: each test returns the
problems in upstream's words, or nothing.  The texts are long because they carry the rule, an
example and the pattern: whoever reads one can correct the manifest without looking anything up.

Upstream: staging/src/k8s.io/apimachinery/pkg/util/validation/{validation,ip}.go
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from functools import lru_cache
from typing import TypeAlias

# What is wrong with a text, in words; nothing if it is right.
Test: TypeAlias = Callable[[str], tuple[str, ...]]

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_ENDS = "and must start and end with an alphanumeric character"


def _must_match(pattern: str, what: str, *examples: str) -> str:
    shown = ",  or ".join(f"'{example}'" for example in examples)
    return f"{what} (e.g. {shown}, regex used for validation is '{pattern}')"


_LABEL_RULE = _must_match(
    _LABEL,
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
    f"{_ENDS}",
    "my-name",
    "123-abc",
)
_SUBDOMAIN_RULE = _must_match(
    _SUBDOMAIN,
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    f"'.', {_ENDS}",
    "example.com",
)
_LABEL_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_LABEL_1035_RULE = _must_match(
    _LABEL_1035,
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', "
    "start with an alphabetic character, and end with an alphanumeric character",
    "my-name",
    "abc-123",
)
_KEY_RULE = _must_match(
    "[-._a-zA-Z0-9]+",
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
    "key.name",
    "KEY_NAME",
    "key-name",
)
_HEADER_RULE = _must_match(
    "[-A-Za-z0-9]+",
    "a valid HTTP header must consist of alphanumeric characters or '-'",
    "X-Header-Name",
)


def _too_long(value: str, limit: int) -> list[str]:
    too_long = len(value.encode()) > limit
    return [f"must be no more than {limit} characters"] if too_long else []


@lru_cache(maxsize=4096)
def dns_subdomain(value: str) -> tuple[str, ...]:
    """A name as most objects have it: labels joined by dots."""
    problems = _too_long(value, 253)
    if not re.fullmatch(_SUBDOMAIN, value):
        problems.append(_SUBDOMAIN_RULE)
    return tuple(problems)


@lru_cache(maxsize=4096)
def dns_label(value: str) -> tuple[str, ...]:
    """A name that is one label of a host name.

    >>> dns_label("a.b")
    ('must not contain dots',)
    """
    problems = _too_long(value, 63)
    if not re.fullmatch(_LABEL, value):
        dots = re.fullmatch(_SUBDOMAIN, value)
        problems.append("must not contain dots" if dots else _LABEL_RULE)
    return tuple(problems)


def dns_1035_label(value: str) -> tuple[str, ...]:
    """A label that begins with a letter, as the names in a URL of the API do."""
    problems = _too_long(value, 63)
    return tuple(problems if re.fullmatch(_LABEL_1035, value) else [*problems, _LABEL_1035_RULE])


def prefix(test: Test) -> Test:
    """The test for a ``generateName``: what is appended makes up for a dash at the end."""
    return lambda value: test(f"{value[:-1]}a" if value.endswith("-") else value)


def port_name_problems(value: str) -> tuple[str, ...]:
    """What is wrong with the name of a port."""
    letters = "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"
    wrong = {
        letters: not re.fullmatch("[-a-z0-9]+", value),
        "must contain at least one letter (a-z)": not re.search("[a-z]", value),
        "must not contain consecutive hyphens": "--" in value,
        "must not begin or end with a hyphen": value.strip("-") != value,
    }
    return (*_too_long(value, 15), *(problem for problem, found in wrong.items() if found))


def config_key_problems(value: str) -> tuple[str, ...]:
    """What is wrong with a key of a ConfigMap or Secret; each becomes the name of a file."""
    problems = _too_long(value, 253)
    if not re.fullmatch("[-._a-zA-Z0-9]+", value):
        problems.append(_KEY_RULE)
    return (*problems, *_not_a_directory(value))


def _not_a_directory(value: str) -> tuple[str, ...]:
    if value in (".", ".."):
        return (f"must not be '{value}'",)
    return ("must not start with '..'",) if value.startswith("..") else ()


def env_name_problems(value: str) -> tuple[str, ...]:
    """What is wrong with the name of an environment variable."""
    if all(" " <= char <= "~" and char != "=" for char in value):
        return ()
    what = "a valid environment variable name must consist only of printable ASCII characters"
    return (f"{what} other than '='",)


def header_name_problems(value: str) -> tuple[str, ...]:
    """What is wrong with the name of an HTTP header."""
    return () if re.fullmatch("[-A-Za-z0-9]+", value) else (_HEADER_RULE,)


def absolute_path_problems(value: str) -> tuple[str, ...]:
    """What is wrong with a path that must begin at the root."""
    return () if value.startswith("/") else ("must be an absolute path",)


def no_parents(value: str) -> tuple[str, ...]:
    """What is wrong with a path that may not lead upwards."""
    return ("must not contain '..'",) if ".." in value.split("/") else ()


def descending_path(value: str) -> tuple[str, ...]:
    """What is wrong with a path that must stay below where it starts."""
    problems = ("must be a relative path",) if value.startswith("/") else ()
    return (*problems, *no_parents(value))


@lru_cache(maxsize=4096)
def ip_problems(value: str) -> tuple[str, ...]:
    """What is wrong with an IP address."""
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return ("must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",)
    return ()


@lru_cache(maxsize=4096)
def cidr_problems(value: str) -> tuple[str, ...]:
    """What is wrong with a range of IP addresses."""
    try:
        if "/" in value:
            ipaddress.ip_network(value, strict=False)
            return ()
    except ValueError:
        pass
    return ("must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)",)
