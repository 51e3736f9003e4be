"""ClusterRole aggregation controller · ClusterRole 聚合控制器

Keeps roles that are made of other roles up to date: ``view`` has the rules of every ClusterRole
that carries a certain label, so whoever brings a new kind brings its permissions along.  The one
idea: aggregation is done when roles change, not when somebody asks, so a decision stays cheap.

Upstream: pkg/controller/clusterroleaggregation/clusterroleaggregation_controller.go
"""

from __future__ import annotations

from k8s_ref.apiserver.rbac import aggregated
from k8s_ref.client.client import Client
from k8s_ref.client.informer import InformerFactory
from k8s_ref.controllers.controller import Controller
from k8s_ref.machinery.meta import Object
from k8s_ref.sim.loop import Loop


class ClusterRoleAggregationController(Controller):
    """Writes: the rules of aggregated ClusterRoles."""

    name = "clusterrole-aggregation-controller"
    resource, kind = "clusterroles", "ClusterRole"

    def __init__(self, api: Client, informers: InformerFactory, loop: Loop) -> None:
        super().__init__(api, informers, loop)
        self.roles = informers[self.resource]
        self.roles.on_change(self._changed)

    def _changed(self, _: str, obj: Object, old: Object | None) -> None:
        """Any role may be part of any that aggregates."""
        for key, role in sorted(self.roles.objects.items()):
            if "aggregationRule" in role:
                self.queue.add(key)

    async def reconcile(self, key: str) -> float | None:
        """Give one role the rules of those it selects."""
        role = self.roles.objects.get(key)
        if role is None or "aggregationRule" not in role:
            return None
        rules = aggregated(role, self.roles.objects)
        if rules != (role.get("rules") or []):
            await self.api.update(self.resource, {**role, "rules": rules})
        return None
