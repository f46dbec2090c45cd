"""Canonical JSON: the published vectors, and text whose canonical form would lose something."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from wardgate.jose.canonical import MAX_DEPTH, canonical, decode_exact
from wardgate.jose.errors import MalformedJSON

PUBLISHED: dict[str, Any] = json.loads((Path(__file__).parents[2] / "vectors/jose/rfc8785.json").read_text())
LIMIT = 10_000


@pytest.mark.parametrize("vector", PUBLISHED["vectors"], ids=lambda vector: vector["name"])
def test_published_vectors(vector: dict[str, str]) -> None:
    """The values that RFC 8785 is published with come out octet by octet."""
    assert canonical(json.loads(vector["input"])) == vector["output"].encode()


def test_the_published_sample() -> None:
    """Section 3.2.2's text becomes the octets of 3.2.4."""
    assert canonical(json.loads(PUBLISHED["sample"]["input"])) == bytes.fromhex(PUBLISHED["sample"]["output_hex"])


@pytest.mark.parametrize(("double", "written"), PUBLISHED["numbers"], ids=str)
def test_published_numbers(double: str, written: str | None) -> None:
    """Appendix B: each double as ECMAScript writes it; what is no number has no canonical form."""
    value = struct.unpack(">d", bytes.fromhex(double))[0]
    if written is None:
        with pytest.raises(MalformedJSON):
            canonical([value])
    else:
        assert canonical([value]) == f"[{written}]".encode()


REFUSED = {
    "a name twice": b'{"a":1,"a":1}',
    "a name twice, deep inside": b'{"a":[{"b":{"c":1,"c":2}}]}',
    "a name twice, once with an escape": b'{"a":1,"\\u0061":1}',
    "a decimal with a trailing zero": b'{"a":2.00}',
    "a decimal that is an integer": b'{"a":56.0}',
    "more digits than a double has": b'{"a":0.1000000000000000055}',
    "an exponent": b'{"a":1e3}',
    "a capital exponent": b'{"a":1E30}',
    "beyond doubles": b'{"a":1e400}',
    "minus zero": b'{"a":-0}',
    "minus zero with a fraction": b'{"a":-0.0}',
    "an integer of 2^53": b'{"a":9007199254740992}',
    "an integer of 2^53 + 1": b'{"a":9007199254740993}',
    "an integer of a thousand digits": b'{"a":' + b"1" * 1000 + b"}",
    "a decimal of a thousand digits": b'{"a":0.' + b"1" * 1000 + b"}",
    "not a number": b'{"a":NaN}',
    "half of a character": b'{"a":"\\ud83d"}',
    "half of a character in a name": b'{"\\ud83d":1}',
    "a byte order mark": b'\xef\xbb\xbf{"a":1}',
    "not UTF-8": b'{"a":"\xff"}',
    "a list": b"[1]",
    "nothing": b"",
    "two values": b"{}{}",
    "a control character": b'{"a":"\n"}',
    "too deep": b'{"a":' + b"[" * MAX_DEPTH + b"1" + b"]" * MAX_DEPTH + b"}",
    "far too deep": b'{"a":' + b"[" * 4_000 + b"]" * 4_000 + b"}",
    "too large": b'{"a":"' + b"a" * LIMIT + b'"}',
}


@pytest.mark.parametrize("name", REFUSED)
def test_text_of_two_meanings_is_refused(name: str) -> None:
    """What a signature over the canonical form would not notice, nobody signs."""
    with pytest.raises(MalformedJSON):
        decode_exact(REFUSED[name], LIMIT)


@pytest.mark.parametrize("text", ["0", "5", "-7", "0.5", "2.25", "1e+30", "1e-27", "9007199254740991", "333333333.3333333"])
def test_numbers_as_the_canonical_form_writes_them_are_read(text: str) -> None:
    """They lose nothing."""
    document = b'{"a":%b}' % text.encode()
    assert canonical(decode_exact(document, LIMIT)) == document


def test_as_deep_as_allowed() -> None:
    """The limit is the limit."""
    decode_exact(b'{"a":' + b"[" * (MAX_DEPTH - 1) + b"1" + b"]" * (MAX_DEPTH - 1) + b"}", LIMIT)


@pytest.mark.parametrize("value", [{"a": float("nan")}, {"a": float("inf")}, {"a": 2**53}, {"a": "\ud800"}, {1: 2}, {"a": b""}], ids=repr)
def test_values_without_a_canonical_form_are_refused(value: Any) -> None:
    """Ours too."""
    with pytest.raises(MalformedJSON):
        canonical(value)


FLOATS = st.floats(allow_nan=False, allow_infinity=False).filter(lambda value: not 2**53 <= abs(value) < 1e21)  # written as integers too large to trust
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | FLOATS | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=12,
)


@given(st.dictionaries(st.text(), JSON, max_size=5))
def test_what_is_canonical_is_read_and_written_the_same(value: dict[str, Any]) -> None:
    """Reading a canonical text and writing it gives the same octets, and the library's."""
    written = canonical(value)
    assert canonical(decode_exact(written, 1_000_000)) == written == rfc8785.dumps(value)
