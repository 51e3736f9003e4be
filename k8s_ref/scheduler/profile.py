"""Default profile · 默认配置

Which plugins the default scheduler asks, in which order, and how much each score weighs.  The
order is the order of the reasons a person is given: the first plugin that rejects a node names it.

Upstream: pkg/scheduler/apis/config/v1/default_plugins.go
"""

from __future__ import annotations

from k8s_ref.client.client import Client
from k8s_ref.scheduler.framework import Plugin
from k8s_ref.scheduler.plugins.binding import DefaultBinder
from k8s_ref.scheduler.plugins.image_locality import ImageLocality
from k8s_ref.scheduler.plugins.inter_pod_affinity import InterPodAffinity
from k8s_ref.scheduler.plugins.node_affinity import NodeAffinity
from k8s_ref.scheduler.plugins.node_ports import NodePorts
from k8s_ref.scheduler.plugins.node_resources import (
    NodeResourcesBalancedAllocation,
    NodeResourcesFit,
)
from k8s_ref.scheduler.plugins.nodes import NodeName, NodeUnschedulable
from k8s_ref.scheduler.plugins.pod_topology_spread import PodTopologySpread
from k8s_ref.scheduler.plugins.preemption import DefaultPreemption, DynamicResources
from k8s_ref.scheduler.plugins.queueing import PrioritySort, SchedulingGates
from k8s_ref.scheduler.plugins.taint_toleration import TaintToleration
from k8s_ref.scheduler.reader import Reader

Profile = list[tuple[Plugin, int]]
"""Plugins with the weights of their scores."""


def default_profile(api: Client | None = None, reader: Reader | None = None) -> Profile:
    """The plugins of the default scheduler; without an API, all but the one that binds.

    Without a ``reader`` they know no objects but nodes and Pods.

    >>> [plugin.name for plugin, weight in default_profile() if weight > 1]
    ['TaintToleration', 'NodeAffinity', 'PodTopologySpread', 'InterPodAffinity']
    """
    binder: Profile = [(DefaultBinder(api), 0)] if api is not None else []
    return [
        (SchedulingGates(), 0),
        (PrioritySort(), 0),
        (NodeUnschedulable(), 0),
        (NodeName(), 0),
        (TaintToleration(), 3),
        (NodeAffinity(), 2),
        (NodePorts(), 0),
        (NodeResourcesFit(), 1),
        (PodTopologySpread(reader), 2),
        (InterPodAffinity(reader), 2),
        (DynamicResources(), 0),
        (DefaultPreemption(reader), 0),
        (NodeResourcesBalancedAllocation(), 1),
        (ImageLocality(), 1),
        *binder,
    ]
