"""To act as somebody else."""

import pytest

from k8s_ref.apiserver.request import User, service_account
from tests.apiserver.callers import Server, rule

PODS = "/api/v1/namespaces/e/pods"
WHO = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
REVIEW = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
ANN = ("ann", ())
API = "authentication.k8s.io"


@pytest.fixture
def server():
    return Server()


def who(server, certificate=("root", ("system:masters",)), **headers):
    """The user a call is made as, or the message of the refusal."""
    code, answer = server.call("POST", WHO, REVIEW, certificate, **headers)
    return answer["status"]["userInfo"] if code == 201 else answer["message"]


def test_the_other_user_is_asked_not_oneself(server):
    assert server.call("GET", PODS)[0] == 200
    assert server.as_bob("GET", PODS)[1]["message"].startswith('pods is forbidden: User "bob"')


def test_groups_uid_and_extra_can_be_taken_over(server):
    info = who(
        server,
        impersonate_user="bob",
        impersonate_group="dev\nops",
        impersonate_uid="17",
        **{"impersonate_extra_scopes%2fa": "x\ny"},
    )
    assert info == {
        "username": "bob",
        "uid": "17",
        "groups": ["dev", "ops", "system:authenticated"],
        "extra": {"scopes/a": ["x", "y"]},
    }


def test_an_account_comes_with_its_groups(server):
    name = "system:serviceaccount:e:default"
    everyone = "system:serviceaccounts"
    groups = [everyone, f"{everyone}:e", "system:authenticated"]
    assert who(server, impersonate_user=name) == {"username": name, "groups": groups}


def test_anonymous_stays_unauthenticated(server):
    name = "system:anonymous"
    # Nobody anonymous may ask who he is: the refusal names him.
    assert who(server, impersonate_user=name).startswith(
        'selfsubjectreviews.authentication.k8s.io is forbidden: User "system:anonymous"'
    )


def test_a_group_without_a_user_is_nobody(server):
    code, answer = server.call("GET", PODS, impersonate_group="g")
    assert (code, answer["message"]) == (
        400,
        'requested &user.DefaultInfo{Name:"", UID:"", Groups:[]string{"g"},'
        " Extra:map[string][]string(nil)} without impersonating a user name",
    )


def test_whoever_may_not_is_refused_with_the_question_that_was_asked_first(server):
    code, answer = server.call("GET", PODS, certificate=ANN, impersonate_user="bob")
    assert (code, answer["message"]) == (
        403,
        'pods is forbidden: User "ann" cannot impersonate-on:user-info:list resource "pods" in API'
        ' group "" in the namespace "e"',
    )


def test_the_old_verb_allows_everything_the_other_may(server):
    server.allow("old", rule("impersonate", "users", names="bob"), user="ann")
    assert who(server, ANN, impersonate_user="bob")["username"] == "bob"
    assert "impersonate-on" in who(server, ANN, impersonate_user="eve")
    assert "impersonate-on" in who(server, ANN, impersonate_user="bob", impersonate_group="dev")


def test_the_new_verbs_allow_one_thing_as_somebody_else(server):
    server.allow(
        "new",
        rule("impersonate:user-info", "users", API, "bob"),
        rule("impersonate-on:user-info:list", "pods"),
        user="ann",
    )
    server.allow("bobs", rule("list,get", "pods"))
    assert server.call("GET", PODS, certificate=ANN, impersonate_user="bob")[0] == 200
    code, answer = server.call("GET", f"{PODS}/x", certificate=ANN, impersonate_user="bob")
    assert code == 403 and "impersonate-on:user-info:get" in answer["message"]


def test_nobody_becomes_a_master_in_the_new_way(server):
    server.allow("new", rule("impersonate:user-info,impersonate-on:user-info:list", "*", "*"),
                 user="ann")  # fmt: skip
    code, answer = server.call(
        "GET", PODS, certificate=ANN, impersonate_user="bob", impersonate_group="system:masters"
    )
    assert (code, answer["message"]) == (
        403,
        'groups.authentication.k8s.io "system:masters" is forbidden: User "ann" cannot'
        ' impersonate:user-info resource "groups" in API group "authentication.k8s.io" at the'
        " cluster scope: impersonating the system:masters group is not allowed",
    )


def test_an_agent_on_a_node_may_be_that_node(server):
    extra = {"authentication.kubernetes.io/node-name": ("n1",)}
    account = service_account("agent")
    server.access.authenticator.tokens["t"] = User(account.name, account.groups, "", extra)
    server.allow(
        "agent",
        rule("impersonate:associated-node", "nodes", API),
        rule("impersonate-on:associated-node:get", "nodes"),
        user=account.name,
    )

    def read(node):
        call = {"certificate": None, "authorization": "Bearer t"}
        return server.call("GET", f"/api/v1/nodes/{node}", **call,
                           impersonate_user=f"system:node:{node}")  # fmt: skip

    assert read("n1")[0] == 404
    assert read("n2")[1]["message"].startswith(
        'nodes "n2" is forbidden: User "system:serviceaccount:kube-system:agent" cannot'
        " impersonate-on:arbitrary-node:get"
    )
