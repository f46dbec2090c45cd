"""NHS CIS2: how somebody signed in, and what that is called in `acr_values`, `acr` and `amr` (user-restricted 11.3)."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final


class Authenticator(StrEnum):
    """A way to sign in, spelt as `amr` spells it."""

    N3_SMARTCARD = "N3_SMARTCARD"
    CIS2_SMARTCARD = "CIS2_SMARTCARD"
    IOS = "IOS"
    FIDO2 = "FIDO2"
    TOTP = "TOTP"
    NHSMAIL = "NHSMAIL"
    USERPASS = "USERPASS"


LEVELS: Final[Mapping[Authenticator, int]] = {
    Authenticator.N3_SMARTCARD: 3, Authenticator.CIS2_SMARTCARD: 3, Authenticator.IOS: 3, Authenticator.FIDO2: 3,
    Authenticator.TOTP: 2, Authenticator.NHSMAIL: 2,
    Authenticator.USERPASS: 1,
}
"""The authentication assurance level (AAL) of each."""

SMARTCARDS: Final = frozenset({Authenticator.N3_SMARTCARD, Authenticator.CIS2_SMARTCARD})
"""Those that are a certificate, presented by mutual TLS."""
_ANY: Final = {level: frozenset(one for one, its in LEVELS.items() if its == level) for level in (1, 2, 3)}
ACR_VALUES: Final[Mapping[str, frozenset[Authenticator]]] = {
    "AAL3_ANY": _ANY[3],
    "AAL2_OR_AAL3_ANY": _ANY[2] | _ANY[3],
    "AAL2_ANY": _ANY[2],
    "AAL1_USERPASS": _ANY[1],
    "AAL3_IOS": frozenset({Authenticator.IOS}),
    "AAL3_FIDO2": frozenset({Authenticator.FIDO2}),
    "AAL3_N3_SMARTCARD": frozenset({Authenticator.N3_SMARTCARD}),
    "AAL3_CIS2_SMARTCARD": frozenset({Authenticator.CIS2_SMARTCARD}),
    "AAL3_SMARTCARD": SMARTCARDS,
    "AAL2_TOTP": frozenset({Authenticator.TOTP}),
    "AAL2_NHSMAIL": frozenset({Authenticator.NHSMAIL}),
}
"""What each name asks for, in the order of the published list."""


def acr_of(authenticator: Authenticator) -> str:
    """Return the specific name of an authenticator."""
    return f"AAL{LEVELS[authenticator]}_{authenticator}"


def wanted(acr_values: str | None) -> tuple[str, ...]:
    """Return the names we know of a space-separated list, in order of preference; unknown ones are not preferences."""
    return tuple(dict.fromkeys(name for name in (acr_values or "").split(" ") if name in ACR_VALUES))


def acr_reached(authenticator: Authenticator, names: Iterable[str]) -> str | None:
    """Return the first name that the authenticator satisfies; the specific one when none was asked for, None when none fits.

    `AAL2_OR_AAL3_ANY` is a question: its answer is the generic name of the level that was used.
    """
    asked = tuple(names)
    if not asked:
        return acr_of(authenticator)
    found = next((name for name in asked if authenticator in ACR_VALUES[name]), None)
    return f"AAL{LEVELS[authenticator]}_ANY" if found == "AAL2_OR_AAL3_ANY" else found


def strongest(available: Iterable[Authenticator], names: Iterable[str]) -> Authenticator | None:
    """Return the authenticator to use of those somebody has: the first that fits what was asked for, None when none does."""
    has, asked = tuple(available), tuple(names)
    if not asked:
        return has[0] if has else None
    return next((one for name in asked for one in has if one in ACR_VALUES[name]), None)
