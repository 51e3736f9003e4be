"""Bodies of requests · 请求体

Upstream: apimachinery/pkg/runtime/serializer/
"""

from __future__ import annotations

import json
from typing import Any

import yaml

from k8s_ref.machinery.errors import BadRequest


def decode_body(content_type: str, raw: bytes) -> Any:
    """The object a body holds, or None without a body."""
    if not raw.strip():
        return None
    try:
        if "yaml" in content_type:
            return yaml.safe_load(raw)
        return json.loads(raw)
    except ValueError as error:
        raise BadRequest(str(error)) from None
