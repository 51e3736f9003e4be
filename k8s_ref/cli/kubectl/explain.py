"""kubectl explain · 解释一个字段

What a field is for and what may stand in it, printed from the OpenAPI document the server
publishes: kubectl itself knows no field of any kind.  The one idea: walk down the schema by the
names of the path, through lists and maps as if they were not there, and print where that ends.

Upstream: staging/src/k8s.io/kubectl/pkg/cmd/explain/, pkg/explain/v2/templates/plaintext.tmpl
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from k8s_ref.apiserver import openapi
from k8s_ref.cli.kubectl.flags import Flag, switch
from k8s_ref.cli.kubectl.session import Command, Failure, Session
from k8s_ref.machinery.errors import show
from k8s_ref.machinery.kinds import Kind, Kinds
from k8s_ref.machinery.meta import Object

NO_TYPE = (
    'You must specify the type of resource to explain. Use "kubectl api-resources" for a complete'
    " list of supported resources."
)
ENUM = 4
"""So many allowed values are listed beside a field."""


async def explain(session: Session) -> int:
    """Print the fields of a kind, or what a field of it is."""
    if len(session.words) != 1:
        one = "We accept only this format: explain RESOURCE"
        raise ValueError(one if session.words else NO_TYPE)
    language = session.flags["lang"]
    if language not in openapi.LANGUAGES:
        raise ValueError(f"--lang must be one of {', '.join(openapi.LANGUAGES)}")
    kind, path = place(session.api.kinds, session.words[0], session.flags["api-version"])
    document = openapi.document([kind], language)
    # The template says what it is about before it finds out that there is no such field.
    session.write(heading(kind))
    session.write(explained(document, kind, path, session.flags["recursive"]))
    return 0


def place(kinds: Kinds, words: str, api_version: str = "") -> tuple[Kind, list[str]]:
    """The kind and the path of what is asked for; the group may stand behind the plural.

    >>> from k8s_ref.machinery.kinds import KINDS
    >>> place(KINDS, "deployments.apps.spec")[1], place(KINDS, "po.spec.nodeName")[1]
    (['spec'], ['spec', 'nodeName'])
    """
    name, _, path = words.partition(".")
    kind = kinds.find(name)
    if kind is None:
        raise Failure(f"the server doesn't have a resource type {show(name)}")
    if kind.group and f"{words}.".startswith(f"{kind.resource}."):
        path = words[len(kind.resource) + 1 :]
    found = kinds.of(api_version or kind.api_version, kind.kind)
    if found is None:
        group, _, version = api_version.rpartition("/")
        resource = f"{group}/{version}, Resource={kind.plural}"
        if any(row.api_version == api_version for row in kinds):
            raise ValueError(f"GVR ({resource}) not found in OpenAPI schema")
        raise ValueError(f"couldn't find resource for {show(resource)}")
    return found, path.split(".") if path else []


def heading(kind: Kind) -> str:
    """The lines above every explanation.

    >>> from k8s_ref.machinery.kinds import KINDS
    >>> print(heading(KINDS["deploy"]), end="")
    GROUP:      apps
    KIND:       Deployment
    VERSION:    v1
    <BLANKLINE>
    """
    group = f"GROUP:      {kind.group}\n" if kind.group else ""
    return f"{group}KIND:       {kind.kind}\nVERSION:    {kind.version}\n\n"


def explained(document: Object, kind: Kind, path: list[str], deep: bool = False) -> str:
    """What kubectl prints of a kind, or of a field of it, given the server's document."""
    schemas = document["components"]["schemas"]
    gvk = dict(zip(("group", "version", "kind"), kind.gvk, strict=True))
    marked = (s for s in schemas.values() if gvk in s.get("x-kubernetes-group-version-kind", ()))
    return f"{_Page(schemas, deep).of(next(marked), path)}\n"


