"""Revisions of a Deployment · Deployment 的历次版本

Which ReplicaSet serves the present template, which ones served earlier ones, and how long those
are kept.  The one idea: the old ReplicaSets, scaled to zero, *are* the history; going back means
putting an old template into the Deployment, which then finds the ReplicaSet it already has.

Upstream: pkg/controller/deployment/util/deployment_util.go, sync.go
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from k8s_ref.controllers.deployment_rolling import DESIRED, MAXIMUM, by_age, max_surge, new_size
from k8s_ref.controllers.hashes import hash_of
from k8s_ref.machinery.meta import Object, owner_reference, with_path

HASH = "pod-template-hash"
"""The label that tells the Pods of one template from those of the next."""

REVISION = "deployment.kubernetes.io/revision"
HISTORY = "deployment.kubernetes.io/revision-history"
"""On a ReplicaSet: the number of its template, and the numbers it had before a rollback."""

HISTORY_LENGTH = 2000
"""Letters of that history; the oldest numbers are forgotten."""

OWN = (
    "kubectl.kubernetes.io/last-applied-configuration",
    "deprecated.deployment.rollback.to",
    REVISION,
    HISTORY,
    DESIRED,
    MAXIMUM,
)
"""Annotations that are not copied from a Deployment to its ReplicaSets."""

UNLIMITED = 2**31 - 1
"""This number in ``revisionHistoryLimit`` or ``progressDeadlineSeconds`` means: no limit."""


def split(deployment: Object, sets: Iterable[Object]) -> tuple[Object | None, list[Object]]:
    """The ReplicaSet of the present template (the oldest, if there are two), and all others."""
    ordered = sorted(sets, key=by_age)
    wanted = _without_hash(deployment["spec"]["template"])
    new = next((rs for rs in ordered if _without_hash(rs["spec"]["template"]) == wanted), None)
    return new, [rs for rs in ordered if rs is not new]


def same_template(deployment: Object, rs: Object) -> bool:
    """Whether it serves the present template; the label with the hash does not count."""
    return _without_hash(deployment["spec"]["template"]) == _without_hash(rs["spec"]["template"])


def _without_hash(template: Object) -> Object:
    meta: dict[str, Any] = {**(template.get("metadata") or {})}
    meta["labels"] = {k: v for k, v in (meta.get("labels") or {}).items() if k != HASH}
    return {**template, "metadata": {name: value for name, value in meta.items() if value}}


def revision_of(obj: Object) -> int:
    """The number of a template in the history, 0 if it has none (yet)."""
    text = (obj["metadata"].get("annotations") or {}).get(REVISION, "0")
    return int(text) if text.isdigit() else 0


def next_revision(old: Sequence[Object]) -> int:
    """The number of the present template: one more than any before it."""
    return max(map(revision_of, old), default=0) + 1


def new_replica_set(deployment: Object, old: Sequence[Object]) -> Object:
    """The ReplicaSet of the present template.  Its name follows from the template, so that making
    it twice makes it once."""
    spec, meta = deployment["spec"], deployment["metadata"]
    short = hash_of(spec["template"], deployment["status"].get("collisionCount"))
    labels = {**(spec["template"].get("metadata") or {}).get("labels", {}), HASH: short}
    selector = with_path(spec["selector"], ("matchLabels", HASH), short)
    rs: Object = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"{meta['name']}-{short}",
            "namespace": meta["namespace"],
            "labels": labels,
            "annotations": replica_notes(deployment),
            "ownerReferences": [owner_reference(deployment)],
        },
        "spec": {
            "replicas": 0,
            "selector": selector,
            "template": with_path(spec["template"], ("metadata", "labels"), labels),
        },
    }
    if spec.get("minReadySeconds"):
        rs["spec"]["minReadySeconds"] = spec["minReadySeconds"]
    sized = with_path(rs, ("spec", "replicas"), new_size(deployment, rs, old))
    return with_notes(sized, notes_for(deployment, sized, next_revision(old)))


def refreshed(deployment: Object, rs: Object, old: Sequence[Object]) -> Object:
    """The ReplicaSet with what it takes over from its Deployment; itself if nothing changed."""
    seconds = deployment["spec"].get("minReadySeconds", 0)
    if rs["spec"].get("minReadySeconds", 0) != seconds:
        rs = with_path(rs, ("spec", "minReadySeconds"), seconds)
    return with_notes(rs, notes_for(deployment, rs, next_revision(old)))


def notes_for(deployment: Object, rs: Object, revision: int) -> Object:
    """What the annotations of a ReplicaSet should be, at this revision or a higher one."""
    before = rs["metadata"].get("annotations") or {}
    given = deployment["metadata"].get("annotations") or {}
    notes = {**before, **{name: text for name, text in given.items() if name not in OWN}}
    if revision_of(rs) < revision:
        notes[REVISION] = str(revision)
        if REVISION in before:
            notes[HISTORY] = _history(before.get(HISTORY, ""), before[REVISION])
    return notes


def _history(before: str, revision: str) -> str:
    known = [*filter(None, before.split(",")), revision]
    while len(known) > 1 and len(",".join(known)) > HISTORY_LENGTH:
        del known[0]
    return ",".join(known)


def replica_notes(deployment: Object) -> dict[str, str]:
    """The annotations in which a ReplicaSet remembers what it was scaled for."""
    replicas = deployment["spec"]["replicas"]
    return {DESIRED: str(replicas), MAXIMUM: str(replicas + max_surge(deployment))}


def with_notes(obj: Object, notes: Object) -> Object:
    """The object with these annotations; itself if it has them."""
    if (obj["metadata"].get("annotations") or {}) == notes:
        return obj
    changed: Object = with_path(obj, ("metadata", "annotations"), notes)
    return changed


def to_clean_up(deployment: Object, old: Sequence[Object]) -> list[Object]:
    """The oldest ReplicaSets beyond ``revisionHistoryLimit``, as far as they are empty."""
    limit = deployment["spec"].get("revisionHistoryLimit", UNLIMITED)
    alive = [rs for rs in old if "deletionTimestamp" not in rs["metadata"]]
    surplus = len(alive) - limit
    if limit == UNLIMITED or surplus <= 0:
        return []
    alive.sort(key=lambda rs: (revision_of(rs), by_age(rs)))
    return [rs for rs in alive[:surplus] if _empty(rs)]


def _empty(rs: Object) -> bool:
    status, meta = rs["status"], rs["metadata"]
    observed = status.get("observedGeneration", 0) >= meta.get("generation", 0)
    return observed and not status.get("replicas", 0) and not rs["spec"]["replicas"]
