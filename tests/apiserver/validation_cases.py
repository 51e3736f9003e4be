"""Validation cases as text: a change to a good object, and below it what the server then says.

    spec.containers.0.name=a.b
        spec.containers[0].name: Invalid value: "a.b": must not contain dots

``=!`` takes a field away, `` ; `` stands between two changes, a line that goes further in
continues the one before it, and ``<label>`` stands for a long text.  No line below means that the
change was accepted.  ``RECORDED`` is what a Kubernetes 1.36 API server answered.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from k8s_ref.machinery.errors import Cause
from k8s_ref.machinery.meta import copy

_ENDS = "and must start and end with an alphanumeric character"
_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_NAME = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_NAME_RULE = (
    f"must consist of alphanumeric characters, '-', '_' or '.', {_ENDS} (e.g. 'MyName',  "
    f"or 'my.name',  or '123-abc', regex used for validation is '{_NAME}')"
)
LONG = {
    "<label>": "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or "
    f"'-', {_ENDS} (e.g. 'my-name',  or '123-abc', regex used for validation is '{_LABEL}')",
    "<subdomain>": "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric "
    f"characters, '-' or '.', {_ENDS} (e.g. 'example.com', regex used for validation is "
    rf"'{_LABEL}(\.{_LABEL})*')",
    "<name part>": f"name part {_NAME_RULE}",
    "<label key>": f"a valid label key {_NAME_RULE} with an optional DNS subdomain prefix and '/' "
    "(e.g. 'example.com/MyName')",
    "<label value>": "a valid label must be an empty string or consist of alphanumeric "
    f"characters, '-', '_' or '.', {_ENDS} (e.g. 'MyValue',  or 'my_value',  or '12345', "
    f"regex used for validation is '({_NAME})?')",
    "<config key>": "a valid config key must consist of alphanumeric characters, '-', '_' or '.' "
    "(e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is "
    "'[-._a-zA-Z0-9]+')",
    "<pod updates>": "pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only "
    "additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set "
    "to 1 if it was previously negative)",
}


def cases(text: str) -> Iterator[Any]:
    """One parameter set (change, what the server says) for each case in the text."""
    for paragraph in re.split(r"\n(?=\S)", text.strip()):
        joined = re.sub(r"\n {8,}", " ", paragraph)
        change, *says = joined.split("\n")
        yield pytest.param(change, [_in_full(line.strip()) for line in says], id=change)


def _in_full(line: str) -> str:
    for short, long in LONG.items():
        line = line.replace(short, long)
    return line


def changed(obj: Any, change: str) -> Any:
    """A copy of the object with the change that a case names."""
    made = copy(obj)
    for part in change.split(" ; "):
        path, _, value = part.partition("=")
        *steps, last = (int(step) if step.isdigit() else step for step in path.split("."))
        holder = made
        for step in steps:
            holder = holder[step] if isinstance(step, int) else holder.setdefault(step, {})
        if value == "!":
            del holder[last]
        else:
            holder[last] = yaml.safe_load(value)
    return made


def says(causes: list[Cause]) -> list[str]:
    """The causes as they stand in the message, without the difference some end with."""
    return [str(cause).partition("\n")[0] for cause in causes]
