"""What may not become of an object that is there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from k8s_ref.apiserver import defaults
from k8s_ref.apiserver.validation import validate_update
from k8s_ref.machinery.meta import Object, seal
from tests.apiserver.validation_cases import cases, changed, says

TEMPLATE = {
    "metadata": {"labels": {"a": "b"}},
    "spec": {"containers": [{"name": "c", "image": "nginx"}]},
}
WORKLOAD = {"selector": {"matchLabels": {"a": "b"}}, "template": TEMPLATE}
ADDRESS = {"clusterIP": "10.96.200.47", "clusterIPs": ["10.96.200.47"], "ipFamilies": ["IPv4"]}

THERE: dict[str, Object] = {
    "Pod": {"apiVersion": "v1", "spec": TEMPLATE["spec"]},
    "Pod with a gate": {
        "apiVersion": "v1",
        "spec": {**TEMPLATE["spec"], "schedulingGates": [{"name": "a"}]},
    },
    "Pod with a deadline": {
        "apiVersion": "v1",
        "spec": {
            **TEMPLATE["spec"],
            "activeDeadlineSeconds": 100,
            "tolerations": [{"key": "a", "operator": "Exists"}],
            "terminationGracePeriodSeconds": -1,
        },
    },
    "Deployment": {"apiVersion": "apps/v1", "spec": WORKLOAD},
    "ReplicaSet": {"apiVersion": "apps/v1", "spec": WORKLOAD},
    "Service": {"apiVersion": "v1", "spec": {"ports": [{"port": 80}], **ADDRESS}},
    "Service without address": {
        "apiVersion": "v1",
        "spec": {"ports": [{"port": 80}], "clusterIP": "None", "clusterIPs": ["None"]},
    },
    "ConfigMap": {"apiVersion": "v1", "binaryData": {"a": "YWJj"}, "immutable": True},
    "Secret": {"apiVersion": "v1", "data": {"c": "ZA=="}},
    "Secret kubernetes.io/tls": {
        "apiVersion": "v1",
        "type": "kubernetes.io/tls",
        "data": {"tls.crt": "", "tls.key": ""},
    },
    "Node": {"apiVersion": "v1", "spec": {"podCIDR": "10.1.0.0/24"}},
    "Node with a provider": {"apiVersion": "v1", "spec": {"providerID": "a"}},
    "Lease": {"apiVersion": "coordination.k8s.io/v1", "spec": {"leaseDurationSeconds": 10}},
    "PodTemplate": {"apiVersion": "v1", "template": TEMPLATE},
    "Event": {"apiVersion": "v1", "reason": "Started", "involvedObject": {"namespace": "d"}},
}

RECORDED = {
    "Pod": r"""
spec.containers.0.name=other
    spec: Forbidden: <pod updates>
spec.nodeName=x
    spec: Forbidden: <pod updates>
spec.restartPolicy=Never
    spec: Forbidden: <pod updates>
spec.containers.0.image=""
    spec.containers[0].image: Required value
    spec.containers[0].image: Required value
spec.containers.0.resources={requests: {cpu: "1"}}
    spec: Forbidden: <pod updates>
spec.activeDeadlineSeconds=100
spec.terminationGracePeriodSeconds=3
    spec: Forbidden: <pod updates>
spec.serviceAccountName=other
    spec: Forbidden: <pod updates>
metadata.deletionTimestamp="2030-01-01T00:00:00Z"
    metadata.deletionTimestamp: Invalid value: "2030-01-01T00:00:00Z": field is immutable
    metadata.deletionTimestamp: Invalid value: "2030-01-01T00:00:00Z": field is immutable
""",
    "Pod with a gate": r"""
spec.schedulingGates=[{name: b}]
    spec.schedulingGates[0].name: Forbidden: only deletion is allowed, but found new
        scheduling gate 'b'
""",
    "Deployment": r"""
spec.selector={matchLabels: {x: y}} ; spec.template.metadata.labels={x: y}
    spec.selector: Invalid value: {"matchLabels":{"x":"y"}}: field is immutable
spec.template.metadata.labels={x: y}
    spec.template.metadata.labels: Invalid value: {"x":"y"}: `selector` does not match
        template `labels`
""",
    "ReplicaSet": r"""
spec.selector={matchLabels: {x: y}} ; spec.template.metadata.labels={x: y}
    spec.selector: Invalid value: {"matchLabels":{"x":"y"}}: field is immutable
""",
    "Service": r"""
spec.clusterIP=None ; spec.clusterIPs=["None"]
    spec.clusterIPs[0]: Invalid value: ["None"]: may not change once set
spec.clusterIP=""
spec.ipFamilies=[IPv6]
    spec.clusterIPs[0]: Invalid value: "10.96.200.47": expected an IPv6 value as indicated
        by `ipFamilies[0]`
""",
    "Service without address": r"""
spec.clusterIP=10.96.3.4
    spec.clusterIPs[0]: Invalid value: ["10.96.3.4"]: may not change once set
""",
    "ConfigMap": r"""
data={a: b}
    data: Forbidden: field is immutable when `immutable` is set
    data[a]: Invalid value: "a": duplicate of key present in binaryData
""",
    "Secret": r"""
type=other
    type: Invalid value: "other": field is immutable
""",
    "Secret kubernetes.io/tls": r"""
data={tls.crt: ''}
    data[tls.key]: Required value
""",
    "Node": r"""
spec.podCIDR=! ; spec.podCIDRs=!
    spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid
spec.providerID=x
""",
    "Lease": r"""
