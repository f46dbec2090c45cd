"""Encrypted contents of any length (RFC 5652 section 6, RFC 5083, RFC 5084).

AuthEnvelopedData with AES-256-GCM is what we make; EnvelopedData with AES-256-CBC is read too, and proves nothing. Of AuthEnvelopedData the authenticated attributes follow the content, but must be known before it is decrypted: a file is walked through once
by its lengths, then decrypted from where the content begins.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from wardgate.cms import oids
from wardgate.cms.attributes import NONE, Attributes, implicit, read_attributes
from wardgate.cms.ber import PIECE_BYTES, FileReader, SeekableSource
from wardgate.cms.errors import AlgorithmRefused, CannotDecrypt, MalformedCMS, TooLarge, Unencrypted
from wardgate.cms.oids import oid
from wardgate.cms.reading import algorithm, strictly, whole
from wardgate.cms.recipient_info import Recipient, read_recipients, write_recipients
from wardgate.cms.signed_data import END, close_content_info, open_written, read_type
from wardgate.pki import der

NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
BLOCK_BYTES: Final = 16
MAX_GCM_BYTES: Final = 2**36 - 32
"""SP 800-38D section 5.2.1.1."""
CONTENT: Final = 0x80
"""[0] IMPLICIT OCTET STRING."""
GCM_PARAMETERS: Final = "AES-GCM with a nonce of 96 bits and a tag of 128"


class Sink(Protocol):
    """Where octets go to."""

    def write(self, data: Any, /) -> Any: ...


@dataclass(frozen=True, slots=True)
class Envelope:
    """All of an encrypted message but the content, which is found at `content_at`."""

    recipients: tuple[Recipient, ...]
    content_type: str
    nonce: bytes
    """Of CBC: the initialization vector."""
    authenticated: Attributes
    """Those of AuthEnvelopedData; of EnvelopedData there are none."""
    unprotected: Attributes
    tag: bytes | None
    """None: EnvelopedData, which is not authenticated."""
    content_at: int
    content_bytes: int
    from_recipients: int
    """Where what follows the recipients begins."""
    end: int
    """Where the message itself ends, and only what encloses it is closed."""


def read_envelope(source: SeekableSource, *, max_bytes: int, max_recipients: int) -> Envelope:
    """Walk through an encrypted message, after which nothing follows. Raises `MalformedCMS`, `AlgorithmRefused`, `TooLarge`."""
    reader = FileReader(source, max_bytes=max_bytes)
    reader.enter(der.SEQUENCE)
    kind = read_type(reader)
    if kind == oids.SIGNED_DATA:
        raise Unencrypted("signed data that is not encrypted")
    if kind not in {oids.AUTH_ENVELOPED_DATA, oids.ENVELOPED_DATA}:
        raise MalformedCMS(f"content of another type: {kind}")
    authentic = kind == oids.AUTH_ENVELOPED_DATA
    reader.enter(der.context(0))
    reader.enter(der.SEQUENCE)
    with strictly("the version"):
        version = der.Reader(reader.element(der.INTEGER)).integer()
    if version not in ({0} if authentic else {0, 2, 3, 4}):
        raise MalformedCMS("encrypted data of another version")
    if reader.peek() == der.context(0):
        reader.element(der.context(0))
    recipients = read_recipients(reader.element(der.SET), max_recipients)
    after = reader.position
    reader.enter(der.SEQUENCE)
    content_type = read_type(reader)
    nonce = _nonce(reader.element(der.SEQUENCE), authentic=authentic)
    at = reader.position
    size = reader.skip_octets(CONTENT)
    reader.leave()
    if size > MAX_GCM_BYTES:
        raise TooLarge("more than one key may encrypt")
    authenticated = _attributes(reader, 1) if authentic else NONE
    tag = _tag(reader.element(der.OCTET_STRING)) if authentic else None
    unprotected = _attributes(reader, 2 if authentic else 1)
    end = reader.position
    reader.leave()
    close_content_info(reader)
    reader.finish()
    _check_content_type(content_type, authenticated, authentic=authentic)
    return Envelope(recipients, content_type, nonce, authenticated, unprotected, tag, at, size, after, end)


def _nonce(encoded: bytes, *, authentic: bool) -> bytes:
    """The nonce of the one algorithm that goes with each kind. A tag length that is left out is 96 bits (RFC 5084 section 3.2)."""
    with strictly("the content's algorithm"):
        name, parameters = algorithm(der.Reader(encoded))
        if name != (oids.AES256_GCM if authentic else oids.AES256_CBC):
            raise AlgorithmRefused(f"a content encryption that is not accepted: {name}")
        if not authentic:
            vector = der.Reader(parameters).element(der.OCTET_STRING)
            if len(vector) != BLOCK_BYTES:
                raise MalformedCMS("an initialization vector of another length")
            return vector
        reader = whole(parameters, der.SEQUENCE)
        nonce = reader.element(der.OCTET_STRING)
        length = 12 if reader.at_end else reader.integer()
        reader.end()
    if length != TAG_BYTES or len(nonce) != NONCE_BYTES:
        raise AlgorithmRefused(GCM_PARAMETERS)
    return nonce


def _tag(encoded: bytes) -> bytes:
    with strictly("the tag"):
        tag = der.Reader(encoded).element(der.OCTET_STRING)
    if len(tag) != TAG_BYTES:
        raise AlgorithmRefused(GCM_PARAMETERS)
    return tag


def _attributes(reader: FileReader, number: int) -> Attributes:
    if reader.peek() != der.context(number):
        return NONE
    with strictly("attributes"):
        return read_attributes(der.Reader(reader.element(der.context(number))).element(der.context(number)))


def _check_content_type(content_type: str, authenticated: Attributes, *, authentic: bool) -> None:
    """RFC 5083 section 2.1: authenticated attributes name the content type, and are there unless that is plain data."""
    said = authenticated.one(oids.CONTENT_TYPE)
    if said is not None and said != oid(content_type):
        raise MalformedCMS("the content type that is authenticated is another")
    if authentic and said is None and (authenticated.values or content_type != oids.DATA):
        raise MalformedCMS("the content type is not authenticated")


class DecryptingSource:
    """A source of what an encrypted content holds. Nothing of it is proved before `finish` has returned."""

    def __init__(self, source: SeekableSource, envelope: Envelope, key: bytes) -> None:
        reader = FileReader(source, max_bytes=MAX_GCM_BYTES, start=envelope.content_at)
        self._pieces = _within(reader.octets(CONTENT))
        self._tag = envelope.tag
        self._piece_bytes = min(PIECE_BYTES, envelope.content_bytes) + BLOCK_BYTES
        self._done = False
        self._unpad: Any = None
        if envelope.tag is None:
            self._cipher: Any = Cipher(algorithms.AES(key), modes.CBC(envelope.nonce)).decryptor()
            self._unpad = PKCS7(8 * BLOCK_BYTES).unpadder()
        else:
            self._cipher = Cipher(algorithms.AES(key), modes.GCM(envelope.nonce)).decryptor()
            self._cipher.authenticate_additional_data(envelope.authenticated.octets)

    @property
    def authentic(self) -> bool:
        """Whether `finish` can tell that the content was changed."""
        return self._tag is not None

    def read(self, size: int, /) -> bytes | memoryview:  # noqa: ARG002 - a piece is as large as it is
        """The next piece; nothing at the end. Raises `CannotDecrypt` for a padding that is none."""
        while not self._done:
            piece = self._next()
            if len(piece):
                return piece
        return b""

    def finish(self) -> None:
        """Read what is left, and check that nothing was changed. Raises `CannotDecrypt`."""
        while self.read(PIECE_BYTES):
            pass
        if self._tag is None:
            return
        try:
            self._cipher.finalize_with_tag(self._tag)
        except InvalidTag as error:
            raise CannotDecrypt("the content was changed") from error

    def _next(self) -> bytes | memoryview:
        out = bytearray(self._piece_bytes)
        view, size = memoryview(out), 0
        for part in self._pieces:
            size += self._cipher.update_into(part, view[size:])
            if size > PIECE_BYTES // 2:
                break
        else:
            self._done = True
        return view[:size] if self._unpad is None else self._unpadded(bytes(view[:size]))

    def _unpadded(self, decrypted: bytes) -> bytes:
        try:
            if not self._done:
                return bytes(self._unpad.update(decrypted))
            return bytes(self._unpad.update(decrypted + self._cipher.finalize()) + self._unpad.finalize())
        except ValueError as error:
            raise CannotDecrypt("the content was changed") from error


def _within(pieces: Iterator[memoryview]) -> Iterator[memoryview]:
    """Pieces of at most half of what is decrypted at a time."""
    for piece in pieces:
        for at in range(0, len(piece), PIECE_BYTES // 2):
            yield piece[at : at + PIECE_BYTES // 2]


class Encrypting:
    """Writes an AuthEnvelopedData around what is written to it: one part of the content for each call."""

    def __init__(
        self, target: Sink, certificates: Sequence[x509.Certificate], *, key: bytes, nonce: bytes, content_type: str, authenticated: bytes,
    ) -> None:
        """`authenticated` is the SET OF attributes, empty for none. Key and nonce are used for this once."""
        self._target = target
        self._authenticated = authenticated
        self._cipher = Cipher(algorithms.AES(key), modes.GCM(nonce)).encryptor()
        self._cipher.authenticate_additional_data(authenticated)
        self._buffer = bytearray()
        self.size = 0
        parameters = der.sequence((der.write(der.OCTET_STRING, nonce), der.integer(TAG_BYTES)))
        target.write(b"".join((
            open_written(oids.AUTH_ENVELOPED_DATA), b"\x30\x80", der.integer(0), write_recipients(certificates, key),
            b"\x30\x80", oid(content_type), der.sequence((oid(oids.AES256_GCM), parameters)), b"\xa0\x80",
        )))

    def write(self, *parts: bytes | memoryview) -> None:
        """Encrypt and write the parts, together at most a piece and a little."""
        total = sum(map(len, parts))
        self.size += total
        if self.size > MAX_GCM_BYTES:
            raise TooLarge("more than one key may encrypt")
        if total + BLOCK_BYTES > len(self._buffer):
            self._buffer = bytearray(total + BLOCK_BYTES)
        view, size = memoryview(self._buffer), 0
        for part in parts:
            size += self._cipher.update_into(part, view[size:])
        self._target.write(der.header(der.OCTET_STRING, size))
        self._target.write(view[:size])

    def finish(self) -> None:
        """Write the end. Nothing is written after it."""
        self._cipher.finalize()
        attributes = implicit(self._authenticated, 1) if self._authenticated else b""
        self._target.write(END * 2 + attributes + der.write(der.OCTET_STRING, self._cipher.tag) + END * 3)


def with_recipients(source: SeekableSource, target: Sink, envelope: Envelope, recipients: bytes) -> None:
    """Write the message again with this SET OF RecipientInfo; the content is copied as it is."""
    version = der.integer(0 if envelope.tag is not None else 2)
    kind = oids.AUTH_ENVELOPED_DATA if envelope.tag is not None else oids.ENVELOPED_DATA
    target.write(open_written(kind) + b"\x30\x80" + version + recipients)
    source.seek(envelope.from_recipients)
    left = envelope.end - envelope.from_recipients
    while left:
        piece = source.read(min(PIECE_BYTES, left))
        if not piece:
            raise MalformedCMS("cut short")
        left -= len(piece)
        target.write(piece)
    target.write(END * 3)
