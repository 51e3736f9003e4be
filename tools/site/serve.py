"""Serving the site · 本机打开网站

A small server for this machine only.  It knows the types that browsers insist on for modules and
WebAssembly, and it lets nothing be kept without asking, so that a new build shows at once.
"""

from __future__ import annotations

import functools
import sys
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

TYPES = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".wasm": "application/wasm",
    ".whl": "application/octet-stream",
    ".ipynb": "application/x-ipynb+json",
    ".svg": "image/svg+xml",
}


class Handler(SimpleHTTPRequestHandler):
    """Serves files and keeps quiet."""

    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, **TYPES}  # noqa: RUF012
    protocol_version = "HTTP/1.1"

    def end_headers(self) -> None:
        """Browsers ask whether a file changed instead of trusting what they keep."""
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """A server that a closed browser tab does not upset."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A broken connection is the browser's business; anything else is told."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


def server(folder: Path, port: int) -> Server:
    """A server of a folder on 127.0.0.1; port 0 takes any free one."""
    return Server(("127.0.0.1", port), functools.partial(Handler, directory=str(folder)))


def serve(folder: Path, port: int) -> int:
    """Serve until Ctrl-C; 2 if it cannot begin."""
    if not (folder / "index.html").exists():
        print("there is no site yet; build it: make site", file=sys.stderr)
        return 2
    try:
        running = server(folder, port)
    except (OSError, OverflowError):
        free = f"choose another one: make site PORT={port % 65535 + 1}"
        print(f"port {port} is taken or not allowed; {free}", file=sys.stderr)
        return 2
    with running:
        print(f"http://127.0.0.1:{running.server_address[1]}/   (Ctrl-C to stop)", flush=True)
        try:
            running.serve_forever()
        except KeyboardInterrupt:
            print()
    return 0
