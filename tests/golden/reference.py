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

CLAHE (Zuiderveld, "Contrast Limited Adaptive Histogram Equalization", Graphics Gems IV, 1994) of the resized frame, in
integers: Y = (77 R + 150 G + 29 B + 128) >> 8. min(8, w) x min(8, h) tiles, tile i from floor(i*w/n) to floor((i+1)*w/n).
  Histogram of 256; clip = max(1, 3*pixels // 256); what lies above goes evenly to all bins, and the rest r one each
  to the bins 0, s, 2s ... with s = 256 // r. Curve of a tile = (255*cumulated + pixels // 2) // pixels.
  Pixel x lies at t = (2x+1)*128*n // w - 128, in 1/256 of a tile, between the tiles t >> 8 and (t >> 8) + 1 (clamped),
  the second weighing t & 255; the same in y; Y' = (sum of the four + 2^15) >> 16. R, G and B each move by Y' - Y, clamped.

Crop of facenet128 and facenet512: W = fw*w, H = fh*h of the detector's box, centred on the box (moved by dy*h along
the head's own vertical), turned so that the eyes are level, stretched to 160 x 160.
  extent = max(W, H); if extent > 2*160: f = floor(extent/160), the frame is box-averaged by f (at
  most its shorter side), and a position X of the frame is read at (X - (f-1)/2) / f.
Crop of dlib128 (side 150) and omz0095 (side 128): the similarity transform that brings the five
  points to the encoder's template with the least squares. extent = side / its scale; shrunk first
  where extent > 2*side, by f = floor(extent/side), as above.
Both: bilinear, integer coordinates are pixel centres, edges replicated, floor(x + .5) as u8.

Crop of the liveness nets: the detector's box grown about its centre by k = 2.7 (MiniFASNet V2) or
  4.0 (V1SE), or by min((h-1)/box h, (w-1)/box w) where that is less; shifted right, down, left, up,
  in this order, where it begins before 0 or ends after w-1, h-1. Its corners truncated to integers
  are the first and last pixel. Those pixels become 80 x 80: bilinear with half-pixel centres, X =
  (u+.5) * width/80 - .5 clamped to the window, NO averaging, floor(x + .5). BGR, 0..255 as they are.
  The score of a face is the mean of both nets' probability of class 1.

MTCNN resampling (the levels of its pyramid, the patches its second and third nets see): a window
of w x h pixels of the picture, black where it lies outside, becomes ow x oh pixels.
  h > oh: area average in integers. Output column i covers [i*w, (i+1)*w), source column j
  [j*ow, (j+1)*ow), and j weighs what the two have in common; rows alike; with S the weighted sum of
  the pixels the result is (2*S + w*h) // (2*w*h).
  Else bilinear with half-pixel centres, X = (u+.5) * w/ow - .5 clamped to the window, floor(x + .5).
  Then RGB, (p - 127.5) / 128. Boxes are float64 from here on; equal scores: lower index first.

Arithmetic here is float64; float32 may differ by one grey level at a rounding tie.
"""
import argparse, json, math, os, sys

import numpy as np
import onnxruntime as ort
from PIL import Image, ImageOps

SIDE = 160  # crop of facenet128, pixels
SCORE_MIN = 0.6  # both detectors: MODELS, section 3
# Crop of facenet128 for each detector: id, width factor, height factor, vertical shift (share of
# the box's height). Chosen by tools/fit_crop.py; recorded in decisions 0003 and 0008.
CROPS = {
    "yunet": ("rot115x105w", 1.15, 1.05, 0.0),
    "retinaface": ("rot115x097w-retinaface", 1.15, 0.97, 0.0),
    "mtcnn": ("rot120x097w-mtcnn", 1.20, 0.97, 0.0),
}
# Where the five points go, pixels of the crop.
TEMPLATES = {
    "omz0095": 128 * np.array(
        [[0.31557, 0.46158], [0.68262, 0.46158], [0.50026, 0.64051], [0.34947, 0.82469],
         [0.65344, 0.82469]]
    ),
    "dlib128": np.array(
        [[47.73, 47.14], [100.28, 47.12], [74.01, 76.56], [50.41, 103.02], [97.61, 103.02]]
    ),
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


def luma(im):
    """u8 [h][w][3] -> int [h][w]."""
    r, g, b = (im[..., c].astype(int) for c in range(3))
    return (77 * r + 150 * g + 29 * b + 128) >> 8


def clahe_curve(pixels):
    """The curve of one tile: Y -> Y', [256]."""
    n = pixels.size
    histogram = np.bincount(pixels.ravel(), minlength=256)
    clip = max(1, 3 * n // 256)
    excess = int(np.maximum(histogram - clip, 0).sum())
    histogram = np.minimum(histogram, clip) + excess // 256
    rest = excess % 256
    if rest:
        histogram[np.arange(rest) * (256 // rest)] += 1
    return (255 * np.cumsum(histogram) + n // 2) // n


def clahe(im):
    """Frame with its contrast evened out, for the detector: the rule at the head of this file."""
    (h, w), y = im.shape[:2], luma(im)
    rows, columns = min(8, h), min(8, w)
    curves = np.array([
        [clahe_curve(y[i * h // rows : (i + 1) * h // rows, j * w // columns : (j + 1) * w // columns])
         for j in range(columns)] for i in range(rows)
    ])

    def place(size, n):
        t = (2 * np.arange(size) + 1) * 128 * n // size - 128
        return np.clip(t >> 8, 0, n - 1), np.clip((t >> 8) + 1, 0, n - 1), t & 255

    top, bottom, b = (v[:, None] for v in place(h, rows))
    left, right, a = (v[None] for v in place(w, columns))
    upper = curves[top, left, y] * (256 - a) + curves[top, right, y] * a
    lower = curves[bottom, left, y] * (256 - a) + curves[bottom, right, y] * a
    moved = ((upper * (256 - b) + lower * b + (1 << 15)) >> 16) - y
    return np.clip(im.astype(int) + moved[..., None], 0, 255).astype(np.uint8)


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


def area_weights(size, out):
    """[out][size]: what output and source pixels have in common, in units of 1/out pixel."""
    i, j = np.arange(out)[:, None], np.arange(size)[None]
    common = np.minimum((i + 1) * size, (j + 1) * out) - np.maximum(i * size, j * out)
    return np.maximum(common, 0).astype(np.float64)


def resample(window, ow, oh):
    """MTCNN resampling, the rule at the head of this file: u8 [h][w][3] -> f32 [3][oh][ow]."""
    h, w = window.shape[:2]
    if h > oh:  # sums of integers below 2^53: exact in any order
        rows = (area_weights(h, oh) @ window.reshape(h, -1).astype(np.float64)).reshape(oh, w, 3)
        sums = area_weights(w, ow) @ rows
        out = np.floor((2 * sums + w * h) / (2 * w * h))
    else:
        x = (np.arange(ow) + 0.5) * (w / ow) - 0.5
        y = (np.arange(oh) + 0.5) * (h / oh) - 0.5
        out = sample(window, *np.meshgrid(x, y))
    return ((out.astype(np.float32) - np.float32(127.5)) / np.float32(128)).transpose(2, 0, 1)


class Detector:
    """detect(rgb, long_side) -> boxes [n][4] x y w h, scores [n], points [n][5][2], best first."""

    name, mean, nms_iou = "", (0.0, 0.0, 0.0), 0.0  # mean in BGR order
    score_min = SCORE_MIN

    def __init__(self, models, threads=1):
        self.run = open_model(os.path.join(models, self.name + ".onnx"), threads)

    def detect(self, rgb, long_side=640, contrast=False):
        small = resize(rgb, long_side)
        small = clahe(small) if contrast else small
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


class MTCNN:
    """Zhang et al., "Joint Face Detection and Alignment using Multi-task Cascaded Convolutional
    Networks", 2016, with the pyramid factor and thresholds of facenet-pytorch."""

    name, cell, stride, factor, thresholds = "mtcnn", 12, 2, 0.709, (0.6, 0.7, 0.7)
    score_min = max(SCORE_MIN, thresholds[2])

    def __init__(self, models, threads=1, min_face=20):
        nets = (os.path.join(models, f"mtcnn_{n}net.onnx") for n in "pro")
        self.p, self.r, self.o = (open_model(path, threads) for path in nets)
        self.min_face = min_face

    @staticmethod
    def nms(boxes, limit, smaller=False):
        """boxes [n][5+] x1 y1 x2 y2 score -> the kept ones, best first; `smaller`: overlap is
        counted against the smaller of two boxes, not against their union."""
        order, keep = np.argsort(-boxes[:, 4], kind="stable"), []
        area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
        while order.size:
            i, rest = order[0], order[1:]
            keep.append(i)
            size = np.minimum(boxes[i, 2:4], boxes[rest, 2:4])
            size = np.maximum(size - np.maximum(boxes[i, :2], boxes[rest, :2]), 0)
            both = size[:, 0] * size[:, 1]
            whole = np.minimum(area[i], area[rest]) if smaller else area[i] + area[rest] - both
            order = rest[both <= limit * whole]
        return boxes[keep]

    @staticmethod
    def moved(boxes, extra):
        """Boxes [n][9] moved by their corrections (columns 5..8, shares of the size + extra)."""
        size = np.tile(boxes[:, 2:4] - boxes[:, :2] + extra, 2)
        return np.hstack([boxes[:, :4] + boxes[:, 5:9] * size, boxes[:, 4:]])

    @staticmethod
    def squared(boxes):
        """Boxes made square around their centres by the longer side."""
        w, h = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
        side = np.maximum(w, h)
        x, y = boxes[:, 0] + (w - side) / 2, boxes[:, 1] + (h - side) / 2
        return np.hstack([np.stack([x, y, x + side, y + side], 1), boxes[:, 4:]])

    @staticmethod
    def patches(rgb, boxes, n):
        """The boxes, rounded half to even, as [k][3][n][n]; one outside the picture is black."""
        h, w = rgb.shape[:2]
        out = np.full((len(boxes), 3, n, n), -127.5 / 128, np.float32)
        for i, (x1, y1, x2, y2) in enumerate(np.round(boxes[:, :4]).astype(int)):
            left, top, right, bottom = max(x1, 0), max(y1, 0), min(x2, w), min(y2, h)
            if left < right and top < bottom:
                window = np.zeros((y2 - y1, x2 - x1, 3), np.uint8)
                window[top - y1 : bottom - y1, left - x1 : right - x1] = rgb[top:bottom, left:right]
                out[i] = resample(window, n, n)
        return out

    def proposals(self, rgb):
        """Boxes [n][9] of P-net over the pyramid, after the NMS of each level and of all."""
        h, w = rgb.shape[:2]
        scale, found = self.cell / self.min_face, [np.zeros((0, 9))]
        shorter = min(h, w) * scale
        while shorter >= self.cell:
            x = resample(rgb, int(w * scale + 1), int(h * scale + 1))
            out = self.p(np.ascontiguousarray(x[None]))
            prob = out["prob"][0, 1]
            row, column = np.nonzero(prob >= self.thresholds[0])
            at = np.stack([column, row], 1) * self.stride + 1
            boxes = np.floor(np.hstack([at, at + self.cell - 1]) / scale)
            score, reg = prob[row, column][:, None], out["reg"][0][:, row, column].T
            found.append(self.nms(np.hstack([boxes, score, reg]).astype(np.float64), 0.5))
            scale, shorter = scale * self.factor, shorter * self.factor
        return self.nms(np.concatenate(found), 0.7)

    def refined(self, net, rgb, boxes, side, threshold):
        """Boxes [n][9] of those whose patch is above the threshold, and what the net said of them."""
        out = net(self.patches(rgb, boxes, side))
        score = out["prob"][:, 1].astype(np.float64)
        i = score > threshold
        boxes = np.hstack([boxes[i, :4], score[i, None], out["reg"][i].astype(np.float64)])
        return boxes, out["lmk"][i].astype(np.float64) if "lmk" in out else None

    def detect(self, rgb, long_side=640, contrast=False):
        small = resize(rgb, long_side)
        small = clahe(small) if contrast else small
        scale = np.array([rgb.shape[1] / small.shape[1], rgb.shape[0] / small.shape[0]])
        nothing = np.zeros((0, 4)), np.zeros(0), np.zeros((0, 5, 2))
        boxes = self.squared(self.moved(self.proposals(small), 0))
        if not len(boxes):
            return nothing
        boxes, _ = self.refined(self.r, small, boxes, 24, self.thresholds[1])
        if not len(boxes):
            return nothing
        boxes = self.squared(self.moved(self.nms(boxes, 0.7), 1))
        boxes, points = self.refined(self.o, small, boxes, 48, self.score_min)
        size = boxes[:, 2:4] - boxes[:, :2] + 1
        points = boxes[:, None, :2] + points.reshape(-1, 2, 5).transpose(0, 2, 1) * size[:, None] - 1
        boxes = self.nms(np.hstack([self.moved(boxes, 1), points.reshape(-1, 10)]), 0.7, True)
        found = np.hstack([boxes[:, :2], boxes[:, 2:4] - boxes[:, :2]])
        return found * np.tile(scale, 2), boxes[:, 4], boxes[:, 9:].reshape(-1, 5, 2) * scale


DETECTORS = {"yunet": YuNet, "retinaface": RetinaFace, "mtcnn": MTCNN}


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
    return shrunk_sample(rgb, px, py, max(width, height), SIDE)


def shrunk_sample(rgb, px, py, extent, side):
    """Reads a crop of side pixels that spans `extent` pixels of the picture."""
    f = min(int(extent // side), *rgb.shape[:2]) if extent > 2 * side else 1
    if f >= 2:
        rgb, px, py = box_average(rgb, f), (px - (f - 1) / 2) / f, (py - (f - 1) / 2) / f
    return sample(rgb, px, py)


def align_points(rgb, points, template, side):
    """Five-point crop -> u8 [side][side][3] RGB: the rule at the head of this file."""
    source, target = np.asarray(points, np.float64), np.asarray(template, np.float64)
    a, b = source - source.mean(0), target - target.mean(0)
    k = np.vdot(a @ [1, 1j], b @ [1, 1j]) / (a * a).sum()  # turn and scale, as a complex number
    u, v = np.arange(side)[None, :], np.arange(side)[:, None]
    at = (source.mean(0) @ [1, 1j]) + (u + 1j * v - target.mean(0) @ [1, 1j]) / k
    return shrunk_sample(rgb, at.real, at.imag, side / abs(k), side)


def standardise(crop):
    """u8 [160][160][3] -> f32 [3][160][160], mean 0 and population deviation 1 over all values."""
    x = crop.astype(np.float64)
    x = (x - x.mean()) / max(x.std(), 1 / math.sqrt(x.size))
    return x.astype(np.float32).transpose(2, 0, 1)


class Encoder:
    """One of ENCODERS: crop(rgb, detector, box, points) -> u8 crop; embed(crops)."""

    name = "facenet128"

    def __init__(self, models, threads=1):
        self.run = open_model(os.path.join(models, self.name + ".onnx"), threads)

    def preprocessing(self, detector):
        return CROPS[detector][0]

    def crop(self, rgb, detector, box, points):
        return align(rgb, box, points, *CROPS[detector][1:])

    def tensor(self, crop):
        return standardise(crop)

    def embed(self, crops):
        """u8 crops [n][side][side][3] -> f32 [n][dim] of L2 norm 1, and the norms before [n]."""
        (out,) = self.run(np.stack([self.tensor(c) for c in crops])).values()
        norms = np.linalg.norm(out, axis=1)
        return out / norms[:, None], norms


class FaceNet512(Encoder):
    name = "facenet512"

    def preprocessing(self, detector):
        return {"yunet": "rot131x119f"}[detector]

    def crop(self, rgb, detector, box, points):
        return align(rgb, box, points, 1.31, 1.19)

    def tensor(self, crop):
        return ((crop.astype(np.float32) - 127.5) / 128).transpose(2, 0, 1)


class Points(Encoder):
    """Encoders of a five-point crop, pixels 0..255 as they are."""

    def preprocessing(self, detector):
        return "points5" if detector == "yunet" else f"points5-{detector}"

    def crop(self, rgb, detector, box, points):
        return align_points(rgb, points, TEMPLATES[self.name], self.side)


class Dlib128(Points):
    name, side = "dlib128", 150

    def tensor(self, crop):
        return crop.astype(np.float32).transpose(2, 0, 1)


class Omz0095(Points):
    name, side = "omz0095", 128

    def tensor(self, crop):
        return crop[..., ::-1].astype(np.float32).transpose(2, 0, 1)


class Liveness:
    """score(rgb, boxes) -> mean P(real) [n], the rule at the head of this file."""

    nets = (("minifasnet_v2", 2.7), ("minifasnet_v1se", 4.0))
    side = 80

    def __init__(self, models, threads=1):
        self.runs = [open_model(os.path.join(models, n + ".onnx"), threads) for n, _ in self.nets]

    def crop(self, rgb, box, k):
        (h, w), (bx, by, bw, bh) = rgb.shape[:2], (float(v) for v in box)
        k = min((h - 1) / bh, (w - 1) / bw, k)
        left, right = bx + bw / 2 - bw * k / 2, bx + bw / 2 + bw * k / 2
        top, bottom = by + bh / 2 - bh * k / 2, by + bh / 2 + bh * k / 2
        if left < 0:
            left, right = 0, right - left
        if top < 0:
            top, bottom = 0, bottom - top
        if right > w - 1:
            left, right = left - (right - (w - 1)), w - 1
        if bottom > h - 1:
            top, bottom = top - (bottom - (h - 1)), h - 1
        window = rgb[max(int(top), 0) : int(bottom) + 1, max(int(left), 0) : int(right) + 1]
        u = np.arange(self.side) + 0.5
        x, y = (u * (n / self.side) - 0.5 for n in (window.shape[1], window.shape[0]))
        return sample(window, *np.meshgrid(x, y))

    def score(self, rgb, boxes):
        total = 0
        for run, (_, k) in zip(self.runs, self.nets):
            x = np.stack([self.crop(rgb, b, k)[..., ::-1].transpose(2, 0, 1) for b in boxes])
            (out,) = run(x.astype(np.float32)).values()
            total = total + out[:, 1] / len(self.nets)
        return total


ENCODERS = {e.name: e for e in (Encoder, FaceNet512, Dlib128, Omz0095)}


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("command", choices=["detect", "embed"])
    ap.add_argument("image")
    ap.add_argument("--models", required=True, help="folder of NAME.onnx files")
    ap.add_argument("--detector", choices=sorted(DETECTORS), default="retinaface")
    ap.add_argument("--encoder", choices=sorted(ENCODERS), default="facenet128")
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
        encoder = ENCODERS[a.encoder](a.models)
        result["preprocessing"] = encoder.preprocessing(a.detector)
        crops = [encoder.crop(rgb, a.detector, b, p) for b, p in zip(boxes, points)]
        vectors, norms = encoder.embed(crops) if crops else ([], [])
        for face, crop, vector, norm in zip(faces, crops, vectors, norms):
            face.update(crop_mean=float(crop.mean()), crop_std=float(crop.std()))
            face.update(norm=float(norm), embedding=vector.tolist())
    json.dump(result, sys.stdout)
    print()


if __name__ == "__main__":
    main()
