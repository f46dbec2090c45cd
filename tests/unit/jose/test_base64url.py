"""Base64url: one value has one spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardgate.jose import base64url


@given(st.binary(max_size=200))
def test_what_is_encoded_decodes_to_itself(data: bytes) -> None:
    """Encoding and decoding are each other's inverse."""
    assert base64url.decode(base64url.encode(data).encode()) == data


@given(st.binary(max_size=12))
def test_text_that_decodes_is_its_own_canonical_spelling(text: bytes) -> None:
    """No second spelling of any value is accepted: the signed text cannot be varied."""
    try:
        data = base64url.decode(text)
    except ValueError:
        return
    assert base64url.encode(data).encode() == text


@pytest.mark.parametrize("text", [b"QQ==", b"QQ=", b"QR", b"QUJ", b"+A", b"/w", b"a", b"abcde", b"QU I", b"QQ\n", b"\xc3\xa9AA", b"A.A="])
def test_other_spellings_are_refused(text: bytes) -> None:
    """Padding, plain base64, white space, stray bits and impossible lengths are refused."""
    with pytest.raises(ValueError, match="base64url"):
        base64url.decode(text)


def test_integers_have_no_leading_zero() -> None:
    """RFC 7518 section 2: Base64urlUInt is minimal."""
    assert base64url.decode_integer("AQAB") == 65537
    assert base64url.encode_integer(65537) == "AQAB"
    assert base64url.encode_integer(0) == "AA"
    for text in ("", "AAEAAQ"):
        with pytest.raises(ValueError, match="minimal"):
            base64url.decode_integer(text)


@given(st.lists(st.binary(max_size=40), max_size=6))
def test_pieces_that_follow_each_other_are_encoded_as_one(parts: list[bytes]) -> None:
    """Wherever they are cut."""
    assert b"".join(base64url.encode_pieces(parts)).decode() == base64url.encode(b"".join(parts))


@pytest.mark.parametrize("size", [0, 1, 2, 3, *(base64url.PIECE_BYTES + more for more in range(-4, 5)), 3 * base64url.PIECE_BYTES + 1])
def test_what_is_large_is_worked_on_in_pieces(size: int) -> None:
    """The result is that of the whole, both ways, and other spellings are refused in every piece."""
    data = (b"\xfb\xff\x00" * (size // 3 + 1))[:size]
    text = base64url.encode_bytes(data)
    assert text.decode() == base64url.encode(data)
    assert base64url.decode_large(text) == data
    for at in range(0, len(text), base64url.PIECE_BYTES // 3 + 7):
        for wrong in (b"=", b"+", b"/", b" ", b"\n"):
            with pytest.raises(ValueError, match="base64url"):
                base64url.decode_large(text[:at] + wrong + text[at + 1 :])
    with pytest.raises(ValueError, match="base64url"):
        base64url.decode_large(text + b"=")
