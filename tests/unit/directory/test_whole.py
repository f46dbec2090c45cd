"""A whole directory: the rules between entries, and what never changes."""

import re
from dataclasses import replace

import pytest
from hypothesis import given

from unit.directory.samples import (
    APPOINTMENTS,
    CONTENT,
    DIRECTORY,
    ENDPOINT,
    PATIENT,
    PROVIDER,
    SLOTS,
    SYSTEM,
    directories,
    live,
)
from wardgate.directory import Directory, Endpoint, Organisation
from wardgate.directory.errors import MAX_PROBLEMS, InvalidEntries, Problem
from wardgate.directory.sharing_rule import SharingRule
from wardgate.directory.whole import RULES, check, check_change


@PATIENT
@given(directories())
def test_sound_directories(directory: Directory) -> None:
    """Whatever the strategy makes holds every rule, so that the tests that use it search directories that can be."""
    check(directory)
    check_change(directory, directory)


def test_there_are_rules() -> None:
    """A table of rules that lost its rows would let everything pass."""
    assert len(RULES) == 7
    check(DIRECTORY)


def _moved(**changes: object) -> Endpoint:
    return replace(ENDPOINT, **changes)  # type: ignore[arg-type]


BROKEN: list[tuple[Directory, str]] = [
    (Directory(systems=(SYSTEM, SYSTEM)), "uniqueIdentifier=200000100001: uniqueIdentifier: expected a value of one only; received '200000100001' 2 times"),
    (Directory(endpoints=(ENDPOINT, replace(APPOINTMENTS, cpa_id=ENDPOINT.cpa_id.lower().replace("s", "S")))),
     "endpoints: nhsMhsCPAId: expected a value of one only; received 's918999000001' 2 times"),
    (Directory(endpoints=(ENDPOINT, replace(ENDPOINT, identifier="S1", cpa_id="S1", party_key="z9x02-850002"))),
     f"uniqueIdentifier=S1: nhsMhsSvcIA: expected an interaction that its party key serves once; received '{CONTENT}'"),
    (Directory(endpoints=(APPOINTMENTS, replace(APPOINTMENTS, identifier="S1", cpa_id="S1", party_key="Z9X02-850003"))),
     "nhsIDCode=Z9X02: nhsMHSPartyKey: expected one GP Connect provider; received 2 party keys"),
    (Directory(endpoints=(_moved(interaction_name="other"),)),
     f"uniqueIdentifier=S918999000001: nhsMhsSvcIA: expected 'urn:nhs:names:services:nrl:other', which are nhsMhsSN and nhsMhsIN; received '{CONTENT}'"),
    (Directory(endpoints=(_moved(urls=("https://other.nhs.uk/Z9X02",)),)), "nhsMHSEndPoint: expected the host nrl-Z9X02.example.thirdparty.nhs.uk, which is nhsMhsFQDN"),
    (Directory(endpoints=(_moved(urls=("https://nrl-Z9X02.example.thirdparty.nhs.uk:443/Z9X02",)),)), "which is nhsMhsFQDN, without a port; received"),
    (Directory(endpoints=(_moved(urls=("https://nrl-Z9X02.example.thirdparty.nhs.uk/a?",)),)), "nhsMHSEndPoint: expected a URL without query and fragment"),
    (Directory(endpoints=(_moved(urls=("https://nrl-Z9X02.example.thirdparty.nhs.uk/a#b",)),)), "nhsMHSEndPoint: expected a URL without query and fragment"),
    (Directory(endpoints=(_moved(urls=("https://nrl-Z9X02.example.thirdparty.nhs.uk/a/",)),)), "expected a service root, without a slash or an operation at its end"),
    (Directory(endpoints=(_moved(urls=("https://nrl-Z9X02.example.thirdparty.nhs.uk/$op",)),)), "expected a service root, without a slash or an operation at its end"),
    (Directory(endpoints=(replace(APPOINTMENTS, urls=("https://gp.example.thirdparty.nhs.uk/z9x02/STU3/1/gpconnect",)),)),
     "nhsMHSEndPoint: expected Z9X02, which is nhsIDCode, as the first part of the path"),
    (Directory(organisations=(Organisation(ods="Z9X02", name="N"),), systems=(SYSTEM,)), "nhsIDCode: expected an organisation that is known; received 'Z9X01'"),
    (Directory(systems=(SYSTEM,), sharing_rules=(SharingRule(SYSTEM.asid, PROVIDER.asid, "urn:x"),)), "sharing rule: to_asid: expected a system that is registered; received '200000100002'"),
    (Directory(enrolments=(live(SYSTEM.asid),)), "enrolment: asid: expected a system that is registered; received '200000100001'"),
    (Directory(systems=(SYSTEM,), enrolments=(live(SYSTEM.asid), live(SYSTEM.asid))), "enrolments: asid: expected a value of one only; received '200000100001' 2 times"),
    (Directory(systems=(SYSTEM, PROVIDER), enrolments=(replace(live(SYSTEM.asid), fqdn="one.nhs.uk"), replace(live(PROVIDER.asid), fqdn="One.nhs.uk"))),
     "uniqueIdentifier=200000100001: fqdn: expected a name of one party key only; received 'one.nhs.uk'"),
    (Directory(systems=(SYSTEM,), endpoints=(ENDPOINT,), enrolments=(replace(live(SYSTEM.asid), fqdn=ENDPOINT.fqdn),)),
     "uniqueIdentifier=200000100001: fqdn: expected a name of one party key only"),
    (Directory(systems=(replace(SYSTEM, asid="1"),)), "uniqueIdentifier=1: uniqueIdentifier: expected an ASID, 12 digits; received '1'"),
]  # fmt: skip


