"""Questions asked as objects."""

import pytest

from tests.apiserver.callers import Server, rule

AUTHORIZATION = "authorization.k8s.io/v1"
TOKENS = "/apis/authentication.k8s.io/v1/tokenreviews"


@pytest.fixture
def server():
    return Server()


def ask(server, kind, spec, namespace="", metadata=None, **headers):
    place = f"/namespaces/{namespace}" if namespace else ""
    path = f"/apis/{AUTHORIZATION}{place}/{kind.lower()}s"
    body = {"apiVersion": AUTHORIZATION, "kind": kind, "metadata": metadata or {}, "spec": spec}
    return server.call("POST", path, body, **headers)


def pods(verb="list", **more):
    return {"resourceAttributes": {"verb": verb, "resource": "pods", **more}}


def test_may_i(server):
    server.allow("reader", rule("list", "pods"), namespace="default")
    mine = {"impersonate_user": "bob"}
    code, answer = ask(server, "SelfSubjectAccessReview", pods(namespace="default"), **mine)
    assert (code, answer["status"]) == (
        201,
        {
            "allowed": True,
            "reason": 'RBAC: allowed by RoleBinding "reader/default" of Role "reader" to User'
            ' "bob"',
        },
    )
    _, answer = ask(server, "SelfSubjectAccessReview", pods(namespace="other"), **mine)
    assert answer["status"] == {"allowed": False}


def test_may_he(server):
    server.allow("reader", rule("list", "pods"))
    spec = {**pods(), "user": "bob"}
    assert ask(server, "SubjectAccessReview", spec)[1]["status"]["allowed"]
    spec = {**pods(), "groups": ["system:masters"]}
    assert ask(server, "SubjectAccessReview", spec)[1]["status"]["allowed"]


def test_may_he_reach_a_path(server):
    spec = {"user": "bob", "groups": ["system:authenticated"],
            "nonResourceAttributes": {"verb": "get", "path": "/version"}}  # fmt: skip
    assert ask(server, "SubjectAccessReview", spec)[1]["status"]["allowed"]


def test_not_everybody_may_ask_about_others(server):
    spec = {**pods(), "user": "bob"}
    assert ask(server, "SubjectAccessReview", spec, impersonate_user="bob")[0] == 403


def test_a_local_question_stays_in_its_namespace(server):
    local = "LocalSubjectAccessReview"
    spec = {**pods(namespace="kube-system"), "user": "bob"}
    code, answer = ask(server, local, spec, "default")
    assert (code, answer["message"]) == (
        422,
        'LocalSubjectAccessReview.authorization.k8s.io "" is invalid:'
        ' spec.resourceAttributes.namespace: Invalid value: "kube-system": must match'
        " metadata.namespace",
    )
    spec = {**pods(namespace="default"), "user": "bob"}
    assert ask(server, local, spec, "default")[1]["status"] == {"allowed": False}


@pytest.mark.parametrize(
    ("spec", "metadata", "message"),
    [
        (pods(), {}, "spec.user: Required value: at least one of user or group must be specified"),
        ({"user": "bob"}, {}, "spec.resourceAttributes: Required value: exactly one of"
         " nonResourceAttributes or resourceAttributes must be specified"),
        ({**pods(), "user": "bob"}, {"labels": {"a": "b"}},
         'metadata: Invalid value: {"labels":{"a":"b"}}: must be empty'),
    ],
)  # fmt: skip
def test_a_question_that_makes_no_sense_is_refused(server, spec, metadata, message):
    code, answer = ask(server, "SubjectAccessReview", spec, metadata=metadata)
    begin = 'SubjectAccessReview.authorization.k8s.io "" is invalid: '
    assert (code, answer["message"]) == (422, begin + message)


def test_what_may_i(server):
    server.allow("reader", rule("list", "pods"), namespace="default")
    spec = {"namespace": "default"}
    _, answer = ask(server, "SelfSubjectRulesReview", spec, impersonate_user="bob")
    status = answer["status"]
    assert rule("list", "pods") in status["resourceRules"]
    assert status["incomplete"] is False
    assert any("/version" in each["nonResourceURLs"] for each in status["nonResourceRules"])


def test_what_a_node_may_is_not_fully_known(server):
    node = {"impersonate_user": "system:node:n1", "impersonate_group": "system:nodes"}
    _, answer = ask(server, "SelfSubjectRulesReview", {"namespace": "default"}, **node)
    status = answer["status"]
    why = "node authorizer does not support user rule resolution"
    assert (status["incomplete"], status["evaluationError"]) == (True, why)


def test_a_namespace_must_be_named(server):
    code, answer = ask(server, "SelfSubjectRulesReview", {})
    assert (code, answer["message"]) == (400, "no namespace on request")


def test_an_unknown_field_is_refused_if_one_is_strict(server):
    path = f"/apis/{AUTHORIZATION}/selfsubjectaccessreviews"
    body = {"apiVersion": AUTHORIZATION, "kind": "SelfSubjectAccessReview",
            "spec": {**pods(), "nonsense": 1}}  # fmt: skip
    code, answer = server.call("POST", path, body, query={"fieldValidation": "Strict"})
    assert code == 400 and 'unknown field "spec.nonsense"' in answer["message"]


def test_reviews_are_not_kept(server):
    assert server.call("GET", f"/apis/{AUTHORIZATION}/selfsubjectaccessreviews")[0] == 405


def review(server, token, **spec):
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview",
            "spec": {"token": token, **spec}}  # fmt: skip
    return server.call("POST", TOKENS, body)[1]["status"]


def made(server, **spec):
    server.account()
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
    path = "/api/v1/namespaces/default/serviceaccounts/default/token"
    return server.make(path, **body)["status"]["token"]


def test_whose_token_is_this(server):
    status = review(server, made(server, audiences=["vault"]), audiences=["vault", "other"])
    assert (status["authenticated"], status["audiences"]) == (True, ["vault"])
    assert status["user"]["username"] == "system:serviceaccount:default:default"


def test_a_token_that_is_not_good_has_no_owner(server):
    assert review(server, "x") == {"user": {}, "error": "invalid bearer token"}
    status = review(server, made(server, audiences=["vault"]))
    assert "authenticated" not in status
    assert 'token audiences ["vault"] is invalid for the target audiences' in status["error"]
