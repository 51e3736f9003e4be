"""Validation of containers · 容器的校验

One container: its image, ports, environment, mounts, probes and hooks, resources and privileges.
What must hold between the containers of a Pod is said where the Pod is.

Upstream: pkg/apis/core/validation/validation.go (validateContainerCommon)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set

from k8s_ref.apiserver.validation_names import (
    config_key_problems,
    descending_path,
    dns_label,
    dns_subdomain,
    env_name_problems,
    header_name_problems,
)
from k8s_ref.apiserver.validation_resources import claims, resources
from k8s_ref.apiserver.validation_rules import (
    Rule,
    always,
    between,
    each,
    exactly_one,
    more_than,
    must,
    not_negative,
    one_of,
    port_if_set,
    port_name,
    port_number,
    port_number_or_name,
    row,
    struct,
    text,
    whole,
)
from k8s_ref.apiserver.validation_volume import field_reference, resource_reference
from k8s_ref.machinery.errors import Cause, duplicate, forbidden, invalid, not_found, required
from k8s_ref.machinery.meta import Object

user_id = between(0, 2**31 - 1)

# Ports.

_ports = each(
    struct(
        row("name", port_name),
        must("containerPort", port_number),
        row("hostPort", port_if_set),
        must("protocol", one_of("SCTP", "TCP", "UDP")),
    ),
    unique="name",
)


def host_ports(containers: Iterable[tuple[str, Object]]) -> Iterator[Cause]:
    """No two of these containers, given with their paths, may take the same port of the node."""
    taken = set()
    for path, container in containers:
        for index, port in enumerate(container.get("ports") or ()):
            if not port.get("hostPort"):
                continue
            name = f"{port.get('protocol', '')}/{port.get('hostIP') or ''}/{port['hostPort']}"
            if name in taken:
                yield duplicate(f"{path}.ports[{index}].hostPort", name)
            taken.add(name)


# Environment.

_FIELDS_FOR_ENV = (
    "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName",
    "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs",
)  # fmt: skip

_key_of_object = struct(always("name", text(dns_subdomain)), must("key", text(config_key_problems)))

_env_sources: Mapping[str, Rule] = {
    "fieldRef": lambda value, path: field_reference(value, path, _FIELDS_FOR_ENV),
    "resourceFieldRef": resource_reference,
    "configMapKeyRef": _key_of_object,
    "secretKeyRef": _key_of_object,
    "fileKeyRef": struct(must("volumeName"), must("path"), must("key")),
}

_NO_ENV_SOURCE = (
    "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` "
    "or `fileKeyRef`"
)
_SEVERAL = "may not have more than one field specified at a time"


def _value_from(variable: Object, path: str) -> Iterator[Cause]:
    source = variable.get("valueFrom")
    if source is None:
        return
    path = f"{path}.valueFrom"
    found = [name for name in _env_sources if source.get(name) is not None]
    for name in found:
        yield from _env_sources[name](source[name], f"{path}.{name}")
    if not found:
        yield invalid(path, "", _NO_ENV_SOURCE)
    elif variable.get("value"):
        yield invalid(path, "", "may not be specified when `value` is not empty")
    elif len(found) > 1:
        yield invalid(path, "", _SEVERAL)


_env = each(struct(must("name", text(env_name_problems)), whole(_value_from)))

_named_object = struct(must("name", text(dns_subdomain)))
_env_from_item = struct(
    row("prefix", text(env_name_problems)),
    row("configMapRef", _named_object),
    row("secretRef", _named_object),
)


def _env_from(value: list[Object], path: str) -> Iterator[Cause]:
    for index, item in enumerate(value):
        yield from _env_from_item(item, f"{path}[{index}]")
        sources = (item.get("configMapRef") is not None) + (item.get("secretRef") is not None)
        if not sources:
            yield invalid(path, "", "must specify one of: `configMapRef` or `secretRef`")
        elif sources > 1:
            yield invalid(path, "", _SEVERAL)


# Mounts.


def _mounts(container: Object, path: str, volumes: Set[str]) -> Iterator[Cause]:
    paths: set[str] = set()
    for index, mount in enumerate(container.get("volumeMounts") or ()):
        place = f"{path}.volumeMounts[{index}]"
        name, mount_path = mount.get("name") or "", mount.get("mountPath") or ""
        if not name:
            yield required(f"{place}.name")
        if name not in volumes:
            yield not_found(f"{place}.name", name)
        if not mount_path:
            yield required(f"{place}.mountPath")
        if mount_path in paths:
            yield invalid(f"{place}.mountPath", mount_path, "must be unique")
        paths.add(mount_path)
        # Upstream leaves the index out of the paths below it.
        yield from _sub_paths(mount, f"{path}.volumeMounts")
        yield from _propagation(container, mount, f"{place}.mountPropagation")


_sub_path = text(descending_path)


def _sub_paths(mount: Object, path: str) -> Iterator[Cause]:
    for name in ("subPath", "subPathExpr"):
        if mount.get(name):
            yield from _sub_path(mount[name], f"{path}.{name}")
    if mount.get("subPath") and mount.get("subPathExpr"):
        problem = "subPathExpr and subPath are mutually exclusive"
        yield invalid(f"{path}.subPathExpr", mount["subPathExpr"], problem)


_PROPAGATION = one_of("Bidirectional", "HostToContainer", "None")


def _propagation(container: Object, mount: Object, path: str) -> Iterator[Cause]:
    mode = mount.get("mountPropagation")
    if not mode:
        return
    yield from _PROPAGATION(mode, path)
    if mode == "Bidirectional" and not (container.get("securityContext") or {}).get("privileged"):
        problem = "Bidirectional mount propagation is available only to privileged containers"
        yield forbidden(path, problem)


# Probes and hooks.


def _header_names(value: Object, path: str) -> Iterator[Cause]:
    for header in value.get("httpHeaders") or ():
        for problem in header_name_problems(header.get("name") or ""):
            yield invalid(f"{path}.httpHeaders", header.get("name") or "", problem)


_port = always("port", port_number_or_name, zero=0)
_http_get = struct(
    must("path"), _port, must("scheme", one_of("HTTP", "HTTPS")), whole(_header_names)
)
_exec = struct(must("command"))

_NO_HANDLER = "must specify a handler type"
_TWO_HANDLERS = "may not specify more than 1 handler type"

_probe = struct(
    whole(
        exactly_one(
            _NO_HANDLER,
            _TWO_HANDLERS,
            exec=_exec,
            httpGet=_http_get,
            tcpSocket=struct(_port),
            grpc=struct(_port),
        )
    ),
    row("initialDelaySeconds", not_negative),
    row("timeoutSeconds", not_negative),
    row("periodSeconds", not_negative),
    row("successThreshold", not_negative),
    row("failureThreshold", not_negative),
    row("terminationGracePeriodSeconds", more_than(0)),
)


def _kills(value: Object, path: str) -> Iterator[Cause]:
    """A probe that ends a container cannot need several successes to take that back."""
    if (value.get("successThreshold") or 0) != 1:
        yield invalid(f"{path}.successThreshold", value.get("successThreshold") or 0, "must be 1")


def _only_reports(value: Object, path: str) -> Iterator[Cause]:
    seconds = value.get("terminationGracePeriodSeconds")
    if seconds is not None:
        problem = "must not be set for readinessProbes"
        yield invalid(f"{path}.terminationGracePeriodSeconds", seconds, problem)


_killing_probe = struct(whole(_probe), whole(_kills))
_probes = struct(
    row("livenessProbe", _killing_probe),
    row("readinessProbe", struct(whole(_probe), whole(_only_reports))),
    row("startupProbe", _killing_probe),
)


def _hook(grace: int | None) -> Rule:
    def sleep(value: Object, path: str) -> Iterator[Cause]:
        seconds = value.get("seconds") or 0
        if grace is not None and not 0 <= seconds <= grace:
            problem = "must be non-negative and less than terminationGracePeriodSeconds"
            yield invalid(path, seconds, f"{problem} ({grace})")

    return exactly_one(
        _NO_HANDLER,
        _TWO_HANDLERS,
        exec=_exec,
        httpGet=_http_get,
        tcpSocket=struct(_port),
        sleep=sleep,
    )


def probes_and_hooks(container: Object, path: str, grace: int | None) -> Iterator[Cause]:
    """What is asked of a container that runs for the whole life of its Pod."""
    if container.get("lifecycle"):
        hook = _hook(grace)
        rule = struct(row("postStart", hook), row("preStop", hook))
        yield from rule(container["lifecycle"], f"{path}.lifecycle")
    yield from _probes(container, path)


PROBES_AND_HOOKS = ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe")


# Privileges.

_SECCOMP_TYPE = one_of("Localhost", "RuntimeDefault", "Unconfined")


def seccomp(value: Object, path: str) -> Iterator[Cause]:
    """A seccomp profile: only one of the node's own has a file name."""
    kind, profile = value.get("type") or "", value.get("localhostProfile")
    if kind == "Localhost" and not profile:
        yield required(f"{path}.localhostProfile", "must be set when seccomp type is Localhost")
    elif kind != "Localhost" and profile is not None:
        problem = "can only be set when seccomp type is Localhost"
        yield invalid(f"{path}.localhostProfile", profile, problem)
    if not kind:
        yield required(f"{path}.type", "type is required when seccompProfile is set")
    else:
        yield from _SECCOMP_TYPE(kind, f"{path}.type")


