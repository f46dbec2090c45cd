"""A decision as an HTTP answer: headers for the backend, or the refusal in the route's dialect."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from wardgate.refusals import Refusal
from wardgate.refusals.dialects import CONTENT_TYPES, Dialect, body
from wardgate.security_patterns.decision import Decision
from wardgate.security_patterns.snapshot import Snapshot

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers and body of an HTTP answer."""

    status: int
    headers: Headers
    body: bytes


def allowed(decision: Decision, snapshot: Snapshot) -> Answer:
    """Return the yes: Envoy adds these headers to the request and goes on."""
    headers: Headers = [(b"content-length", b"0")]
    client = snapshot.clients.get(decision.application) if decision.application else None
    if client is not None:
        headers.append((b"x-wardgate-client", client.name.encode()))
        if client.asid:
            headers.append((b"x-wardgate-asid", client.asid.encode()))
    return Answer(200, headers, b"")


def refused(refusal: Refusal, dialect: Dialect, message_id: str, extra: Mapping[str, str] | None = None) -> Answer:
    """Return the refusal: Envoy sends it to the caller as it is."""
    reason = refusal.reason
    content = json.dumps(body(dialect, reason, refusal.fill, message_id)).encode() if reason.text else b""
    headers: Headers = [
        (b"content-type", CONTENT_TYPES[dialect].encode() if content else b"text/plain"),
        (b"content-length", str(len(content)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-wardgate-reason", reason.code.encode()),
    ]
    for name, value in reason.headers:
        filled = value.replace("{error}", reason.error).replace("{text}", reason.text)
        headers.append((name.lower().encode(), filled.encode()))
    headers += [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in (extra or {}).items()]
    return Answer(reason.status, headers, content)
