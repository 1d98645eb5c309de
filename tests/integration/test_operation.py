"""Starting and stopping: one server a data folder, clean ends, clear words when it cannot start."""
import json
import os
import signal
import socket
import stat

import pytest

from program import MODELS, photos, refused, run, wait_for


@pytest.mark.smoke
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(serve, number):
    server = serve()
    assert json.loads((server.data / "server.json").read_text())["pid"] == server.process.pid
    server.signal(number)
    assert server.process.wait(30) == 0
    assert not (server.data / "server.json").exists()
    assert server.stop() == 0


def test_a_stop_finishes_the_frames_in_hand_or_tells(serve):
    server = serve()
    student = server.api.enrol("S", photos("train", "elton_john", 2))
    session = server.api.session(server.api.course("C", [student["id"]], confirmations=1)["id"])["id"]
    with server.api.feed(session):  # workers publish to it while the server goes down
        for path in photos("val", "elton_john") * 10:
            server.api.frame(session, path, 202)
        assert server.stop() == 0
    server.restart()
    assert len(server.api.marks(session)["items"]) <= 1
    assert server.api.get(f"/v1/sessions/{session}")["status"] == "active"


def test_connections_that_stay_open_do_not_hold_up_a_stop(serve):
    server = serve("--shutdown-timeout-s", "2")
    session = server.api.session(server.api.course("C")["id"])["id"]
    feed = server.api.feed(session)
    idle = socket.create_connection(("127.0.0.1", int(server.url.rsplit(":", 1)[1])))
    half = socket.create_connection(("127.0.0.1", int(server.url.rsplit(":", 1)[1])))
    half.sendall(b"POST /v1/login HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf")
    assert server.stop() == 0
    for connection in (feed.socket, idle, half):
        connection.close()


def test_what_it_writes_is_private(serve):
    server = serve()
    assert stat.S_IMODE(server.data.stat().st_mode) == 0o700
    for path in server.data.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path.name


@pytest.mark.sqlite
def test_a_second_server_on_the_same_folder_is_refused(serve, tmp_path):
    server = serve()
    said = refused("--data-dir", server.data, cwd=tmp_path)
    assert "another rollcall process" in said.stderr or "already" in said.stderr
    assert server.api.get("/healthz") == {"status": "ok"}
    assert (server.data / "server.json").exists()


def test_a_port_in_use_is_named(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = refused("--data-dir", tmp_path / "d", "--http-port", port, cwd=tmp_path)
    assert str(port) in said.stderr
    assert not (tmp_path / "d/server.json").exists()


@pytest.mark.parametrize("options, words", [
    (["--no-such-option", "1"], ["no-such-option"]),
    (["--http-prot", "1"], ["http-prot", "port"]),
    (["--workers", "many"], ["workers", "many"]),
    (["--http-port", "70000"], ["http", "65535"]),
    (["--detector", "psychic"], ["detector", "yunet"]),
    (["--installation-key", "abc"], ["installation"]),
    (["stray"], ["stray"]),
])
def test_a_wrong_option_is_named_with_what_is_allowed(tmp_path, options, words):
    said = refused("--data-dir", tmp_path / "d", *options, cwd=tmp_path)
    for word in words:
        assert word in said.stderr


def test_a_wrong_setting_in_the_environment_or_the_file_is_named_with_its_place(tmp_path):
    said = refused("--data-dir", tmp_path / "d", cwd=tmp_path, env={"ROLLCALL_WORKERS": "x"})
    assert "ROLLCALL_WORKERS" in said.stderr
    (tmp_path / "rollcall.ini").write_text("http_bind = 127.0.0.1\nwrokers = 2\n", encoding="utf-8")
    said = refused("--data-dir", tmp_path / "d", cwd=tmp_path)
    assert "rollcall.ini:2" in said.stderr and "wrokers" in said.stderr


def test_missing_models_are_named_with_the_way_out(tmp_path):
    (tmp_path / "empty").mkdir()
    said = refused("--data-dir", tmp_path / "d", "--models-dir", tmp_path / "empty", cwd=tmp_path)
    assert "setup.sh" in said.stderr or "models" in said.stderr


def test_a_damaged_model_is_named(tmp_path):
    folder = tmp_path / "models"
    folder.mkdir()
    for path in MODELS.glob("*.onnx"):
        (folder / path.name).symlink_to(path)
    (folder / "facenet128.onnx").unlink()
    (folder / "facenet128.onnx").write_bytes(b"no model")
    said = refused("--data-dir", tmp_path / "d", "--models-dir", folder, cwd=tmp_path)
    assert "facenet128" in said.stderr


@pytest.mark.sqlite
@pytest.mark.parametrize("name, content", [("rollcall.db", b"this is no database" * 100),
                                           ("installation.key", b"short")])
def test_a_damaged_file_stops_the_start_and_is_left_alone(tmp_path, name, content):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / name).write_bytes(content)
    said = refused("--data-dir", tmp_path / "d", cwd=tmp_path)
    assert name in said.stderr
    assert (tmp_path / "d" / name).read_bytes() == content


