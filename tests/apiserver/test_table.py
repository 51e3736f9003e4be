"""Cells are compared with what a real Kubernetes 1.36 printed, recorded in table_rows.json."""

import json
from pathlib import Path

import pytest

from k8s_ref.apiserver import podcells
from k8s_ref.apiserver.table import columns_of, table
from k8s_ref.machinery.kinds import KINDS, Kind
from k8s_ref.machinery.timestamps import parse

RECORDED = json.loads(Path(__file__).with_name("table_rows.json").read_text("utf-8"))
NOW = parse("2026-01-01T00:10:00Z")
MINUTE_AGO = "2026-01-01T00:09:00Z"


def pod():
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"containers": [{"name": "web", "image": "nginx"}]},
    }


def row_of(obj, name=None):
    kind = KINDS[name] if name else KINDS.of(obj["apiVersion"], obj["kind"])
    printed = table(kind, [obj], NOW)
    names = [column["name"] for column in printed["columnDefinitions"]]
    return dict(zip(names, printed["rows"][0]["cells"], strict=True))


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda recorded: recorded["case"])
def test_a_row_reads_as_recorded_from_a_real_server(recorded):
    obj = json.loads(json.dumps(recorded["object"]).replace("<time>", MINUTE_AGO))
    obj["metadata"]["creationTimestamp"] = MINUTE_AGO
    row = row_of(obj)
    for name, cell in recorded["row"].items():
        expected = {"<age>": "60s", "<time>": MINUTE_AGO}.get(cell, cell)
        assert row[name] == expected, name


def test_priority_says_which_columns_are_only_for_wide_output():
    wide = [column.name for column in columns_of(KINDS["pods"]) if column.wide]
    assert wide == ["IP", "Node", "Nominated Node", "Readiness Gates"]


def test_every_kind_that_can_be_listed_has_columns():
    for kind in KINDS:
        if "list" in kind.verbs:
            assert columns_of(kind)[-1].name


def test_an_unknown_kind_has_a_name_and_an_age():
    widget = Kind("example.com", "v1", "Widget", "widgets")
    obj = {"metadata": {"name": "w", "creationTimestamp": MINUTE_AGO}}
    assert table(widget, [obj], NOW)["rows"][0]["cells"] == ["w", "60s"]


def test_an_object_without_a_creation_time_has_an_unknown_age():
    assert row_of(pod())["Age"] == "<unknown>"


def test_rows_carry_as_much_of_the_object_as_was_asked_for():
    kind, web = KINDS["pods"], pod()
    assert table(kind, [web], NOW)["rows"][0]["object"]["kind"] == "PartialObjectMetadata"
    assert table(kind, [web], NOW, include="Object")["rows"][0]["object"] is web
    assert "object" not in table(kind, [web], NOW, include="None")["rows"][0]


# -- pods: the word in the STATUS column


def running(name="web", ready=True, restarts=0, **more):
    state = {"running": {"startedAt": MINUTE_AGO}}
    return {"name": name, "ready": ready, "restartCount": restarts, "state": state, **more}


def waiting(reason, name="web"):
    return {
        "name": name,
        "ready": False,
        "restartCount": 0,
        "state": {"waiting": {"reason": reason}},
    }


def ended(code=0, reason="", name="web", **more):
    terminated = {"exitCode": code, "reason": reason, **more}
    return {"name": name, "ready": False, "restartCount": 0, "state": {"terminated": terminated}}


def pod_with(*containers, init=(), phase="Running", conditions=(), init_specs=None, **status):
    spec = {"containers": [{"name": c["name"], "image": "nginx"} for c in containers]}
    names = [{"name": c["name"], "image": "busybox"} for c in init]
    spec["initContainers"] = names if init_specs is None else init_specs
    return {
        **pod(),
        "spec": spec,
        "status": {
            "phase": phase,
            "conditions": [{"type": name, "status": "True"} for name in conditions],
            "containerStatuses": list(containers),
            "initContainerStatuses": list(init),
            **status,
        },
    }


