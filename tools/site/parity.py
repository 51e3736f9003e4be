"""Parity of the languages · 两种语言的对应

Says where the Chinese and the English of a page do not have the same structure.  The one idea:
whatever has no language (heading ids, inline code, links, references, the number of list items)
must be equal in both; what is left over on one side is reported on its own line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from tools.site.blocks import Block, blocks, comment_groups
from tools.site.lock import Hashes, Locked, hashes
from tools.site.model import Cell, Page, Prose, Text

CHINESE = re.compile(r"[\u4e00-\u9fff]")
QUOTED = re.compile(r"「[^」]*」|『[^』]*』")
CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
HEADING_ID = re.compile(r"\{ *#[\w-]+ *\}\s*$")
NEUTRAL: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("the heading", re.compile(r"^(#+) .*?\{ *(#[\w-]+) *\}\s*$")),
    ("the inline code", CODE),
    ("the reference", re.compile(r"\]\[([\w.]+)\]")),
    ("the link to", re.compile(r"\]\(([^)\s]+)")),
    ("the admonition", re.compile(r"^\s*(?:!!!|\?\?\?\+?) (\w+)")),
    ("the fence", re.compile(r"^\s*```(\w+)")),
    ("the quoted symbol", re.compile(r"^::: (\S+)")),
)
COUNTED: tuple[tuple[str, str, re.Pattern[str]], ...] = (
    ("list items", "list", re.compile(r"\s*(?:[-*+]|\d+\.) ")),
    ("table rows", "table", re.compile(r"\|")),
)

Report = Callable[[int, str], None]


def check_parity(page: Page, lock: list[Locked]) -> None:
    """Note every difference of structure between the languages of a page."""
    for prose in page.prose:
        compare(prose, lock, page.wrong)
        check_words(prose, page.wrong)
    for cell in page.cells:
        check_comments(cell, page.wrong)


def check_comments(cell: Cell, wrong: Report) -> None:
    """Every ``#zh`` comment is followed by its ``#en`` comment, and there are no others."""
    nothing = ("", Text(0, ()))
    groups = [nothing, *comment_groups(cell), nothing]
    for (before, _), (lang, text), (after, _) in zip(groups, groups[1:], groups[2:], strict=False):
        if lang == "zh" and after != "en":
            wrong(text.line, "a #zh comment without #en comments right after it; add them")
        elif lang == "en" and before != "zh":
            wrong(text.line, "an #en comment without #zh comments right before it; add them")


def compare(prose: Prose, lock: list[Locked], wrong: Report) -> None:
    """One pair of regions: as many blocks in both, of the same kinds, with the same contents."""
    chinese, english = blocks(prose.zh), blocks(prose.en)
    if len(chinese) != len(english):
        here, there = ("zh", "en") if len(chinese) > len(english) else ("en", "zh")
        sides = (chinese, english) if here == "zh" else (english, chinese)
        one = odd_one(*sides, [(p.zh, p.en) if here == "zh" else (p.en, p.zh) for p in lock])
        wrong(one.text.line, f"this {one.kind} stands in {here} only; add it to {there}")
        return
    for zh, en in zip(chinese, english, strict=True):
        if zh.kind == en.kind:
            compare_blocks(zh, en, wrong)
        else:
            wrong(en.text.line, f"{en.kind} in en, but {zh.kind} in zh (line {zh.text.line})")


def odd_one(
    longer: list[Block], shorter: list[Block], accepted: list[tuple[Hashes, Hashes]]
) -> Block:
    """The block without a partner: a new one, or one whose accepted partner is gone."""
    there = {hashes(block.text) for block in shorter}
    for block in longer:
        partners = [theirs for ours, theirs in accepted if ours == hashes(block.text)]
        if accepted and not there.intersection(partners):
            return block
    return longer[len(shorter)]


def compare_blocks(zh: Block, en: Block, wrong: Report) -> None:
    """One block: what has no language, and how many there are of what is counted."""
    for what, pattern in NEUTRAL:
        in_zh, in_en = tokens(zh, pattern), tokens(en, pattern)
        for token, line in left_over(in_zh, in_en):
            wrong(line, f"{what} {token} stands in zh only; add it to en (line {en.text.line})")
        for token, line in left_over(in_en, in_zh):
            wrong(line, f"{what} {token} stands in en only; add it to zh (line {zh.text.line})")
    for side in (zh, en):
        if side.kind == "heading" and not HEADING_ID.search(side.text.lines[0]):
            wrong(side.text.line, "the heading needs an explicit id: { #a-word }")
    for what, kind, pattern in COUNTED:
        n_zh, n_en = (sum(map(bool, map(pattern.match, side.text.lines))) for side in (zh, en))
        if zh.kind == kind and n_zh != n_en:
            wrong(en.text.line, f"{n_en} {what} in en, {n_zh} in zh (line {zh.text.line})")


def tokens(block: Block, pattern: re.Pattern[str]) -> list[tuple[str, int]]:
    """What a pattern finds in a block, with line numbers; inside a fence only its head counts."""
    lines = block.text.lines[:1] if block.kind == "fence" else block.text.lines
    return [
        (" ".join(found.groups()), block.text.line + n)
        for n, line in enumerate(lines)
        for found in pattern.finditer(line if pattern is CODE else CODE.sub("", line))
    ]


def left_over(
    these: list[tuple[str, int]], those: list[tuple[str, int]]
) -> Iterator[tuple[str, int]]:
    """The tokens that have no partner on the other side."""
    free = [token for token, _ in those]
    for token, line in these:
        if token in free:
            free.remove(token)
        else:
            yield token, line


def check_words(prose: Prose, wrong: Report) -> None:
    """Each region is in its own language."""
    if not CHINESE.search(str(prose.zh)):
        wrong(prose.zh.line, "there is no Chinese in the zh region; write it in Chinese")
    for n, line in enumerate(prose.zh.lines):
        if quoted := QUOTED.search(CODE.sub("", line)):
            marks = f"{quoted[0][0]} {quoted[0][-1]}"
            wrong(prose.zh.line + n, f"write “ ” in Chinese, not {marks}")
    for n, line in enumerate(prose.en.lines):
        if len(CHINESE.findall(CODE.sub("", line))) > 4:
            wrong(prose.en.line + n, "there is Chinese in the en region; write it in English")
