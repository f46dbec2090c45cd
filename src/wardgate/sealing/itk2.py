"""Payloads of ITK2's DistributionEnvelope: opened where a switch allows, never made (itk3-messaging 2.3).

AES-256-CBC says nothing of who changed the cipher text, and RSAES-PKCS1-v1_5 can be asked about it. So from the moment a private key is used there is one
refusal, `seal-undecryptable`, whatever failed: key, padding, text, signature, signer. What it was is in the record only. A key that does not unwrap is
replaced by a random one, and the work goes on (RFC 7516 section 11.5).
"""

import zlib
from base64 import b64decode
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7
from lxml import etree

from wardgate.sealing.errors import SealRefused
from wardgate.sealing.itk2_names import parse_name, subject_of
from wardgate.sealing.itk2_signature import verified_content
from wardgate.sealing.keys import DecryptionKey, HeldKeys, KeyDirectory
from wardgate.sealing.model import Context, Limits, Opened, Signed, Suite
from wardgate.sealing.trust import key_usages
from wardgate.sealing.xml_errors import as_reasons
from wardgate.xmlsecurity import names, parser
from wardgate.xmlsecurity.encryption import ENCRYPTED_DATA, MAX_RECIPIENTS
from wardgate.xmlsecurity.errors import AlgorithmRefused, XMLMalformed, XMLSecurityError, XMLTooLarge
from wardgate.xmlsecurity.key_wrapping import KEY_BYTES, MAX_ENCRYPTED_KEY_BYTES
from wardgate.xmlsecurity.names import DS, XENC, named
from wardgate.xmlsecurity.parser import Element, parse
from wardgate.xmlsecurity.reading import attribute, children, exactly, octets, token
from wardgate.xmlsecurity.signature_form import SIGNATURE

BLOCK_BYTES: Final = 16
_FORM: Final = (named(XENC, "EncryptionMethod"), named(DS, "KeyInfo"), named(XENC, "CipherData"))
_GZIP_WINDOW: Final = 31
DEFAULT_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class ClosedPayload:
    """A payload, and what the manifest says of what is inside it."""

    id: str
    mime_type: str
    base64: bool
    compressed: bool
    body: bytes = field(repr=False)
    """The EncryptedData, as a document."""


def open_payload(
    payload: ClosedPayload, context: Context, *, held: HeldKeys, directory: KeyDirectory, now: datetime, random: Callable[[int], bytes],
    limits: Limits = DEFAULT_LIMITS, suites: Collection[Suite] = (), require_signature: bool = True,
) -> Opened:
    """Return what is inside. `context` is what the envelope says: nothing of it is signed, but the signer must be the sender's.

    Raises `SealRefused`: `seal-suite-refused` unless the switch is on, those of the form, `seal-not-for-us`, then `seal-undecryptable` only.
    """
    if Suite.ITK2_LEGACY not in suites:
        raise SealRefused("seal-suite-refused", ", ".join(suites) or "none", Suite.ITK2_LEGACY)
    iv = initial_vector(payload.id)
    with as_reasons():
        keys, encrypted = _read(parse(payload.body, parser.Limits(max_bytes=min(limits.max_sealed_bytes, parser.MAX_XML_BYTES))))
    wrapped, key = _ours(keys, held, now)
    content_key = _content_key(key, wrapped, random)
    try:
        clear = _decrypted(content_key, iv, encrypted)
        carried, signatures = _signed(clear, directory, context.sender_ods, now, require_signature=require_signature)
        content = _unpacked(carried, payload, limits)
    except (ValueError, XMLSecurityError, zlib.error) as fault:
        raise SealRefused("seal-undecryptable", "a payload that opens", f"{type(fault).__name__}: {fault}") from None
    except SealRefused as refused:
        raise SealRefused("seal-undecryptable", "a payload that opens", f"{refused.code}: {refused.refusal.received}") from None
    return Opened(Suite.ITK2_LEGACY, content, payload.mime_type, context, signatures, True, key.kid, clear)


def initial_vector(payload_id: str) -> bytes:
    """Return 16 octets of the payload's id, without its first four letters `uuid`. Raises `SealRefused` for an id that has not so many."""
    vector = payload_id.removeprefix("uuid").encode("ascii", "replace")[:BLOCK_BYTES]
    if len(vector) < BLOCK_BYTES or not payload_id.isascii():
        raise SealRefused("seal-malformed", "an id of uuid_ and a GUID", "another id")
    return vector


