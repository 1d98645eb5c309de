"""Settings: what is shown, what may be changed while the server runs, and when it counts."""
import pytest

from program import run


@pytest.fixture
def server(serve, tmp_path):
    (tmp_path / "rollcall.ini").write_text(f"installation_key = {'ab' * 32}\n", encoding="utf-8")
    return serve("--template-max-age-days", "7")


def change(server, name, value, status=200, **headers):
    return server.api.ask("PATCH", f"/v1/settings/{name}", status, json={"value": value}, headers=headers)


def setting(server, name):
    return server.api.get(f"/v1/settings/{name}")


def test_every_option_is_shown_with_its_origin_and_no_secret(server):
    listed = {s["name"]: s for s in server.api.get("/v1/settings")["items"]}
    printed = run("config", "show").stdout.splitlines()
    assert len(listed) == len(printed) > 50
    assert listed["http_threads"]["origin"] == "default" and listed["http_threads"]["unit"] == "threads"
    assert listed["template_max_age_days"]["value"] == "7"
    assert listed["template_max_age_days"]["origin"] == "--template-max-age-days"
    assert listed["template_max_age_days"]["default"] == "1095"
    assert listed["installation_key"]["value"] == "********" and "abab" not in str(listed)
    assert "password" not in listed["database"]["value"]
    assert listed["late_after_min"] == setting(server, "late_after_min")
    server.api.problem("GET", "/v1/settings/nonsense", 404, "NOT_FOUND")


def test_a_policy_default_counts_for_the_next_course_at_once(server):
    assert server.api.course("A", [])["late_after_min"] == 10
    first = server.api.ask("GET", "/v1/settings/late_after_min", 200).headers["etag"]
    changed = change(server, "late_after_min", "15", **{"If-Match": first})
    assert changed.json()["value"] == "15" and changed.json()["origin"] == "setting"
    assert changed.json()["waiting"] is None and changed.headers["etag"] != first
    assert server.api.course("B", [])["late_after_min"] == 15
    change(server, "late_after_min", "20", 412, **{"If-Match": first})
    server.stop()
    server.restart()
    assert server.api.course("C", [])["late_after_min"] == 15
    change(server, "late_after_min", None)
    assert server.api.course("D", [])["late_after_min"] == 10
    assert setting(server, "late_after_min")["origin"] == "default"
    row = server.api.get("/v1/audit", action="updateSetting")["items"][0]
    assert (row["subject"], row["status"]) == ("late_after_min", 200)


def test_another_option_says_that_it_waits_for_a_restart(server):
    changed = change(server, "jobs_keep_days", "30").json()
    assert (changed["value"], changed["waiting"], changed["change"]) == ("90", "30", "restart")
    server.stop()
    server.restart()
    now = setting(server, "jobs_keep_days")
    assert (now["value"], now["waiting"], now["origin"]) == ("30", None, "setting")
    server.stop()
    server.sql("UPDATE setting SET value = 'many' WHERE name = 'option:jobs_keep_days'")
    server.restart()
    assert setting(server, "jobs_keep_days")["value"] == "90"
    assert any("jobs_keep_days" in warning for warning in server.api.get("/v1/system")["warnings"])


REFUSED = [
    ("late_after_min", "soon", 400, "whole number"),
    ("late_after_min", "", 400, "whole number"),
    ("late_after_min", "1000000", 400, "from 0"),
    ("http_port", "80", 409, "configuration"),
    ("installation_key", "00", 409, "configuration"),
    ("template_max_age_days", "8", 409, "--template-max-age-days"),
    ("nonsense", "1", 404, "no such setting"),
]


def test_what_cannot_be_changed_says_why(server):
    for name, value, status, word in REFUSED:
        problem = server.api.problem("PATCH", f"/v1/settings/{name}", status, json={"value": value})
        assert word in problem["detail"], problem
