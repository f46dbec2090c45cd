"""A directory kept up to date answers as one that is made anew, whatever the changes."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from depth import examples
from unit.directory.samples import AT, ENDPOINT, PATIENT, PROVIDER, READ, SYSTEM
from wardgate.directory import model, onboarding
from wardgate.directory.index import DirectoryIndex
from wardgate.directory.live import LiveDirectory
from wardgate.directory.onboarding import Enrolment, State, take_over
from wardgate.directory.sharing_rule import SharingRule
from wardgate.directory.stated import Stated, merged, stated
from wardgate.directory.whole import Directory

SYSTEMS = tuple(
    replace(SYSTEM, asid=f"2000001000{number:02}", party_key=f"Z9X0{number % 2}-850001", interactions=(READ, f"urn:a:{number}")) for number in range(4)
)
ENDPOINTS = tuple(replace(ENDPOINT, identifier=f"S{number}", cpa_id=f"S{number}", party_key=f"z9x0{number % 2}-850001", fqdn=f"n{number}.nhs.uk") for number in range(3))
RULES = tuple(SharingRule(SYSTEMS[0].asid, SYSTEMS[1].asid, service) for service in ("urn:a", "urn:b"))
STATED = tuple(f"3000001000{number:02}" for number in range(3))


def _stated(asid: str, variant: int) -> Stated:
    served = [{"interaction": "urn:a:b", "url": f"https://n{variant}.nhs.uk/a"}] if variant % 2 else []
    return stated(model.System.model_validate({
        "asid": asid, "organisation": "Z9X01", "fqdn": f"n{variant}.nhs.uk", "party_key": "Z9X00-850001" if variant == 2 else None,
        "interactions": ["urn:a:1"] if variant < 3 else [], "endpoints": served,
    }), "demo")  # fmt: skip


def _enrolment(asid: str, state: State, fqdn: str | None) -> Enrolment:
    return replace(take_over(asid, "demo", by="a test", at=AT, fqdn=fqdn), state=state)


SYSTEM_ASIDS = tuple(system.asid for system in SYSTEMS)
CHANGES = st.one_of(
    st.tuples(st.just("put"), st.sampled_from((*SYSTEMS, *ENDPOINTS)), st.sampled_from(("Z9X00-850001", "Z9X01-850001", "Z9X02-850001"))),
    st.tuples(st.just("remove"), st.sampled_from((*SYSTEM_ASIDS, "S0", "S1", "S2"))),
    st.tuples(st.just("enrol"), st.builds(_enrolment, st.sampled_from((*SYSTEM_ASIDS, *STATED)), st.sampled_from(State), st.sampled_from((None, "own.nhs.uk")))),
    st.tuples(st.just("share"), st.sampled_from(RULES)),
    st.tuples(st.just("unshare"), st.sampled_from(RULES)),
    st.tuples(st.just("state"), st.sampled_from(STATED), st.none() | st.integers(0, 4)),
    st.tuples(st.just("state-rules"), st.lists(st.sampled_from(RULES), max_size=2)),
)


@settings(PATIENT, max_examples=examples(150))
@given(st.lists(st.lists(CHANGES, max_size=4), max_size=6))
def test_following_is_making_anew(batches: list[list[tuple]]) -> None:  # type: ignore[type-arg]
    """After every batch the index, the standings and the names are those of the whole that was merged from scratch."""
    held = LiveDirectory()
    kept: dict[str, object] = {}
    enrolled: dict[str, Enrolment] = {}
    said: dict[str, Stated] = {}
    rules, stated_rules = set(), set()
    known: dict[str, object] = {}
    for batch in batches:
        for kind, *values in batch:
            if kind == "put":
                item = replace(values[0], party_key=values[1])
                kept[getattr(item, "asid", None) or item.identifier.lower()] = item
                held.keep([item], [], [], [], [])
            elif kind == "remove":
                kept.pop(values[0].lower(), None)
                enrolled.pop(values[0], None)
                held.keep([], [values[0]], [], [], [])
            elif kind == "enrol":
                enrolled[values[0].asid] = values[0]
                held.keep([], [], [values[0]], [], [])
            elif kind == "share":
                rules.add(values[0])
                held.keep([], [], [], [values[0]], [])
            elif kind == "unshare":
                rules.discard(values[0])
                held.keep([], [], [], [], [values[0]])
            elif kind == "state":
                found = None if values[1] is None else _stated(values[0], values[1])
                said.pop(values[0], None)
                said |= {} if found is None else {values[0]: found}
                held.state(values[0], found)
            else:
                stated_rules = set(values[0])
                held.state_rules(values[0])
        for asid in held.settle():
            standing = held.standing(asid)
            known.pop(asid, None)
            known |= {} if standing is None else {asid: standing}
        whole = merged(said.values(), stated_rules, Directory(
            systems=tuple(item for item in kept.values() if hasattr(item, "asid")), endpoints=tuple(item for item in kept.values() if not hasattr(item, "asid")),
            sharing_rules=tuple(rules), enrolments=tuple(enrolled.values()),
        ))  # fmt: skip
        anew = DirectoryIndex(whole)
        assert (held.index.systems(), held.index.endpoints()) == (anew.systems(), anew.endpoints())
        for key in ("urn:a:1", READ):
            assert held.index.systems(interaction=key) == anew.systems(interaction=key)
        assert [held.index.may_share(rule.from_asid, rule.to_asid, rule.service) for rule in RULES] == [
            anew.may_share(rule.from_asid, rule.to_asid, rule.service) for rule in RULES]
        assert {asid: (found.system, found.state, found.names) for asid, found in known.items()} == _standings(whole)


def _standings(whole: Directory) -> dict[str, object]:
    names: dict[str, set[str]] = {}
    for endpoint in whole.endpoints:
        names.setdefault(endpoint.party_key.lower(), set()).add(endpoint.fqdn)
    systems = {system.asid: system for system in whole.systems}
    for enrolment in whole.enrolments:
        if enrolment.fqdn is not None and enrolment.asid in systems and enrolment.state is State.LIVE:
            names.setdefault(systems[enrolment.asid].party_key.lower(), set()).add(enrolment.fqdn)
    return {found.asid: (systems[found.asid], found.state, frozenset({*names.get(systems[found.asid].party_key.lower(), ()), *([found.fqdn] if found.fqdn else [])}))
            for found in whole.enrolments if found.asid in systems}


@pytest.mark.parametrize("state", [state for state in State if state is not State.LIVE])
def test_a_name_that_was_only_asked_for_is_no_sibling_s(state: State) -> None:
    """A system that is not live lends the others of its party key no name, whose certificate could be used with their ASIDs."""
    held, beside = LiveDirectory(), replace(SYSTEM, asid="200000100009")
    held.keep([SYSTEM, beside], [], [_enrolment(SYSTEM.asid, State.LIVE, "own.nhs.uk"), _enrolment(beside.asid, state, "beside.nhs.uk")], [], [])
    held.settle()
    assert _names_of(held, SYSTEM.asid) == {"own.nhs.uk"}
    held.keep([], [], [_enrolment(beside.asid, State.LIVE, "beside.nhs.uk")], [], [])
    assert held.settle() == {SYSTEM.asid, beside.asid}
    assert _names_of(held, SYSTEM.asid) == _names_of(held, beside.asid) == {"own.nhs.uk", "beside.nhs.uk"}
    held.keep([], [], [_enrolment(beside.asid, state, "beside.nhs.uk")], [], [])
    assert held.settle() == {SYSTEM.asid, beside.asid}
    assert _names_of(held, SYSTEM.asid) == {"own.nhs.uk"}


def _names_of(held: LiveDirectory, asid: str) -> frozenset[str]:
    standing = held.standing(asid)
    assert standing is not None
    return standing.names


def test_an_enrolment_is_not_lost_to_its_entry() -> None:
    """A suspension that is told before the entry holds when the entry comes."""
    held = LiveDirectory()
    held.keep([], [], [onboarding.suspend(take_over(PROVIDER.asid, "demo", by="x", at=AT), "why", by="x", at=AT)], [], [])
    held.settle()
    assert held.standing(PROVIDER.asid) is None
    held.keep([PROVIDER], [], [], [], [])
    assert PROVIDER.asid in held.settle()
    assert held.index.system(PROVIDER.asid) is None
    standing = held.standing(PROVIDER.asid)
    assert standing is not None
    assert standing.state is State.SUSPENDED