def deleted(obj):
    return {**obj, "metadata": {**obj["metadata"], "deletionTimestamp": MINUTE_AGO}}


STATUS = {
    "a new pod": (pod_with(phase="Pending"), "Pending"),
    "a pod whose containers are made": (
        pod_with(waiting("ContainerCreating")),
        "ContainerCreating",
    ),
    "a pod that runs": (pod_with(running()), "Running"),
    "a pod whose container waits to run again": (
        pod_with(waiting("CrashLoopBackOff")),
        "CrashLoopBackOff",
    ),
    "a pod that did its work": (pod_with(ended(0, "Completed"), phase="Succeeded"), "Completed"),
    "a pod whose container failed": (pod_with(ended(1, "Error"), phase="Failed"), "Error"),
    "an end without a reason": (pod_with(ended(3)), "ExitCode:3"),
    "an end by a signal": (pod_with(ended(137, signal=9)), "Signal:9"),
    "the first of several reasons wins": (
        pod_with(waiting("ErrImagePull", "a"), waiting("CrashLoopBackOff", "b")),
        "ErrImagePull",
    ),
    "one container done, one serving": (
        pod_with(ended(0, "Completed", "a"), running("b"), conditions=["Ready"]),
        "Running",
    ),
    "one container done, one serving, pod not ready": (
        pod_with(ended(0, "Completed", "a"), running("b")),
        "NotReady",
    ),
    "an evicted pod": (pod_with(phase="Failed", reason="Evicted"), "Evicted"),
    "a pod that is being deleted": (deleted(pod_with(running())), "Terminating"),
    "a finished pod that is being deleted": (
        deleted(pod_with(ended(0, "Completed"), phase="Succeeded")),
        "Completed",
    ),
    "a deleted pod on a lost node": (deleted(pod_with(running(), reason="NodeLost")), "Unknown"),
    "the second of two init containers": (
        pod_with(waiting("PodInitializing"), init=[ended(0, name="a"), running("b")]),
        "Init:1/2",
    ),
    "an init container that failed": (
        pod_with(waiting("PodInitializing"), init=[ended(1, "Error", "a")]),
        "Init:Error",
    ),
    "an init container that was killed": (
        pod_with(waiting("PodInitializing"), init=[ended(137, name="a", signal=9)]),
        "Init:Signal:9",
    ),
    "an init container that failed without a reason": (
        pod_with(waiting("PodInitializing"), init=[ended(2, name="a")]),
        "Init:ExitCode:2",
    ),
    "an init container that waits to run again": (
        pod_with(waiting("PodInitializing"), init=[waiting("CrashLoopBackOff", "a")]),
        "Init:CrashLoopBackOff",
    ),
    "an init container not yet started": (
        pod_with(waiting("PodInitializing"), init=[waiting("PodInitializing", "a")]),
        "Init:0/1",
    ),
}


@pytest.mark.parametrize("case", STATUS)
def test_the_status_word_of(case):
    obj, word = STATUS[case]
    assert podcells.pod_status(obj) == word


