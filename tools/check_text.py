"""Fails on text that does not belong into a commit. Run: python3 tools/check_text.py RULE

RULE is one of: unfinished (notes about work left), comments (// in C; in C++ clang-format itself writes some), places (paths of one machine, hosts of package registries),
whitespace (tabs in C, blanks at line ends, no newline at the end).
"""
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
C = (".c", ".h", ".cc")
BINARY = (".jpg", ".jpeg", ".png", ".webp", ".heic", ".onnx", ".npz", ".gif", ".svg", ".bin", ".zip")
UNFINISHED = re.compile(r"\b(TO[D]O|FI[X]ME|X{3})\b")
PLACES = re.compile(r"(?<![\w.])/(work|root|home/[a-z]\w*)/|pypi[.]org|pythonhosted[.]org|npmjs[.]org|npmjs[.]com/"
                    r"|yarnpkg[.]com|deb[.]debian[.]org|static[.]crates|proxy[.]golang")
# String and character literals and block comments, so that what is left is code.
NOT_CODE = re.compile(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|/\*.*?\*/', re.S)


def files():
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True, text=True,
                            stdout=subprocess.PIPE).stdout.split("\n")
    return sorted(p for p in set(listed) if p and (ROOT / p).is_file() and not p.endswith(BINARY))


def lines_with(pattern, names):
    for name in names:
        for number, line in enumerate((ROOT / name).read_text(encoding="utf-8").splitlines(), 1):
            if pattern.search(line):
                yield f"{name}:{number}: {line.strip()[:120]}"


def line_comments(names):
    for name in names:
        text = (ROOT / name).read_text(encoding="utf-8")
        code = NOT_CODE.sub(lambda m: "\n" * m[0].count("\n"), text)
        for number, line in enumerate(code.splitlines(), 1):
            if "//" in line:
                yield f"{name}:{number}: // comment: {line.strip()[:100]}"


def whitespace(names):
    for name in names:
        text = (ROOT / name).read_text(encoding="utf-8")
        if text and not text.endswith("\n"):
            yield f"{name}: no newline at the end"
        for number, line in enumerate(text.splitlines(), 1):
            if line != line.rstrip() or (name.endswith(C) and "\t" in line):
                yield f"{name}:{number}: blanks at the end of the line, or a tab"


def main():
    names = files()
    in_c = [n for n in names if n.endswith((".c", ".h"))]
    rules = {
        "unfinished": lambda: lines_with(UNFINISHED, names),
        "comments": lambda: line_comments(in_c),
        "places": lambda: lines_with(PLACES, names),
        "whitespace": lambda: whitespace(n for n in names if n.endswith((*C, ".py", ".sh", ".build", ".sql"))),
    }
    found = list(rules[sys.argv[1]]())
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
