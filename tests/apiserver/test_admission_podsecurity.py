"""Namespaces that hold their Pods to a standard; words as a 1.36 API server says them."""

import pytest

from k8s_ref.apiserver.admission.podsecurity import policy_of
from k8s_ref.apiserver.request import Request
from k8s_ref.client.client import STRATEGIC
from k8s_ref.machinery.errors import Forbidden, Invalid
from tests.harness import ControlPlane, pod, replicaset

LABEL = "pod-security.kubernetes.io/"
PLAIN = (
    'allowPrivilegeEscalation != false (container "web" must set'
    " securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container"
    ' "web" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or'
    ' container "web" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container'
    ' "web" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")'
)


class Watched(ControlPlane):
    """A control plane whose namespace ``default`` has these labels."""

    def __init__(self, **labels):
        super().__init__()
        self.label(**labels)
        self.warnings = []
        self.api.warn = self.warnings.append

    def label(self, **labels):
        named = {LABEL + name.replace("_", "-"): value for name, value in labels.items()}
        return self.do(self.api.patch("namespaces", "default", {"metadata": {"labels": named}}))

    def create(self, resource, obj):
        return self.do(self.api.create(resource, obj))

    def refusal(self, obj):
        with pytest.raises(Forbidden) as caught:
            self.create("pods", obj)
        return str(caught.value)


def test_a_pod_below_the_standard_is_refused():
    assert Watched(enforce="restricted").refusal(pod()) == (
        f'pods "web" is forbidden: violates PodSecurity "restricted:latest": {PLAIN}'
    )


def test_a_milder_standard_lets_it_in_and_warns_of_the_stricter_one():
    plane = Watched(enforce="baseline", warn="restricted")
    plane.create("pods", pod())
    assert plane.warnings == [f'would violate PodSecurity "restricted:latest": {PLAIN}']


def test_whoever_makes_pods_later_is_only_warned():
    plane = Watched(enforce="restricted")
    plane.create("replicasets", replicaset())
    assert plane.warnings == [f'would violate PodSecurity "restricted:latest": {PLAIN}']


def test_the_template_of_a_template_is_looked_at_too():
    plane = Watched(warn="baseline")
    template = {"spec": {"containers": pod()["spec"]["containers"], "hostPID": True,
                         "restartPolicy": "Never"}}  # fmt: skip
    spec = {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": template}}}
    plane.create("cronjobs", {"metadata": {"name": "c", "namespace": "default"}, "spec": spec})
    assert plane.warnings == [
        'would violate PodSecurity "baseline:latest": host namespaces (hostPID=true)'
    ]


def test_what_is_to_be_noted_is_noted_for_the_audit_log():
    plane = Watched(audit="restricted")
    request = Request("create", plane.server.kinds["pods"], "default", body=pod())
    assert plane.do(plane.server.handle(request)).code == 201
    assert request.annotations == {
        f"{LABEL}enforce-policy": "privileged:latest",
        f"{LABEL}audit-violations": f'would violate PodSecurity "restricted:latest": {PLAIN}',
    }


def test_an_update_that_touches_no_image_is_not_judged():
    plane = Watched()
    plane.create("pods", pod())
    plane.label(enforce="restricted")
    plane.do(plane.api.patch("pods", "default/web", {"metadata": {"labels": {"a": "b"}}}))
    image = {"spec": {"containers": [{"name": "web", "image": "nginx:2"}]}}
    with pytest.raises(Forbidden):
        plane.do(plane.api.patch("pods", "default/web", image, content_type=STRATEGIC))


def test_a_label_nobody_knows_is_refused():
    with pytest.raises(Invalid) as caught:
        Watched(enforce="foo")
    field = f"metadata.labels[{LABEL}enforce]"
    problem = 'Invalid value: "foo": must be one of privileged, baseline, restricted'
    assert str(caught.value) == f'Namespace "default" is invalid: {field}: {problem}'
    with pytest.raises(Invalid, match='must be "latest" or "v1.x"'):
        Watched(warn_version="1.30")


def test_a_namespace_that_becomes_stricter_is_told_who_would_not_have_come_in():
    plane = Watched()
    for name in ("a", "b", "c"):
        plane.create("pods", pod(name))
    plane.create("pods", pod("host", hostNetwork=True))
    plane.label(enforce="baseline")
    assert plane.warnings == [
        'existing pods in namespace "default" violate the new PodSecurity enforce level'
        ' "baseline:latest"',
        "host: host namespaces",
    ]
    plane.warnings.clear()
    plane.label(enforce="restricted")
    rest = "allowPrivilegeEscalation != false, unrestricted capabilities, runAsNonRoot != true"
    assert plane.warnings[1:] == [
        f"a (and 2 other pods): {rest}, seccompProfile",
        f"host: host namespaces, {rest}, seccompProfile",
    ]
    plane.warnings.clear()
    plane.label(enforce="baseline")
    assert plane.warnings == []


def labels(**found):
    return {LABEL + name.replace("_", "-"): value for name, value in found.items()}


@pytest.mark.parametrize(
    ("given", "policy"),
    [
        ({}, "privileged:latest privileged:latest privileged:latest"),
        (
            labels(enforce="baseline", enforce_version="v1.20"),
            "baseline:v1.20 privileged:latest baseline:v1.20",
        ),
        (
            labels(enforce="baseline", warn="privileged"),
            "baseline:latest privileged:latest privileged:latest",
        ),
        (labels(enforce="x", warn="y"), "restricted:latest privileged:latest privileged:latest"),
    ],
)
def test_labels_make_a_policy(given, policy):
    assert " ".join(map(str, policy_of(given)[0])) == policy
