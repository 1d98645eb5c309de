"""Lists: filters, orders, and cursors that stay right while rows change. Cameras, and versions everywhere."""
import re

import pytest

NOBODY = "0198c5a2-7c1e-7d3a-8f00-2b1c9e4d5f60"


def pages(api, path, change=None, **query):
    """All items, two a page; change(page) runs behind the first one."""
    items, after = [], None
    while True:
        page = api.get(path, limit=2, **query, **({"after": after} if after else {}))
        items += page["items"]
        if change and after is None:
            change(page["items"])
        after = page["next"]
        if not after:
            return items


@pytest.fixture
def five(api, name):
    """Five students whose names sort otherwise than their numbers and their ids."""
    names = ["Émile", "bob", "Alice", "bob", "Zoë ~ O'Neil"]
    return [api.student(f"{name}-{9 - i}", f"{text} {name}") for i, text in enumerate(names)]


def test_students_are_sorted_by_name_number_and_age_both_ways(api, name, five):
    fold = lambda text: re.sub("[A-Z]", lambda m: m[0].lower(), text).encode()
    for sort, key in (("name", lambda s: (fold(s["name"]), s["id"])), ("external_id", lambda s: s["external_id"]),
                      ("created_at", lambda s: s["id"])):
        wanted = sorted(five, key=key)
        assert [s["id"] for s in pages(api, "/v1/students", search=name, sort=sort)] == [s["id"] for s in wanted]
        assert [s["id"] for s in pages(api, "/v1/students", search=name, sort=f"-{sort}")] == [
            s["id"] for s in reversed(wanted)]


def test_a_cursor_stays_right_when_its_row_is_renamed_or_deleted(api, name, five):
    def rename(page):
        api.ask("PATCH", f"/v1/students/{page[-1]['id']}", 200, json={"name": f"zzz {name}"})

    def delete(page):
        assert api.ask("DELETE", f"/v1/students/{page[-1]['id']}").status_code in (200, 204)

    found = pages(api, "/v1/students", delete, search=name, sort="name")
    assert len(found) == 5 and len({s["id"] for s in found}) == 5
    found = pages(api, "/v1/students", rename, search=name, sort="name")
    assert len({s["id"] for s in found}) == 4 and len(found) == 5  # seen under both names


def test_students_are_filtered(api, name, five, people):
    ids = lambda **query: {s["id"] for s in pages(api, "/v1/students", **query)}
    mine = {s["id"] for s in five}
    api.ask("PATCH", f"/v1/students/{five[0]['id']}", 200, json={"status": "inactive", "email": f"mail.{name}@x.org"})
    assert ids(search=name, status="inactive") == {five[0]["id"]}
    assert ids(search=name, status="active") == mine - {five[0]["id"]}
    assert ids(search=f"MAIL.{name}@") == {five[0]["id"]}
    course = api.course(f"F-{name}", [five[1]["id"], five[2]["id"]])
    assert ids(course=course["id"]) == {five[1]["id"], five[2]["id"]}
    api.ask("DELETE", f"/v1/courses/{course['id']}/roster/{five[1]['id']}", 204)
    assert ids(course=course["id"], sort="-name") == {five[2]["id"]}
    assert ids(search=name, photos="1") == set() and ids(search=name, photos="0") == mine
    enrolled = {s["id"] for s in people.values()}
    assert enrolled <= ids(photos="1") and not enrolled & ids(photos="0")
    assert ids(search=name, consent="1") | ids(search=name, consent="0") == mine


def test_courses_are_filtered_and_sorted(api, name):
    made = [api.post("/v1/courses", {"code": f"{name}-{i}", "title": title, "term": f"T{i % 2}-{name}"})
            for i, title in enumerate(["beta", "Alpha", "gamma"])]
    titles = lambda **query: [c["title"] for c in pages(api, "/v1/courses", search=name, **query)]
    assert titles(sort="title") == ["Alpha", "beta", "gamma"] and titles(sort="-code") == ["gamma", "Alpha", "beta"]
    assert titles() == ["beta", "Alpha", "gamma"]
    assert [c["id"] for c in pages(api, "/v1/courses", term=f"T0-{name}")] == [made[0]["id"], made[2]["id"]]
    user = api.post("/v1/users", {"login": name, "role": "instructor"})
    api.ask("PUT", f"/v1/courses/{made[1]['id']}/instructors/{user['id']}", 204)
    assert [c["id"] for c in pages(api, "/v1/courses", instructor=user["id"])] == [made[1]["id"]]


@pytest.mark.parametrize("path, query, word", [
    ("students", "sort=email", "sort"), ("students", "sort=", "sort"), ("courses", "sort=--code", "sort"),
    ("cameras", "sort=name'--", "sort"), ("students", "status=gone", "status"), ("students", "photos=2", "photos"),
    ("students", f"after={NOBODY}~x", "another order"), ("students", f"sort=name&after={NOBODY}", "another order"),
    ("students", f"sort=name&after={NOBODY}~{'x' * 900}", "another order"), ("students", "after=~x", "after"),
    ("students", "stale=1&sort=name", "stale"), ("courses", "instructor=me", "instructor"),
    ("cameras", "room=12", "room"), ("cameras", "limit=0", "limit"),
])
def test_what_is_no_filter_is_400_and_says_which(api, path, query, word):
    assert word in api.problem("GET", f"/v1/{path}?{query}", 400, "INVALID")["detail"]


def test_a_camera_stands_in_a_room_and_is_seen(api, session, blank, name):
    site = api.post("/v1/sites", {"name": name, "tz": "Europe/Berlin"})
    room = api.post("/v1/rooms", {"site": site["id"], "name": name})
    camera = api.post("/v1/cameras", {"name": name, "room": "by the door", "room_id": room["id"]})
    path = f"/v1/cameras/{camera['id']}"
    assert camera["version"] == 1 and camera["last_seen"] is None and camera["room_id"] == room["id"]
    assert [c["id"] for c in pages(api, "/v1/cameras", room=room["id"])] == [camera["id"]]
    tag = api.ask("GET", path, 200).headers["etag"]
    changed = api.ask("PATCH", path, 200, json={"room_id": None, "room": "hall"}, headers={"If-Match": tag}).json()
    assert (changed["room"], changed["room_id"], changed["version"], changed["name"]) == ("hall", None, 2, name)
    api.problem("PATCH", path, 412, "PRECONDITION", json={"name": "x"}, headers={"If-Match": tag})
    api.problem("PATCH", path, 400, "INVALID", json={"room_id": NOBODY})
    api.problem("PATCH", f"/v1/cameras/{NOBODY}", 404, json={"name": "x"})
    api.post("/v1/cameras", {"name": f"{name}-b"})
    api.problem("PATCH", path, 409, "CONFLICT", json={"name": f"{name}-b"})
    api.ask("POST", f"/v1/sessions/{session['id']}/frames?camera={camera['id']}", 202, content=blank,
            headers={"Content-Type": "image/jpeg"})
    assert api.get(path)["last_seen"] and api.get(path)["version"] == 2
    api.ask("PUT", f"/v1/sessions/{session['id']}/cameras/{camera['id']}", 204)
    assert "session" in api.problem("DELETE", path, 409, "CONFLICT")["detail"]


def test_every_update_takes_if_match(api):
    for path, methods in api.get("/openapi.json")["paths"].items():
        if "patch" not in methods:
            continue
        named = {p["name"] for p in methods["patch"]["parameters"]}
        assert "If-Match" in named and "412" in methods["patch"]["responses"], path
