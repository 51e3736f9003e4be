"""Where objects are kept, and how a server that restarts finds them again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8s_ref.apiserver import storage
from k8s_ref.apiserver.server import APIServer
from k8s_ref.apiserver.storage import Taken, path_of, split_path
from k8s_ref.etcd.client import Embedded
from k8s_ref.machinery.errors import Expired, NotFound
from k8s_ref.machinery.kinds import KINDS
from tests.harness import ControlPlane, pod, replicaset


@given(st.sampled_from([kind for kind in KINDS if "list" in kind.verbs]))
def test_a_path_gives_back_its_directory_and_key(kind):
    key = "ns/name" if kind.namespaced else "name"
    directory, found = split_path(path_of(kind, key))
    assert found == key
    assert path_of(kind, key) == f"/registry/{directory}/{key}"


def test_keys_are_those_a_real_cluster_has_in_etcd():
    assert path_of(KINDS["nodes"], "n") == "/registry/minions/n"
    assert path_of(KINDS["services"], "d/s") == "/registry/services/specs/d/s"
    assert path_of(KINDS["deploy"], "d/w") == "/registry/deployments/d/w"


def test_the_store_holds_no_resource_version_because_the_revision_is_it():
    plane = ControlPlane()
    plane.do(plane.api.create("pods", pod()))
    kv = plane.store.get("/registry/pods/default/web")
    assert "resourceVersion" not in kv.value["metadata"]


def test_a_write_against_an_old_version_tells_what_is_there_now():
    plane = ControlPlane()
    old = plane.do(plane.api.create("pods", pod()))
    plane.do(plane.api.bind("default/web", "node-1"))
    with pytest.raises(Taken) as taken:
        plane.do(plane.server.storage.update(KINDS["pods"], "default/web", old, old))
    assert taken.value.current["spec"]["nodeName"] == "node-1"


def test_a_server_that_restarts_knows_everything_and_sends_old_watchers_to_list_again():
    plane = ControlPlane()
    plane.do(plane.api.create("pods", pod()))
    plane.server.stop()
    plane.server = APIServer(Embedded(plane.store), plane.loop)
    plane.do(plane.server.start())
    api = plane.client("kubectl")
    found = plane.do(api.list("pods"))
    assert [item["metadata"]["name"] for item in found["items"]] == ["web"]
    assert found["metadata"]["resourceVersion"] == str(plane.store.revision)
    with pytest.raises(Expired, match="too old resource version"):
        plane.do(api.watch("pods", since="2"))


def test_no_uid_is_given_twice_to_any_kind_nor_after_a_restart():
    plane = ControlPlane()
    uids = [plane.do(plane.api.create("pods", pod(name)))["metadata"]["uid"] for name in "ab"]
    plane.server.stop()
    plane.server = APIServer(Embedded(plane.store), plane.loop)
    plane.do(plane.server.start())
    api = plane.client("kubectl")
    uids.append(plane.do(api.create("replicasets", replicaset()))["metadata"]["uid"])
    uids.append(plane.do(api.create("pods", pod("c")))["metadata"]["uid"])
    assert len(set(uids)) == 4


def event(name):
    """A small Event about nothing in particular."""
    return {"metadata": {"name": name, "namespace": "default"}, "involvedObject": {}, "count": 1}


def leases_of(plane):
    """The names of the Events that hang on each lease."""
    return [
        [key.rpartition("/")[2] for key in plane.lessor.keys(number)]
        for number in plane.lessor.leases
    ]


def test_an_event_is_gone_after_an_hour_and_its_watcher_is_told():
    plane = ControlPlane()
    told = plane.do(plane.api.create("events", event("e")))
    watch = plane.do(plane.api.watch("events", since=told["metadata"]["resourceVersion"]))
    plane.loop.run(3600)
    assert plane.do(plane.api.get("events", "default/e")) is told
    plane.loop.run(60)
    gone = plane.do(watch.next())
    assert gone.type == "DELETED" and gone.object["metadata"]["name"] == "e"
    assert gone.object["metadata"]["resourceVersion"] == str(plane.store.revision)
    with pytest.raises(NotFound):
        plane.do(plane.api.get("events", "default/e"))
    again = plane.do(plane.api.create("events", event("e")))
    assert again["metadata"]["uid"] != told["metadata"]["uid"]


def test_an_event_that_is_counted_up_lives_another_hour():
    plane = ControlPlane()
    plane.do(plane.api.create("events", event("e")))
    plane.loop.run(3000)
    plane.do(plane.api.patch("events", "default/e", {"count": 2}))
    plane.loop.run(3600)
    assert plane.do(plane.api.get("events", "default/e"))["count"] == 2
    plane.loop.run(60)
    assert plane.do(plane.api.list("events"))["items"] == []


def test_events_of_one_minute_share_a_lease():
    plane = ControlPlane()
    for name in "abcd":
        plane.do(plane.api.create("events", event(name)))
        plane.loop.run(25)
    assert leases_of(plane) == [["a", "b", "c"], ["d"]]


def test_a_lease_has_only_so_many_events_to_take_along(monkeypatch):
    monkeypatch.setattr(storage, "LEASE_OBJECTS", 2)
    plane = ControlPlane()
    for name in "abc":
        plane.do(plane.api.create("events", event(name)))
    assert leases_of(plane) == [["a", "b"], ["c"]]


def test_only_events_expire():
    plane = ControlPlane()
    plane.do(plane.api.create("pods", pod()))
    assert plane.store.get("/registry/pods/default/web").lease == 0 and not plane.lessor.leases
