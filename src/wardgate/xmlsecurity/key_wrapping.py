"""How the key of some content travels to one recipient (XML-Enc 1.1 sections 5.4 to 5.7).

RSA-OAEP with SHA-256; ECDH-ES on P-256 with ConcatKDF (SP 800-56A, one round of SHA-256) and AES-256 key wrap. XML-Enc's defaults are taken as they are
written: no DigestMethod is SHA-1, which is refused; no MGF, and the older identifier always, is MGF1 with SHA-1, which is only a mask and is taken.
"""

import re
from base64 import b64encode
from typing import Final, Protocol

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from lxml import etree

from wardgate.xmlsecurity import names
from wardgate.xmlsecurity.errors import AlgorithmRefused, XMLMalformed
from wardgate.xmlsecurity.names import DS, DSIG11, XENC, XENC11, named
from wardgate.xmlsecurity.parser import Element
from wardgate.xmlsecurity.reading import attribute, children, exactly, octets

KEY_BYTES: Final = 32
MAX_ENCRYPTED_KEY_BYTES: Final = 1024
_PARTS: Final = ("AlgorithmID", "PartyUInfo", "PartyVInfo", "SuppPubInfo", "SuppPrivInfo")
_HEX: Final = re.compile(r"(?:00(?:[0-9A-Fa-f]{2}){0,512})?", re.ASCII)
"""How many bits of the last octet do not count, which is none, then the octets (section 5.4.1)."""
_AGREEMENT: Final = (named(XENC11, "KeyDerivationMethod"), named(XENC, "OriginatorKeyInfo"), named(XENC, "RecipientKeyInfo"))


class Opener(Protocol):
    """A private key that opens: `sealing.DecryptionKey` is one."""

    @property
    def kid(self) -> str: ...
    def agree(self, public: ec.EllipticCurvePublicKey) -> bytes: ...
    def decrypt_oaep(self, encrypted: bytes, *, mgf1_sha1: bool = False) -> bytes: ...


def wrap(content_key: bytes, kid: str, certificate: x509.Certificate) -> Element:
    """Return an EncryptedKey for the recipient. Raises `AlgorithmRefused` for a key that is neither RSA nor on P-256."""
    public = certificate.public_key()
    node = etree.Element(named(XENC, "EncryptedKey"), nsmap={"xenc": XENC})
    if isinstance(public, RSAPublicKey):
        method = etree.SubElement(node, named(XENC, "EncryptionMethod"), Algorithm=names.RSA_OAEP)
        etree.SubElement(method, named(DS, "DigestMethod"), nsmap={"ds": DS}, Algorithm=names.SHA256)
        etree.SubElement(method, named(XENC11, "MGF"), nsmap={"xenc11": XENC11}, Algorithm=names.MGF1_SHA256)
        etree.SubElement(etree.SubElement(node, named(DS, "KeyInfo"), nsmap={"ds": DS}), named(DS, "KeyName")).text = kid
        wrapped = public.encrypt(content_key, padding.OAEP(padding.MGF1(SHA256()), SHA256(), None))
    elif isinstance(public, ec.EllipticCurvePublicKey) and isinstance(public.curve, ec.SECP256R1):
        etree.SubElement(node, named(XENC, "EncryptionMethod"), Algorithm=names.AES256_KW)
        wrapped = aes_key_wrap(_write_agreement(node, kid, public), content_key)
    else:
        raise AlgorithmRefused("an RSA key, or one on P-256", type(public).__name__)
    cipher_value(node, wrapped)
    return node


def cipher_value(node: Element, encrypted: bytes) -> None:
    """Add CipherData to what is encrypted."""
    data = etree.SubElement(node, named(XENC, "CipherData"))
    etree.SubElement(data, named(XENC, "CipherValue")).text = b64encode(encrypted).decode("ascii")


def _write_agreement(node: Element, kid: str, public: ec.EllipticCurvePublicKey) -> bytes:
    """Agree a key with an ephemeral one, and say how. The key is derived from who it is for, too."""
    ephemeral = ec.generate_private_key(ec.SECP256R1())
    parts = {"AlgorithmID": names.AES256_KW.encode("ascii"), "PartyUInfo": b"", "PartyVInfo": kid.encode("utf-8")}
    info = etree.SubElement(node, named(DS, "KeyInfo"), nsmap={"ds": DS})
    agreement = etree.SubElement(info, named(XENC, "AgreementMethod"), Algorithm=names.ECDH_ES)
    derivation = etree.SubElement(agreement, named(XENC11, "KeyDerivationMethod"), nsmap={"xenc11": XENC11}, Algorithm=names.CONCAT_KDF)
    stated = {name: f"00{value.hex().upper()}" for name, value in parts.items()}
    parameters = etree.SubElement(derivation, named(XENC11, "ConcatKDFParams"), stated)
    etree.SubElement(parameters, named(DS, "DigestMethod"), Algorithm=names.SHA256)
    originator = etree.SubElement(agreement, named(XENC, "OriginatorKeyInfo"))
    key = etree.SubElement(etree.SubElement(originator, named(DS, "KeyValue")), named(DSIG11, "ECKeyValue"), nsmap={"dsig11": DSIG11})
    etree.SubElement(key, named(DSIG11, "NamedCurve"), URI=names.P256)
    point = ephemeral.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    etree.SubElement(key, named(DSIG11, "PublicKey")).text = b64encode(point).decode("ascii")
    recipient = etree.SubElement(agreement, named(XENC, "RecipientKeyInfo"))
    etree.SubElement(recipient, named(DS, "KeyName")).text = kid
    return _derive(ephemeral.exchange(ec.ECDH(), public), b"".join(parts.values()))


