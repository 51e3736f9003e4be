"""Measure everything and print the ratios · 逐项测量并打印比值

``make bench``.  Each benchmark does the same work twice, ours and a peer's, in turn, and the
ratio of the medians is what counts: a slow or a busy machine slows both.  What a reader waits for
is measured in seconds.  What takes long is measured when it is asked for by name:
``python -m benchmarks site``.
"""

import importlib
import pkgutil
import sys

import benchmarks
from benchmarks.harness import Comparison, Duration, Rate


def comparisons() -> list[Comparison | Duration | Rate]:
    """What every module of this package offers as ``COMPARISONS``, in order of their names."""
    names = sorted(module.name for module in pkgutil.iter_modules(benchmarks.__path__))
    modules = [importlib.import_module(f"benchmarks.{name}") for name in names if name[0] != "_"]
    return [each for module in modules for each in getattr(module, "COMPARISONS", ())]


def main(wanted: list[str]) -> int:
    """Measures what has one of the words in its name; without words, all that is not long."""
    for each in comparisons():
        if any(word in each.name for word in wanted) or not (wanted or each.long):
            print(each.measure(), flush=True)
        elif not wanted:
            print(f"{each.name}: takes long; python -m benchmarks {each.name.split()[0]}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
