"""X-Request-ID: a UUID, required on FHIR APIs, made up elsewhere (application-restricted 10; spec README rule 13)."""

import re
from typing import Final

from wardgate.catalogue import API, Route
from wardgate.catalogue.model import RequestIDRule
from wardgate.refusals import Refusal, reason
from wardgate.refusals.dialects import Dialect

GIVEN: Final = "x-wardgate-given-request-id"
"""The header in which Envoy keeps what the caller sent."""
UUID: Final = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
SHOWN_CHARACTERS: Final = 64
"""How much of a bad value is repeated in the answer."""


def rule(api: API, route: Route) -> RequestIDRule:
    """Return the rule of a route: its own, else its API's, else by the shape of the API's errors."""
    by_shape = RequestIDRule.REQUIRED if api.errors is Dialect.FHIR else RequestIDRule.GENERATED
    return route.request_id or api.request_id or by_shape


def check(given: str | None) -> Refusal | None:
    """Return why the X-Request-ID the caller sent is refused where one is required."""
    if not given:
        return Refusal(reason("request-id-missing"), expected="a UUID", received="none")
    if UUID.fullmatch(given):
        return None
    shown = given[:SHOWN_CHARACTERS]
    return Refusal(reason("request-id-invalid"), expected="a UUID", received=shown, values={"value": shown})
