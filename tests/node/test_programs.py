"""Programs: whole lines, the clock inside, signals."""

from k8s_ref.node.programs import Context, Lines, server
from k8s_ref.sim.loop import Loop


def make(loop, lines):
    cut = Lines(lambda stream, line: lines.append((stream, line)))
    return Context(loop, ["x"], {}, "web", {}, cut)


def test_lines_go_out_when_they_are_complete():
    lines = []
    context = make(Loop(), lines)
    context.write("a\nb")
    context.write("oops", "stderr")
    assert lines == [("stdout", "a")]
    context.write("c\n")
    context.sink.flush()
    assert lines == [("stdout", "a"), ("stdout", "bc"), ("stderr", "oops")]


def test_a_server_ends_only_when_asked():
    loop, lines = Loop(), []
    context = make(loop, lines)
    task = loop.spawn(server(["up at {time:%H:%M:%S} on {host}"], ["{signal}"])(context))
    loop.run(3600)
    assert not task.done
    context.stopped.resolve("SIGTERM")
    loop.run(1)
    assert task.result() == 0
    assert lines == [("stdout", "up at 00:00:00 on web"), ("stdout", "SIGTERM")]
