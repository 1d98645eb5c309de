"""HTTP itself: what is no request, no JSON, too large, or for another method."""
import socket
from urllib.parse import urlsplit

import pytest

from program import SLOW

NOBODY = "0198c5a2-7c1e-7d3a-8f00-2b1c9e4d5f60"


def raw(api, text):
    """Sends bytes as they are; gives the status and the head and body of the answer, read to its end."""
    where = urlsplit(api.url)
    with socket.create_connection((where.hostname, where.port), timeout=20 * SLOW) as s:
        s.sendall(text)
        got = b""
        while b"\r\n\r\n" not in got:
            piece = s.recv(65536)
            assert piece, got
            got += piece
    return int(got.split()[1]), got


def head(api, method, path, **headers):
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {api.token}",
             *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\"x\"", b"{'a':1}", b"\xff\xfe", b"{\"name\":\"\xff\"}",
                                  b"[" * 100000, b"{\"name\":\"a\",\"name\":\"b\"}", b"{\"external_id\":1e999}"])
def test_what_is_no_json_object_is_400(api, body):
    api.problem("POST", "/v1/students", 400, "INVALID", content=body, headers={"Content-Type": "application/json"})


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", None])
def test_json_under_another_name_is_415(api, content_type):
    headers = {"Content-Type": content_type} if content_type else {}
    api.problem("POST", "/v1/students", 415, "UNSUPPORTED", content=b"{}", headers=headers)


def test_the_charset_of_json_is_passed_over(api, name):
    api.ask("POST", "/v1/students", 201, content=f'{{"external_id":"{name}","name":"x"}}'.encode(),
            headers={"Content-Type": "application/json; charset=utf-8"})


@pytest.mark.parametrize("path", ["/v1/nothing", "/v2/students", "/v1/students/a/b/c", "/v1", "/etc"])
def test_an_unknown_path_is_404(api, path):
    api.problem("GET", path, 404, "NOT_FOUND")


@pytest.mark.parametrize("method, path, allow", [
    ("PUT", "/v1/students", {"GET", "POST"}),
    ("POST", f"/v1/students/{NOBODY}", {"GET", "PATCH", "DELETE"}),
    ("GET", f"/v1/sessions/{NOBODY}/start", {"POST"}),
    ("DELETE", "/healthz", {"GET"}),
])
def test_a_wrong_method_is_405_and_says_which_are_right(api, method, path, allow):
    answer = api.ask(method, path, 405)
    assert answer.json()["code"] == "METHOD"
    assert allow <= {word.strip() for word in answer.headers["allow"].split(",")}


def test_a_body_without_its_length_is_411(api):
    assert raw(api, head(api, "POST", "/v1/students", Content_Type="application/json"))[0] == 411


@pytest.mark.parametrize("path, size", [("/v1/students", 300_000), (f"/v1/sessions/{NOBODY}/frames", 9_000_000),
                                        (f"/v1/students/{NOBODY}/photos", 40_000_000)])
def test_a_body_over_its_limit_is_refused_before_it_is_sent(api, path, size):
    status, answer = raw(api, head(api, "POST", path, Content_Type="application/json", Content_Length=size))
    assert status == 413 and b"application/problem+json" in answer


@pytest.mark.parametrize("length", ["-1", "x", "99999999999999999999", "1e3"])
def test_a_length_that_is_no_length_is_400_or_413(api, length):
    assert raw(api, head(api, "POST", "/v1/students", Content_Length=length))[0] in (400, 413)


def test_a_body_on_a_route_that_takes_none_is_refused(api):
    assert api.ask("GET", "/healthz").status_code == 200
    assert raw(api, head(api, "POST", f"/v1/sessions/{NOBODY}/start", Content_Length=5) + b"hello")[0] == 413


@pytest.mark.parametrize("text", [b"GET / HTTP/1.1\r\n\r\n", b"NONSENSE\r\n\r\n", b"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n",
                                  b"GET / HTTP/9.9\r\nHost: a\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
                                  b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n"])
def test_what_is_no_request_hurts_nobody(api, text):
    where = urlsplit(api.url)
    with socket.create_connection((where.hostname, where.port), timeout=20 * SLOW) as s:
        s.sendall(text)
        s.shutdown(socket.SHUT_WR)
        try:
            while s.recv(65536):
                pass
        except ConnectionResetError:
            pass
    assert api.get("/healthz") == {"status": "ok"}


def test_every_answer_has_the_headers_that_keep_a_browser_safe(api):
    for answer in (api.ask("GET", "/"), api.ask("GET", "/v1/students"), api.ask("GET", "/v1/nothing")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"


def test_a_problem_carries_the_id_of_its_request(api):
    answer = api.ask("GET", f"/v1/students/{NOBODY}", 404)
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


@pytest.mark.smoke
def test_health_readiness_metrics_and_the_front_door(api):
    nobody = api.with_token(None)
    assert nobody.get("/healthz") == {"status": "ok"}
    assert nobody.get("/readyz") == {"status": "ready"}
    assert "Rollcall" in nobody.ask("GET", "/", 200).text
    assert "http_requests_total" in api.ask("GET", "/metrics", 200).text
    system = api.get("/v1/system")
    assert system["detector"] in ("yunet", "retinaface") and system["encoder"] == "facenet128"


def test_the_description_served_is_the_one_printed(api):
    from program import run
    import json
    printed = run("openapi")
    assert printed.returncode == 0 and json.loads(printed.stdout) == api.get("/openapi.json")
