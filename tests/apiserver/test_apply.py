"""Server-side apply: what one manager says, what others own, and what becomes of the object."""

import json

import pytest

from k8s_ref.apiserver.apply import merge, remove
from k8s_ref.apiserver.fieldshape import shape_of
from k8s_ref.apiserver.request import Request
from k8s_ref.machinery.errors import BadRequest, Conflict, Invalid, NotFound
from k8s_ref.machinery.kinds import KINDS
from tests.harness import ControlPlane, pod, replicaset

KEY = "default/web"
APPLY = "application/apply-patch+yaml"
LAST = "kubectl.kubernetes.io/last-applied-configuration"


@pytest.fixture
def plane():
    return ControlPlane(managed_fields=True)


def configmap(**data):
    meta = {"name": "web", "namespace": "default"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


def deployment(**spec):
    meta = {"name": "web", "namespace": "default"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec}


def service(*ports, **spec):
    meta = {"name": "web", "namespace": "default"}
    ports = [{"port": port, "name": f"p{port}"} for port in ports]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": meta,
        "spec": {"ports": ports, **spec},
    }


def apply(plane, manager, obj, resource="configmaps", **options):
    return plane.do(plane.client(manager).apply(resource, obj, **options))


def ask(plane, body, resource="configmaps", name="web", subresource="", **query):
    """The answer to an apply as it comes, refusals and all."""
    query = {"fieldManager": "me", **query}
    where = KINDS[resource], "default", name, subresource, query, body
    return plane.do(plane.server.handle(Request("patch", *where, content_type=APPLY)))


def wait(plane):
    async def some():
        await plane.loop.sleep(5)

    plane.do(some())


def owners(obj):
    return {
        f"{entry['manager']}/{entry['operation']}/{entry.get('subresource', '')}": entry["fieldsV1"]
        for entry in obj["metadata"]["managedFields"]
    }


# -- one object, several managers


def test_what_is_not_there_is_created(plane):
    answer = ask(plane, configmap(a="1"))
    assert answer.code == 201
    assert owners(answer.body) == {"me/Apply/": {"f:data": {"f:a": {}}}}
    assert ask(plane, configmap(a="1")).code == 200


def test_what_is_filled_in_has_no_owner(plane):
    ask(plane, pod(), "pods")
    made = plane.do(plane.api.get("pods", KEY))
    assert made["spec"]["restartPolicy"] == "Always"
    container = {".": {}, "f:image": {}, "f:name": {}}
    assert owners(made)["me/Apply/"]["f:spec"] == {"f:containers": {'k:{"name":"web"}': container}}


def test_a_value_of_somebody_else_is_not_changed(plane):
    apply(plane, "m1", configmap(a="1", b="2"))
    with pytest.raises(Conflict) as refused:
        apply(plane, "m2", configmap(a="9", b="8"))
    assert str(refused.value) == (
        'Apply failed with 2 conflicts: conflicts with "m1":\n- .data.a\n- .data.b'
    )
    assert refused.value.details == {
        "causes": [
            {
                "reason": "FieldManagerConflict",
                "message": 'conflict with "m1"',
                "field": f".data.{name}",
            }
            for name in "ab"
        ]
    }


def test_two_may_own_what_they_agree_on(plane):
    apply(plane, "m1", configmap(a="1", b="2"))
    shared = apply(plane, "m2", configmap(a="1"))
    assert owners(shared)["m2/Apply/"] == {"f:data": {"f:a": {}}}
    # One of them gives it up, and the value stays.
    assert apply(plane, "m1", configmap(b="2"))["data"] == {"a": "1", "b": "2"}
    # The other one does too, and it goes.
    assert apply(plane, "m2", configmap())["data"] == {"b": "2"}


def test_force_takes_the_field(plane):
    apply(plane, "m1", configmap(a="1", b="2"))
    taken = apply(plane, "m2", configmap(b="7"), force=True)
    assert taken["data"] == {"a": "1", "b": "7"}
    assert owners(taken) == {
        "m1/Apply/": {"f:data": {"f:a": {}}},
        "m2/Apply/": {"f:data": {"f:b": {}}},
    }


def test_a_field_somebody_took_is_not_removed_by_who_had_it(plane):
    apply(plane, "m1", configmap(a="1", b="2"))
    plane.do(plane.client("other").patch("configmaps", KEY, {"data": {"b": "9"}}))
    assert apply(plane, "m1", configmap(a="1"))["data"] == {"a": "1", "b": "9"}


