"""Payloads as ITK2's senders made them, from primitives: only tests make them."""

import gzip
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha1
from os import urandom
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

DS = "http://www.w3.org/2000/09/xmldsig#"
XENC = "http://www.w3.org/2001/04/xmlenc#"
PAYLOAD_ID = "uuid_7B6F2C1E-0A4D-4C55-9C53-0D8A4F2B1E11"
IV = b"_7B6F2C1E-0A4D-4"
OBJECT_ID = "uuid2c9a1f0e-7c55-4a0e-9b0a-2f6f4c1d9e03"


def packed(content: bytes, *, base64: bool = False, compressed: bool = False) -> bytes:
    """As the manifest's `base64` and `compressed` say."""
    if compressed:
        return b64encode(gzip.compress(content))
    return b64encode(content) if base64 else content


def signed(content: bytes, private: Any, certificate: x509.Certificate, *, transformed: bool = False, digest: bytes | None = None) -> bytes:
    """An enveloping signature, RSA with SHA-1: over a text, or over XML by its exclusive canonical form."""
    holder = f'<Object xmlns="{DS}" Id="{OBJECT_ID}">'.encode()
    holder += (content if transformed else content.replace(b"&", b"&amp;").replace(b"<", b"&lt;")) + b"</Object>"
    covered = etree.tostring(etree.fromstring(holder), method="c14n", exclusive=transformed)
    value = b64encode(digest or sha1(covered).digest()).decode()  # noqa: S324 - ITK2's own
    transforms = '<Transforms><Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"></Transform></Transforms>' if transformed else ""
    info = (
        f'<SignedInfo xmlns="{DS}"><CanonicalizationMethod Algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments"></CanonicalizationMethod>'
        f'<SignatureMethod Algorithm="{DS}rsa-sha1"></SignatureMethod><Reference URI="#{OBJECT_ID}">{transforms}'
        f'<DigestMethod Algorithm="{DS}sha1"></DigestMethod><DigestValue>{value}</DigestValue></Reference></SignedInfo>'
    ).encode()
    signature = private.sign(info, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303 - ITK2's own
    embedded = b64encode(certificate.public_bytes(Encoding.DER))
    return (
        f'<Signature xmlns="{DS}">'.encode() + info.replace(f' xmlns="{DS}"'.encode(), b"", 1) + b"<SignatureValue>" + b64encode(signature) + b"</SignatureValue><KeyInfo><X509Data><X509Certificate>"
        + embedded + b"</X509Certificate></X509Data></KeyInfo>" + holder.replace(f' xmlns="{DS}"'.encode(), b"", 1) + b"</Signature>"
    )


@dataclass(frozen=True)
class Reader:
    """Whom a payload is encrypted to."""

    name: str
    certificate: x509.Certificate


def java_name(certificate: x509.Certificate) -> str:
    """A subject as Java writes it: the most specific part first, a space after each comma."""
    parts = [f"{one.rfc4514_attribute_name}={one.value}" for part in reversed(certificate.subject.rdns) for one in part]
    return ", ".join(parts)


def encrypted(clear: bytes, readers: Sequence[Reader], *, iv: bytes = IV, key: bytes | None = None, wrapped: bytes | None = None, changed: bytes | None = None) -> bytes:
    """An EncryptedData: AES-256-CBC with the IV not in front, the key by RSAES-PKCS1-v1_5 for each reader."""
    key = key or urandom(32)
    padder = PKCS7(128).padder()
    sealing = Cipher(AES(key), CBC(iv)).encryptor()
    text = changed if changed is not None else sealing.update(padder.update(clear) + padder.finalize()) + sealing.finalize()
    keys = b""
    for reader in readers:
        value = b64encode(wrapped if wrapped is not None else reader.certificate.public_key().encrypt(key, padding.PKCS1v15()))  # type: ignore[union-attr,call-arg]
        keys += (
            b'<xenc:EncryptedKey><EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#rsa-1_5"/><ds:KeyInfo><ds:KeyName>' + reader.name.encode()
            + b"</ds:KeyName></ds:KeyInfo><xenc:CipherData><xenc:CipherValue>" + value + b"</xenc:CipherValue></xenc:CipherData></xenc:EncryptedKey>"
        )
    return (
        f'<xenc:EncryptedData xmlns:xenc="{XENC}"><xenc:EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#aes256-cbc"/><ds:KeyInfo xmlns:ds="{DS}">'.encode()
        + keys + b"</ds:KeyInfo><xenc:CipherData><xenc:CipherValue>" + b64encode(text) + b"</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData>"
    )
