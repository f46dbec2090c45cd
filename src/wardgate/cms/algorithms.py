"""The algorithms of signatures: which identifiers are read, what they are called in JOSE, and how each is verified.

SHA-1 and MD5 are in no table. The parameters of RSASSA-PSS say one digest three times, and a salt that is no shorter (RFC 4056).
"""

import hashlib
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from wardgate.cms.errors import AlgorithmRefused, SignatureInvalid
from wardgate.cms.oids import ED25519, MGF1, RSA, RSA_PSS, SHA256, SHA384, SHA512, oid
from wardgate.cms.reading import algorithm, identifier, strictly, whole
from wardgate.pki import der

DIGESTS: Final = {SHA256: "sha256", SHA384: "sha384", SHA512: "sha512"}
"""By identifier: the name that hashlib has."""
DIGEST_OIDS: Final = {name: found for found, name in DIGESTS.items()}
HASHES: Final[dict[str, Any]] = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}
NULL: Final = b"\x05\x00"
ECDSA_DIGESTS: Final = {"1.2.840.10045.4.3.2": "sha256", "1.2.840.10045.4.3.3": "sha384", "1.2.840.10045.4.3.4": "sha512"}
PKCS1_DIGESTS: Final = {"1.2.840.113549.1.1.11": "sha256", "1.2.840.113549.1.1.12": "sha384", "1.2.840.113549.1.1.13": "sha512"}
BITS: Final = {"sha256": "256", "sha384": "384", "sha512": "512"}
MADE: Final = {"ES256": "sha256", "ES384": "sha384", "PS256": "sha256", "EdDSA": "sha512", "RS256": "sha256"}
"""What signatures are made with here, and the digest of each; Ed25519 with SHA-512 (RFC 8419 section 2.3). RS256 is for time-stamps."""
COORDINATE_BYTES: Final = {"ES256": 32, "ES384": 48}
MAX_SALT_BYTES: Final = 512
PARAMETERS: Final = "an algorithm has parameters that it should not have"


def read_digest(name: str, parameters: bytes) -> str:
    """The digest that is meant. Raises `AlgorithmRefused`."""
    if name not in DIGESTS:
        raise AlgorithmRefused(f"a digest that is not accepted: {name}")
    if parameters not in {b"", NULL}:
        raise AlgorithmRefused(PARAMETERS)
    return DIGESTS[name]


def digest_algorithm(digest: str) -> bytes:
    """The AlgorithmIdentifier of a digest, without parameters (RFC 5754 section 2)."""
    return der.sequence((oid(DIGEST_OIDS[digest]),))


def read_signature_algorithm(name: str, parameters: bytes, digest: str) -> str:
    """The signature algorithm as JOSE calls it, which has the digest of the signer. Raises `AlgorithmRefused`."""
    if name in ECDSA_DIGESTS and ECDSA_DIGESTS[name] == digest and parameters == b"":
        return f"ES{BITS[digest]}"
    if (name == RSA or PKCS1_DIGESTS.get(name) == digest) and parameters in {b"", NULL}:
        return f"RS{BITS[digest]}"
    if name == RSA_PSS and _pss_digest(parameters) == digest:
        return f"PS{BITS[digest]}"
    if name == ED25519 and digest == "sha512" and parameters == b"":
        return "EdDSA"
    raise AlgorithmRefused(f"a signature algorithm that is not accepted with {digest}: {name}")


def _pss_digest(parameters: bytes) -> str:
    """The digest of RSASSA-PSS-params. What is left out is SHA-1, so nothing is."""
    if not parameters:
        raise AlgorithmRefused("RSASSA-PSS without parameters, which means SHA-1")
    with strictly("RSASSA-PSS-params"):
        reader = whole(parameters, der.SEQUENCE)
        digest = read_digest(*algorithm(stated(reader, 0)))
        masks = stated(reader, 1).inner(der.SEQUENCE)
        if identifier(masks) != MGF1 or read_digest(*algorithm(masks)) != digest:
            raise AlgorithmRefused("RSASSA-PSS with different digests")
        salt = stated(reader, 2).integer()
        trailer = reader.optional(der.context(3))
        if trailer is not None and trailer.integer() != 1:
            raise AlgorithmRefused("RSASSA-PSS with another trailer")
        reader.end()
    if not HASHES[digest].digest_size <= salt <= MAX_SALT_BYTES:
        raise AlgorithmRefused("RSASSA-PSS with a salt shorter than its digest")
    return digest


def stated(reader: der.Reader, number: int) -> der.Reader:
    """A parameter that must be stated: what stands for one that is not is SHA-1. Raises `AlgorithmRefused`."""
    if reader.peek() != der.context(number):
        raise AlgorithmRefused("a parameter is left out, which means SHA-1")
    return reader.inner(der.context(number))


def signature_algorithm(name: str) -> bytes:
    """The AlgorithmIdentifier of a signature that is made here, by its JOSE name."""
    if name == "PS256":
        sha256 = digest_algorithm("sha256")
        parameters = der.sequence((
            der.write(der.context(0), sha256), der.write(der.context(1), der.sequence((oid(MGF1), sha256))),
            der.write(der.context(2), der.integer(HASHES["sha256"].digest_size)),
        ))
        return der.sequence((oid(RSA_PSS), parameters))
    if name == "EdDSA":
        return der.sequence((oid(ED25519),))
    if name == "RS256":
        return der.sequence((oid("1.2.840.113549.1.1.11"), NULL))
    digest = MADE.get(name)
    if digest is None or name not in COORDINATE_BYTES:
        raise AlgorithmRefused(f"signatures are not made with {name}")
    return der.sequence((oid(next(found for found, with_digest in ECDSA_DIGESTS.items() if with_digest == digest)),))


def digest_of(digest: str, octets: bytes) -> bytes:
    """The digest of octets by the name that hashlib has."""
    return hashlib.new(digest, octets).digest()


def signature_value(name: str, jws_form: bytes) -> bytes:
    """A signature as CMS has it, from that of JWS: ECDSA as a SEQUENCE of r and s."""
    size = COORDINATE_BYTES.get(name)
    if size is None:
        return jws_form
    if len(jws_form) != 2 * size:
        raise ValueError("a signature has not the length of its curve")
    return encode_dss_signature(int.from_bytes(jws_form[:size]), int.from_bytes(jws_form[size:]))


def verify(certificate: x509.Certificate, name: str, digest: str, signature: bytes, octets: bytes) -> None:
    """Check a signature by its JOSE name. Raises `AlgorithmRefused` for a key of another kind, `SignatureInvalid`."""
    key = certificate.public_key()
    try:
        if name.startswith("ES") and isinstance(key, EllipticCurvePublicKey):
            key.verify(signature, octets, ECDSA(HASHES[digest]))
        elif name.startswith("RS") and isinstance(key, RSAPublicKey):
            key.verify(signature, octets, padding.PKCS1v15(), HASHES[digest])
        elif name.startswith("PS") and isinstance(key, RSAPublicKey):
            key.verify(signature, octets, padding.PSS(padding.MGF1(HASHES[digest]), padding.PSS.AUTO), HASHES[digest])
        elif name == "EdDSA" and isinstance(key, Ed25519PublicKey):
            key.verify(signature, octets)
        else:
            raise AlgorithmRefused(f"{name} by a key of another kind")
    except InvalidSignature as error:
        raise SignatureInvalid("the signature does not cover these octets by this key") from error
