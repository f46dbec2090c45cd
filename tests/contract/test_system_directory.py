"""The store of the system directory, on every database."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from threading import Barrier

import pytest
from sqlalchemy import text

from unit.directory.samples import APPOINTMENTS, CONTENT, ENDPOINT, NATIONAL, PROVIDER, READ, SLOTS, SYSTEM, live
from wardgate.audit import Event
from wardgate.directory import AccreditedSystem, Directory, Endpoint, onboarding
from wardgate.directory.entry import identifier_of, name_of
from wardgate.directory.exchange import FileForm, take
from wardgate.directory.ldif import write
from wardgate.directory.onboarding import Enrolment, Evidence, EvidenceKind, State
from wardgate.directory.sharing_rule import SharingRule
from wardgate.directory.whole import check
from wardgate.keystores import Sealer
from wardgate.stores import AlreadyExists, Stores, Superseded, WrongStoreKey, open_stores
from wardgate.stores.ports import DirectoryChange
from wardgate.stores.reseal import reseal
from wardgate.stores.sql.engine import Database

RULE = SharingRule(SYSTEM.asid, PROVIDER.asid, "urn:nhs:names:services:gpconnect")
WHOLE = DirectoryChange(items=(SYSTEM, PROVIDER, APPOINTMENTS, ENDPOINT, NATIONAL), enrolments=(live(SYSTEM.asid), live(PROVIDER.asid)), shared=(RULE,))


@pytest.fixture
def requested(now: datetime) -> Enrolment:
    """The start of a system's enrolment."""
    return onboarding.request(SYSTEM.asid, "demo", ["NRL"], by="supplier", at=now, fqdn="epr.example.thirdparty.nhs.uk")


def _events(stores: Stores) -> int:
    return len(stores.audit.last(100))


def test_a_directory_comes_back_as_it_was(stores: Stores, again: Stores, event: Event) -> None:
    """Whole, on another node, by key, at the generation of the write; and it is sound."""
    generation = stores.system_directory.write(WHOLE, event, 0)
    found = again.system_directory.load()
    assert found == (generation, Directory(
        systems=(SYSTEM, PROVIDER), endpoints=(APPOINTMENTS, ENDPOINT, NATIONAL), sharing_rules=(RULE,), enrolments=(live(SYSTEM.asid), live(PROVIDER.asid)),
    ))  # fmt: skip
    check(found[1])
    assert again.generation.current() == generation
    assert _events(stores) == 1


def test_an_empty_directory(stores: Stores) -> None:
    """There is nothing, and nothing is taken."""
    assert stores.system_directory.load() == (stores.generation.current(), Directory())
    assert stores.system_directory.taken() == ([], [])
    assert stores.system_directory.enrolment(SYSTEM.asid) is None


def test_what_changed(stores: Stores, again: Stores, event: Event) -> None:
    """Only what was written after the generation that is known: entries, enrolments and rules, and what went."""
    first = stores.system_directory.write(WHOLE, event, 0)
    assert again.system_directory.changed_since(first) == (first, DirectoryChange())
    moved = replace(ENDPOINT, urls=("https://nrl-Z9X02.example.thirdparty.nhs.uk/new",))
    change = DirectoryChange(items=(moved,), removed=(SYSTEM.asid, NATIONAL.identifier), unshared=(RULE,))
    second = stores.system_directory.write(change, event, first)
    assert again.system_directory.changed_since(first) == (second, replace(change, removed=(SYSTEM.asid, NATIONAL.identifier)))
    assert again.system_directory.changed_since(second) == (second, DirectoryChange())
    assert again.system_directory.load() == (second, Directory(systems=(PROVIDER,), endpoints=(APPOINTMENTS, moved), enrolments=(live(PROVIDER.asid),)))
    assert again.system_directory.enrolment(SYSTEM.asid) is None


def _updated(directory: Directory, change: DirectoryChange) -> Directory:
    """A directory that was loaded, with what changed since: what `load` has to give now."""
    gone = {identifier.lower() for identifier in change.removed}
    put = {identifier_of(item).lower(): item for item in change.items}
    kept = {key: item for item in directory.items if (key := identifier_of(item).lower()) not in gone} | put
    enrolments = {found.asid: found for found in directory.enrolments if found.asid not in gone} | {found.asid: found for found in change.enrolments}
    rules = (set(directory.sharing_rules) | set(change.shared)) - set(change.unshared)
    items = [kept[key] for key in sorted(kept)]
    return replace(
        directory,
        systems=tuple(item for item in items if isinstance(item, AccreditedSystem)),
        endpoints=tuple(item for item in items if isinstance(item, Endpoint)),
        enrolments=tuple(enrolments[asid] for asid in sorted(enrolments)),
        sharing_rules=tuple(sorted(rules, key=lambda rule: (rule.from_asid, rule.to_asid, rule.service))),
    )


