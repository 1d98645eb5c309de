"""Draws docs/images/demo.png from a real run. Needs a server on which `rollcall demo` has run.

    rollcall serve --data-dir DIR     rollcall demo .deps/samples --data-dir DIR
    .deps/venv/bin/python tools/picture.py --data-dir DIR

Makes a new session of course DEMO-101, sends it one photo of each person and the group photo, waits for each result
(frames?wait=1), then stops the session. Boxes, names, scores and the table are what the server answered.
Every face that the server reports, flawed ones too, is pixelated in blocks of 1/6 of its width, with a margin of 20 %
around its box. The rest of a photo is blurred and darkened. Look at the picture before you commit it.
"""
import argparse
import json
import sys
import urllib.request
from pathlib import Path

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = ROOT / ".deps/samples"
SHOWN = ("elton_john", "mindy_kaling")  # beside the group: one on the roster, one not
WIDTH, GAP, SIDE = 1600, 20, 372
GROUP = (WIDTH - SIDE - 3 * GAP, 2 * SIDE + GAP)
PAPER, PANEL, INK, DIM = (13, 17, 23), (22, 27, 34), (230, 237, 243), (139, 148, 158)
COLOURS = {"present": (63, 185, 80), "already_present": (63, 185, 80), "not_enrolled": (227, 179, 65),
           "unknown": (165, 176, 190), "low_quality": (110, 118, 129), "confirming": (88, 166, 255)}
FONTS = Path("/usr/share/fonts/truetype/dejavu")
BLOCKS_ACROSS, MARGIN = 6, 0.2
SIZE_MAX = 300_000


def font(name, size):
    try:
        return ImageFont.truetype(str(FONTS / name), size)
    except OSError:
        return ImageFont.load_default(size)


LABEL, MONO, TITLE = font("DejaVuSans-Bold.ttf", 19), font("DejaVuSansMono.ttf", 19), font("DejaVuSans-Bold.ttf", 21)


class Server:
    def __init__(self, folder):
        known = json.loads((Path(folder) / "server.json").read_text(encoding="utf-8"))
        self.url, self.token = known["url"], known["token"]

    def ask(self, method, path, body=None, kind="application/json"):
        data = body if isinstance(body, bytes) else json.dumps(body).encode() if body else b""
        request = urllib.request.Request(self.url + path, data if method == "POST" else None, method=method, headers={
            "Authorization": f"Bearer {self.token}", "Content-Type": kind})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)


def first_photo(person):
    return sorted((SAMPLES / "val" / person).iterdir())[0]


def run(server):
    """Gives {picture: frame_result} and the session's marks."""
    courses = [c for c in server.ask("GET", "/v1/courses")["items"] if c["code"] == "DEMO-101"]
    if not courses:
        sys.exit("there is no course DEMO-101 on this server: run `rollcall demo` first")
    session = server.ask("POST", "/v1/sessions", {"course": courses[0]["id"], "confirmations": 1})["id"]
    server.ask("POST", f"/v1/sessions/{session}/start")
    pictures = {path.name: first_photo(path.name) for path in sorted((SAMPLES / "val").iterdir())}
    pictures["group"] = SAMPLES / "group/t1.jpg"
    results = {name: server.ask("POST", f"/v1/sessions/{session}/frames?wait=1", path.read_bytes(), "image/jpeg")
               for name, path in pictures.items()}
    marks = server.ask("GET", f"/v1/sessions/{session}/marks")
    server.ask("POST", f"/v1/sessions/{session}/stop")
    return pictures, results, marks


def hide(image, box):
    """Pixelates a face in place: 6 blocks across its width, 20 % margin on each side."""
    x, y, w, h = box
    area = [max(0, round(x - MARGIN * w)), max(0, round(y - MARGIN * h)),
            min(image.width, round(x + (1 + MARGIN) * w)), min(image.height, round(y + (1 + MARGIN) * h))]
    block = max(1.0, w / BLOCKS_ACROSS)
    part = image.crop(area)
    small = part.resize((max(1, round(part.width / block)), max(1, round(part.height / block))), Image.Resampling.BOX)
    image.paste(small.resize(part.size, Image.Resampling.NEAREST), area[:2])


def quieter(image):
    """The photo behind the boxes: blurred, less colour, darker."""
    image = image.filter(ImageFilter.GaussianBlur(image.width / 220))
    return ImageEnhance.Brightness(ImageEnhance.Color(image).enhance(0.75)).enhance(0.72)


def words(face):
    status = face["status"].replace("_", " ")
    if face["student"]:
        return [face["student"]["name"], f"{status}  {face['similarity']:.2f}"]
    return [f"{status}  {face['similarity']:.2f}" if face["similarity"] is not None else status]


