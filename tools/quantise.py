#!/usr/bin/env python3
"""Makes facenet128_int8.onnx from facenet128.onnx: 8-bit weights and activations, for processors with VNNI.

usage: quantise.py [MODELS_DIR]      default data/models; called by `tools/setup.sh int8`

Static quantisation (QDQ, u8 activations, s8 weights per channel, MinMax), calibrated on the faces of the sample
photos' training part, cropped as the program does (tests/golden/reference.py). Prints what it changes on the other
part: cosine to fp32, and how far photos of the same and of different people lie apart. The bytes differ from
processor to processor, so their sha256 goes into MODELS_DIR/local.lock, not into models/models.lock.
Exit status 0: made now. 10: there already, verified. 1: failed or refused, with a message.
"""
import hashlib
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/golden"))
CACHED, BATCH = 10, 4
SAMPLES = ROOT / ".deps/samples"
COSINE_LEAST = 0.98  # below it the file is not worth having


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def has_vnni():
    flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
    return "avx512_vnni" in flags or "avx_vnni" in flags


def stamp(source):
    """What the int8 file was made from: another fp32 file makes it stale."""
    return f"# facenet128_int8.onnx is made of facenet128.onnx {sha256(source)}"


def is_current(source, target, lock):
    lines = lock.read_text(encoding="utf-8").splitlines() if lock.exists() else []
    return target.exists() and f"{sha256(target)}  {target.name}" in lines and stamp(source) in lines


def crops_of(ref, detector, part):
    """People's names and standardised crops [n][3][160][160] of the largest face of each photo."""
    import numpy as np
    _, *factors = ref.CROPS[detector.name]
    names, tensors = [], []
    for photo in sorted((SAMPLES / part).glob("*/*.jpg")):
        rgb = ref.decode(photo)
        boxes, _, points = detector.detect(rgb)
        if len(boxes):
            i = int(np.argmax(boxes[:, 2] * boxes[:, 3]))
            names.append(photo.parent.name)
            tensors.append(ref.standardise(ref.align(rgb, boxes[i], points[i], *factors)))
    return names, np.stack(tensors) if tensors else np.zeros((0, 3, 160, 160), np.float32)


def quantise(source, target, calibration):
    from onnxruntime import quantization as q
    from onnxruntime.quantization.shape_inference import quant_pre_process
    import onnx

    name = onnx.load(source, load_external_data=False).graph.input[0].name

    class Reader(q.CalibrationDataReader):
        def __init__(self):
            self.at = 0

        def get_next(self):
            batch = calibration[self.at:self.at + BATCH]
            self.at += BATCH
            return {name: batch} if len(batch) else None

    prepared = target.parent / "prepared.onnx"
    quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
    q.quantize_static(str(prepared), str(target), Reader(), quant_format=q.QuantFormat.QDQ, per_channel=True,
                      activation_type=q.QuantType.QUInt8, weight_type=q.QuantType.QInt8,
                      calibrate_method=q.CalibrationMethod.MinMax)


def embed(ref, path, tensors):
    import numpy as np
    run = ref.open_model(str(path))
    out = np.concatenate([next(iter(run(tensors[i:i + BATCH]).values())) for i in range(0, len(tensors), BATCH)])
    return out / np.linalg.norm(out, axis=1, keepdims=True)


def separation(names, vectors):
    """Mean cosine of photos of the same person, of different people, and the lowest and highest of them."""
    import numpy as np
    cos, same = vectors @ vectors.T, np.array(names)[:, None] == np.array(names)[None]
    pairs = np.triu(np.ones_like(same), 1)
    one, other = cos[same & pairs], cos[~same & pairs]
    return one.mean(), one.min(), other.mean(), other.max()


def report(names, before, after):
    cos = (before * after).sum(1)
    print(f"note:cosine to fp32 on {len(names)} other photos: mean {cos.mean():.5f}, least {cos.min():.5f}")
    for label, vectors in (("fp32", before), ("int8", after)):
        same, least, other, most = separation(names, vectors)
        print(f"note:{label}: same person {same:.3f} (least {least:.3f}), different people {other:.3f} (most {most:.3f})")
    return float(cos.min())


def write_lock(lock, target_sha, target_name, made_of):
    kept = [line for line in (lock.read_text(encoding="utf-8").splitlines() if lock.exists() else [])
            if target_name not in line]
    lock.write_text("\n".join(kept + [made_of, f"{target_sha}  {target_name}"]) + "\n", encoding="utf-8")


def make(models):
    import reference as ref
    source, target, lock = models / "facenet128.onnx", models / "facenet128_int8.onnx", models / "local.lock"
    if is_current(source, target, lock):
        return CACHED
    name = "yunet" if (models / "yunet.onnx").exists() else "retinaface"
    detector = ref.DETECTORS[name](str(models))
    _, calibration = crops_of(ref, detector, "train")
    names, others = crops_of(ref, detector, "val")
    if len(calibration) < 50 or len(names) < 10:
        sys.exit("there are too few sample photos in .deps/samples: tools/setup.sh run fetches them")
    with tempfile.TemporaryDirectory(dir=models, prefix=".part-") as folder:
        made = Path(folder) / target.name
        quantise(source, made, calibration)
        print(f"note:calibrated on {len(calibration)} faces found by {name}; "
              f"{source.stat().st_size / 1e6:.0f} MB -> {made.stat().st_size / 1e6:.0f} MB")
        if report(names, embed(ref, source, others), embed(ref, made, others)) < COSINE_LEAST:
            sys.exit("the int8 model is too far from fp32 on this processor: it is not kept")
        write_lock(lock, sha256(made), target.name, stamp(source))
        os.replace(made, target)
    return 0


def main(arguments):
    if len(arguments) > 1:
        sys.exit(__doc__)
    models = Path(arguments[0]) if arguments else ROOT / "data/models"
    if not has_vnni():
        sys.exit("int8 needs a processor with VNNI (avx512_vnni or avx_vnni), which this one has not: "
                 "its sums would overflow")
    if not (models / "facenet128.onnx").exists():
        sys.exit(f"there is no {models / 'facenet128.onnx'}: tools/setup.sh run makes it")
    sys.exit(make(models))


if __name__ == "__main__":
    main(sys.argv[1:])
