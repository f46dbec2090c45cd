"""LDIF and CSV: what is written is read again as it was; what is wrong is refused whole, by line, entry and attribute."""

import base64
import re
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unit.directory.samples import (
    AT,
    DIRECTORY,
    ENDPOINT,
    ENDPOINTS,
    PATIENT,
    PROVIDER,
    ROLE,
    SYSTEM,
    SYSTEMS,
    directories,
)
from wardgate.directory import Directory, ldif, ldif_lines, table
from wardgate.directory.entry import Item
from wardgate.directory.errors import ImportRefused
from wardgate.directory.exchange import FileForm, Imported, export, take
from wardgate.directory.onboarding import State, Step
from wardgate.directory.whole import check

LDIF = ldif.write([SYSTEM]).decode()
TABLE = table.write([SYSTEM]).decode()


def _take(directory: Directory, data: bytes, form: FileForm = FileForm.LDIF) -> Imported:
    return take(directory, data, form, environment="demo", by="operator", at=AT)


@PATIENT
@given(st.lists(SYSTEMS | ENDPOINTS, max_size=5))
def test_ldif_there_and_back(items: list[Item]) -> None:
    """Every item comes back as it was; no line is longer than is usual, and all of it is ASCII."""
    data = ldif.write(items)
    assert [item for _, item in ldif.read(data)] == items
    assert max(len(line) for line in data.splitlines()) <= ldif_lines.COLUMNS
    assert data.isascii()


@PATIENT
@given(st.lists(SYSTEMS | ENDPOINTS, max_size=5))
def test_csv_there_and_back(items: list[Item]) -> None:
    """Every item comes back as it was, formulas, quotes and all; with the line ends of another system too."""
    data = table.write(items)
    assert [item for _, item in table.read(data)] == items
    assert [item for _, item in table.read(b"\xef\xbb\xbf" + data)] == items


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "'x", "''", "a,b", 'a"b'])
def test_no_cell_is_a_formula(text: str) -> None:
    """What a spreadsheet would calculate begins with an apostrophe, and comes back without it."""
    item = replace(SYSTEM, product_name=text)
    written = table.write([item])
    assert [found for _, found in table.read(written)] == [item]
    assert not re.search(rb'(^|,)"?[=+@-]', written, re.MULTILINE)


@PATIENT
@given(st.text("abc:<# é\x00\x7f", max_size=200))
def test_any_value_is_a_line_of_ldif(value: str) -> None:
    """The writer's lines are read as the same value, whatever it holds."""
    text = "dn: x\n" + ldif_lines.written("description", value)
    ((_, line),) = ldif_lines.records(text.encode())
    assert (line.name, line.value) == ("description", value)


@PATIENT
@given(st.lists(st.tuples(st.integers(0, 800), st.integers(0, 12), st.text("dn:<# \n\r\x00é=,'\"", max_size=6)), max_size=4), st.sampled_from((LDIF, TABLE)))
def test_files_with_damage(cuts: list[tuple[int, int, str]], text: str) -> None:
    """A file is read or refused as one; nothing else happens, wherever it was damaged."""
    for at, length, other in cuts:
        text = text[:at] + other + text[at + length :]
    for form in FileForm:
        with suppress(ImportRefused):
            check(_take(Directory(), text.encode(), form).directory)


@PATIENT
@given(st.binary(max_size=60))
def test_any_bytes(data: bytes) -> None:
    """What is no file of ours is refused, or has no entries."""
    for form in FileForm:
        with suppress(ImportRefused):
            assert _take(Directory(), data, form).directory == Directory()


def test_the_text_of_a_record() -> None:
    """The schema's names in the schema's order below the entry's name (spine 7.3)."""
    assert ldif.write([replace(SYSTEM, product_name="Épr")]).decode() == f"""version: 1

dn: uniqueIdentifier=200000100001,ou=Services,o=nhs
objectClass: top
objectClass: nhsAs
uniqueIdentifier: 200000100001
nhsIDCode: Z9X01
nhsAsClient: Z9X01
nhsMHSPartyKey: Z9X01-850001
nhsMhsManufacturerOrg: Z9S99
nhsAsSvcIA: urn:nhs:names:services:nrl:DocumentReference.read
nhsAsSvcIA: urn:nhs:names:services:gpconnect:fhir:rest:search:slot-1
nhsAsACF: RBAC
nhsAsACF: CNST
nhsProductName:: {base64.b64encode("Épr".encode()).decode()}
nhsProductVersion: 1.0
nhsRequestorURP: {ROLE[:59]}
 {ROLE[59:]}
nhsDateRequested: 20260101090000
nhsApproverURP: {ROLE[:60]}
 {ROLE[60:]}
nhsDateApproved: 20260102090000
"""


