import json

from hypothesis import given
from hypothesis import strategies as st

from k8s_ref.cli.kubectl.apply import annotated
from k8s_ref.cli.kubectl.threeway import three_way
from k8s_ref.machinery import schema
from k8s_ref.machinery.kinds import KINDS
from k8s_ref.machinery.patch import strategic_merge_patch
from tests.cli.scene import Terminal

POD = KINDS["pods"]
NAMES = st.sampled_from("abcd")
WORDS = st.sampled_from(["x", "y", "z"])
LABELS = st.dictionaries(NAMES, WORDS)


def keyed(items):
    """A list of items with different names, in any order."""
    return st.lists(items, unique_by=lambda item: item["name"], max_size=3)


ENV = st.fixed_dictionaries({"name": NAMES, "value": WORDS})
CONTAINER = st.fixed_dictionaries(
    {"name": NAMES, "image": WORDS}, optional={"env": keyed(ENV), "args": st.lists(WORDS)}
)
PODS = st.fixed_dictionaries(
    {"metadata": st.fixed_dictionaries({"name": st.just("web")}, optional={"labels": LABELS})},
    optional={
        "spec": st.fixed_dictionaries(
            {"containers": keyed(CONTAINER)}, optional={"nodeSelector": LABELS}
        )
    },
)


def without_empty(value):
    if isinstance(value, dict):
        kept = {key: without_empty(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item not in ({}, [])}
    return [without_empty(item) for item in value] if isinstance(value, list) else value


@given(PODS, PODS)
def test_the_patch_turns_what_was_applied_into_what_is_wanted(old, new):
    patched = strategic_merge_patch(old, three_way(old, new, old, POD), schema.struct_of(POD))
    assert without_empty(patched) == without_empty(new)


@given(PODS)
def test_what_is_as_it_should_be_needs_no_patch(pod):
    assert three_way(pod, pod, pod, POD) == {}


@given(PODS, PODS)
def test_fields_the_manifest_never_named_are_left_alone(old, new):
    live = {**old, "status": {"phase": "Running"}}
    patched = strategic_merge_patch(live, three_way(old, new, live, POD), schema.struct_of(POD))
    assert patched["status"] == {"phase": "Running"}


def test_a_field_somebody_else_set_stays_until_the_manifest_names_it():
    applied = {"spec": {"containers": [{"name": "web", "image": "nginx"}]}}
    live = {"spec": {"containers": [{"name": "web", "image": "nginx", "tty": True}], "x": 1}}
    wanted = {"spec": {"containers": [{"name": "web", "image": "redis"}]}}
    assert three_way(applied, wanted, live, POD) == {
        "spec": {
            "$setElementOrder/containers": [{"name": "web"}],
            "containers": [{"name": "web", "image": "redis"}],
        }
    }


def test_the_annotation_holds_the_manifest_without_itself():
    obj = {"kind": "Pod", "metadata": {"name": "web"}}
    text = annotated(obj)["metadata"]["annotations"][
        "kubectl.kubernetes.io/last-applied-configuration"
    ]
    assert text == '{"kind":"Pod","metadata":{"annotations":{},"name":"web"}}\n'
    assert annotated(annotated(obj)) == annotated(obj)


REPLICASET = {
    "apiVersion": "apps/v1",
    "kind": "ReplicaSet",
    "metadata": {"name": "web"},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "image": "nginx"}]},
        },
    },
}


def test_applying_twice_changes_nothing_the_second_time():
    terminal, manifest = Terminal(), json.dumps(REPLICASET)
    assert terminal("apply -f -", manifest) == "replicaset.apps/web created\n"
    revision = terminal.cluster.store.revision
    assert terminal("apply -f -", manifest) == "replicaset.apps/web unchanged\n"
    assert terminal.cluster.store.revision == revision


def test_a_scaled_object_keeps_its_size_when_the_manifest_does_not_name_one():
    terminal = Terminal()
    manifest = json.loads(json.dumps(REPLICASET))
    del manifest["spec"]["replicas"]
    terminal("apply -f -", json.dumps(manifest))
    api, do = terminal.cluster.api, terminal.cluster.do
    do(api.patch("replicasets.apps", "default/web", {"spec": {"replicas": 5}}))
    manifest["metadata"]["labels"] = {"new": "label"}
    assert terminal("apply -f -", json.dumps(manifest)) == "replicaset.apps/web configured\n"
    assert do(api.get("replicasets.apps", "default/web"))["spec"]["replicas"] == 5


def test_a_list_is_taken_apart():
    second = {**REPLICASET, "metadata": {"name": "db"}}
    whole = {"apiVersion": "v1", "kind": "List", "items": [REPLICASET, second]}
    assert Terminal()("apply -f -", json.dumps(whole)) == (
        "replicaset.apps/web created\nreplicaset.apps/db created\n"
    )


def test_an_unknown_kind_does_not_stop_the_others():
    terminal = Terminal()
    strange = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}}
    documents = f"{json.dumps(strange)}\n---\n{json.dumps(REPLICASET)}"
    assert terminal("apply -f -", documents) == (
        "replicaset.apps/web created\n"
        'error: resource mapping not found for name: "w" namespace: "" from "STDIN":'
        ' no matches for kind "Widget" in version "example.com/v1"\n'
        "ensure CRDs are installed first\n"
    )
    assert terminal.code == 1


def test_files_come_from_the_reader_that_was_handed_in():
    terminal = Terminal(files={"web.json": json.dumps(REPLICASET)})
    assert terminal("create -f web.json") == "replicaset.apps/web created\n"
    assert terminal("create -f nope.json") == 'error: the path "nope.json" does not exist\n'
