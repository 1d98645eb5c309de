"""tools/embed_sql.py refuses what would go wrong later, and numbers parameters for SQLite.
Run: .deps/venv/bin/python -m pytest tests/tools
"""
import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).resolve().parents[2] / "tools/embed_sql.py"


def run(*args):
    return subprocess.run([sys.executable, TOOL, *map(str, args)], capture_output=True, text=True, check=False)


def queries(tmp_path, text):
    folder = tmp_path / "sql"
    folder.mkdir()
    (folder / "a.sql").write_text(text, encoding="utf-8")
    return run("queries", folder, tmp_path / "q.h", tmp_path / "q.c")


GOOD = "-- name: one :one\nSELECT '$9' AS x, $2 AS b, $1 AS a; -- $7\n"
BAD = {
    "a duplicate": (GOOD + GOOD, "already"),
    "a missing dialect": ("-- name: q :one\n-- dialect: sqlite\nSELECT 1;\n", "no text for dialect postgres"),
    "unequal parameter counts": (
        "-- name: q :one\n-- dialect: sqlite\nSELECT $1;\n-- dialect: postgres\nSELECT 1;\n", "unequal parameter counts"),
    "a gap in the parameters": ("-- name: q :one\nSELECT $2;\n", "gap"),
    "an unknown dialect": ("-- name: q :one\n-- dialect: mysql\nSELECT 1;\n", "unknown dialect"),
    "an unknown kind": ("-- name: q :some\nSELECT 1;\n", "unknown kind"),
    "a name that cannot be read": ("-- name: Q one\nSELECT 1;\n", "cannot read"),
    "two statements": ("-- name: q :exec\nSELECT 1; SELECT 2;\n", "more than one"),
    "an empty query": ("-- name: q :exec\n", "empty"),
    "text before a name": ("SELECT 1;\n" + GOOD, "before the first name"),
    "no query at all": ("-- nothing\n", "no queries"),
}


def test_parameters_become_numbered_for_sqlite_and_stay_for_postgres(tmp_path):
    result = queries(tmp_path, GOOD)
    assert result.returncode == 0, result.stderr
    text = (tmp_path / "q.c").read_text(encoding="utf-8")
    assert "SELECT '$9' AS x, ?2 AS b, ?1 AS a" in text
    assert "SELECT '$9' AS x, $2 AS b, $1 AS a" in text
    assert "Q_ONE" in (tmp_path / "q.h").read_text(encoding="utf-8")


@pytest.mark.parametrize("what", BAD)
def test_the_build_fails_on(tmp_path, what):
    text, says = BAD[what]
    result = queries(tmp_path, text)
    assert result.returncode != 0
    assert says in result.stderr


@pytest.mark.parametrize(("sqlite", "postgres", "text", "says"), [
    (["0001_a"], ["0001_b"], "SELECT 1;", "not in both folders"),
    (["0001_a", "0003_b"], ["0001_a", "0003_b"], "SELECT 1;", "expected 0002"),
    (["0001_a"], ["0001_a"], "CREATE TABLE t (x);\nCOMMIT;\n", "transaction"),
])
def test_migrations_are_refused(tmp_path, sqlite, postgres, text, says):
    for dialect, names in (("sqlite", sqlite), ("postgres", postgres)):
        (tmp_path / dialect).mkdir()
        for name in names:
            (tmp_path / dialect / f"{name}.sql").write_text(text, encoding="utf-8")
    result = run("migrations", tmp_path, tmp_path / "m.c")
    assert result.returncode != 0
    assert says in result.stderr
