"""What the server says to webhooks, certificates, runtimes and flows that are not right."""

from __future__ import annotations

from tests.apiserver.validation_objects import rules

NAMES = "csr runtimeclass flowschema validatingwebhook vapbinding"

UPDATES = """
runtimeclass handler=other
    handler: Invalid value: "other": field is immutable
"""

(
    test_the_server_says_what_is_wrong,
    test_a_good_object_is_accepted_and_may_replace_itself,
    test_the_server_says_what_may_not_change,
) = rules(NAMES, UPDATES)
