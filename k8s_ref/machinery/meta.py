"""Object metadata · 对象元数据

An API object is a plain JSON dict, exactly what ``kubectl get -o yaml`` shows; these are the few
things every component does with one.  Stored objects are immutable by contract: nobody changes
the object a cache handed out, a writer makes a new version that shares whatever did not change.
Sealing an object turns that contract into an error, which is what the tests do.

Upstream: staging/src/k8s.io/apimachinery/pkg/apis/meta/v1/, pkg/api/meta/conditions.go
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, NoReturn, TypeAlias

Object: TypeAlias = dict[str, Any]
Path: TypeAlias = tuple[str | int, ...]


def key_of(obj: Object) -> str:
    """The key of an object: ``namespace/name``, or ``name`` when it is cluster-scoped.

    >>> key_of({"metadata": {"namespace": "default", "name": "web"}})
    'default/web'
    """
    metadata = obj["metadata"]
    namespace = metadata.get("namespace")
    name: str = metadata["name"]
    return f"{namespace}/{name}" if namespace else name


def split_key(key: str) -> tuple[str, str]:
    """The namespace (empty when cluster-scoped) and the name in a key.

    >>> split_key("default/web"), split_key("node-1")
    (('default', 'web'), ('', 'node-1'))
    """
    namespace, _, name = key.rpartition("/")
    if "/" in namespace:
        raise ValueError(f'unexpected key format: "{key}"')
    return namespace, name


def uuid_of(bits: int) -> str:
    """128 bits of chance as a uid is written.

    >>> uuid_of(0)
    '00000000-0000-4000-a000-000000000000'
    """
    digits = f"{bits:032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def namespace_of(obj: Object) -> str:
    """The namespace of an object, empty when it is cluster-scoped."""
    namespace: str = obj["metadata"].get("namespace") or ""
    return namespace


def controller_of(obj: Object) -> Object | None:
    """The one owner reference that says ``controller: true``, if there is one."""
    for reference in obj["metadata"].get("ownerReferences") or ():
        if reference.get("controller"):
            found: Object = reference
            return found
    return None


def owner_reference(owner: Object) -> Object:
    """What a child created by ``owner`` carries in its ``metadata.ownerReferences``."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def copy(value: Any) -> Any:
    """A deep copy of JSON data, a few times faster than :func:`copy.deepcopy`; never sealed."""
    if isinstance(value, dict):
        return {key: copy(item) for key, item in value.items()}
    if isinstance(value, list):
        return [copy(item) for item in value]
    return value


def with_path(obj: Any, path: Path, value: Any) -> Any:
    """A new version of ``obj`` with ``value`` at ``path``, sharing every part that is not on it.

    Missing dicts on the way are made; a number in the path is a position in a list.

    >>> with_path({"spec": {"a": 1}}, ("spec", "nodeName"), "node-1")
    {'spec': {'a': 1, 'nodeName': 'node-1'}}
    """
    if not path:
        return value
    step, rest = path[0], path[1:]
    if isinstance(step, int):
        return [*obj[:step], with_path(obj[step], rest, value), *obj[step + 1 :]]
    parent = obj or {}
    return {**parent, step: with_path(parent.get(step), rest, value)}


def without_path(obj: Any, path: Path) -> Any:
    """A new version of ``obj`` without what stands at ``path``; ``obj`` itself if nothing does.

    >>> without_path({"spec": {"a": 1, "b": 2}}, ("spec", "b"))
    {'spec': {'a': 1}}
    """
    step, rest = path[0], path[1:]
    if isinstance(step, int):
        if not isinstance(obj, list) or step >= len(obj):
            return obj
        kept = [without_path(obj[step], rest)] if rest else []
        return [*obj[:step], *kept, *obj[step + 1 :]]
    if not isinstance(obj, dict) or step not in obj:
        return obj
    if not rest:
        return {key: item for key, item in obj.items() if key != step}
    child = without_path(obj[step], rest)
    return obj if child is obj[step] else {**obj, step: child}


def condition_of(obj: Object, kind: str) -> Object | None:
    """The condition of that type in ``status.conditions``, if it was ever set."""
    for condition in (obj.get("status") or {}).get("conditions") or ():
        if condition.get("type") == kind:
            found: Object = condition
            return found
    return None


def set_condition(conditions: Sequence[Object], new: Object, now: str) -> list[Object]:
    """A new list of conditions in which ``new`` replaces the condition of its type, or is added.

    ``lastTransitionTime`` moves only when the status does.  If nothing changes the very same list
    comes back, so that a caller can see that there is nothing to write.

    >>> ready = set_condition([], {"type": "Ready", "status": "True"}, "2026-01-01T00:00:00Z")
    >>> set_condition(ready, {"type": "Ready", "status": "True"}, "2026-01-01T00:00:09Z") is ready
    True
    """
    for index, old in enumerate(conditions):
        if old.get("type") == new["type"]:
            same = old.get("status") == new["status"]
            since = old.get("lastTransitionTime") if same else None
            changed = _transition(new, since or new.get("lastTransitionTime") or now)
            if changed == old and isinstance(conditions, list):
                return conditions
            return [*conditions[:index], changed, *conditions[index + 1 :]]
    return [*conditions, _transition(new, new.get("lastTransitionTime") or now)]


def _transition(condition: Object, when: str) -> Object:
    return {**condition, "lastTransitionTime": when}


def seal(value: Any) -> Any:
    """The same JSON, deeply read-only: a write anywhere inside raises :class:`TypeError`."""
    _teach_yaml()
    return _sealed(value)


def _sealed(value: Any) -> Any:
    if isinstance(value, (SealedDict, SealedList)):
        return value
    if isinstance(value, dict):
        return SealedDict({key: _sealed(item) for key, item in value.items()})
    if isinstance(value, list):
        return SealedList(map(_sealed, value))
    return value


@cache
def _teach_yaml() -> None:
    # PyYAML's safe dumper looks only at exact types; tell it that ours print like their bases.
    # Imported here because only tests seal, and nothing else on this floor needs YAML.
    from yaml.representer import SafeRepresenter

    SafeRepresenter.add_multi_representer(SealedDict, SafeRepresenter.represent_dict)
    SafeRepresenter.add_multi_representer(SealedList, SafeRepresenter.represent_list)


def _refuse(self: Any, *args: Any, **kwargs: Any) -> NoReturn:
    raise TypeError(
        "this object is shared (a cache or the store handed it out): "
        "make a new version with meta.with_path, or change a meta.copy of it"
    )


def _refusing(names: Iterable[str]) -> dict[str, Any]:
    return dict.fromkeys(names, _refuse)


_DICT_WRITES = "__setitem__ __delitem__ __ior__ clear pop popitem setdefault update"
_LIST_WRITES = (
    "__setitem__ __delitem__ __iadd__ __imul__ append clear extend insert pop remove reverse sort"
)
SealedDict = type("SealedDict", (dict,), {"__slots__": (), **_refusing(_DICT_WRITES.split())})
SealedList = type("SealedList", (list,), {"__slots__": (), **_refusing(_LIST_WRITES.split())})
