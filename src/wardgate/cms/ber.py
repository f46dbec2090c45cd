"""Reading BER as a stream (X.690 section 8): containers of indefinite length are walked, octet strings handed on in pieces.

Small elements come back as DER. Every length is checked against what encloses it before anything of that size is read.
"""

import io
from collections.abc import Iterator
from typing import Final, Protocol

from wardgate.cms.errors import MalformedCMS, TooLarge
from wardgate.pki import der

CONSTRUCTED: Final = 0x20
PIECE_BYTES: Final = 512 * 1024
"""How much is read, hashed and encrypted at a time."""
NEAR_BYTES: Final = 4096
FAR_BYTES: Final = 64 * 1024
"""What is skipped in steps of at least so much is read only where something stands that is not skipped."""
MAX_SMALL_BYTES: Final = 256 * 1024
"""Largest element that is no content: recipients, certificates, signers."""
MAX_DEPTH: Final = 16
MAX_LENGTH_BYTES: Final = 8
MIN_PART_BYTES: Final = 256
FEW_PARTS: Final = 4096
"""Of more parts than this, an octet string's have at least so many octets on average: tools write 1000 and more."""


class Source(Protocol):
    """Where octets come from. It may give fewer than asked, and gives none at the end."""

    def read(self, size: int, /) -> bytes | memoryview: ...


class SeekableSource(Source, Protocol):
    """A file."""

    def seek(self, offset: int, whence: int = 0, /) -> int: ...


