"""Malformed requests by the thousand: the server never answers with a fault of its own.

``python -m tests.fuzz --requests 20000`` sends them in rounds, each to a new cluster, and at the
first that goes wrong prints the seed, the command that repeats it, and the fewest requests that
show it, as a program to paste.  The test suite sends the first 500 of seed 0.
"""

import argparse
import sys
import time

from tests.apiserver.fuzz import ROUND, paste, round_of, smallest


def main():
    """Send the rounds; exit 1 at the first that goes wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--requests", type=int, default=20_000, help="how many to send (20000)")
    parser.add_argument("--seed", type=int, default=0, help="which requests (0)")
    parser.add_argument("--first", type=int, default=0, help="the first round (0)")
    options = parser.parse_args()
    start, sent, number = time.monotonic(), 0, options.first
    while sent < options.requests:
        requests, wrong = round_of(f"{options.seed}/{number}", min(ROUND, options.requests - sent))
        sent += len(requests)
        if wrong:
            print(f"\nround {number} of seed {options.seed} goes wrong at request {len(requests)}:")
            print(wrong)
            again = f"--seed {options.seed} --first {number} --requests {len(requests)}"
            print(
                f"repeat: python -m tests.fuzz {again}\nlooking for fewer requests ...", flush=True
            )
            print(paste(smallest(requests, wrong)))
            return 1
        number += 1
        seconds = time.monotonic() - start
        print(f"\r{sent}/{options.requests} requests, {seconds:.0f} s", end="", flush=True)
    print(f"\n{sent} requests: every one is answered as it should be")
    return 0


if __name__ == "__main__":
    sys.exit(main())
