"""The WebSocket hub and the clients of http/ against tests/http/server_main.c.

Needs HTTP_TEST_SERVER, the path of the built http-test-server; skipped without it.
"""

import asyncio
import json
import resource
import signal
import socket
import struct
import subprocess
import time

import httpx
import pytest
import websockets
from http_program import CLIENT, ask, needs_server
from websockets.exceptions import ConnectionClosed, InvalidStatus

pytestmark = needs_server


def connect(server, topic, **kw):
    return websockets.connect(server.ws + topic, subprotocols=["rollcall.v1"], **kw)


async def soon(ws, seconds=5):
    return await asyncio.wait_for(ws.recv(), seconds)


# ---- WebSockets


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, 60))


async def publish(server, topic, body, **query):
    async with httpx.AsyncClient() as c:
        query = {"topic": topic, **query}
        r = await c.post(server.url + "/publish", params=query, content=body, timeout=30)
        assert r.status_code == 200


def test_an_event_reaches_every_peer_of_its_topic_and_no_other(server):
    async def scene():
        async with connect(server, "a") as a, connect(server, "a") as b, connect(server, "c") as c:
            assert a.subprotocol == "rollcall.v1"
            await asyncio.sleep(0.2)
            await publish(server, "a", b"for a")
            await publish(server, "c", b"for c")
            assert [await soon(w) for w in (a, b, c)] == ["for a", "for a", "for c"]

    run(scene())


def test_what_was_missed_comes_before_what_is_live_and_nothing_twice(server):
    async def scene():
        async with connect(server, "replay") as w:
            await asyncio.sleep(0.1)
            for i in (2, 3, 4, 5):
                await publish(server, "replay", f"live {i}".encode(), id=i)
            assert [await soon(w) for _ in range(5)] == ["one", "two", "three", "live 4", "live 5"]
            await publish(server, "replay", b"late copy", id=3)
            await publish(server, "replay", b"live 6", id=6)
            assert await soon(w) == "live 6"

    run(scene())


@pytest.mark.parametrize(
    "topic, code, reason",
    [("refuse", 4401, "sign in first"), ("undecided", 1011, "the server did not decide")],
)
def test_a_refused_peer_is_told_why(server, topic, code, reason):
    async def scene():
        async with connect(server, topic) as w:
            with pytest.raises(ConnectionClosed) as closed:
                await soon(w)
            assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (code, reason)

    run(scene())


def test_the_authorization_header_reaches_ws_open(server):
    async def scene():
        async with connect(server, "secret", additional_headers={"Authorization": "Bearer sesame"}) as w:
            await asyncio.sleep(0.2)
            await publish(server, "secret", b"x")
            assert await soon(w) == "x"

    run(scene())


@pytest.mark.parametrize(
    "path, protocols, status",
    [("/ws/a", None, 400), ("/ws/a", ["other"], 400), ("/ws/a", ["-http"], 400), ("/nothing", ["rollcall.v1"], 404)],
)
def test_an_upgrade_that_cannot_be_is_an_http_error(server, path, protocols, status):
    async def scene():
        with pytest.raises(InvalidStatus) as refused:
            await websockets.connect(f"ws://127.0.0.1:{server.port}{path}", subprotocols=protocols)
        assert refused.value.response.status_code == status

    run(scene())


UPGRADE = "GET /ws/a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"


@pytest.mark.parametrize(
    "extra, statuses",
    [
        ("Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n", {400}),
        ("Upgrade: gopher\r\n", {403, None}),
        ("Upgrade: websocket\r\nSec-WebSocket-Protocol: rollcall.v1\r\n", {400}),
        ("Upgrade: websocket\r\nSec-WebSocket-Protocol: rollcall.v1\r\nSec-WebSocket-Key: " + "A" * 300 + "\r\n", {None, 400}),
        ("Upgrade: websocket\r\nSec-WebSocket-Protocol: -http, rollcall.v1\r\nSec-WebSocket-Key: AAAA\r\n", {None, 400}),
    ],
)
def test_a_broken_upgrade_is_refused(server, extra, statuses):
    try:
        assert ask(server, UPGRADE + extra + "\r\n")[0] in statuses
    except ConnectionResetError:
        assert None in statuses
    assert httpx.get(server.url + "/hello").status_code == 200
    assert server.metric("ws_peers") == 0


