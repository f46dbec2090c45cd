"""Small structures in strict DER: what `pki.der` refuses is a malformed CMS."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final

from wardgate.cms.errors import MalformedCMS
from wardgate.pki import der
from wardgate.pki.errors import MalformedDER

UTC_TIME: Final = 0x17
TIME_FORMATS: Final = {UTC_TIME: ("%y%m%d%H%M%SZ", 13), der.GENERALIZED_TIME: ("%Y%m%d%H%M%SZ", 15)}
FIRST_GENERALIZED_YEAR: Final = 2050
"""Times up to 2049 are UTCTime, later ones GeneralizedTime (RFC 5652 section 11.3)."""


@contextmanager
def strictly(what: str) -> Iterator[None]:
    """Turn what is wrong with DER inside the block into `MalformedCMS`."""
    try:
        yield
    except MalformedDER as error:
        raise MalformedCMS(f"{what}: {error}") from error


def whole(encoded: bytes, tag: int) -> der.Reader:
    """A reader of the contents of one element, after which nothing follows."""
    outer = der.Reader(encoded)
    inner = outer.inner(tag)
    outer.end()
    return inner


def identifier(reader: der.Reader) -> str:
    """The next OBJECT IDENTIFIER in dotted form."""
    return der.dotted(reader.element(der.OBJECT_IDENTIFIER))


def algorithm(reader: der.Reader) -> tuple[str, bytes]:
    """The next AlgorithmIdentifier: its name, and its parameters as they are encoded (none is empty)."""
    inner = reader.inner(der.SEQUENCE)
    name = identifier(inner)
    parameters = b""
    if not inner.at_end:
        tag, content = inner.any()
        parameters = der.write(tag, content)
    inner.end()
    return name, parameters


def moment(tag: int, content: bytes) -> datetime:
    """A UTCTime or GeneralizedTime in UTC, to the second (RFC 5652 section 11.3)."""
    pattern, length = TIME_FORMATS.get(tag, ("", 0))
    if len(content) != length or not content[:-1].isdigit():
        raise MalformedCMS("a time that is not to the second, or not in UTC")
    try:
        return datetime.strptime(content.decode("ascii"), pattern).replace(tzinfo=UTC)
    except ValueError as error:
        raise MalformedCMS(f"a time: {error}") from error


def encoded_time(at: datetime) -> bytes:
    """The time as RFC 5652 section 11.3 has it."""
    if at.year >= FIRST_GENERALIZED_YEAR:
        return der.generalized_time(at)
    return der.write(UTC_TIME, f"{at.astimezone(UTC):%y%m%d%H%M%SZ}".encode("ascii"))


def set_of(parts: list[bytes]) -> bytes:
    """A SET OF in the order of DER (X.690 section 11.6)."""
    return der.write(der.SET, b"".join(sorted(parts)))
