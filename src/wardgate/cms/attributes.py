"""Attributes: each type once, in the order of DER, so that nobody reads another value than was signed (RFC 5652 section 5.3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from wardgate.cms.errors import MalformedCMS
from wardgate.cms.oids import oid
from wardgate.cms.reading import identifier, set_of, strictly
from wardgate.pki import der

MAX_ATTRIBUTES: Final = 32
MAX_VALUES: Final = 16


@dataclass(frozen=True, slots=True)
class Attributes:
    """A set of attributes, and the octets that a signature or a tag covers: those of the SET OF."""

    values: Mapping[str, tuple[bytes, ...]]
    octets: bytes

    def one(self, name: str) -> bytes | None:
        """The one value of an attribute, encoded; None when it is absent. Raises `MalformedCMS` for several."""
        found = self.values.get(name)
        if found is None:
            return None
        if len(found) != 1:
            raise MalformedCMS("an attribute of one value has several")
        return found[0]

    def octet_string(self, name: str) -> bytes | None:
        """The one value, which is an OCTET STRING; None when it is absent."""
        value = self.one(name)
        if value is None:
            return None
        with strictly("an attribute"):
            reader = der.Reader(value)
            found = reader.element(der.OCTET_STRING)
            reader.end()
        return found


NONE: Final = Attributes({}, b"")


def read_attributes(content: bytes) -> Attributes:
    """Read the contents of a SET OF Attribute. Raises `MalformedCMS` for a type that is there twice, and for another order than that of DER."""
    values: dict[str, tuple[bytes, ...]] = {}
    encoded: list[bytes] = []
    with strictly("attributes"):
        reader = der.Reader(content)
        while not reader.at_end:
            if len(encoded) >= MAX_ATTRIBUTES:
                raise MalformedCMS("too many attributes")
            encoded.append(reader.encoded(der.SEQUENCE))
            name, found = _attribute(encoded[-1])
            if name in values:
                raise MalformedCMS(f"an attribute is there twice: {name}")
            values[name] = found
    if not values:
        raise MalformedCMS("an empty set of attributes")
    if encoded != sorted(encoded):
        raise MalformedCMS("attributes are not in the order of DER")
    return Attributes(values, der.write(der.SET, content))


def _attribute(encoded: bytes) -> tuple[str, tuple[bytes, ...]]:
    reader = der.Reader(encoded).inner(der.SEQUENCE)
    name = identifier(reader)
    inner = reader.inner(der.SET)
    reader.end()
    values = []
    while not inner.at_end:
        tag, content = inner.any()
        values.append(der.write(tag, content))
        if len(values) > MAX_VALUES:
            raise MalformedCMS("too many values")
    if not values:
        raise MalformedCMS("an attribute without a value")
    return name, tuple(values)


def write_attributes(values: Mapping[str, Sequence[bytes]]) -> bytes:
    """The SET OF Attribute, of encoded values by type."""
    return set_of([der.sequence((oid(name), set_of(list(found)))) for name, found in values.items()])


def implicit(encoded: bytes, number: int) -> bytes:
    """A SET under the implicit tag [number] instead."""
    return bytes((der.context(number),)) + encoded[1:]
