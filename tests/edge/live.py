"""A cluster behind a socket for tests, in a thread of its own, and the real kubectl beside it."""

import asyncio
import base64
import os
import shutil
import ssl
import subprocess
import threading
import time
from pathlib import Path

import pytest
import yaml

from k8s_ref.cli.up import Serving, Up
from k8s_ref.cli.workbench import Cluster

RELEASES = Path("/usr/lib/google-cloud-sdk/bin")
"""Where the package ``kubectl`` keeps one binary a release."""
PINNED = "1.32"


def find_kubectl(release=PINNED):
    """The path of a kubectl, or a skip that says how to get one; the pinned one may be another."""
    names = (str(RELEASES / f"kubectl.{release}"), *(["kubectl"] if release == PINNED else []))
    found = next((path for name in names if (path := shutil.which(name))), None)
    return found or pytest.skip(f"kubectl {release} is not installed: apt install kubectl")


class Live:
    """A served cluster; ``with`` starts and ends it."""

    def __init__(self, folder, **options):
        self.folder, self.up = folder, Up(port=0, **options)
        self.cluster = Cluster(nodes=self.up.nodes)
        self._ready, self._over = threading.Event(), None

    def __enter__(self):
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()))
        self._thread.start()
        assert self._ready.wait(20), "the cluster was not served within 20 s"
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(20)

    async def _main(self):
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        async with Serving(self.cluster, self.up) as serving:
            self.serving = serving
            self.config = serving.config
            (self.folder / "kubeconfig").write_text(yaml.safe_dump(serving.config))
            self._ready.set()
            await self._over.wait()

    def perform(self, work):
        """The result of a coroutine of the cluster's loop."""
        return asyncio.run_coroutine_threadsafe(self.serving.time.perform(work), self._loop).result(
            30
        )

    def apply(self, name, **container):
        """Create a Pod of one container, and wait until it runs."""
        meta = {"name": name, "namespace": "default"}
        spec = {"containers": [{"name": name, **container}]}
        body = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}
        self.perform(self.cluster.api.create("pods", body))
        self.until(lambda: self.phase(name) == "Running")

    def phase(self, name):
        """The phase of a Pod."""
        return self.perform(self.cluster.api.get("pods", f"default/{name}"))["status"]["phase"]

    def until(self, holds, seconds=20):
        """Wait until something holds."""
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, f"it did not come true within {seconds} s"
            time.sleep(0.05)

    @property
    def url(self):
        """Where the server listens."""
        return self.config["clusters"][0]["cluster"]["server"]

    @property
    def tls(self):
        """TLS with the administrator's certificate."""
        cluster, user = self.config["clusters"][0]["cluster"], self.config["users"][0]["user"]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        context = ssl.create_default_context(cadata=authority)
        pair = self.folder / "client.pem"
        parts = (user["client-certificate-data"], user["client-key-data"])
        pair.write_bytes(b"".join(base64.b64decode(part) for part in parts))
        context.load_cert_chain(pair)
        return context

    @property
    def env(self):
        """An environment in which kubectl knows this cluster and no other."""
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.folder),
            "KUBECONFIG": str(self.folder / "kubeconfig"),
        }

    def command(self, line, release=PINNED):
        """The words that run a kubectl command line."""
        return [find_kubectl(release), *(line.split() if isinstance(line, str) else line)]

    def kubectl(self, line, stdin=None, release=PINNED):
        """Run it: exit code, output and errors."""
        words = self.command(line, release)
        done = subprocess.run(words, input=stdin, env=self.env, timeout=30, capture_output=True)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def start(self, line, **options):
        """Begin a command that goes on."""
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, **options}
        return subprocess.Popen(self.command(line), env=self.env, **options)
