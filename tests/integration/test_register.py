"""The register proves its own history: whatever is done to it by hand is found and named."""
import re
import uuid

import pytest

from program import photos, run


@pytest.fixture(scope="module")
def school(tmp_path_factory):
    """A stopped server whose register has two sessions: three marks and one."""
    from program import Server
    server = Server(tmp_path_factory.mktemp("register") / "data").start()
    api = server.api
    people = [api.enrol(p, photos("train", p, 2))["id"] for p in ("elton_john", "jerry_seinfeld", "mindy_kaling")]
    course = api.course("C", people, confirmations=1)["id"]
    first, second = (api.session(course)["id"] for _ in range(2))
    for person in ("elton_john", "jerry_seinfeld", "mindy_kaling"):
        api.seen(first, photos("val", person)[0])
    api.seen(second, photos("val", "elton_john")[0])
    assert len(api.marks(first)["items"]) == 3 and len(api.marks(second)["items"]) == 1
    checked = api.get("/v1/register/verification")
    assert checked["intact"] and (checked["chains"], checked["events"], checked["marks"]) == (2, 4, 4)
    assert server.stop() == 0
    return server, first, second


def verify(server):
    done = run("verify-register", "--data-dir", server.data)
    assert not done.stderr, done.stderr
    return done.returncode, done.stdout


def test_an_untouched_register_is_whole(school):
    status, said = verify(school[0])
    assert status == 0 and "2 chains, 4 events, 4 marks: the register is whole" in said


COLUMNS = "chain, seq, prev_hash, hash, actor, at, student, payload"


def saved(server, table):
    return server.sql(f"SELECT * FROM {table}")


def restore(server, table, rows):
    server.sql(f"DELETE FROM {table}")
    for row in rows:
        server.sql(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", *row.values())


CHANGES = {
    "a payload": ("UPDATE register_event SET payload = replace(payload, 'present', 'late') WHERE seq = 2", "altered"),
    "an actor": ("UPDATE register_event SET actor = 'me' WHERE chain = '{first}' AND seq = 1", "altered"),
    "a time": ("UPDATE register_event SET at = at + 1 WHERE chain = '{second}'", "altered"),
    "a row in the middle": ("DELETE FROM register_event WHERE chain = '{first}' AND seq = 2", "removed"),
    "the first row": ("DELETE FROM register_event WHERE chain = '{first}' AND seq = 1", "removed"),
    "the last row": ("DELETE FROM register_event WHERE chain = '{first}' AND seq = 3", "newest events were removed"),
    "a whole session": ("DELETE FROM register_event WHERE chain = '{second}'", "events were removed"),
    "a row put in": (f"INSERT INTO register_event ({COLUMNS}) SELECT chain, 4, hash, hash, actor, at, student, payload"
                     " FROM register_event WHERE chain = '{first}' AND seq = 3", "put in"),
    "a chain renamed": ("UPDATE register_event SET chain = '{second}' , seq = seq + 1 WHERE chain = '{first}'", "altered"),
    "a mark changed": ("UPDATE mark SET status = 'late' WHERE session_id = '{second}'", "differs"),
    "a receipt changed": ("UPDATE mark SET receipt = '' WHERE session_id = '{second}'", "differs"),
    "a mark removed": ("DELETE FROM mark WHERE session_id = '{second}'", "removed"),
    "a mark moved": ("UPDATE mark SET first_seen = first_seen - 60000000 WHERE session_id = '{second}'", "differs"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_is_done_by_hand_is_found_and_the_session_named(school, what):
    server, first, second = school
    change, word = CHANGES[what]
    events, marks = saved(server, "register_event"), saved(server, "mark")
    try:
        server.sql(change.format(first=first, second=second))
        status, said = verify(server)
        assert status == 1 and word in said and (first in said or second in said), said
    finally:
        restore(server, "register_event", events)
        restore(server, "mark", marks)
    assert verify(server)[0] == 0


def test_swapped_rows_are_found(school):
    server, first, _ = school
    events = saved(server, "register_event")
    try:
        for old, new in ((1, 99), (2, 1), (99, 2)):
            server.sql("UPDATE register_event SET seq = ? WHERE chain = ? AND seq = ?", new, first, old)
        status, said = verify(server)
        assert status == 1 and "altered" in said
    finally:
        restore(server, "register_event", events)


def test_marks_and_events_that_were_removed_together_are_found(school):
    server, _, second = school
    events, marks = saved(server, "register_event"), saved(server, "mark")
    try:
        server.sql("DELETE FROM mark WHERE session_id = ?", second)
        server.sql("DELETE FROM register_event WHERE chain = ?", second)
        status, said = verify(server)
        assert status == 1 and f"session {second}: all of its 1 events were removed" in said
    finally:
        restore(server, "register_event", events)
        restore(server, "mark", marks)


def test_a_mark_that_was_never_registered_is_found(school):
    server, first, _ = school
    marks = saved(server, "mark")
    try:
        student = str(uuid.uuid4())
        server.sql("INSERT INTO student (id, external_id, name, email, status, version, created_at, updated_at) "
                   "VALUES (?, 'ghost', 'Ghost', '', 'active', 1, 1, 1)", student)
        server.sql("INSERT INTO mark (session_id, student_id, frame, status, source, first_seen, last_seen, receipt,"
                   " created_at) VALUES (?, ?, '', 'present', 'manual', 1, 1, '', 1)", first, student)
        status, said = verify(server)
        assert status == 1 and f"the mark of student {student} was never registered" in said
    finally:
        restore(server, "mark", marks)
        server.sql("DELETE FROM student WHERE external_id = 'ghost'")


@pytest.mark.parametrize("change", [lambda lines: lines[1:], lambda lines: [lines[1], lines[0], *lines[2:]],
                                    lambda lines: [lines[0].replace(" 1 ", " 2 "), *lines[1:]]])
def test_an_altered_heads_file_is_found_and_stays_known(school, change):
    server, *_ = school
    heads = server.data / "register.heads"
    before = heads.read_bytes()
    lines = before.decode().splitlines(keepends=True)
    assert len(lines) == 4 and all(re.fullmatch(r"[0-9a-f-]{36} \d+ [0-9a-f]{64} [0-9a-f]{32}\n", x) for x in lines)
    heads.write_text("".join(change(lines)), encoding="ascii")
    status, said = verify(server)
    assert status == 1 and "heads file was altered" in said
    server.restart()
    assert not server.api.get("/v1/register/verification")["intact"]
    assert any("heads file" in w for w in server.api.get("/v1/system")["warnings"])
    assert server.stop() == 0
    aside = server.data / "register.heads.damaged"
    assert aside.read_bytes() == "".join(change(lines)).encode()
    aside.unlink()
    heads.write_bytes(before)
    assert verify(server)[0] == 0


def test_a_line_that_a_crash_cut_off_is_forgiven(school):
    server, *_ = school
    heads = server.data / "register.heads"
    whole = heads.read_bytes()
    heads.write_bytes(whole + whole[:70])
    assert verify(server)[0] == 0
    server.restart()
    assert server.stop() == 0
    assert heads.read_bytes() == whole
