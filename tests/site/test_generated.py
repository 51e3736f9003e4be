"""Pages made from data and from the code; what is wrong with the data is found on its line."""

import re
from pathlib import Path

import pytest

from k8s_ref.cli.where import Name, names
from tools.site import coverage, glossary, ledger
from tools.site.assemble import Pages, check_data, documents, run_pages
from tools.site.reference import chinese_words
from tools.site.rows import Row, rows
from tools.site.tooltips import Tooltips
from tools.site.where import where

TERMS = """\
- key: scheduler
  en: scheduler
  zh: 调度器
  keep_english: false
  def: {en: Chooses a node., zh: 选节点。}
- key: node
  en: node
  zh: 节点
  keep_english: false
  not: [结点]
  def: {en: A machine., zh: 一台机器。}
- key: worker-node
  en: worker node
  zh: 工作节点
  keep_english: false
  def: {en: A node for users., zh: 用户用的节点。}
- key: pod
  en: Pod
  zh: Pod（容器组）
  keep_english: true
  not: [豆荚]
  def: {en: One | more containers., zh: 一个或几个容器。}
"""

LEDGER = """\
- key: sim/loop
  status: same
  en: It ticks.
  zh: 它走。
  test: tests/sim/test_loop.py::test_it_ticks
- key: draft
  status: absent
  en: Floors fall.
  zh: 楼会塌。
  reason: {en: None does., zh: 不会。}
- key: sim
  status: simplified
  en: Time is real.
  zh: 时间是真的。
  reason: {en: It is `virtual`., zh: 是虚拟的。}
"""

MISSION = """\
- number: 1
  en: Counting
  zh: 数数
  pages: [draft]
- number: 2
  en: Sleeping
  zh: 睡觉
  pages: []
"""

TEST = "import math\n\n\ndef test_it_ticks():\n    pass\n\n\ndef test_it_stops():\n    pass\n"


@pytest.fixture
def data(draft):
    """A project of one page with all three lists, on which all is well."""
    root = draft.project.root
    write(root, "docs/terms.yml", TERMS)
    write(root, "docs/fidelity.yml", LEDGER)
    write(root, "docs/mission.yml", MISSION)
    write(root, "k8s_ref/sim/__init__.py", '"""Time · 时间."""\n')
    write(root, "k8s_ref/sim/loop.py", '"""Loop · 循环\n"""\n')
    write(root, "tests/sim/test_loop.py", TEST)
    write(root, "tests/test_draft.py", TEST)
    return draft


def write(root, path, text):
    """Writes one file."""
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text, "utf-8")


def spoil(draft, file, old, new):
    """Changes a list at the one place where ``old`` stands; returns what the check then finds."""
    path = draft.project.root / file
    text = path.read_text("utf-8")
    assert text.count(old) == 1, f"{old!r} must stand once in {file}"
    path.write_text(text.replace(old, new), "utf-8")
    return draft.problems()


def test_lists_on_which_all_is_well_pass(data):
    assert data.problems() == []


def test_a_project_without_the_lists_passes_too(draft):
    assert draft.problems() == []


# -- What is wrong with a list is found


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("  en: scheduler\n", "", "1: the row needs `en:`; add it"),
        ("- key: node\n", "- key: scheduler\n", "6: term scheduler stands in line 1 too; remove"),
        (", zh: 一台机器。", "", "11: `def:` needs both `zh:` and `en:`; add what is missing"),
        ("  def: {en: A machine., zh: 一台机器。}\n", "", "6: the row needs `def:`; add it"),
        ("  zh: 调度器\n", "  zh: [调度器\n", "4: this is not YAML: "),
    ],
)
def test_a_term_that_lacks_something_is_found_on_its_line(data, old, new, problem):
    found = spoil(data, "docs/terms.yml", old, new)
    assert [text.startswith(f"docs/terms.yml:{problem}") for text in found] == [True]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("数到二。", "数到结点。", "11: say 节点, not 结点 (docs/terms.yml)"),
        ("第二段。", "豆荚。", "13: say Pod, not 豆荚 (docs/terms.yml)"),
        ("zh: 数数", "zh: 结点", "3: say 节点, not 结点 (docs/terms.yml)"),
    ],
)
def test_a_word_that_chinese_must_avoid_is_found_on_its_line(data, old, new, problem):
    data.change(old, new)
    assert f"docs/draft.md:{problem}" in data.problems()


VOLUME = """- key: taint
  en: taint
  zh: 污点
  keep_english: true
  not: [污点]
  def: {en: A mark., zh: 标记。}
- key: volume
  en: volume
  zh: 存储卷
  keep_english: false
  not: [卷]
  def: {en: A directory., zh: 目录。}
"""


