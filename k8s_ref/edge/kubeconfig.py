"""kubeconfig · 客户端配置

The file that tells kubectl where the cluster is, whom to trust and who one is.  A new file holds
nothing else; one that exists keeps everything it has and gets one more context.

Upstream: client-go/tools/clientcmd/api/v1/types.go
"""

from __future__ import annotations

import base64
import os
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


def write(path: Path, config: Config) -> None:
    """Write the file, readable by its owner alone; what it holds of other clusters stays.

    ``ValueError`` if there is a file that is no kubeconfig.
    """
    merged = config
    if path.exists():
        there = yaml.safe_load(path.read_text("utf-8")) or {}
        if not isinstance(there, dict) or there.get("kind", "Config") != "Config":
            raise ValueError(f"{path} is no kubeconfig")
        merged = {**there, **config, **{part: _merged(there, config, part) for part in _PARTS}}
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        yaml.safe_dump(merged, file, sort_keys=False)
    fresh.replace(path)


def remove(path: Path, name: str, before: str) -> None:
    """Take the parts of that name out again, and let ``before`` be the current context."""
    there = yaml.safe_load(path.read_text("utf-8")) or {}
    for part in _PARTS:
        there[part] = [entry for entry in there.get(part) or () if entry["name"] != name]
    there["current-context"] = before
    with path.open("w") as file:
        yaml.safe_dump(there, file, sort_keys=False)


def _merged(there: Config, config: Config, part: str) -> list[Config]:
    (own,) = config[part]
    return [*(e for e in there.get(part) or () if e["name"] != own["name"]), own]


_PARTS = ("clusters", "users", "contexts")


def _data(pem: bytes) -> str:
    return base64.b64encode(pem).decode()
