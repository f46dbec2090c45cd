"""One line of Envoy's log to one event. A line that is no whole JSON object is said to be lost, not skipped."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from wardgate.audit.model import Detail, Event, EventType, Outcome, Personal
from wardgate.catalogue import Pattern
from wardgate.catalogue.model import LEVELS
from wardgate.refusals import CATALOGUE
from wardgate.telemetry.systems import NOTHING_KNOWN, Known, between_systems

HANDSHAKE_REASONS: Final = (
    ("certificate-expired", "certificate_has_expired"),
    ("certificate-revoked", "certificate_revoked"),
    ("certificate-missing", "PEER_DID_NOT_RETURN_A_CERTIFICATE"),
    ("certificate-untrusted", "unable_to_get"),
    ("certificate-untrusted", "self_signed"),
    ("certificate-untrusted", "CERTIFICATE_VERIFY_FAILED"),
)
"""Reason, and the part of the transport's failure it is known by; the first that is contained in it counts."""
REDIRECTED: Final = "internal_redirect"
OWN_PATTERNS: Final = frozenset({"health", "wardgate"})
REFUSES: Final = "refusal"
"""The pattern of routes that refuse whatever comes (`dataplane.resources.routes`)."""
BY_TOKEN: Final = frozenset({str(Pattern.SIGNED_JWT), str(Pattern.USER_RESTRICTED)})
APPLICATION: Final = "application"
"""The kind of caller that is no user (`dataplane.resources.routes`)."""
_MODE_OF: Final[Mapping[str, str]] = {level: str(mode) for mode, levels in LEVELS.items() for level in levels}
UNFORESEEN: Final = "request-malformed"
DAMAGED: Final = (ValueError, KeyError, TypeError, OverflowError)
"""What `event_of` raises for a line that is not whole or not ours."""
_RECEIVED: Final[Mapping[str, str]] = {"scope-insufficient": "scopes", "access-token-wrong-kind": "scopes"}


def event_of(line: bytes, known: Known = NOTHING_KNOWN) -> Event | None:
    """Return the event of a line, or None for what is recorded elsewhere. Raises one of `DAMAGED` for a damaged line.

    Recorded elsewhere: the first half of an explained limit, and answers of the authorisation server, which
    records each of its own.
    """
    found = json.loads(line)
    if not isinstance(found, dict) or "at" not in found:
        raise ValueError("not a line of our log")
    if found.get("kind") == "handshake":
        return _handshake(found)
    if found.get("details") == REDIRECTED:
        return None
    refused_api = found.get("refused_api")
    own = found.get("pattern") in OWN_PATTERNS and not refused_api
    if own and "reason" not in found:
        return None
    if own and found.get("details") == "via_upstream":
        return None
    return _call(found, known)


def recovered(line: bytes, known: Known = NOTHING_KNOWN) -> Event | None:
    """Return the event of the whole line that follows a torn one without a line's end between, or None.

    That is how the file continues when Envoy was killed in the middle of a line and started again.
    """
    start = line.rfind(b'{"')
    if start <= 0:
        return None
    try:
        return event_of(line[start:], known)
    except DAMAGED:
        return None


def api_of(found: Mapping[str, Any]) -> str:
    """Return the API of a call; an explained limit remembers it in a header of ours."""
    return str(found.get("refused_api") or found.get("api") or str(found.get("pair", "")).rpartition("|")[2])


def client_of(found: Mapping[str, Any]) -> str | None:
    """Return the application of a call, without the mark of a revoked or expired key."""
    name = found.get("client") or str(found.get("pair", "")).partition("|")[0]
    return str(name).rpartition(":")[2] or None


def _at(found: Mapping[str, Any]) -> datetime:
    return datetime.fromtimestamp(float(found["at"]), UTC)


def _text(found: Mapping[str, Any], name: str) -> str | None:
    value = found.get(name)
    return str(value) if value not in (None, "", "-") else None


def _pattern(found: Mapping[str, Any], *, refused: bool) -> str | None:
    """Return the pattern a call was judged by; a route that only refuses has none.

    Envoy names a route's first pattern of access tokens; which of them it was follows from who is behind the token
    (`security_patterns.token_kind`). A refused token may be of a kind that the route has no pattern for.
    """
    pattern = _text(found, "pattern")
    if pattern not in BY_TOKEN or _text(found, "jti") is None:
        return None if pattern == REFUSES else pattern
    caller = _MODE_OF.get(_text(found, "level") or "", APPLICATION)
    if refused and caller not in (_text(found, "callers") or "").split():
        return pattern
    return str(Pattern.SIGNED_JWT if caller == APPLICATION else Pattern.USER_RESTRICTED)


def _call(found: Mapping[str, Any], known: Known) -> Event:
    status = int(found.get("status", 0))
    reason = _text(found, "reason")
    if reason is None and found.get("details") not in {"via_upstream", "direct_response", None}:
        reason = UNFORESEEN if 400 <= status < 500 else None
    refusal = CATALOGUE.get(reason or "")
    scopes = found.get("scopes")
    held = " ".join(scopes) if isinstance(scopes, list) else scopes
    level = _text(found, "level")
    received = held if refusal is not None and refusal.code in _RECEIVED else None
    details: dict[str, Detail] = {
        "api": api_of(found) or None,
        "route": _text(found, "refused_route") or _text(found, "route"),
        "pattern": _text(found, "refused_pattern") or _pattern(found, refused=reason is not None),
        "access_mode": _MODE_OF.get(level or ""),
        "auth_level": level.lower() if level else None,
        "method": _text(found, "method"),
        "status": status,
        "envoy_details": _text(found, "details"),
        "duration_ms": int(found.get("duration_ms", 0)),
        "received_bytes": int(found.get("received_bytes", 0)),
        "sent_bytes": int(found.get("sent_bytes", 0)),
        "token": _text(found, "jti"),
        "fingerprint": _text(found, "fingerprint"),
        "expected": _text(found, "required_scopes") if received else None,
        "received": received,
        "caller": Personal(str(found["caller"])) if "caller" in found else None,
        **between_systems(found, known),
    }
    return Event(
        type=EventType.CALL_REFUSED if reason else EventType.CALL_ALLOWED,
        at=_at(found),
        outcome=Outcome.REFUSED if reason else Outcome.ALLOWED,
        reason=reason,
        application=client_of(found),
        message_id=_text(found, "message_id") or _text(found, "kept_message_id") or _text(found, "made_message_id"),
        request_id=_text(found, "request_id"),
        correlation_id=_text(found, "correlation_id"),
        details={name: value for name, value in details.items() if value is not None},
    )


def _handshake(found: Mapping[str, Any]) -> Event:
    failure = _text(found, "failure") or ""
    reason = next((code for code, part in HANDSHAKE_REASONS if part.lower() in failure.lower()), None)
    details = {
        "failure": failure[:300] or None, "fingerprint": _text(found, "fingerprint"), "issuer": _text(found, "issuer"),
        "not_after": _text(found, "expired"), "caller": Personal(str(found["caller"])) if "caller" in found else None,
    }
    return Event(EventType.HANDSHAKE_REFUSED, _at(found), Outcome.REFUSED, reason,
                 details={name: value for name, value in details.items() if value is not None})


def lost(at: datetime, what: str, lines: int) -> Event:
    """Return the event that says records were lost."""
    return Event(EventType.RECORDS_LOST, at, details={"what": what, "lines": lines})
