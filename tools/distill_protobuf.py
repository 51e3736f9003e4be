"""Distil the field numbers of the built-in kinds · 提炼内置种类的字段编号

Writes ``k8s_ref/apiserver/protobuf.json``: for every definition of the schema the names of its
fields by the numbers they have in protobuf.  The source is a kubectl binary, in which the Go code
for each API group carries a gzipped description of its messages.  A number never changes once it
is published, so the file only grows with releases; fields that the schema does not know are left
out, and kinds that this kubectl does not know are printed.  The same source gives the same bytes.

    python tools/distill_protobuf.py /usr/bin/kubectl
"""

from __future__ import annotations

import json
import re
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from k8s_ref.apiserver.protobuf import fields

FOLDER = Path(__file__).parent.parent / "k8s_ref"
GZIP = re.compile(rb"\x1f\x8b\x08\x00")
LARGEST = 1_000_000

# The option gogoproto.nullable = false: extension 65001, a varint, 0.
NOT_A_POINTER = (65001, (0, 0))
MESSAGE, REPEATED = 11, 3


class Field(NamedTuple):
    """One field of a message."""

    number: int
    name: str
    type_name: str
    repeated: bool
    pointer: bool


def main() -> None:
    """Write the file."""
    messages = dict(described(Path(sys.argv[1]).read_bytes()))
    definitions = json.loads((FOLDER / "machinery" / "schema.json").read_text("utf-8"))[
        "definitions"
    ]
    table: dict[str, dict[str, str]] = {}
    for name, body in sorted(definitions.items()):
        if name in messages:
            distil(name, set(body["fields"]), messages, table)
        elif "gvk" in body:
            print("no message:", *body["gvk"], file=sys.stderr)
    lines = [f" {dump(name)}: {dump(numbers)}" for name, numbers in sorted(table.items())]
    (FOLDER / "apiserver" / "protobuf.json").write_text(
        "{\n" + ",\n".join(lines) + "\n}\n", "utf-8"
    )


def distil(
    name: str,
    properties: set[str],
    messages: dict[str, list[Field]],
    table: dict[str, dict[str, str]],
) -> None:
    """Put the names of one message's fields into the table."""
    row = table.setdefault(name, {})
    # Without a JSON name of its own a field is called nearly as in Go: ``uID`` for ``uid``.
    names = {known.lower(): known for known in properties}
    for field in messages[name]:
        known = names.get(field.name.lower())
        if known:
            row[str(field.number)] = known + "*" * field.pointer
        elif field.type_name and not field.repeated:
            # In JSON the fields of an embedded Go struct stand among those around it.
            distil(field.type_name, properties, messages, table)
            row[str(field.number)] = f"#{field.type_name}"


def dump(value: Any) -> str:
    """JSON without spaces."""
    return json.dumps(value, separators=(",", ":"))


def described(binary: bytes) -> Iterator[tuple[str, list[Field]]]:
    """The messages a program describes, without the ``k8s.io.`` they all begin with."""
    for start in GZIP.finditer(binary):
        unpacker = zlib.decompressobj(31)
        try:
            data = unpacker.decompress(binary[start.start() : start.start() + LARGEST])
        except zlib.error:
            continue
        if unpacker.eof and b"generated.proto" in data[:200]:
            # FileDescriptorProto: 2 is the package, 4 the messages.
            parts = gathered(data)
            package = parts[2][0].decode().removeprefix("k8s.io.")
            for message in parts.get(4, ()):
                yield message_of(message, package)


def message_of(data: bytes, package: str) -> tuple[str, list[Field]]:
    """A DescriptorProto: 1 is the name, 2 the fields."""
    parts = gathered(data)
    found = sorted(field_of(field) for field in parts.get(2, ()))
    return f"{package}.{parts[1][0].decode()}", found


def field_of(data: bytes) -> Field:
    """A FieldDescriptorProto: 1 name, 3 number, 4 label, 5 type, 6 type name, 8 options."""
    parts = gathered(data)
    repeated = parts[4][0] == REPEATED
    options = fields(parts.get(8, [b""])[0], "FieldOptions")
    type_name = parts[6][0].decode() if parts[5][0] == MESSAGE else ""
    return Field(
        parts[3][0],
        parts[1][0].decode(),
        type_name.removeprefix(".k8s.io."),
        repeated,
        not repeated and NOT_A_POINTER not in options,
    )


def gathered(data: bytes) -> dict[int, list[Any]]:
    """The values of a message's fields by number."""
    found: dict[int, list[Any]] = {}
    for number, (_, value) in fields(data, "Descriptor"):
        found.setdefault(number, []).append(value)
    return found


if __name__ == "__main__":
    main()
