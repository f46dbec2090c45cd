"""Certificate requests (RFC 2986) for keys in a hardware module, which signs them itself."""

from typing import Any

from asn1crypto import core, csr, keys
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from wardgate.keystores.errors import KeyUnavailable
from wardgate.keystores.hardware_keys import SALT_BYTES, public_from_der, sign_in_hardware
from wardgate.keystores.hardware_uri import HardwareURI
from wardgate.keystores.pkcs11 import HardwareModule
from wardgate.keystores.private_keys import algorithm_of


def certificate_request(module: HardwareModule, uri: HardwareURI, public: Any, builder: x509.CertificateSigningRequestBuilder) -> bytes:
    """Return the PEM of a request for a key that signs. Raises `KeyUnavailable`, also when the key is not the public one's.

    What is asked for is written by `cryptography`, signed by a key of the moment; key and signature are then put in their places.
    """
    written = builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    request = csr.CertificationRequest.load(written.public_bytes(Encoding.DER))
    wanted = request["certification_request_info"]
    wanted["subject_pk_info"] = keys.PublicKeyInfo.load(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    octets = wanted.dump(force=True)
    signature = sign_in_hardware(module, uri, public, octets, f"the object {uri.object or ''}")
    if isinstance(public, ec.EllipticCurvePublicKey):
        half = len(signature) // 2
        signature = encode_dss_signature(int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big"))
    made = csr.CertificationRequest({
        "certification_request_info": wanted, "signature_algorithm": _algorithm(public), "signature": core.OctetBitString(signature)})
    found = x509.load_der_x509_csr(made.dump(force=True))
    if not found.is_signature_valid:
        raise KeyUnavailable("the request that the hardware module signed does not verify")
    return found.public_bytes(Encoding.PEM)


def public_key_at(module: HardwareModule, uri: HardwareURI) -> Any:
    """Return the public half of a key pair that the module's own tools made. Raises `KeyUnavailable`."""
    import pkcs11  # noqa: PLC0415 - an extra
    from pkcs11.util.ec import encode_ec_public_key  # noqa: PLC0415
    from pkcs11.util.rsa import encode_rsa_public_key  # noqa: PLC0415

    can = pkcs11.Attribute
    wanted: dict[Any, Any] = {can.CLASS: pkcs11.ObjectClass.PUBLIC_KEY}
    wanted |= {can.LABEL: uri.object} if uri.object is not None else {}
    wanted |= {can.ID: uri.id} if uri.id is not None else {}

    def read(session: Any) -> bytes:
        found = list(session.get_objects(wanted))
        if len(found) != 1:
            raise KeyUnavailable(f"the token {uri.token} has {'no' if not found else 'more than one'} public key there")
        encode = encode_ec_public_key if found[0].key_type == pkcs11.KeyType.EC else encode_rsa_public_key
        return bytes(encode(found[0]))

    return public_from_der(module.run(uri.token, read))


def _algorithm(public: Any) -> dict[str, Any]:
    if isinstance(public, ec.EllipticCurvePublicKey):
        return {"algorithm": {"ES256": "sha256_ecdsa", "ES384": "sha384_ecdsa"}[algorithm_of(public)]}
    if not isinstance(public, rsa.RSAPublicKey):
        raise KeyUnavailable("keys of this kind are not used in hardware")
    digest = {"algorithm": "sha256"}
    return {"algorithm": "rsassa_pss", "parameters": {
        "hash_algorithm": digest, "mask_gen_algorithm": {"algorithm": "mgf1", "parameters": digest}, "salt_length": SALT_BYTES}}
