"""Widgets: a custom resource for tests."""

import copy
from typing import Any

from tests.harness import ControlPlane

SPEC = {
    "type": "object",
    "required": ["size"],
    "properties": {
        "size": {"type": "integer", "minimum": 1},
        "color": {"type": "string", "default": "red", "enum": ["red", "blue"]},
    },
}
STATUS = {
    "type": "object",
    "properties": {"size": {"type": "integer"}, "selector": {"type": "string"}},
}
ROOT = {"type": "object", "properties": {"spec": SPEC, "status": STATUS}}
SCALE = {
    "specReplicasPath": ".spec.size",
    "statusReplicasPath": ".status.size",
    "labelSelectorPath": ".status.selector",
}


def definition(plural: str = "widgets", kind: str = "Widget", **names: Any) -> dict[str, Any]:
    """A definition of widgets in namespaces, with a status and a scale of their own."""
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": copy.deepcopy(ROOT)},
        "subresources": {"status": {}, "scale": SCALE},
        "additionalPrinterColumns": [{"name": "Size", "type": "integer", "jsonPath": ".spec.size"}],
        "selectableFields": [{"jsonPath": ".spec.color"}],
    }
    return {
        "metadata": {"name": f"{plural}.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": plural, "kind": kind, "shortNames": ["wg"], **names},
            "versions": [version],
        },
    }


def widget(name: str = "w1", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "default"}, "spec": {"size": 3, **spec}}


def serving() -> Any:
    """A control plane that serves widgets."""
    made: Any = ControlPlane()
    made.do(made.api.create("crds", definition()))
    made.loop.run(0)
    return made
