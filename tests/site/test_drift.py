"""A change in one language, in the structure or in an output is found, on its line."""

import pytest

ACCEPT = "when both say the same, run: make accept"
UPDATE = "if the new output is right, run: make update"


def test_a_page_on_which_all_is_well_passes(draft, capsys):
    assert draft.problems() == []
    assert draft.run("check") == 0
    assert capsys.readouterr().out.endswith("1 pages, 1 cells: all is well\n")


# -- One language alone


@pytest.mark.parametrize(
    ("old", "new", "line", "here", "there", "other"),
    [
        ("数到二。", "数到二为止。", 11, "zh", "en", 19),
        ("第二段。", "另一段。", 13, "zh", "en", 22),
        ("Up to two.", "Up to two, no further.", 20, "en", "zh", 10),
        ("The second paragraph.", "Another paragraph.", 22, "en", "zh", 13),
        ("zh: 数数", "zh: 数一数", 3, "zh", "en", 4),
        ("en: Counting", "en: To count", 4, "en", "zh", 3),
        ("#zh 一", "#zh 壹", 26, "zh", "en", 27),
        ("#en one", "#en 1", 27, "en", "zh", 26),
    ],
)
def test_a_change_in_one_language_alone_is_found_on_its_line(
    draft, old, new, line, here, there, other
):
    draft.change(old, new)
    assert draft.problems() == [
        f"docs/draft.md:{line}: only the {here} text changed; "
        f"change the {there} text too (line {other}); {ACCEPT}"
    ]


def test_a_line_taken_away_in_one_language_is_found(draft):
    draft.change("数到二。\n", "")
    assert draft.problems()[0].startswith("docs/draft.md:10: only the zh text changed")


def test_different_paragraphs_changed_in_the_two_languages_are_two_problems(draft):
    draft.change("数到二。", "数到二为止。")
    draft.change("The second paragraph.", "Another paragraph.")
    assert [text.split(": ")[0] for text in draft.problems()] == [
        "docs/draft.md:11",
        "docs/draft.md:22",
    ]


def test_a_change_in_both_languages_waits_to_be_accepted(draft, capsys):
    draft.change("第二段。", "另一段。")
    draft.change("The second paragraph.", "Another paragraph.")
    assert draft.problems() == [
        f"docs/draft.md:13: new or changed in both languages (en: line 22); {ACCEPT}"
    ]
    assert draft.run("accept") == 0
    assert "docs/draft.md:13: accepted, with line 22" in capsys.readouterr().out
    assert draft.problems() == []


def test_moving_a_paragraph_in_both_languages_is_no_change(draft):
    draft.change("数到二。\n\n第二段。", "数到二。")
    draft.change("# 数数 { #counting }\n", "# 数数 { #counting }\n\n第二段。\n")
    draft.change("Up to two.\n\nThe second paragraph.", "Up to two.")
    draft.change(
        "# Counting { #counting }\n", "# Counting { #counting }\n\nThe second paragraph.\n"
    )
    assert draft.problems() == []


def test_a_paragraph_taken_from_both_languages_waits_to_be_accepted(draft):
    draft.change("\n第二段。\n", "")
    draft.change("\nThe second paragraph.\n", "")
    assert draft.problems() == [
        f"docs/draft.md:1: 1 paragraphs are gone from both languages; {ACCEPT}"
    ]


def test_a_new_page_waits_to_be_accepted(draft):
    other = draft.page.with_name("other.md")
    other.write_text(draft.page.read_text())
    assert f"docs/other.md:1: the page is new; {ACCEPT}" in draft.problems()
    assert draft.run("accept") == 0
    other.unlink()
    assert [text.split(":", 2)[2] for text in draft.problems()] == [
        " page other is gone; run: make accept"
    ]


def test_what_is_not_parallel_cannot_be_accepted(draft, capsys):
    draft.change("第二段。", "第二段，见 `y`。")
    assert draft.run("accept") == 1
    assert "docs/draft.md:13: the inline code y stands in zh only" in capsys.readouterr().err


