"""One Envoy for all wire tests, with the cast of `cast.py`. Tests that need another shape of Envoy start their own."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from wire import caller, harness
from wire.cast import Cast


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here starts a real Envoy."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("envoy")


@pytest.fixture(scope="package")
def cast(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Keys, tokens and certificates."""
    return Cast(tmp_path_factory.mktemp("cast"))


@pytest.fixture(scope="package")
def new_plane(cast: Any, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., AbstractContextManager[Any]]:
    """Start another Envoy with the cast; other arguments go to `Cast.snapshot`, unless `make(backend_url)` makes the snapshot."""

    def start(*, make: Any = None, withheld: tuple[str, ...] = (), tls: Any = None, public: Any = None, **more: Any) -> AbstractContextManager[Any]:
        first = make or (lambda url: cast.snapshot(url, **more))
        return harness.running(tmp_path_factory.mktemp("envoy"), tls or cast.tls(), first, withheld=withheld, public=public)

    return start


@pytest.fixture(scope="package")
def shared_plane(new_plane: Any, cast: Any) -> Iterator[Any]:
    """The Envoy of the folder, with a connection that began to send its headers and went quiet."""
    with new_plane() as plane:
        plane.slow = caller.caller_of(plane, cast.roots).connect("http")
        plane.slow.stream.sendall(b"GET /hello-world/open HTTP/1.1\r\nHost: a\r\nX-Slow: ")
        yield plane
        plane.slow.close()


@pytest.fixture
def plane(shared_plane: Any, cast: Any) -> Any:
    """The Envoy of the folder, with the world as it was at the beginning."""
    shared_plane.tls = cast.tls() if shared_plane.tls is None else shared_plane.tls
    shared_plane.publish(cast.snapshot(shared_plane.backend_url))
    return shared_plane


@pytest.fixture(scope="package")
def send(shared_plane: Any, cast: Any) -> Iterator[Any]:
    """A caller of the folder's Envoy."""
    found = caller.caller_of(shared_plane, cast.roots)
    yield found
    found.close()
