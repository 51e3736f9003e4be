"""Help · 帮助

What ``kubectl help`` and ``kubectl get --help`` print here: every command and flag this kubectl
knows, in a line each.

Upstream: staging/src/k8s.io/kubectl/pkg/util/templates/
"""

from __future__ import annotations

from collections.abc import Iterable

from k8s_ref.cli.kubectl.columns import align
from k8s_ref.cli.kubectl.flags import Flag
from k8s_ref.cli.kubectl.session import Command


def overview(commands: Iterable[Command]) -> str:
    """All commands."""
    lines = "".join(f"  {command.name}\t{command.summary}\n" for command in commands)
    return (
        "A compact kubectl: it talks to the cluster of this process.\n\n"
        f"Commands:\n{align(lines)}\n"
        'Use "kubectl COMMAND --help" for the flags of a command.\n'
    )


def of(command: Command, flags: Iterable[Flag]) -> str:
    """One command and its flags."""
    lines = "".join(f"  {_form(flag)}\t{flag.help}\n" for flag in flags if flag.help)
    head = f"kubectl {command.name}: {command.summary}.\n\nUsage:\n  {command.usage}\n\n"
    return f"{head}Flags:\n{align(lines)}"


def _form(flag: Flag) -> str:
    short = f"-{flag.short}, " if flag.short else ""
    value = "" if flag.type == "bool" else f"={flag.type.upper()}"
    return f"{short}--{flag.name}{value}"