@pytest.mark.parametrize(
    ("prose", "problems"),
    [
        ("挂上存储卷。", []),
        ("令牌卷，再加存储卷。", ["13: say 存储卷, not 卷 (docs/terms.yml)"]),
        ("有 taint（污点）的节点。", []),
        ("有污点的节点。", ["13: say taint, not 污点 (docs/terms.yml)"]),
        ("有污点（taint）的节点。", ["13: say taint, not 污点 (docs/terms.yml)"]),
        ("`污点`、[污点](a.md)。", ["13: say taint, not 污点 (docs/terms.yml)"]),
    ],
)
def test_a_word_inside_the_right_one_or_as_its_gloss_is_allowed(data, prose, problems):
    write(data.project.root, "docs/terms.yml", TERMS + VOLUME)
    data.change("第二段。", prose)
    found = [text for text in data.problems() if "terms.yml" in text]
    assert found == [f"docs/draft.md:{text}" for text in problems]


def test_comments_and_fences_of_chinese_are_read_too(data):
    data.change("#zh 一", "#zh 一个结点")
    data.change("第二段。", "```text\n结点\n```")
    found = [text for text in data.problems() if "terms.yml" in text]
    assert found == ["docs/draft.md:28: say 节点, not 结点 (docs/terms.yml)"]


def test_such_a_word_is_allowed_as_code_and_where_no_row_forbids_it(data):
    data.change("从 `x` 数起", "从 `x` 数起，`结点`")
    data.change("Count from `x`", "Count from `x`, `结点`")
    assert not [text for text in data.problems() if "not 结点" in text]
    data.change("第二段。", "第二段，结点。")
    assert [text for text in data.problems() if "not 结点" in text]
    found = spoil(data, "docs/terms.yml", "  not: [结点]\n", "")
    assert not [text for text in found if "not 结点" in text]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("test_it_ticks", "test_it_tocks", "5: there is no test tests/sim/test_loop.py::test_it_"),
        ("test_loop.py::", "test_lop.py::", "5: there is no test tests/sim/test_lop.py::test_it"),
        ("tests/sim/test_loop.py::test_it_ticks", "docs/draft.md", "5: there is no test docs/dra"),
        ("  test: tests/sim/test_loop.py::test_it_ticks\n", "", "1: the row needs `test:`; add"),
        ("key: sim/loop", "key: sim/lop", "1: there is no module and no page sim/lop; correct it"),
        ("key: draft", "key: daft", "6: there is no module and no page daft; correct it"),
        ("status: same", "status: equal", "2: status is one of same, simplified, absent, not 'eq"),
        ("  reason: {en: None does., zh: 不会。}\n", "", "6: the row needs `reason:`; add it"),
        (", zh: 不会。", "", "10: `reason:` needs both `zh:` and `en:`; add what is missing"),
        ("  zh: 它走。\n", "", "1: the row needs `zh:`; add it"),
        ("- key: draft\n  status", "- words\n- status", "6: the row needs `key:`; add it"),
    ],
)
def test_what_the_ledger_claims_without_ground_is_found_on_its_line(data, old, new, problem):
    found = spoil(data, "docs/fidelity.yml", old, new)
    assert found[0].startswith(f"docs/fidelity.yml:{problem}")


def test_a_test_that_was_renamed_is_found(data):
    path = data.project.root / "tests/sim/test_loop.py"
    path.write_text(path.read_text("utf-8").replace("def test_it_ticks", "def test_it_runs"))
    assert data.problems() == [
        "docs/fidelity.yml:5: there is no test tests/sim/test_loop.py::test_it_ticks; correct it"
    ]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("pages: [draft]", "pages: [daft]", "4: row 1: there is no page daft"),
        ("number: 2", "number: 3", "5: row 3 stands where row 2 should"),
        ("  pages: []\n", "", "5: the row needs `pages:`; add it"),
        ("  zh: 数数\n", "", "1: the row needs `zh:`; add it"),
    ],
)
def test_a_row_of_the_mission_that_is_not_right_is_found_on_its_line(data, old, new, problem):
    assert spoil(data, "docs/mission.yml", old, new) == [f"docs/mission.yml:{problem}"]


def test_a_page_that_goes_leaves_its_row_of_the_mission_to_be_mended(data):
    data.page.rename(data.page.with_name("other.md"))
    assert "docs/mission.yml:4: row 1: there is no page draft" in data.problems()


# -- Glossary and tooltips


def test_the_glossary_is_in_the_order_of_its_language(data):
    root = data.project.root
    keys = {
        lang: re.findall(r'<a id="([\w-]+)"', glossary.glossary(root, lang))
        for lang in ("zh", "en")
    }
    # diàodùqì, gōngzuò jiédiǎn, jiédiǎn; what begins in English comes first.
    assert keys["zh"] == ["pod", "scheduler", "worker-node", "node"]
    assert keys["en"] == ["node", "pod", "scheduler", "worker-node"]


