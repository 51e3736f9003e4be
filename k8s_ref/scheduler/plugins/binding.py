"""DefaultBinder · 绑定

Writes the decision: one call that sets the Pod's node, which the API server accepts only once.
That is why two schedulers can never both win.

Upstream: pkg/scheduler/framework/plugins/defaultbinder/default_binder.go
"""

from __future__ import annotations

from k8s_ref.client.client import Client
from k8s_ref.scheduler.cache import PodInfo
from k8s_ref.scheduler.framework import CycleState, Plugin, Status


class DefaultBinder(Plugin):
    """Binds through the ``binding`` subresource of the Pod."""

    name = "DefaultBinder"

    def __init__(self, api: Client) -> None:
        self.api = api

    async def bind(self, state: CycleState, pod: PodInfo, node: str) -> Status | None:
        """``Conflict`` if the Pod has a node already or is being deleted."""
        await self.api.bind(pod.key, node, pod.uid)
        return None
