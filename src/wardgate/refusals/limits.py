"""Refusals of rate limits: four counters (application or API, quota or spike), the first exceeded answers.

application-restricted 9. Every one has `Retry-After`; the body is the platform's eight-member JSON or, on FHIR
routes, an OperationOutcome.
"""

from typing import Final

from wardgate.refusals.reason import Area, Reason

_APPLICATION_QUOTA: Final = (
    "Your application, {application}, has exceeded its quota of {limit} requests every {interval} {timeunit}(s) "
    "and is being rate limited."
)
_APPLICATION_SPIKE: Final = (
    "Your application, {application}, has created a spike in traffic and is being rate limited. "
    "Please reduce the frequency of your requests."
)
_API: Final = "This API is currently receiving a high volume of requests and is being rate limited."


def _row(code: str, text: str, check: str, advice: str, placeholders: tuple[str, ...] = ()) -> Reason:
    return Reason(code, Area.LIMITS, 429, "policies.ratelimit." + code, text, check, advice, placeholders=placeholders,
                  source="application-restricted 9", fhir_code="TOO_MANY_REQUESTS", fhir_display="Too many requests",
                  fhir_issue="value")


# fmt: off
LIMITS: Final = (
    _row("application-quota-exceeded", _APPLICATION_QUOTA, "the application is within its quota for this API",
         "wait as long as Retry-After says", ("application", "limit", "interval", "timeunit")),
    _row("application-spike", _APPLICATION_SPIKE, "the application's requests are spread over time",
         "spread the requests; wait as long as Retry-After says", ("application",)),
    _row("api-quota-exceeded", _API, "the API is within its quota", "wait as long as Retry-After says"),
    _row("api-spike", _API, "the API's requests are spread over time", "wait as long as Retry-After says"),
)
# fmt: on
