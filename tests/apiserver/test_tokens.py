"""Tokens of service accounts."""

import base64
import json

import pytest

from k8s_ref.apiserver import tokens
from k8s_ref.apiserver.tokens import EXTENDED_SECONDS, ISSUER, HMACSigner
from k8s_ref.machinery.errors import Unauthorized
from tests.apiserver.callers import Server
from tests.harness import pod

WHO = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
REVIEW = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
PATH = "/api/v1/namespaces/default/serviceaccounts"


@pytest.fixture
def server():
    found = Server()
    found.account()
    return found


def request(server, name="default", **spec):
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
    return server.call("POST", f"{PATH}/{name}/token", body)


def token(server, **spec):
    code, made = request(server, **spec)
    assert code == 201, made
    return made["status"]["token"]


def claims(text):
    return json.loads(base64.urlsafe_b64decode(text.split(".")[1] + "=="))


def who(server, text):
    return server.call("POST", WHO, REVIEW, None, authorization=f"Bearer {text}")


def test_a_token_says_whose_it_is_and_when_it_ends(server):
    code, made = request(server, expirationSeconds=600)
    assert (code, made["kind"], made["spec"]["audiences"]) == (201, "TokenRequest", [ISSUER])
    said = claims(made["status"]["token"])
    uid = server.server.registry("serviceaccounts").cache.objects["default/default"]["metadata"]
    assert (said["iss"], said["sub"], said["aud"]) == (
        ISSUER,
        "system:serviceaccount:default:default",
        [ISSUER],
    )
    assert said["exp"] - said["iat"] == 600 and said["nbf"] == said["iat"]
    assert said["kubernetes.io"] == {
        "namespace": "default",
        "serviceaccount": {"name": "default", "uid": uid["uid"]},
    }
    assert made["status"]["expirationTimestamp"] == "2026-01-01T00:10:00Z"


def test_whoever_shows_it_is_the_account(server):
    code, answer = who(server, token(server))
    info = answer["status"]["userInfo"]
    everyone = "system:serviceaccounts"
    assert (code, info["username"], info["groups"]) == (
        201,
        "system:serviceaccount:default:default",
        [everyone, f"{everyone}:default", "system:authenticated"],
    )


def test_a_token_of_a_pod_names_the_pod_and_its_node(server):
    server.do(server.api.create("pods", pod()))
    server.do(server.api.create("nodes", {"metadata": {"name": "n1"}}))
    server.do(server.api.bind("default/web", "n1"))
    text = token(server, boundObjectRef={"kind": "Pod", "apiVersion": "v1", "name": "web"})
    about = claims(text)["kubernetes.io"]
    assert (about["pod"]["name"], about["node"]["name"]) == ("web", "n1")
    extra = who(server, text)[1]["status"]["userInfo"]["extra"]
    assert extra["authentication.kubernetes.io/node-name"] == ["n1"]
    assert extra["authentication.kubernetes.io/pod-uid"] == [about["pod"]["uid"]]


def test_it_ends_with_its_pod(server):
    server.do(server.api.create("pods", pod()))
    text = token(server, boundObjectRef={"kind": "Pod", "apiVersion": "v1", "name": "web"})
    assert who(server, text)[0] == 201
    server.do(server.api.delete("pods", "default/web", grace=0))
    assert who(server, text)[0] == 401


def test_it_ends_when_its_time_is_over_and_a_minute(server):
    text = token(server, expirationSeconds=600)
    server.loop.run(660)
    assert who(server, text)[0] == 201
    server.loop.run(1)
    assert who(server, text)[0] == 401


def test_it_is_no_token_of_an_account_of_the_same_name(server):
    text = token(server)
    server.do(server.api.delete("serviceaccounts", "default/default"))
    assert who(server, text)[0] == 401
    server.account()
    assert who(server, text)[0] == 401


def test_a_token_somebody_changed_is_refused(server):
    header, _, signature = token(server).split(".")
    other = claims(token(server)) | {"sub": "system:serviceaccount:kube-system:admin"}
    text = base64.urlsafe_b64encode(json.dumps(other).encode()).decode().rstrip("=")
    assert who(server, f"{header}.{text}.{signature}")[0] == 401


def test_a_signature_is_checked_once_and_all_else_each_time(server):
    text = token(server)
    assert who(server, text)[0] == 201
    unseen = token(server)
    server.access.tokens.signer = HMACSigner(b"another secret")
    assert (who(server, text)[0], who(server, unseen)[0]) == (201, 401)
    # It is meant for this server and not for another, however well it is known.
    with pytest.raises(Unauthorized):
        server.access.tokens.examine(text, ("vault",))
    server.do(server.api.delete("serviceaccounts", "default/default"))
    assert who(server, text)[0] == 401


def test_no_more_tokens_are_known_by_heart_than_there_is_room_for(server, monkeypatch):
    monkeypatch.setattr(tokens, "REMEMBERED", 2)
    shown = [token(server) for _ in range(5)]
    assert [who(server, text)[0] for text in (*shown, *shown)] == [201] * 10
    assert len(server.access.tokens._signed) <= 2


def test_a_token_for_somebody_else_is_refused_here(server):
    assert who(server, token(server, audiences=["vault"]))[0] == 401


def test_the_odd_number_of_old_programs_gives_a_year(server):
    server.do(server.api.create("pods", pod()))
    reference = {"kind": "Pod", "apiVersion": "v1", "name": "web"}
    said = claims(token(server, boundObjectRef=reference, expirationSeconds=3607))
    assert said["exp"] - said["iat"] == EXTENDED_SECONDS
    assert said["kubernetes.io"]["warnafter"] - said["iat"] == 3607


@pytest.mark.parametrize(
    ("name", "spec", "code", "message"),
    [
        ("default", {"expirationSeconds": 5}, 422,
         'TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value:'
         " 5: may not specify a duration less than 10 minutes"),
        ("default", {"expirationSeconds": 2**32 + 1}, 422,
         'TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value:'
         " 4294967297: may not specify a duration larger than 2^32 seconds"),
        ("zz", {}, 404, 'serviceaccounts "zz" not found'),
        ("default", {"boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": "zz"}}, 404,
         'pods "zz" not found'),
        ("default", {"boundObjectRef": {"kind": "ConfigMap", "apiVersion": "v1", "name": "c"}},
         400, "cannot bind token to object of type /v1, Kind=ConfigMap"),
        ("other", {"boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": "web"}}, 400,
         'cannot bind token for serviceaccount "other" to pod running with different'
         " serviceaccount name."),
        ("default", {"boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": "web",
                                        "uid": "1"}}, 409,
         'Operation cannot be fulfilled on Pod "web": the UID in the bound object reference (1)'
         " does not match the UID in record. The object might have been deleted and then"
         " recreated"),
    ],
)  # fmt: skip
def test_a_request_that_makes_no_sense_is_refused(server, name, spec, code, message):
    server.account("other")
    server.do(server.api.create("pods", pod()))
    found, answer = request(server, name, **spec)
    assert (found, answer["message"]) == (code, message)
