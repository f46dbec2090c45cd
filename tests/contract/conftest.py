"""The two databases every store port is tested on: a SQLite file, and a real PostgreSQL that this folder starts."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Final

import pytest

from postgresql_server import PostgreSQLServer
from wardgate.audit import Event, EventType
from wardgate.keystores import Sealer
from wardgate.stores import Stores, migrations, open_stores
from wardgate.stores.sql.engine import Database, connect

NOW: Final = datetime(2026, 11, 21, 9, 30, 0, 123456, tzinfo=UTC)
STORE_KEY: Final = b"contract-suite-store-key-32bytes"

_numbers = count(1)


@pytest.fixture(scope="package")
def postgresql() -> Iterator[PostgreSQLServer]:
    """A PostgreSQL of this folder, with a migrated database to copy."""
    server = PostgreSQLServer()
    try:
        server.wait()
        server.execute("CREATE DATABASE migrated")
        database = connect(server.url("migrated"))
        migrations.upgrade(database)
        database.engine.dispose()
        yield server
    finally:
        server.stop()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without a schema."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/wardgate.db"
    server: PostgreSQLServer = request.getfixturevalue("postgresql")
    name = f"empty_{next(_numbers)}"
    server.execute(f"CREATE DATABASE {name}")
    return server.url(name)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path, new_database: Callable[[Path], str]) -> str:
    """The URL of a migrated database that no other test uses."""
    if request.param == "sqlite":
        return new_database(tmp_path / "wardgate.db")
    server: PostgreSQLServer = request.getfixturevalue("postgresql")
    name = f"copy_{next(_numbers)}"
    server.execute(f"CREATE DATABASE {name} TEMPLATE migrated")
    return server.url(name)


@pytest.fixture
def sealer() -> Sealer:
    """The store key of this suite."""
    return Sealer([STORE_KEY])


@pytest.fixture
def stores(url: str, sealer: Sealer) -> Iterator[Stores]:
    """Every store, on each database in turn."""
    opened = open_stores(url, sealer)
    yield opened
    opened.close()


@pytest.fixture
def again(url: str, sealer: Sealer) -> Iterator[Stores]:
    """The same stores as another process would open them."""
    opened = open_stores(url, sealer)
    yield opened
    opened.close()


@pytest.fixture
def database(url: str, stores: Stores) -> Iterator[Database]:
    """The database itself, for tests that change it behind the stores' back."""
    found = connect(url)
    yield found
    found.engine.dispose()


@pytest.fixture
def now() -> datetime:
    """The moment of every test."""
    return NOW


@pytest.fixture
def event() -> Event:
    """An event to record beside a change."""
    return Event(EventType.APPLICATION_CHANGED, NOW, application="demo-app", message_id="m-change")