def test_a_term_is_shown_with_both_words_and_its_meaning(data):
    shown = glossary.glossary(data.project.root, "en").split("\n")
    assert (
        '| <a id="node" href="#node">node</a> | <span lang="zh">节点</span> | A machine. |' in shown
    )
    assert any(line.endswith(r"| One \| more containers. |") for line in shown)


def tips(data, lang):
    return Tooltips(glossary.terms(data.project.root), lang)


def marked(text):
    """The terms that got a tooltip, in order."""
    return re.findall(r"<abbr title=\"[^\"]*\">(.*?)</abbr>", text, re.S)


def test_a_term_is_explained_where_it_is_said_first(data):
    tooltips = tips(data, "en")
    assert tooltips.mark("A node, a node.") == 'A <abbr title="A machine.">node</abbr>, a node.'
    assert tooltips.mark("Another node.") == "Another node."
    assert marked(tips(data, "en").mark("Another page's node.")) == ["node"]


def test_chinese_terms_are_found_where_nothing_parts_them(data):
    text = "调度器把Pod放到工作节点上，节点再去跑它；调度器不管了。"
    assert marked(tips(data, "zh").mark(text)) == ["调度器", "Pod", "工作节点", "节点"]


def test_of_two_terms_that_begin_alike_the_longer_one_is_found():
    rows = [
        Row(Path(), 1, {"key": zh, "en": zh, "zh": zh, "def": {"en": zh, "zh": zh}}, {})
        for zh in ("控制器", "控制器管理器")
    ]
    assert marked(Tooltips(rows, "zh").mark("控制器管理器和控制器")) == ["控制器管理器", "控制器"]


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("Nodes and a worker\nnode", ["Nodes", "worker\nnode"]),
        ("the kube-scheduler on node-1, in node/kubelet or node.py", []),
        ("a pod", []),
        ("two Pods. Pods", ["Pods"]),
        ("`node` and [node](a.md) and [node][k8s_ref.node]", []),
        ("## The node { #node }", []),
        ("| node |\n|---|\n| node |", []),
        ("```text\nnode\n```", []),
        ('<img alt="node">', []),
        ('!!! note "The node"\n    The node.', ["node"]),
        ("- the node\n- the scheduler", ["node", "scheduler"]),
    ],
)
def test_only_running_text_is_marked(data, text, terms):
    assert marked(tips(data, "en").mark(text)) == terms


def test_a_term_can_be_left_without_tooltip(data):
    spoil(data, "docs/terms.yml", "  not: [结点]\n", "  tooltip: false\n")
    assert marked(tips(data, "en").mark("A node, a worker node.")) == ["worker node"]


def test_without_terms_nothing_is_marked():
    assert Tooltips([], "en").mark("A node.") == "A node."


def test_what_a_term_means_cannot_break_the_page():
    meaning = {"en": 'Said "so" in `a<b>`.', "zh": "甲"}
    term = Row(Path(), 1, {"key": "x", "en": "x", "zh": "甲", "def": meaning}, {})
    shown = Tooltips([term], "en").mark("An x.")
    assert shown == 'An <abbr title="Said &quot;so&quot; in a&lt;b&gt;.">x</abbr>.'


def test_the_search_knows_the_terms_but_none_that_hides_another(data):
    known = chinese_words(data.project.root).split()
    assert {"调度器", "节点", "循环", "容器组"} <= set(known)
    assert "工作节点" not in known


# -- The pages


def emitted(draft, name, lang="en"):
    """The project's page in one language, with a generated block at its end."""
    draft.page.write_text(draft.page.read_text("utf-8") + f"\n```generated\n{name}\n```\n")
    done = run_pages(draft.project, lambda text: None)
    return dict(documents(draft.project, done, lang))["draft.md"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("glossary", '<a id="pod" href="#pod">Pod</a>'),
        ("ledger", "## `sim` { #sim }"),
        ("where", "`ReplicaSetController`"),
        ("coverage", '<span id="row-1">1</span>'),
    ],
)
def test_a_page_can_hold_each_of_the_lists(data, name, shown):
    assert shown in emitted(data, name)


def test_the_prose_of_a_page_gets_tooltips(data):
    data.change("The second paragraph.", "The scheduler.")
    assert 'The <abbr title="Chooses a node.">scheduler</abbr>.' in emitted(data, "glossary")


def test_the_ledger_counts_its_rows_and_groups_them_by_floor(data):
    shown = ledger.ledger(data.project.root, "en", "ledger")
    assert "| as upstream | simplified | absent |\n| --- | --- | --- |\n| 1 | 1 | 1 |" in shown
    assert re.findall(r"^## `(\w+)`", shown, re.M) == ["sim", "k8s_ref"]
    assert "## `sim` { #sim }\n\nTime\n" in shown


