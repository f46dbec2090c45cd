"""A mailbox server over SQLite and files, for each test."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from mesh_rows.place import Place, a_place
from wardgate.messaging import MeshSettings


@pytest.fixture
def anyio_backend() -> str:
    """Run on asyncio."""
    return "asyncio"


@pytest.fixture
def settings() -> MeshSettings:
    """The defaults; a test may have others."""
    return MeshSettings()


@pytest.fixture
async def place(anyio_backend: str, settings: MeshSettings, tmp_path: Path, new_database: Callable[[Path], str]) -> AsyncIterator[Place]:
    """The server."""
    async with a_place(new_database(tmp_path / "wardgate.db"), tmp_path / "bodies", settings) as found:
        yield found


@pytest.fixture
def new_place(tmp_path: Path, new_database: Callable[[Path], str]) -> Callable[..., Any]:
    """Make a server with other parts."""
    def new(settings: MeshSettings | None = None, **other: Any) -> Any:
        return a_place(new_database(tmp_path / "other.db"), tmp_path / "bodies", settings, **other)

    return new
