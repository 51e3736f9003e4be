"""kr8s, which looks like kubectl in Python, against a served cluster."""

import pytest

from tests.clients.scene import until

kr8s = pytest.importorskip("kr8s", reason="kr8s is not installed: pip install kr8s")
from kr8s.objects import ConfigMap, Deployment, Pod  # noqa: E402

# It knows a release only some time after it came out.
pytestmark = pytest.mark.filterwarnings("ignore:Kubernetes version .* is not supported")


@pytest.fixture(scope="module")
def api(live):
    return kr8s.api(kubeconfig=str(live.folder / "kubeconfig"))


def pod(api, name, **container):
    spec = {"containers": [{"name": "web", "image": "nginx:1.27", **container}]}
    meta = {"name": name, "namespace": "default", "labels": {"app": name}}
    manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}
    return Pod(manifest, api=api)


def test_it_asks_for_the_version_and_for_what_there_is(api):
    assert api.version()["minor"] == "36"
    found = {(each["name"], each["kind"]) for each in api.api_resources()}
    assert {("pods", "Pod"), ("deployments", "Deployment")} <= found


def test_kinds_are_found_by_any_of_their_names(api):
    assert {node.name for node in api.get("no")} == {"node-1", "node-2"}
    assert {"default", "kube-system"} <= {each.name for each in api.get("namespaces")}


def test_a_pod_is_created_waited_for_labelled_and_deleted(api):
    made = pod(api, "solo")
    made.create()
    made.wait("condition=Ready", timeout=30)
    assert made.ready() and made.status.phase == "Running"
    made.label({"tier": "front"})
    made.annotate({"note": "x"})
    assert Pod.get("solo", namespace="default", api=api).labels == {"app": "solo", "tier": "front"}
    assert [each.name for each in api.get("pods", label_selector={"tier": "front"})] == ["solo"]
    made.delete()
    made.wait("delete", timeout=60)
    assert not made.exists()


def test_a_deployment_is_scaled_and_its_pods_are_found(api):
    labels = {"app": "scaled"}
    container = {"name": "web", "image": "nginx:1.27"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    meta = {"name": "scaled", "namespace": "default"}
    manifest = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec}
    made = Deployment(manifest, api=api)
    made.create()
    made.wait("condition=Available", timeout=30)
    made.scale(3)
    until(lambda: len(made.pods()) == 3)
    made.delete(propagation_policy="Foreground")
    until(lambda: not made.exists() and not list(api.get("pods", label_selector=labels)))


def test_a_watch_tells_of_changes(api):
    meta = {"name": "seen", "namespace": "default"}
    made = ConfigMap({"metadata": meta, "data": {"a": "1"}}, api=api)
    made.create()
    changed = {}
    for event, found in api.watch("configmaps", field_selector="metadata.name=seen"):
        changed[event] = found.raw["data"]["a"]
        if event == "DELETED":
            break
        if event == "ADDED":
            made.patch({"data": {"a": "2"}})
        else:
            made.delete()
    assert changed == {"ADDED": "1", "MODIFIED": "2", "DELETED": "2"}


def test_what_a_container_says_can_be_read(api):
    made = pod(api, "said", image="busybox", command=["sh", "-c", "echo hello; sleep 3600"])
    made.create()
    made.wait("condition=Ready", timeout=30)
    assert list(made.logs()) == ["hello"]
    made.delete(grace_period=0)


def test_a_command_runs_in_a_container(api):
    made = pod(api, "ran")
    made.create()
    made.wait("condition=Ready", timeout=30)
    done = made.exec(["echo", "hi"])
    assert (done.stdout, done.returncode) == (b"hi\n", 0)
    made.delete(grace_period=0)


def test_what_is_not_there_is_not_found(api):
    with pytest.raises(kr8s.NotFoundError):
        Pod.get("nobody", namespace="default", api=api)