def test_a_row_of_the_ledger_leads_to_the_line_of_its_test(data):
    shown = ledger.ledger(data.project.root, "zh", "ledger")
    assert (
        '| 它走。 | <span class="k8s-same">与上游相同</span> '
        '<a href="../reference/tests/sim/test_loop/#line-4" title="test_it_ticks">测试</a> '
        "| [`sim/loop`](reference/k8s_ref/sim/loop.md) |"
    ) in shown
    assert "简化</span>：是虚拟的。" in shown


def test_every_name_stands_on_the_page_with_its_key(project):
    shown = where(project.root, project.pages(), "en", "where")
    for one in (one for one in names() if one.sort != "module"):
        assert f"`{one.name}`</span> | [`{one.key}`](reference" in shown


def test_a_package_leads_to_its_place_in_the_list_of_modules(project):
    shown = where(project.root, project.pages(), "en", "where")
    link = "[`cli/kubectl/describe`](reference.md#cli-kubectl-describe)"
    assert f"`kubectl describe`</span> | {link} | " in shown


def test_a_name_leads_to_its_four_places(project):
    shown = where(project.root, project.pages(), "zh", "where")
    (line,) = re.findall(r"^\| .*`ReplicaSet`.*$", shown, re.M)
    for place in (
        "(reference/k8s_ref/controllers/replicaset.md)",
        "(reference/tests/controllers/test_replicaset.md)",
        "(controllers/replicaset.md)",
        "(controllers/replicaset.ipynb){ download }",
    ):
        assert place in line


def test_a_name_whose_key_has_no_places_yet_is_listed_all_the_same(data, monkeypatch):
    job = Name("kind", "Job", "controllers/job")
    monkeypatch.setattr("tools.site.where.names", lambda: (job,))
    shown = where(data.project.root, [], "en", "where")
    assert '| <span id="kind-job">`Job`</span> | `controllers/job` |  |  |  |' in shown


def test_coverage_counts_cells_and_tests(data):
    pages = data.project.pages()
    shown = coverage.coverage(data.project.root, pages, "en", "coverage")
    assert "| 1 | 0 | 1 |" in shown
    row = '<span id="row-1">1</span> | Counting | covered | [Counting](draft.md) | 1 | 2 |'
    assert row in shown
    assert shown.endswith("- [2](#row-2) Sleeping")


def test_a_row_can_be_covered_in_part(data):
    spoil(data, "docs/mission.yml", "pages: [draft]", "pages: [draft]\n  partly: true")
    shown = coverage.coverage(data.project.root, data.project.pages(), "zh", "coverage")
    assert "| 数数 | 讲了一部分 |" in shown


def test_a_page_that_is_only_text_covers_nothing(data):
    text = data.page.read_text("utf-8")
    data.page.write_text(text[: text.index("```python")])
    shown = coverage.coverage(data.project.root, data.project.pages(), "en", "coverage")
    assert "- [1](#row-1) Counting\n- [2](#row-2) Sleeping" in shown


HOST = """
```python name="here" host="needs `etcd` · 要有 `etcd`"
1
```

```output
1
```
"""


def test_the_cells_for_the_host_are_listed_with_their_reasons(data):
    data.page.write_text(data.page.read_text("utf-8") + HOST)
    shown = emitted(data, "host")
    assert "| [Counting](draft.md#cell-here) | `here` | needs `etcd` |" in shown
    assert '<div class="k8s-cell" id="cell-here"' in shown


def test_where_no_cell_is_for_the_host_the_list_says_so(data):
    assert emitted(data, "host", "zh").endswith("一个也没有。\n")


def test_a_cell_for_the_host_shows_its_reason_where_others_have_buttons(data):
    data.page.write_text(data.page.read_text("utf-8") + HOST)
    for lang, reason in (
        ("zh", "只在本机运行：要有 etcd"),
        ("en", "Runs on your machine only: needs etcd"),
    ):
        done = run_pages(data.project, lambda text: None)
        shown = dict(documents(data.project, done, lang))["draft.md"]
        cell = shown[shown.index('id="cell-here"') :]
        assert 'data-host="yes"' in cell
        assert re.sub("</?code>", "", cell).count(reason) == 1


# -- This project


def test_the_lists_of_this_project_are_right(project):
    pages = project.pages()
    assert [str(problem) for problem in check_data(project, pages)] == []
    for file in (glossary.FILE, ledger.FILE, coverage.FILE):
        assert rows(project.root, file), file


def test_the_four_pages_are_there_in_both_languages(project):
    done = Pages()
    done.plays = run_pages(project, lambda text: None).plays
    for lang in ("zh", "en"):
        made = dict(documents(project, done, lang))
        for key in ("glossary", "ledger", "where", "coverage"):
            assert "<span " in made[f"{key}.md"], key
