"""The commands beside `serve`, against a running server and without one."""
import json
import re
import shutil

import pytest

import database
from program import MODELS, PEOPLE, ROOT, SAMPLES, Server, photos, run

COMMANDS = ("serve", "camera", "enroll", "demo", "user", "migrate", "models", "doctor", "config", "bench", "openapi",
            "calibrate", "eval", "verify-register")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    one = Server(tmp_path_factory.mktemp("commands") / "data").start()
    yield one
    assert one.stop() == 0


def ok(*arguments, **how):
    done = run(*arguments, **how)
    assert done.returncode == 0, f"{arguments}: {done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself(tmp_path, command):
    for text in (ok(command, "--help", cwd=tmp_path), ok("help", command, cwd=tmp_path)):
        assert text.startswith(f"usage: rollcall {command}") and "--help" in text
    assert not list(tmp_path.iterdir()), "asking for help wrote something"


@pytest.mark.parametrize("arguments", [[], ["servee"], ["serve", "--bad"], ["camera"], ["camera", "x"], ["enroll"],
                                       ["user"], ["user", "add"], ["user", "fire", "x"], ["models", "pull"],
                                       ["models", "pull", "../x"], ["migrate"], ["migrate", "down"], ["config", "x"],
                                       ["camera", "--session", "x", "y"], ["camera", "--session", "0198c5a2-7c1e-7d3a-8f00-2b1c9e4d5f60",
                                       "--photos", "--challenge", "."], ["camera", "--fps", "-1", "--session",
                                       "0198c5a2-7c1e-7d3a-8f00-2b1c9e4d5f60", "."]])
def test_wrong_arguments_are_status_2_and_say_what_is_wrong(tmp_path, arguments):
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == 2 and done.stdout == "" and done.stderr.startswith(("rollcall", "Rollcall"))


def test_the_help_lists_every_command_and_a_slip_is_met_with_the_right_word():
    text = ok("help")
    assert all(re.search(rf"^  {command} ", text, re.M) for command in COMMANDS)
    assert "did you mean 'serve'" in run("srve").stderr
    assert re.fullmatch(r"rollcall \d+\.\d+\.\d+\n", ok("--version"))


def test_enroll_makes_students_from_folders_and_goes_on_where_it_was(server, tmp_path):
    folder = tmp_path / "class"
    for person in PEOPLE[:3]:
        (folder / person).mkdir(parents=True)
        for path in photos("train", person, 3):
            shutil.copy(path, folder / person)
    server.api.course("CS-101", confirmations=1)
    refused = run("enroll", "--course", "CS-101", folder, "--data-dir", server.data)
    assert refused.returncode == 1 and "--consent TEXT_VERSION" in refused.stderr
    text = ok("enroll", "--consent", "2026-09", "--course", "CS-101", folder, "--data-dir", server.data)
    assert "2 students created, 1 were there" in text
    students = {s["name"]: s for s in server.api.get("/v1/students")["items"]}
    assert {"Ben Afflek", "Elton John", "Jerry Seinfeld"} <= set(students)
    assert all(students[n]["photos"] >= 2 for n in ("Ben Afflek", "Elton John", "Jerry Seinfeld"))
    again = ok("enroll", "--consent", "2026-09", "--course", "CS-101", folder, "--data-dir", server.data)
    assert "0 students created" in again
    course = next(c for c in server.api.get("/v1/courses")["items"] if c["code"] == "CS-101")
    roster = server.api.get(f"/v1/courses/{course['id']}/roster")["items"]
    assert len(roster) == 3
    consents = [c for s in students.values() for c in server.api.get(f"/v1/students/{s['id']}/consents")["items"]]
    assert [(c["text_version"], c["live"]) for c in consents] == [("2026-09", True)] * 3

    session = server.api.session(course["id"])["id"]
    (tmp_path / "frames").mkdir()
    for person in PEOPLE[:4]:
        shutil.copy(photos("val", person)[0], tmp_path / "frames" / f"{person}.jpg")
    seen = ok("camera", "--session", session, "--camera", "Room 1", "--fps", "20", tmp_path / "frames",
              "--data-dir", server.data)
    assert len(re.findall(r" present ", seen)) == 3 and len(re.findall(r" unknown ", seen)) == 1
    assert "4 sent, 4 accepted, 4 processed, 0 dropped" in seen
    marks = server.api.marks(session)["items"]
    assert len(marks) == 3 and all(m["receipt"]["camera"] for m in marks)
    assert [c["name"] for c in server.api.get("/v1/cameras")["items"]] == ["Room 1"]


