"""What may be sealed: media types, size, and gzip before signing (itk3-messaging 6, on size)."""

import zlib
from typing import Final

from wardgate.sealing.errors import SealRefused
from wardgate.sealing.model import Limits

GZIP: Final = {"application/fhir+xml+gzip": "application/fhir+xml"}
MEDIA_TYPES: Final = frozenset({"application/fhir+xml", "application/fhir+json"})
"""Of contents: `cty` is one of these, or the gzip form of XML."""
_GZIP_WINDOW: Final = 31


def to_sign(content: bytes, media_type: str, limits: Limits, *, compress: bool) -> tuple[bytes, str]:
    """Return the octets to sign and their `cty`. Raises `SealRefused`."""
    if media_type not in MEDIA_TYPES:
        raise SealRefused("seal-algorithm-refused", " or ".join(sorted(MEDIA_TYPES)), "another media type")
    if not 0 < len(content) <= limits.max_content_bytes:
        raise SealRefused("seal-too-large", f"1 to {limits.max_content_bytes} bytes", f"{len(content)} bytes")
    packed = next((name for name, inner in GZIP.items() if inner == media_type), None)
    if not compress or packed is None:
        return content, media_type
    squeeze = zlib.compressobj(6, zlib.DEFLATED, _GZIP_WINDOW)
    return squeeze.compress(content) + squeeze.flush(), packed


def unfold(octets: bytes, cty: str | None, limits: Limits) -> tuple[bytes, str]:
    """Return the content and its media type. Raises `SealRefused`: never more than the limit is unfolded."""
    if cty in MEDIA_TYPES:
        if len(octets) > limits.max_content_bytes:
            raise SealRefused("seal-too-large", f"at most {limits.max_content_bytes} bytes", f"{len(octets)} bytes")
        return octets, str(cty)
    if cty not in GZIP:
        raise SealRefused("seal-algorithm-refused", "cty is a media type of FHIR", "another")
    loosen = zlib.decompressobj(_GZIP_WINDOW)
    try:
        content = loosen.decompress(octets, limits.max_content_bytes + 1)
    except zlib.error:
        raise SealRefused("seal-malformed", "gzip, as cty says", "other octets") from None
    if len(content) > limits.max_content_bytes:
        raise SealRefused("seal-too-large", f"at most {limits.max_content_bytes} bytes unfolded", "more")
    if not loosen.eof or loosen.unused_data:
        raise SealRefused("seal-malformed", "one whole member of gzip", "a part of one, or more than one")
    return content, GZIP[cty]
