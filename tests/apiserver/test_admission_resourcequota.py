"""What a namespace may take; words as a 1.36 API server says them."""

import pytest

from k8s_ref.machinery.errors import Forbidden
from tests.harness import ControlPlane, pod, replicaset

HARD = {
    "pods": "1",
    "requests.cpu": "1",
    "limits.memory": "1Gi",
    "configmaps": "2",
    "count/deployments.apps": "0",
    "services.nodeports": "0",
    "requests.storage": "1Gi",
}


class Limited(ControlPlane):
    """A namespace with a quota that somebody has counted."""

    def __init__(self, hard, used=None, name="q", **spec):
        super().__init__()
        self.quota(hard, used, name, **spec)

    def quota(self, hard, used=None, name="q", **spec):
        meta = {"name": name, "namespace": "default"}
        self.do(
            self.api.create("resourcequotas", {"metadata": meta, "spec": {"hard": hard, **spec}})
        )
        if used is not False:
            status = {"hard": hard, "used": dict.fromkeys(hard, "0") | (used or {})}
            change = {"status": status}
            self.do(self.api.patch("resourcequotas", f"default/{name}", change, "status"))

    def used(self, name="q"):
        return self.do(self.api.get("resourcequotas", f"default/{name}"))["status"]["used"]

    def create(self, resource, obj, **spec):
        named = {"metadata": {"name": "a", "namespace": "default"}}
        return self.do(self.api.create(resource, {**named, **obj, **spec}))

    def refusal(self, resource, obj):
        with pytest.raises(Forbidden) as caught:
            self.create(resource, obj)
        return str(caught.value)


def asking(cpu="1", memory="1Gi", name="a", **spec):
    amounts = {"cpu": cpu, "memory": memory}
    resources = {"requests": amounts, "limits": amounts}
    return pod(name, containers=[{"name": "c", "image": "x", "resources": resources}], **spec)


def test_what_is_created_is_charged_before_it_is_stored():
    plane = Limited(HARD)
    plane.create("pods", asking())
    assert plane.used() == {
        "configmaps": "0", "count/deployments.apps": "0", "limits.memory": "1Gi", "pods": "1",
        "requests.cpu": "1", "requests.storage": "0", "services.nodeports": "0",
    }  # fmt: skip


def test_what_is_too_much_is_refused_and_everything_that_is_too_much_is_named():
    plane = Limited(HARD)
    assert plane.refusal("pods", asking(cpu="2")) == (
        'pods "a" is forbidden: exceeded quota: q,'
        " requested: requests.cpu=2, used: requests.cpu=0, limited: requests.cpu=1"
    )
    plane.create("pods", asking())
    assert plane.refusal("pods", asking(name="b")) == (
        'pods "b" is forbidden: exceeded quota: q,'
        " requested: limits.memory=1Gi,pods=1,requests.cpu=1,"
        " used: limits.memory=1Gi,pods=1,requests.cpu=1,"
        " limited: limits.memory=1Gi,pods=1,requests.cpu=1"
    )
    assert plane.used()["pods"] == "1"


def test_where_cpu_is_limited_every_container_must_say_how_much():
    containers = [{"name": "c", "image": "x"}]
    assert Limited(HARD).refusal("pods", pod("a", containers=containers)) == (
        'pods "a" is forbidden: failed quota: q:'
        " must specify limits.memory for: c; requests.cpu for: c"
    )


NODE_PORT = {"type": "NodePort", "ports": [{"port": 1}]}


@pytest.mark.parametrize(
    ("resource", "spec", "words"),
    [
        (
            "deployments",
            replicaset("a")["spec"],
            "count/deployments.apps=1, used: count/deployments.apps=0,"
            " limited: count/deployments.apps=0",
        ),
        (
            "services",
            NODE_PORT,
            "services.nodeports=1, used: services.nodeports=0, limited: services.nodeports=0",
        ),
        (
            "persistentvolumeclaims",
            {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}}},
            "requests.storage=2Gi, used: requests.storage=0, limited: requests.storage=1Gi",
        ),
    ],
)
def test_everything_can_be_counted(resource, spec, words):
    group = ".apps" if resource == "deployments" else ""
    begin = f'{resource}{group} "a" is forbidden: exceeded quota: q, requested: '
    assert Limited(HARD).refusal(resource, {"spec": spec}) == begin + words


