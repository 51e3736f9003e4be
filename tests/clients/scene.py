"""What the scenarios of all clients need."""

import time

_ANY = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
BEACONS = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "beacons.example.com"},
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"plural": "beacons", "singular": "beacon", "kind": "Beacon"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {
                                "type": "object",
                                "properties": {"color": {"type": "string"}},
                            },
                            "status": _ANY,
                        },
                    }
                },
            }
        ],
    },
}
"""The definition of a custom resource with a status."""


def until(condition, seconds=20.0):
    """Wait until something is so."""
    over = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < over, "it did not come to be in time"
        time.sleep(0.05)
