"""Admission · 准入

What the server asks after it knows who may do what and before it stores anything: may this
object exist here, and what must be added to it?  First those who change it, then those who only
say no.

Upstream: staging/src/k8s.io/apiserver/pkg/admission/,
plugin/pkg/admission/namespace/lifecycle/admission.go
"""

from __future__ import annotations

from k8s_ref.apiserver.request import Request
from k8s_ref.apiserver.watchcache import WatchCache
from k8s_ref.machinery.errors import Cause, Forbidden, NotFound

IMMORTAL = ("default", "kube-system", "kube-public")
"""Namespaces nobody may delete."""


class NamespaceLifecycle:
    """Nothing new in a namespace that is missing or going; the first namespaces stay."""

    def __init__(self, namespaces: WatchCache) -> None:
        self.namespaces = namespaces

    def validate(self, request: Request) -> None:
        """Raise what upstream raises, or nothing."""
        kind = request.kind
        if request.verb == "delete" and kind.kind == "Namespace" and request.name in IMMORTAL:
            why = "this namespace may not be deleted"
            raise Forbidden.of(kind.plural, kind.group, request.name, why)
        if request.verb != "create" or not request.namespace:
            return
        namespace = self.namespaces.objects.get(request.namespace)
        if namespace is None:
            raise NotFound.of("namespaces", "", request.namespace)
        if "deletionTimestamp" in namespace["metadata"] and not request.subresource:
            name = request.name or request.body["metadata"].get("name", "")
            why = (
                f"unable to create new content in namespace {request.namespace}"
                " because it is being terminated"
            )
            refusal = Forbidden.of(kind.plural, kind.group, name, why)
            message = f"namespace {request.namespace} is being terminated"
            cause = Cause("NamespaceTerminating", message, "metadata.namespace")
            refusal.details = {**(refusal.details or {}), "causes": [cause.as_json()]}
            raise refusal
