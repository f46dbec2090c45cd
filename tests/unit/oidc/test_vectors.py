"""NHS login's vectors of trust (user-restricted 12.3)."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardgate.oidc.vectors import (
    CREDENTIALS,
    DEFAULT_VTR,
    LEVELS,
    VECTORS,
    BadVTR,
    level_needed,
    parse_vtr,
    sign_in_level,
)

VTR = st.lists(st.sampled_from([*VECTORS, "P9", "P5", "Cp", "Cm", "Cp.Cd"]), min_size=1, max_size=5)


def test_no_vtr_is_the_default() -> None:
    """P9 with any of three credentials."""
    assert [vector.text for vector in parse_vtr(None)] == list(DEFAULT_VTR) == ["P9.Cp.Cd", "P9.Cp.Ck", "P9.Cm"]


def test_every_known_vector_is_read() -> None:
    """Twelve of them."""
    assert len(VECTORS) == 12
    for text in VECTORS:
        (vector,) = parse_vtr(json.dumps([text]))
        assert (vector.level, ".".join(sorted(vector.credentials))) == (text[:2], ".".join(sorted(text[3:].split("."))))


@pytest.mark.parametrize("text", [
    "", "P9", "[]", "{}", "null", "[1]", '["P9",null]', '["P7.Cp"]', '["P9.P5"]', '["Cp.Cp"]', '["P9..Cp"]', '[""]', '["p9"]', '["P9.Cp "]',
    json.dumps(["P9"] * 21), '["' + "P9" * 600 + '"]', "[" * 5_000, '["P9"'])
def test_what_is_no_vtr(text: str) -> None:
    """Refused, whatever it is."""
    with pytest.raises(BadVTR):
        parse_vtr(text)


@given(VTR, st.sampled_from(LEVELS), st.sampled_from(CREDENTIALS))
def test_the_level_of_a_sign_in(texts: list[str], proved: str, credential: str) -> None:
    """Never above what is proved; what satisfies a vector satisfies the level that is needed."""
    vectors = parse_vtr(json.dumps(texts))
    level = sign_in_level(proved, vectors)
    assert LEVELS.index(level) <= LEVELS.index(proved)
    if any(vector.met_by(proved, credential) for vector in vectors):
        assert LEVELS.index(level_needed(vectors)) <= LEVELS.index(proved)
        assert any(vector.level in {level, None} for vector in vectors)
