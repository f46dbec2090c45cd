"""What every test may use, and how many workers run them: the whole suite by one for each core, a part of it by none."""

import gc
import os
import shutil
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from depth import examples
from scheduling import Units, rank

MOST_WORKERS = 4
"""More find nothing to do."""

# That a machine is busy is no finding.
settings.register_profile("suite", deadline=None, max_examples=examples(100), suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return how many workers `-n auto` is: it stands in pyproject.toml, and `-n 0` or `-n 3` on the command line wins."""
    chosen = config.option
    part = config.args_source is not pytest.Config.ArgsSource.TESTPATHS or chosen.keyword or chosen.markexpr or chosen.lf
    return 0 if part else min(len(os.sched_getaffinity(0)), MOST_WORKERS)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Units:
    """Spread units, not files."""
    return Units(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep twenty thousand tests from being searched for garbage, over and over: more than half of the time of finding them, and some of each later test's."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


class Folder(pytest.Package):
    """A folder of tests, which needs no `__init__.py`: what its fixtures of scope `package` have started ends with the last of its tests that follows."""

    def setup(self) -> None:
        """Import nothing."""


def pytest_collect_directory(path: Path, parent: pytest.Collector) -> Folder:
    """Have servers end with their folder: an idle one takes a twentieth of a processor."""
    return Folder.from_parent(parent, path=path)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the longest first where there are workers; without, the order is that of the folders."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: rank(item.nodeid))


@pytest.fixture(scope="session")
def new_database(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], str]:
    """Put an empty SQLite database with all its tables at a path, and return its URL: migrating each takes far longer."""
    from wardgate.stores import migrations  # noqa: PLC0415 - SQLAlchemy and Alembic, which most tests do not need
    from wardgate.stores.sql.engine import connect  # noqa: PLC0415

    migrated = tmp_path_factory.mktemp("migrated") / "wardgate.db"
    database = connect(f"sqlite:///{migrated}")
    migrations.upgrade(database)
    database.engine.dispose()

    def new(path: Path) -> str:
        shutil.copy(migrated, path)
        return f"sqlite:///{path}"

    return new
