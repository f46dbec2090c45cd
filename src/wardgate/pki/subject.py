"""The subject of a request, read from its DER without the library's opinion of how long a field may be."""

from dataclasses import dataclass
from typing import Final

from wardgate.pki import der
from wardgate.pki.errors import MalformedDER

COMMON_NAME: Final = "2.5.4.3"
FIELD_NAMES: Final = {
    COMMON_NAME: "CN", "2.5.4.4": "SN", "2.5.4.5": "serialNumber", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST",
    "2.5.4.9": "street", "2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.12": "title", "2.5.4.42": "GN",
    "1.2.840.113549.1.9.1": "emailAddress", "0.9.2342.19200300.100.1.1": "UID", "0.9.2342.19200300.100.1.25": "DC",
}  # fmt: skip
STRINGS: Final = {der.UTF8_STRING: "utf-8", der.PRINTABLE_STRING: "ascii"}
"""How a common name may be written (RFC 5280 section 4.1.2.4)."""


@dataclass(frozen=True, slots=True)
class Field:
    """One attribute of a distinguished name. `text` is None for a string type that names are not written in."""

    identifier: str
    text: str | None

    @property
    def name(self) -> str:
        """What people call the field."""
        return FIELD_NAMES.get(self.identifier, self.identifier)


def request_subject(tbs_request: bytes) -> tuple[Field, ...]:
    """Every field of a CertificationRequestInfo's subject (RFC 2986 section 4.1); raises `MalformedDER`."""
    info = der.Reader(tbs_request).inner(der.SEQUENCE)
    info.integer()
    fields: list[Field] = []
    names = info.inner(der.SEQUENCE)
    while not names.at_end:
        relative = names.inner(der.SET)
        while not relative.at_end:
            fields.append(_field(relative.inner(der.SEQUENCE)))
    return tuple(fields)


def _field(attribute: der.Reader) -> Field:
    identifier = der.dotted(attribute.element(der.OBJECT_IDENTIFIER))
    tag, content = attribute.any()
    attribute.end()
    if tag not in STRINGS:
        return Field(identifier, None)
    try:
        return Field(identifier, content.decode(STRINGS[tag]))
    except UnicodeDecodeError as error:
        raise MalformedDER("a field of the subject is not in its own alphabet") from error
