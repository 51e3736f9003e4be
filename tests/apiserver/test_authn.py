"""Who asks."""

import pytest

from k8s_ref.apiserver.request import User
from tests.apiserver.callers import Server

WHO = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
REVIEW = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}


@pytest.fixture
def server():
    return Server()


def who(server, **how):
    code, answer = server.call("POST", WHO, REVIEW, **how)
    assert code == 201, answer
    return answer["status"]["userInfo"]


def test_a_certificate_says_the_name_and_the_groups(server):
    info = who(server, certificate=("bob", ("dev", "ops")))
    assert info == {"username": "bob", "groups": ["dev", "ops", "system:authenticated"]}


def test_a_token_that_was_written_down_belongs_to_its_user(server):
    server.access.authenticator.tokens["secret"] = User("ann", ("ops",), "17")
    info = who(server, certificate=None, authorization="bearer secret")
    groups = ["ops", "system:authenticated"]
    assert info == {"username": "ann", "uid": "17", "groups": groups}


def test_a_certificate_goes_before_a_token(server):
    server.access.authenticator.tokens["secret"] = User("ann")
    found = who(server, certificate=("bob", ()), authorization="Bearer secret")
    assert found["username"] == "bob"


@pytest.mark.parametrize("header", ["", "Basic Ym9iOng=", "Bearer", "Bearer  two-spaces"])
def test_whoever_says_nothing_the_server_reads_is_anonymous(server, header):
    path = "/api/v1/namespaces/e/pods"
    code, answer = server.call("GET", path, certificate=None, authorization=header)
    assert (code, answer["message"]) == (
        403,
        'pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group ""'
        ' in the namespace "e"',
    )


def test_a_token_nobody_knows_is_refused(server):
    path = "/api/v1/namespaces/e/pods"
    code, answer = server.call("GET", path, certificate=None, authorization="Bearer wrong")
    assert (code, answer["message"], answer["reason"]) == (401, "Unauthorized", "Unauthorized")
