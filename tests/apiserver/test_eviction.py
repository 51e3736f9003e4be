"""Evictions; words as a 1.36 API server says them."""

import pytest

from k8s_ref.apiserver.request import Request
from k8s_ref.machinery.kinds import KINDS
from tests.harness import ControlPlane, pod

REFUSED = "Cannot evict pod as it would violate the pod's disruption budget."
READY = {"type": "Ready", "status": "True"}


class Guarded(ControlPlane):
    """Pods of ``app: web``, and a budget whose numbers are played."""

    def __init__(self, *names, ready=True):
        super().__init__()
        for name in names or ("web",):
            self.running(name, ready)

    def running(self, name, ready=True, phase="Running"):
        self.do(self.api.create("pods", pod(name, nodeName="n1")))
        status = {"phase": phase, "conditions": [READY] if ready else []}
        self.do(self.api.patch("pods", f"default/{name}", {"status": status}, "status"))

    def budget(self, name="b", allowed=0, healthy=2, desired=2, seen=1, **spec):
        meta = {"name": name, "namespace": "default"}
        spec = {"minAvailable": desired, "selector": {"matchLabels": {"app": "web"}}, **spec}
        self.do(self.api.create("poddisruptionbudgets", {"metadata": meta, "spec": spec}))
        status = {"disruptionsAllowed": allowed, "currentHealthy": healthy, "expectedPods": 3,
                  "desiredHealthy": desired, "observedGeneration": seen}  # fmt: skip
        key = f"default/{name}"
        self.do(self.api.patch("poddisruptionbudgets", key, {"status": status}, "status"))

    def status(self, name="b"):
        return self.do(self.api.get("poddisruptionbudgets", f"default/{name}"))["status"]

    def evict(self, name="web", named="", query=None, **options):
        body = {"apiVersion": "policy/v1", "kind": "Eviction"}
        body |= {"metadata": {"name": named or name}}
        body |= {"deleteOptions": options} if options else {}
        where = KINDS["pods"], "default", name, "eviction"
        answer = self.do(self.server.handle(Request("create", *where, query or {}, body)))
        return answer.code, answer.body

    def pod(self, name="web"):
        return self.server.registry("pods").cache.objects.get(f"default/{name}")


def test_a_pod_nobody_guards_is_told_why_it_goes_and_then_deleted():
    plane = Guarded()
    status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    assert plane.evict() == (201, {**status, "code": 201})
    assert "deletionTimestamp" in plane.pod()["metadata"]
    said = plane.pod()["status"]["conditions"][-1]
    assert (said["type"], said["reason"]) == ("DisruptionTarget", "EvictionByEvictionAPI")
    assert said["message"] == "Eviction API: evicting"


def test_a_budget_that_is_used_up_says_what_it_needs():
    plane = Guarded()
    plane.budget("b1")
    code, body = plane.evict()
    cause = {
        "reason": "DisruptionBudget",
        "message": "The disruption budget b1 needs 2 healthy pods and has 2 currently",
    }
    assert (code, body["reason"], body["message"]) == (429, "TooManyRequests", REFUSED)
    assert body["details"] == {"causes": [cause]}
    assert "deletionTimestamp" not in plane.pod()["metadata"]


def test_what_is_allowed_is_taken_from_the_budget_first():
    plane = Guarded("a", "b")
    plane.budget(allowed=1, healthy=3)
    assert plane.evict("a")[0] == 201
    status = plane.status()
    assert status["disruptionsAllowed"] == 0
    assert list(status["disruptedPods"]) == ["a"]
    (condition,) = status["conditions"]
    assert (condition["status"], condition["reason"]) == ("False", "InsufficientPods")
    assert plane.evict("b")[0] == 429


def test_of_two_who_ask_at_once_for_the_last_one_only_one_gets_it():
    plane = Guarded("a", "b")
    plane.budget(allowed=1, healthy=3)
    codes = []

    async def ask(name):
        body = {"metadata": {"name": name}}
        request = Request("create", KINDS["pods"], "default", name, "eviction", {}, body)
        codes.append((await plane.server.handle(request)).code)

    for name in ("a", "b"):
        plane.loop.spawn(ask(name))
    plane.loop.run(60)
    assert sorted(codes) == [201, 429]


def test_who_only_tries_takes_nothing():
    plane = Guarded()
    plane.budget(allowed=1)
    assert plane.evict(query={"dryRun": "All"})[0] == 201
    assert plane.evict(dryRun=["All"])[0] == 201
    assert plane.status()["disruptionsAllowed"] == 1
    assert "deletionTimestamp" not in plane.pod()["metadata"]


def test_a_budget_nobody_has_counted_yet_lets_nobody_go():
    plane = Guarded()
    plane.budget(allowed=1, seen=0)
    code, body = plane.evict()
    assert (code, body["details"]["retryAfterSeconds"]) == (429, 10)
    (cause,) = body["details"]["causes"]
    assert cause["message"] == "The disruption budget b is still being processed by the server."


def test_two_budgets_are_one_too_many():
    plane = Guarded()
    plane.budget("a", allowed=1)
    plane.budget("b", allowed=1)
    code, body = plane.evict()
    assert code == 500
    assert body["message"].startswith("This pod has more than one PodDisruptionBudget")
    assert "reason" not in body


@pytest.mark.parametrize(
    ("policy", "healthy", "code"),
    [(None, 2, 201), (None, 1, 429), ("IfHealthyBudget", 1, 429), ("AlwaysAllow", 1, 201)],
)
def test_a_pod_that_is_not_ready_goes_if_enough_others_are(policy, healthy, code):
    plane = Guarded(ready=False)
    plane.budget(healthy=healthy, **({"unhealthyPodEvictionPolicy": policy} if policy else {}))
    assert plane.evict()[0] == code
    assert "disruptedPods" not in plane.status()


def test_a_budget_that_wants_nobody_healthy_is_asked_like_any_other():
    plane = Guarded(ready=False)
    plane.budget(healthy=0, desired=0)
    assert plane.evict()[0] == 429


@pytest.mark.parametrize("phase", ["Pending", "Succeeded", "Failed"])
def test_a_pod_that_does_not_run_needs_no_permission(phase):
    plane = Guarded("other")
    plane.running("web", phase=phase)
    plane.budget()
    assert plane.evict()[0] == 201


def test_one_that_goes_already_may_be_evicted_again():
    plane = Guarded()
    plane.budget(allowed=1)
    assert plane.evict()[0] == 201
    assert plane.evict()[0] == 201
    assert plane.status()["disruptionsAllowed"] == 0


def test_the_options_of_the_delete_come_along():
    plane = Guarded()
    assert plane.evict(gracePeriodSeconds=5)[0] == 201
    assert plane.pod()["metadata"]["deletionGracePeriodSeconds"] == 5
    plane = Guarded()
    code, body = plane.evict(preconditions={"uid": "another"})
    assert (code, body["reason"]) == (409, "Conflict")


def test_nonsense_is_refused():
    plane = Guarded()
    words = "name in URL does not match name in Eviction object"
    code, body = plane.evict(named="zz")
    assert (code, body["message"]) == (400, words)
    assert plane.evict("zz")[1]["message"] == 'pods "zz" not found'
    assert plane.evict(query={"dryRun": "All"}, dryRun=["None"])[0] == 400
