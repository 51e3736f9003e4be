"""The watch cache: selectors, the shared ring, triggers, and falling off."""

import pytest

from k8s_ref.apiserver import watchcache
from k8s_ref.apiserver.server import APIServer
from k8s_ref.apiserver.watchcache import WatchCache, everything
from k8s_ref.etcd.client import Embedded
from k8s_ref.etcd.mvcc import Store
from k8s_ref.machinery.errors import Expired
from k8s_ref.sim.loop import Loop
from tests.harness import ControlPlane


def pod(name, node="", app="web"):
    metadata = {"namespace": "default", "name": name, "labels": {"app": app}}
    return {"metadata": metadata, "spec": {"nodeName": node}}


class Fed:
    """A cache fed by a store of its own."""

    def __init__(self, trigger=None):
        self.loop, self.store = Loop(), Store()
        self.cache = WatchCache(self.loop, 1, trigger)
        self.store.watch("/", 1, lambda event: self.cache.tell(event.kv.key[1:], event))

    def put(self, obj):
        return self.store.put(f"/default/{obj['metadata']['name']}", obj)

    def drain(self, watch):
        seen = []

        async def read():
            while True:
                event = await watch.next()
                seen.append((event.type, event.object["metadata"]["name"]))

        task = self.loop.spawn(read())
        self.loop.run(0)
        task.cancel()
        return seen


def test_an_object_carries_the_revision_that_wrote_it():
    fed = Fed()
    fed.put(pod("a"))
    revision = fed.put(pod("a", "node-1"))
    assert fed.cache.objects["default/a"]["metadata"]["resourceVersion"] == str(revision)


def test_a_watch_without_a_revision_begins_with_what_there_is():
    fed = Fed()
    fed.put(pod("b"))
    fed.put(pod("a"))
    watch = fed.cache.watch(None, everything, None)
    fed.put(pod("b", "node-1"))
    assert fed.drain(watch) == [("ADDED", "a"), ("ADDED", "b"), ("MODIFIED", "b")]


def test_a_watch_since_a_revision_tells_only_what_came_after():
    fed = Fed()
    since = fed.put(pod("a"))
    fed.put(pod("b"))
    fed.store.delete("/default/a")
    assert fed.drain(fed.cache.watch(since, everything, None)) == [("ADDED", "b"), ("DELETED", "a")]


def test_entering_a_selector_is_added_and_leaving_it_is_deleted():
    fed = Fed()
    watch = fed.cache.watch(None, lambda o: o["metadata"]["labels"]["app"] == "web", None)
    fed.put(pod("a", app="other"))
    fed.put(pod("a", app="web"))
    fed.put(pod("a", "node-1", app="web"))
    fed.put(pod("a", app="other"))
    assert fed.drain(watch) == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]


def test_a_deletion_shows_the_last_state_at_the_revision_of_the_deletion():
    fed = Fed()
    watch = fed.cache.watch(None, everything, None)
    fed.put(pod("a", "node-1"))
    gone = fed.store.delete("/default/a")

    async def second():
        await watch.next()
        return await watch.next()

    event = fed.loop.run_task(second())
    assert event.type == "DELETED"
    assert event.object["spec"]["nodeName"] == "node-1"
    assert event.object["metadata"]["resourceVersion"] == str(gone)


def test_watchers_of_one_trigger_value_sleep_through_the_others():
    fed = Fed(trigger=lambda o: o["spec"]["nodeName"])
    on_1 = fed.cache.watch(None, lambda o: o["spec"]["nodeName"] == "node-1", "node-1")
    assert fed.drain(on_1) == []
    fed.put(pod("a", "node-2"))
    assert on_1.ring.events == []
    fed.put(pod("a", "node-1"))
    fed.put(pod("a", "node-2"))
    assert fed.drain(on_1) == [("ADDED", "a"), ("DELETED", "a")]


def test_whoever_falls_off_the_ring_is_told_to_list_again(monkeypatch):
    monkeypatch.setattr(watchcache, "CAPACITY", 8)
    fed = Fed()
    watch = fed.cache.watch(None, everything, None)
    for number in range(30):
        fed.put(pod(f"p{number}"))
    with pytest.raises(Expired, match=r"too old resource version: 1 \(\d+\)"):
        fed.loop.run_task(watch.next())
    with pytest.raises(Expired, match=r"too old resource version: 3 \(\d+\)"):
        fed.cache.watch(3, everything, None)


def test_a_server_may_be_told_how_much_to_remember():
    plane = ControlPlane()
    plane.server = APIServer(Embedded(plane.store), plane.loop, ring=4)
    plane.loop.run_task(plane.server.start())
    api = plane.client("kubectl")
    for number in range(6):
        plane.do(
            api.create("configmaps", {"metadata": {"name": f"c{number}", "namespace": "default"}})
        )
    ring = plane.server.registry("configmaps").cache.watch(None, everything, None).ring
    assert len(ring.events) <= 4


def test_a_stopped_watch_lets_its_reader_go():
    fed = Fed()
    watch = fed.cache.watch(None, everything, None)
    fed.loop.call_later(1, watch.stop)
    assert fed.loop.run_task(watch.next()) is None
    assert fed.cache.watches == {}
