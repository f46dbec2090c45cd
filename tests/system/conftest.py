"""One `wardgate up --demo` for the tests that only call it; tests that stop, kill or fill one start their own."""

import functools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from postgresql_server import PostgreSQLServer
from system import running as system

pytest.register_assert_rewrite("system.system_commands")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here starts a real Envoy."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("envoy")


@pytest.fixture(scope="package")
def wardgate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The Wardgate of the folder. What a test changes in it, it changes back."""
    with system.running(tmp_path_factory.mktemp("shared")) as one:
        print(f"\nfirst start to ready: {one.seconds_to_ready:.2f} s")
        yield one


@pytest.fixture(scope="module")
def new_wardgate(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., AbstractContextManager[Any]]:
    """Start another one; arguments go to `running`."""
    return lambda *arguments, **more: system.running(tmp_path_factory.mktemp("own"), *arguments, **more)


@pytest.fixture
def client(wardgate: Any) -> Iterator[httpx2.Client]:
    """A caller of the shared Wardgate's TLS port."""
    with wardgate.client() as one:
        yield one


@pytest.fixture(scope="package")
def new_certificate(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[Path, Path]]:
    """Issue a certificate with the command line: (wardgate, application) -> (chain, key)."""
    directory = tmp_path_factory.mktemp("certificates")
    return lambda wardgate, application: system.certificate(wardgate, application, directory)


@pytest.fixture(scope="package")
def certified(wardgate: Any, new_certificate: Callable[..., tuple[Path, Path]]) -> Callable[[str], tuple[Path, Path]]:
    """Return the certificate of an application of the shared Wardgate, issued once."""
    return functools.cache(lambda application: new_certificate(wardgate, application))


@pytest.fixture(scope="package")
def until() -> Callable[..., Any]:
    """Return the function that waits for something to become true."""
    return system.until  # type: ignore[no-any-return]


@pytest.fixture(scope="package")
def backends_apart() -> Iterator[int]:
    """The port of the demo's backends in a process of their own: those of `up --demo` end with it."""
    with system.backends_apart() as port:
        yield port


@pytest.fixture(scope="package")
def postgresql() -> Iterator[Any]:
    """A PostgreSQL server of this folder."""
    server = PostgreSQLServer()
    try:
        server.wait()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def database_url(postgresql: Any, request: pytest.FixtureRequest) -> str:
    """An empty database of this file."""
    name = request.module.__name__.rpartition(".")[2]
    postgresql.execute(f"CREATE DATABASE {name}")
    return str(postgresql.url(name))
