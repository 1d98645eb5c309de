"""The real program, driven from outside: a server of one's own, its API, its event feed, the sample photos.

Environment: ROLLCALL the program (default build/rollcall), MODELS the folder of the models, ROLLCALL_SLOW how much
more time to give (sanitizers).
Nothing here sleeps for a fixed time: what takes time is waited for, with a deadline.
"""
import json
import os
import queue
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

import httpx
import websockets.sync.client

import database

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / ".deps/samples"
MODELS = Path(os.environ.get("MODELS", ROOT / "data/models"))
SLOW = float(os.environ.get("ROLLCALL_SLOW", "1"))
PEOPLE = ("ben_afflek", "elton_john", "jerry_seinfeld", "mindy_kaling", "madonna")
OUTSIDER = "madonna"  # enrolled, on no roster
SANITIZER = re.compile(r"AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:|Assertion .* failed")


def program():
    named = os.environ.get("ROLLCALL")
    found = [Path(named)] if named else [ROOT / "build/rollcall"]
    for path in found:
        if path.is_file():
            return path.resolve()
    raise RuntimeError(f"there is no {found[0]}: build first (make)")


def environment():
    """Ours without ROLLCALL_*: every such name is an option to the program."""
    return {name: value for name, value in os.environ.items() if not name.startswith("ROLLCALL")}


def wait_for(condition, seconds=20, what="it"):
    """What condition() gives as soon as that is true."""
    deadline = time.monotonic() + seconds * SLOW
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"{what} did not come true in {seconds * SLOW:.0f} s"
        time.sleep(0.02)


def run(*arguments, cwd=None, stdin="", timeout=120, env=None):
    """One command of the program, to its end. With --data-dir it uses the database of that folder."""
    words = list(map(str, arguments))
    where = database.environment(words[words.index("--data-dir") + 1]) if "--data-dir" in words else {}
    done = subprocess.run([program(), *words], cwd=cwd, text=True, input=stdin, capture_output=True,
                          env={**environment(), **where, **(env or {})}, timeout=timeout * SLOW, check=False)
    assert not SANITIZER.search(done.stderr), done.stderr
    return done


def refused(*options, cwd, env=None):
    """`rollcall serve` that must not start: its exit status and what it says."""
    done = run("serve", "--http-port", "0", "--models-dir", MODELS, *options, cwd=cwd, env=env, timeout=30)
    assert done.returncode != 0 and "ready" not in done.stdout
    assert done.stderr.startswith("rollcall serve: ") and len(done.stderr.strip().splitlines()) <= 3, done.stderr
    return done


def photos(folder, person, count=None):
    """The sample photos of a person, as paths in a fixed order."""
    return sorted((SAMPLES / folder / person).iterdir())[:count]


class Lines:
    """What a program prints, line by line as it comes."""

    def __init__(self, stream):
        self.seen = []
        self.fresh = queue.Queue()
        threading.Thread(target=self._read, args=(stream,), daemon=True).start()

    def _read(self, stream):
        with stream:
            for line in stream:
                self.fresh.put(line.rstrip("\n"))
        self.fresh.put(None)

    def until(self, pattern, seconds):
        """The match of the first line from now on that has the pattern; None at the end of the output."""
        deadline = time.monotonic() + seconds * SLOW
        while True:
            line = self.fresh.get(timeout=max(0.01, deadline - time.monotonic()))
            if line is None:
                return None
            self.seen.append(line)
            found = re.search(pattern, line)
            if found:
                return found


class Server:
    """`rollcall serve` on a data folder, and a client with its local token."""

    def __init__(self, folder, *options):
        self.data = Path(folder)
        self.options = options
        self.process = self.api = self.url = self.code = None
        self.log = self.data.with_name(self.data.name + ".log")

    def start(self):
        with open(self.log, "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [program(), "serve", "--http-port", "0", "--data-dir", str(self.data), "--models-dir", str(MODELS),
                 *map(str, self.options)],
                stdout=subprocess.PIPE, stderr=log, text=True, cwd=self.data.parent,
                env={**environment(), **database.environment(self.data)})
        self.lines = Lines(self.process.stdout)
        ready = self.lines.until(r"^ready (http://\S+)", 30)
        assert ready, f"serve ended: {self.errors()}"
        self.url = ready[1]
        self.api = Api(self.url, json.loads((self.data / "server.json").read_text(encoding="utf-8"))["token"])
        return self

    def first_code(self):
        """The one-time sign-in that the first start printed before it was ready."""
        return re.search(r"one-time sign-in for admin: (\S+)", "\n".join(self.lines.seen))[1]

    def errors(self):
        return self.log.read_text(encoding="utf-8", errors="replace")

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        """kill -9: nothing of the program runs any more when this returns."""
        self.process.kill()
        self.process.wait()
        self.api.close()

    def stop(self):
        """SIGTERM; gives the exit status. Fails when a sanitizer complained."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        status = self.process.wait(40 * SLOW)
        self.api.close()
        assert not SANITIZER.search(self.errors()), self.errors()[-8000:]
        return status

    def restart(self):
        return self.start()

    def sql(self, query, *parameters):
        """One statement on the server's database, from outside; gives the rows as dictionaries."""
        return database.execute(self.data, query, *parameters)


