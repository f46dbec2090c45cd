"""Time-based one-time codes (RFC 6238): SHA-1, steps of 30 seconds, six digits, as authenticator apps make them. Pure."""

from base64 import b32decode
from binascii import Error
from datetime import UTC, datetime, timedelta
from hmac import compare_digest
from typing import Annotated, Final

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from pydantic import AfterValidator, Field

STEP_SECONDS: Final = 30
DIGITS: Final = 6
STEPS_APART: Final = 1
"""A code of the step before or after is right too: clocks differ, and people take time to type (RFC 6238 section 5.2)."""
MIN_SECRET_BYTES: Final = 16
"""RFC 4226 section 4, requirement 6."""
MAX_SECRET_BYTES: Final = 64


def _readable(secret: str) -> str:
    key_of(secret)
    return secret


TOTPSecret = Annotated[str, Field(pattern=r"^[A-Z2-7]{26,103}$"), AfterValidator(_readable)]
"""Base32 without padding: 16 to 64 random bytes."""


def key_of(secret: str) -> bytes:
    """Return the bytes of a secret. Raises `ValueError` for text that is not base32, or too little of it."""
    try:
        key = b32decode(secret + "=" * (-len(secret) % 8))
    except Error:
        raise ValueError("a secret is base32: capital letters and the digits 2 to 7") from None
    if not MIN_SECRET_BYTES <= len(key) <= MAX_SECRET_BYTES:
        raise ValueError(f"a secret has {MIN_SECRET_BYTES} to {MAX_SECRET_BYTES} bytes")
    return key


def step_at(now: datetime) -> int:
    """Return the number of the step that a moment is in."""
    return int(now.timestamp()) // STEP_SECONDS


def code_of(key: bytes, step: int, digits: int = DIGITS) -> str:
    """Return the code of a step."""
    # SHA-1 is what RFC 6238 names first and authenticator apps know; HMAC does not need its collisions to be hard.
    return TOTP(key, digits, SHA1(), STEP_SECONDS).generate(step * STEP_SECONDS).decode("ascii")  # noqa: S303


def step_of_code(key: bytes, code: str, now: datetime) -> int | None:
    """Return the step whose code this is, of those around now; None: of none. Every one is compared, whichever fits."""
    current, found = step_at(now), None
    for step in range(max(0, current - STEPS_APART), current + STEPS_APART + 1):
        if compare_digest(code_of(key, step).encode("ascii"), code.encode("utf-8", "surrogatepass")):
            found = step
    return found


def usable_until(step: int) -> datetime:
    """Return the moment from which the code of a step is never right again."""
    return datetime.fromtimestamp((step + 1 + STEPS_APART) * STEP_SECONDS, UTC) + timedelta(seconds=1)
