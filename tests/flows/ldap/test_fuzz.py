"""Whatever bytes come, the server answers or hangs up, and serves the next caller (RFC 4511 section 4.1.1)."""

import contextlib
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from flows.ldap.serving import PRESENT, Served, content_of, equal, message, searching, tlv
from unit.directory.samples import SYSTEM
from wardgate.ldap import LDAPSettings, filters, names, requests
from wardgate.ldap.errors import LDAPError, Malformed, Refused

GOOD = (
    message(searching(equal("uniqueIdentifier", SYSTEM.asid))), message(searching(tlv(0xA0, PRESENT, tlv(0xA2, PRESENT), tlv(0xA1, PRESENT)), attributes=("*", "+"))),
    message(tlv(0x60, tlv(2, b"\x03"), tlv(4), tlv(0x80))), message(searching(tlv(0xA4, tlv(4, b"nhsIDCode"), tlv(0x30, tlv(0x80, b"Z"), tlv(0x82, b"1"))))),
    message(searching(tlv(0xA9, tlv(0x81, b"caseExactMatch"), tlv(0x82, b"o"), tlv(0x83, b"x")))), message(tlv(0x77, tlv(0x80, b"1.2.3"))),
    message(searching(), 5, (("1.2.840.113556.1.4.319", True, tlv(0x30, tlv(2, b"\x05"), tlv(4))),)),
)  # fmt: skip
MANY = settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
SOME = settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))


@st.composite
def _changed(draw: st.DrawFn) -> bytes:
    """A good message with some bytes exchanged, left out or put in."""
    data = bytearray(draw(st.sampled_from(GOOD)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        match draw(st.integers(0, 2)):
            case 0 if data:
                data[at] = draw(st.integers(0, 255))
            case 1 if data:
                del data[at : at + draw(st.integers(1, 8))]
            case _:
                data[at:at] = draw(st.binary(max_size=8))
    return bytes(data)


BYTES = st.one_of(_changed(), st.binary(max_size=200), st.binary(max_size=100).map(lambda body: tlv(0x30, tlv(2, b"\x01"), tlv(0x63, body))))


@MANY
@given(BYTES)
@example(tlv(0x30, tlv(2, b"\x01"), tlv(0x63, b"\x30\x80" * 3_000)))
@example(tlv(0x30, b"\x02\x84\xff\xff\xff\xff", b"x"))
def test_reading_ends_in_a_message_or_is_malformed(data: bytes) -> None:
    """No other exception leaves the reader, nor that of the filter and the name in it."""
    try:
        found = requests.read(data)
    except Malformed:
        return
    if isinstance(found.operation, requests.Search):
        for read in (lambda: filters.read(found.operation.filter), lambda: names.parse(found.operation.base)):
            try:
                read()
            except LDAPError:
                continue


@MANY
@given(st.recursive(st.sampled_from((PRESENT, equal("o", "x"))), lambda below: st.lists(below, max_size=4).flatmap(
    lambda found: st.sampled_from((tlv(0xA0, *found), tlv(0xA1, *found), tlv(0xA2, *found[:1])))), max_leaves=300))
def test_every_filter_is_read_or_refused(data: bytes) -> None:
    """However it is built: too deep and too large are said by code."""
    with contextlib.suppress(Malformed, Refused):
        filters.read(data)


def test_a_filter_of_ten_thousand_levels() -> None:
    """Is refused at the seventeenth, without being followed; so is one whose levels are all but the last not there."""
    deep = PRESENT
    while len(deep) < 60_000:
        deep = tlv(0xA2, deep)
    with pytest.raises(Refused, match="at most 16 levels"):
        filters.read(deep)
    with pytest.raises(Refused, match="256 terms"):
        filters.read(tlv(0xA0, *[PRESENT] * 4_000))


@pytest.fixture(scope="module")
def hurried() -> Iterator[Served]:
    """A server that waits for nobody."""
    with Served(content_of(), LDAPSettings(message_seconds=0.2, idle_seconds=0.5)).running() as one:
        yield one


@SOME
@given(data=st.lists(BYTES, min_size=1, max_size=3))
def test_the_server_outlives_every_caller(data: list[bytes], hurried: Served) -> None:
    """After whatever one caller sent, the next one finds what it asks for."""
    rude = hurried.connect()
    rude.stream.settimeout(0.05)
    try:
        rude.send(b"".join(data))
        while rude.read() is not None:
            pass
    except (OSError, AssertionError, LDAPError, IndexError):
        pass  # what the rude one is told is another test's
    finally:
        rude.close()
    polite = hurried.connect()
    polite.send(message(searching(equal("uniqueIdentifier", SYSTEM.asid)), 9))
    assert polite.read() is not None
    assert polite.result()[:2] == (9, 0)
    polite.close()
