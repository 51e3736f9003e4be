"""What the server says to volumes, claims, classes and drivers that are not right."""

from __future__ import annotations

import pytest

from k8s_ref.apiserver.validation import validate, validate_update
from tests.apiserver.validation_cases import cases, changed, says
from tests.apiserver.validation_objects import made, vectors

NAMES = "pv-hostpath pvc storageclass csidriver volumeattachment"

MOVED = (
    'spec: Invalid value: {"Attacher":"d.example.com","Source":{"PersistentVolumeName":"pv3",'
    '"InlineVolumeSpec":null},"NodeName":"other"}'
)
UPDATES = """
pv-hostpath spec.volumeMode=Block
    volumeMode: Invalid value: "Block": field is immutable
pv-hostpath spec.hostPath.path=/other
    spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation
pvc spec.accessModes=[ReadWriteMany]
    spec: Forbidden: spec is immutable after creation except resources.requests and
        volumeAttributesClassName for bound claims
pvc spec.resources={requests: {storage: 500Mi}}
    spec.resources.requests.storage: Forbidden: field can not be less than status.capacity
storageclass provisioner=example.com/other
    provisioner: Invalid value: "example.com/other": field is immutable
csidriver spec.attachRequired=false
    spec.attachedRequired: Invalid value: false: field is immutable
volumeattachment spec.nodeName=other
    <moved>: field is immutable
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
    assert said == [text.replace("<moved>", MOVED) for text in expected]
