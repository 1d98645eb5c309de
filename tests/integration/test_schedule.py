"""The scheduler: planned sessions start and stop by the clock, absences, retention; once, whoever runs it."""
import time
from datetime import datetime, timedelta, timezone

import pytest

import database
import register
from program import Server, wait_for

QUICK = ("--schedule-sessions-s", "1", "--session-stop-grace-s", "0")


def at(seconds):
    """A time so many seconds from now, as the API reads it."""
    return (datetime.now(timezone.utc) + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def usec(seconds=0):
    return int((time.time() + seconds) * 1e6)


def job(api, name):
    return next(j for j in api.get("/v1/system/schedule")["items"] if j["job"] == name)


def run_now(api, name):
    """Runs the job and gives its row after that."""
    before = job(api, name)["runs"]
    api.post(f"/v1/system/schedule/{name}/run", status=204)
    return wait_for(lambda: (j := job(api, name))["runs"] > before and j, what=f"a run of {name}")


def planned(api, course, start, end):
    return api.session(course, start=False, planned_start=at(start), planned_end=at(end))["id"]


def state(api, session):
    return api.get(f"/v1/sessions/{session}")


@pytest.fixture(scope="module")
def clock(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("schedule") / "data", *QUICK).start()
    yield server
    if server.process.poll() is None:
        assert server.stop() == 0


def test_a_planned_session_starts_and_stops_by_itself_and_writes_absences_once(clock):
    api = clock.api
    student = api.student("A")["id"]
    course = api.course("AUTO", [student])["id"]
    session = planned(api, course, 1, 2.5)
    plan = state(api, session)
    assert plan["status"] == "scheduled"
    with api.feed(session, after=0) as feed:
        started = wait_for(lambda: (s := state(api, session))["status"] == "active" and s, what="the start")
        assert started["started_at"] == plan["planned_start"]
        closed = wait_for(lambda: (s := state(api, session))["status"] == "closed" and s, what="the end")
        assert closed["ended_at"] == plan["planned_end"]
        told = feed.until(lambda m: m["type"] == "session_changed" and m["status"] == "closed")
        assert "active" in [m.get("status") for m in told]
    marks = wait_for(lambda: api.marks(session)["items"], what="the absence")
    assert [(m["student"]["id"], m["status"], m["source"]) for m in marks] == [(student, "absent", "rule")]
    run_now(api, "sessions")
    run_now(api, "absences")
    assert len(clock.sql("SELECT * FROM register_event WHERE chain = ?", session)) == 1


def test_what_a_person_does_stands(clock):
    api = clock.api
    course = api.course("HAND")["id"]
    by_hand = planned(api, course, -20, -10)
    api.post(f"/v1/sessions/{by_hand}/start", status=200)   # after its end: wanted
    stopped = planned(api, course, 3600, 7200)
    api.post(f"/v1/sessions/{stopped}/start", status=200)   # early
    early = planned(api, course, -20, 3600)
    wait_for(lambda: state(api, early)["status"] == "active", what="the start")
    api.post(f"/v1/sessions/{early}/stop", status=200)      # before its end
    unplanned = api.session(course, start=False)["id"]
    open_end = api.session(course, start=False, planned_start=at(-20))["id"]
    run_now(api, "sessions")
    assert state(api, by_hand)["status"] == "active" and state(api, stopped)["status"] == "active"
    assert state(api, early)["status"] == "closed"
    assert state(api, unplanned)["status"] == state(api, open_end)["status"] == "scheduled"


def test_after_a_time_of_being_down_sessions_are_caught_up(clock):
    api = clock.api
    student = api.student("B")["id"]
    course = api.course("DOWN", [student])["id"]
    running, missed, to_start = (planned(api, course, 3600, 7200) for _ in range(3))
    api.post(f"/v1/sessions/{running}/start", status=200)
    assert clock.stop() == 0
    hour = 3600
    for session, start, end in ((running, -3 * hour, -2 * hour), (missed, -3 * hour, -2 * hour), (to_start, -hour, hour)):
        clock.sql("UPDATE session SET planned_start = ?, planned_end = ? WHERE id = ?", usec(start), usec(end), session)
    clock.sql("UPDATE session SET started_at = ? WHERE id = ?", usec(-3 * hour), running)
    clock.restart()
    api = clock.api
    closed = wait_for(lambda: (s := state(api, running))["status"] == "closed" and s, what="the end")
    assert closed["ended_at"] == closed["planned_end"], "it ended when it was planned, not when the server came back"
    late = wait_for(lambda: (s := state(api, to_start))["status"] == "active" and s, what="the start")
    assert late["started_at"] > late["planned_start"], "nobody is late because the server was"
    run_now(api, "sessions")
    assert state(api, missed)["status"] == "scheduled" and api.marks(missed)["items"] == []


def test_absences_that_are_missing_are_written(clock):
    api = clock.api
    student = api.student("C")["id"]
    session = api.session(api.course("GONE")["id"])["id"]
    api.post(f"/v1/sessions/{session}/stop", status=200)
    course = state(api, session)["course"]["id"]
    api.ask("PUT", f"/v1/courses/{course}/roster/{student}", 204)
    clock.sql("UPDATE roster_entry SET valid_from = 1 WHERE student_id = ?", student)
    assert run_now(api, "absences")["last_did"] == 1
    assert [m["status"] for m in api.marks(session)["items"]] == ["absent"]
    assert run_now(api, "absences")["last_did"] == 0


def test_what_is_over_is_removed(clock):
    api = clock.api
    user = api.post("/v1/users", {"login": "old", "name": "Old", "role": "auditor"})["id"]
    api.post(f"/v1/users/{user}/code", status=200)
    clock.sql("UPDATE login SET expires_at = 1 WHERE user_id = ?", user)
    old, new = ("00000000-0000-7000-8000-00000000000" + d for d in "12")
    for which, when in ((old, 1), (new, usec())):
        clock.sql("INSERT INTO job (id, kind, subject, state, tries, error, lease_until, created_at, updated_at)"
                  " VALUES (?, 'enrol', '', 'done', 1, '', 0, ?, ?)", which, when, when)
    run_now(api, "logins")
    assert run_now(api, "jobs")["last_did"] == 1
    assert not clock.sql("SELECT * FROM login WHERE user_id = ?", user)
    assert [row["id"] for row in clock.sql("SELECT id FROM job WHERE kind = 'enrol'")] == [new]


def test_old_audit_rows_and_answers_go_and_expired_consents_end(clock):
    api = clock.api
    student = api.student("D")["id"]
    key = {"Idempotency-Key": "once"}
    for _ in range(2):
        api.ask("POST", "/v1/students", 201, json={"external_id": "once", "name": "Once"}, headers=key)
    clock.sql("UPDATE audit SET id = '00000000-0000-7000-8000-0000000000aa', at = 1 WHERE action = 'createStudent'"
              " AND subject = ?", student)  # an id begins with its time
    clock.sql("UPDATE idempotency SET claimed_at = 1")
    assert run_now(api, "audit")["last_did"] >= 1 and run_now(api, "answers")["last_did"] == 1
    assert not clock.sql("SELECT * FROM audit WHERE action = 'createStudent' AND subject = ?", student)
    assert not clock.sql("SELECT * FROM idempotency")
    clock.sql("UPDATE consent SET given_at = 1, expires_at = 2 WHERE student_id = ?", student)
    run_now(api, "consents")
    consents = api.get(f"/v1/students/{student}/consents")["items"]
    assert [c["withdrawn_at"] is not None for c in consents] == [True]
    assert run_now(api, "consents")["last_did"] == 0


def test_old_counts_of_sightings_fade_once_in_a_period(clock):
    clock.sql("INSERT INTO sighting_count VALUES ('e', 'p', 'cosine', 'best', 1, 9), ('e', 'p', 'cosine', 'best', 2, 1)")
    assert run_now(clock.api, "sightings")["last_did"] == 0
    clock.sql("UPDATE setting SET updated_at = 1 WHERE name = 'sightings_aged_at'")
    assert run_now(clock.api, "sightings")["last_did"] == 1 and run_now(clock.api, "sightings")["last_did"] == 0
    left = clock.sql("SELECT bin, sightings FROM sighting_count WHERE encoder = 'e'")
    assert [(row["bin"], row["sightings"]) for row in left] == [(1, 4)]


def test_a_job_that_fails_is_shown_logged_once_and_goes_on_when_it_can(clock):
    api = clock.api
    clock.sql("ALTER TABLE login RENAME TO login_away")
    failed = run_now(api, "logins")
    assert failed["last_error"] and failed["failures"] == 1
    assert run_now(api, "logins")["failures"] == 2
    assert any("the periodic job logins fails" in w for w in api.get("/v1/system")["warnings"])
    clock.sql("ALTER TABLE login_away RENAME TO login")
    assert run_now(api, "logins")["last_error"] is None
    assert not any("periodic job" in w for w in api.get("/v1/system")["warnings"])
    assert clock.errors().count("job_failed") == 1 and clock.errors().count("job_recovered") == 1
    assert "rollcall_schedule_failures_total 2" in api.ask("GET", "/metrics", 200).text


def test_a_job_that_is_not_there_cannot_be_run(clock):
    clock.api.problem("POST", "/v1/system/schedule/tea/run", 404, "NOT_FOUND")


def test_a_job_held_by_a_dead_process_goes_on(clock):
    """On SQLite at the next start; on PostgreSQL, where others may be alive, when the lease has run out."""
    clock.kill()
    until = usec(2) if database.POSTGRES else usec(3600)
    clock.sql("UPDATE schedule SET holder = 'somebody', lease_until = ?, next_run = ? WHERE job = 'logins'", until,
              usec(3600))
    before = clock.sql("SELECT runs FROM schedule WHERE job = 'logins'")[0]["runs"]
    clock.restart()
    wait_for(lambda: job(clock.api, "logins")["runs"] > before, what="the run")
    assert not job(clock.api, "logins")["running"]


@pytest.mark.skipif(not database.POSTGRES, reason="an SQLite file belongs to one process")
def test_two_processes_share_the_work(tmp_path):
    """Each due session is started and closed once, each absence is written once."""
    servers = [Server(tmp_path / "one", *QUICK), Server(tmp_path / "two", *QUICK)]
    servers[0].start()
    key = (tmp_path / "one/installation.key").read_bytes()
    (tmp_path / "two").mkdir(mode=0o700)
    (tmp_path / "two/installation.key").write_bytes(key)
    url = database.url
    database.url = lambda folder: url(tmp_path / "one")
    try:
        servers[1].start()
        api = servers[0].api
        students = [api.student(f"T{i}")["id"] for i in range(3)]
        course = api.course("TWO", students)["id"]
        sessions = [planned(api, course, 0, 3) for _ in range(5)]
        wait_for(lambda: all(state(api, s)["status"] == "closed" for s in sessions), what="the end")
        holders = {s.api.get("/v1/system/schedule")["items"][0]["job"] for s in servers}
        assert holders == {"absences"}
        wait_for(lambda: all(len(api.marks(s)["items"]) == 3 for s in sessions), what="the absences")
        for session in sessions:
            assert state(api, session)["version"] == 3
            assert len(servers[0].sql("SELECT * FROM register_event WHERE chain = ?", session)) == 3
        assert [server.stop() for server in servers] == [0, 0]
        register.verify(servers[0])
    finally:
        for server in servers:
            if server.process and server.process.poll() is None:
                server.stop()
        database.url = url
