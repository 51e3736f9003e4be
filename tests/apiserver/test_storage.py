"""Where objects are kept, and how a server that restarts finds them again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8s_ref.apiserver.server import APIServer
from k8s_ref.apiserver.storage import Taken, path_of, split_path
from k8s_ref.etcd.client import Embedded
from k8s_ref.machinery.errors import Expired
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
