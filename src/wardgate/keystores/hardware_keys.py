"""Message keys whose private half is in a hardware module: made there, and used there.

NOTE: what a module gives back is held against the certificate before it is given out: a label may have come to name another key.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from wardgate.keystores.errors import KeyUnavailable
from wardgate.keystores.hardware_uri import HardwareURI
from wardgate.keystores.pkcs11 import HardwareModule
from wardgate.keystores.private_keys import algorithm_of, digest_of
from wardgate.sealing.keys import Use

SALT_BYTES: Final = 32


def new_hardware_key(module: HardwareModule, token: str, label: str, use: Use, kind: str, bits: int = 2048) -> tuple[HardwareURI, Any]:
    """Make a key pair in a token that never leaves it; return where it is and its public half. Raises `KeyUnavailable`."""
    import pkcs11  # noqa: PLC0415 - an extra
    from pkcs11.util.ec import encode_ec_public_key, encode_named_curve_parameters  # noqa: PLC0415
    from pkcs11.util.rsa import encode_rsa_public_key  # noqa: PLC0415

    uri = HardwareURI(token, label, label.encode("ascii"))
    can, flags = pkcs11.Attribute, pkcs11.MechanismFlag
    private = {can.SENSITIVE: True, can.EXTRACTABLE: False, can.TOKEN: True}

    def make(session: Any) -> bytes:
        if any(True for _ in session.get_objects({can.LABEL: label})):
            raise KeyUnavailable(f"the token {token} has an object {label} already")
        settings = {"id": uri.id, "label": label, "store": True, "private_template": private}
        if kind == "ec":
            curve = session.create_domain_parameters(
                pkcs11.KeyType.EC, {can.EC_PARAMS: encode_named_curve_parameters("secp256r1")}, local=True)
            capabilities = flags.SIGN | flags.VERIFY if use is Use.SIGNING else flags.DERIVE
            public, _ = curve.generate_keypair(**settings, capabilities=capabilities)
            return bytes(encode_ec_public_key(public))
        capabilities = flags.SIGN | flags.VERIFY if use is Use.SIGNING else flags.DECRYPT | flags.ENCRYPT
        public, _ = session.generate_keypair(pkcs11.KeyType.RSA, bits, **settings, capabilities=capabilities)
        return bytes(encode_rsa_public_key(public))

    return uri, public_from_der(module.run_writing(token, make))


def remove_hardware_key(module: HardwareModule, uri: HardwareURI) -> None:
    """Remove a key pair from its token: of one that could not be registered after all. Raises `KeyUnavailable`."""
    import pkcs11  # noqa: PLC0415 - an extra

    def remove(session: Any) -> None:
        for found in list(session.get_objects({pkcs11.Attribute.ID: uri.id, pkcs11.Attribute.LABEL: uri.object})):
            found.destroy()

    module.run_writing(uri.token, remove)


@dataclass(frozen=True, slots=True)
class _HardwareKey:
    """A private key by its place."""

    kid: str
    certificate: x509.Certificate = field(repr=False)
    uri: HardwareURI
    module: HardwareModule = field(repr=False)


@dataclass(frozen=True, slots=True)
class HardwareSigningKey(_HardwareKey):
    """A `sealing.keys.SigningKey` in a hardware module."""

    @property
    def algorithm(self) -> str:
        """What it signs with."""
        return algorithm_of(self.certificate.public_key())

    def sign(self, data: bytes) -> bytes:
        """Return the signature in JWS form. Raises `KeyUnavailable`."""
        return sign_in_hardware(self.module, self.uri, self.certificate.public_key(), data, f"the certificate of {self.kid}")


def sign_in_hardware(module: HardwareModule, uri: HardwareURI, public: Any, data: bytes, whose: str) -> bytes:
    """Return the signature in JWS form, which the public key verifies: that of `whose`. Raises `KeyUnavailable`."""
    import pkcs11  # noqa: PLC0415 - an extra

    algorithm = algorithm_of(public)
    digest = hashlib.new(digest_of(algorithm).name, data).digest()
    if isinstance(public, ec.EllipticCurvePublicKey):
        how: dict[str, Any] = {"mechanism": pkcs11.Mechanism.ECDSA}
    elif isinstance(public, rsa.RSAPublicKey):
        how = {"mechanism": pkcs11.Mechanism.RSA_PKCS_PSS, "mechanism_param": (pkcs11.Mechanism.SHA256, pkcs11.MGF.SHA256, SALT_BYTES)}
    else:
        raise KeyUnavailable(f"keys of the kind of {whose} are not used in hardware")
    signature = bytes(module.run_with_key(uri, lambda _, key: key.sign(digest, **how)))
    if not _verifies(public, algorithm, data, signature):
        raise KeyUnavailable(f"the key in the token {uri.token} is not the one of {whose}")
    return signature


@dataclass(frozen=True, slots=True)
class HardwareDecryptionKey(_HardwareKey):
    """A `sealing.keys.DecryptionKey` in a hardware module. A module that does not have a mechanism raises `KeyUnavailable`."""

    def agree(self, public: Any) -> bytes:
        """Return Z of ECDH. Raises `ValueError` for an RSA key and another curve, `KeyUnavailable`."""
        import pkcs11  # noqa: PLC0415 - an extra

        own = self.certificate.public_key()
        if not isinstance(own, ec.EllipticCurvePublicKey) or not isinstance(public, ec.EllipticCurvePublicKey) or own.curve.name != public.curve.name:
            raise ValueError("the keys are not on one curve")
        point = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        can, bits = pkcs11.Attribute, own.curve.key_size

        def derive(_: Any, key: Any) -> bytes:
            shared = key.derive_key(
                pkcs11.KeyType.GENERIC_SECRET, bits, mechanism=pkcs11.Mechanism.ECDH1_DERIVE, mechanism_param=(pkcs11.KDF.NULL, None, point),
                template={can.SENSITIVE: False, can.EXTRACTABLE: True, can.TOKEN: False})
            try:
                return bytes(shared[can.VALUE])
            finally:
                shared.destroy()

        return self.module.run_with_key(self.uri, derive)

    def decrypt_oaep(self, encrypted: bytes, *, mgf1_sha1: bool = False) -> bytes:
        """Return what RSA-OAEP with SHA-256 hides. Raises `ValueError`, and `KeyUnavailable` where the module has no such mechanism."""
        import pkcs11  # noqa: PLC0415 - an extra

        mask = pkcs11.MGF.SHA1 if mgf1_sha1 else pkcs11.MGF.SHA256
        return self._decrypt(encrypted, mechanism=pkcs11.Mechanism.RSA_PKCS_OAEP, mechanism_param=(pkcs11.Mechanism.SHA256, mask, None))

    def decrypt_pkcs1(self, encrypted: bytes) -> bytes:
        """Return what RSAES-PKCS1-v1_5 hides; for ITK2 only. Raises `ValueError`, `KeyUnavailable`."""
        import pkcs11  # noqa: PLC0415 - an extra

        return self._decrypt(encrypted, mechanism=pkcs11.Mechanism.RSA_PKCS)

    def _decrypt(self, encrypted: bytes, **how: Any) -> bytes:
        import pkcs11  # noqa: PLC0415 - an extra

        public = self.certificate.public_key()
        if not isinstance(public, rsa.RSAPublicKey) or len(encrypted) != (public.key_size + 7) // 8:
            raise ValueError("the key is not an RSA key, or the ciphertext not of its size")
        errors = pkcs11.exceptions
        wrong = (errors.EncryptedDataInvalid, errors.EncryptedDataLenRange, errors.DataInvalid, errors.DataLenRange)

        def decrypt(session: Any, key: Any) -> bytes | None:
            try:
                return bytes(key.decrypt(encrypted, **how))
            except wrong:
                return None
            except (errors.GeneralError, errors.FunctionFailed):  # some modules say so of a padding: then they go on working
                session.generate_random(8)
                return None

        found = self.module.run_with_key(self.uri, decrypt)
        if found is None:
            raise ValueError("it does not decrypt")
        return found


def public_from_der(der: bytes) -> Any:
    """Return a public key."""
    return load_der_public_key(der)


def _verifies(public: Any, algorithm: str, data: bytes, signature: bytes) -> bool:
    digest = digest_of(algorithm)
    try:
        if isinstance(public, ec.EllipticCurvePublicKey):
            half = len(signature) // 2
            der = encode_dss_signature(int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big"))
            public.verify(der, data, ec.ECDSA(digest))
        else:
            public.verify(signature, data, padding.PSS(mgf=padding.MGF1(digest), salt_length=SALT_BYTES), digest)
    except InvalidSignature:
        return False
    return True
