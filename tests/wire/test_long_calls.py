"""How long calls may take on the port of certificates, where requests of any length come for mailboxes: with times that a test can wait for."""

import select
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import pytest

from wardgate.catalogue import API
from wardgate.dataplane.resources import listeners, route_parts
from wire.caller import Answer, caller_of
from wire.cast import Cast
from wire.harness import ServerThread, echo

REQUEST_SECONDS, USUAL_SECONDS = 1.0, 0.6
USUAL, LONG, MAILBOX = "/long/usual", "/long/more", "/messageexchange/ALICE/outbox"
BOUNDS = {USUAL: REQUEST_SECONDS + USUAL_SECONDS, LONG: REQUEST_SECONDS + 0.9}
MARGIN_SECONDS = 5.0


@pytest.fixture(scope="module")
def plane(cast: Cast, new_plane: Callable[..., AbstractContextManager[Any]]) -> Iterator[Any]:
    """An Envoy whose times are short, with something that answers in the mailbox server's place."""
    routes = [{"path": "/usual/*", "pattern": "open-access", "timeout_seconds": 0.4}, {"path": "/more/*", "pattern": "open-access", "timeout_seconds": 0.9}]

    def make(url: str) -> Any:
        return replace(cast.snapshot(url), apis=(API.model_validate({"name": "long", "base_path": "/long", "backend": url, "routes": routes}),))

    with pytest.MonkeyPatch.context() as patch:
        for module in (listeners, route_parts):
            patch.setattr(module, "REQUEST_SECONDS", REQUEST_SECONDS)
            patch.setattr(module, "USUAL_SECONDS", USUAL_SECONDS)
        with new_plane(make=make) as started:
            mailboxes = ServerThread(echo, uds=str(started.layout.messaging_socket))
            mailboxes.start()
            started.caller, started.identity = caller_of(started, cast.roots), cast.people["alpha"].identity
            yield started
            started.caller.close()
            mailboxes.stop()


def drip(plane: Any, listener: str, path: str, most_seconds: float) -> tuple[Answer, float]:
    """Send a body octet by octet until there is an answer, or for so long and then the rest; return the answer and when it came."""
    connection = plane.caller.connect(listener, plane.identity if listener == "mtls" else None)
    began = time.monotonic()
    try:
        connection.stream.sendall(f"POST {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        while time.monotonic() - began < most_seconds and not select.select([connection.stream], [], [], 0.1)[0]:
            connection.stream.sendall(b"1\r\nx\r\n")
        return connection.raw(b"0\r\n\r\n"), time.monotonic() - began
    finally:
        connection.close()


@pytest.mark.parametrize("path", BOUNDS)
def test_a_request_that_goes_on_and_on(plane: Any, path: str) -> None:
    """It is ended after the time for a request and for the route's backend, and not before."""
    answer, after = drip(plane, "mtls", f"{path}/x", BOUNDS[path] + MARGIN_SECONDS)
    assert (answer.status, answer.reason) == (408, "request-timeout")
    assert BOUNDS[path] - 0.05 <= after < BOUNDS[path] + MARGIN_SECONDS


@pytest.mark.parametrize(("path", "seconds"), [(USUAL, 0.4), (LONG, 0.9)])
def test_a_backend_has_the_time_that_its_route_says(plane: Any, path: str, seconds: float) -> None:
    """Counted from the end of the request: what the request took is not the backend's."""
    began = time.monotonic()
    answer = plane.caller.kept("mtls", plane.identity).send("GET", f"{path}/slow")
    assert (answer.status, answer.reason) == (504, "backend-timeout")
    assert seconds - 0.05 <= time.monotonic() - began < seconds + MARGIN_SECONDS
    answer, after = drip(plane, "mtls", f"{path}/x", 0.5)
    assert (answer.status, after < BOUNDS[path]) == (200, True)


def test_a_message_takes_as_long_as_its_line_needs(plane: Any) -> None:
    """Longer than any other call."""
    answer, after = drip(plane, "mtls", MAILBOX, 2.4)
    assert (answer.status, after > max(BOUNDS.values())) == (200, True)


def test_other_ports_bound_requests_by_themselves(plane: Any) -> None:
    """There nothing of any length comes."""
    answer, after = drip(plane, "https", f"{LONG}/x", REQUEST_SECONDS + MARGIN_SECONDS)
    assert (answer.status, answer.reason) == (408, "request-timeout")
    assert REQUEST_SECONDS - 0.05 <= after < REQUEST_SECONDS + MARGIN_SECONDS
