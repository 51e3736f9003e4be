"""The fuzzer on its first 500 requests, and each fault that it ever found."""

import json

import pytest

from k8s_ref.apiserver import http
from k8s_ref.apiserver.codec import decode_body
from k8s_ref.apiserver.http import HTTPRequest
from k8s_ref.apiserver.listing import encode_token
from tests.apiserver.fuzz import ROUND, Target, paste, round_of, smallest
from tests.apiserver.malformed import ADMIN

JSON_PATCH, MERGE, APPLY = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/apply-patch+yaml",
)
YAML = "application/yaml"
CORE, DEFAULT, RBAC = (
    "/api/v1",
    "/api/v1/namespaces/default",
    "/apis/rbac.authorization.k8s.io/v1",
)
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
WIDGET = "/apis/example.com/v1/namespaces/default/widgets/w1"
DIGITS = "9" * 5000


@pytest.mark.parametrize("number", range(2))
def test_whatever_is_sent_is_answered_and_only_what_is_valid_is_stored(number):
    sent, wrong = round_of(f"0/{number}")
    assert not wrong, f"{wrong}\n{paste(sent[-1:])}"
    assert len(sent) == ROUND


def test_a_fault_is_found_and_shown_with_as_few_requests_as_possible(monkeypatch):
    def broken(request, raw):
        if request.verb == "patch":
            raise KeyError("patch")
        return decode_body(request, raw)

    monkeypatch.setattr(http, "decode_body", broken)
    sent, wrong = round_of("0/0")
    assert "KeyError: 'patch'" in wrong
    (last,) = smallest(sent[-4:], wrong)
    assert last.method == "PATCH"
    assert f"{last!r}" in paste([last])


# -- faults that were found


@pytest.fixture(scope="module")
def target():
    return Target()


def send(target, method, path, body=None, content_type="application/json", **query):
    """Code and message, or object, of the answer; nothing may be wrong with it."""
    raw = body if isinstance(body, str) else json.dumps(body) if body is not None else ""
    asked = {name: [value] for name, value in query.items()}
    headers = {"content-type": content_type}
    data = raw.encode("utf-8", "surrogatepass")
    assert target.send(HTTPRequest(method, path, asked, headers, data, ADMIN)) == ""
    if target.answer.stream is not None:
        return target.answer.code, ""
    found = json.loads(target.answer.body)
    return target.answer.code, found.get("message", found)


def meta(name="a", **more):
    """An object with a name."""
    return {"metadata": {"name": name}, **more}


