"""Connecting: SQLite as a file in WAL mode, or PostgreSQL by URL, both with time limits.

A commit is on disk when it returns: `synchronous=FULL` on SQLite, `synchronous_commit=on` on PostgreSQL. The setting
`synchronous="normal"` trades that on SQLite: a power cut may then lose the last commits (SIGKILL of the process does
not), and the database stays whole.
"""

import os
import sqlite3
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from wardgate.stores.errors import StoreUnavailable

Synchronous = Literal["full", "normal"]

WRITE: Final = "wardgate_write"
"""The execution option that marks a transaction as one that will write."""

_POOL_SIZE: Final = 8
_CACHED_STATEMENTS: Final = 512
_CHECKPOINT_PAGES: Final = 4000
"""16 MiB of journal before it is copied into the database: a page that was written often is copied once."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long the database may take before `StoreUnavailable`."""

    connect_seconds: int = 5
    statement_seconds: int = 15
    lock_seconds: int = 5


@dataclass(frozen=True, slots=True)
class Database:
    """An engine and the lock that makes writers of this process take turns on SQLite.

    SQLite lets one connection write, and others poll for their turn; within a process a lock is fair and wakes at once.
    """

    engine: Engine
    writing: threading.Lock
    limits: Limits

    @property
    def is_sqlite(self) -> bool:
        """Whether this is SQLite; the only other is PostgreSQL."""
        return self.engine.dialect.name == "sqlite"


def connect(url: str, *, synchronous: Synchronous = "full", limits: Limits | None = None) -> Database:
    """Return the database at `url`: `sqlite:///PATH` or `postgresql://…`. Opens no connection yet.

    Raises `StoreUnavailable` for a URL of another kind, or of a database that would not outlive the process.
    """
    limits = limits or Limits()
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise StoreUnavailable("the database URL cannot be read; use sqlite:///PATH or postgresql://…") from None
    kind = parsed.get_backend_name()
    if kind == "sqlite":
        engine = _sqlite(parsed, synchronous, limits)
    elif kind in ("postgresql", "postgres"):
        engine = _postgresql(parsed.set(drivername="postgresql+psycopg"), limits)
    else:
        raise StoreUnavailable(f"{kind} is not a database Wardgate can use; use sqlite:///PATH or postgresql://…")
    return Database(engine, threading.Lock(), limits)


def _sqlite(url: URL, synchronous: Synchronous, limits: Limits) -> Engine:
    if not url.database or ":memory:" in url.database or url.query:
        raise StoreUnavailable("a SQLite database is a file and takes no options: sqlite:///PATH")
    _create_private_file(Path(url.database))
    engine = create_engine(
        url, hide_parameters=True, pool_size=_POOL_SIZE, max_overflow=0, pool_timeout=limits.lock_seconds,
        connect_args={
            "timeout": limits.lock_seconds, "isolation_level": None, "check_same_thread": False,
            "cached_statements": _CACHED_STATEMENTS,
        },
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: sqlite3.Connection, _record: Any) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={synchronous}")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA trusted_schema=OFF")
        connection.execute("PRAGMA cache_size=-16000")
        connection.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES}")
        connection.execute("PRAGMA journal_size_limit=67108864")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(WRITE, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _create_private_file(path: Path) -> None:
    """Make an empty database file for its owner only; SQLite gives its journals the same mode."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise StoreUnavailable(f"the database file cannot be opened: {error.strerror}") from None


def _postgresql(url: URL, limits: Limits) -> Engine:
    options = " ".join((
        f"-c statement_timeout={limits.statement_seconds * 1000}",
        f"-c lock_timeout={limits.lock_seconds * 1000}",
        f"-c idle_in_transaction_session_timeout={limits.statement_seconds * 1000}",
        "-c synchronous_commit=on",
    ))
    return create_engine(
        url, hide_parameters=True, pool_size=_POOL_SIZE, max_overflow=0, pool_timeout=limits.lock_seconds,
        pool_pre_ping=True, isolation_level="READ COMMITTED",
        connect_args={
            "connect_timeout": limits.connect_seconds, "options": options, "application_name": "wardgate",
            "keepalives_idle": 30, "keepalives_interval": 5, "keepalives_count": 3,
            "tcp_user_timeout": limits.statement_seconds * 1000,
        },
    )