class _Page:
    """What is printed about one schema, and about those it refers to."""

    def __init__(self, schemas: Object, deep: bool) -> None:
        self.schemas, self.deep = schemas, deep

    def of(self, schema: Object, path: list[str]) -> str:
        found, head = schema, ""
        for name in path:
            parts = (part.get("properties", {}).get(name) for part, _ in self._walk(found))
            found = next(filter(None, parts), {})
            if not found:
                raise ValueError(f"field {show(path[-1])} does not exist")
        if path:
            values = [f"\n    {_value(value)}" for value in found.get("enum", ())]
            enum = "".join(["ENUM:", *values] if values else [])
            head = f"FIELD: {path[-1]} <{self._type(found)}>\n{enum}\n\n"
        descriptions = (part.get("description") for part, _ in self._walk(found))
        about = "".join(f"{text}\n" for text in descriptions if text) or "<empty>"
        fields = [*self._fields(found, 1)]
        below = "".join(["FIELDS:\n", *fields] if fields else [])
        return f"{head}DESCRIPTION:\n{_wrapped(about, 76, 4)}\n{below}"

    def _walk(
        self, schema: Object, seen: frozenset[str] = frozenset()
    ) -> Iterator[tuple[Object, frozenset[str]]]:
        """A schema and those it consists of besides its fields, each behind its reference."""
        name = _name(schema)
        if name in seen:
            return
        resolved, seen = self.schemas.get(name, schema), seen | {name} - {""}
        yield resolved, seen
        parts = resolved.get("items"), resolved.get("additionalProperties")
        for part in (*resolved.get("allOf", ()), *parts):
            if isinstance(part, dict):
                yield from self._walk(part, seen)

    def _fields(
        self, schema: Object, level: int, seen: frozenset[str] = frozenset()
    ) -> Iterator[str]:
        for part, known in self._walk(schema, seen):
            for name, field in sorted(part.get("properties", {}).items()):
                yield self._field(name, field, name in part.get("required", ()), 2 * level)
                if self.deep:
                    yield from self._fields(field, level + 1, known)

    def _field(self, name: str, field: Object, required: bool, indent: int) -> str:
        pad, values = " " * indent, [*map(_value, field.get("enum", ()))]
        more = ", ...." if len(values) > ENUM else ""
        enum = f"\n{pad}enum: {', '.join(values[:ENUM])}{more}" if values else ""
        line = f"{pad}{name}\t<{self._type(field)}>{' -required-' * required}{enum}\n"
        about = field.get("description") or "<no description>"
        return line if self.deep else f"{line}{_wrapped(about, 78 - indent, indent + 2)}\n\n"

    def _type(self, schema: Object) -> str:
        if schema.get("items"):
            return f"[]{self._type(schema['items'])}"
        if isinstance(schema.get("additionalProperties"), dict):
            return f"map[string]{self._type(schema['additionalProperties'])}"
        if len(schema.get("allOf", ())) == 1 and not schema.get("properties"):
            return self._type(schema["allOf"][0])
        of = str(self.schemas.get(_name(schema), schema).get("type", "object"))
        return of if of != "object" else _name(schema).rpartition(".")[2] or "Object"


def _name(schema: Object) -> str:
    """The name a schema refers to, if it does."""
    return str(schema.get("$ref", "")).rpartition("/")[2]


def _value(value: object) -> str:
    return str(value) if value != "" else '""'


def _wrapped(text: str, width: int, indent: int) -> str:
    """Lines of at most so many characters; a line keeps its end, and a long word its length."""
    wrap = textwrap.TextWrapper(width, break_long_words=False, break_on_hyphens=False).wrap
    lines = (part for line in text.split("\n") for part in wrap(line) or [""])
    return "\n".join(" " * indent + line for line in lines)


COMMANDS = (
    Command("explain", explain,
            (switch("recursive", "fields of fields too"),
             Flag("api-version", help="group and version, if there are several"),
             Flag("lang", default="en", help="language of the descriptions, en or zh")),
            "kubectl explain TYPE[.FIELD...]", "print the fields of a kind"),
)  # fmt: skip
