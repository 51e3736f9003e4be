"""Cells of tables · 表格的单元格

The words of ``kubectl get`` that stand in no field: what a Service can be reached at, how far a
Job is, how old a thing is.  ``columns.json`` names these functions; each takes an object and the
present moment and returns one cell.  Long lists are cut after three items, as upstream cuts them.

Upstream: pkg/printers/internalversion/printers.go
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from k8s_ref.machinery.meta import Object, condition_of, controller_of
from k8s_ref.machinery.selectors import format_label_selector
from k8s_ref.machinery.timestamps import SECOND, human_duration, parse


def at(obj: Any, path: str) -> Any:
    """The value at a dotted path, or None.

    >>> at({"spec": {"nodeName": "node-1"}}, "spec.nodeName")
    'node-1'
    """
    for step in path.split("."):
        if not isinstance(obj, dict):
            return None
        obj = obj.get(step)
    return obj


def since(moment: str | None, now: int) -> str:
    """How long ago a moment was, as kubectl says it; ``<unknown>`` without one."""
    return human_duration(now - parse(moment)) if moment else "<unknown>"


def age(obj: Object, now: int) -> str:
    """How long the object exists."""
    return since(obj["metadata"].get("creationTimestamp"), now)


def first_three(items: Sequence[str], nothing: str, separator: str = ",") -> str:
    """At most three items and how many more there are.

    >>> first_three(["a", "b", "c", "d"], "<none>")
    'a,b,c + 1 more...'
    """
    shown = separator.join(items[:3])
    if len(items) > 3:
        return f"{shown} + {len(items) - 3} more..."
    return shown or nothing


def labels_text(labels: Object | None) -> str:
    """Labels as kubectl prints them: sorted, ``<none>`` without any."""
    return ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items())) or "<none>"


# -- workloads


def _pod_spec(obj: Object) -> Object:
    inner = at(obj, "spec.jobTemplate.spec.template") or at(obj, "spec.template")
    template: Object = inner or obj.get("template") or {}
    return template.get("spec") or {}


def containers(obj: Object, now: int) -> str:
    """Names of the containers in its Pod template."""
    return ",".join(c.get("name") or "" for c in _pod_spec(obj).get("containers") or ())


def images(obj: Object, now: int) -> str:
    """Images of the containers in its Pod template."""
    return ",".join(c.get("image") or "" for c in _pod_spec(obj).get("containers") or ())


def selector(obj: Object, now: int) -> str:
    """What it selects, whether it says so by labels or by a selector with expressions."""
    wanted = at(obj, "spec.selector") or {}
    if {"matchLabels", "matchExpressions"} & wanted.keys():
        return format_label_selector(wanted)
    return labels_text(wanted)


def pod_selector(obj: Object, now: int) -> str:
    """The Pods a NetworkPolicy is about."""
    return format_label_selector(at(obj, "spec.podSelector") or {})


def template_labels(obj: Object, now: int) -> str:
    """Labels of the Pods made from a PodTemplate."""
    return labels_text(at(obj, "template.metadata.labels"))


def node_selector(obj: Object, now: int) -> str:
    """The nodes a DaemonSet wants."""
    return labels_text(_pod_spec(obj).get("nodeSelector"))


def replicas_ready(obj: Object, now: int) -> str:
    """``2/3``: ready replicas of those asked for."""
    return f"{at(obj, 'status.readyReplicas') or 0}/{at(obj, 'spec.replicas') or 0}"


def controller(obj: Object, now: int) -> str:
    """Who controls the object: ``daemonset.apps/web``."""
    owner = controller_of(obj)
    if owner is None:
        return "<none>"
    group = owner["apiVersion"].rpartition("/")[0]
    return f"{owner['kind'].lower()}{'.' if group else ''}{group}/{owner['name']}"


_JOB_WORDS = (
    "Complete", "Failed", "Terminating", "Suspended", "FailureTarget", "SuccessCriteriaMet",
)  # fmt: skip


def job_status(job: Object, now: int) -> str:
    """The first of these words that is a condition which holds, or that it is being deleted."""
    conditions = at(job, "status.conditions") or ()
    true = [c for c in conditions if c.get("status") == "True"]
    held = {c.get("type") for c in true} - {"Terminating"}
    held |= {"Terminating"} if "deletionTimestamp" in job["metadata"] else set()
    return next((word for word in _JOB_WORDS if word in held), "Running")


def job_completions(job: Object, now: int) -> str:
    """``1/3``: Pods that succeeded, of those asked for."""
    done, wanted = at(job, "status.succeeded") or 0, at(job, "spec.completions")
    if wanted is not None:
        return f"{done}/{wanted}"
    parallelism = at(job, "spec.parallelism") or 0
    return f"{done}/1 of {parallelism}" if parallelism > 1 else f"{done}/1"


def job_duration(job: Object, now: int) -> str:
    """From its start to its end, or to now."""
    start, end = at(job, "status.startTime"), at(job, "status.completionTime")
    if not start:
        return ""
    return human_duration((parse(end) if end else now) - parse(start))


def last_schedule(cronjob: Object, now: int) -> str:
    """How long ago it last made a Job."""
    last = at(cronjob, "status.lastScheduleTime")
    return since(last, now) if last else "<none>"


# -- nodes and events


def node_status(node: Object, now: int) -> str:
    """``Ready``, ``NotReady`` or ``Unknown``, and whether scheduling is switched off."""
    ready = condition_of(node, "Ready")
    words = ["Unknown" if ready is None else "Ready" if ready["status"] == "True" else "NotReady"]
    if at(node, "spec.unschedulable"):
        words.append("SchedulingDisabled")
    return ",".join(words)


def node_roles(node: Object, now: int) -> str:
    """The roles its labels name."""
    prefix, labels = "node-role.kubernetes.io/", node["metadata"].get("labels") or {}
    roles = {label.removeprefix(prefix) for label in labels if label.startswith(prefix)}
    roles.add(labels.get("kubernetes.io/role", ""))
    return ",".join(sorted(roles - {""})) or "<none>"


def internal_ip(node: Object, now: int) -> str:
    """Where the cluster reaches the node."""
    return _address(node, "InternalIP")


def external_ip(node: Object, now: int) -> str:
    """Where the world reaches the node."""
    return _address(node, "ExternalIP")


def _address(node: Object, kind: str) -> str:
    for address in at(node, "status.addresses") or ():
        if address.get("type") == kind:
            return str(address.get("address", ""))
    return "<none>"


def _of_event(event: Object, *names: str) -> Any:
    """The first of these fields that is set: events of the two groups name theirs differently."""
    return next((value for name in names if (value := at(event, name))), None)


def first_seen(event: Object, now: int) -> str:
    """How long ago it first happened."""
    return since(_of_event(event, "firstTimestamp", "deprecatedFirstTimestamp", "eventTime"), now)


def last_seen(event: Object, now: int) -> str:
    """How long ago it last happened."""
    names = ("series.lastObservedTime", "lastTimestamp", "deprecatedLastTimestamp")
    last = _of_event(event, *names)
    return since(last, now) if last else first_seen(event, now)


def event_object(event: Object, now: int) -> str:
    """``pod/web``: what it is about."""
    about = _of_event(event, "involvedObject", "regarding") or {}
    kind = about.get("kind", "").lower()
    return f"{kind}/{about['name']}" if about.get("name") else kind


def event_field(event: Object, now: int) -> str:
    """Which part of the object it is about."""
    return _of_event(event, "involvedObject.fieldPath", "regarding.fieldPath") or ""


def event_source(event: Object, now: int) -> str:
    """``kubelet, node-1``: who said it."""
    who = _of_event(event, "source.component", "deprecatedSource.component")
    where = _of_event(event, "source.host", "deprecatedSource.host")
    who = who or _of_event(event, "reportingComponent", "reportingController")
    where = where or event.get("reportingInstance")
    return f"{who or ''}, {where}" if where else who or ""


def event_message(event: Object, now: int) -> str:
    """What was said."""
    return (_of_event(event, "message", "note") or "").strip()


def event_count(event: Object, now: int) -> int:
    """How often it happened."""
    return _of_event(event, "series.count", "count", "deprecatedCount") or 1


# -- network


def cluster_ip(service: Object, now: int) -> str:
    """The address inside the cluster; the word ``None`` for a headless Service."""
    return (at(service, "spec.clusterIPs") or ["<none>"])[0]


def service_external_ip(service: Object, now: int) -> str:
    """Where a Service is reached from outside."""
    kind = at(service, "spec.type")
    if kind == "ExternalName":
        return at(service, "spec.externalName") or ""
    external = list(at(service, "spec.externalIPs") or ())
    if kind == "LoadBalancer":
        balancer = load_balancer(service, now)
        return ",".join([*filter(None, [balancer]), *external]) or "<pending>"
    return ",".join(external) or "<none>"


def load_balancer(obj: Object, now: int) -> str:
    """The addresses its load balancer was given."""
    ingress = at(obj, "status.loadBalancer.ingress") or ()
    return ",".join(sorted({entry.get("ip") or entry.get("hostname", "") for entry in ingress}))


def service_ports(service: Object, now: int) -> str:
    """``80:30007/TCP``: port, node port if it has one, protocol."""
    return ",".join(map(_port_text, at(service, "spec.ports") or ())) or "<none>"


def _port_text(port: Object) -> str:
    on_node = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port.get('port', 0)}{on_node}/{port.get('protocol', 'TCP')}"


def endpoints(obj: Object, now: int) -> str:
    """``10.0.0.1:80``: ready addresses with their ports."""
    found: list[str] = []
    for subset in obj.get("subsets") or ():
        ports = [f":{port.get('port', 0)}" for port in subset.get("ports") or ()] or [""]
        addresses = subset.get("addresses") or ()
        found += [f"{address.get('ip', '')}{port}" for port in ports for address in addresses]
    return first_three(found, "<none>" if not obj.get("subsets") else "")


def slice_ports(obj: Object, now: int) -> str:
    """The ports of an EndpointSlice."""
    ports = [
        str(p["port"]) if "port" in p else p.get("name") or "*" for p in obj.get("ports") or ()
    ]
    return first_three(ports, "<unset>")


def slice_endpoints(obj: Object, now: int) -> str:
    """The addresses of an EndpointSlice."""
    found = [a for endpoint in obj.get("endpoints") or () for a in endpoint["addresses"]]
    return first_three(found, "<unset>")


def ingress_class(ingress: Object, now: int) -> str:
    """The class by field, or by the annotation that came before the field."""
    old = ingress["metadata"].get("annotations", {}).get("kubernetes.io/ingress.class")
    return at(ingress, "spec.ingressClassName") or old or "<none>"


def ingress_hosts(ingress: Object, now: int) -> str:
    """The host names it serves."""
    return first_three([r["host"] for r in at(ingress, "spec.rules") or () if r.get("host")], "*")


def ingress_ports(ingress: Object, now: int) -> str:
    """The ports it listens on."""
    return "80, 443" if at(ingress, "spec.tls") else "80"


def class_parameters(obj: Object, now: int) -> str:
    """``Kind.group/name`` of the object with an IngressClass's parameters."""
    found = at(obj, "spec.parameters")
    if not found:
        return "<none>"
    group = f".{found['apiGroup']}" if found.get("apiGroup") else ""
    return f"{found['kind']}{group}/{found['name']}"


