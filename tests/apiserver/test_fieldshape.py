"""Shapes: what an object states, and how two objects differ, by the shape of their kind."""

from k8s_ref.apiserver.fieldshape import shape_of, tracked
from k8s_ref.machinery.kinds import KINDS, Kind

DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "default", "labels": {"app": "web"}},
    "spec": {
        "replicas": 3,
        "selector": {"matchLabels": {"app": "web"}},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {
                "containers": [
                    {
                        "name": "web",
                        "image": "nginx",
                        "resources": {},
                        "ports": [{"containerPort": 80, "protocol": "TCP"}],
                    }
                ],
                "securityContext": {},
            },
        },
    },
    "status": {},
}
PORT = 'k:{"containerPort":80,"protocol":"TCP"}'


def of(name):
    return tracked(shape_of(KINDS[name]))


def pod(**parts):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, **parts}


def custom(schema):
    version = {"name": "v1", "schema": {"openAPIV3Schema": schema}}
    definition = {"names": {"kind": "Widget"}, "versions": [version]}
    kind = Kind("example.com", "v1", "Widget", "widgets", definition=definition)
    return tracked(shape_of(kind))


# -- what an object states


def test_a_configuration_states_leaves_and_items():
    stated = of("deployments").take(DEPLOYMENT, every=False)
    container = {
        ".": {},
        "f:image": {},
        "f:name": {},
        "f:ports": {PORT: {".": {}, "f:containerPort": {}, "f:protocol": {}}},
        "f:resources": {},
    }
    assert stated == {
        "f:metadata": {"f:labels": {"f:app": {}}},
        "f:spec": {
            "f:replicas": {},
            "f:selector": {},
            "f:strategy": {"f:type": {}, "f:rollingUpdate": {"f:maxSurge": {}}},
            "f:template": {
                "f:metadata": {"f:labels": {"f:app": {}}},
                "f:spec": {
                    "f:containers": {'k:{"name":"web"}': container},
                    "f:securityContext": {},
                },
            },
        },
        "f:status": {},
    }


def test_a_missing_protocol_is_the_default_in_the_key():
    port = {"spec": {"ports": [{"port": 80}]}}
    stated = of("services").take(port, every=False)
    assert list(stated["f:spec"]["f:ports"]) == ['k:{"port":80,"protocol":"TCP"}']


def test_a_set_is_its_values_and_an_empty_list_states_nothing():
    meta = {"metadata": {"finalizers": ["x/y"], "ownerReferences": []}}
    assert of("pods").take(meta, every=False) == {"f:metadata": {"f:finalizers": {'v:"x/y"': {}}}}


def test_null_is_stated():
    assert of("pods").take(pod(spec={"hostname": None}), every=False) == {
        "f:spec": {"f:hostname": {}}
    }


# -- what makes two objects differ


def test_a_creation_owns_what_was_not_there_in_go():
    created, removed = of("deployments").compare({}, DEPLOYMENT)
    assert removed is None
    spec = created["f:spec"]
    # Structs are there before anybody sets them, pointers and maps are not.
    assert "." not in spec
    assert spec["f:strategy"] == {"f:type": {}, "f:rollingUpdate": {".": {}, "f:maxSurge": {}}}
    assert spec["f:template"]["f:metadata"] == {"f:labels": {".": {}, "f:app": {}}}
    containers = spec["f:template"]["f:spec"]["f:containers"]
    # A list nobody may leave out is there too, but not its items, nor what is in them.
    assert list(containers) == ['k:{"name":"web"}']
    assert containers['k:{"name":"web"}']["f:ports"] == {
        ".": {},
        PORT: {".": {}, "f:containerPort": {}, "f:protocol": {}},
    }
    assert "f:status" not in created


def test_zeros_that_may_not_be_left_out_were_always_there():
    counted = {"metadata": {"name": "a"}, "status": {"replicas": 0, "fullyLabeledReplicas": 2}}
    created, _ = of("replicasets").compare({}, counted)
    assert created == {"f:status": {"f:fullyLabeledReplicas": {}}}


def test_only_what_changed_differs():
    old = pod(spec={"a": 1}, status={"phase": "Pending", "hostIP": "1.1.1.1"})
    new = {**old, "status": {"phase": "Running", "podIP": "2.2.2.2"}}
    changed, removed = of("pods").compare(old, new)
    assert changed == {"f:status": {"f:phase": {}, "f:podIP": {}}}
    assert removed == {"f:status": {"f:hostIP": {}}}


def test_items_are_told_apart_by_their_keys_and_not_by_their_places():
    ready = {"type": "Ready", "status": "False"}
    placed = {"type": "PodScheduled", "status": "True"}
    old = pod(status={"conditions": [ready, placed]})
    new = pod(status={"conditions": [placed, {**ready, "status": "True", "reason": "x"}]})
    changed, removed = of("pods").compare(old, new)
    item = {'k:{"type":"Ready"}': {"f:status": {}, "f:reason": {}}}
    assert changed == {"f:status": {"f:conditions": item}}
    assert removed is None
    assert of("pods").compare(old, pod(status={"conditions": [placed, ready]})) == (None, None)


