"""JSON that means one thing."""

import json

import pytest

from wardgate.jose.strict_json import decode_object

BAD = {
    "a name twice": b'{"a":1,"a":1}', "a name twice, spelt otherwise": b'{"a":1,"\\u0061":2}', "NaN": b'{"a":NaN}', "infinity": b'{"a":-Infinity}', "a list": b"[]",
    "nothing": b"", "two objects": b"{}{}", "bytes that are no UTF-8": b'{"a":"\xff"}', "a byte order mark": b"\xef\xbb\xbf{}",
    "half a character": b'{"a":"\\ud800"}', "half a character as a name": b'{"\\uDC00":1}', "half a character, deep": b'{"a":[{"b":["x\\udfff"]}]}',
    "halves the wrong way round": b'{"a":"\\udc00\\ud800"}', "a hundred thousand levels": b'{"a":' + b"[" * 100_000, "five thousand digits": b'{"a":' + b"9" * 5_000 + b"}",
}


@pytest.mark.parametrize("data", BAD.values(), ids=BAD.keys())
def test_what_is_refused(data: bytes) -> None:
    """RFC 8259 sections 4 and 8.2; RFC 7493 section 2.1: half a character cannot be written down anywhere."""
    with pytest.raises(ValueError):  # noqa: PT011 - callers say in their own words what was wrong
        decode_object(data)


def test_what_is_taken() -> None:
    """A character in two halves is one character."""
    assert decode_object(b'{"a":"\\ud83d\\ude00 \\u00e9","b":[1,2.5,null,true]}') == {"a": "\U0001f600 \u00e9", "b": [1, 2.5, None, True]}
    assert decode_object(json.dumps({"\u00e9": "\U0001f600"}).encode()) == {"\u00e9": "\U0001f600"}
