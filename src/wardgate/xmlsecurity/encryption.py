"""Encryption of octets to several recipients (XML-Enc 1.1): AES-256-GCM, and only that.

The form is read to its end, and every algorithm found on the list, before a private key is used. From there on there is one error: a key that does not
unwrap is replaced by a random one, so that what follows is the same work with the same end (RFC 7516 section 11.5 gives the reason).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from lxml import etree

from wardgate.xmlsecurity import names
from wardgate.xmlsecurity.errors import AlgorithmRefused, NotForUs, Undecryptable, XMLMalformed, XMLTooLarge
from wardgate.xmlsecurity.key_wrapping import (
    KEY_BYTES,
    MAX_ENCRYPTED_KEY_BYTES,
    Opener,
    cipher_value,
    oaep_mask,
    read_agreement,
    unwrap_agreed,
    unwrap_oaep,
    wrap,
)
from wardgate.xmlsecurity.names import DS, XENC, named
from wardgate.xmlsecurity.parser import Element
from wardgate.xmlsecurity.reading import attribute, children, exactly, octets
from wardgate.xmlsecurity.signature_form import read_key_info

ENCRYPTED_DATA: Final = named(XENC, "EncryptedData")
IV_BYTES: Final = 12
TAG_BYTES: Final = 16
MAX_RECIPIENTS: Final = 64
_FORM: Final = (named(XENC, "EncryptionMethod"), named(DS, "KeyInfo"), named(XENC, "CipherData"))


class Recipient(Protocol):
    """Whom to encrypt to: `sealing.MessageKey` is one."""

    @property
    def kid(self) -> str: ...
    @property
    def certificate(self) -> x509.Certificate: ...


class Openers(Protocol):
    """Our private keys: `sealing.HeldKeys` are some."""

    def decryption_key(self, kid: str) -> Opener | None: ...
    def decryption_key_of(self, sha256: bytes) -> Opener | None: ...


def encrypt(clear: bytes, recipients: Sequence[Recipient], random_bytes: Callable[[int], bytes], *, mime_type: str) -> bytes:
    """Return an EncryptedData, as a document, that each recipient can open. Raises `AlgorithmRefused` for a key that cannot be encrypted to."""
    if not 1 <= len(recipients) <= MAX_RECIPIENTS:
        raise XMLMalformed(f"one to {MAX_RECIPIENTS} recipients", str(len(recipients)))
    content_key, iv = random_bytes(KEY_BYTES), random_bytes(IV_BYTES)
    root = etree.Element(ENCRYPTED_DATA, nsmap={"xenc": XENC, "ds": DS}, Type=names.ELEMENT, MimeType=mime_type)
    etree.SubElement(root, named(XENC, "EncryptionMethod"), Algorithm=names.AES256_GCM)
    info = etree.SubElement(root, named(DS, "KeyInfo"))
    info.extend([wrap(content_key, recipient.kid, recipient.certificate) for recipient in recipients])
    cipher_value(root, iv + AESGCM(content_key).encrypt(iv, clear, None))
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)


@dataclass(frozen=True, slots=True)
class _Wrapped:
    """An EncryptedKey taken apart."""

    key_names: tuple[str, ...]
    certificates: tuple[bytes, ...]
    wrapped: bytes = field(repr=False)
    mgf1_sha1: bool | None
    """Of RSA-OAEP; None where a key is agreed."""
    agreement: tuple[ec.EllipticCurvePublicKey, bytes] | None = field(repr=False)


def decrypt(root: Element, openers: Openers, random_bytes: Callable[[int], bytes], *, max_bytes: int, max_recipients: int = MAX_RECIPIENTS) -> tuple[bytes, str]:
    """Return what is inside an EncryptedData, and the kid of the key that opened it.

    Raises `XMLMalformed`, `AlgorithmRefused` and `XMLTooLarge` of the form, `NotForUs`, and `Undecryptable`.
    """
    if root.tag != ENCRYPTED_DATA:
        raise XMLMalformed("EncryptedData", str(root.tag))
    method, info, data = exactly(root, _FORM, ("Id", "Type", "MimeType"))
    _check_method(method, names.AES256_GCM)
    found = children(info, ("Id",))
    if not 1 <= len(found) <= max_recipients:
        raise XMLTooLarge(f"one to {max_recipients} recipients", str(len(found)))
    keys = [_read_key(node) for node in found]
    encrypted = _cipher_value(data, max_bytes + IV_BYTES + TAG_BYTES)
    if len(encrypted) < IV_BYTES + TAG_BYTES:
        raise XMLMalformed("an IV, a cipher text and a whole tag")
    ours, opener = _ours(keys, openers)
    content_key = _content_key(ours, opener, random_bytes)
    try:
        return AESGCM(content_key).decrypt(encrypted[:IV_BYTES], encrypted[IV_BYTES:], None), opener.kid
    except InvalidTag:
        raise Undecryptable from None


def _check_method(method: Element, algorithm: str) -> None:
    if attribute(method, "Algorithm") != algorithm or len(method):
        raise AlgorithmRefused(algorithm, method.get("Algorithm"))
    exactly(method, (), ("Algorithm",))


def _cipher_value(data: Element, max_bytes: int) -> bytes:
    """Read what is encrypted. It is here, and nowhere else: a CipherReference is refused."""
    (value,) = exactly(data, (named(XENC, "CipherValue"),))
    return octets(value, max_bytes)


def _read_key(node: Element) -> _Wrapped:
    if node.tag != named(XENC, "EncryptedKey"):
        raise AlgorithmRefused("encrypted keys only in KeyInfo", str(node.tag))
    method, info, data = exactly(node, _FORM, ("Id", "Recipient"))
    wrapped = _cipher_value(data, MAX_ENCRYPTED_KEY_BYTES)
    algorithm = attribute(method, "Algorithm")
    if algorithm in (names.RSA_OAEP, names.RSA_OAEP_MGF1P):
        return _Wrapped(*read_key_info(info), wrapped, oaep_mask(method), None)
    _check_method(method, names.AES256_KW)
    (agreement,) = exactly(info, (named(XENC, "AgreementMethod"),))
    ephemeral, other_info, recipient = read_agreement(agreement)
    return _Wrapped(*read_key_info(recipient), wrapped, None, (ephemeral, other_info))


def _ours(keys: Sequence[_Wrapped], openers: Openers) -> tuple[_Wrapped, Opener]:
    """Return the one encrypted key that is ours. A key that is named twice is a form in which readers could differ."""
    stated = [name for key in keys for name in set(key.key_names)]
    if len(stated) != len(set(stated)):
        raise XMLMalformed("every recipient once")
    for key in keys:
        for opener in (*map(openers.decryption_key, key.key_names), *map(openers.decryption_key_of, key.certificates)):
            if opener is not None:
                return key, opener
    raise NotForUs("a recipient whose key we hold")


def _content_key(ours: _Wrapped, opener: Opener, random_bytes: Callable[[int], bytes]) -> bytes:
    """Return the key of the content; a random one where there is none."""
    instead = random_bytes(KEY_BYTES)
    try:
        if ours.agreement is None:
            unwrapped = unwrap_oaep(opener, ours.wrapped, mgf1_sha1=bool(ours.mgf1_sha1))
        else:
            unwrapped = unwrap_agreed(opener, *ours.agreement, ours.wrapped)
    except ValueError:
        return instead
    return unwrapped if len(unwrapped) == KEY_BYTES else instead
