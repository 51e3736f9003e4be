"""Measure everything and print the ratios · 逐项测量并打印比值

``make bench``.  Each benchmark does the same work twice, ours and a peer's, in turn, and the
ratio of the medians is what counts: a slow or a busy machine slows both.
"""

import importlib
import pkgutil
import sys

import benchmarks
from benchmarks.harness import Comparison


def comparisons() -> list[Comparison]:
    """What every module of this package offers as ``COMPARISONS``, in order of their names."""
    names = sorted(module.name for module in pkgutil.iter_modules(benchmarks.__path__))
    modules = [importlib.import_module(f"benchmarks.{name}") for name in names if name[0] != "_"]
    return [each for module in modules for each in getattr(module, "COMPARISONS", ())]


def main(wanted: list[str]) -> int:
    """Measures the comparisons whose name contains one of the words, all without words."""
    for comparison in comparisons():
        if not wanted or any(word in comparison.name for word in wanted):
            print(comparison.measure(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
