"""Notebooks · 笔记本

Writes each page with cells as a notebook in each language.  A page is handed to jupytext as it
would be if it had one language only; then the recorded outputs are put in.  The rule it keeps:
the same page gives the same bytes.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Any

import jupytext  # type: ignore[import-untyped]
import nbformat

from k8s_ref.cli.cellrun import Output, console_call, text_of
from k8s_ref.cli.notebook import speak
from tools.site.blocks import joined
from tools.site.emit import fence, localized
from tools.site.model import LANGUAGES, Cell, Part, Problem, Prose, Quote
from tools.site.play import Play, examination
from tools.site.symbols import code_of

Notebook = dict[str, Any]
ADMONITION = re.compile(r'^(?:!!!|\?\?\?\+?) \w+(?: "(.*)")?\n((?: {4}.*\n?|\n)+)', re.M)
LANGUAGE = "language"
SVG, XMLNS = "image/svg+xml", "http://www.w3.org/2000/svg"
FORMAT = {"extension": ".md", "format_name": "markdown"}


def notebooks(plays: list[Play], root: Path) -> dict[str, str]:
    """All notebooks: the path below ``notebooks/``, and the file's text."""
    keys = {done.page.key for done in plays if done.page.cells}
    return {
        f"{lang}/{done.page.key}.ipynb": Maker(done, lang, keys, root).text()
        for done in plays
        for lang in LANGUAGES
        if done.page.cells
    }


def stale(wanted: dict[str, str], folder: Path, shown: Path) -> list[Problem]:
    """Notebooks that are missing, out of date, or of no page."""
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*.ipynb")}
    todo = "run: make notebooks"
    problems = []
    for name in sorted(found | set(wanted)):
        if name not in wanted:
            problems.append(Problem(shown / name, 1, f"no page makes this notebook; {todo}"))
        elif name not in found:
            problems.append(Problem(shown / name, 1, f"the notebook is missing; {todo}"))
        elif (folder / name).read_text("utf-8") != wanted[name]:
            problems.append(Problem(shown / name, 1, f"the notebook is out of date; {todo}"))
    return problems


