"""The institution, its sites, rooms, terms and holidays as a client sees them."""
import pytest

NOBODY = "0198c5a2-7c1e-7d3a-8f00-2b1c9e4d5f60"
# What each kind needs beside name and site, and what may be changed.
KINDS = {
    "sites": ({"tz": "Europe/Berlin"}, {"tz": "Asia/Kathmandu"}),
    "rooms": ({"capacity": 30}, {"capacity": 0}),
    "terms": ({"first_day": "2026-10-12", "last_day": "2027-02-05"}, {"last_day": "2027-02-12"}),
    "holidays": ({"first_day": "2026-12-24", "last_day": "2027-01-06"}, {"last_day": "2027-01-02"}),
}


@pytest.fixture
def site(api, name):
    return api.post("/v1/sites", {"name": f"Site {name}", "tz": "Europe/Berlin"})


def body_of(kind, name, site):
    return {"name": name, **KINDS[kind][0], **({} if kind == "sites" else {"site": site["id"]})}


@pytest.mark.parametrize("kind", KINDS)
def test_made_found_listed_changed_and_deleted(api, site, name, kind):
    answer = api.ask("POST", f"/v1/{kind}", 201, json=body_of(kind, name, site))
    made, path = answer.json(), answer.headers["location"]
    assert path == f"/v1/{kind}/{made['id']}" and api.get(path) == made
    assert body_of(kind, name, site).items() <= made.items()
    if kind != "sites":
        assert api.get(f"/v1/{kind}", site=site["id"])["items"] == [made]
        assert api.get(f"/v1/{kind}", site=NOBODY)["items"] == []
    tag = api.ask("GET", path, 200).headers["etag"]
    changed = api.ask("PATCH", path, 200, json=KINDS[kind][1], headers={"If-Match": tag})
    assert changed.json()["version"] == 2 and KINDS[kind][1].items() <= changed.json().items()
    assert changed.json()["name"] == name
    api.problem("PATCH", path, 412, "PRECONDITION", json=KINDS[kind][1], headers={"If-Match": tag})
    api.problem("POST", f"/v1/{kind}", 409, "CONFLICT",
                json={**body_of(kind, name, site), "first_day": KINDS[kind][0]["first_day"]}
                if "first_day" in KINDS[kind][0] else body_of(kind, name, site))
    api.ask("DELETE", path, 204)
    for method in ("GET", "DELETE"):
        api.problem(method, path, 404, "NOT_FOUND")


def test_a_site_in_use_is_not_deleted(api, site):
    room = api.post("/v1/rooms", {"name": "H1", "site": site["id"]})
    assert room["capacity"] == 0
    assert "rooms" in api.problem("DELETE", f"/v1/sites/{site['id']}", 409, "CONFLICT")["detail"]
    api.ask("DELETE", f"/v1/rooms/{room['id']}", 204)
    api.ask("DELETE", f"/v1/sites/{site['id']}", 204)


def test_a_holiday_is_one_day_unless_it_says_more(api, site):
    made = api.post("/v1/holidays", {"name": "Labour Day", "site": site["id"], "first_day": "2027-05-01"})
    assert made["last_day"] == "2027-05-01"


@pytest.mark.parametrize("kind, change, word", [
    ("sites", {"tz": "Europe/Berlinn"}, "time zone"),
    ("sites", {"tz": "../../etc/passwd"}, "time zone"),
    ("sites", {"name": ""}, "name"),
    ("rooms", {"site": NOBODY}, "site"),
    ("rooms", {"capacity": -1}, "capacity"),
    ("terms", {"last_day": "2026-10-11"}, "last_day"),
    ("terms", {"last_day": "2036-10-11"}, "days at most"),
    ("terms", {"first_day": "2026-02-29"}, "first_day"),
    ("terms", {"first_day": 5}, "first_day"),
    ("holidays", {"last_day": "2028-12-24"}, "days at most"),
])
def test_what_is_wrong_is_400_and_says_what(api, site, name, kind, change, word):
    assert word in api.problem("POST", f"/v1/{kind}", 400, "INVALID",
                               json={**body_of(kind, name, site), **change})["detail"]


def test_the_institution_has_a_name_and_a_locale(api):
    before = api.ask("GET", "/v1/institution", 200)
    after = api.ask("PATCH", "/v1/institution", 200, json={"name": "Université de Genève", "locale": "fr-CH"},
                    headers={"If-Match": before.headers["etag"]}).json()
    assert after["name"] == "Université de Genève" and api.get("/v1/institution") == after
    api.problem("PATCH", "/v1/institution", 412, "PRECONDITION", json={"name": "x"},
                headers={"If-Match": before.headers["etag"]})
    api.problem("PATCH", "/v1/institution", 400, "INVALID", json={"locale": "français"})
