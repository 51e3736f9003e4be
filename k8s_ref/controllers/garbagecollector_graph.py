"""The graph of owners · 属主关系图

Who owns whom, for every object of every kind that can be deleted, kept up to date from the
informers' events.  The one idea: an owner that somebody names but nobody has seen is a node too, a
virtual one, to be looked for; so the order in which objects become known does not matter.

Upstream: pkg/controller/garbagecollector/graph_builder.go, graph.go
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from k8s_ref.machinery.kinds import Kind, Kinds
from k8s_ref.machinery.meta import Object, namespace_of

ORPHAN, FOREGROUND = "orphan", "foregroundDeletion"
"""Finalizers by which a DELETE tells the collector what is to become of dependents."""

ABSENT = 500
"""So many owners are remembered as gone, to ask the server less often."""


@dataclass(slots=True, frozen=True)
class Identity:
    """Which object is meant, as an owner reference would say it, and in which namespace."""

    api_version: str
    kind: str
    name: str
    uid: str
    namespace: str = ""

    @classmethod
    def of_owner(cls, reference: Object, namespace: str) -> Identity:
        """The owner that a dependent in ``namespace`` names."""
        return cls(
            reference["apiVersion"],
            reference["kind"],
            reference["name"],
            reference["uid"],
            namespace,
        )

    @property
    def key(self) -> str:
        """``namespace/name``, or ``name``."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    def is_named_by(self, reference: Object, namespace: str) -> bool:
        """Whether a reference from an object in ``namespace`` says rightly where this one is."""
        named = Identity.of_owner(reference, self.namespace and namespace)
        return named == self

    def __str__(self) -> str:
        return (
            f"[{self.api_version}/{self.kind}, namespace: {self.namespace},"
            f" name: {self.name}, uid: {self.uid}]"
        )


@dataclass(slots=True, eq=False)
class Node:
    """One object, or one that only its dependents name."""

    identity: Identity
    virtual: bool = False
    owners: list[Object] = field(default_factory=list)
    """Its owner references."""
    dependents: dict[str, Node] = field(default_factory=dict)
    deleting: bool = False
    deletes_dependents: bool = False
    """It waits, in the foreground, until the dependents that block it are gone."""

    def blocking(self) -> list[Node]:
        """The dependents that it has to wait for."""
        uid = self.identity.uid
        return [
            dependent
            for dependent in self.dependents.values()
            if any(ref["uid"] == uid and ref.get("blockOwnerDeletion") for ref in dependent.owners)
        ]


