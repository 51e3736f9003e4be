"""The API server through a client: what is stored, what is refused and in which words."""

import pytest

from k8s_ref.apiserver import registry
from k8s_ref.apiserver.request import Request, parse
from k8s_ref.client.client import STRATEGIC
from k8s_ref.machinery.errors import (
    AlreadyExists,
    BadRequest,
    Conflict,
    Forbidden,
    InternalError,
    Invalid,
    MethodNotAllowed,
    NotFound,
    UnsupportedMediaType,
)
from k8s_ref.machinery.kinds import KINDS
from k8s_ref.machinery.meta import with_path
from tests.harness import ControlPlane, pod, replicaset


@pytest.fixture
def plane():
    return ControlPlane()


def test_a_new_cluster_has_the_four_namespaces(plane):
    found = plane.do(plane.api.list("namespaces"))
    names = [item["metadata"]["name"] for item in found["items"]]
    assert names == ["default", "kube-node-lease", "kube-public", "kube-system"]
    assert found["items"][0]["metadata"]["labels"] == {"kubernetes.io/metadata.name": "default"}
    assert found["items"][0]["status"] == {"phase": "Active"}


def test_a_created_pod_is_completed_by_the_server(plane):
    created = plane.do(plane.api.create("pods", pod()))
    meta = created["metadata"]
    assert meta["creationTimestamp"] == "2026-01-01T00:00:00Z"
    assert (meta["generation"], len(meta["uid"])) == (1, 36)
    assert meta["resourceVersion"] == str(plane.store.revision)
    assert created["status"] == {"phase": "Pending", "qosClass": "BestEffort"}
    assert created["spec"]["restartPolicy"] == "Always"
    assert plane.do(plane.api.get("pods", "default/web")) is created


def test_a_generated_name_is_five_letters_of_the_alphabet_without_vowels(plane):
    body = pod()
    del body["metadata"]["name"]
    body["metadata"]["generateName"] = "web-"
    name = plane.do(plane.api.create("pods", body))["metadata"]["name"]
    assert (name[:4], len(name)) == ("web-", 9)
    assert set(name[4:]) <= set("bcdfghjklmnpqrstvwxz2456789")


def test_a_generated_name_that_is_taken_costs_another_try(plane, monkeypatch):
    suffixes = iter(["aaaaa", "aaaaa", "bbbbb"])
    monkeypatch.setattr(registry, "suffix", lambda choose: next(suffixes))
    body = {"metadata": {"generateName": "web-", "namespace": "default"}}
    names = [plane.do(plane.api.create("configmaps", body))["metadata"]["name"] for _ in range(2)]
    assert names == ["web-aaaaa", "web-bbbbb"]


def test_the_same_seed_gives_the_same_uids_and_another_seed_others():
    def uid(seed):
        plane = ControlPlane(seed)
        return plane.do(plane.api.create("pods", pod()))["metadata"]["uid"]

    assert uid(1) == uid(1) != uid(2)


def test_a_name_that_is_taken_is_refused(plane):
    plane.do(plane.api.create("pods", pod()))
    with pytest.raises(AlreadyExists, match=r'^pods "web" already exists$'):
        plane.do(plane.api.create("pods", pod()))


def test_what_is_not_there_is_not_found(plane):
    with pytest.raises(NotFound, match=r'^replicasets.apps "x" not found$'):
        plane.do(plane.api.get("replicasets", "default/x"))


def test_nothing_is_created_in_a_namespace_that_does_not_exist(plane):
    body = with_path(pod(), ("metadata", "namespace"), "nowhere")
    with pytest.raises(NotFound, match=r'^namespaces "nowhere" not found$'):
        plane.do(plane.api.create("pods", body))


def test_the_first_namespaces_cannot_be_deleted(plane):
    with pytest.raises(Forbidden, match="this namespace may not be deleted"):
        plane.do(plane.api.delete("namespaces", "kube-system"))


def test_an_invalid_object_is_refused_with_the_field_and_nothing_is_stored(plane):
    before = plane.store.revision
    with pytest.raises(Invalid, match=r'^Pod "web" is invalid: spec\.containers: Required value'):
        plane.do(plane.api.create("pods", pod(containers=[])))
    assert plane.store.revision == before