def test_an_update_conflicts_too_and_says_in_which_version(plane):
    plane.do(plane.client("recorder").create("replicasets", replicaset()))
    meta = {"name": "web", "namespace": "default"}
    applied = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": meta}
    applied["spec"] = {"replicas": 5}
    wanted = 'Apply failed with 1 conflict: conflict with "recorder" using apps/v1: .spec.replicas'
    with pytest.raises(Conflict, match=wanted):
        apply(plane, "me", applied, "replicasets")


def test_to_say_the_same_again_writes_nothing(plane):
    first = apply(plane, "me", configmap(a="1"))
    wait(plane)
    assert apply(plane, "me", configmap(a="1")) == first


def test_to_say_the_same_in_other_words_writes_nothing(plane):
    body = pod()
    body["spec"]["containers"][0]["resources"] = {"limits": {"cpu": "1000m"}}
    first = apply(plane, "me", body, "pods")
    assert first["spec"]["containers"][0]["resources"]["limits"] == {"cpu": "1"}
    wait(plane)
    assert apply(plane, "me", body, "pods") == first


def test_who_joins_without_changing_anything_has_no_time(plane):
    apply(plane, "m1", configmap(a="1"))
    first, second = apply(plane, "m2", configmap(a="1"))["metadata"]["managedFields"]
    assert first["manager"] == "m2" and "time" not in first
    assert second["manager"] == "m1" and "time" in second


def test_an_object_nobody_tracked_belongs_to_a_manager_before_the_first():
    plane = ControlPlane()
    plane.do(plane.api.create("configmaps", configmap(a="1", b="1")))
    wanted = 'conflict with "before-first-apply" using v1: .data.a'
    with pytest.raises(Conflict, match=wanted):
        apply(plane, "me", configmap(a="2"))
    found = apply(plane, "me", configmap(a="2"), force=True)
    assert owners(found) == {
        "me/Apply/": {"f:data": {"f:a": {}}},
        "before-first-apply/Update/": {"f:data": {".": {}, "f:b": {}}},
    }
    # From now on updates are tracked as well.
    found = plane.do(plane.client("you").patch("configmaps", KEY, {"data": {"c": "3"}}))
    assert owners(found)["you/Update/"] == {"f:data": {"f:c": {}}}


def test_trying_stores_nothing(plane):
    assert ask(plane, configmap(a="1"), dryRun="All").code == 201
    with pytest.raises(NotFound):
        plane.do(plane.api.get("configmaps", KEY))
    apply(plane, "me", configmap(a="1"))
    assert ask(plane, configmap(a="2"), dryRun="All").body["data"] == {"a": "2"}
    assert plane.do(plane.api.get("configmaps", KEY))["data"] == {"a": "1"}


# -- lists, maps, structs


def test_items_of_a_list_with_keys_have_owners_of_their_own(plane):
    apply(plane, "m1", service(80, selector={"app": "web"}), "services")
    both = apply(plane, "m2", service(443), "services")
    assert [port["port"] for port in both["spec"]["ports"]] == [80, 443]
    left = apply(plane, "m2", service(8443), "services")
    assert [port["port"] for port in left["spec"]["ports"]] == [80, 8443]


def test_a_conflict_in_a_list_names_the_item(plane):
    apply(plane, "m1", service(80, selector={"app": "web"}), "services")
    other = service(80)
    other["spec"]["ports"][0]["name"] = "http"
    with pytest.raises(Conflict, match=r'\.spec\.ports\[port=80,protocol="TCP"\]\.name$'):
        apply(plane, "m2", other, "services")


def test_an_atomic_map_has_one_owner(plane):
    apply(plane, "m1", service(80, selector={"app": "web"}), "services")
    with pytest.raises(Conflict, match=r"\.spec\.selector$"):
        apply(plane, "m2", service(selector={"tier": "front"}), "services")


def test_finalizers_are_a_set(plane):
    one, two = configmap(), configmap()
    one["metadata"] = {**one["metadata"], "finalizers": ["a/x"]}
    two["metadata"] = {**two["metadata"], "finalizers": ["b/x"]}
    apply(plane, "m1", one)
    assert apply(plane, "m2", two)["metadata"]["finalizers"] == ["a/x", "b/x"]
    assert apply(plane, "m1", configmap())["metadata"]["finalizers"] == ["b/x"]


