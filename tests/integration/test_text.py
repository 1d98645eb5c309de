"""Text as people write it, and text as attackers do: whole and unharmed there and back, or refused with a word why."""
import json
import unicodedata

import pytest

NAMES = ["Zoë", "Zoe\u0308", "王小明", "محمد بن سلمان", "\u05d3\u05d5\u05d3", "👩‍🎓🏳️‍🌈", "ﬁ ligature", "İstanbul ı",
         "x'); DROP TABLE student; --", "' OR '1'='1", "$1 ?1 :name %s %n {0}", "../../etc/passwd", "..\\..\\x", "a/b?c#d",
         "<script>alert(1)</script>", "=cmd|' /C calc'!A0", "\\u0000 \\n", "&amp;&#0;", "a" * 200, "👩" * 200]
REFUSED = {"a\nb": "control", "a\r\nSet-Cookie: x=1": "control", "a\u007fb": "control",
           "\u001b[31mred": "control", "": "characters", "two\u2028lines": "line end", "   ": "characters", "a" * 201: "characters", "👩" * 201: "characters"}


@pytest.mark.parametrize("text", NAMES)
def test_a_name_comes_back_as_it_was_meant(api, name, text):
    made = api.post("/v1/students", {"external_id": name, "name": text})
    wanted = unicodedata.normalize("NFC", text)
    assert made["name"] == wanted == api.get(f"/v1/students/{made['id']}")["name"]
    found = api.get("/v1/students", search=wanted)["items"]
    assert made["id"] in [s["id"] for s in found] or len(found) == 50
    assert api.get("/v1/students", search=name)["items"] == [made | {"photos": 0}]


@pytest.mark.parametrize("text", REFUSED)
def test_a_name_that_cannot_be_is_refused_with_the_reason(api, name, text):
    problem = api.problem("POST", "/v1/students", 400, "INVALID", json={"external_id": name, "name": text})
    assert problem["errors"][0]["field"] == "name" and REFUSED[text] in problem["errors"][0]["message"]
    assert api.get("/v1/students", search=name)["items"] == []


@pytest.mark.parametrize("body", [rb'{"external_id":"%s","name":"\ud800"}', rb'{"external_id":"%s","name":"\udc00\ud800"}',
                                  b'{"external_id":"%s","name":"\xed\xa0\x80"}', b'{"external_id":"%s","name":"\xc0\xaf"}',
                                  rb'{"external_id":"%s","name":"a\u0000b"}'])
def test_text_that_is_no_unicode_is_refused(api, name, body):
    answer = api.ask("POST", "/v1/students", 400, content=body.replace(b"%s", name.encode()),
                     headers={"Content-Type": "application/json"})
    assert answer.json()["code"] == "INVALID"


def test_the_same_number_in_two_spellings_is_one(api, name):
    api.post("/v1/students", {"external_id": f"{name}-\u00e9", "name": "N"})
    api.problem("POST", "/v1/students", 409, "CONFLICT", json={"external_id": f"{name}-e\u0301", "name": "N"})


@pytest.mark.parametrize("value", ["'; DROP TABLE student; --", "%", "_", "\\", "\u202e", "%27%20OR%201=1", "a\u0301"])
def test_a_query_is_a_word_and_nothing_else(api, name, value):
    api.student(name)
    assert all(value.lower() in json.dumps(s, ensure_ascii=False).lower() or "\\" in value
               for s in api.get("/v1/students", search=value)["items"])
    assert api.get("/v1/audit", action=value)["items"] == []
    assert api.get("/v1/students", search=name)["items"]


def test_headers_of_an_answer_hold_nothing_of_the_body(api, name):
    answer = api.ask("POST", "/v1/cameras", 201, json={"name": f"{name}%0d%0aSet-Cookie: x=1"},
                     headers={"Idempotency-Key": f"{name}%0d%0aX:1"})
    assert "set-cookie" not in answer.headers and "x" not in answer.headers
    assert answer.headers["location"] == f"/v1/cameras/{answer.json()['id']}"


LETTERS = ["👩", "م", "é"]


@pytest.mark.parametrize("letter", LETTERS)
def test_limits_are_characters_in_the_schema_and_in_the_database(api, name, letter):
    """Each text that people write, as long as its schema allows, in letters of two to four bytes; one more is refused by the schema."""
    unique = iter(range(1000))

    def text(n):
        mark = f"{name}{next(unique)}"[-8:]
        return mark + letter * (n - len(mark))

    course, site = api.course(name)["id"], api.post("/v1/sites", {"name": text(100), "tz": "UTC"})["id"]
    session = api.post("/v1/sessions", {"course": course, "planned_start": "2031-03-01T08:00:00Z", "planned_end": "2031-03-01T09:00:00Z"})
    bodies = [("/v1/students", {"external_id": 64, "name": 200, "email": 200}, {}), ("/v1/courses", {"code": 64, "title": 200, "term": 64}, {}),
              ("/v1/cameras", {"name": 100, "room": 100}, {}), ("/v1/sites", {"name": 100}, {"tz": "UTC"}),
              ("/v1/rooms", {"name": 100}, {"site": site}), ("/v1/users", {"name": 200}, {"login": name[-20:], "role": "auditor"}),
              ("/v1/sessions", {"title": 200}, {"course": course, "planned_start": "2031-03-02T08:00:00Z", "planned_end": "2031-03-02T09:00:00Z"}),
              ("/v1/api-clients", {"name": 100}, {"kind": "service", "scopes": []}),
              (f"/v1/sessions/{session['id']}/cancel", {"reason": 500}, {})]
    for path, limits, rest in bodies:
        for field in limits:
            long = {f: text(n + (f == field)) for f, n in limits.items()} | rest
            problem = api.problem("POST", path, 400, "INVALID", json=long)
            assert problem["errors"][0]["field"] == field and "characters" in problem["detail"], problem
        full = {f: text(n) for f, n in limits.items()} | rest
        answer = api.ask("POST", path, json=full)
        assert answer.is_success, f"{path}: {answer.text}"
        made = answer.json()
        for field in limits:
            assert made.get("client", made).get(field, full[field]) == full[field]
