"""The proxy subresources: a port of a Pod, one behind a Service, a kubelet's own pages."""

import pytest

from k8s_ref import Cluster
from k8s_ref.apiserver.request import Request
from k8s_ref.machinery.kinds import KINDS

SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{name: http, port: 8080, targetPort: 80}]}
"""


@pytest.fixture(scope="module")
def cluster():
    cluster = Cluster(nodes=1)
    cluster.kubectl("run web --image=nginx --port=80")
    cluster.apply(SERVICE)
    cluster.run(10)
    return cluster


def ask(cluster, resource, name, path="", **query):
    kind = KINDS[resource]
    namespace = "default" if kind.namespaced else ""
    request = Request("get", kind, namespace, name, "proxy", query=query, rest=path)
    response = cluster.loop.run_task(cluster.server.handle(request))
    return response.code, response.body["message"] if response.code > 399 and isinstance(
        response.body, dict
    ) else response.body


@pytest.mark.parametrize("name", ["web", "web:80", "http:web:80", ":web:80"])
def test_a_pods_port_answers(cluster, name):
    assert ask(cluster, "pods", name) == (200, "<h1>Welcome to nginx!</h1>\n")


def test_a_path_is_handed_on_with_the_answers_code(cluster):
    assert ask(cluster, "pods", "web", "nothing", x="1") == (404, "404 Not Found\n")


def test_where_nobody_listens_the_service_is_unavailable(cluster):
    ip = cluster.loop.run_task(cluster.api.get("pods", "default/web"))["status"]["podIP"]
    why = f"error trying to reach service: dial tcp {ip}:81: connect: connection refused"
    assert ask(cluster, "pods", "web:81") == (503, why)


def test_a_name_with_too_many_parts_or_another_scheme_is_no_request(cluster):
    assert ask(cluster, "pods", "ftp:web:80") == (400, 'invalid pod request "ftp:web:80"')


def test_a_service_without_endpoints_is_unavailable(cluster):
    assert ask(cluster, "services", "web:9") == (503, 'no service port 9 found for service "web"')
    assert ask(cluster, "services", "web:http") == (503, 'no endpoints available for service "web"')


def test_a_service_answers_from_an_endpoint_that_is_ready(cluster):
    ip = cluster.loop.run_task(cluster.api.get("pods", "default/web"))["status"]["podIP"]
    piece = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": "web-1",
            "namespace": "default",
            "labels": {"kubernetes.io/service-name": "web"},
        },
        "addressType": "IPv4",
        "endpoints": [
            {"addresses": ["10.244.0.99"], "conditions": {"ready": False}, "nodeName": "node-1"},
            {"addresses": [ip], "nodeName": "node-1"},
        ],
        "ports": [{"name": "http", "port": 80, "protocol": "TCP"}],
    }
    cluster.loop.run_task(cluster.api.create("endpointslices", piece))
    assert ask(cluster, "services", "web:8080") == (200, "<h1>Welcome to nginx!</h1>\n")
    cluster.loop.run_task(cluster.api.delete("endpointslices", "default/web-1"))


def test_a_kubelet_answers_for_itself(cluster):
    assert ask(cluster, "nodes", "node-1", "healthz") == (200, "ok")
    assert '"name":"web"' in ask(cluster, "nodes", "node-1", "pods")[1]
    assert ask(cluster, "nodes", "node-1", "containerLogs/default/web/web")[0] == 200
    assert ask(cluster, "nodes", "node-1", "nothing") == (404, "404 page not found\n")