REFUSED = {
    "options of a DELETE that are no options": (
        "DELETE", f"{DEFAULT}/pods/web", {"preconditions": "x"}, {},
        500, "json: cannot unmarshal string into Go struct field DeleteOptions.preconditions of",
    ),
    "a token whose revision is text": (
        "GET", f"{CORE}/pods", None, {"limit": "1", "continue": "eyJydiI6IngiLCJzdGFydCI6ImEifQ"},
        400, "invalid continue token",
    ),
    "a token that climbs": (
        "GET", f"{CORE}/pods", None, {"limit": "1", "continue": encode_token("../secrets/a", 2)},
        400, "invalid continue token: continue key is not valid: ../secrets/a",
    ),
    "a token of the future": (
        "GET", f"{CORE}/pods", None, {"limit": "1", "continue": encode_token("a", 99999)},
        504, "Timeout: Too large resource version: 99999, current: ",
    ),
    "more digits than a number has": (
        "DELETE", f"{DEFAULT}/pods/web", None, {"gracePeriodSeconds": DIGITS},
        400, f'strconv.ParseInt: parsing "{DIGITS}": value out of range',
    ),
    "a version of too many digits": (
        "GET", f"{CORE}/pods", None, {"watch": "1", "resourceVersion": DIGITS},
        500, f'resourceVersion: Invalid value: "{DIGITS}": strconv.ParseUint: parsing',
    ),
    "a watch that is to last x seconds": (
        "GET", f"{CORE}/pods", None, {"watch": "1", "timeoutSeconds": "x"},
        400, 'strconv.ParseInt: parsing "x": invalid syntax',
    ),
    "a body of nothing but digits": (
        "POST", f"{DEFAULT}/pods", DIGITS, {},
        400, "the object provided is unrecognized (must be of type Pod): couldn't get version/kind;"
        " json parse error: json: cannot unmarshal number into Go value of type float64",
    ),
    "a kind that a patch made an object": (
        "PATCH", f"{DEFAULT}/pods/web", [{"op": "add", "path": "/kind", "value": {}}],
        {"content_type": JSON_PATCH}, 422,
        "json: cannot unmarshal object into Go struct field .kind",
    ),
    "an apply whose metadata is text": (
        "PATCH", f"{DEFAULT}/configmaps/a", {"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": "x"},
        {"content_type": APPLY, "fieldManager": "me"},
        500,
        "failed to create typed patch object (/; /v1, Kind=ConfigMap): .metadata: expected map,",
    ),
    "an apply whose key is an object": (
        "PATCH", f"{CORE}/nodes/node-1",
        {"apiVersion": "v1", "kind": "Node", **meta("node-1"),
            "status": {"conditions": [{"type": {}}]}},
        {"content_type": APPLY, "fieldManager": "me"},
        500, "failed to create typed patch object (/node-1; /v1, Kind=Node): .status.conditions[",
    ),
    "an apply to a custom resource of another shape": (
        "PATCH", WIDGET, {"apiVersion": "example.com/v1", "kind": "Widget", **meta("w1"),
            "spec": 5},
        {"content_type": APPLY, "fieldManager": "me"},
        500,
        "failed to create typed patch object (/w1; example.com/v1, Kind=Widget): .spec: expected",
    ),
    "a patch of a custom resource to another shape": (
        "PATCH", WIDGET, {"spec": 5}, {"content_type": MERGE}, 422,
        'Widget.example.com "w1" is invalid',
    ),
    "a type that JSON does not have": (
        "POST", f"{DEFAULT}/configmaps", "metadata: {name: !!set {a}}", {"content_type": YAML},
        400,
        'ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal',
    ),
    "half a character": (
        "POST", f"{DEFAULT}/configmaps", 'data: {a: "\\ud800"}', {"content_type": YAML},
        400, "found invalid Unicode character escape code",
    ),
    "no number": (
        "POST", f"{DEFAULT}/configmaps", "a: .nan", {"content_type": YAML},
        400, "json: unsupported value: NaN",
    ),
    "an Event without a name": (
        "POST", f"{DEFAULT}/events", {"involvedObject": {"namespace": "default"}}, {},
        422, "metadata.name: Required value: name or generateName is required",
    ),
    "a Job without a name": (
        "POST", "/apis/batch/v1/namespaces/default/jobs", {}, {},
        422, "metadata.name: Required value: name or generateName is required",
    ),
    "a Namespace without a name": (
        "POST", f"{CORE}/namespaces", {}, {}, 422,
        "metadata.name: Required value: name or generateName",
    ),
    "an empty definition": (
        "POST", CRDS, {}, {}, 422, "spec.names.plural: Required value",
    ),
    "a schema in a schema that is none": (
        "POST",
        CRDS,
        {
            "spec": {
                "versions": [
                    {"schema": {"openAPIV3Schema": {"items": {"properties": {"a": [], "b": 1}}}}}
                ]
            }
        },
        {},
        400,
        "json: cannot unmarshal array into Go struct field JSONSchemaProps.properties of type",
    ),
    "a selectable field of no path": (
        "PATCH",
        f"{CRDS}/widgets.example.com",
        [{"op": "remove", "path": "/spec/versions/0/selectableFields/0/jsonPath"}],
        {"content_type": JSON_PATCH},
        422,
        "spec.selectableFields[0].jsonPath: Required value",
    ),
    "a DELETE of nothing but the status": (
        "DELETE",
        f"{DEFAULT}/pods/web/status",
        None,
        {},
        405,
        "the server does not allow this method on the requested resource",
    ),
    "a port that is no number": (
        "POST",
        f"{DEFAULT}/pods/web/portforward",
        None,
        {"ports": "80,x"},
        400,
        'strconv.ParseInt: parsing "x": invalid syntax',
    ),
    "a Scale whose metadata is text": (
        "PUT", f"{WIDGET}/scale", {"metadata": "x"}, {},
        400, 'Scale in version "v1" cannot be handled as a Scale: json: cannot unmarshal string',
    ),
    "a Binding whose target is a list": (
        "POST", f"{DEFAULT}/pods/web/binding", {"target": []}, {},
        400, 'Binding in version "v1" cannot be handled as a Binding: json: cannot unmarshal array',
    ),
    "a binding without its role": (
        "PATCH", f"{RBAC}/clusterrolebindings/cluster-admin", {"roleRef": None},
        {"content_type": MERGE},
        422, 'roleRef: Invalid value: {"APIGroup":"","Kind":"","Name":""}: cannot change roleRef',
    ),
    "an aggregation by an unknown operator": (
        "POST", f"{RBAC}/clusterroles", meta(aggregationRule={
            "clusterRoleSelectors": [{"matchExpressions": [{"key": "a", "operator": "0"}]}]}), {},
        422, "aggregationRule.clusterRoleSelectors[0].matchExpressions[0].operator: Invalid value",
    ),
    "a limit of no type": (
        "POST", f"{DEFAULT}/limitranges", meta(spec={"limits": [None]}), {}, 422,
        "spec.limits[0].type",
    ),
    "a namespace that waits for nobody": (
        "PUT", f"{CORE}/namespaces/shop/finalize", meta("shop", spec={"finalizers": [None]}), {},
        422, "spec.finalizers",
    ),
    "a finalizer that is nobody's": (
        "PATCH", f"{DEFAULT}/pods/web", {"metadata": {"finalizers": ["x"]}},
        {"content_type": MERGE},
        422, "name is neither a standard finalizer name nor is it fully qualified",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_it_is_refused_in_upstreams_words(target, what):
    method, path, body, query, code, message = REFUSED[what]
    found = send(target, method, path, body, **query)
    assert found[0] == code and message in str(found[1]), found


def test_a_field_nobody_knows_is_not_stored_even_if_it_is_null(target):
    add = [
        {"op": "add", "path": "/a", "value": None},
        {"op": "add", "path": "/data", "value": {"b": "c"}},
    ]
    assert send(target, "POST", f"{DEFAULT}/configmaps", meta("null"))[0] == 201
    found = send(target, "PATCH", f"{DEFAULT}/configmaps/null", add, content_type=JSON_PATCH)
    assert found[0] == 200 and found[1]["data"] == {"b": "c"} and "a" not in found[1]


def test_an_amount_that_is_null_is_zero(target):
    code, made = send(
        target, "POST", f"{CORE}/nodes", meta("n", status={"capacity": {"cpu": None}})
    )
    assert code == 201 and made["status"]["capacity"] == {"cpu": "0"}


def test_a_part_that_nobody_spoke_of_is_empty(target):
    path = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"
    code, made = send(target, "POST", path, meta("empty"))
    assert code == 201 and made["spec"] == {}


def test_a_custom_resource_may_have_a_finalizer_without_a_slash(target):
    path = WIDGET.removesuffix("/w1")
    made = {"metadata": {"name": "held", "finalizers": ["cleanup"]}, "spec": {"size": 1}}
    assert send(target, "POST", path, made)[0] == 201


def test_who_asks_about_no_path_at_all_is_answered(target):
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    code, made = send(target, "POST", path, {"spec": {"nonResourceAttributes": {}}})
    assert code == 201 and made["status"]["allowed"] is True


def test_a_condition_without_a_type_is_no_condition(target):
    base = "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas"
    spec = {"priorityLevelConfiguration": {"name": "exempt"}}
    assert send(target, "POST", base, meta("a", spec=spec))[0] == 201
    body = meta("a", spec=spec, status={"conditions": [{}]})
    assert send(target, "PUT", f"{base}/a/status", body)[0] in (200, 422)


def test_a_condition_that_is_none_does_not_stop_who_sets_another(target):
    path = "/apis/apiregistration.k8s.io/v1/apiservices/v1.storage.k8s.io"
    change = {"status": {"conditions": [None]}}
    assert send(target, "PATCH", f"{path}/status", change, content_type=MERGE)[0] == 200
    assert target.rest() == ""


def test_true_is_not_the_same_as_one(target):
    path = WIDGET.replace("widgets/w1", "gizmos/w1")
    change = [
        {"op": "replace", "path": "/spec/parts/1/size", "value": True},
        {"op": "replace", "path": "/spec/name", "value": "b"},
    ]
    code, message = send(target, "PATCH", path, change, content_type=JSON_PATCH)
    assert code == 422
    assert "spec.parts[1].size in body must be of type integer" in message


def test_whatever_breaks_is_answered():
    target = Target()

    async def broken(request):
        raise AttributeError("nobody has this")

    target.server.handle = broken
    asked = HTTPRequest("GET", "/api/v1/pods", certificate=ADMIN)
    answer = target.cluster.loop.run_task(target.handler.serve(asked))
    assert answer.code == 500
    assert json.loads(answer.body)["message"] == "AttributeError: nobody has this"
