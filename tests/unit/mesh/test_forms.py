"""Small forms: ids, times, versions, encodings, ranges, filters, addresses and checksums (itk3-messaging 5.2 to 5.4)."""

import re
from datetime import UTC, date, datetime, timedelta, timezone
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardgate.mesh import checksum, chunk_range, forms, routing, versions, workflow_filter
from wardgate.mesh.errors import MeshRefused

AT = datetime(2026, 11, 21, 9, 30, 20, 123456, tzinfo=UTC)


def test_a_message_id() -> None:
    """Time to the microsecond in UTC, and six hex digits; ids sort by time."""
    made = forms.message_id(AT, b"\x01\xab\xff")
    assert made == "20261121093020123456_01ABFF"
    assert forms.MESSAGE_ID.fullmatch(made)
    assert forms.message_id(AT.astimezone(timezone(timedelta(hours=5))), b"\x01\xab\xff") == made
    with pytest.raises(ValueError, match="3 random octets"):
        forms.message_id(AT, b"")


def test_times() -> None:
    """Each version's, and nothing for none."""
    assert (forms.status_time(AT), forms.status_time(None)) == ("20261121093020", "")
    assert (forms.iso_time(AT), forms.iso_time(None)) == ("2026-11-21T09:30:20.123Z", None)


@pytest.mark.parametrize(("accept", "version"), [
    (None, 1), ("", 1), ("*/*", 1), ("application/json", 1), ("application/vnd.mesh.v1+json", 1), ("application/vnd.mesh.v2+json", 2),
    ("application/vnd.mesh.v2+json; charset=utf-8", 2), ("text/html, application/vnd.mesh.v2+json;q=0.9", 2), ("APPLICATION/json", 1),
    ("application/vnd.mesh.v1+json, application/vnd.mesh.v2+json", 2),
])
def test_versions(accept: str | None, version: int) -> None:
    """1, unless 2 is asked for."""
    assert versions.accepted_version(accept) == versions.version_of_errors(accept) == version


@pytest.mark.parametrize("accept", ["application/vnd.mesh.v3+json", "application/vnd.mesh.v2+xml", "vnd.mesh", "application/vnd.mesh.v2+json, application/vnd.mesh.v9+json"])
def test_no_such_version(accept: str) -> None:
    """It is refused, in version 1."""
    with pytest.raises(MeshRefused, match="mesh-accept"):
        versions.accepted_version(accept)
    assert versions.version_of_errors(accept) == 1


@pytest.mark.parametrize(("accepted", "may"), [
    (None, False), ("", False), ("gzip", True), ("GZIP", True), ("br, gzip", True), ("gzip;q=0.5", True), ("gzip;q=0", False), ("gzip; q=0.000", False),
    ("*", True), ("*;q=0", False), ("gzip;q=0, *", False), ("identity", False), ("xgzip", False),
])
def test_who_takes_gzip(accepted: str | None, may: bool) -> None:
    """As HTTP says, but that nothing said is no."""
    assert versions.accepts_gzip(accepted) is may


@pytest.mark.parametrize(("header", "number", "found"), [("1:1", 1, "1:1"), ("1:3", 1, "1:3"), (" 3 : 3 ", 3, "3:3"), ("02:10", 2, "2:10")])
def test_ranges(header: str, number: int, found: str) -> None:
    """Which of how many."""
    assert str(chunk_range.read(header, number, "id")) == found


@pytest.mark.parametrize(("header", "number"), [
    ("2:2", 1), ("0:1", 0), ("1:0", 1), ("4:3", 4), ("1", 1), ("1:2:3", 1), ("a:b", 1), ("-1:2", 1), ("1:1234567890", 1), ("1:\u0663", 1), ("1.0:2", 1), ("", 1),
])
def test_no_ranges(header: str, number: int) -> None:
    """They name the message, if there is one already."""
    with pytest.raises(MeshRefused, match="mesh-chunk-range") as caught:
        chunk_range.read(header, number, "id")
    assert caught.value.message_id == "id"


