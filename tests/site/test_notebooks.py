"""The notebooks are what the pages make, and a real kernel shows what they hold."""

import json
import re

import jupytext
import nbclient
import nbformat
import pytest

from k8s_ref.sim.picture import Sequence
from tools.site import notebooks
from tools.site.assemble import run_pages
from tools.site.project import HERE, Project

BOOKS = sorted((HERE / "notebooks").rglob("*.ipynb"))


@pytest.fixture(scope="module")
def made():
    """Every notebook, made anew."""
    return notebooks.notebooks(run_pages(Project(HERE), lambda text: None).plays, HERE)


def test_the_notebooks_are_fresh_to_the_byte(made):
    kept = {path.relative_to(HERE / "notebooks").as_posix(): path.read_text() for path in BOOKS}
    assert sorted(kept) == sorted(made)
    assert [name for name in made if kept[name] != made[name]] == []


def test_every_page_with_cells_has_a_notebook_in_both_languages(made):
    assert made, "there are pages with cells"
    assert {name[3:] for name in made if name[:2] == "zh"} == {
        name[3:] for name in made if name[:2] == "en"
    }


def test_a_notebook_is_in_one_language(made):
    for name, text in made.items():
        notebook = nbformat.reads(text, 4)
        prose = "".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
        prose = re.sub(r"```.*?```|`[^`]*`", "", prose, flags=re.DOTALL)
        chinese = len(re.findall("[\u4e00-\u9fff]", prose))
        assert chinese > 100 if name.startswith("zh") else chinese < 10, name


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def shown(cell):
    """The outputs of a cell; IPython breaks long lines of values, and so spaces do not count.

    A slow kernel sends what was printed in several pieces.
    """
    found = []
    for output in cell.outputs:
        if output.output_type == "stream" and found and isinstance(found[-1], str):
            found[-1] += output.text
        elif output.output_type == "stream":
            found.append(output.text)
        elif output.output_type == "error":
            found.append(f"{output.ename}: {output.evalue}")
        else:
            data = {kind: "".join(text) for kind, text in output.data.items()}
            data["text/plain"] = "".join(data["text/plain"].split())
            found.append(data)
    return found


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: "-".join(path.parts[-3:]))
def test_a_real_kernel_shows_what_the_notebook_holds(path):
    notebook = nbformat.read(path, 4)
    want = {cell.id: shown(cell) for cell in code_cells(notebook)}
    client = nbclient.NotebookClient(
        notebook, timeout=60, kernel_name="python3", resources={"metadata": {"path": str(HERE)}}
    )
    client.execute()
    assert {cell.id: shown(cell) for cell in code_cells(notebook)} == want


PAGE = '''---
title: {zh: 页, en: Page}
---

<!-- #region lang="zh" -->
# 页 { #page }

见[自己](draft.md)、[别处](elsewhere.md)和 [`len`][builtins.len]。

!!! note "注意"
    第一行
    第二行
<!-- #endregion -->

<!-- #region lang="en" -->
# Page { #page }

See [itself](draft.md), [elsewhere](elsewhere.md) and [`len`][builtins.len].

!!! note "Note"
    line one
    line two
<!-- #endregion -->

```python name="cluster"
#zh 假的
#en not a real one
class cluster:
    def console(text):
        return text
```

```console name="look"
$ kubectl get "pods"
```

```output
'$ kubectl get "pods"'
```

```python name="fail" tags=["raises-exception"]
1/0
```

```output
ZeroDivisionError: division by zero
```

```python name="ex" tags=["exercise"]
def one():
    """
    >>> one()
    1
    """
```

```python name="ex-solution" tags=["solution"]
def one():
    return 1
```
'''


@pytest.fixture
def book(draft):
    """The English notebook of a page with everything in it."""
    draft.page.write_text(PAGE)
    assert draft.run("notebooks") == 0
    return json.loads((draft.project.notebooks / "en" / "draft.ipynb").read_text())


def test_prose_loses_what_only_the_site_understands(book):
    assert "".join(book["cells"][0]["source"]) == (
        "# Page\n\nSee [itself](draft.ipynb), elsewhere and `len`.\n\n"
        "> **Note**\n>\n> line one\n> line two"
    )


