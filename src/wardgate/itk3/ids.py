"""UUIDs, from random octets or from what is known already (RFC 9562 sections 5.4 and 5.8)."""

import re
from collections.abc import Callable
from hashlib import sha256
from typing import Final

from wardgate.itk3.names import URN_UUID

Random = Callable[[int], bytes]
_UUID: Final = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


def is_uuid(text: str) -> bool:
    """Return whether a text is a UUID, in either case."""
    return _UUID.fullmatch(text) is not None


def is_urn(text: str) -> bool:
    """Return whether a text is a UUID as a URN."""
    return text.startswith(URN_UUID) and is_uuid(text.removeprefix(URN_UUID))


def made(random: Random) -> str:
    """Return a new UUID of version 4."""
    return _written(random(16), 4)


def derived(*parts: str) -> str:
    """Return the UUID of version 8 that these texts always give."""
    return _written(sha256("\0".join(parts).encode("utf-8")).digest()[:16], 8)


def urn(of: str, *parts: str) -> str:
    """Return an id as a URN: the id's own when it is a UUID, one that follows from it and `parts` when not."""
    return f"{URN_UUID}{of.lower() if is_uuid(of) else derived(of, *parts)}"


def _written(octets: bytes, version: int) -> str:
    value = bytearray(octets)
    value[6] = value[6] & 0x0F | version << 4
    value[8] = value[8] & 0x3F | 0x80
    text = value.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