@pytest.mark.parametrize(
    ("live", "config", "wanted"),
    [
        ("abc", "c", "abc"),
        ("abc", "xc", "abxc"),
        ("abc", "ca", "bca"),
        ("axb", "ba", "xba"),
        ("", "ab", "ab"),
        ("ab", "axb", "axb"),
    ],
)
def test_the_configuration_says_the_order_of_what_it_names(live, config, wanted):
    shape = shape_of(KINDS["pods"]).named["spec"].shape.named["volumes"].shape
    live, config = ([{"name": name} for name in names] for names in (live, config))
    assert "".join(item["name"] for item in merge(shape, live, config)) == wanted


def test_what_is_left_of_a_map_without_its_fields_is_nothing():
    shape = shape_of(KINDS["configmaps"])
    obj = configmap(a="1")
    assert remove(shape, obj, {"f:data": {"f:a": {}}}) == {**obj, "data": None}
    assert remove(shape, obj, {"f:data": {"f:b": {}}}) == obj


# -- subresources


def test_the_status_is_applied_where_it_is_written(plane):
    plane.do(plane.client("creator").create("pods", pod()))
    meta = {"name": "web", "namespace": "default"}
    status = {"apiVersion": "v1", "kind": "Pod", "metadata": meta}
    status |= {"spec": {"hostname": "no"}, "status": {"message": "hi"}}
    done = apply(plane, "me", status, "pods", subresource="status")
    assert done["status"]["message"] == "hi" and "hostname" not in done["spec"]
    assert owners(done)["me/Apply/status"] == {"f:status": {"f:message": {}}}
    # On the object itself it is neither changed nor owned.
    status["status"] = {"message": "ho"}
    del status["spec"]
    done = apply(plane, "you", status, "pods")
    assert done["status"]["message"] == "hi"
    assert "you/Apply/" not in owners(done)


def test_no_subresource_of_nothing(plane):
    answer = ask(plane, pod(), "pods", subresource="status")
    assert (answer.code, answer.body["reason"]) == (404, "NotFound")


def test_the_scale_knows_who_owns_the_replicas(plane):
    applied = replicaset(replicas=3)
    apply(plane, "m1", applied, "replicasets")
    scale = {"apiVersion": "autoscaling/v1", "kind": "Scale", "spec": {"replicas": 5},
             "metadata": {"name": "web", "namespace": "default"}}  # fmt: skip
    with pytest.raises(Conflict, match=r'conflict with "m1": \.spec\.replicas$'):
        apply(plane, "m2", scale, "replicasets", subresource="scale")
    assert apply(plane, "m2", scale, "replicasets", subresource="scale", force=True)["spec"] == {
        "replicas": 5
    }
    found = plane.do(plane.api.get("replicasets", KEY))
    assert owners(found)["m2/Apply/scale"] == {"f:spec": {"f:replicas": {}}}
    assert "f:replicas" not in owners(found)["m1/Apply/"]["f:spec"]


# -- refusals


def test_a_configuration_says_what_it_is(plane):
    apply(plane, "me", configmap(a="1"))
    for body, message in (
        ({}, "invalid object type: /, Kind="),
        ({"apiVersion": "v1", "kind": "Pod"}, "invalid object type: /v1, Kind=Pod"),
        ({"apiVersion": "v9", "kind": "ConfigMap"}, "invalid object type: /v9, Kind=ConfigMap"),
    ):
        answer = ask(plane, body)
        assert (answer.code, answer.body["message"]) == (400, message)
    # The name is on the URL.
    assert ask(plane, {"apiVersion": "v1", "kind": "ConfigMap"}).code == 200
    other = {**configmap(), "metadata": {"name": "other"}}
    assert ask(plane, other).body["message"] == (
        "the name of the object (other) does not match the name on the URL (web)"
    )


def test_nobody_applies_the_entries_themselves(plane):
    body = configmap()
    body["metadata"] = {**body["metadata"], "managedFields": [{"manager": "x"}]}
    with pytest.raises(BadRequest, match="metadata.managedFields must be nil"):
        apply(plane, "me", body)


