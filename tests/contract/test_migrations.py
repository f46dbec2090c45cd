"""The schema's history on every database: up, down, up; the same tables as the code's; one migrator at a time."""

import subprocess
import sys

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import BigInteger, inspect, text

from wardgate.audit import Event
from wardgate.keystores import Sealer
from wardgate.stores import SchemaMismatch, migrations, open_stores
from wardgate.stores.sql.engine import connect
from wardgate.stores.sql.schema import METADATA

START_TOGETHER = """
import sys
from wardgate.keystores import Sealer
from wardgate.stores import open_stores
sys.stdin.readline()
stores = open_stores(sys.argv[1], Sealer([b"k" * 32]))
print(stores.generation.current(), stores.values.set_if_absent("who", sys.argv[2]))
stores.close()
"""


def test_up_down_up(empty_url: str, sealer: Sealer, event: Event) -> None:
    """Down leaves nothing but the version table; up again gives stores that work."""
    database = connect(empty_url)
    for _ in range(2):
        migrations.upgrade(database)
        migrations.check(database)
        migrations.downgrade(database)
        assert inspect(database.engine).get_table_names() == ["alembic_version"]
    database.engine.dispose()
    stores = open_stores(empty_url, sealer)
    assert stores.documents.write([], [], event) == 1
    stores.close()


def test_migrated_tables_are_those_of_the_code(empty_url: str) -> None:
    """Columns, keys and indexes agree with `stores.sql.schema`; times are 64-bit numbers in both."""
    database = connect(empty_url)
    migrations.upgrade(database)
    with database.engine.connect() as connection:
        same_type = lambda _c, _i, _m, found, wanted: not isinstance(found, type(getattr(wanted, "impl", wanted))) and None  # noqa: E731
        context = MigrationContext.configure(connection, opts={"compare_type": same_type})
        assert compare_metadata(context, METADATA) == []
    if not database.is_sqlite:
        columns = {column["name"]: column for column in inspect(database.engine).get_columns("credentials")}
        assert isinstance(columns["issued"]["type"], BigInteger)
    database.engine.dispose()


def test_upgrade_twice_changes_nothing(empty_url: str) -> None:
    """A database of this version is left alone."""
    database = connect(empty_url)
    migrations.upgrade(database)
    migrations.upgrade(database)
    with database.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM generation")).scalar_one() == 1
    database.engine.dispose()


def test_unmigrated_database_is_refused(empty_url: str, sealer: Sealer) -> None:
    """Without leave to migrate, an empty database is not one of ours."""
    with pytest.raises(SchemaMismatch, match="was not migrated"):
        open_stores(empty_url, sealer, migrate=False)


@pytest.mark.parametrize("migrate", [True, False])
def test_database_of_a_newer_version_is_refused(empty_url: str, sealer: Sealer, migrate: bool) -> None:
    """A schema this version does not know is left as it is."""
    database = connect(empty_url)
    migrations.upgrade(database)
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaMismatch):
        open_stores(empty_url, sealer, migrate=migrate)
    with database.engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == "9999"
    database.engine.dispose()


def test_processes_that_start_together_migrate_once(empty_url: str) -> None:
    """Four processes open an empty database at the same moment: all work, on one schema and one set of values."""
    starts = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", START_TOGETHER, empty_url, str(number)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for number in range(4)
    ]
    ended = [process.communicate("\n", timeout=60) for process in starts]
    assert [process.returncode for process in starts] == [0] * 4, ended
    assert len({out for out, _ in ended}) == 1
    assert ended[0][0].startswith("0 ")
