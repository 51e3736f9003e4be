"""What the server says to StatefulSets, DaemonSets and their kin that are not right."""

from __future__ import annotations

import pytest

from k8s_ref.apiserver.validation import validate, validate_update
from tests.apiserver.validation_cases import cases, changed, says
from tests.apiserver.validation_objects import made, vectors

NAMES = "replicationcontroller statefulset daemonset controllerrevision"

UPDATES = """
replicationcontroller spec.selector={x: y}
    spec.template.metadata.labels: Invalid value: {"a":"rc"}: `selector` does not match template
        `labels`
statefulset spec.podManagementPolicy=Parallel
    spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals',
        'template', 'updateStrategy', 'revisionHistoryLimit',
        'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden
daemonset spec.selector={matchLabels: {x: y}} ; spec.template.metadata.labels={x: y}
    spec.selector: Invalid value: {"matchLabels":{"x":"y"}}: field is immutable
controllerrevision data={x: y}
    data: Invalid value: {"x":"y"}: field is immutable
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
