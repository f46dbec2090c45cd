"""A person who can sign in at a stand-in provider."""

from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from wardgate.directory.model import Document, Line
from wardgate.identities.one_time_code import TOTPSecret
from wardgate.identities.password import PasswordHash
from wardgate.identities.patient import Patient, Username
from wardgate.identities.worker import Worker
from wardgate.oauth.users import ProviderKind
from wardgate.refusals.faults import UnknownFault, wanted

FaultName = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,60}(; ?seconds=[0-9.]{1,7})?$")]


class User(Document, json_schema_extra={"oneOf": [{"required": ["worker"]}, {"required": ["patient"]}]}):
    """A made-up person of the stand-in providers: a healthcare worker or a patient."""

    username: Username
    """What is entered to sign in; of a worker it is the 12-digit identifier (UID) as well."""
    given_name: Line = ""
    """The first name."""
    family_name: Line = ""
    """The last name."""
    note: Line = ""
    """What this person is for, shown on the page that lists everybody."""
    password: PasswordHash | None = None
    """The password as an Argon2id hash, which `wardgate user hash-password` makes. It is for those who can sign in with USERPASS or TOTP, Cp or Cp.Cd."""
    totp_secret: TOTPSecret | None = None
    """The secret of the authenticator app whose code is asked for after the password, in base32, kept encrypted and never exported. It is for TOTP and Cp.Cd."""
    worker: Worker | None = None
    """Signs in at NHS CIS2."""
    patient: Patient | None = None
    """Signs in at NHS login."""
    userinfo_claims: dict[Annotated[str, Field(max_length=100)], Any] | None = None
    """Members of userinfo that replace those made from this entry, null to leave one out: for meeting malformed answers."""
    id_token_claims: dict[Annotated[str, Field(max_length=100)], Any] | None = None
    """The same for ID tokens."""

    fault: FaultName | None = None
    """A fault that every sign-in of this person meets: a name of `wardgate faults list`, with `; seconds=N` behind one that takes time."""

    @model_validator(mode="after")
    def _meets_its_fault(self) -> Self:
        """A fault that nobody meets by signing in cannot be a person's."""
        if self.fault is not None:
            try:
                found = wanted(self.fault)
            except UnknownFault as unknown:
                raise ValueError(str(unknown)) from None
            if not found.fault.moments:
                raise ValueError(f"the fault {found.fault.name} is not met by signing in: ask for it by the header Wardgate-Fault")
        return self

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.worker is None) == (self.patient is None):
            raise ValueError("a user has either `worker` or `patient`")
        return self

    @model_validator(mode="after")
    def _can_sign_in_with_them(self) -> Self:
        ways: set[str] = set(self.worker.authenticators) if self.worker is not None else set()
        ways |= set(self.patient.credentials) if self.patient is not None else set()
        if self.password is not None and not ways & {"USERPASS", "TOTP", "Cp", "Cp.Cd"}:
            raise ValueError("`password` is for somebody who can sign in with USERPASS or TOTP, Cp or Cp.Cd")
        if self.totp_secret is not None and (self.password is None or not ways & {"TOTP", "Cp.Cd"}):
            raise ValueError("`totp_secret` is for somebody with a `password` who can sign in with TOTP or Cp.Cd")
        return self

    @property
    def kind(self) -> ProviderKind:
        """Where the person signs in."""
        return ProviderKind.CIS2 if self.worker is not None else ProviderKind.NHS_LOGIN

    @property
    def name(self) -> str:
        """The name for people; the user name when there is none."""
        return f"{self.given_name} {self.family_name}".strip() or self.username
