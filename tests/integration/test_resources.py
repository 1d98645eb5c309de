"""Students, courses, rosters, sessions, cameras and users as a client sees them."""
import uuid

import pytest

NOBODY = "0198c5a2-7c1e-7d3a-8f00-2b1c9e4d5f60"
# What each kind needs to be made, what may be changed, and what must be unique.
KINDS = {
    "students": ({"external_id": "{}", "name": "Ada"}, {"name": "Grace Hopper"}, "external_id"),
    "courses": ({"code": "{}", "title": "Course"}, {"title": "Another title"}, "code"),
    "cameras": ({"name": "{}"}, None, "name"),
    "users": ({"login": "{}", "name": "U", "role": "auditor", "password": "a long password"}, None, "login"),
}
UNICODE = ["Ærøskøbing Ñandú", "王小明", "Мария Ивановна", "محمد", "Z̷a̸l̶g̷o", "👩‍🎓 emoji", "O'Brien \"the\" <b>", "a" * 200]


def body_of(kind, name):
    return {key: value.format(name) for key, value in KINDS[kind][0].items()}


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_made_is_found_listed_and_located(api, kind, name):
    answer = api.ask("POST", f"/v1/{kind}", 201, json=body_of(kind, name))
    made = answer.json()
    uuid.UUID(made["id"])
    if kind != "users":
        assert answer.headers["location"] == f"/v1/{kind}/{made['id']}"
        assert api.get(f"/v1/{kind}/{made['id']}") == made
    everything, after = [], None
    while True:
        page = api.get(f"/v1/{kind}", limit=200, **({"after": after} if after else {}))
        everything += page["items"]
        after = page["next"]
        if not after:
            break
    assert [item for item in everything if item["id"] == made["id"]] == [made]


@pytest.mark.parametrize("kind", KINDS)
def test_a_second_one_of_the_same_name_is_a_conflict(api, kind, name):
    api.post(f"/v1/{kind}", body_of(kind, name))
    problem = api.problem("POST", f"/v1/{kind}", 409, "CONFLICT", json=body_of(kind, name))
    assert "SQL" not in problem["detail"] and "constraint" not in problem["detail"].lower()


@pytest.mark.parametrize("kind", ["students", "courses", "cameras"])
def test_what_was_deleted_is_gone(api, kind, name):
    made = api.post(f"/v1/{kind}", body_of(kind, name))
    api.ask("DELETE", f"/v1/{kind}/{made['id']}", 200 if kind == "students" else 204)
    api.problem("GET", f"/v1/{kind}/{made['id']}", 404, "NOT_FOUND")
    api.problem("DELETE", f"/v1/{kind}/{made['id']}", 404, "NOT_FOUND")
    api.post(f"/v1/{kind}", body_of(kind, name))


@pytest.mark.parametrize("kind", ["students", "courses"])
def test_a_change_needs_the_current_version_when_it_names_one(api, kind, name):
    body, change, _ = KINDS[kind]
    made = api.post(f"/v1/{kind}", body_of(kind, name))
    path = f"/v1/{kind}/{made['id']}"
    tag = api.ask("GET", path, 200).headers["etag"]
    assert tag == '"1"'
    changed = api.ask("PATCH", path, 200, json=change, headers={"If-Match": tag})
    assert changed.headers["etag"] == '"2"' and changed.json()["version"] == 2
    assert change.items() <= changed.json().items()
    api.problem("PATCH", path, 412, "PRECONDITION", json=change, headers={"If-Match": tag})
    assert api.ask("PATCH", path, 200, json=change).json()["version"] == 3
    api.problem("PATCH", path, 400, "INVALID", json=change, headers={"If-Match": "latest"})


@pytest.mark.parametrize("kind", ["students", "courses"])
def test_a_change_touches_only_what_it_names(api, kind, name):
    made = api.post(f"/v1/{kind}", body_of(kind, name))
    after = api.ask("PATCH", f"/v1/{kind}/{made['id']}", 200, json=KINDS[kind][1]).json()
    moved = {"version", "updated_at", *KINDS[kind][1]}
    assert {k: v for k, v in made.items() if k not in moved} == {k: v for k, v in after.items() if k not in moved}


