"""The store: revisions, the readable past, transactions, watches, compaction."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from k8s_ref.etcd.mvcc import Compacted, Compare, Delete, Event, FutureRevision, Put, Store


def test_an_empty_store_is_at_revision_one():
    assert Store().revision == 1


def test_every_write_gets_the_next_revision_and_the_key_counts_its_versions():
    store = Store()
    assert [store.put("/a", "x"), store.put("/b", "y"), store.put("/a", "z")] == [2, 3, 4]
    a = store.get("/a")
    assert (a.create_revision, a.mod_revision, a.version, a.value) == (2, 4, 2, "z")


def test_the_past_stays_readable():
    store = Store()
    store.put("/a", 1)
    store.put("/a", 2)
    store.delete("/a")
    assert [kv.value if (kv := store.get("/a", revision)) else None for revision in (1, 2, 3, 4)] \
        == [None, 1, 2, None]  # fmt: skip


def test_a_key_that_comes_back_begins_again_at_version_one():
    store = Store()
    store.put("/a", 1)
    store.delete("/a")
    store.put("/a", 2)
    kv = store.get("/a")
    assert (kv.create_revision, kv.version) == (4, 1)


def test_deleting_what_is_not_there_costs_no_revision():
    store = Store()
    assert store.delete("/a") == 1
    assert store.revision == 1


def test_a_transaction_whose_comparison_fails_writes_nothing_and_tells_what_is_there():
    store = Store()
    store.put("/a", 1)
    done = store.txn((Compare("/a", 99),), (Put("/a", 2), Put("/b", 3)))
    assert not done.succeeded
    assert done.current[0].value == 1
    assert store.get("/b") is None
    assert store.revision == 2


def test_all_operations_of_a_transaction_share_one_revision():
    store = Store()
    store.put("/a", 1)
    done = store.txn((Compare("/a", 2), Compare("/new", 0)), (Delete("/a"), Put("/new", 2)))
    assert done.succeeded
    assert done.revision == store.revision == 3
    assert store.get("/new").mod_revision == 3


def test_a_range_is_in_order_limited_and_counts_all_that_match():
    store = Store()
    for key in ("/pods/c", "/pods/a", "/pods/b", "/podsx/z", "/nodes/n"):
        store.put(key, key)
    found = store.range("/pods/", limit=2)
    assert [kv.key for kv in found.kvs] == ["/pods/a", "/pods/b"]
    assert found.total == 3
    assert [kv.key for kv in store.range("/pods/", start="/pods/b").kvs] == ["/pods/b", "/pods/c"]


def test_a_range_of_an_old_revision_shows_what_was_there_then():
    store = Store()
    store.put("/pods/a", 1)
    store.put("/pods/b", 1)
    store.delete("/pods/a")
    assert [kv.key for kv in store.range("/pods/", revision=3).kvs] == ["/pods/a", "/pods/b"]
    assert [kv.key for kv in store.range("/pods/").kvs] == ["/pods/b"]


def test_a_watch_tells_the_past_since_a_revision_and_then_what_comes():
    store, seen = Store(), []
    store.put("/pods/a", 1)
    store.put("/pods/a", 2)
    store.put("/nodes/n", 1)
    stop = store.watch("/pods/", 2, seen.append)
    store.delete("/pods/a")
    stop()
    store.put("/pods/b", 1)
    assert [(e.kv.mod_revision, e.deleted) for e in seen] == [(3, False), (5, True)]
    assert seen[1].previous.value == 2


def test_what_was_compacted_cannot_be_read_or_watched():
    store = Store()
    for value in range(5):
        store.put("/a", value)
    store.compact(4)
    assert store.get("/a", 4).value == 2
    with pytest.raises(Compacted, match="has been compacted"):
        store.get("/a", 3)
    with pytest.raises(Compacted):
        store.watch("/", 2, print)
    with pytest.raises(Compacted):
        store.compact(4)


def test_the_future_cannot_be_read():
    with pytest.raises(FutureRevision, match="future revision"):
        Store().get("/a", 9)


def test_compaction_forgets_keys_that_were_gone_by_then():
    store = Store()
    store.put("/a", 1)
    store.delete("/a")
    store.put("/b", 1)
    store.compact(4)
    assert store.range("/").total == 1
    assert store._keys == ["/b"]


KEYS = st.sampled_from(["/a", "/b", "/b/c", "/d"])


class Model(RuleBasedStateMachine):
    """The store against a list of snapshots: one dict per revision."""

    def __init__(self):
        super().__init__()
        self.store = Store()
        self.snapshots = {1: {}}
        self.events: list[Event] = []
        self.store.watch("/", 1, self.events.append)

    @rule(key=KEYS, value=st.integers(0, 9))
    def put(self, key, value):
        now = dict(self.snapshots[self.store.revision])
        now[key] = value
        self.snapshots[self.store.put(key, value)] = now

    @rule(key=KEYS)
    def delete(self, key):
        now = dict(self.snapshots[self.store.revision])
        now.pop(key, None)
        self.snapshots[self.store.delete(key)] = now

    @rule(key=KEYS, revision=st.integers(0, 12))
    def compare_and_put(self, key, revision):
        found = self.store.get(key)
        now = dict(self.snapshots[self.store.revision])
        done = self.store.txn((Compare(key, revision),), (Put(key, "won"),))
        assert done.succeeded == (revision == (found.mod_revision if found else 0))
        if done.succeeded:
            self.snapshots[done.revision] = {**now, key: "won"}

    @rule(back=st.integers(0, 5))
    def compact(self, back):
        revision = self.store.revision - back
        if revision > self.store.compacted:
            self.store.compact(revision)

    @invariant()
    def every_kept_revision_reads_as_it_was(self):
        for revision in range(max(self.store.compacted, 1), self.store.revision + 1):
            found = {kv.key: kv.value for kv in self.store.range("/", revision=revision).kvs}
            assert found == self.snapshots[revision]

    @invariant()
    def the_watch_told_one_event_per_revision_in_order(self):
        assert [e.kv.mod_revision for e in self.events] == list(range(2, self.store.revision + 1))


TestModel = Model.TestCase


@given(st.lists(st.tuples(KEYS, st.booleans()), max_size=20), st.integers(1, 21))
def test_a_late_watch_hears_the_same_as_an_early_one(writes, since):
    store, early = Store(), []
    store.watch("/", 1, early.append)
    for key, put in writes:
        store.put(key, 1) if put else store.delete(key)
    late = []
    since = min(since, store.revision)
    store.watch("/", since, late.append)
    assert late == [event for event in early if event.kv.mod_revision > since]
