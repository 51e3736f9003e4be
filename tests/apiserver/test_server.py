"""One request through its stations, and several servers on one store."""

import pytest

from k8s_ref.apiserver import defaults
from k8s_ref.apiserver.request import User
from k8s_ref.apiserver.server import APIServer
from k8s_ref.client.client import Client
from k8s_ref.cluster import Wiring
from k8s_ref.etcd.client import Embedded
from k8s_ref.machinery.errors import Conflict, Forbidden, Invalid
from k8s_ref.machinery.meta import with_path
from tests.harness import ControlPlane, pod

ORDER = ["audit", "authorization", "read", "defaults", "admit", "prepare", "validation",
         "validate", "etcd", "audit"]  # fmt: skip


@pytest.fixture
def plane():
    return ControlPlane()


@pytest.fixture
def passed(plane, monkeypatch):
    """The stations in the order in which a request comes by."""
    seen = []

    def note(owner, name, station):
        real = getattr(owner, name)

        def noted(*args, **more):
            seen.append(station)
            return real(*args, **more)

        monkeypatch.setattr(owner, name, noted)

    pods, access = plane.server.registry("pods"), plane.server.access
    access.audit.policy = {"rules": [{"level": "Metadata", "verbs": ["create"]}]}
    access.audit.sink = lambda event: seen.append("audit")
    note(access, "check", "authorization")
    note(pods, "read", "read")
    note(defaults, "apply", "defaults")
    note(pods.admission, "admit", "admit")
    note(pods, "_prepare", "prepare")
    note(pods, "_causes", "validation")
    note(pods.admission, "validate", "validate")
    note(plane.server.storage.etcd, "txn", "etcd")
    return seen


def test_a_creation_goes_through_all_stations_in_order(plane, passed):
    plane.do(plane.api.create("pods", pod()))
    assert passed == ORDER


def test_who_is_refused_is_on_record_and_comes_no_further(plane, passed):
    plane.api.user = User("bob")
    with pytest.raises(Forbidden):
        plane.do(plane.api.create("pods", pod()))
    assert passed == ["audit", "authorization", "audit"]


def test_what_is_wrong_comes_as_far_as_validation(plane, passed):
    with pytest.raises(Invalid):
        plane.do(plane.api.create("pods", pod(restartPolicy="Sometimes")))
    assert passed == [*ORDER[: ORDER.index("validation") + 1], "audit"]


# -- several servers


@pytest.fixture
def other(plane):
    server = APIServer(Embedded(plane.store, plane.lessor), plane.loop)
    plane.do(server.start())
    return server


def test_what_one_server_wrote_the_other_knows(plane, other):
    made = plane.do(plane.api.create("pods", pod()))
    assert other.registry("pods").cache.objects["default/web"] == made


def test_of_two_changes_to_one_version_the_second_is_refused_wherever_it_comes(plane, other):
    elsewhere = Client(other.handle, lambda: other.kinds, plane.loop, plane.faults, "other")
    read = plane.do(
        plane.api.create("configmaps", {"metadata": {"name": "a", "namespace": "default"}})
    )
    one, two = ({**read, "data": {"by": name}} for name in ("one", "two"))
    plane.do(plane.api.update("configmaps", one))
    with pytest.raises(Conflict):
        plane.do(elsewhere.update("configmaps", two))
    now = plane.server.registry("configmaps").cache.objects["default/a"]
    assert now["data"] == {"by": "one"}


def test_a_second_server_makes_nothing_twice(plane, other):
    revision = plane.store.revision
    third = APIServer(Embedded(plane.store, plane.lessor), plane.loop)
    plane.do(third.start())
    assert plane.store.revision == revision


def test_a_server_that_crashed_knows_all_it_knew_and_is_furnished_again():
    cluster, furnished = Wiring(nodes=1), []
    cluster.furnish = furnished.append
    cluster.loop.run(3)
    before = cluster.server
    cluster.crash("kube-apiserver")
    assert cluster.server is None
    cluster.loop.run(2)
    assert furnished == [cluster.server]
    for name in ("nodes", "namespaces", "clusterroles"):
        now, was = (s.registry(name).cache.objects for s in (cluster.server, before))
        assert set(now) >= set(was)


def test_changing_an_object_takes_its_version(plane):
    made = plane.do(plane.api.create("pods", pod()))
    changed = with_path(made, ("metadata", "labels"), {"app": "other"})
    assert plane.do(plane.api.update("pods", changed))["metadata"]["generation"] == 1
    with pytest.raises(Conflict):
        plane.do(plane.api.update("pods", with_path(made, ("metadata", "labels"), {"a": "b"})))