def test_peers_beyond_the_limit_are_turned_away(start):
    server = start(peers=3)

    async def scene():
        peers = [await connect(server, "a") for _ in range(3)]
        with pytest.raises(InvalidStatus) as refused:
            await connect(server, "a")
        assert refused.value.response.status_code == 503
        await peers[0].close()
        await asyncio.sleep(0.3)
        async with connect(server, "a"):
            pass
        [await p.close() for p in peers]

    run(scene())


def slow_peer(server, topic):
    """A peer that is connected and reads nothing until told."""
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.connect(("127.0.0.1", server.port))
    s.sendall(
        f"GET /ws/{topic} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Protocol: rollcall.v1\r\n\r\n".encode()
    )
    data = b""
    while b"\r\n\r\n" not in data:
        data += s.recv(1)
    assert b" 101 " in data
    time.sleep(0.2)
    return s


def frames(s, seconds=3):
    """All frames a raw socket gets until the server is silent: (opcode, payload)."""
    s.settimeout(seconds)
    data, out = b"", []
    try:
        while part := s.recv(65536):
            data += part
    except (TimeoutError, ConnectionResetError):
        pass
    while len(data) >= 2:
        opcode, n, at = data[0] & 15, data[1] & 127, 2
        if n == 126:
            n, at = struct.unpack(">H", data[2:4])[0], 4
        elif n == 127:
            n, at = struct.unpack(">Q", data[2:10])[0], 10
        out.append((opcode, data[at : at + n]))
        data = data[at + n :]
    return out


def test_a_slow_peer_loses_droppable_events_and_is_told_how_many(start):
    server = start(queue=8)
    s = slow_peer(server, "slow")

    async def scene():
        await publish(server, "slow", b"d" * 200_000, n=100, drop=1)
        await publish(server, "slow", b"kept", n=3)

    run(scene())
    got = frames(s)
    s.close()
    lost = sum(json.loads(p)["lost"] for _, p in got if p.startswith(b'{"type": "lag"'))
    shown = sum(p[:1] == b"d" for _, p in got)
    assert sum(p == b"kept" for _, p in got) == 3
    assert lost > 0 and shown + lost == 100
    assert server.metric("ws_dropped_total") == lost


def test_a_peer_too_slow_for_what_must_not_be_lost_is_closed(start):
    server = start(queue=8)
    s = slow_peer(server, "slow")
    run(publish(server, "slow", b"k" * 200_000, n=100))
    got = frames(s, 6)
    s.close()
    assert 0 < sum(p[:1] == b"k" for _, p in got) < 100
    deadline = time.monotonic() + 10
    while server.metric("ws_peers") and time.monotonic() < deadline:
        time.sleep(0.2)
    assert server.metric("ws_peers") == 0


def test_a_burst_longer_than_the_queue_reaches_a_peer_that_keeps_up(start):
    server = start(queue=8)

    async def scene():
        async with connect(server, "t", max_queue=None) as w:
            await asyncio.sleep(0.2)
            await publish(server, "t", b"kept", id=1, n=300)
            assert [await soon(w) for _ in range(300)] == ["kept"] * 300

    run(scene())
    assert server.metric("ws_dropped_total") == 0


def test_a_slow_peer_does_not_hold_up_others(start):
    server = start(queue=8)
    s = slow_peer(server, "t")

    async def scene():
        async with connect(server, "t") as quick:
            await asyncio.sleep(0.2)
            for i in range(60):
                await publish(server, "t", b"e" * 100_000, drop=1)
                assert len(await soon(quick, 2)) == 100_000

    run(scene())
    s.close()


def test_a_silent_peer_is_pinged_and_kept_when_it_answers(start):
    server = start(ping_ms=1000)
    s = slow_peer(server, "t")
    assert (9, b"") in [(op, p[:0]) for op, p in frames(s, 2.5)]
    s.close()

    async def scene():
        async with connect(server, "t", ping_interval=None) as w:
            await asyncio.sleep(2.5)
            await publish(server, "t", b"still here")
            assert await soon(w) == "still here"

    run(scene())


