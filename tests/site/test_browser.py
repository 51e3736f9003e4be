"""The pages as a reader has them: read, run, edited, broken, mended, in a real browser."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tools.site.project import HERE, Project

api = pytest.importorskip("playwright.sync_api", reason="pip install playwright")

PAGES = [page for page in Project(HERE).pages() if page.cells]
HOME = "index"
POD = "flows/create-a-pod"
QUIET = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
LONG = 120_000
"""Milliseconds until Python must have been loaded, on a busy machine."""


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[object]:
    """A Chromium that does nothing of its own accord."""
    with api.sync_playwright() as play:
        running = play.chromium.launch(executable_path=chromium, args=QUIET)
        yield running
        running.close()


class Reader:
    """A page in the browser, and all that went over the wire."""

    def __init__(self, page, base):
        self.page, self.base = page, base
        self.replies, self.troubles = [], []
        page.on("response", lambda reply: self.replies.append((reply.status, reply.url)))
        page.on("requestfailed", lambda request: self.troubles.append(f"failed {request.url}"))
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        page.on("console", self.listen)

    def listen(self, message):
        if message.type in ("error", "warning"):
            self.troubles.append(message.text)

    def open(self, key, lang="zh"):
        path = "" if key == HOME else f"{key}/"
        self.page.goto(f"{self.base}/{lang}/{path}")
        self.page.wait_for_selector(".k8s-bar, .k8s-none")
        return self

    def cell(self, name):
        return self.page.locator(f'.k8s-cell[data-name="{name}"]')

    def run(self, name):
        """Press Run and wait until nothing is busy any more."""
        self.cell(name).locator(".k8s-run").click()
        self.wait()

    def wait(self):
        idle = "![...document.querySelectorAll('.k8s-run')].some((button) => button.disabled)"
        self.page.wait_for_function(idle, timeout=LONG)

    def status(self, name):
        return self.cell(name).locator(".k8s-status").inner_text()

    def output(self, name):
        return self.cell(name).locator(".k8s-output").inner_text()

    def edit(self, name, old, new):
        """Open the editor if need be, and type the whole text with one change."""
        cell = self.cell(name)
        if not cell.locator(".cm-content").count():
            cell.locator(".k8s-edit").click()
        cell.locator(".cm-content").click()
        source = cell.locator(".cm-line").all_inner_texts()
        text = "\n".join(line.replace("\u200b", "").rstrip("\n") for line in source)
        assert text.count(old) == 1, text
        self.page.keyboard.press("Control+a")
        self.page.keyboard.insert_text(text.replace(old, new))

    def no_trouble(self):
        assert self.troubles == []
        assert [url for status, url in self.replies if status >= 400] == []
        ours = (self.base, "data:", "blob:")
        assert [url for _, url in self.replies if not url.startswith(ours)] == []


@contextmanager
def reading(browser, address, **options):
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
    yield Reader(context.new_page(), address)
    context.close()


@pytest.fixture
def reader(browser, address):
    with reading(browser, address) as one:
        yield one


# -- Reading


@pytest.mark.parametrize(
    ("page", "lang"),
    [(page, "zh") for page in PAGES] + [(page, "en") for page in PAGES if page.key in (HOME, POD)],
    ids=lambda value: getattr(value, "key", value),
)
def test_every_page_gives_its_recorded_outputs_in_the_browser(browser, address, page, lang):
    running = [cell.name for cell in page.cells if cell.runs]
    with reading(browser, address) as reader:
        reader.open(page.key, lang)
        assert reader.page.locator("html").get_attribute("lang") == lang
        assert not [url for _, url in reader.replies if "pyodide" in url or "wheels" in url]
        assert not [url for _, url in reader.replies if url.endswith("editor.js")]
        reader.run(running[-1])
        same = {"zh": "✓ 与记录的输出一致", "en": "✓ same as the recorded output"}[lang]
        assert {name: reader.status(name).partition(" · ")[0] for name in running} == dict.fromkeys(
            running, same
        )
        reader.no_trouble()


def test_without_scripts_a_page_is_complete(browser, address):
    with reading(browser, address, java_script_enabled=False) as reader:
        reader.page.goto(f"{address}/zh/{POD}/")
        assert "kubectl get pods" in reader.output("wait")
        assert reader.page.locator(".k8s-output svg").count() >= 1
        assert reader.page.locator(".k8s-bar").count() == 0


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_is_wider_than_the_screen(browser, address, width, scheme):
    view = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme}
    wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    with reading(browser, address, **view) as reader:
        for key in (HOME, POD):
            reader.open(key)
            assert reader.page.evaluate(wider) <= 0
        reader.page.goto(f"{address}/en/reference/")
        assert reader.page.evaluate(wider) <= 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", [f"zh/{POD}/", "en/", "en/reference/k8s_ref/sim/loop/"])
def test_pages_are_accessible(browser, address, path, scheme):
    axe = (HERE / "tools/web/node_modules/axe-core/axe.min.js").read_text("utf-8")
    rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
    with reading(browser, address, color_scheme=scheme) as reader:
        reader.page.goto(f"{address}/{path}")
        reader.page.evaluate(axe)
        found = reader.page.evaluate(f"axe.run({{runOnly: {json.dumps(rules)}}})")["violations"]
        told = [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found]
        assert "\n".join(told) == ""


@pytest.mark.parametrize(("locale", "lang"), [("zh-CN", "zh"), ("en-GB", "en"), ("fr-FR", "en")])
def test_the_first_page_follows_the_language_of_the_browser(browser, address, locale, lang):
    with reading(browser, address, locale=locale) as reader:
        reader.page.goto(address)
        reader.page.wait_for_url(f"{address}/{lang}/")


def test_changing_the_language_keeps_the_page_and_the_place(reader):
    reader.open(POD, "zh")
    heading = reader.page.locator("#why")
    heading.scroll_into_view_if_needed()
    reader.page.evaluate("scrollBy(0, 200)")
    before = heading.bounding_box()["y"]
    reader.page.click(".k8s-lang")
    reader.page.wait_for_url(f"{reader.base}/en/{POD}/")
    assert reader.page.locator("html").get_attribute("lang") == "en"
    assert abs(reader.page.locator("#why").bounding_box()["y"] - before) < 200
    reader.page.goto(reader.base)
    reader.page.wait_for_url(f"{reader.base}/en/")
    reader.no_trouble()


def test_the_four_places_are_one_step_away(reader):
    reader.open("controllers/replicaset", "en")
    places = reader.page.locator(".k8s-places a")
    links = dict(
        zip(
            places.all_inner_texts(),
            (link.get_attribute("href") for link in places.all()),
            strict=True,
        )
    )
    assert {"Notebook", "中文"} <= set(links)
    targets = [link for link in links.values() if not link.endswith(".ipynb")]
    for target in targets:
        url = reader.page.evaluate("(to) => new URL(to, location.href).href", target)
        assert reader.page.request.get(url).ok, url
    book = reader.page.evaluate("(to) => new URL(to, location.href).href", links["Notebook"])
    kept = HERE / "notebooks/en/controllers/replicaset.ipynb"
    assert reader.page.request.get(book).body() == kept.read_bytes()


def test_a_quotation_leads_to_its_line_in_the_whole_file(reader):
    reader.open(POD, "en")
    quote = reader.page.locator(".k8s-quote").first
    quoted = quote.locator("code").first.inner_text().split("\n")[0]
    quote.locator("p a").click()
    reader.page.wait_for_url(re.compile(r"/en/reference/.*#line-\d+$"))
    line = reader.page.url.partition("#line-")[2]
    text = reader.page.locator(".k8s-listing td.code").inner_text().split("\n")
    assert text[int(line) - 1].strip() == quoted.strip()


@pytest.mark.parametrize(
    ("lang", "query"), [("zh", "调度器"), ("zh", "kubelet"), ("en", "scheduler"), ("en", "watch")]
)
def test_search_finds_words_of_both_languages(reader, lang, query):
    reader.page.goto(f"{reader.base}/{lang}/")
    box = reader.page.locator("[data-md-component=search-query]")
    box.click()
    box.fill(query)
    # Text that is put in leaves no key behind, and the box waits for one.
    reader.page.keyboard.press("Shift")
    reader.page.wait_for_selector(".md-search-result__item a", timeout=20_000)
    links = reader.page.locator(".md-search-result__item a").evaluate_all(
        "(all) => all.map((a) => a.href)"
    )
    assert all(f"/{lang}/" in link for link in links)
    reader.no_trouble()


# -- Running and editing


def test_an_edited_manifest_gives_another_picture(reader):
    reader.open(POD, "zh")
    recorded = reader.cell("picture").locator("svg").inner_html()
    reader.edit("apply", "replicas: 1", "replicas: 3")
    reader.page.keyboard.press("Shift+Enter")
    reader.wait()
    picture = reader.cell("picture").locator("svg").inner_html()
    assert picture != recorded and picture.count("kubelet") > recorded.count("kubelet")
    assert reader.status("picture").startswith("≠ 与记录的输出不同")
    assert reader.output("wait").count("web-") == 3
    reader.no_trouble()


def test_the_picture_speaks_the_language_of_the_page(browser, address):
    shown = {}
    for lang in ("zh", "en"):
        with reading(browser, address) as reader:
            reader.open(POD, lang).run("picture")
            shown[lang] = reader.output("picture")
    assert "创建" in shown["zh"] and "创建" not in shown["en"]
    assert "create" in shown["en"]


def test_breaking_mending_and_resetting_a_cell(reader):
    reader.open(POD, "en")
    recorded = reader.output("picture")
    reader.edit("apply", "cluster = Cluster(nodes=3, seed=1)", "cluster = Clutter()")
    reader.run("apply")
    error = reader.cell("apply").locator(".k8s-error")
    assert "NameError: name 'Clutter' is not defined" in error.inner_text()
    assert "cluster = Clutter()" in error.locator(".k8s-where").inner_text()
    assert reader.status("apply").startswith("✗ failed")
    assert reader.status("picture") == "Not run: a cell above failed"
    assert reader.output("picture") == recorded

    reader.edit("apply", "Clutter()", "Cluster(nodes=1, seed=1)")
    reader.run("picture")
    assert reader.status("apply").startswith("✓ same")
    assert reader.status("picture").startswith("≠ differs")

    reader.cell("apply").locator(".k8s-reset").click()
    assert reader.status("picture") == "" and reader.output("picture") == recorded
    reader.run("picture")
    assert reader.status("picture").startswith("✓ same")
    reader.no_trouble()


def test_a_console_cell_can_be_edited(reader):
    reader.open(POD, "en")
    reader.edit("wait", "run 10s", "run 1s")
    reader.run("wait")
    assert "run 1s" in reader.output("wait") and "Running" not in reader.output("wait")
    reader.no_trouble()


def test_stop_ends_an_endless_loop_and_the_next_run_begins_anew(reader):
    reader.open(HOME, "en").run("hello")
    reader.edit("hello", "cluster.run(seconds=10)", "while True: pass")
    reader.cell("hello").locator(".k8s-run").click()
    reader.page.wait_for_timeout(300)
    assert reader.status("hello") == "Running…"
    reader.cell("hello").locator(".k8s-stop").click()
    reader.wait()
    assert reader.status("hello") == "Stopped"
    reader.cell("hello").locator(".k8s-reset").click()
    reader.run("hello")
    assert reader.status("hello").startswith("✓ same")
    reader.no_trouble()


def test_a_cell_that_takes_its_time_shows_what_it_prints_meanwhile(reader):
    reader.open(HOME, "en").run("hello")
    loop = "import time\nfor n in range(40):\n    print('line', n); time.sleep(0.1)"
    reader.edit("hello", "cluster.run(seconds=10)", loop)
    reader.cell("hello").locator(".k8s-run").click()
    output = reader.cell("hello").locator(".k8s-output")
    api.expect(output).to_contain_text("line 7", timeout=20_000)
    assert reader.status("hello") == "Running…" and "line 39" not in output.inner_text()
    reader.wait()
    assert "line 39" in output.inner_text()


def test_an_exercise_checks_itself(reader):
    reader.open(POD, "en")
    reader.run("writers")
    assert re.match(r"✗ \d/\d passed", reader.status("writers"))
    assert "expected" in reader.output("writers")
    page = next(page for page in PAGES if page.key == POD)
    solution = next(cell for cell in page.cells if cell.name == "writers-solution")
    body = solution.source.split("\n", 1)[1].strip()
    reader.edit("writers", "return [(record.actor, record.verb) for record in trace]", body)
    reader.run("writers")
    assert re.match(r"✓ (\d)/\1 passed", reader.status("writers"))
    assert reader.output("writers") == ""
    reader.no_trouble()


def test_a_browser_that_cannot_run_cells_says_so(reader):
    reader.page.add_init_script("delete globalThis.WebAssembly")
    reader.open(HOME, "en")
    recorded = reader.output("hello")
    reader.run("hello")
    assert reader.status("hello").startswith("This browser cannot run the cells")
    assert reader.output("hello") == recorded


def test_if_python_cannot_be_loaded_the_page_says_why(reader):
    reader.open(HOME, "en")
    reader.page.route("**/*.wasm", lambda route: route.abort())
    reader.run("hello")
    assert reader.status("hello").startswith("Python did not start: ")
    reader.page.unroute("**/*.wasm")
    reader.run("hello")
    assert reader.status("hello").startswith("✓ same"), "a second try begins anew"


def test_the_buttons_can_be_reached_and_pressed_with_the_keyboard(reader):
    reader.open(HOME, "en")
    reader.cell("hello").locator(".k8s-run").focus()
    reader.page.keyboard.press("Enter")
    reader.wait()
    assert reader.status("hello").startswith("✓ same")
    reader.cell("hello").locator(".k8s-edit").focus()
    reader.page.keyboard.press("Enter")
    api.expect(reader.cell("hello").locator(".cm-content")).to_be_focused()
    reader.page.keyboard.press("Escape")
    reader.page.keyboard.press("Tab")
    api.expect(reader.cell("hello").locator(".cm-content")).not_to_be_focused()
