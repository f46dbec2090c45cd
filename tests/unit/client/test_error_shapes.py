"""Every shape of error is decoded into one type."""

from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from wardgate.client import APIError, api_error, raise_for_error

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

SHAPES = {
    "oauth": (400, {"error": "invalid_request", "error_description": "grant_type is missing", "message_id": "rrt-1"},
              "invalid_request", "grant_type is missing", "rrt-1"),
    "oauth without a description": (403, {"error": "no_products"}, "no_products", "", None),
    "fault": (401, {"fault": {"faultstring": "Invalid ApiKey", "detail": {"errorcode": "oauth.v2.InvalidApiKey"}}},
              "oauth.v2.InvalidApiKey", "Invalid ApiKey", None),
    "operation-outcome": (401, {"resourceType": "OperationOutcome", "issue": [{
        "severity": "error", "code": "forbidden", "details": {"coding": [{"code": "ACCESS_DENIED", "display": "Access Denied"}]},
        "diagnostics": "Missing Authorization header"}]}, "ACCESS_DENIED", "Missing Authorization header", None),
    "operation-outcome without diagnostics": (401, {"resourceType": "OperationOutcome", "issue": [{
        "code": "forbidden", "details": {"coding": [{"code": "ACCESS_DENIED", "display": "Access Denied"}]}}]},
        "ACCESS_DENIED", "Access Denied", None),
    "operation-outcome without coding": (500, {"resourceType": "OperationOutcome", "issue": [{"code": "exception"}]},
                                         "exception", "", None),
    "operation-outcome without issues": (500, {"resourceType": "OperationOutcome"}, "", "", None),
    "json-api": (403, {"errors": [{"id": "e1", "code": "CM_FORBIDDEN", "title": "Forbidden", "detail": "not onboarded"}]},
                 "CM_FORBIDDEN", "not onboarded", "e1"),
    "json-api empty": (403, {"errors": []}, "", "", None),
    "problem": (403, {"type": "urn:wardgate:refusal:api-key-unknown", "title": "t", "status": 403, "detail": "d",
                      "instance": "urn:wardgate:message:m-1"}, "urn:wardgate:refusal:api-key-unknown", "d", "m-1"),
    "rate-limit": (429, {"message": "slow down", "scope": "proxy", "policy": "spikearrest", "message_id": "m-2"},
                   "proxy-spikearrest", "slow down", "m-2"),
}


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_is_decoded(name: str) -> None:
    """Status, code, text and message id come from the place where the shape keeps them."""
    status, body, code, text, message_id = SHAPES[name]
    error = api_error(httpx2.Response(status, json=body), NOW)
    assert (error.status, error.code, error.text, error.message_id) == (status, code, text, message_id)
    assert error.shape == name.split(" ", maxsplit=1)[0]


@pytest.mark.parametrize("body", [b"", b"<html>no</html>", b"[]", b'"x"', b"\xff\xfe", b"{", b'{"fault": "x"}', b'{"error": 5}',
                                  b"[" * 100_000, b'{"error": "' + b"x" * 1_100_000 + b'"}'])
def test_any_other_body_still_gives_an_error(body: bytes) -> None:
    """A body that is no known shape gives the status and its phrase."""
    error = api_error(httpx2.Response(502, content=body), NOW)
    assert (error.shape, error.code, error.text) == ("none", "502", "Bad Gateway")


def test_headers_complete_the_error() -> None:
    """Ids, the reason and Retry-After come from the headers."""
    response = httpx2.Response(429, headers={
        "X-Request-ID": "r", "X-Correlation-ID": "c", "Retry-After": "7", "x-wardgate-reason": "application-spike"})
    error = api_error(response, NOW)
    assert (error.request_id, error.correlation_id, error.retry_after_seconds, error.reason) == ("r", "c", 7.0, "application-spike")
    assert error.explain_id == "r"


@pytest.mark.parametrize(("value", "seconds"), [
    ("0", 0.0), ("120", 120.0), (" 5 ", 5.0), ("Sun, 01 Mar 2026 12:00:30 GMT", 30.0), ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
    ("9" * 400, 31_536_000.0), ("Fri, 31 Dec 9999 23:59:59 GMT", 31_536_000.0),
    ("", None), ("soon", None), ("-5", None), ("1.5", None), ("\u0665", None), ("Sun, 01 Mar 2026 12:00:30 -0000", None),
])
def test_retry_after_is_seconds_or_a_date(value: str, seconds: Any) -> None:
    """Both forms of RFC 9110 section 10.2.3 are read; anything else is as if absent."""
    response = httpx2.Response(503, headers=[(b"retry-after", value.encode())])
    assert api_error(response, NOW).retry_after_seconds == seconds


def test_texts_are_bounded() -> None:
    """An error message is at most 500 characters of the server's text."""
    error = api_error(httpx2.Response(400, json={"error": "e" * 9000, "error_description": "d" * 9000}), NOW)
    assert (len(error.code), len(error.text)) == (500, 500)


def test_a_success_is_returned() -> None:
    """`raise_for_error` gives back what is below 400 and raises the rest."""
    response = httpx2.Response(204)
    assert raise_for_error(response, NOW) is response
    with pytest.raises(APIError, match="404 404: Not Found"):
        raise_for_error(httpx2.Response(404), NOW)
