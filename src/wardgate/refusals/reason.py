"""What a refusal is: a reason from the catalogue plus what was expected and received this time."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

_PLACEHOLDER: Final = re.compile(r"\{([a-z_]+)\}")


class Area(StrEnum):
    """Where in the system a reason arises; the catalogue has one table per area."""

    TOKEN_ENDPOINT = "token-endpoint"  # noqa: S105 - the name of an area
    USER_TOKENS = "user-tokens"
    SIGN_IN = "sign-in"
    PROVIDERS = "sign-in-providers"
    GATEWAY = "gateway"
    CERTIFICATES = "certificates"
    SPINE = "spine"
    SECURE_PROXY = "secure-proxy"
    GP_CONNECT = "gp-connect"
    DIRECTORY = "directory"
    MESSAGES = "messages"
    MESH = "mesh"
    LIMITS = "limits"
    PLATFORM = "platform"
    FAULTS = "faults"


class Fixer(StrEnum):
    """Who can make the next call succeed."""

    CALLER = "calling application's developer"
    PRODUCER = "API producer"
    OPERATOR = "operator of this Wardgate"


@dataclass(frozen=True, slots=True)
class Reason:
    """One way to be refused: fixed facts, no request data. The code is unique and is never reused.

    `error` and `text` are the wire words of the area's own dialect: for the token endpoint `error` and
    `error_description`; for the gateway `fault.detail.errorcode` and `fault.faultstring`.
    `check` says what had to be true; `advice` what to do about it.
    """

    code: str
    area: Area
    status: int
    error: str
    text: str
    check: str
    advice: str
    fixer: Fixer = Fixer.CALLER
    source: str = ""
    diagnostics: str | None = None
    """FHIR `issue.diagnostics` when it differs from `text` (PDS texts of application-restricted 7)."""
    fhir_code: str = "ACCESS_DENIED"
    fhir_display: str = "Access Denied - Unauthorised"
    fhir_issue: str = "forbidden"
    fhir_severity: str = "error"
    headers: tuple[tuple[str, str], ...] = ()
    placeholders: tuple[str, ...] = ()
    """Names in `text`, `error` or `diagnostics` (as `{name}`) that the refusing side substitutes."""

    @property
    def anchor(self) -> str:
        """Where the reference documentation explains this reason."""
        return f"docs/reference/refusals.md#{self.code}"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A reason that applied to one request. `expected` and `received` are redacted before they get here."""

    reason: Reason
    expected: str | None = None
    received: str | None = None
    values: Mapping[str, str] = field(default_factory=dict)

    def fill(self, template: str) -> str:
        """Put this refusal's values into the reason's placeholders; all other braces stay as they are."""
        return _PLACEHOLDER.sub(self._value, template)

    def _value(self, found: re.Match[str]) -> str:
        """Each place is filled once: what a value looks like does not matter."""
        return self.values.get(found[1], "") if found[1] in self.reason.placeholders else found[0]
