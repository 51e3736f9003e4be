"""Environment of a container · 容器的环境变量

The variables a container starts with, in the order of its spec: values that may use earlier ones,
fields of the Pod and resources of the container (the downward API), keys of ConfigMaps and
Secrets.  They are read once, when the container is created; a change shows only in the next one.

Upstream: pkg/kubelet/kubelet_pods.go (makeEnvironmentVariables), pkg/fieldpath/fieldpath.go,
third_party/forked/golang/expansion/expand.go
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Mapping

from k8s_ref.client.client import Client
from k8s_ref.machinery.errors import ApiError, NotFound
from k8s_ref.machinery.meta import Object
from k8s_ref.machinery.quantity import milli
from k8s_ref.node.image_manager import StartError

Facts = Mapping[str, str]
"""What the kubelet knows besides the objects: ``status.podIP``, ``limits.cpu`` of the machine."""

SOURCES = {
    "configMap": ("configmaps", "configmap", "ConfigMap"),
    "secret": ("secrets", "secret", "Secret"),
}
_QUOTED_KEY = re.compile(r"metadata\.(labels|annotations)\['(.*)'\]")


class Environment:
    """Makes the environment of one container; each object it names is asked for once."""

    def __init__(self, api: Client, pod: Object, facts: Facts) -> None:
        self.api, self.pod, self.facts = api, pod, facts
        self._data: dict[tuple[str, str], Mapping[str, str] | None] = {}

    async def of(self, spec: Object) -> dict[str, str]:
        """The variables; :class:`StartError` says which object or key is missing."""
        env: dict[str, str] = {}
        for source in spec.get("envFrom") or ():
            kind = "configMap" if "configMapRef" in source else "secret"
            data = await self._source(kind, source[f"{kind}Ref"])
            prefix = source.get("prefix", "")
            env |= {f"{prefix}{name}": value for name, value in (data or {}).items()}
        for variable in spec.get("env") or ():
            origin = variable.get("valueFrom")
            value: str | None = expand(variable.get("value", ""), env)
            if origin:
                value = await self._value(spec, origin)
            if value is not None:
                env[variable["name"]] = value
        return env

    async def _value(self, spec: Object, origin: Object) -> str | None:
        if "fieldRef" in origin:
            return self._field(origin["fieldRef"]["fieldPath"])
        if "resourceFieldRef" in origin:
            return self._resource(spec, origin["resourceFieldRef"])
        kind = "configMap" if "configMapKeyRef" in origin else "secret"
        ref = origin[f"{kind}KeyRef"]
        data = await self._source(kind, ref)
        if data is not None and ref["key"] in data:
            return data[ref["key"]]
        if ref.get("optional"):
            return None
        where = f"{self.pod['metadata']['namespace']}/{ref['name']}"
        raise _wrong(f"couldn't find key {ref['key']} in {SOURCES[kind][2]} {where}")

    def _field(self, path: str) -> str:
        meta = self.pod["metadata"]
        if found := _QUOTED_KEY.fullmatch(path):
            return str((meta.get(found[1]) or {}).get(found[2], ""))
        fields = {
            "metadata.name": meta["name"],
            "metadata.namespace": meta["namespace"],
            "metadata.uid": meta["uid"],
            "spec.nodeName": self.pod["spec"].get("nodeName", ""),
            "spec.serviceAccountName": self.pod["spec"].get("serviceAccountName", ""),
        }
        return str(fields.get(path, self.facts.get(path, "")))

    def _resource(self, spec: Object, ref: Object) -> str:
        """An amount in units of the divisor, rounded up; no limit is all the machine has."""
        kind, _, name = ref["resource"].partition(".")
        amount = ((spec.get("resources") or {}).get(kind) or {}).get(name)
        if amount is None:
            amount = self.facts.get(f"limits.{name}", "0") if kind == "limits" else "0"
        divisor = milli(ref.get("divisor") or "1") or milli("1")
        return str(-(-milli(amount) // divisor))

    async def _source(self, kind: str, ref: Object) -> Mapping[str, str] | None:
        """The data of a ConfigMap or Secret, or None if it may be missing and is."""
        resource, word, _ = SOURCES[kind]
        name = ref["name"]
        if (kind, name) not in self._data:
            try:
                found = await self.api.get(resource, f"{self.pod['metadata']['namespace']}/{name}")
                self._data[kind, name] = _texts(kind, found.get("data") or {})
            except NotFound as error:
                if not ref.get("optional"):
                    raise _wrong(f'{word} "{name}" not found') from error
                return None
            except (ApiError, TimeoutError) as error:
                why = f"failed to sync {word} cache: timed out waiting for the condition"
                raise _wrong(why) from error
        return self._data[kind, name]


def _texts(kind: str, data: Mapping[str, str]) -> Mapping[str, str]:
    if kind == "configMap":
        return data
    return {key: b64decode(value).decode(errors="replace") for key, value in data.items()}


def _wrong(message: str) -> StartError:
    return StartError("CreateContainerConfigError", message)


def expand(text: str, env: dict[str, str]) -> str:
    """``$(NAME)`` replaced where the name is known; ``$$`` is one dollar.

    >>> expand("hello $(WHO), $(NOBODY) and $$(WHO)", {"WHO": "you"})
    'hello you, $(NOBODY) and $(WHO)'
    """

    def replaced(found: re.Match[str]) -> str:
        return "$" if found[0] == "$$" else env.get(found[1], found[0])

    return re.sub(r"\$\$|\$\(([^()]*)\)", replaced, text)
