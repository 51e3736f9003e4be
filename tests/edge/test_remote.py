"""A second API server in a process of its own, behind the first one."""

import base64
import json
import subprocess
import sys
import time

import pytest

from k8s_ref.edge.certificates import Authority
from tests.edge.live import Live

SERVER = """
import asyncio, json, ssl, sys
from aiohttp import web
LIST = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "fruit.example.com/v1",
        "resources": [{"name": "apples", "singularName": "apple", "namespaced": True,
                       "kind": "Apple", "verbs": ["get", "list", "watch"]}]}
def apple(request):
    user = request.headers.get("X-Remote-User", "nobody")
    return {"kind": "Apple", "apiVersion": "fruit.example.com/v1",
            "metadata": {"name": "one", "namespace": "default", "resourceVersion": "1"},
            "for": user}
async def answer(request):
    if request.path == "/apis/fruit.example.com/v1":
        return web.json_response(LIST)
    if "watch" in request.query:
        stream = web.StreamResponse(headers={"Content-Type": "application/json"})
        stream.enable_chunked_encoding()
        await stream.prepare(request)
        line = {"type": "ADDED", "object": apple(request)}
        await stream.write(json.dumps(line).encode() + b"\\n")
        await asyncio.sleep(30)
        return stream
    if request.path.endswith("/apples"):
        return web.json_response({"kind": "AppleList", "apiVersion": "fruit.example.com/v1",
                                  "metadata": {"resourceVersion": "1"}, "items": [apple(request)]})
    return web.json_response(apple(request))
async def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1])
    runner = web.ServerRunner(web.Server(answer), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


@pytest.fixture
def orchard(tmp_path):
    """A server of apples: its port, and the authority it is known by."""
    authority = Authority("orchard")
    pair = authority.server(["127.0.0.1"])
    (tmp_path / "orchard.pem").write_bytes(pair.certificate + pair.key)
    command = [sys.executable, "-c", SERVER, str(tmp_path / "orchard.pem")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    yield int(process.stdout.readline()), authority
    process.terminate()
    process.wait()
    process.stdout.close()


def register(live, port, bundle):
    """Tell the first server about the second one."""
    namespaced = {"name": "orchard", "namespace": "default"}
    service = {
        "metadata": namespaced,
        "spec": {"type": "ExternalName", "externalName": "127.0.0.1"},
    }
    spec = {
        "group": "fruit.example.com",
        "version": "v1",
        "groupPriorityMinimum": 1000,
        "versionPriority": 10,
        "service": {**namespaced, "port": port},
        "caBundle": base64.b64encode(bundle).decode(),
    }
    live.perform(live.cluster.api.create("services", service))
    about = {"metadata": {"name": "v1.fruit.example.com"}, "spec": spec}
    live.perform(live.cluster.api.create("apiservices", about))


def available(live):
    """The condition of the second server."""
    service = live.perform(live.cluster.api.get("apiservices", "v1.fruit.example.com"))
    conditions = (service.get("status") or {}).get("conditions") or [{}]
    return conditions[0].get("status"), conditions[0].get("reason")


def test_the_real_kubectl_reads_and_watches_what_another_process_serves(tmp_path, orchard, kubectl):
    port, authority = orchard
    with Live(tmp_path) as live:
        register(live, port, authority.pem)
        live.until(lambda: available(live)[0] == "True")
        shown = subprocess.run(
            [kubectl, "get", "apples", "-o", "json"],
            env=live.env, capture_output=True, text=True, check=True,
        )  # fmt: skip
        (found,) = json.loads(shown.stdout)["items"]
        assert found["for"] == "kubernetes-admin"
        watching = subprocess.Popen(
            [kubectl, "get", "--raw", "/apis/fruit.example.com/v1/apples?watch=true"],
            env=live.env, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            assert json.loads(watching.stdout.readline())["object"]["metadata"]["name"] == "one"
        finally:
            watching.kill()
            watching.wait()
            watching.stdout.close()


def test_a_server_that_nobody_vouches_for_is_not_available(tmp_path, orchard):
    port, _ = orchard
    with Live(tmp_path) as live:
        register(live, port, Authority("somebody else").pem)
        live.until(lambda: available(live)[0] == "False")
        assert available(live) == ("False", "FailedDiscoveryCheck")


def test_the_world_outside_is_asked_without_stopping_the_clock(tmp_path, orchard):
    port, authority = orchard
    with Live(tmp_path) as live:
        before = live.cluster.loop.now
        register(live, port, authority.pem)
        live.until(lambda: available(live)[0] == "True")
        time.sleep(0.2)
        assert live.cluster.loop.now > before