# -- Structure


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("数到二。", "数到 `2`。", "11: the inline code 2 stands in zh only"),
        ("Up to two.", "Up to `2`.", "20: the inline code 2 stands in en only"),
        ("[home](index.md)", "home", "10: the link to index.md stands in zh only"),
        ("第二段。", "- 第二段。", "22: paragraph in en, but list in zh (line 13)"),
        ("第二段。", "!!! note\n    第二段。", "23: paragraph in en, but admonition in zh"),
        ("{ #counting }\n\n从", "{ #count }\n\n从", "8: the heading # #count stands in zh only"),
        ("# 数数 {", "## 数数 {", "8: the heading ## #counting stands in zh only"),
        ("第二段。", "见 [`x`][k8s_ref.x]。", "13: the reference k8s_ref.x stands in zh only"),
        ("The second paragraph.", "第二段又一段。", "22: there is Chinese in the en region"),
        ("#en one\n", "", "26: a #zh comment without #en comments right after it; add them"),
        ("#zh 一\n", "", "26: an #en comment without #zh comments right before it; add them"),
    ],
)  # fmt: skip
def test_a_difference_of_structure_is_found_on_its_line(draft, old, new, problem):
    draft.change(old, new)
    assert any(text.startswith(f"docs/draft.md:{problem}") for text in draft.problems())


@pytest.mark.parametrize("quoted", ["「二」", "『二』"])
def test_other_quotation_marks_are_found_on_their_line(draft, quoted):
    draft.change("数到二。", f"数到{quoted}。")
    assert (
        f"docs/draft.md:11: write “ ” in Chinese, not {quoted[0]} {quoted[-1]}" in draft.problems()
    )


def test_what_stands_in_one_language_only_is_told_with_the_place_where_it_is_missing(draft):
    draft.change("数到二。", "数到 `2`。")
    assert draft.problems() == [
        "docs/draft.md:11: the inline code 2 stands in zh only; add it to en (line 19)"
    ]


def test_a_heading_without_an_id_is_found_in_both_languages(draft):
    draft.change("# 数数 { #counting }", "# 数数")
    draft.change("# Counting { #counting }", "# Counting")
    need = "the heading needs an explicit id: { #a-word }"
    assert draft.problems() == [f"docs/draft.md:8: {need}", f"docs/draft.md:17: {need}"]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("第二段。", "新的一段。\n\n第二段。", "13: this paragraph stands in zh only"),
        ("Up to two.", "Up to two.\n\nA new one.", "22: this paragraph stands in en only"),
        ("\nThe second paragraph.\n", "", "13: this paragraph stands in zh only"),
    ],
)  # fmt: skip
def test_a_paragraph_in_one_language_alone_is_found(draft, old, new, problem):
    draft.change(old, new)
    assert [text.split("; ")[0] for text in draft.problems()] == [f"docs/draft.md:{problem}"]


def test_on_a_new_page_the_first_paragraph_too_many_is_named(draft):
    draft.project.lock.unlink()
    draft.change("第二段。", "第二段。\n\n第三段。\n\n第四段。")
    assert draft.problems()[0] == (
        "docs/draft.md:15: this paragraph stands in zh only; add it to en"
    )


def test_lists_and_tables_must_be_of_one_length(draft):
    draft.change("第二段。", "- 一\n- 二\n\n| 甲 |\n|---|\n| 乙 |")
    draft.change("The second paragraph.", "- one\n\n| a |\n|---|")
    assert draft.problems() == [
        "docs/draft.md:27: 1 list items in en, 2 in zh (line 13)",
        "docs/draft.md:29: 2 table rows in en, 3 in zh (line 16)",
    ]


def test_a_region_without_its_partner_is_found(draft):
    region = draft.page.read_text().split("\n\n```python")[0].rpartition("\n\n<!--")[2]
    draft.change("\n\n<!--" + region, "")
    found = draft.problems()
    assert found[0] == (
        "docs/draft.md:7: a zh region without an en region right after it; add that"
    )


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("```python name", "stray\n\n```python name", "25: text stands outside a region"),
        ('name="count"', "", "25: the cell needs a name="),
        ('name="count"', 'name="count" tags=["excercise"]', "25: no tag is called 'excercise'"),
        ("```output", "```outptu", "34: no fence is called 'outptu' here"),
        ("```output", "```source\nk8s_ref.no\n```\n\n```output", "35: there is no k8s_ref.no"),
        ("```output", "```generated\nnothing\n```\n\n```output", "35: nothing generates 'nothing'"),
        ("title:", "titles:", "1: the page needs front matter"),
    ],
)  # fmt: skip
def test_what_a_page_cannot_hold_is_found_on_its_line(draft, old, new, problem):
    draft.change(old, new)
    assert any(text.startswith(f"docs/draft.md:{problem}") for text in draft.problems())


