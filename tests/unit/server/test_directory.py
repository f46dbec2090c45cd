"""The directory in the world: what the store and the manifest say together, followed change by change, and in time."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from time import process_time
from typing import Any

import pytest

from unit.directory.samples import APPOINTMENTS, PROVIDER, SLOTS, SYSTEM, live
from unit.server.test_world import NOW, keeper, put
from wardgate.audit.model import Event
from wardgate.directory import onboarding
from wardgate.directory.stated import stated
from wardgate.manifest import Manifest
from wardgate.security_patterns.snapshot import Snapshot
from wardgate.server.applying import ApplyRefused
from wardgate.server.health import status_of
from wardgate.server.whole_directory import asids_of, check_directory, live_of
from wardgate.stores import Stores
from wardgate.stores.ports import DirectoryChange

READ = "urn:nhs:names:services:nrl:DocumentReference.read"
STATED = "200000000115"
GENERATED = 2_000
"""Systems: enough to see that a change does not cost what the directory does."""
Made = Callable[..., Manifest]


def _manifest(manifest: Made, **system: Any) -> Manifest:
    base = {"asid": STATED, "organisation": "Z9X01", "fqdn": "epr.nhs.uk", "interactions": [READ]}
    organisations = [{"ods": "Z9X01", "name": "H", "active": system.pop("active", True)}]
    return manifest(systems=[base | system], organisations=organisations)


def _seen(snapshot: Snapshot, asid: str) -> tuple[bool, frozenset[str], frozenset[str]] | None:
    found = snapshot.systems.get(asid)
    return None if found is None else (found.suspended, found.certificate_names, found.interactions)


def test_a_system_of_the_manifest(stores: Stores, manifest: Made, event: Event) -> None:
    """It is live; it follows the manifest, its organisation, and a suspension in the store; and it goes with the manifest."""
    world = keeper(stores)
    put(stores, _manifest(manifest))
    assert _seen(world.refresh(NOW), STATED) == (False, frozenset({"epr.nhs.uk"}), frozenset({READ}))
    put(stores, _manifest(manifest, fqdn="new.nhs.uk", interactions=[READ, SLOTS]))
    assert _seen(world.refresh(NOW), STATED) == (False, frozenset({"new.nhs.uk"}), frozenset({READ, SLOTS}))
    put(stores, _manifest(manifest, active=False))
    assert _seen(world.refresh(NOW), STATED) == (True, frozenset({"epr.nhs.uk"}), frozenset({READ}))
    put(stores, _manifest(manifest))
    enrolment = onboarding.suspend(stated(_manifest(manifest).systems[0], "trial").enrolment, "why", by="x", at=NOW)
    stores.system_directory.write(DirectoryChange(enrolments=(enrolment,)), event, stores.generation.current())
    snapshot = world.refresh(NOW)
    assert _seen(snapshot, STATED) == (True, frozenset({"epr.nhs.uk"}), frozenset({READ}))
    assert snapshot.directory is not None
    assert snapshot.directory.system(STATED) is None
    put(stores, manifest())
    gone = world.refresh(NOW)
    assert (gone.systems, gone.organisations) == ({}, frozenset({"Z9X01"}))
    fresh = keeper(stores).refresh(NOW)
    assert (fresh.systems, fresh.organisations, fresh.connect_to) == (gone.systems, gone.organisations, gone.connect_to)


def test_both_sources_are_one_directory(stores: Stores, manifest: Made, event: Event) -> None:
    """Registered and stated systems are found alike; steps count at once; a requested one is not known to the gateway."""
    world = keeper(stores)
    put(stores, _manifest(manifest, endpoints=[{"interaction": SLOTS, "url": "https://epr.nhs.uk/Z9X01/a", "connect_to": "127.0.0.1:9"}]))
    requested = onboarding.request(SYSTEM.asid, "trial", ["nrl"], by="x", at=NOW, fqdn="Own.nhs.uk")
    stores.system_directory.register(SYSTEM, requested, event)
    stores.system_directory.write(DirectoryChange(items=(PROVIDER, APPOINTMENTS), enrolments=(live(PROVIDER.asid),)), event, stores.generation.current())
    snapshot = world.refresh(NOW)
    assert set(snapshot.systems) == {STATED, PROVIDER.asid}
    assert snapshot.directory is not None
    assert {found.organisation for found in snapshot.directory.endpoints(interaction=SLOTS)} == {"Z9X01", "Z9X02"}
    assert list(snapshot.connect_to.values()) == ["127.0.0.1:9"]
    assert snapshot.organisations == {"Z9X01", "Z9X02"}
    taken = replace(requested, state=onboarding.State.LIVE, history=(*requested.history, onboarding.Moved(onboarding.Step.GO_LIVE, "x", NOW)))
    stores.system_directory.step(requested, taken, event)
    assert _seen(world.refresh(NOW), SYSTEM.asid) == (False, frozenset({"own.nhs.uk"}), frozenset(SYSTEM.interactions))
    stores.system_directory.write(DirectoryChange(removed=(SYSTEM.asid,)), event, stores.generation.current())
    after = world.refresh(NOW)
    assert set(after.systems) == {STATED, PROVIDER.asid}
    assert after.systems == keeper(stores).refresh(NOW).systems


def test_what_the_two_may_not_say(stores: Stores, manifest: Made, event: Event) -> None:
    """One ASID or one name on the network in both is refused, before anything is applied."""
    stores.system_directory.register(SYSTEM, replace(live(SYSTEM.asid), fqdn="own.nhs.uk"), event)
    check_directory(stores, _manifest(manifest))
    assert asids_of(stores) == {SYSTEM.asid}
    assert live_of(check_directory(stores, manifest()).kept) == (SYSTEM,)
    with pytest.raises(ApplyRefused, match=f"uniqueIdentifier={SYSTEM.asid}: uniqueIdentifier: expected an identifier of the manifest's or of a registered"):
        check_directory(stores, _manifest(manifest, asid=SYSTEM.asid))
    with pytest.raises(ApplyRefused, match="fqdn: expected a name of one party key only"):
        check_directory(stores, _manifest(manifest, fqdn="own.nhs.uk"))


def test_a_suspension_costs_what_it_touches(stores: Stores, manifest: Made, event: Event) -> None:
    """Among many systems it is in the snapshot in a part of the time that the directory took, and shares what stayed."""
    put(stores, manifest())
    systems = tuple(replace(SYSTEM, asid=f"{200_000_200_000 + number}", organisation=f"A{number}", party_key=f"A{number}-850001", clients=()) for number in range(GENERATED))
    stores.system_directory.write(DirectoryChange(items=systems, enrolments=tuple(live(system.asid) for system in systems)), event, stores.generation.current())
    world = keeper(stores)
    start = process_time()
    before = world.refresh(NOW)
    whole = process_time() - start
    one = systems[GENERATED // 2].asid
    stores.system_directory.step(live(one), onboarding.suspend(live(one), "why", by="x", at=datetime(2026, 11, 21, tzinfo=UTC)), event)
    start = process_time()
    after = world.refresh(NOW)
    assert process_time() - start < max(whole / 3, 0.1)
    assert (before.systems[one].suspended, after.systems[one].suspended) == (False, True)
    assert all(after.systems[system.asid] is before.systems[system.asid] for system in systems if system.asid != one)
    assert before.directory is not None and after.directory is not None  # noqa: PT018 - for the type checker
    assert (before.directory.system(one) is None, after.directory.system(one) is None) == (False, True)
    assert world.refresh(NOW).directory is after.directory


def test_the_secure_proxy_has_no_backend_to_ask(manifest: Made) -> None:
    """Its `_status` passes without a request to anybody."""
    route = {"path": "/*", "pattern": "asid-interaction", "spine_jwt": "gp-connect-1"}
    api = manifest(apis=[{"name": "ssp", "base_path": "/ssp", "backend": "secure-proxy", "spine": {"service": "gp-connect"}, "routes": [route]}]).apis[0]
    body = asyncio.run(status_of(api))
    assert (body["status"], body["checks"]["healthcheck"]["outcome"]) == ("pass", "no backend of its own")
