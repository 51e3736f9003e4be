"""What the server says to autoscalers, budgets, limits and quotas that are not right."""

from __future__ import annotations

from tests.apiserver.validation_objects import rules

NAMES = "hpa pdb-min limitrange resourcequota"

UPDATES = """
resourcequota spec.scopes=[NotBestEffort]
    spec.scopes: Invalid value: ["NotBestEffort"]: field is immutable
pdb-min spec.minAvailable=-1
    spec.minAvailable: Invalid value: -1: must be greater than or equal to 0
"""

(
    test_the_server_says_what_is_wrong,
    test_a_good_object_is_accepted_and_may_replace_itself,
    test_the_server_says_what_may_not_change,
) = rules(NAMES, UPDATES)
