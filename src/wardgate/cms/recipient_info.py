"""The key of a content, encrypted to each recipient: RSA-OAEP and ECDH with AES key wrap (RFC 5652 section 6.2, RFC 5753, RFC 4055).

Every recipient has an ephemeral key of its own. An algorithm that is not spoken refuses the whole message, before any key is used.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.kdf.x963kdf import X963KDF
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from wardgate.cms import oids
from wardgate.cms.algorithms import NULL, digest_algorithm, read_digest, stated
from wardgate.cms.errors import AlgorithmRefused, CannotDecrypt, MalformedCMS
from wardgate.cms.oids import oid
from wardgate.cms.reading import algorithm, identifier, set_of, strictly, whole
from wardgate.cms.signer_info import CertificateId, issuer_and_serial, read_certificate_id
from wardgate.pki import der

KEY_BYTES: Final = 32
KEY_AGREEMENT: Final = der.context(1)
OAEP_PARAMETERS: Final = der.sequence((
    der.write(der.context(0), digest_algorithm("sha256")),
    der.write(der.context(1), der.sequence((oid(oids.MGF1), digest_algorithm("sha256")))),
))
OAEP: Final = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
WRAP: Final = der.sequence((oid(oids.AES256_WRAP),))
MAX_UKM_BYTES: Final = 64
MAX_ENCRYPTED_KEY_BYTES: Final = 1024
CURVES: Final[dict[str, ec.EllipticCurve]] = {"secp256r1": ec.SECP256R1(), "secp384r1": ec.SECP384R1()}


class Unwrapper(Protocol):
    """A private key that opens: `sealing.keys.DecryptionKey`."""

    @property
    def certificate(self) -> x509.Certificate: ...
    def agree(self, public: Any) -> bytes:
        """Return Z of ECDH. Raises `ValueError`."""

    def decrypt_oaep(self, encrypted: bytes) -> bytes:
        """Return what RSA-OAEP with SHA-256 hides. Raises `ValueError`."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """One recipient's encrypted key. `point` is the ephemeral public key; None with RSA."""

    who: CertificateId
    encrypted_key: bytes = field(repr=False)
    point: bytes | None = None
    ukm: bytes | None = None


def encrypted_to(certificate: x509.Certificate) -> bool:
    """Return whether a content's key can be encrypted to this certificate's."""
    key = certificate.public_key()
    return isinstance(key, RSAPublicKey) or (isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in CURVES)


def write_recipients(certificates: Sequence[x509.Certificate], content_key: bytes) -> bytes:
    """The SET OF RecipientInfo. Raises `AlgorithmRefused` for a key of another kind."""
    return set_of([_written(certificate, content_key) for certificate in certificates])


def _written(certificate: x509.Certificate, content_key: bytes) -> bytes:
    key = certificate.public_key()
    if isinstance(key, RSAPublicKey):
        return der.sequence((
            der.integer(0), issuer_and_serial(certificate), der.sequence((oid(oids.RSA_OAEP), OAEP_PARAMETERS)),
            der.write(der.OCTET_STRING, key.encrypt(content_key, OAEP)),
        ))
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name not in CURVES:
        raise AlgorithmRefused("a recipient's key of another kind")
    ephemeral = ec.generate_private_key(key.curve)
    point = ephemeral.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    wrapped = aes_key_wrap(_wrapping_key(ephemeral.exchange(ec.ECDH(), key), None), content_key)
    originator = der.write(der.context(1), der.sequence((oid(oids.EC_PUBLIC_KEY),)) + der.write(der.BIT_STRING, b"\x00" + point))
    return der.write(KEY_AGREEMENT, b"".join((
        der.integer(3), der.write(der.context(0), originator), der.sequence((oid(oids.ECDH_SHA256), WRAP)),
        der.sequence((der.sequence((issuer_and_serial(certificate), der.write(der.OCTET_STRING, wrapped))),)),
    )))


def read_recipients(encoded: bytes, most: int) -> tuple[Recipient, ...]:
    """Read a SET OF RecipientInfo. Raises `MalformedCMS`, `AlgorithmRefused`."""
    found: list[Recipient] = []
    with strictly("recipients"):
        reader = whole(encoded, der.SET)
        while not reader.at_end:
            if reader.peek() == der.SEQUENCE:
                found.append(_key_transport(reader.inner(der.SEQUENCE)))
            elif reader.peek() == KEY_AGREEMENT:
                found += _key_agreement(reader.inner(KEY_AGREEMENT))
            else:
                raise AlgorithmRefused("a recipient of another kind than RSA-OAEP and ECDH")
            if len(found) > most:
                raise MalformedCMS(f"more than {most} recipients")
    if not found:
        raise MalformedCMS("no recipient")
    return tuple(found)