# -- Outputs


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ('print("line", n)', 'print("line", n if n < 2 else 7)', 36),
        ("\nx + 1\n", "\nx + 2\n", 37),
        ("range(x, 3)", "range(x, 4)", 37),
        ("range(x, 3)", "range(x, 2)", 36),
        ("line 2\n", "line two\n", 36),
        ("line 2\n2\n", "line 2\n2\n3\n", 38),
    ],
)
def test_a_changed_output_is_found_on_its_line(draft, old, new, line):
    draft.change(old, new)
    assert draft.problems() == [
        f"docs/draft.md:{line}: the output of cell 'count' changed; {UPDATE}"
    ]


def test_an_output_that_nobody_recorded_is_found_at_its_cell(draft):
    draft.change("\n\n```output\nline 1\nline 2\n2\n```", "")
    assert draft.problems() == [f"docs/draft.md:32: the output of cell 'count' changed; {UPDATE}"]


def test_update_records_the_outputs_and_prints_what_changed(draft, capsys):
    draft.change("range(x, 3)", "range(x, 4)")
    assert draft.run("update") == 0
    said = capsys.readouterr().out
    assert "+line 3\n" in said and "-line" not in said
    assert "line 2\nline 3\n2\n```\n" in draft.page.read_text()
    assert draft.problems() == []


def test_update_adds_an_output_and_takes_one_away(draft):
    before = draft.page.read_text()
    draft.change("\n\n```output\nline 1\nline 2\n2\n```", "")
    assert draft.run("update") == 0
    assert draft.page.read_text() == before
    draft.change('    print("line", n)\nx + 1', "    pass")
    assert draft.run("update") == 0
    assert "output" not in draft.page.read_text()


def test_an_output_that_holds_a_fence_gets_a_longer_one(draft):
    draft.change('print("line", n)', 'print("```output")')
    assert draft.run("update") == 0
    assert "````output\n```output\n```output\n2\n````\n" in draft.page.read_text()
    assert draft.problems() == []


# -- Cells that go wrong


def test_a_cell_that_raises_is_found_on_the_line_that_raised(draft):
    draft.change('print("line", n)', "n / 0")
    assert draft.problems() == [
        "docs/draft.md:30: cell 'count' raised ZeroDivisionError: division by zero; "
        "mend it, or tag the cell raises-exception"
    ]
    before = draft.page.read_text()
    assert draft.run("update") == 1
    assert draft.page.read_text() == before, "an accident is not recorded"


def test_a_cell_may_raise_if_it_says_so(draft):
    draft.change('name="count"', 'name="count" tags=["raises-exception"]')
    assert draft.problems() == [
        "docs/draft.md:25: cell 'count' did not raise; remove the tag raises-exception"
    ]
    draft.change("\nx + 1\n", "\nx / 0\n")
    draft.change("line 2\n2\n", "line 2\nZeroDivisionError: division by zero\n")
    assert draft.problems() == []


STUB = '''
```python name="double" tags=["exercise"]
def double(n):
    """
    >>> double(x)
    2
    """
```

```python name="double-solution" tags=["solution"]
def double(n):
    return 2 * n
```
'''


def test_an_exercise_fails_as_it_stands_and_passes_when_solved(draft):
    draft.page.write_text(draft.page.read_text() + STUB)
    assert draft.problems() == []


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('    """\n```', '    """\n    return 2\n```', "40: exercise 'double' passes unsolved"),
        ("    >>> double(x)\n    2\n", "    Twice.\n", "40: exercise 'double' has no doctests"),
        ("2 * n", "3 * n", "48: solution 'double-solution' does not pass its exercise"),
        ("def double(n):\n    return", "deff double(n):\n    return", "48: solution"),
    ],
)
def test_an_exercise_that_is_none_is_found(draft, old, new, problem):
    draft.page.write_text(draft.page.read_text() + STUB)
    draft.change(old, new)
    assert any(text.startswith(f"docs/draft.md:{problem}") for text in draft.problems())