def address_parent(address: Object, now: int) -> str:
    """``services/default/web``: whose address it is."""
    parent = at(address, "spec.parentRef") or {}
    group = f".{parent['group']}" if parent.get("group") else ""
    parts = (f"{parent.get('resource', '')}{group}", parent.get("namespace"), parent.get("name"))
    return "/".join(filter(None, parts)) or "<none>"


# -- storage

_ACCESS_MODES = {
    "ReadWriteOnce": "RWO",
    "ReadOnlyMany": "ROX",
    "ReadWriteMany": "RWX",
    "ReadWriteOncePod": "RWOP",
}


def _modes(modes: Iterable[str] | None) -> str:
    wanted = set(modes or ())
    return ",".join(short for mode, short in _ACCESS_MODES.items() if mode in wanted)


def volume_access_modes(volume: Object, now: int) -> str:
    """``RWO,ROX``: how the volume may be mounted."""
    return _modes(at(volume, "spec.accessModes"))


def claim_access_modes(claim: Object, now: int) -> str:
    """How the volume it is bound to may be mounted."""
    return _modes(at(claim, "status.accessModes")) if at(claim, "spec.volumeName") else ""


def claim_capacity(claim: Object, now: int) -> str:
    """The size of the volume it is bound to."""
    bound = at(claim, "spec.volumeName")
    return at(claim, "status.capacity.storage") or "" if bound else ""


