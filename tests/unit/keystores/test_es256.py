"""ES256 with loaded keys."""

import json

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc import jws
from joserfc.jwk import ECKey

from wardgate.keystores import es256
from wardgate.keystores.errors import KeyInvalid


def pem(private: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    """PKCS #8 text of a key."""
    return private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def test_signature_verifies_here_and_in_another_library() -> None:
    """64 bytes that our own check and joserfc both accept."""
    kid, text = es256.generate()
    key = es256.load(kid, text)
    protected = b"eyJhbGciOiJFUzI1NiJ9.e30"  # {"alg":"ES256"} and {}
    signature = key.sign(protected)
    assert len(signature) == 64
    assert es256.verify(key.public, protected, signature)
    compact = protected.decode() + "." + es256._base64url(signature)
    assert jws.deserialize_compact(compact, ECKey.import_key(key.public_jwk())).payload == b"{}"


def test_kid_is_the_thumbprint() -> None:
    """RFC 7638, as another library computes it."""
    kid, text = es256.generate()
    key = es256.load(kid, text)
    assert ECKey.import_key(key.public_jwk()).thumbprint() == kid
    assert set(key.public_jwk()) == {"kty", "crv", "x", "y", "kid", "use", "alg"}
    assert json.dumps(key.public_jwk())


@pytest.mark.parametrize("change", [lambda _: b"\0" * 64, lambda s: s[:-1], lambda s: s + b"\0", lambda _: b"", lambda s: s[32:] + s[:32]])
def test_other_signatures_are_refused(change) -> None:  # noqa: ANN001 - a function of the table above
    """Zeros, a wrong length, swapped halves."""
    key = es256.load(*es256.generate())
    assert es256.verify(key.public, b"data", change(key.sign(b"data"))) is False
    assert es256.verify(key.public, b"other", key.sign(b"data")) is False


@pytest.mark.parametrize("text", [
    "", "nonsense", pem(ec.generate_private_key(ec.SECP384R1())), pem(rsa.generate_private_key(65537, 2048)),
], ids=["empty", "no PEM", "P-384", "RSA"])
def test_other_keys_are_refused(text: str) -> None:
    """Only P-256 signs, and the message holds no key."""
    with pytest.raises(KeyInvalid) as refused:
        es256.load("k", text)
    assert "PRIVATE" not in str(refused.value)


def test_representation_shows_the_kid_only() -> None:
    """A log line with a key in it gives nothing away."""
    assert repr(es256.load("k", es256.generate()[1])) == "ES256Key('k')"
