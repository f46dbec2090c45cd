"""One Wardgate, one client application and one Chromium for the folder, and one browser context for each person.

NOTE: Playwright keeps an event loop in the thread it is started in, so it is ended before a test of another folder begins.
"""

import contextlib
from collections.abc import Callable, Generator, Iterator
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


class Program:
    """Chromium, started for the first test that asks, and ended after the last test of this folder that follows."""

    def __init__(self) -> None:
        self.browser: Browser | None = None
        self.ending = contextlib.ExitStack()

    def started(self, wardgate: Any) -> Browser:
        """Return the browser."""
        if self.browser is None:
            self.browser = self.ending.enter_context(browsing.chromium(wardgate))
        return self.browser

    def end(self) -> None:
        """End it, if it runs."""
        self.browser = None
        self.ending.close()


PROGRAM = Program()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, object, object]:
    """End Chromium when the next test is of another folder."""
    try:
        return (yield)
    finally:
        if nextitem is None or HERE not in nextitem.path.parents:
            PROGRAM.end()


@pytest.fixture(scope="session")
def wardgate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The Wardgate that everybody here visits."""
    with system.running(tmp_path_factory.mktemp("browser")) as one:
        yield one


@pytest.fixture(scope="session")
def application(wardgate: Any) -> Iterator[Any]:
    """The application that people sign in to."""
    with client_application.running(wardgate) as one:
        yield one


@pytest.fixture
def chromium(wardgate: Any) -> Browser:
    """The browser program."""
    return PROGRAM.started(wardgate)


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


@pytest.fixture(scope="session")
def until() -> Callable[..., Any]:
    """Return the function that waits for something to become true."""
    return system.until  # type: ignore[no-any-return]
