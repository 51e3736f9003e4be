"""Which definitions the server takes."""

import copy
from typing import Any

import pytest

from k8s_ref.apiserver.crd_validation import definition, definition_update

SPEC = {
    "type": "object",
    "required": ["size"],
    "properties": {"size": {"type": "integer", "minimum": 1}},
}
ROOT = {"type": "object", "properties": {"spec": SPEC}}


def widgets() -> dict[str, Any]:
    """A definition that may be stored."""
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": copy.deepcopy(ROOT)},
        "subresources": {"status": {}},
    }
    names = {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"}
    return {
        "metadata": {"name": "widgets.example.com", "resourceVersion": "1"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": names,
            "versions": [version],
        },
        "status": {"storedVersions": ["v1"]},
    }


def said(crd: dict[str, Any]) -> list[str]:
    return [str(cause) for cause in definition(crd, "")]


def test_a_good_definition_passes() -> None:
    assert said(widgets()) == []


LABEL = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an"
    " alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123',"
    " regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
)
NO_STORAGE = (
    '[{"Name":"v1","Served":true,"Storage":false,"Deprecated":false,"DeprecationWarning":null,'
    '"Schema":null,"Subresources":null,"AdditionalPrinterColumns":null,"SelectableFields":null}]'
)


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("metadata.name", "foo",
         'metadata.name: Invalid value: "foo": must be spec.names.plural+"."+spec.group'),
        ("spec.scope", "Foo", 'spec.scope: Unsupported value: "Foo": supported values:'
         ' "Cluster", "Namespaced"'),
        ("spec.names.kind", "", "spec.names.kind: Required value"),
        ("spec.names.shortNames", ["W"],
         f'spec.names.shortNames[0]: Invalid value: "W": {LABEL}'),
        ("spec.versions.0.name", "V_1", f'spec.version: Invalid value: "V_1": {LABEL}'),
        ("spec.versions.0.storage", False, f"spec.versions: Invalid value: {NO_STORAGE}: must have"
         " exactly one version marked as storage version"),
        ("spec.versions.0.schema", {},
         "spec.versions[0].schema.openAPIV3Schema: Required value"),
        ("spec.versions.0.subresources", {"scale": {}},
         "spec.subresources.scale.specReplicasPath: Required value"),
        ("spec.versions.0.subresources",
         {"scale": {"specReplicasPath": ".status.x", "statusReplicasPath": ".status.x"}},
         'spec.subresources.scale.specReplicasPath: Invalid value: ".status.x": should be a json'
         " path under .spec"),
        ("spec.versions.0.additionalPrinterColumns",
         [{"name": "a", "type": "string", "jsonPath": "x["}],
         'spec.additionalPrinterColumns[0].JSONPath: Invalid value: "x[": must be a simple json'
         " path starting with ."),
        ("spec.preserveUnknownFields", True,
         "spec.preserveUnknownFields: Invalid value: true: cannot set to true, set"
         " x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead"),
        ("spec.conversion", {"strategy": "Webhook"}, "spec.conversion.webhookClientConfig:"
         " Required value: required when strategy is set to Webhook"),
        ("status.storedVersions", [],
         "status.storedVersions: Invalid value: null: must have at least one stored version"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(path: str, value: Any, expected: str) -> None:
    crd: Any = widgets()
    holder = crd
    *steps, last = path.split(".")
    for step in steps:
        holder = holder[int(step) if step.isdigit() else step]
    holder[last] = value
    assert expected in said(crd)


def test_names_that_belong_to_kubernetes_need_an_approval() -> None:
    crd = widgets()
    crd["metadata"]["name"], crd["spec"]["group"] = "widgets.k8s.io", "k8s.io"
    assert [text.partition(" must")[0] for text in said(crd)] == [
        "metadata.annotations[api-approved.kubernetes.io]: Required value: protected groups"
    ]
    crd["metadata"]["annotations"] = {"api-approved.kubernetes.io": "unapproved, a test"}
    assert said(crd) == []


def test_two_versions_that_differ_are_named_apart() -> None:
    crd = widgets()
    old = copy.deepcopy(crd["spec"]["versions"][0])
    old |= {"name": "v1beta1", "storage": False, "schema": {"openAPIV3Schema": {"type": "array"}}}
    crd["spec"]["versions"].append(old)
    found = said(crd)
    assert "spec.versions[1].schema.openAPIV3Schema.items: Required value: must be specified" in (
        found
    )


def test_what_is_stored_somewhere_may_not_change() -> None:
    old = widgets()
    old["status"]["conditions"] = [{"type": "Established", "status": "True"}]
    new = copy.deepcopy(old)
    new["spec"]["scope"], new["spec"]["group"] = "Cluster", "example.org"
    fields = [cause.field for cause in definition_update(new, old)]
    assert fields == ["spec.scope", "spec.group"]


def test_a_version_in_which_objects_are_stored_may_not_go() -> None:
    old = widgets()
    new = copy.deepcopy(old)
    new["spec"]["versions"][0]["name"] = "v2"
    [cause] = definition_update(new, old)
    assert str(cause) == (
        'status.storedVersions[0]: Invalid value: "v1": missing from spec.versions; v1 was'
        " previously a storage version, and must remain in spec.versions until a storage migration"
        " ensures no data remains persisted in v1 and removes v1 from status.storedVersions"
    )