def volume_phase(obj: Object, now: int) -> str:
    """The phase, or that it is being deleted."""
    return "Terminating" if "deletionTimestamp" in obj["metadata"] else at(obj, "status.phase")


def storage_class(obj: Object, now: int) -> str:
    """The class by the old annotation, or by field."""
    annotations = obj["metadata"].get("annotations") or {}
    old = annotations.get("volume.beta.kubernetes.io/storage-class")
    return old or at(obj, "spec.storageClassName") or ""


def storage_class_name(obj: Object, now: int) -> str:
    """The name, and whether claims without a class get this one."""
    annotations = obj["metadata"].get("annotations") or {}
    default = annotations.get("storageclass.kubernetes.io/is-default-class") == "true"
    return f"{obj['metadata']['name']}{' (default)' if default else ''}"


def claim_of_volume(volume: Object, now: int) -> str:
    """``namespace/name`` of the claim that has the volume."""
    claim = at(volume, "spec.claimRef")
    return f"{claim.get('namespace', '')}/{claim.get('name', '')}" if claim else ""


def token_audiences(driver: Object, now: int) -> str:
    """For whom the kubelet makes tokens when it calls a CSI driver."""
    return (
        ",".join(t.get("audience", "") for t in at(driver, "spec.tokenRequests") or ()) or "<unset>"
    )


