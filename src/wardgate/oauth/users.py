"""Users as tokens know them: who signed in, where, how strongly (user-restricted 5 and 6)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class ProviderKind(StrEnum):
    """The two kinds of sign-in provider; also the word that records use (user-restricted 6)."""

    CIS2 = "nhs-cis2"
    NHS_LOGIN = "nhs-login"


REFRESH_SECONDS: Final[Mapping[ProviderKind, int]] = {ProviderKind.CIS2: 43_200, ProviderKind.NHS_LOGIN: 3_600}
"""How long a sign-in can be refreshed, counted from the first token (spec README rule 8)."""
LEVEL_MARKS: Final[Mapping[ProviderKind, str]] = {ProviderKind.CIS2: "aal", ProviderKind.NHS_LOGIN: "P"}
SCOPE_FAMILIES: Final[Mapping[ProviderKind, tuple[str, ...]]] = {
    ProviderKind.CIS2: ("user-nhs-cis2", "user-nhs-id"), ProviderKind.NHS_LOGIN: ("user-nhs-login",),
}
"""Spec README rule 1: both spellings of the worker's scopes are declared, neither is rewritten."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What an ID token proved. `user` is the worker's UID or the patient's NHS number: personal, never in a log."""

    kind: ProviderKind
    provider: str
    """The provider's name in the manifest."""
    issuer: str
    subject: str
    user: str
    level: str | None
    """`aal1` to `aal3`, `P0` to `P9`, spelt as in scopes; None when the token does not say."""
    identity_assurance: str | None = None
    acr: str | None = None
    amr: tuple[str, ...] = ()
    role: str | None = None
    """`selected_roleid`."""
    session: str | None = None
    """The provider's `sid`."""
    vot: str | None = None
    actor: str | None = None
    """The NHS number of the person who acts for the patient (user-restricted 14)."""
    mock: bool = False
    patient: str | None = None
    """The NHS number of the patient, when the token tells it."""

    @property
    def record_name(self) -> str:
        """What records call the provider: `nhs-cis2`, or `apim-mock-nhs-cis2` for a mock (user-restricted 6)."""
        return f"apim-mock-{self.kind}" if self.mock else str(self.kind)


def granted_user_scopes(product_scopes: Iterable[str], who: SignedIn) -> tuple[str, ...]:
    """Return the products' scopes whose text has exactly the user's level (user-restricted 5.2): no level includes another."""
    if who.level is None:
        return ()
    return tuple(scope for scope in product_scopes if f":{who.level}:" in scope)


def level_of(kind: ProviderKind, claim: object) -> str | None:
    """Return the level a claim states: 1 to 3 as number or text of CIS2, the first two characters at NHS login."""
    if kind is ProviderKind.CIS2:
        text = str(claim) if type(claim) in {str, int} else ""
        return f"aal{text}" if text in {"1", "2", "3"} else None
    return claim[:2] if type(claim) is str and claim[:2] in {"P0", "P5", "P9"} else None
