"""kubectl api-resources, api-versions, version · 集群知道什么

What can be asked of the cluster at all: the kinds it serves, their versions, its release.

Upstream: staging/src/k8s.io/kubectl/pkg/cmd/apiresources/, pkg/cmd/version/
"""

from __future__ import annotations

from k8s_ref.apiserver import health
from k8s_ref.cli.kubectl import columns
from k8s_ref.cli.kubectl.flags import Flag, switch
from k8s_ref.cli.kubectl.session import Command, Session
from k8s_ref.machinery import schema


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


async def api_versions(session: Session) -> int:
    """Print the groups and versions the server knows."""
    found = {kind.api_version for kind in session.api.kinds}
    session.write("".join(f"{version}\n" for version in sorted(found)))
    return 0


async def version(session: Session) -> int:
    """Print the release of client and server, which here are one."""
    session.say(f"Client Version: v{schema.release()}")
    if not session.flags["client"]:
        session.say(f"Server Version: {health.version()['gitVersion']}")
    return 0


COMMANDS = (
    Command("api-resources", api_resources,
            (Flag("output", "o", help="wide or name"), switch("no-headers", "no heading"),
             Flag("api-group", default="*", help="only of this group"),
             Flag("namespaced", bare="true", help="only with, or without, a namespace"),
),
            "kubectl api-resources", "print the kinds the server knows"),
    Command("api-versions", api_versions, (), "kubectl api-versions",
            "print the groups and versions the server knows"),
    Command("version", version, (switch("client", "only of kubectl"),), "kubectl version",
            "print the release"),
)  # fmt: skip
