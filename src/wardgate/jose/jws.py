"""Compact signed tokens (RFC 7515 section 7.1, RFC 7519, RFC 8725).

The hot path of the token endpoint: one pass over the text, no key parsing, no generic machinery.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from cryptography.exceptions import InvalidSignature

from wardgate.jose import base64url
from wardgate.jose.errors import BadSignature, MalformedJWT
from wardgate.jose.jwk import JWK, SigningJWK
from wardgate.jose.strict_json import decode_object
from wardgate.jose.strict_json import encode as encode_json

MAX_JWT_CHARS: Final = 16_384
MAX_HEADER_CHARS: Final = 2_048


@dataclass(frozen=True, slots=True)
class UnverifiedJWT:
    """A token as somebody sent it. Nothing in it is true until `verify` says so."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    signed: bytes = field(repr=False)
    signature: bytes = field(repr=False)

    @classmethod
    def parse(cls, text: str, max_chars: int = MAX_JWT_CHARS) -> "UnverifiedJWT":
        """Take the compact form apart. The signature may be empty, so that `alg: none` is refused by its name.

        Raises `MalformedJWT` for anything but three canonical base64url parts, the first two JSON objects, for a
        critical extension (RFC 7515 section 4.1.11: we know none), and for more than `max_chars`.
        """
        if len(text) > max_chars:
            raise MalformedJWT(f"at most {max_chars} characters", f"{len(text)} characters")
        try:
            data = text.encode("ascii")
        except UnicodeEncodeError:
            raise MalformedJWT("base64url text", "characters outside ASCII") from None
        parts = data.split(b".", 5)
        if len(parts) != 3:
            raise MalformedJWT("three parts separated by dots", f"{len(parts)} parts")
        if len(parts[0]) > MAX_HEADER_CHARS:
            raise MalformedJWT(f"a header of at most {MAX_HEADER_CHARS} characters", f"{len(parts[0])} characters")
        header = _header(parts[0])
        claims = _object(parts[1], "payload")
        try:
            signature = base64url.decode(parts[2])
        except ValueError:
            raise MalformedJWT("a signature in base64url without padding", f"{len(parts[2])} other characters") from None
        return cls(header, claims, data[: len(data) - len(parts[2]) - 1], signature)


@dataclass(frozen=True, slots=True)
class VerifiedJWT:
    """A token whose signature was verified with the key `kid` by `alg`. Made by `verify` only."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    kid: str
    alg: str


@lru_cache(maxsize=2048)  # a client sends the same header every time; what is cached is public and never changed
def _header(part: bytes) -> Mapping[str, Any]:
    header = _object(part, "header")
    if "crit" in header:
        raise MalformedJWT("a header without critical extensions", "the header member crit")
    return MappingProxyType(header)


def _object(part: bytes, name: str) -> dict[str, Any]:
    try:
        data = base64url.decode(part)
    except ValueError:
        raise MalformedJWT(f"a {name} in base64url without padding", f"{len(part)} other characters") from None
    try:
        return decode_object(data)
    except ValueError:
        raise MalformedJWT(f"a {name} that is one JSON object with unique names", f"{len(data)} other bytes") from None


def verify(token: UnverifiedJWT, key: JWK) -> VerifiedJWT:
    """Check the signature with `key`, by the algorithm that both the header and the key name.

    Raises `UnsuitableKey` when the key is not for the header's algorithm, `BadSignature` when the signature is wrong.
    """
    alg = token.header.get("alg")
    algorithm = key.for_algorithm(alg if isinstance(alg, str) else "(none)")
    try:
        algorithm.verify(key.key, token.signature, token.signed)
    except InvalidSignature:
        raise BadSignature(f"a signature by {algorithm.name} with the key it names", "another signature") from None
    return VerifiedJWT(token.header, token.claims, key.kid, algorithm.name)


def sign(claims: Mapping[str, Any], key: SigningJWK, typ: str = "JWT") -> str:
    """Return the compact token with the header members `alg`, `typ` and `kid`."""
    header = base64url.encode(encode_json({"alg": key.algorithm.name, "typ": typ, "kid": key.kid}).encode("ascii"))
    return sign_encoded(header, claims, key)


def sign_encoded(header: str, claims: Mapping[str, Any], key: SigningJWK) -> str:
    """Sign under a header that the caller encoded before; it must name the key's `alg` and `kid`."""
    text = f"{header}.{base64url.encode(encode_json(claims).encode('ascii'))}"
    return f"{text}.{base64url.encode(key.algorithm.sign(key.key, text.encode('ascii')))}"
