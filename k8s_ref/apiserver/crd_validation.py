"""Validation of CustomResourceDefinitions · 自定义资源定义的校验

Whether a definition may be stored: its names, its versions of which exactly one is stored, and
what each version says about its objects.  The one idea: causes name the fields of upstream's
internal version, where what all versions have in common stands once: ``spec.validation``,
``spec.subresources``.

Upstream: apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from k8s_ref.apiserver.crd_schema import PRESERVE, Schema
from k8s_ref.apiserver.crd_structural import has_default, schema
from k8s_ref.apiserver.jsonpath import find
from k8s_ref.apiserver.validation_meta import metadata
from k8s_ref.apiserver.validation_names import dns_1035_label, dns_subdomain
from k8s_ref.apiserver.validation_rules import immutable
from k8s_ref.machinery.errors import Cause, forbidden, invalid, not_supported, required
from k8s_ref.machinery.meta import Object, condition_of
from k8s_ref.machinery.schema import Problems, cannot_handle, struct

APPROVED = "api-approved.kubernetes.io"
_APPROVAL = f'protected groups must have approval annotation "{APPROVED}"'
_SEE = "see https://github.com/kubernetes/enhancements/pull/1111"


def definition(crd: Object, path: str) -> Iterator[Cause]:
    """What is wrong with a new definition."""
    spec = crd["spec"]
    wanted = f"{(spec.get('names') or {}).get('plural', '')}.{spec.get('group', '')}"
    wrong = 'must be spec.names.plural+"."+spec.group'

    def name_test(name: str) -> tuple[str, ...]:
        return (*dns_subdomain(name), *(() if name == wanted else (wrong,)))

    yield from metadata(crd["metadata"], "metadata", name_test, core=False)
    yield from _definition(crd)


def definition_update(new: Object, old: Object) -> Iterator[Cause]:
    """What speaks against replacing one definition by another."""
    spec, was = new["spec"], old["spec"]
    names = spec.get("names") or {}
    yield from _definition(new)
    established = condition_of(old, "Established")
    if established and established["status"] == "True":
        yield from immutable(spec.get("scope"), was["scope"], "spec.scope")
        yield from immutable(names.get("kind"), was["names"]["kind"], "spec.names.kind")
    yield from immutable(spec.get("group"), was["group"], "spec.group")
    yield from immutable(names.get("plural"), was["names"]["plural"], "spec.names.plural")


def _definition(crd: Object) -> Iterator[Cause]:
    spec, names = crd["spec"], crd["spec"].get("names") or {}
    versions = spec.get("versions") or []
    _check_types([_schema_of(version) for version in versions])
    yield from _group(spec.get("group", ""))
    if spec.get("scope") not in ("Cluster", "Namespaced"):
        yield not_supported("spec.scope", spec.get("scope", ""), ("Cluster", "Namespaced"))
    yield from _versions(versions)
    for name in ("plural", "singular", "kind", "listKind"):
        if not names.get(name):
            yield required(f"spec.names.{name}")
    yield from _names(names, "spec.names")
    yield from _contents(versions)
    yield from _conversion(spec.get("conversion") or {})
    if spec.get("preserveUnknownFields"):
        if any(has_default(_schema_of(version)) for version in versions):
            why = "must be false in order to use defaults in the schema"
            yield invalid("spec.preserveUnknownFields", True, why)
        why = f"cannot set to true, set {PRESERVE} to true in spec.versions[*].schema instead"
        yield invalid("spec.preserveUnknownFields", True, why)
    yield from _stored((crd.get("status") or {}).get("storedVersions"), versions)
    yield from _approval(spec.get("group", ""), crd["metadata"].get("annotations") or {})


def _check_types(schemas: Any) -> None:
    """Refuse a schema inside another where decoding takes any JSON, if it cannot be one."""
    node = struct("apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps")
    for found in _loose(schemas):
        problems = Problems()
        node.check(found, None, problems)
        if problems.ill_typed:
            kind = "apiextensions.k8s.io", "v1", "CustomResourceDefinition"
            raise cannot_handle(kind, problems.ill_typed)


def _loose(value: Any) -> Iterator[Any]:
    for name, item in value.items() if isinstance(value, dict) else ():
        if name in ("items", "additionalItems", "additionalProperties"):
            yield from (each for each in (item, *_listed(item)) if isinstance(each, dict))
        if name not in ("default", "enum", "example"):
            yield from _loose([*item.values()] if name in _NAMED and item else item)
    for item in _listed(value):
        yield from _loose(item)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


_NAMED = ("properties", "patternProperties", "definitions")
"""What holds schemas by names of its author."""


def _group(group: str) -> Iterator[Cause]:
    if not group:
        yield required("spec.group")
    elif problems := dns_subdomain(group):
        yield invalid("spec.group", group, ",".join(problems))
    elif "." not in group:
        yield invalid("spec.group", group, "should be a domain with at least one dot")


def _versions(versions: list[Object]) -> Iterator[Cause]:
    for index, version in enumerate(versions):
        for problem in dns_1035_label(version.get("name", "")):
            yield invalid(f"spec.versions[{index}].name", version.get("name", ""), problem)
    names = [version.get("name", "") for version in versions]
    if len({*names}) < len(names):
        yield invalid("spec.versions", _as_go(versions), "must contain unique version names")
    if sum(version.get("storage", False) for version in versions) != 1:
        why = "must have exactly one version marked as storage version"
        yield invalid("spec.versions", _as_go(versions), why)
    for problem in dns_1035_label(names[0]) if names else ():
        yield invalid("spec.version", names[0], problem)


def _as_go(versions: list[Object]) -> list[Object]:
    """Versions as they stand in messages: upstream's internal type, its common parts taken out."""
    gone = dict.fromkeys(("Schema", "Subresources", "AdditionalPrinterColumns", "SelectableFields"))
    return [
        {"Name": v.get("name", ""), "Served": v.get("served", False),
         "Storage": v.get("storage", False),
         "Deprecated": v.get("deprecated", False),
         "DeprecationWarning": v.get("deprecationWarning"), **gone}
        for v in versions
    ]  # fmt: skip


