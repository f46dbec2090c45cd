"""Who saw a patient's record: calls between systems, judged in Envoy and by the decision service, found by the patient alone."""

import csv
from typing import Any

import pytest

EPR, LABORATORY, PROVIDER, NATIONAL = "200000000115", "200000000116", "200000000118", "200000000120"
WORKER = "656005750105"
PATIENT, OTHER = "9990000018", "9990000026"
FLAGS = f"/raflags/STU3/Flag?patient={PATIENT}&status=active&category=https://fhir.nhs.uk/STU3/CodeSystem/RARecord-FlagCategory-1|NRAF"
ROOT = "https://gp.example.thirdparty.nhs.uk/Z9X03/STU3/1/gpconnect"


@pytest.fixture(scope="module")
def seen(wardgate: Any, until: Any) -> list[dict[str, Any]]:
    """What who-saw answers once every call is on record, in the order of the calls."""
    calls = [
        ("/spine-demo/echo?patient=" + PATIENT, "--asid", EPR),
        (FLAGS, "--asid", EPR, "--user", WORKER),
        (FLAGS, "--asid", LABORATORY, "--role", "555000000101"),
        ("/ssp", "--asid", EPR, "--user", WORKER, "--via-proxy", f"{ROOT}/Patient?identifier=https://fhir.nhs.uk/Id/nhs-number|{PATIENT}"),
        (FLAGS.replace("/raflags/", "/reasonable-adjustments/"), "--app", "demo-app", "--user", WORKER),
        ("/spine-demo/echo?patient=" + OTHER, "--asid", EPR),
    ]
    for words in calls:
        answer = wardgate.cli("call", "GET", *words)
        assert answer.out, answer.err
    assert until(lambda: saw(wardgate, OTHER), what="the record of the last call")
    return saw(wardgate, PATIENT)


def saw(wardgate: Any, number: str, *more: str) -> list[dict[str, Any]]:
    """Ask who saw a patient, the number piped."""
    found: list[dict[str, Any]] = wardgate.done("audit", "who-saw", "--nhs-number", "-", *more, stdin=number)["calls"]
    return found


def test_every_way_to_a_patient_is_on_record(seen: list[dict[str, Any]]) -> None:
    """In Envoy alone, with a token, refused, through the secure proxy, and translated: which system, whose, for what."""
    assert [(row["from_asid"], row["api"], row["reason"]) for row in seen] == [
        (EPR, "spine-demo", ""), (EPR, "raflags", ""), (LABORATORY, "raflags", "interaction-not-granted"), (EPR, "spine-secure-proxy", ""),
        (EPR, "reasonable-adjustments", ""),
    ]
    assert {row["organisation"] for row in seen} == {"Z9X01", "Z9X02"}
    assert seen[0]["interaction"].endswith("raflags:Flag.read:1")
    assert (seen[0]["to_asid"], seen[1]["to_asid"], seen[3]["to_asid"]) == (NATIONAL, NATIONAL, PROVIDER)
    assert {row["certificate_name"] for row in (seen[0], seen[1], seen[3])} == {"epr.example.thirdparty.nhs.uk"}
    assert [row["purpose"] for row in seen[1:4]] == ["directcare"] * 3
    assert (seen[4]["application"], seen[4]["interaction"], len(seen[4]["user"])) == ("demo-app", "urn:nhs:names:services:raflags:Flag.read:1", 64)


def test_the_same_user_has_the_same_hash(seen: list[dict[str, Any]]) -> None:
    """Without a token there is no user; two calls of one person are told to be one person's."""
    assert (seen[0]["user"], len(seen[1]["user"]), len(seen[3]["user"])) == ("", 64, 64)
    assert seen[1]["role"] == seen[3]["role"] == seen[4]["role"] != seen[2]["role"]


def test_a_story_names_the_parties_and_the_check(wardgate: Any, seen: list[dict[str, Any]]) -> None:
    """`wardgate explain` of the refused call: systems, interaction, organisation, what was expected and received."""
    story = wardgate.cli("explain", seen[2]["message_id"]).out
    for said in (f"from system   {LABORATORY}", f"to system     {NATIONAL}", "organisation  Z9X02", "interaction   urn:nhs:names:services:raflags:Flag.read:1",
                 "expected      a system with urn:nhs:names:services:raflags:Flag.read:1", f"received      ASID {LABORATORY}", "what to do"):
        assert said in story


def test_nothing_about_the_patient_is_in_clear(wardgate: Any, seen: list[dict[str, Any]]) -> None:
    """Neither the records nor the server's own log have the number, or the person."""
    assert seen
    exported = wardgate.cli("audit", "export").out
    assert not [number for number in (PATIENT, OTHER, WORKER) if number in exported]
    assert PATIENT not in wardgate.said()
    assert wardgate.done("audit", "verify")["intact"]


def test_an_organisation_sees_its_own(wardgate: Any, seen: list[dict[str, Any]]) -> None:
    """Filtered by organisation, and as a spreadsheet."""
    (own,) = saw(wardgate, PATIENT, "--organisation", "Z9X02")
    assert own == seen[2]
    rows = list(csv.DictReader(wardgate.cli("audit", "who-saw", "--nhs-number", PATIENT, "--output", "csv").out.splitlines()))
    assert [row["message_id"] for row in rows] == [row["message_id"] for row in seen]


def test_searches_are_events(wardgate: Any, seen: list[dict[str, Any]]) -> None:
    """Whoever asks is on record as well."""
    assert seen
    assert '"AuditSearched"' in wardgate.cli("audit", "tail", "-n", "50", "--output", "json").out
