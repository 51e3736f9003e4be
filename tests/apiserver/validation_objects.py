"""Vectors for the kinds beyond Pods and their closest kin, by the names in the data file.

``validation_vectors.yaml`` holds a good object for each name, and what the server says to changes
of it.  Upstream completes an object before it looks at it; so does :func:`made`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from k8s_ref.apiserver import defaults
from k8s_ref.apiserver.strategy import strategy_of
from k8s_ref.apiserver.validation import validate, validate_update
from k8s_ref.machinery.kinds import KINDS
from k8s_ref.machinery.meta import Object, seal
from tests.apiserver.validation_cases import cases, changed, says

VECTORS = yaml.safe_load((Path(__file__).parent / "validation_vectors.yaml").read_text("utf-8"))
BORN = {"uid": "u1", "creationTimestamp": "2026-01-01T00:00:00Z", "resourceVersion": "1"}


def vectors(names: str) -> Iterator[Any]:
    """Name, change and what the server says, for all these names."""
    for name in names.split():
        for case in cases(VECTORS[name]["cases"]):
            yield pytest.param(name, *case.values, id=f"{name} {case.id}")


def made(name: str, change: str = "") -> Object:
    """The object as the server completes it, before it looks at it."""
    sent = VECTORS[name]["good"]
    obj = changed(sent, change) if change else sent
    kind = KINDS.of(sent["apiVersion"], sent["kind"])
    obj = {**obj, "metadata": {**obj["metadata"], **BORN}}
    return seal(strategy_of(kind).prepare(defaults.apply(sent["kind"], seal(obj))))


def rules(names: str, updates: str) -> tuple[Any, Any, Any]:
    """The three tests of kinds whose vectors stand in the table: what is wrong, what is right, and
    what may not change."""

    @pytest.mark.parametrize(("name", "change", "expected"), list(vectors(names)))
    def test_the_server_says_what_is_wrong(name: str, change: str, expected: list[str]) -> None:
        obj = made(name, change)
        assert says(validate(obj["kind"], obj)) == expected

    @pytest.mark.parametrize("name", names.split())
    def test_a_good_object_is_accepted_and_may_replace_itself(name: str) -> None:
        obj = made(name)
        assert validate(obj["kind"], obj) == []
        assert validate_update(obj["kind"], {**obj, "touched": True}, obj) == []

    @pytest.mark.parametrize(("line", "expected"), list(cases(updates)))
    def test_the_server_says_what_may_not_change(line: str, expected: list[str]) -> None:
        name, _, change = line.partition(" ")
        old = made(name)
        said = says(validate_update(old["kind"], changed(old, change), old))
        assert said == expected

    return (
        test_the_server_says_what_is_wrong,
        test_a_good_object_is_accepted_and_may_replace_itself,
        test_the_server_says_what_may_not_change,
    )
