"""http/ seen from outside: raw sockets and httpx against tests/http/server_main.c.

Needs HTTP_TEST_SERVER, the path of the built http-test-server; skipped without it.
"""

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
from http_program import BINARY, answer, ask, is_closed, needs_server

pytestmark = needs_server

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


# ---- answers that stream


def letters(n, size):
    return b"head\n" + b"".join(bytes([97 + i % 26]) * size for i in range(n))


@pytest.mark.parametrize("n, size", [(1, 0), (1, 1), (3, 1000), (5, 200_000), (2000, 10)])
def test_a_stream_arrives_whole_and_the_connection_goes_on(server, n, size):
    with httpx.Client() as client:
        for _ in range(2):
            r = client.get(f"{server.url}/stream?n={n}&size={size}")
            assert r.headers["transfer-encoding"] == "chunked" and "content-length" not in r.headers
            assert r.content == letters(n, size)
        assert client.get(server.url + "/hello").status_code == 200


def test_a_stream_that_fails_midway_is_never_taken_for_whole(server):
    with pytest.raises(httpx.TransportError), httpx.stream("GET", server.url + "/stream?n=9&fail=4") as r:
        r.read()
    with server.socket(b"GET /stream?n=9&fail=4 HTTP/1.0\r\n\r\n") as s, pytest.raises(ConnectionResetError):
        while s.recv(65536):
            pass
    assert server.metric("http_streams_aborted_total") == 2


def test_http_1_0_gets_a_stream_without_chunks(server):
    with server.socket(b"GET /stream?n=3 HTTP/1.0\r\n\r\n") as s:
        data = b""
        while part := s.recv(65536):
            data += part
    head, _, body = data.partition(b"\r\n\r\n")
    assert b"chunked" not in head.lower() and b"connection: close" in head.lower()
    assert body == letters(3, 1000)


def test_head_of_a_stream_has_no_body(server):
    with server.socket(b"HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n") as s:
        assert answer(s)[::2] == (200, b"")
        s.sendall(b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")
        assert answer(s)[0] == 200


def made(server):
    return int(httpx.get(server.url + "/made").text)


def made_in_the_end(server):
    """When no more pieces are made for half a second."""
    count = -1
    for _ in range(60):
        before, count = count, made(server)
        if count == before:
            return count
        time.sleep(0.5)
    raise AssertionError(f"{count} pieces, and still more")


def test_nobody_makes_pieces_for_a_client_that_went_away(server):
    s = server.socket(b"GET /stream?n=1000&wait=20 HTTP/1.1\r\nHost: a\r\n\r\n")
    s.recv(100)
    s.close()
    assert made_in_the_end(server) < 200


def test_a_slow_client_holds_neither_memory_nor_a_handler(start):
    server = start(threads=2)
    ask = b"GET /stream?n=1000&size=100000 HTTP/1.1\r\nHost: a\r\n\r\n"
    slow = [server.socket(ask) for _ in range(6)]
    assert made_in_the_end(server) < 6 * 150  # what the sockets' buffers take
    assert httpx.get(server.url + "/hello", timeout=2).status_code == 200
    for s in slow:
        s.close()


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
