"""http/ seen from outside: raw sockets, httpx and websockets against tests/http/server_main.c.

Needs HTTP_TEST_SERVER, the path of the built http-test-server; skipped without it.
"""

import asyncio
import json
import os
import pathlib
import re
import resource
import signal
import socket
import struct
import subprocess
import threading
import time

import httpx
import pytest
import websockets
from websockets.exceptions import ConnectionClosed, InvalidStatus

BINARY = os.environ.get("HTTP_TEST_SERVER", "")
pytestmark = pytest.mark.skipif(not BINARY, reason="HTTP_TEST_SERVER is not set")
CLIENT = str(pathlib.Path(BINARY).parent / "http-test-client")


class Server:
    """One http-test-server; close() checks that it ended well and that no sanitizer spoke."""

    def __init__(self, log, **settings):
        self.log_path = log
        with open(log, "w") as err:
            args = [BINARY] + [f"{k}={v}" for k, v in settings.items()]
            self.process = subprocess.Popen(args, stdout=subprocess.PIPE, stderr=err, text=True)
        line = self.process.stdout.readline()
        assert line.startswith("port "), self.log()
        self.port = int(line.split()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self.ws = f"ws://127.0.0.1:{self.port}/ws/"

    def log(self):
        return pathlib.Path(self.log_path).read_text()

    def close(self, within=20):
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(within)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        text = self.log()
        assert code == 0, text[-3000:]
        assert "Sanitizer" not in text and "runtime error" not in text, text[-3000:]

    def socket(self, data=b"", timeout=5):
        s = socket.create_connection(("127.0.0.1", self.port), timeout=timeout)
        if data:
            s.sendall(data)
        return s

    def metric(self, name):
        text = httpx.get(self.url + "/metrics").text
        return int(re.search(rf"^rollcall_{name} (\S+)$", text, re.M).group(1))


@pytest.fixture
def start(tmp_path):
    servers = []

    def starter(**settings):
        servers.append(Server(tmp_path / f"server{len(servers)}.log", **settings))
        return servers[-1]

    yield starter
    for s in servers:
        if s.process.poll() is None:
            s.close()


@pytest.fixture
def server(start):
    return start()


def answer(s):
    """Status, headers and body of one answer on a raw socket; closed is what came after it."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = s.recv(65536)
        if not part:
            return None, {}, data
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines[1:])
    length = int(headers.get("content-length", 0))
    while len(body) < length:
        part = s.recv(65536)
        if not part:
            break
        body += part
    return int(lines[0].split()[1]), headers, body


def ask(server, text, timeout=5):
    with server.socket(text.encode(), timeout) as s:
        return answer(s)


def connect(server, topic, **kw):
    return websockets.connect(server.ws + topic, subprotocols=["rollcall.v1"], **kw)


async def soon(ws, seconds=5):
    return await asyncio.wait_for(ws.recv(), seconds)


def is_closed(s, seconds):
    """True when the server ends the connection within the time."""
    s.settimeout(seconds)
    try:
        while s.recv(65536):
            pass
        return True
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False


# ---- requests and answers


def test_a_get_is_answered_by_its_handler(server):
    r = httpx.get(server.url + "/hello")
    assert (r.status_code, r.json()) == (200, {"hello": True})


@pytest.mark.parametrize("size", [0, 1, 4079, 4080, 4081, 65536, 1_000_000, 4 * 2**20])
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_body_of_any_size_arrives_whole(server, method, size):
    body = os.urandom(size)
    assert httpx.request(method, server.url + "/echo", content=body).content == body


def test_a_body_sent_byte_by_byte_arrives_whole(server):
    with server.socket(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n") as s:
        for i in range(20):
            s.sendall(bytes([65 + i]))
            time.sleep(0.005)
        assert answer(s)[2] == bytes(range(65, 85))


def test_a_large_answer_arrives_whole(server):
    assert httpx.get(server.url + "/big?n=5000000").content == b"x" * 5_000_000


def test_a_large_answer_reaches_a_client_that_reads_slowly(server):
    with server.socket(b"GET /big?n=8000000 HTTP/1.1\r\nHost: a\r\n\r\n") as s:
        time.sleep(1.2)
        assert len(answer(s)[2]) == 8_000_000


def test_a_connection_serves_many_requests(server):
    with server.socket() as s:
        for i in range(50):
            body = f"request {i}".encode()
            s.sendall(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            assert answer(s)[2] == body


def drained(s, seconds=3):
    """All bytes until the server closes or is silent."""
    s.settimeout(seconds)
    data = b""
    try:
        while part := s.recv(65536):
            data += part
    except (TimeoutError, ConnectionResetError):
        pass
    return data


PIPED_GET = b"GET /echo/g HTTP/1.1\r\nHost: a\r\n\r\n"
PIPED_POST = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s"


def test_pipelined_gets_are_answered_in_order(server):
    wire = b"".join(b"GET /echo/%02d HTTP/1.1\r\nHost: a\r\n\r\n" % i for i in range(10))
    with server.socket(wire) as s:
        seen = re.findall(rb"decoded=/echo/(\d\d)", drained(s, 1))
    assert [int(n) for n in seen] == list(range(10))


def test_a_get_pipelined_behind_a_post_is_answered(server):
    with server.socket(PIPED_POST % (2, b"hi") + PIPED_GET) as s:
        data = drained(s, 1)
    assert data.count(b" 200 OK") == 2 and b"\r\n\r\nhiHTTP/1.1 200" in data


@pytest.mark.parametrize("before", [PIPED_GET, PIPED_GET * 3, PIPED_POST % (2, b"hi"), PIPED_POST % (0, b"")])
@pytest.mark.parametrize("size", [1, 5, 60, 300, 5000, 100_000])
@pytest.mark.parametrize("end", ["keep", "half-close", "urgent"])
def test_a_body_pipelined_behind_another_request_closes_the_connection(server, before, size, end):
    """libwebsockets would take the head for the body, hang, or read freed memory."""
    body = b"#" * size
    wire = before + PIPED_POST % (size, body)
    if end == "half-close":
        wire = before + PIPED_POST % (size + 1000, body)
    with server.socket(wire) as s:
        try:
            if end == "half-close":
                s.shutdown(socket.SHUT_WR)
            elif end == "urgent":
                s.send(b"!", socket.MSG_OOB)
        except OSError:
            pass  # closed already
        data = drained(s)
    assert data.count(b" 200 OK") <= 3 and b"POST" not in data and (size == 1 or body not in data)
    assert httpx.get(server.url + "/hello").status_code == 200


def test_a_post_behind_a_finished_request_is_answered_whatever_came_before(server):
    with server.socket() as s:
        for i in range(30):
            s.sendall(PIPED_GET if i % 3 else PIPED_POST % (3, b"abc"))
            assert answer(s)[0] == 200
            s.sendall(PIPED_POST % (100_000, b"b" * 100_000))
            assert answer(s)[2] == b"b" * 100_000


def test_a_request_sent_while_the_answer_flows_does_no_harm(server):
    for size in (10, 20_000_000):
        head = b"POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n10"
        with server.socket(b"GET /big?n=%d HTTP/1.1\r\nHost: a\r\n\r\n" % size) as s:
            time.sleep(0.1)
            s.sendall(head + head + PIPED_GET)
            drained(s, 1)
        with server.socket(PIPED_POST % (4_000_000, b"e" * 4_000_000)) as s:
            time.sleep(0.1)
            s.sendall(head + PIPED_POST % (size, b"f" * 10))
            drained(s, 1)
    assert httpx.get(server.url + "/hello").status_code == 200


def test_head_answers_as_get_without_the_body(server):
    r = httpx.head(server.url + "/hello")
    assert (r.status_code, r.headers["content-length"], r.content) == (200, "15", b"")
    with server.socket(b"HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\nGET /empty HTTP/1.1\r\nHost: a\r\n\r\n") as s:
        s.settimeout(3)
        data = b""
        while b" 204 " not in data:
            data += s.recv(4096)
        assert b"hello\":" not in data


def test_no_content_has_neither_length_nor_type(server):
    r = httpx.get(server.url + "/empty")
    assert r.status_code == 204
    assert "content-length" not in r.headers and "content-type" not in r.headers


def test_an_answer_from_another_thread_comes_later(server):
    assert httpx.get(server.url + "/later").text == "later"


def test_http_1_0_closes_after_the_answer(server):
    with server.socket(b"GET /hello HTTP/1.0\r\n\r\n") as s:
        assert answer(s)[0] == 200
        assert is_closed(s, 2)


def test_connection_close_is_honoured(server):
    with server.socket(b"GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n") as s:
        assert answer(s)[0] == 200
        assert is_closed(s, 2)


def test_requests_of_many_clients_run_side_by_side(start):
    server = start(threads=8)
    began = time.monotonic()
    threads = [
        threading.Thread(target=httpx.post, args=(server.url + "/slow",), kwargs={"content": b"400"})
        for _ in range(8)
    ]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert time.monotonic() - began < 400 * 8 / 1000 / 1.5


# ---- what a request may be


@pytest.mark.parametrize(
    "wire, seen",
    [
        ("/echo/a%20b?q=1", "path=/echo/a%20b decoded=/echo/a b q=1"),
        ("/echo/50%2525?q=%2525", "path=/echo/50%2525 decoded=/echo/50%25 q=%25"),
        ("/echo/x?q=a%26b%3Dc", "path=/echo/x decoded=/echo/x q=a&b=c"),
        ("/echo/x?r=1&q=%C3%A9", "path=/echo/x decoded=/echo/x q=é"),
        ("/echo/%C3%A9", "path=/echo/%C3%A9 decoded=/echo/é q="),
        ("/v1/../echo/x", "path=/echo/x decoded=/echo/x q="),
    ],
)
def test_path_and_query_are_decoded_exactly_once(server, wire, seen):
    status, _, body = ask(server, f"GET {wire} HTTP/1.1\r\nHost: a\r\n\r\n")
    assert (status, body.decode()) == (200, seen)


def test_the_headers_a_handler_may_need_are_kept(server):
    sent = {
        "Authorization": "Bearer t",
        "Content-Type": "text/x",
        "IDEMPOTENCY-KEY": "k",
        "If-Match": '"3"',
        "If-None-Match": '"4"',
        "Accept": "a/b",
        "Origin": "http://o",
        "Cookie": "c=d",
        "X-Forwarded-For": "1.2.3.4",
    }
    text = httpx.get(server.url + "/headers", headers=sent).text
    for name, value in sent.items():
        assert f"{name.lower()}={value}\n" in text
    assert "peer=127.0.0.1\n" in text


@pytest.mark.parametrize(
    "request_text, status",
    [
        ("GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n", 404),
        ("DELETE /echo HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        ("OPTIONS /hello HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        ("BREW /hello HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        ("CONNECT /hello HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        ("\x16\x03\x01 not http\r\n\r\n", 400),
        ("POST /echo HTTP/1.1\r\nHost: a\r\n\r\nabc", 411),
        ("PUT /echo HTTP/1.1\r\nHost: a\r\n\r\n", 411),
        ("PATCH /echo HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        ("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 411),
        ("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc", 411),
        ("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400),
        ("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: -3\r\n\r\nabc", 400),
        ("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3x\r\n\r\nabc", 400),
        ("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\nabc", 400),
        ("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999999999\r\n\r\nabc", 413),
        ("POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n12345678901", 413),
        ("GET /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", 413),
        ("GET /hello HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n", 400),
        ("GET /" + "a" * 3000 + " HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", 404),
        ("GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 403),
        ("GET /hello HTTP/1.1\r\nHost: a\r\nX-Long: " + "a" * 20000 + "\r\n\r\n", None),
    ],
)
def test_a_bad_request_is_refused(server, request_text, status):
    try:
        got = ask(server, request_text)
    except ConnectionResetError:
        got = (None, {}, b"")
    assert got[0] == status
    if status and status != 403:
        assert got[1]["content-type"] == "application/problem+json"
        assert json.loads(got[2])["code"]
    assert httpx.get(server.url + "/hello").status_code == 200


def test_a_method_not_allowed_names_those_that_are(server):
    assert httpx.delete(server.url + "/echo").headers["allow"] == "POST, PUT"


def test_a_body_that_is_too_large_is_refused_before_it_is_read(server):
    head = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 50000000\r\n\r\n"
    with server.socket(head + b"a" * 3_000_000) as s:
        status, headers, body = answer(s)
        assert (status, headers["connection"]) == (413, "close")
        assert json.loads(body)["code"] == "TOO_LARGE"
        assert is_closed(s, 4)


def test_a_client_that_expects_100_continue_gets_it(server):
    head = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
    with server.socket(head) as s:
        assert s.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        s.sendall(b"abc")
        assert answer(s)[2] == b"abc"
    head = head.replace(b"Length: 3", b"Length: 99999999")
    with server.socket(head) as s:
        assert answer(s)[0] == 413


# ---- headers of every answer


@pytest.mark.parametrize("path, status", [("/hello", 200), ("/nothing", 404)])
def test_every_answer_guards_the_browser(server, path, status):
    r = httpx.get(server.url + path)
    assert r.status_code == status
    assert r.headers["x-content-type-options"] == "nosniff"
    assert r.headers["cache-control"] == "no-store"
    assert r.headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in r.headers["content-security-policy"]
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f-]{27}", r.headers["x-request-id"])
    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", r.headers["date"])


def test_a_handlers_own_headers_win_and_cannot_split_the_answer(server):
    r = httpx.get(server.url + "/headers")
    assert (r.headers["etag"], r.headers["cache-control"]) == ('"1"', "max-age=5")
    assert "set-cookie" not in r.headers and "x-evil" not in r.headers


# ---- clients that misbehave


def test_a_client_that_sends_its_headers_slowly_is_dropped(start):
    server = start(header_ms=1000)
    with server.socket() as s:
        began = time.monotonic()
        try:
            for c in b"GET /hello HTTP/1.1\r\nHost: " + b"a" * 100:
                s.sendall(bytes([c]))
                time.sleep(0.1)
                if time.monotonic() - began > 5:
                    break
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert is_closed(s, 1)
        assert time.monotonic() - began < 5


def test_a_client_that_says_nothing_is_dropped(start):
    server = start(header_ms=1000)
    with server.socket() as s:
        assert is_closed(s, 5)


def test_an_idle_connection_is_dropped(start):
    server = start(idle_ms=1000)
    with server.socket(b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n") as s:
        assert answer(s)[0] == 200
        assert is_closed(s, 5)


def test_slow_clients_do_not_hold_up_others(start):
    server = start(header_ms=5000)
    slow = [server.socket(b"GET /hello HTTP/1.1\r\nHos") for _ in range(200)]
    began = time.monotonic()
    assert httpx.get(server.url + "/hello").status_code == 200
    assert time.monotonic() - began < 1
    [s.close() for s in slow]


def test_an_answer_for_a_client_that_left_is_dropped(server):
    for _ in range(20):
        s = server.socket(b"POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n100")
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close()
    time.sleep(0.7)
    assert httpx.get(server.url + "/hello").status_code == 200


def test_a_client_that_leaves_in_the_middle_of_its_body_is_forgotten(server):
    for _ in range(20):
        server.socket(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4000000\r\n\r\nabc").close()
    assert httpx.get(server.url + "/hello").status_code == 200


def test_a_pending_request_ends_with_its_connection(start):
    server = start(connections=20)
    for _ in range(3):
        waiting = [server.socket(b"GET /pending HTTP/1.1\r\nHost: a\r\n\r\n") for _ in range(15)]
        time.sleep(0.3)
        [s.close() for s in waiting]
        time.sleep(2.5)
    assert httpx.get(server.url + "/hello").status_code == 200


def test_a_thousand_connections_are_served(start):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4096)), hard))
    server = start(connections=1200)
    clients = [server.socket() for _ in range(1000)]
    for _ in range(2):
        for s in clients:
            s.sendall(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello")
        for s in clients:
            assert answer(s)[2] == b"hello"
    [s.close() for s in clients]


def test_connections_beyond_the_limit_are_dropped_and_those_within_served(start):
    server = start(connections=10)
    clients = [server.socket() for _ in range(10)]
    time.sleep(0.2)
    with server.socket() as extra:
        assert is_closed(extra, 2)
    for s in clients:
        s.sendall(b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")
        assert answer(s)[0] == 200
        s.close()
    time.sleep(0.2)
    assert httpx.get(server.url + "/hello").status_code == 200


def test_waiting_for_a_handler_costs_no_processor_time(server):
    """Pipelined bytes and a half-closed client must not make the loop spin."""
    busy = server.socket(b"POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n1500GET /hello HTTP/1.1\r\n")
    half = server.socket(b"GET /pending HTTP/1.1\r\nHost: a\r\n\r\n")
    half.shutdown(socket.SHUT_WR)

    def cpu():
        fields = pathlib.Path(f"/proc/{server.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    before = cpu()
    time.sleep(1)
    assert cpu() - before < 0.3
    busy.close()
    half.close()


# ---- the frame around it


def test_a_port_in_use_is_a_conflict_unless_shared(start):
    first = start()
    second = subprocess.run([BINARY, f"port={first.port}"], capture_output=True, text=True, timeout=10)
    assert second.returncode == 1 and second.stderr.startswith("CONFLICT: port")
    shared = start(share=1)
    assert start(share=1, port=shared.port).port == shared.port


def test_a_stalled_loop_is_counted_and_logged(server):
    httpx.get(server.url + "/stall")
    httpx.get(server.url + "/stall")
    assert server.metric("loop_stalls_total") >= 2
    assert server.log().count("loop_stalled") == 1


def test_requests_and_errors_are_counted(server):
    requests, errors = server.metric("http_requests_total"), server.metric("http_errors_total")
    httpx.get(server.url + "/hello")
    httpx.get(server.url + "/nothing")
    assert server.metric("http_requests_total") == requests + 4
    assert server.metric("http_errors_total") == errors + 1


def test_the_log_has_one_line_a_request_and_no_secrets(start):
    server = start(debug=1)
    httpx.get(server.url + "/echo/x?ticket=topsecret", headers={"Authorization": "Bearer verysecret"})
    server.close()
    lines = [line for line in server.log().splitlines() if " request " in line]
    assert len(lines) == 1 and "path=/echo/x status=200" in lines[0]
    assert "secret" not in server.log()


def test_shutdown_answers_what_is_in_hand(server):
    with server.socket(b"POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n600") as s:
        time.sleep(0.2)
        server.process.send_signal(signal.SIGTERM)
        assert answer(s)[0] == 200
    assert server.process.wait(10) == 0


def test_shutdown_does_not_wait_for_what_never_ends(start):
    server = start(drain_ms=300)
    with server.socket(b"GET /pending HTTP/1.1\r\nHost: a\r\n\r\n"), server.socket(b"GET /he"):
        time.sleep(0.2)
        began = time.monotonic()
        server.close()
        assert time.monotonic() - began < 5


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
