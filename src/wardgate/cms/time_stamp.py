"""Time-stamps: what is asked of an authority, what it answers, and what a token says (RFC 3161, 5816). Who is believed, `sealing.time_stamp` says."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Final

from cryptography import x509

from wardgate.cms import oids, signed_data
from wardgate.cms.algorithms import DIGESTS, HASHES, digest_algorithm, digest_of
from wardgate.cms.errors import AlgorithmRefused, MalformedCMS
from wardgate.cms.reading import algorithm, encoded_time, identifier, strictly, whole
from wardgate.cms.signer_info import make_signer_info
from wardgate.pki import der

MAX_REQUEST_BYTES: Final = 4096
MAX_RESPONSE_BYTES: Final = 64 * 1024
MAX_NONCE_BITS: Final = 256
GRANTED: Final = (0, 1)
"""granted, grantedWithMods."""
REJECTED: Final = 2
GEN_TIME: Final = re.compile(rb"(\d{14})(?:\.(\d{0,8}[1-9]))?Z")
TRUE: Final = b"\xff"
EXTENSIONS_OF_REQUEST: Final = der.context(0)
EXTENSIONS_OF_TOKEN: Final = der.context(1)


class Failure(IntEnum):
    """Why an authority refuses: a bit of PKIFailureInfo (RFC 3161 section 2.4.2)."""

    BAD_ALGORITHM = 0
    BAD_REQUEST = 2
    BAD_DATA_FORMAT = 5
    UNACCEPTED_POLICY = 15
    UNACCEPTED_EXTENSION = 16
    SYSTEM_FAILURE = 25


class RequestRefused(MalformedCMS):
    """A request that is answered with a failure."""

    def __init__(self, failure: Failure, message: str) -> None:
        super().__init__(message)
        self.failure = failure


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked: a time-stamp over a digest."""

    digest: str
    imprint: bytes
    policy: str | None = None
    nonce: int | None = None
    certificate_wanted: bool = True


@dataclass(frozen=True, slots=True)
class Token:
    """What a time-stamp says (TSTInfo), and the signature over that, of which nothing is verified yet."""

    digest: str
    imprint: bytes
    policy: str
    serial: int
    at: datetime
    nonce: int | None
    info: bytes
    tail: signed_data.Tail


def write_request(request: Request) -> bytes:
    """A TimeStampReq in DER."""
    return der.sequence((
        der.integer(1), _imprint(request.digest, request.imprint),
        oids.oid(request.policy) if request.policy else b"", b"" if request.nonce is None else der.integer(request.nonce),
        der.write(der.BOOLEAN, TRUE) if request.certificate_wanted else b"",
    ))


def read_request(encoded: bytes, policies: frozenset[str]) -> Request:
    """Read a TimeStampReq for one of these policies. Raises `RequestRefused`."""
    if len(encoded) > MAX_REQUEST_BYTES:
        raise RequestRefused(Failure.BAD_DATA_FORMAT, "a request of such a length")
    try:
        with strictly("TimeStampReq"):
            request = _request(whole(encoded, der.SEQUENCE))
    except RequestRefused:
        raise
    except AlgorithmRefused as error:
        raise RequestRefused(Failure.BAD_ALGORITHM, str(error)) from error
    except MalformedCMS as error:
        raise RequestRefused(Failure.BAD_DATA_FORMAT, str(error)) from error
    if request.policy is not None and request.policy not in policies:
        raise RequestRefused(Failure.UNACCEPTED_POLICY, "another policy is asked for")
    return request


def _request(reader: der.Reader) -> Request:
    if reader.integer() != 1:
        raise RequestRefused(Failure.BAD_REQUEST, "a request of another version")
    digest, imprint = _read_imprint(reader)
    policy = identifier(reader) if reader.peek() == der.OBJECT_IDENTIFIER else None
    nonce = _nonce(reader)
    wanted = reader.peek() == der.BOOLEAN and reader.element(der.BOOLEAN) == TRUE
    if reader.peek() == EXTENSIONS_OF_REQUEST:
        raise RequestRefused(Failure.UNACCEPTED_EXTENSION, "an extension is asked for")
    reader.end()
    return Request(digest, imprint, policy, nonce, wanted)


def write_token(
    request: Request, *, policy: str, serial: int, at: datetime, certificate: x509.Certificate, algorithm_name: str, sign: Callable[[bytes], bytes],
) -> bytes:
    """A TimeStampToken that answers a request, to the second. `sign` gives the form of JWS."""
    info = der.sequence((
        der.integer(1), oids.oid(policy), _imprint(request.digest, request.imprint), der.integer(serial), der.generalized_time(at),
        der.sequence((der.integer(1),)),
        b"" if request.nonce is None else der.integer(request.nonce),
    ))
    digest = "sha256"
    signer = make_signer_info(
        certificate, algorithm_name, sign, digest_of(digest, info), oids.TST_INFO, {oids.SIGNING_TIME: [encoded_time(at)]},
    )
    certificates = (certificate,) if request.certificate_wanted else ()
    return signed_data.write_small(digest, oids.TST_INFO, info, certificates, (signer,))


