"""A software authenticator: what a browser and a security key do together, in real CBOR and COSE.

`register` and `sign_in` take the options of a page and return the fields that its script puts into the form. Every part of the
answer can be replaced, so that a test may lie in one place at a time.
"""

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from fido2.cose import ES256, RS256, CoseKey, EdDSA
from fido2.webauthn import Aaguid, AttestationObject, AttestedCredentialData, AuthenticatorData

from wardgate.jose import base64url

FLAG = AuthenticatorData.FLAG
VERIFIED = FLAG.UP | FLAG.UV


@dataclass
class Credential:
    """One passkey in the authenticator."""

    id: bytes
    rp_id: str
    user_handle: bytes
    cose: CoseKey
    sign: Callable[[bytes], bytes]
    sign_count: int = 0


def es256() -> tuple[CoseKey, Callable[[bytes], bytes]]:
    """A key on P-256."""
    key = ec.generate_private_key(ec.SECP256R1())
    return ES256.from_cryptography_key(key.public_key()), lambda message: key.sign(message, ec.ECDSA(hashes.SHA256()))


def eddsa() -> tuple[CoseKey, Callable[[bytes], bytes]]:
    """A key on Ed25519."""
    key = ed25519.Ed25519PrivateKey.generate()
    return EdDSA.from_cryptography_key(key.public_key()), key.sign


def rs256(bits: int = 2048) -> tuple[CoseKey, Callable[[bytes], bytes]]:
    """An RSA key, as Windows Hello has."""
    key = rsa.generate_private_key(65537, bits)
    return RS256.from_cryptography_key(key.public_key()), lambda message: key.sign(message, padding.PKCS1v15(), hashes.SHA256())


@dataclass
class Authenticator:
    """A browser at an origin with one authenticator."""

    origin: str
    counts: bool = True
    """Whether it has a counter; synced passkeys have none."""
    credentials: list[Credential] = field(default_factory=list)

    def register(
        self, options: Mapping[str, Any], *, make: Callable[[], tuple[CoseKey, Callable[[bytes], bytes]]] = es256, flags: int = VERIFIED,
        client: Mapping[str, Any] | None = None, rp_id: str | None = None, credential_id: bytes | None = None, cose: CoseKey | None = None,
        attested: bool = True,
    ) -> dict[str, str]:
        """Make a credential as `navigator.credentials.create` does."""
        own, sign = make()
        made = Credential(credential_id or os.urandom(32), options["rp"]["id"], decoded(options["user"]["id"]), cose or own, sign)
        self.credentials.append(made)
        data = AuthenticatorData.create(
            rp_hash(rp_id or made.rp_id), FLAG(flags | (FLAG.AT if attested else 0)), self._next(made),
            AttestedCredentialData.create(Aaguid.NONE, made.id, made.cose) if attested else b"")
        said = self._client("webauthn.create", options["challenge"], client)
        return {"credential_id": base64url.encode(made.id), "client_data": base64url.encode(said),
                "attestation": base64url.encode(AttestationObject.create("none", data, {}))}

    def sign_in(
        self, options: Mapping[str, Any], *, flags: int = VERIFIED, client: Mapping[str, Any] | None = None, rp_id: str | None = None,
        sign_count: int | None = None, user_handle: bytes | None = None, with_handle: bool = True, credential: Credential | None = None,
    ) -> dict[str, str]:
        """Sign as `navigator.credentials.get` does, with the newest credential that is allowed."""
        allowed = [decoded(one["id"]) for one in options.get("allowCredentials", [])]
        chosen = credential or next(one for one in reversed(self.credentials) if not allowed or one.id in allowed)
        data = AuthenticatorData.create(
            rp_hash(rp_id or options["rpId"]), FLAG(flags), self._next(chosen) if sign_count is None else sign_count)
        said = self._client("webauthn.get", options["challenge"], client)
        handle = user_handle or chosen.user_handle
        return {"credential_id": base64url.encode(chosen.id), "client_data": base64url.encode(said), "authenticator_data": base64url.encode(data),
                "signature": base64url.encode(chosen.sign(data + hashlib.sha256(said).digest())),
                "user_handle": base64url.encode(handle) if with_handle else ""}

    def _client(self, kind: str, challenge: str, changes: Mapping[str, Any] | None) -> bytes:
        said = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False, **(changes or {})}
        return json.dumps({name: value for name, value in said.items() if value is not None}).encode()

    def _next(self, credential: Credential) -> int:
        credential.sign_count += 1 if self.counts else 0
        return credential.sign_count


def decoded(text: str) -> bytes:
    """Return the bytes of base64url."""
    return base64url.decode(text.encode())


def rp_hash(rp_id: str) -> bytes:
    """Return the hash of a host name that authenticators sign."""
    return hashlib.sha256(rp_id.encode()).digest()
