"""Taking a large member out of JSON gives what parsing all of it gives."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardgate.jose.large_member import decode_object_without
from wardgate.jose.strict_json import decode_object

ROWS = {
    "plain": b'{"a":1,"big":"AAAA","c":2}',
    "absent": b'{"a":1}',
    "spaced": b'{"big" : "AAAA"}',
    "an escape in the name": b'{"\\u0062ig":"AAAA"}',
    "inside another object": b'{"x":{"big":"AAAA"}}',
    "inside and outside, spaced": b'{"x":{"big":"AAAA"},"big": "BBBB"}',
    "inside, where outside is a stand-in": b'{"x":{"big":"AAAA"},"big": "*0*"}',
    "inside, where outside is a number": b'{"x":{"big":"AAAA"},"big": 1}',
    "in a text": b'{"x":"\\"big\\":\\"AAAA\\"","big":"BBBB"}',
    "with an escape": b'{"big":"AA\\nAA"}',
    "not text": b'{"big":["AAAA"]}',
    "stand-ins everywhere": b'{"x":"' + b"".join(b"*%d*" % number for number in range(80)) + b'","big":"AAAA"}',
    "outside ASCII": '{"big":"ä"}'.encode(),
}


@pytest.mark.parametrize("name", ROWS)
def test_it_is_the_member_of_the_outermost_object(name: str) -> None:
    """Whatever stands elsewhere."""
    whole = json.loads(ROWS[name])
    found, value = decode_object_without(ROWS[name], "big")
    expected = whole.get("big")
    assert value == (expected.encode() if isinstance(expected, str) else None)
    assert {key: found[key] for key in found if key != "big"} == {key: whole[key] for key in whole if key != "big"}


@pytest.mark.parametrize("data", [b'{"big":"A","big":"B"}', b'{"big":"A","\\u0062ig":"B"}', b'{"big":"A"', b'{"big":"A', b'["big"]', b'{"big":"A"}x', b'{"big":"AAAA""}'])
def test_what_is_no_json_is_refused(data: bytes) -> None:
    """Repeated names too."""
    with pytest.raises(ValueError):  # noqa: PT011 - of JSON's own, or of ours
        decode_object_without(data, "big")


@given(st.binary(max_size=40), st.sampled_from([b'{"big":"%b"}', b'{"a":"%b","big":"x"}', b'{"big":"x","a":{"big":"%b"}}', b"%b"]))
def test_no_octets_make_a_difference(octets: bytes, around: bytes) -> None:
    """Octets that JSON refuses are refused, or are cut out whole for the decoder of base64url, which knows none of them."""
    data = around % octets
    try:
        expected = decode_object(data)
    except ValueError:
        expected = None
    try:
        found, value = decode_object_without(data, "big")
    except ValueError:
        assert expected is None
        return
    if expected is None:
        assert value is not None
        assert any(byte < 0x20 or byte > 0x7E for byte in value)
    else:
        assert value == (expected["big"].encode() if isinstance(expected.get("big"), str) else None)
        assert found.keys() == expected.keys()
