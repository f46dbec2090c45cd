"""Filters from BER (RFC 4511 section 4.5.1.7)."""

import pytest
from hypothesis import assume, given

from unit.directory.samples import PATIENT
from unit.directory.test_filter import FILTERS
from unit.ldap.ber import ber, tlv
from wardgate.directory.errors import FilterRefused
from wardgate.directory.filter import MAX_DEPTH, And, Equal, Filter, Not, Present, check_limits, text_of
from wardgate.ldap import filters
from wardgate.ldap.errors import LDAPError, Malformed, Refused
from wardgate.ldap.results import Code


@PATIENT
@given(FILTERS)
def test_read_is_the_inverse_of_written(filter_: Filter) -> None:
    """Every filter that the directory evaluates arrives as it was sent; one beyond its limits is refused."""
    assume(not any(number in text_of(filter_) for number in filters.ATTRIBUTE_OIDS))
    try:
        check_limits(filter_)
    except FilterRefused:
        with pytest.raises(LDAPError):
            filters.read(ber(filter_))
    else:
        assert filters.read(ber(filter_)) == filter_


@pytest.mark.parametrize(("sent", "found"), [
    (Equal("2.5.4.0", "1.2.826.0.1285.0.2.0.108"), Equal("objectClass", "nhsMhs")),
    (Equal("OBJECTCLASS", "1.2.826.0.1285.0.2.0.107"), Equal("OBJECTCLASS", "nhsAs")),
    (Equal("description", "1.2.826.0.1285.0.2.0.107"), Equal("description", "1.2.826.0.1285.0.2.0.107")),
    (Present("0.9.2342.19200300.100.1.44"), Present("uniqueIdentifier")),
])  # fmt: skip
def test_numbers_of_attributes_and_classes(sent: Filter, found: Filter) -> None:
    """Those that are registered stand for their names."""
    assert filters.read(ber(sent)) == found


@pytest.mark.parametrize("tag", [0xA5, 0xA6, 0xA8])
def test_other_matches(tag: int) -> None:
    """Ordering and approximation are refused by code."""
    with pytest.raises(Refused) as told:
        filters.read(tlv(tag, tlv(4, b"nhsIDCode"), tlv(4, b"A")))
    assert told.value.code is Code.INAPPROPRIATE_MATCHING


def test_a_value_that_is_no_text_is_undefined() -> None:
    """It is no match, and neither is its negation."""
    assert filters.read(tlv(0xA2, tlv(0xA3, tlv(4, b"nhsIDCode"), tlv(4, b"\xff")))) == Not(filters.UNDEFINED)
    assert filters.read(tlv(0xA4, tlv(4, b"o"), tlv(0x30, tlv(0x81, b"\xff")))) == filters.UNDEFINED


@pytest.mark.parametrize("data", [b"", b"\xa0", b"\x05\x00", tlv(0xA2), tlv(0xA3, tlv(4, b"o")), tlv(0xA4, tlv(4, b"o"), tlv(0x30)), ber(And(())) + b"\0", b"\xa0\x80\0\0"])
def test_what_is_no_filter(data: bytes) -> None:
    """Is malformed, whatever it is."""
    with pytest.raises(Malformed):
        filters.read(data)


def test_depth() -> None:
    """As many levels as the directory's own, and not one more."""
    deep: Filter = Present("o")
    for _ in range(MAX_DEPTH - 1):
        deep = Not(deep)
    assert filters.read(ber(deep)) == deep
    with pytest.raises(Refused, match="at most 16 levels"):
        filters.read(ber(Not(deep)))
