"""Lines as Envoy writes them."""

import json
from collections.abc import Callable
from typing import Any

import pytest

CALL: dict[str, Any] = {
    "kind": "call", "at": "1795230000.125", "message_id": "m-1", "request_id": "60e0b220-8136-4ca5-ae46-1d97ef59d068",
    "correlation_id": "c-1", "pair": "demo-app|hello-world", "client": "demo-app", "api": "hello-world", "route": "/hello/application",
    "pattern": "api-key", "method": "GET", "status": 200, "details": "via_upstream", "duration_ms": 3, "received_bytes": 0,
    "sent_bytes": 32, "caller": "127.0.0.1",
}
"""A call that was let through."""


@pytest.fixture
def line() -> Callable[..., bytes]:
    """Make a line: a good call with changes; members given as None are left out."""
    def made(**changes: Any) -> bytes:
        return json.dumps({name: value for name, value in (CALL | changes).items() if value is not None}).encode() + b"\n"

    return made