def test_enroll_says_who_cannot_be_recognised(server, tmp_path):
    folder = tmp_path / "class/77_Nobody There"
    folder.mkdir(parents=True)
    (folder / "x.jpg").write_text("no picture", encoding="utf-8")
    done = run("enroll", "--consent", "x", tmp_path / "class", "--data-dir", server.data)
    assert done.returncode == 1 and "unreadable" in done.stdout
    assert server.api.get("/v1/students", search="77")["items"][0]["name"] == "Nobody There"


def test_camera_plays_a_video(server, tmp_path):
    session = server.api.session(server.api.course("VIDEO", confirmations=1)["id"])["id"]
    from PIL import Image
    frames = [Image.open(p).convert("RGB").resize((320, 320)) for p in photos("val", "elton_john")]
    frames[0].save(tmp_path / "film.png", save_all=True, append_images=frames[1:], duration=100)
    done = run("camera", "--session", session, "--fps", "20", tmp_path / "film.png", "--data-dir", server.data)
    assert done.returncode == 0 and re.search(r"[1-9]\d* processed", done.stdout), done.stdout + done.stderr


@pytest.mark.parametrize("what", ["nothing-there", "no-picture.jpg", "empty"])
def test_camera_says_what_it_cannot_send(server, tmp_path, what):
    (tmp_path / "no-picture.jpg").write_text("text", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    session = server.api.session(server.api.course(f"X-{what}")["id"])["id"]
    done = run("camera", "--session", session, tmp_path / what, "--data-dir", server.data)
    assert done.returncode == 1 and (done.stderr or "0 accepted" in done.stdout or "dropped" in done.stdout)


def test_camera_and_enroll_without_a_server_say_how_to_start_one(tmp_path):
    (tmp_path / "p").mkdir()
    shutil.copy(photos("val", "elton_john")[0], tmp_path / "p/x.jpg")
    for arguments in (["camera", "--session", "0198c5a2-7c1e-7d3a-8f00-2b1c9e4d5f60", tmp_path / "p"],
                      ["enroll", tmp_path]):
        done = run(*arguments, "--data-dir", tmp_path / "d", "--http-port", "1", cwd=tmp_path)
        assert done.returncode == 1 and "serve" in done.stderr


@pytest.mark.parametrize("running", [True, False])
def test_users_are_added_listed_and_given_codes(server, serve, running):
    place = server if running else serve(data="other")
    if not running:
        assert place.stop() == 0
    at = ("--data-dir", place.data)
    ok("user", "add", "jane", "--name", "Jane Doe", "--role", "registrar", *at, stdin="a long password\n")
    assert re.search(r"^jane +Jane Doe +registrar", ok("user", "list", *at), re.M)
    ok("user", "passwd", "jane", *at, stdin="another long password\n")
    code = ok("user", "code", "jane", *at).strip()
    assert run("user", "add", "jane", *at, stdin="a long password\n").returncode == 1
    assert run("user", "add", "joe", *at, stdin="short\n").returncode == 1
    assert run("user", "add", "joe", "--role", "king", *at, stdin="a long password\n").returncode in (1, 2)
    assert run("user", "code", "nobody", *at).returncode == 1
    if not running:
        place.restart()
    assert place.api.post("/v1/login", {"code": code}, 200)["user"]["login"] == "jane"
    place.api.post("/v1/login", {"login": "jane", "password": "another long password"}, 200)
    place.api.problem("POST", "/v1/login", 401, json={"login": "jane", "password": "a long password"})


def test_migrate_makes_the_database_once(tmp_path):
    at = ("--data-dir", tmp_path / "d")
    assert "migrations applied" in ok("migrate", "up", *at)
    assert "up to date" in ok("migrate", "up", *at)
    assert "0 waiting" in ok("migrate", "status", *at)
    assert database.execute(tmp_path / "d", "SELECT version FROM migration ORDER BY version")[0] == {"version": 1}


@pytest.mark.sqlite
def test_migrate_does_not_touch_a_database_in_use(server):
    done = run("migrate", "up", "--data-dir", server.data)
    assert done.returncode == 1 and "running" in done.stderr


def test_models_are_listed_verified_and_a_damaged_one_is_found(tmp_path):
    assert "facenet128" in ok("models", "list", "--models-dir", MODELS)
    assert re.search(r"^facenet128 +ok$", ok("models", "verify", "--models-dir", MODELS), re.M)
    folder = tmp_path / "models"
    folder.mkdir()
    shutil.copy(MODELS / "mtcnn_pnet.onnx", folder)
    damaged = bytearray((folder / "mtcnn_pnet.onnx").read_bytes())
    damaged[1000] ^= 1
    (folder / "mtcnn_pnet.onnx").write_bytes(damaged)
    done = run("models", "verify", "--models-dir", folder)
    assert done.returncode == 1 and "mtcnn_pnet" in done.stdout + done.stderr
    ok("models", "pull", "mtcnn_pnet", "--from", MODELS, "--models-dir", folder)
    assert (folder / "mtcnn_pnet.onnx").read_bytes() == (MODELS / "mtcnn_pnet.onnx").read_bytes()


def test_doctor_finds_nothing_wrong_here_and_something_wrong_there(server, tmp_path):
    fine = ok("doctor", "--data-dir", server.data, "--models-dir", MODELS)
    assert re.search(r"^ok +libraries +SQLite 3\.\d+", fine, re.M)
    assert re.search(r"^ok +database", fine, re.M) and not re.search(r"^bad", fine, re.M)
    sick = run("doctor", "--data-dir", tmp_path / "d", "--models-dir", tmp_path / "none", cwd=tmp_path)
    assert sick.returncode == 1 and re.search(r"^bad", sick.stdout, re.M)


def test_config_shows_where_a_value_comes_from_and_hides_secrets(tmp_path):
    (tmp_path / "rollcall.ini").write_text("workers = 3\ntoken = very-secret\n", encoding="utf-8")
    text = ok("config", "show", "--http-port", "81", cwd=tmp_path, env={"ROLLCALL_LATE_AFTER_MIN": "5"})
    assert re.search(r"^workers += 3 +; .*rollcall.ini:1$", text, re.M)
    assert re.search(r"^http_port += 81 +; --http-port$", text, re.M)
    assert re.search(r"^late_after_min += 5 +; ROLLCALL_LATE_AFTER_MIN$", text, re.M)
    assert "very-secret" not in text and re.search(r"^token +=", text, re.M)


def test_the_description_of_the_api_is_whole(server):
    document = json.loads(ok("openapi"))
    assert document["openapi"].startswith("3.1")
    components = set(document["components"]["schemas"])
    used = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)))
    assert used <= components, used - components
    ids = [op["operationId"] for path in document["paths"].values() for name, op in path.items()
           if isinstance(op, dict) and "operationId" in op]
    assert len(ids) == len(set(ids)) > 30


