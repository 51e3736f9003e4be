"""Small projects of one page, and the real site in a real browser."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.site import web
from tools.site.__main__ import main
from tools.site.assemble import run_pages
from tools.site.project import HERE, Project
from tools.site.serve import server
from tools.site.wheels import MissingError

PAGE = """\
---
title:
  zh: 数数
  en: Counting
---

<!-- #region lang="zh" -->
# 数数 { #counting }

从 `x` 数起，见[首页](index.md)。
数到二。

第二段。
<!-- #endregion -->

<!-- #region lang="en" -->
# Counting { #counting }

Count from `x`, see [home](index.md).
Up to two.

The second paragraph.
<!-- #endregion -->

```python name="count"
#zh 一
#en one
x = 1
for n in range(x, 3):
    print("line", n)
x + 1
```

```output
line 1
line 2
2
```
"""
"""A page on which all is well; its lines are numbered from 1."""


class Draft:
    """A project of one page in a temporary folder."""

    def __init__(self, root: Path) -> None:
        self.project = Project(root)
        self.page = root / "docs" / "draft.md"
        self.page.parent.mkdir()
        (root / "mkdocs.yml").write_text("extra: {sections: []}\n")
        self.page.write_text(PAGE)

    def run(self, verb: str) -> int:
        """One verb of the command line."""
        return main([verb], self.project)

    def publish(self) -> None:
        """Accept the page as it stands, and make its notebooks."""
        assert self.run("accept") == 0
        assert self.run("notebooks") == 0

    def change(self, old: str, new: str) -> None:
        """Change the page at the one place where ``old`` stands."""
        text = self.page.read_text()
        assert text.count(old) == 1, f"{old!r} must stand once in the page"
        self.page.write_text(text.replace(old, new))

    def problems(self) -> list[str]:
        """What ``check`` says, first lines only."""
        found = run_pages(self.project, lambda text: None).problems
        return [str(problem).split("\n")[0] for problem in found]


@pytest.fixture
def draft(tmp_path: Path) -> Draft:
    """A page on which all is well."""
    made = Draft(tmp_path)
    made.publish()
    return made


@pytest.fixture(scope="session")
def project() -> Project:
    """This project."""
    return Project(HERE)


@pytest.fixture(scope="session")
def parts(project: Project, node: str) -> Path:
    """The web parts, built if they are not up to date."""
    try:
        web.npm()
    except MissingError as missing:
        pytest.skip(str(missing))
    web.build_web(project)
    return project.build / "web"


@pytest.fixture(scope="session")
def site(project: Project, parts: Path) -> Path:
    """The site, built if it is not up to date."""
    if not web.site_is_fresh(project):
        command = [sys.executable, "-m", "tools.site", "build"]
        done = subprocess.run(
            command, cwd=HERE, capture_output=True, text=True, timeout=280, check=False
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return project.site


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    """The site on a free port."""
    running = server(site, 0)
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{running.server_address[1]}"
    running.shutdown()
    running.server_close()
    thread.join()
