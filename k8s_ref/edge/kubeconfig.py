"""kubeconfig · 客户端配置

The file that tells kubectl where the cluster is, whom to trust and who one is.  A new file holds
nothing else; one that exists keeps everything it has and gets one more context.

Upstream: client-go/tools/clientcmd/api/v1/types.go
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from k8s_ref.edge.certificates import Pair

Config = dict[str, Any]


def kubeconfig(name: str, url: str, authority: bytes, client: Pair) -> Config:
    """A configuration with one cluster, one user and one context, all of that name."""
    user = {
        "client-certificate-data": _data(client.certificate),
        "client-key-data": _data(client.key),
    }
    cluster = {"server": url, "certificate-authority-data": _data(authority)}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }


def write(path: Path, config: Config) -> Callable[[], None]:
    """Write the file, readable by its owner alone; what it holds of other clusters stays.

    Returns what takes it back.  ``ValueError`` if there is a file that is no kubeconfig.
    """
    path = path.resolve()
    before, mode, merged = None, 0o600, config
    if path.exists():
        before, mode = path.read_bytes(), path.stat().st_mode & 0o777
        there = _read(path)
        merged = {**there, **config, **{part: _merged(there, config, part) for part in _PARTS}}
    written = yaml.safe_dump(merged, sort_keys=False).encode()
    _replace(path, written, 0o600)

    def undo() -> None:
        if not path.exists():
            return
        if path.read_bytes() != written:
            # Somebody else wrote it meanwhile: what is theirs stays.
            there = {} if before is None else yaml.safe_load(before)
            remove(path, config["current-context"], (there or {}).get("current-context", ""))
        elif before is None:
            path.unlink()
        else:
            _replace(path, before, mode)

    return undo


def remove(path: Path, name: str, before: str) -> None:
    """Take the parts of that name out again; if it was the current context, ``before`` is."""
    there = _read(path)
    for part in _PARTS:
        there[part] = [entry for entry in there.get(part) or () if entry["name"] != name]
    if there.get("current-context") == name:
        there["current-context"] = before if before != name else ""
    _replace(path, yaml.safe_dump(there, sort_keys=False).encode(), path.stat().st_mode & 0o777)


def _read(path: Path) -> Config:
    try:
        there = yaml.safe_load(path.read_text("utf-8")) or {}
    except yaml.YAMLError:
        there = None
    if not isinstance(there, dict) or there.get("kind", "Config") != "Config":
        raise ValueError(f"{path} is no kubeconfig")
    return there


def _replace(path: Path, content: bytes, mode: int) -> None:
    """All of the new content or all of the old, whenever somebody reads it."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(content)
    fresh.replace(path)


def _merged(there: Config, config: Config, part: str) -> list[Config]:
    (own,) = config[part]
    return [*(e for e in there.get(part) or () if e["name"] != own["name"]), own]


_PARTS = ("clusters", "users", "contexts")


def _data(pem: bytes) -> str:
    return base64.b64encode(pem).decode()
