"""Webhooks that are functions of this process; words as a 1.36 API server says them."""

import base64
import json

import pytest

from k8s_ref.apiserver.request import Request
from k8s_ref.machinery.errors import ApiError, InternalError
from k8s_ref.machinery.kinds import KINDS
from tests.harness import ControlPlane, pod

URL = "https://hook.example.com/x"
PODS = {"operations": ["CREATE", "UPDATE", "DELETE"], "apiGroups": [""], "apiVersions": ["v1"],
        "resources": ["pods"]}  # fmt: skip


class Hooked(ControlPlane):
    """A control plane that can call functions as webhooks."""

    def __init__(self):
        super().__init__()
        self.asked = []
        self.warnings = []
        self.api.warn = self.warnings.append

    def hook(self, name, answer, mutating=True, config=None, url="", **fields):
        """Register a webhook ``answer(request) -> response`` in a configuration of its own."""
        url = url or f"{URL}/{name}"

        async def call(review):
            self.asked.append((name, review["request"]))
            response = answer(review["request"])
            response = await response if hasattr(response, "__await__") else response
            head = {name: review[name] for name in ("apiVersion", "kind")}
            return {**head, "response": {"uid": review["request"]["uid"], **response}}

        self.server.webhooks.serve(url, call)
        kind = "mutatingwebhookconfigurations" if mutating else "validatingwebhookconfigurations"
        row = {
            "name": f"{name}.example.com", "clientConfig": config or {"url": url},
            "rules": [PODS], "sideEffects": "None", "admissionReviewVersions": ["v1"], **fields,
        }  # fmt: skip
        self.do(self.api.create(kind, {"metadata": {"name": name}, "webhooks": [row]}))

    def create(self, obj=None, resource="pods"):
        return self.do(self.api.create(resource, obj or pod()))

    def refusal(self, obj=None):
        with pytest.raises(ApiError) as caught:
            self.create(obj)
        return caught.value


@pytest.fixture
def plane():
    return Hooked()


def yes(request):
    return {"allowed": True}


def no(message="", **status):
    return lambda request: {"allowed": False, "status": {"message": message, **status}}


def patching(*operations):
    text = base64.b64encode(json.dumps(operations).encode()).decode()
    return lambda request: {"allowed": True, "patchType": "JSONPatch", "patch": text}


def labelling(name, value="yes"):
    return patching({"op": "add", "path": f"/metadata/labels/{name}", "value": value})


def test_a_webhook_changes_what_is_stored_and_what_it_adds_is_completed(plane):
    container = {"name": "sidecar", "image": "envoy"}
    plane.hook("side", patching({"op": "add", "path": "/spec/containers/-", "value": container}))
    added = plane.create()["spec"]["containers"][1]
    assert (added["name"], added["imagePullPolicy"]) == ("sidecar", "Always")
    # The server's own plugins have seen it too.
    assert added["volumeMounts"][0]["mountPath"].endswith("serviceaccount")


def test_the_review_says_who_wants_what(plane):
    plane.hook("look", yes, mutating=False)
    plane.create()
    ((_, request),) = plane.asked
    assert {name: request[name] for name in (
        "kind", "resource", "name", "namespace", "operation", "dryRun", "oldObject"
    )} == {
        "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "resource": {"group": "", "version": "v1", "resource": "pods"},
        "name": "web", "namespace": "default", "operation": "CREATE", "dryRun": False,
        "oldObject": None,
    }  # fmt: skip
    assert request["userInfo"]["username"] == "kubernetes-admin"
    assert request["object"]["spec"]["containers"][0]["image"] == "nginx"
    assert request["options"]["kind"] == "CreateOptions"
    plane.do(plane.api.patch("pods", "default/web", {"metadata": {"labels": {"a": "b"}}}))
    plane.do(plane.api.delete("pods", "default/web"))
    operations = [(r["operation"], r["options"]["kind"]) for _, r in plane.asked[1:]]
    assert operations == [("UPDATE", "PatchOptions"), ("DELETE", "DeleteOptions")]
    assert plane.asked[-1][1]["object"] is None
    assert plane.asked[-1][1]["oldObject"]["metadata"]["labels"] == {"a": "b", "app": "web"}