class Graph:
    """All nodes by uid.  Writes: itself, from events only; ``delete`` and ``orphan`` are called
    with the uid of every node that somebody should look at, ``complain`` with a dependent and the
    owner it names in the wrong namespace."""

    def __init__(
        self,
        delete: Callable[[str], None],
        orphan: Callable[[str], None],
        complain: Callable[[Identity, Identity], None],
    ) -> None:
        self.nodes: dict[str, Node] = {}
        self.absent: dict[Identity, None] = {}
        self._delete, self._orphan, self._complain = delete, orphan, complain

    def changed(self, change: str, obj: Object, old: Object | None) -> None:
        """An informer's event."""
        uid = obj["metadata"]["uid"]
        if old is not None and old["metadata"]["uid"] != uid:
            # The deletion was missed, and another object has the name by now.
            self.remove(old["metadata"]["uid"])
            old = None
        if change == "DELETED":
            self.remove(uid)
        elif old is None or (node := self.nodes.get(uid)) is None:
            self._add(obj)
        else:
            self._update(node, obj)

    def remove(self, uid: str) -> None:
        """The object is gone: its dependents may have lost their last owner, and an owner that
        waited for it may go."""
        node = self.nodes.pop(uid, None)
        if node is None:
            return
        self._leave(node, node.owners)
        if node.dependents:
            self.remember_absent(node.identity)
        self._look_at(node.dependents)
        if node.virtual:
            self._look_elsewhere(node)
        for reference in node.owners:
            owner = self.nodes.get(reference["uid"])
            if owner is not None and owner.deletes_dependents:
                self._delete(reference["uid"])

    def _look_elsewhere(self, node: Node) -> None:
        """Not where one dependent said; another may have said it better."""
        for dependent in node.dependents.values():
            namespace = dependent.identity.namespace
            for reference in dependent.owners:
                same = reference["uid"] == node.identity.uid
                if same and not node.identity.is_named_by(reference, namespace):
                    self._join(dependent, [reference])

    def remember_absent(self, identity: Identity) -> None:
        """This owner is known not to exist."""
        self.absent[identity] = None
        if len(self.absent) > ABSENT:
            del self.absent[next(iter(self.absent))]

    def is_absent(self, owner: Identity) -> bool:
        """Whether an owner is known not to exist, neither here nor outside all namespaces."""
        return owner in self.absent or _without_namespace(owner) in self.absent

    # -- one object came or changed

    def _add(self, obj: Object) -> None:
        meta = obj["metadata"]
        uid, namespace = meta["uid"], namespace_of(obj)
        identity = Identity(obj["apiVersion"], obj["kind"], meta["name"], uid, namespace)
        node = self.nodes.get(uid)
        if node is None:
            node = self.nodes[uid] = Node(identity)
        else:
            self._found(node, identity)
        owners = meta.get("ownerReferences") or []
        self._leave(node, node.owners)
        node.owners = owners
        self._join(node, owners)
        self._follow(node, meta)

    def _found(self, node: Node, identity: Identity) -> None:
        """What was only named is seen; whoever named it wrongly is to be looked at."""
        node.identity, node.virtual = identity, False
        for dependent in node.dependents.values():
            for reference in dependent.owners:
                if reference["uid"] == identity.uid:
                    self._check(dependent, reference, node)

    def _update(self, node: Node, obj: Object) -> None:
        meta = obj["metadata"]
        owners = meta.get("ownerReferences") or []
        if owners != node.owners:
            now, before = {ref["uid"]: ref for ref in owners}, node.owners
            lost = [ref for ref in before if ref["uid"] not in now]
            # Whoever no longer blocks its owner's deletion may have been the last one to do so.
            for ref in before:
                blocks = now.get(ref["uid"], {}).get("blockOwnerDeletion")
                if ref.get("blockOwnerDeletion") and not blocks:
                    self._delete(ref["uid"])
            node.owners = owners
            self._leave(node, lost)
            self._join(node, [ref for ref in owners if ref not in before])
        self._follow(node, meta)

    def _follow(self, node: Node, meta: Object) -> None:
        """Notice that a deletion began, and what its finalizers ask for."""
        if "deletionTimestamp" not in meta:
            return
        node.deleting = True
        finalizers = meta.get("finalizers") or ()
        if ORPHAN in finalizers:
            self._orphan(node.identity.uid)
        elif FOREGROUND in finalizers and not node.deletes_dependents:
            node.deletes_dependents = True
            self._look_at(node.dependents)
            self._delete(node.identity.uid)

    # -- edges

    def _join(self, node: Node, references: Iterable[Object]) -> None:
        uid, namespace = node.identity.uid, node.identity.namespace
        for reference in references:
            owner = self.nodes.get(reference["uid"])
            if owner is None:
                identity = Identity.of_owner(reference, namespace)
                owner = self.nodes[reference["uid"]] = Node(identity, virtual=True)
                self._delete(reference["uid"])
            else:
                self._check(node, reference, owner)
            owner.dependents[uid] = node
            if owner.deletes_dependents:
                self._delete(uid)

    def _check(self, node: Node, reference: Object, owner: Node) -> None:
        """Somebody of that uid is known; see whether it is where the reference says."""
        namespace = node.identity.namespace
        if owner.identity.is_named_by(reference, namespace):
            return
        if not owner.virtual and owner.identity.namespace not in ("", namespace):
            self._complain(node.identity, Identity.of_owner(reference, namespace))
        self._delete(node.identity.uid)

    def _leave(self, node: Node, references: Iterable[Object]) -> None:
        for reference in references:
            owner = self.nodes.get(reference["uid"])
            if owner is not None:
                owner.dependents.pop(node.identity.uid, None)

    def _look_at(self, nodes: Iterable[str]) -> None:
        for uid in list(nodes):
            self._delete(uid)


def _without_namespace(identity: Identity) -> Identity:
    return Identity(identity.api_version, identity.kind, identity.name, identity.uid)


def collected(kinds: Kinds) -> list[Kind]:
    """One version of every kind whose objects can be listed, watched and deleted, except Events,
    which own nothing and are many."""
    found: dict[str, Kind] = {}
    for kind in kinds:
        if kind.kind != "Event" and {"delete", "list", "watch"} <= set(kind.verbs):
            found.setdefault(kind.resource, kind)
    return list(found.values())
