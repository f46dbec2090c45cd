"""Published values: RFC 7520, RFC 7518 appendix C, RFC 7797, RFC 8037, and chosen rows of Wycheproof.

Much of what they use is not on our lists and is refused by name; there the primitives that we do have are held against the values:
what is signed, the key that is agreed, the content's decryption and its additional data.
"""

import hmac
import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, x25519
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap
from cryptography.hazmat.primitives.padding import PKCS7

from wardgate.jose import jwe, jws_octets
from wardgate.jose.base64url import decode, decode_integer
from wardgate.jose.errors import BadSignature, JOSEError, MalformedJWS, Undecryptable, UnsuitableKey
from wardgate.jose.jwe import UnopenedJWE
from wardgate.jose.key_encryption import derive
from wardgate.jose.signature_algorithms import SEAL_ALGORITHMS, SIGNATURE_ALGORITHMS, algorithm_for, check_signature

VECTORS = Path(__file__).parents[2] / "vectors/jose"
COOKBOOK: dict[str, Any] = json.loads((VECTORS / "rfc7520.json").read_text())
WYCHEPROOF: dict[str, Any] = json.loads((VECTORS / "wycheproof.json").read_text())
CURVES = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}


def octets(text: str) -> bytes:
    """What base64url stands for."""
    return decode(text.encode())


def public_key(jwk: dict[str, str]) -> Any:
    """A public key of a JWK."""
    if jwk["kty"] == "RSA":
        return rsa.RSAPublicNumbers(decode_integer(jwk["e"]), decode_integer(jwk["n"])).public_key()
    x, y = (int.from_bytes(octets(jwk[name])) for name in ("x", "y"))
    return ec.EllipticCurvePublicNumbers(x, y, CURVES[jwk["crv"]]).public_key()


def private_key(jwk: dict[str, str]) -> Any:
    """A private key of a JWK."""
    if jwk["kty"] == "EC":
        return ec.derive_private_key(int.from_bytes(octets(jwk["d"])), CURVES[jwk["crv"]])
    n, e, d, p, q, dp, dq, qi = (decode_integer(jwk[name]) for name in ("n", "e", "d", "p", "q", "dp", "dq", "qi"))
    return rsa.RSAPrivateNumbers(p, q, d, dp, dq, qi, rsa.RSAPublicNumbers(e, n)).private_key()


@pytest.mark.parametrize("row", COOKBOOK["jws"], ids=lambda row: f"{row['section']} {row['alg']}")
def test_rfc_7520_signatures(row: dict[str, Any]) -> None:
    """What is signed is what the cookbook signs; of its algorithms our tables have RS256, and seals have none."""
    data = json.dumps(row["flattened"]).encode() if "flattened" in row else row["compact"].encode()
    jws = jws_octets.parse(data, 10_000)
    signed = bytes(jws.signed_octets(octets(row["detached"]) if "detached" in row else None))
    if row["alg"] == "HS256":
        assert hmac.digest(octets(row["key"]["k"]), signed, "sha256") == jws.signature
        return
    key = public_key(row["key"])
    with pytest.raises(UnsuitableKey):
        algorithm_for(jws.header["alg"], key, SEAL_ALGORITHMS)
    if row["alg"] in SIGNATURE_ALGORITHMS:
        check_signature(algorithm_for(row["alg"], key, {"RS256"}), key, jws.signature, signed)
    elif row["alg"] == "PS384":
        key.verify(jws.signature, signed, padding.PSS(padding.MGF1(hashes.SHA384()), 48), hashes.SHA384())
    else:
        assert row["alg"] == "ES512"
        key.verify(encode_dss_signature(int.from_bytes(jws.signature[:66]), int.from_bytes(jws.signature[66:])), signed, ec.ECDSA(hashes.SHA512()))


def unopened(row: dict[str, Any]) -> tuple[UnopenedJWE, bytes]:
    """The compact form of a published example, as this room holds it, and its encrypted key."""
    protected, key, iv, ciphertext, tag = row["compact"].split(".")
    aad = row.get("aad")
    message = UnopenedJWE(
        json.loads(octets(protected)), protected.encode(), octets(aad) if aad else None, aad.encode() if aad else None, (), octets(iv), octets(ciphertext), octets(tag),
    )
    return message, octets(key)


def content_key(row: dict[str, Any], header: dict[str, Any], encrypted: bytes) -> bytes:
    """The content's key, by the primitives that we have in common with the example."""
    match row["alg"]:
        case "RSA-OAEP":
            return private_key(row["key"]).decrypt(encrypted, padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None))  # noqa: S303 - as published
        case "ECDH-ES+A128KW":
            return aes_key_unwrap(derive(agreed(row, header["epk"]), "ECDH-ES+A128KW", 128), encrypted)
        case "ECDH-ES":
            return derive(agreed(row, header["epk"]), row["enc"], 256)
        case "dir":
            return octets(row["key"]["k"])
        case _:
            return aes_key_unwrap(octets(row["key"]["k"]), encrypted)


