"""Where the variables of a container come from, and what is said when one is missing."""

import pytest

from tests.node.machines import Node


def made(node, resource, name, **data):
    kind = {"configmaps": "ConfigMap", "secrets": "Secret"}[resource]
    meta = {"name": name, "namespace": "default"}
    node.do(node.api.create(resource, {"apiVersion": "v1", "kind": kind, "metadata": meta, **data}))


def printed(node, env, script="env", **container):
    node.create(image="busybox", command=f"{script}; sleep 600", env=env, **container)
    node.run(2)
    lines = node.kubelet.server.container_logs("default", "web", "web").splitlines()
    return dict(line.split("=", 1) for line in lines)


def ref(kind, **source):
    return {"valueFrom": {kind: source}}


def test_variables_may_use_earlier_ones_and_fields_of_the_pod():
    node = Node()
    env = printed(node, [
        {"name": "A", "value": "1"},
        {"name": "B", "value": "$(A)2 $(C)"},
        {"name": "IP", **ref("fieldRef", fieldPath="status.podIP")},
        {"name": "ME", **ref("fieldRef", fieldPath="metadata.name")},
        {"name": "NODE", **ref("fieldRef", fieldPath="spec.nodeName")},
    ])  # fmt: skip
    wanted = {"A": "1", "B": "12 $(C)", "IP": "10.244.0.2", "ME": "web", "NODE": "node-1"}
    assert wanted.items() <= env.items()


def test_resources_are_rounded_up_and_no_limit_is_the_whole_machine():
    node = Node()
    limits = {"limits": {"cpu": "1500m", "memory": "64Mi"}}
    env = printed(node, [
        {"name": "CPU", **ref("resourceFieldRef", resource="limits.cpu")},
        {"name": "MILLI", **ref("resourceFieldRef", resource="limits.cpu", divisor="1m")},
        {"name": "MIB", **ref("resourceFieldRef", resource="limits.memory", divisor="1Mi")},
    ], resources=limits)  # fmt: skip
    assert (env["CPU"], env["MILLI"], env["MIB"]) == ("2", "1500", "64")
    free = Node()
    cpu = {"name": "CPU", **ref("resourceFieldRef", resource="limits.cpu")}
    assert printed(free, [cpu])["CPU"] == "4"


def test_keys_of_config_maps_and_secrets():
    node = Node()
    made(node, "configmaps", "settings", data={"colour": "blue", "size": "3"})
    made(node, "secrets", "keys", stringData={"password": "hush"})
    env = printed(
        node,
        [
            {"name": "COLOUR", **ref("configMapKeyRef", name="settings", key="colour")},
            {"name": "PASSWORD", **ref("secretKeyRef", name="keys", key="password")},
            {"name": "NO", **ref("configMapKeyRef", name="no", key="k", optional=True)},
            {"name": "BOTH", "value": "$(COLOUR)$(PASSWORD)"},
        ],
        envFrom=[{"prefix": "S_", "configMapRef": {"name": "settings"}}],
    )
    assert (env["COLOUR"], env["PASSWORD"], env["BOTH"]) == ("blue", "hush", "bluehush")
    assert (env["S_size"], "NO" in env) == ("3", False)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (ref("configMapKeyRef", name="gone", key="k"), 'configmap "gone" not found'),
        (ref("secretKeyRef", name="gone", key="k"), 'secret "gone" not found'),
        (ref("configMapKeyRef", name="settings", key="k"),
         "couldn't find key k in ConfigMap default/settings"),
    ],
)  # fmt: skip
def test_what_is_missing_is_said_and_waited_for(source, message):
    node = Node()
    made(node, "configmaps", "settings", data={"colour": "blue"})
    node.create(image="busybox", command="sleep 600", env=[{"name": "X", **source}])
    node.run(4)
    waiting = {"reason": "CreateContainerConfigError", "message": message}
    assert node.container()["state"]["waiting"] == waiting
    assert ("Failed", f"Error: {message}") in [event[:2] for event in node.events()]
    node.do(node.api.delete("configmaps", "default/settings"))
    made(node, "configmaps", "settings", data={"k": "v"})
    for resource, field in (("configmaps", "data"), ("secrets", "stringData")):
        made(node, resource, "gone", **{field: {"k": "v"}})
    node.run(11)
    assert node.status()["phase"] == "Running"
