#!/usr/bin/env python3
"""Turns src/store/sql/*.sql and migrations/ into C: the only way SQL gets into the program.

    embed_sql.py queries SQL_DIR OUT_H OUT_C          store/queries.h and its texts
    embed_sql.py migrations MIGRATIONS_DIR OUT_C      the table behind store/migrate.h

A query file holds queries such as

    -- name: student_by_id :one
    SELECT id, name FROM student WHERE id = $1;

with :one (zero or one row), :many, :stream (more rows than should be in memory at once), or :exec
(no rows). Where the dialects differ, the text of each
follows a line `-- dialect: sqlite` or `-- dialect: postgres`, and both must be there. Parameters
are $1, $2 ...; SQLite takes $1 for a NAME numbered by first appearance, so its text gets ?1.

The build fails on a duplicate name, a missing dialect, parameters with a gap, or dialects that take
a different number of them; migrations on a missing twin, a gap in the numbers, or a statement that
ends the transaction they run in.
"""
import hashlib
import pathlib
import re
import sys

DIALECTS = ("sqlite", "postgres")
KINDS = ("one", "many", "stream", "exec")
# What $n means nothing in: quoted text, quoted names, comments.
TOKENS = re.compile(r"('(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*)|\$(\d+)")


def fail(where, text):
    sys.exit(f"embed_sql: {where}: {text}")


def c_string(text):
    """text as adjacent C string literals, a line each."""
    lines = []
    for line in text.splitlines(keepends=True):
        quoted = line.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        lines.append(f'        "{quoted}"')
    return "\n" + "\n".join(lines)


def parameters(text):
    return {int(m.group(2)) for m in TOKENS.finditer(text) if m.group(2)}


def for_sqlite(text):
    return TOKENS.sub(lambda m: m.group(1) if m.group(1) else "?" + m.group(2), text)


def without_comments(text):
    return TOKENS.sub(lambda m: "" if m.group(0).startswith("--") else m.group(0), text)


class Query:
    def __init__(self, where, name, kind):
        self.where, self.name, self.kind = where, name, kind
        self.texts = {"": []}
        self.dialect = ""

    def add(self, line):
        m = re.fullmatch(r"--\s*dialect:\s*(\S+)\s*", line)
        if not m:
            self.texts[self.dialect].append(line)
            return
        self.dialect = m.group(1)
        if self.dialect not in DIALECTS:
            fail(self.where, f"{self.name}: unknown dialect {self.dialect}")
        if self.dialect in self.texts:
            fail(self.where, f"{self.name}: dialect {self.dialect} twice")
        self.texts[self.dialect] = []

    def text(self, dialect):
        """The statement on one line, without comments and the last semicolon."""
        text = without_comments("\n".join(self.texts.get(dialect, self.texts[""])))
        lines = [line.strip() for line in text.splitlines()]
        return " ".join(line for line in lines if line).rstrip("; ")

    def check(self):
        own = [d for d in DIALECTS if d in self.texts]
        missing = [d for d in DIALECTS if d not in self.texts]
        if own and missing:
            fail(self.where, f"{self.name}: no text for dialect {missing[0]}")
        if own and self.text(""):
            fail(self.where, f"{self.name}: text before the first dialect line")
        counts = {}
        for d in DIALECTS:
            text = self.text(d)
            if not text:
                fail(self.where, f"{self.name}: empty")
            if ";" in TOKENS.sub("", text):
                fail(self.where, f"{self.name}: more than one statement")
            used = parameters(text)
            if used != set(range(1, len(used) + 1)):
                fail(self.where, f"{self.name}: parameters {sorted(used)} have a gap ({d})")
            counts[d] = len(used)
        if len(set(counts.values())) != 1:
            fail(self.where, f"{self.name}: unequal parameter counts {counts}")
        self.params = counts["sqlite"]


