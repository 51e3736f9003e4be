"""The site: what a reader and a writer wait for · 网站：读者和作者等多久

A reader waits for the first Run, which loads Python, and for later ones.  A writer waits for the
build; it is measured on a copy with sixty more pages in each language, as if the book were done.
"""

import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.harness import Duration, MissingError

ROOT = Path(__file__).resolve().parent.parent
PAGE, CELL = "flows/create-a-pod", "picture"
PAGES = 60
RUNS = 5
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
NEEDED = ("docs", "k8s_ref", "tests", "tools", "mkdocs.yml", "build/docs", "build/web")


# -- Running a cell in a browser


def first_run() -> list[float]:
    """From pressing Run for the first time to the last output, Python not loaded yet."""
    with reading() as page:
        return [run(page)]


def later_runs() -> list[float]:
    """The same once Python is there; the page runs from the top each time."""
    with reading() as page:
        run(page)
        return [run(page) for _ in range(RUNS)]


def run(page: Any) -> float:
    """Presses Run and waits until the recorded output was shown again."""
    cell = page.locator(f'.k8s-cell[data-name="{CELL}"]')
    start = perf_counter()
    cell.locator(".k8s-run").click()
    page.wait_for_function(IDLE, timeout=120_000)
    taken = perf_counter() - start
    if cell.get_attribute("data-state") != "same":
        raise MissingError(f"the cell did not run: {cell.locator('.k8s-status').inner_text()}")
    return taken


IDLE = "![...document.querySelectorAll('.k8s-run')].some((button) => button.disabled)"


@contextmanager
def reading() -> Iterator[Any]:
    """A page of the built site in a Chromium that has kept nothing."""
    chromium = next((found for name in CHROMIUM if (found := shutil.which(name))), None)
    if chromium is None:
        raise MissingError("chromium is not installed: apt install chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise MissingError("playwright is not installed: make test") from None
    with serving() as address, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(f"{address}/en/{PAGE}/")
        page.wait_for_selector(".k8s-bar")
        yield page
        browser.close()


@contextmanager
def serving() -> Iterator[str]:
    """The built site on a free port."""
    from tools.site.serve import server

    if not (ROOT / "site" / "index.html").exists():
        raise MissingError("the site is not built: make site")
    running = server(ROOT / "site", 0)
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{running.server_address[1]}"
    finally:
        running.shutdown()
        running.server_close()
        thread.join()


# -- Building


def build() -> list[float]:
    """CPU seconds of the strict build, both languages, with sixty more pages each."""
    if not (ROOT / "build" / "web").is_dir():
        raise MissingError("the web parts are not built: make site")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        for name in NEEDED:
            copy_over(name, copy)
        before = cpu()
        prepare = "import tools.site.hook as hook; hook.prepare()"
        command([sys.executable, "-c", prepare], copy, "the pages do not agree: make check")
        for lang in ("zh", "en"):
            more_pages(copy / "build" / "docs", lang)
        mkdocs = [sys.executable, "-m", "mkdocs", "build", "--strict"]
        command(mkdocs, copy, "the site cannot be built: make site")
        built = len([*(copy / "site").glob("*/flows/more-*/index.html")])
        if built != 2 * PAGES:
            raise MissingError(f"{built} pages were built instead of {2 * PAGES}")
        return [cpu() - before]


def copy_over(name: str, copy: Path) -> None:
    """Copies a file or a folder to its place in the copy; the browser's packages stay behind."""
    source, target = ROOT / name, copy / name
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("node_modules"))
    elif source.exists():
        shutil.copy(source, target)


def more_pages(docs: Path, lang: str) -> None:
    """Copies of a finished page, under other titles, in the navigation too."""
    text = (docs / lang / f"{PAGE}.md").read_text("utf-8")
    tree = json.loads((docs / "navigation.json").read_text("utf-8"))
    links = []
    for number in range(PAGES):
        title, name = f"More {number}", f"flows/more-{number}.md"
        own = re.sub(r"^title: .*$", f"title: {title}", text, count=1, flags=re.M)
        (docs / lang / name).write_text(own, "utf-8")
        links.append({title: name})
    tree[lang].insert(1, {"More": links})
    (docs / "navigation.json").write_text(json.dumps(tree, ensure_ascii=False), "utf-8")


def command(words: list[str], folder: Path, trouble: str) -> None:
    """Runs one command in the copy, which is what it builds."""
    own = {"K8S_REF_DOCS_READY": "1", "NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(folder)}
    done = subprocess.run(
        words, cwd=folder, env={**os.environ, **own}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        raise MissingError(f"{trouble} ({lines[-1] if lines else 'no message'})")


def cpu() -> float:
    """CPU seconds of all processes that this one has waited for, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


COMPARISONS = (
    Duration("site first Run", "s", first_run, goal=4),
    Duration("site later Run", "s", later_runs, goal=0.5),
    Duration(f"site build, {PAGES} × 2 more pages", "CPU s", build, goal=60),
)
