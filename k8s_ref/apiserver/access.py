"""Access control · 访问控制

Who asks, may he, and what is kept of it: the three gates of the API server, wired together.  The
one rule: they read nothing but the API server's own caches, so that a decision never waits.

Upstream: staging/src/k8s.io/apiserver/pkg/server/config.go (DefaultBuildHandlerChain),
pkg/kubeapiserver/authorizer/config.go
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from k8s_ref.apiserver.audit import Audit
from k8s_ref.apiserver.authn import Authenticator
from k8s_ref.apiserver.authorization import (
    Attributes,
    Authorization,
    PrivilegedGroup,
    attributes_of,
)
from k8s_ref.apiserver.bootstrap import system_node_rules
from k8s_ref.apiserver.impersonation import impersonated
from k8s_ref.apiserver.node_authorizer import NodeAuthorizer
from k8s_ref.apiserver.rbac import RBAC, EscalationCheck
from k8s_ref.apiserver.request import Request
from k8s_ref.apiserver.reviews import Reviews
from k8s_ref.apiserver.tokens import HMACSigner, ServiceAccountTokens, Signer
from k8s_ref.apiserver.watchcache import WatchCache
from k8s_ref.sim.loop import Loop


class Access:
    """The gates in front of one API server."""

    def __init__(
        self, cache: Callable[[str], WatchCache], loop: Loop, signer: Signer | None = None
    ) -> None:
        roles = [cache(name) for name in ("roles", "rolebindings", "clusterroles",
                                          "clusterrolebindings")]  # fmt: skip
        rbac = RBAC(*(each.objects for each in roles))
        pods, claims, volumes = (
            cache(n).objects for n in ("pods", "persistentvolumeclaims", "persistentvolumes")
        )
        node = NodeAuthorizer(pods, claims, volumes, system_node_rules())
        self.authorization = Authorization((PrivilegedGroup(), node, rbac))
        for each in roles:
            each.listeners.append(self.authorization.forget)
        bound = {"Pod": pods, "Node": cache("nodes").objects, "Secret": cache("secrets").objects}
        # Whoever serves real sockets brings a secret nobody can guess.
        signer = signer or HMACSigner(f"service accounts of {loop.seed}".encode())
        self.tokens = ServiceAccountTokens(loop, signer, cache("serviceaccounts").objects, bound)
        self.authenticator = Authenticator(self.tokens.recognize)
        self.reviews = Reviews(self.authorization, self.authenticator, self.tokens)
        self.escalation = EscalationCheck(rbac, self.authorization)
        self.audit = Audit(loop, self.authorization.decide)

    def check(self, request: Request) -> None:
        """Let the request pass as the user who asks, or whom he asks to be; ``Forbidden``."""
        if request.impersonate:
            asked = attributes_of(request)
            acting = impersonated(asked, request.impersonate, self.authorization)
            if acting is not None:
                request.impersonator, request.user = request.user, acting
                request.impersonate = {}
        self.authorization.check(request)

    def check_path(self, asked: Attributes, headers: Mapping[str, str]) -> None:
        """The same for a call that is about no resource, or about one that does not exist."""
        acting = impersonated(asked, headers, self.authorization)
        self.authorization.require(asked._replace(user=acting) if acting else asked)
