"""Admission webhooks · 准入 webhook

Whoever is no part of the server may have a say as well: a webhook is sent the object and answers
with a patch, or with yes or no.  The mutating ones are asked one after the other, each about what
the last one made of it; the validating ones all at once.  Who carries the question there is given
from outside: in one process it is a function call, over sockets it is HTTPS.

Upstream: staging/src/k8s.io/apiserver/pkg/admission/plugin/webhook/
"""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, NamedTuple, Protocol

from k8s_ref.apiserver import defaults
from k8s_ref.apiserver.admission import Admission, Plugin
from k8s_ref.apiserver.admission.webhook_rules import (
    EXEMPT,
    operation_of,
    problem_of,
    review_of,
    ruled,
    selected,
)
from k8s_ref.apiserver.request import Request
from k8s_ref.apiserver.watchcache import WatchCache
from k8s_ref.machinery import schema
from k8s_ref.machinery.errors import ApiError, BadRequest, InternalError, show
from k8s_ref.machinery.kinds import KINDS, Kinds
from k8s_ref.machinery.meta import Object, copy
from k8s_ref.machinery.patch import json_patch
from k8s_ref.sim.loop import Loop

SECONDS = 10
"""How long a webhook has to answer if it does not say."""


class CallFailed(Exception):  # noqa: N818
    """No answer came back, or none that is one; the message says why, in Go's words."""


class Caller(Protocol):
    """Carries a review to a webhook."""

    async def call(self, config: Object, review: Object, seconds: int) -> Object:
        """What the webhook answers; ``CallFailed`` if it does not, in time."""


def url_of(config: Object) -> str:
    """Where a webhook is.

    >>> url_of({"service": {"name": "hook", "namespace": "default", "path": "/add"}})
    'https://hook.default.svc:443/add'
    """
    service = config.get("service")
    if service is None:
        return str(config["url"])
    host = f"{service['name']}.{service['namespace']}.svc:{service.get('port', 443)}"
    return f"https://{host}/{(service.get('path') or '').removeprefix('/')}"


def posting(config: Object, seconds: int, why: str) -> CallFailed:
    """How a call fails that did not get an answer."""
    return CallFailed(
        f"failed to call webhook: Post {show(f'{url_of(config)}?timeout={seconds}s')}: {why}"
    )


def broken(why: str) -> CallFailed:
    """How a call fails whose webhook fell over."""
    words = f"an error on the server ({why}) has prevented the request from succeeding"
    return CallFailed(f"failed to call webhook: {words}")


Answer = Callable[[Object], Coroutine[Any, Any, Object]]
"""A webhook as a coroutine function: a review in, a review out."""


class Local:
    """Webhooks that are functions of this process, by URL; it may know somebody for the others."""

    def __init__(self, loop: Loop, beyond: Caller | None = None) -> None:
        self.loop, self.beyond = loop, beyond
        self._answers: dict[str, Answer] = {}

    def serve(self, url: str, answer: Answer) -> None:
        """From now on this function answers there; for a service see :func:`url_of`."""
        self._answers[url] = answer

    async def call(self, config: Object, review: Object, seconds: int) -> Object:
        """Run the function, as long as it has time."""
        webhook = self._answers.get(url_of(config))
        if webhook is None and self.beyond is not None:
            return await self.beyond.call(config, review, seconds)
        if webhook is None:
            raise posting(config, seconds, _nobody(config))
        try:
            return await self.loop.within(seconds, webhook(copy(review)))
        except TimeoutError:
            raise posting(config, seconds, "context deadline exceeded") from None
        except Exception as error:
            # Whatever goes wrong in there is the webhook's fault and not the server's.
            words = show(f"{type(error).__name__}: {error}")
            raise broken(words) from None


def _nobody(config: Object) -> str:
    service = config.get("service")
    if service is not None:
        return f"no endpoints available for service {show(service['name'])}"
    host = url_of(config).partition("://")[2].partition("/")[0].partition(":")[0]
    return f"dial tcp: lookup {host}: no such host"


class Hook(NamedTuple):
    """One webhook of one configuration."""

    id: str
    spec: Object

    @property
    def name(self) -> str:
        """Its name, as messages have it."""
        return str(self.spec["name"])


