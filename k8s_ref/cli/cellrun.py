"""Cell runner · 单元格运行器

Runs the cells of a page as a notebook would: what a cell prints is captured, and the value of its
last expression is shown in its richest form.  The one idea: the build, the tests, Node and the
reader's browser all run this very module, so they must all show the same.  The rule it keeps:
standard library only, and nothing that differs between engines ever reaches an output.

Upstream: none; a Jupyter kernel, much reduced.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import hashlib
import html
import io
import json
import re
import traceback
from collections.abc import Callable
from typing import Any

Output = dict[str, Any]
"""What a cell shows: a ``stream``, ``display`` or ``result``, or the ``error`` that ended it."""

Emit = Callable[[Output], None]
"""Called with every piece of output at the moment it appears."""

RICH = (("_repr_svg_", "image/svg+xml"), ("_repr_html_", "text/html"))


class Session:
    """A namespace in which cells run one after another.

    >>> session = Session()
    >>> session.run("x = 20")
    []
    >>> session.run("print('hi')\\nx + 1")
    [{'type': 'stream', 'text': 'hi\\n'}, {'type': 'result', 'data': {'text/plain': '21'}}]
    """

    def __init__(self) -> None:
        self.names: dict[str, Any] = {"__name__": "__main__", "__builtins__": builtins}

    def run(self, source: str, name: str = "cell", emit: Emit | None = None) -> list[Output]:
        """Run one cell and return what it showed, in order."""
        recorder = Recorder(emit)
        filename = f"<cell {name}>"
        self.names["display"] = recorder.display
        try:
            with contextlib.redirect_stdout(recorder):
                self._execute(source, filename, recorder)
        except (Exception, SystemExit) as error:
            recorder.add(failure(error, source, filename))
        return recorder.outputs

    def _execute(self, source: str, filename: str, recorder: Recorder) -> None:
        tree = ast.parse(source, filename)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, filename, "exec"), self.names)
        if not isinstance(last, ast.Expr):
            return
        value = eval(compile(ast.Expression(last.value), filename, "eval"), self.names)
        if value is not None and not source.rstrip().endswith(";"):
            recorder.add({"type": "result", "data": bundle(value)})

    def grade(self, source: str, name: str = "exercise", examples: str = "") -> Output:
        """Run an exercise, then the doctests of ``examples`` (its own if none are given).

        >>> stub = "def double(x):\\n    '>>> double(4)\\\\n8'"
        >>> Session().grade(stub)["passed"], Session().grade(stub + "\\n    return 2 * x")["passed"]
        (0, 1)
        """
        # Not at the top: a first Run in a browser need not wait for doctest.
        from k8s_ref.cli.grading import doctests, examined

        outputs = self.run(source, name)
        tests = [] if raised(outputs) else doctests(examples or source, self.names)
        return {"outputs": outputs, **examined(tests)}


class Recorder(io.TextIOBase):
    """Takes what a cell shows, in order, and passes every piece on as it comes."""

    def __init__(self, emit: Emit | None = None) -> None:
        self.outputs: list[Output] = []
        self.emit = emit

    def write(self, text: str) -> int:
        """What ``print`` calls."""
        if text:
            self.add({"type": "stream", "text": text})
        return len(text)

    def display(self, *values: Any) -> None:
        """Show values in their richest form; cells know it as ``display``."""
        for value in values:
            self.add({"type": "display", "data": bundle(value)})

    def add(self, output: Output) -> None:
        """The next output; neighbouring pieces of printed text become one."""
        if self.emit:
            self.emit(output)
        last = self.outputs[-1] if self.outputs else {}
        if output["type"] == "stream" == last.get("type"):
            last["text"] += output["text"]
        else:
            self.outputs.append(dict(output))


def bundle(value: Any) -> dict[str, str]:
    """A value as text and, if it can, as a picture or HTML.

    >>> bundle(3)
    {'text/plain': '3'}
    """
    data = {"text/plain": repr(value)}
    for method, mime in RICH:
        show = getattr(type(value), method, None)
        text = show(value) if show else None
        if text is not None:
            data[mime] = text
    return data


def failure(error: BaseException, source: str, filename: str) -> Output:
    """An exception as output: its name and message, and where in the cell it began."""
    name = type(error).__name__
    message = error.msg if isinstance(error, SyntaxError) else str(error)
    if isinstance(error, SyntaxError) and error.filename == filename:
        line = error.lineno or 0
    else:
        frames = traceback.walk_tb(error.__traceback__)
        line = ([0] + [n for f, n in frames if f.f_code.co_filename == filename])[-1]
    lines = ["", *source.splitlines()]
    where = f"{line}: {lines[line].strip()}" if 0 < line < len(lines) else ""
    return {"type": "error", "name": name, "message": message, "where": where}


def raised(outputs: list[Output]) -> bool:
    """Whether the cell ended with an exception."""
    return any(output["type"] == "error" for output in outputs)


# -- Console cells


def console_call(script: str) -> str:
    """A console scenario as the Python call that plays it.

    >>> print(console_call("$ kubectl get pods"))
    cluster.console(\"\"\"$ kubectl get pods\"\"\")
    """
    body = script.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    if body.endswith('"'):
        body = body[:-1] + '\\"'
    return f'cluster.console("""{body}""")'


# -- How outputs are kept, compared and shown


def as_text(outputs: list[Output]) -> str:
    """Outputs as the plain text that a page records.

    >>> as_text(Session().run("print('hi ')\\n1/0"))
    'hi\\nZeroDivisionError: division by zero'
    """
    text = "\n".join(text_of(output).rstrip("\n") for output in outputs)
    return re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE)


def text_of(output: Output) -> str:
    """One output as plain text."""
    if output["type"] == "stream":
        return str(output["text"])
    if output["type"] == "error":
        return f"{output['name']}: {output['message']}".removesuffix(": ")
    return str(output["data"]["text/plain"])


def digest(outputs: list[Output]) -> str:
    """A short hash of everything a cell showed, pictures included.

    >>> digest(Session().run("1 + 1")) == digest(Session().run("2")) != digest([])
    True
    """
    shown = [{k: v for k, v in output.items() if k != "where"} for output in outputs]
    return hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()[:16]


def as_html(outputs: list[Output], script: str = "") -> str:
    """Outputs as HTML; the lines of a console ``script`` are set apart in the transcript.

    >>> as_html(Session().run("'<b>'"))
    '<pre class="k8s-text"><code>&#x27;&lt;b&gt;&#x27;</code></pre>'
    """
    return "\n".join(html_of(output, set(script.splitlines())) for output in outputs)


def html_of(output: Output, commands: set[str]) -> str:
    """One output as HTML: the picture if there is one, else its text."""
    data = output.get("data", {})
    for _, mime in RICH:
        if mime in data:
            # A blank line would end a block of HTML inside Markdown.
            picture = re.sub(r"\n\s*\n", "\n", data[mime])
            return f'<div class="k8s-rich">{picture}</div>'
    lines = text_of(output).rstrip("\n").split("\n")
    marked = [
        f'<b class="k8s-command">{html.escape(line)}</b>' if line in commands else html.escape(line)
        for line in lines
    ]
    body = "\n".join(marked).replace("`", "&#96;")
    if output["type"] != "error":
        return f'<pre class="k8s-text"><code>{body}</code></pre>'
    where = html.escape(output["where"]).replace("`", "&#96;")
    tail = f'\n<small class="k8s-where">{where}</small>' if where else ""
    return f'<pre class="k8s-error"><code>{body}{tail}</code></pre>'


def answer(session: Session, request: str, emit: Callable[[str], None] | None = None) -> str:
    """Serve one request of a host that is not Python: JSON in, JSON out.

    >>> reply = answer(Session(), '{"kind": "python", "name": "a", "source": "40 + 2"}')
    >>> json.loads(reply)["text"]
    '42'
    """
    ask = json.loads(request)
    kind, name, source = ask["kind"], ask["name"], ask["source"]
    if kind == "exercise":
        result = session.grade(source, name, ask.get("examples", ""))
        return json.dumps(result | {"html": as_html(result["outputs"])})
    script = source if kind == "console" else ""
    code = console_call(source) if script else source
    outputs = session.run(
        code, name, None if emit is None else (lambda piece: emit(json.dumps(piece)))
    )
    shown = {"html": as_html(outputs, script), "text": as_text(outputs), "digest": digest(outputs)}
    return json.dumps(shown | {"raised": raised(outputs)})