def test_what_others_write() -> None:
    """Other case, comments, folding, CRLF, OIDs for classes, spaces in the name, no version; the name stands for the identifier."""
    text = LDIF.removeprefix("version: 1\n").replace("uniqueIdentifier: 200000100001\n", "").replace("ou=Services,o=nhs", "OU=services, O=NHS")
    text = text.replace("objectClass: nhsAs", "OBJECTCLASS: 1.2.826.0.1285.0.2.0.107").replace("nhsMHSPartyKey", "nhsMhsPartyKey")
    text = text.replace("nhsIDCode: Z9X01", "# a comment\n  that goes on\nnhsIdCode:Z9\n X01")
    assert ldif.read(text.replace("\n", "\r\n").encode()) == ((2, SYSTEM),)


REFUSED_LDIF = [
    ("dn: x\n", "line 1: dn: expected uniqueIdentifier=...,ou=Services,o=nhs; received 'x'"),
    ("version: 2\n", "line 1: version: expected version 1; received '2'"),
    ("nhsIDCode: X\n", "line 1: expected dn first in a record; received 'nhsIDCode'"),
    (" x\n", "line 1: expected a line to continue; received a continuation of nothing"),
    ("\n x\n", "line 2: expected a line to continue; received a continuation of nothing"),
    ("dn x\n", "line 1: expected an attribute's name without options, a colon and a value; received 'dn x'"),
    ("dn;lang-en: x\n", "line 1: expected an attribute's name without options, a colon and a value; received 'dn;lang-en'"),
    ("dn:< file:///etc/passwd\n", "line 1: dn: expected a value in the file; received the URL of another file"),
    ("dn:: ****\n", "line 1: dn: expected base64 of UTF-8; received another text of 4 characters"),
    ("dn:: //8=\n", "line 1: dn: expected base64 of UTF-8; received another text of 4 characters"),
    ("dn: é\n", "line 1: dn: expected a safe string, or base64 after two colons; received 'é'"),
    ("dn: a\rb\n", "line 1: expected lines that end with LF or CRLF; received a CR within a line"),
    ("dn: " + "x" * 20_000, "line 1: expected at most 16384 characters; received more"),
    (LDIF.replace("objectClass: nhsAs", "objectClass: nhsPerson"), "line 4: uniqueIdentifier=200000100001: objectClass: expected top, and one of nhsAs and nhsMhs; received 'top', 'nhsPerson'"),
    (LDIF.replace("objectClass: nhsAs\n", "objectClass: nhsAs\nobjectClass: nhsMhs\n"), "objectClass: expected top, and one of nhsAs and nhsMhs; received 'top', 'nhsAs', 'nhsMhs'"),
    (LDIF.replace("objectClass: top\nobjectClass: nhsAs\n", ""), "line 3: uniqueIdentifier=200000100001: objectClass: expected top, and one of nhsAs and nhsMhs; received nothing"),
    (LDIF.replace("uniqueIdentifier: 200000100001", "uniqueIdentifier: 200000100009"), "line 6: uniqueIdentifier=200000100001: uniqueIdentifier: expected 200000100001, as in dn; received '200000100009'"),
    (LDIF.replace("nhsIDCode: Z9X01", "nhsIDCode: Z9-01"), "line 7: uniqueIdentifier=200000100001: nhsIDCode: expected an ODS code, 1 to 9 letters and digits; received 'Z9-01'"),
    (LDIF.replace("nhsIDCode: Z9X01\n", ""), "line 3: uniqueIdentifier=200000100001: nhsIDCode: expected an ODS code, 1 to 9 letters and digits; received nothing"),
    (LDIF.replace("nhsIDCode: Z9X01", "nhsIDCode: Z9X01\nmail: x"), "line 8: uniqueIdentifier=200000100001: 'mail': expected an attribute of nhsAs; received another one"),
    (LDIF.replace("objectClass: top", "changetype: add"), "line 4: changetype: expected a record of content, with one dn; received 'changetype'"),
    (LDIF.replace("\n\ndn", "\n\ndn: uniqueIdentifier=1,ou=Services,o=nhs\ndn"), "expected a record of content, with one dn; received 'dn'"),
    (LDIF + LDIF, "line 23: uniqueIdentifier=200000100001: 'version': expected an attribute of nhsAs; received another one"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), REFUSED_LDIF, ids=lambda part: part[-60:])
def test_refused_ldif(text: str, message: str) -> None:
    """Each fault names its line and its attribute."""
    with pytest.raises(ImportRefused) as refused:
        ldif.read(text.encode())
    assert message in str(refused.value)


@pytest.mark.parametrize(("data", "message"), [
    (b"version: 1\n\ndn: \xff\n", "line 3: expected UTF-8; received other bytes"),
    (b"x" * (ldif_lines.MAX_BYTES + 1), f"line 1: expected a file of at most {ldif_lines.MAX_BYTES} bytes; received {ldif_lines.MAX_BYTES + 1} bytes"),
    (b"dn: x\n" + b"a: b\n" * ldif_lines.MAX_LINES_PER_RECORD, "line 10001: expected at most 200000 records of 10000 lines; received one more"),
], ids=["other bytes", "too large", "too many lines"])  # fmt: skip
def test_refused_bytes(data: bytes, message: str) -> None:
    """What is no text and what is too large, for both forms."""
    with pytest.raises(ImportRefused) as refused:
        ldif.read(data)
    assert str(refused.value) == message
    with pytest.raises(ImportRefused):
        table.read(data)


