"""Refusals of somebody who asks for a fault: one that there is not, or not there; and what can only be had by asking."""

from typing import Final

from wardgate.refusals.reason import Area, Fixer, Reason

# fmt: off
RESERVED: Final = (
    Reason("logout-gateway-timeout", Area.FAULTS, 504, "gateway_timeout", "Gateway Timeout", "the sign-ins of the session end in time",
           "the provider tells of the end again", fixer=Fixer.OPERATOR, source="user-restricted 7.2, which reserves it", fhir_code="SERVICE_UNAVAILABLE",
           fhir_display="Service unavailable", fhir_issue="transient"),
)
"""Documented, and never given by themselves."""
ASKING: Final = (
    Reason("fault-unknown", Area.FAULTS, 400, "invalid_request", "There is no fault of this name{hint}",
           "Wardgate-Fault names a fault, with `; seconds=N` behind one that takes time", "wardgate faults list", placeholders=("hint",),
           source="docs/how-to/meet-every-error.md", fhir_code="INVALID_VALUE", fhir_display="Provided value is invalid", fhir_issue="value"),
    Reason("fault-elsewhere", Area.FAULTS, 400, "invalid_request", "The fault {fault} cannot be met here, but at: {places}",
           "the fault that is asked for is one of this endpoint", "wardgate faults show NAME", placeholders=("fault", "places"),
           source="docs/how-to/meet-every-error.md", fhir_code="INVALID_VALUE", fhir_display="Provided value is invalid", fhir_issue="value"),
)
# fmt: on