def read_queries(folder):
    queries = {}
    for path in sorted(pathlib.Path(folder).glob("*.sql")):
        query = None
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            m = re.fullmatch(r"--\s*name:\s*([a-z][a-z0-9_]*)\s+:(\w+)\s*", line)
            if m:
                where = f"{path.name}:{number}"
                query = Query(where, m.group(1), m.group(2))
                if query.kind not in KINDS:
                    fail(where, f"{query.name}: unknown kind :{query.kind}")
                if query.name in queries:
                    fail(where, f"{query.name} is in {queries[query.name].where} already")
                queries[query.name] = query
            elif re.match(r"--\s*name:", line):
                fail(f"{path.name}:{number}", f"cannot read '{line}'")
            elif query:
                query.add(line)
            elif line.strip() and not line.startswith("--"):
                fail(f"{path.name}:{number}", "text before the first name line")
    for query in queries.values():
        query.check()
    if not queries:
        fail(folder, "no queries")
    return list(queries.values())


QUERIES_H = """/* Made by tools/embed_sql.py from src/store/sql; do not edit. The queries by name. */
#pragma once

enum query {
%s
};
enum { QUERY_N = %d };

/* A query and its text for each back end; `rows` is false for :exec, `stream` true for :stream. */
struct query_text {
    const char *name;
    int params;
    int rows;
    int stream;
    const char *sqlite;
    const char *postgres;
};

/* Indexed by enum query. */
extern const struct query_text query_texts[QUERY_N];
"""


def write_queries(folder, out_h, out_c):
    queries = read_queries(folder)
    names = "\n".join(f"    Q_{q.name.upper()}," for q in queries)
    pathlib.Path(out_h).write_text(QUERIES_H % (names, len(queries)), encoding="utf-8")
    rows = []
    for q in queries:
        rows.append(
            f"    [Q_{q.name.upper()}] = {{\n"
            f'        .name = "{q.name}", .params = {q.params}, .rows = {int(q.kind != "exec")},'
            f' .stream = {int(q.kind == "stream")},\n'
            f"        .sqlite = {c_string(for_sqlite(q.text('sqlite')))},\n"
            f"        .postgres = {c_string(q.text('postgres'))}}},\n")
    text = ("/* Made by tools/embed_sql.py from src/store/sql; do not edit. */\n"
            '#include "store/queries.h"\n\n'
            "const struct query_text query_texts[QUERY_N] = {\n" + "".join(rows) + "};\n")
    pathlib.Path(out_c).write_text(text, encoding="utf-8")


def read_migrations(folder):
    files = {d: sorted(p.name for p in (pathlib.Path(folder) / d).glob("*.sql")) for d in DIALECTS}
    if files["sqlite"] != files["postgres"]:
        odd = sorted(set(files["sqlite"]) ^ set(files["postgres"]))
        fail(folder, f"not in both folders: {', '.join(odd)}")
    for number, name in enumerate(files["sqlite"], 1):
        m = re.fullmatch(r"(\d{4})_([a-z0-9_]+)\.sql", name)
        if not m or int(m.group(1)) != number:
            fail(folder, f"{name}: expected {number:04d}_name.sql")
    return files["sqlite"]


def write_migrations(folder, out_c):
    rows = []
    for name in read_migrations(folder):
        number, title = int(name[:4]), name[5:-4]
        row = f'    {{.version = {number}, .name = "{title}",\n'
        for d in DIALECTS:
            raw = (pathlib.Path(folder) / d / name).read_bytes()
            text = raw.decode("utf-8")
            if re.search(r"^\s*(BEGIN|COMMIT|ROLLBACK)\b.*;", text, re.IGNORECASE | re.MULTILINE):
                fail(f"{d}/{name}", "a migration runs inside a transaction and must not end it")
            row += f"     .{d} = {{.sha256 = \"{hashlib.sha256(raw).hexdigest()}\",\n"
            row += f"      .sql = {c_string(text)}}},\n"
        rows.append(row + "    },\n")
    text = ("/* Made by tools/embed_sql.py from migrations; do not edit. */\n"
            '#include "store/migrate.h"\n\n'
            "const struct migration_text migration_texts[] = {\n" + "".join(rows) + "};\n"
            f"const int migration_text_n = {len(rows)};\n")
    pathlib.Path(out_c).write_text(text, encoding="utf-8")


def main(argv):
    if len(argv) == 5 and argv[1] == "queries":
        write_queries(*argv[2:])
    elif len(argv) == 4 and argv[1] == "migrations":
        write_migrations(*argv[2:])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv)
