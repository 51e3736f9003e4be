"""The status of a Deployment: sums, conditions in upstream's order, and when it is called stuck."""

from k8s_ref.controllers.deployment_status import (
    calculate,
    next_check,
    pausing,
    with_condition,
    with_progress,
)
from k8s_ref.sim.loop import SECOND

START = 1_767_225_600 * SECOND


def deployment(replicas=3, status=None, deadline=600, **spec):
    rolling = {"maxSurge": 1, "maxUnavailable": 0}
    return {
        "metadata": {"name": "web", "generation": 2},
        "spec": {
            "replicas": replicas,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": rolling},
            "progressDeadlineSeconds": deadline,
            **spec,
        },
        "status": status or {},
    }


def rs(name, replicas, ready=0, terminating=0, conditions=()):
    counts = {"replicas": replicas, "readyReplicas": ready, "availableReplicas": ready}
    status = {**counts, "terminatingReplicas": terminating, "conditions": list(conditions)}
    return {"metadata": {"name": name}, "spec": {"replicas": replicas}, "status": status}


def judged(whole, new, old, seconds=0):
    now = START + seconds * SECOND
    return with_progress(whole, new, old, calculate(whole, new, old, now), now)


def reason(status, kind="Progressing"):
    return next((c["reason"] for c in status.get("conditions", ()) if c["type"] == kind), None)


def test_the_counts_are_sums_and_zeros_are_left_out():
    status = calculate(deployment(), rs("new", 1), [rs("old", 3, 3, 1)], START)
    assert {name: n for name, n in status.items() if name != "conditions"} == {
        "observedGeneration": 2, "replicas": 4, "updatedReplicas": 1, "readyReplicas": 3,
        "availableReplicas": 3, "unavailableReplicas": 1, "terminatingReplicas": 1,
    }  # fmt: skip
    assert reason(status, "Available") == "MinimumReplicasAvailable"


def test_more_numbers_are_progress_and_all_numbers_are_completion():
    whole = deployment(status={"replicas": 3})
    status = judged(whole, rs("new", 1), [rs("old", 3, 3)])
    assert reason(status) == "ReplicaSetUpdated"
    whole = deployment(status=status)
    status = judged(whole, rs("new", 3, 3), [])
    assert reason(status) == "NewReplicaSetAvailable"
    assert status["conditions"][-1]["message"] == 'ReplicaSet "new" has successfully progressed.'


def test_without_progress_the_deadline_passes_and_progress_starts_it_anew():
    whole = deployment(status={"replicas": 3})
    status = judged(whole, rs("new", 1), [rs("old", 3, 3)])
    whole = deployment(status=status)
    assert judged(whole, rs("new", 1), [rs("old", 3, 3)], 600) == status
    stuck = judged(whole, rs("new", 1), [rs("old", 3, 3)], 601)
    assert reason(stuck) == "ProgressDeadlineExceeded"
    moving = judged(whole, rs("new", 1, 1), [rs("old", 3, 3)], 599)
    assert moving["conditions"][-1]["lastUpdateTime"] == "2026-01-01T00:09:59Z"
    assert moving["conditions"][-1]["lastTransitionTime"] == "2026-01-01T00:00:00Z"
    later = judged(deployment(status=moving), rs("new", 1, 1), [rs("old", 3, 3)], 900)
    assert reason(later) == "ReplicaSetUpdated"


def test_a_finished_rollout_is_never_called_stuck_whatever_its_pods_do():
    done = judged(deployment(), rs("new", 3, 3), [])
    status = judged(deployment(status=done), rs("new", 3, 1), [], 5000)
    assert reason(status) == "NewReplicaSetAvailable"
    assert reason(status, "Available") == "MinimumReplicasUnavailable"


def test_somebody_looks_again_just_after_the_deadline_and_not_when_all_is_done():
    status = judged(deployment(status={"replicas": 3}), rs("new", 1), [rs("old", 3, 3)])
    assert next_check(deployment(status=status), status, START + 100 * SECOND) == 501
    done = judged(deployment(), rs("new", 3, 3), [])
    assert next_check(deployment(status=done), done, START) is None
    fewer = judged(deployment(status=done), rs("new", 3, 1), [], 5000)
    assert next_check(deployment(status=fewer), fewer, START + 5000 * SECOND) is None


def test_without_a_deadline_nothing_is_said_about_progress():
    status = judged(deployment(deadline=2**31 - 1), rs("new", 1), [])
    assert reason(status) is None
    assert next_check(deployment(deadline=2**31 - 1, status=status), status, START) is None


def test_a_pause_and_its_end_are_said_once_and_not_over_a_deadline_that_passed():
    status = pausing(deployment(paused=True), START)
    assert reason(status) == "DeploymentPaused"
    assert pausing(deployment(paused=True, status=status), START) is None
    assert reason(pausing(deployment(status=status), START)) == "DeploymentResumed"
    stuck = with_condition({}, "Progressing", "False", "ProgressDeadlineExceeded", "", START)
    assert pausing(deployment(paused=True, status=stuck), START) is None


def test_the_failure_of_a_replica_set_is_passed_on_and_taken_back():
    failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate",
               "message": "quota", "lastTransitionTime": "2026-01-01T00:00:00Z"}  # fmt: skip
    status = judged(deployment(), rs("new", 0, conditions=[failure]), [])
    assert reason(status, "ReplicaFailure") == "FailedCreate"
    assert reason(judged(deployment(status=status), rs("new", 0), []), "ReplicaFailure") is None


def test_a_condition_that_changes_moves_to_the_end_and_one_that_does_not_stays():
    status = with_condition({}, "Progressing", "True", "A", "", START)
    status = with_condition(status, "Available", "False", "B", "", START)
    assert with_condition(status, "Progressing", "True", "A", "", START + SECOND) is status
    status = with_condition(status, "Progressing", "True", "C", "", START + SECOND)
    assert [c["type"] for c in status["conditions"]] == ["Available", "Progressing"]
    assert status["conditions"][1]["lastTransitionTime"] == "2026-01-01T00:00:00Z"
