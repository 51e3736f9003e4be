"""Validation of what extends the server · 扩展 API server 的资源的校验

Webhooks and policies that have a say in admission, requests for certificates, classes of
runtimes, and who comes first when the server is busy.

Upstream: pkg/apis/{admissionregistration,certificates,node,flowcontrol}/validation/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from k8s_ref.apiserver.validation_names import dns_label, dns_subdomain
from k8s_ref.apiserver.validation_rules import (
    Rule,
    always,
    each,
    immutable,
    must,
    one_of,
    row,
    struct,
    text,
    whole,
)
from k8s_ref.machinery.errors import Cause, invalid, required
from k8s_ref.machinery.meta import Object

# Webhooks.


def _webhook_name(value: str, path: str) -> Iterator[Cause]:
    for problem in dns_subdomain(value):
        yield invalid(path, value, problem)
    if value.count(".") < 2:
        problem = "should be a domain with at least three segments separated by dots"
        yield invalid(path, value, problem)


def _side_effects(value: Object, path: str) -> Iterable[Cause]:
    if not value.get("sideEffects"):
        problem = "must specify one of None, NoneOnDryRun"
        return (required(f"{path}.sideEffects", problem),)
    return one_of("None", "NoneOnDryRun")(value["sideEffects"], f"{path}.sideEffects")


def _client(value: Object, path: str) -> Iterator[Cause]:
    if (value.get("url") is None) == (value.get("service") is None):
        yield required(path, "exactly one of url or service is required")


def _versions(value: Object, path: str) -> Iterator[Cause]:
    versions = value.get("admissionReviewVersions") or []
    if not versions:
        words = "must specify one of v1, v1beta1"
        yield required(f"{path}.admissionReviewVersions", words)
    elif not {"v1", "v1beta1"} & {*versions}:
        problem = "must include at least one of v1, v1beta1"
        yield invalid(f"{path}.admissionReviewVersions", versions, problem)


def _timeout(value: int, path: str) -> Iterator[Cause]:
    if not 1 <= value <= 30:
        yield invalid(path, value, "the timeout value must be between 1 and 30 seconds")


_webhook = struct(
    always("name", _webhook_name),
    row("failurePolicy", one_of("Fail", "Ignore")),
    row("matchPolicy", one_of("Equivalent", "Exact")),
    whole(_side_effects),
    row("timeoutSeconds", _timeout),
    whole(_versions),
    always("clientConfig", _client, {}),
)
webhooks = struct(row("webhooks", each(_webhook, unique="name")))

# Policies.  Their expressions are not compiled here.

_policy = struct(must("matchConstraints"), row("failurePolicy", one_of("Fail", "Ignore")))


def policy(value: Object, path: str) -> Iterable[Cause]:
    """What is wrong with a ValidatingAdmissionPolicy, apart from its expressions."""
    return _policy(value.get("spec") or {}, "spec")


def _actions(spec: Object, path: str) -> Iterator[Cause]:
    actions = spec.get("validationActions") or []
    if not actions:
        yield required(f"{path}.validationActions", "at least one validation action is required")
    yield from each(one_of("Audit", "Deny", "Warn"))(actions, f"{path}.validationActions")


_policy_binding = struct(must("policyName"), whole(_actions))


def policy_binding(value: Object, path: str) -> Iterable[Cause]:
    """What is wrong with a ValidatingAdmissionPolicyBinding."""
    return _policy_binding(value.get("spec") or {}, "spec")


# Requests for certificates.

USAGES = (
    "any", "cert sign", "client auth", "code signing", "content commitment", "crl sign",
    "data encipherment", "decipher only", "digital signature", "email protection",
    "encipher only", "ipsec end system", "ipsec tunnel", "ipsec user", "key agreement",
    "key encipherment", "microsoft sgc", "netscape sgc", "ocsp signing", "s/mime", "server auth",
    "signing", "timestamping",
)  # fmt: skip
"""What a certificate may be good for."""
_SIGNER = "must be a fully qualified domain and path of the form 'example.com/signer-name'"


def _signer(value: str, path: str) -> Iterator[Cause]:
    domain, slash, rest = value.partition("/")
    if not slash or not rest or len(domain.split(".")) < 2:
        yield invalid(path, value, _SIGNER)
        return
    for part in (*domain.split("."), *rest.split(".")):
        for problem in dns_label(part):
            yield invalid(path, value, f'validating label "{part}": {problem}')


def _expiration(value: int, path: str) -> Iterator[Cause]:
    if value < 600:
        problem = "may not specify a duration less than 600 seconds (10 minutes)"
        yield invalid(path, value, problem)


_signing_spec = struct(
    must("request"),
    must("usages", each(one_of(*USAGES))),
    must("signerName", _signer),
    row("expirationSeconds", _expiration),
)


def signing_request(value: Object, path: str) -> Iterable[Cause]:
    """What is wrong with a CertificateSigningRequest."""
    return _signing_spec(value.get("spec") or {}, "spec")


# Runtimes, and turns.

runtime_class = struct(must("handler", text(dns_label)))


def runtime_class_update(new: Object, old: Object) -> Iterable[Cause]:
    """A class goes on to mean the same."""
    return immutable(new.get("handler"), old.get("handler"), "handler")


def _level(spec: Any, path: str) -> Iterator[Cause]:
    if not (spec.get("priorityLevelConfiguration") or {}).get("name"):
        place = f"{path}.priorityLevelConfiguration.name"
        yield required(place, "must reference a priority level")


flow_schema: Rule = struct(always("spec", struct(whole(_level)), {}))
