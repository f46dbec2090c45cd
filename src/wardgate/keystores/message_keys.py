"""The private message keys of this installation, ready for use: a `sealing.keys.HeldKeys` over the store, and over hardware modules."""

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from wardgate.keystores.errors import HardwareSettings, KeyInvalid
from wardgate.keystores.hardware_keys import HardwareDecryptionKey, HardwareSigningKey
from wardgate.keystores.hardware_uri import HardwareURI
from wardgate.keystores.pkcs11 import HardwareModule
from wardgate.keystores.private_keys import load_private
from wardgate.sealing.keys import DecryptionKey, KeyDirectory, SigningKey, State, Use
from wardgate.sealing.private_keys import PrivateDecryptionKey, PrivateSigningKey
from wardgate.stores.message_keys import HeldMessageKey, MessageKeyStore

OPENS_AFTER_RETIREMENT: Final = timedelta(days=35)
"""How long messages to a retired key are opened at the least: transports keep them for 30 days (itk3-messaging 6)."""


def loaded_signing_key(key: HeldMessageKey, hardware: HardwareModule | None) -> SigningKey:
    """Return a stored key as one that signs. Raises `KeyInvalid`, `HardwareSettings`."""
    certificate = _certificate(key)
    if key.hardware is not None:
        return HardwareSigningKey(key.kid, certificate, HardwareURI.parse(key.hardware), _module(hardware))
    return PrivateSigningKey(key.kid, certificate, _private(key, certificate))


def loaded_decryption_key(key: HeldMessageKey, hardware: HardwareModule | None) -> DecryptionKey:
    """Return a stored key as one that opens. Raises `KeyInvalid`, `HardwareSettings`."""
    certificate = _certificate(key)
    if key.hardware is not None:
        return HardwareDecryptionKey(key.kid, certificate, HardwareURI.parse(key.hardware), _module(hardware))
    return PrivateDecryptionKey(key.kid, certificate, _private(key, certificate))


@dataclass(frozen=True, slots=True)
class _Held:
    """What was read last. Immutable: readers need no lock."""

    signing: dict[str, tuple[SigningKey, ...]]
    """By organisation, the newest first."""
    opening: dict[str, tuple[DecryptionKey, datetime | None]]
    """By kid, with when it ends."""
    certified: dict[bytes, str]


class MessageKeyRing:
    """Holds every private key in memory; `reload` brings what other processes changed: call it when the generation has risen.

    A key signs while the directory has it as published; it opens until its time is over, unless the directory has it as revoked.
    """

    def __init__(
        self, store: MessageKeyStore, directory: Callable[[], KeyDirectory], now: Callable[[], datetime], hardware: HardwareModule | None = None,
    ) -> None:
        self._store = store
        self._directory = directory
        self._now = now
        self._hardware = hardware
        self._lock = threading.Lock()
        self._loaded: dict[tuple[str, str | None], SigningKey | DecryptionKey] = {}
        self._held = _Held({}, {}, {})
        self.faults: dict[str, str] = {}
        """By kid, why a key that is stored cannot be used: for health checks."""

    def reload(self) -> None:
        """Read every key again; one that is loaded already is kept. A key that cannot be used is left out, and named in `faults`."""
        with self._lock:
            signing: dict[str, list[SigningKey]] = {}
            opening: dict[str, tuple[DecryptionKey, datetime | None]] = {}
            loaded: dict[tuple[str, str | None], SigningKey | DecryptionKey] = {}
            faults: dict[str, str] = {}
            for key in self._store.all():
                if key.is_erased or key.certificate_pem is None:
                    continue
                place = (key.kid, key.certificate_pem)
                try:
                    found = self._loaded.get(place) or (loaded_signing_key if key.use is Use.SIGNING else loaded_decryption_key)(key, self._hardware)
                except (KeyInvalid, HardwareSettings) as fault:
                    faults[key.kid] = str(fault)
                    continue
                loaded[place] = found
                if key.use is Use.ENCRYPTION:
                    opening[key.kid] = (found, key.opens_until)  # type: ignore[assignment]
                elif key.retired_at is None:
                    signing.setdefault(key.organisation, []).append(found)  # type: ignore[arg-type]
            self._loaded, self.faults = loaded, faults
            certified = {found.certificate.fingerprint(hashes.SHA256()): kid for kid, (found, _) in opening.items()}
            self._held = _Held({ods: _newest_first(keys) for ods, keys in signing.items()}, opening, certified)

    def signing_key(self, organisation: str) -> SigningKey | None:
        """Return the newest key with which we sign for an organisation now: published, and in date."""
        directory, now = self._directory(), self._now()
        for key in self._held.signing.get(organisation, ()):
            published = directory.key(key.kid)
            in_date = key.certificate.not_valid_before_utc <= now <= key.certificate.not_valid_after_utc
            if in_date and published is not None and published.state is State.PUBLISHED and published.certificate == key.certificate:
                return key
        return None

    def decryption_key(self, kid: str) -> DecryptionKey | None:
        """Return one of our decryption keys, retired ones included for as long as messages to them may arrive."""
        found = self._held.opening.get(kid)
        if found is None or (found[1] is not None and self._now() >= found[1]):
            return None
        published = self._directory().key(kid)
        return None if published is not None and published.state is State.REVOKED else found[0]

    def decryption_key_of(self, sha256: bytes) -> DecryptionKey | None:
        """Return one by the SHA-256 of its certificate's DER."""
        kid = self._held.certified.get(sha256)
        return None if kid is None else self.decryption_key(kid)

    def decryption_keys(self) -> Sequence[DecryptionKey]:
        """Return all of them."""
        return [found for found in map(self.decryption_key, self._held.opening) if found is not None]


def _newest_first(keys: Iterable[SigningKey]) -> tuple[SigningKey, ...]:
    return tuple(sorted(keys, key=lambda key: (key.certificate.not_valid_before_utc, key.kid), reverse=True))


def _certificate(key: HeldMessageKey) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate((key.certificate_pem or "").encode("ascii"))
    except ValueError:
        raise KeyInvalid(f"the stored certificate of {key.kid} cannot be read") from None


def _private(key: HeldMessageKey, certificate: x509.Certificate) -> object:
    private = load_private(key.private_pem or "")
    if _spki(private.public_key()) != _spki(certificate.public_key()):
        raise KeyInvalid(f"the stored key of {key.kid} is not the one of its certificate")
    return private


def _spki(public: object) -> bytes:
    return bytes(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))  # type: ignore[attr-defined]


def _module(hardware: HardwareModule | None) -> HardwareModule:
    if hardware is None:
        raise HardwareSettings("the key is in a hardware module, and none is set: WARDGATE_PKCS11_MODULE")
    return hardware