class Api:
    """The HTTP API with one token. Methods give the decoded body, and check the status they name."""

    def __init__(self, url, token=None):
        self.url, self.token = url, token
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.http = httpx.Client(base_url=url, headers=headers, timeout=60 * SLOW)

    def close(self):
        self.http.close()

    def with_token(self, token):
        return Api(self.url, token)

    def ask(self, method, path, status=None, **how):
        answer = self.http.request(method, path, **how)
        if status is not None:
            assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
        return answer

    def get(self, path, **query):
        return self.ask("GET", path, 200, params=query).json()

    def post(self, path, body=None, status=201):
        answer = self.ask("POST", path, status, json=body) if body is not None else self.ask("POST", path, status)
        return answer.json() if answer.content else None

    def problem(self, method, path, status, code=None, **how):
        """The problem+json of a request that must fail."""
        answer = self.ask(method, path, status, **how)
        assert answer.headers["content-type"] == "application/problem+json", answer.headers
        problem = answer.json()
        assert problem["status"] == status and problem["title"] and problem["detail"], problem
        assert problem["type"] == f"urn:rollcall:error:{problem['code']}"
        if code:
            assert problem["code"] == code, problem
        return problem

    def student(self, external_id, name=None, consent="test"):
        """consent: the version of the words the student agreed to; None: no consent."""
        made = self.post("/v1/students", {"external_id": external_id, "name": name or f"Student {external_id}"})
        if consent:
            self.consent(made["id"], text_version=consent)
        return made

    def consent(self, student, purpose="recognition", text_version="test", status=201, **more):
        return self.ask("POST", f"/v1/students/{student}/consents", status,
                        json={"purpose": purpose, "text_version": text_version, **more}).json()

    def upload(self, student, files, status=202, **query):
        """files: paths, or (name, bytes)."""
        parts = [("photo", f if isinstance(f, tuple) else (f.name, f.read_bytes())) for f in files]
        return self.ask("POST", f"/v1/students/{student}/photos", status, files=parts, params=query).json()

    def finished(self, job, seconds=60):
        def ended():
            found = self.get(f"/v1/jobs/{job}")
            return found if found["state"] in ("done", "failed") else None
        return wait_for(ended, seconds, f"job {job}")

    def enrol(self, external_id, files, name=None, **query):
        """A student with photos, judged and in the gallery; all must be accepted."""
        student = self.student(external_id, name)
        job = self.finished(self.upload(student["id"], files, **query)["id"])
        assert job["state"] == "done" and {p["verdict"] for p in job["photos"]} == {"accepted"}, job
        return student

    def course(self, code, students=(), **policy):
        made = self.post("/v1/courses", {"code": code, "title": f"Course {code}", **policy})
        for student in students:
            self.ask("PUT", f"/v1/courses/{made['id']}/roster/{student}", 204)
        return made

    def session(self, course, start=True, **policy):
        made = self.post("/v1/sessions", {"course": course, **policy})
        return self.post(f"/v1/sessions/{made['id']}/start", status=200) if start else made

    def frame(self, session, image, status=None, headers=None, **query):
        """image: bytes or a path."""
        image = image if isinstance(image, bytes) else image.read_bytes()
        return self.ask("POST", f"/v1/sessions/{session}/frames", status, content=image, params=query,
                        headers={"Content-Type": "application/octet-stream", **(headers or {})})

    def seen(self, session, image, **query):
        """The frame_result of an image, waited for."""
        result = self.frame(session, image, 200, wait=1, **query).json()
        assert result["type"] == "frame_result", result
        return result

    def marks(self, session):
        return self.get(f"/v1/sessions/{session}/marks")

    def feed(self, session, after=None, ticket=None):
        return Feed(self, session, after, ticket)


class Feed:
    """The WebSocket of a session."""

    def __init__(self, api, session, after=None, ticket=None):
        query = "&".join(f"{k}={v}" for k, v in (("after", after), ("ticket", ticket)) if v is not None)
        url = f"{api.url.replace('http', 'ws', 1)}/v1/sessions/{session}/events" + (f"?{query}" if query else "")
        headers = {"Authorization": f"Bearer {api.token}"} if ticket is None and api.token else None
        self.socket = websockets.sync.client.connect(url, subprotocols=["rollcall.v1"], additional_headers=headers,
                                                     open_timeout=20 * SLOW, max_size=None, compression=None,
                                                     close_timeout=2, legacy=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def next(self, seconds=20):
        return json.loads(self.socket.recv(timeout=seconds * SLOW))

    def until(self, wanted, seconds=30):
        """All messages up to the first for which wanted(message) holds, that one too."""
        deadline, got = time.monotonic() + seconds * SLOW, []
        while not got or not wanted(got[-1]):
            try:
                got.append(json.loads(self.socket.recv(timeout=max(0.01, deadline - time.monotonic()))))
            except TimeoutError:
                raise AssertionError(f"not among {[(m['type'], m.get('id')) for m in got]}") from None
        return got
