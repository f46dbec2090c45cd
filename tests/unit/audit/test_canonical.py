"""Canonical JSON (RFC 8785)."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardgate.audit.canonical import canonical

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(value=values)
def test_round_trip_and_order(value: Any) -> None:
    """The text parses to the value, is the same whatever the order of names, and has them by UTF-16 code unit."""
    text = canonical(value)
    assert json.loads(text) == value
    assert canonical(json.loads(text, object_pairs_hook=lambda pairs: dict(reversed(pairs)))) == text
    json.loads(text, object_pairs_hook=lambda pairs: _in_order([name for name, _ in pairs]))


def _in_order(names: list[str]) -> None:
    units = [name.encode("utf-16-be") for name in names]
    assert units == sorted(units)


def test_order_of_rfc_8785_section_3_2_3() -> None:
    """The RFC's own example of names, among them one beyond the basic plane that sorts before U+FB33."""
    names = {"\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh", "1": "One",
             "\U0001f600": "Emoji: Grinning Face", "\u0080": "Control", "\u00f6": "Latin Small Letter O With Diaeresis"}
    assert list(json.loads(canonical(names))) == ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]


def test_escapes_of_rfc_8785_section_3_2_2_2() -> None:
    """Short escapes where JSON has them, lower-case hexadecimal for other controls, everything else as it is."""
    assert canonical('\b\t\n\f\r"\\/\u000f\u007f\u2028é€') == '"\\b\\t\\n\\f\\r\\"\\\\/\\u000f\u007f\u2028é€"'


@pytest.mark.parametrize("bad", [1.0, float("nan"), 2**53, -(2**53), {"a": 0.5}, [1.5], {1: "a"}, {"a": {2: "b"}}, b"x", {"a": {1, 2}}, "\ud800", {"\udfff": 1}],
                         ids=repr)
def test_what_has_no_canonical_form_is_refused(bad: Any) -> None:
    """Floats, large integers, names that are not text, bytes, sets, lone surrogates."""
    with pytest.raises(ValueError, match=r"."):
        canonical(bad)