spec.leaseDurationSeconds=-1
    spec.leaseDurationSeconds: Invalid value: -1: must be greater than 0
""",
    "PodTemplate": r"""
template.spec.containers=[]
    template.spec.containers: Required value
""",
    "Event": """
reason=Other
""",
}

# Not recorded; worded as upstream's source has it.
MORE = {
    "Pod": """
spec.containers.0.image=nginx:2
spec.containers=[{name: c, image: nginx}, {name: d, image: nginx}]
    spec.containers: Forbidden: pod updates may not add or remove containers
spec.tolerations=[{key: a, operator: Exists}]
metadata.labels={a: "b c"}
    metadata.labels: Invalid value: "b c": <label value>
    metadata.labels: Invalid value: "b c": <label value>
metadata.resourceVersion=!
    metadata.resourceVersion: Invalid value: "": must be specified for an update
    metadata.resourceVersion: Invalid value: "": must be specified for an update
metadata.name=other
    metadata.name: Invalid value: "other": field is immutable
    metadata.name: Invalid value: "other": field is immutable
""",
    "Pod with a deadline": """
spec.activeDeadlineSeconds=50
spec.activeDeadlineSeconds=101
    spec.activeDeadlineSeconds: Invalid value: 101: must be less than or equal to previous value
spec.activeDeadlineSeconds=!
    spec.activeDeadlineSeconds: Invalid value: null: must not update from a positive integer to nil
        value
spec.tolerations=[]
    spec.tolerations: Forbidden: existing toleration can not be modified except its
        tolerationSeconds
spec.terminationGracePeriodSeconds=1
spec.terminationGracePeriodSeconds=2
    spec: Forbidden: <pod updates>
""",
    "Node": """
spec.taints=[{key: a, effect: Foo}]
    metadata.taints[0].effect: Unsupported value: "Foo": supported values: "NoSchedule",
        "PreferNoSchedule", "NoExecute"
""",
    "Node with a provider": """
spec.providerID=b
    spec.providerID: Forbidden: node updates may not change providerID except from "" to valid
""",
    "Service": """
spec.ports=[]
    spec.ports: Required value
spec.type=ExternalName ; spec.externalName=example.com ; spec.clusterIP=! ; spec.clusterIPs=! ;
        spec.ipFamilies=!
""",
}


def vectors() -> Iterator[Any]:
    for table in (RECORDED, MORE):
        for what, text in table.items():
            for case in cases(text):
                yield pytest.param(what, *case.values, id=f"{what} | {case.id}")


def there(what: str) -> tuple[str, Object]:
    kind = what.partition(" ")[0]
    metadata = {"name": "x", "resourceVersion": "5"} | (
        {} if kind == "Node" else {"namespace": "d"}
    )
    obj = {**THERE[what], "kind": kind, "metadata": metadata}
    return kind, seal(defaults.apply(kind, seal(obj)))


@pytest.mark.parametrize(("what", "change", "expected"), list(vectors()))
def test_the_server_says_what_may_not_change(what: str, change: str, expected: list[str]) -> None:
    kind, old = there(what)
    new = seal(defaults.apply(kind, seal(changed(old, change))))
    assert says(validate_update(kind, new, old)) == expected


@pytest.mark.parametrize("what", THERE)
def test_nothing_speaks_against_a_copy(what: str) -> None:
    kind, old = there(what)
    assert validate_update(kind, changed(old, "metadata.labels={a: b}"), old) == []


def test_the_refusal_shows_what_differs() -> None:
    kind, old = there("Pod")
    (cause,) = validate_update(kind, changed(old, "spec.nodeName=node-1"), old)
    assert '\n+ "nodeName": "node-1",\n' in cause.message


def test_an_object_that_is_going_gets_no_new_finalizers() -> None:
    kind, old = there("ConfigMap")
    old = changed(
        old, 'metadata.deletionTimestamp="2026-01-01T00:00:00Z" ; metadata.finalizers=[a/b]'
    )
    new = changed(old, "metadata.finalizers=[a/b, c/d]")
    problem = (
        "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being "
        'deleted, found new finalizers []string{"c/d"}'
    )
    assert says(validate_update(kind, new, old)) == [problem, problem]
    assert validate_update(kind, changed(old, "metadata.finalizers=!"), old) == []


def test_the_generation_never_goes_back() -> None:
    kind, old = there("Deployment")
    old = changed(old, "metadata.generation=3")
    causes = validate_update(kind, changed(old, "metadata.generation=2"), old)
    assert says(causes[:1]) == ["metadata.generation: Invalid value: 2: must not be decremented"]


def test_a_status_is_no_reason_to_look_at_the_spec_again() -> None:
    kind, old = there("Pod")
    broken = {**old, "spec": {}}
    assert validate_update(kind, {**broken, "status": {"phase": "Running"}}, broken) == []


def test_a_full_story_is_told_once() -> None:
    story = {"apiVersion": "events.k8s.io/v1", "metadata": {"name": "e", "namespace": "d"}}
    story |= {
        "eventTime": "2026-01-01T00:00:00.000000Z", "reportingController": "c",
        "reportingInstance": "i", "action": "Do", "reason": "Started",
    }  # fmt: skip
    story["regarding"] = {"namespace": "d"}
    causes = validate_update("Event", {**story, "reason": "Other"}, story)
    assert says(causes) == ['reason: Invalid value: "Other": field is immutable']
    again = {"count": 2, "lastObservedTime": "2026-01-01T00:01:00.000000Z"}
    assert validate_update("Event", {**story, "series": again}, story) == []
