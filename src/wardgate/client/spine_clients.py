"""Clients of Spine APIs put together: certificate, headers, and at most three more attempts (spine 5, 10, 11)."""

from pathlib import Path
from typing import Final

import httpx2

from wardgate.client.clients import DEFAULT_TIMEOUT, api_client, async_api_client
from wardgate.client.retry import RetryPolicy
from wardgate.client.spine_auth import SpineAuth
from wardgate.client.spine_errors import ClientCertificateRejected, certificate_alert
from wardgate.client.tls_ma import tls_ma_context

SPINE_RETRY: Final = RetryPolicy(attempts=4, statuses=frozenset({429, 502, 503, 504}), failures=False)
"""Three more attempts, after these answers only, of requests that change nothing; each with a token and a trace id of its own."""


def spine_client(
    auth: SpineAuth, cert: Path | str, key: Path | str, ca: Path | str | None = None, *, password: str | None = None,
    retry: RetryPolicy = SPINE_RETRY, timeout: httpx2.Timeout = DEFAULT_TIMEOUT, transport: httpx2.BaseTransport | None = None,
) -> httpx2.Client:
    """Return a client of the auth's API that shows the certificate chain in `cert` (leaf first) and trusts `ca`.

    Its base URL is the API's; behind the proxy with an encoded target, call `auth.api.url(path)`. Raises `CertificateUnusable`.
    Calls raise `ClientCertificateRejected` where the server ends the handshake over the certificate.
    """
    inner = transport or httpx2.HTTPTransport(verify=tls_ma_context(cert, key, ca, password))
    return api_client(_base(auth), auth=auth, retry=retry, timeout=timeout, transport=AlertTransport(inner))


def async_spine_client(
    auth: SpineAuth, cert: Path | str, key: Path | str, ca: Path | str | None = None, *, password: str | None = None,
    retry: RetryPolicy = SPINE_RETRY, timeout: httpx2.Timeout = DEFAULT_TIMEOUT, transport: httpx2.AsyncBaseTransport | None = None,
) -> httpx2.AsyncClient:
    """Return the same for asyncio."""
    inner = transport or httpx2.AsyncHTTPTransport(verify=tls_ma_context(cert, key, ca, password))
    return async_api_client(_base(auth), auth=auth, retry=retry, timeout=timeout, transport=AsyncAlertTransport(inner))



def _base(auth: SpineAuth) -> str:
    api = auth.api
    return api.proxy if api.proxy is not None and api.encoded else api.url()


class AlertTransport(httpx2.BaseTransport):
    """Tells a refused certificate from a broken connection."""

    def __init__(self, inner: httpx2.BaseTransport) -> None:
        self._inner = inner

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Raises `ClientCertificateRejected` in place of the transport's error where a TLS alert says so."""
        try:
            return self._inner.handle_request(request)
        except httpx2.TransportError as error:
            if (alert := certificate_alert(error)) is None:
                raise
            raise ClientCertificateRejected(alert=alert) from error

    def close(self) -> None:
        self._inner.close()


class AsyncAlertTransport(httpx2.AsyncBaseTransport):
    """The same for asyncio."""

    def __init__(self, inner: httpx2.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        try:
            return await self._inner.handle_async_request(request)
        except httpx2.TransportError as error:
            if (alert := certificate_alert(error)) is None:
                raise
            raise ClientCertificateRejected(alert=alert) from error

    async def aclose(self) -> None:
        await self._inner.aclose()