@pytest.mark.parametrize("kind", ["students", "courses"])
def test_a_change_to_a_taken_name_is_a_conflict(api, kind, name):
    unique = KINDS[kind][2]
    api.post(f"/v1/{kind}", body_of(kind, name))
    second = api.post(f"/v1/{kind}", body_of(kind, f"{name}-b"))
    api.problem("PATCH", f"/v1/{kind}/{second['id']}", 409, "CONFLICT", json={unique: name})


@pytest.mark.parametrize("text", UNICODE)
def test_names_of_the_whole_world_come_back_as_they_were(api, name, text):
    made = api.post("/v1/students", {"external_id": name, "name": text})
    assert api.get(f"/v1/students/{made['id']}")["name"] == text


def test_a_search_finds_part_of_a_name_or_number_and_takes_no_pattern(api, name):
    api.student(f"{name}-100%", "Zoë Percent")
    api.student(f"{name}-1000", "Zoë Thousand")
    assert [s["external_id"] for s in api.get("/v1/students", search=f"{name}-100%")["items"]] == [f"{name}-100%"]
    assert len(api.get("/v1/students", search=f"{name}-100")["items"]) == 2
    assert api.get("/v1/students", search=f"{name}_100")["items"] == []
    assert len(api.get("/v1/students", search="zoë p")["items"]) >= 1


def test_pages_follow_each_other_without_gap_or_repetition(api, name):
    made = [api.student(f"{name}-{i:02}")["id"] for i in range(7)]
    seen, after, pages = [], None, 0
    while True:
        page = api.get("/v1/students", search=f"{name}-", limit=3, **({"after": after} if after else {}))
        seen += [s["id"] for s in page["items"]]
        pages, after = pages + 1, page["next"]
        assert len(page["items"]) <= 3
        if not after:
            break
    assert pages == 3 and sorted(seen) == sorted(made) and len(set(seen)) == 7


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "limit=-1", "after=x", "limit="])
def test_a_page_that_cannot_be_is_400(api, query):
    api.problem("GET", f"/v1/students?{query}", 400, "INVALID")


@pytest.mark.parametrize("kind, body, fields", [
    ("students", {}, {"external_id", "name"}),
    ("students", {"external_id": "", "name": "x"}, {"external_id"}),
    ("students", {"external_id": "1", "name": "x" * 201}, {"name"}),
    ("students", {"external_id": "1", "name": 5}, {"name"}),
    ("students", {"external_id": "1", "name": "a\u0000b"}, set()),
    ("students", {"external_id": "1", "name": "a\nb"}, {"name"}),
    ("students", {"external_id": "1", "name": "x", "nmae": "y"}, {"nmae"}),
    ("courses", {"code": "c", "title": "t", "confirmations": 0}, {"confirmations"}),
    ("courses", {"code": "c", "title": "t", "late_after_min": "soon"}, {"late_after_min"}),
    ("sessions", {}, {"course"}),
    ("sessions", {"course": "not-an-id"}, {"course"}),
    ("sessions", {"course": NOBODY, "planned_start": "2026-02-31T10:00:00Z"}, {"planned_start"}),
    ("cameras", {"name": ""}, {"name"}),
    ("users", {"login": "x", "name": "n", "role": "root", "password": "a long password"}, {"role"}),
])
def test_a_wrong_body_is_400_and_names_its_members(api, kind, body, fields):
    problem = api.problem("POST", f"/v1/{kind}", 400, "INVALID", json=body)
    assert {row["field"] for row in problem["errors"]} == fields


def test_a_password_too_short_is_400(api, name):
    assert api.ask("POST", "/v1/users", json={"login": name, "name": "n", "role": "auditor",
                                              "password": "short"}).status_code == 400
    assert name not in [u["login"] for u in api.get("/v1/users")["items"]]


def test_no_answer_shows_a_password_or_its_hash(api, name):
    made = api.ask("POST", "/v1/users", 201, json=body_of("users", name))
    listed = api.ask("GET", "/v1/users", 200)
    for text in (made.text, listed.text):
        assert "a long password" not in text and "argon2" not in text and "password" not in text


