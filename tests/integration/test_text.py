"""Text as people write it, and text as attackers do: whole and unharmed there and back, or refused with a word why."""
import json
import unicodedata

import pytest

NAMES = ["Zoë", "Zoe\u0308", "王小明", "محمد بن سلمان", "\u05d3\u05d5\u05d3", "👩‍🎓🏳️‍🌈", "ﬁ ligature", "İstanbul ı",
         "x'); DROP TABLE student; --", "' OR '1'='1", "$1 ?1 :name %s %n {0}", "../../etc/passwd", "..\\..\\x", "a/b?c#d",
         "<script>alert(1)</script>", "=cmd|' /C calc'!A0", "\\u0000 \\n", "&amp;&#0;", "a" * 200, "👩" * 50]
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
