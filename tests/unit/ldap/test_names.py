"""Distinguished names (RFC 4514)."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardgate.ldap import names
from wardgate.ldap.errors import Refused
from wardgate.ldap.results import Code

SERVICES = (("ou", "services"), ("o", "nhs"))


@pytest.mark.parametrize(("text", "name"), [
    ("", ()),
    ("o=nhs", (("o", "nhs"),)),
    ("OU=Services, O=NHS", SERVICES),
    ("  ou =  services  ,o= nhs ", SERVICES),
    ("2.5.4.11=services,2.5.4.10=nhs", SERVICES),
    (r"o=a\,b\+c\\d", (("o", r"a,b+c\d"),)),
    (r"o=\4e\c3\b6", (("o", "nö"),)),
    ("o=two  words", (("o", "two words"),)),
    ("o=", (("o", ""),)),
])  # fmt: skip
def test_a_name(text: str, name: names.Name) -> None:
    """Attribute and value of each part, compared without case, spaces and ways of writing."""
    assert names.parse(text) == name


@pytest.mark.parametrize("text", [
    "nhs", "=nhs", "o=nhs,", ",o=nhs", "o=nhs,,o=x", "o=a+ou=b", "o=nhs;ou=x", 'o="nhs"', "o=<x>", r"o=\zz", "o=nhs\\", r"o=\ff", "o=a\0b", "o o=nhs", "1=nhs", "o=" + "x" * 999,
    ",".join(["o=x"] * 17),
])  # fmt: skip
def test_what_is_no_name(text: str) -> None:
    """Is refused by code, and not repeated."""
    with pytest.raises(Refused) as told:
        names.parse(text)
    assert told.value.code is Code.INVALID_DN_SYNTAX


@given(st.text(max_size=40))
def test_any_text(text: str) -> None:
    """Is a name or is refused."""
    with contextlib.suppress(Refused):
        assert len(names.parse(text)) <= names.MAX_PARTS