def test_the_first_chunk_may_come_without() -> None:
    """It is then the only one."""
    assert str(chunk_range.read(" ", 1)) == "1:1"


@pytest.mark.parametrize(("text", "takes", "not_takes"), [
    ("AB", "AB", "ABC"), ("!AB", "ABC", "AB"), ("AB*", "ABC", "XAB"), ("!AB*", "XAB", "ABC"), ("*AB*", "XABX", "BA"), ("!*AB*", "BA", "XABX"), ("AB_%", "AB_%", "ABCD"),
])
def test_the_six_forms_of_a_filter(text: str, takes: str, not_takes: str) -> None:
    """What each takes, and does not."""
    found = workflow_filter.read(text)
    assert (found.takes(takes), found.takes(not_takes)) == (True, False)


@pytest.mark.parametrize("text", ["*", "**", "!", "!*", "!**", "A*B", "*A", "!!A", "A!B", "***"])
def test_no_filters(text: str) -> None:
    """They are refused."""
    with pytest.raises(MeshRefused, match="mesh-parameter-value"):
        workflow_filter.read(text)


@given(st.text("AB", min_size=1, max_size=3), st.text("AB", max_size=5))
def test_a_filter_and_its_opposite(text: str, workflow: str) -> None:
    """Every workflow is taken by one of the two."""
    for form in (text, f"{text}*", f"*{text}*"):
        assert workflow_filter.read(form).takes(workflow) is not workflow_filter.read(f"!{form}").takes(workflow)


PATIENT = "GPPROVIDER_9990000018_09011955_SMITH"


def test_an_address_of_a_patient() -> None:
    """It is read, and nothing of it is shown."""
    assert routing.is_routed(PATIENT.lower())
    assert not routing.is_routed("GPPROVIDER")
    found = routing.read(PATIENT)
    assert (found.nhs_number, found.born, found.surname) == ("9990000018", date(1955, 1, 9), "SMITH")
    assert repr(found) == "PatientAddress()"


@pytest.mark.parametrize(("to", "code"), [
    (PATIENT.replace("0018", "0019"), "mesh-nhs-number"), (PATIENT.replace("0901", "3102"), "mesh-no-mailbox-matched"), ("GPPROVIDER_", "mesh-no-mailbox-matched"),
    ("GPPROVIDER_9990000018_09011955", "mesh-no-mailbox-matched"), (PATIENT, "mesh-no-mailbox-matched"), ("GPPROVIDER_0000000010_09011955_A", "mesh-nhs-number"),
])
def test_nobody_is_known(to: str, code: str) -> None:
    """Without demographics."""
    with pytest.raises(MeshRefused) as caught:
        routing.mailbox_of(to, routing.nobody)
    assert caught.value.code == code
    assert "9990000018" not in f"{caught.value.refusal}"


def test_who_knows_a_practice() -> None:
    """One mailbox is the answer; several are refused."""
    assert routing.mailbox_of(PATIENT, lambda _: ["BOB"]) == "BOB"
    with pytest.raises(MeshRefused, match="mesh-several-mailboxes-matched"):
        routing.mailbox_of(PATIENT, lambda _: ["BOB", "CAROL"])


HEX = sha256(b"").hexdigest()


@pytest.mark.parametrize("header", [f"SHA256 {HEX}", f"sha-256: {HEX.upper()}", f" SHA256:{HEX} "])
def test_a_checksum_that_can_be_verified(header: str) -> None:
    """In the forms that are met."""
    assert checksum.sha256_of(header) == HEX


@pytest.mark.parametrize("header", ["", "md5 0123", HEX, f"SHA256 {HEX}0", f"SHA256 {HEX[:-1]}", f"SHA256{HEX}", f"SHA1 {HEX[:40]}"])
def test_other_checksums(header: str) -> None:
    """They are not read."""
    assert checksum.sha256_of(header) is None
    assert re.fullmatch(r"[A-Za-z0-9 :/-]*", header)
