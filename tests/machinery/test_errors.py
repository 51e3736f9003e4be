"""Tests of refusals: the words and the order of keys are those a Kubernetes 1.36 server sent."""

from __future__ import annotations

import json

import pytest

from k8s_ref.machinery import errors
from k8s_ref.machinery.errors import (
    AlreadyExists,
    ApiError,
    BadRequest,
    Cause,
    Conflict,
    Expired,
    Forbidden,
    Gone,
    InternalError,
    Invalid,
    MethodNotAllowed,
    NotFound,
    ServerTimeout,
    Timeout,
    TooManyRequests,
    Unauthorized,
    from_status,
)


def refused(error: ApiError) -> str:
    return json.dumps(error.status())


def test_a_status_has_upstreams_keys_in_upstreams_order() -> None:
    assert refused(NotFound.of("deployments", "apps", "nope")) == (
        '{"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": '
        '"deployments.apps \\"nope\\" not found", "reason": "NotFound", "details": '
        '{"name": "nope", "group": "apps", "kind": "deployments"}, "code": 404}'
    )


def test_an_error_without_reason_and_details_leaves_them_out() -> None:
    status = ApiError("map: map[image:x] does not contain declared merge key: name").status()
    assert list(status) == ["kind", "apiVersion", "metadata", "status", "message", "code"]
    assert status["code"] == 500


def test_empty_details_are_not_the_same_as_none() -> None:
    assert NotFound.resource().status()["details"] == {}
    assert "details" not in BadRequest("no").status()


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (NotFound.of("pods", "", "x"), 404, 'pods "x" not found'),
        (NotFound.resource(), 404, "the server could not find the requested resource"),
        (AlreadyExists.of("configmaps", "", "c1"), 409, 'configmaps "c1" already exists'),
        (
            Conflict.of("deployments", "apps", "dp"),
            409,
            'Operation cannot be fulfilled on deployments.apps "dp": the object has been modified;'
            " please apply your changes to the latest version and try again",
        ),
        (
            Forbidden.of("namespaces", "", "default", "this namespace may not be deleted"),
            403,
            'namespaces "default" is forbidden: this namespace may not be deleted',
        ),
        (Forbidden.of("pods", "", "", "no"), 403, "pods is forbidden: no"),
        (Forbidden.of("", "", "", "no"), 403, "forbidden: no"),
        (
            MethodNotAllowed.of(),
            405,
            "the server does not allow this method on the requested resource",
        ),
        (Unauthorized.of(), 401, "Unauthorized"),
        (InternalError.of("no luck"), 500, "Internal error occurred: no luck"),
        (TooManyRequests.of("later", 1), 429, "later"),
        (
            ServerTimeout.of("pods", "", "list"),
            500,
            "The list operation against pods could not be completed at this time,"
            " please try again.",
        ),
    ],
)
def test_each_refusal_is_worded_as_upstream_words_it(
    error: ApiError, code: int, message: str
) -> None:
    assert (error.code, str(error)) == (code, message)


def test_one_cause_stands_alone_and_several_stand_in_brackets() -> None:
    one = Invalid.of("Pod", "", "x", [errors.required("spec.containers")])
    assert one.message == 'Pod "x" is invalid: spec.containers: Required value'
    two = Invalid.of(
        "Deployment",
        "apps",
        "dp",
        [
            errors.invalid("spec.replicas", -1, "must be greater than or equal to 0"),
            errors.required("spec.selector"),
        ],
    )
    assert two.message == (
        'Deployment.apps "dp" is invalid: [spec.replicas: Invalid value: -1: '
        "must be greater than or equal to 0, spec.selector: Required value]"
    )
    assert two.status()["details"] == {
        "name": "dp",
        "group": "apps",
        "kind": "Deployment",
        "causes": [
            {
                "reason": "FieldValueInvalid",
                "message": "Invalid value: -1: must be greater than or equal to 0",
                "field": "spec.replicas",
            },
            {
                "reason": "FieldValueRequired",
                "message": "Required value",
                "field": "spec.selector",
            },
        ],
    }


def test_a_cause_found_twice_is_told_once_and_listed_twice() -> None:
    cause = errors.invalid("metadata.uid", "x", "field is immutable")
    error = Invalid.of("ConfigMap", "", "c1", [cause, cause])
    assert error.message.count("field is immutable") == 1
    assert error.causes == [cause, cause]


@pytest.mark.parametrize(
    ("cause", "text"),
    [
        (
            errors.not_supported("spec.restartPolicy", "x", ["Always", "OnFailure", "Never"]),
            'spec.restartPolicy: Unsupported value: "x": supported values: '
            '"Always", "OnFailure", "Never"',
        ),
        (
            errors.not_supported("dryRun", ["Foo"], ["All"]),
            'dryRun: Unsupported value: ["Foo"]: supported values: "All"',
        ),
        (
            errors.duplicate("spec.containers[1].name", "c"),
            'spec.containers[1].name: Duplicate value: "c"',
        ),
        (errors.forbidden("value", "too much"), "value: Forbidden: too much"),
        (errors.not_found("spec.x[0].name", "v"), 'spec.x[0].name: Not found: "v"'),
        (
            errors.too_long("metadata.annotations", 262144),
            "metadata.annotations: Too long: may not be more than 262144 bytes",
        ),
        (errors.too_many("spec.x", 4, 3), "spec.x: Too many: 4: must have at most 3 items"),
        (
            errors.type_invalid("spec.size", "string", 'must be of type integer: "string"'),
            'spec.size: Invalid value: "string": must be of type integer: "string"',
        ),
        (
            errors.invalid("roleRef", {"Kind": "Role"}, "cannot change roleRef"),
            'roleRef: Invalid value: {"Kind":"Role"}: cannot change roleRef',
        ),
        (
            errors.invalid("fieldManager", "a\0b", "no"),
            'fieldManager: Invalid value: "a\\x00b": no',
        ),
        (
            errors.invalid("spec.rule", {"Rule": "self > 1"}, "no"),
            'spec.rule: Invalid value: {"Rule":"self \\u003e 1"}: no',
        ),
        (errors.invalid("spec", None, "no"), "spec: Invalid value: null: no"),
        (errors.invalid("spec.x", True, "no"), "spec.x: Invalid value: true: no"),
    ],
)
def test_field_errors_are_worded_as_upstream_words_them(cause: Cause, text: str) -> None:
    assert str(cause) == text


def test_a_client_gets_the_class_of_the_reason_and_can_send_it_on_unchanged() -> None:
    for error in (
        NotFound.of("pods", "", "x"),
        Invalid.of("Pod", "", "x", [errors.required("spec.containers")]),
        Expired("too old", metadata={"continue": "token"}),
        TooManyRequests.of("later", 3),
        Timeout.of("too late", 1, [Cause("ResourceVersionTooLarge", "too large", "")]),
        BadRequest("no"),
    ):
        received = from_status(json.loads(refused(error)))
        assert type(received) is type(error)
        assert refused(received) == refused(error)


def test_an_unknown_reason_keeps_its_code_and_its_name() -> None:
    teapot = {"message": "short and stout", "reason": "Teapot", "code": 418}
    error = from_status(teapot)
    assert (type(error), error.code, error.reason) == (ApiError, 418, "Teapot")


def test_expired_is_caught_as_gone() -> None:
    with pytest.raises(Gone):
        raise Expired("The resourceVersion for the provided list is too old.")


def test_how_long_to_wait_is_read_from_the_details() -> None:
    assert TooManyRequests.of("later", 7).retry_after_seconds == 7
    assert BadRequest("no").retry_after_seconds == 0
