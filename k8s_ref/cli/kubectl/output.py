"""Output formats · 输出格式

``-o yaml``, ``json``, ``name``, ``jsonpath=…``, ``custom-columns=…``: objects as text.  What the
server keeps for itself, ``managedFields``, is left out as kubectl leaves it out.

Upstream: staging/src/k8s.io/cli-runtime/pkg/printers/, pkg/genericclioptions/print_flags.go
"""

from __future__ import annotations

import json
from typing import Any

from k8s_ref.cli.kubectl import columns, jsonpath, yamltext
from k8s_ref.cli.kubectl.flags import Flag
from k8s_ref.cli.kubectl.manifests import read
from k8s_ref.cli.kubectl.session import Session, name_of
from k8s_ref.cli.kubectl.yamltext import number_or_text
from k8s_ref.machinery.errors import show
from k8s_ref.machinery.kinds import Kind
from k8s_ref.machinery.meta import Object, without_path

OUTPUT = Flag("output", "o", help="yaml, json, name, jsonpath=TEMPLATE or custom-columns=SPEC")
UPSTREAM_FORMATS = (
    "custom-columns,custom-columns-file,go-template,go-template-file,json,jsonpath,"
    "jsonpath-as-json,jsonpath-file,name,template,templatefile,wide,yaml"
)
FORMATS = ("json", "yaml", "name", "jsonpath", "jsonpath-as-json", "custom-columns", "go-template",
           "wide")  # fmt: skip

IN_FILES = {"jsonpath-file": "jsonpath", "custom-columns-file": "custom-columns",
            "go-template-file": "go-template", "templatefile": "go-template",
            "template": "go-template"}  # fmt: skip
"""Formats whose template stands in a file, and an older name, as the formats they are."""


def inlined(session: Session, output: str) -> str:
    """The format with its template on the line; ``ValueError`` if there is no such file."""
    name, equals, template = output.partition("=")
    if not template or name not in IN_FILES:
        return output
    if name != "template":
        template = read(session, template)
    if name == "custom-columns-file":
        headers, paths = (f"{template}\n\n".split("\n", 2)[line].split() for line in (0, 1))
        template = ",".join(map(":".join, zip(headers, paths, strict=False)))
    return f"{IN_FILES[name]}{equals}{template}"


def check_format(output: str, allowed: tuple[str, ...] = FORMATS) -> None:
    """``ValueError`` in kubectl's words if there is no such format."""
    name, _, template = output.partition("=")
    if name in IN_FILES and not template:
        raise ValueError("template format specified but no template given")
    if name in UPSTREAM_FORMATS.split(",") and name not in FORMATS:
        raise ValueError(f"output format {show(name)} is not part of this compact kubectl")
    if name and name not in allowed:
        raise ValueError(
            f"unable to match a printer suitable for the output format {show(output)},"
            f" allowed formats are: {UPSTREAM_FORMATS}"
        )
    if name.startswith(("jsonpath", "go-template")) and not template:
        raise ValueError("template format specified but no template given")
    if name == "custom-columns" and not template:
        raise ValueError("custom-columns format specified but no custom columns given")


def as_text(
    found: list[tuple[Kind, Object]],
    output: str,
    one: bool,
    headers: bool = True,
    managed: bool = False,
) -> str:
    """The objects in a format; ``one`` says that exactly one was asked for, by name."""
    name, _, template = output.partition("=")
    if name == "name":
        return "".join(f"{name_of(kind, obj)}\n" for kind, obj in found)
    objects = [_presentable(kind, obj, managed) for kind, obj in found]
    if name == "custom-columns":
        table = _custom_columns(objects, template)
        return columns.rows(table if headers else table[1:])
    if one and objects:
        value = objects[0]
    else:
        value = {
            "apiVersion": "v1",
            "items": objects,
            "kind": "List",
            "metadata": {"resourceVersion": ""},
        }
    return _as_whole(value, name, template)


def _as_whole(value: Object, name: str, template: str) -> str:
    if name == "yaml":
        return yamltext.write(value)
    if name == "json":
        return json_text(value)
    if name == "go-template":
        return jsonpath.render(jsonpath.of_go_template(template), value)
    if name == "jsonpath-as-json":
        return json_text(jsonpath.find(template, value))
    try:
        return jsonpath.render(template, value)
    except jsonpath.Missing as error:
        message = f"error executing jsonpath {show(template)}: Error executing template: {error}"
        raise ValueError(message) from None


def json_text(value: Any) -> str:
    """JSON as Go indents it."""
    return f"{_for_html(json.dumps(value, indent=4, sort_keys=True, ensure_ascii=False))}\n"


def compact_json(value: Any) -> str:
    """JSON as Go writes it on one line."""
    text = json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    return _for_html(text)


def _for_html(text: str) -> str:
    """Go escapes the three letters that HTML would mistake."""
    for char in "<>&":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def _presentable(kind: Kind, obj: Object, managed: bool) -> Object:
    shown = {"apiVersion": kind.api_version, "kind": kind.kind, **obj}
    return shown if managed else without_path(shown, ("metadata", "managedFields"))


def _custom_columns(objects: list[Object], spec: str) -> list[list[str]]:
    """``NAME:.metadata.name,NODE:.spec.nodeName``: a heading and a path each."""
    parts = [column.partition(":") for column in spec.split(",")]
    if not all(path for _, _, path in parts):
        wrong = next(name for name, _, path in parts if not path)
        raise ValueError(
            f"unexpected custom-columns spec: {wrong}, expected <header>:<json-path-expr>"
        )
    table = [[header for header, _, _ in parts]]
    for obj in objects:
        table.append([_cell(jsonpath.find(path, obj)) for _, _, path in parts])
    return table


def _cell(values: list[Any]) -> str:
    return ",".join(number_or_text(value) for value in values) or "<none>"


DRY_RUN = Flag(
    "dry-run", default="none", bare="unchanged", help="client or server: say what would be done"
)


def report(session: Session, kind: Kind, obj: Object, done: str, tail: bool = True) -> None:
    """Say what was done to one object, or print the object if the line asks for that."""
    output = session.flags["output"]
    if not output:
        session.say(f"{name_of(kind, obj)} {done}{session.tail if tail else ''}")
    elif output == "name":
        session.say(name_of(kind, obj))
    else:
        # Several documents of YAML stand apart.
        apart = session.documents and output == "yaml" and session.name == "create"
        session.write("---\n" if apart else "")
        session.documents += 1
        session.write(as_text([(kind, obj)], output, one=True))
