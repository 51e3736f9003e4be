"""The arithmetic of rolling: whatever there is, no step leaves the two bounds."""

from hypothesis import assume, given
from hypothesis import strategies as st

from k8s_ref.controllers.deployment_rolling import (
    DESIRED,
    MAXIMUM,
    Step,
    max_surge,
    max_unavailable,
    new_size,
    resize,
    resolve_fenceposts,
    scaled_value,
    shrink_old,
    size,
    sure,
)


def deployment(replicas=3, surge="25%", unavailable="25%", kind="RollingUpdate"):
    strategy = {"type": kind}
    if kind == "RollingUpdate":
        strategy["rollingUpdate"] = {"maxSurge": surge, "maxUnavailable": unavailable}
    return {"spec": {"replicas": replicas, "strategy": strategy}, "status": {}}


def rs(name, replicas, available=None, desired=None, most=None, age=0):
    notes = {DESIRED: str(desired), MAXIMUM: str(most)} if desired is not None else {}
    created = f"2026-01-01T00:00:{age:02d}Z"
    return {
        "metadata": {"name": name, "creationTimestamp": created, "annotations": notes},
        "spec": {"replicas": replicas},
        "status": {"availableReplicas": replicas if available is None else available},
    }


def test_percentages_of_surge_are_rounded_up_and_of_unavailable_down():
    assert scaled_value("50%", 3, up=True) == 2
    assert scaled_value("50%", 3, up=False) == 1
    assert scaled_value("100%", 7, up=True) == 7


@given(st.integers(0, 30), st.integers(0, 100), st.integers(0, 100))
def test_the_two_bounds_are_never_both_zero(replicas, surge, unavailable):
    assert resolve_fenceposts(f"{surge}%", f"{unavailable}%", replicas) != (0, 0)


def test_nothing_may_be_missing_of_nothing_nor_when_recreating():
    assert max_unavailable(deployment(0, 0, 1)) == 0
    assert max_unavailable(deployment(2, 0, 5)) == 2
    assert max_unavailable(deployment(kind="Recreate")) == 0
    assert max_surge(deployment(kind="Recreate")) == 0


def test_the_first_step_of_three_adds_one_and_removes_none():
    whole = deployment(3)
    assert new_size(whole, rs("new", 0), [rs("old", 3)]) == 1
    assert shrink_old(whole, rs("new", 1, 0), [rs("old", 3)]) == []
    assert shrink_old(whole, rs("new", 1, 1), [rs("old", 3)]) == [Step("old", 2)]


def test_without_surge_the_old_go_first():
    whole = deployment(4, 0, 1)
    assert new_size(whole, rs("new", 0), [rs("old", 4)]) == 0
    assert shrink_old(whole, rs("new", 0), [rs("old", 4)]) == [Step("old", 3)]


def test_old_pods_that_do_not_work_go_before_those_that_do():
    whole = deployment(3)
    broken, good = rs("broken", 1, 0, age=5), rs("good", 3)
    assert shrink_old(whole, rs("new", 0), [good, broken]) == [Step("broken", 0)]


def test_broken_pods_of_the_new_template_stop_the_rollout():
    assert shrink_old(deployment(3), rs("new", 1, 0), [rs("old", 3)]) == []


def test_a_status_older_than_the_last_step_takes_nobody_else_down():
    """The old set was told to shrink to 2 and still reports 3."""
    whole = deployment(3)
    assert sure(rs("old", 2, 3)) == 2
    assert shrink_old(whole, rs("new", 2, 2), [rs("old", 2, 3)]) == [Step("old", 1)]
    assert shrink_old(whole, rs("new", 1, 1), [rs("old", 2, 3)]) == []


BOUND = st.one_of(st.integers(0, 6), st.integers(0, 100).map(lambda n: f"{n}%"))


@st.composite
def worlds(draw):
    """A Deployment, a new set and up to three old ones, with statuses true or too old."""
    whole = deployment(draw(st.integers(0, 12)), draw(BOUND), draw(BOUND))
    sizes = draw(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 10)), min_size=1, max_size=4))
    sets = [rs(f"rs-{n}", has, up, age=n) for n, (has, up) in enumerate(sizes)]
    return whole, sets[-1], sets[:-1]


