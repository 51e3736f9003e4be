"""What the server says to Jobs and CronJobs that are not right."""

from __future__ import annotations

from tests.apiserver.validation_objects import rules

NAMES = "job job-parallel job-indexed cronjob"

UPDATES = """
job spec.completions=2
    spec.completions: Invalid value: 2: field is immutable
job spec.backoffLimitPerIndex=3
    spec.backoffLimitPerIndex: Invalid value: 3: requires indexed completion mode
    spec.backoffLimitPerIndex: Invalid value: 3: requires indexed completion mode
    spec.backoffLimitPerIndex: Invalid value: 3: field is immutable
cronjob spec.schedule=bad
    spec.schedule: Invalid value: "bad": expected exactly 5 fields, found 1: [bad]
"""

(
    test_the_server_says_what_is_wrong,
    test_a_good_object_is_accepted_and_may_replace_itself,
    test_the_server_says_what_may_not_change,
) = rules(NAMES, UPDATES)
