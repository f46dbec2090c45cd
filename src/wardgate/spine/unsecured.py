"""A JWT without a signature, as systems make it for Spine (spine 2.1; RFC 7519 section 6).

`UnsecuredClaims` is what somebody states. It shares no base with `jose.VerifiedJWT` and proves nothing: its claims must agree
with what TLS proved, and add context to it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from wardgate.jose import base64url
from wardgate.jose.strict_json import decode_object
from wardgate.jose.strict_json import encode as encode_json
from wardgate.spine.errors import Fault, MalformedClaims
from wardgate.spine.identifiers import shown

MAX_TOKEN_CHARS: Final = 16_384
MAX_HEADER_CHARS: Final = 256
MAX_DEPTH: Final = 12
"""Levels of nesting: the embedded resources of GP Connect have at most five."""
MAX_VALUES: Final = 1_000
HEADER: Final[Mapping[str, str]] = MappingProxyType({"alg": "none", "typ": "JWT"})
HEADER_PART: Final = base64url.encode(encode_json(dict(HEADER)).encode("ascii"))
USUAL_HEADERS: Final = frozenset({HEADER_PART, base64url.encode(b'{"typ":"JWT","alg":"none"}')})
"""What nearly every token begins with, which need not be taken apart."""
_STANDARD: Final = ("+", "/", "=")
_TO_URL_SAFE: Final = str.maketrans("+/", "-_")


@dataclass(frozen=True, slots=True)
class UnsecuredClaims:
    """Claims that nobody signed. `trusted_hop`: they came in the tolerant form, from a hop that the route trusts."""

    claims: Mapping[str, Any] = field(repr=False)
    trusted_hop: bool = False

    def text(self, name: str) -> str | None:
        """Return a claim that is text and not blank, else None."""
        value = self.claims.get(name)
        return value if type(value) is str and value.strip() else None


def parse(token: str) -> UnsecuredClaims:
    """Take a token apart strictly, as at the edge: base64url without padding, the one header, and the dot at the end.

    Raises `MalformedClaims`.
    """
    header, body = _sections(token)
    if any(char in header or char in body for char in _STANDARD):
        raise MalformedClaims(Fault.PADDED, "base64url without padding", "characters of standard base64")
    if header not in USUAL_HEADERS:
        _check_header(_object(header, Fault.HEADER_JSON, "a header"), exact=True)
    return UnsecuredClaims(MappingProxyType(_object(body, Fault.CLAIMS_JSON, "a body of claims")))


def parse_tolerantly(token: str) -> UnsecuredClaims:
    """Take a token of a trusted hop apart: either alphabet, padding or none, and further header members (spine 2.1).

    The dot at the end, `alg` none, the limits and unique names stay asked for. Raises `MalformedClaims`.
    """
    header, body = (_canonical(part) for part in _sections(token))
    _check_header(_object(header, Fault.HEADER_JSON, "a header"), exact=False)
    return UnsecuredClaims(MappingProxyType(_object(body, Fault.CLAIMS_JSON, "a body of claims")), trusted_hop=True)


def compact(claims: Mapping[str, Any]) -> str:
    """Return the compact token of these claims: compact JSON, base64url, and the dot at the end."""
    return f"{HEADER_PART}.{base64url.encode(encode_json(dict(claims)).encode('ascii'))}."


def _sections(token: str) -> tuple[str, str]:
    """Return the first two of three sections, of which the third is empty."""
    if len(token) > MAX_TOKEN_CHARS:
        raise MalformedClaims(Fault.TOO_LONG, f"at most {MAX_TOKEN_CHARS} characters", f"{len(token)} characters")
    parts = token.split(".", 5)
    if len(parts) != 3:
        hint = ", without the dot at the end" if len(parts) == 2 else ""
        raise MalformedClaims(Fault.SECTIONS, "three sections, the third empty", f"{len(parts)} sections{hint}")
    if not parts[1]:
        raise MalformedClaims(Fault.BODY_EMPTY, "a body of claims", "an empty section")
    if parts[2]:
        raise MalformedClaims(Fault.SIGNED, "an empty third section", f"{len(parts[2])} characters")
    if len(parts[0]) > MAX_HEADER_CHARS:
        raise MalformedClaims(Fault.HEADER_JSON, f"a header of at most {MAX_HEADER_CHARS} characters", f"{len(parts[0])} characters")
    return parts[0], parts[1]


def _canonical(part: str) -> str:
    """Return a section of either alphabet, padded or not, as base64url without padding."""
    stripped = part.rstrip("=")
    if len(part) - len(stripped) > 2:
        raise MalformedClaims(Fault.BASE64, "base64", "more padding than there can be")
    return stripped.translate(_TO_URL_SAFE)


def _object(part: str, fault: Fault, name: str) -> dict[str, Any]:
    try:
        data = base64url.decode(part.encode("ascii"))
    except ValueError:
        raise MalformedClaims(Fault.BASE64, f"{name} in base64url", f"{len(part)} other characters") from None
    try:
        found = decode_object(data)
        _check_values(found)
    except ValueError:
        raise MalformedClaims(fault, f"{name} that is one small JSON object with unique names", f"{len(data)} other bytes") from None
    return found


def _check_values(found: dict[str, Any]) -> None:
    """Raise `ValueError` for nesting and numbers of values that no honest token has."""
    if len(found) <= MAX_VALUES // 2 and _NESTED.isdisjoint(map(type, found.values())):
        return
    level: list[Any] = [found]
    count = 0
    for _ in range(MAX_DEPTH):
        level = [inner for value in level for inner in _inner(value)]
        count += len(level)
        if count > MAX_VALUES:
            raise ValueError("too many values")
        if not level:
            return
    raise ValueError("nested too deep")


_NESTED: Final = frozenset({dict, list})


def _inner(value: Any) -> Iterator[Any]:
    if type(value) is dict:
        yield from value
        yield from value.values()
    elif type(value) is list:
        yield from value


def _check_header(header: dict[str, Any], *, exact: bool) -> None:
    for key, value in header.items():
        if key in HEADER and value != HEADER[key]:
            raise MalformedClaims(Fault.HEADER_VALUE, f"{key} {HEADER[key]}", "another value", key, shown(value))
        if key not in HEADER and (exact or key == "crit"):
            raise MalformedClaims(Fault.HEADER_VALUE, "alg and typ only", "another member", shown(key), shown(value))
    for key in HEADER:
        if key not in header and (exact or key == "alg"):
            raise MalformedClaims(Fault.HEADER_KEY, f"the header member {key}", "a header without it", key)