def agreed(row: dict[str, Any], epk: dict[str, str]) -> bytes:
    """Z."""
    return private_key(row["key"]).exchange(ec.ECDH(), public_key(epk))


def cbc_hmac(key: bytes, message: UnopenedJWE) -> bytes:
    """A128CBC-HS256 (RFC 7518 section 5.2), which is not on our list: for holding the agreed key against a published text."""
    said = message.authenticated
    tag = hmac.digest(key[:16], said + message.iv + message.ciphertext + (8 * len(said)).to_bytes(8), "sha256")[:16]
    assert tag == message.tag
    opening, padded = Cipher(AES(key[16:]), CBC(message.iv)).decryptor(), PKCS7(128).unpadder()
    return padded.update(opening.update(message.ciphertext) + opening.finalize()) + padded.finalize()


@pytest.mark.parametrize("row", COOKBOOK["jwe"], ids=lambda row: f"{row['section']} {row['alg']} {row['enc']}")
def test_rfc_7520_encryption(row: dict[str, Any]) -> None:
    """Keys, additional data and contents come out as published, and the lists refuse every one of these messages."""
    message, encrypted = unopened(row)
    key = content_key(row, dict(message.header), encrypted)
    plaintext = cbc_hmac(key, message) if "CBC" in row["enc"] else jwe.decrypt_content(message, key)
    if "zip" not in row:
        assert plaintext.decode() == COOKBOOK["plaintext"]
    with pytest.raises(JOSEError):
        jwe.check_algorithms(message, "", frozenset({"JOSE"}))


def test_rfc_7520_several_recipients() -> None:
    """5.13: the second recipient's key unwraps the content's key, which opens the content."""
    row = COOKBOOK["several_recipients"]
    key = aes_key_unwrap(derive(agreed(row, row["epk"]), "ECDH-ES+A256KW", 256), octets(row["encrypted_key"]))
    assert key == octets(row["cek"])
    message = UnopenedJWE({}, row["protected"].encode(), None, None, (), octets(row["iv"]), octets(row["ciphertext"]), octets(row["tag"]))
    assert cbc_hmac(key, message).decode() == COOKBOOK["plaintext"]


def test_rfc_7520_a_header_that_nobody_signed() -> None:
    """4.7: the signature is over the payload alone, and such a message is no message here."""
    row = COOKBOOK["unprotected_jws"]
    assert hmac.digest(octets(row["key"]["k"]), b"." + COOKBOOK["payload"].encode(), "sha256") == octets(row["signature"])
    with pytest.raises(MalformedJWS):
        jws_octets.parse(json.dumps({"payload": COOKBOOK["payload"], "header": row["header"], "signature": row["signature"]}).encode(), 10_000)


def test_rfc_7520_several_signatures() -> None:
    """4.8: each is what it would be by itself; what has several at once is refused, because it is not clear whose it is."""
    row, payload = COOKBOOK["several_signatures"], COOKBOOK["payload"]
    with pytest.raises(MalformedJWS):
        jws_octets.parse(json.dumps({"payload": payload, "signatures": row["signatures"]}).encode(), 10_000)
    (rs256, es512, hs256), (rsa_key, ec_key, oct_key) = row["signatures"], row["keys"]
    jws = jws_octets.parse(json.dumps({"payload": payload} | rs256).encode(), 10_000)
    assert (jws.header, jws.unprotected, jws.payload()) == ({"alg": "RS256"}, rs256["header"], octets(payload))
    check_signature(algorithm_for("RS256", public_key(rsa_key), {"RS256"}), public_key(rsa_key), jws.signature, jws.signed_octets())
    signature = octets(es512["signature"])
    public_key(ec_key).verify(encode_dss_signature(int.from_bytes(signature[:66]), int.from_bytes(signature[66:])), b"." + payload.encode(), ec.ECDSA(hashes.SHA512()))
    jws = jws_octets.parse(json.dumps({"payload": payload} | hs256).encode(), 10_000)
    assert hmac.digest(octets(oct_key["k"]), bytes(jws.signed_octets()), "sha256") == jws.signature


@pytest.mark.parametrize("row", COOKBOOK["partly_protected_jwe"], ids=lambda row: row["section"])
def test_rfc_7520_headers_that_are_partly_protected(row: dict[str, Any]) -> None:
    """5.11 and 5.12: the content comes out, authenticated with what is protected and nothing else; neither is a message here."""
    said = row["members"]
    key = aes_key_unwrap(octets(row["key"]["k"]), octets(said["encrypted_key"]))
    assert key == octets(row["cek"])
    protected = said.get("protected", "").encode()
    message = UnopenedJWE({}, protected, None, None, (), octets(said["iv"]), octets(said["ciphertext"]), octets(said["tag"]))
    assert jwe.decrypt_content(message, key).decode() == COOKBOOK["plaintext"]
    with pytest.raises(Undecryptable):
        jwe.decrypt_content(replace(message, protected=protected + b"x"), key)
    with pytest.raises(JOSEError):
        jwe.check_algorithms(jwe.parse(json.dumps(said).encode(), 10_000, 4), "", frozenset({"JOSE"}))


