"""What the server says to StatefulSets, DaemonSets and their kin that are not right."""

from __future__ import annotations

from tests.apiserver.validation_objects import rules

NAMES = "replicationcontroller statefulset daemonset controllerrevision"

UPDATES = """
replicationcontroller spec.selector={x: y}
    spec.template.metadata.labels: Invalid value: {"a":"rc"}: `selector` does not match template
        `labels`
statefulset spec.podManagementPolicy=Parallel
    spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals',
        'template', 'updateStrategy', 'revisionHistoryLimit',
        'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden
daemonset spec.selector={matchLabels: {x: y}} ; spec.template.metadata.labels={x: y}
    spec.selector: Invalid value: {"matchLabels":{"x":"y"}}: field is immutable
controllerrevision data={x: y}
    data: Invalid value: {"x":"y"}: field is immutable
"""

(
    test_the_server_says_what_is_wrong,
    test_a_good_object_is_accepted_and_may_replace_itself,
    test_the_server_says_what_may_not_change,
) = rules(NAMES, UPDATES)
