"""Filters as BER, written apart from the code that reads them."""

from wardgate.directory.filter import And, Equal, Filter, Not, Or, Present, Substrings


def tlv(tag: int, *parts: bytes) -> bytes:
    """Return one value in BER."""
    body = b"".join(parts)
    if len(body) < 0x80:
        return bytes([tag, len(body)]) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + body


def ber(filter_: Filter) -> bytes:
    """Return a filter's bytes (RFC 4511 section 4.5.1)."""
    match filter_:
        case And(filters):
            return tlv(0xA0, *map(ber, filters))
        case Or(filters):
            return tlv(0xA1, *map(ber, filters))
        case Not(other):
            return tlv(0xA2, ber(other))
        case Equal(attribute, value):
            return tlv(0xA3, tlv(4, attribute.encode()), tlv(4, value.encode()))
        case Present(attribute):
            return tlv(0x87, attribute.encode())
        case Substrings(attribute, first, middle, last):
            parts = [(0x80, first), *((0x81, part) for part in middle), (0x82, last)]
            return tlv(0xA4, tlv(4, attribute.encode()), tlv(0x30, *(tlv(tag, part.encode()) for tag, part in parts if part)))
