"""Logout tokens reach the clients whatever happens to the process, are tried as often as they may be, and no oftener (user-restricted 11.8)."""

import asyncio
import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from flows.standins.cast import MOCK_CIS2, ORIGIN
from wardgate.jose import UnverifiedJWT
from wardgate.standins.logout_delivery import AT_ONCE, MARGIN_SECONDS, LogoutDelivery
from wardgate.standins.surfaces import Endpoint

LOGOUT = MOCK_CIS2.url(ORIGIN, Endpoint.LOGOUT)
RECEIVER = "https://app.example.nhs.uk/backchannel"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def make_told(make_world: Callable[[], Any]) -> Callable[[], Any]:
    """Make a node on the one database. Its application wants to be told; a minute lies between the attempts, of which there are three."""
    def make() -> Any:
        world = make_world()
        party = world.identities.relying_parties["test-client-cis2"]
        world.identities.relying_parties["test-client-cis2"] = party.model_copy(update={"backchannel_logout_uri": RECEIVER})
        world.deps = replace(world.deps, settings=replace(world.deps.settings, logout_pauses_seconds=(60.0, 60.0)))
        world.app._deps = world.deps
        return world

    return make


def sign_out(world: Any, *answers: int) -> None:
    """Sign in and out; the client answers these."""
    world.answers = list(answers)
    with world.client() as browser:
        hint = browser.tokens(MOCK_CIS2, "656005750104")["id_token"]
        browser.get(LOGOUT, params={"id_token_hint": hint})


def later(world: Any, time: timedelta) -> Any:
    """Turn a node's clock, and let it deliver what is due."""
    world.now += time
    asyncio.run(LogoutDelivery(world.deps).settle())
    return world


def missed(world: Any) -> list[int]:
    """Return the attempts of each delivery that was given up."""
    return [event.details["attempts"] for event in _given_up(world)]


def _given_up(world: Any) -> list[Any]:
    return [event for event in world.events if event.details.get("error") == "logout-not-delivered"]


def test_another_process_goes_on(make_told: Callable[[], Any]) -> None:
    """What the first could not deliver, a process started afterwards does when the pause is over: with a new token of the same session."""
    before = make_told()
    sign_out(before, 503)
    after = later(make_told(), MINUTE - timedelta(seconds=1))
    assert after.delivered == []
    later(after, timedelta(seconds=1))
    first, second = (UnverifiedJWT.parse(form["logout_token"]).claims for form in (before.delivered[0][1], after.delivered[0][1]))
    assert (first["sid"], first["sub"], first["aud"]) == (second["sid"], second["sub"], second["aud"])
    assert second["iat"] - first["iat"] == 60
    assert later(later(after, MINUTE), MINUTE).delivered[1:] == before.delivered[1:] == missed(after) == []


def test_attempts_are_counted_across_processes(make_told: Callable[[], Any]) -> None:
    """Three in all, by three processes; the last one records that it was given up."""
    sign_out(make_told(), 500)
    second, third, fourth = make_told(), make_told(), make_told()
    second.answers, third.answers = [500], [500]
    later(second, MINUTE)
    assert missed(later(third, 2 * MINUTE)) == [3]
    assert _given_up(third)[0].details["answer"] == "status 500"
    assert later(fourth, 3 * MINUTE).delivered == missed(fourth) == []


def test_a_process_that_dies_while_it_delivers(make_told: Callable[[], Any]) -> None:
    """Another takes over when the client's time is up and a margin, not before."""
    dying, after = make_told(), make_told()

    async def die() -> None:
        asked = asyncio.Event()

        async def hang(_url: str, _form: Mapping[str, str]) -> int:
            asked.set()
            await asyncio.Event().wait()
            return 200

        running = asyncio.create_task(LogoutDelivery(replace(dying.deps, deliver=hang)).run())
        await asyncio.wait_for(asked.wait(), 20)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    with dying.client(delivers=False) as browser:
        hint = browser.tokens(MOCK_CIS2, "656005750104")["id_token"]
        browser.get(LOGOUT, params={"id_token_hint": hint})
    asyncio.run(die())
    lease = timedelta(seconds=after.deps.settings.logout_timeout_seconds + MARGIN_SECONDS)
    assert later(after, lease - timedelta(seconds=1)).delivered == []
    assert [url for url, _ in later(after, timedelta(seconds=1)).delivered] == [RECEIVER]


def test_a_delivery_that_no_process_outlives(make_told: Callable[[], Any]) -> None:
    """It ends as well: after as many attempts as there may be it is given up without another."""
    world = make_told()
    with world.client(delivers=False) as browser:
        hint = browser.tokens(MOCK_CIS2, "656005750104")["id_token"]
        browser.get(LOGOUT, params={"id_token_hint": hint})
    for _ in range(3):
        assert len(world.stores.outbox.take(world.now, world.now + MINUTE, 9)) == 1
        world.now += MINUTE
    assert later(world, timedelta()).delivered == []
    assert missed(world) == [4]


@pytest.mark.parametrize("change", ["gone", "no address"])
def test_a_client_that_is_nobodys_any_more(make_told: Callable[[], Any], change: str) -> None:
    """One that was removed, or that does not want to be told, is not asked; that is recorded."""
    sign_out(make_told(), 500)
    after = make_told()
    party = after.identities.relying_parties.pop("test-client-cis2")
    if change == "no address":
        after.identities.relying_parties["test-client-cis2"] = party.model_copy(update={"backchannel_logout_uri": None})
    assert later(after, MINUTE).delivered == []
    assert missed(after) == [2]


def test_two_processes_tell_a_client_once(make_told: Callable[[], Any]) -> None:
    """Whoever takes it first."""
    one, other = make_told(), make_told()
    with one.client(delivers=False) as browser:
        for _ in range(4):
            hint = browser.tokens(MOCK_CIS2, "656005750104", prompt="login")["id_token"]
            browser.get(LOGOUT, params={"id_token_hint": hint})

    async def both() -> None:
        await asyncio.gather(LogoutDelivery(one.deps).settle(), LogoutDelivery(other.deps).settle())

    asyncio.run(both())
    sessions = [UnverifiedJWT.parse(form["logout_token"]).claims["sid"] for _, form in one.delivered + other.delivered]
    assert len(sessions) == len(set(sessions)) == 4


def test_a_slow_client_holds_nobody_up(make_told: Callable[[], Any]) -> None:
    """While one takes its time, all others are told; no more than so many at once."""
    world = make_told()
    count = AT_ONCE + 2
    under_way: list[int] = []

    async def run() -> None:
        others_told, all_told = asyncio.Event(), asyncio.Event()

        async def deliver(_url: str, form: Mapping[str, str]) -> int:
            first = not under_way
            under_way.append(1)
            world.delivered.append(("", dict(form)))
            if len(world.delivered) == count:
                others_told.set()
            if first:
                await others_told.wait()
                all_told.set()
            await asyncio.sleep(0)
            under_way.append(-1)
            return 200

        running = asyncio.create_task(LogoutDelivery(replace(world.deps, deliver=deliver)).run())
        await asyncio.wait_for(all_told.wait(), 20)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    with world.client(delivers=False) as browser:
        for _ in range(count):
            hint = browser.tokens(MOCK_CIS2, "656005750104", prompt="login")["id_token"]
            browser.get(LOGOUT, params={"id_token_hint": hint})
    asyncio.run(run())
    assert max(itertools.accumulate(under_way)) <= AT_ONCE
    assert missed(world) == []
