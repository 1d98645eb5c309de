"""kill -9 at random moments while people and cameras mark: nothing acknowledged is lost, nothing is there twice.

`make test` kills a few dozen times, `make test-long` a thousand times (KILLS names another number, KILLS_SEED repeats a
run). Each round has a session of its own, three writers that correct marks, at times somebody who closes the session or
a camera, and ends with kill -9; now and then the server is killed while it starts, too.
"""
import os
import random
import signal
import subprocess
import threading
import time

import httpx
import pytest

import database
import register
from program import MODELS, SLOW, Server, environment, photos, program, run, wait_for
from test_crashes import Replay, Witness

STUDENTS = 12
WRITERS = 3
FACES = ("elton_john", "jerry_seinfeld")
STATUSES = ("present", "late", "absent", "left-early")
CHECK_EVERY = 20
QUICK = ("--workers", "1", "--liveness", "off", "--device", "cpu", "--precision", "fp32", "--contrast", "off",
         *(("--encoder", "dlib128") if (MODELS / "dlib128.onnx").exists() else ()))


class Writer(threading.Thread):
    """Corrects marks one after the other until the server is gone. Every reason is said once."""

    def __init__(self, server, session, students, name):
        super().__init__(daemon=True)
        self.server, self.session, self.students, self.name_ = server, session, students, name
        self.asked, self.acknowledged = [], []  # (student, status, reason)
        self.refused = None
        self.start()

    def run(self):
        chance = random.Random(self.name_)
        api = self.server.api.with_token(self.server.api.token)
        try:
            for i in range(10 ** 6):
                what = (chance.choice(self.students), chance.choice(STATUSES), f"{self.name_}.{i}")
                self.asked.append(what)
                answer = api.ask("PUT", f"/v1/sessions/{self.session}/marks/{what[0]}",
                                 json={"status": what[1], "reason": what[2]})
                if answer.status_code != 200:
                    self.refused = answer.text
                    return
                self.acknowledged.append(what)
        except (httpx.TransportError, RuntimeError):
            pass
        finally:
            api.close()


class Closer(threading.Thread):
    """Closes the session after a while."""

    def __init__(self, server, session, after):
        super().__init__(daemon=True)
        self.server, self.session, self.after, self.done = server, session, after, False
        self.start()

    def run(self):
        time.sleep(self.after)
        try:
            self.done = self.server.api.ask("POST", f"/v1/sessions/{self.session}/stop").status_code == 200
        except (httpx.TransportError, RuntimeError):
            pass


def killed_while_starting(server, after):
    """A start that does not come far."""
    process = subprocess.Popen([program(), "serve", "--http-port", "0", "--data-dir", server.data, "--models-dir", MODELS,
                                *QUICK], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env={**environment(), **database.environment(server.data)})
    time.sleep(after)
    process.send_signal(signal.SIGKILL)
    process.wait()


def check(server, session, students, writers, closed):
    """The session as the API tells it against what the writers were told."""
    marks = {mark["student"]["id"]: mark for mark in server.api.marks(session)["items"]}
    acknowledged = 0
    for student in students:
        said = [w for writer in writers for w in writer.acknowledged if w[0] == student]
        asked = {w[2]: w for writer in writers for w in writer.asked if w[0] == student}
        if student not in marks:
            assert not said, f"an acknowledged mark is gone: {said}"
            assert not closed, "the session was closed and the student has no mark"
            continue
        events = server.api.get(f"/v1/sessions/{session}/marks/{student}")["events"]
        reasons = [e["event"]["reason"] for e in events if e["event"].get("reason")]
        assert len(reasons) == len(set(reasons)), f"a correction is there twice: {reasons}"
        assert {w[2] for w in said} <= set(reasons) <= set(asked), "an acknowledged correction is gone"
        for writer in writers:  # each one's corrections in the order in which they were acknowledged
            mine = [r for r in reasons if r.startswith(writer.name_ + ".")]
            assert mine == sorted(mine, key=lambda r: int(r.rsplit(".", 1)[1]))
        newest = events[-1]["event"]
        assert newest["status"] == marks[student]["status"], "the mark is not what the register said last"
        acknowledged += len(said)
    return acknowledged


def one_round(server, course, students, chance, number):
    """Marks, kills, restarts, checks; gives how many acknowledged marks were checked."""
    session = server.api.session(course)["id"]
    writers = [Writer(server, session, students, f"r{number}w{i}") for i in range(WRITERS)]
    camera = number % 5 == 1
    closer = Closer(server, session, chance.uniform(0, 0.2)) if number % 3 == 0 and not camera else None
    if camera:
        witness = Witness(server.api.feed(session))
        replay = Replay(server.api, session, [photos("val", face)[number % 5].read_bytes() for face in FACES])
    if chance.random() < 0.9:  # else also before anything is acknowledged
        wait_for(lambda: any(w.acknowledged for w in writers) or (closer and closer.done), what="a mark")
    time.sleep(chance.uniform(0, 0.2 * SLOW))
    server.kill()
    for thread in (*writers, *([closer] if closer else []), *([replay, witness] if camera else [])):
        thread.join(20)
        assert not thread.is_alive()
    assert not [w.refused for w in writers if w.refused]
    if chance.random() < 0.1:
        killed_while_starting(server, chance.uniform(0, 0.4))
    server.restart()
    if camera:
        listed = {(session, mark["student"]["id"]) for mark in server.api.marks(session)["items"]}
        assert witness.marked <= listed, "an acknowledged mark is gone"
    return check(server, session, students, writers, closer is not None and closer.done)


def kill_and_check(folder, kills):
    seed = int(os.environ.get("KILLS_SEED", str(time.time_ns() % 10 ** 9)))
    chance, checked, began = random.Random(seed), 0, time.monotonic()
    print(f"KILLS_SEED={seed}", flush=True)
    server = Server(folder / "data", *QUICK).start()
    try:
        faces = [server.api.enrol(f, photos("train", f, 1))["id"] for f in FACES]
        students = [server.api.student(f"K{i}")["id"] for i in range(STUDENTS)]
        course = server.api.course("KILL", faces + students, confirmations=1)["id"]
        for number in range(1, kills + 1):
            checked += one_round(server, course, students, chance, number)
            if number % CHECK_EVERY == 0 or number == kills:
                found = server.api.get("/v1/register/verification")
                assert found["intact"], found["sentences"]
                print(f"{number} kills, {checked} acknowledged marks checked, {found['events']} events in "
                      f"{found['chains']} chains, {time.monotonic() - began:.0f} s", flush=True)
        assert server.stop() == 0
        done = run("verify-register", "--data-dir", server.data)
        assert done.returncode == 0 and "the register is whole" in done.stdout, done.stdout + done.stderr
        register.verify(server)
    finally:
        if server.process.poll() is None:
            server.stop()
    assert checked > kills
    return checked


def test_kills_at_random_moments_lose_nothing_and_double_nothing(tmp_path):
    few = 10 if SLOW > 1 else 20 if database.POSTGRES else 50
    kill_and_check(tmp_path, int(os.environ.get("KILLS", few)))


@pytest.mark.long
def test_a_thousand_kills(tmp_path):
    kill_and_check(tmp_path, int(os.environ.get("KILLS", "1000")))