def test_a_folder_that_cannot_be_made_or_written_is_named(tmp_path):
    (tmp_path / "file").write_text("x", encoding="utf-8")
    assert "file" in refused("--data-dir", tmp_path / "file/d", cwd=tmp_path).stderr
    if os.geteuid() != 0:  # the superuser writes everywhere
        (tmp_path / "locked").mkdir(mode=0o500)
        assert "locked" in refused("--data-dir", tmp_path / "locked/d", cwd=tmp_path).stderr
    assert "proc" in refused("--data-dir", "/proc/rollcall", cwd=tmp_path).stderr


def test_a_database_of_a_newer_program_is_refused(serve, tmp_path):
    server = serve()
    assert server.stop() == 0
    server.sql("INSERT INTO migration (version, name, checksum, applied_at) VALUES (9999, 'from_the_future', 'x', 1)")
    said = refused("--data-dir", server.data, cwd=tmp_path)
    assert "newer" in said.stderr


def test_a_stale_server_json_does_not_mislead(serve):
    server = serve()
    server.kill()
    assert (server.data / "server.json").exists()
    users = run("user", "list", "--data-dir", server.data)
    assert users.returncode == 0 and "admin" in users.stdout
    server.restart()
    assert server.api.get("/readyz") == {"status": "ready"}


def test_it_listens_on_this_machine_alone_by_default(serve):
    server = serve()
    port = int(server.url.rsplit(":", 1)[1])
    listening = [line.split() for line in open("/proc/net/tcp", encoding="ascii").readlines()[1:]]
    addresses = {row[1] for row in listening if row[3] == "0A" and int(row[1].split(":")[1], 16) == port}
    assert addresses == {f"0100007F:{port:04X}"}


def test_memory_does_not_grow_with_the_frames(serve, blank):
    """Not a measurement: a leak of a frame's pixels a time would show as hundreds of MiB."""
    server = serve("--workers", "2")
    session = server.api.session(server.api.course("C")["id"])["id"]

    def resident_mib():
        lines = open(f"/proc/{server.process.pid}/status", encoding="ascii").read().splitlines()
        return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024
    for _ in range(40):
        server.api.seen(session, blank)
    before = resident_mib()
    for _ in range(200):
        server.api.seen(session, blank)
    assert resident_mib() - before < 60


def test_a_slow_sender_does_not_block_the_others(serve, blank):
    server = serve("--http-threads", "1")
    session = server.api.session(server.api.course("C")["id"])["id"]
    port = int(server.url.rsplit(":", 1)[1])
    slow = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
    head = (f"POST /v1/sessions/{session}/frames HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {server.api.token}\r\n"
            f"Content-Type: image/jpeg\r\nContent-Length: {len(blank)}\r\n\r\n")
    for connection in slow:
        connection.sendall(head.encode() + blank[:100])
    assert server.api.seen(session, blank)["faces"] == []
    for connection in slow:
        connection.sendall(blank[100:])
    for connection in slow:
        assert connection.recv(4096).startswith(b"HTTP/1.1 202")
        connection.close()


def test_a_client_that_leaves_while_it_waits_harms_nothing(serve, blank):
    server = serve()
    session = server.api.session(server.api.course("C")["id"])["id"]
    port = int(server.url.rsplit(":", 1)[1])
    head = (f"POST /v1/sessions/{session}/frames?wait=1 HTTP/1.1\r\nHost: a\r\nContent-Type: image/jpeg\r\n"
            f"Authorization: Bearer {server.api.token}\r\nContent-Length: {len(blank)}\r\n\r\n")
    for i in range(20):
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(head.encode() + blank[:len(blank) if i % 2 else 1000])
    wait_for(lambda: server.api.get("/v1/system")["queue"]["items"] == 0, what="an empty queue")
    assert server.api.seen(session, blank)["faces"] == []


def test_the_access_log_names_routes_and_nobody(serve):
    server = serve("--http-access-log")
    student = server.api.student("S-secret")
    server.api.get(f"/v1/students/{student['id']}")
    server.api.problem("GET", "/v1/nothing", 404)
    wait_for(lambda: "route=/v1/students/{id} status=200" in server.errors(), what="the line")
    lines = [line for line in server.errors().splitlines() if " http request " in line]
    assert any("method=POST route=/v1/students status=201 ms=" in line for line in lines)
    assert not any("S-secret" in line or student["id"] in line for line in lines)