REFUSED_TABLES = [
    ("", "line 1: objectClass: expected a column for it; received none"),
    ("objectClass,mail\n", "line 1: expected attributes of the schema as the first row; received 'mail'"),
    ("objectClass,nhsIDCode,NHSIDCODE\n", "line 1: expected each column once; received nhsIDCode twice"),
    ("objectClass,nhsIDCode\n", "line 1: uniqueIdentifier: expected a column for it; received none"),
    ("objectClass,uniqueIdentifier\nnhsAs\n", "line 2: expected 2 cells; received 1"),
    ("objectClass,uniqueIdentifier\nnhsPerson,1\n", "line 2: uniqueIdentifier=1: objectClass: expected one of nhsAs, nhsMhs; received 'nhsPerson'"),
    ('objectClass,uniqueIdentifier\n"nhsAs"x,1\n', "line 2: expected a row of cells, quoted where they have quotes, commas or lines; received another text"),
    ('objectClass,uniqueIdentifier\n"nhsAs,1\n', "line 2: expected a row of cells, quoted where they have quotes, commas or lines; received another text"),
    (TABLE.replace(",Z9S99,", ',"Z9S99\nZ9S98",'), "line 2: uniqueIdentifier=200000100001: nhsMhsManufacturerOrg: expected one value; received 2 values"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), REFUSED_TABLES, ids=lambda part: part[-60:])
def test_refused_tables(text: str, message: str) -> None:
    """Each fault names its line and its column."""
    with pytest.raises(ImportRefused) as refused:
        table.read(text.encode())
    assert message in str(refused.value)


def test_lines_after_cells_of_several_lines() -> None:
    """The line is where the row begins, although cells before it have lines of their own."""
    data = table.write([SYSTEM, replace(PROVIDER, organisation="-")])
    with pytest.raises(ImportRefused, match=r"line 5: uniqueIdentifier=200000100002: nhsIDCode: expected an ODS code, 1 to 9 letters and digits; received '-'$"):
        table.read(data)


@PATIENT
@given(directories(), st.sampled_from(FileForm))
def test_a_whole_directory(directory: Directory, form: FileForm) -> None:
    """A directory that is given out and taken into an empty one has the same entries, and is sound; taking it again changes nothing."""
    data = export(directory, form)
    taken = _take(Directory(), data, form)
    check(taken.directory)
    assert export(taken.directory, form) == data
    assert set(taken.directory.items) == set(directory.items)
    assert {enrolment.state for enrolment in taken.directory.enrolments} <= {State.LIVE}
    again = _take(taken.directory, data, form)
    assert again.directory == taken.directory
    assert (again.added, again.changed, set(again.unchanged)) == ((), (), set(taken.added))


def test_what_became_of_a_file() -> None:
    """New entries are live and say who took them over; others stand as they stood."""
    start = replace(DIRECTORY, systems=(SYSTEM,), enrolments=DIRECTORY.enrolments[:1])
    found = _take(start, ldif.write([replace(SYSTEM, product_version="2"), PROVIDER, ENDPOINT]))
    assert (found.added, found.changed, found.unchanged) == ((PROVIDER.asid,), (SYSTEM.asid,), (ENDPOINT.identifier,))
    assert found.directory.enrolments[0] is start.enrolments[0]
    assert [(moved.step, moved.by, moved.at) for moved in found.directory.enrolments[1].history] == [(Step.TAKE_OVER, "operator", AT)]


CONTRADICTIONS = [
    ([SYSTEM, SYSTEM], "uniqueIdentifier=200000100001: uniqueIdentifier: expected a value of one only; received '200000100001' 2 times"),
    ([replace(SYSTEM, party_key="Z9X01-850009")], "line 3: uniqueIdentifier=200000100001: nhsMHSPartyKey: expected 'Z9X01-850001', as when it was created; received 'Z9X01-850009'"),
    ([replace(ENDPOINT, identifier="S2", cpa_id="S2")], "line 3: uniqueIdentifier=S2: nhsMhsSvcIA: expected an interaction that its party key serves once"),
    ([replace(ENDPOINT, identifier="S9189990000010", cpa_id="S1", party_key="A-85000", urls=("https://x.nhs.uk",))],
     "line 3: uniqueIdentifier=S9189990000010: nhsMHSEndPoint: expected the host nrl-Z9X02.example.thirdparty.nhs.uk"),
]  # fmt: skip


@pytest.mark.parametrize(("items", "message"), CONTRADICTIONS, ids=lambda part: part[-60:] if isinstance(part, str) else "")
def test_nothing_is_half_taken(items: list[Item], message: str) -> None:
    """One contradiction refuses the file; the directory that was is still the same object, without any of it."""
    with pytest.raises(ImportRefused) as refused:
        _take(DIRECTORY, ldif.write([replace(PROVIDER, asid="200000100009"), *items])) if "line 3" not in message else _take(DIRECTORY, ldif.write(items))
    assert message in str(refused.value)
    assert [system.asid for system in DIRECTORY.systems] == [SYSTEM.asid, PROVIDER.asid]