def _escalation(value: Object, path: str) -> Iterator[Cause]:
    if value.get("allowPrivilegeEscalation") is not False:
        return
    refused = "cannot set `allowPrivilegeEscalation` to false and"
    if value.get("privileged"):
        yield invalid(path, value, f"{refused} `privileged` to true")
    if "CAP_SYS_ADMIN" in ((value.get("capabilities") or {}).get("add") or ()):
        yield invalid(path, value, f"{refused} `capabilities.Add` CAP_SYS_ADMIN")


_security_context = struct(
    row("runAsUser", user_id),
    row("runAsGroup", user_id),
    row("procMount", one_of("Default", "Unmasked")),
    row("seccompProfile", seccomp),
    whole(_escalation),
)

# The container, but for what runs before its Pod is ready, or beside it.

_parts = struct(
    must("name", text(dns_label)),
    must("image"),
    must("terminationMessagePolicy", one_of("File", "FallbackToLogsOnError")),
    row("restartPolicy", one_of("Always", "Never", "OnFailure")),
    row("ports", _ports),
    row("env", _env),
    row("envFrom", _env_from),
)

_rest = struct(
    must("imagePullPolicy", one_of("Always", "IfNotPresent", "Never")),
    row("resources", resources),
    row("securityContext", _security_context),
)


def container(value: Object, path: str, volumes: Set[str], claimed: Set[str]) -> Iterator[Cause]:
    """What is asked of every container of a Pod that has these volumes and resource claims."""
    yield from _parts(value, path)
    if value.get("volumeMounts"):
        yield from _mounts(value, path, volumes)
    yield from _rest(value, path)
    if value.get("resources"):
        yield from claims(value["resources"], f"{path}.resources", claimed)


def image_without_spaces(value: Object, path: str) -> Iterator[Cause]:
    """A Pod's image is taken literally; a template may still hold a placeholder."""
    image = value.get("image") or ""
    if image != image.strip():
        problem = "must not have leading or trailing whitespace"
        yield invalid(f"{path}.image", image, problem)