def test_rfc_7520_a_signature_inside_an_encryption() -> None:
    """6: opened, and then verified by PS256, which seals use; the encryption around it is none of theirs."""
    row = COOKBOOK["nested"]
    message, encrypted = unopened(row)
    recipient = next(one for one in COOKBOOK["jwe"] if one["section"] == "5.2")["key"]  # the same hobbit
    key = content_key(row | {"key": recipient}, dict(message.header), encrypted)
    assert key == octets(row["cek"])
    opened = jwe.decrypt_content(message, key)
    assert opened.decode() == row["signed"]
    jws, signer = jws_octets.parse(opened, 10_000), public_key(row["signer"])
    assert (jws.header, jws.payload().decode()) == ({"alg": "PS256", "typ": "JWT"}, row["payload"])
    algorithm = algorithm_for("PS256", signer, SEAL_ALGORITHMS)
    check_signature(algorithm, signer, jws.signature, jws.signed_octets())
    with pytest.raises(BadSignature):
        check_signature(algorithm, signer, jws.signature, bytes(jws.signed_octets()) + b"A")
    with pytest.raises(JOSEError):
        jwe.check_algorithms(message, "", frozenset({"JWT"}))


def test_rfc_7518_appendix_c() -> None:
    """The key that Alice and Bob agree on."""
    bob = private_key({"kty": "EC", "crv": "P-256", "d": "VEmDZpDXXK8p8N0Cndsxs924q6nS1RXFASRl6BfUqdw"})
    alice = public_key({"kty": "EC", "crv": "P-256", "x": "gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0", "y": "SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps"})
    assert derive(bob.exchange(ec.ECDH(), alice), "A128GCM", 128, b"Alice", b"Bob") == octets("VqqN6vgjbSBcIijNcacQGg")


def test_rfc_8037_appendix_a_4() -> None:
    """Ed25519: the same signature."""
    key = ed25519.Ed25519PrivateKey.from_private_bytes(octets("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"))
    expected = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
    assert jws_octets.sign_compact({"alg": "EdDSA"}, b"Example of Ed25519 signing", key.sign).decode() == expected


def test_rfc_8037_appendix_a_6() -> None:
    """X25519: Bob's key and the ephemeral one agree on the published Z."""
    bob = x25519.X25519PrivateKey.from_private_bytes(octets("XasIfmJKikt54X-Lg4AO5m87sSkmGLb9HC-LJ_-I4Os"))
    epk = x25519.X25519PublicKey.from_public_bytes(octets("hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo"))
    assert bob.exchange(epk).hex() == "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"


def test_rfc_7797_section_4_2() -> None:
    """What is signed unencoded and detached: `$.02` with HS256."""
    key = octets("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow")
    made = jws_octets.sign_detached({"alg": "HS256", "b64": False, "crit": ["b64"]}, b"$.02", lambda data: hmac.digest(key, data, sha256))
    assert made == b"eyJhbGciOiJIUzI1NiIsImI2NCI6ZmFsc2UsImNyaXQiOlsiYjY0Il19..A5dxf2s96_n5FLueVuW1Z_vh161FwXZC4YLPff6dmDY"


@pytest.mark.parametrize("row", WYCHEPROOF["jws"], ids=lambda row: row["comment"])
def test_wycheproof_signatures(row: dict[str, str]) -> None:
    """The good one verifies and the others are refused, in parsing, by the list, or by the signature."""
    key = public_key(WYCHEPROOF["public"])
    try:
        jws = jws_octets.parse(row["jws"].encode(), 10_000)
        jws_octets.check_members(jws.header, {"alg", "kid"}, ())
        payload = jws.payload()
        check_signature(algorithm_for(jws.header.get("alg"), key, SEAL_ALGORITHMS), key, jws.signature, jws.signed_octets())
    except (JOSEError, InvalidSignature):
        assert row["result"] == "invalid"
        return
    assert (row["result"], payload) == ("valid", b"foo")


@pytest.mark.parametrize("row", WYCHEPROOF["jwe"], ids=lambda row: row["comment"])
def test_wycheproof_tags(row: dict[str, str]) -> None:
    """A tag has 128 bits."""
    try:
        message, encrypted = unopened({"compact": row["jwe"]})
        content = jwe.decrypt_content(message, aes_key_unwrap(octets(WYCHEPROOF["key_wrap"]), encrypted))
    except (Undecryptable, ValueError):  # the longer tag is no canonical base64url either
        assert row["result"] == "invalid"
        return
    assert (row["result"], content) == ("valid", b"foo")
