"""JWE in the General JSON form: one content, several recipients, additional data (RFC 7516 section 7.2.1).

The flattened form of one recipient is read too (section 7.2.2), as others write it. There is one content encryption, A256GCM, no
compression, and no shared unprotected header. What is asked for is compared with the lists before any key is used.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import GCM

from wardgate.jose import base64url
from wardgate.jose.errors import AlgorithmRefused, MalformedJWE, Undecryptable
from wardgate.jose.key_encryption import ECDH, KEY_ALGORITHMS, PublicKey, Unwrapper, ephemeral_key, party, unwrap, wrap
from wardgate.jose.large_member import decode_object_without
from wardgate.jose.strict_json import decode_object
from wardgate.jose.strict_json import encode as encode_json

ENCRYPTION: Final = "A256GCM"
KEY_BYTES: Final = 32
IV_BYTES: Final = 12
TAG_BYTES: Final = 16
MAX_HEADER_CHARS: Final = 4_096
MAX_AAD_CHARS: Final = 65_536
MAX_KEY_CHARS: Final = 1_400
_MEMBERS: Final = frozenset({"protected", "aad", "recipients", "header", "encrypted_key", "iv", "ciphertext", "tag"})
_PROTECTED: Final = frozenset({"enc", "typ", "cty"})
_RECIPIENT: Final = frozenset({"alg", "kid", "x5t#S256", "epk", "apu", "apv"})


@dataclass(frozen=True, slots=True)
class Recipient:
    """One recipient's entry: nothing in its header is protected, and nothing need be."""

    header: Mapping[str, Any]
    encrypted_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class UnopenedJWE:
    """An encrypted message as somebody sent it."""

    header: Mapping[str, Any]
    protected: bytes = field(repr=False)
    aad: bytes | None
    encoded_aad: bytes | None = field(repr=False)
    recipients: tuple[Recipient, ...]
    iv: bytes = field(repr=False)
    ciphertext: bytes = field(repr=False)
    tag: bytes = field(repr=False)

    @property
    def authenticated(self) -> bytes:
        """The additional authenticated data (RFC 7516 section 5.1 step 14)."""
        return self.protected if self.encoded_aad is None else b"%b.%b" % (self.protected, self.encoded_aad)


def encrypt(
    plaintext: bytes, header: Mapping[str, Any], aad: bytes, recipients: Sequence[tuple[Mapping[str, Any], PublicKey]],
    random: Callable[[int], bytes], more: Sequence[bytes] = (),
) -> bytes:
    """Return the General JSON form: a new content key, a new IV, and an entry for each recipient, whose header names its key.

    `more` are octets of the plaintext that follow, so that nobody need join what is large.
    """
    content_key, iv = random(KEY_BYTES), random(IV_BYTES)
    protected = base64url.encode_bytes(encode_json({**header, "enc": ENCRYPTION}).encode("ascii"))
    encoded_aad = base64url.encode_bytes(aad)
    entries = [entry(named, key, content_key) for named, key in recipients]
    sealing = Cipher(AES(content_key), GCM(iv)).encryptor()
    sealing.authenticate_additional_data(b"%b.%b" % (protected, encoded_aad))
    ciphertext = base64url.encode_pieces(sealing.update(part) for part in chain(base64url.pieces(plaintext), map(memoryview, more)))
    sealing.finalize()
    return _written(protected, encoded_aad, entries, iv, ciphertext, sealing.tag)


def entry(named: Mapping[str, Any], key: PublicKey, content_key: bytes) -> Recipient:
    """Return a recipient's entry for a content key."""
    members, encrypted_key = wrap(key, content_key)
    return Recipient({**named, **members}, encrypted_key)


def with_recipients(jwe: UnopenedJWE, recipients: Sequence[Recipient]) -> bytes:
    """Return the message with other recipients' entries. Content, header and additional data stay as they are."""
    encoded_aad = jwe.encoded_aad if jwe.encoded_aad is not None else b""
    return _written(jwe.protected, encoded_aad, recipients, jwe.iv, base64url.encode_pieces(base64url.pieces(jwe.ciphertext)), jwe.tag)


def _written(protected: bytes, aad: bytes, recipients: Sequence[Recipient], iv: bytes, ciphertext: Sequence[bytes], tag: bytes) -> bytes:
    entries = [{"header": dict(one.header), "encrypted_key": base64url.encode(one.encrypted_key)} for one in recipients]
    return b"".join((
        b'{"protected":"', protected, b'","aad":"' if aad else b"", aad, b'","recipients":', encode_json(entries).encode("ascii"),
        b',"iv":"', base64url.encode_bytes(iv), b'","ciphertext":"',
        *ciphertext, b'","tag":"', base64url.encode_bytes(tag), b'"}',
    ))


