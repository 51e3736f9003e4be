"""Health and version · 健康与版本

Is this server alive, may it be sent requests, which release is it?  Probes, load balancers and
every kubectl ask before anything else, so these answers are plain text and need no store.  The
one idea: a check has a name, and whoever asks may leave it out or ask for it alone.

Upstream: staging/src/k8s.io/apiserver/pkg/server/healthz/healthz.go, pkg/server/routes/version.go
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from k8s_ref.apiserver import bootstrap
from k8s_ref.apiserver.documents import Document, page_not_found, pretty, text
from k8s_ref.apiserver.encoding import JSON
from k8s_ref.apiserver.server import NAMESPACES, APIServer
from k8s_ref.machinery import schema
from k8s_ref.machinery.errors import show

Check = Callable[[], str]
"""Says what is wrong, or nothing."""

ENDPOINTS = ("healthz", "livez", "readyz")
READY = ("informer-sync",)
"""Checks on which only readiness depends: a server that is still reading is none the less alive."""


def answer(
    path: str, query: Mapping[str, Sequence[str]], checks: Mapping[str, Check]
) -> Document | None:
    """The document at a path; ``None`` if the path is about something else."""
    endpoint, _, name = path.strip("/").partition("/")
    if endpoint == "version" and not name:
        return Document(JSON, pretty(version()))
    if endpoint not in ENDPOINTS:
        return None
    known = {
        each: check for each, check in checks.items() if endpoint == "readyz" or each not in READY
    }
    if name:
        return _one(known[name]()) if name in known else page_not_found()
    excluded = {word for words in query.get("exclude", ()) for word in words.split(",") if word}
    return _all(endpoint, known, excluded, "verbose" in query)


def _one(wrong: str) -> Document:
    return text(f"internal server error: {wrong}\n", 500) if wrong else text("ok")


def _all(endpoint: str, checks: Mapping[str, Check], excluded: set[str], verbose: bool) -> Document:
    lines, failed = [], False
    for name, check in checks.items():
        if name in excluded:
            lines.append(f"[+]{name} excluded: ok\n")
        elif check():
            # Why is for those who may ask for the check alone; this endpoint is public.
            failed = True
            lines.append(f"[-]{name} failed: reason withheld\n")
        else:
            lines.append(f"[+]{name} ok\n")
    unknown = ",".join(show(name) for name in sorted(excluded - checks.keys()))
    if unknown:
        lines.append(f"warn: some health checks cannot be excluded: no matches for {unknown}\n")
    if failed:
        return text(f"{''.join(lines)}{endpoint} check failed\n", 500)
    return text(f"{''.join(lines)}{endpoint} check passed\n" if verbose else "ok")


def checks_of(server: APIServer) -> dict[str, Check]:
    """What can be found out about a server; each check looks when it is asked."""

    def exist(wanted: Mapping[str, Iterable[str]]) -> Check:
        caches = {resource: server.registry(resource).cache.objects for resource in wanted}
        keys = [(caches[resource], key) for resource in wanted for key in wanted[resource]]
        done: list[bool] = []

        def check() -> str:
            # What has started has started, whatever is deleted later.
            if not done and all(key in cache for cache, key in keys):
                done.append(True)
            return "" if done else "not finished"

        check()
        return check

    def store() -> str:
        return "" if server.storage.revision else "the store has not been read yet"

    hooks = {"start-system-namespaces-controller": {"namespaces": NAMESPACES}} | {
        hook: {resource: bootstrap.policy()[resource] for resource in resources}
        for hook, resources in bootstrap.HOOKS.items()
    }
    started = {f"poststarthook/{hook}": exist(wanted) for hook, wanted in sorted(hooks.items())}
    return {"ping": lambda: "", "etcd": store, "informer-sync": store, **started}


def paths(checks: Mapping[str, Check]) -> list[str]:
    """Every path that is answered here, for the document at ``/``."""
    below = [
        f"/{endpoint}/{name}"
        for endpoint in ENDPOINTS
        for name in checks
        if endpoint == "readyz" or name not in READY
    ]
    return ["/version", *(f"/{endpoint}" for endpoint in ENDPOINTS), *below]


def version() -> dict[str, str]:
    """The release whose behaviour is followed; clients compare it with their own.

    The part after the plus sign says that this is not the original, and nobody compares it.
    """
    major, minor, _ = schema.release().split(".")
    return {
        "major": major,
        "minor": minor,
        "emulationMajor": major,
        "emulationMinor": minor,
        "minCompatibilityMajor": major,
        "minCompatibilityMinor": str(int(minor) - 1),
        "gitVersion": f"v{schema.release()}+k8s-ref",
        "gitCommit": "",
        "gitTreeState": "",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "",
        "platform": "linux/amd64",
    }
