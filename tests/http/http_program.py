"""The test server of http/ (server_main.c) as a process, and raw answers read from its sockets."""

import os
import pathlib
import re
import signal
import socket
import subprocess

import httpx
import pytest

BINARY = os.environ.get("HTTP_TEST_SERVER", "")
CLIENT = str(pathlib.Path(BINARY).parent / "http-test-client")
needs_server = pytest.mark.skipif(not BINARY, reason="HTTP_TEST_SERVER is not set")


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
