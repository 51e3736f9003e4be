"""Leases: keys that disappear unless somebody keeps them alive."""

import pytest

from k8s_ref.etcd.kv import RequestError
from k8s_ref.etcd.lease import Lessor
from k8s_ref.etcd.mvcc import LeaseNotFound, Put, Store
from k8s_ref.sim.loop import Loop


@pytest.fixture
def lessor():
    return Lessor(Loop(), Store())


def put(lessor, key, lease):
    lessor.store.txn((), [Put(key, "x", lease)])


def test_the_keys_of_a_lease_go_together_when_it_runs_out(lessor):
    lease = lessor.grant(10)
    for key in ("/b", "/a"):
        put(lessor, key, lease.number)
    before, seen = lessor.store.revision, []
    lessor.store.watch("/", before, seen.append)
    lessor.loop.run(9)
    assert not seen
    lessor.loop.run(1)
    assert [event.kv.key for event in seen] == ["/a", "/b"]
    assert lessor.store.revision == before + 1 and not lessor.leases


def test_a_lease_that_is_kept_alive_stays(lessor):
    lease = lessor.grant(10)
    put(lessor, "/a", lease.number)
    for _ in range(5):
        lessor.loop.run(8)
        lessor.keep_alive(lease.number)
    assert lessor.store.get("/a") and lessor.remaining(lease.number) == 10
    lessor.loop.run(10)
    assert lessor.store.get("/a") is None


def test_a_lease_without_keys_ends_without_a_revision(lessor):
    lessor.grant(10)
    lessor.loop.run(20)
    assert lessor.store.revision == 1 and not lessor.leases


def test_a_key_written_again_without_its_lease_stays_for_ever(lessor):
    lease = lessor.grant(10)
    put(lessor, "/a", lease.number)
    put(lessor, "/a", 0)
    lessor.loop.run(20)
    assert lessor.store.get("/a").lease == 0


def test_a_key_that_was_deleted_no_longer_hangs_on_its_lease(lessor):
    lease = lessor.grant(10)
    put(lessor, "/a", lease.number)
    lessor.store.delete("/a")
    assert lessor.keys(lease.number) == []


def test_revoking_ends_a_lease_at_once_and_its_number_may_be_used_again(lessor):
    put(lessor, "/a", lessor.grant(10, number=7).number)
    lessor.loop.run(5)
    lessor.revoke(7)
    assert lessor.store.get("/a") is None
    lessor.grant(10, number=7)
    lessor.loop.run(6)
    assert lessor.remaining(7) == 4


def test_nobody_polls_a_lease(lessor):
    lessor.grant(3600)
    before = lessor.loop.now
    lessor.loop.run(3599)
    assert lessor.loop.now - before == 3599 * 10**9 and 1 in lessor.leases


def test_what_etcd_refuses(lessor):
    lessor.grant(10, number=7)
    with pytest.raises(RequestError, match="lease already exists"):
        lessor.grant(10, number=7)
    with pytest.raises(RequestError, match="too large lease TTL"):
        lessor.grant(9_000_000_001)
    for call in (lessor.revoke, lessor.keep_alive, lessor.keys, lessor.remaining):
        with pytest.raises(LeaseNotFound):
            call(99)
    assert lessor.grant(1).ttl == 2
