"""Look-ups: what is found by each key, by each recipe of spine 7.4, and what is not found because it is not live."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unit.directory.samples import (
    APPOINTMENTS,
    AT,
    CODES,
    CONTENT,
    DIRECTORY,
    ENDPOINT,
    NATIONAL,
    PATIENT,
    PROVIDER,
    READ,
    SLOTS,
    SYSTEM,
    directories,
    live,
)
from wardgate.directory import Directory, onboarding
from wardgate.directory.filter import parse
from wardgate.directory.index import DirectoryIndex
from wardgate.directory.look_up import (
    Receiver,
    national_endpoints,
    own_systems,
    receivers_by_endpoint,
    receivers_by_system,
    receivers_of_asid,
    record_holders,
)
from wardgate.directory.sharing_rule import SharingRule

INDEX = DirectoryIndex(DIRECTORY)


@PATIENT
@given(directories(), st.fixed_dictionaries({}, optional={
    "organisation": CODES, "interaction": st.sampled_from(("urn:x:Flag.read:1", "urn:x:flag.read:1")), "party_key": st.from_regex(r"\A[ABab][0-9]-8[0-9]{4}\Z"),
}), st.data())  # fmt: skip
def test_keys_together(directory: Directory, wanted: dict[str, str], data: st.DataObject) -> None:
    """Several keys find what has them all, as a look at every live entry would; half of the wanted values are there."""
    index = DirectoryIndex(directory)
    if (every := (*index.systems(), *index.endpoints())) and data.draw(st.booleans()):
        one = data.draw(st.sampled_from(every))
        wanted |= {"organisation": one.organisation, "party_key": one.party_key.swapcase()}
    folded = wanted | ({"party_key": wanted["party_key"].lower()} if "party_key" in wanted else {})
    systems = [item for item in index.systems() if _has(folded, {"organisation": {item.organisation}, "interaction": set(item.interactions), "party_key": {item.party_key.lower()}})]
    endpoints = [item for item in index.endpoints() if _has(folded, {"organisation": {item.organisation}, "interaction": {item.interaction}, "party_key": {item.party_key.lower()}})]
    assert list(index.systems(**wanted)) == systems
    assert list(index.endpoints(**wanted)) == endpoints


def _has(wanted: Mapping[str, str], keys: Mapping[str, set[str]]) -> bool:
    return all(value in keys[name] for name, value in wanted.items())


def test_by_each_key() -> None:
    """ODS codes and interactions with their case, party keys, names and suppliers without."""
    assert INDEX.system(SYSTEM.asid) == SYSTEM
    assert INDEX.system("200000999999") is None
    assert INDEX.systems(manufacturer="z9s99") == (SYSTEM, PROVIDER)
    assert INDEX.systems(organisation="z9x01") == ()
    assert INDEX.systems(interaction=READ.lower()) == ()
    assert INDEX.endpoints(fqdn="NRL-z9x02.Example.thirdparty.nhs.uk") == (ENDPOINT,)
    assert INDEX.party_keys_of("nrl-z9x02.example.thirdparty.nhs.uk") == ("Z9X02-850002",)
    assert INDEX.party_keys_of("unknown.nhs.uk") == ()


def test_the_recipes() -> None:
    """Each recipe of spine 7.4 finds who it is for; the consumer, which has the interaction but serves nothing, is no receiver."""
    provider = Receiver(PROVIDER, APPOINTMENTS)
    assert national_endpoints(INDEX, "YES-0000806", READ) == (NATIONAL,)
    assert receivers_by_system(INDEX, "Z9X02", SLOTS) == (provider,)
    assert receivers_by_system(INDEX, "Z9X01", SLOTS) == ()
    assert receivers_by_endpoint(INDEX, "Z9X02", SLOTS) == (provider,)
    assert receivers_by_endpoint(INDEX, "Z9X02", CONTENT) == (Receiver(PROVIDER, ENDPOINT),)
    assert own_systems(INDEX, "Z9X01", SLOTS, "Z9S99") == (SYSTEM,)
    assert own_systems(INDEX, "Z9X01", SLOTS, "Z9S98") == ()
    assert receivers_of_asid(INDEX, PROVIDER.asid, SLOTS) == (provider,)
    assert receivers_of_asid(INDEX, "200000999999", SLOTS) == ()


@pytest.mark.parametrize(("url", "found"), [
    ("https://NRL-z9x02.example.thirdparty.nhs.uk/Z9X02/records/1", [ENDPOINT.fqdn]), ("https://b.nhs.uk/x", ["b.nhs.uk"]), ("https://c.nhs.uk/x", []), ("https://[", []),
])  # fmt: skip
def test_of_several_the_one_at_the_records_host(url: str, found: list[str]) -> None:
    """Recipe 5: the host of the record decides among several, without case; where it fits none, none is taken."""
    other = replace(ENDPOINT, identifier="S2", cpa_id="S2", party_key="Z9X02-850003", fqdn="b.nhs.uk", urls=("https://b.nhs.uk",))
    second = replace(PROVIDER, asid="200000100003", party_key="Z9X02-850003")
    index = DirectoryIndex(Directory(systems=(PROVIDER, second), endpoints=(ENDPOINT, other), enrolments=(live(PROVIDER.asid), live(second.asid))))
    assert [one.endpoint.fqdn for one in record_holders(index, "Z9X02", CONTENT, url)] == found
    assert [one.system.asid for one in record_holders(INDEX, "Z9X02", CONTENT, "https://elsewhere.nhs.uk/")] == [PROVIDER.asid]


def test_suspension_takes_effect() -> None:
    """A suspended system is not found, nor are the endpoints of its party key; nor is one without an enrolment."""
    suspended = onboarding.suspend(live(PROVIDER.asid), "lost certificate", by="duty officer", at=AT)
    for enrolments in ((live(SYSTEM.asid), suspended), (live(SYSTEM.asid),)):
        index = DirectoryIndex(replace(DIRECTORY, enrolments=enrolments))
        assert (index.systems(), index.endpoints()) == ((SYSTEM,), (NATIONAL,))
        assert index.system(PROVIDER.asid) is None
        assert receivers_by_endpoint(index, "Z9X02", SLOTS) == ()
        assert index.search(parse("(nhsIDCode=Z9X02)"), 10) == ()


def test_a_party_key_with_another_live_system_stays() -> None:
    """One system of several is suspended: the handler that they share goes on serving."""
    second = replace(PROVIDER, asid="200000100003")
    index = DirectoryIndex(replace(DIRECTORY, systems=(SYSTEM, PROVIDER, second), enrolments=(live(second.asid),)))
    assert [endpoint.party_key for endpoint in index.endpoints(organisation="Z9X02")] == ["Z9X02-850002", "Z9X02-850002"]


def test_searches_end() -> None:
    """A search gives at most one entry more than its limit, which says that there are others."""
    assert len(INDEX.search(parse("(objectClass=top)"), 2)) == 3
    assert len(INDEX.search(parse("(objectClass=top)"), 5)) == 5
    assert [entry.identifier for entry in INDEX.search(parse("(&(objectClass=nhsMhs)(nhsMhsPartyKey=yes-0000806))"), 5)] == ["S918999000002"]


def test_data_sharing() -> None:
    """A rule opens one pair in one direction for one service."""
    index = DirectoryIndex(replace(DIRECTORY, sharing_rules=(SharingRule(SYSTEM.asid, PROVIDER.asid, "urn:nhs:names:services:gpconnect"),)))
    assert index.may_share(SYSTEM.asid, PROVIDER.asid, SLOTS)
    assert not index.may_share(PROVIDER.asid, SYSTEM.asid, SLOTS)
    assert not index.may_share(SYSTEM.asid, PROVIDER.asid, CONTENT)
    assert not INDEX.may_share(SYSTEM.asid, PROVIDER.asid, SLOTS)
