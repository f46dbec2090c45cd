"""New entries: they hold the schema's rules, whoever makes them, and interactions are taken apart as the services are."""

import pytest

from unit.directory.samples import AT, SYSTEM
from wardgate.directory.errors import InvalidEntries
from wardgate.directory.registering import (
    approved,
    new_endpoint,
    new_system,
    role_dn,
    service_and_name,
    sets_known,
    type_of,
)
from wardgate.directory.whole import Directory, check
from wardgate.spine.interaction_catalogue import INTERACTIONS

EVENT = "urn:nhs:names:services:events:pds-birth-notification-1.Write"


@pytest.mark.parametrize("by", ["root", "A. Person, of the trust", "x" * 400, "a=b,c=d", "\t\n", "", "É"])
def test_whoever_registers(by: str) -> None:
    """The name of who did it never breaks the entry's form, and cannot pretend to be another name."""
    role = role_dn(by)
    system = new_system("200000100001", "Z9X01", "Z9X01-850001", ["urn:x:y"], role=role, at=AT)
    endpoint = new_endpoint(system, "urn:x:y", "https://a.nhs.uk/b", "S1", role=role, at=AT)
    check(Directory(systems=(approved(system, role=role, at=AT),), endpoints=(endpoint,)))
    assert role.count("uid=") == 1


@pytest.mark.parametrize(("interaction", "service", "name", "spoken"), [
    ("urn:nhs:names:services:nrl:DocumentReference.content", "urn:nhs:names:services:nrl", "DocumentReference.content", "FHIR"),
    ("urn:nhs:names:services:gpconnect:fhir:rest:read:metadata-1", "urn:nhs:names:services:gpconnect", "fhir:rest:read:metadata-1", "FHIR"),
    ("urn:nhs:names:services:pdsquery:QUPA_IN000006UK02", "urn:nhs:names:services:pdsquery", "QUPA_IN000006UK02", "HL7"),
    ("urn:example:a:b", "urn:example:a", "b", "FHIR"),
    ("nothing", "nothing", "", "FHIR"),
])  # fmt: skip
def test_the_parts_of_an_interaction(interaction: str, service: str, name: str, spoken: str) -> None:
    """Joined by a colon they are the interaction again, where it has a name."""
    assert service_and_name(interaction) == (service, name)
    assert type_of(name) == spoken


def test_message_sets() -> None:
    """Every interaction of the catalogue is in one; an event is a set of its own when it is asked for, and nothing else is made up."""
    assert {interaction for one in sets_known() for interaction in one.interactions} == set(INTERACTIONS)
    names = {one.name for one in sets_known([EVENT, "made-up", "urn:other:x"])}
    assert names - {one.name for one in sets_known()} == {EVENT}


@pytest.mark.parametrize("url", ["http://a.nhs.uk", "https://user@a.nhs.uk/", "https://10.0.0.1/a", "https:///a", "ldap://a.nhs.uk", "https://a.nhs.uk/\x00"])
def test_urls_that_are_refused(url: str) -> None:
    """What is no https URL of a name is refused before a name is taken from it."""
    with pytest.raises(InvalidEntries, match="nhsMHSEndPoint: expected an https URL"):
        new_endpoint(SYSTEM, "urn:x:y", url, "S1", role=role_dn("x"), at=AT)