def _read(root: Element) -> tuple[list[tuple[str, bytes]], bytes]:
    """Return the names and wrapped keys of the recipients, and the cipher text."""
    if root.tag != ENCRYPTED_DATA:
        raise XMLMalformed("EncryptedData", str(root.tag))
    method, info, data = exactly(root, _FORM, ("Id", "Type", "MimeType"))
    if attribute(method, "Algorithm") != names.AES256_CBC:
        raise AlgorithmRefused(names.AES256_CBC, method.get("Algorithm"))
    found = children(info)
    if not 1 <= len(found) <= MAX_RECIPIENTS:
        raise XMLTooLarge(f"one to {MAX_RECIPIENTS} recipients", str(len(found)))
    keys = [_read_key(node) for node in found]
    encrypted = _cipher_value(data, parser.MAX_XML_BYTES)
    if not encrypted or len(encrypted) % BLOCK_BYTES:
        raise XMLMalformed("whole blocks of cipher text", str(len(encrypted)))
    return keys, encrypted


def _read_key(node: Element) -> tuple[str, bytes]:
    """Read an EncryptedKey, whose EncryptionMethod ITK2 writes without the prefix of its namespace."""
    found = children(node, ("Id", "Recipient"))
    if node.tag != named(XENC, "EncryptedKey") or len(found) != 3 or etree.QName(found[0]).localname != "EncryptionMethod":
        raise XMLMalformed("EncryptionMethod, KeyInfo and CipherData in EncryptedKey")
    if attribute(found[0], "Algorithm") != names.RSA_1_5:
        raise AlgorithmRefused(names.RSA_1_5, found[0].get("Algorithm"))
    if tuple(child.tag for child in found[1:]) != _FORM[1:]:
        raise XMLMalformed("EncryptionMethod, KeyInfo and CipherData in EncryptedKey")
    (name,) = exactly(found[1], (named(DS, "KeyName"),))
    return token(name), _cipher_value(found[2], MAX_ENCRYPTED_KEY_BYTES)


def _cipher_value(data: Element, max_bytes: int) -> bytes:
    (value,) = exactly(data, (named(XENC, "CipherValue"),))
    return octets(value, max_bytes)


def _ours(keys: Sequence[tuple[str, bytes]], held: HeldKeys, now: datetime) -> tuple[bytes, DecryptionKey]:
    """Return the wrapped key that names one of our certificates, which is in date and for such use."""
    ours = {subject_of(key.certificate): key for key in reversed(held.decryption_keys()) if _is_usable(key.certificate, now)}
    for name, wrapped in keys:
        said = parse_name(name)
        if said is not None and said in ours:
            return wrapped, ours[said]
    raise SealRefused("seal-not-for-us", "the subject of a certificate of ours, in date, for dataEncipherment", f"{len(keys)} others")


def _is_usable(certificate: x509.Certificate, now: datetime) -> bool:
    return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc and "data_encipherment" in key_usages(certificate)


def _content_key(key: DecryptionKey, wrapped: bytes, random: Callable[[int], bytes]) -> bytes:
    """Return the key of the content; a random one where there is none."""
    instead = random(KEY_BYTES)
    try:
        unwrapped = key.decrypt_pkcs1(wrapped)
    except ValueError:
        return instead
    return unwrapped if len(unwrapped) == KEY_BYTES else instead


def _decrypted(content_key: bytes, iv: bytes, encrypted: bytes) -> bytes:
    opening = Cipher(AES(content_key), CBC(iv)).decryptor()
    padded = opening.update(encrypted) + opening.finalize()
    unpadding = PKCS7(BLOCK_BYTES * 8).unpadder()
    return unpadding.update(padded) + unpadding.finalize()


def _signed(clear: bytes, directory: KeyDirectory, organisation: str, now: datetime, *, require_signature: bool) -> tuple[bytes, tuple[Signed, ...]]:
    """Return what was signed, when it was; the text itself when it was not and need not be."""
    root = parse(clear, unique_ids=False) if clear.lstrip()[:1] == b"<" else None
    if root is not None and root.tag == SIGNATURE:
        carried, signed = verified_content(parse(clear), directory, organisation, now)
        return carried, (signed,)
    if require_signature:
        raise SealRefused("seal-signature-missing", "a signature")
    clear.decode("utf-8")
    return clear, ()


def _unpacked(carried: bytes, payload: ClosedPayload, limits: Limits) -> bytes:
    """Undo base64 and gzip, as the manifest says; never more is unfolded than the limit."""
    content = b64decode(b"".join(carried.split()), validate=True) if payload.base64 or payload.compressed else carried
    if payload.compressed:
        loosen = zlib.decompressobj(_GZIP_WINDOW)
        content = loosen.decompress(content, limits.max_content_bytes + 1)
        if not loosen.eof or loosen.unused_data:
            raise ValueError("not one whole member of gzip within the limit")
    if len(content) > limits.max_content_bytes:
        raise ValueError("larger than the limit")
    return content
