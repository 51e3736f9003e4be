"""Admission · 准入

What the server asks after it knows who may do what and before it stores anything: may this
object exist here, and what must be added to it?  First those who change it, then those who only
say no.  What is added here no manifest shows: how long a Pod stays on a node that fell silent,
as whom it talks to the API, how important it is.

Upstream: staging/src/k8s.io/apiserver/pkg/admission/,
plugin/pkg/admission/{namespace/lifecycle,defaulttolerationseconds,serviceaccount,priority}/
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from k8s_ref.apiserver.request import Request
from k8s_ref.apiserver.watchcache import WatchCache
from k8s_ref.machinery.errors import Cause, Forbidden, NotFound
from k8s_ref.machinery.meta import Object
from k8s_ref.sim.loop import Loop

IMMORTAL = ("default", "kube-system", "kube-public")
"""Namespaces nobody may delete."""

MIRROR = "kubernetes.io/config.mirror"
"""The annotation of a Pod that only shows what a kubelet runs by itself."""

SUFFIX = "bcdfghjklmnpqrstvwxz2456789"
"""Letters of generated names: no vowels, no 0, 1 or 3, so that no words come out."""


def suffix(choose: Callable[[str], str]) -> str:
    """The five letters that end a generated name.

    >>> suffix(max)
    'zzzzz'
    """
    return "".join([choose(SUFFIX) for _ in range(5)])


class Plugin:
    """One of those who are asked; what a plugin does not override it has no say in."""

    on: tuple[str, ...] = ()
    """What it is asked about: operations on resources, such as ``create pods``; ``*`` is any."""

    def admit(
        self, request: Request, obj: Object, old: Object | None
    ) -> Object | Awaitable[Object]:
        """The object with what this plugin adds to it; ``Forbidden`` if it may not be."""
        return obj

    def validate(
        self, request: Request, obj: Object | None, old: Object | None
    ) -> Awaitable[None] | None:
        """Refuse what may not happen.  ``obj`` is None for a DELETE, ``old`` for a CREATE."""
        return None

    def concerns(self, operation: str, resource: str) -> bool:
        """Whether it is asked about this operation on ``pods`` or ``pods/status``."""
        wanted = {f"{o} {r}" for o in (operation, "*") for r in (resource, "*")}
        return not wanted.isdisjoint(self.on)


Admit = Callable[[Request, Object, Object | None], Object | Awaitable[Object]]
Validate = Callable[[Request, Object | None, Object | None], Awaitable[None] | None]


class Admission:
    """All plugins in upstream's order: first everybody who changes, then everybody who refuses."""

    def __init__(self, plugins: Iterable[Plugin] = ()) -> None:
        self.plugins = tuple(plugins)
        self._asked: dict[object, tuple[tuple[Admit, ...], tuple[Validate, ...]]] = {}

    async def admit(
        self, operation: str, request: Request, obj: Object, old: Object | None = None
    ) -> Object:
        """The object as all plugins together have it."""
        for admit in self._of(operation, request)[0]:
            changed = admit(request, obj, old)
            obj = changed if isinstance(changed, dict) else await changed
        return obj

    async def validate(
        self, operation: str, request: Request, obj: Object | None, old: Object | None = None
    ) -> None:
        """Refuse what any of the plugins refuses."""
        for validate in self._of(operation, request)[1]:
            waits = validate(request, obj, old)
            if waits is not None:
                await waits

    def _of(
        self, operation: str, request: Request
    ) -> tuple[tuple[Admit, ...], tuple[Validate, ...]]:
        # Every write asks twice, so the answer is kept, and nothing is spelled to look for it.
        key = operation, request.kind.resource, request.subresource
        found = self._asked.get(key)
        if found is None:
            asked = [p for p in self.plugins if p.concerns(operation, request.resource)]
            found = self._asked[key] = (
                tuple(p.admit for p in asked if type(p).admit is not Plugin.admit),
                tuple(p.validate for p in asked if type(p).validate is not Plugin.validate),
            )
        return found


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
            why = (
                f"unable to create new content in namespace {request.namespace}"
                " because it is being terminated"
            )
            refusal = refusal_of(request, why)
            message = f"namespace {request.namespace} is being terminated"
            cause = Cause("NamespaceTerminating", message, "metadata.namespace")
            refusal.details = {**(refusal.details or {}), "causes": [cause.as_json()]}
            raise refusal


_PATIENCE = 300
_NOT_READY, _UNREACHABLE = (
    {
        "key": f"node.kubernetes.io/{name}",
        "operator": "Exists",
        "effect": "NoExecute",
        "tolerationSeconds": _PATIENCE,
    }
    for name in ("not-ready", "unreachable")
)


_PATIENT = [_NOT_READY, _UNREACHABLE]


class DefaultTolerationSeconds(Plugin):
    """Who says nothing else stays five minutes on a node that is not ready or not heard of."""

    on = ("create pods", "update pods")

    def admit(self, request: Request, pod: Object, old: Object | None) -> Object:
        """The Pod with tolerations of both taints."""
        own = pod["spec"].get("tolerations")
        if not own:
            return {**pod, "spec": {**pod["spec"], "tolerations": _PATIENT}}
        added = [wanted for wanted in (_NOT_READY, _UNREACHABLE) if not _covers(own, wanted["key"])]
        return {**pod, "spec": {**pod["spec"], "tolerations": [*own, *added]}} if added else pod


def _covers(tolerations: list[Object], taint: object) -> bool:
    return any(
        t.get("key") in (taint, None, "") and t.get("effect") in ("NoExecute", None, "")
        for t in tolerations
    )


TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
_TOKEN_VOLUME = "kube-api-access-"
_TOKEN_SOURCE: Object = {
    "sources": [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {
            "configMap": {
                "name": "kube-root-ca.crt",
                "items": [{"key": "ca.crt", "path": "ca.crt"}],
            }
        },
        {
            "downwardAPI": {
                "items": [
                    {
                        "path": "namespace",
                        "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"},
                    }
                ]
            }
        },
    ],
    "defaultMode": 420,
}


class ServiceAccounts(Plugin):
    """A Pod acts as a ServiceAccount, ``default`` unless it says otherwise, and has its token."""

    on = ("create pods",)

    def __init__(self, accounts: WatchCache, loop: Loop) -> None:
        self.accounts, self._random = accounts, loop.stream("token volume")

    def admit(self, request: Request, pod: Object, old: Object | None) -> Object:
        """The Pod with its account, the account's pull secrets and a volume with the token."""
        if MIRROR in (pod["metadata"].get("annotations") or {}):
            return pod
        spec = {**pod["spec"]}
        name = spec.get("serviceAccountName") or "default"
        account = self._account(request, name)
        spec["serviceAccountName"] = spec["serviceAccount"] = name
        if account.get("imagePullSecrets") and not spec.get("imagePullSecrets"):
            spec["imagePullSecrets"] = account["imagePullSecrets"]
        mounts = spec.get("automountServiceAccountToken")
        if account.get("automountServiceAccountToken", True) if mounts is None else mounts:
            self._mount(spec)
        return {**pod, "spec": spec}

    def _account(self, request: Request, name: str) -> Object:
        found = self.accounts.objects.get(f"{request.namespace}/{name}")
        if found is not None:
            return found
        if name != "default":
            account = f'{request.namespace}/{name}: serviceaccount "{name}" not found'
            raise refusal_of(request, f"error looking up service account {account}")
        # The controller that makes it for every namespace may not run yet, or not at all.
        return {}

    def _mount(self, spec: Object) -> None:
        volumes = spec.get("volumes") or []
        own = [v["name"] for v in volumes if v["name"].startswith(_TOKEN_VOLUME)]
        name = own[0] if own else _TOKEN_VOLUME + suffix(self._random.choice)
        needed = False
        for group in ("initContainers", "containers"):
            containers = spec.get(group)
            if containers:
                spec[group] = [_with_token(container, name) for container in containers]
                needed |= spec[group] != containers
        if needed and not own:
            spec["volumes"] = [*volumes, {"name": name, "projected": _TOKEN_SOURCE}]


def _with_token(container: Object, volume: str) -> Object:
    mounts = container.get("volumeMounts") or []
    if any(mount.get("mountPath") == TOKEN_PATH for mount in mounts):
        return container
    mount = {"name": volume, "readOnly": True, "mountPath": TOKEN_PATH}
    return {**container, "volumeMounts": [*mounts, mount]}


class Priority(Plugin):
    """A Pod names how important it is; the number comes from the class of that name."""

    on = ("create pods", "create priorityclasses.scheduling.k8s.io",
          "update priorityclasses.scheduling.k8s.io")  # fmt: skip

    def __init__(self, classes: WatchCache) -> None:
        self.classes = classes

    def admit(self, request: Request, pod: Object, old: Object | None) -> Object:
        """The Pod with the number and the preemption policy of its class."""
        if request.kind.kind != "Pod":
            return pod
        spec = pod["spec"]
        name = spec.get("priorityClassName") or ""
        found = self.classes.objects.get(name) if name else self._default()
        if found is None and name:
            raise refusal_of(request, f"no PriorityClass with name {name} was found")
        found = found or {}
        computed = {
            "priority": found.get("value", 0),
            "preemptionPolicy": found.get("preemptionPolicy", "PreemptLowerPriority"),
        }
        for field, what in (("priority", "integer"), ("preemptionPolicy", "string")):
            shown = field if field == "priority" else "PreemptionPolicy"
            if spec.get(field) not in (None, computed[field]):
                why = (
                    f"the {what} value of {shown} ({spec[field]}) must not be provided in pod"
                    f" spec; priority admission controller computed {computed[field]} from the"
                    " given PriorityClass name"
                )
                raise refusal_of(request, why)
        if found and not name:
            computed["priorityClassName"] = found["metadata"]["name"]
        return {**pod, "spec": {**spec, **computed}}

    def _default(self) -> Object | None:
        marked = [c for c in self.classes.objects.values() if c.get("globalDefault")]
        return min(marked, key=lambda c: int(c["value"]), default=None)

    def validate(self, request: Request, new: Object | None, old: Object | None) -> None:
        """Two classes cannot both be what everybody gets who names none."""
        if request.kind.kind != "PriorityClass" or new is None:
            return
        there = self._default()
        name = new["metadata"].get("name")
        if new.get("globalDefault") and there is not None and there["metadata"]["name"] != name:
            why = (
                f"PriorityClass {there['metadata']['name']} is already marked as default."
                " Only one default can exist"
            )
            raise refusal_of(request, why)


def refusal_of(request: Request, why: str, obj: Object | None = None) -> Forbidden:
    """How a plugin refuses a request, or the object that would come of it."""
    # A name that is to be generated is not yet: the refusal shows how it would begin.
    meta = (obj or request.body or {}).get("metadata") or {}
    name = request.name or meta.get("name") or meta.get("generateName") or ""
    return Forbidden.of(request.kind.plural, request.kind.group, name, why)
