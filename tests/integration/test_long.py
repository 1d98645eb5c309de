"""Minutes of work against one server: `make test-long`, not part of `make test`. LONG_FRAMES shortens it."""
import io
import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image

from program import PEOPLE, photos

pytestmark = pytest.mark.long

FRAMES = int(os.environ.get("LONG_FRAMES", "10000"))
ROUND = max(FRAMES // 20, 1)
WARM_UP = 600
CAMERAS = 8  # more than the workers: frames wait, and share model runs
MIB = 1024 * 1024
GROWTH_MIB = 24  # what the C library's heap moves by; a leaked frame a time would be gigabytes, a face's crop 700 MiB


def portrait(path):
    """A quarter of a camera's picture, with a face of about 80 pixels."""
    canvas = Image.new("RGB", (320, 240), (110, 110, 110))
    picture = Image.open(path).convert("RGB")
    picture.thumbnail((320, 240))
    canvas.paste(picture, ((320 - picture.width) // 2, 0))
    out = io.BytesIO()
    canvas.save(out, "JPEG", quality=90)
    return out.getvalue()


def test_ten_thousand_frames_leave_the_memory_flat(serve):
    server = serve("--workers", "2", "--queue-camera-share", "1000", "--frame-ttl-ms", "600000")
    api = server.api
    students = [api.student(f"S-{name}") for name in PEOPLE]
    for student, name in zip(students, PEOPLE):
        api.finished(api.upload(student["id"], photos("train", name, 5))["id"])
    course = api.course("LONG", [student["id"] for student in students], confirmations=1)
    session = api.session(course["id"])["id"]
    pictures = [portrait(path) for name in PEOPLE for path in photos("val", name, 3)]

    def metric(name):
        line = next(line for line in api.ask("GET", "/metrics").text.splitlines() if line.startswith(f"rollcall_{name} "))
        return int(line.split()[1])

    faces = 0
    with ThreadPoolExecutor(CAMERAS) as pool:
        def show(first, count):
            results = pool.map(lambda i: len(api.seen(session, pictures[i % len(pictures)])["faces"]),
                               range(first, first + count))
            return sum(results)
        show(0, WARM_UP)
        resident, calls = [metric("memory_resident_bytes")], metric("memory_allocations_total")
        for done in range(0, FRAMES, ROUND):
            faces += show(done, ROUND)
            resident.append(metric("memory_resident_bytes"))
            print(f"{done + ROUND} frames: {resident[-1] / MIB:.1f} MiB", flush=True)
    calls = metric("memory_allocations_total") - calls
    print(f"after warm-up {resident[0] / MIB:.1f} MiB, at most {max(resident) / MIB:.1f}, at the end "
          f"{resident[-1] / MIB:.1f}; {faces} faces, {calls / FRAMES:.0f} allocations a frame, "
          f"{metric('frames_batched_total')} frames shared model runs")
    assert faces > FRAMES / 2
    assert api.get("/v1/system")["resident_bytes"] < 1024 * MIB
    half = len(resident) // 2
    assert max(resident) - resident[0] < GROWTH_MIB * MIB
    assert resident[-1] - resident[half] < GROWTH_MIB * MIB / 2
