"""A row of a table of errors: a good call, what of it is spoilt, and the whole answer that it must get.

What is expected stands here as text, not as a reference to the catalogue: the tables of spine 2.3, 4.4, 5.3 and 8 are what is compared.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from wardgate.jose import base64url

Claims = dict[str, Any]
IAT: Final = 1_767_225_900
"""When the tokens of the tables are made, and what their texts say. On the wire both are moved to now."""
JSON, XML = "application/fhir+json", "application/fhir+xml"
BOTH: Final = (JSON, XML)


@dataclass(frozen=True)
class Said:
    """An OperationOutcome as it is told: `form` names its envelope (`envelope`)."""

    status: int
    code: str
    issue: str
    diagnostics: str | None
    form: str = "spine"
    severity: str = "error"
    display: str | None = None
    """None: the code's own (spine 8.2); the proxy's is its diagnostics."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers that belong to it, beside those of every refusal."""
    text: str | None = None


@dataclass(frozen=True)
class Call:
    """A call. Header values and paths may name what the place made before, in braces."""

    path: str
    method: str = "GET"
    headers: Mapping[str, str | None] = field(default_factory=dict)
    claims: Claims | None = None
    authorization: str | None = None
    """In place of a token with these claims."""
    body: Any = None
    door: str = "mtls"
    who: str | None = "consumer"
    accepts: tuple[str, ...] = BOTH

    def but(self, **changes: Any) -> "Call":
        """Return the call with other headers and claims, None for those that are left out, and other attributes."""
        headers = {**self.headers, **changes.pop("headers", {})}
        claims = {name: value for name, value in {**(self.claims or {}), **changes.pop("claims", {})}.items() if value is not None}
        return replace(self, headers=headers, claims=claims or None, **changes)

    def spoilt(self, spoil: Callable[[Claims], Any]) -> "Call":
        """Return the call with claims that a table spoils."""
        claims = json.loads(json.dumps(self.claims))
        spoil(claims)
        return replace(self, claims=claims)

    def token(self, now: int) -> str | None:
        """Return the Authorization header, its times moved to now."""
        if self.authorization is not None or self.claims is None:
            return self.authorization
        claims = {name: value + now - IAT if name in {"iat", "exp"} and type(value) is int else value for name, value in self.claims.items()}
        return f"Bearer {encoded({'alg': 'none', 'typ': 'JWT'})}.{encoded(claims)}."


def encoded(part: Any) -> str:
    """Return a section of a token."""
    return base64url.encode((part if isinstance(part, str) else json.dumps(part)).encode())


@dataclass(frozen=True)
class Row:
    """One row. `reason` is the catalogue's code of it; None where the API behind the gateway answers."""

    name: str
    reason: str | None
    call: Call
    said: Said

    def at(self, now: int) -> Said:
        """Return what is expected of a call that is sent at this time: its text names the token's own times."""
        claims, text = self.call.claims or {}, self.said.diagnostics
        for name in ("iat", "exp"):
            value = claims.get(name)
            if type(value) is int and text is not None:
                text = text.replace(str(value), str(value + now - IAT))
        return replace(self.said, diagnostics=text)


def seconds() -> int:
    """Return the time."""
    return int(time.time())
