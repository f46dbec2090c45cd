"""Clients put together: trust, retries, trace headers and time limits in one call."""

import ssl
from typing import Any, Final

import httpx2

from wardgate.client.environments import Environment
from wardgate.client.retry import AsyncRetryTransport, RetryPolicy, RetryTransport
from wardgate.client.trace import ODS, add_trace_headers, add_trace_headers_async

DEFAULT_TIMEOUT: Final = httpx2.Timeout(30.0, connect=10.0)


def api_client(
    base_url: str | Environment, *, auth: httpx2.Auth | None = None, tls: ssl.SSLContext | None = None,
    retry: RetryPolicy | None = None, ods: str | None = None, timeout: httpx2.Timeout = DEFAULT_TIMEOUT,
    proxy: str | None = None, transport: httpx2.BaseTransport | None = None,
) -> httpx2.Client:
    """Return a client for the API or environment at `base_url`. Redirects are not followed: they could carry off a key.

    `ods` is the organisation that the caller acts for. `proxy` is the URL of a forward proxy; the
    environment's are not looked at. `transport` replaces the network, `tls` and `proxy` (in tests, mostly).
    Raises `ClearTextRefused` for plain HTTP to another machine.
    """
    inner = transport or httpx2.HTTPTransport(verify=tls or ssl.create_default_context(), proxy=proxy)
    return httpx2.Client(
        transport=RetryTransport(inner, retry), event_hooks={"request": [add_trace_headers]},
        **_settings(base_url, auth, ods, timeout),
    )


def async_api_client(
    base_url: str | Environment, *, auth: httpx2.Auth | None = None, tls: ssl.SSLContext | None = None,
    retry: RetryPolicy | None = None, ods: str | None = None, timeout: httpx2.Timeout = DEFAULT_TIMEOUT,
    proxy: str | None = None, transport: httpx2.AsyncBaseTransport | None = None,
) -> httpx2.AsyncClient:
    """Return the same for asyncio."""
    inner = transport or httpx2.AsyncHTTPTransport(verify=tls or ssl.create_default_context(), proxy=proxy)
    return httpx2.AsyncClient(
        transport=AsyncRetryTransport(inner, retry), event_hooks={"request": [add_trace_headers_async]},
        **_settings(base_url, auth, ods, timeout),
    )


def _settings(
    base_url: str | Environment, auth: httpx2.Auth | None, ods: str | None, timeout: httpx2.Timeout
) -> dict[str, Any]:
    environment = base_url if isinstance(base_url, Environment) else Environment.at(base_url)
    return {"base_url": environment.base_url, "auth": auth, "headers": {ODS: ods} if ods else {}, "timeout": timeout,
            "follow_redirects": False}