def write_response(token: bytes) -> bytes:
    """A TimeStampResp that grants the token."""
    return der.sequence((der.sequence((der.integer(GRANTED[0]),)), token))


def write_refusal(failure: Failure, text: str) -> bytes:
    """A TimeStampResp that refuses."""
    bits = (1 << (31 - failure)).to_bytes(4).rstrip(b"\x00")
    unused = 7 - failure % 8
    statuses = der.sequence((der.integer(REJECTED), der.sequence((der.write(der.UTF8_STRING, text.encode()),)), der.write(der.BIT_STRING, bytes((unused,)) + bits)))
    return der.sequence((statuses,))


def read_response(encoded: bytes) -> bytes:
    """The token of a TimeStampResp, as it is encoded. Raises `MalformedCMS`, also where none is granted."""
    if len(encoded) > MAX_RESPONSE_BYTES:
        raise MalformedCMS("a response of such a length")
    with strictly("TimeStampResp"):
        reader = whole(encoded, der.SEQUENCE)
        status = reader.inner(der.SEQUENCE).integer()
        if status not in GRANTED:
            raise MalformedCMS(f"no time-stamp was granted: status {status}")
        token = reader.encoded(der.SEQUENCE)
        reader.end()
    return token


def read_token(encoded: bytes) -> Token:
    """Read a TimeStampToken: one signature over a TSTInfo. Raises `MalformedCMS`, `AlgorithmRefused`, `Unsigned`, `TooLarge`."""
    small = signed_data.read_small(encoded, MAX_RESPONSE_BYTES)
    if small.content_type != oids.TST_INFO:
        raise MalformedCMS("what is signed is no time-stamp")
    if len(small.tail.signers) != 1:
        raise MalformedCMS("a time-stamp has one signature")
    with strictly("TSTInfo"):
        reader = whole(small.content, der.SEQUENCE)
        if reader.integer() != 1:
            raise MalformedCMS("a time-stamp of another version")
        policy = identifier(reader)
        digest, imprint = _read_imprint(reader)
        serial, at = reader.integer(), _gen_time(reader.element(der.GENERALIZED_TIME))
        reader.optional(der.SEQUENCE)
        if reader.peek() == der.BOOLEAN:
            reader.element(der.BOOLEAN)
        nonce = _nonce(reader)
        reader.optional(der.context(0))
        if reader.peek() == EXTENSIONS_OF_TOKEN:
            _check_extensions(reader.inner(EXTENSIONS_OF_TOKEN))
        reader.end()
    return Token(digest, imprint, policy, serial, at, nonce, small.content, small.tail)


def _check_extensions(reader: der.Reader) -> None:
    """None of them is critical: none is known here."""
    while not reader.at_end:
        extension = reader.inner(der.SEQUENCE)
        identifier(extension)
        if extension.peek() == der.BOOLEAN:
            raise MalformedCMS("a time-stamp with a critical extension")


def _gen_time(content: bytes) -> datetime:
    """A GeneralizedTime in UTC, with fractions of a second that do not end in 0 (RFC 3161 section 2.4.2)."""
    found = GEN_TIME.fullmatch(content)
    if found is None:
        raise MalformedCMS("a time that is not in UTC")
    try:
        second = datetime.strptime(found[1].decode("ascii"), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError as error:
        raise MalformedCMS(f"a time: {error}") from error
    return second + timedelta(microseconds=int((found[2] or b"0").ljust(6, b"0")[:6]))


def _imprint(digest: str, imprint: bytes) -> bytes:
    return der.sequence((digest_algorithm(digest), der.write(der.OCTET_STRING, imprint)))


def _read_imprint(reader: der.Reader) -> tuple[str, bytes]:
    inner = reader.inner(der.SEQUENCE)
    name, parameters = algorithm(inner)
    imprint = inner.element(der.OCTET_STRING)
    inner.end()
    if name not in DIGESTS or parameters not in {b"", b"\x05\x00"}:
        raise AlgorithmRefused(f"a digest that is not accepted: {name}")
    if len(imprint) != HASHES[DIGESTS[name]].digest_size:
        raise MalformedCMS("a digest of another length")
    return DIGESTS[name], imprint


def _nonce(reader: der.Reader) -> int | None:
    if reader.peek() != der.INTEGER:
        return None
    nonce = reader.integer()
    if nonce.bit_length() > MAX_NONCE_BITS:
        raise MalformedCMS("a nonce of such a length")
    return nonce
