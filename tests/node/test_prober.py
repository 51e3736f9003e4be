"""Probes: when they are made, what follows from them, and what people are told."""

import pytest

from k8s_ref.node.cri import Answer
from tests.node.machines import Node

HEALTHY = {"exec": {"command": ["cat", "/tmp/healthy"]}}


def ready(node, name="web"):
    return node.container(name)["ready"]


def unhealthy(node):
    return [message for reason, message, _ in node.events() if reason == "Unhealthy"]


def starts(node):
    return [record.at / 1e9 for record in node.loop.trace.select(verb="start")]


def test_the_example_of_the_documentation_is_restarted_after_its_file_is_gone():
    node = Node()
    node.create(
        image="busybox",
        command="touch /tmp/healthy; sleep 30; rm -f /tmp/healthy; sleep 600",
        livenessProbe={**HEALTHY, "initialDelaySeconds": 5, "periodSeconds": 5},
    )
    node.run(29)
    assert unhealthy(node) == []
    node.run(49)
    assert unhealthy(node) == [
        "Liveness probe failed: cat: can't open '/tmp/healthy': No such file or directory\n"
    ]
    killing = [(message, count) for reason, message, count in node.events() if reason == "Killing"]
    assert killing == [("Container web failed liveness probe, will be restarted", 1)]
    assert node.container()["restartCount"] == 1
    assert node.container()["lastState"]["terminated"]["exitCode"] == 137
    # It failed three times, 5 s apart, and did not hear the signal for 30 s.
    assert starts(node)[1] - starts(node)[0] == pytest.approx(30 + 15 + 30, abs=1)


def test_a_probe_may_shorten_the_grace_period():
    node = Node()
    probe = {
        **HEALTHY,
        "periodSeconds": 1,
        "failureThreshold": 2,
        "terminationGracePeriodSeconds": 4,
    }
    node.create(image="busybox", command="sleep 600", livenessProbe=probe)
    node.run(10)
    (first, second), (end,) = starts(node), node.loop.trace.select(verb="exit")
    assert end.at / 1e9 - first == pytest.approx(1 + 4, abs=0.1)
    assert second == pytest.approx(end.at / 1e9, abs=0.5)


