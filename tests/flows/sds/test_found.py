"""What the directory's FHIR API finds: whole bundles for every combination of parameters (spine 7.5)."""

from dataclasses import replace

import pytest

from flows.sds.calling import (
    BASE,
    CORRELATION,
    HAS_KEY,
    INTERACTION,
    ODS,
    OF_KEY,
    OF_SUPPLIER,
    ORGANISATION,
    OUR_TRACE,
    PARTY_KEY,
    PROVIDED,
    SENDS,
    SERVES,
    asked,
    bundle,
    client,
    device,
    endpoint,
)
from unit.directory.samples import APPOINTMENTS, AT, CONTENT, DIRECTORY, ENDPOINT, PROVIDER, READ, SLOTS, SYSTEM, live
from wardgate.directory import onboarding

FOUND_DEVICES = [
    (ORGANISATION, SENDS), (SENDS, ORGANISATION), (ORGANISATION, SENDS, HAS_KEY), (ORGANISATION, SENDS, OF_SUPPLIER), (ORGANISATION, SENDS, HAS_KEY, OF_SUPPLIER),
    (ORGANISATION, ("identifier", f"{INTERACTION}|other"), SENDS), (("organization", f"{ODS}|Z9X02"), ORGANISATION, SENDS),
    (ORGANISATION, SENDS, ("identifier", f"{INTERACTION}| ")), (ORGANISATION, SENDS, ("identifier", f"{PARTY_KEY}|")), (ORGANISATION, SENDS, ("manufacturing-organization", f"{ODS}|")),
    (ORGANISATION, SENDS, ("identifier", f"{PARTY_KEY}|z9x01-850001")),
]  # fmt: skip


@pytest.mark.anyio
@pytest.mark.parametrize("pairs", FOUND_DEVICES)
async def test_a_device_is_found(pairs: tuple[tuple[str, str], ...]) -> None:
    """By organisation and interaction, narrowed by party key and supplier; of several values in one system the last one counts."""
    async with client() as caller:
        answer = await caller.get(f"{BASE}/Device?{asked(*pairs)}", headers=OUR_TRACE)
    assert answer.status_code == 200
    assert answer.json() == bundle("Device", asked(*pairs), 2, device(1))
    assert dict(answer.headers) == {
        "content-type": "application/fhir+json", "content-length": str(len(answer.content)), "x-correlation-id": CORRELATION,
        "cache-control": "private, max-age=1800", "vary": "Accept, apikey", "x-content-type-options": "nosniff",
        "strict-transport-security": "max-age=31536000; includeSubDomains",
    }  # fmt: skip


@pytest.mark.anyio
@pytest.mark.parametrize("pairs", [
    (("organization", f"{ODS}|z9x01"), SENDS), (ORGANISATION, ("identifier", f"{INTERACTION}|{CONTENT}")), (ORGANISATION, ("identifier", f"{INTERACTION}|{READ.lower()}")),
    (ORGANISATION, SENDS, ("identifier", f"{PARTY_KEY}|Z9X01-850009")), (ORGANISATION, SENDS, ("manufacturing-organization", f"{ODS}|Z9S98")),
    (("organization", f"{ODS}|*"), SENDS), (("organization", f"{ODS}|Z9X01)(objectClass=*"), SENDS),
])  # fmt: skip
async def test_no_device_is_an_empty_bundle(pairs: tuple[tuple[str, str], ...]) -> None:
    """What matches nothing is no fault: total is 0. ODS codes and interactions are compared with their case, and nothing is a wildcard."""
    async with client() as caller:
        answer = await caller.get(f"{BASE}/Device?{asked(*pairs)}", headers=OUR_TRACE)
    assert (answer.status_code, answer.json()) == (200, bundle("Device", asked(*pairs), 1))




