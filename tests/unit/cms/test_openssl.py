"""`openssl cms` reads what we write, and we read what it writes: signed, encrypted, detached, streamed, for both kinds of key.

OpenSSL 3.0 gives the authenticated attributes of AuthEnvelopedData another tag than RFC 5083 does and reads none of a message that has them: those,
which no seal has, are judged by asn1crypto and the bare cipher.
"""

import hashlib
import io
import os
from typing import Any

import pytest
from asn1crypto import cms as judge
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from message_world import NOW, Held
from time_stamping import openssl
from wardgate.cms import oids, signed_data
from wardgate.cms.algorithms import MADE, digest_of
from wardgate.cms.attributes import write_attributes
from wardgate.cms.enveloped_data import DecryptingSource, Encrypting, read_envelope
from wardgate.cms.errors import AlgorithmRefused, CannotDecrypt, MalformedCMS, SignatureInvalid
from wardgate.cms.recipient_info import content_key
from wardgate.cms.signed_content import read_signed
from wardgate.cms.signer_info import make_signer_info
from wardgate.pki import der

CONTENT = os.urandom(3_000_000)
KEY = os.urandom(32)
AT = str(int(NOW.timestamp()))
ENCRYPT = ("cms", "-encrypt", "-binary", "-aes-256-gcm", "-outform", "DER")
OAEP = ("-keyopt", "rsa_padding_mode:oaep", "-keyopt", "rsa_oaep_md:sha256", "-keyopt", "rsa_mgf1_md:sha256")
SHA256_KDF = ("-keyopt", "ecdh_kdf_md:sha256")
KEYOPTS = {"rsa": OAEP, "ec": SHA256_KDF}


def decrypted(body: bytes, held: Held) -> bytes:
    """What we find in an encrypted message."""
    envelope = read_envelope(io.BytesIO(body), max_bytes=len(body), max_recipients=8)
    (recipient,) = (one for one in envelope.recipients if one.who.is_of(held.certificate))
    source = DecryptingSource(io.BytesIO(body), envelope, content_key(recipient, held))
    found = b"".join(iter(lambda: bytes(source.read(1)), b""))
    source.finish()
    return found


def encrypted(content: bytes, *held: Held, content_type: str = oids.DATA, authenticated: bytes = b"", piece: int = 700_001) -> bytes:
    """A message of ours."""
    out = io.BytesIO()
    writer = Encrypting(out, [one.certificate for one in held], key=KEY, nonce=os.urandom(12), content_type=content_type, authenticated=authenticated)
    for at in range(0, len(content), piece):
        writer.write(content[at : at + piece])
    writer.finish()
    return out.getvalue()


def signed(content: bytes, held: Held, *, detached: bool = False, piece: int = 700_001) -> bytes:
    """A signature of ours around a content, or beside it."""
    digest = MADE[held.algorithm]
    head = signed_data.write_head(digest, oids.DATA, detached=detached)
    pieces = [] if detached else [content[at : at + piece] for at in range(0, len(content), piece)]
    info = make_signer_info(held.certificate, held.algorithm, held.sign, digest_of(digest, content), oids.DATA, {})
    inside = b"".join(signed_data.write_piece(len(one)) + one for one in pieces)
    return head + inside + signed_data.write_tail([signed_data.certificate_der(held.certificate)], [info], detached=detached)


@pytest.mark.parametrize("streamed", [("-stream",), ()], ids=["streamed", "in one piece"])
@pytest.mark.parametrize("kind", KEYOPTS)
def test_we_decrypt_what_openssl_encrypted(bench: Any, kind: str, streamed: tuple[str, ...]) -> None:
    """AES-256-GCM, by RSA-OAEP and by ECDH; in parts of 4096 octets, and in one with definite lengths."""
    bench.write("content", CONTENT)
    openssl(bench.folder, *ENCRYPT, *streamed, "-in", "content", "-out", "encrypted", "-recip", f"recipient-{kind}.pem", *KEYOPTS[kind])
    assert decrypted(bench.read("encrypted"), bench.recipients[kind]) == CONTENT


@pytest.mark.parametrize("size", [0, 1, 262_144, 3_000_000])
@pytest.mark.parametrize("kind", KEYOPTS)
def test_openssl_decrypts_what_we_encrypted(bench: Any, kind: str, size: int) -> None:
    """For either of two recipients; we do too."""
    body = encrypted(CONTENT[:size], *bench.recipients.values())
    bench.write("ours", body)
    openssl(bench.folder, "cms", "-decrypt", "-binary", "-inform", "DER", "-in", "ours", "-out", "clear", "-recip", f"recipient-{kind}.pem", "-inkey", f"recipient-{kind}.key")
    assert bench.read("clear") == CONTENT[:size] == decrypted(body, bench.recipients[kind])


