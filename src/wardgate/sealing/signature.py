"""The signature of a JOSE seal: its protected header, who made it, and whether it is good (itk3-messaging 6).

The signing time, the context, purpose, role and the person on whose behalf are private members, listed in `crit`: an implementation that
does not know them refuses.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from wardgate.jose import base64url
from wardgate.jose.jws_octets import UnverifiedJWS, check_members
from wardgate.jose.signature_algorithms import SEAL_ALGORITHMS, algorithm_for, check_signature
from wardgate.sealing.errors import SealRefused
from wardgate.sealing.keys import KeyDirectory, MessageKey, SigningKey, State
from wardgate.sealing.model import Purpose, Signed, Statement
from wardgate.sealing.translation import jose_refusals
from wardgate.sealing.trust import check_signer, organisations_of

REGISTERED: Final = frozenset({"alg", "kid", "x5t#S256", "x5c", "typ", "cty", "crit"})
"""`x5c` is a hint that nobody takes; `jku`, `x5u` and `jwk` are not on the list."""
STATEMENT: Final = ("sigT", "purpose", "role", "obo")
PURPOSES: Final = {purpose.code: purpose for purpose in Purpose}
TIME_FORM: Final = "%Y-%m-%dT%H:%M:%SZ"
MAX_ROLE_CHARS: Final = 100
MAX_KID_CHARS: Final = 256


@dataclass(frozen=True, slots=True)
class SealHeader:
    """A protected header that is on the lists. Not yet true."""

    algorithm: str
    kid: str
    certificate_sha256: str
    media_type: str | None
    statement: Statement
    members: Mapping[str, Any] = field(repr=False)


def certificate_digest(certificate: x509.Certificate) -> str:
    """Return `x5t#S256`."""
    return base64url.encode(certificate.fingerprint(SHA256()))


def written_header(signer: SigningKey, statement: Statement, typ: str, more: Mapping[str, Any], media_type: str | None = None) -> dict[str, Any]:
    """Return the protected header; `more` are further private members. Raises `SealRefused` for a key that is not of its algorithm."""
    with jose_refusals():
        algorithm_for(signer.algorithm, signer.certificate.public_key(), SEAL_ALGORITHMS)
    private = {"sigT": written_time(statement.signed_at), "purpose": statement.purpose.code, **more}
    if statement.role is not None:
        private["role"] = statement.role
    if statement.on_behalf_of is not None:
        private["obo"] = dict(statement.on_behalf_of)
    header = {"alg": signer.algorithm, "kid": signer.kid, "x5t#S256": certificate_digest(signer.certificate), "typ": typ}
    return header | ({"cty": media_type} if media_type is not None else {}) | {"crit": list(private)} | private


def check_signing_key(signer: SigningKey, organisation: str, at: datetime, directory: KeyDirectory | None = None) -> None:
    """Check before signing what every receiver checks after, and that the directory does not have the key as retired or revoked.

    Raises `SealRefused` with `signing-key-unavailable`.
    """
    certificate = signer.certificate
    listed = directory.key(signer.kid) if directory is not None else None
    if listed is not None and listed.state is not State.PUBLISHED:
        raise SealRefused("signing-key-unavailable", "a key that is not retired", f"the key {signer.kid}, {listed.state}")
    if organisation not in organisations_of(certificate):
        raise SealRefused("signing-key-unavailable", f"a key whose certificate names {organisation}", f"the key {signer.kid}")
    if not certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc:
        raise SealRefused("signing-key-unavailable", f"a certificate in date at {at.isoformat()}", f"the key {signer.kid}")


def read_header(header: Mapping[str, Any], typ: str, more: frozenset[str] = frozenset()) -> SealHeader:
    """Return the header when each member is known, critical where it must be, and of its type. Raises `SealRefused`."""
    with jose_refusals():
        check_members(header, REGISTERED | set(STATEMENT) | more, (set(STATEMENT) & header.keys()) | more)
    if not more <= header.keys():
        raise SealRefused("seal-algorithm-refused", "the members of the profile: " + ", ".join(sorted(more)), "fewer")
    if str(header.get("alg")) not in SEAL_ALGORITHMS or header.get("typ") != typ:
        raise SealRefused("seal-algorithm-refused", f"typ {typ}, alg one of " + ", ".join(sorted(SEAL_ALGORITHMS)), "another header")
    kid, digest, cty = (header.get(name) for name in ("kid", "x5t#S256", "cty"))
    if not all(type(value) is str and 0 < len(value) <= MAX_KID_CHARS for value in (kid, digest, "none" if cty is None else cty)):
        raise SealRefused("seal-malformed", "kid, x5t#S256 and cty are texts", "other values")
    return SealHeader(header["alg"], str(kid), str(digest), cty, _statement(header), header)


def _statement(header: Mapping[str, Any]) -> Statement:
    purpose, role, obo = PURPOSES.get(str(header.get("purpose"))), header.get("role"), header.get("obo")
    if purpose is None:
        raise SealRefused("signature-purpose", "a purpose of ASTM E1762-95", "another value")
    if "role" in header and not (type(role) is str and 0 < len(role) <= MAX_ROLE_CHARS and role.isprintable()):
        raise SealRefused("seal-malformed", "a role that is text", "another value")
    if "obo" in header and type(obo) is not dict:
        raise SealRefused("seal-malformed", "obo is an object", "another value")
    return Statement(read_time(header.get("sigT")), purpose, role, obo)


def written_time(at: datetime) -> str:
    """Return an instant in UTC, to the second."""
    return at.astimezone(UTC).strftime(TIME_FORM)


def read_time(text: Any) -> datetime:
    """Return the instant that `sigT` says, in UTC and to the second. Raises `SealRefused`."""
    try:
        at = datetime.strptime(text, TIME_FORM).replace(tzinfo=UTC)
    except (TypeError, ValueError):
        at = None
    if at is None or written_time(at) != text:
        raise SealRefused("seal-malformed", "a signing time such as 2026-01-05T10:00:00Z", "another value")
    return at


def known_key(directory: KeyDirectory, kid: str, certificate_sha256: str | None) -> MessageKey:
    """Return the directory's key of this id, when its certificate is the one meant too. Raises `SealRefused`."""
    key = directory.key(kid)
    if key is None:
        raise SealRefused("signer-unknown", "a key id of the directory", "another")
    if certificate_sha256 is not None and certificate_digest(key.certificate) != certificate_sha256:
        raise SealRefused("signer-unknown", "the directory's certificate of this key", "another certificate")
    return key


def verify(
    jws: UnverifiedJWS, header: SealHeader, content: bytes, covers: str, *, directory: KeyDirectory, organisation: str | None, now: datetime,
    stamped_at: datetime | None = None, detached: bytes | None = None,
) -> Signed:
    """Return who signed what, after the signer was found to be believed and the signature good. Raises `SealRefused`.

    `organisation` is whose signature it must be; None, of a counter-signature: of the one that the directory has for the key.
    """
    key = known_key(directory, header.kid, header.certificate_sha256)
    with jose_refusals():
        algorithm = algorithm_for(header.algorithm, key.certificate.public_key(), SEAL_ALGORITHMS)
    check_signer(
        key, directory, organisation=organisation if organisation is not None else key.organisation,
        signed_at=header.statement.signed_at, now=now, stamped_at=stamped_at,
    )
    with jose_refusals():
        check_signature(algorithm, key.certificate.public_key(), jws.signature, jws.signed_octets(detached))
    digest = sha256(content).hexdigest()
    return Signed(key.kid, algorithm.name, key.certificate, key.organisation, header.statement, covers, digest, stamped_at)
