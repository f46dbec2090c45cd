"""What `_status` says of the whole: each part, well and not, on a real store and a real authority."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from wardgate.authserver import HealthCheck
from wardgate.dataplane.compile import CLUSTERS, LISTENERS, Key, Resource
from wardgate.dataplane.xds import Discovery
from wardgate.server.own_health import OwnHealth
from wardgate.server.settings import Settings
from wardgate.server.wiring import authority_of
from wardgate.stores import Stores

START = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.fixture
def discovery() -> Discovery:
    """Two resources in force, and one Envoy that has confirmed both."""
    found = Discovery()
    found.publish({Key(kind): Resource("1", b"{}", ()) for kind in (LISTENERS, CLUSTERS)})
    for kind in (LISTENERS, CLUSTERS):
        for had in ("", "1"):
            found.answer(kind, {"node": {"id": "first"}, "version_info": had})
    return found


def _ask(stores: Stores, discovery: Discovery, at: datetime) -> dict[str, HealthCheck]:
    authority = authority_of(Settings(), stores)
    checks = asyncio.run(_call(OwnHealth(stores, authority, discovery, lambda: at)))
    return {check.name: check for check in checks}


async def _call(health: OwnHealth) -> list[HealthCheck]:
    return list(await health())


def test_everything_is_well(stores: Stores, discovery: Discovery) -> None:
    """Store, lists and Envoy pass, each with a word on what it is like."""
    authority_of(Settings(), stores).ensure("trial", START)
    found = _ask(stores, discovery, START)
    assert {name: check.status for name, check in found.items()} == {
        "store": "pass", "revocation-lists": "pass", "data-plane": "pass", "message-keys": "pass"}
    assert found["data-plane"].outcome == "1 with the rules in force"


@pytest.mark.parametrize(("hours", "status"), [(11, "pass"), (17, "pass"), (19, "warn"), (25, "fail")])
def test_a_list_that_is_not_renewed(stores: Stores, discovery: Discovery, hours: int, status: str) -> None:
    """From three quarters of its 24 hours on it warns, and past its end it fails and says whom it refuses."""
    authority_of(Settings(), stores).ensure("trial", START)
    found = _ask(stores, discovery, START + timedelta(hours=hours))["revocation-lists"]
    assert found.status == status
    assert status != "fail" or "is refused" in found.outcome


def test_no_envoy_and_one_that_is_behind(stores: Stores, discovery: Discovery) -> None:
    """Without any Envoy it fails; one that has not confirmed what is in force is named."""
    assert _ask(stores, Discovery(), START)["data-plane"].status == "fail"
    discovery.publish({Key(kind): Resource("2", b"{}", ()) for kind in (LISTENERS, CLUSTERS)})
    found = _ask(stores, discovery, START)["data-plane"]
    assert (found.status, found.outcome) == ("warn", "first has not confirmed the rules in force")


def test_a_store_that_does_not_answer(stores: Stores, discovery: Discovery, tmp_path: Path) -> None:
    """It fails by the kind of its error, and says nothing more."""
    authority = authority_of(Settings(), stores)
    authority.ensure("trial", START)
    stores.close()
    (tmp_path / "wardgate.db").write_bytes(b"this is not a database any more" * 400)
    found = {check.name: check for check in asyncio.run(_call(OwnHealth(stores, authority, discovery, lambda: START)))}
    assert (found["store"].status, found["revocation-lists"].status, found["data-plane"].status) == ("fail", "fail", "pass")
    assert found["store"].response_code == 503
