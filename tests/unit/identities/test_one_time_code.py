"""One-time codes: the published vectors of RFC 6238, and which steps are accepted."""

from base64 import b32encode
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from wardgate.identities.one_time_code import (
    TOTPSecret,
    code_of,
    key_of,
    step_at,
    step_of_code,
    usable_until,
)

KEY = b"12345678901234567890"
STATED = TypeAdapter(TOTPSecret)
PUBLISHED = [
    (59, 0x1, "94287082"), (1111111109, 0x23523EC, "07081804"), (1111111111, 0x23523ED, "14050471"), (1234567890, 0x273EF07, "89005924"),
    (2000000000, 0x3F940AA, "69279037"), (20000000000, 0x27BC86AA, "65353130"),
]
"""RFC 6238 appendix B, SHA-1: seconds since 1970, step, code of eight digits."""


@pytest.mark.parametrize(("seconds", "step", "code"), PUBLISHED)
def test_published_vectors(seconds: int, step: int, code: str) -> None:
    """Of eight digits as published, and of six as apps show them."""
    now = datetime.fromtimestamp(seconds, UTC)
    assert step_at(now) == step
    assert code_of(KEY, step, digits=8) == code
    assert code_of(KEY, step) == code[2:]
    assert step_of_code(KEY, code[2:], now) == step
    assert step_of_code(KEY, code, now) is None


@pytest.mark.parametrize(("seconds", "accepted"), [
    (-60.1, False), (-60, False), (-31, False), (-30, True), (-1, True), (0, True), (29.999, True), (30, True), (59.999, True), (60, False)])
def test_a_step_before_and_a_step_after(seconds: float, accepted: bool) -> None:
    """A code is right in its own 30 seconds and in those on both sides, to the edge."""
    step = 0x23523EC
    now = datetime.fromtimestamp(step * 30, UTC) + timedelta(seconds=seconds)
    assert step_of_code(KEY, code_of(KEY, step), now) == (step if accepted else None)


@pytest.mark.parametrize("code", ["", "0", "94287082", "\u0669\u0664\u0662\u0668\u0667\u0660", " 287082", "28708\n", "\ud800"])
def test_what_is_no_code(code: str) -> None:
    """Nothing but the six digits."""
    assert step_of_code(KEY, code, datetime.fromtimestamp(59, UTC)) is None


def test_the_beginning_of_time() -> None:
    """There is no step before the first."""
    assert step_of_code(KEY, code_of(KEY, 0), datetime.fromtimestamp(0, UTC)) == 0


@given(st.integers(0, 4_000_000_000), st.integers(-120, 120))
def test_a_code_is_remembered_for_as_long_as_it_is_right(seconds: int, later: int) -> None:
    """Once its use may be forgotten, it is not accepted any more."""
    now = datetime.fromtimestamp(seconds, UTC)
    step = step_at(now)
    moment = now + timedelta(seconds=later)
    if seconds + later >= 0 and moment >= usable_until(step):
        assert step_of_code(KEY, code_of(KEY, step), moment) != step


@pytest.mark.parametrize("size", [16, 17, 20, 32, 64])
def test_secrets(size: int) -> None:
    """Base32 without padding, of 16 to 64 bytes."""
    key = bytes(range(size))
    secret = b32encode(key).decode().rstrip("=")
    assert STATED.validate_python(secret) == secret
    assert key_of(secret) == key


@pytest.mark.parametrize("secret", [
    "", "GEZDGNBVGY3TQOJQ", b32encode(bytes(15)).decode().rstrip("="), b32encode(bytes(65)).decode().rstrip("="), b32encode(bytes(17)).decode(),
    b32encode(bytes(20)).decode().lower(), "1" * 32, "A" * 27, "A" * 30, "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ"])
def test_secrets_that_are_refused(secret: str) -> None:
    """Too short, too long, padded, small letters, other characters, a length that no bytes have."""
    with pytest.raises(ValidationError):
        STATED.validate_python(secret)