def test_an_unknown_field_is_dropped_with_a_warning_or_refused_when_strict(plane):
    request = Request("create", KINDS["pods"], "default", body=pod(replica=3))
    response = plane.do(plane.server.handle(request))
    assert response.code == 201
    assert response.warnings == ('unknown field "spec.replica"',)
    assert "replica" not in response.body["spec"]
    with pytest.raises(BadRequest, match=r'strict decoding error: unknown field "spec.replica"'):
        plane.do(plane.api.create("pods", pod("other", replica=3), strict=True))


def test_a_body_of_another_kind_is_refused(plane):
    with pytest.raises(BadRequest, match=r"converting \(v1.ReplicaSet\) to \(core.Pod\)"):
        plane.do(plane.api.create("pods", replicaset()))


def test_a_stale_update_is_a_conflict_and_changes_nothing(plane):
    first = plane.do(plane.api.create("replicasets", replicaset()))
    plane.do(plane.api.update("replicasets", with_path(first, ("spec", "replicas"), 5)))
    with pytest.raises(Conflict, match="the object has been modified; please apply your changes"):
        plane.do(plane.api.update("replicasets", with_path(first, ("spec", "replicas"), 9)))
    assert plane.do(plane.api.get("replicasets", "default/web"))["spec"]["replicas"] == 5


def test_generation_counts_changes_of_the_spec_only(plane):
    rs = plane.do(plane.api.create("replicasets", replicaset()))
    rs = plane.do(
        plane.api.patch("replicasets", "default/web", {"metadata": {"labels": {"a": "b"}}})
    )
    assert rs["metadata"]["generation"] == 1
    rs = plane.do(plane.api.patch("replicasets", "default/web", {"spec": {"replicas": 1}}))
    assert rs["metadata"]["generation"] == 2


def test_an_update_cannot_touch_the_status_nor_a_status_update_the_spec(plane):
    rs = plane.do(plane.api.create("replicasets", replicaset()))
    both = {**with_path(rs, ("spec", "replicas"), 7), "status": {"replicas": 42}}
    rs = plane.do(plane.api.update("replicasets", both))
    assert (rs["spec"]["replicas"], rs["status"]) == (7, {"replicas": 0})
    both = {**with_path(rs, ("spec", "replicas"), 1), "status": {"replicas": 3}}
    rs = plane.do(plane.api.update_status("replicasets", both))
    assert (rs["spec"]["replicas"], rs["status"]) == (7, {"replicas": 3})


def test_a_status_update_may_annotate_and_may_not_relabel_a_deployment(plane):
    body = {**replicaset(), "kind": "Deployment"}
    made = plane.do(plane.api.create("deployments", body))
    changed = with_path(made, ("metadata", "annotations", "revision"), "1")
    changed = with_path(changed, ("metadata", "labels", "a"), "b")
    after = plane.do(plane.api.update_status("deployments", changed))["metadata"]
    assert after["annotations"] == {"revision": "1"}
    assert ("labels" in after, after["generation"]) == (False, 1)


def test_a_namespace_and_a_name_are_where_the_path_says(plane):
    def code(method, path, body=None):
        return plane.do(plane.server.handle(parse(KINDS, method, path, {}, body))).code

    for method, path in (
        ("POST", "/api/v1/pods"),
        ("POST", "/api/v1/namespaces/default/configmaps/c1"),
        ("PUT", "/api/v1/namespaces/default/configmaps"),
        ("PATCH", "/api/v1/namespaces/default/configmaps"),
    ):
        with pytest.raises(MethodNotAllowed):
            code(method, path, {})
    with pytest.raises(NotFound, match="could not find the requested resource"):
        code("GET", "/api/v1/pods/x")


def test_a_binding_names_a_node(plane):
    plane.do(plane.api.create("pods", pod()))
    request = Request("create", KINDS["pods"], "default", "web", "binding")
    for target, words in (
        ({}, "target.name: Required value"),
        ({"kind": "Pod", "name": "x"}, 'target.kind: Unsupported value: "Pod": supported values:'),
    ):
        request.body = {"metadata": {"name": "web"}, "target": target}
        refused = plane.do(plane.server.handle(request))
        assert refused.code == 500
        assert refused.body["message"].startswith(words)