def test_kinds_that_were_counted_before_there_was_count_keep_their_names():
    plane = Limited({"configmaps": "1", "count/configmaps": "5"})
    plane.create("configmaps", {})
    assert plane.used() == {"configmaps": "1", "count/configmaps": "1"}


def test_a_quota_nobody_has_counted_yet_lets_nothing_in():
    plane = Limited(HARD, used=False)
    hard = {"pods": "1"}
    plane.do(plane.api.patch("resourcequotas", "default/q", {"status": {"hard": hard}}, "status"))
    assert plane.refusal("pods", asking()) == (
        'pods "a" is forbidden: status unknown for quota: q, resources: pods'
    )


def test_what_a_quota_has_not_taken_up_yet_is_not_charged():
    plane = Limited({"pods": "1"}, used=False)
    plane.create("pods", pod("a"))
    assert plane.do(plane.api.get("resourcequotas", "default/q"))["status"] == {}


def test_events_are_free():
    plane = Limited({"count/events": "0"})
    about = {"kind": "Pod", "namespace": "default", "name": "web"}
    assert plane.create("events", {"involvedObject": about})


def test_who_only_tries_is_not_charged():
    plane = Limited(HARD)
    plane.do(plane.api.trying().create("pods", asking()))
    assert plane.used()["pods"] == "0"


def test_a_service_that_grows_is_charged_for_what_is_more():
    plane = Limited({"services.nodeports": "2", "services": "5"})
    plane.create("services", {"spec": NODE_PORT})
    ports = [{"name": f"p{n}", "port": n} for n in (1, 2)]
    plane.do(plane.api.patch("services", "default/a", {"spec": {"ports": ports}}))
    assert plane.used() == {"services": "1", "services.nodeports": "2"}


def test_of_two_quotas_both_must_agree():
    plane = Limited({"pods": "5"}, name="wide")
    plane.quota({"pods": "1"}, name="narrow")
    plane.create("pods", asking())
    assert "exceeded quota: narrow" in plane.refusal("pods", asking(name="b"))
    assert (plane.used("wide"), plane.used("narrow")) == ({"pods": "1"}, {"pods": "1"})


@pytest.mark.parametrize(
    ("scope", "spec", "counts"),
    [
        ({"scopes": ["BestEffort"]}, {}, True),
        ({"scopes": ["NotBestEffort"]}, {}, False),
        ({"scopes": ["Terminating"]}, {"activeDeadlineSeconds": 5}, True),
        ({"scopes": ["NotTerminating"]}, {"activeDeadlineSeconds": 5}, False),
        ({"scopes": ["BestEffort", "Terminating"]}, {}, False),
        ("In", {"priorityClassName": "system-node-critical"}, True),
        ("NotIn", {"priorityClassName": "system-node-critical"}, False),
    ],
)
def test_scopes_narrow_a_quota_to_some_pods(scope, spec, counts):
    if isinstance(scope, str):
        wanted = {"scopeName": "PriorityClass", "operator": scope,
                  "values": ["system-node-critical"]}  # fmt: skip
        scope = {"scopeSelector": {"matchExpressions": [wanted]}}
    plane = Limited({"pods": "5"}, **scope)
    plane.create("pods", pod("a", **spec))
    assert plane.used() == {"pods": "1" if counts else "0"}


def test_of_many_who_ask_at_once_only_as_many_as_fit_come_in():
    plane = Limited({"configmaps": "3"})
    outcomes = []

    async def ask(number):
        meta = {"name": f"c{number}", "namespace": "default"}
        try:
            await plane.api.create("configmaps", {"metadata": meta})
            outcomes.append(True)
        except Forbidden:
            outcomes.append(False)

    for number in range(6):
        plane.loop.spawn(ask(number))
    plane.loop.run(1)
    assert sorted(outcomes) == [False] * 3 + [True] * 3
    assert plane.used() == {"configmaps": "3"}


def test_a_quota_that_somebody_else_wrote_meanwhile_is_looked_at_again():
    plane = Limited({"configmaps": "3"})
    handle, others = plane.server.handle, []
    quota = next(
        p for p in plane.server.registry("pods").admission.plugins if p.on[0] == "create *"
    )

    async def slow(request):
        if not others:
            others.append(1)
            change = {"metadata": {"labels": {"seen": "yes"}}}
            await plane.api.patch("resourcequotas", "default/q", change)
        return await handle(request)

    quota.handle = slow
    plane.create("configmaps", {})
    assert plane.used() == {"configmaps": "1"}
