"""The signed heads of the register: who takes database and heads file back together is found out all the same."""
import ctypes
import ctypes.util
import hashlib
import shutil

import pytest

from program import Server, run, wait_for
from test_schedule import run_now

FILES = ("register.heads", "register.signed", "register.signatures")


@pytest.fixture(scope="module")
def school(tmp_path_factory):
    """A server with a session and three students; marks are made by hand."""
    server = Server(tmp_path_factory.mktemp("signed") / "data").start()
    students = [server.api.student(f"S{i}")["id"] for i in range(3)]
    server.session = server.api.session(server.api.course("C", students)["id"])["id"]
    server.students = students
    yield server
    if server.process.poll() is None:
        assert server.stop() == 0


def mark(server, student, status="present"):
    server.api.ask("PUT", f"/v1/sessions/{server.session}/marks/{student}", 200,
                   json={"status": status, "reason": "seen in the corridor"})


def verify(server, *options):
    done = run("verify-register", "--data-dir", server.data, *options)
    assert not done.stderr, done.stderr
    return done.returncode, done.stdout


def kept(server, where):
    """Copies of the data folder's files, and the rows of register and marks."""
    where.mkdir()
    for name in FILES:
        if (server.data / name).exists():
            shutil.copy(server.data / name, where / name)
    return {table: server.sql(f"SELECT * FROM {table}") for table in ("register_event", "mark")}


def put_back(server, where, tables, files):
    for table, rows in tables.items():
        server.sql(f"DELETE FROM {table}")
        for row in rows:
            server.sql(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", *row.values())
    for name in files:
        shutil.copy(where / name, server.data / name)


def test_the_ends_of_the_chains_are_signed_and_anybody_can_check_it(school):
    server = school
    wait_for(lambda: (server.data / "register.signed").exists(), what="the first signature")
    mark(server, server.students[0])
    assert run_now(server.api, "signature")["last_error"] is None
    text = server.api.ask("GET", "/v1/register/signed", 200).text
    title, line, *heads = text.splitlines()
    when, chains, sha, public, signature = line.split()
    assert title == "rollcall register heads 1" and int(chains) == len(heads) == 1
    assert heads[0].startswith(f"{server.session} 1 ")
    assert sha == hashlib.sha256("".join(h + "\n" for h in heads).encode()).hexdigest()
    assert (server.data / "register.signatures").read_text().splitlines()[-1] == line
    checked = server.api.get("/v1/register/verification")
    assert checked["intact"] and checked["signed_at"] == when and checked["public_key"] == public
    sodium = ctypes.CDLL(ctypes.util.find_library("sodium"))
    statement = f"{title}\n{when} {chains} {sha}\n".encode()
    for signed, result in ((statement, 0), (statement + b" ", -1)):
        assert sodium.crypto_sign_verify_detached(bytes.fromhex(signature), signed,
                                                  ctypes.c_ulonglong(len(signed)), bytes.fromhex(public)) == result
    status, said = verify(server)
    assert status == 0 and f"newest signature {when}, by the key {public}" in said


def test_database_and_heads_taken_back_together_are_found_by_the_signature(school, tmp_path):
    server = school
    assert server.stop() == 0
    old = kept(server, tmp_path / "old")
    server.restart()
    mark(server, server.students[1])
    run_now(server.api, "signature")
    assert server.stop() == 0
    new = kept(server, tmp_path / "new")
    put_back(server, tmp_path / "old", old, ["register.heads"])
    status, said = verify(server)
    assert status == 1 and "the newest events were removed" in said and server.session in said

    # the job does not sign over it
    server.restart()
    assert "older than its last signature" in run_now(server.api, "signature")["last_error"]
    assert any("signature" in warning for warning in server.api.get("/v1/system")["warnings"])
    assert server.stop() == 0

    # the whole folder taken back: only a copy that was kept elsewhere can tell
    put_back(server, tmp_path / "old", old, FILES)
    assert verify(server)[0] == 0
    status, said = verify(server, "--signed", tmp_path / "new/register.signed")
    assert status == 1 and "the newest events were removed" in said
    put_back(server, tmp_path / "new", new, FILES)
    assert verify(server, "--signed", tmp_path / "old/register.signed")[0] == 0
    assert verify(server)[0] == 0


@pytest.mark.parametrize("what", ["altered", "removed", "history"])
def test_what_is_done_to_the_files_is_found(school, what):
    server = school
    if server.process.poll() is None:
        assert server.stop() == 0
    path = server.data / ("register.signatures" if what == "history" else "register.signed")
    good = path.read_bytes()
    try:
        if what == "removed":
            path.unlink()
        else:
            path.write_bytes(good.replace(b" 1 ", b" 2 ", 1) if what == "history" else good[:-3] + bytes([good[-3] ^ 1]) + good[-2:])
        status, said = verify(server)
        assert status == 1 and path.name in said
    finally:
        path.write_bytes(good)
    assert verify(server)[0] == 0