def _derive(agreed: bytes, other_info: bytes) -> bytes:
    return ConcatKDFHash(SHA256(), KEY_BYTES, other_info).derive(agreed)


def oaep_mask(method: Element) -> bool:
    """Return whether the mask of this RSA-OAEP is made with SHA-1. Raises `AlgorithmRefused` for any digest but SHA-256, another mask, and a label."""
    algorithm = attribute(method, "Algorithm")
    found = {str(child.tag): child for child in children(method, ("Algorithm",))}
    if len(found) != len(method) or not set(found) <= {named(DS, "DigestMethod"), named(XENC11, "MGF")}:
        raise AlgorithmRefused("a DigestMethod and an MGF only in RSA-OAEP", algorithm)
    digest = found.get(named(DS, "DigestMethod"))
    if digest is None or digest.get("Algorithm") != names.SHA256 or len(digest):
        raise AlgorithmRefused(f"the digest {names.SHA256}", "SHA-1, by default" if digest is None else digest.get("Algorithm"))
    mask = found.get(named(XENC11, "MGF"))
    if algorithm == names.RSA_OAEP_MGF1P:
        if mask is not None:
            raise AlgorithmRefused("no MGF with the older RSA-OAEP, whose mask is fixed", mask.get("Algorithm"))
        return True
    if mask is None or mask.get("Algorithm") == names.MGF1_SHA1:
        return True
    if mask.get("Algorithm") != names.MGF1_SHA256 or len(mask):
        raise AlgorithmRefused(names.MGF1_SHA256, mask.get("Algorithm"))
    return False


def read_agreement(node: Element) -> tuple[ec.EllipticCurvePublicKey, bytes, Element]:
    """Return the ephemeral key, what is derived with it, and the info of the recipient's key. Raises `XMLMalformed` and `AlgorithmRefused`."""
    if attribute(node, "Algorithm") != names.ECDH_ES:
        raise AlgorithmRefused(names.ECDH_ES, node.get("Algorithm"))
    derivation, originator, recipient = exactly(node, _AGREEMENT, ("Algorithm",))
    if attribute(derivation, "Algorithm") != names.CONCAT_KDF:
        raise AlgorithmRefused(names.CONCAT_KDF, derivation.get("Algorithm"))
    (parameters,) = exactly(derivation, (named(XENC11, "ConcatKDFParams"),), ("Algorithm",))
    (digest,) = exactly(parameters, (named(DS, "DigestMethod"),), _PARTS)
    if digest.get("Algorithm") != names.SHA256 or len(digest):
        raise AlgorithmRefused(names.SHA256, digest.get("Algorithm"))
    stated = [parameters.get(name, "00") for name in _PARTS]
    if not all(_HEX.fullmatch(value) for value in stated):
        raise XMLMalformed("whole octets in hexadecimal in ConcatKDFParams")
    other_info = b"".join(bytes.fromhex(value)[1:] for value in stated)
    return _ephemeral(originator), other_info, recipient


def _ephemeral(originator: Element) -> ec.EllipticCurvePublicKey:
    """Read a point, which must be on the curve and not at infinity (SP 800-56A section 5.6.2.3.4)."""
    (value,) = exactly(originator, (named(DS, "KeyValue"),))
    (key,) = exactly(value, (named(DSIG11, "ECKeyValue"),))
    curve, point = exactly(key, (named(DSIG11, "NamedCurve"), named(DSIG11, "PublicKey")))
    if attribute(curve, "URI") != names.P256:
        raise AlgorithmRefused(names.P256, curve.get("URI"))
    encoded = octets(point, 65)
    if len(encoded) != 65 or encoded[0] != 4:
        raise XMLMalformed("an uncompressed point of P-256")
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), encoded)
    except ValueError:
        raise XMLMalformed("a point on P-256") from None


def unwrap_agreed(opener: Opener, ephemeral: ec.EllipticCurvePublicKey, other_info: bytes, wrapped: bytes) -> bytes:
    """Return the key. Raises `ValueError`."""
    try:
        return aes_key_unwrap(_derive(opener.agree(ephemeral), other_info), wrapped)
    except InvalidUnwrap as error:
        raise ValueError("the wrapped key is another's, or was changed") from error


def unwrap_oaep(opener: Opener, wrapped: bytes, *, mgf1_sha1: bool) -> bytes:
    """Return the key. Raises `ValueError`."""
    return opener.decrypt_oaep(wrapped, mgf1_sha1=mgf1_sha1)