def test_openssl_encrypts_to_several(bench: Any) -> None:
    """One message, two recipients of both kinds."""
    bench.write("content", CONTENT[:1000])
    openssl(bench.folder, *ENCRYPT, "-in", "content", "-out", "encrypted", "-recip", "recipient-rsa.pem", *OAEP, "-recip", "recipient-ec.pem", *SHA256_KDF)
    for held in bench.recipients.values():
        assert decrypted(bench.read("encrypted"), held) == CONTENT[:1000]


def test_recipients_may_be_named_by_their_key(bench: Any) -> None:
    """By subject key identifier instead of issuer and serial number."""
    bench.write("content", CONTENT[:1000])
    openssl(bench.folder, *ENCRYPT, "-keyid", "-in", "content", "-out", "encrypted", "-recip", "recipient-rsa.pem", *OAEP, "-recip", "recipient-ec.pem", *SHA256_KDF)
    for held in bench.recipients.values():
        assert decrypted(bench.read("encrypted"), held) == CONTENT[:1000]


REFUSED: dict[str, tuple[str, ...]] = {
    "RSA PKCS #1 v1.5": ("-aes-256-gcm", "-recip", "recipient-rsa.pem"),
    "RSA-OAEP with SHA-1": ("-aes-256-gcm", "-recip", "recipient-rsa.pem", "-keyopt", "rsa_padding_mode:oaep"),
    "ECDH with SHA-1": ("-aes-256-gcm", "-recip", "recipient-ec.pem"),
    "AES-128-GCM": ("-aes-128-gcm", "-recip", "recipient-ec.pem", *SHA256_KDF),
    "AES-128-CBC": ("-aes-128-cbc", "-recip", "recipient-ec.pem", *SHA256_KDF),
    "Triple DES": ("-des3", "-recip", "recipient-ec.pem", *SHA256_KDF),
    "a password": ("-aes-256-cbc", "-pwri_password", "secret"),
    "a shared key": ("-aes-256-gcm", "-secretkey", "00" * 32, "-secretkeyid", "01"),
}


@pytest.mark.parametrize("options", REFUSED.values(), ids=REFUSED)
def test_encryption_that_is_not_spoken(bench: Any, options: tuple[str, ...]) -> None:
    """Refused before any key is used."""
    bench.write("content", b"content")
    openssl(bench.folder, "cms", "-encrypt", "-binary", "-outform", "DER", "-in", "content", "-out", "refused", *options)
    body = bench.read("refused")
    with pytest.raises(AlgorithmRefused):
        read_envelope(io.BytesIO(body), max_bytes=len(body), max_recipients=8)


def test_cbc_is_read_and_its_padding_checked(bench: Any) -> None:
    """EnvelopedData has no tag: who lets it in is told so."""
    bench.write("content", CONTENT)
    openssl(bench.folder, "cms", "-encrypt", "-binary", "-aes-256-cbc", "-stream", "-outform", "DER", "-in", "content", "-out", "cbc", "-recip", "recipient-ec.pem", *SHA256_KDF)
    body = bench.read("cbc")
    assert read_envelope(io.BytesIO(body), max_bytes=len(body), max_recipients=8).tag is None
    assert decrypted(body, bench.recipients["ec"]) == CONTENT
    changed = bytearray(body)
    changed[body.rindex(b"\x00\x00" * 4) - 17] ^= 1
    with pytest.raises(CannotDecrypt):
        decrypted(bytes(changed), bench.recipients["ec"])


@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_openssl_verifies_what_we_signed(bench: Any, kind: str) -> None:
    """Around the content and beside it."""
    verify = ("cms", "-verify", "-binary", "-inform", "DER", "-CAfile", "chain.pem", "-attime", AT, "-purpose", "any", "-out", "verified")
    bench.write("signed", signed(CONTENT, bench.signers[kind]))
    openssl(bench.folder, *verify, "-in", "signed")
    assert bench.read("verified") == CONTENT
    bench.write("content", CONTENT)
    bench.write("signature", signed(CONTENT, bench.signers[kind], detached=True))
    openssl(bench.folder, *verify, "-in", "signature", "-content", "content")
    assert openssl(bench.folder, *verify, "-in", "signature", "-content", "chain.pem", check=False).returncode != 0


SIGNATURES: dict[str, tuple[str, tuple[str, ...], str]] = {
    "ECDSA": ("ec", (), "ES256"),
    "ECDSA with SHA-384": ("ec", ("-md", "sha384"), "ES384"),
    "RSA PKCS #1 v1.5": ("rsa", (), "RS256"),
    "RSASSA-PSS": ("rsa", ("-keyopt", "rsa_padding_mode:pss"), "PS256"),
    "RSASSA-PSS with the salt of JWS": ("rsa", ("-keyopt", "rsa_padding_mode:pss", "-keyopt", "rsa_pss_saltlen:digest"), "PS256"),
    "named by its key": ("ec", ("-keyid",), "ES256"),
}


