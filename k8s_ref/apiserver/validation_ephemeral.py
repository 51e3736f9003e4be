"""Rules for ephemeral containers · 临时容器的规则

Guests in a Pod that already runs, for somebody who wants to look around: they come through a
subresource of their own, are never restarted and never leave.  The one idea: nobody may rely on a
guest, so all that makes a container dependable (ports, probes, resources, hooks) is forbidden.

Upstream: pkg/apis/core/validation/validation.go (validateEphemeralContainers,
ValidatePodEphemeralContainersUpdate)
"""

from __future__ import annotations

from collections.abc import Iterator, Set

from k8s_ref.apiserver.validation_container import container, image_without_spaces
from k8s_ref.machinery.errors import Cause, duplicate, forbidden, not_found
from k8s_ref.machinery.meta import Object

ALLOWED = frozenset(
    ("name", "image", "command", "args", "workingDir", "envFrom", "env", "volumeMounts",
     "volumeDevices", "terminationMessagePath", "terminationMessagePolicy", "imagePullPolicy",
     "securityContext", "stdin", "stdinOnce", "tty", "targetContainerName")
)  # fmt: skip
"""The fields a guest may have."""
NOT_HERE = "cannot be set for an Ephemeral Container"


def ephemeral_containers(
    spec: Object, path: str, names: Set[str], volumes: Set[str], claimed: Set[str]
) -> Iterator[Cause]:
    """What is wrong with the guests of a Pod whose own containers have these names."""
    taken = set(names)
    for index, value in enumerate(spec.get("ephemeralContainers") or ()):
        place, name = f"{path}.ephemeralContainers[{index}]", value.get("name") or ""
        yield from container(value, place, volumes, claimed)
        yield from image_without_spaces(value, place)
        if name in taken:
            yield duplicate(f"{place}.name", name)
        taken.add(name)
        target = value.get("targetContainerName")
        if target and target not in names:
            yield not_found(f"{place}.targetContainerName", target)
        yield from _too_much(value, place)


def _too_much(value: Object, place: str) -> Iterator[Cause]:
    for field in sorted(value.keys() - ALLOWED):
        if value[field]:
            yield forbidden(f"{place}.{field}", NOT_HERE)
    for index, mount in enumerate(value.get("volumeMounts") or ()):
        for field in ("subPath", "subPathExpr"):
            if mount.get(field):
                yield forbidden(f"{place}.volumeMounts[{index}].{field}", NOT_HERE)


def only_more_guests(new: Object, old: Object) -> Iterator[Cause]:
    """Guests may come; those who are there stay as they are."""
    path, now = "spec.ephemeralContainers", new["spec"].get("ephemeralContainers") or ()
    kept = {value["name"]: value for value in now}
    for value in old["spec"].get("ephemeralContainers") or ():
        which = f'existing ephemeral containers "{value["name"]}" may not be'
        if value["name"] not in kept:
            yield forbidden(path, f"{which} removed\n")
        elif kept[value["name"]] != value:
            yield forbidden(path, f"{which} changed\n")


def guests_of(new: Object, old: Object) -> Object:
    """The old Pod with the new one's guests: all that this subresource writes."""
    spec = {name: part for name, part in old["spec"].items() if name != "ephemeralContainers"}
    guests = new["spec"].get("ephemeralContainers")
    return {**old, "spec": {**spec, "ephemeralContainers": guests} if guests else spec}
