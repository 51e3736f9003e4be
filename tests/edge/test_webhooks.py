"""Webhooks behind real sockets and real certificates."""

import asyncio
import base64
import json
import ssl
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from k8s_ref.apiserver.admission.webhook import CallFailed
from k8s_ref.edge.certificates import Authority
from k8s_ref.edge.outside import Outside
from k8s_ref.edge.realtime import RealTime
from k8s_ref.edge.server import tls_context
from k8s_ref.edge.webhooks import HTTPSCaller
from tests.harness import ControlPlane, pod

AUTHORITY, STRANGER = Authority(), Authority("stranger")
HOSTS = ("127.0.0.1", "hook.default.svc")


@asynccontextmanager
async def listening(answer, authority=AUTHORITY, hosts=HOSTS):
    """A webhook on a free port of this machine; the port."""
    runner = web.ServerRunner(web.Server(answer), shutdown_timeout=0.1)
    await runner.setup()
    context = tls_context(authority.pem, authority.server(hosts))
    context.verify_mode = ssl.CERT_NONE
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@asynccontextmanager
async def driven(plane):
    """The loop of a control plane in real time, with a caller for its webhooks."""
    time = RealTime(plane.loop)
    plane.server.webhooks.beyond = HTTPSCaller(
        Outside(plane.loop, time.wake), lambda service: (plane.host, plane.port)
    )
    driver = asyncio.create_task(time.drive())
    try:
        yield time
    finally:
        driver.cancel()


def config(port, authority=AUTHORITY, path="/x"):
    bundle = base64.b64encode(authority.pem).decode()
    return {"url": f"https://127.0.0.1:{port}{path}", "caBundle": bundle}


async def call(config, seconds=2, review=None):
    plane = ControlPlane()
    async with driven(plane) as time:
        caller = plane.server.webhooks
        return await time.perform(caller.call(config, review or {"request": {}}, seconds))


def outcome(answer, change=None, hosts=HOSTS, authority=AUTHORITY, seconds=2):
    async def run():
        async with listening(answer, authority, hosts) as port:
            return await call({**config(port), **(change or {})}, seconds)

    return asyncio.run(run())


def failure(*args, **more):
    with pytest.raises(CallFailed) as caught:
        outcome(*args, **more)
    return str(caught.value)


async def echo(request):
    return web.json_response({"path": request.path_qs, "sent": await request.json()})


def test_a_review_is_posted_as_json_and_told_how_long_there_is():
    assert outcome(echo) == {"path": "/x?timeout=2s", "sent": {"request": {}}}


def test_a_certificate_of_another_authority_is_not_believed():
    words = "tls: failed to verify certificate: x509: certificate signed by unknown authority"
    assert failure(echo, authority=STRANGER).endswith(words)


def test_a_certificate_must_be_that_of_the_host():
    assert "127.0.0.1" in failure(echo, hosts=("elsewhere.example.com",))


def test_who_does_not_answer_in_time_has_not_answered():
    async def never(request):
        await asyncio.sleep(30)

    assert failure(never, seconds=1).endswith('/x?timeout=1s": context deadline exceeded')


def test_a_port_where_nobody_listens():
    with pytest.raises(CallFailed, match="connect: connection refused"):
        asyncio.run(call(config(1)))


@pytest.mark.parametrize(
    ("status", "text", "words"),
    [
        (404, "", "failed to call webhook: the server could not find the requested resource"),
        (
            500,
            "boom",
            'failed to call webhook: an error on the server ("boom") has prevented the request'
            " from succeeding",
        ),
        (200, "hello", "failed to call webhook: couldn't get version/kind; json parse error"),
    ],
)
def test_what_is_no_answer(status, text, words):
    async def answer(request):
        return web.Response(status=status, text=text)

    assert failure(answer).startswith(words)


def configuration(clients):
    rule = {"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"],
            "resources": ["pods"]}  # fmt: skip
    row = {"name": "hook.example.com", "clientConfig": clients, "rules": [rule],
           "sideEffects": "None", "admissionReviewVersions": ["v1"]}  # fmt: skip
    return {"metadata": {"name": "hook"}, "webhooks": [row]}


def test_a_webhook_may_ask_the_api_while_the_api_waits_for_it():
    plane = ControlPlane()

    async def run():
        async with driven(plane) as time:

            async def answer(request):
                review = await request.json()
                named = {"name": "asked", "namespace": "default"}
                await time.perform(plane.api.create("configmaps", {"metadata": named}))
                patch = [{"op": "add", "path": "/metadata/labels/seen", "value": "yes"}]
                text = base64.b64encode(json.dumps(patch).encode()).decode()
                response = {"uid": review["request"]["uid"], "allowed": True}
                response |= {"patchType": "JSONPatch", "patch": text}
                return web.json_response({**review, "request": None, "response": response})

            async with listening(answer) as port:
                plane.host, plane.port = "127.0.0.1", port
                service = {"name": "hook", "namespace": "default", "path": "/mutate"}
                clients = {"service": service, "caBundle": config(port)["caBundle"]}
                meta = {"name": "hook", "namespace": "default"}
                spec = {"ports": [{"port": 443}]}
                await time.perform(plane.api.create("services", {"metadata": meta, "spec": spec}))
                kind = "mutatingwebhookconfigurations"
                await time.perform(plane.api.create(kind, configuration(clients)))
                return await time.perform(plane.api.create("pods", pod()))

    made = asyncio.run(run())
    assert made["metadata"]["labels"] == {"app": "web", "seen": "yes"}
    assert "default/asked" in plane.server.registry("configmaps").cache.objects