def test_messages_of_clients_are_ignored_within_bounds(server):
    async def scene():
        async with connect(server, "t") as w:
            await w.send("hello" * 100)
            await w.send(b"\0" * 100)
            await asyncio.sleep(0.2)
            await publish(server, "t", b"x")
            assert await soon(w) == "x"
            await w.send("a" * 100_000)
            with pytest.raises(ConnectionClosed) as closed:
                await soon(w)
            assert closed.value.rcvd is None or closed.value.rcvd.code == 1009
        async with connect(server, "t") as w:
            with pytest.raises(ConnectionClosed) as closed:
                for _ in range(1000):
                    await w.send("a")
                await soon(w)
            assert closed.value.rcvd is None or closed.value.rcvd.code == 1008

    run(scene())


def test_five_hundred_peers_get_an_event(server):
    async def scene():
        peers = await asyncio.gather(*[connect(server, "fan") for _ in range(500)])
        await asyncio.sleep(0.3)
        assert server.metric("ws_peers") == 500
        await publish(server, "fan", b"y" * 2000)
        assert set(await asyncio.gather(*[soon(w, 10) for w in peers])) == {"y" * 2000}
        await asyncio.gather(*[w.close() for w in peers])

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4096)), hard))
    run(scene())


def test_peers_that_come_and_go_leave_nothing_behind(server):
    async def scene():
        for _ in range(5):
            peers = await asyncio.gather(*[connect(server, f"t{i % 7}") for i in range(40)])
            await publish(server, "t3", b"z", n=10)
            for i, w in enumerate(peers):
                w.transport.abort() if i % 2 else await w.close()
        await asyncio.sleep(0.5)

    run(scene())
    assert server.metric("ws_peers") == 0


def test_shutdown_tells_peers_to_go(server):
    async def scene():
        async with connect(server, "t") as w:
            await asyncio.sleep(0.2)
            server.process.send_signal(signal.SIGTERM)
            with pytest.raises(ConnectionClosed) as closed:
                await soon(w)
            assert closed.value.rcvd.code == 1001

    run(scene())
    assert server.process.wait(10) == 0
    assert "ws_closed topic=t" in server.log()


# ---- the client of the command-line tools


def client(*args):
    return subprocess.run([CLIENT, *args], capture_output=True, text=True, timeout=30)


def test_the_client_sends_and_reads(server):
    assert client("send", "GET", server.url, "/hello").stdout == '200 {"hello": true}\n'
    assert client("send", "POST", server.url, "/echo", "some body").stdout == "200 some body\n"
    assert client("send", "GET", server.url, "/nothing").stdout.startswith("404 {")
    assert "authorization=Bearer tok" in client("send", "GET", server.url, "/headers", "", "tok").stdout


@pytest.mark.parametrize(
    "base, message",
    [
        ("http://127.0.0.1:1", "UNAVAILABLE: nothing answers at http://127.0.0.1:1: start it with `rollcall serve`"),
        ("ftp://a", "INVALID: 'ftp://a' is not a server's address"),
        ("http://a/b", "INVALID: 'http://a/b' is not a server's address"),
    ],
)
def test_the_client_says_what_to_do(base, message):
    for call in (["send", "GET", base, "/hello"], ["feed", "1", base, "/ws/a"]):
        done = client(*call)
        assert done.returncode == 1 and done.stderr.startswith(message)


def test_the_feed_reads_what_was_missed_and_what_is_live(server):
    assert client("feed", "3", server.url, "/ws/replay").stdout == "open\none\ntwo\nthree\n"
    feed = subprocess.Popen([CLIENT, "feed", "2", server.url, "/ws/secret", "sesame"], stdout=subprocess.PIPE, text=True)
    assert feed.stdout.readline() == "open\n"
    time.sleep(0.3)
    run(publish(server, "secret", b"s" * 300_000, n=2))
    assert [len(line) for line in feed.stdout] == [300_001, 300_001]
    assert feed.wait(5) == 0


def test_the_feed_gives_the_servers_reason(server):
    refused = client("feed", "1", server.url, "/ws/refuse")
    assert refused.stderr == "UNAUTHENTICATED: the server refused: sign in first\n"
    assert client("feed", "1", server.url, "/ws/quiet").stderr == "TIMEOUT: no event came\n"
    assert client("feed", "1", server.url, "/nothing").stderr.startswith("UNAVAILABLE: the server answered 404")
