#!/usr/bin/env python3
"""Turns models/models.lock into the C table that src/vision/model_lock.h declares.

usage: embed_lock.py LOCK OUT.c      stops, naming the row, when a field is missing or malformed
"""
import json
import re
import sys
from pathlib import Path

KINDS = {"detector": "MODEL_DETECTOR", "encoder": "MODEL_ENCODER", "liveness": "MODEL_LIVENESS"}
HEAD = """/* Made from models.lock by tools/embed_lock.py: change that file, not this one. */
#include "vision/model_lock.h"

const struct model_lock model_locks[] = {
"""
ROW = """    {{.name = {name},
     .kind = {kind},
     .file = {file},
     .sha256 = {sha256},
     .licence = {licence},
     .tier = {tier},
     .measured = {measured},
     .upstream = {upstream},
     .source_note = {note}}},
"""
TAIL = """}};
const int model_lock_n = {count};
"""


def c_string(text):
    if not re.fullmatch(r'[\x20-\x7e]*', text):
        raise ValueError(f"only printable ASCII goes into the table: {text!r}")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def note(source):
    """One line for people: where the model comes from."""
    where = f"{source['ecosystem']} {source['package']} {source['version']}"
    names = [f["file"] for f in source["files"]] if "files" in source else [source["member"]]
    return f"{where}: {', '.join(names)}"


def row(model):
    if not re.fullmatch(r"[a-z0-9_]+", model["name"]) or model["file"] != model["name"] + ".onnx":
        raise ValueError("name must be of a-z 0-9 _, file must be NAME.onnx")
    if not re.fullmatch(r"[0-9a-f]{64}", model["sha256"]):
        raise ValueError("sha256 must be 64 lower-case hexadecimal digits")
    if model["tier"] not in (1, 2):
        raise ValueError("tier must be 1 or 2")
    if not isinstance(measured := model.get("measured", True), bool):
        raise ValueError("measured must be true or false")
    addresses = [f["url"] for source in model["sources"] for f in source.get("files", [])]
    return ROW.format(name=c_string(model["name"]), kind=KINDS[model["kind"]], file=c_string(model["file"]),
                      sha256=c_string(model["sha256"]), licence=c_string(model["licence"]), tier=model["tier"],
                      measured=str(measured).lower(), upstream=c_string(" ".join(addresses)),
                      note=c_string("; ".join(map(note, model["sources"]))))


def main(arguments):
    if len(arguments) != 2:
        sys.exit(__doc__)
    models = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))["models"]
    rows, names = [], set()
    for model in models:
        name = model.get("name", f"row {len(rows) + 1}")
        try:
            if name in names:
                raise ValueError("stands twice")
            names.add(name)
            rows.append(row(model))
        except (KeyError, TypeError, ValueError) as error:
            sys.exit(f"{arguments[0]}: {name}: {type(error).__name__} {error}")
    Path(arguments[1]).write_text(HEAD + "".join(rows) + TAIL.format(count=len(rows)), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
