"""The little of DER (X.690) that OCSP messages need: definite, minimal lengths; single-byte tags."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from wardgate.pki.errors import MalformedDER

BOOLEAN: Final = 0x01
INTEGER: Final = 0x02
BIT_STRING: Final = 0x03
OCTET_STRING: Final = 0x04
NULL: Final = 0x05
OBJECT_IDENTIFIER: Final = 0x06
ENUMERATED: Final = 0x0A
GENERALIZED_TIME: Final = 0x18
UTF8_STRING: Final = 0x0C
PRINTABLE_STRING: Final = 0x13
SEQUENCE: Final = 0x30
SET: Final = 0x31
LONG_TAG: Final = 0x1F


def context(number: int) -> int:
    """The constructed context-specific tag [number]."""
    return 0xA0 | number


class Reader:
    """Reads the elements of a value in order; every method raises `MalformedDER` for what is not there."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def at_end(self) -> bool:
        """Whether everything was read."""
        return self._at == len(self._data)

    def peek(self) -> int | None:
        """The next tag, None at the end."""
        return None if self.at_end else self._data[self._at]

    def element(self, tag: int) -> bytes:
        """The contents of the next element, which has this tag."""
        return self._next(tag)[1]

    def encoded(self, tag: int) -> bytes:
        """The next element as it is encoded, which has this tag."""
        return self._next(tag)[0]

    def inner(self, tag: int) -> "Reader":
        """A reader of the next element's contents."""
        return Reader(self.element(tag))

    def optional(self, tag: int) -> "Reader | None":
        """A reader of the next element's contents if it has this tag."""
        return self.inner(tag) if self.peek() == tag else None

    def any(self) -> tuple[int, bytes]:
        """The tag and contents of the next element, whatever it is."""
        tag = self.peek()
        if tag is None:
            raise MalformedDER("an element is cut short")
        return tag, self.element(tag)

    def integer(self) -> int:
        """The next INTEGER, minimally encoded (X.690 section 8.3)."""
        content = self.element(INTEGER)
        if not content or (len(content) > 1 and (content[0] == 0) == (content[1] < 0x80) and content[0] in {0, 0xFF}):
            raise MalformedDER("an integer is not minimal")
        return int.from_bytes(content, signed=True)

    def end(self) -> None:
        """Nothing is left."""
        if not self.at_end:
            raise MalformedDER("bytes after the end of a value")

    def _next(self, tag: int) -> tuple[bytes, bytes]:
        start = self._at
        if len(self._data) - start < 2:
            raise MalformedDER("an element is cut short")
        if self._data[start] != tag or tag & LONG_TAG == LONG_TAG:
            raise MalformedDER(f"expected tag {tag:#04x}, received {self._data[start]:#04x}")
        length, content = self._length(start + 1)
        self._at = content + length
        if self._at > len(self._data):
            raise MalformedDER("an element is cut short")
        return self._data[start : self._at], self._data[content : self._at]

    def _length(self, at: int) -> tuple[int, int]:
        """The length that is encoded at a position, and where the contents begin."""
        first = self._data[at]
        if first < 0x80:
            return first, at + 1
        size = first & 0x7F
        if not 1 <= size <= 4 or at + 1 + size > len(self._data):
            raise MalformedDER("a length is indefinite, too long or cut short")
        length = int.from_bytes(self._data[at + 1 : at + 1 + size])
        if length < 0x80 or length < 1 << (8 * (size - 1)):
            raise MalformedDER("a length is not minimal")
        return length, at + 1 + size


def dotted(identifier: bytes) -> str:
    """An object identifier's contents in dotted form (X.690 section 8.19)."""
    arcs, value = list[int](), 0
    for byte in identifier:
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            arcs.append(value)
            value = 0
    if not arcs or identifier[-1] >= 0x80:
        raise MalformedDER("an object identifier is cut short")
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))


def header(tag: int, size: int) -> bytes:
    """What stands before contents of this size."""
    if size < 0x80:
        return bytes((tag, size))
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes((tag, 0x80 | len(length))) + length


def write(tag: int, content: bytes) -> bytes:
    """An element."""
    return header(tag, len(content)) + content


def sequence(parts: Iterable[bytes]) -> bytes:
    """A SEQUENCE of encoded elements."""
    return write(SEQUENCE, b"".join(parts))


def integer(value: int) -> bytes:
    """An INTEGER of the fewest bytes."""
    size = (value + (value < 0)).bit_length() // 8 + 1
    return write(INTEGER, value.to_bytes(size, signed=True))


def generalized_time(moment: datetime) -> bytes:
    """A GeneralizedTime in UTC, to the second (RFC 5280 section 4.1.2.5.2)."""
    return write(GENERALIZED_TIME, f"{moment:%Y%m%d%H%M%SZ}".encode("ascii"))
