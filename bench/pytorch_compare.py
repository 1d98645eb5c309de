"""Rollcall against what one would write in Python: MTCNN and FaceNet of facenet-pytorch. bench/pytorch_compare.sh runs it.

The same pictures, the same machine, one thread each, in turns: a turn of PyTorch, then a turn of
`rollcall bench --variants`; ratios are taken turn by turn, so that a machine whose speed drifts leaves them alone.
Both go from the JPEG bytes to the embeddings. The Python side is the straightforward program: PIL decodes, MTCNN
(min_face_size 20, all faces) finds and crops, InceptionResnetV1 embeds all faces of the frame in one run; `shrunk` has
the picture's long side brought to 640 first, as Rollcall does. FaceNet's weights are random here, since their file is
not in the package: its speed does not depend on them. MTCNN's weights are the package's, as are Rollcall's.
"""
import argparse
import io
import os
import re
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy
import torch
from facenet_pytorch import MTCNN, InceptionResnetV1
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = ROOT / os.environ.get("BUILD", "build") / "src/rollcall"
SAMPLES = ROOT / ".deps/samples"
SHRUNK = 640
SAME = "detector=mtcnn encoder=facenet128 device=cpu precision=fp32 liveness=off contrast=off"
VARIANTS = {
    "the same: MTCNN, FaceNet, fp32": f"{SAME} batch_frames_max=1",
    "the same, frames waiting": SAME,
    "as it comes": "batch_frames_max=1",
    "liveness off": "liveness=off batch_frames_max=1",
    "liveness off, long side 320": "liveness=off detector_long_side=320 batch_frames_max=1",
    "and frames waiting": "liveness=off detector_long_side=320",
}


class Pipeline:
    def __init__(self, long_side=None):
        self.mtcnn = MTCNN(image_size=160, margin=0, min_face_size=20, keep_all=True, device="cpu")
        self.facenet = InceptionResnetV1(pretrained=None, classify=False).eval()
        self.gallery = torch.nn.functional.normalize(torch.randn(1000, 512), dim=1)
        self.long_side = long_side

    @torch.no_grad()
    def frame(self, data):
        """Faces found in one encoded picture; each is embedded and compared with 1,000 people."""
        picture = Image.open(io.BytesIO(data)).convert("RGB")
        if self.long_side and max(picture.size) > self.long_side:
            picture.thumbnail((self.long_side, self.long_side), Image.BILINEAR)
        crops = self.mtcnn(picture)
        if crops is None:
            return 0
        vectors = torch.nn.functional.normalize(self.facenet(crops), dim=1)
        return len((vectors @ self.gallery.T).argmax(dim=1))


def portrait():
    """A sample photo on a grey camera frame, 640x480."""
    path = sorted(p for p in (SAMPLES / "val").rglob("*") if p.is_file())[0]
    photo = Image.open(path).convert("RGB")
    scale = min(640 / photo.width, 480 / photo.height)
    photo = photo.resize((int(photo.width * scale), int(photo.height * scale)))
    canvas = Image.new("RGB", (640, 480), (110, 110, 110))
    canvas.paste(photo, ((640 - photo.width) // 2, (480 - photo.height) // 2))
    out = io.BytesIO()
    canvas.save(out, "JPEG", quality=90)
    return out.getvalue()


def python_turn(pipeline, data, seconds):
    """Median ms a frame, and the faces."""
    times, until = [], time.perf_counter() + seconds
    while len(times) < 3 or time.perf_counter() < until:
        begun = time.perf_counter()
        faces = pipeline.frame(data)
        times.append((time.perf_counter() - begun) * 1000)
    return statistics.median(times), faces


def rollcall_turn(path, seconds):
    """[(median ms a frame, faces)] of the variants, in their order."""
    done = subprocess.run([PROGRAM, "bench", "--image", path, "--seconds", str(seconds),
                           "--variants", "; ".join(VARIANTS.values())],
                          cwd=ROOT, text=True, capture_output=True, check=True)
    table = done.stdout[done.stdout.index("ms a frame"):]
    rows = re.findall(r"^  \S.* +([\d.]+) +([\d.]+) +[\d.]+ +[\d.]+ +[\d.]+ +(\d+)$", table, re.M)
    assert len(rows) == len(VARIANTS), done.stdout
    return [(float(median), int(faces)) for _, median, faces in rows]


def compare(label, data, rounds, seconds):
    full, shrunk = Pipeline(), Pipeline(SHRUNK)
    python = {"PyTorch": full}
    if max(Image.open(io.BytesIO(data)).size) > SHRUNK:
        python["PyTorch, shrunk"] = shrunk
    rows = {name: [] for name in (*python, *VARIANTS)}
    faces = {}
    with tempfile.NamedTemporaryFile(suffix=".jpg") as file:
        file.write(data)
        file.flush()
        for pipeline in python.values():
            pipeline.frame(data)
        for _ in range(rounds):
            for name, pipeline in python.items():
                ms, faces[name] = python_turn(pipeline, data, seconds)
                rows[name].append(ms)
            for name, (ms, n) in zip(VARIANTS, rollcall_turn(file.name, seconds)):
                faces[name] = n
                rows[name].append(ms)
    width, height = Image.open(io.BytesIO(data)).size
    print(f"\n{label}: {width}x{height}; {rounds} rounds, medians; x: frames/s of one thread over PyTorch's, round by round")
    print(f"  {'':32} {'ms a frame':>10} {'frames/s':>9} {'faces':>6}" + "".join(f" {'x ' + n:>20}" for n in python))
    for name, values in rows.items():
        ms = statistics.median(values)
        ratios = [statistics.median(p / v for p, v in zip(rows[base], values)) for base in python]
        print(f"  {name:32} {ms:10.1f} {1000 / ms:9.1f} {faces[name]:6}" + "".join(f" {r:20.2f}" for r in ratios),
              flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2, help="of each turn and variant")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(1)
    numpy.random.seed(1)
    print(f"PyTorch {torch.__version__}, 1 thread, {os.cpu_count()} cores")
    compare("portrait", portrait(), options.rounds, options.seconds)
    compare("group", (SAMPLES / "group/t1.jpg").read_bytes(), options.rounds, options.seconds)


if __name__ == "__main__":
    main()
