"""MkDocs hook · MkDocs 钩子

``mkdocs build`` builds the Chinese site into ``site/zh`` and the English one into ``site/en``; what
both need stands once in ``site/_``.  Each build sees one language only, so that search,
navigation and references cannot mix them.
"""

from __future__ import annotations

import gc
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

import jieba  # type: ignore[import-untyped]  # noqa: E402
from mkdocs.exceptions import PluginError  # noqa: E402
from mkdocs.plugins import event_priority  # noqa: E402

from tools.site import sitemap  # noqa: E402
from tools.site.assemble import assemble, run_pages  # noqa: E402
from tools.site.listing import fill  # noqa: E402
from tools.site.project import Project  # noqa: E402
from tools.site.search_index import REFERENCE, add_reference, tighten  # noqa: E402

READY = "K8S_REF_DOCS_READY"
LANG = "K8S_REF_DOCS_LANG"
PROJECT = Project(ROOT)
ENGLISH: list[subprocess.Popen[str]] = []
NAMES = {"zh": "中文", "en": "English"}
TOGGLES = {"zh": ("切换到深色", "切换到浅色"), "en": ("Switch to dark", "Switch to light")}
DESCRIPTION = {
    "zh": "读得懂、跑得起来的 Kubernetes",
    "en": "Kubernetes made readable and runnable",
}


def language() -> str:
    """The language of this build."""
    return os.environ.get(LANG, "zh")


def on_startup(command: str, dirty: bool) -> None:
    """Only whole builds make sense: a page stands in two sites."""
    if command != "build":
        raise PluginError("to see the site run: make site (mkdocs serve knows one language only)")
    jieba.setLogLevel("WARNING")
    # Little of what a build makes is garbage before its end, and looking for it takes a tenth.
    gc.freeze()
    gc.set_threshold(200_000, 20, 100)


@event_priority(100)
def on_config(config: Any) -> Any:
    """Point MkDocs to one language."""
    if READY not in os.environ:
        prepare()
    if language() == "zh":
        begin_english(config)
    lang, out = language(), PROJECT.build / "docs"
    config.docs_dir, config.site_dir = str(out / lang), str(PROJECT.site / lang)
    config.nav = json.loads((out / "navigation.json").read_text("utf-8"))[lang]
    config.site_description = DESCRIPTION[lang]
    config.theme["language"] = lang
    for palette, name in zip(config.theme["palette"], TOGGLES[lang], strict=True):
        palette["toggle"]["name"] = name
    if config.site_url:
        config.site_url = f"{config.site_url.rstrip('/')}/{lang}/"
    else:
        # Without the address of the site this page could not find its style sheets.
        config.theme.static_templates.discard("404.html")
    search = next(p for name, p in config.plugins.items() if name.endswith("search"))
    # No stemmer in either language: with it the index and the query do not meet.
    search.config["pipeline"] = ["stopWordFilter"] if lang == "en" else []
    # True and not a list: the theme would fetch a sitemap for each language on every page.
    config.extra |= {"lang": lang, "langs": NAMES, "shared": "../_", "alternate": True}
    return config


def prepare() -> None:
    """Run the pages and write their Markdown, when MkDocs was called directly."""
    done = run_pages(PROJECT, print)
    if done.problems:
        raise PluginError("\n".join(str(problem) for problem in done.problems))
    assemble(PROJECT, done)


def begin_english(config: Any) -> None:
    """Build English beside Chinese, in a process of its own."""
    command = [sys.executable, "-m", "mkdocs", "build", "-f", config.config_file_path]
    command += ["--strict"] * bool(config.strict)
    environment = {**os.environ, LANG: "en", READY: "1"}
    pipe, out = subprocess.PIPE, subprocess.STDOUT
    process = subprocess.Popen(
        command, env=environment, cwd=ROOT, stdout=pipe, stderr=out, text=True
    )
    ENGLISH.append(process)


def on_page_context(context: Any, page: Any, config: Any, nav: Any) -> Any:
    """Index what the search plugin would take long to read."""
    if page.url.startswith(f"{REFERENCE}k8s_ref/"):
        search = next(p for name, p in config.plugins.items() if name.endswith("search"))
        add_reference(search.search_index, page)
    return context


def on_post_page(output: str, page: Any, config: Any) -> str:
    """Put whole files into their pages."""
    return fill(output, PROJECT.build / "docs" / "listings")


def on_build_error(error: Exception) -> None:
    """If Chinese fails, English is not waited for."""
    for process in ENGLISH:
        process.kill()
        process.wait()


@event_priority(-100)
def on_post_build(config: Any) -> None:
    """After both languages comes what they share; MkDocs' own map knows one language only."""
    for own in Path(config.site_dir).glob("sitemap.xml*"):
        own.unlink()
    tighten(Path(config.site_dir))
    for process in ENGLISH:
        print(process.communicate()[0].rstrip(), flush=True)
        if process.returncode:
            raise PluginError("the English site was not built; see above")
        share()
        sitemap.write(PROJECT.site, (config.site_url or "").removesuffix(f"{language()}/"))


def share() -> None:
    """What both languages use, once; and the page that picks one of them."""
    web = PROJECT.build / "web"
    if not web.is_dir():
        raise PluginError("the web parts are not built; run: python -m tools.site web")
    shutil.rmtree(PROJECT.site / "_", ignore_errors=True)
    shutil.copytree(web, PROJECT.site / "_")
    shutil.copy(ROOT / "tools" / "theme" / "root" / "index.html", PROJECT.site / "index.html")
