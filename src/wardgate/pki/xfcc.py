"""Envoy's `X-Forwarded-Client-Cert` header: the certificate that TLS verified, told to the next hop.

Trust it only from our own Envoy, which replaces what a caller sent (`SANITIZE_SET`). The grammar is Envoy's: elements
separated by commas, `key=value` pairs by semicolons, values with either of them or `=` in double quotes. Envoy itself
escapes nothing: a backslash inside the quotes is the subject's own (RFC 2253) and is kept, so that an escaped comma
cannot turn into one that separates names.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.x509.oid import NameOID

from wardgate.pki.errors import MalformedXFCC

MAX_HEADER_CHARACTERS: Final = 16 * 1024
MAX_ELEMENTS: Final = 10
FINGERPRINT: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
PAIR: Final = re.compile(r'([A-Za-z]{1,20})=(?:"((?:[^"\\]|\\.)*)"|([^",;]*))', re.ASCII)


@dataclass(frozen=True, slots=True)
class ForwardedCertificate:
    """One element of the header. `fingerprint` is lower-case hex SHA-256; names are in lower case."""

    fingerprint: str
    subject: str = ""
    dns_names: tuple[str, ...] = ()

    @property
    def name(self) -> str | None:
        """The certificate's one name, dNSName before CN; None when there is none or several."""
        names = self.dns_names or _common_names(self.subject)
        return names[0] if len(names) == 1 else None


def presented_certificate(header: str) -> ForwardedCertificate:
    """The certificate of the only element; raises `MalformedXFCC`, also for several elements."""
    elements = parse_xfcc(header)
    if len(elements) != 1:
        raise MalformedXFCC(f"expected one element, received {len(elements)}")
    return elements[0]


def parse_xfcc(header: str) -> tuple[ForwardedCertificate, ...]:
    """Every element, nearest proxy last; raises `MalformedXFCC`."""
    if len(header) > MAX_HEADER_CHARACTERS:
        raise MalformedXFCC(f"at most {MAX_HEADER_CHARACTERS} characters")
    elements: list[list[tuple[str, str]]] = [[]]
    for separator, key, value in _pairs(header):
        if separator == ",":
            elements.append([])
        elements[-1].append((key, value))
    if len(elements) > MAX_ELEMENTS:
        raise MalformedXFCC(f"at most {MAX_ELEMENTS} elements")
    return tuple(_certificate(pairs) for pairs in elements)


def _pairs(header: str) -> Iterator[tuple[str, str, str]]:
    """(separator before it, key in lower case, value without quotes) of each pair."""
    position, separator = 0, ""
    while True:
        match = PAIR.match(header, position)
        if match is None:
            raise MalformedXFCC(f"no key=value pair at character {position}")
        quoted, plain = match.group(2), match.group(3)
        yield separator, match.group(1).lower(), quoted if quoted is not None else plain
        position = match.end()
        if position == len(header):
            return
        separator = header[position]
        if separator not in ",;":
            raise MalformedXFCC(f"expected a separator at character {position}")
        position += 1


def _certificate(pairs: list[tuple[str, str]]) -> ForwardedCertificate:
    hashes = [value for key, value in pairs if key == "hash"]
    subjects = [value for key, value in pairs if key == "subject"]
    if len(hashes) != 1 or not FINGERPRINT.fullmatch(hashes[0]):
        raise MalformedXFCC("an element has exactly one Hash of 64 lower-case hex digits")
    if len(subjects) > 1:
        raise MalformedXFCC("an element has at most one Subject")
    names = tuple(value.lower() for key, value in pairs if key == "dns")
    return ForwardedCertificate(hashes[0], subjects[0] if subjects else "", names)


def _common_names(subject: str) -> tuple[str, ...]:
    """The common names of a subject written as in RFC 2253; none when it cannot be read, or when one is no host's name."""
    try:
        name = x509.Name.from_rfc4514_string(subject) if subject else x509.Name([])
    except ValueError:
        return ()
    names = tuple(str(attribute.value) for attribute in name.get_attributes_for_oid(NameOID.COMMON_NAME))
    return tuple(name.lower() for name in names) if all(name.isascii() for name in names) else ()  # NOTE: the small letter of U+212A is an ASCII k
