"""A patient as NHS login describes one (user-restricted 12.3, 12.6 and 14)."""

from typing import Annotated, Literal

from pydantic import Field

from wardgate.directory.model import Document, Flag, Line, ODSCode

NHSNumber = Annotated[str, Field(pattern=r"^[0-9]{10}$")]
"""Ten digits. The platform's own mock patients have wrong check digits, so none is asked for."""
SubjectID = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,64}$")]
Username = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,99}$")]
Telephone = Annotated[str, Field(pattern=r"^\+?[0-9 ]{5,20}$")]
ProofingLevel = Literal["P0", "P5", "P9"]
Credential = Literal["Cp", "Cp.Cd", "Cp.Ck", "Cm"]


class GeneralPractice(Document):
    """The practice a patient is registered with."""

    ods_code: ODSCode
    """The practice's ODS code."""
    user_id: Line = ""
    """The patient's account number there, for clients with IM1 access."""
    linkage_key: Line = ""
    """Its linkage key."""


class Delegation(Document):
    """That the patient may act for another (user-restricted 14)."""

    for_user: Username
    """The other patient's user name."""


class Patient(Document):
    """What makes a user a patient, who signs in at NHS login."""

    subject: SubjectID
    """The patient's identifier at NHS login (`sub`)."""
    nhs_number: NHSNumber | None = None
    """The NHS number, ten digits in quotes."""
    birthdate: Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")] | None = None
    """The date of birth, such as 1970-01-31, in quotes."""
    identity_proofing_level: ProofingLevel = "P9"
    """The highest level the identity was ever proved to."""
    credentials: Annotated[tuple[Credential, ...], Field(min_length=1)] = ("Cp.Cd", "Cm")
    """What the patient can sign in with, best liked first: password, password and device, password and shared key, passkey."""
    email: Line = ""
    """The e-mail address; when empty, there is none."""
    phone_number: Telephone | None = None
    """The mobile telephone number."""
    phone_number_pds_matched: Flag = True
    """Whether that number is the one in the Personal Demographics Service."""
    landline_number: Telephone | None = None
    """The landline telephone number."""
    gp: GeneralPractice | None = None
    """The practice the patient is registered with."""
    delegations: Annotated[tuple[Delegation, ...], Field(max_length=20)] = ()
    """Whom the patient may act for."""
