"""rollcall calibrate: a table of the site's own templates, kept only when told to."""
import ctypes
import ctypes.util
import os
import random
import struct
from concurrent.futures import ThreadPoolExecutor

import pytest

import database
from program import PEOPLE, photos, run

DIM, PHOTOS = 24, 2
ENCODER, PREPROCESSING = "facenet128", "rot115x105w"
sodium = ctypes.CDLL(ctypes.util.find_library("sodium") or "libsodium.so.23")


def sealed(key, student, vector):
    """What the program stores: nonce and XChaCha20-Poly1305, bound to student and encoder."""
    derived, nonce = ctypes.create_string_buffer(32), os.urandom(24)
    sodium.crypto_kdf_derive_from_key(derived, ctypes.c_size_t(32), ctypes.c_uint64(1), b"template", key)
    plain, context = struct.pack(f"{len(vector)}f", *vector), f"template|{student}|{ENCODER}|{PREPROCESSING}".encode()
    out, n = ctypes.create_string_buffer(len(plain) + 16), ctypes.c_ulonglong()
    sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(
        out, ctypes.byref(n), plain, ctypes.c_ulonglong(len(plain)), context, ctypes.c_ulonglong(len(context)), None,
        nonce, derived)
    return nonce + out.raw[:n.value]


def unit(values):
    length = sum(v * v for v in values) ** .5
    return [v / length for v in values]


def site(folder, people, dim=DIM):
    """A database with that many students, two photos each."""
    folder.mkdir(exist_ok=True)
    run("migrate", "up", "--data-dir", folder)
    key, chance = os.urandom(32), random.Random(5)
    (folder / "installation.key").write_bytes(key)
    students, templates = [], []
    for i in range(people):
        student = f"00000000-0000-7000-8000-{i:012d}"
        students += [student, f"S{i}", f"Student {i}"]
        self = [chance.gauss(0, 1) for _ in range(dim)]
        for k in range(PHOTOS):
            vector = unit([v + chance.gauss(0, .6) for v in self])
            templates += [f"{i:08d}-0000-7000-8000-00000000000{k}", student, student, ENCODER, PREPROCESSING,
                          sealed(key, student, vector)]
    if people:
        database.execute(folder, "INSERT INTO student (id, external_id, name, email, status, version, created_at,"
                         " updated_at) VALUES " + ", ".join(["(?, ?, ?, '', 'active', 1, 1, 1)"] * people), *students)
        database.execute(folder, "INSERT INTO consent (id, student_id, purpose, text_version, given_at, expires_at,"
                         " recorded_by, live) SELECT id, id, 'recognition', 'test', 1, 0, 'test', 1 FROM student")
        database.execute(folder, "INSERT INTO template (id, student_id, consent_id, consent_live, encoder, preprocessing, sealed, model_precision,"
                         " model_sha256, quality, source, created_at) VALUES "
                         + ", ".join(["(?, ?, ?, 1, ?, ?, ?, 'fp32', 'x', 1, 'test', 1)"] * people * PHOTOS), *templates)


def calibrate(folder, *arguments):
    return run("calibrate", "--data-dir", folder, *arguments, cwd=folder)


def stored(folder):
    rows = database.execute(folder, "SELECT value FROM setting WHERE name = ?", f"calibration:{ENCODER}:{PREPROCESSING}")
    return rows[0]["value"] if rows else ""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("calibrate")
    site(made, 300)
    return made


def test_it_shows_and_changes_nothing_until_told(folder):
    done = calibrate(folder)
    assert done.returncode == 0, done.stderr
    assert f"{ENCODER} {PREPROCESSING}: 300 people, 600 photos" in done.stdout
    assert "179400 scores" in done.stdout and "89700 pairs" in done.stdout  # 300 x 299 x 2 photos
    assert "hub: no table" in done.stdout and "not applied" in done.stdout and stored(folder) == ""


def test_what_is_applied_is_kept_and_taken_back(folder):
    done = calibrate(folder, "--apply")
    assert done.returncode == 0 and "in use now: site-" in done.stdout, done.stderr
    words = stored(folder).split()
    assert words[0] == "1" and words[1].startswith("site-") and words[2] == "300" and len(words) == 16
    before = next(line for line in calibrate(folder).stdout.splitlines() if " gallery " in line).split()
    assert before[2] == before[4]  # threshold in use -> the same
    assert calibrate(folder, "--reset").returncode == 0 and stored(folder) == ""
    after = next(line for line in calibrate(folder).stdout.splitlines() if " gallery " in line).split()
    assert after[2] != after[4] == before[4]


def gallery_line(done):
    return next(line for line in done.stdout.splitlines() if " gallery " in line).split()


def see(folder, what, counts):
    database.execute(folder, "DELETE FROM sighting_count")
    for score, n in counts.items():
        database.execute(folder, "INSERT INTO sighting_count (encoder, preprocessing, score_kind, what, bin, sightings)"
                         " VALUES (?, ?, 'cosine', ?, ?, ?)", ENCODER, PREPROCESSING, what, round(score * 100) + 100, n)


