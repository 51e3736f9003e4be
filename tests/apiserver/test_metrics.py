"""Metrics: what is counted, and how Prometheus reads it."""

from k8s_ref.apiserver.metrics import Metrics
from k8s_ref.apiserver.request import Request
from k8s_ref.machinery.kinds import KINDS
from tests.harness import ControlPlane


def lines(metrics, server, name):
    """The samples of one metric."""
    text = metrics.answer("/metrics", server).body.decode()
    return [line for line in text.splitlines() if line.startswith(name)]


def test_requests_are_counted_by_verb_resource_and_code():
    plane, metrics = ControlPlane(), Metrics()
    get = Request("get", KINDS["pods"], "default", "web")
    for _ in range(2):
        metrics.observe(get, 404, 0.001)
    apply = Request("patch", KINDS["deploy"], "default", "web", "scale")
    apply.content_type = "application/apply-patch+yaml"
    metrics.observe(apply, 200, 0.03)
    assert lines(metrics, plane.server, "apiserver_request_total") == [
        'apiserver_request_total{code="200",component="apiserver",dry_run="",group="apps",'
        'resource="deployments",scope="resource",subresource="scale",verb="APPLY",version="v1"} 1',
        'apiserver_request_total{code="404",component="apiserver",dry_run="",group="",'
        'resource="pods",scope="resource",subresource="",verb="GET",version="v1"} 2',
    ]


def test_a_duration_counts_in_its_class_and_in_all_larger_ones():
    plane, metrics = ControlPlane(), Metrics()
    for seconds in (0.001, 0.005, 0.03, 100):
        metrics.observe(Request("list", KINDS["nodes"]), 200, seconds)
    found = lines(metrics, plane.server, "apiserver_request_duration_seconds")
    counts = [line.rpartition(" ")[2] for line in found]
    assert counts[:4] == ["2", "2", "3", "3"]
    assert counts[-4:] == ["3", "4", "100.036", "4"]
    assert 'scope="cluster"' in found[0]
    assert 'le="0.005"' in found[0]
    assert 'le="+Inf"' in found[-3]


def test_a_watch_is_counted_while_it_is_open_and_has_no_duration():
    plane, metrics = ControlPlane(), Metrics()

    def open_watches():
        found = lines(metrics, plane.server, "apiserver_longrunning_requests")
        (one,) = [line for line in found if 'resource="secrets"' in line]
        return one.rpartition(" ")[2]

    before = int(open_watches())
    request = Request("watch", KINDS["secrets"])
    stream = plane.do(plane.server.handle(request)).stream
    metrics.observe(request, 200, 3.0)
    assert int(open_watches()) == before + 1
    stream.stop()
    assert int(open_watches()) == before
    assert not lines(metrics, plane.server, "apiserver_request_duration_seconds")


def test_objects_and_the_revision_of_the_store_are_shown():
    plane, metrics = ControlPlane(), Metrics()
    assert 'apiserver_resource_objects{group="",resource="namespaces"} 4' in lines(
        metrics, plane.server, "apiserver_resource_objects"
    )
    revision = lines(metrics, plane.server, "etcd_debugging_mvcc_current_revision")
    assert revision == [f"etcd_debugging_mvcc_current_revision {plane.server.storage.revision}"]
    assert metrics.answer("/metric", plane.server) is None
