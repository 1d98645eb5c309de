"""Fails on an #include that tools/layers.txt does not allow. Run: python3 tools/check_layers.py

Prints one line for each arrow that must not be, `file:line: what`, and exits 1.
"""
import fnmatch
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')
# meson writes these; they belong to the folder they are named after.
GENERATED = {"store/queries.h"}


def read_rules(path):
    folders, libraries = {}, {}
    for line in path.read_text(encoding="utf-8").splitlines():
        line = line.split("#")[0].strip()
        if not line:
            continue
        name, _, allowed = line.partition(":")
        if name.startswith("<"):
            libraries[name.strip("<>")] = set(allowed.split())
        else:
            folders[name] = set(allowed.split())
    return folders, libraries


def wrong_own(source, header, folders, root):
    top = source.parts[0]
    if top not in folders:
        return f"folder {top} is not in tools/layers.txt"
    if "/" not in header:
        return f'"{header}": write "folder/file.h"'
    if header not in GENERATED and not (root / header).exists():
        return f'"{header}": no such file under src/'
    target = header.split("/")[0]
    if target != top and target not in folders[top]:
        return f'"{header}": {top} may include {" ".join(sorted(folders[top])) or "nothing"}'
    return None


def wrong_library(source, header, libraries):
    for pattern, owners in libraries.items():
        if fnmatch.fnmatch(header, pattern) and not {source.parts[0], source.as_posix()} & owners:
            return f"<{header}>: only {' '.join(sorted(owners))} may see it"
    return None


def check(root, rules):
    folders, libraries = read_rules(rules)
    for path in sorted(p for p in root.rglob("*") if p.suffix in (".c", ".h", ".cc")):
        source = path.relative_to(root)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            own = match[1] == '"'
            wrong = (wrong_own(source, match[2], folders, root) if own
                     else wrong_library(source, match[2], libraries))
            if wrong:
                yield f"src/{source}:{number}: {wrong}"


def main():
    found = list(check(ROOT / "src", ROOT / "tools/layers.txt"))
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