def _names(names: Object, path: str) -> Iterator[Cause]:
    for name in ("plural", "singular"):
        for problem in dns_1035_label(names[name]) if names.get(name) else ():
            yield invalid(f"{path}.{name}", names[name], problem)
    for name in ("kind", "listKind"):
        for problem in dns_1035_label(names[name].lower()) if names.get(name) else ():
            why = f"may have mixed case, but should otherwise match: {problem}"
            yield invalid(f"{path}.{name}", names[name], why)
    more = [(f"{n}[{i}]", v) for n in _MORE_NAMES for i, v in enumerate(names.get(n) or ())]
    for name, item in more:
        for problem in dns_1035_label(item):
            yield invalid(f"{path}.{name}", item, problem)
    if names.get("kind") and names["kind"] == names.get("listKind"):
        why = "kind and listKind may not be the same"
        yield invalid(f"{path}.listKind", names["listKind"], why)


_MORE_NAMES = ("shortNames", "categories")


def _schema_of(version: Object) -> Schema:
    found: Schema = (version.get("schema") or {}).get("openAPIV3Schema") or {}
    return found


def _contents(versions: list[Object]) -> Iterator[Cause]:
    """The schema, subresources and columns of each version, once where all have the same."""
    for index, version in enumerate(versions):
        if not _schema_of(version):
            yield required(f"spec.versions[{index}].schema.openAPIV3Schema")
    one = {name: _all_alike(name, versions) for name in _PARTS}
    for index, version in enumerate(versions):
        places = {
            name: shared if one[name] else f"spec.versions[{index}].{name}"
            for name, shared in _PARTS.items()
            if index == 0 or not one[name]
        }
        if "schema" in places and (found := _schema_of(version)):
            has_status = "status" in (version.get("subresources") or {})
            yield from schema(found, f"{places['schema']}.openAPIV3Schema", has_status)
        for name, rule in _RULES.items():
            if name in places and version.get(name):
                yield from rule(version[name], places[name])


_PARTS = {
    "schema": "spec.validation",
    "subresources": "spec.subresources",
    "additionalPrinterColumns": "spec.additionalPrinterColumns",
    "selectableFields": "spec.selectableFields",
}


def _all_alike(name: str, versions: list[Object]) -> bool:
    return all(version.get(name) == versions[0].get(name) for version in versions)


