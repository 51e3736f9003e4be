"""Expectations: nothing new is decided until what was done has arrived, or five minutes passed."""

from k8s_ref.controllers.expectations import Expectations
from k8s_ref.sim.loop import Loop


def test_a_key_nobody_did_anything_for_is_satisfied():
    assert Expectations(Loop()).satisfied("default/web")


def test_every_creation_has_to_arrive():
    expectations = Expectations(Loop())
    expectations.expect_creations("k", 2)
    expectations.creation_observed("k")
    assert not expectations.satisfied("k")
    expectations.creation_observed("k")
    assert expectations.satisfied("k")


def test_a_deletion_is_observed_once_however_often_it_is_told():
    expectations = Expectations(Loop())
    expectations.expect_deletions("k", ["a", "b"])
    expectations.deletion_observed("k", "a")
    expectations.deletion_observed("k", "a")
    assert not expectations.satisfied("k")
    expectations.deletion_observed("k", "b")
    assert expectations.satisfied("k")


def test_after_five_minutes_what_did_not_arrive_is_given_up():
    loop = Loop()
    expectations = Expectations(loop)
    expectations.expect_creations("k", 1)
    loop.run(300)
    assert not expectations.satisfied("k")
    loop.run(1)
    assert expectations.satisfied("k")


def test_the_expectations_of_an_object_that_is_gone_are_forgotten():
    expectations = Expectations(Loop())
    expectations.expect_creations("k", 1)
    expectations.forget("k")
    assert expectations.satisfied("k")
