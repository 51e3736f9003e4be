"""Options nobody knows are refused in upstream's words; recorded from a 1.36 API server."""

import pytest

from k8s_ref.apiserver.options import number
from k8s_ref.apiserver.request import Request
from k8s_ref.machinery.errors import BadRequest
from k8s_ref.machinery.kinds import KINDS
from tests.harness import ControlPlane


@pytest.fixture(scope="module")
def plane():
    plane = ControlPlane()
    plane.do(plane.api.create("configmaps", BODY))
    return plane


BODY = {"metadata": {"name": "c1", "namespace": "default"}, "data": {"a": "b"}}
WRITES = [
    ("create", {"fieldValidation": "Foo"}, 'CreateOptions.meta.k8s.io "" is invalid:'
     ' fieldValidation: Unsupported value: "Foo": supported values: "", "Ignore", "Strict",'
     ' "Warn"'),
    ("create", {"dryRun": "Foo"}, 'CreateOptions.meta.k8s.io "" is invalid: dryRun:'
     ' Unsupported value: ["Foo"]: supported values: "All"'),
    ("create", {"fieldManager": "a" * 129}, 'CreateOptions.meta.k8s.io "" is invalid:'
     " fieldManager: Too long: may not be more than 128 bytes"),
    ("create", {"fieldManager": "a\x00b"}, 'CreateOptions.meta.k8s.io "" is invalid: fieldManager:'
     r' Invalid value: "a\x00b": invalid character U+0000 (at position 1)'),
    ("patch", {"force": "true"}, 'PatchOptions.meta.k8s.io "" is invalid: force: Forbidden:'
     " may not be specified for non-apply patch"),
]  # fmt: skip
DELETES = [
    ({"propagationPolicy": "Foo"}, 'propagationPolicy: Unsupported value: "Foo": supported values:'
     ' "Foreground", "Background", "Orphan", "nil"'),
    ({"orphanDependents": True, "propagationPolicy": "Orphan"}, "propagationPolicy: Invalid value:"
     ' "Orphan": orphanDependents and deletionPropagation cannot be both set'),
    ({"dryRun": ["x"]}, 'dryRun: Unsupported value: ["x"]: supported values: "All"'),
]  # fmt: skip


def refused(plane, verb, query=None, body=None, name="c1"):
    request = Request(verb, KINDS["configmaps"], "default", name, query=query or {}, body=body)
    request.content_type = "application/merge-patch+json"
    response = plane.do(plane.server.handle(request))
    assert response.code >= 400
    return response.body["message"]


@pytest.mark.parametrize(("verb", "query", "message"), WRITES)
def test_a_write_with_options_nobody_knows_is_refused(plane, verb, query, message):
    name = "" if verb == "create" else "c1"
    assert refused(plane, verb, query, {"metadata": {"name": "q"}}, name) == message


@pytest.mark.parametrize(("options", "message"), DELETES)
def test_a_delete_with_options_nobody_knows_is_refused(plane, options, message):
    begin = 'DeleteOptions.meta.k8s.io "" is invalid: '
    assert refused(plane, "delete", body={"kind": "DeleteOptions", **options}) == begin + message


def test_options_may_stand_in_the_query(plane):
    assert "propagationPolicy" in refused(plane, "delete", {"propagationPolicy": "Foo"})
    message = refused(plane, "delete", {"gracePeriodSeconds": "abc"})
    assert message == 'strconv.ParseInt: parsing "abc": invalid syntax'


def test_the_body_of_a_delete_is_options_and_nothing_else(plane):
    message = refused(plane, "delete", body={"kind": "Pod", "apiVersion": "v1"})
    assert message.startswith('no kind "Pod" is registered for version "v1" in scheme')


@pytest.mark.parametrize("text", ["", "x", "1.5", "0x1", "--1"])
def test_what_is_no_number_is_refused(text):
    with pytest.raises(BadRequest, match="invalid syntax"):
        number(text)
