"""The API over HTTPS · HTTPS 上的 API

One served cluster, asked by wrk over sixteen connections, with everything a request passes:
TLS, a token, RBAC, admission, managedFields, audit.  The peer is the same HTTP library answering
the same bytes without asking anybody, so the ratio says what all of that costs.
"""

import asyncio
import contextlib
import json
import re
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

import yaml

from benchmarks.harness import Duration, MissingError, Rate

SECONDS, CONNECTIONS, WATCHERS, PODS = 5, 16, 200, 1_000

PEER = """
import asyncio, ssl, sys
from pathlib import Path
from aiohttp import web
sys.path.insert(0, {root!r})
from k8s_ref.edge.certificates import Authority
from k8s_ref.edge.server import tls_context
body = Path(sys.argv[1]).read_bytes()
async def answer(request):
    await request.read()
    return web.Response(body=body, content_type="application/json")
async def main():
    authority = Authority()
    runner = web.ServerRunner(web.Server(answer), access_log=None)
    await runner.setup()
    context = tls_context(authority.pem, authority.server(["127.0.0.1"]))
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""
ROOT = Path(__file__).resolve().parent.parent


class Served:
    """A cluster in a process of its own, and how to talk to it."""

    def __init__(self, folder: Path) -> None:
        config = folder / "kubeconfig"
        command = [sys.executable, "-m", "k8s_ref", "up", "--port", "0", "--quiet", "--nodes", "3"]
        self.process = subprocess.Popen(
            [*command, "--audit-log", str(folder / "audit"), "--kubeconfig", str(config)],
            stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip
        for _ in range(200):
            time.sleep(0.1)
            if config.exists() or self.process.poll() is not None:
                break
        if not config.exists():
            raise MissingError("k8s-ref up did not start: pip install '.[server]'")
        found = yaml.safe_load(config.read_text("utf-8"))
        self.url = found["clusters"][0]["cluster"]["server"]
        self.port = int(self.url.rpartition(":")[2])
        pair = folder / "admin.pem"
        user = found["users"][0]["user"]
        keys = ("client-certificate-data", "client-key-data")
        pair.write_bytes(b"".join(b64decode(user[key]) for key in keys))
        self.tls = ssl.create_default_context(
            cadata=b64decode(found["clusters"][0]["cluster"]["certificate-authority-data"]).decode()
        )
        self.tls.load_cert_chain(pair)
        self.token = self._token()

    def ask(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> Any:
        """One request of the administrator."""
        connection = HTTPSConnection("127.0.0.1", self.port, context=self.tls)
        connection.request(method, path, json.dumps(body), {"Content-Type": kind})
        answer = json.loads(connection.getresponse().read())
        connection.close()
        return answer

    def _token(self) -> str:
        """A token of an account that RBAC lets do everything."""
        account = {"kind": "ServiceAccount", "name": "default", "namespace": "default"}
        role = {"kind": "ClusterRole", "name": "cluster-admin"}
        binding = {
            "metadata": {"name": "bench"},
            "subjects": [account],
            "roleRef": {**role, "apiGroup": "rbac.authorization.k8s.io"},
        }
        path = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
        self.ask("POST", path, binding)
        path = "/api/v1/namespaces/default/serviceaccounts/default/token"
        token: str = self.ask("POST", path, {"spec": {}})["status"]["token"]
        return token


@contextlib.contextmanager
def serving() -> Iterator[Served]:
    """A served cluster for as long as the block lasts."""
    if shutil.which("wrk") is None:
        raise MissingError("wrk is not installed: apt install wrk")
    with tempfile.TemporaryDirectory() as folder:
        served = Served(Path(folder))
        try:
            yield served
        finally:
            served.process.terminate()
            served.process.wait()


@contextlib.contextmanager
def bare(body: bytes) -> Iterator[str]:
    """The HTTP library alone, which answers these bytes to everything."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(body)
        file.flush()
        program = PEER.format(root=str(ROOT))
        process = subprocess.Popen(
            [sys.executable, "-c", program, file.name], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        try:
            yield f"https://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.terminate()
            process.wait()


def wrk(url: str, token: str, script: str = "") -> tuple[float, float]:
    """Requests a second, and the milliseconds in which 99 of 100 are answered."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--latency"]
        command += ["-H", f"Authorization: Bearer {token}", "-s", file.name, url]
        shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in shown:
        raise MissingError(f"requests were refused: {shown.splitlines()[-3].strip()}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", shown)
    late = re.search(r"99%\s+([\d.]+)(us|ms|s)", shown)
    assert rate is not None and late is not None, shown
    return float(rate[1]), float(late[1]) * {"us": 0.001, "ms": 1, "s": 1000}[late[2]]


POST = """
local n = 0
request = function()
  n = n + 1
  local body = string.format([[%s]], n)
  return wrk.format("%s", nil, {["Content-Type"] = "%s",
    ["Authorization"] = wrk.headers["Authorization"]}, body)
end
"""


def pod(name: str) -> dict[str, Any]:
    """A Pod of one container, for no node."""
    container = {"name": "web", "image": "nginx", "resources": {"requests": {"cpu": "100m"}}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": "web"}},
        "spec": {"containers": [container], "schedulerName": "nobody"},
    }


PATH = "/api/v1/namespaces/default/pods"
MERGE = "application/merge-patch+json"
CHANGE = POST % ('{"metadata":{"labels":{"n":"%d"}}}', "PATCH", MERGE)


@cache
def writes() -> dict[str, tuple[float, float, float]]:
    """Rate, the time of 99 of 100 and the rate of the peer, of get, create and patch."""
    found = {}
    with serving() as served:
        made = served.ask("POST", PATH, pod("one"))
        create = POST % (json.dumps(pod("pod-%d")), "POST", "application/json")
        with bare(json.dumps(made).encode()) as peer:
            for name, path, script in (
                ("get", f"{PATH}/one", ""),
                ("create", PATH, create),
                ("patch", f"{PATH}/one", CHANGE),
            ):
                ours, late = wrk(served.url + path, served.token, script)
                found[name] = ours, late, wrk(peer + path, served.token, script)[0]
    return found


def rates(name: str) -> tuple[float, float]:
    """Ours and the peer's."""
    ours, _, peer = writes()[name]
    return ours, peer


def listed() -> list[float]:
    """Milliseconds of a list of a thousand Pods."""
    with serving() as served:
        for number in range(PODS):
            served.ask("POST", PATH, pod(f"pod-{number}"))
        connection = HTTPSConnection("127.0.0.1", served.port, context=served.tls)
        taken = []
        for _ in range(20):
            began = time.perf_counter()
            connection.request("GET", PATH)
            found = connection.getresponse().read()
            taken.append((time.perf_counter() - began) * 1000)
            assert len(json.loads(found)["items"]) == PODS
        connection.close()
    return taken


def deliveries() -> tuple[float, float]:
    """Events a second that all watchers together receive, and writes a second meanwhile."""
    with serving() as served:
        served.ask("POST", PATH, pod("one"))
        return asyncio.run(_listen(served))


async def _listen(served: Served) -> tuple[float, float]:
    watchers = [Watcher(*await _watch(served)) for _ in range(WATCHERS)]
    reading = [asyncio.create_task(watcher.read()) for watcher in watchers]
    await asyncio.sleep(2)
    before, began = sum(watcher.events for watcher in watchers), time.perf_counter()
    writes, _ = await asyncio.to_thread(wrk, served.url + f"{PATH}/one", served.token, CHANGE)
    taken = time.perf_counter() - began
    received = sum(watcher.events for watcher in watchers) - before
    for task, watcher in zip(reading, watchers, strict=True):
        task.cancel()
        watcher.writer.close()
    return received / taken, writes


async def _watch(served: Served) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port, ssl=served.tls)
    writer.write(f"GET {PATH}?watch=true&resourceVersion=0 HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return reader, writer


@dataclass
class Watcher:
    """A connection, held for as long as it is to stay open, and the events that came over it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    events: int = 0

    async def read(self) -> None:
        """Count the events; each begins with its type."""
        while piece := await self.reader.read(1 << 18):
            self.events += piece.count(b'{"type":')


BARE = "the HTTP library alone"
COMPARISONS = (
    Rate("api get", "a second", lambda: rates("get"), BARE, goal=3_000),
    Rate("api create", "a second", lambda: rates("create"), BARE, goal=1_500),
    Rate("api patch", "a second", lambda: rates("patch"), BARE, goal=1_500),
    Duration("api create, 99 of 100", "ms", lambda: [writes()["create"][1]], goal=20, long=True),
    Duration("api list of 1,000 Pods", "ms", listed, goal=30, long=True),
    Rate("api watch", "deliveries a second", deliveries, "writes", goal=50_000),
)
