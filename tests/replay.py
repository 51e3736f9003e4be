"""The same story again and again: create-a-pod, replayed until somebody believes it.

``python -m tests.replay --times 1000`` plays it so many times, in processes with different hash
seeds, and compares every trace and every stored object with the first, byte for byte.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import time

from k8s_ref import Cluster
from tests.flows.test_create_a_pod import MANIFEST

BATCH = 100
"""How many replays one process does, before the next begins with another hash seed."""


def digest():
    """One replay: a hash over its trace and over every version of every object in the store."""
    cluster = Cluster(nodes=3, seed=1)
    cluster.apply(MANIFEST)
    cluster.run(60)
    told = hashlib.sha256(repr(cluster.trace).encode())
    cluster.store.watch("", 1, lambda event: told.update(repr(event).encode()))
    return told.hexdigest()


def digests(times, hash_seed):
    """What so many replays give in a process of its own."""
    command = [sys.executable, "-m", "tests.replay", "--here", "--times", str(times)]
    environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed)}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.split()


def main():
    """Replay; exit 1 at the first difference."""
    parser = argparse.ArgumentParser(prog="python -m tests.replay", description=__doc__)
    parser.add_argument("--times", type=int, default=1000, help="how many replays (1000)")
    parser.add_argument("--here", action="store_true", help="in this process; print each hash")
    options = parser.parse_args()
    if options.times < 1:
        parser.error(f"--times is 1 or more, got {options.times}")
    if options.here:
        for _ in range(options.times):
            print(digest(), flush=True)
        return 0
    first, start = digest(), time.monotonic()
    for done in range(0, options.times, BATCH):
        batch = min(BATCH, options.times - done)
        if set(digests(batch, hash_seed=done)) != {first}:
            print(f"\na replay between {done + 1} and {done + batch} was different")
            return 1
        seconds = time.monotonic() - start
        print(f"\r{done + batch}/{options.times} replays, {seconds:.0f} s", end="", flush=True)
    print(f"\n{options.times} replays: every byte the same ({first[:16]}…)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
