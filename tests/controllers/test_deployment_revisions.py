"""Revisions: which ReplicaSet is the present one, what it is called, how long old ones stay."""

from hypothesis import given
from hypothesis import strategies as st

from k8s_ref.controllers.deployment_revisions import (
    HASH,
    HISTORY,
    HISTORY_LENGTH,
    REVISION,
    UNLIMITED,
    new_replica_set,
    next_revision,
    notes_for,
    refreshed,
    split,
    to_clean_up,
)
from tests.controllers.workloads import deployment


def stored(**spec):
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    made = deployment(strategy=strategy, **spec)
    return {**made, "metadata": {**made["metadata"], "uid": "d"}, "status": {}}


def made(whole, name="rs", age=0, revision=None, old=()):
    rs = new_replica_set(whole, old)
    meta = {**rs["metadata"], "name": name, "creationTimestamp": f"2026-01-01T00:00:{age:02d}Z"}
    if revision is not None:
        meta["annotations"] = {**meta["annotations"], REVISION: str(revision)}
    return {**rs, "metadata": {**meta, "generation": 1}, "status": {"observedGeneration": 1}}


def test_the_new_set_carries_the_hash_wherever_its_pods_are_told_apart():
    rs = new_replica_set(stored(), [])
    short = rs["metadata"]["labels"][HASH]
    assert rs["metadata"]["name"] == f"web-{short}"
    assert rs["spec"]["selector"]["matchLabels"] == {"app": "web", HASH: short}
    assert rs["spec"]["template"]["metadata"]["labels"] == {"app": "web", HASH: short}
    assert rs["metadata"]["annotations"] == {
        "deployment.kubernetes.io/revision": "1",
        "deployment.kubernetes.io/desired-replicas": "3",
        "deployment.kubernetes.io/max-replicas": "4",
    }


def test_the_name_follows_from_the_template_and_from_nothing_else():
    name = new_replica_set(stored(), [])["metadata"]["name"]
    assert new_replica_set(stored(replicas=9), [])["metadata"]["name"] == name
    assert new_replica_set(stored(image="nginx:2"), [])["metadata"]["name"] != name
    collided = {**stored(), "status": {"collisionCount": 1}}
    assert new_replica_set(collided, [])["metadata"]["name"] != name


def test_the_set_of_the_present_template_is_found_and_of_two_the_older():
    first, second = stored(), stored(image="nginx:2")
    old, newer = made(first, "a"), made(first, "b", age=9)
    other = made(second, "c")
    assert split(first, [other, newer, old]) == (old, [other, newer])
    assert split(stored(image="nginx:3"), [other, old]) == (None, [old, other])


def test_annotations_are_handed_down_but_not_those_of_apply():
    whole = stored()
    last = "kubectl.kubernetes.io/last-applied-configuration"
    whole["metadata"]["annotations"] = {"team": "shop", last: "{}", REVISION: "7"}
    notes = new_replica_set(whole, [])["metadata"]["annotations"]
    assert (notes["team"], last in notes, notes[REVISION]) == ("shop", False, "1")


def test_going_back_gives_an_old_set_a_new_number_and_notes_the_former():
    whole = stored()
    former, later = made(whole, "a", revision=1), made(stored(image="nginx:2"), "b", revision=2)
    assert next_revision([later]) == 3
    notes = refreshed(whole, former, [later])["metadata"]["annotations"]
    assert (notes[REVISION], notes[HISTORY]) == ("3", "1")


def test_a_set_that_needs_nothing_new_stays_the_very_same():
    whole = stored()
    rs = made(whole)
    assert refreshed(whole, rs, []) is rs
    assert refreshed(stored(minReadySeconds=5), rs, [])["spec"]["minReadySeconds"] == 5


@given(st.lists(st.integers(1, 10**12), min_size=1, max_size=400))
def test_the_history_forgets_the_oldest_numbers_and_never_grows_too_long(numbers):
    whole = stored()
    before = {REVISION: "5", HISTORY: ",".join(map(str, numbers))}
    rs = {"metadata": {"annotations": before}, "spec": {}}
    history = notes_for(whole, rs, 6)[HISTORY]
    assert len(history) <= HISTORY_LENGTH or "," not in history
    assert history.endswith("5")


def test_the_oldest_empty_sets_beyond_the_limit_are_cleaned_up():
    old = [{**made(stored(image=f"nginx:{n}"), f"rs-{n}", revision=n)} for n in (3, 1, 2, 4)]
    for rs in old:
        rs["spec"] = {**rs["spec"], "replicas": 0}
    names = [rs["metadata"]["name"] for rs in to_clean_up(stored(revisionHistoryLimit=2), old)]
    assert names == ["rs-1", "rs-2"]
    old[1]["status"] = {"replicas": 1, "observedGeneration": 1}
    names = [rs["metadata"]["name"] for rs in to_clean_up(stored(revisionHistoryLimit=2), old)]
    assert names == ["rs-2"]
    assert to_clean_up(stored(revisionHistoryLimit=UNLIMITED), old) == []
