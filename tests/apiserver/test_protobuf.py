"""Tests of protobuf bodies, with what kubectl 1.33 and 1.32 sent.

``protobuf_bodies.json`` holds the bodies of those commands that send protobuf, and beside each what
the same command printed with ``--dry-run=client -o json`` (for five that have no dry run: what
their flags say).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8s_ref.apiserver import protobuf
from k8s_ref.machinery import schema
from k8s_ref.machinery.errors import BadRequest
from k8s_ref.machinery.kinds import KINDS
from k8s_ref.machinery.meta import Object

ROWS = json.loads((Path(__file__).parent / "protobuf_bodies.json").read_text("utf-8"))
DEPLOYMENT = base64.b64decode(ROWS[0]["body"])


def blob(number: int, data: bytes | str) -> bytes:
    """A field of bytes."""
    data = data.encode() if isinstance(data, str) else data
    return whole(number, len(data), 2) + data


def whole(number: int, value: int, wire: int = 0) -> bytes:
    """A field that is a whole number."""
    found = b""
    for part in (number << 3 | wire, value % 2**64):
        while part > 127:
            found, part = found + bytes([part & 127 | 128]), part >> 7
        found += bytes([part])
    return found


def body_of(api_version: str, kind: str, message: bytes) -> bytes:
    """A whole body: magic, envelope, object."""
    envelope = blob(1, blob(1, api_version) + blob(2, kind)) + blob(2, message)
    return protobuf.MAGIC + envelope


def sent(api_version: str, kind: str, message: bytes) -> Object:
    """What a body says, without its kind."""
    found = protobuf.decode(body_of(api_version, kind, message))
    assert (found.pop("apiVersion"), found.pop("kind")) == (api_version, kind)
    return found


def told_apart(decoded: Any, printed: Any, path: str = "") -> Iterator[str]:
    """Where two objects differ in more than zeros."""
    if isinstance(printed, dict):
        other = decoded if isinstance(decoded, dict) else {}
        yield from (f"{path}.{name}: more" for name in other.keys() - printed.keys())
        for name, item in printed.items():
            yield from told_apart(other.get(name), item, f"{path}.{name}")
    elif isinstance(printed, list) and isinstance(decoded, list) and len(printed) == len(decoded):
        for index, item in enumerate(printed):
            yield from told_apart(decoded[index], item, f"{path}[{index}]")
    elif decoded != printed and (decoded or printed):
        yield f"{path}: {decoded!r} for {printed!r}"


@pytest.mark.parametrize("row", ROWS, ids=[f"{r['kubectl']} {r['command']}" for r in ROWS])
def test_what_kubectl_sends_is_what_it_prints(row: Object):
    decoded = protobuf.decode(base64.b64decode(row["body"]))
    assert list(told_apart(decoded, row["prints"])) == []


@pytest.mark.parametrize("row", ROWS, ids=[f"{r['kubectl']} {r['command']}" for r in ROWS])
def test_what_kubectl_sends_fits_the_schema(row: Object):
    decoded = protobuf.decode(base64.b64decode(row["body"]))
    group, _, version = decoded["apiVersion"].rpartition("/")
    found = schema.check(decoded, (group, version, decoded["kind"]))
    assert (found.unknown, found.ill_typed, found.nulls) == ([], "", False)


def test_a_pointer_to_zero_is_kept_and_a_zero_that_says_nothing_is_not():
    decoded = protobuf.decode(DEPLOYMENT)
    assert decoded["spec"]["replicas"] == 0
    assert set(decoded) == {"apiVersion", "kind", "metadata", "spec"}
    assert set(decoded["metadata"]) == {"name", "labels"}


def test_fields_of_embedded_structs_stand_among_those_around_them():
    volume = blob(1, "cache") + blob(2, blob(2, blob(1, "Memory")))
    empty = blob(1, "plain") + blob(2, blob(2, b""))
    found = sent("v1", "Pod", blob(2, blob(1, volume) + blob(1, empty)))
    assert found["spec"]["volumes"] == [
        {"name": "cache", "emptyDir": {"medium": "Memory"}},
        {"name": "plain", "emptyDir": {}},
    ]


def test_values_that_are_text_in_json_become_text():
    secret = blob(2, blob(1, "key") + blob(2, b"\0\xff")) + blob(3, "Opaque")
    assert sent("v1", "Secret", secret) == {"data": {"key": "AP8="}, "type": "Opaque"}
    quota = blob(2, blob(1, blob(1, "cpu") + blob(2, blob(1, "500m"))))
    assert sent("v1", "ResourceQuota", quota) == {"spec": {"hard": {"cpu": "500m"}}}
    nothing = blob(2, blob(1, blob(1, "pods") + blob(2, blob(1, ""))))
    assert sent("v1", "ResourceQuota", nothing) == {"spec": {"hard": {"pods": "0"}}}
    moment = blob(1, blob(8, whole(1, 1767225600) + whole(2, 999)))
    assert sent("v1", "ConfigMap", moment) == {
        "metadata": {"creationTimestamp": "2026-01-01T00:00:00Z"}
    }
    micro = blob(2, blob(3, whole(1, 1767225600) + whole(2, 1_500_000)))
    assert sent("coordination.k8s.io/v1", "Lease", micro)["spec"] == {
        "acquireTime": "2026-01-01T00:00:00.001500Z"
    }
    data = blob(2, blob(1, '{"a":[1]}')) + whole(3, -1)
    assert sent("apps/v1", "ControllerRevision", data) == {"data": {"a": [1]}, "revision": -1}


def test_lists_in_maps_are_unwrapped():
    extra = blob(1, "scopes") + blob(2, blob(1, "a") + blob(1, "b"))
    review = blob(2, blob(5, extra))
    assert sent("authorization.k8s.io/v1", "SubjectAccessReview", review)["spec"] == {
        "extra": {"scopes": ["a", "b"]}
    }


def test_a_port_is_a_number_or_a_name():
    ports = [whole(1, 0) + whole(2, 80) + blob(3, ""), whole(1, 1) + whole(2, 0) + blob(3, "http")]
    spec = b"".join(blob(1, blob(1, str(n)) + blob(4, port)) for n, port in enumerate(ports))
    found = sent("v1", "Service", blob(2, spec))["spec"]["ports"]
    assert [port["targetPort"] for port in found] == [80, "http"]


def test_numbers_that_nobody_knows_are_passed_over():
    later = blob(900, "new") + whole(901, 7) + whole(902, 0, 1)[:2] + bytes(8)
    assert sent("v1", "ConfigMap", blob(1, blob(1, "a")) + later) == {"metadata": {"name": "a"}}


def test_options_of_a_delete_are_understood_in_every_group():
    options = whole(1, 0) + blob(2, blob(1, "u")) + blob(4, "Orphan") + blob(5, "All")
    for version in ("v1", "apps/v1", "meta.k8s.io/v1"):
        assert sent(version, "DeleteOptions", options) == {
            "gracePeriodSeconds": 0,
            "preconditions": {"uid": "u"},
            "propagationPolicy": "Orphan",
            "dryRun": ["All"],
        }


def test_a_body_that_names_no_kind_is_of_the_one_expected():
    body = protobuf.MAGIC + blob(2, blob(1, blob(1, "web")))
    found = protobuf.decode(body, ("apps", "v1", "Deployment"))
    assert found == {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}}


def test_every_kind_with_a_schema_is_known_but_for_the_newest_and_two_that_only_speak_json():
    unknown = {kind.resource for kind in KINDS if not protobuf.definition_of(kind.gvk)}
    assert unknown - {kind.resource for kind in KINDS if schema.struct_of(kind) is None} == {
        "customresourcedefinitions.apiextensions.k8s.io",
        "apiservices.apiregistration.k8s.io",
        "mutatingadmissionpolicies.admissionregistration.k8s.io",
        "mutatingadmissionpolicybindings.admissionregistration.k8s.io",
        "deviceclasses.resource.k8s.io",
        "resourceclaims.resource.k8s.io",
        "resourceclaimtemplates.resource.k8s.io",
        "resourceslices.resource.k8s.io",
        "volumeattributesclasses.storage.k8s.io",
    }
    assert protobuf.decode(body_of("v1", "Widget", b"")) == {"apiVersion": "v1", "kind": "Widget"}


MAGIC = protobuf.MAGIC
CONFIG_MAP = 'ConfigMap in version "v1" cannot be handled as a ConfigMap: '


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "empty data"),
        (
            b'{"kind":"ConfigMap"}',
            "provided data does not appear to be a protobuf message,"
            " expected prefix [107 56 115 0]",
        ),
        (MAGIC, "empty body"),
        (MAGIC + b"\x0a", "unexpected EOF"),
        (MAGIC + b"\x0a\x05a", "unexpected EOF"),
        (MAGIC + b"\xff" * 10, "proto: integer overflow"),
        (
            MAGIC + b"\x12" + b"\xff" * 9 + b"\x01",
            "proto: negative length found during unmarshaling",
        ),
        (MAGIC + b"\x0f", "proto: illegal wireType 7"),
        (MAGIC + b"\x00\x00", "proto: Unknown: illegal tag 0 (wire type 0)"),
        (MAGIC + b"\x10\x00", "proto: wrong wireType = 0 for field Unknown"),
        (body_of("v1", "ConfigMap", b"\x0a\x05a"), CONFIG_MAP + "unexpected EOF"),
        (
            body_of("v1", "ConfigMap", whole(2, 1)),
            CONFIG_MAP + "proto: wrong wireType = 0 for field Data",
        ),
        (
            body_of("v1", "ConfigMap", blob(1, whole(0, 0))),
            CONFIG_MAP + "proto: ObjectMeta: illegal tag 0 (wire type 0)",
        ),
    ],
)
def test_what_is_no_message_is_refused_in_the_words_of_the_generated_code(
    body: bytes, message: str
):
    with pytest.raises(BadRequest) as refused:
        protobuf.decode(body)
    assert str(refused.value) == message


def test_a_body_cut_short_is_refused_unless_cut_between_the_fields_of_the_envelope():
    read = []
    for size in range(len(DEPLOYMENT)):
        with suppress(BadRequest):
            protobuf.decode(DEPLOYMENT[:size])
            read.append(size)
    # After the type, after the object, and before an empty content type.
    assert read == [27, 219, 221]


@given(st.binary(max_size=200), st.sampled_from([row["prints"] for row in ROWS]))
def test_random_bytes_are_refused_and_break_nothing(message: bytes, printed: Object):
    for body in (
        message,
        MAGIC + message,
        body_of(printed["apiVersion"], printed["kind"], message),
    ):
        with suppress(BadRequest):
            json.dumps(protobuf.decode(body))


@given(st.data())
def test_a_body_with_a_few_bytes_changed_breaks_nothing(data: st.DataObject):
    body = bytearray(base64.b64decode(data.draw(st.sampled_from(ROWS))["body"]))
    for _ in range(3):
        body[data.draw(st.integers(4, len(body) - 1))] = data.draw(st.integers(0, 255))
    with suppress(BadRequest):
        json.dumps(protobuf.decode(bytes(body)))


def test_json_nested_too_deeply_is_refused():
    with pytest.raises(BadRequest):
        protobuf.decode(body_of("apps/v1", "ControllerRevision", blob(2, blob(1, "[" * 100_000))))
