"""One Wardgate, one client application and one Chromium for the folder, and one browser context for each person.

NOTE: Playwright keeps an event loop in the thread it is started in, so its scope may not be wider than this folder.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from browser import browsing, client_application
from system import running as system

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here starts a real Envoy."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("envoy")


@pytest.fixture(scope="package")
def wardgate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The Wardgate that everybody here visits."""
    with system.running(tmp_path_factory.mktemp("browser")) as one:
        yield one


@pytest.fixture(scope="package")
def application(wardgate: Any) -> Iterator[Any]:
    """The application that people sign in to."""
    with client_application.running(wardgate) as one:
        yield one


@pytest.fixture(scope="package")
def chromium(wardgate: Any) -> Iterator[Browser]:
    """The browser program, started for the first test that asks."""
    with browsing.chromium(wardgate) as one:
        yield one


@pytest.fixture
def watched() -> Iterator[Any]:
    """What the pages of the test complain about; anything fails it."""
    found = browsing.Watched()
    yield found
    assert found.complaints == []


@pytest.fixture
def open_page(chromium: Browser, watched: Any) -> Iterator[Callable[..., Page]]:
    """Open a page of a browser that has visited nothing yet; arguments are those of a Playwright context."""
    contexts = []

    def open_one(**how: Any) -> Page:
        context = chromium.new_context(**how)
        contexts.append(context)
        watched.watch(context)
        return context.new_page()

    yield open_one
    for context in contexts:
        context.close()


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    """A page of a new browser."""
    return open_page()


@pytest.fixture(scope="package")
def until() -> Callable[..., Any]:
    """Return the function that waits for something to become true."""
    return system.until  # type: ignore[no-any-return]