def test_following_the_changes(stores: Stores, again: Stores, event: Event, now: datetime) -> None:
    """Who applies each change to what was loaded has what is stored, without loading it all again."""
    seen, held = again.system_directory.load()
    enrolment = live(SYSTEM.asid)
    other = SharingRule(PROVIDER.asid, SYSTEM.asid, "urn:a")
    acts: tuple[Callable[[], int], ...] = (
        lambda: stores.system_directory.write(WHOLE, event, seen),
        lambda: stores.system_directory.step(enrolment, onboarding.suspend(enrolment, "why", by="officer", at=now), event),
        lambda: stores.system_directory.register(replace(SYSTEM, asid="100000000001"), live("100000000001"), event),
        lambda: stores.system_directory.write(DirectoryChange(items=(replace(ENDPOINT, retries="9"),), shared=(other,), unshared=(RULE,)), event, seen),
        lambda: stores.system_directory.write(DirectoryChange(removed=(SYSTEM.asid, APPOINTMENTS.identifier)), event, seen),
    )
    for act in acts:
        act()
        seen, change = again.system_directory.changed_since(seen)
        held = _updated(held, change)
        assert (seen, held) == stores.system_directory.load()


def test_a_number_is_given_once(stores: Stores, again: Stores, event: Event) -> None:
    """What was removed stays taken, for registering and for writing, in any case of letters; nothing is recorded of a try."""
    first = stores.system_directory.write(WHOLE, event, 0)
    second = stores.system_directory.write(DirectoryChange(removed=(SYSTEM.asid, ENDPOINT.identifier)), event, first)
    asids, keys = again.system_directory.taken()
    assert (sorted(asids), sorted(keys)) == ([SYSTEM.asid, PROVIDER.asid], ["YES-0000806", "Z9X01-850001", "Z9X02-850002"])
    with pytest.raises(AlreadyExists):
        again.system_directory.register(SYSTEM, live(SYSTEM.asid), event)
    with pytest.raises(AlreadyExists, match="S918999000001 was removed, and is not given again"):
        again.system_directory.write(DirectoryChange(items=(replace(ENDPOINT, identifier="s918999000001"),)), event, second)
    assert again.system_directory.load()[0] == second
    assert _events(stores) == 2


def test_registering(stores: Stores, again: Stores, event: Event, requested: Enrolment) -> None:
    """A system and its enrolment together, once, and not another system's."""
    generation = stores.system_directory.register(SYSTEM, requested, event)
    assert again.system_directory.load() == (generation, Directory(systems=(SYSTEM,), enrolments=(requested,)))
    with pytest.raises(AlreadyExists):
        again.system_directory.register(replace(SYSTEM, organisation="Z9X09"), requested, event)
    with pytest.raises(ValueError, match="another system's"):
        stores.system_directory.register(PROVIDER, requested, event)
    assert stores.system_directory.load()[1].systems == (SYSTEM,)
    assert _events(stores) == 1


def test_what_was_judged_beside_others_stands_beside_them(stores: Stores, again: Stores, event: Event, requested: Enrolment) -> None:
    """A system that was registered meanwhile may have the same name: neither a registration nor a step that did not see it is taken."""
    seen = stores.system_directory.register(SYSTEM, requested, event, seen=0)
    other = replace(requested, asid=PROVIDER.asid)
    with pytest.raises(Superseded):
        again.system_directory.register(PROVIDER, other, event, seen=seen - 1)
    assert again.system_directory.load() == stores.system_directory.load()
    assert stores.system_directory.entry(PROVIDER.asid) is None
    later = again.system_directory.register(PROVIDER, other, event, seen=seen)
    named = onboarding.name(requested, "other.example.nhs.uk", by="supplier", at=requested.history[0].at)
    with pytest.raises(Superseded):
        stores.system_directory.step(requested, named, event, seen=seen)
    assert stores.system_directory.enrolment(SYSTEM.asid) == requested
    stores.system_directory.step(requested, named, event, seen=later)
    assert stores.system_directory.enrolment(SYSTEM.asid) == named


def test_of_two_who_register_one_number_one_does(stores: Stores, again: Stores, event: Event, requested: Enrolment) -> None:
    """The look and the insert are one step."""
    start = Barrier(6)

    def register(number: int) -> bool:
        start.wait()
        try:
            (stores if number % 2 else again).system_directory.register(replace(SYSTEM, organisation=f"Z{number}"), requested, event)
        except AlreadyExists:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(register, range(6))) == 1
    assert _events(stores) == 1


