"""Every row of the table of defaults, and what the walk over it promises."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

import pytest

from k8s_ref.apiserver import defaults
from k8s_ref.machinery.meta import seal
from tests.apiserver.default_rows import MORE_ROWS

# Where in an object the rows of a part apply.
CONTAINER = ("Pod", "spec", "containers", 0)
VOLUME = ("Pod", "spec", "volumes", 0)
PLACES: dict[str, tuple[str | int, ...]] = {
    "PodTemplate": ("ReplicaSet", "spec", "template"),
    "PodSpec": ("ReplicaSet", "spec", "template", "spec"),
    "Container": CONTAINER,
    "Probe": (*CONTAINER, "livenessProbe"),
    "HTTPGet": (*CONTAINER, "livenessProbe", "httpGet"),
    "Volume": VOLUME,
    "DownwardAPI": (*VOLUME, "downwardAPI"),
    "PersistentVolumeClaimSpec": (*VOLUME, "ephemeral", "volumeClaimTemplate", "spec"),
    "RollingUpdate": ("Deployment", "spec", "strategy", "rollingUpdate"),
    "Webhook": ("ValidatingWebhookConfiguration", "webhooks", 0),
    "DeviceRequest": ("ResourceClaim", "spec", "devices", "requests", 0, "exactly"),
}
GROUPS = {
    "Pod": "v1",
    "ResourceClaim": "resource.k8s.io/v1",
    "ValidatingWebhookConfiguration": "admissionregistration.k8s.io/v1",
}

AMOUNTS = {"cpu": 0.5, "memory": "1024Ki"}
STORED = {"cpu": "500m", "memory": "1Mi"}

CRD = "apiextensions.k8s.io/v1 CustomResourceDefinition"
WEBHOOK = {"spec": {"conversion": {"webhook": {"clientConfig": {"service": {}}}}}}

# A row: its part or kind, its path, what is given there, what stands there afterwards.
ROWS: list[tuple[str, str, Any, Any]] = [
    ("PodTemplate", "metadata", {}, {}),
    ("PodTemplate", "spec", {}, ...),
    ("PodSpec", "restartPolicy", {}, "Always"),
    ("PodSpec", "terminationGracePeriodSeconds", {}, 30),
    ("PodSpec", "dnsPolicy", {"dnsPolicy": ""}, "ClusterFirst"),
    ("PodSpec", "serviceAccountName", {"serviceAccount": "bob"}, "bob"),
    ("PodSpec", "serviceAccount", {"serviceAccountName": "eve", "serviceAccount": "bob"}, "eve"),
    ("PodSpec", "securityContext", {}, {}),
    ("PodSpec", "schedulerName", {}, "default-scheduler"),
    ("PodSpec", "resources.limits", {"resources": {"limits": AMOUNTS}}, STORED),
    ("PodSpec", "resources.requests", {"resources": {"requests": AMOUNTS}}, STORED),
    ("Container", "resources", {}, {}),
    ("Container", "resources.limits", {"resources": {"limits": AMOUNTS}}, STORED),
    ("Container", "resources.requests", {"resources": {"requests": AMOUNTS}}, STORED),
    ("Container", "terminationMessagePath", {}, "/dev/termination-log"),
    ("Container", "terminationMessagePolicy", {}, "File"),
    ("Container", "imagePullPolicy", {"image": "nginx"}, "Always"),
    ("Container", "ports[*].protocol", {"ports": [{"containerPort": 80}]}, "TCP"),
    (
        "Container",
        "env[*].valueFrom.fieldRef.apiVersion",
        {"env": [{"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}]},
        "v1",
    ),
    (
        "Container",
        "env[*].valueFrom.resourceFieldRef.divisor",
        {"env": [{"name": "C", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}}]},
        "0",
    ),
    ("Probe", "timeoutSeconds", {}, 1),
    ("Probe", "periodSeconds", {"periodSeconds": 0}, 10),
    ("Probe", "successThreshold", {}, 1),
    ("Probe", "failureThreshold", {}, 3),
    ("Probe", "grpc.service", {"grpc": {"port": 1}}, ""),
    ("HTTPGet", "path", {"port": 80}, "/"),
    ("HTTPGet", "scheme", {"port": 80}, "HTTP"),
    ("Volume", "emptyDir", {"name": "v"}, {}),
    ("Volume", "emptyDir.sizeLimit", {"emptyDir": {"sizeLimit": "1024Mi"}}, "1Gi"),
    ("Volume", "hostPath.type", {"hostPath": {"path": "/x"}}, ""),
    ("Volume", "secret.defaultMode", {"secret": {"secretName": "s"}}, 0o644),
    ("Volume", "configMap.defaultMode", {"configMap": {"name": "c"}}, 0o644),
    ("Volume", "downwardAPI.defaultMode", {"downwardAPI": {}}, 0o644),
    ("Volume", "projected.defaultMode", {"projected": {}}, 0o644),
    (
        "Volume",
        "projected.sources[*].serviceAccountToken.expirationSeconds",
        {"projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}},
        3600,
    ),
    (
        "Volume",
        "ephemeral.volumeClaimTemplate.metadata",
        {"ephemeral": {"volumeClaimTemplate": {"spec": {}}}},
        {},
    ),
    ("Volume", "image.pullPolicy", {"image": {"reference": "r/x:1"}}, "IfNotPresent"),
    ("Volume", "iscsi.iscsiInterface", {"iscsi": {"lun": 0}}, "default"),
    ("DownwardAPI", "items[*].fieldRef.apiVersion", {"items": [{"fieldRef": {}}]}, "v1"),
    (
        "DownwardAPI",
        "items[*].resourceFieldRef.divisor",
        {"items": [{"resourceFieldRef": {"divisor": "1000m"}}]},
        "1",
    ),
    ("PersistentVolumeClaimSpec", "volumeMode", {}, "Filesystem"),
    ("PersistentVolumeClaimSpec", "resources", {}, {}),
    ("PersistentVolumeClaimSpec", "resources.requests", {"resources": {"requests": {}}}, {}),
    ("PersistentVolumeClaimSpec", "resources.limits", {"resources": {"limits": AMOUNTS}}, STORED),
    ("RollingUpdate", "maxUnavailable", {"maxSurge": 1}, "25%"),
    ("RollingUpdate", "maxSurge", {"maxUnavailable": 0}, "25%"),
    ("v1 Pod", "spec", {}, ...),
    ("v1 Pod", "spec.enableServiceLinks", {}, True),
    (
        "v1 Pod",
        "spec.containers",
        {"spec": {"hostNetwork": True, "containers": [{"ports": [{"containerPort": 80}]}]}},
        ...,
    ),
    ("v1 Pod", "spec.initContainers", {"spec": {"initContainers": [{}]}}, ...),
    (
        "v1 Pod",
        "spec.containers[*].resources.requests",
        {"spec": {"containers": [{"resources": {"limits": AMOUNTS, "requests": {"cpu": 0.25}}}]}},
        {"cpu": "250m", "memory": "1Mi"},
    ),
    (
        "v1 Pod",
        "spec.initContainers[*].resources.requests",
        {"spec": {"initContainers": [{"resources": {"limits": AMOUNTS}}]}},
        STORED,
    ),
    ("v1 PodTemplate", "template", {}, ...),
    ("apps/v1 ReplicaSet", "spec", {}, ...),
    ("apps/v1 ReplicaSet", "spec.replicas", {}, 1),
    ("apps/v1 ReplicaSet", "spec.template", {}, ...),
    ("apps/v1 Deployment", "spec", {}, ...),
    ("apps/v1 Deployment", "spec.replicas", {}, 1),
    ("apps/v1 Deployment", "spec.template", {}, ...),
    ("apps/v1 Deployment", "spec.strategy", {}, ...),
    ("apps/v1 Deployment", "spec.strategy.type", {}, "RollingUpdate"),
    (
        "apps/v1 Deployment",
        "spec.strategy.rollingUpdate",
        {},
        {"maxUnavailable": "25%", "maxSurge": "25%"},
    ),
    ("apps/v1 Deployment", "spec.revisionHistoryLimit", {}, 10),
    ("apps/v1 Deployment", "spec.progressDeadlineSeconds", {}, 600),
    ("v1 Node", "spec", {}, {}),
    ("v1 Node", "spec.podCIDRs", {"spec": {"podCIDR": "10.1.0.0/24"}}, ["10.1.0.0/24"]),
    ("v1 Node", "spec.podCIDR", {"spec": {"podCIDRs": ["10.1.0.0/24"]}}, "10.1.0.0/24"),
    ("v1 Node", "status", {}, ...),
    ("v1 Node", "status.capacity", {"status": {"capacity": AMOUNTS}}, STORED),
    ("v1 Node", "status.allocatable", {"status": {"capacity": AMOUNTS}}, STORED),
    ("v1 Node", "status.daemonEndpoints", {}, {"kubeletEndpoint": {"Port": 0}}),
    ("v1 Node", "status.daemonEndpoints.kubeletEndpoint", {}, {"Port": 0}),
    ("v1 Node", "status.daemonEndpoints.kubeletEndpoint.Port", {}, 0),
    ("v1 Node", "status.nodeInfo", {}, ...),
    ("v1 Node", "status.nodeInfo.machineID", {}, ""),
    ("v1 Node", "status.nodeInfo.systemUUID", {}, ""),
    ("v1 Node", "status.nodeInfo.bootID", {}, ""),
    ("v1 Node", "status.nodeInfo.kernelVersion", {}, ""),
    ("v1 Node", "status.nodeInfo.osImage", {}, ""),
    ("v1 Node", "status.nodeInfo.containerRuntimeVersion", {}, ""),
    ("v1 Node", "status.nodeInfo.kubeletVersion", {}, ""),
    ("v1 Node", "status.nodeInfo.kubeProxyVersion", {}, ""),
    ("v1 Node", "status.nodeInfo.operatingSystem", {}, ""),
    ("v1 Node", "status.nodeInfo.architecture", {}, ""),
    ("v1 Event", "involvedObject", {}, {}),
    ("v1 Event", "source", {}, {}),
    ("v1 Event", "firstTimestamp", {}, None),
    ("v1 Event", "lastTimestamp", {}, None),
    ("v1 Event", "eventTime", {}, None),
    ("v1 Event", "reportingComponent", {}, ""),
    ("v1 Event", "reportingInstance", {}, ""),
    ("events.k8s.io/v1 Event", "regarding", {}, {}),
    ("events.k8s.io/v1 Event", "eventTime", {}, None),
    ("events.k8s.io/v1 Event", "deprecatedSource", {}, {}),
    ("events.k8s.io/v1 Event", "deprecatedFirstTimestamp", {}, None),
    ("events.k8s.io/v1 Event", "deprecatedLastTimestamp", {}, None),
    ("coordination.k8s.io/v1 Lease", "spec", {}, {}),
    ("scheduling.k8s.io/v1 PriorityClass", "value", {}, 0),
    (
        "scheduling.k8s.io/v1 PriorityClass",
        "preemptionPolicy",
        {},
        "PreemptLowerPriority",
    ),
    (CRD, "spec.names.singular", {"spec": {"names": {"kind": "Widget"}}}, "widget"),
    (CRD, "spec.names.listKind", {"spec": {"names": {"kind": "Widget"}}}, "WidgetList"),
    (CRD, "spec.conversion", {"spec": {}}, {"strategy": "None"}),
    (CRD, "spec.conversion.webhook.clientConfig.service.port", WEBHOOK, 443),
    ("apiregistration.k8s.io/v1 APIService", "spec.service.port", {"spec": {"service": {}}}, 443),
    (
        "v1 Secret",
        "data",
        {"stringData": {"a": "b"}, "data": {"c": "ZA=="}},
        {"a": "Yg==", "c": "ZA=="},
    ),
    ("v1 Secret", "stringData", {"stringData": {"a": "b"}}, KeyError),
    ("v1 Secret", "type", {}, "Opaque"),
    ("v1 Service", "spec", {}, ...),
    ("v1 Service", "spec.type", {}, "ClusterIP"),
    ("v1 Service", "spec.sessionAffinity", {}, "None"),
    (
        "v1 Service",
        "spec.sessionAffinityConfig",
        {"spec": {"sessionAffinity": "ClientIP"}},
        {"clientIP": {"timeoutSeconds": 10800}},
    ),
    ("v1 Service", "spec.externalTrafficPolicy", {"spec": {"type": "NodePort"}}, "Cluster"),
    ("v1 Service", "spec.internalTrafficPolicy", {}, "Cluster"),
    ("v1 Service", "spec.allocateLoadBalancerNodePorts", {"spec": {"type": "LoadBalancer"}}, True),
    ("v1 Service", "spec.ports[*].protocol", {"spec": {"ports": [{"port": 80}]}}, "TCP"),
    ("v1 Service", "spec.ports[*].targetPort", {"spec": {"ports": [{"port": 80}]}}, 80),
    (
        "v1 LimitRange",
        "spec.limits[*].default",
        {"spec": {"limits": [{"type": "Container", "max": {"cpu": "2"}}]}},
        {"cpu": "2"},
    ),
    (
        "v1 LimitRange",
        "spec.limits[*].defaultRequest",
        {"spec": {"limits": [{"type": "Container", "default": {"cpu": "2"}, "min": STORED}]}},
        {"cpu": "2", "memory": "1Mi"},
    ),
    ("v1 ResourceQuota", "spec.hard", {"spec": {"hard": AMOUNTS}}, STORED),
    ("Webhook", "failurePolicy", {}, "Fail"),
    ("Webhook", "matchPolicy", {}, "Equivalent"),
    ("Webhook", "namespaceSelector", {}, {}),
    ("Webhook", "objectSelector", {}, {}),
    ("Webhook", "timeoutSeconds", {}, 10),
    ("Webhook", "rules[*].scope", {"rules": [{}]}, "*"),
    ("Webhook", "clientConfig.service.port", {"clientConfig": {"service": {"name": "a"}}}, 443),
    (
        "admissionregistration.k8s.io/v1 MutatingWebhookConfiguration",
        "webhooks[*].reinvocationPolicy",
        {"webhooks": [{}]},
        "Never",
    ),
    ("v1 Service", "status", {}, {"loadBalancer": {}}),
    ("v1 Service", "status.loadBalancer", {}, {}),
]  # fmt: skip


def placed(value: Any, place: tuple[str | int, ...]) -> Any:
    """The value inside the objects and lists that lead to it."""
    if not place:
        return value
    inner = placed(value, place[1:])
    return [inner] if isinstance(place[0], int) else {place[0]: inner}


def found(value: Any, path: str) -> Any:
    """What stands at a path; ``[*]`` is the first item; ``KeyError`` if nothing does."""
    for step in path.split("."):
        name = step.removesuffix("[*]")
        if name not in value:
            return KeyError
        value = value[name] if name == step else value[name][0]
    return value


def completed(section: str, value: Any) -> Any:
    if section not in PLACES:
        api_version, _, kind = section.partition(" ")
        return defaults.apply(kind, seal({"apiVersion": api_version, **value}))
    kind, *steps = PLACES[section]
    api_version = GROUPS.get(str(kind), "apps/v1")
    sent = {"apiVersion": api_version, **placed(value, tuple(steps))}
    done = defaults.apply(str(kind), seal(sent))
    for step in steps:
        done = done[step]
    return done


ROWS += MORE_ROWS


@pytest.mark.parametrize(("section", "path", "given", "expected"), ROWS)
def test_a_row_fills_what_is_not_set(section: str, path: str, given: Any, expected: Any) -> None:
    value = found(completed(section, given), path)
    if expected is ...:
        assert value not in (None, {}, KeyError)
    else:
        assert value == expected


def test_every_row_of_the_table_has_its_test() -> None:
    file = resources.files("k8s_ref.apiserver").joinpath("defaults.json")
    table = json.loads(file.read_text("utf-8"))
    sections = {**table["parts"], **table["kinds"]}
    rows = {(s, path) for s, paths in sections.items() for path in paths if path[-1] != "."}
    assert {(section, path) for section, path, _, _ in ROWS} == rows


def completed_pod(spec: dict[str, Any]) -> Any:
    return defaults.apply("Pod", seal({"apiVersion": "v1", "spec": spec}))["spec"]


def test_what_is_set_is_kept() -> None:
    spec = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 0,
        "enableServiceLinks": False,
    }
    assert completed_pod(spec).items() >= spec.items()
    scaled = {"apiVersion": "apps/v1", "spec": {"replicas": 0}}
    assert defaults.apply("ReplicaSet", scaled)["spec"]["replicas"] == 0


def test_the_same_object_comes_back_when_nothing_is_missing() -> None:
    pod = {"apiVersion": "v1", "spec": {"containers": [{"name": "c", "image": "nginx"}]}}
    done = defaults.apply("Pod", pod)
    assert done is not pod
    assert defaults.apply("Pod", done) is done


def test_what_did_not_change_is_shared_and_the_input_is_left_alone() -> None:
    spec = {"containers": [{"name": "c", "image": "a:1"}], "affinity": {"nodeAffinity": {}}}
    sent = {"apiVersion": "v1", "metadata": {"name": "web"}, "spec": spec}
    done = defaults.apply("Pod", seal(sent))
    assert done["metadata"] == sent["metadata"]
    again = {**done, "spec": {**done["spec"], "dnsPolicy": ""}}
    assert defaults.apply("Pod", again)["spec"]["containers"] is done["spec"]["containers"]


def test_objects_made_by_constants_are_not_shared_between_pods() -> None:
    first, second = completed_pod({}), completed_pod({})
    assert first["securityContext"] is not second["securityContext"]


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("nginx", "Always"),
        ("nginx:latest", "Always"),
        ("nginx:1.27", "IfNotPresent"),
        ("reg.example.com:5000/x/y", "Always"),
        ("reg.example.com:5000/x/y:1", "IfNotPresent"),
        ("reg.example.com:5000/x/y@sha256:" + "a" * 64, "IfNotPresent"),
    ],
)
def test_only_an_image_that_may_move_is_always_pulled(image: str, policy: str) -> None:
    assert (
        completed_pod({"containers": [{"image": image}]})["containers"][0]["imagePullPolicy"]
        == policy
    )


def test_on_the_network_of_the_host_a_port_is_the_port_of_the_host() -> None:
    container = {"ports": [{"containerPort": 80}, {"containerPort": 81, "hostPort": 81}]}
    ports = completed_pod({"hostNetwork": True, "containers": [container]})["containers"][0][
        "ports"
    ]
    assert [port["hostPort"] for port in ports] == [80, 81]
    ports = completed_pod({"containers": [container]})["containers"][0]["ports"]
    assert "hostPort" not in ports[0]


def test_a_template_is_not_completed_as_far_as_a_pod() -> None:
    container = {"image": "x", "resources": {"limits": {"cpu": "1"}}}
    template = {"spec": {"containers": [container], "hostNetwork": True}}
    sent = {"apiVersion": "apps/v1", "spec": {"template": template}}
    spec = defaults.apply("ReplicaSet", sent)["spec"]["template"]["spec"]
    assert spec["containers"][0]["resources"] == {"limits": {"cpu": "1"}}
    assert "enableServiceLinks" not in spec


def test_a_deployment_that_recreates_does_not_roll() -> None:
    sent = {"apiVersion": "apps/v1", "spec": {"strategy": {"type": "Recreate"}}}
    assert defaults.apply("Deployment", sent)["spec"]["strategy"] == {"type": "Recreate"}


def test_zero_pods_of_surge_stay_zero() -> None:
    rolling = {"rollingUpdate": {"maxSurge": 0}}
    sent = {"apiVersion": "apps/v1", "spec": {"strategy": rolling}}
    strategy = defaults.apply("Deployment", sent)["spec"]["strategy"]
    assert strategy["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": "25%"}


def test_a_volume_with_a_source_gets_no_other() -> None:
    volume = completed_pod({"volumes": [{"name": "v", "nfs": {"server": "s", "path": "/"}}]})
    assert volume["volumes"] == [{"name": "v", "nfs": {"server": "s", "path": "/"}}]


def test_a_service_of_another_name_gets_no_policies() -> None:
    sent = {"apiVersion": "v1", "spec": {"type": "ExternalName", "externalName": "example.com"}}
    spec = defaults.apply("Service", sent)["spec"]
    assert spec == {**sent["spec"], "sessionAffinity": "None"}  # type: ignore[dict-item]


def test_an_event_of_the_new_version_is_not_completed_as_an_old_one() -> None:
    event = defaults.apply("Event", {"apiVersion": "events.k8s.io/v1", "note": "hello"})
    assert "source" not in event


def test_a_kind_without_rows_is_stored_as_it_is() -> None:
    widget = {"apiVersion": "example.com/v1", "spec": {}}
    assert defaults.apply("Widget", widget) is widget
