"""JWS over any octets: compact, detached, unencoded and flattened (RFC 7515 sections 5 and 7, appendix F; RFC 7797).

Tokens have `jws`; this is for documents. What a header may say is the caller's list; here are the rules that every header obeys.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from wardgate.jose import base64url
from wardgate.jose.errors import AlgorithmRefused, MalformedJWS
from wardgate.jose.large_member import decode_object_without
from wardgate.jose.strict_json import decode_object
from wardgate.jose.strict_json import encode as encode_json

MAX_HEADER_CHARS: Final = 32_768
MAX_SIGNATURE_CHARS: Final = 1_400
"""Of an RSA key of 8192 bits."""
_MEMBERS: Final = frozenset({"payload", "protected", "header", "signature"})
_REGISTERED: Final = frozenset({"alg", "jku", "jwk", "kid", "x5u", "x5c", "x5t", "x5t#S256", "typ", "cty", "crit", "enc", "zip"})
"""Names that `crit` must not list (RFC 7515 section 4.1.11)."""


@dataclass(frozen=True, slots=True)
class UnverifiedJWS:
    """A signature as somebody sent it. Nothing in it is true until its signature was checked."""

    header: Mapping[str, Any] = field(repr=False)
    """Protected. It may say who signs, and for whom."""
    protected: bytes = field(repr=False)
    encoded_payload: bytes | memoryview | None = field(repr=False)
    """None: detached."""
    inside: bytes | memoryview = field(repr=False)
    """What the signature covers, where the payload is inside."""
    signature: bytes = field(repr=False)
    encoded_signature: bytes = field(repr=False)
    unprotected: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_unencoded(self) -> bool:
        """Whether the payload is signed as it is (RFC 7797 section 3)."""
        return self.header.get("b64") is False

    def signed_octets(self, detached: bytes | None = None) -> bytes | memoryview:
        """Return what the signature covers; `detached` is the payload that travelled beside it. Raises `MalformedJWS`."""
        if self.encoded_payload is not None and detached is None:
            return self.inside
        if self.encoded_payload is None and detached is not None:
            return signing_input(self.protected, detached, encoded=not self.is_unencoded)
        raise MalformedJWS("the payload either inside or beside", "both" if detached is not None else "neither")

    def payload(self) -> bytes:
        """Return the payload that is inside. Raises `MalformedJWS`."""
        return _decoded(self.encoded_payload or b"", "payload")


def signing_input(protected: bytes, payload: bytes, *, encoded: bool = True) -> bytes:
    """Return the octets to sign (RFC 7515 section 5.1 step 5, RFC 7797 section 3)."""
    if not encoded:
        return b".".join((protected, payload))
    return b"".join((protected, b".", *base64url.encode_pieces(base64url.pieces(payload))))


def encode_header(header: Mapping[str, Any]) -> bytes:
    """Return a protected header as it is written."""
    return base64url.encode_bytes(encode_json(header).encode("ascii"))


def sign_compact(header: Mapping[str, Any], payload: bytes, sign: Callable[[bytes], bytes]) -> bytes:
    """Return the compact form."""
    return b".".join(sign_parts(header, payload, sign))


def sign_parts(header: Mapping[str, Any], payload: bytes, sign: Callable[[bytes], bytes]) -> tuple[bytes, bytes]:
    """Return what was signed, and the signature as it is written: the two of the compact form that a dot joins."""
    text = signing_input(encode_header(header), payload)
    return text, base64url.encode_bytes(sign(text))


def sign_detached(header: Mapping[str, Any], payload: bytes, sign: Callable[[bytes], bytes]) -> bytes:
    """Return the compact form without its payload (RFC 7515 appendix F); with `b64` false the payload is signed as it is."""
    protected = encode_header(header)
    signature = sign(signing_input(protected, payload, encoded=header.get("b64") is not False))
    return b"..".join((protected, base64url.encode_bytes(signature)))


def flatten(compact: bytes, unprotected: Mapping[str, Any]) -> bytes:
    """Return the flattened JSON form of a compact JWS, with an unprotected header (RFC 7515 section 7.2.2)."""
    protected, payload, signature = compact.split(b".")
    inside = b'"payload":"%b",' % payload if payload else b""
    header = encode_json(unprotected).encode("ascii")
    return b'{%b"protected":"%b","header":%b,"signature":"%b"}' % (inside, protected, header, signature)


def parse(data: bytes, max_bytes: int) -> UnverifiedJWS:
    """Take apart either form. Raises `MalformedJWS`; `AlgorithmRefused` for a critical extension that no caller can know.

    Raises for repeated names, other spellings of base64url, members that are both protected and not, and more than `max_bytes`.
    """
    if len(data) > max_bytes:
        raise MalformedJWS(f"at most {max_bytes} octets", f"{len(data)} octets")
    return _flattened(data) if data[:1] == b"{" else _compact(data)


def _compact(data: bytes) -> UnverifiedJWS:
    first, last = data.find(b"."), data.rfind(b".")
    if first == last or data.find(b".", first + 1) != last:
        raise MalformedJWS("three parts separated by dots", "another number of parts")
    view = memoryview(data)
    return _made(data[:first], view[first + 1 : last] or None, view[:last], data[last + 1 :], {})


def _flattened(data: bytes) -> UnverifiedJWS:
    try:
        members, payload = decode_object_without(data, "payload")
    except ValueError:
        raise MalformedJWS("one JSON object with unique names", "other octets") from None
    protected, signature, unprotected = members.get("protected"), members.get("signature"), members.get("header", {})
    if not _MEMBERS.issuperset(members) or type(protected) is not str or type(signature) is not str or type(unprotected) is not dict:
        raise MalformedJWS("protected, signature, and perhaps payload and header", "other members")
    if "payload" in members and not payload:
        raise MalformedJWS("a payload that is text", "another payload")
    inside = b"" if payload is None else b".".join((protected.encode("utf-8"), payload))
    return _made(protected.encode("utf-8"), payload, inside, signature.encode("utf-8"), unprotected)


def _made(protected: bytes, payload: bytes | memoryview | None, inside: bytes | memoryview, signature: bytes, unprotected: dict[str, Any]) -> UnverifiedJWS:
    if len(protected) > MAX_HEADER_CHARS or not 0 < len(signature) <= MAX_SIGNATURE_CHARS:
        raise MalformedJWS(f"a header of at most {MAX_HEADER_CHARS} characters, and a signature", "another size")
    header = read_header(protected)
    if not header.keys().isdisjoint(unprotected):
        raise MalformedJWS("header members either protected or not", "a member that is both")
    if header.get("b64") is False and payload is not None:
        raise MalformedJWS("an unencoded payload beside the signature", "one inside")
    return UnverifiedJWS(header, protected, payload, inside, _decoded(signature, "signature"), signature, unprotected)


def read_header(protected: bytes) -> dict[str, Any]:
    """Return the members of a protected header; `crit` obeys its rules (RFC 7515 section 4.1.11). Raises `MalformedJWS`."""
    try:
        header = decode_object(_decoded(protected, "header"))
    except ValueError:
        raise MalformedJWS("a header that is one JSON object with unique names", "other octets") from None
    critical = header.get("crit")
    if critical is not None or "crit" in header:
        if type(critical) is not list or not critical or not all(type(name) is str for name in critical):
            raise MalformedJWS("crit is a list of names", "something else")
        if len(set(critical)) != len(critical) or not _REGISTERED.isdisjoint(critical) or not header.keys() >= set(critical):
            raise MalformedJWS("crit lists members of this header that are extensions, once", "other names")
    if "b64" in header and (type(header["b64"]) is not bool or "b64" not in (critical or ())):
        raise MalformedJWS("b64 is true or false, and listed in crit", "something else")
    return header


def check_members(header: Mapping[str, Any], known: Collection[str], critical: Collection[str]) -> None:
    """Every member is known, and those of ours are marked critical, so that nobody passes over them. Raises `AlgorithmRefused`."""
    strange = [name for name in header if name not in known]
    if strange:
        raise AlgorithmRefused("header members of the profile", f"{len(strange)} others")
    listed = header.get("crit", ())
    if any((name in header) != (name in listed) for name in critical) or not set(listed) <= set(critical):
        raise AlgorithmRefused("crit lists the members of the profile", "another list")


def _decoded(text: bytes | memoryview, name: str) -> bytes:
    try:
        return base64url.decode_large(text)
    except ValueError:
        raise MalformedJWS(f"a {name} in base64url without padding", "other characters") from None
