"""A PostgreSQL server of one's own for tests: a new cluster in a temporary folder, reached by a Unix socket alone.

    with Postgres() as server:
        ... server.url ...

Debian's package brings the programs; the superuser may not run them, so root becomes the user `postgres`. What it keeps
is not synced to the disk: it survives kill -9, not a power cut.
"""
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path


def programs():
    """The folder of the newest PostgreSQL on this machine."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda p: int(p.parts[-3]))
    if found:
        return found[-1].parent
    named = shutil.which("postgres")
    if not named:
        raise RuntimeError("PostgreSQL is not installed: tools/setup.sh test")
    return Path(named).parent


class Postgres:
    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="rollcall-postgres-", dir="/tmp"))
        self.process = None
        self.url = f"postgresql://rollcall@/postgres?host={self.folder}"

    def __enter__(self):
        root = os.geteuid() == 0
        self.become = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if root else []
        if root:
            user = pwd.getpwnam("postgres")
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        self.run("initdb", "-D", self.folder / "data", "-E", "UTF8", "--locale=C.UTF-8", "-A", "trust", "-U", "rollcall",
                 "--no-sync")
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, name, *words):
        subprocess.run([*self.become, programs() / name, *words], cwd="/", check=True, stdout=subprocess.DEVNULL)

    def start(self):
        with open(self.folder / "log", "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [*self.become, programs() / "postgres", "-D", self.folder / "data", "-k", self.folder,
                 "-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=200"],
                cwd="/", stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while subprocess.run([programs() / "pg_isready", "-q", "-h", self.folder], check=False).returncode != 0:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self.folder / "log").read_text(encoding="utf-8"))
            time.sleep(0.05)

    def replica(self):
        """A streaming replica of this server, running, with a folder of its own."""
        other = Postgres()
        other.become = self.become
        if self.become:
            user = pwd.getpwnam("postgres")
            os.chown(other.folder, user.pw_uid, user.pw_gid)
        self.run("pg_basebackup", "-D", other.folder / "data", "-h", self.folder, "-U", "rollcall", "-X", "stream", "-R",
                 "-c", "fast", "--no-sync")
        other.start()
        return other

    def close(self):
        """Stops the server and removes its folder."""
        self.__exit__()

    def kill(self):
        """kill -9 of the server; its children follow."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)  # fast: clients are disconnected
        self.process.wait(60)