def test_the_way_to_live(stores: Stores, again: Stores, event: Event, requested: Enrolment, now: datetime) -> None:
    """Each step is stored with its event, and the interactions that approval brings with the step itself."""
    proof = Evidence(EvidenceKind.CONFORMANCE_LIST, "SCAL 12")
    given = onboarding.give_evidence(requested, proof, by="supplier", at=now)
    approved = onboarding.approve(given, ["NRL"], by="assurer", at=now, note="seen")
    went_live = onboarding.go_live(approved, by="assurer", at=now)
    stores.system_directory.register(replace(SYSTEM, interactions=(SLOTS,)), requested, event)
    first = stores.system_directory.step(requested, given, event)
    second = again.system_directory.step(given, approved, event, replace(SYSTEM, interactions=(READ,)))
    third = stores.system_directory.step(approved, went_live, event)
    assert first < second < third
    assert again.system_directory.enrolment(SYSTEM.asid) == went_live
    assert again.system_directory.load() == (third, Directory(systems=(replace(SYSTEM, interactions=(READ,)),), enrolments=(went_live,)))
    assert again.system_directory.changed_since(second) == (third, DirectoryChange(enrolments=(went_live,)))
    assert _events(stores) == 4


def test_of_two_steps_at_once_one_is_taken(stores: Stores, again: Stores, event: Event, now: datetime) -> None:
    """Whoever comes second made the step from what is no more; only one is recorded."""
    enrolment = live(SYSTEM.asid)
    stores.system_directory.register(SYSTEM, enrolment, event)
    start = Barrier(6)

    def suspend(number: int) -> bool:
        start.wait()
        after = onboarding.suspend(enrolment, f"reason {number}", by="duty officer", at=now)
        try:
            (stores if number % 2 else again).system_directory.step(enrolment, after, event)
        except Superseded:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(suspend, range(6))) == 1
    found = stores.system_directory.enrolment(SYSTEM.asid)
    assert found is not None
    assert (found.state, len(found.history)) == (State.SUSPENDED, 2)
    assert _events(stores) == 2


def test_steps_that_are_none(stores: Stores, event: Event, now: datetime) -> None:
    """Two steps at once, a step of another system, an entry of another system, and a system that is not there."""
    enrolment = live(SYSTEM.asid)
    suspended = onboarding.suspend(enrolment, "why", by="officer", at=now)
    generation = stores.system_directory.register(SYSTEM, enrolment, event)
    for before, after, system in (
        (enrolment, onboarding.resume(suspended, by="officer", at=now), None), (enrolment, enrolment, None),
        (live(PROVIDER.asid), suspended, None), (enrolment, suspended, PROVIDER),
    ):  # fmt: skip
        with pytest.raises(ValueError, match="not one step on"):
            stores.system_directory.step(before, after, event, system)
    other = live(PROVIDER.asid)
    with pytest.raises(Superseded):
        stores.system_directory.step(other, onboarding.suspend(other, "why", by="officer", at=now), event)
    assert stores.generation.current() == generation
    assert _events(stores) == 1


def test_a_change_from_what_is_no_more(stores: Stores, again: Stores, event: Event, now: datetime) -> None:
    """Whatever was written meanwhile, an entry, a step or a rule, the change is refused whole."""
    seen = stores.system_directory.write(WHOLE, event, 0)
    enrolment = live(SYSTEM.asid)
    between: tuple[Callable[[], int], ...] = (
        lambda: again.system_directory.step(enrolment, onboarding.suspend(enrolment, "why", by="officer", at=now), event),
        lambda: again.system_directory.write(DirectoryChange(unshared=(RULE,)), event, stores.generation.current()),
        lambda: again.system_directory.write(DirectoryChange(removed=(NATIONAL.identifier,)), event, stores.generation.current()),
    )
    for other in between:
        newer = other()
        with pytest.raises(Superseded, match=f"written after generation {seen}"):
            stores.system_directory.write(DirectoryChange(items=(replace(PROVIDER, interactions=(CONTENT,)),)), event, seen)
        assert stores.generation.current() == newer
        seen = newer
    assert stores.system_directory.load()[1].systems[1] == PROVIDER


