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
import signal
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from k8s_ref.apiserver.http import Handler
from k8s_ref.cli import console
from k8s_ref.cli.play import NOISE, sentence, words
from k8s_ref.cli.workbench import Cluster
from k8s_ref.edge import kubeconfig
from k8s_ref.edge.certificates import Authority
from k8s_ref.edge.realtime import RealTime
from k8s_ref.edge.server import HOST, Edge, tls_context

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


class PortTaken(Exception):  # noqa: N818
    """Somebody else listens there."""


def serve(what: Up, say: Say) -> None:
    """Serve until an interrupt; ``PortTaken``, or ``ValueError`` if a file is no kubeconfig."""
    asyncio.run(_serve(what, say))


async def _serve(what: Up, say: Say) -> None:
    cluster = Cluster(nodes=what.nodes, seed=what.seed, epoch=int(time.time()))
    with contextlib.ExitStack() as stack:
        async with Serving(cluster, what, say) as serving:
            path = _write(stack, what, serving.config)
            shown = serving.config["clusters"][0]["cluster"]["server"]
            text = words()["up"]["ready"][what.lang]
            say(text.format(url=shown, path=path, nodes=what.nodes))
            await _until_interrupted(cluster, what, say)
    say(words()["up"]["bye"][what.lang])


class Serving:
    """A cluster behind a socket, for as long as the block lasts."""

    def __init__(self, cluster: Cluster, what: Up, say: Say = lambda text: None) -> None:
        self.cluster, self.what = cluster, what
        self.time = RealTime(cluster.loop, 0.0 if what.paused else what.speed, say)
        self._handlers: tuple[Any, Handler] | None = None
        self.edge = Edge(self.handler, self.time, self.control)
        self.config: kubeconfig.Config = {}

    async def __aenter__(self) -> Serving:
        authority = Authority()
        tls = tls_context(authority.pem, authority.server(_HOSTS))
        try:
            port = await self.edge.start(self.what.port, tls)
        except OSError as error:
            raise PortTaken(self.what.port) from error
        client = authority.client("kubernetes-admin", ("system:masters",))
        url = f"https://{HOST}:{port}"
        self.config = kubeconfig.kubeconfig(NAME, url, authority.pem, client)
        self._driver = asyncio.create_task(self.time.drive())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._driver.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._driver
        await self.edge.stop()

    def handler(self) -> Handler | None:
        """The chain in front of the present API server, None while there is none."""
        server = self.cluster.server
        if server is None:
            return None
        if self._handlers is None or self._handlers[0] is not server:
            self._handlers = server, Handler(server)
        return self._handlers[1]

    def control(self, line: str) -> str:
        """Do a line of the console language, such as ``run 30s`` or ``fail node-1``."""
        return console.play(self.cluster, line)


_HOSTS = (HOST, "localhost", "10.96.0.1", "kubernetes", "kubernetes.default",
          "kubernetes.default.svc", "kubernetes.default.svc.cluster.local")  # fmt: skip


def _write(stack: contextlib.ExitStack, what: Up, config: kubeconfig.Config) -> Path:
    """Write the kubeconfig, and see to it that it is gone afterwards."""
    if not what.kubeconfig:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="k8s-ref-"))
        path = Path(folder, "kubeconfig")
        kubeconfig.write(path, config)
        return path
    path = Path(what.kubeconfig).expanduser()
    there = yaml.safe_load(path.read_text("utf-8")) or {} if path.exists() else None
    kubeconfig.write(path, config)
    if there is None:
        stack.callback(path.unlink, missing_ok=True)
    else:
        before = there.get("current-context", "")
        stack.callback(kubeconfig.remove, path, NAME, "" if before == NAME else before)
    return path


async def _until_interrupted(cluster: Cluster, what: Up, say: Say) -> None:
    """Tell what happens, until SIGINT or SIGTERM."""
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, over.set)
    seen = len(cluster.trace)
    while not over.is_set():
        news = cluster.trace[seen:]
        seen = len(cluster.trace)
        if not what.quiet:
            for record in news.without(*NOISE):
                say(f"{record.at / 1e9:9.3f} {sentence(record, what.lang)}")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(over.wait(), LOOK_SECONDS)
