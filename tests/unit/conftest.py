"""What unit tests share: a PostgreSQL server of their own."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

BINARIES = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    """A server, run by a user that is not root: its URL, to which the name of a database is put."""
    if BINARIES is None:
        pytest.skip("needs the Debian package `postgresql`")
    pytest.importorskip("psycopg", reason="needs the extra `postgresql`")
    root = os.geteuid() == 0
    user = "postgres" if root else pwd.getpwuid(os.geteuid()).pw_name
    become = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] if root else []
    # A socket's path must be short, and the parents of `tmp_path` are private.
    room = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))
    shutil.chown(room, user)
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": room}
    made = ["-D", room / "data", "-A", "trust", "-U", user, "-N"]
    texts = ["--locale-provider=icu", "--icu-locale=en-US", "--encoding=UTF8"]
    subprocess.run([*become, BINARIES / "initdb", *made, *texts], check=True, **quiet)
    for _ in range(5):  # a port that was free may be taken before the server has it, which then ends
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        server = [BINARIES / "postgres", "-D", room / "data", "-p", port, "-F", "-k", room, "-h", "127.0.0.1"]
        process = subprocess.Popen([*become, *server], start_new_session=True, **quiet)
        ready = [BINARIES / "pg_isready", "-h", room, "-p", port]  # by the socket in a room that is ours
        end = time.monotonic() + 120
        while process.poll() is None and subprocess.run(ready, check=False, **quiet).returncode:
            assert time.monotonic() < end, "it did not come up"
            time.sleep(0.1)
        if process.poll() is None:
            break
    try:
        yield f"postgresql+psycopg://{user}@127.0.0.1:{port}/"
    finally:
        process.send_signal(signal.SIGQUIT)
        process.wait(120)
        shutil.rmtree(room, ignore_errors=True)
