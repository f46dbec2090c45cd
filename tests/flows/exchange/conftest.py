"""Two installations and a mailbox server, for each test."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from exchange_world import Exchanging, exchanging


@pytest.fixture
def two(tmp_path: Path, new_database: Callable[[Path], str]) -> Iterator[Exchanging]:
    """Both sides."""
    with exchanging(new_database, tmp_path) as found:
        yield found
