"""Keys for messages without an installation: our private ones, partners' certificates, and who is believed (itk3-messaging 6).

A `KeyRing` is both `sealing.keys.HeldKeys` and `sealing.keys.KeyDirectory`. It never changes: read the files again to see what changed.
`key_ring_files` reads one from a directory; private keys in hardware, or anywhere else, are objects with the methods of the ports.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, Self

from cryptography.hazmat.primitives import hashes

from wardgate.client.clock import SYSTEM_CLOCK
from wardgate.sealing.keys import DecryptionKey, HeldKeys, KeyDirectory, MessageKey, SigningKey, State, Trust, Use

NOBODY = Trust()


class SealKeys(HeldKeys, KeyDirectory, Protocol):
    """Private keys and directory in one: what the functions of `messages` take."""


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Private and public keys, and trust, in memory."""

    keys: Mapping[str, MessageKey]
    """Public keys by kid, ours too."""
    certified: Mapping[bytes, MessageKey] = field(repr=False)
    signing: Mapping[str, SigningKey] = field(repr=False)
    """Private keys that sign, by kid."""
    opening: Mapping[str, DecryptionKey] = field(repr=False)
    trusts: Mapping[str, Trust] = field(repr=False)
    otherwise: Trust = field(default=NOBODY, repr=False)
    """Believed for organisations that have no authorities of their own."""
    clock: Trust = field(default=NOBODY, repr=False)
    now: Callable[[], datetime] = field(default=SYSTEM_CLOCK.now, repr=False)

    @classmethod
    def of(
        cls, keys: Iterable[MessageKey], signing: Iterable[SigningKey] = (), opening: Iterable[DecryptionKey] = (), *, trusts: Mapping[str, Trust] | None = None,
        otherwise: Trust = NOBODY, clock: Trust = NOBODY, now: Callable[[], datetime] = SYSTEM_CLOCK.now,
    ) -> Self:
        """Make a ring. Each private key goes with a public one of the same id. Raises `ValueError` where one does not, and for an id that is there twice."""
        found: dict[str, MessageKey] = {}
        for key in keys:
            if key.kid in found:
                raise ValueError(f"the key id {key.kid} is there twice")
            found[key.kid] = key
        certified = {key.certificate.fingerprint(hashes.SHA256()): key for key in found.values()}
        signs, opens = {key.kid: key for key in signing}, {key.kid: key for key in opening}
        for held, use in ((signs, Use.SIGNING), (opens, Use.ENCRYPTION)):
            for kid, private in held.items():
                if kid not in found or found[kid].use is not use or found[kid].certificate != private.certificate:
                    raise ValueError(f"the private key {kid} is not that of a {use} key of this ring")
        return cls(found, certified, signs, opens, dict(trusts or {}), otherwise, clock, now)

    def key(self, kid: str) -> MessageKey | None:
        """Return a public key by its id, in whatever state."""
        return self.keys.get(kid)

    def by_certificate(self, sha256: bytes) -> MessageKey | None:
        """Return a public key by the SHA-256 of its certificate's DER."""
        return self.certified.get(sha256)

    def encryption_keys(self, organisation: str) -> Sequence[MessageKey]:
        """Return the encryption keys of an organisation that are not retired, the newest first."""
        return self._newest_first(organisation, Use.ENCRYPTION)

    def trust(self, organisation: str) -> Trust:
        """Return who is believed for an organisation."""
        return self.trusts.get(organisation, self.otherwise)

    def time_authorities(self) -> Trust:
        """Return who is believed about the time."""
        return self.clock

    def signing_key(self, organisation: str) -> SigningKey | None:
        """Return the newest key with which an organisation signs now: ours, not retired, in date."""
        now = self.now()
        for key in self._newest_first(organisation, Use.SIGNING):
            if key.kid in self.signing and key.certificate.not_valid_before_utc <= now <= key.certificate.not_valid_after_utc:
                return self.signing[key.kid]
        return None

    def decryption_key(self, kid: str) -> DecryptionKey | None:
        """Return one of our decryption keys, retired ones too, unless it is revoked."""
        return self.opening.get(kid) if kid in self.keys and self.keys[kid].state is not State.REVOKED else None

    def decryption_key_of(self, sha256: bytes) -> DecryptionKey | None:
        """Return one by the SHA-256 of its certificate's DER."""
        key = self.certified.get(sha256)
        return self.decryption_key(key.kid) if key is not None else None

    def decryption_keys(self) -> Sequence[DecryptionKey]:
        """Return all of them."""
        return [found for found in map(self.decryption_key, self.opening) if found is not None]

    def _newest_first(self, organisation: str, use: Use) -> list[MessageKey]:
        found = [key for key in self.keys.values() if (key.organisation, key.use, key.state) == (organisation, use, State.PUBLISHED)]
        return sorted(found, key=lambda key: (key.certificate.not_valid_before_utc, key.kid), reverse=True)
