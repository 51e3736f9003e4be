"""Who owns which field after creations and updates, on a real control plane."""

import pytest

from k8s_ref.apiserver.managedfields import ManagedFields, capped, entry_of, manager_of
from k8s_ref.apiserver.request import Request, User
from k8s_ref.machinery.errors import Invalid
from k8s_ref.machinery.kinds import KINDS
from tests.harness import ControlPlane, pod, replicaset

KEY = "default/web"


@pytest.fixture
def plane():
    return ControlPlane(managed_fields=True)


def configmap(**data):
    meta = {"name": "web", "namespace": "default"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


def owners(obj):
    """By manager and subresource the fields it owns."""
    return {
        "/".join(filter(None, (entry["manager"], entry.get("subresource")))): entry["fieldsV1"]
        for entry in obj["metadata"].get("managedFields", ())
    }


def wait(plane, seconds):
    async def some():
        await plane.loop.sleep(seconds)

    plane.do(some())


def test_a_creator_owns_what_it_sent_and_what_was_filled_in(plane):
    made = plane.do(plane.client("me").create("configmaps", configmap(a="1")))
    assert made["metadata"]["managedFields"] == [
        {
            "manager": "me",
            "operation": "Update",
            "apiVersion": "v1",
            "time": made["metadata"]["creationTimestamp"],
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:data": {".": {}, "f:a": {}}},
        }
    ]
    fields = owners(plane.do(plane.client("me").create("pods", pod())))["me"]
    assert "f:restartPolicy" in fields["f:spec"]


def test_what_admission_adds_and_what_has_a_subresource_has_no_owner(plane):
    made = plane.do(plane.client("me").create("pods", pod(priorityClassName="")))
    assert made["spec"]["tolerations"] and made["status"]["phase"] == "Pending"
    fields = owners(made)["me"]
    assert "f:tolerations" not in fields["f:spec"]
    assert "f:status" not in fields


def test_who_changes_a_field_takes_it(plane):
    plane.do(plane.client("one").create("configmaps", configmap(a="1", b="1")))
    changed = plane.do(plane.client("two").patch("configmaps", KEY, {"data": {"b": "2", "c": "2"}}))
    assert owners(changed) == {
        "one": {"f:data": {".": {}, "f:a": {}}},
        "two": {"f:data": {"f:b": {}, "f:c": {}}},
    }


def test_a_removed_field_has_no_owner(plane):
    plane.do(plane.client("one").create("configmaps", configmap(a="1", b="1")))
    changed = plane.do(plane.client("two").patch("configmaps", KEY, {"data": {"b": None}}))
    assert owners(changed) == {"one": {"f:data": {".": {}, "f:a": {}}}}


def test_a_manager_that_owns_nothing_any_more_is_forgotten(plane):
    plane.do(plane.client("one").create("configmaps", configmap(a="1")))
    plane.do(plane.client("two").patch("configmaps", KEY, {"data": {"b": "2"}}))
    changed = plane.do(plane.client("one").patch("configmaps", KEY, {"data": {"b": "3"}}))
    assert list(owners(changed)) == ["one"]


def test_the_time_of_an_entry_moves_when_its_manager_changes_something(plane):
    me, other = plane.client("me"), plane.client("other")
    first = plane.do(me.create("configmaps", configmap(a="1")))
    wait(plane, 5)
    same = plane.do(me.patch("configmaps", KEY, {"data": {"a": "1"}}))
    assert same == first
    plane.do(other.patch("configmaps", KEY, {"data": {"b": "1"}}))
    wait(plane, 5)
    last = plane.do(me.patch("configmaps", KEY, {"data": {"a": "2"}}))
    times = {entry["manager"]: entry["time"][-4:] for entry in last["metadata"]["managedFields"]}
    assert times == {"other": ":05Z"[-4:], "me": ":10Z"[-4:]}
    # The oldest stands first.
    assert list(times) == ["other", "me"]


def test_the_status_has_an_entry_of_its_own(plane):
    plane.do(plane.api.create("pods", pod()))
    kubelet = plane.client("kubelet")
    now = plane.do(plane.api.get("pods", KEY))
    ready = {"type": "Ready", "status": "True"}
    sent = {**now, "status": {**now["status"], "phase": "Running", "conditions": [ready]}}
    changed = plane.do(kubelet.update_status("pods", {**sent, "spec": {}}))
    item = {".": {}, "f:status": {}, "f:type": {}}
    assert owners(changed)["kubelet/status"] == {
        "f:status": {"f:conditions": {".": {}, 'k:{"type":"Ready"}': item}, "f:phase": {}}
    }


def test_to_bind_is_not_to_own(plane):
    plane.do(plane.api.create("pods", pod()))
    before = owners(plane.do(plane.api.get("pods", KEY)))
    plane.do(plane.client("kube-scheduler").bind(KEY, "node-1"))
    assert owners(plane.do(plane.api.get("pods", KEY))) == before


def test_who_scales_owns_the_replicas_and_has_no_time(plane):
    plane.do(plane.api.create("replicasets", replicaset()))
    scale = {"spec": {"replicas": 5}}
    plane.do(plane.client("scaler").patch("replicasets", KEY, scale, "scale"))
    entries = plane.do(plane.api.get("replicasets", KEY))["metadata"]["managedFields"]
    assert entries[0] == {
        "manager": "scaler",
        "operation": "Update",
        "apiVersion": "apps/v1",
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:spec": {"f:replicas": {}}},
        "subresource": "scale",
    }
    assert "f:replicas" not in entries[1]["fieldsV1"]["f:spec"]


def test_whoever_leaves_the_entries_out_does_not_lose_them(plane):
    made = plane.do(plane.client("one").create("configmaps", configmap(a="1")))
    kept = {name: part for name, part in made["metadata"].items() if name != "managedFields"}
    sent = {**made, "metadata": kept, "data": {"a": "1", "b": "2"}}
    assert list(owners(plane.do(plane.client("two").update("configmaps", sent)))) == ["one", "two"]


@pytest.mark.parametrize("sent", [[], [{}]])
def test_an_empty_list_ends_the_tracking(plane, sent):
    plane.do(plane.client("one").create("configmaps", configmap(a="1")))
    reset = {"metadata": {"managedFields": sent}}
    changed = plane.do(plane.api.patch("configmaps", KEY, reset))
    assert "managedFields" not in changed["metadata"]
    changed = plane.do(plane.api.patch("configmaps", KEY, {"data": {"a": "2"}}))
    assert "managedFields" not in changed["metadata"]


def test_a_client_that_knows_what_it_does_may_write_the_entries(plane):
    made = plane.do(plane.client("one").create("configmaps", configmap(a="1")))
    entry = {**made["metadata"]["managedFields"][0], "manager": "heir"}
    path = "/metadata/managedFields"
    patch = [{"op": "replace", "path": path, "value": [entry]}]
    json_patch = "application/json-patch+json"
    changed = plane.do(plane.api.patch("configmaps", KEY, patch, content_type=json_patch))
    assert owners(changed) == {"heir": {"f:data": {".": {}, "f:a": {}}}}


@pytest.mark.parametrize(
    "wrong",
    [
        {"operation": "Delete"},
        {"apiVersion": ""},
        {"fieldsType": ""},
        {"fieldsV1": {"data": {}}},
    ],
)
def test_entries_that_make_no_sense_are_passed_over(plane, wrong):
    made = plane.do(plane.client("one").create("configmaps", configmap(a="1")))
    entry = {**made["metadata"]["managedFields"][0], "manager": "heir", **wrong}
    sent = {**made, "metadata": {**made["metadata"], "managedFields": [entry]}}
    assert list(owners(plane.do(plane.api.update("configmaps", sent)))) == ["one"]


def test_a_manager_with_too_long_a_name_is_refused(plane):
    made = plane.do(plane.client("one").create("configmaps", configmap(a="1")))
    entry = {**made["metadata"]["managedFields"][0], "manager": "x" * 129}
    sent = {**made, "metadata": {**made["metadata"], "managedFields": [entry]}}
    wanted = r"metadata.managedFields\[0\].manager: Too long: may not be more than 128 bytes"
    with pytest.raises(Invalid, match=wanted):
        plane.do(plane.api.update("configmaps", sent))


def test_a_status_write_cannot_change_the_entries_of_others(plane):
    plane.do(plane.client("one").create("pods", pod()))
    now = plane.do(plane.api.get("pods", KEY))
    sent = {**now, "metadata": {**now["metadata"], "managedFields": []}}
    sent["status"] = {**now["status"], "phase": "Running"}
    assert list(owners(plane.do(plane.client("two").update_status("pods", sent)))) == [
        "one",
        "two/status",
    ]


def test_only_ten_updaters_have_an_entry_of_their_own(plane):
    plane.do(plane.client("m00").create("configmaps", configmap(k00="x")))
    for number in range(1, 13):
        wait(plane, 1)
        change = {"data": {f"k{number:02}": "x"}}
        last = plane.do(plane.client(f"m{number:02}").patch("configmaps", KEY, change))
    found = owners(last)
    assert list(found) == ["ancient-changes", *(f"m{number:02}" for number in range(4, 13))]
    old = {".": {}, "f:k00": {}, "f:k01": {}, "f:k02": {}, "f:k03": {}}
    assert found["ancient-changes"] == {"f:data": old}


def test_the_oldest_of_each_version_are_merged():
    entries = [
        entry_of((f"m{n}", "Update", "v1" if n else "v2", ""), f"0{n}", {f"f:{n}": {}})
        for n in range(10)
    ]
    entries.append(entry_of(("x", "Update", "v1", ""), "99", {"f:x": {}}))
    names = [(entry["manager"], entry["apiVersion"]) for entry in capped(entries)]
    assert names[:2] == [("m0", "v2"), ("ancient-changes", "v1")]
    assert len(names) == 10


def test_an_entry_of_a_version_nobody_serves_is_dropped():
    fields = ManagedFields(KINDS["configmaps"])
    stale = entry_of(("old", "Update", "v0", ""), "t", {"f:data": {"f:a": {}}})
    live = configmap(a="1")
    live["metadata"] |= {"uid": "1", "managedFields": [stale]}
    new = {**live, "data": {"a": "1", "b": "2"}}
    assert list(owners(fields.update(live, new, "me", "", "t"))) == ["me"]


def test_the_program_is_the_manager_unless_the_request_names_one(plane):
    made = plane.do(plane.client("tool/v1.2 (linux)").create("configmaps", configmap(a="1")))
    assert list(owners(made)) == ["tool"]


def test_all_controllers_write_under_the_name_of_their_program():
    user = User("system:serviceaccount:kube-system:replicaset-controller")
    write = Request("update", KINDS["pods"], user=user, agent="replicaset-controller")
    assert manager_of(write) == "kube-controller-manager"
    write.agent = "something"
    assert manager_of(write) == "something"
    write.query = {"fieldManager": "me"}
    assert manager_of(write) == "me"


def test_without_tracking_objects_have_no_entries():
    plane = ControlPlane()
    made = plane.do(plane.api.create("configmaps", configmap(a="1")))
    changed = plane.do(plane.api.patch("configmaps", KEY, {"data": {"a": "2"}}))
    assert "managedFields" not in made["metadata"] | changed["metadata"]
