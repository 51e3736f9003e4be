"""Who did what."""

import pytest

from k8s_ref.apiserver.audit import CAPACITY, WRITES, judge
from k8s_ref.apiserver.authorization import Attributes
from tests.apiserver.callers import Server, known, rule

MAPS = "/api/v1/namespaces/default/configmaps"
MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "b"}}


@pytest.fixture
def server():
    return Server()


def policy(*rules, **more):
    return {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": list(rules), **more}


def kept(server):
    return list(server.access.audit.events)


def test_without_a_policy_nothing_is_kept(server):
    server.make(MAPS, **MAP)
    assert kept(server) == []


def test_metadata_is_who_did_what_to_what_and_how_it_ended(server):
    server.access.audit.policy = policy({"level": "Metadata"})
    server.make(MAPS, **MAP)
    received, complete = kept(server)
    assert (received["stage"], complete["stage"]) == ("RequestReceived", "ResponseComplete")
    assert received["auditID"] == complete["auditID"]
    assert complete == complete | {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "Metadata",
        "requestURI": MAPS,
        "verb": "create",
        "user": {
            "username": "kubernetes-admin",
            "groups": ["system:masters", "system:authenticated"],
        },
        "userAgent": "unknown",
        "objectRef": {
            "resource": "configmaps",
            "namespace": "default",
            "name": "c",
            "apiVersion": "v1",
        },
        "responseStatus": {"metadata": {}, "code": 201},
        "requestReceivedTimestamp": "2026-01-01T00:00:00.000000Z",
        "annotations": {
            "authorization.k8s.io/decision": "allow",
            "authorization.k8s.io/reason": "",
        },
    }
    assert "requestObject" not in complete and "responseObject" not in complete


def test_higher_levels_keep_what_was_sent_and_what_was_answered(server):
    server.access.audit.policy = policy({"level": "Request"}, omitStages=["RequestReceived"])
    server.make(MAPS, **MAP)
    (event,) = kept(server)
    assert event["requestObject"]["data"] == {"a": "b"} and "responseObject" not in event
    server.access.audit.policy = policy({"level": "RequestResponse"})
    server.call("GET", f"{MAPS}/c")
    assert kept(server)[-1]["responseObject"]["metadata"]["name"] == "c"


def test_a_refusal_is_kept_with_its_reason(server):
    server.access.audit.policy = policy({"level": "Metadata"})
    server.as_bob("GET", MAPS)
    event = kept(server)[-1]
    assert event["user"]["username"] == "kubernetes-admin"
    assert event["impersonatedUser"]["username"] == "bob"
    assert event["annotations"]["authorization.k8s.io/decision"] == "forbid"
    status = event["responseStatus"]
    assert (status["code"], status["reason"], status["status"]) == (403, "Forbidden", "Failure")
    assert status["message"].startswith('configmaps is forbidden: User "bob"')


def test_who_is_refused_by_admission_was_allowed_by_authorization(server):
    server.access.audit.policy = policy({"level": "Metadata"})
    server.call("DELETE", "/api/v1/namespaces/default")
    event = kept(server)[-1]
    assert event["responseStatus"]["code"] == 403
    assert event["annotations"]["authorization.k8s.io/decision"] == "allow"


def test_a_watch_has_started_and_is_not_complete(server):
    server.access.audit.policy = policy({"level": "Metadata"}, omitStages=["RequestReceived"])
    request = server.api._request("watch", "pods", "default/")
    server.do(server.server.handle(request))
    assert [event["stage"] for event in kept(server)] == ["ResponseStarted"]


def test_a_sink_gets_each_event(server):
    told = []
    server.access.audit.policy, server.access.audit.sink = (
        policy({"level": "Metadata"}),
        told.append,
    )
    server.call("GET", f"{MAPS}/c")
    assert [event["stage"] for event in told] == ["RequestReceived", "ResponseComplete"]


def test_the_ring_forgets_the_oldest(server):
    server.access.audit.policy = policy({"level": "Metadata"}, omitStages=["RequestReceived"])
    for _ in range(CAPACITY + 1):
        server.call("GET", f"{MAPS}/c")
    assert len(kept(server)) == CAPACITY


@pytest.mark.parametrize(
    ("about", "fits"),
    [
        ({}, True),
        ({"users": ["bob"]}, True),
        ({"users": ["ann"]}, False),
        ({"userGroups": ["dev"]}, True),
        ({"verbs": ["get", "list"]}, True),
        ({"verbs": ["create"]}, False),
        ({"namespaces": ["default"]}, True),
        ({"namespaces": [""]}, False),
        ({"resources": [{"group": ""}]}, True),
        ({"resources": [{"group": "apps"}]}, False),
        ({"resources": [{"group": "", "resources": ["pods"]}]}, False),
        ({"resources": [{"group": "", "resources": ["pods/log"]}]}, True),
        ({"resources": [{"group": "", "resources": ["pods/*"]}]}, True),
        ({"resources": [{"group": "", "resources": ["*/log"]}]}, True),
        ({"resources": [{"group": "", "resources": ["*"], "resourceNames": ["x"]}]}, False),
        ({"nonResourceURLs": ["/version"]}, False),
    ],
)
def test_a_rule_fits_if_everything_it_says_does(about, fits):
    words = Attributes(known("bob", "dev"), "get", "", "pods", "log", "default", "web")
    found = judge(policy({"level": "Request", **about}), words)[0]
    assert found == ("Request" if fits else "None")


def test_a_path_fits_a_rule_about_paths():
    words = Attributes(known("bob"), "get", path="/healthz/etcd")
    assert (
        judge(policy({"level": "Metadata", "nonResourceURLs": ["/healthz*"]}), words)[0] != "None"
    )
    assert judge(policy({"level": "Metadata", "resources": [{"group": ""}]}), words)[0] == "None"


def test_the_first_rule_that_fits_decides_and_stages_are_left_out_by_both():
    words = Attributes(known("bob"), "get", "", "pods", "", "default", "web")
    rules = ({"level": "Metadata", "omitStages": ["Panic"]}, {"level": "Request"})
    assert judge(policy(*rules, omitStages=["RequestReceived"]), words) == (
        "Metadata",
        {"RequestReceived", "Panic"},
    )


def test_the_policy_for_writes_leaves_heartbeats_and_reading_out(server):
    server.access.audit.policy = WRITES
    server.call("GET", MAPS)
    server.make(MAPS, **MAP)
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "l"}}
    server.make("/apis/coordination.k8s.io/v1/namespaces/default/leases", **lease)
    assert [(e["verb"], e["objectRef"]["name"]) for e in kept(server)] == [("create", "c")]


def test_what_somebody_does_as_another_is_judged_by_who_he_is(server):
    server.allow("bobs", rule("list", "configmaps"))
    server.access.audit.policy = policy({"level": "None", "users": ["bob"]}, {"level": "Metadata"})
    assert server.as_bob("GET", MAPS)[0] == 200
    assert len(kept(server)) == 2


def test_the_reason_of_a_yes_is_the_binding(server):
    server.allow("bobs", rule("list", "configmaps"))
    server.access.audit.policy = policy({"level": "Metadata"})
    server.as_bob("GET", MAPS)
    reason = kept(server)[-1]["annotations"]["authorization.k8s.io/reason"]
    assert reason == (
        'RBAC: allowed by ClusterRoleBinding "bobs" of ClusterRole "bobs" to User "bob"'
    )
