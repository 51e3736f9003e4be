"""The translation lock · 译文锁

``docs/i18n.lock.json`` holds, for every pair of blocks, a hash of each line in both languages as
they were when somebody said that they agree.  The one idea: a pair that is found with one side
as it was and the other side new was changed in one language alone, and the hashes say in which
line.  Neither version control nor the old text is needed.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from tools.site.blocks import Pair, pairs
from tools.site.model import Page, Problem, Text

ACCEPT = "when both say the same, run: make accept"
Hashes = tuple[str, ...]


@dataclass(slots=True, frozen=True)
class Locked:
    """One pair as it was accepted."""

    zh: Hashes
    en: Hashes

    def __str__(self) -> str:
        return ".".join(self.zh) + " " + ".".join(self.en)


Lock = dict[str, list[Locked]]


def hashes(text: Text) -> Hashes:
    """A short hash of every line that is not empty."""
    lines = (line.strip() for line in text.lines)
    return tuple(hashlib.sha256(line.encode()).hexdigest()[:8] for line in lines if line)


def locked(pair: Pair) -> Locked:
    """A pair as the lock keeps it."""
    return Locked(hashes(pair.zh), hashes(pair.en))


def read_lock(path: Path) -> Lock:
    """The lock file; empty if there is none."""
    if not path.exists():
        return {}
    kept = json.loads(path.read_text("utf-8"))
    return {key: [read_line(line) for line in lines] for key, lines in kept.items()}


def read_line(line: str) -> Locked:
    """One line of the lock file."""
    zh, en = line.split(" ")
    return Locked(tuple(zh.split(".")), tuple(en.split(".")))


def write_lock(path: Path, pages: list[Page]) -> None:
    """Record that both languages of all pages agree."""
    kept = {page.key: [str(locked(pair)) for pair in pairs(page)] for page in pages}
    path.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", "utf-8")


def drift(path: Path, shown: Path, pages: list[Page]) -> list[Problem]:
    """Every pair that is not as it was accepted, and every entry whose text is gone."""
    lock = read_lock(path)
    whole = [page for page in pages if not page.problems]
    problems = [problem for page in whole for problem in page_drift(page, lock.get(page.key, []))]
    for key in sorted(set(lock) - {page.key for page in pages}):
        line = 1 + next(
            (n for n, text in enumerate(path.read_text("utf-8").split("\n")) if f'"{key}"' in text),
            0,
        )
        problems.append(Problem(shown, line, f"page {key} is gone; run: make accept"))
    return problems


def page_drift(page: Page, known: list[Locked]) -> list[Problem]:
    """The changes of one page since it was accepted."""
    if not known:
        return [Problem(page.path, 1, f"the page is new; {ACCEPT}")]
    free, changed = list(known), []
    for pair in pairs(page):
        if locked(pair) in free:
            free.remove(locked(pair))
        else:
            changed.append(pair)
    problems = [change(page, pair, free) for pair in changed]
    if not problems and free:
        text = f"{len(free)} paragraphs are gone from both languages; {ACCEPT}"
        problems.append(Problem(page.path, 1, text))
    return problems


def change(page: Page, pair: Pair, free: list[Locked]) -> Problem:
    """What happened to one pair; its old version, if it is found, is used up."""
    now = locked(pair)
    for old in free:
        if now.zh == old.zh or now.en == old.en:
            free.remove(old)
            return one_sided(page, pair, now, old)
    text = f"new or changed in both languages (en: line {pair.en.line}); {ACCEPT}"
    return Problem(page.path, pair.zh.line, text)


def one_sided(page: Page, pair: Pair, now: Locked, old: Locked) -> Problem:
    """A change to one language alone, at the first line that changed."""
    if now.zh == old.zh:
        line, here, there, other = first_change(pair.en, old.en), "en", "zh", pair.zh.line
    else:
        line, here, there, other = first_change(pair.zh, old.zh), "zh", "en", pair.en.line
    text = f"only the {here} text changed; change the {there} text too (line {other}); {ACCEPT}"
    return Problem(page.path, line, text)


def first_change(text: Text, old: Hashes) -> int:
    """The number of the first line that is not as it was."""
    numbers = [text.line + n for n, line in enumerate(text.lines) if line.strip()]
    matcher = difflib.SequenceMatcher(None, old, hashes(text), autojunk=False)
    for tag, _, _, begin, _ in matcher.get_opcodes():
        if tag != "equal":
            return numbers[min(begin, len(numbers) - 1)]
    return text.line
