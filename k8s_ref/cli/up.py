"""k8s-ref up · 把集群端出来

Serves a cluster to real clients over HTTPS, in real time, many times faster, or only when told
to.  Prints the one line a shell needs and a first command to try, then tells what happens as it
happens.  The one rule: what it made it takes away again, and nobody's own kubeconfig is touched
unless its path was given.

Upstream: none; what kubeadm init leaves behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import io
import secrets
import signal
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from k8s_ref.apiserver.audit import LEVELS
from k8s_ref.apiserver.encoding import to_json
from k8s_ref.apiserver.http import Handler
from k8s_ref.apiserver.routes import Routes
from k8s_ref.apiserver.server import APIServer
from k8s_ref.cli import console
from k8s_ref.cli.play import NOISE, sentence, words
from k8s_ref.cli.workbench import Cluster
from k8s_ref.edge import kubeconfig, remote
from k8s_ref.edge.certificates import Authority
from k8s_ref.edge.outside import Outside
from k8s_ref.edge.realtime import RealTime
from k8s_ref.edge.server import HOST, Edge, tls_context
from k8s_ref.edge.webhooks import HTTPSCaller
from k8s_ref.machinery.errors import not_supported
from k8s_ref.machinery.meta import Object

NAME = "k8s-ref"
"""The name of the context in the kubeconfig."""
PORT = 6443
LOOK_SECONDS = 0.1
"""How often news are printed."""

Say = Callable[[str], None]


@dataclass(slots=True, frozen=True)
class Up:
    """How to serve."""

    nodes: int = 3
    seed: int = 0
    port: int = PORT
    speed: float = 1.0
    paused: bool = False
    kubeconfig: str = ""
    quiet: bool = False
    lang: str = "en"
    audit_log: str = ""
    """A file that takes a line of JSON for each event of the audit."""
    audit_policy: str = ""
    """A file that says what the audit keeps; empty: the metadata of everything."""


class PortTaken(Exception):  # noqa: N818
    """Somebody else listens there."""


class BadFile(Exception):  # noqa: N818
    """A file is no ``policy`` or no ``kubeconfig``: ``kind`` says which it was to be."""

    def __init__(self, kind: str, why: object) -> None:
        super().__init__(why)
        self.kind = kind


def serve(what: Up, say: Say) -> None:
    """Serve until an interrupt; ``PortTaken``, or ``BadFile`` if one is not what it should be."""
    # To look for garbage often would make requests wait.
    gc.set_threshold(100_000, 50, 100)
    asyncio.run(_serve(what, say))


async def _serve(what: Up, say: Say) -> None:
    over = _interrupt()
    with contextlib.ExitStack() as stack:
        furnish = _furnisher(stack, what)
        cluster = Cluster(
            nodes=what.nodes,
            seed=what.seed,
            epoch=int(time.time()),
            managed_fields=True,
            secret=secrets.token_bytes(32),
        )
        cluster.furnish = furnish
        assert cluster.server is not None, "a cluster begins with an API server"
        furnish(cluster.server)
        # What is there now stays, and need not be looked through again.
        gc.freeze()
        async with Serving(cluster, what, say) as serving:
            path = _write(stack, what, serving.config)
            shown = serving.config["clusters"][0]["cluster"]["server"]
            text = words()["up"]["ready"][what.lang]
            say(text.format(url=shown, path=path, nodes=what.nodes))
            await _until(over, serving, what, say)
    say(words()["up"]["bye"][what.lang])


class Serving:
    """A cluster behind a socket, for as long as the block lasts."""

    def __init__(self, cluster: Cluster, what: Up, say: Say = lambda text: None) -> None:
        self.cluster, self.what = cluster, what
        self.time = RealTime(cluster.loop, 0.0 if what.paused else what.speed, say)
        outside = Outside(cluster.loop, self.time.wake)
        cluster.webhooks.beyond = HTTPSCaller(outside)
        cluster.beyond = remote.dialer(lambda: cluster.server, outside)
        self._handlers: tuple[Any, Handler] | None = None
        self.edge = Edge(self.handler, self.time, self.control)
        self.authority = Authority()
        self.config: kubeconfig.Config = {}

    async def __aenter__(self) -> Serving:
        tls = tls_context(self.authority.pem, self.authority.server(_HOSTS))
        try:
            port = await self.edge.start(self.what.port, tls)
        except OSError as error:
            await self.edge.stop()
            if error.errno != errno.EADDRINUSE:
                raise
            raise PortTaken(self.what.port) from error
        client = self.authority.client("kubernetes-admin", ("system:masters",))
        url = f"https://{HOST}:{port}"
        self.config = kubeconfig.kubeconfig(NAME, url, self.authority.pem, client)
        self.driver = asyncio.create_task(self.time.drive())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.driver.cancel()
        # If it failed, whoever looked at it has said so.
        await asyncio.gather(self.driver, return_exceptions=True)
        await self.edge.stop()

    def handler(self) -> Handler | None:
        """The chain in front of the present API server, None while there is none."""
        server = self.cluster.server
        if server is None:
            return None
        if self._handlers is None or self._handlers[0] is not server:
            routes = Routes(server, self.what.lang)
            self._handlers = server, Handler(server, (routes,))
            self._handlers[1].observe = routes.metrics.observe
            self._handlers[1].clock = time.perf_counter
        return self._handlers[1]

    def control(self, line: str) -> str:
        """Do a line of the console language, such as ``run 30s`` or ``fail node-1``."""
        return console.play(self.cluster, line)


_HOSTS = (HOST, "localhost", "10.96.0.1", "kubernetes", "kubernetes.default",
          "kubernetes.default.svc", "kubernetes.default.svc.cluster.local")  # fmt: skip


def _furnisher(stack: contextlib.ExitStack, what: Up) -> Callable[[APIServer], None]:
    """What gives each API server, after a crash too, its audit log."""
    policy = policy_in(what.audit_policy) if what.audit_policy else EVERYTHING
    file = None
    if what.audit_log:
        log = Path(what.audit_log).open("ab", 0)  # noqa: SIM115 - the stack closes it
        file = stack.enter_context(log)

    def furnish(server: APIServer) -> None:
        if file is not None:
            server.access.audit.policy = policy
            server.access.audit.sink = partial(_log, file)

    return furnish


def _log(file: io.FileIO, event: Object) -> None:
    """Write one line at once, for a log is read while it grows."""
    file.write(to_json(event))


def policy_in(name: str) -> Object:
    """The audit policy in a file; ``BadFile`` if there is none in it."""
    try:
        policy = yaml.safe_load(Path(name).read_text("utf-8"))
    except yaml.YAMLError:
        policy = None
    about = ("audit.k8s.io/v1", "Policy")
    if not isinstance(policy, dict) or (policy.get("apiVersion"), policy.get("kind")) != about:
        raise BadFile("policy", f"{name} has no {about[1]} of {about[0]}")
    rules = policy.get("rules")
    if not rules or not isinstance(rules, list):
        raise BadFile("policy", f"{name} has no rules")
    for index, rule in enumerate(rules):
        level = rule.get("level") if isinstance(rule, dict) else rule
        if level not in LEVELS:
            wrong = not_supported(f"rules[{index}].level", level, LEVELS)
            raise BadFile("policy", f"{name}: {wrong}")
    return policy


EVERYTHING: Object = {"rules": [{"level": "Metadata"}]}
"""The audit policy of whoever names none."""


def _write(stack: contextlib.ExitStack, what: Up, config: kubeconfig.Config) -> Path:
    """Write the kubeconfig, and see to it that it is gone afterwards."""
    if not what.kubeconfig:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="k8s-ref-"))
        path = Path(folder, "kubeconfig")
        kubeconfig.write(path, config)
        return path
    path = Path(what.kubeconfig).expanduser()
    try:
        stack.callback(kubeconfig.write(path, config))
    except ValueError:
        raise BadFile("kubeconfig", path) from None
    return path


def _interrupt() -> asyncio.Event:
    """Set by SIGINT or SIGTERM."""
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, over.set)
    return over


async def _until(over: asyncio.Event, serving: Serving, what: Up, say: Say) -> None:
    """Tell what happens until it is over."""
    trace = serving.cluster.trace
    seen = len(trace)
    while not over.is_set():
        news = trace[seen:]
        seen = len(trace)
        if not what.quiet:
            for record in news.without(*NOISE):
                say(f"{record.at / 1e9:9.3f} {sentence(record, what.lang)}")
        if serving.driver.done():
            # A fault of a component ends the cluster, and says which.
            serving.driver.result()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(over.wait(), LOOK_SECONDS)
