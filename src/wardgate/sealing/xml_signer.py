"""Whose key an XML signature names: the directory's, by kid, else by certificate. What is embedded is a hint and never a key (itk3-messaging 7)."""

from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256

from wardgate.sealing.errors import SealRefused
from wardgate.sealing.keys import KeyDirectory, MessageKey
from wardgate.xmlsecurity import names
from wardgate.xmlsecurity.sign import METHODS
from wardgate.xmlsecurity.signature_form import SignatureForm

JOSE_NAMES: Final = {method: name for name, method in METHODS.items()} | {names.RSA_SHA1: "RS1"}
"""How a record names the algorithm, the same for every suite."""


def signer_key(form: SignatureForm, directory: KeyDirectory) -> MessageKey:
    """Return the one key that the signature names. Raises `SealRefused` with `signer-unknown` for none, for several, and for names of different ones."""
    by_name = [directory.key(name) for name in form.key_names]
    by_certificate = [directory.by_certificate(digest) for digest in form.certificates]
    if len(by_name) > 1 or None in by_name:
        raise SealRefused("signer-unknown", "one key id of the directory", f"{len(by_name)}")
    known = {key.kid: key for key in (*by_name, *by_certificate) if key is not None}
    if len(known) != 1:
        raise SealRefused("signer-unknown", "one key of the directory", ", ".join(sorted(known)) or "none that it knows")
    (key,) = known.values()
    if form.certificates and key.certificate.fingerprint(SHA256()) not in form.certificates:
        raise SealRefused("signer-unknown", "the directory's certificate of this key", "another certificate")
    return key