@pytest.mark.parametrize(
    ("status", "message", "code", "reason"),
    [
        ({"message": "no quotes"}, ": no quotes", 400, ""),
        ({"reason": "Forbidden", "code": 403}, ": Forbidden", 403, "Forbidden"),
        ({"code": 200}, " without explanation", 400, ""),
    ],
)
def test_a_no_is_an_answer_in_the_words_of_the_webhook(plane, status, message, code, reason):
    plane.hook("deny", lambda request: {"allowed": False, "status": status}, mutating=False)
    request = Request("create", KINDS["pods"], "default", body=pod())
    answer = plane.do(plane.server.handle(request))
    assert answer.body["message"] == (
        f'admission webhook "deny.example.com" denied the request{message}'
    )
    assert (answer.code, answer.body.get("reason", "")) == (code, reason)
    assert "default/web" not in plane.server.registry("pods").cache.objects


def test_webhooks_are_asked_in_the_order_of_their_configurations(plane):
    plane.hook("b", labelling("b"))
    plane.hook("a", labelling("a"))
    plane.create()
    assert [name for name, _ in plane.asked] == ["a", "b"]
    assert plane.asked[1][1]["object"]["metadata"]["labels"] == {"app": "web", "a": "yes"}


def test_one_that_wants_to_is_asked_again_when_a_later_one_changed_something(plane):
    plane.hook("a", labelling("a"), reinvocationPolicy="IfNeeded")
    plane.hook("b", labelling("b"))
    plane.hook("c", yes)
    plane.create()
    assert [name for name, _ in plane.asked] == ["a", "b", "c", "a"]
    assert plane.asked[-1][1]["object"]["metadata"]["labels"].keys() == {"app", "a", "b"}


def test_warnings_and_notes_come_through(plane):
    plane.hook("warn", lambda r: {**yes(r), "warnings": ["hm"], "auditAnnotations": {"k": "v"}})
    request = Request("create", KINDS["pods"], "default", body=pod())
    answer = plane.do(plane.server.handle(request))
    assert (answer.code, answer.warnings) == (201, ("hm",))
    assert request.annotations == {"warn.example.com/k": "v"}


def never(plane):
    async def sleep(request):
        await plane.loop.sleep(60)

    return sleep


def failing(request):
    raise ValueError("boom")


POST = 'failed to call webhook: Post "https://hook.example.com/x/bad?timeout=2s"'


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (never, f"{POST}: context deadline exceeded"),
        (
            failing,
            'failed to call webhook: an error on the server ("ValueError: boom") has prevented'
            " the request from succeeding",
        ),
        (
            lambda request: {"allowed": True, "uid": "other"},
            'received invalid webhook response: expected response.uid="UID", got "other"',
        ),
        (
            lambda request: {"allowed": True, "patch": "W10="},
            "received invalid webhook response: webhook returned response.patch but not"
            " response.patchType",
        ),
    ],
)
def test_a_webhook_that_does_not_answer_stops_everything_unless_it_may_be_ignored(
    plane, answer, words
):
    answer = never(plane) if answer is never else answer
    plane.hook("bad", answer, timeoutSeconds=2)
    refusal = plane.refusal()
    assert isinstance(refusal, InternalError)
    uid = plane.asked[-1][1]["uid"]
    begin = 'Internal error occurred: failed calling webhook "bad.example.com"'
    assert str(refusal) == f"{begin}: {words.replace('UID', uid)}"
    ignored = [{"op": "replace", "path": "/webhooks/0/failurePolicy", "value": "Ignore"}]
    kind = "mutatingwebhookconfigurations"
    plane.do(plane.api.patch(kind, "bad", ignored, content_type="application/json-patch+json"))
    assert plane.create()


