"""Pod Security Standards · Pod 安全标准

What a Pod must not ask for (``baseline``) and what it has to ask for (``restricted``), one check
after the other.  A check is a function from a Pod to what is wrong with it; the table says from
which minor version on it applies and which milder check it takes the place of.

Upstream: staging/src/k8s.io/pod-security-admission/policy/
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

from k8s_ref.machinery.errors import show
from k8s_ref.machinery.meta import Object

LATEST = 36
"""The minor version of this server."""


class Violation(NamedTuple):
    """What is wrong with a Pod, in a few words, and where."""

    reason: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.reason} ({self.detail})" if self.detail else self.reason


class Pod(NamedTuple):
    """A Pod, or the template of one, looked at with the eyes of a minor version."""

    spec: Object
    annotations: Object
    minor: int = LATEST

    @property
    def containers(self) -> list[Object]:
        """All its containers, the initial ones first."""
        groups = ("initContainers", "containers", "ephemeralContainers")
        return [container for group in groups for container in self.spec.get(group) or ()]

    def named(self, bad: Callable[[Object], bool]) -> list[str]:
        """The names of the containers that are ``bad``."""
        return [container["name"] for container in self.containers if bad(container)]

    def who(self, bad: Callable[[Object], bool]) -> str:
        """Whose security context is ``bad``: ``pod and containers "a", "b"``, or nobody's."""
        names = self.named(lambda container: bad(_context(container)))
        parts = ["pod"] if bad(_context(self.spec)) else []
        return " and ".join([*parts, *([_containers(names)] if names else [])])

    @property
    def for_windows(self) -> bool:
        """Whether it says so, which frees it of checks that are about Linux."""
        return self.minor >= 25 and (self.spec.get("os") or {}).get("name") == "windows"

    @property
    def has_users_of_its_own(self) -> bool:
        """Whether its root is nobody on the node."""
        return self.minor >= 35 and self.spec.get("hostUsers") is False


def violations(level: str, minor: int, meta: Object, spec: Object) -> list[Violation]:
    """What keeps a Pod from this level, in upstream's order.

    >>> spec = {"hostNetwork": True, "containers": [{"name": "c"}]}
    >>> print(*violations("baseline", LATEST, {}, spec))
    host namespaces (hostNetwork=true)
    """
    pod = Pod(spec, meta.get("annotations") or {}, minor)
    found = [check(pod) for check in _checks(level, minor)]
    return [violation for violation in found if violation is not None]


@cache
def _checks(level: str, minor: int) -> list[Check]:
    if level == "privileged":
        return []
    strict = [row for row in RESTRICTED if level == "restricted" and row.since <= minor]
    replaced = {row.instead_of for row in strict}
    mild = [row for row in BASELINE if row.since <= minor and row.check not in replaced]
    return [row.check for row in (*mild, *strict)]


def _context(holder: Object) -> Object:
    return holder.get("securityContext") or {}


def _containers(names: Iterable[str]) -> str:
    return _some("container", list(names))


def _some(what: str, names: list[str]) -> str:
    """``volume "a"``, ``volumes "a", "b"``."""
    return f"{what}{'s' * (len(names) > 1)} {', '.join(map(show, names))}"


def _quoted(values: Iterable[str]) -> str:
    return ", ".join(show(value) for value in sorted(set(values)))


@cache
def _table() -> Any:
    file = resources.files("k8s_ref.apiserver.admission").joinpath("podsecurity.json")
    return json.loads(file.read_text("utf-8"))


# -- baseline: what a Pod must not ask for


def _app_armor(pod: Pod) -> Violation | None:
    values: list[str] = []

    def bad(context: Object) -> bool:
        kind = (context.get("appArmorProfile") or {}).get("type")
        values.extend([kind] if kind not in (None, "RuntimeDefault", "Localhost") else [])
        return kind not in (None, "RuntimeDefault", "Localhost")

    who = pod.who(bad)
    notes = [
        f"{key}={show(value)}"
        for key, value in sorted(pod.annotations.items())
        if key.startswith("container.apparmor.security.beta.kubernetes.io/")
        and value not in ("", "runtime/default")
        and not value.startswith("localhost/")
    ]
    if not who and not notes:
        return None
    shown = [*sorted(set(values)), *notes]
    setters = [*([who] if who else []), *(["annotation" + "s" * (len(notes) > 1)] if notes else [])]
    reason = "forbidden AppArmor profile" + "s" * (len(shown) > 1)
    detail = f"must not set AppArmor profile type to {', '.join(map(show, shown))}"
    return Violation(reason, f"{' and '.join(setters)} {detail}")