@pytest.mark.parametrize("change", [
    DirectoryChange(items=(SYSTEM, replace(SYSTEM, organisation="A"))), DirectoryChange(items=(ENDPOINT,), removed=("s918999000001",)), DirectoryChange(removed=("1", "1")),
    DirectoryChange(enrolments=(live(SYSTEM.asid), live(SYSTEM.asid))), DirectoryChange(enrolments=(live(SYSTEM.asid),), removed=(SYSTEM.asid,)),
    DirectoryChange(shared=(RULE,), unshared=(RULE,)),
], ids=["twice put", "put and removed", "twice removed", "two enrolments", "enrolment of what goes", "shared and not"])  # fmt: skip
def test_changes_that_contradict_themselves(stores: Stores, event: Event, change: DirectoryChange) -> None:
    """Which of the two was meant is nobody's to guess."""
    with pytest.raises(ValueError, match="can be put or removed once in one step"):
        stores.system_directory.write(change, event, 0)
    assert _events(stores) == 0


def test_an_import_is_one_step(stores: Stores, again: Stores, event: Event, now: datetime) -> None:
    """A file is taken into what is stored, and stored as a whole; a second one from the same start is not."""
    seen, empty = stores.system_directory.load()
    items = (SYSTEM, replace(PROVIDER, product_name="Épr"), APPOINTMENTS)
    taken = take(empty, write(items), FileForm.LDIF, environment="demo", by="operator", at=now)
    change = DirectoryChange(items=taken.directory.items, enrolments=taken.directory.enrolments)
    generation = stores.system_directory.write(change, event, seen)
    assert again.system_directory.load() == (generation, taken.directory)
    with pytest.raises(Superseded):
        again.system_directory.write(change, event, seen)


def test_many_entries(stores: Stores, event: Event) -> None:
    """More than fit into one statement; and one of them that was removed is found among them."""
    items = tuple(replace(SYSTEM, asid=str(200_000_100_000 + number), party_key=f"Z9X01-{850_000 + number}") for number in range(1_203))
    first = stores.system_directory.write(DirectoryChange(items=items), event, 0)
    assert stores.system_directory.load()[1].systems == items
    second = stores.system_directory.write(DirectoryChange(removed=(items[-1].asid,)), event, first)
    with pytest.raises(AlreadyExists, match=f"{items[-1].asid} was removed"):
        stores.system_directory.write(DirectoryChange(items=items), event, second)


def test_nothing_is_in_clear(stores: Stores, database: Database, event: Event) -> None:
    """Neither role profiles nor products are in the file; the numbers are, because they are looked for."""
    stores.system_directory.write(WHOLE, event, 0)
    with database.engine.connect() as connection:
        rows = [str(tuple(row)) for table in ("directory_entries", "directory_enrolments") for row in connection.execute(text(f"SELECT * FROM {table}"))]
    assert len(rows) == 7
    assert not any("55500" in row or "Example EPR" in row or "a test" in row for row in rows)
    assert any(SYSTEM.asid in row for row in rows)


def test_a_planted_row_is_noticed(stores: Stores, database: Database, event: Event) -> None:
    """A body that was moved to another entry does not open."""
    stores.system_directory.write(WHOLE, event, 0)
    with database.engine.begin() as connection:
        moved = "UPDATE directory_entries SET sealed = (SELECT sealed FROM directory_entries WHERE id = :one) WHERE id = :other"
        connection.execute(text(moved), {"one": SYSTEM.asid, "other": PROVIDER.asid})
    with pytest.raises(WrongStoreKey) as refused:
        stores.system_directory.load()
    assert name_of(SYSTEM.asid) not in str(refused.value)


def test_a_new_store_key(url: str, stores: Stores, event: Event) -> None:
    """Everything sealed is sealed again, tombstones aside, and comes back as it was."""
    first = stores.system_directory.write(WHOLE, event, 0)
    generation = stores.system_directory.write(DirectoryChange(removed=(NATIONAL.identifier,)), event, first)
    assert reseal(url, Sealer([b"another-key-of-thirty-two-bytes!", b"contract-suite-store-key-32bytes"])) >= 6
    fresh = open_stores(url, Sealer([b"another-key-of-thirty-two-bytes!"]))
    assert fresh.system_directory.load()[0] == generation
    assert fresh.system_directory.load()[1].systems == (SYSTEM, PROVIDER)
    fresh.close()


def test_one_entry(stores: Stores, again: Stores, event: Event) -> None:
    """By its identifier in any case of letters; what is not there, or was removed, is none."""
    stores.system_directory.write(WHOLE, event, 0)
    assert again.system_directory.entry(SYSTEM.asid) == SYSTEM
    assert again.system_directory.entry(APPOINTMENTS.identifier.upper()) == APPOINTMENTS
    stores.system_directory.write(DirectoryChange(removed=(SYSTEM.asid,)), event, stores.generation.current())
    assert again.system_directory.entry(SYSTEM.asid) is None
    assert again.system_directory.entry("200000100099") is None
