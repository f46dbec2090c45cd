"""Details as one text."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardgate.audit.handed_on import MAX_CHARACTERS, packed, unpacked
from wardgate.audit.model import Patient, Personal
from wardgate.audit.redact import redact_value

_VALUES = st.one_of(
    st.text(max_size=700), st.booleans(), st.integers(-(2**53), 2**53), st.none(), st.builds(Personal, st.text(max_size=40)), st.builds(Patient, st.text(max_size=10))
)


@given(st.dictionaries(st.text(min_size=1, max_size=20), _VALUES, max_size=10))
def test_what_was_packed_is_recorded_the_same(details: dict[str, str | int | bool | Personal | None]) -> None:
    """Each detail that comes back is stored as it would have been at once, and none is invented."""
    found = unpacked(packed(details))
    assert set(found) <= {name for name, value in details.items() if value is not None}
    assert len(found) == len([value for value in details.values() if value is not None]) or len(packed(details)) > MAX_CHARACTERS / 2
    for name, value in found.items():
        assert type(value) is type(details[name])
        assert redact_value(value, b"key") == redact_value(details[name], b"key")


def test_the_text_has_a_bound() -> None:
    """However much there is to say, the text fits where it must go."""
    details = {f"name-{number}": "é" * 600 for number in range(70)}
    assert len(packed(details)) <= MAX_CHARACTERS
    assert unpacked(packed(details))


@pytest.mark.parametrize("text", ["", "{}", "[1]", '[["a",0]]', '[["a",0,null]]', '[[1,0,"x"]]', '[["a",0,[1]]]', json.dumps("x")])
def test_other_text_is_refused(text: str) -> None:
    """Only what `packed` writes is read."""
    with pytest.raises(ValueError, match=r".+"):
        unpacked(text)
