"""Who calls: a system of an organisation, and whoever is behind it; and what a request says of them (spine 2, 3).

context = SpineContext("200000000115", "https://epr.example.thirdparty.nhs.uk", "Z9X01", role="555000000101")
headers = context.headers_for(api, "urn:nhs:names:services:raflags:Flag.read:1", now, trace)
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from wardgate.client.spine_api import SpineAPI, known
from wardgate.client.spine_errors import SpineCallInvalid
from wardgate.spine import headers as header_names
from wardgate.spine import mint
from wardgate.spine.errors import CannotMint, MalformedClaims
from wardgate.spine.gp_mint import Device, GPContext, Practitioner
from wardgate.spine.identifiers import is_asid, is_ods_code
from wardgate.spine.unsecured import parse
from wardgate.spine.variants import Variant

MAX_ISSUER_CHARS: Final = 400


@dataclass(frozen=True, slots=True)
class SpineContext:
    """One user's session on one system, or a system at work by itself. Raises `SpineCallInvalid` for what cannot be one.

    A role or a local user makes the caller a professional, a patient a citizen, neither an unattended system. The user was
    authenticated, and allowed to make the call, before: Spine is only told (spine 9.2).
    """

    asid: str
    """The ASID of the calling system in this organisation."""
    issuer: str
    """The calling system's URL."""
    organisation: str | None = None
    """ODS code of the originating organisation, never a host's or a portal's."""
    role: str | None = field(default=None, repr=False)
    """The user's role profile."""
    local_user: str | None = field(default=None, repr=False)
    """A user without a national identity: a URI of the caller's own, a bar and a value."""
    patient: str | None = field(default=None, repr=False)
    """NHS number of the citizen who calls."""
    actor: str | None = field(default=None, repr=False)
    """NHS number of the citizen who acts for the patient."""
    reason: str | None = None
    """`reason_for_request`; when absent `directcare`, of citizens `patientaccess`."""
    scopes: tuple[str, ...] = ()
    """When empty, those of the interaction."""
    organisation_name: str = ""
    """GP Connect: the organisation's name."""
    device: Device | None = None
    """GP Connect: the calling system as a Device."""
    practitioner: Practitioner | None = field(default=None, repr=False)
    """GP Connect: the user, in place of `role`."""
    confidentiality: str = ""
    """GP Connect: `conf/N`, `conf/R`, or nothing."""
    record: str | None = field(default=None, repr=False)
    """GP Connect before release 1: NHS number of the patient whose record is asked for."""

    def __post_init__(self) -> None:
        if not is_asid(self.asid):
            raise SpineCallInvalid("the system's ASID is 12 digits")
        if self.organisation is not None and not is_ods_code(self.organisation):
            raise SpineCallInvalid("an ODS code is 1 to 9 letters and digits")
        if not self.issuer.startswith(("https://", "http://")) or not 8 < len(self.issuer) <= MAX_ISSUER_CHARS or not self.issuer.isprintable():
            raise SpineCallInvalid(f"the issuer is the system's URL, at most {MAX_ISSUER_CHARS} characters")

    def build_jwt(self, api: SpineAPI, interaction: str, now: datetime) -> str:
        """Return a token for one request, good for five minutes from `now`. Raises `SpineCallInvalid`, naming the claim.

        It has passed the checks that an API makes of its form and of claims that need no directory.
        """
        variant = api.variant
        if variant is None:
            raise SpineCallInvalid("this API asks for no token")
        try:
            token = mint.build_spine_jwt(variant, self._stated(api, variant), now, known(interaction))
            parse(token)
        except CannotMint as fault:
            raise SpineCallInvalid(f"no token of the variant {variant.name}: {fault}") from None
        except MalformedClaims as fault:
            raise SpineCallInvalid(f"the token would be refused: {fault}") from None
        return token

    def headers_for(self, api: SpineAPI, interaction: str, now: datetime, trace: str) -> dict[str, str]:
        """Return the headers of one request, in the API's own spelling, with a token of its own where the API asks for one. `trace` is a new UUID.

        Raises `SpineCallInvalid`.
        """
        token = self.build_jwt(api, interaction, now) if api.variant is not None else ""
        try:
            found = header_names.headers_for(api.kind.family, token, sender=self.asid, receiver=api.asid, interaction=interaction, trace=trace)
        except CannotMint as fault:
            raise SpineCallInvalid(str(fault)) from None
        return found if token else {name: value for name, value in found.items() if name != "Authorization"}

    def _stated(self, api: SpineAPI, variant: Variant) -> mint.CoreContext | GPContext:
        if not variant.is_gp_connect:
            return mint.CoreContext(self.issuer, api.endpoint, self.asid, self.organisation, self.role, self.local_user, self.patient, self.actor,
                                     self.reason, self.scopes)
        if self.organisation is None or self.device is None or self.practitioner is None:
            raise SpineCallInvalid("GP Connect's token names organisation, device and practitioner")
        return GPContext(self.issuer, api.endpoint, self.organisation, self.organisation_name, self.device, self.practitioner,
                         self.reason or "directcare", self.confidentiality, " ".join(self.scopes), self.record)
