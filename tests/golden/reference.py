#!/usr/bin/env python3
"""The project's own Python reference of the vision pipeline: numpy, onnxruntime and pillow only.

    decode -> resize for the detector -> detect -> align crop -> standardise -> embed -> L2

The golden tests hold src/vision/ to what this file prints: boxes and points within 0.5 px, scores
within 1e-3, embeddings cosine >= 0.99999 (fp32), on the same decoded pixels.
The rules that both sides implement, word for word:

Resize for the detector (option detector_long_side = N). Never enlarged. With long = max(w, h) > N:
  out size = (2*side*N + long) // (2*long) for each side, at least 1.
  f = min(long // N, w, h); when f >= 2 the frame is first box-averaged by f.
  box average: output pixel = (sum of the f x f block + f*f//2) // (f*f); floor(w/f) x floor(h/f)
  pixels, the incomplete blocks at the right and at the bottom are dropped.
  Then bilinear with half-pixel centres: X = ((u+.5) * w/out_w) / f - .5, clamped to 0..last; the
  same in y; result floor(x + .5).
Then padded right and bottom with BLACK PIXELS (before any mean is subtracted) to multiples of 32.
Boxes and points come back in frame pixels: times w/out_w and h/out_h.

Crop (facenet128): W = fw*w, H = fh*h of the detector's box, centred on the box (moved by dy*h along
the head's own vertical), turned so that the eyes are level, stretched to 160 x 160.
  side = max(W, H); if side > 320: f = floor(side/160), the frame is box-averaged by f (at most its
  shorter side), and a position X of the frame is read at (X - (f-1)/2) / f.
  Bilinear, integer coordinates are pixel centres, edges replicated, result floor(x + .5) as u8.

Arithmetic here is float64; float32 may differ by one grey level at a rounding tie.
"""
import argparse, json, math, os, sys

import numpy as np
import onnxruntime as ort
from PIL import Image, ImageOps

SIDE = 160  # crop of facenet128, pixels
SCORE_MIN = 0.6  # both detectors: MODELS, section 3
# Crop of facenet128 for each detector: id, width factor, height factor, vertical shift (share of
# the box's height). Chosen by tools/fit_crop.py; recorded in decision 0003.
CROPS = {
    "yunet": ("rot115x105w", 1.15, 1.05, 0.0),
    "retinaface": ("rot115x097w-retinaface", 1.15, 0.97, 0.0),
}


def decode(path):
    """Image file -> u8 [h][w][3] RGB, EXIF orientation applied."""
    with Image.open(path) as im:
        return np.asarray(ImageOps.exif_transpose(im).convert("RGB"))


def read_raw(path, size):
    """Raw RGB bytes of `size` = "WxH" -> u8 [h][w][3]."""
    w, h = (int(v) for v in size.lower().split("x"))
    return np.fromfile(path, np.uint8).reshape(h, w, 3)


