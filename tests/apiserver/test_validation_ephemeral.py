"""Ephemeral containers: guests that may come, and may neither change nor go."""

import pytest

from k8s_ref.client.client import STRATEGIC
from k8s_ref.machinery.errors import Invalid
from tests.harness import ControlPlane, pod

SUBRESOURCE = "ephemeralcontainers"


@pytest.fixture
def plane():
    plane = ControlPlane()
    init = [{"name": "first", "image": "busybox"}]
    plane.do(plane.api.create("pods", pod(initContainers=init)))
    return plane


def bring(plane, *guests, content_type=STRATEGIC):
    change = {"spec": {"ephemeralContainers": list(guests)}}
    return plane.do(plane.api.patch("pods", "default/web", change, SUBRESOURCE, content_type))


def refusal(plane, **guest):
    with pytest.raises(Invalid) as refused:
        bring(plane, {"name": "look", "image": "busybox", **guest})
    return [str(cause) for cause in refused.value.causes]


def test_a_guest_is_completed_like_any_container_and_counts_as_a_change(plane):
    stored = bring(plane, {"name": "look", "image": "busybox", "targetContainerName": "web"})
    [guest] = stored["spec"]["ephemeralContainers"]
    assert guest["imagePullPolicy"] == "Always"
    assert guest["terminationMessagePolicy"] == "File"
    assert stored["metadata"]["generation"] == 2


def test_nothing_else_is_written(plane):
    change = {"metadata": {"labels": {"app": "other"}}, "spec": {"activeDeadlineSeconds": 5}}
    plane.do(plane.api.patch("pods", "default/web", change, SUBRESOURCE, STRATEGIC))
    stored = plane.do(plane.api.get("pods", "default/web"))
    assert "activeDeadlineSeconds" not in stored["spec"]
    assert stored["metadata"]["labels"] == {"app": "web"}


@pytest.mark.parametrize(
    ("guest", "why"),
    [
        ({"name": "web"}, '[0].name: Duplicate value: "web"'),
        ({"name": "first"}, '[0].name: Duplicate value: "first"'),
        ({"targetContainerName": "zz"}, '[0].targetContainerName: Not found: "zz"'),
        ({"ports": [{"containerPort": 1}]},
         "[0].ports: Forbidden: cannot be set for an Ephemeral Container"),
        ({"livenessProbe": {"tcpSocket": {"port": 1}}},
         "[0].livenessProbe: Forbidden: cannot be set for an Ephemeral Container"),
        ({"resources": {"requests": {"cpu": "1"}}},
         "[0].resources: Forbidden: cannot be set for an Ephemeral Container"),
        ({"image": ""}, "[0].image: Required value"),
    ],
)  # fmt: skip
def test_a_guest_may_not(plane, guest, why):
    assert refusal(plane, **guest) == [f"spec.ephemeralContainers{why}"]


def test_a_volume_is_mounted_whole_or_not_at_all(plane):
    body = pod("disk", volumes=[{"name": "data", "emptyDir": {}}])
    plane.do(plane.api.create("pods", body))
    mount = {"name": "data", "mountPath": "/data", "subPath": "a"}
    guest = {"name": "look", "image": "busybox", "volumeMounts": [mount]}
    change = {"spec": {"ephemeralContainers": [guest]}}
    with pytest.raises(Invalid, match=r"volumeMounts\[0\]\.subPath: Forbidden: cannot be set"):
        plane.do(plane.api.patch("pods", "default/disk", change, SUBRESOURCE, STRATEGIC))


def test_guests_stay_as_they_are(plane):
    bring(plane, {"name": "look", "image": "busybox"})
    changed = {"name": "look", "image": "busybox", "command": ["sh"]}
    for what, guests in (("changed", [changed]), ("removed", [])):
        with pytest.raises(Invalid, match=f'ephemeral containers "look" may not be {what}'):
            bring(plane, *guests, content_type="application/merge-patch+json")


def test_the_pod_itself_can_neither_bring_them_nor_lose_them(plane):
    guest = {"name": "look", "image": "busybox"}
    body = pod("other", ephemeralContainers=[guest])
    with pytest.raises(Invalid, match=r"spec\.ephemeralContainers: Forbidden: cannot be set on cr"):
        plane.do(plane.api.create("pods", body))
    change = {"spec": {"ephemeralContainers": [guest]}}
    with pytest.raises(Invalid, match="pod updates may not change fields other than"):
        plane.do(plane.api.patch("pods", "default/web", change, "", STRATEGIC))
