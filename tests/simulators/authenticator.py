"""A software authenticator: what a browser and a security key do together, in real CBOR and COSE.

`register` and `sign_in` take the options of a page (`options_of`) and return the fields that its script puts into the form
(`form_of`). Every part of the
answer can be replaced, so that a test may lie in one place at a time.
"""

import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import unescape
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


def options_of(page: str) -> dict[str, Any]:
    """Return what a page's script is to ask the browser."""
    found = re.search(r'data-options="([^"]*)"', page)
    assert found is not None, page
    read: dict[str, Any] = json.loads(unescape(found[1]))
    return read


def form_of(page: str) -> tuple[str, dict[str, str]]:
    """Return address and hidden fields of the form that a page's script fills."""
    form = next(form for form in re.findall(r"<form\b.*?</form>", page, re.DOTALL) if 'name="credential_id"' in form)
    action = re.search(r'action="([^"]*)"', form)
    assert action is not None
    return unescape(action[1]), {name: unescape(value) for name, value in re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', form)}


def method_url(page: str, **more: str) -> str:
    """Return the address of the passkey's pages in the sign-in of a page."""
    action = re.search(r'action="([^"]*session_code=[^"]*)"', page)
    assert action is not None, page
    return unescape(action[1]) + "".join(f"&{name}={value}" for name, value in {"method": "passkey", **more}.items())


def decoded(text: str) -> bytes:
    """Return the bytes of base64url."""
    return base64url.decode(text.encode())


def rp_hash(rp_id: str) -> bytes:
    """Return the hash of a host name that authenticators sign."""
    return hashlib.sha256(rp_id.encode()).digest()


def lies(origin: str) -> dict[str, dict[str, Any]]:
    """Return the ways in which an answer may lie in one place, by what it would be; for `register` and `sign_in` alike."""
    return {
        "another site's page": {"client": {"origin": "https://evil.example"}},
        "a page below our name": {"client": {"origin": origin.replace("://", "://x.")}},
        "another port": {"client": {"origin": origin + ":444"}},
        "our name without TLS": {"client": {"origin": origin.replace("https", "http")}},
        "within another site's page": {"client": {"crossOrigin": True}},
        "framed, and says by whom": {"client": {"topOrigin": "https://evil.example"}},
        "no origin": {"client": {"origin": None}},
        "another host's passkey": {"rp_id": "evil.example"},
        "another challenge": {"client": {"challenge": base64url.encode(b"x" * 43)}},
        "no challenge": {"client": {"challenge": None}},
        "a challenge that is a number": {"client": {"challenge": 5}},
        "an answer of the other ceremony": {"client": {"type": "webauthn.create"}},
        "nobody touched it": {"flags": FLAG.UV},
        "nobody was verified": {"flags": FLAG.UP},
        "backed up but not eligible": {"flags": VERIFIED | FLAG.BS},
    }


FIELDS = {
    "absent": "", "not base64url": "????", "padded": "AAAA====", "not canonical": "AB", "oversized": "A" * 3900, "nested deep": base64url.encode(b"\x81" * 1400),
    "empty map": base64url.encode(b"\xa0"), "empty object": base64url.encode(b"{}"), "not ASCII": "é" * 8, "huge count": base64url.encode(b"\x9b" + b"\xff" * 8),
}
"""Texts that are no field of any answer."""