@pytest.mark.parametrize("path", [
    f"/v1/students/{NOBODY}", f"/v1/courses/{NOBODY}", f"/v1/sessions/{NOBODY}", f"/v1/cameras/{NOBODY}",
    f"/v1/jobs/{NOBODY}", f"/v1/courses/{NOBODY}/roster", f"/v1/sessions/{NOBODY}/marks", "/v1/students/x",
    "/v1/students/..%2f..%2fetc%2fpasswd",
])
def test_what_is_not_there_is_404(api, path):
    api.problem("GET", path, 404, "NOT_FOUND")


def test_a_roster_has_who_was_put_on_it_and_forgets_who_was_taken_off(api, name):
    one, two = api.student(f"{name}-1")["id"], api.student(f"{name}-2")["id"]
    path = f"/v1/courses/{api.course(name)['id']}/roster"
    for student in (one, two, one):
        api.ask("PUT", f"{path}/{student}", 204)
    assert {row["student"]["id"] for row in api.get(path)["items"]} == {one, two}
    when = api.get(path)["items"][0]["valid_from"]
    api.ask("DELETE", f"{path}/{one}", 204)
    api.problem("DELETE", f"{path}/{one}", 404)
    assert {row["student"]["id"] for row in api.get(path)["items"]} == {two}
    assert len(api.get(path, at=when)["items"]) >= 1
    assert api.get(path, at="2020-01-01T00:00:00Z")["items"] == []
    api.ask("PUT", f"{path}/{one}", 204)
    assert len(api.get(path)["items"]) == 2
    api.problem("PUT", f"{path}/{NOBODY}", 404)
    api.problem("PUT", f"/v1/courses/{NOBODY}/roster/{one}", 404)


@pytest.mark.smoke
def test_a_session_goes_from_scheduled_to_active_to_closed_and_never_back(api, name):
    course = api.course(name)
    made = api.session(course["id"], start=False, title="Week 1")
    path = f"/v1/sessions/{made['id']}"
    assert (made["status"], made["started_at"], made["course"]["code"]) == ("scheduled", None, name)
    api.problem("POST", f"{path}/stop", 409, "CONFLICT")
    started = api.post(f"{path}/start", status=200)
    assert started["status"] == "active" and started["started_at"]
    assert api.post(f"{path}/start", status=200)["started_at"] == started["started_at"]
    stopped = api.post(f"{path}/stop", status=200)
    assert stopped["status"] == "closed" and stopped["ended_at"] >= stopped["started_at"]
    assert api.post(f"{path}/stop", status=200)["ended_at"] == stopped["ended_at"]
    api.problem("POST", f"{path}/start", 409, "CONFLICT")
    assert [s["id"] for s in api.get("/v1/sessions", course=course["id"], status="closed")["items"]] == [made["id"]]
    assert api.get("/v1/sessions", course=course["id"], status="active")["items"] == []
    api.problem("GET", "/v1/sessions?status=over", 400)


def test_a_session_takes_its_policy_from_the_course_and_keeps_it(api, name):
    course = api.course(name, confirmations=3, late_after_min=7)
    first = api.session(course["id"], start=False)
    assert (first["confirmations"], first["late_after_min"]) == (3, 7)
    api.ask("PATCH", f"/v1/courses/{course['id']}", 200, json={"confirmations": 5})
    assert api.get(f"/v1/sessions/{first['id']}")["confirmations"] == 3
    assert api.session(course["id"], start=False)["confirmations"] == 5
    assert api.session(course["id"], start=False, confirmations=1)["confirmations"] == 1


def test_a_course_with_sessions_stays_and_a_session_without_marks_may_go(api, name):
    course = api.course(name)
    session = api.session(course["id"], start=False)
    api.problem("DELETE", f"/v1/courses/{course['id']}", 409, "CONFLICT")
    api.ask("DELETE", f"/v1/sessions/{session['id']}", 204)
    api.ask("DELETE", f"/v1/courses/{course['id']}", 204)


def test_a_session_of_a_course_that_is_not_there_is_refused(api):
    assert api.ask("POST", "/v1/sessions", json={"course": NOBODY}).status_code in (400, 404)
