"""SPDY: frames, and a client of 2014 that runs a command."""

import asyncio
import struct
import zlib
from urllib.parse import urlsplit

import pytest

from k8s_ref.edge.spdy import SPDY, dictionary
from tests.edge.live import Live

FIN = 1


class Client:
    """Makes a client's frames, and reads those of the server."""

    def __init__(self):
        self.squeeze = zlib.compressobj(zdict=dictionary())

    def control(self, kind, payload, flags=0):
        return struct.pack(">HHI", 0x8003, kind, flags << 24 | len(payload)) + payload

    def open(self, number, flags=0, **headers):
        pairs = [part.encode() for pair in headers.items() for part in pair]
        block = struct.pack(">I", len(headers))
        block += b"".join(struct.pack(">I", len(part)) + part for part in pairs)
        packed = self.squeeze.compress(block) + self.squeeze.flush(zlib.Z_SYNC_FLUSH)
        return self.control(1, struct.pack(">IIH", number, 0, 0) + packed, flags)

    def data(self, number, data, flags=0):
        return struct.pack(">II", number, flags << 24 | len(data)) + data


def frames(data):
    """The server's frames: ``(stream, data, last)`` or ``("control", type, payload)``."""
    found = []
    while data:
        first, second = struct.unpack_from(">II", data)
        payload, data = data[8 : 8 + (second & 0xFFFFFF)], data[8 + (second & 0xFFFFFF) :]
        if first >> 31:
            found.append(("control", first & 0xFFFF, payload))
        else:
            found.append((first, payload, bool(second >> 24 & FIN)))
    return found


def spoken(*pieces):
    """What a server's end sends back, and the streams the client opened."""
    sent, opened = [], []

    async def speak():
        async def write(data):
            sent.append(data)

        server = SPDY(write, opened.append)
        for piece in pieces:
            await server.feed(piece)

    asyncio.run(speak())
    return frames(b"".join(sent)), opened


def test_a_stream_opens_with_its_headers_wherever_the_frames_are_cut():
    client = Client()
    sent = client.open(1, StreamType="data", port="80") + client.data(1, b"hello", FIN)
    for cut in range(1, len(sent)):
        answered, [channel] = spoken(sent[:cut], sent[cut:])
        assert channel.headers == {"streamtype": "data", "port": "80"}
        assert [channel.received.get_nowait() for _ in range(2)] == [b"hello", None]
        assert [kind for _, kind, _ in answered] == [2, 9]


def test_headers_of_later_streams_lean_on_those_before():
    client = Client()
    _, opened = spoken(client.open(1, a="x" * 99), client.open(3, a="x" * 99))
    assert [channel.headers for channel in opened] == [{"a": "x" * 99}] * 2


def test_a_ping_comes_back_and_a_reset_ends_a_stream():
    client = Client()
    reset = client.control(3, struct.pack(">II", 1, 5))
    answered, [channel] = spoken(
        client.control(6, b"\0\0\0\1"), client.open(1), reset, client.data(1, b"late")
    )
    assert answered[0] == ("control", 6, b"\0\0\0\1")
    assert channel.received.get_nowait() is None
    assert channel.received.empty()


# -- on the bare connection


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    with Live(tmp_path_factory.mktemp("live"), nodes=1, speed=10) as served:
        served.apply("web", image="nginx")
        yield served


async def upgraded(live, path):
    """A connection that speaks SPDY: the server's first lines, a reader and a writer."""
    where = urlsplit(live.url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port, ssl=live.tls)
    lines = (f"POST {path} HTTP/1.1", "Host: x", "Connection: Upgrade", "Upgrade: SPDY/3.1",
             "X-Stream-Protocol-Version: v4.channel.k8s.io", "Content-Length: 0")  # fmt: skip
    writer.write("".join(f"{line}\r\n" for line in lines).encode() + b"\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    return head.decode().splitlines(), reader, writer


def exchanged(live, path, *pieces):
    """What came back: the status line, and the frames."""

    async def speak():
        head, reader, writer = await upgraded(live, path)
        for piece in pieces:
            writer.write(piece)
        rest = await reader.read()
        writer.close()
        return head, rest

    return asyncio.run(asyncio.wait_for(speak(), 20))


POD = "/api/v1/namespaces/default/pods/web"


def test_a_command_runs_over_streams_named_by_their_headers(live):
    client = Client()
    head, rest = exchanged(
        live,
        f"{POD}/exec?command=cat&stdin=true&stdout=true",
        client.open(1, streamtype="error"),
        client.open(3, streamtype="stdin"),
        client.open(5, streamtype="stdout"),
        client.data(3, b"hello", FIN),
    )
    assert head[0] == "HTTP/1.1 101 Switching Protocols"
    assert "X-Stream-Protocol-Version: v4.channel.k8s.io" in head
    data = dict.fromkeys((1, 5), b"")
    for number, payload, _ in frames(rest):
        if number in data:
            data[number] += payload
    assert data == {1: b'{"metadata":{},"status":"Success"}', 5: b"hello"}


def test_a_port_is_two_streams_and_the_client_hangs_up(live):
    client = Client()

    async def speak():
        _, reader, writer = await upgraded(live, f"{POD}/portforward")
        for number, kind in ((1, "error"), (3, "data")):
            writer.write(client.open(number, streamtype=kind, port="80", requestid="0"))
        writer.write(client.data(3, b"GET / HTTP/1.0\r\n\r\n", FIN))
        answer = await asyncio.wait_for(reader.readuntil(b"nginx!</h1>\n"), 10)
        writer.close()
        return answer

    assert b"HTTP/1.1 200 OK\r\n" in asyncio.run(speak())


def test_the_kubelets_no_is_an_http_error(live):
    async def speak():
        head, reader, writer = await upgraded(live, f"{POD}/exec?command=ls")
        said = await asyncio.wait_for(reader.readuntil(b"stderr"), 10)
        writer.close()
        return head[0], said

    no = b"you must specify at least 1 of stdin, stdout, stderr"
    assert asyncio.run(speak()) == ("HTTP/1.1 400 Bad Request", no)