def test_the_options_of_a_log_are_checked(plane):
    plane.do(plane.api.create("pods", pod()))
    with pytest.raises(BadRequest, match=r"^container zz is not valid for pod web$"):
        plane.do(plane.api.logs("default/web", container="zz"))
    with pytest.raises(Invalid, match=r"tailLines: Invalid value: -1: must be greater than or eq"):
        plane.do(plane.api.logs("default/web", tailLines="-1"))
    with pytest.raises(Invalid, match="at most one of `sinceTime` or `sinceSeconds` may be specif"):
        plane.do(plane.api.logs("default/web", sinceSeconds="1", sinceTime="2026-01-01T00:00:00Z"))


def test_version_0_of_an_update_is_whatever_there_is(plane):
    rs = plane.do(plane.api.create("replicasets", replicaset()))
    rs = with_path(with_path(rs, ("metadata", "resourceVersion"), "0"), ("spec", "replicas"), 9)
    assert plane.do(plane.api.update("replicasets", rs))["spec"]["replicas"] == 9


def test_writing_what_is_there_already_costs_no_revision(plane):
    rs = plane.do(plane.api.create("replicasets", replicaset()))
    before, records = plane.store.revision, len(plane.loop.trace)
    assert plane.do(plane.api.update("replicasets", rs)) is rs
    assert plane.do(plane.api.patch("replicasets", "default/web", {})) is rs
    assert plane.do(plane.api.update_status("replicasets", rs)) is rs
    assert (plane.store.revision, len(plane.loop.trace)) == (before, records)