def test_a_console_cell_becomes_a_call(book):
    cell = next(cell for cell in book["cells"] if cell["id"] == "look")
    assert "".join(cell["source"]) == 'cluster.console("""$ kubectl get "pods\\"""")'
    assert cell["outputs"][0]["data"]["text/plain"] == "'$ kubectl get \"pods\"'"


def test_comments_are_in_the_language_of_the_notebook(book):
    assert "".join(book["cells"][1]["source"]).startswith("# not a real one\nclass cluster:")


def test_an_error_that_is_meant_is_an_output(book):
    cell = next(cell for cell in book["cells"] if cell["id"] == "fail")
    assert cell["metadata"]["tags"] == ["raises-exception"]
    assert cell["outputs"][0]["ename"] == "ZeroDivisionError"


def test_an_exercise_is_followed_by_its_examination(book):
    ids = [cell["id"] for cell in book["cells"]]
    assert ids[-3:] == ["ex", "ex-check", "ex-solution"]
    check = book["cells"][-2]
    assert "".join(check["source"]).endswith("examine(one)")
    assert check["outputs"][0]["data"]["text/plain"].startswith("✗ 0/1")
    assert book["cells"][-1]["metadata"]["jupyter"] == {"source_hidden": True}


def test_a_cell_for_the_host_is_a_cell_of_the_notebook_as_any_other(draft):
    host = '\n```python name="here" host="needs etcd · 要有 etcd"\n1\n```\n\n```output\n1\n```\n'
    draft.page.write_text(draft.page.read_text() + host)
    assert draft.run("notebooks") == 0
    book = json.loads((draft.project.notebooks / "zh" / "draft.ipynb").read_text())
    cell = book["cells"][-1]
    assert cell["id"] == "here" and cell["outputs"][0]["data"]["text/plain"] == "1"
    assert cell["metadata"]["host"] == "要有 etcd"


PICTURE = """
```python name="draw"
from k8s_ref.sim.picture import Sequence
Sequence([])
```

```output

```
"""


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_notebook_with_pictures_says_their_language_before_its_first_cell(draft, lang):
    draft.page.write_text(draft.page.read_text() + PICTURE)
    assert draft.run("notebooks") == 0
    book = json.loads((draft.project.notebooks / lang / "draft.ipynb").read_text())
    first, *_, last = [cell for cell in book["cells"] if cell["cell_type"] == "code"]
    assert first["id"] == "language" and first["outputs"] == []
    assert "".join(first["source"]).endswith(f'speak("{lang}")')
    assert last["outputs"][0]["data"]["image/svg+xml"] == Sequence([]).svg(lang)


def test_a_notebook_without_pictures_has_no_such_cell(book):
    assert "language" not in [cell["id"] for cell in book["cells"]]


def test_a_stale_a_missing_and_a_stray_notebook_are_found(draft, capsys):
    folder = draft.project.notebooks
    (folder / "zh" / "draft.ipynb").write_text("{}")
    (folder / "en" / "draft.ipynb").unlink()
    (folder / "en" / "gone.ipynb").write_text("{}")
    assert draft.run("check") == 1
    said = capsys.readouterr().err
    assert "notebooks/zh/draft.ipynb:1: the notebook is out of date; run: make notebooks" in said
    assert "notebooks/en/draft.ipynb:1: the notebook is missing; run: make notebooks" in said
    assert "notebooks/en/gone.ipynb:1: no page makes this notebook; run: make notebooks" in said
    assert draft.run("notebooks") == 0 and draft.run("check") == 0
    assert not (folder / "en" / "gone.ipynb").exists()


def test_jupytext_opens_a_page_as_it_is():
    text = (HERE / "docs" / "flows" / "create-a-pod.md").read_text()
    opened = jupytext.reads(text, fmt=notebooks.FORMAT)
    page = next(p for p in Project(HERE).pages() if p.key == "flows/create-a-pod")
    code = [cell for cell in opened.cells if cell.cell_type == "code"]
    ours = [cell for cell in page.cells if cell.kind != "console"]
    assert [cell.source for cell in code] == [cell.source for cell in ours]
    assert [cell.metadata["name"] for cell in code] == [cell.name for cell in ours]
    languages = [cell.metadata["lang"] for cell in opened.cells if "lang" in cell.metadata]
    assert languages == ["zh", "en"] * len(page.prose)
