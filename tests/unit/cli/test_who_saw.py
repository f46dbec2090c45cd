"""`wardgate audit who-saw` and the exports of calls between systems."""

import csv
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from wardgate.audit import Event, EventType, Outcome, Patient, Personal
from wardgate.audit.accesses import COLUMNS
from wardgate.cli.context import World

NUMBER, OTHER, NOBODY = "9990000018", "9990000026", "9990000034"


def call(day: int, **details: Any) -> Event:
    """A call about the patient on a day of November."""
    at = datetime(2026, 11, day, 9, 30, tzinfo=UTC)
    told = {"api": "nrl", "route": "/DocumentReference", "method": "GET", "status": 200, "from_asid": "200000000115", "ods": "Z9X01",
            "user": Personal("555000000101"), "reason_for_request": "directcare", "patient": Patient(NUMBER)} | details
    reason = "interaction-not-granted" if told["status"] == 403 else None
    return Event(EventType.CALL_REFUSED if reason else EventType.CALL_ALLOWED, at, Outcome.REFUSED if reason else Outcome.ALLOWED, reason,
                 message_id=f"m-{day}", details=told)


@pytest.fixture
def seen(installed: Any, tmp_path: Path) -> Any:
    """An installation with three calls about one patient, one of them about another too."""
    with World(tmp_path / "data", None) as world:
        world.stores.audit.append([
            call(20), call(21, ods="Z9X02", status=403, scope="=1+1"), call(22, method="POST", status=201, patient_2=Patient(OTHER)),
            call(23, patient=Patient(NOBODY), patient_2=None),
        ])
    return installed


def days(answer: Any) -> list[str]:
    """The calls of an answer by their message ids."""
    return [row["message_id"] for row in answer.data["calls"]]


def test_every_call_about_the_patient_is_shown(seen: Any) -> None:
    """When, which system, whose, who, where and what came of it; the number itself is nowhere."""
    answer = seen("audit", "who-saw", "--nhs-number", "999 000 0018")
    assert answer.code == 0
    lines = answer.out.splitlines()
    assert lines[0].split() == ["when", "outcome", "system", "organisation", "user", "purpose", "route", "reason", "message", "id"]
    refused = next(line for line in lines if "m-21" in line)
    for said in ("2026-11-21T09:30:00", "refused", "200000000115", "Z9X02", "directcare", "GET nrl/DocumentReference", "interaction-not-granted"):
        assert said in refused
    assert "3 calls about the patient" in answer.out
    assert NUMBER not in answer.out


@pytest.mark.parametrize(("options", "found"), [
    ((), ["m-20", "m-21", "m-22"]),
    (("--from", "2026-11-21"), ["m-21", "m-22"]),
    (("--to", "2026-11-21"), ["m-20", "m-21"]),
    (("--to", "2026-11-21T09:30:00Z"), ["m-20"]),
    (("--from", "2026-11-21T10:30:00+01:00", "--to", "2026-11-21"), ["m-21"]),
    (("--organisation", "Z9X02"), ["m-21"]),
    (("--organisation", "Z9X03"), []),
])
def test_less_can_be_asked_for(seen: Any, options: tuple[str, ...], found: list[str]) -> None:
    """By time and by organisation."""
    assert days(seen("audit", "who-saw", "--nhs-number", NUMBER, "-o", "json", *options)) == found


def test_the_number_may_be_piped(seen: Any) -> None:
    """Then it is in no list of processes. A second patient of a call is found as well."""
    assert days(seen("audit", "who-saw", "--nhs-number", "-", "-o", "json", stdin=f"{OTHER}\n")) == ["m-22"]


def test_as_a_spreadsheet(seen: Any) -> None:
    """CSV has a heading, every member in a column, and no cell that is a formula."""
    rows = list(csv.DictReader(seen("audit", "who-saw", "--nhs-number", NUMBER, "-o", "csv").out.splitlines()))
    assert tuple(rows[0]) == COLUMNS
    assert [(row["message_id"], row["scope"]) for row in rows] == [("m-20", ""), ("m-21", "'=1+1"), ("m-22", "")]


def test_asking_is_recorded(seen: Any) -> None:
    """Who asked, for whose hash, for what, and how much was shown: before the answer, and without the number."""
    patient = seen("audit", "who-saw", "--nhs-number", NUMBER, "--from", "2026-11-21", "--organisation", "Z9X01", "-o", "json").data["patient"]
    event = json.loads(seen("audit", "tail", "-n", "1", "-o", "json").out)
    assert (event["type"], event["details"]["by"], event["details"]["found"]) == ("AuditSearched", "command line", 1)
    assert event["details"]["patient"] == {"hmac_sha256": patient}
    assert (event["details"]["organisation"], event["details"]["from"], bool(event["details"]["operator"])) == ("Z9X01", "2026-11-21T00:00:00+00:00", True)
    assert NUMBER not in seen("audit", "export").out
    assert days(seen("audit", "who-saw", "--nhs-number", NUMBER, "-o", "json")) == ["m-20", "m-21", "m-22"]
    assert seen("audit", "verify").code == 0


def test_a_patient_of_whom_there_is_nothing(seen: Any) -> None:
    """That is an answer too, and asking is recorded all the same."""
    answer = seen("audit", "who-saw", "--nhs-number", "9990000042")
    assert (answer.code, answer.out) == (0, "no call about this patient is on record, as far as was asked\n")
    assert json.loads(seen("audit", "tail", "-n", "1", "-o", "json").out)["details"]["found"] == 0


@pytest.mark.parametrize(("arguments", "stdin", "said"), [
    (("--nhs-number", "9990000019"), None, "not an NHS number"),
    (("--nhs-number", "999000001"), None, "not an NHS number"),
    (("--nhs-number", "-"), "", "not an NHS number"),
    (("--nhs-number", "-"), "9" * 5000, "not an NHS number"),
    ((), None, "--nhs-number"),
    (("--nhs-number", NUMBER, "--from", "yesterday"), None, "2026-11-21"),
    (("--nhs-number", NUMBER, "--to", "9999-12-31"), None, "2026-11-21"),
    (("--nhs-number", NUMBER, "--organisation", "Z9 X01"), None, "ODS code"),
])
def test_wrong_use(seen: Any, arguments: tuple[str, ...], stdin: str | None, said: str) -> None:
    """It is exit code 2, says what is wrong without the number, and nothing is recorded."""
    before = seen("audit", "tail", "-n", "1").out
    answer = seen("audit", "who-saw", *arguments, stdin=stdin)
    assert answer.code == 2
    assert said in answer.err
    assert "99900000" not in answer.err
    assert seen("audit", "tail", "-n", "1").out == before


def test_what_was_written_is_exported_as_provenance(seen: Any) -> None:
    """Only the call that wrote something; AuditEvents name the parties of every call."""
    (one,) = [json.loads(line) for line in seen("audit", "export", "--format", "provenance").out.splitlines()]
    assert (one["resourceType"], one["activity"]["coding"][0]["code"], len(one["target"])) == ("Provenance", "CREATE", 3)
    events = [json.loads(line) for line in seen("audit", "export", "--format", "fhir").out.splitlines()]
    assert [len(event["agent"]) for event in events if event["type"]["code"] == "rest"] == [3, 3, 3, 3]
