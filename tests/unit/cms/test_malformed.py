"""Structures that are refused: each trick of BER and of CMS by its name."""

import contextlib
import io
import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from message_world import Held
from wardgate.cms import oids, signed_data
from wardgate.cms.algorithms import NULL, digest_algorithm, digest_of, signature_algorithm, signature_value
from wardgate.cms.attributes import implicit, write_attributes
from wardgate.cms.ber import MAX_DEPTH, BERReader, FileReader
from wardgate.cms.enveloped_data import Encrypting, read_envelope
from wardgate.cms.errors import (
    AlgorithmRefused,
    CMSError,
    MalformedCMS,
    SignatureInvalid,
    TooLarge,
    Unencrypted,
    Unsigned,
)
from wardgate.cms.oids import oid
from wardgate.cms.reading import moment
from wardgate.cms.recipient_info import write_recipients
from wardgate.cms.signed_content import read_signed
from wardgate.cms.signer_info import SignerInfo, issuer_and_serial, make_signer_info
from wardgate.pki import der

CONTENT = b"what was signed"
KEY = os.urandom(32)
END = b"\x00\x00"


def envelope(held: Held, *, attributes: bytes = b"", content_type: str = oids.DATA) -> bytes:
    """An encrypted message of one part."""
    out = io.BytesIO()
    writer = Encrypting(out, [held.certificate], key=KEY, nonce=bytes(12), content_type=content_type, authenticated=attributes)
    writer.write(CONTENT)
    writer.finish()
    return out.getvalue()


def enveloped(held: Held, **changes: bytes) -> bytes:
    """An encrypted message in DER, part by part."""
    gcm = der.sequence((der.write(der.OCTET_STRING, bytes(12)), der.integer(16)))
    part = {
        "type": oid(oids.AUTH_ENVELOPED_DATA), "version": der.integer(0), "recipients": write_recipients([held.certificate], KEY),
        "inner": oid(oids.DATA), "algorithm": der.sequence((oid(oids.AES256_GCM), gcm)), "content": der.write(0x80, CONTENT), "attributes": b"",
        "tag": der.write(der.OCTET_STRING, bytes(16)), "after": b"",
    } | changes
    info = der.sequence((part["inner"], part["algorithm"], part["content"]))
    inner = der.sequence((part["version"], part["recipients"], info, part["attributes"], part["tag"], part["after"]))
    return der.sequence((part["type"], der.write(der.context(0), inner)))


def read(body: bytes, **limits: int) -> Any:
    """Walk through an encrypted message."""
    return read_envelope(io.BytesIO(body), **({"max_bytes": 100_000, "max_recipients": 8} | limits))


def gcm(nonce: int, *tag: int) -> bytes:
    """AES-256-GCM with parameters of such lengths."""
    return der.sequence((oid(oids.AES256_GCM), der.sequence((der.write(der.OCTET_STRING, bytes(nonce)), *map(der.integer, tag)))))


def kari(originator: bytes, wrap: bytes = der.sequence((oid(oids.AES256_WRAP),)), scheme: str = oids.ECDH_SHA256, version: int = 3) -> bytes:
    """A recipient by key agreement."""
    who = der.sequence((der.sequence(()), der.integer(1)))
    keys = der.sequence((der.sequence((who, der.write(der.OCTET_STRING, bytes(40)))),))
    return der.write(der.context(1), der.integer(version) + der.write(der.context(0), originator) + der.sequence((oid(scheme), wrap)) + keys)


POINT = der.write(der.context(1), der.sequence((oid(oids.EC_PUBLIC_KEY),)) + der.write(der.BIT_STRING, b"\x00\x04" + bytes(64)))
CERTIFICATE_OF_ORIGINATOR = der.sequence((der.sequence(()), der.integer(1)))