@pytest.mark.parametrize(("directory", "message"), BROKEN)
def test_broken_rules(directory: Directory, message: str) -> None:
    """Each rule names the entry, the attribute, what was expected and what came."""
    with pytest.raises(InvalidEntries, match=re.escape(message)):
        check(directory)


def test_every_problem_is_told_of() -> None:
    """Not the first only; and no message is longer than can be read."""
    with pytest.raises(InvalidEntries) as refused:
        check(Directory(systems=(SYSTEM, SYSTEM, replace(PROVIDER, asid="2", organisation="-"))))
    assert [problem.attribute for problem in refused.value.problems] == ["uniqueIdentifier", "nhsIDCode", "uniqueIdentifier"]
    many = InvalidEntries(Problem("e", "a", "x", str(number)) for number in range(MAX_PROBLEMS + 7))
    assert str(many).splitlines()[-1] == "and 7 more"
    assert len(many.problems) == MAX_PROBLEMS + 7


@pytest.mark.parametrize(("change", "attribute"), [
    ({"party_key": "Z9X01-850009"}, "nhsMHSPartyKey"), ({"manufacturer": None}, "nhsMhsManufacturerOrg"), ({"manufacturer": "Z9S98"}, "nhsMhsManufacturerOrg"),
])  # fmt: skip
def test_what_never_changes_of_a_system(change: dict[str, str], attribute: str) -> None:
    """Party key and manufacturer are as they were when the entry was made (spine 7.3); another ASID is another entry."""
    new = replace(DIRECTORY, systems=(replace(SYSTEM, **change), PROVIDER))  # type: ignore[arg-type]
    with pytest.raises(InvalidEntries, match=f"uniqueIdentifier=200000100001: {attribute}: expected .*, as when it was created; received"):
        check_change(DIRECTORY, new)
    check_change(DIRECTORY, replace(DIRECTORY, systems=(replace(SYSTEM, asid="200000100009", **change), PROVIDER)))  # type: ignore[arg-type]


def test_what_never_changes_of_an_endpoint() -> None:
    """The contract of an endpoint is its own for good; its address may change."""
    check_change(DIRECTORY, replace(DIRECTORY, endpoints=(replace(ENDPOINT, urls=("https://new.nhs.uk",), fqdn="new.nhs.uk"),)))
    with pytest.raises(InvalidEntries, match="nhsMhsCPAId: expected 'S918999000001', as when it was created; received 'S2'"):
        check_change(DIRECTORY, replace(DIRECTORY, endpoints=(replace(ENDPOINT, cpa_id="S2"),)))


def test_sharing_rules() -> None:
    """A rule covers its service and nothing that only begins like it; its values have their forms."""
    rule = SharingRule(SYSTEM.asid, PROVIDER.asid, "urn:nhs:names:services:gpconnect")
    assert (rule.covers(SLOTS), rule.covers("urn:nhs:names:services:gpconnect2:x"), rule.covers("urn:nhs:names:services:gpconnect")) == (True, False, True)
    with pytest.raises(InvalidEntries, match="sharing rule: from_asid: expected an ASID, 12 digits; received 'x'\nsharing rule: service"):
        SharingRule("x", PROVIDER.asid, "a b")
