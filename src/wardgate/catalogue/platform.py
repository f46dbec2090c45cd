"""APIs that Wardgate serves itself. Every environment has them, and no manifest states them: products name them like any other."""

from typing import Final, Literal

from wardgate.catalogue.model import API, Pattern, RequestIDRule, Route
from wardgate.quotas import Quota, RateLimits
from wardgate.refusals.dialects import Dialect


class PlatformAPI(API):
    """An API whose backend is this Wardgate. It gets the trace headers as the caller sent them."""

    backend: Literal["wardgate"] = "wardgate"
    default_limits: RateLimits = RateLimits()
    """Limits of an application that neither it, a product nor the environment states."""

    @property
    def ours(self) -> bool:
        """It is."""
        return True


SYSTEM_DIRECTORY: Final = PlatformAPI(
    name="spine-directory", base_path="/spine-directory/FHIR/R4", routes=(Route(path="/*", pattern=Pattern.API_KEY, max_body_bytes=10_000),),
    errors=Dialect.FHIR, request_id=RequestIDRule.GENERATED, default_limits=RateLimits(quota=Quota(limit=2_400)),
)  # fmt: skip
"""Systems and endpoints as FHIR (spine 7.5)."""
PLATFORM_APIS: Final = (SYSTEM_DIRECTORY,)
"""All of them; their base paths are reserved, and so are their names."""
