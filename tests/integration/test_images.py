"""Pictures that are none, or too much of one: each ends in a clear answer, and the server goes on."""
import io
import struct
import zlib

import pytest
from PIL import Image

from program import photos


def encoded(fmt, size=(640, 480), **how):
    out = io.BytesIO()
    Image.new("RGB", size, (90, 120, 150)).save(out, fmt, **how)
    return out.getvalue()


def png_chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_bomb(width, height):
    """A PNG that declares width x height and holds a few bytes."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", data) + png_chunk(b"IEND", b"")


def jpeg_of(width, height):
    """A JPEG whose header says width x height."""
    data = bytearray(encoded("JPEG", (64, 64)))
    at = data.index(b"\xff\xc0") + 5
    data[at:at + 4] = struct.pack(">HH", height, width)
    return bytes(data)


GOOD = photos("val", "jerry_seinfeld")[0].read_bytes()
REFUSED = {
    "nothing": (b"", 422), "one byte": (b"\xff", 415), "text": (b"this is not a picture\n" * 20, 415),
    "html": (b"<html><body>no</body></html>", 415), "gif": (encoded("GIF"), 415), "bmp": (encoded("BMP"), 415),
    "zeros": (b"\0" * 10000, 415), "pdf": (b"%PDF-1.7\n" + b"\0" * 100, 415),
    "elf": (b"\x7fELF" + b"\0" * 100, 415),
}
UNREADABLE = {
    "png of 10 gigapixels": png_bomb(100000, 100000), "png of no pixels": png_bomb(0, 0),
    "jpeg of 30 megapixels": jpeg_of(6000, 5000), "jpeg of 4 gigapixels": jpeg_of(65500, 65500),
    "jpeg of no pixels": jpeg_of(0, 0), "jpeg head only": GOOD[:3] + b"\xe0", "jpeg cut in its header": GOOD[:200],
    "png head only": b"\x89PNG\r\n\x1a\n" + b"\0" * 20, "png cut": encoded("PNG")[:60],
    "webp head only": b"RIFF\x10\0\0\0WEBPVP8 " + b"\0" * 20, "webp cut": encoded("WEBP")[:40],
    "heic of nothing": b"\0\0\0\x18ftypheic" + b"\0" * 40, "jpeg of noise": GOOD[:700] + bytes(range(256)) * 40,
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_picture_is_refused(api, people, session, what):
    body, status = REFUSED[what]
    problem = api.frame(session["id"], body, status).json()
    assert problem["detail"] and problem["status"] == status


@pytest.mark.parametrize("what", UNREADABLE)
def test_a_picture_that_cannot_be_read_is_refused_or_reported_as_dropped(api, people, session, what):
    with api.feed(session["id"], after=0) as feed:  # it may be dropped before the server has subscribed us
        answer = api.frame(session["id"], UNREADABLE[what])
        assert answer.status_code in (202, 422), answer.text
        if answer.status_code == 202:
            frame = answer.json()["frame"]
            ends = ("frame_dropped", "frame_result")
            end = feed.until(lambda m: m["type"] in ends and m["frame"] == frame)[-1]
            if end["type"] == "frame_dropped":
                assert end["reason"] == "unreadable" and end["detail"]
            else:  # a decoder may save part of a damaged picture; it must not see somebody in it
                assert what == "jpeg of noise" and not [f for f in end["faces"] if f["student"]]


def test_a_waiting_post_hears_that_its_picture_was_dropped(api, people, session):
    answer = api.frame(session["id"], UNREADABLE["png cut"], wait=1)
    assert answer.status_code in (200, 422)
    if answer.status_code == 200:
        assert answer.json()["type"] == "frame_dropped" and answer.json()["reason"] == "unreadable"


def test_a_picture_cut_at_every_length_harms_nothing(api, people, session):
    for percent in (1, 5, 20, 50, 80, 95, 99):
        assert api.frame(session["id"], GOOD[:len(GOOD) * percent // 100], wait=1).status_code in (200, 422)
    seen = api.seen(session["id"], GOOD)
    assert [f["status"] for f in seen["faces"] if f["student"]][0] in ("present", "already_present")


@pytest.mark.parametrize("fmt, how", [("PNG", {}), ("WEBP", {"quality": 90}), ("JPEG", {"progressive": True}),
                                      ("JPEG", {"quality": 60, "subsampling": 0})])
def test_the_same_face_is_known_in_every_format(api, people, session, fmt, how):
    out = io.BytesIO()
    Image.open(io.BytesIO(GOOD)).convert("RGB").save(out, fmt, **how)
    (face,) = [f for f in api.seen(session["id"], out.getvalue())["faces"] if f["student"]]
    assert face["student"]["id"] == people["jerry_seinfeld"]["id"]


@pytest.mark.parametrize("mode", ["L", "CMYK", "P", "RGBA", "LA"])
def test_every_kind_of_pixel_is_read(api, people, session, mode):
    out = io.BytesIO()
    Image.open(io.BytesIO(GOOD)).convert("RGB").convert(mode).save(out, "JPEG" if mode in ("L", "CMYK") else "PNG")
    faces = api.seen(session["id"], out.getvalue())["faces"]
    assert {f["student"]["id"] for f in faces if f["student"]} <= {people["jerry_seinfeld"]["id"]}
    assert faces


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_phone_held_any_way_round_gives_the_same_face(api, people, session, orientation):
    turned = Image.open(io.BytesIO(GOOD)).convert("RGB")
    undo = {2: [0], 3: [3], 4: [1], 5: [0, 2], 6: [2], 7: [0, 4], 8: [4]}  # transposes that EXIF asks to be undone
    for step in undo.get(orientation, []):
        turned = turned.transpose(step)
    exif = Image.Exif()
    exif[0x0112] = orientation
    out = io.BytesIO()
    turned.save(out, "JPEG", quality=92, exif=exif)
    seen = api.seen(session["id"], out.getvalue())
    assert (seen["width"], seen["height"]) == Image.open(io.BytesIO(GOOD)).size
    assert {f["student"]["id"] for f in seen["faces"] if f["student"]} == {people["jerry_seinfeld"]["id"]}


def test_a_frame_over_the_byte_limit_is_413(api, people, session):
    assert api.frame(session["id"], GOOD + b"\0" * 9_000_000).status_code == 413
