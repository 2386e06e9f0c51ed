"""A PostgreSQL server of its own, for as long as a test needs it. Needs Debian's package `postgresql`."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg2


def program(name: str) -> str:
    """Path of one of PostgreSQL's programs, which Debian keeps off PATH; AssertionError where it is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    path = str(found[-1]) if found else shutil.which(name)
    assert path, f"{name} must be installed: apt-get install postgresql"
    return path


@contextmanager
def postgres(*databases: str) -> Iterator[str]:
    """A server on a free port with these databases; `USER@HOST:PORT` of its URLs."""
    # It refuses to run as root, and then its folder has to be another user's.
    user = "postgres" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="retune-postgres-"))
    if user:
        shutil.chown(folder, user, user)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    data = folder / "data"
    made = subprocess.run(
        [program("initdb"), "--auth=trust", "--username=retune", "--no-sync", "--pgdata", str(data)],
        capture_output=True,
        text=True,
        check=False,
        user=user,
        cwd=folder,
    )
    assert made.returncode == 0, made.stderr
    server = subprocess.Popen(
        [program("postgres"), "-D", str(data), "-h", "127.0.0.1", "-p", str(port), "-k", str(folder), "-F"],
        stderr=subprocess.PIPE,
        text=True,
        user=user,
        cwd=folder,
    )
    try:
        assert server.stderr is not None
        said = []
        for line in server.stderr:
            said.append(line)
            if "ready to accept connections" in line:
                break
        else:
            raise AssertionError("".join(said))
        connection = psycopg2.connect(host="127.0.0.1", port=port, user="retune", dbname="postgres")
        connection.autocommit = True
        with connection.cursor() as cursor:
            for database in databases:
                cursor.execute(f'CREATE DATABASE "{database}"')
        connection.close()
        yield f"retune@127.0.0.1:{port}"
    finally:
        server.send_signal(signal.SIGINT)  # ends clients' sessions and shuts down
        server.communicate()
        shutil.rmtree(folder, ignore_errors=True)