def parse(data: bytes, max_bytes: int, max_recipients: int) -> UnopenedJWE:
    """Take the General or flattened JSON form apart, strictly. Raises `MalformedJWE`."""
    if len(data) > max_bytes:
        raise MalformedJWE(f"at most {max_bytes} octets", f"{len(data)} octets")
    try:
        members, ciphertext = decode_object_without(data, "ciphertext")
    except ValueError:
        raise MalformedJWE("one JSON object with unique names", "other octets") from None
    if not members.keys() <= _MEMBERS:
        raise MalformedJWE("the members of the General JSON form", "others")
    protected = _text(members, "protected", MAX_HEADER_CHARS)
    encoded_aad = _text(members, "aad", MAX_AAD_CHARS) if "aad" in members else None
    try:
        header = decode_object(_decoded(protected, "protected"))
    except ValueError:
        raise MalformedJWE("a protected header that is one JSON object with unique names", "other octets") from None
    return UnopenedJWE(
        header, protected, None if encoded_aad is None else _decoded(encoded_aad, "aad"), encoded_aad,
        _recipients(members, header, max_recipients), _decoded(_text(members, "iv", 64), "iv"),
        _decoded(ciphertext or b"", "ciphertext"), _decoded(_text(members, "tag", 128), "tag"),
    )


def _recipients(members: Mapping[str, Any], protected: Mapping[str, Any], at_most: int) -> tuple[Recipient, ...]:
    flattened = {name: members[name] for name in ("header", "encrypted_key") if name in members}
    entries = members.get("recipients", [flattened] if flattened else None)
    if type(entries) is not list or not 0 < len(entries) <= at_most or (flattened and "recipients" in members):
        raise MalformedJWE(f"1 to {at_most} recipients", "another value")
    found = []
    for one in entries:
        header = one.get("header") if type(one) is dict else None
        if type(header) is not dict or not one.keys() <= {"header", "encrypted_key"} or not protected.keys().isdisjoint(header):
            raise MalformedJWE("a recipient has a header of its own and an encrypted key", "another value")
        found.append(Recipient(header, _decoded(_text(one, "encrypted_key", MAX_KEY_CHARS), "encrypted_key")))
    return tuple(found)


def check_algorithms(jwe: UnopenedJWE, typ: str, ctys: frozenset[str]) -> None:
    """Every recipient's algorithm, the encryption, the types and all members are on the lists. No key is used.

    Raises `AlgorithmRefused`; `MalformedJWE` for an IV or tag that is not of A256GCM's length, and an ephemeral key off its curve.
    """
    header = jwe.header
    if not header.keys() <= _PROTECTED or header.get("enc") != ENCRYPTION or header.get("typ") != typ or str(header.get("cty")) not in ctys:
        raise AlgorithmRefused(f"enc {ENCRYPTION}, typ {typ}, a cty of the profile, and no zip", "another protected header")
    for one in jwe.recipients:
        alg, kid, digest = (one.header.get(name) for name in ("alg", "kid", "x5t#S256"))
        if str(alg) not in KEY_ALGORITHMS or not one.header.keys() <= _RECIPIENT:
            raise AlgorithmRefused("every recipient by " + " or ".join(sorted(KEY_ALGORITHMS)), "another recipient's header")
        if not all(value is None or (type(value) is str and 0 < len(value) <= 256) for value in (kid, digest)):
            raise MalformedJWE("kid and x5t#S256 are texts", "other values")
        if alg == ECDH:
            ephemeral_key(one.header), party(one.header, "apu"), party(one.header, "apv")
    if len(jwe.iv) != IV_BYTES or len(jwe.tag) != TAG_BYTES:
        raise MalformedJWE("an IV of 96 bits and a tag of 128", "other lengths")


def decrypt(jwe: UnopenedJWE, recipient: Recipient, key: Unwrapper) -> tuple[bytes, bytes]:
    """Return the plaintext and the content's key. The caller has compared the algorithms with the lists.

    Raises `Undecryptable`: a content key that does not unwrap is replaced by a random one, so that what failed is neither told
    nor shown by the time it takes (RFC 7516 section 11.5).
    """
    try:
        content_key = unwrap(recipient.header, recipient.encrypted_key, key)
    except ValueError:
        content_key = b""
    if len(content_key) != KEY_BYTES:
        content_key = AESGCM.generate_key(8 * KEY_BYTES)
    return decrypt_content(jwe, content_key), content_key


def decrypt_content(jwe: UnopenedJWE, content_key: bytes) -> bytes:
    """Return the plaintext. Raises `Undecryptable`."""
    try:
        opening = Cipher(AES(content_key), GCM(jwe.iv, jwe.tag, TAG_BYTES)).decryptor()
        opening.authenticate_additional_data(jwe.authenticated)
        return opening.update(jwe.ciphertext) + opening.finalize()  # all of it, and only when the tag is right
    except (InvalidTag, ValueError):
        raise Undecryptable from None


def _text(members: Mapping[str, Any], name: str, max_chars: int) -> bytes:
    value = members.get(name)
    if type(value) is not str or len(value) > max_chars:
        raise MalformedJWE(f"{name} is a text of at most {max_chars} characters", "another value")
    return value.encode("utf-8")


def _decoded(text: bytes | memoryview, name: str) -> bytes:
    try:
        return base64url.decode_large(text)
    except ValueError:
        raise MalformedJWE(f"{name} in base64url without padding", "other characters") from None
