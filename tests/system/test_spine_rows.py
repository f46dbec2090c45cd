"""Every row of the tables of errors of calls between systems, on the wire: through Envoy to `wardgate up`, whole bodies compared, in JSON and in XML.

spine 2.3 to 2.6, 4.3, 4.4, 5.3, 8.2 to 8.4; those of 7.5 are in `tests/wire/test_sds.py`. The rows are in `tests/spine_rows`.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from spine_rows import sample_rows
from spine_rows.asid_rows import LIMITED
from spine_rows.envelope import body, xml
from spine_rows.place import Place
from spine_rows.row import JSON, Row, Said, seconds
from spine_rows.tables import CASES, ROWS
from system.running import running, until
from wardgate.refusals import CATALOGUE, Area
from wardgate.refusals.spine_codes import SPINE_CODES
from wire.caller import Answer

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
HSTS = "max-age=31536000; includeSubDomains"


@dataclass(frozen=True)
class Sent:
    """What came back for a row, and what it should have been."""

    answer: Answer
    said: Said
    correlation_id: str


@dataclass
class Answers:
    """What came back for every row, all sent at once, and the record of it."""

    sent: dict[str, Sent] = field(default_factory=dict)
    faults: dict[str, Exception] = field(default_factory=dict)
    events: dict[str, dict[str, Any]] = field(default_factory=dict)
    written: dict[str, str] = field(default_factory=dict)


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answers]:
    """One server, and every row asked of it over a few connections."""
    with running(tmp_path_factory.mktemp("rows")) as wardgate:
        place = Place(wardgate, tmp_path_factory.mktemp("certificates"))
        place.prepare()
        sample_rows.prepare(place)
        place.send(LIMITED, JSON, seconds())
        found = Answers()
        for name, (row, accept) in CASES.items():
            now = seconds()
            try:
                correlation_id, answer = place.send(row.call, accept, now)
                said = row.at(now)
                text = place.filled(said.diagnostics) if said.diagnostics is not None else None
                found.sent[name] = Sent(answer, replace(said, diagnostics=text), correlation_id)
            except Exception as fault:  # noqa: BLE001 - the row's own test tells of it
                found.faults[name] = fault
        sent = {one.correlation_id for one in found.sent.values()}

        def recorded() -> bool:
            found.events = place.events()
            return sent <= set(found.events)

        until(recorded, what="the record of every row")
        found.written = place.written()
        yield found
        place.close()


@pytest.mark.parametrize("name", CASES)
def test_each_row_on_the_wire(name: str, answers: Answers) -> None:
    """Status, headers and the whole body; and the reason in the record."""
    row, accept = CASES[name]
    if name in answers.faults:
        raise answers.faults[name]
    sent = answers.sent[name]
    answer, said = sent.answer, sent.said
    assert (answer.status, answer.reason) == (said.status, row.reason), answer
    kind = accept if row.reason is not None else f"{accept}; charset=utf-8"
    assert answer.headers["content-type"] == kind
    assert answer.headers["strict-transport-security"] == HSTS
    for header, value in said.headers.items():
        assert answer.headers[header] == value
    if row.reason is not None:
        assert answer.headers["cache-control"] == "no-store"
        assert ("www-authenticate" in answer.headers) is ("www-authenticate" in said.headers)
    _whole(answer, said, accept)
    _recorded(row, answers.events.get(sent.correlation_id))


def _whole(answer: Answer, said: Said, accept: str) -> None:
    if accept == JSON:
        told = json.loads(answer.body)
        identifier, text = told.get("id", ""), told["issue"][0]["details"].get("text")
    else:
        told = ET.canonicalize(answer.body.decode())
        identifier = (re.findall('^<OperationOutcome xmlns="http://hl7.org/fhir"><id value="([^"]*)">', told) or [""])[0]
        text = (re.findall('<text value="([^"]*)">', told) or [None])[0]
    if said.text is not None:
        assert UUID.fullmatch(text)
        said = replace(said, text=text)
    assert said.form == "internet" or UUID.fullmatch(identifier)
    whole = body(said, identifier)
    assert told == (whole if accept == JSON else ET.canonicalize(xml(whole)))


def _recorded(row: Row, event: dict[str, Any] | None) -> None:
    assert event is not None
    assert (event["outcome"], event.get("reason")) == (("refused", row.reason) if row.reason is not None else ("allowed", None))


PERSONAL = ("9990000018", "9990000026", "9000000009", "9000000017", "9000000025", "555000000101", "555000000102", "555254242105", "656014452102", "sblack")
"""NHS numbers, role profiles and users that the rows name, some of them in answers to the one who sent them."""


def test_nothing_of_it_is_written_down(answers: Answers) -> None:
    """No person, and no token, is in a log or in the record of the rows."""
    assert {"record", "wardgate.log", "access.log"} <= set(answers.written)
    assert len(answers.written["record"].splitlines()) > len(ROWS)
    for where, text in answers.written.items():
        for secret in (*PERSONAL, "eyJhbGciOi"):
            assert secret not in text, (where, secret, text[max(0, text.index(secret) - 600):text.index(secret) + 100])


NOBODY_LOOKS = "no route compares `aud`, as the published services do not: tests/unit/spine and the doctor do"
NO_RULE = "no caller of a booking API has the rule: tests/unit/spine/test_checks.py"
ELSEWHERE = {
    "spine-jwt-audience": NOBODY_LOOKS, "booking-jwt-audience": NOBODY_LOOKS, "booking-jwt-claim-forbidden": NO_RULE, "booking-jwt-scope": NO_RULE,
    "ra-ods-not-configured": "a manifest that applies has no such application: tests/wire/test_translated.py has a world with one",
    "ssp-unavailable": "the decision service is gone: tests/wire/test_relay.py",
    "spine-tls-unacceptable": "Envoy gives a TLS alert: tests/wire/test_tls_suites.py",
}
BY_THE_API = {"custodian-not-of-asid", "spine-media-type"}
"""Refusals that the API behind the gateway gives itself, in the catalogue's words where it has a rule of its own."""


