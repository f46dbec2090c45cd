"""Envoy's question to facts. Everything here was written by Envoy: the socket is private and the door scrubs our headers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

from wardgate.dataplane.resources.decision import FRAMING
from wardgate.dataplane.resources.envoy import GIVEN_PREFIX
from wardgate.pki.xfcc import presented_certificate
from wardgate.security_patterns.decide import GIVEN_REQUEST_ID
from wardgate.security_patterns.facts import Facts, Listener, PresentedCertificate

PREFIX: Final = "/decide"
REMEMBERED_CERTIFICATES: Final = 4_096
"""Envoy describes a connection's certificate with each request in the same words: they are read once."""


@dataclass(frozen=True, slots=True)
class Question:
    """What Envoy sent: `target` is the path as it came, percent-encoding kept; header names are lower case."""

    method: str
    target: str
    headers: Mapping[str, str]


def headers_of(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return headers by lower-case name; a repeated one is joined by commas (RFC 9110 section 5.3)."""
    found: dict[str, str] = {}
    for name, value in raw:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        found[key] = f"{found[key]},{text}" if key in found else text
    return found


def facts_of(question: Question, now: datetime) -> Facts:
    """Return the facts of the request Envoy asks about. The path keeps percent-encoding, as the route rules do."""
    headers = question.headers
    path, _, query = question.target.removeprefix(PREFIX).partition("?")
    listener = Listener(headers.get("x-wardgate-listener", Listener.HTTPS))
    certificate = _certificate(headers.get("x-forwarded-client-cert")) if listener is Listener.MTLS else None
    given = {GIVEN_REQUEST_ID: headers.get(GIVEN_REQUEST_ID, "")}  # NOTE: x-request-id is made up by then if it had to be
    framing = {name: found for name in FRAMING if (found := headers.get(GIVEN_PREFIX + name, headers.get(name, "0"))) != "0"}
    own = {name: value for name, value in headers.items() if name not in FRAMING}  # those are of the question itself
    return Facts(listener, question.method, path, {**own, **given, **framing}, now, certificate, query)


@lru_cache(maxsize=REMEMBERED_CERTIFICATES)
def _certificate(xfcc: str | None) -> PresentedCertificate | None:
    """Return the certificate. A common name counts when it is the whole subject, as in the compiled rules."""
    if not xfcc:
        return None
    found = presented_certificate(xfcc)
    named = found.dns_names or found.subject == f"CN={found.name}"
    return PresentedCertificate(found.fingerprint, found.name if named else None)
