"""More than the server can do: it says so, and keeps what it took."""
import random
from concurrent.futures import ThreadPoolExecutor

from program import photos, wait_for

ENDS = ("frame_result", "frame_dropped")


def noise(seconds_of_work):
    """Big pictures keep a worker busy without any model output to speak of."""
    import io
    from PIL import Image
    side = 3000 if seconds_of_work else 300
    out = io.BytesIO()
    Image.effect_noise((side, side), 60).convert("RGB").save(out, "JPEG", quality=70)
    return out.getvalue()


def test_a_full_queue_answers_503_and_loses_nothing_it_accepted(serve):
    server = serve("--queue-max-items", "4", "--workers", "1", "--queue-camera-share", "100",
                   "--frame-ttl-ms", "600000")
    api, picture = server.api, noise(1)
    session = api.session(api.course("C")["id"])["id"]
    with api.feed(session) as feed:
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: api.frame(session, picture), range(60)))
        accepted = {a.json()["frame"] for a in answers if a.status_code == 202}
        refused = [a for a in answers if a.status_code != 202]
        assert refused and accepted and {a.status_code for a in refused} == {503}
        for answer in refused:
            assert int(answer.headers["retry-after"]) >= 1
            assert answer.json()["code"] == "FULL"
        left = set(accepted)
        while left:
            message = feed.next(60)
            if message["type"] in ENDS:
                assert message["frame"] in left, "a frame ended twice or was never accepted"
                left.discard(message["frame"])
    wait_for(lambda: api.get("/v1/system")["queue"]["items"] == 0, what="an empty queue")
    api.frame(session, picture, 202)


def test_a_refused_frame_may_be_sent_again_under_its_number(serve):
    server = serve("--queue-max-items", "2", "--workers", "1", "--frame-ttl-ms", "600000")
    api, picture = server.api, noise(1)
    session = api.session(api.course("C")["id"])["id"]
    refused = None
    for seq in range(200):
        if api.frame(session, picture, boot="b", seq=seq).status_code == 503:
            refused = seq
            break
    assert refused is not None
    frame = wait_for(lambda: (a := api.frame(session, picture, boot="b", seq=refused)).status_code == 202 and a.json(),
                     what="room in the queue")["frame"]
    with api.feed(session, after=0) as feed:
        feed.until(lambda m: m["type"] in ENDS and m["frame"] == frame)


def test_a_camera_beyond_its_share_loses_its_oldest_frames_and_each_is_announced(serve):
    server = serve("--queue-camera-share", "3", "--workers", "1", "--frame-ttl-ms", "600000")
    api, picture = server.api, noise(1)
    session = api.session(api.course("C")["id"])["id"]
    camera = api.post("/v1/cameras", {"name": "greedy"})["id"]
    with api.feed(session) as feed:
        frames = [api.frame(session, picture, 202, camera=camera).json()["frame"] for _ in range(20)]
        ends = {}
        while len(ends) < len(frames):
            message = feed.next(60)
            if message["type"] in ENDS:
                ends[message["frame"]] = message
    dropped = [f for f in frames if ends[f]["type"] == "frame_dropped"]
    assert dropped and frames[-1] not in dropped, "the newest frame must not be the one that goes"
    assert {ends[f]["reason"] for f in dropped} <= {"share", "overload"}


def test_offline_frames_are_never_dropped_for_age_or_share(serve):
    server = serve("--queue-camera-share", "2", "--workers", "1", "--frame-ttl-ms", "100")
    api, picture = server.api, noise(1)
    session = api.session(api.course("C")["id"])["id"]
    with api.feed(session) as feed:
        frames = {api.frame(session, picture, 202, offline=1).json()["frame"] for _ in range(10)}
        while frames:
            message = feed.next(60)
            assert message["type"] != "frame_dropped", message
            frames.discard(message.get("frame"))


def test_old_live_frames_are_dropped_and_announced(serve):
    server = serve("--workers", "1", "--frame-ttl-ms", "100")
    api, picture = server.api, noise(1)
    session = api.session(api.course("C")["id"])["id"]
    with api.feed(session) as feed:
        frames = {api.frame(session, picture, 202).json()["frame"] for _ in range(20)}
        reasons = set()
        while frames:
            message = feed.next(60)
            if message["type"] in ENDS:
                frames.discard(message["frame"])
                reasons.add(message.get("reason"))
    assert reasons - {None} and reasons - {None} <= {"too_old", "overload"}


def test_many_clients_at_once_all_get_their_answer(serve):
    server = serve()
    api = server.api
    students = [api.enrol(p, photos("train", p, 2)) for p in ("elton_john", "mindy_kaling")]
    course = api.course("C", [s["id"] for s in students], confirmations=1)
    sessions = [api.session(course["id"])["id"] for _ in range(4)]
    work = [(s, p) for s in sessions for p in photos("val", "elton_john") + photos("val", "mindy_kaling")]
    random.Random(1).shuffle(work)
    with ThreadPoolExecutor(16) as pool:
        results = list(pool.map(lambda w: (w[0], api.seen(*w)), work))
    assert all(result["session"] == session for session, result in results)
    for session in sessions:
        marks = api.marks(session)["items"]
        assert len(marks) == len({m["student"]["id"] for m in marks}) == 2
        present = [f for s, r in results if s == session for f in r["faces"] if f["status"] == "present"]
        assert len(present) == 2