def test_every_reason_is_met_on_the_wire() -> None:
    """A row that is added to the catalogue fails here until a request produces it."""
    wanted = {row.code for row in CATALOGUE.values() if row.area in {Area.SPINE, Area.SECURE_PROXY, Area.GP_CONNECT}}
    assert wanted - {row.reason for row in ROWS} == set(ELSEWHERE) | BY_THE_API
    given = {(row.said.status, row.said.code, row.said.issue) for row in ROWS if row.reason is None}
    assert {(CATALOGUE[code].status, CATALOGUE[code].fhir_code, CATALOGUE[code].fhir_issue) for code in BY_THE_API} <= given


NO_SUCH_RULE = "no API here has the rule"
NOT_GIVEN = {
    "ACCESS_DENIED_SSL": "Envoy gives a TLS alert", "INTERNAL_SERVER_ERROR": "an API's own fault: tests/wire/test_sds.py has one on the wire",
    **dict.fromkeys((
        "INVALID_CODE_SYSTEM", "INVALID_CODE_VALUE", "INVALID_ELEMENT", "INVALID_IDENTIFIER_VALUE", "INVALID_PATIENT_DEMOGRAPHICS", "NO_ORGANISATIONAL_CONSENT",
        "NO_PATIENT_CONSENT", "NO_RELATIONSHIP", "PATIENT_SENSITIVE", "PRACTITIONER_NOT_FOUND", "REQUEST_UNMATCHED"), NO_SUCH_RULE),
}


def test_every_code_is_met_on_the_wire() -> None:
    """The same for Spine's codes (spine 8.2), but for those of rules that none of these services has."""
    assert SPINE_CODES.keys() - {row.said.code for row in ROWS} == NOT_GIVEN.keys()
