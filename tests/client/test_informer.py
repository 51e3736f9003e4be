"""The informer: a copy that follows the server through lost streams and restarts."""

from hypothesis import given, settings
from hypothesis import strategies as st

from k8s_ref.apiserver import watchcache
from k8s_ref.client.informer import InformerFactory
from k8s_ref.machinery.meta import key_of, with_path
from k8s_ref.sim.process import Process
from tests.harness import ControlPlane, pod


class Follower:
    """A process with one informer, noting what its handler is told."""

    def __init__(self, plane, **where):
        self.plane, self.told = plane, []
        self.informers = InformerFactory(plane.client("follower"), plane.loop)
        self.informer = self.informers.informer("pods", **where)
        self.informer.on_change(self.note)
        self.process = Process(plane.loop, "follower", self.informers.start)
        self.process.start()
        plane.loop.run(0)

    def note(self, kind, obj, old):
        self.told.append((kind, obj["metadata"]["name"]))


def test_the_copy_holds_what_was_there_and_what_comes():
    plane = ControlPlane()
    plane.do(plane.api.create("pods", pod("a")))
    follower = Follower(plane)
    plane.do(plane.api.create("pods", pod("b")))
    plane.do(plane.api.bind("default/a", "node-1"))
    plane.do(plane.api.delete("pods", "default/b"))
    plane.loop.run(0)
    # A Pod that is deleted is marked first, even if it goes in the same moment.
    marked_and_gone = [("MODIFIED", "b"), ("DELETED", "b")]
    assert follower.told == [("ADDED", "a"), ("ADDED", "b"), ("MODIFIED", "a"), *marked_and_gone]
    assert [key_of(obj) for obj in follower.informer.list()] == ["default/a"]


def test_the_copy_holds_the_very_object_the_server_stores():
    plane = ControlPlane()
    created = plane.do(plane.api.create("pods", pod("a")))
    assert Follower(plane).informer.get("default/a") is created


def test_a_handler_that_comes_late_is_told_what_is_there():
    plane = ControlPlane()
    plane.do(plane.api.create("pods", pod("a")))
    follower, late = Follower(plane), []
    follower.informer.on_change(lambda kind, obj, _: late.append((kind, key_of(obj))))
    assert late == [("ADDED", "default/a")]


def test_an_index_follows_every_change():
    plane = ControlPlane()
    follower = Follower(plane)
    follower.informer.add_index("node", lambda obj: obj["spec"].get("nodeName"))
    plane.do(plane.api.create("pods", pod("a")))
    plane.do(plane.api.bind("default/a", "node-1"))
    plane.loop.run(0)
    assert [key_of(obj) for obj in follower.informer.by("node", "node-1")] == ["default/a"]
    plane.do(plane.api.delete("pods", "default/a", grace=0))
    plane.loop.run(0)
    assert follower.informer.by("node", "node-1") == []


def test_a_field_selector_makes_a_pod_appear_when_it_is_bound():
    plane = ControlPlane()
    follower = Follower(plane, fields="spec.nodeName=node-1")
    plane.do(plane.api.create("pods", pod("a")))
    plane.loop.run(0)
    assert follower.told == []
    plane.do(plane.api.bind("default/a", "node-1"))
    plane.loop.run(0)
    assert follower.told == [("ADDED", "a")]


def test_after_a_cut_the_informer_goes_on_where_it_was():
    plane = ControlPlane()
    follower = Follower(plane)
    plane.faults.add("cut-watch", call=1)
    plane.do(plane.api.create("pods", pod("a")))
    plane.do(plane.api.create("pods", pod("b")))
    plane.loop.run(5)
    assert follower.told == [("ADDED", "a"), ("ADDED", "b")]


def test_an_event_told_twice_is_taken_once():
    plane = ControlPlane()
    follower = Follower(plane)
    plane.faults.add("repeat-event")
    plane.do(plane.api.create("pods", pod("a")))
    plane.loop.run(1)
    assert follower.told == [("ADDED", "a")]


def test_what_vanished_while_nobody_could_watch_is_deleted_after_the_relist(monkeypatch):
    monkeypatch.setattr(watchcache, "CAPACITY", 4)
    plane = ControlPlane()
    plane.do(plane.api.create("pods", pod("a")))
    plane.do(plane.api.create("pods", pod("b")))
    follower = Follower(plane)
    plane.faults.partition("follower")
    plane.do(plane.api.delete("pods", "default/a"))
    for number in range(10):
        plane.do(plane.api.create("pods", pod(f"c{number}")))
    plane.loop.run(1)
    plane.faults.heal("follower")
    plane.loop.run(60)
    assert ("DELETED", "a") in follower.told
    assert len(follower.informer.objects) == 11
    assert plane.loop.trace.select(verb="relist")


WRITES = st.lists(
    st.tuples(st.sampled_from("abcd"), st.sampled_from(["put", "delete"])), max_size=25
)


@settings(max_examples=40, deadline=None)
@given(WRITES, st.integers(0, 99))
def test_whatever_happens_on_the_wire_the_copy_ends_as_the_server_is(writes, seed):
    plane = ControlPlane(seed)
    follower = Follower(plane)
    plane.faults.add("cut-watch", chance=0.2)
    plane.faults.add("repeat-event", chance=0.2)
    plane.faults.add("delay-event", chance=0.2)
    plane.faults.add("lose-answer", chance=0.1)

    async def write(name, what):
        exists = f"default/{name}" in plane.server.registry("pods").cache.objects
        if what == "delete" and exists:
            await plane.api.delete("pods", f"default/{name}")
        elif what == "put" and not exists:
            await plane.api.create("pods", pod(name))
        elif what == "put":
            labels = {"metadata": {"labels": {"at": str(plane.loop.now)}}}
            await plane.api.patch("pods", f"default/{name}", labels)

    for name, what in writes:
        plane.do(write(name, what))
        plane.loop.run(0.3)
    plane.faults.clear()
    plane.loop.run(120)
    assert follower.informer.objects == plane.server.registry("pods").cache.objects


def test_a_write_to_a_cached_object_is_a_new_version_and_leaves_the_copy_alone():
    plane = ControlPlane()
    plane.do(plane.api.create("pods", pod("a")))
    follower = Follower(plane)
    cached = follower.informer.get("default/a")
    changed = with_path(cached, ("spec", "nodeName"), "node-9")
    assert "nodeName" not in cached["spec"]
    assert changed["spec"]["containers"] is cached["spec"]["containers"]
