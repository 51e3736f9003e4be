"""Where a path leads to in an object."""

from typing import Any

import pytest

from k8s_ref.apiserver.jsonpath import Missing, find

POD: Any = {
    "metadata": {"labels": {"a.b/c": "x"}},
    "status": {"conditions": [{"type": "Ready", "n": 1}, {"type": "Other", "n": 2}]},
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (".status.conditions[0].type", ["Ready"]),
        ("{.status.conditions[*].n}", [1, 2]),
        ("status.conditions[-1:].n", [2]),
        ('.status.conditions[?(@.type=="Other")].n', [2]),
        (".status.conditions[?(@.n>1)].type", ["Other"]),
        ("..type", ["Ready", "Other"]),
        (r".metadata.labels.a\.b/c", ["x"]),
        (".metadata['labels']", [{"a.b/c": "x"}]),
        (".spec.replicas", []),
    ],
)
def test_a_path_leads_to_values(path: str, expected: list[Any]) -> None:
    assert find(path, POD) == expected


def test_an_item_that_is_not_there_is_missed() -> None:
    with pytest.raises(Missing, match="array index out of bounds: index 2, length 2"):
        find(".status.conditions[2]", POD)


def test_what_is_no_path_is_refused() -> None:
    with pytest.raises(ValueError, match="unrecognized character"):
        find(".a{b", POD)