def _added(container: Object, allowed: Iterable[str]) -> list[str]:
    added = (_context(container).get("capabilities") or {}).get("add") or []
    return [name for name in added if name not in allowed]


def _must_not_add(pod: Pod, allowed: Iterable[str]) -> str:
    names = pod.named(lambda container: bool(_added(container, allowed)))
    added = _quoted(name for c in pod.containers for name in _added(c, allowed))
    where = "securityContext.capabilities.add"
    return f"{_containers(names)} must not include {added} in {where}" if names else ""


def _capabilities(pod: Pod) -> Violation | None:
    detail = _must_not_add(pod, _table()["capabilities"])
    return Violation("non-default capabilities", detail) if detail else None


def _host_namespaces(pod: Pod) -> Violation | None:
    used = [f"{n}=true" for n in ("hostNetwork", "hostPID", "hostIPC") if pod.spec.get(n)]
    return Violation("host namespaces", ", ".join(used)) if used else None


def _host_path(pod: Pod) -> Violation | None:
    names = [v["name"] for v in pod.spec.get("volumes") or () if v.get("hostPath")]
    return Violation("hostPath volumes", _some("volume", names)) if names else None


def _host_ports(pod: Pod) -> Violation | None:
    def taken(container: Object) -> list[str]:
        return [str(p["hostPort"]) for p in container.get("ports") or () if p.get("hostPort")]

    names = pod.named(lambda container: bool(taken(container)))
    ports = sorted({port for container in pod.containers for port in taken(container)})
    what = f"hostPort{'s' * (len(ports) > 1)} {', '.join(ports)}"
    return Violation("hostPort", f"{_containers(names)} {_use(names)} {what}") if names else None


def _use(names: list[str]) -> str:
    return "uses" if len(names) == 1 else "use"


def _probe_hosts(pod: Pod) -> Violation | None:
    names = sorted(pod.named(lambda container: any(_hosts(container))))
    if not names:
        return None
    hosts = sorted({host for container in pod.containers for host in _hosts(container)})
    what = "probe or lifecycle host"
    return Violation(what, f"{_containers(names)} {_use(names)} {_some(what, hosts)}")


def _hosts(container: Object) -> Iterator[str]:
    probes = [container.get(f"{name}Probe") for name in ("liveness", "readiness", "startup")]
    for handler in [*probes, *(container.get("lifecycle") or {}).values()]:
        for how in ("httpGet", "tcpSocket"):
            host = ((handler or {}).get(how) or {}).get("host")
            if host:
                yield host


def _privileged(pod: Pod) -> Violation | None:
    names = pod.named(lambda container: bool(_context(container).get("privileged")))
    what = "must not set securityContext.privileged=true"
    return Violation("privileged", f"{_containers(names)} {what}") if names else None


def _proc_mount(pod: Pod) -> Violation | None:
    if pod.has_users_of_its_own:
        return None
    names = pod.named(lambda c: _context(c).get("procMount", "Default") != "Default")
    kinds = _quoted(_context(c).get("procMount", "Default") for c in pod.containers
                    if c["name"] in names)  # fmt: skip
    what = f"must not set securityContext.procMount to {kinds}"
    return Violation("procMount", f"{_containers(names)} {what}") if names else None


def _se_linux(pod: Pod) -> Violation | None:
    allowed = {name for name, since in _table()["seLinuxTypes"].items() if since <= pod.minor}
    used = [_context(holder).get("seLinuxOptions") or {} for holder in (pod.spec, *pod.containers)]

    def bad(context: Object) -> bool:
        options = context.get("seLinuxOptions") or {}
        known = options.get("type", "") in allowed
        return not known or bool(options.get("user") or options.get("role"))

    who = pod.who(bad)
    types = sorted({each.get("type", "") for each in used} - allowed)
    data = [_some("type", types)] if types else []
    for part in ("user", "role"):
        if any(each.get(part) for each in used):
            data.append(f"{part} may not be set")
    what = f"set forbidden securityContext.seLinuxOptions: {'; '.join(data)}"
    return Violation("seLinuxOptions", f"{who} {what}") if who else None


def _seccomp(pod: Pod) -> Violation | None:
    values: list[str] = []

    def bad(context: Object) -> bool:
        kind = (context.get("seccompProfile") or {}).get("type")
        values.extend([kind] if kind not in (None, *_SECCOMP) else [])
        return kind not in (None, *_SECCOMP)

    who = pod.who(bad)
    what = f"must not set securityContext.seccompProfile.type to {_quoted(values)}"
    return Violation("seccompProfile", f"{who} {what}") if who else None


