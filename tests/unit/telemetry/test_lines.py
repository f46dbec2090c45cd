"""Tests of `telemetry.lines`: one line, one event, and none that is lost in silence."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from wardgate.audit.model import EventType, Outcome, Personal
from wardgate.telemetry.lines import DAMAGED, event_of, lost, recovered

Line = Callable[..., bytes]


def test_a_call_that_was_let_through(line: Line) -> None:
    """Every fact is there; the caller's address is personal; there is neither path nor query."""
    event = event_of(line())
    assert event is not None
    assert (event.type, event.outcome, event.reason) == (EventType.CALL_ALLOWED, Outcome.ALLOWED, None)
    assert event.at == datetime.fromtimestamp(1795230000.125, UTC)
    assert (event.application, event.message_id, event.request_id, event.correlation_id) == (
        "demo-app", "m-1", "60e0b220-8136-4ca5-ae46-1d97ef59d068", "c-1")
    assert event.details == {
        "api": "hello-world", "route": "/hello/application", "pattern": "api-key", "method": "GET", "status": 200,
        "envoy_details": "via_upstream", "duration_ms": 3, "received_bytes": 0, "sent_bytes": 32, "caller": Personal("127.0.0.1"),
    }


@pytest.mark.parametrize(("changes", "kind", "reason"), [
    ({"reason": "api-key-unknown", "status": 401, "details": "unknown_api_key"}, EventType.CALL_REFUSED, "api-key-unknown"),
    ({"status": 404, "details": "via_upstream"}, EventType.CALL_ALLOWED, None),
    ({"status": 500, "details": "via_upstream"}, EventType.CALL_ALLOWED, None),
    ({"status": 200, "details": "direct_response"}, EventType.CALL_ALLOWED, None),
    ({"status": 400, "details": "http1.codec_error"}, EventType.CALL_REFUSED, "request-malformed"),
    ({"status": 0, "details": "downstream_remote_disconnect"}, EventType.CALL_ALLOWED, None),
    ({"reason": "-"}, EventType.CALL_ALLOWED, None),
], ids=["refused by name", "the backend's 404", "the backend's 500", "answered by Envoy", "not HTTP", "the caller left", "no value"])
def test_what_counts_as_refused(line: Line, changes: dict[str, Any], kind: EventType, reason: str | None) -> None:
    """A reason, or a 4xx that Envoy made itself; what a backend answered was let through."""
    event = event_of(line(**changes))
    assert event is not None
    assert (event.type, event.reason) == (kind, reason)


@pytest.mark.parametrize("changes", [
    {"details": "internal_redirect", "status": 429},
    {"pattern": "health", "details": "direct_response"},
    {"pattern": "wardgate", "details": "via_upstream"},
    {"pattern": "wardgate", "details": "via_upstream", "reason": "assertion-aud", "status": 401},
], ids=["the first half of an explained limit", "a ping", "a token", "a refused token"])
def test_what_is_recorded_elsewhere(line: Line, changes: dict[str, Any]) -> None:
    """The authorisation server records its own answers; an explained limit is one call, not two."""
    assert event_of(line(**changes)) is None


def test_an_explained_limit_is_the_call_that_was_refused(line: Line) -> None:
    """The redirected half says which API, route and pattern it was."""
    event = event_of(line(pattern="wardgate", reason="application-quota-exceeded", status=429, api="", route="", pair=None,
                          refused_api="limits-hour", refused_route="/", refused_pattern="api-key"))
    assert event is not None
    assert (event.type, event.reason, event.application) == (EventType.CALL_REFUSED, "application-quota-exceeded", "demo-app")
    assert (event.details["api"], event.details["route"], event.details["pattern"]) == ("limits-hour", "/", "api-key")


def test_wardgates_own_route_out_of_order_is_a_refusal(line: Line) -> None:
    """A token request that never reached the authorisation server has no other record."""
    event = event_of(line(pattern="wardgate", details="upstream_reset_before_response_started", status=503, reason="backend-unavailable"))
    assert event is not None
    assert event.reason == "backend-unavailable"


@pytest.mark.parametrize(("changes", "application"), [
    ({"client": "revoked:demo-app"}, "demo-app"), ({"client": None, "pair": "demo-app|hello-world"}, "demo-app"),
    ({"client": None, "pair": None}, None), ({"client": "", "pair": "|hello-world"}, None),
])
def test_who_called(line: Line, changes: dict[str, Any], application: str | None) -> None:
    """The mark of a revoked key is not part of the application's name."""
    event = event_of(line(**changes))
    assert event is not None
    assert event.application == application


def test_scopes_are_expected_and_received(line: Line) -> None:
    """A refused scope says what the route wants and what the token has."""
    event = event_of(line(reason="scope-insufficient", status=403, required_scopes="a b", scopes=["c", "d"]))
    assert event is not None
    assert (event.details["expected"], event.details["received"]) == ("a b", "c d")
    let_in = event_of(line(required_scopes="a b", scopes="a"))
    assert let_in is not None
    assert not {"expected", "received"} & set(let_in.details)


