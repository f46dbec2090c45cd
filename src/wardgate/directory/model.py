"""Organisations and systems as the manifest states them (spec README rules 21 and 24)."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, Strict

from wardgate.directory.forms import ASID_PATTERN, ODS_CODE_PATTERN, PARTY_KEY_PATTERN

ODSCode = Annotated[str, Field(pattern=f"^{ODS_CODE_PATTERN}$")]
ASID = Annotated[str, Field(pattern=f"^{ASID_PATTERN}$")]
PartyKey = Annotated[str, Field(pattern=f"^{PARTY_KEY_PATTERN}$")]
FQDN = Annotated[
    str, Field(max_length=253, pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$")
]

Flag = Annotated[bool, Strict()]
"""true or false, and nothing that could be taken for them."""
Whole = Annotated[int, Strict()]
"""A number without a fraction, written as a number."""
Line = Annotated[str, Field(pattern=r"^[^\x00-\x1F\x7F-\x9F\u2028\u2029]*$", max_length=200)]
"""One line of text for people."""
InteractionID = Annotated[str, Field(pattern=r"^[\x21-\x7E]+$", max_length=300)]


class Document(BaseModel):
    """A part of the manifest: frozen, and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=False, hide_input_in_errors=True, use_attribute_docstrings=True)


class Organisation(Document):
    """A legal body with an ODS code. An inactive one's applications and systems are refused."""

    ods: ODSCode
    """The organisation's ODS code, by which everything refers to it."""
    name: Annotated[Line, Field(min_length=1)]
    """The name for people."""
    active: Flag = True
    """false: every application of the organisation is refused (`company-inactive`), and every system of it counts as suspended."""


class SystemEndpoint(Document):
    """One interaction that a system serves, and where (spine 7.3)."""

    interaction: InteractionID
    """What is served there."""
    url: Annotated[str, Field(pattern=r"^https://[\x21-\x7E]+$", max_length=1000)]
    """The service root: the system's FQDN without a port, and no slash at its end."""
    cpa_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9]{1,30}$")] | None = None
    """The contract's id; when absent, one made of ASID and interaction."""
    connect_to: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]{1,253}:[0-9]{1,5}$")] | None = None
    """Host and port that the secure proxy connects to in place of the URL's, for a network without its names. TLS still checks the FQDN."""


class SharingRule(Document):
    """Which system may ask which other one through the secure proxy, and for what (spine 4.4)."""

    from_asid: ASID
    """The system that asks."""
    to_asid: ASID
    """The system that answers."""
    service: InteractionID
    """A service, such as `urn:nhs:names:services:gpconnect`, or one interaction."""

    @property
    def name(self) -> str:
        """What it is known by: all of it."""
        return f"{self.from_asid} {self.to_asid} {self.service}"


class System(Document):
    """An accredited system: one ASID in one organisation, known on the network by one FQDN."""

    asid: ASID
    """The accredited system's number, always in quotes."""
    organisation: ODSCode
    """The ODS code of the organisation that runs it."""
    product: Line = ""
    """The product's name for people."""
    fqdn: FQDN | None = None
    """Its name on the network, which its certificate carries. Only systems of one party key share a name."""
    party_key: PartyKey | None = None
    """The message handler it belongs to; when absent, one of its own: the ODS code, a hyphen and the last nine digits of the ASID."""
    interactions: tuple[InteractionID, ...] = ()
    """The interactions it may send, by the pattern asid-interaction; when empty, those it serves, as providers are registered.
    A system with neither is known by its certificate only, and is not in the directory."""
    clients: tuple[ODSCode, ...] = ()
    """The organisations it acts for; when empty, its own."""
    manufacturer: ODSCode | None = None
    """The supplier's ODS code."""
    endpoints: tuple[SystemEndpoint, ...] = ()
    """Where it serves interactions, as a provider."""
