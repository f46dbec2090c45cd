"""The TLS-MA pattern: a client certificate in the handshake (application-restricted 8)."""

import ssl
from pathlib import Path
from typing import Any, Final

import httpx2

from wardgate.client.clients import api_client, async_api_client
from wardgate.client.errors import CertificateUnusable

CIPHERS: Final = "ECDHE+AESGCM"
"""The suites of TLS 1.2 that both sides of spec README rule 28 allow; TLS 1.3 has its own list."""


def trust_context(ca: Path | str | None) -> ssl.SSLContext:
    """Return a TLS context that trusts the PEM file `ca`, or this machine's roots. Raises `CertificateUnusable`."""
    try:
        context = ssl.create_default_context(cafile=None if ca is None else str(ca))
    except (OSError, ssl.SSLError) as error:
        raise CertificateUnusable(f"{ca}: not a PEM file of trusted certificates ({_why(error)})") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    return context


def tls_ma_context(
    cert: Path | str, key: Path | str, ca: Path | str | None = None, password: str | None = None
) -> ssl.SSLContext:
    """Return a TLS context that shows the certificate chain in `cert` (leaf first) and trusts `ca`.

    Raises `CertificateUnusable` when a file cannot be read, or the key is not the certificate's, or wants a password.
    """
    context = trust_context(ca)
    try:
        # An empty password makes an encrypted key fail here; without one, OpenSSL would ask on the terminal.
        context.load_cert_chain(str(cert), str(key), password or "")
    except (OSError, ssl.SSLError, ValueError) as error:
        raise CertificateUnusable(f"{cert} with its key {key}: {_why(error)}") from None
    return context


def tls_ma_client(
    base_url: str, cert: Path | str, key: Path | str, ca: Path | str | None = None, *, password: str | None = None,
    **more: Any,
) -> httpx2.Client:
    """Return a client that proves itself by certificate; `more` goes to `api_client`. Raises `CertificateUnusable`."""
    return api_client(base_url, tls=tls_ma_context(cert, key, ca, password), **more)


def async_tls_ma_client(
    base_url: str, cert: Path | str, key: Path | str, ca: Path | str | None = None, *, password: str | None = None,
    **more: Any,
) -> httpx2.AsyncClient:
    """Return the same for asyncio."""
    return async_api_client(base_url, tls=tls_ma_context(cert, key, ca, password), **more)


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or "unreadable").lower().replace("_", " ")
    return (isinstance(error, OSError) and error.strerror) or "unreadable"
