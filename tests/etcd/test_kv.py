"""Requests: ranges, puts, deletions, transactions, and what etcd refuses."""

import pytest

from k8s_ref.etcd.kv import (
    FROM_KEY,
    KV,
    Condition,
    DeleteRangeRequest,
    PutRequest,
    RangeRequest,
    RequestError,
)
from k8s_ref.etcd.mvcc import LeaseNotFound, Store


@pytest.fixture
def kv():
    kv = KV(Store())
    for key, value in (("/a", "3"), ("/b", "1"), ("/c", "2")):
        kv.put(PutRequest(key, value))
    return kv


def keys(answer):
    return [kv.key for kv in answer.kvs]


def test_a_range_can_be_sorted_by_anything_and_cut_off(kv):
    found = kv.range(RangeRequest("/", FROM_KEY, limit=2, sort_target="value"))
    assert (keys(found), found.more, found.total) == (["/b", "/c"], True, 3)
    assert keys(kv.range(RangeRequest("/", FROM_KEY, sort_order="descend"))) == ["/c", "/b", "/a"]


def test_a_range_can_be_filtered_by_revisions_but_counts_all(kv):
    found = kv.range(RangeRequest("/", FROM_KEY, min_mod_revision=3, max_create_revision=3))
    assert (keys(found), found.total) == (["/b"], 3)


def test_a_range_can_leave_out_the_values_or_everything_but_the_count(kv):
    assert [one.value for one in kv.range(RangeRequest("/a", keys_only=True)).kvs] == [None]
    assert kv.range(RangeRequest("/a", "/c", count_only=True)) == ([], False, 2)


def test_a_put_can_keep_the_value_and_change_the_lease(kv):
    kv.store.leases[7] = {}
    kv.put(PutRequest("/a", lease=7, ignore_value=True))
    assert kv.store.get("/a").value == "3" and kv.store.leases[7] == {"/a": None}
    kv.put(PutRequest("/a", "9", ignore_lease=True))
    assert (kv.store.get("/a").value, kv.store.get("/a").lease) == ("9", 7)


def test_a_deletion_takes_a_whole_range_in_one_revision(kv):
    before = kv.store.revision
    gone = kv.delete_range(DeleteRangeRequest("/a", "/c")).previous
    assert [one.key for one in gone] == ["/a", "/b"] and kv.store.revision == before + 1


def test_a_transaction_that_fails_takes_the_other_branch(kv):
    done = kv.txn(
        [Condition("/a", "value", ">", "5")], [PutRequest("/a", "yes")], [RangeRequest("/a")]
    )
    assert not done.succeeded and done.responses[0].kvs[0].value == "3"


def test_an_operation_sees_what_the_ones_before_it_did(kv):
    done = kv.txn([], [PutRequest("/a", "new"), RangeRequest("/a"), DeleteRangeRequest("/b")])
    assert done.responses[1].kvs[0].value == "new"
    assert kv.store.get("/a").mod_revision == done.responses[1].kvs[0].mod_revision == 5


@pytest.mark.parametrize(
    ("branch", "why"),
    [
        ([PutRequest("", "x")], "key is not provided"),
        ([PutRequest("/a", "x"), PutRequest("/a", "y")], "duplicate key given"),
        ([PutRequest("/a", "x"), DeleteRangeRequest("/", "/z")], "duplicate key given"),
        ([PutRequest("/b", "x"), PutRequest("/new", ignore_value=True)], "key not found"),
        ([PutRequest("/b", "x"), PutRequest("/a", "x", ignore_value=True)], "value is provided"),
        ([PutRequest("/a", "x", 3, ignore_lease=True)], "lease is provided"),
        ([PutRequest(f"/{n}", "x") for n in range(129)], "too many operations"),
    ],
)
def test_a_request_that_is_refused_changes_nothing(kv, branch, why):
    with pytest.raises(RequestError, match=f"etcdserver: {why}"):
        kv.txn([], branch)
    assert kv.store.revision == 4 and kv.store.get("/b").value == "1"


def test_a_key_cannot_hang_on_a_lease_that_is_not_there(kv):
    with pytest.raises(LeaseNotFound, match="requested lease not found"):
        kv.txn([], [PutRequest("/b", "x"), PutRequest("/a", "x", lease=3)])
    assert kv.store.get("/b").value == "1" and kv.store.revision == 4