def claim_state(claim: Object, now: int) -> str:
    """Whether devices are allocated to a ResourceClaim, and reserved for somebody."""
    words = [
        "deleted" if "deletionTimestamp" in claim["metadata"] else "",
        "allocated" if at(claim, "status.allocation") else "",
        "reserved" if at(claim, "status.reservedFor") else "",
    ]
    return ",".join(filter(None, words)) or "pending"


# -- the rest


def _quota(quota: Object, limits: bool) -> str:
    hard, used = at(quota, "status.hard") or {}, at(quota, "status.used") or {}
    names = [name for name in sorted(hard) if name.startswith("limits.") == limits]
    return ", ".join(f"{name}: {used.get(name, '0')}/{hard[name]}" for name in names)


def quota_requests(quota: Object, now: int) -> str:
    """``pods: 3/10``: used and allowed, of everything but limits."""
    return _quota(quota, limits=False)


def quota_limits(quota: Object, now: int) -> str:
    """Used and allowed, of limits."""
    return _quota(quota, limits=True)


def _bound(binding: Object, kind: str, separator: str = ", ") -> str:
    subjects = [s for s in binding.get("subjects") or () if s["kind"] == kind]
    return separator.join(
        f"{s.get('namespace', '')}/{s['name']}" if kind == "ServiceAccount" else s["name"]
        for s in subjects
    )


def bound_role(binding: Object, now: int) -> str:
    """``Role/name``."""
    return f"{binding['roleRef']['kind']}/{binding['roleRef']['name']}"


def bound_users(binding: Object, now: int) -> str:
    """The users who have the role."""
    return _bound(binding, "User")


def bound_groups(binding: Object, now: int) -> str:
    """The groups who have the role."""
    return _bound(binding, "Group")


def bound_accounts(binding: Object, now: int) -> str:
    """The service accounts who have the role."""
    return _bound(binding, "ServiceAccount")


def service_of_api(obj: Object, now: int) -> str:
    """``namespace/name`` of the server behind an APIService, or that it is this server."""
    service = at(obj, "spec.service")
    return f"{service['namespace']}/{service['name']}" if service else "Local"


def api_available(obj: Object, now: int) -> str:
    """Whether the server behind an APIService answers, and why not."""
    available = condition_of(obj, "Available") or {"status": "Unknown"}
    why = f" ({available['reason']})" if available.get("reason") else ""
    return f"{available['status']}{'' if available['status'] == 'True' else why}"