ENVELOPES: dict[str, tuple[dict[str, bytes], type[CMSError]]] = {
    "signed data instead": ({"type": oid(oids.SIGNED_DATA)}, Unencrypted),
    "another type": ({"type": oid("1.2.840.113549.1.7.6")}, MalformedCMS),
    "another version": ({"version": der.integer(3)}, MalformedCMS),
    "no recipient": ({"recipients": der.write(der.SET, b"")}, MalformedCMS),
    "a tag of 12 octets": ({"tag": der.write(der.OCTET_STRING, bytes(12))}, AlgorithmRefused),
    "a tag of 4 octets": ({"tag": der.write(der.OCTET_STRING, bytes(4))}, AlgorithmRefused),
    "no tag": ({"tag": b""}, MalformedCMS),
    "a tag length that is left out, which means 12": ({"algorithm": gcm(12)}, AlgorithmRefused),
    "a tag length of 12": ({"algorithm": gcm(12, 12)}, AlgorithmRefused),
    "a tag length of 4": ({"algorithm": gcm(12, 4)}, AlgorithmRefused),
    "a nonce of 8 octets": ({"algorithm": gcm(8, 16)}, AlgorithmRefused),
    "a nonce of 16 octets": ({"algorithm": gcm(16, 16)}, AlgorithmRefused),
    "parameters with more in them": ({"algorithm": gcm(12, 16, 1)}, MalformedCMS),
    "AES-CBC with a tag": ({"algorithm": der.sequence((oid(oids.AES256_CBC), der.write(der.OCTET_STRING, bytes(16))))}, AlgorithmRefused),
    "AES-GCM without a tag": ({"type": oid(oids.ENVELOPED_DATA), "tag": b""}, AlgorithmRefused),
    "no content": ({"content": b""}, MalformedCMS),
    "a content in parts of other kinds": ({"content": der.write(0xA0, der.write(der.UTF8_STRING, b"x"))}, MalformedCMS),
    "a content in parts of parts": ({"content": der.write(0xA0, der.write(0x24, der.write(der.OCTET_STRING, b"x")))}, MalformedCMS),
    "a content type that is not authenticated": ({"inner": oid(oids.SIGNED_DATA)}, MalformedCMS),
    "another content type authenticated": ({"attributes": implicit(write_attributes({oids.CONTENT_TYPE: [oid(oids.SIGNED_DATA)]}), 1)}, MalformedCMS),
    "attributes without the content type": ({"attributes": implicit(write_attributes({"1.2.3": [NULL]}), 1)}, MalformedCMS),
    "an attribute twice": ({"attributes": der.write(0xA1, 2 * der.sequence((oid("1.2.3"), der.write(der.SET, NULL))))}, MalformedCMS),
    "attributes in another order": ({"attributes": der.write(0xA1, der.sequence((oid("1.2.4"), der.write(der.SET, NULL))) + der.sequence((oid("1.2.3"), der.write(der.SET, NULL))))}, MalformedCMS),
    "an attribute without a value": ({"attributes": der.write(0xA1, der.sequence((oid("1.2.3"), der.write(der.SET, b""))))}, MalformedCMS),
    "no attribute in their set": ({"attributes": der.write(0xA1, b"")}, MalformedCMS),
    "33 attributes": ({"attributes": implicit(write_attributes({f"1.2.{n}": [NULL] for n in range(33)}), 1)}, MalformedCMS),
    "something more": ({"after": der.integer(1)}, MalformedCMS),
    "a key agreement with a certificate's key": ({"recipients": der.write(der.SET, kari(CERTIFICATE_OF_ORIGINATOR))}, AlgorithmRefused),
    "a key agreement that wraps with AES-128": ({"recipients": der.write(der.SET, kari(POINT, der.sequence((oid("2.16.840.1.101.3.4.1.5"),))))}, AlgorithmRefused),
    "a key agreement with SHA-1": ({"recipients": der.write(der.SET, kari(POINT, scheme="1.3.133.16.840.63.0.2"))}, AlgorithmRefused),
    "a key agreement of another version": ({"recipients": der.write(der.SET, kari(POINT, version=4))}, MalformedCMS),
    "a compressed point": ({"recipients": der.write(der.SET, kari(POINT.replace(b"\x00\x04" + bytes(8), b"\x00\x02" + bytes(8))))}, MalformedCMS),
}


