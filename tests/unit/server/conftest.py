"""A real store, a small manifest that can be changed part by part, and events to go with changes."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from wardgate.audit.model import Event, EventType
from wardgate.keystores import Sealer
from wardgate.manifest import Manifest
from wardgate.stores import Stores, open_stores

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.fixture
def stores(tmp_path: Path, new_database: Callable[[Path], str]) -> Iterator[Stores]:
    """The stores of one test."""
    opened = open_stores(new_database(tmp_path / "wardgate.db"), Sealer([bytes(32)]))
    yield opened
    opened.close()


@pytest.fixture
def new_event() -> Callable[..., Event]:
    """Make events as the command line does."""
    return lambda kind, application=None, **details: Event(kind, NOW, application=application, details=details)


@pytest.fixture
def event(new_event: Callable[..., Event]) -> Event:
    """An event to go with a change."""
    return new_event(EventType.MANIFEST_APPLIED)


@pytest.fixture
def manifest() -> Callable[..., Manifest]:
    """Make a manifest; sections given replace those of the small one."""
    def made(**sections: Any) -> Manifest:
        small: dict[str, Any] = {
            "environment": {"name": "trial"},
            "organisations": [{"ods": "Z9X01", "name": "Example Hospital"}],
            "apis": [{"name": "hello", "base_path": "/hello", "backend": "http://127.0.0.1:9001",
                      "routes": [{"path": "/", "pattern": "api-key"}]}],
            "products": [{"name": "hello", "apis": ["hello"]}],
            "applications": [{"name": "one", "organisation": "Z9X01", "products": ["hello"], "api_keys": [{"key": "one-key-for-a-trial"}]}],
        }
        return Manifest.model_validate(small | sections)

    return made
