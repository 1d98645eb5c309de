#!/usr/bin/env python3
"""How fast imports are, and how long they keep other writers waiting.

usage: PYTHONPATH=tests/integration .deps/venv/bin/python bench/imports.py [STUDENTS COURSES ROSTER_LINES]
       default 10000 500 50000; on PostgreSQL when ROLLCALL_TEST_POSTGRES names one (tests/integration/database.py)

Starts a server on an empty database. While each import runs, another client makes one small write after the other (a
camera); the longest of them is how long marking would have waited. Prints a table.
"""
import os
import random
import sys
import tempfile
import threading
import time
from pathlib import Path

import database
from program import Server


class Writer:
    """Small writes, one after the other; `longest` is the slowest since the last reset."""

    def __init__(self, server):
        self.api, self.longest, self.n, self.stopped = server.api.with_token(server.api.token), 0.0, 0, False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.stopped:
            begin = time.perf_counter()
            self.api.post("/v1/cameras", {"name": f"camera {self.n}"})
            self.longest = max(self.longest, time.perf_counter() - begin)
            self.n += 1
            time.sleep(0.002)

    def reset(self):
        self.longest = 0.0

    def stop(self):
        self.stopped = True
        self.thread.join()


def main():
    students, courses, lines = map(int, sys.argv[1:4]) if len(sys.argv) > 3 else (10_000, 500, 50_000)
    random.seed(1)
    pairs = random.sample(range(students * courses), lines)
    files = {
        "students": "external_id,name,email\n" + "".join(f"S-{i},Given{i} Family{i},s{i}@example.org\n" for i in range(students)),
        "courses": "code,term,title\n" + "".join(f"C-{i},2026W,Course {i}\n" for i in range(courses)),
        "rosters": "course,term,external_id\n" + "".join(f"C-{p % courses},2026W,S-{p // courses}\n" for p in pairs),
    }
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder) / "data").start()
        writer = Writer(server)
        print(f"{'PostgreSQL' if database.POSTGRES else 'SQLite'}, {os.cpu_count()} cores")
        print(f"{'import':10} {'':12} {'lines':>7} {'seconds':>8} {'lines/s':>9} {'written in':>11} {'others waited':>14}")
        for what, text in files.items():
            for name, query in (("dry run", {"dry_run": 1}), ("applied", {}), ("again", {})):
                writer.reset()
                begin = time.perf_counter()
                report = server.api.ask("POST", f"/v1/imports/{what}", 200, content=text.encode(), params=query,
                                        headers={"content-type": "text/csv"}).json()
                took = time.perf_counter() - begin
                n = text.count("\n") - 1
                assert report["counts"]["unchanged" if name == "again" else "create"] == n, report["counts"]
                print(f"{what:10} {name:12} {n:7} {took:8.2f} {n / took:9.0f} {report['write_ms']:8.0f} ms {writer.longest * 1000:11.0f} ms")
        writer.stop()
        server.stop()


if __name__ == "__main__":
    main()