def test_a_removed_item_takes_all_its_fields_along():
    old = pod(spec={"volumes": [{"name": "a", "emptyDir": {}}, {"name": "b"}]})
    new = pod(spec={"volumes": [{"name": "b"}]})
    _, removed = of("pods").compare(old, new)
    item = {".": {}, "f:name": {}, "f:emptyDir": {}}
    assert removed == {"f:spec": {"f:volumes": {'k:{"name":"a"}': item}}}


def test_atomic_values_have_one_owner():
    shape = of("pods")
    for name, old, new in (
        ("nodeSelector", {"a": "1"}, {"a": "1", "b": "2"}),
        ("tolerations", [{"key": "a"}], [{"key": "a"}, {"key": "b"}]),
    ):
        changed, removed = shape.compare(pod(spec={name: old}), pod(spec={name: new}))
        assert (changed, removed) == ({"f:spec": {f"f:{name}": {}}}, None)
    owner = {"ownerReferences": [{"uid": "1", "name": "x", "kind": "ReplicaSet"}]}
    changed, _ = shape.compare(pod(), {**pod(), "metadata": {"name": "web", **owner}})
    references = {".": {}, 'k:{"uid":"1"}': {}}
    assert changed == {"f:metadata": {"f:ownerReferences": references}}


def test_the_reference_of_a_volume_to_its_claim_is_shared_by_its_fields():
    changed, _ = of("persistentvolumes").compare(
        {"metadata": {}, "spec": {"claimRef": {"name": "a"}}},
        {"metadata": {}, "spec": {"claimRef": {"name": "a", "uid": "1"}}},
    )
    assert changed == {"f:spec": {"f:claimRef": {"f:uid": {}}}}


def test_an_empty_map_is_no_map():
    bare, empty = pod(), {**pod(), "metadata": {"name": "web", "labels": {}}}
    assert of("pods").compare(bare, empty) == (None, None)
    # An empty struct behind a pointer is something.
    changed, _ = of("pods").compare(pod(spec={}), pod(spec={"securityContext": {}}))
    assert changed == {"f:spec": {"f:securityContext": {}}}


def test_what_the_server_writes_has_no_owner():
    new = {**pod(), "metadata": {"name": "web", "uid": "1", "generation": 2, "generateName": "w"}}
    changed, _ = of("pods").compare({"metadata": {}}, new)
    assert changed == {"f:metadata": {"f:generateName": {}}}


def test_pods_of_one_template_are_looked_at_once():
    spec = {"containers": [{"name": "c", "image": "x"}], "hostNetwork": True}
    first, _ = of("pods").compare({}, pod(spec=spec))
    second, _ = of("pods").compare({}, pod(spec=spec))
    assert first["f:spec"] is second["f:spec"]
    third, _ = of("pods").compare({}, pod(spec={"hostNetwork": True}))
    assert third["f:spec"] == {"f:hostNetwork": {}}


# -- custom resources


def test_a_custom_resource_is_shared_as_its_definition_says():
    shape = custom(
        {
            "type": "object",
            "properties": {
                "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": {}},
                "list": {"type": "array", "items": {"type": "string"}},
                "ports": {
                    "type": "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["name"],
                    "items": {"type": "object", "properties": {"name": {"type": "string"}}},
                },
                "whole": {"type": "object", "x-kubernetes-map-type": "atomic"},
                "free": {"type": "object", "additionalProperties": {"type": "string"}},
                "any": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
            },
        }
    )
    widget = {
        "apiVersion": "example.com/v1",
        "kind": "Widget",
        "metadata": {"name": "a"},
        "tags": ["x"],
        "list": ["x"],
        "ports": [{"name": "http"}],
        "whole": {"a": 1},
        "free": {"a": "1"},
        "any": {"a": {"b": [1]}},
    }
    assert shape.take(widget, every=False) == {
        "f:any": {"f:a": {".": {}, "f:b": {}}},
        "f:free": {"f:a": {}},
        "f:list": {},
        "f:ports": {'k:{"name":"http"}': {".": {}, "f:name": {}}},
        "f:tags": {'v:"x"': {}},
        "f:whole": {},
    }


def test_without_a_schema_objects_are_shared_by_their_fields():
    shape = tracked(shape_of(Kind("example.com", "v1", "Widget", "widgets")))
    widget = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "a"}}
    changed, _ = shape.compare({}, {**widget, "spec": {"a": {"b": 1}, "list": [1, 2]}})
    spec = {".": {}, "f:a": {".": {}, "f:b": {}}, "f:list": {}}
    assert changed == {"f:spec": spec}
