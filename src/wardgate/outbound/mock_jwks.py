"""Key sets that are their own address: `/mock-jwks/{base64url of the set}` (application-restricted 6.1 (c), 15.2)."""

from typing import Final
from urllib.parse import unquote

from wardgate.jose import base64url
from wardgate.jose.jwk_set import MAX_SET_BYTES

PREFIX: Final = "/mock-jwks/"
_MAX_TEXT_CHARS: Final = MAX_SET_BYTES * 4 // 3 + 4


def decode_path(text: str) -> bytes:
    """Return the document that the rest of the path spells, padded or not. Raises `ValueError`."""
    if len(text) > _MAX_TEXT_CHARS:
        raise ValueError("too long")
    return base64url.decode(unquote(text).rstrip("=").encode("ascii"))
