"""Refusals of somebody who asks for a fault: one that there is not, or not there."""

from typing import Final

from wardgate.refusals.reason import Area, Reason

# fmt: off
ASKING: Final = (
    Reason("fault-unknown", Area.PLATFORM, 400, "invalid_request", "There is no fault of this name{hint}",
           "Wardgate-Fault names a fault, with `; seconds=N` behind one that takes time", "wardgate faults list", placeholders=("hint",),
           source="docs/how-to/meet-every-error.md", fhir_code="INVALID_VALUE", fhir_display="Provided value is invalid", fhir_issue="value"),
    Reason("fault-elsewhere", Area.PLATFORM, 400, "invalid_request", "The fault {fault} cannot be met here, but at: {places}",
           "the fault that is asked for is one of this endpoint", "wardgate faults show NAME", placeholders=("fault", "places"),
           source="docs/how-to/meet-every-error.md", fhir_code="INVALID_VALUE", fhir_display="Provided value is invalid", fhir_issue="value"),
)
# fmt: on
