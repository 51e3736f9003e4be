"""Options of requests · 请求的选项

What a caller may ask besides the object itself: try only, be strict, delete in which order.
They stand in the query, those of a DELETE in a body of their own; a word the server does not
know is refused before anything else is looked at.

Upstream: staging/src/k8s.io/apimachinery/pkg/apis/meta/v1/validation/validation.go
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from k8s_ref.apiserver.request import Request
from k8s_ref.machinery import schema
from k8s_ref.machinery.errors import (
    ApiError,
    BadRequest,
    Cause,
    Invalid,
    UnsupportedMediaType,
    forbidden,
    invalid,
    not_supported,
    required,
    show,
    too_long,
)
from k8s_ref.machinery.kinds import Kind
from k8s_ref.machinery.meta import Object
from k8s_ref.machinery.patch import PATCHES

Patch: TypeAlias = Callable[[Object, Any, Kind], Object]

_META = "meta.k8s.io"
POLICIES = ("Foreground", "Background", "Orphan")
APPLY = "application/apply-patch+yaml"

_OPTIONS = {"create": "CreateOptions", "update": "UpdateOptions", "patch": "PatchOptions"}


def check_write(request: Request) -> None:
    """Refuse a create, update or patch whose options make no sense."""
    applies = request.verb == "patch" and request.content_type.startswith(APPLY)
    if not request.query and not applies:
        return
    causes = list(_write_causes(request.query, request.verb, applies))
    if causes:
        raise Invalid.of(_OPTIONS[request.verb], _META, "", causes)


def _write_causes(query: Any, verb: str, applies: bool) -> Iterator[Cause]:
    if "force" in query and verb == "patch" and not applies:
        yield forbidden("force", "may not be specified for non-apply patch")
    if applies and not query.get("fieldManager"):
        yield required("fieldManager", "is required for apply patch")
    yield from _field_manager(query.get("fieldManager", ""))
    yield from _dry_run(query.get("dryRun", ""))
    if query.get("fieldValidation", "") not in _FIELD_VALIDATION:
        yield not_supported("fieldValidation", query["fieldValidation"], _FIELD_VALIDATION)


_FIELD_VALIDATION = ("", "Ignore", "Strict", "Warn")


def _field_manager(name: str) -> Iterator[Cause]:
    if len(name.encode()) > 128:
        yield too_long("fieldManager", 128)
    for position, char in enumerate(name):
        if not char.isprintable():
            problem = f"invalid character U+{ord(char):04X} (at position {position})"
            yield invalid("fieldManager", name, problem)


def _dry_run(value: Any) -> Iterator[Cause]:
    asked = [value] if isinstance(value, str) and value else list(value)
    if any(word != "All" for word in asked):
        yield not_supported("dryRun", asked, ("All",))


def patch_of(content_type: str) -> Patch:
    """How to apply a patch of this type; ``UnsupportedMediaType`` if nobody here can."""
    media_type = content_type.partition(";")[0].strip()
    if media_type in PATCHES:
        return PATCHES[media_type]
    raise UnsupportedMediaType("415: Unsupported Media Type", {})


@dataclass(slots=True, frozen=True)
class DeleteOptions:
    """How something is to be deleted."""

    grace: int | None = None
    """Seconds until the end, if the caller says."""
    propagation: str = ""
    """What becomes of the dependents: Foreground, Background, Orphan; empty: as the kind does."""
    orphan: bool | None = None
    """The old way to say Orphan or Background."""
    uid: str = ""
    version: str = ""
    """Only if it is this object, or this version of it."""
    dry_run: bool = False


def delete_options(request: Request) -> DeleteOptions:
    """What a DELETE asks for, in its body, or without one in its query; ``Invalid`` if unknown."""
    found = request.body if isinstance(request.body, dict) and request.body else {}
    if found.get("kind", "DeleteOptions") != "DeleteOptions":
        where = 'in scheme "pkg/apis/meta/internalversion/scheme/register.go:27"'
        version = found.get("apiVersion", "")
        raise BadRequest(f'no kind "{found["kind"]}" is registered for version "{version}" {where}')
    problems = schema.Problems()
    schema.struct("apimachinery.pkg.apis.meta.v1.DeleteOptions").check(found, None, problems)
    if problems.ill_typed:
        raise ApiError(problems.ill_typed)
    if not found:
        found = _of_query(request)
    elif "dryRun" in request.query:
        found = {**found, "dryRun": [request.query["dryRun"]]}
    causes = list(_delete_causes(found))
    if causes:
        raise Invalid.of("DeleteOptions", _META, "", causes)
    preconditions = found.get("preconditions") or {}
    return DeleteOptions(
        found.get("gracePeriodSeconds"),
        found.get("propagationPolicy") or "",
        found.get("orphanDependents"),
        preconditions.get("uid") or "",
        preconditions.get("resourceVersion") or "",
        bool(found.get("dryRun")),
    )


def _of_query(request: Request) -> dict[str, Any]:
    query = request.query
    found: dict[str, Any] = {
        name: query[name] for name in ("propagationPolicy", "dryRun") if query.get(name)
    }
    if query.get("gracePeriodSeconds"):
        found["gracePeriodSeconds"] = number(query["gracePeriodSeconds"])
    if query.get("orphanDependents"):
        found["orphanDependents"] = query["orphanDependents"] not in ("false", "0")
    return found


def _delete_causes(options: dict[str, Any]) -> Iterator[Cause]:
    policy = options.get("propagationPolicy")
    if policy and options.get("orphanDependents") is not None:
        problem = "orphanDependents and deletionPropagation cannot be both set"
        yield invalid("propagationPolicy", policy, problem)
    if policy and policy not in POLICIES:
        yield not_supported("propagationPolicy", policy, (*POLICIES, "nil"))
    yield from _dry_run(options.get("dryRun") or ())


def number(text: str) -> int:
    """A whole number of the query, refused in the words of Go's parser.

    >>> number("30")
    30
    """
    digits = text[1:] if text[:1] in "+-" else text
    if not (digits.isascii() and digits.isdigit()):
        raise BadRequest(f"strconv.ParseInt: parsing {show(text)}: invalid syntax")
    # Longer ones are not even looked at: to read very many digits takes very long.
    if len(digits) > 40 or not -(2**63) <= int(text) < 2**63:
        raise BadRequest(f"strconv.ParseInt: parsing {show(text)}: value out of range")
    return int(text)