def test_a_gated_pod_says_so():
    obj = pod_with(phase="Pending")
    reason = {"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}
    obj["status"]["conditions"] = [reason]
    assert podcells.pod_status(obj) == "SchedulingGated"


def test_ready_counts_containers_that_run_and_are_ready():
    assert podcells.pod_ready(pod_with(running("a"), running("b", ready=False))) == "1/2"


def test_a_started_sidecar_counts_as_a_container():
    sidecar = {"name": "log", "image": "busybox", "restartPolicy": "Always"}
    obj = pod_with(running(), init=[running("log", started=True)], init_specs=[sidecar])
    assert podcells.pod_ready(obj) == "2/2"
    assert podcells.pod_status(obj) == "Running"


def test_restarts_say_when_the_last_one_ended():
    last = {"terminated": {"exitCode": 1, "finishedAt": "2026-01-01T00:09:55Z"}}
    obj = pod_with(running("a", restarts=1, lastState=last), running("b", restarts=2))
    assert podcells.pod_restarts(obj, NOW) == "3 (5s ago)"


def test_restarts_of_init_containers_count_until_the_pod_is_initialized():
    init = [{**waiting("CrashLoopBackOff", "a"), "restartCount": 4}]
    assert podcells.pod_restarts(pod_with(waiting("PodInitializing"), init=init), NOW) == "4"
    done = [{**ended(0, name="a"), "restartCount": 4}]
    assert podcells.pod_restarts(pod_with(running(), init=done), NOW) == "0"


def test_readiness_gates_count_the_conditions_that_hold():
    obj = pod_with(running(), conditions=["example.com/a"])
    obj["spec"]["readinessGates"] = [{"conditionType": f"example.com/{x}"} for x in "ab"]
    assert podcells.readiness_gates(obj) == "1/2"


def test_the_ip_is_the_first_of_the_pod():
    assert row_of(pod_with(running(), podIPs=[{"ip": "10.0.0.7"}, {"ip": "fd00::7"}]))["IP"] == (
        "10.0.0.7"
    )


# -- other kinds


def node(ready="True", **more):
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "node-1", "labels": {"node-role.kubernetes.io/control-plane": ""}},
        "status": {
            "conditions": [{"type": "Ready", "status": ready}],
            "addresses": [{"type": "InternalIP", "address": "10.0.0.2"}],
        },
        **more,
    }


def test_a_cordoned_node_is_ready_and_not_scheduled_to():
    row = row_of(node(spec={"unschedulable": True}))
    assert (row["Status"], row["Roles"]) == ("Ready,SchedulingDisabled", "control-plane")
    assert (row["Internal-IP"], row["External-IP"]) == ("10.0.0.2", "<none>")


def test_a_node_whose_state_is_unknown_is_not_ready():
    assert row_of(node("Unknown"))["Status"] == "NotReady"


def test_an_event_says_who_said_what_of_whom_and_how_often():
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "web.1"},
        "involvedObject": {"kind": "Pod", "name": "web", "fieldPath": "spec.containers{web}"},
        "type": "Normal",
        "reason": "Started",
        "message": "Started container web\n",
        "source": {"component": "kubelet", "host": "node-1"},
        "firstTimestamp": MINUTE_AGO,
        "lastTimestamp": "2026-01-01T00:09:58Z",
        "count": 3,
    }
    assert list(row_of(event).values()) == [
        "2s", "Normal", "Started", "pod/web", "spec.containers{web}", "kubelet, node-1",
        "Started container web", "60s", 3, "web.1",
    ]  # fmt: skip


def test_a_series_tells_the_last_time_and_the_count():
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "web.1"},
        "eventTime": "2026-01-01T00:09:00.000000Z",
        "series": {"count": 7, "lastObservedTime": "2026-01-01T00:09:50.000000Z"},
    }
    row = row_of(event)
    assert (row["Last Seen"], row["First Seen"], row["Count"]) == ("10s", "60s", 7)


def test_a_long_list_of_endpoints_is_cut():
    subset = {"addresses": [{"ip": f"10.0.0.{n}"} for n in range(5)], "ports": [{"port": 80}]}
    obj = {"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "e"}, "subsets": [subset]}
    assert row_of(obj)["Endpoints"] == "10.0.0.0:80,10.0.0.1:80,10.0.0.2:80 + 2 more..."


def test_a_load_balancer_shows_its_address_once_it_has_one():
    obj = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "s"},
        "spec": {"type": "LoadBalancer", "externalIPs": ["8.8.8.8"]},
        "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}},
    }
    assert row_of(obj)["External-IP"] == "192.0.2.1,8.8.8.8"


def test_a_job_tells_how_far_it_is_and_how_long_it_takes():
    obj = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "j"},
        "spec": {"completions": 3},
        "status": {"succeeded": 1, "startTime": MINUTE_AGO},
    }
    row = row_of(obj)
    assert (row["Status"], row["Completions"], row["Duration"]) == ("Running", "1/3", "60s")
    obj["status"]["conditions"] = [{"type": "Complete", "status": "True"}]
    assert row_of(obj)["Status"] == "Complete"
