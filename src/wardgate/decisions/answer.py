"""A decision as an HTTP answer: headers for the backend, or the refusal in the route's dialect."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from wardgate.catalogue.model import AccessMode
from wardgate.dataplane.resources.decision import SERVER_ERROR_AS
from wardgate.oauth.access_token import TokenUser
from wardgate.refusals import Refusal
from wardgate.refusals.dialects import CONTENT_TYPES, Dialect, body
from wardgate.security_patterns.decision import Decision
from wardgate.security_patterns.snapshot import Snapshot
from wardgate.security_patterns.token_kind import mode_of

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
    known = {"client": client.name, "asid": client.asid} if client is not None else {}
    if decision.user is not None:
        known |= _of_user(decision.user) | {"role": decision.role}
    headers += [(b"x-wardgate-" + name.encode(), value.encode("latin-1", "replace")) for name, value in known.items() if value]
    return Answer(200, headers, b"")


def _of_user(user: TokenUser) -> dict[str, str | None]:
    """Return what Envoy takes from a token by itself on other routes; the identifier is a healthcare worker's only."""
    worker = mode_of(user) is AccessMode.HEALTHCARE_WORKER
    return {"user": user.user if worker else None, "provider": user.issuer, "patient": user.patient, "level": user.level}


def refused(refusal: Refusal, dialect: Dialect | None, message_id: str, extra: Mapping[str, str] | None = None) -> Answer:
    """Return the refusal: Envoy sends it to the caller as it is. Without a dialect it is plain text."""
    reason = refusal.reason
    if dialect is None:
        content, content_type = refusal.fill(reason.text).encode(), "text/plain"
    else:
        content = json.dumps(body(dialect, reason, refusal.fill, message_id)).encode() if reason.text else b""
        content_type = CONTENT_TYPES[dialect] if content else "text/plain"
    headers: Headers = [
        (b"content-type", content_type.encode()),
        (b"content-length", str(len(content)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-wardgate-reason", reason.code.encode()),
    ]
    for name, value in reason.headers:
        filled = value.replace("{error}", reason.error).replace("{text}", reason.text)
        headers.append((name.lower().encode(), filled.encode()))
    headers += [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in (extra or {}).items()]
    return Answer(SERVER_ERROR_AS if reason.status == 500 else reason.status, headers, content)
