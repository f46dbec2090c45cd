"""`Mex-Content-Checksum`, where it is of a kind that can be verified: `SHA256` and 64 hex digits (itk3-messaging 5.3, 5.6)."""

import re
from typing import Final

_SHA256: Final = re.compile(r"\s*sha-?256[\s:]+([0-9a-f]{64})\s*", re.IGNORECASE | re.ASCII)


def sha256_of(header: str) -> str | None:
    """Return the hash in lower-case hex, or None for a checksum of another kind, which is passed on unread."""
    match = _SHA256.fullmatch(header)
    return match[1].lower() if match else None
