"""Images · 镜像

What is in the registries of the simulated world: for the images that examples use, layers with
their sizes, the command they start with and the programs inside.  Every other image exists too, a
server that ends well when asked.  What cannot be pulled are images of a registry under ``.invalid``
(no such host) and images tagged ``missing`` (no such manifest).

Upstream: none; docker.io and registry.k8s.io
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from k8s_ref.node.cri import Answer, CRIError, Image, repository, tag_of
from k8s_ref.node.programs import Context, Program, server
from k8s_ref.node.shell import COMMANDS, SHELLS, shell
from k8s_ref.sim.loop import SECOND


@dataclass(slots=True, frozen=True)
class Manifest:
    """What a registry knows of one image."""

    layers: Mapping[str, int]
    """Name → bytes; images that name the same layer share it, and ``{tag}`` makes it their own."""
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    programs: Mapping[str, Program] = field(default_factory=dict)
    """Programs besides the shell's commands; ``*`` runs whatever has no other name."""
    shells: tuple[str, ...] = SHELLS
    """Names the shell has; none means that there is not even ``echo``."""
    stop_signal: str = "SIGTERM"
    files: Mapping[str, str] = field(default_factory=dict)
    """Those that a program may serve or a reader may look for."""

    def argv(self, command: Sequence[str], args: Sequence[str]) -> list[str]:
        """The whole command line: ``command`` replaces the entrypoint and with it the cmd."""
        if command:
            return [*command, *args]
        return [*self.entrypoint, *(args or self.cmd)]

    def find(self, argv: Sequence[str]) -> Program | None:
        """The program a command line starts, or None if there is no such executable."""
        if not argv:
            return self.programs.get("*")
        name = argv[0].rpartition("/")[2]
        if name in self.programs:
            return self.programs[name]
        if self.shells and name in COMMANDS and (name in self.shells or name not in SHELLS):
            return shell
        return self.programs.get("*")


_NGINX_ROOT = "/usr/share/nginx/html"
_HTTPD_ROOT = "/usr/local/apache2/htdocs"
_NGINX = server(
    (
        "/docker-entrypoint.sh: Configuration complete; ready for start up",
        '{time:%Y/%m/%d %H:%M:%S} [notice] 1#1: using the "epoll" event method',
        "{time:%Y/%m/%d %H:%M:%S} [notice] 1#1: start worker processes",
    ),
    (
        "{time:%Y/%m/%d %H:%M:%S} [notice] 1#1: signal 3 ({signal}) received, shutting down",
        "{time:%Y/%m/%d %H:%M:%S} [notice] 1#1: exit",
    ),
    (80,),
    _NGINX_ROOT,
)
_REDIS = server(
    (
        "1:C {time:%d %b %Y %H:%M:%S.000} * oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo",
        "1:M {time:%d %b %Y %H:%M:%S.000} * Ready to accept connections tcp",
    ),
    ("1:signal-handler User requested shutdown...", "1:M # Redis is now ready to exit, bye bye..."),
    (6379,),
)
_HTTPD = server(
    ("[{time:%a %b %d %H:%M:%S.%f %Y}] [core:notice] [pid 1] AH00094: Command line: 'httpd'",),
    ("[{time:%a %b %d %H:%M:%S.%f %Y}] [mpm_event:notice] [pid 1] AH00491: caught {signal},"
     " shutting down",),
    (80,),
    _HTTPD_ROOT,
)  # fmt: skip


async def _postgres(context: Context) -> int:
    if context.env.get("POSTGRES_PASSWORD"):
        greeting = (
            "{time:%Y-%m-%d %H:%M:%S} UTC [1] LOG:  database system is ready to accept connections"
        )
        return await server((greeting,), ports=(5432,))(context)
    context.write(
        "Error: Database is uninitialized and superuser password is not specified.\n"
        "       You must specify POSTGRES_PASSWORD to a non-empty value for the\n"
        "       superuser.\n",
        "stderr",
    )
    return 1