def box_average(im, f):
    """Mean of f x f blocks in integers, halves upward; incomplete blocks are dropped."""
    h, w = im.shape[0] // f, im.shape[1] // f
    blocks = im[: h * f, : w * f].reshape(h, f, w, f, 3).astype(np.uint32)
    return ((blocks.sum((1, 3)) + f * f // 2) // (f * f)).astype(np.uint8)


def sample(im, x, y):
    """Bilinear reads at positions x, y (same shape), clamped to the picture; u8, halves upward."""
    h, w = im.shape[:2]
    x, y = np.clip(x, 0, w - 1), np.clip(y, 0, h - 1)
    x0, y0 = np.floor(x).astype(int), np.floor(y).astype(int)
    x1, y1 = np.minimum(x0 + 1, w - 1), np.minimum(y0 + 1, h - 1)
    a, b = (x - x0)[..., None], (y - y0)[..., None]
    top = im[y0, x0] * (1 - a) + im[y0, x1] * a
    bottom = im[y1, x0] * (1 - a) + im[y1, x1] * a
    return np.floor(top * (1 - b) + bottom * b + 0.5).astype(np.uint8)


def resize(im, long_side):
    """Frame as the detector sees it, before padding: the rule at the head of this file."""
    h, w = im.shape[:2]
    size = max(w, h)
    if size <= long_side:
        return im
    ow, oh = (max(1, (2 * v * long_side + size) // (2 * size)) for v in (w, h))
    f = min(size // long_side, w, h)
    if f >= 2:
        im = box_average(im, f)
    x = (np.arange(ow) + 0.5) * (w / ow) / max(f, 1) - 0.5
    y = (np.arange(oh) + 0.5) * (h / oh) / max(f, 1) - 0.5
    return sample(im, *np.meshgrid(x, y))


def nms(boxes, scores, limit):
    """Greedy, best score first (equal scores: lower index first); drops IoU > limit."""
    order, keep = np.argsort(-scores, kind="stable"), []
    x2, y2 = boxes[:, 0] + boxes[:, 2], boxes[:, 1] + boxes[:, 3]
    area = boxes[:, 2] * boxes[:, 3]
    while order.size:
        i, rest = order[0], order[1:]
        keep.append(i)
        w = np.minimum(x2[i], x2[rest]) - np.maximum(boxes[i, 0], boxes[rest, 0])
        h = np.minimum(y2[i], y2[rest]) - np.maximum(boxes[i, 1], boxes[rest, 1])
        both = np.maximum(w, 0) * np.maximum(h, 0)
        order = rest[both <= limit * (area[i] + area[rest] - both)]
    return keep


class Detector:
    """detect(rgb, long_side) -> boxes [n][4] x y w h, scores [n], points [n][5][2], best first."""

    name, mean, nms_iou = "", (0.0, 0.0, 0.0), 0.0  # mean in BGR order

    def __init__(self, models, threads=1):
        self.run = open_model(os.path.join(models, self.name + ".onnx"), threads)

    def detect(self, rgb, long_side=640):
        small = resize(rgb, long_side)
        h, w = small.shape[:2]
        padded = np.zeros((-h % 32 + h, -w % 32 + w, 3), np.float32)
        padded[:h, :w] = small[..., ::-1]
        x = (padded - np.array(self.mean, np.float32)).transpose(2, 0, 1)[None]
        boxes, scores, points = self.candidates(np.ascontiguousarray(x))
        keep = nms(boxes, scores, self.nms_iou)
        scale = np.array([rgb.shape[1] / w, rgb.shape[0] / h])
        return boxes[keep] * np.tile(scale, 2), scores[keep], points[keep] * scale


class YuNet(Detector):
    name, nms_iou = "yunet", 0.3

    def candidates(self, x):
        out, boxes, scores, points = self.run(x), [], [], []
        for s in (8, 16, 32):
            cls, obj = (np.clip(out[f"{k}_{s}"][0, :, 0], 0, 1) for k in ("cls", "obj"))
            score = np.sqrt(cls * obj)
            i = np.flatnonzero(score > SCORE_MIN)
            at = np.stack([i % (x.shape[3] // s), i // (x.shape[3] // s)], 1)  # column, row
            b, k = out[f"bbox_{s}"][0, i], out[f"kps_{s}"][0, i].reshape(-1, 5, 2)
            size = np.exp(b[:, 2:]) * s
            boxes.append(np.hstack([(at + b[:, :2]) * s - size / 2, size]))
            scores.append(score[i])
            points.append((k + at[:, None]) * s)
        return np.concatenate(boxes), np.concatenate(scores), np.concatenate(points)


class RetinaFace(Detector):
    name, mean, nms_iou = "retinaface", (104.0, 117.0, 123.0), 0.4

    def candidates(self, x):
        out, anchors = self.run(x), []
        for s, sizes in ((8, (16, 32)), (16, (64, 128)), (32, (256, 512))):
            row, col, size = np.meshgrid(
                np.arange(x.shape[2] // s), np.arange(x.shape[3] // s), sizes, indexing="ij"
            )
            anchors.append(np.stack([(col + 0.5) * s, (row + 0.5) * s, size], -1).reshape(-1, 3))
        score = out["conf"][0, :, 1]
        i = np.flatnonzero(score > SCORE_MIN)
        a, loc, k = np.concatenate(anchors)[i], out["loc"][0, i], out["landmarks"][0, i]
        centre = a[:, :2] + loc[:, :2] * 0.1 * a[:, 2:]
        size = a[:, 2:] * np.exp(loc[:, 2:] * 0.2)
        points = a[:, None, :2] + k.reshape(-1, 5, 2) * 0.1 * a[:, None, 2:]
        return np.hstack([centre - size / 2, size]), score[i], points


DETECTORS = {"yunet": YuNet, "retinaface": RetinaFace}


def open_model(path, threads=1):
    """Function input tensor -> {output name: array}; CPU provider, fixed thread count."""
    so = ort.SessionOptions()
    so.intra_op_num_threads, so.inter_op_num_threads, so.log_severity_level = threads, 1, 3
    session = ort.InferenceSession(path, so, providers=["CPUExecutionProvider"])
    entry, names = session.get_inputs()[0].name, [o.name for o in session.get_outputs()]
    return lambda x: dict(zip(names, session.run(None, {entry: x})))


def align(rgb, box, points, fw, fh, dy=0.0):
    """Rotated box crop -> u8 [160][160][3] RGB: the rule at the head of this file."""
    (x, y, w, h), (p0, p1) = box, points[:2]
    angle = math.atan2(p1[1] - p0[1], p1[0] - p0[0])
    c, s = math.cos(angle), math.sin(angle)
    cx, cy = x + w / 2 - s * dy * h, y + h / 2 + c * dy * h
    width, height = fw * w, fh * h
    u = (np.arange(SIDE) - SIDE / 2)[None, :] * (width / SIDE)
    v = (np.arange(SIDE) - SIDE / 2)[:, None] * (height / SIDE)
    px, py = cx + c * u - s * v, cy + s * u + c * v
    side = max(width, height)
    f = min(int(side // SIDE), *rgb.shape[:2]) if side > 2 * SIDE else 1
    if f >= 2:
        rgb, px, py = box_average(rgb, f), (px - (f - 1) / 2) / f, (py - (f - 1) / 2) / f
    return sample(rgb, px, py)


def standardise(crop):
    """u8 [160][160][3] -> f32 [3][160][160], mean 0 and population deviation 1 over all values."""
    x = crop.astype(np.float64)
    x = (x - x.mean()) / max(x.std(), 1 / math.sqrt(x.size))
    return x.astype(np.float32).transpose(2, 0, 1)


class Encoder:
    """facenet128."""

    def __init__(self, models, threads=1):
        self.run = open_model(os.path.join(models, "facenet128.onnx"), threads)

    def embed(self, crops):
        """u8 crops [n][160][160][3] -> f32 [n][128] of L2 norm 1, and the norms before [n]."""
        out = self.run(np.stack([standardise(c) for c in crops]))["embedding"]
        norms = np.linalg.norm(out, axis=1)
        return out / norms[:, None], norms


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("command", choices=["detect", "embed"])
    ap.add_argument("image")
    ap.add_argument("--models", required=True, help="folder of NAME.onnx files")
    ap.add_argument("--detector", choices=sorted(DETECTORS), default="retinaface")
    ap.add_argument("--long-side", type=int, default=640, help="detector_long_side, pixels")
    ap.add_argument("--raw", metavar="WxH", help="IMAGE is raw RGB bytes of this size")
    a = ap.parse_args()
    rgb = read_raw(a.image, a.raw) if a.raw else decode(a.image)
    boxes, scores, points = DETECTORS[a.detector](a.models).detect(rgb, a.long_side)
    faces = [
        {"box": b.tolist(), "score": float(s), "points": p.tolist()}
        for b, s, p in zip(boxes, scores, points)
    ]
    result = {"width": rgb.shape[1], "height": rgb.shape[0], "detector": a.detector, "faces": faces}
    if a.command == "embed":
        result["preprocessing"], *factors = CROPS[a.detector]
        crops = [align(rgb, b, p, *factors) for b, p in zip(boxes, points)]
        vectors, norms = Encoder(a.models).embed(crops) if crops else ([], [])
        for face, crop, vector, norm in zip(faces, crops, vectors, norms):
            face.update(crop_mean=float(crop.mean()), crop_std=float(crop.std()))
            face.update(norm=float(norm), embedding=vector.tolist())
    json.dump(result, sys.stdout)
    print()


if __name__ == "__main__":
    main()
