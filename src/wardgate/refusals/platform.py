"""Refusals that are nobody's credential: limits of size and time, parts that are down."""

from typing import Final

from wardgate.refusals.reason import Area, Fixer, Reason


def _row(code: str, status: int, text: str, check: str, advice: str, fixer: Fixer = Fixer.OPERATOR) -> Reason:
    unavailable = status in {500, 502, 503, 504}
    return Reason(code, Area.PLATFORM, status, f"wardgate.{code}", text, check, advice, fixer=fixer, source="design 3",
                  fhir_code="SERVICE_UNAVAILABLE" if unavailable else "INVALID_VALUE",
                  fhir_display="Service unavailable" if unavailable else "Provided value is invalid",
                  fhir_issue="transient" if unavailable else "value")


# fmt: off
PLATFORM: Final = (
    _row("rules-not-loaded", 503, "The gateway has not loaded its rules yet", "Envoy has received every rule of this route",
         "try again in a moment; check that the control plane runs"),
    _row("decision-unavailable", 503, "The decision service is not available", "the decision service answers Envoy in time",
         "try again in a moment; check that the control plane runs"),
    _row("backend-unavailable", 503, "The API's backend is not available", "the backend accepts the connection",
         "check the backend of the API", Fixer.PRODUCER),
    _row("backend-timeout", 504, "The API's backend did not answer in time", "the backend answers within the route's time limit",
         "check the backend of the API", Fixer.PRODUCER),
    _row("request-malformed", 400, "The request is not valid HTTP", "the request is well formed and its path has no escaped slash",
         "check the client", Fixer.CALLER),
    _row("request-too-large", 413, "The request body is too large", "the body is within the limit of the route",
         "send less", Fixer.CALLER),
    _row("headers-too-large", 431, "The request headers are too large", "the headers are at most 60 KiB",
         "send less", Fixer.CALLER),
    _row("request-timeout", 408, "The request was not received in time", "the whole request arrives within the time limit",
         "send the request without pauses", Fixer.CALLER),
)
# fmt: on
