"""The answers of the directory's FHIR API: headers that all have, and a refusal as an OperationOutcome (spine 7.5)."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from starlette.datastructures import Headers
from starlette.responses import Response

from wardgate.refusals import Refusal
from wardgate.refusals.operation_outcome import DIRECTORY, JSON_TYPE, Issue, outcome

CORRELATION_ID: Final = "X-Correlation-ID"
ACCEPTED: Final = {"application/fhir+json": JSON_TYPE, "application/json": "application/json", "*/*": JSON_TYPE}
"""Values of Accept, as wholes, and the type of the answer."""
UUID_RULE: Final = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"
_UUID: Final = re.compile(UUID_RULE)
_ALWAYS: Final = {"X-Content-Type-Options": "nosniff", "Strict-Transport-Security": "max-age=31536000; includeSubDomains"}


def correlation_id(headers: Headers, new_id: Callable[[], str]) -> tuple[str, bool]:
    """Return the id of an exchange, and whether the caller's own, if any, was one: what is none is never sent back."""
    given = [value for value in headers.getlist(CORRELATION_ID) if value]
    sound = len(given) <= 1 and all(_UUID.fullmatch(value) for value in given)
    return (given[0] if sound and given else new_id()), sound


def found(body: Mapping[str, Any], content_type: str, correlation: str, cache_seconds: int) -> Response:
    """Return a bundle. It depends on who asked and what was accepted, and may be kept for so long by the caller alone."""
    kept = f"private, max-age={cache_seconds}" if cache_seconds else "no-store"
    headers = _ALWAYS | {CORRELATION_ID: correlation, "Cache-Control": kept, "Vary": "Accept, apikey"}
    return Response(_json(body), 200, headers, content_type)


def refused(refusal: Refusal, correlation: str) -> Response:
    """Return a refusal. It is always FHIR JSON and never kept."""
    reason = refusal.reason
    issue = Issue(reason.fhir_severity, reason.fhir_issue, reason.fhir_code, reason.fhir_display, refusal.fill(reason.text))
    headers = _ALWAYS | dict(reason.headers) | {CORRELATION_ID: correlation, "Cache-Control": "no-store", "X-Wardgate-Reason": reason.code}
    return Response(_json(outcome(DIRECTORY, (issue,), correlation)), reason.status, headers, JSON_TYPE)


def _json(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