_SECCOMP = ("RuntimeDefault", "Localhost")


def _sysctls(pod: Pod) -> Violation | None:
    allowed = {name for name, since in _table()["sysctls"].items() if since <= pod.minor}
    names = [sysctl["name"] for sysctl in _context(pod.spec).get("sysctls") or ()]
    bad = [name for name in names if name not in allowed]
    return Violation("forbidden sysctls", ", ".join(bad)) if bad else None


def _host_process(pod: Pod) -> Violation | None:
    who = pod.who(lambda c: bool((c.get("windowsOptions") or {}).get("hostProcess")))
    what = "must not set securityContext.windowsOptions.hostProcess=true"
    return Violation("hostProcess", f"{who} {what}") if who else None


# -- restricted: what a Pod has to ask for


def _escalation(pod: Pod) -> Violation | None:
    names = pod.named(lambda c: _context(c).get("allowPrivilegeEscalation") is not False)
    if pod.for_windows or not names:
        return None
    what = "must set securityContext.allowPrivilegeEscalation=false"
    return Violation("allowPrivilegeEscalation != false", f"{_containers(names)} {what}")


def _all_capabilities(pod: Pod) -> Violation | None:
    if pod.for_windows:
        return None
    keeping = pod.named(
        lambda c: "ALL" not in ((_context(c).get("capabilities") or {}).get("drop") or ())
    )
    details = [_must_not_add(pod, ("NET_BIND_SERVICE",))]
    if keeping:
        what = 'must set securityContext.capabilities.drop=["ALL"]'
        details = [f"{_containers(keeping)} {what}", *details]
    detail = "; ".join(filter(None, details))
    return Violation("unrestricted capabilities", detail) if detail else None


def _volume_types(pod: Pod) -> Violation | None:
    names, types = [], set()
    for volume in pod.spec.get("volumes") or ():
        sources = [name for name in volume if name != "name"]
        if not any(source in _table()["volumes"] for source in sources):
            names.append(volume["name"])
            types.add(sources[0] if sources else "unknown")
    what = _some("restricted volume type", sorted(types)) if names else ""
    detail = f"{_some('volume', names)} {_use(names)} {what}" if names else ""
    return Violation("restricted volume types", detail) if names else None


def _non_root(pod: Pod) -> Violation | None:
    if pod.has_users_of_its_own:
        return None
    who = pod.who(lambda context: context.get("runAsNonRoot") is False)
    if who:
        what = "must not set securityContext.runAsNonRoot=false"
        return Violation("runAsNonRoot != true", f"{who} {what}")
    return _unset(pod, "runAsNonRoot", "runAsNonRoot != true", "runAsNonRoot=true")


def _unset(pod: Pod, field: str, reason: str, what: str) -> Violation | None:
    """What has to be said by the Pod, or by every container."""
    silent = pod.named(lambda container: _context(container).get(field) is None)
    if _context(pod.spec).get(field) is not None or not silent:
        return None
    return Violation(reason, f"pod or {_containers(silent)} must set securityContext.{what}")


def _root(pod: Pod) -> Violation | None:
    who = "" if pod.has_users_of_its_own else pod.who(lambda c: c.get("runAsUser") == 0)
    return Violation("runAsUser=0", f"{who} must not set runAsUser=0") if who else None


def _seccomp_said(pod: Pod) -> Violation | None:
    if pod.for_windows:
        return None
    what = 'seccompProfile.type to "RuntimeDefault" or "Localhost"'
    return _seccomp(pod) or _unset(pod, "seccompProfile", "seccompProfile", what)


Check = Callable[[Pod], Violation | None]


class Row(NamedTuple):
    """A check, the minor version it came with, and the milder one it replaces."""

    check: Check
    since: int = 0
    instead_of: Check | None = None


BASELINE = (
    Row(_app_armor), Row(_capabilities), Row(_host_namespaces), Row(_host_path), Row(_host_ports),
    Row(_probe_hosts, 34), Row(_privileged), Row(_proc_mount), Row(_se_linux), Row(_seccomp),
    Row(_sysctls), Row(_host_process),
)  # fmt: skip
RESTRICTED = (
    Row(_escalation, 8), Row(_all_capabilities, 22, _capabilities),
    Row(_volume_types, 0, _host_path), Row(_non_root), Row(_root, 23),
    Row(_seccomp_said, 19, _seccomp),
)  # fmt: skip
