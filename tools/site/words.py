"""Words of the interface · 界面文字

The few words that the site itself says around the pages, in both languages.
"""

from __future__ import annotations

WORDS: dict[str, dict[str, str]] = {
    "zh": {
        "source": "源码",
        "test": "测试",
        "notebook": "笔记本",
        "page": "讲解",
        "other": "English",
        "places": "同一个键，四个地方",
        "solution": "参考答案",
        "output": "输出",
        "whole": "完整源码",
        "home": "首页",
        "reference": "参考",
        "modules": "模块",
        "module": "模块",
        "title": "说的是",
        "tests": "测试",
    },
    "en": {
        "source": "Source",
        "test": "Test",
        "notebook": "Notebook",
        "page": "Page",
        "other": "中文",
        "places": "One key, four places",
        "solution": "Solution",
        "output": "Output",
        "whole": "The whole file",
        "home": "Home",
        "reference": "Reference",
        "modules": "Modules",
        "module": "Module",
        "title": "What it is",
        "tests": "Tests",
    },
}
