"""One kubectl command · 一次 kubectl 命令

What every command works with: the API as the user ``kubectl`` sees it, the flags and words of the
line, somewhere to write, and the words for everything that can go wrong.  Nothing here touches a
file or a screen: reading and writing are handed in, so a browser page runs the same commands.

Upstream: staging/src/k8s.io/kubectl/pkg/cmd/util/helpers.go
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from k8s_ref.cli.kubectl.flags import Flag
from k8s_ref.client.client import Client
from k8s_ref.machinery.errors import ApiError, Cause, Invalid, show
from k8s_ref.machinery.kinds import Kind
from k8s_ref.machinery.meta import Object
from k8s_ref.sim.loop import SECOND


class Failure(Exception):  # noqa: N818
    """The command cannot go on; the text is printed as it is."""


@dataclass(slots=True)
class Session:
    """One line while it runs.  Writes: what is printed, and the objects it was told to."""

    api: Client
    flags: dict[str, Any]
    words: list[str]
    stdin: str
    read: Callable[[str], str]
    """Gives the text of a file by name, or raises ``OSError``."""
    write: Callable[[str], None]
    patience: float
    """Virtual seconds after which ``-w`` and ``-f`` stop: nobody is there to press Ctrl-C."""
    errors: list[Exception] = field(default_factory=list)
    """What went wrong with single objects while the others went on."""
    name: str = ""
    """The command, as ``rollout status``."""
    after: list[str] = field(default_factory=list)
    """The words after ``--``; they are the last of ``words`` too."""
    documents: int = 0
    """How many objects were printed one by one."""
    dry: str = ""
    """``client`` or ``server`` when nothing is to be written, and who works out what would be."""

    @property
    def namespace(self) -> str:
        """The namespace of the line, or the default one."""
        return self.flags["namespace"] or "default"

    @property
    def now(self) -> int:
        """The present, in nanoseconds since 1970."""
        return self.api.loop.epoch * SECOND + self.api.loop.now

    @property
    def tail(self) -> str:
        """What is said behind something that was only tried."""
        return {"client": " (dry run)", "server": " (server dry run)"}.get(self.dry, "")

    def misused(self, message: str) -> ValueError:
        """The line makes no sense: the message, and where to read about the command."""
        return ValueError(f"{message}\nSee 'kubectl {self.name} -h' for help and examples")

    def say(self, line: str) -> None:
        """Print one line."""
        self.write(f"{line}\n")

    def fail(self, error: Exception) -> None:
        """Take note of an error and go on with the next object."""
        self.errors.append(error)

    def key(self, kind: Kind, name: str, namespace: str = "") -> str:
        """The key of an object of the line's namespace."""
        return f"{namespace or self.namespace}/{name}" if kind.namespaced else name


@dataclass(slots=True, frozen=True)
class Command:
    """A command of kubectl: what it does and which flags it takes."""

    name: str
    run: Callable[[Session], Awaitable[int]]
    flags: tuple[Flag, ...]
    usage: str
    summary: str
    aliases: tuple[str, ...] = ()


def explain(error: Exception) -> str:
    """What kubectl prints for an error, without the last newline.

    >>> from k8s_ref.machinery.errors import NotFound
    >>> print(explain(NotFound.of("pods", "", "web")))
    Error from server (NotFound): pods "web" not found
    """
    if isinstance(error, Invalid):
        return _invalid(error) if error.details else f"The request is invalid: {error.message}"
    if isinstance(error, ApiError):
        return _of_server(error)
    if isinstance(error, TimeoutError):
        return _unreachable(str(error))
    if isinstance(error, Failure):
        return str(error)
    return f"error: {error}"


def explain_all(errors: list[Exception]) -> str:
    """What kubectl prints when several things went wrong: a line each, in fewer words."""
    if len(errors) == 1:
        return explain(errors[0])
    return "\n".join(
        _of_server(error) if isinstance(error, ApiError) else str(error) for error in errors
    )


def _of_server(error: ApiError) -> str:
    reason = f" ({error.reason})" if error.reason else ""
    return f"Error from server{reason}: {error.message}"


def _invalid(error: Invalid) -> str:
    details = error.details or {}
    named = (
        f"{details['kind']} {show(details.get('name', ''))}" if details.get("kind") else "request"
    )
    subject = f"The {named} is invalid"
    causes = list(dict.fromkeys(map(_cause, error.causes)))
    if not causes:
        return f"{subject}: {error.message}"
    if len(causes) == 1:
        return f"{subject}: {causes[0]}"
    return "\n".join([f"{subject}: ", *(f"* {cause}" for cause in causes)])


def _cause(cause: Cause) -> str:
    return f"{cause.field}: {cause.message}"


def _unreachable(why: str) -> str:
    if "refused" in why:
        address = why.partition("tcp ")[2].partition(": ")[0]
        return (
            f"The connection to the server {address} was refused"
            " - did you specify the right host or port?"
        )
    return f"Unable to connect to the server: {why}"


def type_of(kind: Kind) -> str:
    """``pod``, ``replicaset.apps``: how kubectl names a kind."""
    return f"{kind.kind.lower()}.{kind.group}" if kind.group else kind.kind.lower()


def full_name(kind: Kind) -> str:
    """``Pod``, ``Deployment.apps``: how refusals name a kind."""
    return f"{kind.kind}.{kind.group}" if kind.group else kind.kind


def name_of(kind: Kind, obj: Object | str) -> str:
    """``pod/web``, ``replicaset.apps/web``: how kubectl names an object."""
    name = obj if isinstance(obj, str) else obj["metadata"]["name"]
    return f"{type_of(kind)}/{name}"


def resource_of(kind: Kind) -> str:
    """The one name of a kind that is never ambiguous, for calls of the API."""
    return f"{kind.plural}.{kind.version}.{kind.group}"
