"""Base64url without padding, canonical or refused (RFC 7515 section 2, RFC 4648 section 3.5)."""

from base64 import urlsafe_b64encode
from binascii import Error as _Base64Error
from binascii import a2b_base64, b2a_base64
from collections.abc import Iterable, Iterator
from typing import Final

# One pass swaps the two url-safe characters in and turns those of plain base64, and padding, into a character
# that the strict decoder refuses.
_TO_PLAIN: Final = bytes.maketrans(b"-_+/=", b"+/!!!")
_ALPHABET: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_LAST: Final[dict[int, frozenset[int]]] = {  # by length modulo 4: characters whose unused low bits are zero
    2: frozenset(_ALPHABET[::16]),
    3: frozenset(_ALPHABET[::4]),
}
_PADDING: Final = {0: b"", 2: b"==", 3: b"="}


_TO_URL: Final = bytes.maketrans(b"+/", b"-_")


PIECE_BYTES: Final = 98_304
"""What is large is worked on in pieces that stay in the processor's caches: a multiple of 3 and of 4, so that no piece but the last needs padding."""


def encode_bytes(data: bytes) -> bytes:
    """Return `data` as base64url without padding, as octets."""
    return b"".join(encode_pieces(pieces(data)))


def pieces(data: bytes | memoryview) -> Iterator[memoryview]:
    """Return what is large in pieces; nothing is copied."""
    view = memoryview(data)
    return (view[at : at + PIECE_BYTES] for at in range(0, len(view), PIECE_BYTES))


def encode_pieces(parts: Iterable[bytes | memoryview]) -> list[bytes]:
    """Return base64url without padding of parts that follow each other, in pieces for the caller to join with what surrounds them."""
    found: list[bytes] = []
    rest = b""
    for part in parts:
        octets = b"".join((rest, part)) if rest else part
        whole = len(octets) - len(octets) % 3
        found.append(b2a_base64(octets[:whole], newline=False).translate(_TO_URL))
        rest = bytes(octets[whole:])
    found.append(b2a_base64(rest, newline=False).rstrip(b"=").translate(_TO_URL))
    return found


def decode_large(text: bytes | memoryview) -> bytes:
    """Return what `decode` returns, of a text that may be large. Raises `ValueError`."""
    return b"".join([decode(bytes(piece)) for piece in pieces(text)])


def encode(data: bytes) -> str:
    """Return `data` as base64url without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode(text: bytes) -> bytes:
    """Return the bytes that `text` stands for. One value has one spelling: raises `ValueError` for every other."""
    remainder = len(text) & 3
    if remainder:
        if remainder == 1 or text[-1] not in _LAST[remainder]:
            raise ValueError("not canonical base64url")
        padded = text.translate(_TO_PLAIN) + _PADDING[remainder]
    else:
        padded = text.translate(_TO_PLAIN)
    try:
        return a2b_base64(padded, strict_mode=True)
    except _Base64Error:
        raise ValueError("not base64url") from None


def decode_integer(text: str) -> int:
    """Return the unsigned big-endian number of RFC 7518 section 2, Base64urlUInt.

    Raises `ValueError` when the text is not canonical base64url, is empty, or has a leading zero octet.
    """
    data = decode(text.encode("ascii"))
    if not data or (data[0] == 0 and len(data) > 1):
        raise ValueError("not a minimal unsigned integer")
    return int.from_bytes(data)


def encode_integer(value: int) -> str:
    """Return Base64urlUInt of `value`."""
    return encode(value.to_bytes(max(1, (value.bit_length() + 7) // 8)))