def test_demo_names_everybody_right_and_only_once(serve):
    server = serve()
    text = ok("demo", SAMPLES, "--group", SAMPLES / "group/t1.jpg", "--data-dir", server.data, timeout=240)
    assert "0 wrong" in text and not re.search(r"[1-9]\d* wrong", text)
    assert "no face found" in text
    (session,) = server.api.get("/v1/sessions")["items"]
    assert session["status"] == "active" and session["course"]["code"] == "DEMO-101"
    marks = server.api.marks(session["id"])
    assert len(marks["items"]) == 4 and marks["missing"] == []
    assert "in use already" in ok("demo", SAMPLES, "--data-dir", server.data)
    assert len(server.api.get("/v1/sessions")["items"]) == 1


def test_bench_prints_a_line_a_stage(tmp_path):
    text = ok("bench", "--seconds", "0.2", "--models-dir", MODELS, "--samples", SAMPLES, cwd=tmp_path)
    for stage in ("decode", "detect", "align", "embed", "match", "mark"):
        assert stage in text


def test_bench_compares_configurations_in_turns(tmp_path):
    words = ("bench", "--seconds", "0.1", "--models-dir", MODELS, "--samples", SAMPLES, "--variants")
    text = ok(*words, "detector=retinaface; detector=retinaface batch_frames_max=1", cwd=tmp_path)
    assert len(re.findall(r"^  detector=retinaface .* 1\.00 +1$", text, re.M)) == 1  # the first, against itself
    assert re.search(r"holds \d+ MiB", text)
    done = run(*words, "detector=none", cwd=tmp_path)
    assert done.returncode == 2 and "detector" in done.stderr


def test_bench_tells_what_share_of_the_machine_each_model_uses(tmp_path):
    text = ok("bench", "--models", "--seconds", "0.1", "--device", "cpu", "--precision", "fp32",
              "--models-dir", MODELS, cwd=tmp_path)
    assert float(re.search(r"peak .*: (\d+) GFLOP/s", text)[1]) > 0
    share = re.search(r"^  facenet128 +cpu/fp32 .* (\d+) %$", text, re.M)
    assert int(share[1]) >= 1, text  # no upper bound: a busy machine, or a sanitizer, lowers the peak


def test_what_is_committed_is_what_the_program_prints():
    for file, arguments in (("api/openapi.json", ["openapi"]), ("docs/config.md", ["config", "doc"])):
        if (ROOT / file).exists():
            assert (ROOT / file).read_text(encoding="utf-8") == ok(*arguments), f"{file} is stale"