@pytest.mark.parametrize(("changes", "error"), ENVELOPES.values(), ids=ENVELOPES)
def test_encrypted_messages_that_are_refused(bench: Any, changes: dict[str, bytes], error: type[CMSError]) -> None:
    """Before any key is used."""
    held = bench.recipients["ec"]
    assert read(enveloped(held)).content_bytes == len(CONTENT)
    with pytest.raises(error):
        read(enveloped(held, **changes))


def test_limits_of_encrypted_messages(bench: Any) -> None:
    """Size and number of recipients."""
    body = envelope(bench.recipients["ec"])
    with pytest.raises(MalformedCMS, match="recipients"):
        read(enveloped(bench.recipients["ec"], recipients=write_recipients([bench.recipients["ec"].certificate] * 9, KEY)))
    with pytest.raises(TooLarge):
        read(body, max_bytes=100)


def walk(data: bytes, max_bytes: int = 1_000_000) -> bytes:
    """What an octet string holds, read as a stream and passed over: both agree."""
    files = FileReader(io.BytesIO(data), max_bytes=max_bytes)
    size = files.skip_octets(der.OCTET_STRING)
    files.finish()
    reader = BERReader(io.BytesIO(data), max_bytes=max_bytes)
    found = b"".join(map(bytes, reader.octets(der.OCTET_STRING)))
    reader.finish()
    assert len(found) == size
    return found


PART = der.write(der.OCTET_STRING, b"part")
BER: dict[str, bytes] = {
    "nothing": b"",
    "a tag alone": b"\x04",
    "cut short": PART[:-1],
    "octets after the end": PART + b"\x00",
    "another tag": der.write(der.UTF8_STRING, b"part"),
    "a tag of several octets": b"\x1f\x81\x01\x00",
    "a length of 9 octets": b"\x04\x89" + bytes(8) + b"\x01x",
    "a length that is not minimal": b"\x04\x81\x01x",
    "a length with zeros before it": b"\x04\x82\x00\x81" + bytes(0x81),
    "a length of 2^63": b"\x04\x88\x80" + bytes(7),
    "a length of 4 GB": b"\x04\x84\xff\xff\xff\xff" + bytes(100),
    "primitive, of indefinite length": b"\x04\x80x\x00\x00",
    "parts without an end": b"\x24\x80" + PART,
    "half an end": b"\x24\x80" + PART + b"\x00",
    "a part that is longer than the whole": b"\x24\x03" + PART,
    "parts of parts": b"\x24\x80\x24\x80" + PART + END * 2,
    "parts of another kind": b"\x24\x80" + der.integer(1) + END,
}


@pytest.mark.parametrize("data", BER.values(), ids=BER)
def test_octet_strings_that_are_refused(data: bytes) -> None:
    """Read and passed over alike."""
    with pytest.raises((MalformedCMS, TooLarge)):
        walk(data)
    with pytest.raises((MalformedCMS, TooLarge)):
        FileReader(io.BytesIO(data), max_bytes=1_000_000).skip_octets(der.OCTET_STRING) and FileReader(io.BytesIO(data), max_bytes=10).finish()


@given(parts=st.lists(st.binary(max_size=300), max_size=20), definite=st.booleans())
def test_an_octet_string_in_parts_is_their_sum(parts: list[bytes], definite: bool) -> None:
    """Of definite and of indefinite length."""
    inside = b"".join(der.write(der.OCTET_STRING, part) for part in parts)
    assert walk(der.write(0x24, inside) if definite else b"\x24\x80" + inside + END) == b"".join(parts)


def test_parts_that_are_too_small_are_not_counted_for_ever() -> None:
    """A million parts of one octet are no content."""
    with pytest.raises(MalformedCMS, match="too small"):
        walk(b"\x24\x80" + der.write(der.OCTET_STRING, b"x") * 10_000 + END)


def test_nesting_has_an_end() -> None:
    """Of containers that are walked, and of those that are read whole."""
    reader = BERReader(io.BytesIO(b"\x30\x80" * 100_000), max_bytes=1_000_000)
    for _ in range(MAX_DEPTH):
        reader.enter(der.SEQUENCE)
    with pytest.raises(MalformedCMS, match="deep"):
        reader.enter(der.SEQUENCE)
    with pytest.raises(MalformedCMS, match="deep"):
        BERReader(io.BytesIO(b"\x31\x80" * 100_000), max_bytes=1_000_000).element(der.SET)