def test_killed_again_and_again_it_ends_in_a_crash_loop():
    node = Node()
    probe = {
        **HEALTHY,
        "periodSeconds": 1,
        "failureThreshold": 1,
        "terminationGracePeriodSeconds": 1,
    }
    node.create(image="busybox", command="sleep 600", livenessProbe=probe)
    node.run(30)
    assert node.container()["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert node.container()["restartCount"] >= 2


def test_readiness_takes_a_pod_out_and_in_again_without_a_restart():
    node = Node()
    node.create(
        image="busybox",
        command="sleep 4; touch /tmp/healthy; sleep 6; rm /tmp/healthy; sleep 600",
        readinessProbe={**HEALTHY, "periodSeconds": 1, "failureThreshold": 2},
    )
    seen = []
    node.kubelet.pods.on_change(
        lambda kind, pod, old: seen.append(
            [(node.loop.now // 10**9, c["status"])
             for c in pod["status"].get("conditions", ()) if c["type"] == "Ready"]
        )
    )  # fmt: skip
    node.run(20)
    changes = [entry for (entry,) in filter(None, seen)]
    assert [status for _, status in changes] == ["False", "False", "True", "False"]
    assert [at for at, _ in changes][2:] == [5, 12]
    assert node.container()["restartCount"] == 0
    assert not ready(node)
    (why,) = [c for c in node.status()["conditions"] if c["type"] == "Ready"]
    assert (why["reason"], why["message"]) == (
        "ContainersNotReady",
        "containers with unready status: [web]",
    )


def test_until_the_startup_probe_succeeds_nothing_else_is_asked():
    node = Node()
    liveness = {"exec": {"command": ["false"]}, "periodSeconds": 1, "failureThreshold": 1}
    node.create(
        image="busybox",
        command="sleep 10; touch /tmp/healthy; sleep 600",
        startupProbe={**HEALTHY, "periodSeconds": 2, "failureThreshold": 30},
        livenessProbe=liveness,
    )
    node.run(9)
    assert (node.container()["started"], ready(node)) == (False, False)
    assert {message.partition(" probe")[0] for message in unhealthy(node)} == {"Startup"}
    node.run(4)
    killed = [message for reason, message, _ in node.events() if reason == "Killing"]
    assert killed == ["Container web failed liveness probe, will be restarted"]


def test_a_startup_probe_that_fails_too_often_restarts_the_container():
    node = Node()
    probe = {
        **HEALTHY,
        "periodSeconds": 1,
        "failureThreshold": 3,
        "terminationGracePeriodSeconds": 1,
    }
    node.create(image="busybox", command="sleep 600", startupProbe=probe)
    node.run(8)
    killed = [message for reason, message, _ in node.events() if reason == "Killing"]
    assert killed == ["Container web failed startup probe, will be restarted"]


@pytest.mark.parametrize(
    ("image", "probe", "message"),
    [
        ("nginx", {"httpGet": {"port": 80}}, None),
        ("nginx", {"httpGet": {"port": 80, "path": "/nothing"}},
         "HTTP probe failed with statuscode: 404"),
        ("nginx", {"httpGet": {"port": 8080, "path": "healthz"}},
         'Get "http://10.244.0.2:8080/healthz":'
         " dial tcp 10.244.0.2:8080: connect: connection refused"),
        ("redis", {"tcpSocket": {"port": 6379}}, None),
        ("redis", {"tcpSocket": {"port": 80}},
         "dial tcp 10.244.0.2:80: connect: connection refused"),
        ("example.com/api", {"httpGet": {"port": "http"}}, None),
        ("busybox", {"exec": {"command": ["sleep", "5"]}}, 'command "sleep 5" timed out'),
        ("busybox", {"exec": {"command": ["true"]}}, None),
    ],
)  # fmt: skip
def test_each_kind_of_question_and_what_is_said_when_it_fails(image, probe, message):
    node = Node()
    script = "sleep 600" if image == "busybox" else None
    ports = [{"name": "http", "containerPort": 8000}]
    node.create(image=image, command=script, ports=ports, readinessProbe=probe)
    node.run(6)
    told = [] if message is None else [f"Readiness probe failed: {message}"]
    assert (ready(node), unhealthy(node)) == (message is None, told)


def test_a_server_that_does_not_answer_in_time_is_not_ready():
    node = Node()
    node.create(readinessProbe={"httpGet": {"port": 80}})
    node.run(5)

    async def slow(path):
        await node.loop.sleep(3)
        return Answer(200)

    (running,) = node.runtime._running.values()
    running.context.listening[80] = slow
    node.run(31)
    assert not ready(node)
    late = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
    assert unhealthy(node) == [f'Readiness probe failed: Get "http://10.244.0.2:80/": {late}']


def test_a_command_that_does_not_exist_says_nothing_about_the_container():
    node = Node()
    probe = {"exec": {"command": ["nosuch"]}, "periodSeconds": 1, "failureThreshold": 1}
    node.create(image="busybox", command="sleep 600", livenessProbe=probe)
    node.run(10)
    assert node.container()["restartCount"] == 0
    assert unhealthy(node)[0].startswith(
        "Liveness probe errored and resulted in unknown state: rpc error: code = Unknown"
    )


def test_after_a_page_is_gone_nginx_is_not_ready():
    node = Node()
    node.create(readinessProbe={"httpGet": {"port": 80}, "periodSeconds": 1, "failureThreshold": 1})
    node.run(5)
    assert ready(node)
    (container,) = node.do(node.runtime.list_containers())
    command = ["rm", "/usr/share/nginx/html/index.html"]
    node.do(node.runtime.exec_sync(container.id, command, 1))
    node.run(2)
    assert unhealthy(node) == ["Readiness probe failed: HTTP probe failed with statuscode: 403"]
    assert not ready(node)


def test_a_kubelet_that_was_restarted_does_not_make_a_pod_unready():
    node = Node()
    node.create(readinessProbe={"httpGet": {"port": 80}}, startupProbe={"httpGet": {"port": 80}})
    node.run(5)
    revision = node.pod()["metadata"]["resourceVersion"]
    node.process.stop()
    node.process.start()
    node.run(15)
    assert ready(node)
    assert node.pod()["metadata"]["resourceVersion"] == revision


def test_a_pod_that_ends_is_not_killed_for_its_liveness():
    node = Node()
    probe = {**HEALTHY, "periodSeconds": 1, "failureThreshold": 1, "initialDelaySeconds": 6}
    node.create(image="busybox", command="sleep 600", livenessProbe=probe)
    node.run(5)
    node.delete(grace=20)
    node.run(19)
    assert unhealthy(node) == []
    node.run(5)
    assert node.pods() == []


def test_nothing_is_remembered_of_containers_that_are_gone():
    node = Node()
    probe = {**HEALTHY, "periodSeconds": 1, "failureThreshold": 1}
    start = {"exec": {"command": ["true"]}}
    script = "touch /tmp/healthy; sleep 3; rm /tmp/healthy; trap 'exit 0' TERM; sleep 2; sleep 2"
    node.create(
        image="busybox",
        command=script,
        startupProbe=start,
        livenessProbe=probe,
        readinessProbe=probe,
    )
    node.run(60)
    assert node.container()["restartCount"] > 1
    prober = node.kubelet.prober
    alive = {c.id for c in node.do(node.runtime.list_containers()) if c.state == "RUNNING"}
    assert {identity for identity, _ in prober.results._results} <= alive
    node.delete(grace=0)
    node.run(5)
    assert (prober._workers, prober._known, prober.results._results) == ({}, {}, {})


def test_a_readiness_gate_waits_for_somebody_elses_condition():
    node = Node()
    node.create(spec={"readinessGates": [{"conditionType": "example.com/in"}]})
    node.run(5)
    (why,) = [c for c in node.status()["conditions"] if c["type"] == "Ready"]
    assert (why["status"], why["reason"], why["message"]) == (
        "False",
        "ReadinessGatesNotReady",
        'corresponding condition of pod readiness gate "example.com/in" does not exist.',
    )
    assert node.conditions()["ContainersReady"] == "True"
    conditions = [*node.status()["conditions"], {"type": "example.com/in", "status": "True"}]
    change = {"status": {"conditions": conditions}}
    node.do(node.api.patch("pods", "default/web", change, "status"))
    node.run(1)
    assert node.conditions()["Ready"] == "True"


def test_the_http_example_of_the_documentation_is_well_for_ten_seconds():
    node = Node()
    probe = {
        "httpGet": {"path": "/healthz", "port": 8080},
        "initialDelaySeconds": 3,
        "periodSeconds": 3,
    }
    node.create(
        image="registry.k8s.io/e2e-test-images/agnhost:2.40", args=["liveness"], livenessProbe=probe
    )
    node.run(25)
    assert unhealthy(node) == ["Liveness probe failed: HTTP probe failed with statuscode: 500"]
    assert node.container()["restartCount"] == 1


@pytest.mark.parametrize("seed", range(6))
def test_a_kubelet_that_crashes_now_and_then_comes_to_the_same_verdicts(seed):
    node = Node(seed, order="shuffle", start=False)
    for kind in ("crash-before", "crash-after"):
        node.faults.add(kind, actor="kubelet/node-1", chance=0.05)
    node.process.start()
    node.run(0)
    ready_when = {"httpGet": {"port": 80}, "periodSeconds": 2}
    node.create("well", readinessProbe=ready_when, livenessProbe=ready_when)
    node.create("ill", readinessProbe={"httpGet": {"port": 81}, "periodSeconds": 2})
    node.run(60)
    node.faults.clear()
    node.run(30)
    assert (ready(node, "well"), ready(node, "ill")) == (True, False)
    assert sorted(node.started) == [("ill", 0), ("well", 0)]