def _key_transport(reader: der.Reader) -> Recipient:
    version = reader.integer()
    who = read_certificate_id(reader)
    if version != (0 if who.issuer_and_serial else 2):
        raise MalformedCMS("a recipient of another version than its name has")
    name, parameters = algorithm(reader)
    if name != oids.RSA_OAEP:
        raise AlgorithmRefused(f"a key encryption that is not accepted: {name}")
    _check_oaep(parameters)
    return Recipient(who, _encrypted_key(reader))


def _check_oaep(parameters: bytes) -> None:
    """SHA-256 twice and no label. What is left out is SHA-1, so nothing is (RFC 4055 section 4.1)."""
    if not parameters:
        raise AlgorithmRefused("RSA-OAEP without parameters, which means SHA-1")
    reader = whole(parameters, der.SEQUENCE)
    digest = read_digest(*algorithm(stated(reader, 0)))
    masks = stated(reader, 1).inner(der.SEQUENCE)
    if identifier(masks) != oids.MGF1 or {digest, read_digest(*algorithm(masks))} != {"sha256"}:
        raise AlgorithmRefused("RSA-OAEP with another digest than SHA-256")
    label = reader.optional(der.context(2))
    if label is not None and algorithm(label) != (oids.P_SPECIFIED, der.write(der.OCTET_STRING, b"")):
        raise AlgorithmRefused("RSA-OAEP with a label")
    reader.end()


def _key_agreement(reader: der.Reader) -> list[Recipient]:
    if reader.integer() != 3:
        raise MalformedCMS("a recipient of another version")
    point = _ephemeral(reader.inner(der.context(0)))
    ukm = None
    if reader.peek() == der.context(1):
        ukm = reader.inner(der.context(1)).element(der.OCTET_STRING)
        if len(ukm) > MAX_UKM_BYTES:
            raise MalformedCMS("keying material of such a length")
    name, wrapped_by = algorithm(reader)
    if name != oids.ECDH_SHA256 or not wrapped_by or algorithm(der.Reader(wrapped_by)) not in {(oids.AES256_WRAP, b""), (oids.AES256_WRAP, NULL)}:
        raise AlgorithmRefused(f"a key agreement that is not accepted: {name}")
    keys = reader.inner(der.SEQUENCE)
    reader.end()
    found = []
    while not keys.at_end:
        entry = keys.inner(der.SEQUENCE)
        found.append(Recipient(_agreement_id(entry), _encrypted_key(entry), point, ukm))
    return found


def _ephemeral(originator: der.Reader) -> bytes:
    """The originator's key: an ephemeral one, never one that a certificate names."""
    if originator.peek() != der.context(1):
        raise AlgorithmRefused("a key agreement with a key that is not ephemeral")
    inner = originator.inner(der.context(1))
    name, _ = algorithm(inner)
    if name != oids.EC_PUBLIC_KEY:
        raise AlgorithmRefused(f"a key agreement on a curve that is not accepted: {name}")
    point = inner.element(der.BIT_STRING)
    inner.end()
    if point[:2] != b"\x00\x04":
        raise MalformedCMS("an ephemeral key that is no uncompressed point")
    return point[1:]


def _agreement_id(reader: der.Reader) -> CertificateId:
    if reader.peek() == der.context(0):
        return CertificateId(None, reader.inner(der.context(0)).element(der.OCTET_STRING))
    return read_certificate_id(reader)


def _encrypted_key(reader: der.Reader) -> bytes:
    encrypted = reader.element(der.OCTET_STRING)
    reader.end()
    if not 0 < len(encrypted) <= MAX_ENCRYPTED_KEY_BYTES:
        raise MalformedCMS("an encrypted key of such a length")
    return encrypted


def content_key(recipient: Recipient, key: Unwrapper) -> bytes:
    """The content's key. Raises `CannotDecrypt` for whatever reason."""
    public = key.certificate.public_key()
    try:
        if recipient.point is None:
            found = key.decrypt_oaep(recipient.encrypted_key)
        elif isinstance(public, ec.EllipticCurvePublicKey):
            shared = key.agree(ec.EllipticCurvePublicKey.from_encoded_point(public.curve, recipient.point))
            found = aes_key_unwrap(_wrapping_key(shared, recipient.ukm), recipient.encrypted_key)
        else:
            raise CannotDecrypt("the content's key")
    except (ValueError, InvalidUnwrap) as error:
        raise CannotDecrypt("the content's key") from error
    if len(found) != KEY_BYTES:
        raise CannotDecrypt("the content's key")
    return found


def _wrapping_key(shared: bytes, ukm: bytes | None) -> bytes:
    """ANSI X9.63 with SHA-256 over ECC-CMS-SharedInfo (RFC 5753 section 7.2)."""
    entity = der.write(der.context(0), der.write(der.OCTET_STRING, ukm)) if ukm is not None else b""
    bits = der.write(der.context(2), der.write(der.OCTET_STRING, (8 * KEY_BYTES).to_bytes(4)))
    derive: Callable[[bytes], bytes] = X963KDF(hashes.SHA256(), KEY_BYTES, der.sequence((WRAP, entity, bits))).derive
    return derive(shared)