def test_a_configuration_of_the_wrong_type_is_refused_with_all_that_is_wrong(plane):
    containers = [{"name": "c", "image": "x"}, {"name": "c", "image": True}]
    body = deployment(template={"spec": {"containers": containers}})
    answer = ask(plane, body, "deployments")
    assert answer.code == 500
    assert answer.body["message"] == (
        "failed to create typed patch object (default/web; apps/v1, Kind=Deployment): errors:\n"
        '  .spec.template.spec.containers: duplicate entries for key [name="c"]\n'
        '  .spec.template.spec.containers[name="c"].image: expected string, got'
        " &value.valueUnstructured{Value:true}"
    )
    answer = ask(plane, {**configmap(), "foo": 1})
    assert answer.body["message"] == (
        "failed to create typed patch object (default/web; /v1, Kind=ConfigMap):"
        " .foo: field not declared in schema"
    )


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ({"replicas": "3"}, '.spec.replicas: expected numeric (int or float), got "3"'),
        ({"paused": 1}, ".spec.paused: expected boolean, got 1"),
        ({"selector": []}, ".spec.selector: expected map, got []interface {}{}"),
        ({"strategy": {"rollingUpdate": {"maxSurge": {}}}},
         ".spec.strategy.rollingUpdate.maxSurge: expected any scalar, got"
         " map[string]interface {}{}"),
        ({"template": {"spec": {"volumes": [None]}}},
         ".spec.template.spec.volumes: element 0: associative list with keys may not have a null"
         " element"),
    ],
)  # fmt: skip
def test_each_type_is_missed_in_its_own_words(plane, spec, problem):
    found = ask(plane, deployment(**spec), "deployments").body["message"]
    head, got, value = problem.partition(", got ")
    shown = f"{head}, got &value.valueUnstructured{{Value:{value}}}" if got else head
    assert found.endswith(f"Kind=Deployment): {shown}")


def test_a_stale_version_or_a_wrong_uid_is_refused(plane):
    apply(plane, "me", configmap(a="1"))
    stale, wrong = configmap(), configmap()
    stale["metadata"] = {**stale["metadata"], "resourceVersion": "1"}
    wrong["metadata"] = {**wrong["metadata"], "uid": "1"}
    with pytest.raises(Conflict, match="the object has been modified"):
        apply(plane, "me", stale)
    with pytest.raises(Invalid, match="metadata.uid: Invalid value"):
        apply(plane, "me", wrong)


def test_what_is_to_be_created_has_no_uid(plane):
    body = configmap(a="1")
    body["metadata"] = {**body["metadata"], "uid": "1"}
    with pytest.raises(Conflict) as refused:
        apply(plane, "me", body)
    assert str(refused.value) == (
        'Operation cannot be fulfilled on configmaps "web": uid mismatch: the provided object'
        " specified uid 1, and no existing object was found"
    )


# -- coming from client-side apply


def client_side(plane, **data):
    """What ``kubectl apply`` does without ``--server-side``."""
    body = configmap(**data)
    text = json.dumps({**body, "metadata": {**body["metadata"], "annotations": {}}}) + "\n"
    body["metadata"] = {**body["metadata"], "annotations": {LAST: text}}
    plane.do(plane.client("kubectl-client-side-apply").create("configmaps", body))


def test_kubectl_takes_over_what_it_applied_on_the_client_s_side(plane):
    client_side(plane, a="1", b="1")
    with pytest.raises(Conflict, match='conflict with "kubectl-client-side-apply" using v1'):
        apply(plane, "somebody", configmap(a="2"))
    done = apply(plane, "kubectl", configmap(a="2"))
    assert done["data"] == {"a": "2", "b": "1"}
    # The annotation is kept up to date for those who go on to use it.
    assert json.loads(done["metadata"]["annotations"][LAST])["data"] == {"a": "2"}


def test_kubectl_does_not_take_what_was_changed_since(plane):
    client_side(plane, a="1", b="1")
    plane.do(plane.client("other").patch("configmaps", KEY, {"data": {"a": "9"}}))
    with pytest.raises(Conflict, match=r'conflict with "other" using v1: \.data\.a$'):
        apply(plane, "kubectl", configmap(a="2", b="2"))


def test_kubectl_s_own_way_to_move_the_entries_works(plane):
    client_side(plane, a="1", b="1")
    apply(plane, "kubectl", configmap(a="1"))
    annotation = {
        **configmap(),
        "metadata": {**configmap()["metadata"], "annotations": {LAST: "x"}},
    }
    del annotation["data"]
    now = apply(plane, "kubectl-last-applied", annotation, force=True)
    entries = [
        {**entry, "manager": "kubectl", "operation": "Apply"}
        for entry in now["metadata"]["managedFields"]
        if entry["manager"] == "kubectl-client-side-apply"
    ]
    patch = [
        {"op": "replace", "path": "/metadata/managedFields", "value": entries},
        {"op": "replace", "path": "/metadata/resourceVersion",
         "value": now["metadata"]["resourceVersion"]},
    ]  # fmt: skip
    moved = plane.do(
        plane.api.patch("configmaps", KEY, patch, content_type="application/json-patch+json")
    )
    assert list(owners(moved)) == ["kubectl/Apply/"]
    # Now what is not applied any more goes.
    assert apply(plane, "kubectl", configmap(a="1"))["data"] == {"a": "1"}
