"""Bounds and defaults of a namespace; words as a 1.36 API server says them."""

import pytest

from k8s_ref.machinery.errors import Forbidden
from tests.harness import ControlPlane, pod

CONTAINER = {
    "type": "Container",
    "min": {"cpu": "100m"},
    "max": {"cpu": "1", "memory": "1Gi"},
    "maxLimitRequestRatio": {"cpu": "2"},
}
WHOLE = {"type": "Pod", "max": {"cpu": "2"}}
CLAIM = {"type": "PersistentVolumeClaim", "min": {"storage": "1Gi"}, "max": {"storage": "2Gi"}}


@pytest.fixture
def plane():
    plane = ControlPlane()
    limited(plane, CONTAINER, WHOLE, CLAIM)
    return plane


def limited(plane, *limits, name="bounds"):
    meta = {"name": name, "namespace": "default"}
    plane.do(plane.api.create("limitranges", {"metadata": meta, "spec": {"limits": list(limits)}}))


def asking(*cpus, memory="1Gi", **spec):
    """A Pod with a container per ``request/limit`` of CPU."""
    containers = []
    for number, text in enumerate(cpus):
        request, _, limit = text.partition("/")
        resources = {"requests": {"cpu": request}, "limits": {"cpu": limit, "memory": memory}}
        containers.append({"name": f"c{number}", "image": "x", "resources": resources})
    return pod("a", containers=containers, **spec)


def claim(size):
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}
    return {"metadata": {"name": "s", "namespace": "default"}, "spec": spec}


def created(plane, obj=None, resource="pods"):
    return plane.do(plane.api.create(resource, obj or pod()))


def refusal(plane, obj, resource="pods"):
    with pytest.raises(Forbidden) as caught:
        created(plane, obj, resource)
    return str(caught.value).partition(" is forbidden: ")[2]


def test_a_container_that_asks_for_nothing_gets_the_defaults_and_a_note_says_so(plane):
    found = created(plane)
    amounts = {"cpu": "1", "memory": "1Gi"}
    assert found["spec"]["containers"][0]["resources"] == {"requests": amounts, "limits": amounts}
    note = "cpu, memory request for container web; cpu, memory limit for container web"
    said = found["metadata"]["annotations"]["kubernetes.io/limit-ranger"]
    assert said == f"LimitRanger plugin set: {note}"


def test_what_a_container_says_itself_is_left_alone(plane):
    (container,) = created(plane, asking("200m/400m"))["spec"]["containers"]
    assert container["resources"]["requests"] == {"cpu": "200m", "memory": "1Gi"}
    assert container["resources"]["limits"] == {"cpu": "400m", "memory": "1Gi"}


def test_containers_that_run_before_get_the_defaults_too(plane):
    first = [{"name": "first", "image": "x"}]
    found = created(plane, pod(initContainers=first))
    assert found["spec"]["initContainers"][0]["resources"]["limits"]["cpu"] == "1"
    note = found["metadata"]["annotations"]["kubernetes.io/limit-ranger"]
    assert note.endswith("cpu, memory limit for init container first")


@pytest.mark.parametrize(
    ("obj", "words"),
    [
        (asking("50m/100m"), "minimum cpu usage per Container is 100m, but request is 50m"),
        (asking("2/2"), "maximum cpu usage per Container is 1, but limit is 2"),
        (
            asking("100m/1"),
            "cpu max limit to request ratio per Container is 2, but provided ratio is 10.000000",
        ),
        (asking("1/1", "1/1", "1/1"), "maximum cpu usage per Pod is 2, but limit is 3"),
        (
            asking("1/1", memory="2Gi"),
            "maximum memory usage per Container is 1Gi, but limit is 2Gi",
        ),
        (
            asking("50m/2", memory="2Gi"),
            "[minimum cpu usage per Container is 100m, but request is 50m,"
            " maximum cpu usage per Container is 1, but limit is 2,"
            " maximum memory usage per Container is 1Gi, but limit is 2Gi,"
            " cpu max limit to request ratio per Container is 2, but provided ratio is 40.000000]",
        ),
    ],
)
def test_every_bound_that_is_broken_is_named(plane, obj, words):
    assert refusal(plane, obj) == words


@pytest.mark.parametrize(
    ("size", "words"),
    [
        ("500Mi", "minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 500Mi"),
        ("3Gi", "maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 3Gi"),
    ],
)
def test_claims_have_bounds_of_their_own(plane, size, words):
    assert refusal(plane, claim(size), "persistentvolumeclaims") == words
    assert created(plane, claim("2Gi"), "persistentvolumeclaims")


def test_without_a_default_whoever_says_nothing_is_refused():
    plane = ControlPlane()
    limited(plane, {"type": "Pod", "min": {"cpu": "1"}, "max": {"memory": "1Gi"},
                    "maxLimitRequestRatio": {"cpu": "2"}})  # fmt: skip
    assert refusal(plane, pod()) == (
        "[minimum cpu usage per Pod is 1.  No request is specified,"
        " maximum memory usage per Pod is 1Gi.  No limit is specified,"
        " cpu max limit to request ratio per Pod is 2, but no request is specified or request is 0]"
    )


def test_the_most_a_pod_takes_counts_the_one_that_starts_it_and_not_both():
    plane = ControlPlane()
    limited(plane, WHOLE)
    first = [{"name": "i", "image": "x", "resources": {"limits": {"cpu": "2"}}}]
    assert created(plane, asking("1/2", initContainers=first))


def test_other_namespaces_are_not_bound(plane):
    plane.do(plane.api.create("namespaces", {"metadata": {"name": "free"}}))
    obj = pod()
    obj["metadata"]["namespace"] = "free"
    assert "resources" not in str(created(plane, obj)["metadata"])
    assert (
        created(plane, {**obj, "metadata": {"name": "b", "namespace": "free"}})["spec"][
            "containers"
        ][0]["resources"]
        == {}
    )


def test_a_bad_request_is_not_looked_at_again_when_the_pod_is_updated(plane):
    found = created(plane, asking("1/1"))
    plane.do(plane.api.delete("limitranges", "default/bounds"))
    limited(plane, {"type": "Container", "max": {"cpu": "10m"}}, name="tighter")
    labelled = {"metadata": {"labels": {"a": "b"}}}
    assert plane.do(plane.api.patch("pods", f"default/{found['metadata']['name']}", labelled))
