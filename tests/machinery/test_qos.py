"""The three classes, and the corners between them."""

from __future__ import annotations

from typing import Any

import pytest

from k8s_ref.machinery.qos import qos_class

BOTH = {"cpu": "1", "memory": "1Gi"}


def pod_of(*resources: dict[str, Any], **spec: Any) -> dict[str, Any]:
    containers = [{"name": f"c{i}", "resources": r} for i, r in enumerate(resources)]
    return {"spec": {"containers": containers, **spec}}


def test_a_pod_that_asks_for_nothing_is_best_effort() -> None:
    assert qos_class(pod_of({}, {"requests": {}})) == "BestEffort"


def test_limits_of_cpu_and_memory_on_every_container_guarantee() -> None:
    assert qos_class(pod_of({"limits": BOTH}, {"limits": BOTH, "requests": BOTH})) == "Guaranteed"


def test_equal_amounts_written_differently_are_equal() -> None:
    limits, requests = {"cpu": "1", "memory": "1Gi"}, {"cpu": "1000m", "memory": "1024Mi"}
    assert qos_class(pod_of({"limits": limits, "requests": requests})) == "Guaranteed"


@pytest.mark.parametrize(
    "resources",
    [
        {"requests": {"cpu": "1"}},
        {"limits": {"cpu": "1"}},
        {"limits": BOTH, "requests": {"cpu": "500m"}},
        {"limits": {"cpu": "1"}, "requests": BOTH},
    ],
)
def test_anything_in_between_is_burstable(resources: dict[str, Any]) -> None:
    assert qos_class(pod_of(resources)) == "Burstable"


def test_one_container_that_asks_for_nothing_spoils_the_guarantee() -> None:
    assert qos_class(pod_of({"limits": BOTH}, {})) == "Burstable"


def test_init_containers_count_as_well() -> None:
    init = [{"name": "i", "resources": {"requests": {"cpu": "1m"}}}]
    assert qos_class(pod_of({}, initContainers=init)) == "Burstable"


def test_zero_and_other_resources_do_not_count() -> None:
    odd = {"requests": {"cpu": "0", "ephemeral-storage": "1Gi", "example.com/gpu": "1"}}
    assert qos_class(pod_of(odd)) == "BestEffort"


def test_resources_of_the_pod_itself_come_first() -> None:
    assert qos_class(pod_of({}, resources={"limits": BOTH})) == "Guaranteed"
