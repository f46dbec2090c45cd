"""Organisations and systems as the manifest states them (spec README rules 21 and 24)."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, Strict

ODSCode = Annotated[str, Field(pattern=r"^[A-Za-z0-9]{1,9}$")]
ASID = Annotated[str, Field(pattern=r"^[0-9]{12}$")]
PartyKey = Annotated[str, Field(pattern=r"^[A-Za-z0-9]{1,9}-[0-9]{5,9}$")]
FQDN = Annotated[
    str, Field(max_length=253, pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$")
]

Flag = Annotated[bool, Strict()]
"""true or false, and nothing that could be taken for them."""
Whole = Annotated[int, Strict()]
"""A number without a fraction, written as a number."""


class Document(BaseModel):
    """A part of the manifest: frozen, and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=False, hide_input_in_errors=True)


class Organisation(Document):
    """A legal body with an ODS code. An inactive one's applications are refused (`company-inactive`)."""

    ods: ODSCode
    name: Annotated[str, Field(min_length=1, max_length=200)]
    active: Flag = True


class System(Document):
    """An accredited system: one ASID in one organisation, known on the network by one FQDN."""

    asid: ASID
    organisation: ODSCode
    product: Annotated[str, Field(max_length=200)] = ""
    fqdn: FQDN | None = None
    party_key: PartyKey | None = None
    interactions: tuple[Annotated[str, Field(max_length=300)], ...] = ()