async def _agnhost(context: Context) -> int:
    """``agnhost liveness`` of the Kubernetes documentation: well for ten seconds, then not."""
    began = context.loop.now

    async def answer(path: str) -> Answer:
        age = (context.loop.now - began) / SECOND
        return Answer(200, "ok") if age <= 10 else Answer(500, f"error: {age:.9g}")

    context.listening[8080] = answer
    await context.stopped
    return 0


_DEBIAN = {"debian:trixie-slim": 29_777_766}

KNOWN = {
    "docker.io/library/nginx": Manifest(
        {**_DEBIAN, "nginx:{tag}": 29_995_812},
        ("/docker-entrypoint.sh",),
        ("nginx", "-g", "daemon off;"),
        {"nginx": _NGINX, "docker-entrypoint.sh": _NGINX},
        stop_signal="SIGQUIT",
        files={f"{_NGINX_ROOT}/index.html": "<h1>Welcome to nginx!</h1>\n"},
    ),
    "docker.io/library/redis": Manifest(
        {**_DEBIAN, "redis:{tag}": 23_402_115},
        ("docker-entrypoint.sh",),
        ("redis-server",),
        {"redis-server": _REDIS, "docker-entrypoint.sh": _REDIS},
    ),
    "docker.io/library/httpd": Manifest(
        {**_DEBIAN, "httpd:{tag}": 15_344_078},
        cmd=("httpd-foreground",),
        programs={"httpd-foreground": _HTTPD},
        stop_signal="SIGWINCH",
        files={f"{_HTTPD_ROOT}/index.html": "<html><body><h1>It works!</h1></body></html>\n"},
    ),
    "docker.io/library/postgres": Manifest(
        {**_DEBIAN, "postgres:{tag}": 128_370_212},
        ("docker-entrypoint.sh",),
        ("postgres",),
        {"docker-entrypoint.sh": _postgres, "postgres": _postgres},
        stop_signal="SIGINT",
    ),
    "docker.io/library/alpine": Manifest(
        {"alpine:{tag}": 3_802_452}, cmd=("sh",), shells=("sh", "ash")
    ),
    "registry.k8s.io/e2e-test-images/agnhost": Manifest(
        {"agnhost:{tag}": 52_831_904}, ("/agnhost",), ("pause",), {"agnhost": _agnhost}
    ),
    "docker.io/library/busybox": Manifest(
        {"busybox:{tag}": 2_224_358}, cmd=("sh",), shells=("sh", "ash")
    ),
    "registry.k8s.io/pause": Manifest(
        {"pause:{tag}": 318_731}, ("/pause",), programs={"pause": server()}, shells=()
    ),
}
"""Images that are more than any server."""


@lru_cache(maxsize=1024)
def manifest_of(reference: str) -> Manifest:
    """What the registry has under a full reference; :class:`CRIError` if it has nothing."""
    failed = f'failed to pull and unpack image "{reference}": failed to resolve reference'
    host = reference.partition("/")[0].partition(":")[0]
    if host.endswith(".invalid"):
        path = repository(reference).partition("/")[2]
        raise CRIError(
            f'{failed} "{reference}": failed to do request: Head "https://{host}/v2/{path}/manifests/'
            f'{tag_of(reference)}": dial tcp: lookup {host}: no such host'
        )
    if tag_of(reference) == "missing":
        raise CRIError(f'{failed} "{reference}": {reference}: not found', "NotFound")
    if repository(reference) in KNOWN:
        return KNOWN[repository(reference)]
    size = 20_000_000 + int(_digest(reference)[:8], 16) % 80_000_000
    return Manifest({reference: size}, programs={"*": server()})


def layers_of(reference: str) -> dict[str, int]:
    """The layers of an image and their bytes, the lowest first.

    >>> layers_of("docker.io/library/busybox:1.37")
    {'busybox:1.37': 2224358}
    """
    layers = manifest_of(reference).layers
    return {name.format(tag=tag_of(reference)): size for name, size in layers.items()}


def image_of(reference: str) -> Image:
    """The image as a runtime lists it."""
    size = sum(layers_of(reference).values())
    return Image(reference, f"sha256:{_digest(reference)}", size)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
