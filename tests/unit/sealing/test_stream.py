"""Seals as streams: of many pieces, in memory that does not grow, and every way in which what is inside is not what it should be."""

import io
import os
import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from message_world import NOW, Held
from seal_post import BROUGHT, CONTEXT, SAID, Only, Post
from wardgate.cms import oids, signed_data
from wardgate.cms.algorithms import digest_algorithm, digest_of, signature_algorithm, signature_value
from wardgate.cms.attributes import implicit, write_attributes
from wardgate.cms.enveloped_data import Encrypting, read_envelope
from wardgate.cms.oids import oid
from wardgate.cms.recipient_info import write_recipients
from wardgate.cms.signer_info import issuer_and_serial, make_signer_info
from wardgate.pki import der
from wardgate.sealing.context import canonical_context
from wardgate.sealing.errors import SealRefused
from wardgate.sealing.model import Limits, Purpose
from wardgate.sealing.stream import STREAM_LIMITS, open_stream, rekey_stream, seal_stream

PDF = "application/pdf"
LONG = os.urandom(5_300_001)
BOUND = canonical_context(CONTEXT)


@pytest.fixture
def post() -> Post:
    """A world of senders and receivers."""
    return Post()


def sealed(post: Post, content: bytes, **changes: Any) -> bytes:
    """A stream of X26, from a source that gives what it likes."""
    out = io.BytesIO()
    asked: dict[str, Any] = {"directory": post, "now": NOW, "random": os.urandom} | changes
    assert seal_stream(io.BytesIO(content), out, PDF, CONTEXT, SAID, post.signer, post.to(), **asked) == len(content)
    return out.getvalue()


def opened(post: Post, body: bytes, sink: Any = None, **changes: Any) -> Any:
    """What RY6 finds inside."""
    asked: dict[str, Any] = {"transport": BROUGHT, "held": Only(post.recipient), "directory": post, "now": NOW} | changes
    return open_stream(io.BytesIO(body), sink if sink is not None else io.BytesIO(), **asked)


def code(post: Post, body: bytes, **changes: Any) -> str | None:
    """Why it is refused; None when it is not."""
    try:
        opened(post, body, **changes)
    except SealRefused as refused:
        return refused.code
    return None


@pytest.mark.parametrize("size", [0, 1, 512 * 1024 - 1, 512 * 1024, 512 * 1024 + 1, len(LONG)])
def test_streams_of_any_length(post: Post, size: int) -> None:
    """Below, at and above a piece; of many pieces, by a thread."""
    content, out = LONG[:size], io.BytesIO()
    found = opened(post, sealed(post, content), out)
    assert out.getvalue() == content
    assert (found.media_type, found.context, found.content_bytes, found.opened_with, found.encrypted_with) == (PDF, CONTEXT, size, post.recipient.kid, "A256GCM")
    assert (found.signature.digest, found.signature.statement) == (sha256(content).hexdigest(), SAID)


class Zeros:
    """A source of so many octets that are nowhere."""

    def __init__(self, size: int) -> None:
        self._left = size

    def read(self, size: int, /) -> bytes:
        """Octets."""
        size = min(size, self._left)
        self._left -= size
        return bytes(size)


class Nowhere:
    """A sink that counts."""

    size = 0

    def write(self, data: Any, /) -> None:
        """Octets."""
        self.size += len(data)


def test_memory_does_not_grow(post: Post, tmp_path: Any) -> None:
    """64 MB through a file, sealed and opened, in less than 8 MB."""
    size, path = 64 * 1024 * 1024, tmp_path / "sealed"
    tracemalloc.start()
    try:
        with path.open("wb") as out:
            seal_stream(Zeros(size), out, PDF, CONTEXT, SAID, post.signer, post.to(), directory=post, now=NOW, random=os.urandom)
        sink = Nowhere()
        with path.open("rb") as source:
            open_stream(source, sink, transport=BROUGHT, held=Only(post.recipient), directory=post, now=NOW)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sink.size == size
    assert peak < 8 * 1024 * 1024