def _component(obj: Object) -> Object:
    found = [c for c in obj.get("conditions") or () if c["type"] == "Healthy"]
    return found[-1] if found else {}


def component_status(obj: Object, now: int) -> str:
    """Whether a component says it is well."""
    words = {"True": "Healthy", "False": "Unhealthy"}
    return words.get(_component(obj).get("status", ""), "Unknown")


def component_message(obj: Object, now: int) -> str:
    """What a component says of itself."""
    return _component(obj).get("message", "")


def component_error(obj: Object, now: int) -> str:
    """What went wrong in asking a component."""
    return _component(obj).get("error", "")


def request_condition(request: Object, now: int) -> str:
    """What became of a certificate request."""
    held = {c.get("type") for c in at(request, "status.conditions") or ()}
    words = [next((word for word in ("Denied", "Approved") if word in held), "Pending")]
    words += ["Failed"] if "Failed" in held else []
    words += ["Issued"] if at(request, "status.certificate") else []
    return ",".join(words)


def requested_duration(request: Object, now: int) -> str:
    """How long the certificate should be good for."""
    seconds = at(request, "spec.expirationSeconds")
    return human_duration(seconds * SECOND) if seconds is not None else "<none>"


def parameter_kind(policy: Object, now: int) -> str:
    """The kind of object an admission policy is parameterized with."""
    kind = at(policy, "spec.paramKind")
    return f"{kind.get('apiVersion', '')}/{kind.get('kind', '')}" if kind else "<unset>"


def parameter_reference(binding: Object, now: int) -> str:
    """The object a binding gives its policy as parameters."""
    reference = at(binding, "spec.paramRef")
    if not reference:
        return "<unset>"
    if not reference.get("name"):
        return format_label_selector(reference.get("selector"))
    return "/".join(filter(None, (reference.get("namespace"), reference["name"])))


def missing_level(schema: Object, now: int) -> str:
    """Whether the priority level a FlowSchema names does not exist."""
    return (condition_of(schema, "Dangling") or {}).get("status", "?")


def level_shares(level: Object, now: int) -> Any:
    """The share of the server's seats a priority level has."""
    kind = "exempt" if at(level, "spec.type") == "Exempt" else "limited"
    shares = at(level, f"spec.{kind}.nominalConcurrencyShares")
    return "<none>" if shares is None else shares


# -- autoscaling


def scale_target(scaler: Object, now: int) -> str:
    """``Deployment/web``: what is scaled."""
    target = at(scaler, "spec.scaleTargetRef")
    return f"{target['kind']}/{target['name']}"


def scale_metrics(scaler: Object, now: int) -> str:
    """``cpu: 30%/60%``: what each metric is and should be; two are shown."""
    percent = at(scaler, "spec.targetCPUUtilizationPercentage")
    if percent is not None:
        now_percent = at(scaler, "status.currentCPUUtilizationPercentage")
        return f"cpu: {_percent(now_percent, '<unknown>')}/{_percent(percent, '<auto>')}"
    wanted, found = at(scaler, "spec.metrics") or (), at(scaler, "status.currentMetrics") or ()
    shown = [_metric(spec, found[i] if i < len(found) else {}) for i, spec in enumerate(wanted)]
    more = f" + {len(shown) - 2} more..." if len(shown) > 2 else ""
    return f"{', '.join(shown[:2])}{more}" or "<none>"


def _metric(spec: Object, status: Object) -> str:
    field = spec["type"][0].lower() + spec["type"][1:]
    about = spec[field]
    target, current = about["target"], at(status, f"{field}.current") or {}
    if "averageUtilization" in target:
        now = _percent(current.get("averageUtilization"), "<unknown>")
        shown = f"{now}/{target['averageUtilization']}%"
    elif "averageValue" in target:
        shown = f"{current.get('averageValue', '<unknown>')}/{target['averageValue']}"
    else:
        shown = f"{current.get('value', '<unknown>')}/{target.get('value', '<auto>')}"
    if field in ("resource", "containerResource"):
        return f"{about['name']}: {shown}"
    return f"{shown} (avg)" if field != "pods" and "averageValue" in target else shown


def _percent(value: int | None, unknown: str) -> str:
    return unknown if value is None else f"{value}%"