def test_small_elements_have_a_limit() -> None:
    """Whatever their length says; nothing of that size is read."""
    with pytest.raises(MalformedCMS, match="too long"):
        BERReader(io.BytesIO(b"\x31\x84\x3b\x9a\xca\x00"), max_bytes=1 << 40).element(der.SET)


def test_small_elements_of_indefinite_length_become_der() -> None:
    """As some tools write sets of certificates and recipients."""
    reader = BERReader(io.BytesIO(b"\x31\x80\x30\x80\x02\x01\x05" + END + b"\x24\x80\x04\x01a\x04\x01b" + END + END), max_bytes=100)
    assert reader.element(der.SET) == der.write(der.SET, der.sequence((der.integer(5),)) + der.write(der.OCTET_STRING, b"ab"))


def test_files_are_read_in_pieces_of_any_size() -> None:
    """A source may give fewer octets than are asked for."""

    class Slow(io.BytesIO):
        def read(self, _size: int | None = -1, /) -> bytes:
            return super().read(1)

    data = b"\x24\x80" + PART * 3 + END
    assert b"".join(map(bytes, BERReader(Slow(data), max_bytes=100).octets(der.OCTET_STRING))) == b"part" * 3


def info(held: Held, **changes: bytes) -> bytes:
    """A SignerInfo, part by part; signed after its attributes were changed."""
    attributes = changes.pop("values", None) or write_attributes({oids.CONTENT_TYPE: [oid(oids.DATA)], oids.MESSAGE_DIGEST: [der.write(der.OCTET_STRING, digest_of("sha256", CONTENT))]})
    made = make_signer_info(held.certificate, "ES256", held.sign, digest_of("sha256", CONTENT), oids.DATA, {})
    signature = SignerInfoParts(made).signature if "keep" in changes else _ecdsa(held, attributes)
    changes.pop("keep", None)
    part = {
        "version": der.integer(1), "signer": issuer_and_serial(held.certificate), "digest": digest_algorithm("sha256"), "signed": implicit(attributes, 0),
        "algorithm": signature_algorithm("ES256"), "signature": der.write(der.OCTET_STRING, signature), "unsigned": b"",
    } | changes
    return der.sequence(part.values())


def _ecdsa(held: Held, octets: bytes) -> bytes:
    return signature_value("ES256", held.sign(octets))


def message(*infos: bytes, digests: bytes = digest_algorithm("sha256"), content: bytes = CONTENT) -> bytes:
    """A SignedData around the content."""
    data = der.sequence((
        der.integer(1), der.write(der.SET, digests), der.sequence((oid(oids.DATA), der.write(der.context(0), der.write(der.OCTET_STRING, content)))),
        der.write(der.SET, b"".join(sorted(infos))),
    ))
    return der.sequence((oid(oids.SIGNED_DATA), der.write(der.context(0), data)))


def check(held: Held, body: bytes) -> SignerInfo:
    """Read and verify the first signature."""
    found = read_signed(io.BytesIO(body), None, max_content_bytes=1000)
    signer = found.tail.signers[0]
    signer.check(held.certificate, found.digests[signer.digest], oids.DATA)
    return signer


def values(**changes: Any) -> bytes:
    """Signed attributes; None leaves one out."""
    wanted: dict[str, Any] = {
        oids.CONTENT_TYPE: [oid(oids.DATA)], oids.MESSAGE_DIGEST: [der.write(der.OCTET_STRING, digest_of("sha256", CONTENT))],
    } | {getattr(oids, name): value for name, value in changes.items()}
    return write_attributes({name: value for name, value in wanted.items() if value is not None})


def doubled() -> bytes:
    """Signed attributes with two digests, the good one last."""
    other = write_attributes({oids.MESSAGE_DIGEST: [der.write(der.OCTET_STRING, digest_of("sha256", b"other"))]})
    parts = [values()[2:], other[2:]]
    return der.write(der.SET, b"".join(sorted([*_split(parts[0]), *_split(parts[1])])))


