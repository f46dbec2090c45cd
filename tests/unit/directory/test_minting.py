"""New identifiers: where they start, what follows, and that they end."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unit.directory.samples import PATIENT
from wardgate.directory import forms
from wardgate.directory.errors import Exhausted, InvalidEntries
from wardgate.directory.minting import CPA_ID_BYTES, LAST_ASID, LAST_PARTY_NUMBER, cpa_id, next_asid, next_party_key


def test_where_they_start() -> None:
    """The first ones of spine 7.3; what others minted does not count."""
    assert next_asid([]) == "200000100000"
    assert next_asid(["100000000001", "999999999999", "x", "200000099999"]) == "200000100000"
    assert next_party_key("Z9X01", []) == "Z9X01-850000"
    assert next_party_key("Z9X01", ["YES-0000806", "Z9X01-9999999999"]) == "Z9X01-850000"


@PATIENT
@given(st.lists(st.integers(200_000_100_000, LAST_ASID - 1).map(str), min_size=1), st.lists(st.integers(850_000, LAST_PARTY_NUMBER - 1), min_size=1))
def test_never_one_that_is_taken(asids: list[str], numbers: list[int]) -> None:
    """The next is new and has its form, whatever is taken."""
    asid, key = next_asid(asids), next_party_key("A1", [f"B2-{number}" for number in numbers])
    assert asid not in asids
    assert int(key.removeprefix("A1-")) not in numbers
    assert forms.ASID.holds(asid)
    assert asid.startswith("2")
    assert forms.PARTY_KEY.holds(key)


def test_the_end() -> None:
    """When the last is taken there is none, rather than one of another form."""
    with pytest.raises(Exhausted, match="expected an ASID up to 299999999999"):
        next_asid([str(LAST_ASID)])
    with pytest.raises(Exhausted, match="expected a party number up to 999999999"):
        next_party_key("A", [f"B-{LAST_PARTY_NUMBER}"])


def test_contract_ids() -> None:
    """Twenty hexadecimal digits of unguessable bytes; of another number of bytes none is made."""
    assert cpa_id(bytes(range(CPA_ID_BYTES))) == "00010203040506070809"
    assert forms.CPA_ID.holds(cpa_id(b"\xff" * CPA_ID_BYTES))
    with pytest.raises(ValueError, match="expected 10 bytes; received 9"):
        cpa_id(b"x" * 9)
    with pytest.raises(InvalidEntries, match=re.escape("party key: nhsIDCode: expected an ODS code, 1 to 9 letters and digits; received 'a-b'")):
        next_party_key("a-b", [])
