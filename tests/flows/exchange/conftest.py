"""Two installations and a mailbox server, for each test."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from exchange_world import Exchanging, exchanging, undelayed


@pytest.fixture
def two(tmp_path: Path, new_database: Callable[[Path], str]) -> Iterator[Exchanging]:
    """Both sides."""
    with undelayed(tmp_path) as directory, exchanging(new_database, directory) as found:
        yield found


@pytest.fixture
def anyio_backend() -> str:
    """The loop of the rounds."""
    return "asyncio"
