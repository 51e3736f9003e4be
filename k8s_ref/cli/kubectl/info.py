"""kubectl explain, api-resources, version · 集群知道什么

What can be asked of the cluster at all: the kinds it serves, the fields they have, its release.

Upstream: staging/src/k8s.io/kubectl/pkg/explain/, pkg/cmd/apiresources/, pkg/cmd/version/
"""

from __future__ import annotations

from collections.abc import Iterator

from k8s_ref.cli.kubectl import columns
from k8s_ref.cli.kubectl.flags import Flag, switch
from k8s_ref.cli.kubectl.session import Command, Failure, Session
from k8s_ref.machinery import schema
from k8s_ref.machinery.errors import show
from k8s_ref.machinery.schema import Field, ListOf, MapOf, Node, Struct, Text

NO_TYPE = (
    'You must specify the type of resource to explain. Use "kubectl api-resources" for a complete'
    " list of supported resources."
)


async def explain(session: Session) -> int:
    """Print the fields of a kind, or what a field of it is."""
    if len(session.words) != 1:
        one = "We accept only this format: explain RESOURCE"
        raise ValueError(one if session.words else NO_TYPE)
    name, _, path = session.words[0].partition(".")
    kind = session.api.kinds.find(name)
    top = schema.struct_of(kind) if kind else None
    if kind is None or top is None:
        raise Failure(f"the server doesn't have a resource type {show(name)}")
    group = f"GROUP:      {kind.group}\n" if kind.group else ""
    session.say(f"{group}KIND:       {kind.kind}\nVERSION:    {kind.version}\n")
    field = schema.lookup(kind, path) if path else Field("", top)
    if field is None:
        missing = path.rpartition(".")[2]
        raise ValueError(f"field {show(missing)} does not exist")
    if path:
        session.say(f"FIELD: {field.name} <{_type(field.node)}>")
    session.write(_described(field.node, bool(path), session.flags["recursive"]))
    return 0


def _described(node: Node, is_field: bool, deep: bool) -> str:
    """What is below the heading; descriptions are not part of the schema here."""
    inner = schema.element(node)
    text = "\n\n" if is_field else ""
    if isinstance(inner, Text) and inner.enum:
        text = "".join(["ENUM:\n", *(f"    {value}\n" for value in inner.enum), "\n"])
    text += "DESCRIPTION:\n    <empty>\n"
    if not isinstance(inner, Struct):
        return f"{text}\n"
    return f"{text}FIELDS:\n{''.join(_fields(inner, 1, deep, (inner.definition,)))}\n"


def _fields(struct: Struct, level: int, deep: bool, seen: tuple[str, ...]) -> Iterator[str]:
    for name, field in sorted(struct.fields.items()):
        needed = " -required-" if field.required else ""
        yield f"{'  ' * level}{name}\t<{_type(field.node)}>{needed}\n"
        inner = schema.element(field.node)
        if isinstance(inner, Text) and inner.enum:
            yield f"{'  ' * level}enum: {', '.join(inner.enum)}\n"
        if not deep:
            yield f"{'  ' * (level + 1)}<no description>\n\n"
        elif isinstance(inner, Struct) and inner.definition not in seen:
            yield from _fields(inner, level + 1, deep, (*seen, inner.definition))


_SCALARS = {"bool": "boolean", "int32": "integer", "int64": "integer", "float64": "number",
            "intstr.IntOrString": "IntOrString", "resource.Quantity": "Quantity",
            "v1.Time": "string", "v1.MicroTime": "string", "[]uint8": "string",
            "json.RawMessage": "Object"}  # fmt: skip


def _type(node: Node) -> str:
    if isinstance(node, ListOf):
        return f"[]{_type(node.items)}"
    if isinstance(node, MapOf):
        return f"map[string]{_type(node.items)}"
    if isinstance(node, Struct):
        return node.name
    return "string" if isinstance(node, Text) else _SCALARS.get(node.go, "Object")


async def api_resources(session: Session) -> int:
    """Print the kinds the server knows."""
    flags = session.flags
    if flags["output"] not in ("", "wide", "name"):
        raise ValueError(f"--output {flags['output']} is not available")
    # Of several versions of a kind, the server names the best one first.
    best = {kind.resource: kind for kind in reversed([*session.api.kinds])}
    asked = (k for k in best.values() if flags["namespaced"] in ("", str(k.namespaced).lower()))
    found = sorted(
        (kind for kind in asked if flags["api-group"] in ("*", kind.group)),
        key=lambda kind: (kind.group, kind.plural),
    )
    if flags["output"] == "name":
        session.write("".join(f"{kind.resource}\n" for kind in found))
        return 0
    wide = flags["output"] == "wide"
    head = ["NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND"]
    table = [[*head, "VERBS", "CATEGORIES"] if wide else head][: not flags["no-headers"]]
    for kind in found:
        row = [kind.plural, ",".join(kind.short_names), kind.api_version,
               str(kind.namespaced).lower(), kind.kind]  # fmt: skip
        more = [",".join(sorted(kind.verbs)), ",".join(kind.categories)]
        table.append([*row, *more] if wide else row)
    session.write(columns.rows(table))
    return 0


async def version(session: Session) -> int:
    """Print the release of client and server, which here are one."""
    release = f"v{schema.release()}"
    session.say(f"Client Version: {release}")
    if not session.flags["client"]:
        session.say(f"Server Version: {release}")
    return 0


COMMANDS = (
    Command("explain", explain, (switch("recursive", "fields of fields too"),),
            "kubectl explain TYPE[.FIELD...]", "print the fields of a kind"),
    Command("api-resources", api_resources,
            (Flag("output", "o", help="wide or name"), switch("no-headers", "no heading"),
             Flag("api-group", default="*", help="only of this group"),
             Flag("namespaced", bare="true", help="only with, or without, a namespace"),
),
            "kubectl api-resources", "print the kinds the server knows"),
    Command("version", version, (switch("client", "only of kubectl"),), "kubectl version",
            "print the release"),
)  # fmt: skip