@given(worlds())
def test_growing_never_exceeds_the_surge(world):
    whole, new, old = world
    wanted = new_size(whole, new, old)
    most = whole["spec"]["replicas"] + max_surge(whole)
    assert wanted <= max(whole["spec"]["replicas"], 0)
    if wanted > new["spec"]["replicas"]:
        assert size(old) + wanted <= most


@given(worlds())
def test_shrinking_never_goes_below_the_least_that_must_work(world):
    whole, new, old = world
    least = whole["spec"]["replicas"] - max_unavailable(whole)
    sizes = {each["metadata"]["name"]: each["spec"]["replicas"] for each in old}
    for step in shrink_old(whole, new, old):
        assert 0 <= step.replicas < sizes[step.name]
        sizes[step.name] = step.replicas
    before = sum(map(sure, [*old, new]))
    # Who shrinks loses broken Pods first, as a ReplicaSet chooses its victims.
    after = sum(min(sure(each), sizes[each["metadata"]["name"]]) for each in old) + sure(new)
    assert after >= min(before, least)


@given(st.integers(1, 12), BOUND, BOUND, st.integers(0, 12))
def test_step_by_step_every_rollout_arrives_and_keeps_the_bounds(replicas, surge, spare, working):
    """Each Pod that is ordered works before the next step; old ones may be broken at first."""
    whole = deployment(replicas, surge, spare)
    most, least = replicas + max_surge(whole), replicas - max_unavailable(whole)
    old, new = rs("old", replicas, min(working, replicas)), rs("new", 0)
    start = sure(old)
    for _ in range(2 * replicas + 2):
        wanted = new_size(whole, new, [old])
        if wanted != new["spec"]["replicas"]:
            new = rs("new", wanted)
        for step in shrink_old(whole, new, [old]):
            old = rs("old", step.replicas, min(sure(old), step.replicas))
        assert size([old, new]) <= most
        assert sure(old) + sure(new) >= min(start, least)
    assert (size([old]), size([new])) == (0, replicas)


# -- when only the number changes


def test_the_only_set_takes_the_whole_change():
    assert resize(deployment(5), rs("new", 3), [rs("old", 0)]) == [Step("new", 5)]
    assert resize(deployment(5), None, [rs("older", 0), rs("old", 0, age=9)]) == [Step("old", 5)]


def test_in_the_middle_of_a_rollout_the_sets_share_in_proportion():
    whole = deployment(20, 2, 2)
    old, new = rs("old", 8, 8, 10, 12), rs("new", 4, 2, 10, 12, age=9)
    assert resize(whole, new, [old]) == [Step("old", 15), Step("new", 7)]


def test_scaling_to_zero_empties_every_set():
    whole = deployment(0, 2, 2)
    steps = resize(whole, rs("new", 4, 2, 10, 12), [rs("old", 8, 8, 10, 12)])
    assert steps == [Step("old", 0), Step("new", 0)]


def test_a_new_set_that_has_all_it_needs_leaves_nothing_to_the_old():
    old = [rs("old", 2)]
    assert resize(deployment(3), rs("new", 3, 3, 3, 4), old) == [Step("old", 0)]


def test_nothing_to_resize_is_no_step():
    assert resize(deployment(3), None, []) == []


@given(worlds(), st.integers(1, 12), st.integers(0, 5))
def test_sharing_adds_up_to_what_is_allowed(world, desired, surge):
    whole, new, old = world
    notes = {DESIRED: str(desired), MAXIMUM: str(desired + surge)}
    sets = [{**each, "metadata": {**each["metadata"], "annotations": notes}} for each in old]
    assume(len([each for each in [*sets, new] if each["spec"]["replicas"]]) > 1)
    steps = resize(whole, new, sets)
    replicas = whole["spec"]["replicas"]
    allowed = replicas + max_surge(whole) if replicas else 0
    assert all(step.replicas >= 0 for step in steps)
    total = sum(step.replicas for step in steps)
    assert total == allowed or steps == [Step(each["metadata"]["name"], 0) for each in sets
                                         if each["spec"]["replicas"]]  # fmt: skip
