"""What the manifest says of APIs that know their callers by ASID and interaction (spine 3, 4, 10; design 5)."""

from typing import Annotated, Final, Literal

from pydantic import Field, field_validator

from wardgate.directory.model import ASID, Document, Flag, Whole
from wardgate.spine.headers import Family
from wardgate.spine.resolve import Service
from wardgate.spine.response_format import Format
from wardgate.spine.times import TimeRules
from wardgate.spine.variants import VARIANTS, VariantName

SECURE_PROXY: Final = "secure-proxy"
"""The backend of an API that relays to the endpoint of the directory: it has none of its own."""
SpineJWT = VariantName | Literal["none"]
"""The variant of the Spine JWT that a route asks for; `none`: no token, so that Envoy alone can judge the call."""


class SpineTimes(Document):
    """What times a Spine JWT may have (spine 2.3)."""

    lifetime_exact_seconds: Annotated[Whole, Field(ge=1, le=86_400)] | None = 300
    """How long exactly a token lives, `exp` less `iat`; null: however long."""
    iat_ahead_seconds: Annotated[Whole, Field(ge=0, le=86_400)] | None = 300
    """How far ahead of now `iat` may be; null: however far."""
    exp_grace_seconds: Annotated[Whole, Field(ge=0, le=86_400)] = 30
    """How long after `exp` a token still counts."""
    reject_expired: Flag = True
    """false: `exp` is not compared with now."""

    @property
    def rules(self) -> TimeRules:
        """The same, as the checks take them."""
        return TimeRules(self.lifetime_exact_seconds, self.iat_ahead_seconds, self.exp_grace_seconds, self.reject_expired)


class SpineAPI(Document):
    """How an API knows its callers' systems: which service it is, by which headers, under which ASID of its own."""

    service: Service
    """The service, from which the interaction of a method and path follows."""
    headers: Family | None = None
    """The family of headers; when absent, the service's own."""
    asid: ASID | None = None
    """The API's own ASID, which `ToASID` must name; when absent, any ASID of the directory may be named."""
    trusted_hop: Flag = False
    """true: only a gateway of one's own calls, so its Spine JWT may be written in standard Base64 and without times (spine 2.1)."""
    ungranted: Literal["spine", "reference", "internet"] = "spine"
    """How a missing interaction is answered: 403 `ASID_CHECK_FAILED`, 403 `ACCESS_DENIED` as the reference implementation
    of the record locator, or 401 `ACCESS_DENIED` as the internet gateway (spine 4.4)."""
    times: SpineTimes = SpineTimes()
    """What times a token may have."""
    remove_scope: Literal["all", "any"] = "all"
    """Whether `$removerarecord` needs all of its three scopes or any one (spine 12)."""

    @property
    def family(self) -> Family:
        """The family of headers in force."""
        return self.headers or FAMILIES[self.service]


    @property
    def default_format(self) -> Format:
        """The form of an answer where neither Accept nor `_format` nor the request's own type says one (spine 3)."""
        return Format.XML if self.service in IN_XML else Format.JSON


IN_XML: Final = frozenset({Service.NRL, Service.NEMS_PUBLISH, Service.NEMS_SUBSCRIBE})
"""The services that answer in XML unless asked otherwise."""
FAMILIES: Final = {
    Service.REASONABLE_ADJUSTMENTS: Family.REASONABLE_ADJUSTMENTS, Service.NRL: Family.NRL, Service.GP_CONNECT: Family.PROXY,
    Service.BOOKINGS: Family.PROXY, Service.NEMS_PUBLISH: Family.NEMS, Service.NEMS_SUBSCRIBE: Family.NEMS,
}


TRANSLATED_SERVICES: Final = frozenset({Service.REASONABLE_ADJUSTMENTS, Service.NRL, Service.NEMS_SUBSCRIBE})
"""The services that a call can be translated to: their interactions follow from method and path, and have published scopes."""


class Translation(Document):
    """A Spine-style backend behind OAuth: the gateway calls it as the application's system (spine 3, "Gateway translation")."""

    spine_jwt: VariantName = VariantName.REASONABLE_ADJUSTMENTS
    """The variant of the token that is made for each call."""
    headers: Family = Family.TRANSLATED
    """The family of headers that the backend gets."""
    audience: Annotated[str, Field(pattern=r"^https?://[\x21-\x7E]{1,380}$")]
    """The token's `aud`: the backend's endpoint as the directory has it."""
    issuer: Annotated[str, Field(pattern=r"^https?://[\x21-\x7E]{1,380}$")] | None = None
    """The token's `iss`; when absent, the first of the environment's `public_urls`."""

    @field_validator("spine_jwt")
    @classmethod
    def _of_one_role(cls, variant: VariantName) -> VariantName:
        if VARIANTS[variant].is_gp_connect:
            raise ValueError("a token of GP Connect embeds a device and a practitioner, which are not known here: take another variant")
        return variant
