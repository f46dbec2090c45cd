"""Reading a `KeyRing` from a directory of PEM files.

    authorities.pem, revocations.pem     believed for organisations that have no authorities of their own
    time-stamps/authorities.pem, …       believed about the time
    X26/authorities.pem, revocations.pem those of one organisation, which is named by its ODS code
    X26/KID.pem                          a certificate, and what lies between it and an authority
    X26/KID.key                          its private half, where it is ours: PKCS #8 in PEM, for its owner's eyes only, or a `pkcs11:` URI
    X26/retired/…, X26/revoked/…         keys that verify and open what was made before; keys that do neither

What a key is for is read from its certificate. Whether it is believed is found out when it is used: `sealing.trust`.
"""

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from wardgate.client.clock import SYSTEM_CLOCK
from wardgate.client.errors import KeyUnusable
from wardgate.client.key_ring import NOBODY, KeyRing
from wardgate.pki import pem
from wardgate.pki.errors import MalformedPEM
from wardgate.sealing.keys import DecryptionKey, MessageKey, SigningKey, State, Trust, Use
from wardgate.sealing.private_keys import PrivateDecryptionKey, PrivateSigningKey
from wardgate.sealing.trust import ODS_CODE, key_usages

AUTHORITIES, REVOCATIONS, TIME_STAMPS = "authorities.pem", "revocations.pem", "time-stamps"
MAX_FILES: Final = 10_000
MAX_KEY_BYTES: Final = 100_000
HARDWARE: Final = "pkcs11:"
STATES: Final = {".": State.PUBLISHED, "retired": State.RETIRED, "revoked": State.REVOKED}
Hardware = Callable[[str, x509.Certificate, str, Use], Any]
"""Makes a `SigningKey` or `DecryptionKey` of a kid, a certificate and a `pkcs11:` URI."""


@dataclass(slots=True)
class _Found:
    """What was read so far."""

    keys: list[MessageKey] = field(default_factory=list)
    signing: list[SigningKey] = field(default_factory=list)
    opening: list[DecryptionKey] = field(default_factory=list)
    between: dict[str, list[x509.Certificate]] = field(default_factory=dict)


def read_key_ring(
    directory: str | Path, *, password: bytes | None = None, hardware: Hardware | None = None, now: Callable[[], datetime] = SYSTEM_CLOCK.now,
) -> KeyRing:
    """Return the keys of a directory; `password` opens its private keys, where they are encrypted.

    Raises `KeyUnusable`, which names the file and nothing of what is in it.
    """
    top = Path(directory)
    if not top.is_dir():
        raise KeyUnusable(f"{top}: no directory of keys")
    found, trusts = _Found(), {}
    for place in sorted(path for path in top.iterdir() if path.is_dir() and path.name != TIME_STAMPS):
        if not ODS_CODE.fullmatch(place.name):
            raise KeyUnusable(f"{place}: a directory of keys has the name of an organisation, its ODS code")
        for name, state in STATES.items():
            for certificate in _certificates_in(place / name):
                _read_key(certificate, place.name, state, found, password, hardware)
        trusts[place.name] = _trust(place, found.between.get(place.name, []))
    otherwise = _trust(top, [one for between in found.between.values() for one in between])
    own = {ods: trust for ods, trust in trusts.items() if trust.anchors}
    try:
        return KeyRing.of(found.keys, found.signing, found.opening, trusts=own, otherwise=otherwise, clock=_trust(top / TIME_STAMPS, []), now=now)
    except ValueError as fault:
        raise KeyUnusable(f"{top}: {fault}") from None


def _certificates_in(place: Path) -> Iterator[Path]:
    if place.is_dir():
        for count, path in enumerate(sorted(place.iterdir()), 1):
            if count > MAX_FILES:
                raise KeyUnusable(f"{place}: more than {MAX_FILES} files")
            if path.suffix == ".pem" and path.name not in {AUTHORITIES, REVOCATIONS}:
                yield path


def _read_key(path: Path, organisation: str, state: State, found: _Found, password: bytes | None, hardware: Hardware | None) -> None:
    leaf, *between = _certificates(path)
    use = _use_of(leaf, path)
    found.keys.append(MessageKey(path.stem, organisation, use, leaf, state))
    found.between.setdefault(organisation, []).extend(between)
    secret = path.with_suffix(".key")
    if not secret.exists():
        return
    text = _read_secret(secret)
    if text.startswith(HARDWARE.encode()):
        if hardware is None:
            raise KeyUnusable(f"{secret}: the key is in hardware, and nothing is set that speaks to it")
        private = hardware(path.stem, leaf, text.decode("ascii", "replace").strip(), use)
    else:
        loaded = _loaded(secret, text, password, leaf)
        private = (PrivateSigningKey if use is Use.SIGNING else PrivateDecryptionKey)(path.stem, leaf, loaded)
    (found.signing if use is Use.SIGNING else found.opening).append(private)


def _loaded(path: Path, text: bytes, password: bytes | None, certificate: x509.Certificate) -> Any:
    try:
        private = load_pem_private_key(text, password if b"ENCRYPTED" in text else None)
    except (ValueError, TypeError):
        raise KeyUnusable(f"{path}: no private key in PEM, or its password is missing or wrong") from None
    if _public(private.public_key()) != _public(certificate.public_key()):
        raise KeyUnusable(f"{path}: not the private half of the certificate beside it")
    return private


def _public(key: Any) -> bytes:
    return bytes(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def _read_secret(path: Path) -> bytes:
    """Return a private key's file, which is its owner's alone."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise KeyUnusable(f"{path}: readable by others: chmod 600 it, and consider the key as known")
        text = file.read(MAX_KEY_BYTES + 1)
    if len(text) > MAX_KEY_BYTES:
        raise KeyUnusable(f"{path}: too large for a key")
    return text


def _use_of(certificate: x509.Certificate, path: Path) -> Use:
    try:
        usages = key_usages(certificate)
    except (ValueError, x509.DuplicateExtension):
        usages = frozenset()
    signs, opens = "digital_signature" in usages, bool(usages & {"key_agreement", "key_encipherment", "data_encipherment"})
    if signs == opens:
        raise KeyUnusable(f"{path}: the key usage says neither signing alone nor encryption alone")
    return Use.SIGNING if signs else Use.ENCRYPTION


def _trust(place: Path, between: list[x509.Certificate]) -> Trust:
    anchors, lists = place / AUTHORITIES, place / REVOCATIONS
    if not anchors.exists():
        return NOBODY
    try:
        revocations = pem.revocation_lists(_bounded(lists)) if lists.exists() else []
    except MalformedPEM as fault:
        raise KeyUnusable(f"{lists}: {fault}") from None
    return Trust(tuple(_certificates(anchors)), tuple(dict.fromkeys(between)), tuple(revocations))


def _certificates(path: Path) -> list[x509.Certificate]:
    try:
        return pem.certificates(_bounded(path))
    except MalformedPEM as fault:
        raise KeyUnusable(f"{path}: {fault}") from None


def _bounded(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(pem.MAX_BUNDLE_BYTES + 1)
