"""The WebSocket feed: what subscribers get, in which order, and what a reconnect brings back."""
import io
import socket
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
import websockets
import websockets.sync.client
from PIL import Image

from program import SLOW, Feed, photos

NOBODY = "0198c5a2-7c1e-7d3a-8f00-2b1c9e4d5f60"


def closing_code(feed):
    with pytest.raises(websockets.exceptions.ConnectionClosed) as closed:
        feed.next()
    return closed.value.rcvd.code


@pytest.mark.smoke
def test_a_subscriber_gets_the_result_the_mark_and_the_end_in_order(api, people, session):
    with api.feed(session["id"]) as feed:
        frame = api.frame(session["id"], photos("val", "elton_john")[0], 202).json()["frame"]
        got = feed.until(lambda m: m["type"] == "mark_changed")
        api.post(f"/v1/sessions/{session['id']}/stop", status=200)
        got += feed.until(lambda m: m["type"] == "session_changed" and m["status"] == "closed")
    got = [m for m in got if m.get("status") != "active"]  # word of the start may come after the socket is open
    absent = [m for m in got if m["type"] == "mark_changed" and m["status"] == "absent"]
    result, mark, change = (m for m in got if m not in absent)
    assert len(absent) == 3 and got[-1] is change
    assert (result["type"], result["frame"], result["session"]) == ("frame_result", frame, session["id"])
    assert mark["frame"] == frame and mark["student"]["id"] == people["elton_john"]["id"]
    assert (mark["status"], mark["source"]) == ("present", "face")
    assert change["status"] == "closed"
    ids = [m["id"] for m in got]
    assert ids == sorted(set(ids))
    assert set(result["timing_ms"]) == {"decode", "detect", "align", "embed", "liveness", "match", "mark",
                                         "total"}


def test_all_subscribers_see_the_same_order(api, people, session, blank):
    feeds = [api.feed(session["id"]) for _ in range(3)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: api.frame(session["id"], blank, 202), range(20)))
    api.post(f"/v1/sessions/{session['id']}/stop", status=200)
    ends = ("frame_result", "frame_dropped", "session_changed")
    orders = []
    for feed in feeds:
        count = iter(range(1, 100))
        got = feed.until(lambda m: m["type"] in ends and m.get("status") != "active" and next(count) == 21)
        orders.append([m["id"] for m in got if m.get("status") != "active"])
        feed.socket.close()
    assert orders[0] == orders[1] == orders[2] == sorted(orders[0])


def test_a_reconnect_brings_what_was_missed_and_nothing_twice(api, people, session, blank):
    with api.feed(session["id"]) as feed:
        api.frame(session["id"], blank, 202)
        last = feed.until(lambda m: m["type"] == "frame_result")[-1]["id"]
    missed = [api.seen(session["id"], blank)["id"] for _ in range(3)]
    with api.feed(session["id"], after=last) as feed:
        assert [feed.next()["id"] for _ in missed] == missed
        api.frame(session["id"], blank, 202)
        assert feed.next()["id"] > missed[-1]


def test_a_reconnect_from_another_life_is_told_so(api, people, session, blank):
    api.seen(session["id"], blank)
    with api.feed(session["id"], after=10**9) as feed:
        told = feed.next()
        assert told["type"] == "lag" and told["reason"] in ("restart", "too_old")


def test_events_of_another_session_do_not_arrive(api, people, course, blank):
    mine, other = api.session(course["id"]), api.session(course["id"])
    with api.feed(mine["id"]) as feed:
        api.seen(other["id"], blank)
        api.frame(mine["id"], blank, 202)
        assert feed.until(lambda m: m["type"] == "frame_result")[-1]["session"] == mine["id"]


def test_a_ticket_opens_one_socket_of_its_session(api, people, course, session):
    def ticket():
        return api.post(f"/v1/sessions/{session['id']}/events-ticket", status=200)["ticket"]
    mine = ticket()
    with api.feed(session["id"], ticket=mine) as feed:
        api.frame(session["id"], photos("val", "elton_john")[0], 202)
        feed.until(lambda m: m["type"] == "frame_result")
        assert closing_code(Feed(api, session["id"], ticket=mine)) == 4401
    other = api.session(course["id"])
    assert closing_code(Feed(api, other["id"], ticket=ticket())) == 4401
    assert closing_code(Feed(api, session["id"], ticket="invented")) == 4401


def test_a_socket_without_credentials_or_session_is_closed_with_the_reason(api, people, session):
    assert closing_code(Feed(api.with_token(None), session["id"])) == 4401
    assert closing_code(Feed(api.with_token("wrong"), session["id"])) == 4401
    assert closing_code(Feed(api, NOBODY)) == 4404


def test_a_page_of_the_web_does_not_open_the_socket_without_the_subprotocol(api, session):
    url = f"{api.url.replace('http', 'ws', 1)}/v1/sessions/{session['id']}/events"
    with pytest.raises((websockets.exceptions.InvalidHandshake, websockets.exceptions.ConnectionClosed)):
        with websockets.sync.client.connect(url, additional_headers={"Authorization": f"Bearer {api.token}"}) as s:
            s.recv(timeout=5 * SLOW)


def crowd():
    """Many faces too small to be compared: a long event for little work."""
    face = Image.open(photos("val", "jerry_seinfeld")[4]).convert("RGB").resize((40, 56))
    picture = Image.new("RGB", (640, 480))
    for x in range(0, 640, 40):
        for y in range(0, 448, 56):
            picture.paste(face, (x, y))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=90)
    return out.getvalue()


def test_a_slow_client_loses_results_and_is_told_but_never_a_mark(serve, people):
    server = serve("--ws-queue-messages", "8", "--detector-min-confidence", "0.3")
    api, image = server.api, crowd()
    students = [api.enrol(p, photos("train", p, 2)) for p in ("elton_john", "jerry_seinfeld", "mindy_kaling")]
    session = api.session(api.course("C", [s["id"] for s in students], confirmations=1)["id"])["id"]
    where = urlsplit(api.url)
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.connect((where.hostname, where.port))
    with websockets.sync.client.connect(
            f"ws://{where.netloc}/v1/sessions/{session}/events", sock=slow, subprotocols=["rollcall.v1"],
            additional_headers={"Authorization": f"Bearer {api.token}"}, max_queue=1, compression=None,
            max_size=None, ping_interval=None) as peer:
        feed = Feed.__new__(Feed)
        feed.socket = peer
        result = api.seen(session, image)
        assert len(result["faces"]) > 20
        size, sent, marks = len(str(result)), 0, []
        for person in ("elton_john", "jerry_seinfeld", "mindy_kaling"):
            while sent < 800_000 / size * (len(marks) + 1) / 3 + 20:
                api.seen(session, image)
                sent += 1
            marks.append(api.seen(session, photos("val", person)[0])["frame"])
        api.post(f"/v1/sessions/{session}/stop", status=200)
        got = feed.until(lambda m: m["type"] == "session_changed" and m["status"] == "closed", 60)
    lags = [m for m in got if m["type"] == "lag"]
    assert lags and all(m["reason"] == "slow" for m in lags)
    results = [m for m in got if m["type"] == "frame_result"]
    assert len(results) < sent + 4
    assert sum(m["lost"] for m in lags) == sent + 4 - len(results)
    assert [m["frame"] for m in got if m["type"] == "mark_changed"] == marks
    ids = [m["id"] for m in got if "id" in m]
    assert ids == sorted(set(ids))