class Webhooks(Plugin):
    """What both kinds share: who is to be asked, and how an answer is taken."""

    on = ("* *",)
    mutating: bool

    def __init__(
        self, configurations: WatchCache, namespaces: WatchCache, services: WatchCache,
        caller: Caller, loop: Loop, kinds: Kinds = KINDS,
    ) -> None:  # fmt: skip
        self.configurations, self.namespaces, self.services = configurations, namespaces, services
        self.caller, self.loop, self.kinds = caller, loop, kinds
        self._uids = loop.stream("admission review")

    def _hooks(self, request: Request) -> list[Hook]:
        """Every webhook there is, configuration after configuration in the order of names."""
        if not self.configurations.objects or request.kind.group == EXEMPT or request.verb == "get":
            return []
        return [
            Hook(f"{name}/{number}", hook)
            for name in sorted(self.configurations.objects)
            for number, hook in enumerate(self.configurations.objects[name].get("webhooks") or ())
        ]

    def _wanted(self, hook: Hook, request: Request, obj: Object | None, old: Object | None) -> bool:
        if not ruled(hook.spec, operation_of(obj, old), request, self.kinds):
            return False
        namespace = self.namespaces.objects.get(request.namespace)
        if request.kind.resource == "namespaces":
            namespace = obj or old
        return selected(hook.spec, obj, old, namespace)

    async def _ask(
        self, hook: Hook, request: Request, obj: Object | None, old: Object | None
    ) -> Object | None:
        """The response, if it is yes; None if there is none and none is needed."""
        effects = hook.spec.get("sideEffects")
        if request.query.get("dryRun") and effects not in ("None", "NoneOnDryRun"):
            raise BadRequest(f"admission webhook {show(hook.name)} does not support dry run")
        try:
            response = await self._answer(hook, request, obj, old)
        except CallFailed as failure:
            ignored = hook.spec.get("failurePolicy", "Fail") == "Ignore"
            self._record(hook, request, f"failed{', and is ignored' * ignored}: {failure}", obj)
            if ignored:
                return None
            raise InternalError.of(f"failed calling webhook {show(hook.name)}: {failure}") from None
        request.warnings.extend(response.get("warnings") or ())
        for key, value in (response.get("auditAnnotations") or {}).items():
            request.annotations[f"{hook.name}/{key}"] = value
        if not response.get("allowed"):
            denial = denied(hook.name, response.get("status") or {})
            self._record(hook, request, "no", obj)
            raise denial
        patched = "yes, with a patch" if response.get("patch") else "yes"
        self._record(hook, request, patched, obj)
        return response

    async def _answer(
        self, hook: Hook, request: Request, obj: Object | None, old: Object | None
    ) -> Object:
        digits = f"{self._uids.getrandbits(128):032x}"
        uid = f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"
        config, seconds = hook.spec["clientConfig"], hook.spec.get("timeoutSeconds", SECONDS)
        service = config.get("service")
        if service and f"{service['namespace']}/{service['name']}" not in self.services.objects:
            raise posting(config, seconds, f"service {show(service['name'])} not found")
        review = review_of(request, obj, old, uid)
        answer = await self.caller.call(config, review, seconds)
        problem = problem_of(answer, uid, self.mutating)
        if problem:
            raise CallFailed(f"received invalid webhook response: {problem}")
        response: Object = answer["response"]
        return response

    def _record(self, hook: Hook, request: Request, note: str, obj: Object | None) -> None:
        name = "" if obj is None or request.name else obj["metadata"].get("name", "")
        self.loop.record("kube-apiserver", "call", hook.name, f"{request.subject}{name}: {note}")


def denied(name: str, status: Object) -> ApiError:
    """What a webhook's no becomes.

    >>> print(denied("quotes.example.com", {"message": "no quotes"}))
    admission webhook "quotes.example.com" denied the request: no quotes
    """
    begin = f"admission webhook {show(name)} denied the request"
    why = status.get("message") or status.get("reason")
    error = ApiError(f"{begin}: {why}" if why else f"{begin} without explanation")
    error.code = max(status.get("code") or 0, 400)
    error.reason, error.details = status.get("reason") or "", status.get("details")
    return error


class MutatingWebhooks(Webhooks):
    """Lets webhooks change objects; ``others`` are those who look again at what they made."""

    mutating = True
    others = Admission()

    def admit(
        self, request: Request, obj: Object, old: Object | None
    ) -> Object | Awaitable[Object]:
        """The object with every webhook's patch."""
        hooks = self._hooks(request)
        return self._admit(hooks, request, obj, old) if hooks else obj

    async def _admit(
        self, hooks: list[Hook], request: Request, obj: Object, old: Object | None
    ) -> Object:
        asked: list[Hook] = []
        again: list[Hook] = []
        made = obj
        for hook in hooks:
            if self._wanted(hook, request, made, old):
                before, made = made, await self._patched(hook, request, made, old)
                if made != before:
                    again = list(asked)
                if hook.spec.get("reinvocationPolicy") == "IfNeeded":
                    asked.append(hook)
        if made == obj:
            return obj
        # The server's own plugins see what came of it once, and then those webhooks that want to.
        before = made
        made = await self.others.admit("update" if old else "create", request, made, old)
        for hook in again if made == before else asked:
            if self._wanted(hook, request, made, old):
                made = await self._patched(hook, request, made, old)
        return made

    async def _patched(
        self, hook: Hook, request: Request, obj: Object, old: Object | None
    ) -> Object:
        response = await self._ask(hook, request, obj, old)
        if not response or not response.get("patch"):
            return obj
        try:
            operations = json.loads(base64.b64decode(response["patch"]))
            patched: Object = json_patch(obj, operations)
        except (ApiError, ValueError) as error:
            raise InternalError.of(str(error)) from None
        return defaults.apply(request.kind.kind, schema.prune(patched, request.kind))


class ValidatingWebhooks(Webhooks):
    """Lets webhooks refuse."""

    mutating = False

    def validate(
        self, request: Request, obj: Object | None, old: Object | None
    ) -> Awaitable[None] | None:
        """Ask all who want to be asked, at once; the first no counts."""
        hooks = [h for h in self._hooks(request) if self._wanted(h, request, obj, old)]
        return self._validate(hooks, request, obj, old) if hooks else None

    async def _validate(
        self, hooks: list[Hook], request: Request, obj: Object | None, old: Object | None
    ) -> None:
        verdicts = [
            self.loop.spawn(partial(self._verdict, hook, request, obj, old), name="webhook")
            for hook in hooks
        ]
        for error in [await verdict for verdict in verdicts]:
            if error is not None:
                raise error

    async def _verdict(
        self, hook: Hook, request: Request, obj: Object | None, old: Object | None
    ) -> ApiError | None:
        try:
            await self._ask(hook, request, obj, old)
        except ApiError as error:
            return error
        return None
