"""The shapes of an error, decoded into one type (application-restricted 6.7, 9, 11; spine 8; RFC 9457)."""

import email.utils
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import httpx2

from wardgate.client.errors import APIError
from wardgate.client.outcome_xml import looks_like_xml, read_outcome

MESSAGE_URN: Final = "urn:wardgate:message:"
_LARGEST_BODY_BYTES: Final = 1_000_000
_LONGEST_RETRY_AFTER_SECONDS: Final = 31_536_000.0

Found = tuple[str, str, str | None]
"""A shape's code, text and message id."""


def api_error(response: httpx2.Response, now: datetime, kind: type[APIError] = APIError) -> APIError:
    """Return the error of a response that has been read. Any body is taken; an unknown one has the shape `none`."""
    body = response.content
    parsed = read_outcome(body) if looks_like_xml(body) else _json_object(body)
    shape, (code, text, message_id) = _decode(parsed, response)
    headers = response.headers
    return kind(
        response.status_code, code, text, shape=shape, message_id=message_id or headers.get("x-wardgate-message-id"),
        request_id=headers.get("x-request-id"), correlation_id=headers.get("x-correlation-id"),
        retry_after_seconds=retry_after_seconds(headers, now), reason=headers.get("x-wardgate-reason"),
    )


def raise_for_error(response: httpx2.Response, now: datetime) -> httpx2.Response:
    """Return a response below 400 as it is. Raises `APIError` for the others."""
    if response.status_code < 400:
        return response
    raise api_error(response, now)


def retry_after_seconds(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return how long `Retry-After` asks to wait: a number of seconds or a date (RFC 9110 section 10.2.3), else None."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value[:12]), _LONGEST_RETRY_AFTER_SECONDS)
    until = http_date(value)
    if until is None:
        return None
    return min(max(0.0, (until - now).total_seconds()), _LONGEST_RETRY_AFTER_SECONDS)


def http_date(value: str) -> datetime | None:
    """Return the moment an HTTP date names, or None (RFC 9110 section 5.6.7)."""
    try:
        moment = email.utils.parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError):
        return None
    return moment if moment.tzinfo is not None else None


def _decode(parsed: Mapping[str, Any] | None, response: httpx2.Response) -> tuple[str, Found]:
    if parsed is not None:
        for shape, reader in SHAPES.items():
            found = reader(parsed)
            if found is not None:
                return shape, found
    return "none", (str(response.status_code), response.reason_phrase or "no reason given", None)


def _oauth(body: Mapping[str, Any]) -> Found | None:
    if not isinstance(body.get("error"), str):
        return None
    return body["error"], _text(body.get("error_description")), _optional(body.get("message_id"))


def _fault(body: Mapping[str, Any]) -> Found | None:
    fault = body.get("fault")
    if not isinstance(fault, dict):
        return None
    detail = fault.get("detail")
    code = detail.get("errorcode") if isinstance(detail, dict) else None
    return _text(code), _text(fault.get("faultstring")), None


def _operation_outcome(body: Mapping[str, Any]) -> Found | None:
    if body.get("resourceType") != "OperationOutcome":
        return None
    issue = _first(body.get("issue"))
    details = issue.get("details")
    coding = _first(details.get("coding")) if isinstance(details, dict) else {}
    text = issue.get("diagnostics") or coding.get("display") or (details or {}).get("text")
    return _text(coding.get("code") or issue.get("code")), _text(text), None


def _json_api(body: Mapping[str, Any]) -> Found | None:
    if not isinstance(body.get("errors"), list):
        return None
    first = _first(body["errors"])
    return _text(first.get("code")), _text(first.get("detail") or first.get("title")), _optional(first.get("id"))


def _rate_limit(body: Mapping[str, Any]) -> Found | None:
    if not {"message", "policy", "scope"} <= body.keys():
        return None
    return f"{_text(body['scope'])}-{_text(body['policy'])}", _text(body["message"]), _optional(body.get("message_id"))


def _problem(body: Mapping[str, Any]) -> Found | None:
    if not ("title" in body and ("type" in body or "status" in body)):
        return None
    instance = _optional(body.get("instance")) or ""
    message_id = instance.removeprefix(MESSAGE_URN) if instance.startswith(MESSAGE_URN) else None
    return _text(body.get("type")), _text(body.get("detail") or body["title"]), message_id


SHAPES: Final[Mapping[str, Callable[[Mapping[str, Any]], Found | None]]] = {
    "operation-outcome": _operation_outcome,
    "fault": _fault,
    "json-api": _json_api,
    "rate-limit": _rate_limit,
    "oauth": _oauth,
    "problem": _problem,
}
"""By name, in the order in which they are tried: the most telling member first."""


def _json_object(body: bytes) -> Mapping[str, Any] | None:
    if len(body) > _LARGEST_BODY_BYTES:
        return None
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


def _first(items: Any) -> Mapping[str, Any]:
    if isinstance(items, Sequence) and items and isinstance(items[0], dict):
        return items[0]
    return {}


def _text(value: Any) -> str:
    return str(value) if isinstance(value, (str, int, float)) and not isinstance(value, bool) else ""


def _optional(value: Any) -> str | None:
    return value[:200] if isinstance(value, str) and value else None