def label(draw, lines, x, y, h, colour, limits):
    """Text on a filled tab on top of the box, below it where there is no room."""
    width = max(draw.textlength(line, LABEL) for line in lines) + 16
    height = 24 * len(lines) + 8
    left = min(max(limits[0], x - 1.5), limits[2] - width)
    top = y - height if y - height >= limits[1] else min(y + h, limits[3] - height)
    draw.rounded_rectangle([left, top, left + width, top + height], 4, fill=colour)
    for i, line in enumerate(lines):
        draw.text((left + 8, top + 4 + 24 * i), line, PAPER, LABEL)


def photo(canvas, path, result, place, size):
    """One photo, filling `size` at `place` (cut where its shape differs), with what the server saw."""
    image = Image.open(path).convert("RGB")
    scale_back = image.width / result["width"]  # the server's pixels are those of the file
    scale = max(size[0] / image.width, size[1] / image.height)
    shift = ((size[0] - image.width * scale) / 2, (size[1] - image.height * scale) / 3)
    image = quieter(image)
    for face in result["faces"]:
        hide(image, [v * scale_back for v in face["box"]])
    layer = Image.new("RGB", size, PANEL)
    layer.paste(image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS),
                (round(shift[0]), round(shift[1])))
    draw = ImageDraw.Draw(layer)
    for face in result["faces"]:
        x, y, w, h = (v * scale_back * scale for v in face["box"])
        x, y, colour = x + shift[0], y + shift[1], COLOURS.get(face["status"], INK)
        draw.rounded_rectangle([x, y, x + w, y + h], 5, outline=colour, width=4)
        label(draw, words(face), x, y, h, colour, (4, 4, size[0] - 4, size[1] - 4))
    corners = Image.new("L", size, 0)
    ImageDraw.Draw(corners).rounded_rectangle([0, 0, size[0] - 1, size[1] - 1], 10, fill=255)
    canvas.paste(layer, place, corners)


def feed_lines(results):
    """One line a face, as `rollcall camera` prints them: text and colour."""
    for name, result in results.items():
        took = f"{result['timing_ms']['total']:4.0f} ms"
        shown = name.replace("_", "-") + "/01" if name != "group" else name
        for face in result["faces"]:
            who = face["student"]["name"] if face["student"] else ""
            score = "" if face["similarity"] is None else f"{face['similarity']:.3f} ({face['threshold']:.3f})"
            yield f"{shown:<19}{face['status']:<15}{who:<17}{score:<16}{took}", COLOURS.get(face["status"], INK)
            shown = took = ""


def table_lines(marks):
    yield "Attendance of DEMO-101", INK
    yield f"{'name':<18}{'status':<11}{'first seen'}", DIM
    for mark in marks["items"]:
        seen = mark["first_seen"][11:19]
        yield f"{mark['student']['name']:<18}{mark['status']:<11}{seen}", COLOURS.get(mark["status"], INK)
    for student in marks["missing"]:
        yield f"{student['name']:<18}missing", DIM


def panel(canvas, top, columns):
    """The terminal: columns of lines, side by side."""
    draw = ImageDraw.Draw(canvas)
    draw.rounded_rectangle([GAP, top, WIDTH - GAP, canvas.height - GAP], 10, fill=PANEL)
    x = 2 * GAP
    for lines in columns:
        for i, (text, colour) in enumerate(lines):
            draw.text((x, top + 16 + 27 * i), text, colour, MONO)
        x += max(draw.textlength(text, MONO) for text, _ in lines) + 3 * GAP


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", default=str(ROOT / "data"), help="of the running server")
    parser.add_argument("--out", default=str(ROOT / "docs/images/demo.png"))
    options = parser.parse_args()
    pictures, results, marks = run(Server(options.data_dir))
    columns = [[("rollcall camera", INK), (f"{'frame':<19}{'status':<15}{'name':<17}{'similarity':<16}took", DIM),
                *feed_lines(results)], list(table_lines(marks))]
    top = GROUP[1] + 2 * GAP
    canvas = Image.new("RGB", (WIDTH, top + 32 + 27 * max(map(len, columns)) + GAP), PAPER)
    photo(canvas, pictures["group"], results["group"], (GAP, GAP), GROUP)
    for i, name in enumerate(SHOWN):
        photo(canvas, pictures[name], results[name], (GROUP[0] + 2 * GAP, GAP + i * (SIDE + GAP)), (SIDE, SIDE))
    panel(canvas, top, columns)
    out = Path(options.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    canvas.quantize(256, dither=Image.Dither.NONE).save(out, optimize=True)
    size = out.stat().st_size
    print(f"{out.name}: {canvas.width}x{canvas.height}, {size // 1000} kB")
    return 0 if size < SIZE_MAX else 1


if __name__ == "__main__":
    sys.exit(main())