@pytest.mark.parametrize(("failure", "reason"), [
    ("TLS_error:|268435581:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:verify cert failed|certificate_has_expired", "certificate-expired"),
    ("…certificate_revoked", "certificate-revoked"), ("…unable_to_get_local_issuer_certificate", "certificate-untrusted"),
    ("…PEER_DID_NOT_RETURN_A_CERTIFICATE", "certificate-missing"), ("…self_signed_certificate", "certificate-untrusted"),
    ("…CERTIFICATE_VERIFY_FAILED", "certificate-untrusted"), ("…WRONG_VERSION_NUMBER", None), ("", None),
])
def test_refused_handshakes(line: Line, failure: str, reason: str | None) -> None:
    """The reason is read from the transport's failure; one that we have no name for is kept as it is."""
    event = event_of(line(kind="handshake", failure=failure, fingerprint="ab", issuer="CN=x", expired="2020-01-01"))
    assert event is not None
    assert (event.type, event.outcome, event.reason) == (EventType.HANDSHAKE_REFUSED, Outcome.REFUSED, reason)
    assert event.details["fingerprint"] == "ab"
    assert event.details.get("failure") == (failure[:300] or None)


@pytest.mark.parametrize("text", [
    b"", b"{", b"[]", b"null", b'{"kind":"call"}', b'{"at":"soon"}', b'{"at":1e400}', b'{"at":1e30}', b'{"at":null}', b'{"at":"1","status":"x"}',
    b'{"at":1,"status":{}}', b"\xff\xfe", b'{"at": 1, "correlation_id": "\xff"}',
])
def test_damaged_lines_are_said_to_be(text: bytes) -> None:
    """Whatever is wrong with a line, it is one of the errors that its reader expects."""
    with pytest.raises(DAMAGED):
        event_of(text)


def test_a_whole_line_after_a_torn_one_is_recovered(line: Line) -> None:
    """Envoy was killed in the middle of a line, and the next one went on in it."""
    whole = line()
    for cut in (1, 10, len(whole) // 2, len(whole) - 2):
        assert recovered(whole[:cut] + whole) == event_of(whole)
    assert recovered(whole[:20]) is None
    assert recovered(b'torn {"torn') is None
    assert recovered(whole.replace(b"{", b"[")) is None


def test_what_was_lost_is_an_event() -> None:
    """It says what and how many."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    event = lost(now, "lines", 3)
    assert (event.type, event.at, event.details) == (EventType.RECORDS_LOST, now, {"what": "lines", "lines": 3})


TOKENS = (
    ("a worker's", {"pattern": "user-restricted", "level": "aal2"}, "user-restricted", "healthcare-worker", "aal2"),
    ("a patient's, where applications come first", {"pattern": "signed-jwt", "level": "P9"}, "user-restricted", "patient", "p9"),
    ("an application's, where users come first", {"pattern": "user-restricted"}, "signed-jwt", None, None),
    ("an application's", {"pattern": "signed-jwt"}, "signed-jwt", None, None),
    ("one that could not be read", {"pattern": "user-restricted", "jti": None, "reason": "access-token-unknown", "status": 401}, "user-restricted", None, None),
    ("refused, of a kind the route is for", {"pattern": "signed-jwt", "level": "aal1", "callers": "application healthcare-worker",
                                            "reason": "scope-insufficient", "status": 403}, "user-restricted", "healthcare-worker", "aal1"),
    ("refused, of a kind the route is not for", {"pattern": "signed-jwt", "level": "P0", "callers": "application healthcare-worker",
                                                "reason": "scope-insufficient", "status": 403}, "signed-jwt", "patient", "p0"),
    ("an application's on a user's route", {"pattern": "user-restricted", "callers": "patient", "reason": "access-token-wrong-kind", "status": 401},
     "user-restricted", None, None),
    ("a key beside a user's pattern", {"pattern": "api-key", "jti": None}, "api-key", None, None),
    ("judged by the decision service", {"pattern": "decision", "level": "aal3"}, "decision", "healthcare-worker", "aal3"),
    ("of a level nobody knows", {"pattern": "user-restricted", "level": "aal4", "callers": "healthcare-worker", "reason": "scope-insufficient",
                                 "status": 403}, "user-restricted", None, "aal4"),
)


@pytest.mark.parametrize(("changes", "pattern", "mode", "level"), [case[1:] for case in TOKENS], ids=[case[0] for case in TOKENS])
def test_whose_token_it_was(line: Line, changes: dict[str, Any], pattern: str, mode: str | None, level: str | None) -> None:
    """The pattern for callers of the token's kind, who signed in and how strongly (user-restricted 6: small letters)."""
    event = event_of(line(**({"jti": "jti-1"} | changes)))
    assert event is not None
    assert (event.details["pattern"], event.details.get("access_mode"), event.details.get("auth_level")) == (pattern, mode, level)
