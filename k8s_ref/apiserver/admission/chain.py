"""The chain of admission plugins · 准入链

Which plugins there are and in which order they are asked: upstream's order, in which the webhooks
come after everybody who adds something, and the quota last, so that nothing is charged that
somebody refuses.

Upstream: pkg/kubeapiserver/options/plugins.go
"""

from __future__ import annotations

from collections.abc import Callable

from k8s_ref.apiserver.admission import (
    Admission,
    DefaultTolerationSeconds,
    Plugin,
    Priority,
    ServiceAccounts,
)
from k8s_ref.apiserver.admission.limitranger import LimitRanger
from k8s_ref.apiserver.admission.noderestriction import NodeRestriction
from k8s_ref.apiserver.admission.podsecurity import PodSecurity
from k8s_ref.apiserver.admission.resourcequota import Handle, ResourceQuota
from k8s_ref.apiserver.admission.storageclass import (
    DefaultStorageClass,
    PersistentVolumeClaimResize,
)
from k8s_ref.apiserver.admission.webhook import Caller, MutatingWebhooks, ValidatingWebhooks
from k8s_ref.apiserver.watchcache import WatchCache
from k8s_ref.machinery.kinds import Kinds
from k8s_ref.sim.loop import Loop


def chain(
    cache: Callable[[str], WatchCache], kinds: Kinds, loop: Loop, handle: Handle, caller: Caller
) -> Admission:
    """Every plugin; ``handle`` is how the quota writes, ``caller`` how webhooks are reached."""
    own: tuple[Plugin, ...] = (
        LimitRanger(cache("limitranges")),
        ServiceAccounts(cache("serviceaccounts"), loop),
        NodeRestriction(cache("pods"), cache("nodes")),
        PodSecurity(cache("namespaces"), cache("pods")),
        Priority(cache("priorityclasses")),
        DefaultTolerationSeconds(),
        DefaultStorageClass(cache("storageclasses")),
        PersistentVolumeClaimResize(cache("storageclasses")),
    )
    reached = cache("namespaces"), cache("services"), caller, loop, kinds
    mutating = MutatingWebhooks(cache("mutatingwebhookconfigurations"), *reached)
    mutating.others = Admission(own)
    validating = ValidatingWebhooks(cache("validatingwebhookconfigurations"), *reached)
    quota = ResourceQuota(cache("resourcequotas"), kinds["resourcequotas"], handle, loop)
    return Admission((*own, mutating, validating, quota))