@pytest.mark.parametrize("at", [0.001, 0.3, 0.5, 0.9, 0.999])
def test_a_long_stream_that_was_changed(post: Post, at: float) -> None:
    """Anywhere in its content: one answer."""
    body = bytearray(sealed(post, LONG))
    body[1000 + int(at * len(LONG))] ^= 1
    assert code(post, bytes(body)) in {"seal-undecryptable", "seal-malformed"}


def test_a_long_stream_that_was_cut(post: Post) -> None:
    """Its parts too: whole ones left out are found by the tag."""
    body = sealed(post, LONG)
    assert code(post, body[: len(body) // 2]) == "seal-malformed"
    header = signed_data.write_piece(512 * 1024 + 5)
    first = body.index(header)
    assert code(post, body[:first] + body[first + len(header) + 512 * 1024 + 5 :]) == "seal-undecryptable"


def test_limits_of_streams(post: Post) -> None:
    """On either side."""
    body = sealed(post, LONG)
    small = replace(STREAM_LIMITS, max_content_bytes=len(LONG) - 1)
    assert code(post, body, limits=small) == "seal-too-large"
    with pytest.raises(SealRefused) as refused:
        sealed(post, LONG, limits=small)
    assert refused.value.code == "seal-too-large"


@pytest.mark.parametrize("media_type", ["", "pdf", "application/PDF", "application/pdf; charset=x", "a/" + "b" * 65, "application/pdf\n"])
def test_what_is_no_media_type(post: Post, media_type: str) -> None:
    """Before anything is written."""
    out = io.BytesIO()
    with pytest.raises(SealRefused):
        seal_stream(io.BytesIO(b"x"), out, media_type, CONTEXT, SAID, post.signer, post.to(), directory=post, now=NOW, random=os.urandom)
    assert out.getvalue() == b""


def test_a_long_stream_for_new_keys(post: Post) -> None:
    """The content is copied as it is."""
    out, clear = io.BytesIO(), io.BytesIO()
    rekey_stream(io.BytesIO(sealed(post, LONG)), out, post.to(post.archive), held=Only(post.recipient), directory=post, now=NOW)
    opened(post, out.getvalue(), clear, held=Only(post.archive))
    assert clear.getvalue() == LONG
    assert code(post, out.getvalue()) == "seal-not-for-us"


def signed(post: Post, content: bytes = b"content", *, infos: Sequence[bytes] | None = None, part: int = 4096) -> bytes:
    """A SignedData as others make it: in parts of their own size, with the signatures that are given."""
    pieces = b"".join(signed_data.write_piece(len(content[at : at + part])) + content[at : at + part] for at in range(0, len(content), part))
    made = [info(post.signer, content)] if infos is None else infos
    return signed_data.write_head("sha256", oids.DATA) + pieces + signed_data.write_tail([], made)


def info(held: Held, content: bytes = b"content", beside: Callable[[bytes], Mapping[str, Sequence[bytes]]] = lambda _: {}, **changes: Any) -> bytes:
    """A signature, with signed attributes changed; None leaves one out."""
    statement = b'{"purpose":"1.2.840.10065.1.12.1.1"}'
    values: dict[str, Any] = {
        "SIGNING_TIME": [der.write(0x17, b"260301120000Z")], "MIME_TYPE": [der.write(der.UTF8_STRING, b"application/pdf")],
        "SEAL_CONTEXT": [der.write(der.OCTET_STRING, BOUND)], "SEAL_STATEMENT": [der.write(der.OCTET_STRING, statement)],
    } | changes
    if isinstance(values["SEAL_STATEMENT"], str):
        values["SEAL_STATEMENT"] = [der.write(der.OCTET_STRING, values["SEAL_STATEMENT"].encode())]
    attributes = {getattr(oids, name): value for name, value in values.items() if value is not None}
    return make_signer_info(held.certificate, held.algorithm, held.sign, digest_of("sha256", content), oids.DATA, attributes, beside)


def bound_to(post: Post, context: bytes) -> bytes:
    """Encrypted well, and bound to that by the signature."""
    return encrypted(post, signed(post, infos=[info(post.signer, SEAL_CONTEXT=[der.write(der.OCTET_STRING, context)])]))


def encrypted(post: Post, inner: bytes, *, content_type: str = oids.DATA) -> bytes:
    """An AuthEnvelopedData around anything; of another type than data, with the attributes that RFC 5083 wants then."""
    out = io.BytesIO()
    attributes = b"" if content_type == oids.DATA else write_attributes({oids.CONTENT_TYPE: [oid(content_type)]})
    writer = Encrypting(out, [post.recipient.certificate], key=os.urandom(32), nonce=os.urandom(12), content_type=content_type, authenticated=attributes)
    writer.write(inner)
    writer.finish()
    return out.getvalue()


def test_a_seal_that_another_tool_wrote(post: Post) -> None:
    """In small parts, without our certificate along; typed as data or as signed data."""
    for content_type in (oids.DATA, oids.SIGNED_DATA):
        out = io.BytesIO()
        opened(post, encrypted(post, signed(post, LONG[:100_000]), content_type=content_type), out)
        assert out.getvalue() == LONG[:100_000]


def _nameless(post: Post) -> bytes:
    """A signature that is good and does not cover its signer's certificate."""
    values = {
        oids.CONTENT_TYPE: [oid(oids.DATA)], oids.MESSAGE_DIGEST: [der.write(der.OCTET_STRING, sha256(b"content").digest())],
        oids.SIGNING_TIME: [der.write(0x17, b"260301120000Z")], oids.MIME_TYPE: [der.write(der.UTF8_STRING, b"application/pdf")],
        oids.SEAL_CONTEXT: [der.write(der.OCTET_STRING, BOUND)],
        oids.SEAL_STATEMENT: [der.write(der.OCTET_STRING, b'{"purpose":"1.2.840.10065.1.12.1.1"}')],
    }
    attributes = write_attributes(values)
    signature = signature_value("ES256", post.signer.sign(attributes))
    return der.sequence((
        der.integer(1), issuer_and_serial(post.signer.certificate), digest_algorithm("sha256"), implicit(attributes, 0), signature_algorithm("ES256"),
        der.write(der.OCTET_STRING, signature),
    ))


def _named(*parts: bytes) -> bytes:
    return der.sequence((der.sequence((der.sequence(parts),)),))


SHA384_NAME = _named(digest_algorithm("sha384"), der.write(der.OCTET_STRING, bytes(48)))
TWO_CONTEXTS = sorted(der.write(der.OCTET_STRING, canonical_context(replace(CONTEXT, message_id=one))) for one in ("a", "b"))
UNKNOWN_NAME = _named(der.write(der.OCTET_STRING, bytes(32)))
INSIDE: dict[str, tuple[Callable[[Post], bytes], str]] = {
    "no signature": (lambda post: encrypted(post, signed(post, infos=[])), "seal-signature-missing"),
    "two signatures": (lambda post: encrypted(post, signed(post, infos=sorted([info(post.signer), info(post.signer, SIGNING_TIME=[der.write(0x17, b"260301115959Z")])]))), "seal-malformed"),
    "a signature over another content": (lambda post: encrypted(post, signed(post, infos=[info(post.signer, b"other")])), "signature-invalid"),
    "no signed data": (lambda post: encrypted(post, b"content"), "seal-malformed"),
    "something after the signed data": (lambda post: encrypted(post, signed(post) + b"\x00"), "seal-malformed"),
    "nothing": (lambda post: encrypted(post, b""), "seal-malformed"),
    "a context that is no JSON": (lambda post: bound_to(post, b"{"), "seal-malformed"),
    "a context in another form": (lambda post: bound_to(post, BOUND.replace(b",", b", ", 1)), "seal-malformed"),
    "a context of another receiver": (lambda post: bound_to(post, canonical_context(replace(CONTEXT, recipients=("RQMOT001",)))), "seal-context"),
    "a context of another organisation than the signer's": (lambda post: bound_to(post, canonical_context(replace(CONTEXT, sender_ods="RQM"))), "signer-organisation"),
    "two contexts": (lambda post: encrypted(post, signed(post, infos=[info(post.signer, SEAL_CONTEXT=TWO_CONTEXTS)])), "seal-malformed"),
    "no context signed": (lambda post: encrypted(post, signed(post, infos=[info(post.signer, SEAL_CONTEXT=None)])), "seal-signature-missing"),
    "no signing time": (lambda post: encrypted(post, signed(post, infos=[info(post.signer, SIGNING_TIME=None)])), "seal-signature-missing"),
    "a signing time that is none": (lambda post: encrypted(post, signed(post, infos=[info(post.signer, SIGNING_TIME=[der.write(0x17, b"260301Z")])])), "seal-malformed"),
    "no statement": (lambda post: encrypted(post, signed(post, infos=[info(post.signer, SEAL_STATEMENT=None)])), "seal-signature-missing"),
    "a purpose that is none": (lambda post: encrypted(post, signed(post, infos=[info(post.signer, SEAL_STATEMENT='{"purpose":"1.2.3"}')])), "signature-purpose"),
    "a statement with more in it": (lambda post: encrypted(post, signed(post, infos=[info(post.signer, SEAL_STATEMENT='{"purpose":"1.2.840.10065.1.12.1.1","x":1}')])), "seal-malformed"),
    "a statement with a member twice": (lambda post: encrypted(post, signed(post, infos=[info(post.signer, SEAL_STATEMENT='{"purpose":"1.2.840.10065.1.12.1.1","role":"a","role":"b"}')])), "seal-malformed"),
    "a role that is no text": (lambda post: encrypted(post, signed(post, infos=[info(post.signer, SEAL_STATEMENT='{"purpose":"1.2.840.10065.1.12.1.1","role":1}')])), "seal-malformed"),
    "no media type": (lambda post: encrypted(post, signed(post, infos=[info(post.signer, MIME_TYPE=None)])), "seal-signature-missing"),
    "a media type that is none": (lambda post: encrypted(post, signed(post, infos=[info(post.signer, MIME_TYPE=[der.write(der.UTF8_STRING, b"pdf")])])), "seal-malformed"),
    "a media type of another kind": (lambda post: encrypted(post, signed(post, infos=[info(post.signer, MIME_TYPE=[der.write(der.OCTET_STRING, b"application/pdf")])])), "seal-malformed"),
    "no certificate signed along": (lambda post: encrypted(post, signed(post, infos=[_nameless(post)])), "seal-signature-missing"),
    "a certificate that is not named": (lambda post: encrypted(post, signed(post, infos=[info(post.signer, SIGNING_CERTIFICATE_V2=[b"\x30\x00"])])), "seal-malformed"),
    "a certificate named by its SHA-384": (lambda post: encrypted(post, signed(post, infos=[info(post.signer, SIGNING_CERTIFICATE_V2=[SHA384_NAME])])), "seal-algorithm-refused"),
    "a certificate that nobody has": (lambda post: encrypted(post, signed(post, infos=[info(post.signer, SIGNING_CERTIFICATE_V2=[UNKNOWN_NAME])])), "signer-unknown"),
    "two time-stamps": (lambda post: encrypted(post, signed(post, infos=[info(post.signer, beside=lambda _: {oids.TIME_STAMP_TOKEN: [b"\x05\x00", b"\x30\x00"]})])), "seal-malformed"),
    "a time-stamp that is none": (lambda post: encrypted(post, signed(post, infos=[info(post.signer, beside=lambda _: {oids.TIME_STAMP_TOKEN: [b"\x30\x00"]})])), "time-stamp-invalid"),
    "a counter-signature of something else": (lambda post: encrypted(post, signed(post, infos=[info(post.signer, beside=lambda _: {oids.COUNTER_SIGNATURE: [_counter(post, b"other")]})])), "signature-invalid"),
    "a counter-signature with a content type": (lambda post: encrypted(post, signed(post, infos=[info(post.signer, beside=lambda signature: {oids.COUNTER_SIGNATURE: [info(post.signer, signature)]})])), "seal-malformed"),
}


def _counter(post: Post, covered: bytes) -> bytes:
    values = {oids.SIGNING_TIME: [der.write(0x17, b"260301120000Z")], oids.SEAL_STATEMENT: [der.write(der.OCTET_STRING, b'{"purpose":"%s"}' % Purpose.WITNESS.code.encode())]}
    return make_signer_info(post.signer.certificate, "ES256", post.signer.sign, digest_of("sha256", covered), None, values)


@pytest.mark.parametrize(("make", "expected"), INSIDE.values(), ids=INSIDE)
def test_what_is_inside_is_refused(post: Post, make: Callable[[Post], bytes], expected: str) -> None:
    """Encrypted well, and not what a seal holds."""
    assert code(post, make(post)) == expected


def test_signed_and_not_encrypted(post: Post) -> None:
    """Its own reason, so that the sender knows."""
    assert code(post, signed(post)) == "seal-encryption-missing"


def test_what_is_inside_is_not_told_when_it_was_changed_on_its_way(post: Post) -> None:
    """A wrong structure whose tag is wrong too does not decrypt, and no more is said."""
    body = bytearray(encrypted(post, b"content" * 10))
    body[body.index(b"\xa0\x80\x04\x46") + 10] ^= 1
    assert code(post, bytes(body)) == "seal-undecryptable"


def cbc(post: Post, inner: bytes) -> bytes:
    """An EnvelopedData with AES-256-CBC, and an attribute that nothing protects."""
    key, vector = os.urandom(32), os.urandom(16)
    padder, cipher = PKCS7(128).padder(), Cipher(algorithms.AES(key), modes.CBC(vector)).encryptor()
    hidden = cipher.update(padder.update(inner) + padder.finalize()) + cipher.finalize()
    data = der.sequence((
        der.integer(2), write_recipients([post.recipient.certificate], key),
        der.sequence((oid(oids.SIGNED_DATA), der.sequence((oid(oids.AES256_CBC), der.write(der.OCTET_STRING, vector))), der.write(0x80, hidden))),
        implicit(write_attributes({oids.MIME_TYPE: [der.write(der.UTF8_STRING, b"text/html")]}), 1),
    ))
    return der.sequence((oid(oids.ENVELOPED_DATA), der.write(der.context(0), data)))


def test_cbc_only_where_a_policy_says_so(post: Post) -> None:
    """The signature then vouches for the content and its context."""
    body = cbc(post, signed(post, b"content"))
    assert code(post, body) == "seal-algorithm-refused"
    assert opened(post, body, unauthenticated=True).encrypted_with == "A256CBC"
    elsewhere = signed(post, infos=[info(post.signer, SEAL_CONTEXT=[der.write(der.OCTET_STRING, canonical_context(replace(CONTEXT, workflow="other")))])])
    assert code(post, cbc(post, elsewhere), unauthenticated=True) == "seal-context"


def test_a_message_of_definite_lengths_for_new_keys(post: Post) -> None:
    """What encloses it is written anew."""
    out = io.BytesIO()
    rekey_stream(io.BytesIO(cbc(post, signed(post))), out, post.to(post.archive), held=Only(post.recipient), directory=post, now=NOW)
    assert opened(post, out.getvalue(), held=Only(post.archive), unauthenticated=True).content_bytes == len(b"content")


def test_cbc_is_no_oracle(post: Post) -> None:
    """Whatever was changed, padding, structure or signature: one answer."""
    body = cbc(post, signed(post, LONG[:1000]))
    envelope = read_envelope(io.BytesIO(body), max_bytes=len(body), max_recipients=1)
    begin, found = envelope.content_at + 4, set()
    for at in range(begin, begin + envelope.content_bytes, 61):
        changed = bytearray(body)
        changed[at] ^= 0x40
        found.add(code(post, bytes(changed), unauthenticated=True))
    assert found == {"seal-undecryptable"}


def test_limits_of_messages_are_those_of_streams(post: Post) -> None:
    """The default of streams is of attachments, that of messages smaller."""
    assert Limits().max_content_bytes < STREAM_LIMITS.max_content_bytes < STREAM_LIMITS.max_sealed_bytes