def write(wanted: dict[str, str], folder: Path) -> list[str]:
    """Make the folder hold these notebooks and no others; return what changed."""
    changed = []
    for path in sorted(folder.rglob("*.ipynb")):
        if path.relative_to(folder).as_posix() not in wanted:
            path.unlink()
            changed.append(path.relative_to(folder).as_posix())
    for name, text in wanted.items():
        path = folder / name
        if not path.exists() or path.read_text("utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
            changed.append(name)
    return changed


class Maker:
    """Makes the notebook of one page in one language."""

    def __init__(self, done: Play, lang: str, keys: set[str], root: Path) -> None:
        self.done, self.lang, self.keys, self.root = done, lang, keys, root

    def text(self) -> str:
        """The notebook as a file."""
        notebook = jupytext.reads(self.markdown(), fmt=FORMAT)
        self.complete(notebook)
        nbformat.validate(notebook)
        # Split lines would show a comma at the start of each line of output in JupyterLite.
        write_text: Any = nbformat.writes
        return str(write_text(notebook, split_lines=False)) + "\n"

    # -- The page in one language

    def markdown(self) -> str:
        """The page as jupytext Markdown."""
        parts = [self.part(part) for part in self.done.page.parts]
        if any(picture(one) for shown in self.done.outputs.values() for one in shown):
            first = next(n for n, one in enumerate(self.done.page.parts) if isinstance(one, Cell))
            parts.insert(first, fence(language_cell(self.lang), f'python name="{LANGUAGE}"'))
        return "\n\n".join(part for part in parts if part) + "\n"

    def part(self, part: Part) -> str:
        """One part of the page."""
        if isinstance(part, Prose):
            return as_cell(self.prose(joined(part[self.lang])))
        if isinstance(part, Quote):
            code = code_of(part.symbol, self.root)
            return as_cell(f"`{code.file}`\n\n{fence(code.text, 'python')}")
        if isinstance(part, Cell):
            return self.cell(part)
        return ""

    def cell(self, cell: Cell) -> str:
        """A code cell; an exercise is followed by its examination."""
        source = console_call(cell.source) if cell.kind == "console" else cell.source
        tags = ", ".join(f'"{tag}"' for tag in cell.tags)
        info = f'python name="{cell.name}"' + (f" tags=[{tags}]" if tags else "")
        info += f' host="{cell.host[self.lang]}"' if cell.host else ""
        text = fence(localized(source, self.lang), info)
        if cell.kind == "exercise":
            text += "\n\n" + fence(examination(cell), f'python name="{cell.name}-check"')
        return text

    def prose(self, text: str) -> str:
        """Prose without what only the site understands."""
        text = re.sub(r"^(#+ .*?) *\{ *#[\w-]+ *\} *$", r"\1", text, flags=re.M)
        text = re.sub(r"\[([^\]]+)\]\[[\w.]+\]", r"\1", text)
        text = ADMONITION.sub(admonition, text)
        text = re.sub(r"\[([^\]]*)\]\((?!\w+:)([\w./-]*?)\.md(#[\w-]+)?\)", self.link, text)
        return text.rstrip()

    def link(self, found: re.Match[str]) -> str:
        """A link to a page becomes a link to its notebook, or only its text if it has none."""
        folder = PurePosixPath(self.done.page.key).parent
        parts: list[str] = []
        for part in (folder / found[2]).parts:
            parts = parts[:-1] if part == ".." else [*parts, part]
        return f"[{found[1]}]({found[2]}.ipynb)" if "/".join(parts) in self.keys else found[1]

    # -- Outputs

    def complete(self, notebook: Any) -> None:
        """Put in ids, outputs and numbers."""
        cells = {cell.name: cell for cell in self.done.page.cells}
        number = 0
        for position, made in enumerate(notebook.cells, 1):
            made.id = f"part-{position}"
            if made.cell_type == "code":
                number += 1
                name = made.metadata["name"]
                made.id, made.execution_count = name, number
                made.outputs = [self.output(one, number) for one in self.done.outputs.get(name, ())]
                if name in cells and cells[name].kind == "solution":
                    made.metadata["jupyter"] = {"source_hidden": True}
        kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
        notebook.metadata.clear()
        notebook.metadata.update(
            kernelspec=kernel,
            language_info={"name": "python"},
            title=str(self.done.page.title[self.lang]),
        )

    def output(self, one: Output, number: int) -> Any:
        """One output as notebooks keep it; pictures get the notebook's language."""
        new: Any = nbformat.v4.new_output
        if one["type"] == "stream":
            return new("stream", name="stdout", text=one["text"])
        if one["type"] == "error":
            return new("error", ename=one["name"], evalue=one["message"], traceback=[text_of(one)])
        data = dict(one["data"])
        if picture(one):
            spoken = rf'\1 lang="{self.lang}" xml:lang="{self.lang}">'
            data[SVG] = re.sub(r"^(<svg [^>]*) >", spoken, data[SVG])
        if one["type"] == "display":
            return new("display_data", data=data)
        return new("execute_result", data=data, execution_count=number)


def as_cell(markdown: str) -> str:
    """Markdown that stays one cell."""
    return f"<!-- #region -->\n{markdown}\n<!-- #endregion -->"


def picture(one: Output) -> bool:
    """Whether an output is a picture that leaves its language to the page."""
    return one.get("data", {}).get(SVG, "").startswith(f'<svg xmlns="{XMLNS}" class="k8s-picture"')


def language_cell(lang: str) -> str:
    """The cell in which a notebook says which language its pictures speak."""
    why = {"zh": "# 这本笔记本里的图说中文", "en": "# The pictures of this notebook speak English"}
    return f'{why[lang]}\nfrom {speak.__module__} import {speak.__name__}\n\nspeak("{lang}")'


def admonition(found: re.Match[str]) -> str:
    """A boxed note as a quotation."""
    body = re.sub(r"^(?:    )?(.*)$", r"> \1", found[2].rstrip("\n"), flags=re.M)
    title = f"> **{found[1]}**\n>\n" if found[1] else ""
    return f"{title}{body}\n"
