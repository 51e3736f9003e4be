"""lightkube, whose objects are dataclasses, against a served cluster."""

import itertools

import pytest

from tests.clients.scene import BEACONS, until

lightkube = pytest.importorskip(
    "lightkube", reason="lightkube is not installed: pip install lightkube"
)
from lightkube import ApiError, Client, KubeConfig, codecs  # noqa: E402
from lightkube.generic_resource import create_namespaced_resource  # noqa: E402
from lightkube.models.autoscaling_v1 import ScaleSpec  # noqa: E402
from lightkube.models.meta_v1 import ObjectMeta  # noqa: E402
from lightkube.resources.apiextensions_v1 import CustomResourceDefinition  # noqa: E402
from lightkube.resources.apps_v1 import Deployment  # noqa: E402
from lightkube.resources.core_v1 import ConfigMap, Node, Pod  # noqa: E402
from lightkube.types import PatchType  # noqa: E402


@pytest.fixture(scope="module")
def client(live):
    config = KubeConfig.from_file(str(live.folder / "kubeconfig"))
    return Client(config=config, field_manager="tester")


def config_map(name, **data):
    return ConfigMap(metadata=ObjectMeta(name=name, namespace="default"), data=data)


def code_of(call, *args, **options):
    with pytest.raises(ApiError) as refused:
        call(*args, **options)
    return refused.value.status.code


DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: light, namespace: default}
spec:
  replicas: 1
  selector: {matchLabels: {app: light}}
  template:
    metadata: {labels: {app: light}}
    spec: {containers: [{name: web, image: "nginx:1.27"}]}
"""


def test_objects_are_created_read_replaced_and_deleted(client):
    made = client.create(config_map("kept", a="b"))
    assert made.metadata.uid and made.data == {"a": "b"}
    made.data["c"] = "d"
    assert client.replace(made).data == {"a": "b", "c": "d"}
    client.delete(ConfigMap, "kept")
    assert code_of(client.get, ConfigMap, "kept") == 404


def test_three_kinds_of_patch_change_an_object(client):
    client.create(config_map("patched", a="1", b="1"))
    merge = {"data": {"b": None, "c": "2"}}
    assert client.patch(ConfigMap, "patched", merge, patch_type=PatchType.MERGE).data == {
        "a": "1",
        "c": "2",
    }
    steps = [{"op": "remove", "path": "/data/c"}]
    assert client.patch(ConfigMap, "patched", steps, patch_type=PatchType.JSON).data == {"a": "1"}
    assert client.patch(ConfigMap, "patched", {"data": {"z": "9"}}).data == {"a": "1", "z": "9"}


def test_lists_are_iterated_and_selected(client):
    assert sorted(node.metadata.name for node in client.list(Node)) == ["node-1", "node-2"]
    for number in range(3):
        labelled = config_map(f"many-{number}")
        labelled.metadata.labels = {"many": str(number % 2)}
        client.create(labelled)
    found = client.list(ConfigMap, labels={"many": "0"}, chunk_size=1)
    assert [each.metadata.name for each in found] == ["many-0", "many-2"]


def test_a_deployment_from_yaml_is_waited_for_and_scaled(client):
    for obj in codecs.load_all_yaml(DEPLOYMENT):
        client.create(obj)
    client.wait(Deployment, "light", for_conditions=["Available"])
    scale = Deployment.Scale(
        metadata=ObjectMeta(name="light", namespace="default"), spec=ScaleSpec(replicas=2)
    )
    assert client.replace(scale, name="light").spec.replicas == 2
    running = lambda: [  # noqa: E731
        pod for pod in client.list(Pod, labels={"app": "light"}) if pod.status.phase == "Running"
    ]
    until(lambda: len(running()) == 2)
    client.delete(Deployment, "light")
    until(lambda: not list(client.list(Pod, labels={"app": "light"})))


def test_a_watch_tells_what_happens(client):
    client.create(config_map("told", a="1"))
    seen = []
    for event, found in client.watch(ConfigMap, fields={"metadata.name": "told"}):
        seen.append((event, found.data["a"]))
        if event == "DELETED":
            break
        if event == "ADDED":
            client.patch(ConfigMap, "told", {"data": {"a": "2"}})
        else:
            client.delete(ConfigMap, "told")
    assert seen == [("ADDED", "1"), ("MODIFIED", "2"), ("DELETED", "2")]


def test_what_several_managers_apply_is_kept_apart(client):
    client.apply(config_map("shared", a="1"), field_manager="one")
    client.apply(config_map("shared", b="2"), field_manager="two")
    assert client.get(ConfigMap, "shared").data == {"a": "1", "b": "2"}
    assert code_of(client.apply, config_map("shared", a="9"), field_manager="two") == 409
    assert client.apply(config_map("shared", a="9"), field_manager="two", force=True).data == {
        "a": "9"
    }


def test_a_custom_resource_has_a_status_of_its_own(client):
    client.create(CustomResourceDefinition.from_dict(BEACONS))
    client.wait(CustomResourceDefinition, "beacons.example.com", for_conditions=["Established"])
    beacons = create_namespaced_resource("example.com", "v1", "Beacon", "beacons")
    meta = ObjectMeta(name="north", namespace="default")
    client.create(beacons(metadata=meta, spec={"color": "red"}, status={"lit": False}))
    status = {"status": {"lit": True}}
    client.patch(beacons.Status, "north", status, patch_type=PatchType.MERGE)
    found = client.get(beacons, "north")
    assert (found.spec, found.status) == ({"color": "red"}, {"lit": True})


def test_what_a_container_says_comes_line_by_line(client):
    pod = """
    apiVersion: v1
    kind: Pod
    metadata: {name: talks, namespace: default}
    spec:
      containers: [{name: a, image: busybox, command: [sh, -c, "echo one; echo two; sleep 999"]}]
    """
    client.create(codecs.load_all_yaml(pod)[0])
    client.wait(Pod, "talks", for_conditions=["Ready"])
    lines = itertools.islice(client.log("talks", follow=True), 2)
    assert list(lines) == ["one\n", "two\n"]
