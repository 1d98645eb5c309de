"""The database of a server under test, read and changed from outside: SQLite, or PostgreSQL.

ROLLCALL_TEST_POSTGRES holds the address of a PostgreSQL database; each data folder then has a schema of its own in it.
Queries are written for both, parameters as `?`.
"""
import hashlib
import os
import sqlite3

POSTGRES = os.environ.get("ROLLCALL_TEST_POSTGRES", "")


def schema(folder):
    return "t" + hashlib.blake2b(str(folder).encode(), digest_size=8).hexdigest()


def url(folder):
    """What `database` must be for this data folder; None for the default."""
    if not POSTGRES:
        return None
    import psycopg  # only where it is needed: it wants libpq
    with psycopg.connect(POSTGRES, autocommit=True) as db:
        db.execute(f"CREATE SCHEMA IF NOT EXISTS {schema(folder)}")
    return f"{POSTGRES}{'&' if '?' in POSTGRES else '?'}options=-csearch_path%3D{schema(folder)}"


def environment(folder):
    """The environment that makes a command on this data folder use its database."""
    return {"ROLLCALL_DATABASE": url(folder)} if POSTGRES else {}


def execute(folder, query, *parameters):
    """Runs one statement and commits; gives the rows as dictionaries."""
    if POSTGRES:
        import psycopg
        from psycopg.rows import dict_row
        with psycopg.connect(url(folder), row_factory=dict_row) as db:
            done = db.execute(query.replace("?", "%s"), parameters)
            return done.fetchall() if done.description else []
    db = sqlite3.connect(folder / "rollcall.db")
    db.row_factory = sqlite3.Row
    try:
        with db:
            return [dict(row) for row in db.execute(query, parameters)]
    finally:
        db.close()
