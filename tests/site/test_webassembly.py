"""Every cell shows the same under Python in WebAssembly, in Node."""

import os
import subprocess
import sys

from tools.site.project import HERE


def test_every_cell_shows_the_same_in_webassembly(parts, node):
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    command = [sys.executable, "-m", "tools.site", "cells"]
    cells = subprocess.run(
        command, cwd=HERE, env=environment, capture_output=True, text=True, check=True
    )
    done = subprocess.run(
        [node, str(HERE / "tools/web/cells.mjs"), str(parts)],
        input=cells.stdout,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert done.stdout.strip().endswith("in WebAssembly: 0 differ")


def test_a_difference_is_told_with_both_outputs(parts, node):
    cell = '{"kind": "python", "name": "n", "source": "1", "text": "2", "digest": ""}'
    done = subprocess.run(
        [node, str(HERE / "tools/web/cells.mjs"), str(parts)],
        input=f'{{"a/page": [{cell}]}}',
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 1
    assert "a/page: cell n\n--- CPython\n2\n--- WebAssembly\n1\n" in done.stdout
