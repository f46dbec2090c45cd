"""Signers: keys in memory, keys elsewhere, and keys that do not fit."""

import hashlib
import pickle
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

from wardgate.client import DigestSigner, KeyUnusable, PrivateKeySigner

PEM = serialization.Encoding.PEM
PKCS8 = serialization.PrivateFormat.PKCS8


def pem(key: Any, password: Any = None) -> Any:
    """Return a private key in PEM."""
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(PEM, PKCS8, encryption)


def test_rs512(rsa_key: Any) -> None:
    """RS512 is PKCS #1 v1.5 with SHA-512."""
    signature = PrivateKeySigner(rsa_key, "RS512").sign(b"data")
    rsa_key.public_key().verify(signature, b"data", padding.PKCS1v15(), hashes.SHA512())


def test_ps256(rsa_key: Any) -> None:
    """PS256 is PSS with SHA-256 and a salt of 32 bytes."""
    signature = PrivateKeySigner(rsa_key, "PS256").sign(b"data")
    rsa_key.public_key().verify(signature, b"data", padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())


def test_es256() -> None:
    """ES256 is r and s, 32 bytes each."""
    key = ec.generate_private_key(ec.SECP256R1())
    signature = PrivateKeySigner(key, "ES256").sign(b"data")
    assert len(signature) == 64
    der = utils.encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
    key.public_key().verify(der, b"data", ec.ECDSA(hashes.SHA256()))


def test_eddsa() -> None:
    """EdDSA signs the data itself."""
    key = ed25519.Ed25519PrivateKey.generate()
    key.public_key().verify(PrivateKeySigner(key, "EdDSA").sign(b"data"), b"data")


@pytest.mark.parametrize("algorithm", ["RS512", "PS256"])
def test_a_digest_signer_signs_elsewhere(rsa_key: Any, algorithm: str) -> None:
    """A key service receives a digest, and the result is the same kind of signature."""
    digest = hashes.SHA512() if algorithm == "RS512" else hashes.SHA256()
    how = padding.PKCS1v15() if algorithm == "RS512" else padding.PSS(padding.MGF1(digest), 32)
    signer = DigestSigner(algorithm, lambda value: rsa_key.sign(value, how, utils.Prehashed(digest)))
    rsa_key.public_key().verify(signer.sign(b"data"), b"data", how, digest)


def test_a_digest_signer_for_es256_takes_der_or_raw() -> None:
    """Key services answer with DER, PKCS #11 with r and s."""
    key = ec.generate_private_key(ec.SECP256R1())
    prehashed = ec.ECDSA(utils.Prehashed(hashes.SHA256()))
    signer = DigestSigner("ES256", lambda value: key.sign(value, prehashed))
    assert len(signer.sign(b"data")) == 64
    raw = DigestSigner("ES256", lambda value: value + hashlib.sha256(b"").digest(), ecdsa_der=False)
    assert raw.sign(b"data")[:32] == hashlib.sha256(b"data").digest()
    with pytest.raises(KeyUnusable, match="DER"):
        DigestSigner("ES256", lambda _digest: b"nonsense").sign(b"data")


def test_an_unknown_algorithm_is_refused(rsa_key: Any) -> None:
    """Neither none nor a symmetric algorithm nor RS256 can be asked for."""
    for algorithm in ("none", "HS256", "RS256", ""):
        with pytest.raises(KeyUnusable):
            PrivateKeySigner(rsa_key, algorithm)
        with pytest.raises(KeyUnusable):
            DigestSigner(algorithm, bytes)


@pytest.mark.parametrize(("make", "algorithm"), [
    (lambda: rsa.generate_private_key(65537, 1024), "RS512"),  # noqa: S505 - it is refused
    (lambda: ec.generate_private_key(ec.SECP384R1()), "ES256"),
    (lambda: ec.generate_private_key(ec.SECP256R1()), "RS512"),
    (ed25519.Ed25519PrivateKey.generate, "PS256"),
], ids=["short RSA", "P-384 for ES256", "EC for RS512", "Ed25519 for PS256"])
def test_a_key_that_does_not_fit_is_refused(make: Any, algorithm: str) -> None:
    """The algorithm and the kind of key agree, and RSA keys are long enough."""
    with pytest.raises(KeyUnusable, match="cannot sign"):
        PrivateKeySigner(make(), algorithm)


def test_keys_come_from_pem_files(rsa_key: Any, tmp_path: Path) -> None:
    """A PEM file is read, with its password when it has one."""
    path = tmp_path / "key.pem"
    path.write_bytes(pem(rsa_key))
    assert PrivateKeySigner.from_file(path).algorithm == "RS512"
    path.write_bytes(pem(rsa_key, b"secret"))
    assert PrivateKeySigner.from_file(path, password=b"secret").algorithm == "RS512"


def test_keys_that_cannot_be_read_say_so_without_showing_them(rsa_key: Any, tmp_path: Path) -> None:
    """A missing, wrong, encrypted or huge file is refused, and no byte of it is in the message."""
    path = tmp_path / "key.pem"
    with pytest.raises(KeyUnusable, match="No such file"):
        PrivateKeySigner.from_file(path)
    path.write_bytes(b"x" * 200_000)
    with pytest.raises(KeyUnusable, match="too large"):
        PrivateKeySigner.from_file(path)
    for content, password in ((b"hello-private", None), (pem(rsa_key, b"secret"), None), (pem(rsa_key, b"secret"), b"wrong"),
                              (pem(rsa_key), b"unneeded"), (rsa_key.public_key().public_bytes(
                                  PEM, serialization.PublicFormat.SubjectPublicKeyInfo), None)):
        path.write_bytes(content)
        with pytest.raises(KeyUnusable, match="not a PEM private key") as caught:
            PrivateKeySigner.from_file(path, password=password)
        assert "hello-private" not in str(caught.value)


def test_a_signer_shows_no_key(rsa_key: Any) -> None:
    """Neither repr nor pickle lets a key out."""
    signer = PrivateKeySigner(rsa_key, "RS512")
    assert repr(signer) == "PrivateKeySigner(RS512)"
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(signer)
    assert "lambda" not in repr(DigestSigner("RS512", lambda digest: digest))