def test_a_service_that_is_not_there_is_named(plane):
    service = {"name": "none", "namespace": "default"}
    plane.hook("dead", yes, mutating=False, config={"service": service}, timeoutSeconds=2)
    url = "https://none.default.svc:443/?timeout=2s"
    assert str(plane.refusal()) == (
        'Internal error occurred: failed calling webhook "dead.example.com": failed to call'
        f' webhook: Post "{url}": service "none" not found'
    )
    meta = {"name": "none", "namespace": "default"}
    plane.create({"metadata": meta, "spec": {"ports": [{"port": 443}]}}, "services")
    assert str(plane.refusal()).endswith('no endpoints available for service "none"')
    plane.hook("alive", yes, url="https://none.default.svc:443/", rules=[])
    assert plane.create()


def test_a_webhook_may_ask_the_api_itself(plane):
    async def look(request):
        found = await plane.api.list("pods", request["namespace"])
        await plane.api.create("configmaps", {"metadata": {
            "name": f"seen-{len(found['items'])}", "namespace": request["namespace"]}})  # fmt: skip
        return {"allowed": len(found["items"]) < 2}

    plane.hook("limit", look, mutating=False)
    for name in ("a", "b"):
        plane.create(pod(name))
    assert "limit.example.com" in str(plane.refusal(pod("c")))
    maps = plane.do(plane.api.list("configmaps", "default"))["items"]
    assert [each["metadata"]["name"] for each in maps] == ["seen-0", "seen-1", "seen-2"]


def test_who_only_tries_is_not_asked_about_by_one_that_acts(plane):
    plane.hook("acts", yes)
    # An old configuration, from the time when this could be said.
    hooks = plane.server.registry("mutatingwebhookconfigurations")
    stored = hooks.cache.objects["acts"]
    old = {**stored, "webhooks": [{**stored["webhooks"][0], "sideEffects": "Some"}]}
    plane.do(hooks.storage.update(hooks.kind, "acts", stored, old))
    with pytest.raises(ApiError, match="does not support dry run"):
        plane.do(plane.api.trying().create("pods", pod()))
    assert plane.asked == []
    assert plane.create()


def test_validating_webhooks_are_asked_at_once_and_may_change_nothing(plane):
    plane.hook("slow", lambda r: pause(plane), mutating=False)
    plane.hook("slower", lambda r: pause(plane), mutating=False)
    before = plane.loop.seconds
    plane.create()
    assert plane.loop.seconds - before == 3
    plane.hook("patches", labelling("a"), mutating=False)
    assert "validating webhook may not return response.patch" in str(plane.refusal(pod("b")))


async def pause(plane):
    await plane.loop.sleep(3)
    return {"allowed": True}


def test_no_webhook_keeps_anybody_from_taking_it_away(plane):
    everything = {**PODS, "operations": ["*"], "apiGroups": ["*"], "resources": ["*/*"]}
    plane.hook("stop", no("never"), mutating=False, rules=[everything])
    assert "never" in str(plane.refusal())
    plane.do(plane.api.delete("validatingwebhookconfigurations", "stop"))
    assert plane.create()


def test_an_eviction_is_asked_about_as_what_it_is(plane):
    plane.create()
    rule = {**PODS, "resources": ["pods/eviction"]}
    plane.hook("stay", no("not today"), mutating=False, rules=[rule])
    with pytest.raises(ApiError, match="not today"):
        plane.do(plane.api.evict("default/web"))
    ((_, request),) = plane.asked
    assert request["kind"] == {"group": "policy", "version": "v1", "kind": "Eviction"}
    assert (request["subResource"], request["name"]) == ("eviction", "web")
    assert "deletionTimestamp" not in plane.do(plane.api.get("pods", "default/web"))["metadata"]