def test_sightings_enough_move_the_table_up_and_never_down(folder):
    alone = gallery_line(calibrate(folder))
    see(folder, "gallery", {.1: 3000, .97: 300})
    few = calibrate(folder)
    assert "no say in the table below 3334" in few.stdout and "in 300 of 3300, 9.09 %" in few.stdout, few.stdout
    assert gallery_line(few) == alone
    see(folder, "gallery", {.1: 4000, .97: 40})
    enough = calibrate(folder)
    assert "for them the table is moved up" in enough.stdout and gallery_line(enough)[4] == "0.980", enough.stdout
    see(folder, "gallery", {.1: 4000})
    content = calibrate(folder)
    assert "ask for no more than the table" in content.stdout and gallery_line(content) == alone
    see(folder, "gallery", {})


def test_confirmed_sightings_are_counted_without_names(serve):
    server = serve("--risk-budget-per-10k", "100")
    api, data, students = server.api, server.data, []
    for name in PEOPLE[:2]:
        students.append(api.student(f"S-{name}", name))
        api.finished(api.upload(students[-1]["id"], photos("train", name, 3))["id"])
    session = api.session(api.course("C", [s["id"] for s in students], confirmations=1)["id"])
    seen = [api.seen(session["id"], path) for path in photos("val", PEOPLE[0])]
    assert any(face["status"] == "present" for one in seen for face in one["faces"])
    shown = next(face["similarity"] for one in seen for face in one["faces"] if face["status"] == "present")
    assert server.stop() == 0
    rows = {row["what"]: row for row in database.execute(data, "SELECT * FROM sighting_count")}
    assert set(rows) == {"genuine", "roster"}  # the frames lie within a minute: one mark, one count
    assert rows["genuine"]["sightings"] == rows["roster"]["sightings"] == 1
    assert rows["genuine"]["bin"] == int((shown + 1) * 100) and rows["roster"]["bin"] < rows["genuine"]["bin"]
    assert set(rows["roster"]) == {"encoder", "preprocessing", "score_kind", "what", "bin", "sightings"}
    done = calibrate(data)
    assert done.returncode == 0 and "no table: 2 people" in done.stdout, done.stderr
    assert "sightings: 1 confirmed" in done.stdout and "of 1, " in done.stdout


def test_a_running_server_calibrates_itself_and_follows_at_once(serve, tmp_path):
    data = tmp_path / "data"
    site(data, 300, dim=128)
    server = serve()
    api = server.api

    def threshold():
        return api.get("/v1/system/engine")["active_threshold"]

    shipped = threshold()
    shown = calibrate(data)
    assert shown.returncode == 0 and "300 people, 600 photos" in shown.stdout, shown.stderr
    assert "not applied" in shown.stdout and stored(data) == "" and threshold() == shipped
    done = calibrate(data, "--apply")
    assert done.returncode == 0 and "in use now: site-" in done.stdout, done.stderr
    assert stored(data) and f"{threshold():.3f}" == gallery_line(done)[4] != f"{shipped:.3f}"

    student = api.student("S-real", PEOPLE[0])
    api.finished(api.upload(student["id"], photos("train", PEOPLE[0], 3))["id"])
    session = api.session(api.course("C", [student["id"]], confirmations=1)["id"])
    for path in photos("val", PEOPLE[0]):
        api.seen(session["id"], path)
    assert "sightings: 1 confirmed" in calibrate(data).stdout  # without waiting for the next flush
    assert api.marks(session["id"])["items"][0]["receipt"]["table"].startswith("site-")

    assert calibrate(data, "--reset").returncode == 0 and stored(data) == ""
    assert threshold() == pytest.approx(shipped, abs=1e-3)  # of one student more
    with ThreadPoolExecutor(4) as many:
        statuses = set(many.map(lambda _: api.ask("POST", "/v1/system/calibration", None, json={}).status_code, range(4)))
    assert 200 in statuses <= {200, 503}
    assert calibrate(data, "--only", "another").returncode == 1


def test_too_few_people_are_refused_with_what_is_needed(tmp_path):
    site(tmp_path, 20)
    done = calibrate(tmp_path, "--apply")
    assert done.returncode == 1 and "20 people" in done.stderr and "284" in done.stderr
    assert stored(tmp_path) == ""


def test_a_server_with_too_few_people_refuses_too(serve, tmp_path):
    site(tmp_path / "data", 20, dim=128)
    api = serve().api
    refused = api.ask("POST", "/v1/system/calibration", 422, json={"apply": True}).json()
    assert "20 people" in refused["detail"] and "284" in refused["detail"]
    api.ask("POST", "/v1/system/calibration", 400, json={"apply": True, "reset": True})
    assert any("no table" in line for line in api.ask("POST", "/v1/system/calibration", json={}).json()["lines"])


def test_arguments_that_contradict_each_other_are_refused(tmp_path):
    assert calibrate(tmp_path, "--reset", "--apply").returncode == 2
    assert "no templates" in calibrate(site_of_nobody(tmp_path)).stderr


def site_of_nobody(folder):
    site(folder, 0)
    return folder