@pytest.mark.anyio
@pytest.mark.parametrize("pairs", [(PROVIDED, SERVES, OF_KEY), (PROVIDED, SERVES), (SERVES, OF_KEY), (OF_KEY, SERVES)])
async def test_an_endpoint_is_found(pairs: tuple[tuple[str, str], ...]) -> None:
    """By any two or three of organisation, interaction and party key."""
    async with client() as caller:
        answer = await caller.get(f"{BASE}/Endpoint?{asked(*pairs)}", headers=OUR_TRACE)
    assert (answer.status_code, answer.json()) == (200, bundle("Endpoint", asked(*pairs), 2, endpoint(1)))


@pytest.mark.anyio
async def test_each_address_is_a_resource() -> None:
    """An endpoint with two addresses is two resources; organisation and party key find all that it serves."""
    second = "https://nrl-Z9X02.example.thirdparty.nhs.uk/other"
    directory = replace(DIRECTORY, endpoints=(replace(ENDPOINT, urls=(*ENDPOINT.urls, second)), APPOINTMENTS))
    async with client(directory) as caller:
        answer = await caller.get(f"{BASE}/Endpoint?{asked(PROVIDED, SERVES)}", headers=OUR_TRACE)
        every = await caller.get(f"{BASE}/Endpoint?{asked(PROVIDED, OF_KEY)}")
    assert answer.json() == bundle("Endpoint", asked(PROVIDED, SERVES), 3, endpoint(1), endpoint(2, second))
    assert [entry["resource"]["address"] for entry in every.json()["entry"]] == [APPOINTMENTS.urls[0], ENDPOINT.urls[0], second]


@pytest.mark.anyio
async def test_what_an_entry_lacks_is_left_out() -> None:
    """No empty extensions: a system without supplier, an endpoint without terms; its owner is then the organisation."""
    bare = replace(ENDPOINT, sync_reply_mode=None, retry_interval=None, retries=None, persist_duration=None, duplicate_elimination=None, ack_requested=None, actors=())
    systems = (replace(SYSTEM, manufacturer=None, clients=()), PROVIDER)
    async with client(replace(DIRECTORY, systems=systems, endpoints=(bare,))) as caller:
        found = (await caller.get(f"{BASE}/Device?{asked(ORGANISATION, SENDS)}")).json()["entry"][0]["resource"]
        other = (await caller.get(f"{BASE}/Endpoint?{asked(PROVIDED, SERVES)}")).json()["entry"][0]["resource"]
    assert found["extension"] == device(1)["extension"][1:]
    assert found["owner"] == {"identifier": {"system": ODS, "value": "Z9X01"}}
    assert other["extension"] == endpoint(1)["extension"][1:]


@pytest.mark.anyio
@pytest.mark.parametrize(("clients", "owner"), [(("Z9A01",), "Z9A01"), (("Z9A01", "Z9A02"), "Z9X01")])
async def test_the_owner(clients: tuple[str, ...], owner: str) -> None:
    """The organisation that a system acts for; where there are several, the one that runs it."""
    async with client(replace(DIRECTORY, systems=(replace(SYSTEM, clients=clients), PROVIDER))) as caller:
        found = (await caller.get(f"{BASE}/Device?{asked(ORGANISATION, SENDS)}")).json()["entry"][0]["resource"]
    assert found["owner"] == {"identifier": {"system": ODS, "value": owner}}


@pytest.mark.anyio
async def test_a_suspended_system_is_not_found() -> None:
    """Neither it nor the endpoints of its party key: the bundles are empty."""
    suspended = onboarding.suspend(live(PROVIDER.asid), "certificate lost", by="duty officer", at=AT)
    async with client(replace(DIRECTORY, enrolments=(live(SYSTEM.asid), suspended))) as caller:
        found = await caller.get(f"{BASE}/Endpoint?{asked(PROVIDED, SERVES)}", headers=OUR_TRACE)
        other = await caller.get(f"{BASE}/Device?{asked(PROVIDED, ('identifier', f'{INTERACTION}|{SLOTS}'))}", headers=OUR_TRACE)
    assert (found.status_code, found.json()) == (200, bundle("Endpoint", asked(PROVIDED, SERVES), 1))
    assert (other.status_code, other.json()["total"]) == (200, 0)
