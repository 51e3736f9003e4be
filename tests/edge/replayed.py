"""Plays the console lines of a page with the real kubectl instead of ours.

The page's own cluster is served, and stands still: what is due runs when our kubectl would have
let it run, which is before a command and while one waits.
"""

import asyncio
import os
import shlex
import tempfile
from pathlib import Path

import yaml

from k8s_ref.cli.up import Serving, Up

WAITS = ("rollout status", "wait", "drain", "delete", "exec")
"""Commands that may wait for time to pass."""


class Kubectl:
    """The real kubectl as a cluster's own."""

    def __init__(self, binary):
        self.binary, self.loop, self.served = binary, asyncio.new_event_loop(), {}
        self.folder = tempfile.TemporaryDirectory()

    def close(self):
        """End every server."""
        for serving, _ in self.served.values():
            self.loop.run_until_complete(serving.__aexit__())
        self.loop.close()
        self.folder.cleanup()

    def __call__(self, cluster, line, stdin=""):
        """What the real kubectl prints, and its exit code."""
        self._settle(cluster)
        serving, config = self._serve(cluster)
        return self.loop.run_until_complete(self._run(serving, config, line, stdin))

    def _settle(self, cluster):
        """Run what our kubectl would have found before it: what is ready now, and no more."""
        left = [len(cluster.loop._ready)]

        def over():
            left[0] -= 1
            return left[0] < 0

        if left[0]:
            cluster.loop.run_until(over, 0)

    def _serve(self, cluster):
        if id(cluster) not in self.served:
            serving = Serving(cluster, Up(port=0, paused=True))
            # Nobody but the commands moves this cluster on.
            serving.time.drive = asyncio.Event().wait
            self.loop.run_until_complete(serving.__aenter__())
            config = Path(self.folder.name, f"{len(self.served)}.yaml")
            config.write_text(yaml.safe_dump(serving.config))
            self.served[id(cluster)] = serving, config
        return self.served[id(cluster)]

    async def _run(self, serving, config, line, stdin):
        home = str(config.with_suffix(""))
        process = await asyncio.create_subprocess_exec(
            self.binary,
            *shlex.split(line),
            env={**os.environ, "KUBECONFIG": str(config), "HOME": home},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        talking = asyncio.ensure_future(process.communicate(stdin.encode()))
        waited = 0.0
        while not talking.done():
            await asyncio.wait([talking], timeout=0.05)
            waited += 0.05
            if line.startswith(WAITS) and (serving.edge.streams or waited > 3):
                serving.cluster.loop.run(0.2)
            if waited > 40:
                process.kill()
        text, _ = await talking
        return text.decode(), process.returncode