class Octets:
    """A file of octets that are in memory, which are not copied."""

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)
        self._at = 0

    def read(self, size: int, /) -> memoryview:
        """The next octets."""
        piece = self._data[self._at : self._at + size]
        self._at += len(piece)
        return piece

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to an offset from the start, or from the end."""
        self._at = max(0, offset + (len(self._data) if whence == io.SEEK_END else 0))
        return self._at


class BERReader:
    """Reads elements in order. Every method raises `MalformedCMS` for what is not there, `TooLarge` beyond `max_bytes`."""

    def __init__(self, source: Source, *, max_bytes: int, start: int = 0) -> None:
        self._source = source
        self._max_bytes = max_bytes
        self._buffer = memoryview(b"")
        self._at = 0
        self._base = start
        self._ends: list[tuple[int | None, bool]] = []
        self._ahead = PIECE_BYTES

    @property
    def position(self) -> int:
        """How many octets were read, from the start of the source."""
        return self._base + self._at

    def enter(self, tag: int) -> None:
        """Step into a constructed element of this tag."""
        found, length = self._header()
        if found != tag:
            raise MalformedCMS(f"expected tag {tag:#04x}, received {found:#04x}")
        if len(self._ends) >= MAX_DEPTH:
            raise MalformedCMS("elements are nested too deeply")
        self._ends.append((self._limit if length is None else self.position + length, length is None))

    def leave(self) -> None:
        """Step out of the element entered last, of which nothing is left."""
        if not self.at_end():
            raise MalformedCMS("an element holds more than it should")
        if self._ends.pop()[1]:
            self._at += 2

    def at_end(self) -> bool:
        """Whether the element entered last is over."""
        end, indefinite = self._ends[-1]
        if not indefinite:
            return self.position == end
        return self._have(2) and self._buffer[self._at] == 0 and self._buffer[self._at + 1] == 0

    def peek(self) -> int | None:
        """The next tag; None at the end of the element entered last."""
        if self.at_end():
            return None
        self._need(1)
        return self._buffer[self._at]

    def finish(self) -> None:
        """Nothing follows."""
        if self._have(1):
            raise MalformedCMS("octets after the end")

    def element(self, tag: int, limit: int = MAX_SMALL_BYTES) -> bytes:
        """The next element, which has this tag, as DER."""
        return self._element(tag, limit, 0)

    def octets(self, tag: int) -> Iterator[memoryview]:
        """The content of the next element in pieces: an OCTET STRING in one part or in several (`tag` is its primitive form)."""
        found, length = self._header()
        if found == tag and length is not None:
            yield from self._content(length)
        elif found == tag | CONSTRUCTED:
            self._ends.append((self._limit if length is None else self.position + length, length is None))
            for size in self._parts():
                yield from self._content(size)
            self.leave()
        else:
            raise MalformedCMS(f"expected tag {tag:#04x}, received {found:#04x}")

    @property
    def _limit(self) -> int | None:
        return self._ends[-1][0] if self._ends else None

    def _parts(self) -> Iterator[int]:
        """The sizes of the parts of an octet string, each to be read before the next."""
        count = total = 0
        while not self.at_end():
            tag, size = self._header()
            if tag != der.OCTET_STRING or size is None:
                raise MalformedCMS("a part of the content is no octet string")
            count += 1
            total += size
            if count > FEW_PARTS and total < count * MIN_PART_BYTES:
                raise MalformedCMS("the content is in parts that are too small")
            yield size

    def _content(self, length: int) -> Iterator[memoryview]:
        while length:
            if self._at == len(self._buffer):
                self._need(1)
            piece = self._buffer[self._at : self._at + length]
            self._at += len(piece)
            length -= len(piece)
            yield piece

    def _element(self, tag: int | None, limit: int, depth: int) -> bytes:
        found, length = self._header()
        if (tag is not None and found != tag) or found == 0:
            raise MalformedCMS(f"expected tag {tag or 0:#04x}, received {found:#04x}")
        if length is not None:
            if length > limit:
                raise MalformedCMS("a part that is small is too long")
            self._need(length)
            content = bytes(self._buffer[self._at : self._at + length])
            self._at += length
            return der.write(found, content)
        if depth >= MAX_DEPTH:
            raise MalformedCMS("elements are nested too deeply")
        self._ends.append((self._limit, True))
        parts: list[bytes] = []
        while not self.at_end():
            parts.append(self._element(None, limit, depth + 1))
            limit -= len(parts[-1])
        self.leave()
        if found == der.OCTET_STRING | CONSTRUCTED:
            return der.write(der.OCTET_STRING, b"".join(der.Reader(part).element(der.OCTET_STRING) for part in parts))
        return der.write(found, b"".join(parts))

    def _header(self) -> tuple[int, int | None]:
        """The tag and the length of the next element; None is indefinite."""
        self._need(2)
        at, buffer = self._at, self._buffer
        tag, first = buffer[at], buffer[at + 1]
        at += 2
        if tag & der.LONG_TAG == der.LONG_TAG:
            raise MalformedCMS("a tag of several octets")
        length: int | None = first
        if first == 0x80:
            if not tag & CONSTRUCTED:
                raise MalformedCMS("a primitive element of indefinite length")
            length = None
        elif first > 0x80:
            size = first & 0x7F
            if size > MAX_LENGTH_BYTES:
                raise MalformedCMS("a length of too many octets")
            self._need(2 + size)
            at, buffer = self._at + 2, self._buffer
            length = int.from_bytes(buffer[at : at + size])
            at += size
            if length < 0x80 or length < 1 << (8 * (size - 1)):
                raise MalformedCMS("a length is not minimal")
        self._at = at
        if length is not None:
            self._check_fits(length)
        return tag, length

    def _check_fits(self, length: int) -> None:
        end = self.position + length
        limit = self._limit
        if limit is not None and end > limit:
            raise MalformedCMS("an element is longer than what encloses it")
        if end > self._max_bytes:
            raise TooLarge(f"more than {self._max_bytes} octets")

    def _need(self, count: int) -> None:
        if not self._have(count):
            raise MalformedCMS("cut short")

    def _have(self, count: int) -> bool:
        """Whether so many more octets are there; they are then in the buffer."""
        held = len(self._buffer) - self._at
        if held >= count:
            return True
        parts = [self._buffer[self._at :]]
        while held < count:
            more = self._source.read(max(self._ahead, count - held))
            if not more:
                break
            parts.append(memoryview(more))
            held += len(more)
        self._base, self._at = self._base + self._at, 0
        self._buffer = parts[-1] if len(parts) == 2 and not parts[0] else memoryview(b"".join(parts))
        if self._base + held > self._max_bytes + PIECE_BYTES:
            raise TooLarge(f"more than {self._max_bytes} octets")
        return held >= count


class FileReader(BERReader):
    """Reads a file, of which contents may be skipped."""

    def __init__(self, source: SeekableSource, *, max_bytes: int, start: int = 0) -> None:
        super().__init__(source, max_bytes=max_bytes, start=start)
        self._file = source
        self._size = source.seek(0, io.SEEK_END)
        source.seek(start)

    def skip_octets(self, tag: int) -> int:
        """Pass over the next element, which is an OCTET STRING as in `octets`, and return how long its content is."""
        found, length = self._header()
        if found == tag and length is not None:
            self._skip(length)
            return length
        if found != tag | CONSTRUCTED:
            raise MalformedCMS(f"expected tag {tag:#04x}, received {found:#04x}")
        self._ends.append((self._limit if length is None else self.position + length, length is None))
        total = 0
        for size in self._parts():
            self._skip(size)
            total += size
        self.leave()
        return total

    def _skip(self, count: int) -> None:
        held = len(self._buffer) - self._at
        if count <= held:
            self._at += count
            return
        target = self.position + count
        if target > self._size:
            raise MalformedCMS("cut short")
        self._file.seek(target)
        self._ahead = PIECE_BYTES if count < FAR_BYTES else NEAR_BYTES
        self._buffer, self._at, self._base = memoryview(b""), 0, target
