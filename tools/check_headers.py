"""Compiles every header of src/ alone, with the flags of its folder. Run: python3 tools/check_headers.py BUILD_DIR

BUILD_DIR has been built once (its compile_commands.json names the flags, its generated headers exist).
"""
import json
import os
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WITH_VALUE = {"-o", "-MF", "-MQ", "-MT"}


def flags_of(command):
    """The command without its compiler, input, output and dependency files."""
    words, kept, skip = shlex.split(command["command"]), [], False
    for word in words[1:]:
        if skip or word in WITH_VALUE:
            skip = not skip
        elif word not in ("-c", "-MD") and not word.endswith((".c", ".cc")):
            kept.append(word)
    return [words[0].removeprefix("ccache")] + kept if words[0] != "ccache" else kept


def by_folder(build):
    table = {}
    for command in json.loads((build / "compile_commands.json").read_text(encoding="utf-8")):
        source = Path(os.path.normpath(Path(command["directory"]) / command["file"]))
        if source.suffix == ".c" and source.is_relative_to(ROOT / "src"):
            table.setdefault(source.parent, flags_of(command))
    return table


def compile_header(header, flags, build):
    run = subprocess.run([*flags, "-fsyntax-only", "-Wno-error=pragmas", "-x", "c", "-"], cwd=build, text=True,
                         input=f'#include "{header.relative_to(ROOT / "src")}"\n', capture_output=True, check=False)
    return run.stderr if run.returncode else ""


def main():
    build = Path(sys.argv[1]).resolve()
    table = by_folder(build)
    fallback = table[ROOT / "src/base"]
    headers = sorted((ROOT / "src").rglob("*.h"))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda h: compile_header(h, table.get(h.parent, fallback), build), headers)
    found = [f"{h.relative_to(ROOT)}: does not compile alone\n{text}" for h, text in zip(headers, results) if text]
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