def _split(content: bytes) -> list[bytes]:
    reader, found = der.Reader(content), []
    while not reader.at_end:
        found.append(reader.encoded(der.SEQUENCE))
    return found


PROTECTION = der.sequence((digest_algorithm("sha384"), der.write(der.context(1), der.Reader(signature_algorithm("ES384")).element(der.SEQUENCE))))
SIGNERS: dict[str, tuple[dict[str, bytes], type[CMSError]]] = {
    "no signed attributes": ({"signed": b""}, Unsigned),
    "another version": ({"version": der.integer(3)}, MalformedCMS),
    "another signer": ({"signer": der.sequence((der.sequence(()), der.integer(1)))}, SignatureInvalid),
    "no digest signed": ({"values": values(MESSAGE_DIGEST=None)}, Unsigned),
    "no content type signed": ({"values": values(CONTENT_TYPE=None)}, Unsigned),
    "another content type signed": ({"values": values(CONTENT_TYPE=[oid(oids.TST_INFO)])}, SignatureInvalid),
    "another digest signed": ({"values": values(MESSAGE_DIGEST=[der.write(der.OCTET_STRING, bytes(32))])}, SignatureInvalid),
    "a digest that is cut short": ({"values": values(MESSAGE_DIGEST=[der.write(der.OCTET_STRING, digest_of("sha256", CONTENT)[:16])])}, SignatureInvalid),
    "two digests as values": ({"values": values(MESSAGE_DIGEST=[der.write(der.OCTET_STRING, digest_of("sha256", x)) for x in (CONTENT, b"other")])}, MalformedCMS),
    "two digests as attributes": ({"values": doubled()}, MalformedCMS),
    "other algorithms protected than used": ({"values": values(ALGORITHM_PROTECTION=[PROTECTION])}, SignatureInvalid),
    "a digest that is not announced": ({"digest": digest_algorithm("sha384"), "algorithm": signature_algorithm("ES384")}, MalformedCMS),
    "SHA-1": ({"digest": der.sequence((oid("1.3.14.3.2.26"), NULL))}, AlgorithmRefused),
    "MD5": ({"digest": der.sequence((oid("1.2.840.113549.2.5"), NULL))}, AlgorithmRefused),
    "a signature algorithm of another digest": ({"algorithm": signature_algorithm("ES384")}, AlgorithmRefused),
    "a signature algorithm of another key": ({"algorithm": signature_algorithm("PS256")}, AlgorithmRefused),
    "a signature algorithm with parameters": ({"algorithm": der.sequence((oid("1.2.840.10045.4.3.2"), NULL))}, AlgorithmRefused),
    "RSASSA-PSS without parameters": ({"algorithm": der.sequence((oid(oids.RSA_PSS),))}, AlgorithmRefused),
    "RSASSA-PSS that leaves SHA-1 unsaid": ({"algorithm": der.sequence((oid(oids.RSA_PSS), der.sequence(())))}, AlgorithmRefused),
    "ECDSA with SHA-1": ({"algorithm": der.sequence((oid("1.2.840.10045.4.1"),))}, AlgorithmRefused),
    "no signature": ({"signature": der.write(der.OCTET_STRING, b"")}, MalformedCMS),
    "a signature of 2000 octets": ({"signature": der.write(der.OCTET_STRING, bytes(2000))}, MalformedCMS),
    "a signature of zeros": ({"signature": der.write(der.OCTET_STRING, der.sequence((der.integer(0), der.integer(0))))}, SignatureInvalid),
    "a signature over other attributes": ({"keep": b"1"}, SignatureInvalid),
    "unsigned attributes twice": ({"unsigned": der.write(0xA1, 2 * der.sequence((oid("1.2.3"), der.write(der.SET, NULL))))}, MalformedCMS),
}


class SignerInfoParts:
    """The signature of a SignerInfo in DER."""

    def __init__(self, encoded: bytes) -> None:
        reader = der.Reader(encoded).inner(der.SEQUENCE)
        for tag in (der.INTEGER, der.SEQUENCE, der.SEQUENCE, 0xA0, der.SEQUENCE):
            reader.element(tag)
        self.signature = reader.element(der.OCTET_STRING)


