"""Validation of APIServices · APIService 的校验

Whether a part of the API may be given to another server: its name says which part, its priorities
where it stands in discovery, and only what leads elsewhere has a certificate to check.

Upstream: kube-aggregator/pkg/apis/apiregistration/validation/validation.go
"""

from __future__ import annotations

from collections.abc import Iterator

from k8s_ref.apiserver.validation_meta import metadata
from k8s_ref.apiserver.validation_names import dns_1035_label, dns_subdomain
from k8s_ref.machinery.errors import Cause, invalid, required, show
from k8s_ref.machinery.meta import Object

_LIMITS = (("groupPriorityMinimum", 20_000), ("versionPriority", 1_000))


def api_service(obj: Object, path: str) -> Iterator[Cause]:
    """What is wrong with a new APIService.

    >>> spec = {"version": "v1", "groupPriorityMinimum": 1, "versionPriority": 1}
    >>> [str(cause) for cause in api_service({"metadata": {"name": "v1."}, "spec": spec}, "")]
    []
    """
    spec = obj.get("spec") or {}
    group, version = spec.get("group", ""), spec.get("version", "")
    wanted = f"{version}.{group}"

    def name_test(name: str) -> tuple[str, ...]:
        if name == wanted:
            return ()
        return (f'must be `spec.version+"."+spec.group`: {show(wanted)}',)

    yield from metadata(obj["metadata"], "metadata", name_test, core=False)
    if not group and version != "v1":
        yield required("spec.group", "only v1 may have an empty group and it better be legacy kube")
    for problem in dns_subdomain(group) if group else ():
        yield invalid("spec.group", group, problem)
    for problem in dns_1035_label(version):
        yield invalid("spec.version", version, problem)
    for name, limit in _LIMITS:
        if not 0 < (number := spec.get(name, 0)) <= limit:
            yield invalid(f"spec.{name}", number, f"must be positive and less than {limit}")
    yield from _way(spec)


def api_service_update(new: Object, old: Object) -> Iterator[Cause]:
    """What speaks against replacing one APIService by another."""
    return api_service(new, "")


def _way(spec: Object) -> Iterator[Cause]:
    bundle, skip = spec.get("caBundle"), spec.get("insecureSkipTLSVerify")
    service = spec.get("service")
    if service is None:
        if bundle:
            shown = f"{len(bundle) * 3 // 4 - bundle.count('=')} bytes"
            yield invalid("spec.caBundle", shown, "local APIServices may not have a caBundle")
        if skip:
            why = "local APIServices may not have insecureSkipTLSVerify"
            yield invalid("spec.insecureSkipTLSVerify", True, why)
        return
    for name in ("namespace", "name"):
        if not service.get(name):
            yield required(f"spec.service.{name}")
    if skip and bundle:
        why = "may not be true if caBundle is present"
        yield invalid("spec.insecureSkipTLSVerify", True, why)
