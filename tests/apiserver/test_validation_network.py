"""What the server says to Ingresses, network policies and lists of addresses that are not right."""

from __future__ import annotations

import pytest

from k8s_ref.apiserver.validation import validate, validate_update
from tests.apiserver.validation_cases import cases, changed, says
from tests.apiserver.validation_objects import made, vectors

NAMES = "ingress ingressclass networkpolicy endpoints endpointslice"

UPDATES = """
ingress spec.rules=[]
    spec: Invalid value: []: either `defaultBackend` or `rules` must be specified
ingressclass spec.controller=example.com/other
    spec.controller: Invalid value: "example.com/other": field is immutable
endpointslice addressType=IPv6
    addressType: Invalid value: "IPv6": field is immutable
"""


@pytest.mark.parametrize(("name", "change", "expected"), list(vectors(NAMES)))
def test_the_server_says_what_is_wrong(name: str, change: str, expected: list[str]) -> None:
    obj = made(name, change)
    assert says(validate(obj["kind"], obj)) == expected


@pytest.mark.parametrize("name", NAMES.split())
def test_a_good_object_is_accepted_and_may_replace_itself(name: str) -> None:
    obj = made(name)
    assert validate(obj["kind"], obj) == []
    assert validate_update(obj["kind"], {**obj, "touched": True}, obj) == []


@pytest.mark.parametrize(("line", "expected"), list(cases(UPDATES)))
def test_the_server_says_what_may_not_change(line: str, expected: list[str]) -> None:
    name, _, change = line.partition(" ")
    old = made(name)
    said = says(validate_update(old["kind"], changed(old, change), old))
    assert said == expected
