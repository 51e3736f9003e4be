"""Commands that wait, on a whole cluster: rollouts, conditions, drains, watches."""

import pytest

from k8s_ref.cli.workbench import Cluster
from tests.cli.scene import Terminal
from tests.harness import pod


@pytest.fixture
def cluster():
    cluster = Cluster(nodes=2, seed=1)
    cluster.kubectl("create deployment web --image=nginx:1.27 --replicas=2")
    assert cluster.kubectl("rollout status deployment/web").endswith("successfully rolled out\n")
    return cluster


def images(cluster):
    shown = cluster.kubectl("get pods -o jsonpath='{.items[*].spec.containers[0].image}'")
    return set(shown.split())


def test_a_rollout_is_followed_until_it_is_done(cluster):
    cluster.kubectl("set image deployment/web nginx=nginx:1.28")
    told = cluster.kubectl("rollout status deployment/web").splitlines()
    assert told[0].endswith("0 out of 2 new replicas have been updated...")
    assert told[-1] == 'deployment "web" successfully rolled out'
    ready = "get deploy web -o jsonpath='{.status.updatedReplicas}/{.status.availableReplicas}'"
    assert cluster.kubectl(ready) == "2/2"


def test_undo_brings_the_image_before_back(cluster):
    cluster.kubectl("set image deployment/web nginx=nginx:1.28")
    cluster.kubectl("rollout status deployment/web")
    assert cluster.kubectl("rollout undo deployment/web") == "deployment.apps/web rolled back\n"
    cluster.run(30)
    assert images(cluster) == {"nginx:1.27"}


def test_a_rollout_that_never_ends_is_given_up(cluster):
    cluster.stop("kube-scheduler")
    cluster.kubectl("rollout restart deployment/web")
    told = cluster.kubectl("rollout status deployment/web --timeout=5s")
    assert told.endswith("error: timed out waiting for the condition\n")


def test_wait_returns_as_soon_as_the_condition_holds():
    cluster = Cluster(nodes=1, seed=1)
    cluster.kubectl("run once --image=busybox --restart=Never -- sleep 5")
    told = cluster.kubectl("wait pod/once --for=jsonpath='{.status.phase}'=Succeeded")
    assert told == "pod/once condition met\n"
    assert 5 < cluster.loop.seconds < 10


def test_waiting_for_a_deletion_ends_with_it():
    cluster = Cluster(nodes=1, seed=1)
    cluster.kubectl("run gone --image=nginx")
    cluster.run(5)
    cluster.kubectl("delete pod gone --wait=false")
    assert cluster.kubectl("wait pod/gone --for=delete") == "pod/gone condition met\n"


def test_a_drained_node_is_empty_and_its_pods_are_made_again_elsewhere(cluster):
    told = cluster.kubectl("drain node-1")
    assert told.startswith("node/node-1 cordoned\nevicting pod default/web-")
    assert told.endswith("node/node-1 drained\n")
    cluster.run(10)
    where = "get pods -o jsonpath='{.items[*].spec.nodeName}'"
    assert cluster.kubectl(where) == "node-2 node-2"


def test_a_pod_without_a_controller_is_not_drained_unless_forced():
    cluster = Cluster(nodes=1, seed=1)
    cluster.kubectl("run alone --image=nginx")
    cluster.run(5)
    assert "declare no controller" in cluster.kubectl("drain node-1")
    assert "alone" in cluster.kubectl("get pods -o name")
    assert cluster.kubectl("drain node-1 --force").endswith("node/node-1 drained\n")


def test_a_watch_can_say_which_event_each_line_is(cluster):
    cluster.kubectl("delete pod -l app=web --wait=false")
    rows = cluster.kubectl("get pods -w --output-watch-events").splitlines()
    assert rows[0].startswith("EVENT      NAME ")
    assert {row.split()[0] for row in rows[1:]} == {"ADDED", "MODIFIED", "DELETED"}


def test_a_watch_only_leaves_out_what_there_is():
    cluster = Cluster(nodes=1, seed=1)
    cluster.kubectl("run old --image=nginx")
    cluster.run(10)
    assert cluster.kubectl("get pods --watch-only") == ""


def test_a_watch_ends_after_a_minute_without_news():
    terminal = Terminal()
    terminal.create("pods", pod("web"))
    terminal("get pods -w")
    assert terminal.cluster.loop.seconds == 60
    terminal("get pods -w --request-timeout=5s")
    assert terminal.cluster.loop.seconds == 65


def test_a_dry_run_of_the_server_stores_nothing():
    terminal = Terminal()
    assert (
        terminal("create configmap c --dry-run=server") == "configmap/c created (server dry run)\n"
    )
    assert "c\n" not in terminal("get cm -o name")


def test_deleting_a_deployment_may_leave_its_pods(cluster):
    cluster.kubectl("delete deployment web --cascade=orphan")
    cluster.run(10)
    assert len(cluster.kubectl("get rs,pods -o name").splitlines()) == 3
