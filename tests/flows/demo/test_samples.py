"""The samples among the demo's backends: where they are, and what they know of the demo's people."""

from pathlib import Path

import httpx2
import pytest

from flows.samples.place import NOW, as_json, by_role, called_by
from flows.samples.test_adjustments import flag
from flows.samples.test_pointers import pointer
from wardgate.demo import manifest
from wardgate.demo.backends import backends
from wardgate.demo.samples import ADJUSTMENTS, POINTER_TYPES, POINTERS, PRACTICE, PRACTICE_FQDN, Samples, profiles_of
from wardgate.samples.records import Records

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """Run on asyncio."""
    return "asyncio"


async def test_one_record_behind_two_doors(tmp_path: Path) -> None:
    """Pointers are at their base path; what is recorded at one door of reasonable adjustments is read at the other, by any role of the demo."""
    world = manifest()
    profiles = profiles_of(world.users)
    known = {entry.ods for entry in world.organisations}
    records = Records(tmp_path / "samples.db", lambda: NOW)
    app = backends(Samples(records, known.__contains__, profiles.get, lambda: NOW))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://127.0.0.1:9001") as client:
        made = await client.post(f"{POINTERS}/DocumentReference", content=as_json(pointer()), headers=called_by())
        assert made.headers["Location"].startswith(f"{POINTERS}/DocumentReference/")
        assert (await client.get(made.headers["Location"], headers=called_by())).status_code == 200
        first, second = ADJUSTMENTS
        flagged = await client.post(f"{first}/Flag", content=as_json(flag()), headers=by_role(Prefer="return=representation"))
        assert flagged.status_code == 201, flagged.text
        there = await client.get(f"{second}/Flag/{flagged.json()['id']}", headers=by_role())
        assert there.json() == flagged.json()
    records.close()


async def test_what_is_fixed_is_of_the_demo() -> None:
    """Role profiles, approved organisations and the surgery are those of the manifest."""
    world = manifest()
    profiles = profiles_of(world.users)
    assert (profiles["555254242105"].job_role, profiles["555254242105"].job_role_name) == ("R8000", "Clinical Practitioner Access Role")
    assert all(number.isdigit() for number in profiles)
    assert set(POINTER_TYPES) <= {entry.ods for entry in world.organisations}
    (surgery,) = (system for system in world.systems if system.asid == PRACTICE.asid)
    assert (surgery.fqdn, surgery.organisation) == (PRACTICE_FQDN, PRACTICE.ods)
    assert {endpoint.url for endpoint in surgery.endpoints} == {f"https://{PRACTICE_FQDN}{PRACTICE.base_path}"}
