"""Which calls a webhook wants to hear of."""

import pytest

from k8s_ref.apiserver.admission.webhook_rules import ruled, selected
from k8s_ref.apiserver.request import Request
from k8s_ref.machinery.kinds import KINDS

RULE = {"operations": ["CREATE"], "apiGroups": ["apps"], "apiVersions": ["v1"],
        "resources": ["deployments"]}  # fmt: skip


def asked(resource="deployments", part="", namespace="default"):
    return Request("create", KINDS[resource], namespace, "a", part)


@pytest.mark.parametrize(
    ("rule", "request_", "fits"),
    [
        ({}, asked(), True),
        ({"operations": ["*"]}, asked(), True),
        ({"operations": ["UPDATE", "DELETE"]}, asked(), False),
        ({"apiGroups": ["*"], "resources": ["*"]}, asked("pods"), True),
        ({"apiGroups": [""]}, asked(), False),
        ({"apiVersions": ["v2"]}, asked(), False),
        ({}, asked(part="status"), False),
        ({"resources": ["deployments/status"]}, asked(part="status"), True),
        ({"resources": ["deployments/*"]}, asked(part="scale"), True),
        ({"resources": ["*/scale"]}, asked(part="scale"), True),
        ({"resources": ["*"]}, asked(part="scale"), False),
        ({"resources": ["*/*"]}, asked(), True),
        ({"scope": "Namespaced"}, asked(), True),
        ({"scope": "Cluster"}, asked(), False),
        (
            {"scope": "Cluster", "apiGroups": [""], "resources": ["*"]},
            asked("namespaces", namespace="a"),
            True,
        ),
    ],
)
def test_a_rule_fits_if_all_of_it_fits(rule, request_, fits):
    assert ruled({"rules": [{**RULE, **rule}]}, "CREATE", request_, KINDS) is fits


def test_another_version_of_the_same_resource_fits_unless_only_that_one_is_meant():
    rule = {**RULE, "apiGroups": ["autoscaling"], "apiVersions": ["v1"],
            "resources": ["horizontalpodautoscalers"]}  # fmt: skip
    kind = KINDS.served("autoscaling", "v2", "horizontalpodautoscalers")
    request = Request("create", kind, "default")
    assert ruled({"rules": [rule]}, "CREATE", request, KINDS)
    assert not ruled({"rules": [rule], "matchPolicy": "Exact"}, "CREATE", request, KINDS)


def labelled(**labels):
    return {"metadata": {"labels": labels}}


def test_selectors_look_at_the_namespace_and_at_the_object_as_it_was_and_is():
    wants = {"matchLabels": {"a": "b"}}
    one, other = labelled(a="b"), labelled()
    assert selected({}, other, None, other)
    assert selected({"namespaceSelector": wants}, other, None, one)
    assert not selected({"namespaceSelector": wants}, one, None, other)
    # What is in no namespace is in all of them.
    assert selected({"namespaceSelector": wants}, other, None, None)
    assert selected({"objectSelector": wants}, other, one, other)
    assert not selected({"objectSelector": wants}, other, other, one)