@pytest.mark.parametrize(("changes", "error"), SIGNERS.values(), ids=SIGNERS)
def test_signatures_that_are_refused(bench: Any, changes: dict[str, bytes], error: type[CMSError]) -> None:
    """Each for its own reason; as it is made, the same signature is good."""
    held = bench.signers["ec"]
    assert check(held, message(info(held))).algorithm == "ES256"
    with pytest.raises(error):
        check(held, message(info(held, **dict(changes))))


def test_signed_attributes_are_no_content_that_somebody_signed(bench: Any) -> None:
    """A signature without attributes, over a content that reads as some, is not one over another content."""
    held = bench.signers["ec"]
    attributes = values()
    bare = info(held, signed=b"", signature=der.write(der.OCTET_STRING, _ecdsa(held, attributes)))
    with pytest.raises(Unsigned):
        check(held, message(bare, content=attributes))


MESSAGES: dict[str, tuple[Callable[[Held], bytes], type[CMSError]]] = {
    "nobody signed": (lambda _: message(), Unsigned),
    "nine signatures": (lambda held: message(*[info(held)] * 9), MalformedCMS),
    "announces SHA-1": (lambda held: message(info(held), digests=der.sequence((oid("1.3.14.3.2.26"), NULL))), AlgorithmRefused),
    "announces nine digests": (lambda held: message(info(held), digests=digest_algorithm("sha256") * 9), MalformedCMS),
    "something after it": (lambda held: message(info(held)) + b"\x00", MalformedCMS),
    "another content than was signed": (lambda held: message(info(held), content=b"other"), SignatureInvalid),
    "a content that is too long": (lambda held: message(info(held), content=bytes(1001)), TooLarge),
    "encrypted data": (lambda held: message(info(held)).replace(oid(oids.SIGNED_DATA), oid(oids.ENVELOPED_DATA), 1), MalformedCMS),
}


@pytest.mark.parametrize(("make", "error"), MESSAGES.values(), ids=MESSAGES)
def test_signed_messages_that_are_refused(bench: Any, make: Callable[[Held], bytes], error: type[CMSError]) -> None:
    """As a whole."""
    held = bench.signers["ec"]
    with pytest.raises(error):
        check(held, make(held))


@given(data=st.binary(max_size=400))
def test_any_octets_are_refused_in_words_of_this_room(data: bytes) -> None:
    """No other error comes out of reading what is no CMS."""
    for reading in (lambda: read(data), lambda: read_signed(io.BytesIO(data), None, max_content_bytes=100), lambda: signed_data.read_small(data, 1000)):
        with pytest.raises(CMSError):
            reading()


@given(at=st.integers(min_value=0), value=st.integers(0, 255))
def test_a_message_with_one_octet_changed_is_refused_in_words_of_this_room(bench: Any, at: int, value: int) -> None:
    """Or is read; what it says is then still what was signed."""
    held = bench.signers["ec"]
    body = bytearray(message(MADE.setdefault("info", info(held))))
    body[at % len(body)] = value
    try:
        check(held, bytes(body))
    except CMSError:
        return


def test_every_octet_is_changed_in_turn(bench: Any) -> None:
    """To what lengths, tags and integers take worst; each is refused in words of this room, or read."""
    held = bench.signers["ec"]
    whole = message(info(held))
    for at, octet in enumerate(whole):
        for value in {0x00, 0x7F, 0x80, 0xFF, octet ^ 0x01, octet ^ 0x20} - {octet}:
            with contextlib.suppress(CMSError):
                check(held, whole[:at] + bytes([value]) + whole[at + 1:])


MADE: dict[str, bytes] = {}


@pytest.mark.parametrize(("tag", "content"), [(0x17, b"2603011200Z"), (0x17, b"260301120000+0000"), (0x18, b"20260301120000.5Z"), (0x17, b"261301120000Z"), (0x17, b"26 301120000Z"), (0x0C, b"260301120000Z"), (0x18, b"")])
def test_times_that_are_refused(tag: int, content: bytes) -> None:
    """RFC 5652 section 11.3: to the second, in UTC."""
    with pytest.raises(MalformedCMS):
        moment(tag, content)
