"""Distinguished names as ITK2 writes them, compared by what they say (itk3-messaging 2.3): Java's text of a certificate's subject.

Most specific part first, parts separated by a comma or semicolon, values quoted or escaped where they must be (RFC 1779, RFC 4514).
"""

import re
from typing import Final

from cryptography import x509
from cryptography.x509.oid import NameOID

MAX_NAME_CHARS: Final = 1024
_KEYWORDS: Final = {
    "CN": NameOID.COMMON_NAME, "OU": NameOID.ORGANIZATIONAL_UNIT_NAME, "O": NameOID.ORGANIZATION_NAME, "C": NameOID.COUNTRY_NAME,
    "L": NameOID.LOCALITY_NAME, "ST": NameOID.STATE_OR_PROVINCE_NAME, "S": NameOID.STATE_OR_PROVINCE_NAME, "STREET": NameOID.STREET_ADDRESS,
    "DC": NameOID.DOMAIN_COMPONENT, "UID": NameOID.USER_ID, "EMAILADDRESS": NameOID.EMAIL_ADDRESS, "E": NameOID.EMAIL_ADDRESS,
    "SERIALNUMBER": NameOID.SERIAL_NUMBER, "T": NameOID.TITLE, "GIVENNAME": NameOID.GIVEN_NAME, "SURNAME": NameOID.SURNAME,
}
_PART: Final = re.compile(
    r'\s*(?P<type>[A-Za-z]+|(?:OID\.)?[0-9]+(?:\.[0-9]+)+)\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*+)"|(?P<plain>(?:[^,;+"\\]|\\.)*+))\s*(?P<end>[,;+]|\Z)',
    re.DOTALL,
)
_ESCAPED: Final = re.compile(r"\\([0-9A-Fa-f]{2}|.)", re.DOTALL)

Parsed = tuple[tuple[tuple[str, str], ...], ...]
"""Parts, most specific first, each of one or more attributes: the dotted type, and the value without regard to case and repeated spaces."""


def parse_name(text: str) -> Parsed | None:
    """Return what a name says; None when it is none."""
    if len(text) > MAX_NAME_CHARS:
        return None
    parts: list[tuple[tuple[str, str], ...]] = []
    together: list[tuple[str, str]] = []
    at = 0
    while (found := _PART.match(text, at)) is not None:
        kind = found["type"].upper().removeprefix("OID.")
        dotted = _KEYWORDS[kind].dotted_string if kind in _KEYWORDS else kind
        if dotted[0].isalpha():
            return None
        value = found["quoted"] if found["quoted"] is not None else found["plain"].strip()
        together.append((dotted, _folded(_ESCAPED.sub(_unescaped, value))))
        if found["end"] != "+":
            parts.append(tuple(sorted(together)))
            together = []
        if not found["end"]:
            return tuple(parts)
        at = found.end()
    return None


def _unescaped(found: re.Match[str]) -> str:
    return chr(int(found[1], 16)) if len(found[1]) == 2 else found[1]


def _folded(value: str) -> str:
    return " ".join(value.split()).casefold()


def subject_of(certificate: x509.Certificate) -> Parsed:
    """Return what a certificate's subject says, in the same form."""
    return tuple(tuple(sorted((one.oid.dotted_string, _folded(str(one.value))) for one in part)) for part in reversed(certificate.subject.rdns))
