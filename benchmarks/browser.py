"""The same roll-out in a browser · 在浏览器里铺开

The cluster of ``benchmarks/cluster.py`` again, in the worker that runs the cells of a page: the
same five thousand Pods, the same digest, in WebAssembly.  What a reader can do on a page is
bounded by this number.
"""

import inspect
import json
from typing import Any

from benchmarks import cluster
from benchmarks.harness import MissingError
from benchmarks.site import reading

SIZE = (1_000, 50, 100)

PROGRAM = """
import gc, sys, types
from time import perf_counter
module = types.ModuleType("roll_out")
sys.modules["roll_out"] = module
exec({source!r}, module.__dict__)
gc.disable()
start = perf_counter()
trace = module.RollOut{size}.run()
print(perf_counter() - start, module.digest(trace))
"""

ASK = """
async ([request]) => {
  const base = new URL("../../../_/", location.href).href;
  const worker = new Worker(base + "worker.js", { type: "module" });
  const ask = (id, verb, data) => new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => {
      if (data.fatal || data.error) reject(new Error(data.fatal || data.error));
      else if (!data.piece) resolve(data.reply);
    };
    worker.postMessage({ id, verb, ...data });
  });
  await ask(1, "fresh", { base });
  return ask(2, "cell", { request });
}
"""


class InTheBrowser:
    """The roll-out, in Chromium, from nothing to the last Pod that runs."""

    name = "browser cluster"
    long = False
    goal = 20

    def measure(self) -> str:
        """Seconds in the browser, and whether the same things happened as here."""
        try:
            seconds, digest = in_browser(SIZE)
        except MissingError as missing:
            return f"{self.name}: skipped, {missing}"
        nodes, groups, each = SIZE
        here = cluster.digest(cluster.RollOut(*SIZE).run())
        same = "the same trace as here" if here == digest else f"ANOTHER trace, {digest}"
        return (
            f"{self.name}: {groups * each:,} Pods on {nodes:,} nodes in {seconds:.1f} s"
            f" (goal: under {self.goal}); {same}"
        )


def in_browser(size: tuple[int, int, int]) -> tuple[float, str]:
    """What it took there, and the digest of the trace."""
    program = PROGRAM.format(source=inspect.getsource(cluster), size=size)
    request = json.dumps({"kind": "python", "name": "roll-out", "source": program})
    with reading() as page:
        page.set_default_timeout(600_000)
        reply: Any = json.loads(page.evaluate(ASK, [request]))
    if reply["raised"]:
        raise MissingError(reply["text"].strip().splitlines()[-1])
    seconds, digest = reply["text"].split()
    return float(seconds), digest


COMPARISONS = (InTheBrowser(),)
