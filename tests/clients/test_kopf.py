"""An operator made with kopf: its handlers, status, timer and finalizer on a custom resource."""

import os
import subprocess
import sys

import pytest

from tests.clients.scene import BEACONS, until

kopf = pytest.importorskip("kopf", reason="kopf is not installed: pip install kopf")
kubernetes = pytest.importorskip(
    "kubernetes", reason="kubernetes is not installed: pip install kubernetes"
)

PLACE = ("example.com", "v1", "default", "beacons")
OPERATOR = '''
import kopf


@kopf.on.startup()
def configure(settings, **_):
    """Quick answers for a quick cluster."""
    settings.posting.enabled = False
    settings.watching.server_timeout = 10


@kopf.on.create("example.com", "v1", "beacons")
def light(spec, **_):
    """What a handler returns is put under its name into the status."""
    return {"color": spec.get("color", "white")}


@kopf.on.update("example.com", "v1", "beacons", field="spec.color")
def relight(new, patch, **_):
    """A change of one field is told with the old value and the new."""
    patch.status["light"] = {"color": new}


@kopf.timer("example.com", "v1", "beacons", interval=0.3)
def count(status, patch, **_):
    """Count how often there was time to look."""
    patch.status["looks"] = status.get("looks", 0) + 1


@kopf.on.delete("example.com", "v1", "beacons")
def put_out(meta, retry, **_):
    """Let go only at the second try, so that somebody can see it hold on."""
    if not retry:
        raise kopf.TemporaryError(f"{meta.name} is still warm", delay=0.5)
'''
"""As ``kopf run`` is given it: it lights beacons, counts, and puts them out."""


@pytest.fixture(scope="module")
def beacons(live):
    api = kubernetes.config.new_client_from_config(str(live.folder / "kubeconfig"))
    kubernetes.client.ApiextensionsV1Api(api).create_custom_resource_definition(BEACONS)
    return kubernetes.client.CustomObjectsApi(api)


@pytest.fixture(scope="module")
def operator(live, beacons):
    """The operator, a process of its own."""
    path = live.folder / "beacon_operator.py"
    path.write_text(OPERATOR)
    command = [sys.executable, "-m", "kopf", "run", "--standalone", "-n", "default", str(path)]
    with open(live.folder / "operator.log", "w+") as log:
        process = subprocess.Popen(
            command, env={**os.environ, **live.env}, stdout=log, stderr=subprocess.STDOUT
        )
        yield process
        process.terminate()
        process.wait(20)
        log.seek(0)
        print(log.read())


def beacon(name, color):
    meta = {"name": name, "namespace": "default"}
    return {
        "apiVersion": "example.com/v1",
        "kind": "Beacon",
        "metadata": meta,
        "spec": {"color": color},
    }


def status(beacons, name):
    return beacons.get_namespaced_custom_object(*PLACE, name).get("status", {})


def test_an_operator_sees_creates_and_changes_and_keeps_a_status(beacons, operator):
    beacons.create_namespaced_custom_object(*PLACE, beacon("north", "red"))
    until(lambda: status(beacons, "north").get("light") == {"color": "red"}, 60)
    change = {"spec": {"color": "green"}}
    beacons.patch_namespaced_custom_object(*PLACE, "north", change)
    until(lambda: status(beacons, "north").get("light") == {"color": "green"})


def test_a_timer_goes_on_while_the_object_is_there(beacons, operator):
    beacons.create_namespaced_custom_object(*PLACE, beacon("east", "blue"))
    until(lambda: status(beacons, "east").get("looks", 0) >= 3, 60)


def test_a_finalizer_holds_the_object_until_the_handler_is_done(beacons, operator):
    beacons.create_namespaced_custom_object(*PLACE, beacon("west", "red"))

    def there():
        items = beacons.list_namespaced_custom_object(*PLACE)["items"]
        return next((item["metadata"] for item in items if item["metadata"]["name"] == "west"), {})

    until(lambda: there().get("finalizers"), 60)
    beacons.delete_namespaced_custom_object(*PLACE, "west")
    assert there().get("deletionTimestamp")
    until(lambda: not there())
