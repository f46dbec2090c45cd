"""The two ceremonies of WebAuthn (level 3 sections 7.1 and 7.2): what a browser is asked, and the judging of its answer. Pure.

User verification is demanded in both, because a passkey is worth AAL3 here; attestation is not asked for and not believed.
An origin is compared to the letter: being below the relying party's domain is not enough.
"""

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hmac import compare_digest
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from fido2 import cbor
from fido2.cose import CoseKey
from fido2.server import Fido2Server
from fido2.webauthn import (
    Aaguid,
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
    PublicKeyCredentialDescriptor,
    PublicKeyCredentialParameters,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialType,
    PublicKeyCredentialUserEntity,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from wardgate.jose import base64url, strict_json

Answer = Mapping[str, str]
"""The fields of a form; binary ones in base64url."""
MAX_CREDENTIAL_ID_BYTES: Final = 1023
"""WebAuthn level 3 section 4, "Credential ID"."""
MAX_BYTES: Final[Mapping[str, int]] = {
    "credential_id": MAX_CREDENTIAL_ID_BYTES, "client_data": 2000, "attestation": 2900, "authenticator_data": 2000, "signature": 1024,
    "user_handle": 64,
}
"""The longest value of each field."""
MIN_RSA_BITS: Final = 2048
MAX_RSA_BITS: Final = 4096
PROMPT_MILLISECONDS: Final = 120_000
"""How long a browser waits for the person."""
CREATE: Final = "webauthn.create"
GET: Final = "webauthn.get"


class CeremonyFailed(Exception):
    """The answer does not hold; `why` is a word for records, never shown to the person."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Place:
    """Where a ceremony happens: the page's origin, and the host name that passkeys of it are good for."""

    origin: str
    rp_id: str

    @classmethod
    def of(cls, origin: str) -> "Place | None":
        """Return the place of one of our addresses; None for a network address, which WebAuthn does not allow as a domain."""
        host = urlsplit(origin).hostname or ""
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return cls(origin, host) if host else None
        return None


@dataclass(frozen=True, slots=True)
class Registered:
    """A new credential whose registration holds."""

    credential_id: bytes
    public_key: bytes
    """A COSE key in CBOR."""
    sign_count: int


@dataclass(frozen=True, slots=True)
class _Said:
    """An answer as far as both ceremonies share it."""

    place: Place
    challenge: bytes
    kind: str
    client: Mapping[str, Any]
    data: AuthenticatorData = field(repr=False)


def registration_options(place: Place, person: tuple[bytes, str, str], challenge: bytes, known: Sequence[bytes]) -> dict[str, Any]:
    """Return `PublicKeyCredentialCreationOptions` as JSON. `person`: user handle, user name, name for people; `known`: what they have."""
    handle, username, name = person
    user = PublicKeyCredentialUserEntity(id=handle, name=username, display_name=name)
    options, _ = _server(place).register_begin(
        user, _descriptors(known), ResidentKeyRequirement.PREFERRED, UserVerificationRequirement.REQUIRED, challenge=challenge)
    return dict(options.public_key)


def sign_in_options(place: Place, challenge: bytes, known: Sequence[bytes] | None) -> dict[str, Any]:
    """Return `PublicKeyCredentialRequestOptions` as JSON. Without `known` the browser offers whatever it has for this host."""
    allowed = _descriptors(known) if known is not None else None
    options, _ = _server(place).authenticate_begin(allowed, UserVerificationRequirement.REQUIRED, challenge=challenge)
    return dict(options.public_key)


def check_registration(place: Place, challenge: bytes, answer: Answer) -> Registered:
    """Return the new credential (section 7.1). Raises `CeremonyFailed`."""
    credential_id, client_bytes = read(answer, "credential_id"), read(answer, "client_data")
    attestation = _parsed(lambda: AttestationObject(read(answer, "attestation")))
    _check(_Said(place, challenge, CREATE, _client(client_bytes), attestation.auth_data))
    made = attestation.auth_data.credential_data
    if made is None or made.credential_id != credential_id or not 1 <= len(credential_id) <= MAX_CREDENTIAL_ID_BYTES:
        raise CeremonyFailed("credential")
    _check_key(made.public_key)
    return Registered(credential_id, cbor.encode(dict(made.public_key)), attestation.auth_data.counter)


def check_sign_in(place: Place, challenge: bytes, answer: Answer, credential_id: bytes, public_key: bytes) -> int:
    """Return the authenticator's counter when the answer is the registered credential's (section 7.2). Raises `CeremonyFailed`."""
    client_bytes, data_bytes = read(answer, "client_data"), read(answer, "authenticator_data")
    data: AuthenticatorData = _parsed(lambda: AuthenticatorData(data_bytes))
    _check(_Said(place, challenge, GET, _client(client_bytes), data))
    if read(answer, "credential_id") != credential_id:
        raise CeremonyFailed("credential")
    key = CoseKey.parse(cbor.decode(public_key))  # type: ignore[arg-type] # a map: `check_registration` wrote it
    known = AttestedCredentialData.create(Aaguid.NONE, credential_id, key)
    state = {"challenge": base64url.encode(challenge), "user_verification": UserVerificationRequirement.REQUIRED}
    said = {"rawId": answer["credential_id"], "type": "public-key", "response": {
        "clientDataJSON": answer["client_data"], "authenticatorData": answer["authenticator_data"], "signature": answer.get("signature", "")}}
    read(answer, "signature")
    try:
        _server(place).authenticate_complete(state, [known], said)
    except Exception:  # noqa: BLE001 - the library is given bytes from outside, and raises many things
        raise CeremonyFailed("signature") from None
    return int(data.counter)


def read(answer: Answer, name: str) -> bytes:
    """Return the bytes of a field. Raises `CeremonyFailed` when it is absent, too long, or no base64url."""
    text = answer.get(name, "")
    if not text or len(text) > (MAX_BYTES[name] * 4 + 2) // 3 or not text.isascii():
        raise CeremonyFailed(f"field-{name.replace('_', '-')}")
    try:
        return base64url.decode(text.encode("ascii"))
    except ValueError:
        raise CeremonyFailed(f"field-{name.replace('_', '-')}") from None


def _kind(said: _Said) -> bool:
    return said.client.get("type") == said.kind


def _challenge(said: _Said) -> bool:
    found = said.client.get("challenge")
    return isinstance(found, str) and compare_digest(found.encode(), base64url.encode(said.challenge).encode())


def _origin(said: _Said) -> bool:
    return said.client.get("origin") == said.place.origin


def _not_embedded(said: _Said) -> bool:
    """Our pages are framed nowhere, so an answer from within another site's page is not one of ours."""
    return said.client.get("crossOrigin", False) is False and "topOrigin" not in said.client


def _rp_id(said: _Said) -> bool:
    expected = PublicKeyCredentialRpEntity(name=said.place.rp_id, id=said.place.rp_id).id_hash
    return expected is not None and compare_digest(said.data.rp_id_hash, expected)


def _user_present(said: _Said) -> bool:
    return said.data.is_user_present()


def _user_verified(said: _Said) -> bool:
    return said.data.is_user_verified()


def _backup_flags(said: _Said) -> bool:
    return said.data.is_backup_eligible() or not said.data.is_backed_up()


CHECKS: Final[tuple[tuple[str, Callable[[_Said], bool]], ...]] = (
    ("type", _kind), ("challenge", _challenge), ("origin", _origin), ("cross-origin", _not_embedded), ("rp-id", _rp_id),
    ("user-present", _user_present), ("user-verified", _user_verified), ("backup-flags", _backup_flags),
)
"""What both ceremonies demand, in the order of sections 7.1 and 7.2."""


def _check(said: _Said) -> None:
    for why, holds in CHECKS:
        if not holds(said):
            raise CeremonyFailed(why)


def _client(raw: bytes) -> Mapping[str, Any]:
    try:
        return strict_json.decode_object(raw)
    except ValueError:
        raise CeremonyFailed("client-data") from None


def _parsed(parse: Callable[[], Any]) -> Any:
    try:
        return parse()
    except CeremonyFailed:
        raise
    except Exception:  # noqa: BLE001 - the library is given bytes from outside, and raises many things
        raise CeremonyFailed("authenticator-data") from None


def _es256(key: CoseKey) -> None:
    x, y = key[-2], key[-3]
    if (key[1], key[-1], len(x), len(y)) != (2, 1, 32, 32):
        raise ValueError("not a key on P-256")
    ec.EllipticCurvePublicNumbers(int.from_bytes(x), int.from_bytes(y), ec.SECP256R1()).public_key()


def _eddsa(key: CoseKey) -> None:
    if (key[1], key[-1]) != (1, 6):
        raise ValueError("not a key on Ed25519")
    ed25519.Ed25519PublicKey.from_public_bytes(key[-2])


def _rs256(key: CoseKey) -> None:
    n, e = int.from_bytes(key[-1]), int.from_bytes(key[-2])
    if key[1] != 3 or not MIN_RSA_BITS <= n.bit_length() <= MAX_RSA_BITS:
        raise ValueError("not an RSA key of an allowed size")
    rsa.RSAPublicNumbers(e, n).public_key()


KEYS: Final[Mapping[int, Callable[[CoseKey], None]]] = {-7: _es256, -8: _eddsa, -257: _rs256}
"""The algorithms (ES256, EdDSA, RS256) in the order they are asked for, and what a key of each must be."""


def _check_key(key: CoseKey) -> None:
    test = KEYS.get(key.ALGORITHM) if type(key.get(3)) is int else None
    if test is None:
        raise CeremonyFailed("algorithm")
    try:
        test(key)
    except Exception:  # noqa: BLE001 - any member may be of any type
        raise CeremonyFailed("public-key") from None


def _server(place: Place) -> Fido2Server:
    server = Fido2Server(
        PublicKeyCredentialRpEntity(name="Wardgate stand-in", id=place.rp_id), verify_origin=lambda origin: origin == place.origin)
    server.timeout = PROMPT_MILLISECONDS  # type: ignore[assignment] # the library's own way to set it, which it has no type for
    server.allowed_algorithms = [PublicKeyCredentialParameters(type=PublicKeyCredentialType.PUBLIC_KEY, alg=alg) for alg in KEYS]
    return server


def _descriptors(ids: Sequence[bytes]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(type=PublicKeyCredentialType.PUBLIC_KEY, id=one) for one in ids]
