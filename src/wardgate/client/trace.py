"""The trace headers: X-Request-ID per logical request, X-Correlation-ID per transaction (application-restricted 10, 16)."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

import httpx2

REQUEST_ID: Final = "X-Request-ID"
CORRELATION_ID: Final = "X-Correlation-ID"
ODS: Final = "NHSD-End-User-Organisation-ODS"

_transaction: ContextVar[str | None] = ContextVar("wardgate_transaction", default=None)


@contextmanager
def transaction(correlation_id: str | None = None) -> Iterator[str]:
    """Give every request inside the block the same X-Correlation-ID: the one given, or a new UUID."""
    chosen = correlation_id or str(uuid.uuid4())
    token = _transaction.set(chosen)
    try:
        yield chosen
    finally:
        _transaction.reset(token)


def add_trace_headers(request: httpx2.Request) -> None:
    """Give a request its ids unless it has them, so that another attempt of it keeps them.

    A request outside any `transaction` is a transaction of its own.
    """
    if REQUEST_ID not in request.headers:
        request.headers[REQUEST_ID] = str(uuid.uuid4())
    if CORRELATION_ID not in request.headers:
        request.headers[CORRELATION_ID] = _transaction.get() or str(uuid.uuid4())


async def add_trace_headers_async(request: httpx2.Request) -> None:
    """Do the same as an event hook of `httpx2.AsyncClient`."""
    add_trace_headers(request)
