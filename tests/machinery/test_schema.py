"""Tests of the schema check; refusals are those of a Kubernetes 1.36 server."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8s_ref.machinery.kinds import KINDS
from k8s_ref.machinery.meta import Object, copy, seal, with_path
from k8s_ref.machinery.schema import (
    Problems,
    Struct,
    Text,
    cannot_handle,
    check,
    decode_json,
    fields_of,
    illegal_base64,
    lookup,
    prune,
    release,
    strict_problem,
    struct_of,
)

POD = seal(
    {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p1", "labels": {"app": "web"}},
        "spec": {
            "containers": [
                {
                    "name": "c",
                    "image": "nginx",
                    "ports": [{"containerPort": 80, "protocol": "TCP"}],
                    "resources": {"requests": {"cpu": "100m", "memory": 1024}},
                    "livenessProbe": {"httpGet": {"port": "http"}, "periodSeconds": 3},
                }
            ],
            "terminationGracePeriodSeconds": 30,
            "hostNetwork": False,
        },
        "status": {"startTime": "2026-01-01T00:00:00Z"},
    }
)
PODS = KINDS["pods"]
MEMORY = ("spec", "containers", 0, "resources", "requests", "memory")


# Values to put anywhere into an object, of all types there are.
ANY_VALUE = (
    None, True, 0, -1, 1.5, 2**40, "", "x", "1Gi", "2026-13-01T00:00:00Z", "=", {}, {"x": 1}, [],
)  # fmt: skip


def _places(value: Any, path: tuple[str | int, ...] = ()) -> Any:
    """The path of everything in a value."""
    yield path
    inside = {dict: lambda: value.items(), list: lambda: enumerate(value)}
    for step, item in inside.get(type(value), tuple)():
        yield from _places(item, (*path, step))


def test_the_quick_question_never_passes_what_the_slow_one_refuses() -> None:
    pod = struct_of(PODS)
    assert pod is not None and pod.fits(with_path(POD, MEMORY, "1Ki"))
    for place, value in product(list(_places(copy(POD)))[1:], ANY_VALUE):
        changed, problems = with_path(copy(POD), place, value), Problems()
        pod.check(changed, None, problems)
        clean = not (problems.unknown or problems.ill_typed or problems.nulls)
        assert clean or not pod.fits(changed), (place, value)


def test_every_kind_of_the_table_has_a_schema_of_the_pinned_release() -> None:
    assert release() == "1.36.0"
    for kind in KINDS:
        assert {"apiVersion", "kind"} <= set(fields_of(kind)), kind.gvk
        for sub in kind.subresources:
            if not sub.kind.endswith("Options"):
                assert struct_of((sub.group, sub.version, sub.kind)), sub


def test_a_correct_object_passes_and_is_not_copied() -> None:
    problems = check(POD, PODS)
    assert (problems.unknown, problems.ill_typed) == ([], "")
    assert prune(POD, PODS) is POD


def test_unknown_fields_are_named_in_the_order_of_the_document() -> None:
    pod = copy(POD)
    pod["spec"]["containers"][0]["foo"] = 1
    pod["spec"]["bar"] = 2
    problems = check(pod, PODS)
    assert problems.unknown == [
        'unknown field "spec.containers[0].foo"',
        'unknown field "spec.bar"',
    ]
    assert cannot_handle(PODS, strict_problem(problems.unknown)).message == (
        'Pod in version "v1" cannot be handled as a Pod: strict decoding error: '
        'unknown field "spec.containers[0].foo", unknown field "spec.bar"'
    )


def test_pruning_drops_unknown_fields_and_shares_the_rest() -> None:
    pod = with_path(POD, ("spec", "foo"), 1)
    pruned = prune(pod, PODS)
    assert pruned == POD
    assert pruned["metadata"] is POD["metadata"]
    assert pruned["spec"]["containers"] is POD["spec"]["containers"]
    nested = prune(with_path(POD, ("spec", "containers", 0, "x"), {}), PODS)
    assert nested == POD
    assert nested["spec"]["containers"][0]["ports"] is POD["spec"]["containers"][0]["ports"]


QUANTITY = (
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
)
CANNOT = "json: cannot unmarshal"


@pytest.mark.parametrize(
    ("resource", "path", "value", "problem"),
    [
        ("pods", ("metadata", "labels"), {"a": True},
         f"{CANNOT} bool into Go struct field ObjectMeta.metadata.labels of type string"),
        ("pods", ("metadata", "labels"), [],
         f"{CANNOT} array into Go struct field ObjectMeta.metadata.labels of type"
         " map[string]string"),
        ("pods", ("spec", "containers"), {},
         f"{CANNOT} object into Go struct field PodSpec.spec.containers of type []v1.Container"),
        ("pods", ("spec", "containers"), "x",
         f"{CANNOT} string into Go struct field PodSpec.spec.containers of type []v1.Container"),
        ("pods", ("spec", "restartPolicy"), 1,
         f"{CANNOT} number into Go struct field PodSpec.spec.restartPolicy of type"
         " v1.RestartPolicy"),
        ("deployments", ("spec", "replicas"), "3",
         f"{CANNOT} string into Go struct field DeploymentSpec.spec.replicas of type int32"),
        ("deployments", ("spec", "replicas"), 1.5,
         f"{CANNOT} number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32"),
        ("deployments", ("spec", "replicas"), 2**31,
         f"{CANNOT} number 2147483648 into Go struct field DeploymentSpec.spec.replicas"
         " of type int32"),
        ("deployments", ("spec", "paused"), "no",
         f"{CANNOT} string into Go struct field DeploymentSpec.spec.paused of type bool"),
        ("deployments", ("spec", "strategy"), {"rollingUpdate": {"maxSurge": True}},
         f"{CANNOT} bool into Go value of type int32"),
        ("configmaps", ("data",), {"a": 1},
         f"{CANNOT} number into Go struct field ConfigMap.data of type string"),
        ("configmaps", ("data",), "x",
         f"{CANNOT} string into Go struct field ConfigMap.data of type map[string]string"),
        ("priorityclasses", ("value",), "x",
         f"{CANNOT} string into Go struct field PriorityClass.value of type int32"),
        ("pods", ("spec", "containers", 0, "resources"), {"requests": {"cpu": "abc"}}, QUANTITY),
        ("pods", ("spec", "containers", 0, "resources"), {"requests": {"memory": ""}}, QUANTITY),
        ("pods", ("spec", "containers", 0, "resources"), {"limits": "x"},
         f"{CANNOT} string into Go struct field ResourceRequirements.spec.containers.resources"
         ".limits of type v1.ResourceList"),
        ("secrets", ("data",), {"c": "not base64!"}, "illegal base64 data at input byte 3"),
        ("leases", ("spec",), {"renewTime": "x"},
         'parsing time "x" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "x" as "2006"'),
        ("leases", ("spec",), {"renewTime": 7}, f"{CANNOT} number into Go value of type string"),
        ("pods", ("metadata",), "x",
         f"{CANNOT} string into Go struct field Pod.metadata of type v1.ObjectMeta"),
    ],
)  # fmt: skip
def test_a_value_of_the_wrong_type_is_refused_in_gos_words(
    resource: str, path: tuple[Any, ...], value: Any, problem: str
) -> None:
    kind = KINDS[resource]
    obj = POD if resource == "pods" else {"apiVersion": kind.api_version, "kind": kind.kind}
    found = check(with_path(obj, path, value), kind)
    assert found.ill_typed == problem


def test_an_object_that_is_none_is_refused_too() -> None:
    found = check([], PODS)  # type: ignore[arg-type]
    assert found.ill_typed == "json: cannot unmarshal array into Go value of type v1.Pod"


@pytest.mark.parametrize(
    ("resource", "path", "value"),
    [
        ("deployments", ("spec",), {"strategy": {"rollingUpdate": {"maxSurge": "25%"}}}),
        ("deployments", ("spec",), {"strategy": {"rollingUpdate": {"maxSurge": 1}}}),
        ("secrets", ("data",), {"a": "aGk=", "b": "aGVsbG8h\n", "c": ""}),
        ("controllerrevisions", ("data",), {"any": ["thing"]}),
        ("events", ("eventTime",), None),
        ("horizontalpodautoscalers", ("spec",), None),
        ("resourcequotas", ("spec",), {"hard": {"pods": 10, "cpu": 1.5}}),
    ],
)
def test_what_go_accepts_is_accepted(resource: str, path: tuple[str, ...], value: Any) -> None:
    kind = KINDS[resource]
    problems = check(with_path({"kind": kind.kind}, path, value), kind)
    assert (problems.unknown, problems.ill_typed) == ([], "")


@given(
    st.dictionaries(
        st.sampled_from(["metadata", "spec", "status", "kind", "other"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["name", "containers", "labels", "volumes", "x", "resources"]),
                    inner,
                )
            ),
        ),
    )
)
def test_what_remains_after_pruning_has_no_unknown_field(obj: Object) -> None:
    for kind in (PODS, KINDS["deployments"]):
        assert check(prune(obj, kind), kind).unknown == []
        found = check(obj, kind)
        assert (prune(obj, kind) is obj) == (not found.unknown and not found.nulls)


def test_a_field_is_found_by_its_path_through_lists_and_maps() -> None:
    containers = lookup(PODS, "spec.containers")
    assert containers is not None
    assert containers.required
    assert (containers.merge_key, containers.list_keys) == ("name", ("name",))
    ports = lookup(KINDS["deploy"], "spec.template.spec.containers.ports")
    assert ports is not None
    assert (ports.merge_key, ports.list_keys) == ("containerPort", ("containerPort", "protocol"))
    volumes = lookup(PODS, "spec.volumes")
    assert volumes is not None
    assert volumes.strategies == ("merge", "retainKeys")
    tolerations = lookup(PODS, "spec.tolerations")
    assert tolerations is not None
    assert tolerations.list_type == "atomic"
    policy = lookup(PODS, "spec.restartPolicy")
    assert policy is not None
    assert isinstance(policy.node, Text)
    assert policy.node.enum == ("Always", "Never", "OnFailure")
    assert lookup(PODS, "spec.containerz") is None
    assert lookup(PODS, "spec.nodeName.x") is None


def test_a_schema_may_contain_itself() -> None:
    crd = KINDS["customresourcedefinitions"]
    schema = lookup(crd, "spec.versions.schema.openAPIV3Schema")
    inner = lookup(crd, "spec.versions.schema.openAPIV3Schema.properties.properties")
    assert schema is not None
    assert inner is not None
    assert isinstance(schema.node, Struct)
    assert schema.node.fields["not"].node is schema.node


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("", None), ("YQ==", None), ("YWI=", None), ("YWJj", None), ("YW\nJj\r\n", None),
        ("Y", 0), ("YWJjY", 4), ("YWJjYQ", 4), ("Y===", 1), ("YQ=", 3), ("YQ=a", 3),
        ("YQ==YQ==", 4), ("YWI=a", 4), ("not base64!", 3), ("=", 0),
    ],
)  # fmt: skip
def test_base64_goes_wrong_where_go_says(text: str, offset: int | None) -> None:
    assert illegal_base64(text) == offset


def test_repeated_fields_are_named_and_the_last_one_wins() -> None:
    text = '{"spec": {"containers": [{"name": "a", "name": "b"}]}, "kind": "x", "kind": "Pod"}'
    value, warnings = decode_json(text)
    assert value == {"spec": {"containers": [{"name": "b"}]}, "kind": "Pod"}
    assert warnings == ['duplicate field "kind"', 'duplicate field "spec.containers[0].name"']
    assert type(value) is dict
    assert type(value["spec"]["containers"][0]) is dict


@given(st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.lists(inner)
                    | st.dictionaries(st.text(), inner), max_leaves=8))  # fmt: skip
def test_json_without_repetition_is_decoded_as_ever(value: Any) -> None:
    assert decode_json(json.dumps(value)) == (value, [])


def test_nulls_are_dropped_from_structs_and_become_zeros_in_lists_and_maps():
    pod = {
        "metadata": {"name": "web", "labels": {"app": None}, "annotations": None},
        "spec": {"nodeName": None, "containers": [{"name": "a", "args": ["x", None]}, None]},
        "status": {"conditions": [{"type": "Ready", "status": "True", "lastProbeTime": None}]},
    }
    assert check(pod, PODS).nulls
    assert prune(pod, PODS) == {
        "metadata": {"name": "web", "labels": {"app": ""}},
        "spec": {"containers": [{"name": "a", "args": ["x", ""]}, {}]},
        "status": {"conditions": [{"type": "Ready", "status": "True", "lastProbeTime": None}]},
    }


def test_a_moment_that_is_not_known_yet_is_no_reason_to_prune():
    ready = {"type": "Ready", "status": "True", "lastProbeTime": None}
    assert not check({"status": {"conditions": [ready]}}, PODS).nulls
