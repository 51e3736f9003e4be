"""Taints and tolerations · 污点与容忍

Whether a toleration covers a taint, and for how long a list of them lets a Pod stay.  Controllers
and scheduler ask the same question of the same two lists; what they do about it is theirs.

Upstream: staging/src/k8s.io/api/core/v1/toleration.go,
staging/src/k8s.io/component-helpers/scheduling/corev1/helpers.go
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from k8s_ref.machinery.meta import Object


def taints_of(node: Object, effect: str = "") -> list[Object]:
    """The taints of a node, or only those of one effect.

    >>> taints_of({"spec": {"taints": [{"key": "gpu", "effect": "NoSchedule"}]}}, "NoExecute")
    []
    """
    taints: list[Object] = (node.get("spec") or {}).get("taints") or []
    return [taint for taint in taints if taint["effect"] == effect] if effect else taints


def tolerates(toleration: Object, taint: Object) -> bool:
    """Whether a toleration covers a taint; what it leaves out matches anything.

    >>> tolerates({"operator": "Exists"}, {"key": "gpu", "effect": "NoSchedule"})
    True
    """
    if toleration.get("effect") and toleration["effect"] != taint["effect"]:
        return False
    if toleration.get("key") and toleration["key"] != taint["key"]:
        return False
    if toleration.get("operator") == "Exists":
        return True
    return (toleration.get("value") or "") == (taint.get("value") or "")


def seconds_tolerated(taints: Iterable[Object], tolerations: Sequence[Object]) -> float | None:
    """How long these taints together are borne, or None: for ever.

    >>> down = {"key": "down", "effect": "NoExecute"}
    >>> seconds_tolerated([down], [{"operator": "Exists", "tolerationSeconds": 300}])
    300.0
    >>> seconds_tolerated([down], [])
    0.0
    """
    limits = []
    for taint in taints:
        covering = next((t for t in tolerations if tolerates(t, taint)), None)
        if covering is None:
            return 0.0
        if covering.get("tolerationSeconds") is not None:
            limits.append(max(covering["tolerationSeconds"], 0))
    return float(min(limits)) if limits else None