@pytest.mark.parametrize("detached", [False, True], ids=["around", "beside"])
@pytest.mark.parametrize(("kind", "options", "algorithm"), SIGNATURES.values(), ids=SIGNATURES)
def test_we_verify_what_openssl_signed(bench: Any, kind: str, options: tuple[str, ...], algorithm: str, *, detached: bool) -> None:
    """Streamed around the content, and beside it; and not over another content."""
    bench.write("content", CONTENT)
    md = () if "-md" in options else ("-md", "sha256")
    streamed = () if detached or kind == "rsa" else ("-stream",)  # OpenSSL streams nothing beside a content, and no RSASSA-PSS
    sign = ("cms", "-sign", "-binary", *streamed, "-outform", "DER", "-signer", f"signer-{kind}.pem", "-inkey", f"signer-{kind}.key", "-in", "content", "-out", "signed")
    openssl(bench.folder, *sign, *([] if detached else ["-nodetach"]), *options, *md)
    out = io.BytesIO()
    read = read_signed(io.BytesIO(bench.read("signed")), out, max_content_bytes=len(CONTENT), detached=io.BytesIO(CONTENT) if detached else None)
    (info,) = read.tail.signers
    assert (out.getvalue(), info.algorithm) == (CONTENT, algorithm)
    certificate = read.tail.certificate_of(info)
    assert certificate == bench.signers[kind].certificate
    info.check(certificate, read.digests[info.digest], oids.DATA)
    with pytest.raises(SignatureInvalid):
        info.check(certificate, hashlib.new(info.digest, b"other").digest(), oids.DATA)
    other = bench.signers["ec" if kind == "rsa" else "rsa"].certificate
    with pytest.raises(SignatureInvalid):
        info.check(other, read.digests[info.digest], oids.DATA)


WEAK: dict[str, tuple[str, ...]] = {"SHA-1": ("-md", "sha1"), "MD5": ("-md", "md5"), "SHA-224": ("-md", "sha224")}


@pytest.mark.parametrize("options", WEAK.values(), ids=WEAK)
def test_weak_digests_are_refused(bench: Any, options: tuple[str, ...]) -> None:
    """As soon as the message announces them."""
    bench.write("content", b"content")
    openssl(bench.folder, "cms", "-sign", "-binary", "-nodetach", "-outform", "DER", "-signer", "signer-rsa.pem", "-inkey", "signer-rsa.key", "-in", "content", "-out", "weak", *options)
    with pytest.raises(AlgorithmRefused):
        read_signed(io.BytesIO(bench.read("weak")), None, max_content_bytes=100)


def test_a_detached_signature_is_not_read_as_one_around_nothing(bench: Any) -> None:
    """Nor the other way round."""
    for detached in (True, False):
        with pytest.raises(MalformedCMS):
            read_signed(io.BytesIO(signed(b"x", bench.signers["ec"], detached=detached)), None, max_content_bytes=10, detached=None if detached else io.BytesIO(b"x"))


def test_signed_and_encrypted_by_us_is_decrypted_and_verified_by_openssl(bench: Any) -> None:
    """One inside the other, without attributes beside the encryption."""
    inner = signed(CONTENT, bench.signers["ec"])
    bench.write("both", encrypted(inner, bench.recipients["ec"]))
    openssl(bench.folder, "cms", "-decrypt", "-binary", "-inform", "DER", "-in", "both", "-out", "inner", "-recip", "recipient-ec.pem", "-inkey", "recipient-ec.key")
    openssl(bench.folder, "cms", "-verify", "-binary", "-inform", "DER", "-in", "inner", "-CAfile", "chain.pem", "-attime", AT, "-purpose", "any", "-out", "verified")
    assert bench.read("verified") == CONTENT


def test_authenticated_attributes_are_additional_data_as_rfc_5083_says(bench: Any) -> None:
    """The SET OF, not the implicit tag, by another reader and the bare cipher."""
    attributes = write_attributes({oids.CONTENT_TYPE: [oids.oid(oids.SIGNED_DATA)], oids.SEAL_CONTEXT: [der.write(der.OCTET_STRING, b"{}")]})
    body = encrypted(CONTENT[:1000], bench.recipients["ec"], content_type=oids.SIGNED_DATA, authenticated=attributes)
    inner = judge.ContentInfo.load(body)["content"]
    info = inner["auth_encrypted_content_info"]
    aad = inner["auth_attrs"].untag().dump()
    assert aad == attributes
    nonce = info["content_encryption_algorithm"]["parameters"].parsed.native["0"]
    sealed = info["encrypted_content"].native + inner["mac"].native
    assert AESGCM(KEY).decrypt(nonce, sealed, aad) == CONTENT[:1000] == decrypted(body, bench.recipients["ec"])
