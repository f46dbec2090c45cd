"""The lines of LDIF: folding, comments, safe strings and base64 (RFC 2849), with limits. Nothing here knows the schema."""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from wardgate.directory.errors import ImportRefused, Problem, shown

MAX_BYTES: Final = 64 * 1024 * 1024
MAX_LINE_CHARS: Final = 16_384
"""Of one value with its name, all its folded lines together."""
MAX_RECORDS: Final = 200_000
MAX_LINES_PER_RECORD: Final = 10_000
COLUMNS: Final = 76
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)+")
_SAFE: Final = re.compile(r"(?:[\x01-\x09\x0B\x0C\x0E-\x1F\x21-\x39\x3B\x3D-\x7F][\x01-\x09\x0B\x0C\x0E-\x7F]*)?")
"""RFC 2849: SAFE-STRING."""


@dataclass(frozen=True, slots=True)
class Line:
    """One attribute and value, and the number of the line it began at."""

    number: int
    name: str
    value: str


def refused(line: int, expected: str, received: str, attribute: str = "", entry: str = "") -> ImportRefused:
    """Return the refusal of one line."""
    return ImportRefused([Problem(entry, attribute, expected, received, line)])


def text_of(data: bytes) -> str:
    """Return a file's text, without the mark that some programs put at its start. Raises `ImportRefused`."""
    if len(data) > MAX_BYTES:
        raise refused(1, f"a file of at most {MAX_BYTES} bytes", f"{len(data)} bytes")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refused(data.count(b"\n", 0, error.start) + 1, "UTF-8", "other bytes") from None


def records(data: bytes) -> Iterator[tuple[Line, ...]]:
    """Give the records of a file. Raises `ImportRefused` for what is no LDIF and for what is over a limit."""
    record: list[Line] = []
    count, first = 0, True
    for number, text in _unfolded(text_of(data)):
        if text == "":
            if record:
                yield tuple(record)
                record = []
            continue
        line = _line(number, text)
        if first and line.name.lower() == "version":
            if line.value != "1":
                raise refused(number, "version 1", shown(line.value), "version")
            first = False
            continue
        first = False
        count += not record
        if count > MAX_RECORDS or len(record) >= MAX_LINES_PER_RECORD:
            raise refused(number, f"at most {MAX_RECORDS} records of {MAX_LINES_PER_RECORD} lines", "one more")
        record.append(line)
    if record:
        yield tuple(record)


def written(name: str, value: str) -> str:
    """Return one attribute and value as lines: in base64 when it has to be, folded."""
    if _SAFE.fullmatch(value) and not value.endswith(" "):
        line = f"{name}: {value}" if value else f"{name}:"
    else:
        line = f"{name}:: {base64.b64encode(value.encode()).decode()}"
    parts = [line[:COLUMNS], *(line[at : at + COLUMNS - 1] for at in range(COLUMNS, len(line), COLUMNS - 1))]
    return "\n ".join(parts) + "\n"


def _unfolded(text: str) -> Iterator[tuple[int, str]]:
    """Give each line with its continuations, without comments; an empty one after the last."""
    begun, held = 0, ""
    for number, raw in enumerate((*text.split("\n"), ""), 1):
        line = raw.removesuffix("\r")
        if "\r" in line:
            raise refused(number, "lines that end with LF or CRLF", "a CR within a line")
        if line.startswith(" "):
            if not held:
                raise refused(number, "a line to continue", "a continuation of nothing")
            held += line[1:]
        else:
            if held and not held.startswith("#"):
                yield begun, held
            if line == "":
                yield number, ""
            begun, held = number, line
        if len(held) > MAX_LINE_CHARS:
            raise refused(begun, f"at most {MAX_LINE_CHARS} characters", "more")


def _line(number: int, text: str) -> Line:
    name, colon, rest = text.partition(":")
    if not colon or not _NAME.fullmatch(name):
        raise refused(number, "an attribute's name without options, a colon and a value", shown(name))
    if rest.startswith("<"):
        raise refused(number, "a value in the file", "the URL of another file", name)
    if rest.startswith(":"):
        return Line(number, name, _decoded(number, name, rest[1:].lstrip(" ")))
    value = rest.lstrip(" ")
    if not _SAFE.fullmatch(value):
        raise refused(number, "a safe string, or base64 after two colons", shown(value), name)
    return Line(number, name, value)


def _decoded(number: int, name: str, text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError):
        raise refused(number, "base64 of UTF-8", f"another text of {len(text)} characters", name) from None