def _subresources(found: Object, path: str) -> Iterator[Cause]:
    if found.get("scale") is None:
        return
    for name, root in (("specReplicasPath", ".spec."), ("statusReplicasPath", ".status."),
                       ("labelSelectorPath", ".status.")):  # fmt: skip
        where, text = f"{path}.scale.{name}", found["scale"].get(name, "")
        if not text:
            if name != "labelSelectorPath":
                yield required(where)
        elif not text.startswith("."):
            yield invalid(where, text, "must be a simple json path starting with .")
        elif not text.startswith(root):
            under = " or .spec" if name == "labelSelectorPath" else ""
            if not (under and text.startswith(".spec.")):
                yield invalid(where, text, f"should be a json path under {root[:-1]}{under}")


_COLUMN_TYPES = ("boolean", "date", "integer", "number", "string")
_COLUMN_FORMATS = ("byte", "date", "date-time", "double", "float", "int32", "int64", "password")


def _columns(columns: Iterable[Object], path: str) -> Iterator[Cause]:
    for index, column in enumerate(columns):
        where, text = f"{path}[{index}]", column.get("jsonPath", "")
        if not column.get("name"):
            yield required(f"{where}.name")
        if column.get("type") not in _COLUMN_TYPES:
            yield not_supported(f"{where}.type", column.get("type", ""), _COLUMN_TYPES)
        if column.get("format") and column["format"] not in _COLUMN_FORMATS:
            yield not_supported(f"{where}.format", column["format"], _COLUMN_FORMATS)
        if not text:
            yield required(f"{where}.JSONPath")
        elif not text.startswith("."):
            yield invalid(f"{where}.JSONPath", text, "must be a simple json path starting with .")
        elif not _parses(text):
            yield invalid(f"{where}.JSONPath", text, "must be a simple json path")


def _parses(path: str) -> bool:
    try:
        find(path, {})
    except ValueError:
        return False
    return True


def _selectable(fields: Iterable[Object], path: str) -> Iterator[Cause]:
    for index, field in enumerate(fields):
        if not field.get("jsonPath"):
            yield required(f"{path}[{index}].jsonPath")


_RULES: dict[str, Callable[[Any, str], Iterator[Cause]]] = {
    "subresources": _subresources,
    "additionalPrinterColumns": _columns,
    "selectableFields": _selectable,
}


def _conversion(found: Object) -> Iterator[Cause]:
    strategy = found.get("strategy", "None")
    if strategy not in ("None", "Webhook"):
        yield not_supported("spec.conversion.strategy", strategy, ("None", "Webhook"))
    webhook = found.get("webhook")
    if strategy == "Webhook" and not (webhook or {}).get("clientConfig"):
        why = "required when strategy is set to Webhook"
        yield required("spec.conversion.webhookClientConfig", why)
    if strategy == "Webhook" and not (webhook or {}).get("conversionReviewVersions"):
        yield required("spec.conversion.conversionReviewVersions")
    if strategy == "None" and webhook:
        why = "should not be set when strategy is not set to Webhook"
        yield forbidden("spec.conversion.webhookClientConfig", why)


def _stored(stored: list[str] | None, versions: list[Object]) -> Iterator[Cause]:
    path, names = "status.storedVersions", [version.get("name", "") for version in versions]
    if not stored:
        yield invalid(path, None, "must have at least one stored version")
    for index, name in enumerate(stored or ()):
        if name not in names:
            why = (
                f"missing from spec.versions; {name} was previously a storage version, and must"
                " remain in spec.versions until a storage migration ensures no data remains"
                f" persisted in {name} and removes {name} from {path}"
            )
            yield invalid(f"{path}[{index}]", name, why)


def _approval(group: str, annotations: Object) -> Iterator[Cause]:
    if not f".{group}".endswith((".k8s.io", ".kubernetes.io")):
        return
    path, found = f"metadata.annotations[{APPROVED}]", annotations.get(APPROVED, "")
    if not found:
        yield required(path, f"{_APPROVAL}, {_SEE}")
    elif not found.startswith("unapproved") and not re.match(r"\w+://[^/]", found):
        either = 'with either a URL or a reason starting with "unapproved"'
        yield invalid(path, found, f"{_APPROVAL} {either}, {_SEE}")
