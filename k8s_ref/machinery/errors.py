"""API errors · API 错误

Whatever the API server refuses, it refuses with a ``Status`` object: a code, a one-word reason a
program can act on, and a message a person can read.  Each class here is one reason; ``of`` words
the usual case exactly as upstream does, and the docstring says what the caller should do.  A
client turns the ``Status`` it received back into the same class with :func:`from_status`.

Upstream: staging/src/k8s.io/apimachinery/pkg/api/errors/errors.go, pkg/util/validation/field/
"""

# The classes are named with upstream's words, which do not end in "Error".
# ruff: noqa: N818

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Self

from k8s_ref.machinery.meta import Object


class Cause(NamedTuple):
    """One thing wrong with an object: why, in which words, and at which field."""

    reason: str
    message: str
    field: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message

    def as_json(self) -> Object:
        """The cause as it stands in ``details.causes``; parts that are empty are left out."""
        return {key: value for key, value in self._asdict().items() if value}


class ApiError(Exception):
    """Base of everything the API server refuses; ``str(error)`` is the message."""

    code: int = 500
    reason: str = ""

    def __init__(
        self, message: str, details: Object | None = None, metadata: Object | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.details = details
        # Holds the token with which an expired list may be continued, otherwise nothing.
        self.metadata = metadata or {}

    def status(self) -> Object:
        """The ``Status`` object of the response, with its keys in upstream's order."""
        status: Object = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": self.metadata,
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            status["reason"] = self.reason
        if self.details is not None:
            status["details"] = self.details
        status["code"] = self.code
        return status

    @property
    def retry_after_seconds(self) -> int:
        """After how many seconds the server wants to be asked again; 0 if it did not say."""
        seconds: int = (self.details or {}).get("retryAfterSeconds", 0)
        return seconds

    @property
    def causes(self) -> list[Cause]:
        """The causes in the details."""
        found = (self.details or {}).get("causes", ())
        return [Cause(c.get("reason", ""), c.get("message", ""), c.get("field", "")) for c in found]


class BadRequest(ApiError):
    """The request makes no sense: correct it, retrying is useless."""

    code, reason = 400, "BadRequest"


class Unauthorized(ApiError):
    """The server does not know who is asking: send valid credentials."""

    code, reason = 401, "Unauthorized"

    @classmethod
    def of(cls) -> Self:
        """Upstream says nothing but the reason."""
        return cls("Unauthorized")


class Forbidden(ApiError):
    """The server knows who is asking and says no: ask for the permission, or stop."""

    code, reason = 403, "Forbidden"

    @classmethod
    def of(cls, plural: str, group: str, name: str, why: str) -> Self:
        """A refusal to touch one object, or (``name`` empty) a whole resource.

        >>> print(Forbidden.of("namespaces", "", "default", "this namespace may not be deleted"))
        namespaces "default" is forbidden: this namespace may not be deleted
        """
        subject = f"{_resource(plural, group)} is" if plural else ""
        subject = f'{_resource(plural, group)} "{name}" is' if name else subject
        return cls(f"{subject} forbidden: {why}".lstrip(), _details(name, group, plural))


class NotFound(ApiError):
    """There is no such object; a controller treats it as deleted."""

    code, reason = 404, "NotFound"

    @classmethod
    def of(cls, plural: str, group: str, name: str) -> Self:
        """One named object does not exist.

        >>> print(NotFound.of("deployments", "apps", "web"))
        deployments.apps "web" not found
        """
        message = f'{_resource(plural, group)} "{name}" not found'
        return cls(message, _details(name, group, plural))

    @classmethod
    def resource(cls) -> Self:
        """The path names no resource of this server."""
        return cls("the server could not find the requested resource", {})


class MethodNotAllowed(ApiError):
    """The resource exists and does not support this verb."""

    code, reason = 405, "MethodNotAllowed"

    @classmethod
    def of(cls) -> Self:
        """The path is right and the method is not."""
        return cls("the server does not allow this method on the requested resource", {})


class NotAcceptable(ApiError):
    """The server cannot answer in any form the caller accepts: ask for ``application/json``."""

    code, reason = 406, "NotAcceptable"


class AlreadyExists(ApiError):
    """The name is taken: read the object, or choose another name."""

    code, reason = 409, "AlreadyExists"

    @classmethod
    def of(cls, plural: str, group: str, name: str) -> Self:
        """A create met an object of the same name."""
        message = f'{_resource(plural, group)} "{name}" already exists'
        return cls(message, _details(name, group, plural))


MODIFIED = (
    "the object has been modified; please apply your changes to the latest version and try again"
)


class Conflict(ApiError):
    """Somebody wrote in between: read again, decide again, write again."""

    code, reason = 409, "Conflict"

    @classmethod
    def of(cls, plural: str, group: str, name: str, why: str = MODIFIED) -> Self:
        """An update carried a ``resourceVersion`` (or precondition) that is no longer true."""
        resource = _resource(plural, group)
        message = f'Operation cannot be fulfilled on {resource} "{name}": {why}'
        return cls(message, _details(name, group, plural))


class Gone(ApiError):
    """What was asked for is no longer kept: list again and watch from there."""

    code, reason = 410, "Gone"


class Expired(Gone):
    """The revision asked for was compacted: list again and watch from there."""

    code, reason = 410, "Expired"


class RequestEntityTooLarge(ApiError):
    """The body is over the limit: send less."""

    code, reason = 413, "RequestEntityTooLarge"


class UnsupportedMediaType(ApiError):
    """The server cannot read a body of this content type."""

    code, reason = 415, "UnsupportedMediaType"


class Invalid(ApiError):
    """The object breaks a rule of its kind: correct the fields named by the causes."""

    code, reason = 422, "Invalid"

    @classmethod
    def of(cls, kind: str, group: str, name: str, causes: Iterable[Cause]) -> Self:
        """Validation found these causes; the message holds each text once.

        >>> print(Invalid.of("Pod", "", "x", [required("spec.containers")]))
        Pod "x" is invalid: spec.containers: Required value
        """
        found = list(causes)
        message = f'{_resource(kind, group)} "{name}" is invalid: {aggregate(found)}'
        return cls(message, _details(name, group, kind, causes=[c.as_json() for c in found]))


class TooManyRequests(ApiError):
    """Not now: try again after ``retry_after_seconds``."""

    code, reason = 429, "TooManyRequests"

    @classmethod
    def of(cls, message: str, retry_after_seconds: int) -> Self:
        """The server is busy, or a budget is used up for the moment."""
        return cls(message, {"retryAfterSeconds": retry_after_seconds})


class InternalError(ApiError):
    """The server failed, not the caller: retry with back-off."""

    code, reason = 500, "InternalError"

    @classmethod
    def of(cls, why: str) -> Self:
        """Something the server depends on did not do its part."""
        return cls(f"Internal error occurred: {why}", {"causes": [{"message": why}]})


class ServerTimeout(ApiError):
    """The server could not do it in time and did not begin: retry after a moment."""

    code, reason = 500, "ServerTimeout"

    @classmethod
    def of(cls, plural: str, group: str, verb: str, retry_after_seconds: int = 0) -> Self:
        """The operation never started; sending it again is safe."""
        message = (
            f"The {verb} operation against {_resource(plural, group)} could not be completed "
            "at this time, please try again."
        )
        details = _details("", group, plural)
        return cls(message, details | _unless_zero(retryAfterSeconds=retry_after_seconds))


class Timeout(ApiError):
    """No answer in time; the write may have happened all the same: read before you retry."""

    code, reason = 504, "Timeout"

    @classmethod
    def of(cls, why: str, retry_after_seconds: int = 0, causes: Sequence[Cause] = ()) -> Self:
        """The operation ran out of time."""
        details = _unless_zero(
            causes=[c.as_json() for c in causes], retryAfterSeconds=retry_after_seconds
        )
        return cls(f"Timeout: {why}", details)


class ServiceUnavailable(ApiError):
    """The server (or the one behind it) cannot be reached: retry with back-off."""

    code, reason = 503, "ServiceUnavailable"


_BY_REASON: dict[str, type[ApiError]] = {
    kind.reason: kind
    for kind in (
        BadRequest, Unauthorized, Forbidden, NotFound, MethodNotAllowed, NotAcceptable,
        AlreadyExists, Conflict, Gone, Expired, RequestEntityTooLarge, UnsupportedMediaType,
        Invalid, TooManyRequests, InternalError, ServerTimeout, Timeout, ServiceUnavailable,
    )
}  # fmt: skip


def from_status(status: Object) -> ApiError:
    """The error a ``Status`` describes, of the class of its reason.

    >>> type(from_status(NotFound.of("pods", "", "x").status())).__name__
    'NotFound'
    """
    reason = status.get("reason", "")
    error = _BY_REASON.get(reason, ApiError)(
        status.get("message", ""), status.get("details"), status.get("metadata")
    )
    error.reason = reason
    error.code = status.get("code", error.code)
    return error


def aggregate(causes: Iterable[Cause | str]) -> str:
    """The texts of the causes, each once; in brackets when there are several."""
    texts = list(dict.fromkeys(map(str, causes)))
    return texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"


def _resource(plural: str, group: str) -> str:
    return f"{plural}.{group}" if group else plural


def _details(name: str, group: str, kind: str, **more: Any) -> Object:
    return _unless_zero(name=name, group=group, kind=kind, **more)


def _unless_zero(**fields: Any) -> Object:
    return {key: value for key, value in fields.items() if value}


def required(field: str, detail: str = "") -> Cause:
    """The field must be given.

    >>> print(required("spec.selector"))
    spec.selector: Required value
    """
    return _cause("FieldValueRequired", "Required value", field, detail)


def invalid(field: str, value: Any, detail: str) -> Cause:
    """The value is of the right type and not allowed.

    >>> print(invalid("spec.replicas", -1, "must be greater than or equal to 0"))
    spec.replicas: Invalid value: -1: must be greater than or equal to 0
    """
    return _cause("FieldValueInvalid", f"Invalid value: {show(value)}", field, detail)


def type_invalid(field: str, value: Any, detail: str) -> Cause:
    """The value is not of the right type."""
    return _cause("FieldValueTypeInvalid", f"Invalid value: {show(value)}", field, detail)


def not_supported(field: str, value: Any, allowed: Iterable[str]) -> Cause:
    """The value is none of the allowed ones.

    >>> print(not_supported("spec.restartPolicy", "x", ["Always", "OnFailure", "Never"]))
    spec.restartPolicy: Unsupported value: "x": supported values: "Always", "OnFailure", "Never"
    """
    values = ", ".join(map(show, allowed))
    detail = f"supported values: {values}" if values else ""
    return _cause("FieldValueNotSupported", f"Unsupported value: {show(value)}", field, detail)


def duplicate(field: str, value: Any) -> Cause:
    """The value was used before where each must be unique."""
    return _cause("FieldValueDuplicate", f"Duplicate value: {show(value)}", field)


def forbidden(field: str, detail: str) -> Cause:
    """The field may not be set here, or not be changed."""
    return _cause("FieldValueForbidden", "Forbidden", field, detail)


def not_found(field: str, value: Any, detail: str = "") -> Cause:
    """The value names something that does not exist."""
    return _cause("FieldValueNotFound", f"Not found: {show(value)}", field, detail)


def too_long(field: str, limit: int) -> Cause:
    """The value has more bytes than the limit."""
    return _cause("FieldValueTooLong", "Too long", field, f"may not be more than {limit} bytes")


def too_many(field: str, count: int, limit: int) -> Cause:
    """The list has more items than the limit."""
    items = "item" if limit == 1 else "items"
    detail = f"must have at most {limit} {items}"
    return _cause("FieldValueTooMany", f"Too many: {count}", field, detail)


def _cause(reason: str, message: str, field: str, detail: str = "") -> Cause:
    return Cause(reason, f"{message}: {detail}" if detail else message, field)


_ESCAPES = {
    "\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v",
    "\\": "\\\\", '"': '\\"',
}  # fmt: skip


def show(value: Any) -> str:
    """A value as it stands in a message: text as a Go string literal, everything else as JSON.

    >>> print(show("a b"), show(7), show({"a": ["<"]}), show(None))
    "a b" 7 {"a":["\\u003c"]} null
    """
    if isinstance(value, str):
        return f'"{"".join(map(_escaped, value))}"'
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _escaped(char: str) -> str:
    if char.isprintable() and char not in '\\"':
        return char
    number = ord(char)
    numeric = f"\\x{number:02x}" if number < 0x80 else f"\\u{number:04x}"
    return _ESCAPES.get(char, numeric if number < 0x10000 else f"\\U{number:08x}")
