"""Tests of request bodies; refusals are those of a Kubernetes 1.36 server."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8s_ref.apiserver.codec import LARGEST, decode_body, in_go
from k8s_ref.apiserver.http import Handler, HTTPRequest
from k8s_ref.apiserver.request import parse
from k8s_ref.machinery.errors import ApiError, RequestEntityTooLarge, UnsupportedMediaType
from k8s_ref.machinery.kinds import KINDS
from tests.harness import ControlPlane

PATH = "/api/v1/namespaces/default/configmaps"
ROWS = json.loads((Path(__file__).parent / "protobuf_bodies.json").read_text("utf-8"))
UNRECOGNIZED = "the object provided is unrecognized (must be of type ConfigMap): "
NO_KIND = "couldn't get version/kind; json parse error: "
TYPE_META = (
    'struct { APIVersion string "json:\\"apiVersion,omitempty\\"";'
    ' Kind string "json:\\"kind,omitempty\\"" }'
)


def decoded(raw, content_type="application/json", method="POST", path=PATH):
    """What a body holds."""
    request = parse(KINDS, method, path, content_type=content_type)
    return decode_body(request, raw if isinstance(raw, bytes) else raw.encode())


def refusal(raw, content_type="application/json", method="POST", path=PATH):
    """How a body is refused."""
    with pytest.raises(ApiError) as refused:
        decoded(raw, content_type, method, path)
    return refused.value


def answer(
    method, path, body, content_type="application/json", groups=("system:masters",), **query
):
    """What a server says to a request, over HTTP without a socket."""
    plane = ControlPlane()
    query = {name: [value] for name, value in query.items()}
    headers = {"content-type": content_type} if content_type else {}
    raw = body if isinstance(body, bytes) else body.encode()
    http = HTTPRequest(method, path, query, headers, raw, ("admin", groups))
    return plane.do(Handler(plane.server).serve(http))


def test_the_same_object_comes_as_json_yaml_or_protobuf():
    expected = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}
    assert decoded(json.dumps(expected)) == expected
    yaml = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
    assert decoded(yaml, "application/yaml") == expected
    binary = bytes.fromhex("6b3873000a0f0a0276311209436f6e6669674d617012050a030a0161")
    assert decoded(binary, "application/vnd.kubernetes.protobuf") == expected


def test_a_content_type_may_have_parameters_and_capitals():
    assert decoded("{}", "Application/JSON; charset=utf-8") == {}


@pytest.mark.parametrize(
    ("raw", "content_type", "problem"),
    [
        ('{"a":', "application/json", f'{NO_KIND}unexpected end of JSON input ({{"a":)'),
        ("", "application/json", f"{NO_KIND}unexpected end of JSON input (<empty>)"),
        (
            "[]",
            "application/json",
            f"{NO_KIND}json: cannot unmarshal array into Go value of type {TYPE_META} (5b5d)",
        ),
        (
            '"x"',
            "application/json",
            f"{NO_KIND}json: cannot unmarshal string into Go value of type {TYPE_META} (227822)",
        ),
        (
            "a: [",
            "application/yaml",
            "yaml: line 1: did not find expected node content (613a205b)",
        ),
        (
            '{"kind": 5}',
            "application/json",
            f"{NO_KIND}json: cannot unmarshal number into Go struct field .kind of type string"
            ' ({"kind": 5})',
        ),
        (
            "{" + " " * 40,
            "application/json",
            f"{NO_KIND}unexpected end of JSON input ({{{' ' * 29} ...)",
        ),
        (
            "nothing at all, but at some length",
            "application/vnd.kubernetes.protobuf",
            "provided data does not appear to be a protobuf message, expected prefix"
            " [107 56 115 0] (6e6f7468696e6720617420616c6c2c2062757420617420736f6d65206c65 ...)",
        ),
    ],
)
def test_what_is_no_object_is_refused(raw: str, content_type: str, problem: str):
    refused = refusal(raw, content_type)
    assert str(refused) == UNRECOGNIZED + problem
    assert (refused.code, refused.reason, refused.details) == (400, "BadRequest", None)


def test_a_broken_message_of_a_known_kind_is_refused_by_its_kind():
    body = bytes.fromhex("6b3873000a0f0a0276311209436f6e6669674d617012030a0561")
    assert str(refusal(body, "application/vnd.kubernetes.protobuf")) == (
        'ConfigMap in version "v1" cannot be handled as a ConfigMap: unexpected EOF'
    )


def test_a_type_nobody_can_read_is_refused_before_the_body_is_looked_at():
    begin = "the body of the request was in an unknown format - accepted media types include: "
    both = "application/json, application/yaml"
    refused = refusal("x" * (LARGEST + 1), "text/plain")
    assert isinstance(refused, UnsupportedMediaType)
    assert str(refused) == f"{begin}{both}, application/vnd.kubernetes.protobuf"
    crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    refused = refusal("x", "application/vnd.kubernetes.protobuf", path=crds)
    assert str(refused) == f"{begin}{both}"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_body_may_be_large_but_not_larger(method: str):
    path = PATH if method == "POST" else f"{PATH}/a"
    types = {"PATCH": "application/merge-patch+json"}
    content_type = types.get(method, "application/json")
    assert decoded("{}" + " " * (LARGEST - 2), content_type, method, path) == {}
    refused = refusal("{}" + " " * (LARGEST - 1), content_type, method, path)
    assert isinstance(refused, RequestEntityTooLarge)
    assert str(refused) == "Request entity too large: limit is 3145728"


def test_a_delete_needs_no_body_and_a_bad_one_is_the_failure_of_the_reader():
    assert decoded("", "", "DELETE", f"{PATH}/a") is None
    assert decoded('{"gracePeriodSeconds": 0}', method="DELETE", path=f"{PATH}/a") == {
        "gracePeriodSeconds": 0
    }
    refused = refusal("nope", method="DELETE", path=f"{PATH}/a")
    assert (refused.code, refused.reason) == (500, "")
    assert str(refused) == f"{NO_KIND}invalid character 'o' in literal null (expecting 'u')"


def test_a_subresource_speaks_a_kind_of_its_own():
    path = "/api/v1/namespaces/default/serviceaccounts/robot/token"
    row = next(row for row in ROWS if row["command"].startswith("create token"))
    body = base64.b64decode(row["body"])
    assert decoded(body, "application/vnd.kubernetes.protobuf", path=path) == row["prints"]
    assert str(refusal("", path=path)).startswith(
        "the object provided is unrecognized (must be of type TokenRequest): "
    )


def test_nobody_looks_at_the_body_with_which_a_conversation_begins():
    assert decoded("", "", path="/api/v1/namespaces/default/pods/web/exec") is None


@pytest.mark.parametrize(
    ("content_type", "raw", "message"),
    [
        (
            "application/json-patch+json",
            "not json",
            "error decoding patch: invalid character 'o' in literal null (expecting 'u')",
        ),
        (
            "application/merge-patch+json",
            "not json",
            "error decoding patch: invalid character 'o' in literal null (expecting 'u')",
        ),
        (
            "application/strategic-merge-patch+json",
            "not json",
            "invalid character 'o' in literal null (expecting 'u')",
        ),
        (
            "application/apply-patch+yaml",
            "a: [",
            "error decoding YAML: error converting YAML to JSON: yaml: line 1:"
            " did not find expected node content",
        ),
    ],
)
def test_patches_are_refused_in_words_of_their_own(content_type: str, raw: str, message: str):
    assert str(refusal(raw, content_type, "PATCH", f"{PATH}/a")) == message


def test_a_patch_of_a_type_nobody_knows_is_refused_for_its_type():
    for content_type in ("text/plain", "application/json"):
        found = answer("PATCH", "/api/v1/namespaces/default", "not json", content_type)
        assert json.loads(found.body)["message"] == "415: Unsupported Media Type"


def test_whoever_may_not_ask_is_not_told_what_is_wrong_with_the_body():
    found = answer("POST", PATH, "not json", groups=())
    assert json.loads(found.body)["message"] == (
        'configmaps is forbidden: User "admin" cannot create resource "configmaps"'
        ' in API group "" in the namespace "default"'
    )


def test_a_patch_may_be_any_json():
    assert decoded("[]", "application/json-patch+json", "PATCH", f"{PATH}/a") == []
    assert decoded("null", "application/merge-patch+json", "PATCH", f"{PATH}/a") is None


TWICE = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"dup","name":"dup2"}}'
TWICE_IN_YAML = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: dup\n  name: dup2\n"


@pytest.mark.parametrize(
    ("raw", "content_type", "problem"),
    [
        (TWICE, "application/json", 'duplicate field "metadata.name"'),
        (
            TWICE_IN_YAML,
            "application/yaml",
            'yaml: unmarshal errors:\n  line 5: key "name" already set in map',
        ),
    ],
)
def test_a_key_that_stands_twice_is_refused_or_warned_of_or_passed_over(
    raw: str, content_type: str, problem: str
):
    strict = answer("POST", PATH, raw, content_type, fieldValidation="Strict")
    assert strict.code == 400
    assert json.loads(strict.body)["message"] == (
        'ConfigMap in version "v1" cannot be handled as a ConfigMap:'
        f" strict decoding error: {problem}"
    )
    warned = answer("POST", PATH, raw, content_type, fieldValidation="Warn")
    assert warned.code == 201
    shown = problem.replace('"', '\\"').replace("\n", " ")
    assert ("Warning", f'299 - "{shown}"') in warned.headers
    assert json.loads(warned.body)["metadata"]["name"] == "dup2"
    ignored = answer("POST", PATH, raw, content_type, fieldValidation="Ignore")
    assert (ignored.code, [h for h in ignored.headers if h[0] == "Warning"]) == (201, [])


@pytest.mark.parametrize("raw", ["{}", "null", '{"kind": "", "apiVersion": null}'])
def test_an_object_that_names_no_kind_is_of_the_kind_of_its_path(raw: str):
    found = answer("POST", PATH, raw)
    assert json.loads(found.body)["message"] == (
        'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required'
    )


def test_what_kubectl_sends_is_created():
    made = 0
    for row in ROWS:
        kind = KINDS.of(row["prints"]["apiVersion"], row["prints"]["kind"])
        if kind is None or "create" not in kind.verbs or "get" not in kind.verbs:
            continue
        path = kind.path("default")
        body = base64.b64decode(row["body"])
        found = answer("POST", path, body, "application/vnd.kubernetes.protobuf")
        # Of Pods that ask for nothing a quota can only limit how many there are.
        code = 422 if "--scopes=BestEffort" in row["command"] else 201
        assert found.code == code, (row["command"], found.body)
        made += 1
    assert made == 28


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "unexpected end of JSON input"),
        ("{", "unexpected end of JSON input"),
        ('{"a"', "unexpected end of JSON input"),
        ('"a', "unexpected end of JSON input"),
        ("nul", "unexpected end of JSON input"),
        ("-", "unexpected end of JSON input"),
        ("x", "invalid character 'x' looking for beginning of value"),
        ("<html>", "invalid character '<' looking for beginning of value"),
        ("trux", "invalid character 'x' in literal true (expecting 'e')"),
        ("-x", "invalid character 'x' in numeric literal"),
        ("{a}", "invalid character 'a' looking for beginning of object key string"),
        ('{"a" 1}', "invalid character '1' after object key"),
        ('{"a":1 "b":2}', "invalid character '\"' after object key:value pair"),
        ('{"a":[1 2]}', "invalid character '2' after array element"),
        ('["}", 1 2]', "invalid character '2' after array element"),
        ("{} {}", "invalid character '{' after top-level value"),
        ("[1,]", "invalid character ']' looking for beginning of value"),
        ('{"a":1,}', "invalid character '}' looking for beginning of object key string"),
        ('"\n"', "invalid character '\\n' in string literal"),
        ('"\\x"', "invalid character 'x' in string escape code"),
        ('"\\u00zz"', "invalid character 'z' in \\u hexadecimal character escape"),
        ("'a'", "invalid character '\\'' looking for beginning of value"),
        ("ä", "invalid character 'Ã' looking for beginning of value"),
    ],
)
def test_bad_json_is_refused_in_the_words_of_go(text: str, words: str):
    with pytest.raises(json.JSONDecodeError) as found:
        json.loads(text)
    assert in_go(found.value) == words


def test_what_python_reads_and_json_has_no_place_for_is_refused():
    for number in ("NaN", "-Infinity", "1e999"):
        assert refusal(f'{{"data": {number}}}').code == 400
    assert str(refusal("[" * 100_000)).startswith(f"{UNRECOGNIZED}{NO_KIND}exceeded max depth")


def test_half_a_character_becomes_a_replacement_and_a_whole_one_stays():
    assert decoded('{"data": {"a": "\\ud800", "b": "\\ud83d\\ude00"}}')["data"] == {
        "a": "\ufffd",
        "b": "\U0001f600",
    }
    assert decoded(b'{"data": {"a": "\xff"}}')["data"] == {"a": "\ufffd"}


TYPES = ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"]
PATCHES = ["application/merge-patch+json", "application/apply-patch+yaml"]


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode), st.sampled_from(TYPES))
def test_random_bytes_are_refused_and_break_nothing(raw: bytes, content_type: str):
    try:
        json.dumps(decoded(raw, content_type))
    except ApiError as error:
        assert error.status()["code"] == 400  # noqa: PT017


@given(st.text(alphabet="{}[]\":,-&*!|>? \n\tab01.'#%\\uD8", max_size=40), st.sampled_from(PATCHES))
def test_random_patches_are_refused_and_break_nothing(text: str, content_type: str):
    try:
        json.dumps(decoded(text, content_type, "PATCH", f"{PATH}/a"))
    except ApiError as error:
        assert error.status()["code"] == 400  # noqa: PT017