def test_trying_an_exercise_does_not_change_the_page(draft):
    greedy = STUB.replace("double(x)", "double(numbers.pop())")
    after = '\n```python name="after"\nnumbers\n```\n\n```output\n[1]\n```\n'
    draft.page.write_text(draft.page.read_text() + greedy + after)
    draft.change("\nx = 1\n", "\nx = 1\nnumbers = [x]\n")
    assert draft.problems() == []


def test_doctests_in_an_ordinary_cell_are_run(draft):
    draft.change("x + 1\n", 'def f():\n    """\n    >>> f()\n    3\n    """\n    return 4\nx + 1\n')
    assert draft.problems() == ["docs/draft.md:25: in cell 'count', f() gives '4', not '3'"]


# -- Cells for the host


HOST = """
```python name="host" host="needs a process of its own · 要有自己的进程"
import os
os.getpid() > 0
```

```output
True
```
"""


def many(count):
    """So many cells with nothing to show."""
    return "".join(f'\n```python name="more-{n}"\npass\n```\n' for n in range(count))


def test_a_host_cell_is_run_and_its_output_compared(draft):
    draft.page.write_text(draft.page.read_text() + HOST + many(8))
    assert draft.problems() == []
    draft.change("os.getpid() > 0", "os.getpid() < 0")
    assert draft.problems() == [f"docs/draft.md:46: the output of cell 'host' changed; {UPDATE}"]


@pytest.mark.parametrize("reason", ["", "needs etcd", "要有 etcd", "needs etcd · ", " · 要有 etcd"])
def test_a_host_cell_says_why_in_both_languages(draft, reason):
    draft.page.write_text(draft.page.read_text() + HOST + many(8))
    draft.change("needs a process of its own · 要有自己的进程", reason)
    assert (
        "docs/draft.md:40: a host cell says why it cannot run in a browser, in both languages: "
        'host="needs a real etcd · 要有真的 etcd"'
    ) in draft.problems()


@pytest.mark.parametrize("tag", ["exercise", "solution"])
def test_what_is_tried_in_the_browser_cannot_be_for_the_host(draft, tag):
    draft.page.write_text(draft.page.read_text() + STUB + many(8))
    draft.change(f'tags=["{tag}"]', f'tags=["{tag}"] host="why · 为什么"')
    line = {"exercise": 40, "solution": 48}[tag]
    assert f"docs/draft.md:{line}: only a python or console cell can be for the host" in (
        problem.split(";")[0] for problem in draft.problems()
    )


def test_of_ten_cells_one_may_be_for_the_host(draft):
    draft.page.write_text(draft.page.read_text() + HOST + many(7))
    assert draft.problems() == [
        "docs/draft.md:40: 1 of 9 cells are for the host, and at most one in ten may be; "
        "make this one run in a browser"
    ]
    draft.page.write_text(draft.page.read_text() + '\n```python name="tenth"\npass\n```\n')
    assert draft.problems() == []


def test_of_too_many_host_cells_the_last_ones_are_named(draft):
    other = HOST.replace('"host"', '"other"')
    draft.page.write_text(draft.page.read_text() + HOST + other + many(9))
    assert [text.split(" cells")[0] for text in draft.problems()] == ["docs/draft.md:49: 2 of 12"]


def test_no_other_cell_may_need_what_a_host_cell_left_behind(draft):
    after = "\n```python name=\"after\"\nos.sep\n```\n\n```output\n'/'\n```\n"
    draft.page.write_text(draft.page.read_text() + HOST + after + many(8))
    assert draft.problems() == [
        "docs/draft.md:49: cell 'after' shows something else where host cells do not run; "
        "make it do without them, or a host cell too"
    ]
    draft.change('name="after"', 'name="after" host="needs the other · 要有前一个"')
    draft.page.write_text(draft.page.read_text() + many(30).replace("more", "even"))
    assert draft.problems() == []


def test_a_tab_in_a_cell_is_found_because_pages_show_spaces(draft):
    draft.change("#en one\n", "#en one\nif True:\n\tpass\n")
    assert any(
        "there is a tab in cell" in text and r"write \t" in text for text in draft.problems()
    )
