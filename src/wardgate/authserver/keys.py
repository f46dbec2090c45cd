"""The keys we sign access tokens with: one signs, the next is already published, the last still verifies.

A key is published from the moment it is in the store, before its `sign_from`, so that every verifier has it when the
first token arrives; it stays published until `verify_until`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.serialization import load_pem_private_key

from wardgate.jose import JWK, JWKSet, KeyRules, SigningJWK, base64url, parse_jwk_set, strict_json
from wardgate.oauth.access_token import ALGORITHM, TYPE
from wardgate.stores.ports import SigningKey


@dataclass(frozen=True, slots=True)
class Signer:
    """A parsed key with the token header that names it, encoded once."""

    key: SigningJWK
    header: str
    public: JWK
    sign_from: datetime
    verify_until: datetime | None = field(default=None)

    def verifies(self, now: datetime) -> bool:
        """Whether tokens of this key still count."""
        return self.verify_until is None or now < self.verify_until


class NoSigningKey(Exception):
    """There is no key that may sign now; nothing can be issued."""


class SigningKeyRing:
    """Parses each stored key once. `keys` returns the current records; it is asked again on every use and must be cheap."""

    def __init__(self, keys: Callable[[], Sequence[SigningKey]]) -> None:
        self._keys = keys
        self._records: Sequence[SigningKey] | None = None
        self._signers: tuple[Signer, ...] = ()

    def signer(self, now: datetime) -> Signer:
        """Return the key with the latest `sign_from` that has come. Raises `NoSigningKey`."""
        best: Signer | None = None
        for signer in self._current():
            if signer.sign_from <= now and signer.verifies(now) and (best is None or signer.sign_from > best.sign_from):
                best = signer
        if best is None:
            raise NoSigningKey("no signing key is active")
        return best

    def verifier(self, kid: str, now: datetime) -> JWK | None:
        """Return the public key of this name while its tokens count."""
        return next((signer.public for signer in self._current() if signer.key.kid == kid and signer.verifies(now)), None)

    def published(self, now: datetime) -> dict[str, Any]:
        """Return the key set to publish: the next key, the current one, and those whose tokens may still be out."""
        return {"keys": [signer.key.public_jwk() for signer in self._current() if signer.verifies(now)]}

    def _current(self) -> tuple[Signer, ...]:
        records = self._keys()
        if records is not self._records:
            known = {signer.key.kid: signer for signer in self._signers}
            self._signers = tuple(_signer(record, known.get(record.kid)) for record in records)
            self._records = records
        return self._signers


def _signer(record: SigningKey, known: Signer | None) -> Signer:
    if known is not None:
        return Signer(known.key, known.header, known.public, record.sign_from, record.verify_until)
    key = SigningJWK.of(record.kid, ALGORITHM, load_pem_private_key(record.private_pem.encode("ascii"), None))
    header = base64url.encode(strict_json.encode({"alg": ALGORITHM, "typ": TYPE, "kid": record.kid}).encode("ascii"))
    public: JWKSet = parse_jwk_set({"keys": [key.public_jwk()]}, KeyRules())
    return Signer(key, header, public.keys[record.kid], record.sign_from, record.verify_until)
