"""A healthcare worker as NHS CIS2 describes one (user-restricted 11.6)."""

from typing import Annotated

from pydantic import Field

from wardgate.directory.model import Document, Line, ODSCode, Whole
from wardgate.oidc.authenticators import Authenticator

PersonID = Annotated[str, Field(pattern=r"^[0-9]{1,15}$")]
"""Numbers that name a person, a role of theirs or a membership: 12 digits in practice (spec README rule 21)."""
Code = Annotated[str, Field(pattern=r"^[A-Za-z0-9:]{1,60}$")]
ProfessionalID = Annotated[str, Field(pattern=r"^[A-Za-z0-9/-]{1,30}$")]


class Coded(Document):
    """A code and what it is called."""

    code: Code
    """The code, such as `B0028`."""
    name: Line
    """Its name for people."""


class Role(Document):
    """One role of a worker at one organisation, with its own number."""

    person_roleid: PersonID
    """The role profile's number (URID), by which `NHSD-Session-URID` names it."""
    person_orgid: PersonID
    """The number of the worker's membership of the organisation."""
    org_code: ODSCode
    """The organisation's ODS code."""
    org_name: Line = ""
    """The organisation's name, for the page on which a role is chosen."""
    role_code: Code
    """Staff group, sub-group and role: `S8000:G8000:R8000`."""
    role_name: Line
    """Their names, each in quotes, joined by colons."""
    activities: tuple[Coded, ...] = ()
    """Activities beyond those the role brings with it."""
    workgroups: tuple[Coded, ...] = ()
    """Workgroups the role belongs to."""
    areas_of_work: tuple[Coded, ...] = ()
    """Areas of work (`aow`)."""


class Membership(Document):
    """A worker's membership of an organisation."""

    person_orgid: PersonID
    """The membership's number."""
    org_code: ODSCode
    """The organisation's ODS code."""
    org_name: Line = ""
    """The organisation's name."""
    gnc: ProfessionalID | None = None
    """The number of the General Nursing Council."""


class ProfessionalIDs(Document):
    """Numbers of the bodies that register professionals."""

    gmc_id: ProfessionalID | None = None
    """General Medical Council."""
    gdc_id: ProfessionalID | None = None
    """General Dental Council."""
    gmp_id: ProfessionalID | None = None
    """General medical practitioner."""
    gdp_id: ProfessionalID | None = None
    """General dental practitioner."""
    nmc_id: ProfessionalID | None = None
    """Nursing and Midwifery Council."""
    gphc_id: ProfessionalID | None = None
    """General Pharmaceutical Council."""
    rcn_id: ProfessionalID | None = None
    """Royal College of Nursing."""
    consultant_id: ProfessionalID | None = None
    """Consultant code."""


class Worker(Document):
    """What makes a user a healthcare worker, who signs in at NHS CIS2."""

    title: Line = ""
    """The title, such as Dr."""
    middle_names: Line = ""
    """Names between the first and the last."""
    initials: Line = ""
    """Initials of the middle names."""
    display_name: Line = ""
    """How the name is shown; when empty, given and family name."""
    email: Line = ""
    """The e-mail address; when empty, there is none."""
    identity_assurance_level: Annotated[Whole, Field(ge=0, le=3)] = 3
    """How well the identity was proved (`id_assurance_level`)."""
    authenticators: Annotated[tuple[Authenticator, ...], Field(min_length=1)] = (Authenticator.N3_SMARTCARD,)
    """What the worker can sign in with, best liked first; the assurance level follows from the one that is used."""
    roles: Annotated[tuple[Role, ...], Field(max_length=100)] = ()
    """National RBAC roles."""
    selected_role: PersonID | None = None
    """The role already chosen when the worker signs in, as at the PIN entry of a smartcard."""
    memberships: Annotated[tuple[Membership, ...], Field(max_length=100)] = ()
    """Memberships of organisations; they are the associated organisations and organisational roles as well."""
    professional_ids: ProfessionalIDs | None = None
    """Numbers of professional bodies."""