def test_a_strategic_patch_merges_containers_by_name(plane):
    plane.do(plane.api.create("replicasets", replicaset()))
    change = {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "nginx:2"}]}}}}
    rs = plane.do(plane.api.patch("replicasets", "default/web", change, content_type=STRATEGIC))
    (container,) = rs["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "nginx:2"
    assert container["terminationMessagePath"] == "/dev/termination-log"


def test_a_patch_of_an_unknown_type_is_refused(plane):
    plane.do(plane.api.create("pods", pod()))
    with pytest.raises(UnsupportedMediaType, match=r"^415: Unsupported Media Type$"):
        plane.do(plane.api.patch("pods", "default/web", {}, content_type="text/plain"))


def test_binding_sets_the_node_once(plane):
    plane.do(plane.api.create("pods", pod()))
    plane.do(plane.api.bind("default/web", "node-1"))
    bound = plane.do(plane.api.get("pods", "default/web"))
    assert bound["spec"]["nodeName"] == "node-1"
    assert bound["metadata"]["generation"] == 1
    (condition,) = bound["status"]["conditions"]
    assert (condition["type"], condition["status"]) == ("PodScheduled", "True")
    with pytest.raises(Conflict, match=r'pod web is already assigned to node "node-1"'):
        plane.do(plane.api.bind("default/web", "node-2"))


def test_a_bound_pod_has_no_room_kept_for_it_any_more(plane):
    plane.do(plane.api.create("pods", pod()))
    plane.do(
        plane.api.patch("pods", "default/web", {"status": {"nominatedNodeName": "a"}}, "status")
    )
    plane.do(plane.api.bind("default/web", "node-1"))
    bound = plane.do(plane.api.get("pods", "default/web"))
    assert bound["spec"]["nodeName"] == "node-1" and "nominatedNodeName" not in bound["status"]
    assert bound["status"]["phase"] == "Pending"


def test_a_binding_meant_for_an_earlier_pod_of_the_name_is_refused(plane):
    plane.do(plane.api.create("pods", pod()))
    with pytest.raises(Conflict, match="Precondition failed: UID in precondition: earlier"):
        plane.do(plane.api.bind("default/web", "node-1", uid="earlier"))
    assert "nodeName" not in plane.do(plane.api.get("pods", "default/web"))["spec"]


def test_a_pod_that_runs_nowhere_is_deleted_at_once(plane):
    plane.do(plane.api.create("pods", pod()))
    plane.do(plane.api.delete("pods", "default/web"))
    with pytest.raises(NotFound):
        plane.do(plane.api.get("pods", "default/web"))


def test_a_pod_on_a_node_is_marked_and_waits_for_its_kubelet(plane):
    plane.do(plane.api.create("pods", pod()))
    plane.do(plane.api.bind("default/web", "node-1"))
    marked = plane.do(plane.api.delete("pods", "default/web"))
    assert marked["metadata"]["deletionTimestamp"] == "2026-01-01T00:00:30Z"
    assert marked["metadata"]["deletionGracePeriodSeconds"] == 30
    shorter = plane.do(plane.api.delete("pods", "default/web", grace=5))
    assert shorter["metadata"]["deletionTimestamp"] == "2026-01-01T00:00:05Z"
    assert plane.do(plane.api.delete("pods", "default/web", grace=60)) is shorter
    plane.do(plane.api.delete("pods", "default/web", grace=0))
    with pytest.raises(NotFound):
        plane.do(plane.api.get("pods", "default/web"))


def test_a_delete_with_the_uid_of_an_earlier_object_is_a_conflict(plane):
    plane.do(plane.api.create("pods", pod()))
    with pytest.raises(Conflict, match=r'on Pod "web": the UID in the precondition \(old\) does'):
        plane.do(plane.api.delete("pods", "default/web", uid="old"))


def test_an_object_with_a_finalizer_stays_until_it_is_removed(plane):
    body = with_path(replicaset(), ("metadata", "finalizers"), ["example.com/hold"])
    plane.do(plane.api.create("replicasets", body))
    plane.do(plane.api.delete("replicasets", "default/web"))
    held = plane.do(plane.api.get("replicasets", "default/web"))
    assert held["metadata"]["deletionTimestamp"]
    plane.do(plane.api.patch("replicasets", "default/web", {"metadata": {"finalizers": None}}))
    with pytest.raises(NotFound):
        plane.do(plane.api.get("replicasets", "default/web"))


def test_selectors_and_namespaces_narrow_a_list(plane):
    plane.do(plane.api.create("pods", pod("a")))
    plane.do(plane.api.create("pods", with_path(pod("b"), ("metadata", "labels", "app"), "db")))
    plane.do(
        plane.api.create("pods", with_path(pod("c"), ("metadata", "namespace"), "kube-public"))
    )
    plane.do(plane.api.bind("default/b", "node-1"))

    def names(**where):
        items = plane.do(plane.api.list("pods", **where))["items"]
        return [item["metadata"]["name"] for item in items]

    assert names() == ["a", "b", "c"]
    assert names(namespace="default") == ["a", "b"]
    assert names(labels="app=web") == ["a", "c"]
    assert names(fields="spec.nodeName=node-1") == ["b"]
    assert names(namespace="default", labels="app!=db") == ["a"]


def test_a_verb_the_resource_does_not_have_is_not_allowed(plane):
    with pytest.raises(MethodNotAllowed):
        plane.do(plane.api.patch("pods", "default/web", {}, "binding"))


def test_every_write_is_one_record_with_its_revision(plane):
    plane.do(plane.api.create("pods", pod()))
    record = plane.loop.trace[-1]
    assert (record.actor, record.verb, record.subject) == ("kubectl", "create", "pods/default/web")
    assert (record.to, record.revision) == ("kube-apiserver", plane.store.revision)
    with pytest.raises(AlreadyExists):
        plane.do(plane.api.create("pods", pod()))
    assert (plane.loop.trace[-1].verb, plane.loop.trace[-1].revision) == ("refuse", 0)


def test_dry_run_answers_and_stores_nothing(plane):
    request = Request("create", KINDS["pods"], "default", query={"dryRun": "All"}, body=pod())
    response = plane.do(plane.server.handle(request))
    assert response.body["spec"]["restartPolicy"] == "Always"
    with pytest.raises(NotFound):
        plane.do(plane.api.get("pods", "default/web"))


def test_a_dry_run_is_refused_as_the_real_one_would_be(plane):
    plane.do(plane.api.create("pods", pod()))
    request = Request("create", KINDS["pods"], "default", query={"dryRun": "All"}, body=pod())
    assert plane.do(plane.server.handle(request)).code == 409


def test_every_write_can_be_tried_only(plane):
    plane.do(plane.api.create("pods", pod()))
    plane.do(plane.api.create("replicasets", replicaset()))
    before, records = plane.store.revision, len(plane.loop.trace)
    target = {"metadata": {"name": "web"}, "target": {"name": "node-1"}}
    scale = {"metadata": {"name": "web"}, "spec": {"replicas": 9}}
    for verb, kind, subresource, body in (
        ("create", "pods", "binding", target),
        ("update", "replicasets", "scale", scale),
        ("patch", "replicasets", "", {"spec": {"replicas": 9}}),
        ("patch", "replicasets", "status", {"status": {"replicas": 9}}),
        ("delete", "replicasets", "", None),
    ):
        request = Request(verb, KINDS[kind], "default", "web", subresource, {"dryRun": "All"}, body)
        request.content_type = "application/merge-patch+json"
        assert plane.do(plane.server.handle(request)).code < 300, (verb, subresource)
    assert (plane.store.revision, len(plane.loop.trace)) == (before, records)


def test_a_patch_may_name_the_version_or_the_uid_it_means(plane):
    plane.do(plane.api.create("replicasets", replicaset()))
    with pytest.raises(Conflict, match="the object has been modified"):
        plane.do(
            plane.api.patch("replicasets", "default/web", {"metadata": {"resourceVersion": "1"}})
        )
    with pytest.raises(Invalid, match='metadata.uid: Invalid value: "other": field is immutable'):
        plane.do(plane.api.patch("replicasets", "default/web", {"metadata": {"uid": "other"}}))


def test_what_a_patch_makes_is_read_like_any_body(plane):
    plane.do(plane.api.create("replicasets", replicaset()))
    with pytest.raises(Invalid, match=r'"" is invalid: patch: .*: json: cannot unmarshal string'):
        plane.do(plane.api.patch("replicasets", "default/web", {"spec": {"replicas": "three"}}))
    with pytest.raises(BadRequest, match=r"the name of the object \(x\) does not match"):
        plane.do(plane.api.patch("replicasets", "default/web", {"metadata": {"name": "x"}}))
    rs = plane.do(plane.api.patch("replicasets", "default/web", {"spec": {"colour": "red"}}))
    assert "colour" not in rs["spec"]


def test_nulls_in_a_body_are_as_if_they_were_not_there(plane):
    body = pod(nodeSelector=None, containers=[{"name": "web", "image": "nginx", "args": [None]}])
    created = plane.do(plane.api.create("pods", body))
    assert "nodeSelector" not in created["spec"]
    assert created["spec"]["containers"][0]["args"] == [""]


def test_an_object_without_a_name_is_told_so(plane):
    body = pod()
    del body["metadata"]["name"]
    with pytest.raises(Invalid, match=r'^Pod "" is invalid: metadata.name: Required value'):
        plane.do(plane.api.create("pods", body))


def test_a_body_that_does_not_say_what_it_is_means_what_the_path_says(plane):
    body = {key: value for key, value in pod().items() if key not in ("kind", "apiVersion")}
    created = plane.do(plane.api.create("pods", body))
    assert (created["kind"], created["apiVersion"]) == ("Pod", "v1")


def test_a_selector_that_cannot_be_read_is_refused(plane):
    with pytest.raises(BadRequest, match="unable to parse requirement"):
        plane.do(plane.api.list("pods", labels="a b c"))
    with pytest.raises(BadRequest, match=r"field label not supported: spec.image"):
        plane.do(plane.api.list("pods", fields="spec.image=nginx"))
    with pytest.raises(BadRequest, match="invalid selector"):
        plane.do(plane.api.list("pods", fields="nodeName"))


def test_a_pod_with_gates_says_from_the_start_why_nobody_schedules_it(plane):
    created = plane.do(plane.api.create("pods", pod(schedulingGates=[{"name": "example.com/a"}])))
    (condition,) = created["status"]["conditions"]
    assert (condition["status"], condition["reason"]) == ("False", "SchedulingGated")


def test_the_log_of_a_pod_whose_node_does_not_answer_says_whom_it_asked(plane):
    plane.do(plane.api.create("pods", pod()))
    assert plane.do(plane.api.logs("default/web")) == ""
    plane.do(plane.api.bind("default/web", "node-1"))
    with pytest.raises(NotFound, match=r'^pods "node-1" not found$'):
        plane.do(plane.api.logs("default/web"))
    plane.do(plane.api.create("nodes", {"metadata": {"name": "node-1"}}))
    status = {"status": {"hostIP": "172.18.0.2"}}
    plane.do(plane.api.patch("pods", "default/web", status, "status"))
    with pytest.raises(
        InternalError, match=r"dial tcp 172.18.0.2:10250: connect: connection refused"
    ):
        plane.do(plane.api.logs("default/web"))


def test_the_log_of_one_of_several_containers_has_to_be_named(plane):
    two = [{"name": "a", "image": "nginx"}, {"name": "b", "image": "nginx"}]
    plane.do(plane.api.create("pods", pod(containers=two)))
    with pytest.raises(BadRequest, match=r"must be specified for pod web, choose one of: \[a b\]"):
        plane.do(plane.api.logs("default/web"))
