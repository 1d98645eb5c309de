"""Fails on files and functions that are too long or too branched (STYLE: sizes). Run: python3 tools/check_sizes.py

A file above 1000 lines fails; above 600 its head comment must say why ("above 600 lines because ..."). A function
above 80 lines fails. A C function above 15 branches fails: the modified cyclomatic number of pmccabe, in which a
switch counts once, since -Wswitch-enum makes every switch name every case.
"""
import ast
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FILE_LINES, FILE_LINES_UNSAID, FUNCTION_LINES, BRANCHES = 1000, 600, 80, 15
HEAD_LINES = 30
SUFFIXES = (".c", ".h", ".cc", ".py", ".sh", ".sql")


def sources():
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True, text=True,
                            stdout=subprocess.PIPE).stdout.split("\n")
    return sorted(ROOT / p for p in set(listed) if p.endswith(SUFFIXES) and (ROOT / p).is_file())


def wrong_length(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    if len(lines) > FILE_LINES:
        yield f"{path.relative_to(ROOT)}: {len(lines)} lines, at most {FILE_LINES}"
    elif len(lines) > FILE_LINES_UNSAID and not re.search(r"600 lines", "\n".join(lines[:HEAD_LINES])):
        yield f"{path.relative_to(ROOT)}: {len(lines)} lines, and its head does not say why it is above 600 lines"


def wrong_python(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            lines = node.end_lineno - node.lineno + 1
            if lines > FUNCTION_LINES:
                yield f"{path.relative_to(ROOT)}:{node.lineno}: {node.name} has {lines} lines, at most {FUNCTION_LINES}"


def wrong_c(paths):
    out = subprocess.run(["pmccabe", *map(str, paths)], check=True, text=True, stdout=subprocess.PIPE).stdout
    for row in out.splitlines():
        branches, _, _, line, lines, rest = row.split("\t")
        path, name = Path(rest.split("(")[0]).relative_to(ROOT), rest.split(": ", 1)[-1]
        if int(lines) > FUNCTION_LINES:
            yield f"{path}:{line}: {name} has {lines} lines, at most {FUNCTION_LINES}"
        if int(branches) > BRANCHES:
            yield f"{path}:{line}: {name} has a cyclomatic number of {branches}, at most {BRANCHES}"


def main():
    files = sources()
    found = [w for path in files for w in wrong_length(path)]
    found += [w for path in files if path.suffix == ".py" for w in wrong_python(path)]
    found += wrong_c([path for path in files if path.suffix in (".c", ".cc")])
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
