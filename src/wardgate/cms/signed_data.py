"""SignedData around a content of any length (RFC 5652 section 5): a head, the content in pieces, and a tail with the signatures.

The content is in it or beside it. What certificates it brings along are hints.
"""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from wardgate.cms import oids
from wardgate.cms.algorithms import digest_algorithm, read_digest
from wardgate.cms.attributes import implicit
from wardgate.cms.ber import BERReader
from wardgate.cms.errors import MalformedCMS, Unsigned
from wardgate.cms.reading import algorithm, set_of, strictly, whole
from wardgate.cms.signer_info import SignerInfo, read_signer_info
from wardgate.pki import der

VERSIONS: Final = frozenset({1, 3, 4, 5})
MAX_SIGNERS: Final = 8
MAX_CERTIFICATES: Final = 32
END: Final = b"\x00\x00"
CERTIFICATES: Final = der.context(0)
LISTS: Final = der.context(1)


@dataclass(frozen=True, slots=True)
class Head:
    """What comes before the content."""

    digests: tuple[str, ...]
    content_type: str
    detached: bool


@dataclass(frozen=True, slots=True)
class Tail:
    """What comes after the content."""

    certificates: tuple[bytes, ...] = field(repr=False)
    signers: tuple[SignerInfo, ...]

    def certificate_of(self, signer: SignerInfo) -> x509.Certificate | None:
        """The certificate that the signature names among those it brought along; a hint."""
        for encoded in self.certificates:
            try:
                certificate = x509.load_der_x509_certificate(encoded)
                if signer.signer.is_of(certificate):
                    return certificate
            except ValueError:
                continue
        return None


@dataclass(frozen=True, slots=True)
class Small:
    """A SignedData that was read in one go."""

    content: bytes = field(repr=False)
    content_type: str
    tail: Tail


def read_head(reader: BERReader) -> Head:
    """Read up to the content. Raises `MalformedCMS`, `AlgorithmRefused`."""
    open_content_info(reader, oids.SIGNED_DATA)
    reader.enter(der.SEQUENCE)
    with strictly("the version"):
        version = der.Reader(reader.element(der.INTEGER)).integer() if reader.peek() == der.INTEGER else None
    if version not in VERSIONS:
        raise MalformedCMS("signed data of another version")
    with strictly("digest algorithms"):
        listed = whole(reader.element(der.SET), der.SET)
        digests: list[str] = []
        while not listed.at_end:
            if len(digests) >= MAX_SIGNERS:
                raise MalformedCMS("too many digest algorithms")
            digests.append(read_digest(*algorithm(listed)))
    reader.enter(der.SEQUENCE)
    content_type = read_type(reader)
    detached = reader.at_end()
    if detached:
        reader.leave()
    else:
        reader.enter(der.context(0))
    return Head(tuple(dict.fromkeys(digests)), content_type, detached)


def read_content(reader: BERReader) -> Iterator[memoryview]:
    """The content in pieces, where it is not detached."""
    yield from reader.octets(der.OCTET_STRING)
    reader.leave()
    reader.leave()


def read_tail(reader: BERReader) -> Tail:
    """Read what follows the content, up to the end of the SignedData. Raises `MalformedCMS`, `AlgorithmRefused`, `Unsigned`."""
    certificates = tuple(_elements(reader.element(CERTIFICATES), MAX_CERTIFICATES)) if reader.peek() == CERTIFICATES else ()
    if reader.peek() == LISTS:
        reader.element(LISTS)
    signers = tuple(_elements(reader.element(der.SET), MAX_SIGNERS))
    reader.leave()
    close_content_info(reader)
    if not signers:
        raise Unsigned("nobody signed")
    return Tail(certificates, tuple(map(read_signer_info, signers)))


def read_small(encoded: bytes, max_bytes: int) -> Small:
    """Read a SignedData that holds a small content, after which nothing follows. Raises as the parts do, and `TooLarge`."""
    reader = BERReader(io.BytesIO(encoded), max_bytes=max_bytes)
    head = read_head(reader)
    if head.detached:
        raise MalformedCMS("the content is not there")
    content = b"".join(read_content(reader))
    tail = read_tail(reader)
    reader.finish()
    return Small(content, head.content_type, tail)


def write_head(digest: str, content_type: str, *, detached: bool = False) -> bytes:
    """Everything before the first piece of the content. Of a detached one nothing of the content follows."""
    version = 1 if content_type == oids.DATA else 3
    before = open_written(oids.SIGNED_DATA) + b"\x30\x80" + der.integer(version) + set_of([digest_algorithm(digest)])
    if detached:
        return before + der.sequence((oids.oid(content_type),))
    return before + b"\x30\x80" + oids.oid(content_type) + b"\xa0\x80\x24\x80"


def write_piece(size: int) -> bytes:
    """What stands before a piece of the content."""
    return der.header(der.OCTET_STRING, size)


def write_tail(certificates: Sequence[bytes], signers: Sequence[bytes], *, detached: bool = False) -> bytes:
    """Everything after the last piece of the content."""
    from_content = b"" if detached else END * 3
    encoded = implicit(set_of(list(certificates)), 0) if certificates else b""
    return from_content + encoded + set_of(list(signers)) + END * 3


def write_small(digest: str, content_type: str, content: bytes, certificates: Sequence[x509.Certificate], signers: Sequence[bytes]) -> bytes:
    """A SignedData in DER around a small content."""
    data = der.sequence((
        der.integer(1 if content_type == oids.DATA else 3), set_of([digest_algorithm(digest)]),
        der.sequence((oids.oid(content_type), der.write(der.context(0), der.write(der.OCTET_STRING, content)))),
        implicit(set_of([certificate_der(certificate) for certificate in certificates]), 0) if certificates else b"",
        set_of(list(signers)),
    ))
    return der.sequence((oids.oid(oids.SIGNED_DATA), der.write(der.context(0), data)))


def certificate_der(certificate: x509.Certificate) -> bytes:
    """The certificate in DER."""
    return certificate.public_bytes(Encoding.DER)


def open_content_info(reader: BERReader, wanted: str) -> str:
    """Step into a ContentInfo of the wanted type. Raises `MalformedCMS` for another."""
    reader.enter(der.SEQUENCE)
    found = read_type(reader)
    if found != wanted:
        raise MalformedCMS(f"content of another type: {found}")
    reader.enter(der.context(0))
    return found


def close_content_info(reader: BERReader) -> None:
    """Step out of a ContentInfo."""
    reader.leave()
    reader.leave()


def open_written(content_type: str) -> bytes:
    """The start of a ContentInfo of indefinite length. Two ends close it."""
    return b"\x30\x80" + oids.oid(content_type) + b"\xa0\x80"


def read_type(reader: BERReader) -> str:
    """The next OBJECT IDENTIFIER."""
    with strictly("a type"):
        return der.dotted(der.Reader(reader.element(der.OBJECT_IDENTIFIER)).element(der.OBJECT_IDENTIFIER))


def _elements(encoded: bytes, most: int) -> Iterator[bytes]:
    """The elements of a set, encoded."""
    with strictly("a set"):
        reader = whole(encoded, encoded[0])
        count = 0
        while not reader.at_end:
            count += 1
            if count > most:
                raise MalformedCMS("a set of too many")
            tag, content = reader.any()
            yield der.write(tag, content)
