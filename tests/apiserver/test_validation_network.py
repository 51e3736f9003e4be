"""What the server says to Ingresses, network policies and lists of addresses that are not right."""

from __future__ import annotations

from tests.apiserver.validation_objects import rules

NAMES = "ingress ingressclass networkpolicy endpoints endpointslice"

UPDATES = """
ingress spec.rules=[]
    spec: Invalid value: []: either `defaultBackend` or `rules` must be specified
ingressclass spec.controller=example.com/other
    spec.controller: Invalid value: "example.com/other": field is immutable
endpointslice addressType=IPv6
    addressType: Invalid value: "IPv6": field is immutable
"""

(
    test_the_server_says_what_is_wrong,
    test_a_good_object_is_accepted_and_may_replace_itself,
    test_the_server_says_what_may_not_change,
) = rules(NAMES, UPDATES)
