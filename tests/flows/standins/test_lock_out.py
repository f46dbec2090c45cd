"""Guessing at a stand-in: failures wait longer each time and lock out, on every node, for people who exist and for others."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier
from typing import Any

import httpx2
import pytest
from starlette.requests import Request

from flows.standins.cast import CIS2, LOGIN, forms, returned
from flows.standins.password_pages import (
    DOCTOR,
    PASSWORD,
    PATIENT,
    PLAIN,
    WORKER,
    WRONG,
    begin,
    code,
    give,
)
from wardgate.audit import Event, EventType
from wardgate.audit.model import Personal
from wardgate.oauth.users import ProviderKind
from wardgate.quotas.failed_tries import TryLimit
from wardgate.standins import StandInsApp
from wardgate.standins.methods import Attempt
from wardgate.standins.methods.failed_tries import person_keys, source_key, waiting

TOO_MANY = "There were too many failed tries. Try again in"


def fail(browser: Any, world: Any, username: str, times: int) -> httpx2.Response:
    """Give so many wrong passwords, each as soon as the page takes it, and return the last page."""
    page = begin(browser, CIS2, prompt="login")
    for number in range(1, times + 1):
        page = give(browser, page, username, "a wrong password")
        assert WRONG in page.text, page.text
        if number < times:
            world.now += timedelta(seconds=world.deps.settings.person_tries.wait_seconds(number))
            page = begin(browser, CIS2, prompt="login")
    return page


def wrong_code(world: Any) -> str:
    """A code that is not the worker's, now or a step away."""
    right = {code(world, WORKER, ahead) for ahead in (-1, 0, 1)}
    return next(one for one in ("000000", "111111", "222222", "333333") if one not in right)


def told(world: Any) -> list[Any]:
    """What was recorded, in short."""
    return [(event.type.value, event.details.get("error") or event.details.get("whose")) for event in world.events]


@pytest.mark.parametrize(("lines", "seen"), [
    (["192.0.2.1"], "192.0.2.1"), (["192.0.2.1, 198.51.100.7"], "198.51.100.7"), (["192.0.2.1", "198.51.100.7"], "198.51.100.7"),
    (["192.0.2.1,", "203.0.113.9 , 2001:db8::1"], "2001:db8::1"), (["192.0.2.1", ""], "unknown"), ([], "unknown"),
])
def test_a_source_is_what_envoy_saw(lines: list[str], seen: str) -> None:
    """The last of all that X-Forwarded-For says: what a caller says stands before it, in a line of its own or not."""
    headers = [(b"x-forwarded-for", line.encode()) for line in lines]
    nothing: Any = None
    attempt = Attempt(nothing, nothing, nothing, Request({"type": "http", "method": "GET", "path": "/", "headers": headers}))
    assert attempt.source == seen


@pytest.mark.parametrize("username", [WORKER, "nobody", "656005750104"])
def test_the_fourth_failure_makes_everybody_wait(browser: Any, world: Any, username: str) -> None:
    """Even with the right password, whether somebody has this name or not; the page says how long, and then it goes on."""
    page = fail(browser, world, username, 4)
    early = give(browser, page, username)
    assert early.status_code == 400
    assert f"{TOO_MANY} 5 seconds." in early.text
    world.now += timedelta(seconds=4)
    assert f"{TOO_MANY} 1 second." in give(browser, early, username).text
    assert told(world)[-1] == ("StandInRefused", "too-many-tries")
    world.now += timedelta(seconds=1)
    answer = give(browser, early, username)
    assert ("one-time code" in answer.text) is (username == WORKER)
    assert (WRONG in answer.text) is (username != WORKER)


@pytest.mark.parametrize("username", [PLAIN, "nobody"])
def test_ten_failures_lock_out_for_half_an_hour(browser: Any, world: Any, username: str) -> None:
    """One event of its own; the lock-out ends by itself; the next failure locks out again, and a success ends it all."""
    page = fail(browser, world, username, 10)
    assert told(world)[-2:] == [("StandInRefused", "wrong-password"), ("StandInLocked", "person")]
    assert world.events[-1].details == {
        "provider": "nhs-cis2", "realm": "/NHSIdentity/Healthcare", "client": "test-client-cis2", "whose": "person", "method": "password",
        "secret": "password", "failures": 10, "seconds": 1800, "user": Personal(username), "source": Personal("unknown")}
    assert f"{TOO_MANY} 30 minutes." in give(browser, page, username).text
    world.now += timedelta(minutes=29, seconds=59)
    page = begin(browser, CIS2)
    assert f"{TOO_MANY} 1 second." in give(browser, page, username).text
    world.now += timedelta(seconds=1)
    assert WRONG in give(browser, page, username, "another wrong password").text
    assert told(world)[-1] == ("StandInLocked", "person")
    world.now += timedelta(minutes=30)
    answer = give(browser, begin(browser, CIS2), username)
    if username == PLAIN:
        assert "code" in returned(answer)
        assert WRONG in give(browser, begin(browser, CIS2, prompt="login"), username, "wrong").text
        assert told(world)[-1] == ("StandInRefused", "wrong-password")


def test_a_lock_out_is_of_one_person_at_one_provider(browser: Any, world: Any) -> None:
    """Others sign in meanwhile; whatever the case of the letters, it is the same person."""
    page = fail(browser, world, "NoBody", 4)
    assert TOO_MANY in give(browser, page, "nobody").text
    assert "one-time code" in give(browser, page, WORKER).text
    fail(browser, world, PATIENT, 4)
    assert "one-time code" in give(browser, begin(browser, LOGIN), PATIENT).text


def test_nodes_and_restarts_count_together(browser: Any, world: Any, make_world: Any) -> None:
    """The counts are in the store."""
    fail(browser, world, WORKER, 3)
    node = make_world()
    node.now = world.now
    with node.client() as other:
        page = fail(other, node, WORKER, 1)
        assert TOO_MANY in give(other, page, WORKER).text
    assert TOO_MANY in give(browser, begin(browser, CIS2), WORKER).text


def test_parallel_guesses_do_not_slip_past_the_count(world: Any, make_world: Any) -> None:
    """Of twelve at once on two nodes, four are judged, whether one of them is right or not."""
    nodes = [world, make_world()]
    start = Barrier(12)

    def guess(number: int) -> str:
        with nodes[number % 2].client() as one:
            page = begin(one, CIS2)
            start.wait()
            return str(give(one, page, WORKER, f"guess number {number}").text)

    with ThreadPoolExecutor(12) as pool:
        pages = list(pool.map(guess, range(12)))
    assert sum(WRONG in page for page in pages) == 4
    assert sum(TOO_MANY in page for page in pages) == 8


def test_the_right_password_gives_no_more_tries_at_the_code(browser: Any, world: Any) -> None:
    """Codes are counted by themselves: giving the password again in between changes nothing."""
    for number in range(1, 11):
        page = give(browser, begin(browser, CIS2, prompt="login"), WORKER)
        answer = browser.submit(page, code=wrong_code(world))
        assert "The code is wrong" in answer.text
        if number < 10:
            world.now += timedelta(seconds=world.deps.settings.person_tries.wait_seconds(number))
    assert told(world)[-2:] == [("StandInRefused", "wrong-code"), ("StandInLocked", "person")]
    assert world.events[-1].details["secret"] == "code"
    page = give(browser, begin(browser, CIS2), WORKER)
    assert "Enter your one-time code" in page.text
    answer = browser.submit(page, code=code(world, WORKER))
    assert f"{TOO_MANY} 30 minutes." in answer.text
    assert "Enter your one-time code" in answer.text
    world.now += timedelta(minutes=30)
    assert "code" in returned(browser.submit(give(browser, begin(browser, CIS2), WORKER), code=code(world, WORKER)))


def test_a_right_code_ends_the_count(browser: Any, world: Any) -> None:
    """Three wrong ones, a right one, and three more are free."""
    for _ in range(2):
        page = give(browser, begin(browser, CIS2, prompt="login"), WORKER)
        for _ in range(3):
            page = browser.submit(page, code=wrong_code(world))
        world.now += timedelta(seconds=60)
        assert "code" in returned(browser.submit(page, code=code(world, WORKER)))


# --- by source

def from_address(browser: Any, page: httpx2.Response, address: str, username: str, password: str) -> str:
    """Send user name and password as Envoy would hand it on."""
    action, hidden = forms(page)[0]
    headers = {"x-forwarded-for": address}
    return str(browser.post(action, data=hidden | {"username": username, "password": password}, headers=headers).text)


@pytest.fixture
def wary(world: Any) -> Iterator[Any]:
    """A browser of a node that takes five failures from one address."""
    limit = TryLimit(free=4, first_wait_seconds=3600, lock_after=5, lock_seconds=3600, forget_seconds=3600)
    world.app = StandInsApp(replace(world.deps, settings=replace(world.deps.settings, source_tries=limit)))
    with world.client() as one:
        yield one


def test_one_address_guesses_at_many_people(wary: Any, world: Any) -> None:
    """One password for everybody: the address has to wait, others do not; a success is not counted, and buys nothing."""
    browser, page = wary, begin(wary, CIS2)
    here = "203.0.113.7, 2001:db8:1:2::1"
    for number in range(4):
        assert WRONG in from_address(browser, page, here, f"person-{number}", PASSWORD)
        assert "one-time code" in from_address(browser, page, here, DOCTOR, PASSWORD)
    assert WRONG in from_address(browser, page, here, "person-5", PASSWORD)
    assert told(world)[-1] == ("StandInLocked", "source")
    assert world.events[-1].details["source"] == Personal("2001:db8:1:2::1")
    for same in (here, "2001:db8:1:2:ffff::9"):
        assert f"{TOO_MANY} 60 minutes." in from_address(browser, page, same, WORKER, PASSWORD)
    assert "one-time code" in from_address(browser, page, "2001:db8:1:3::1", WORKER, PASSWORD)
    assert "one-time code" in from_address(browser, page, "2001:db8:1:2::1, 198.51.100.1", WORKER, PASSWORD)


@pytest.mark.parametrize(("source", "key"), [
    ("192.0.2.1", "source/192.0.2.1"), ("::ffff:192.0.2.1", "source/192.0.2.1"), ("2001:db8::1", "source/2001:db8::"),
    ("2001:db8:0:0:ffff::1", "source/2001:db8::"), ("unknown", "source/unknown"), ("192.0.2.1:80", "source/192.0.2.1:80")])
def test_what_an_address_is_counted_under(source: str, key: str) -> None:
    """An IPv6 address by its network of 64 bits."""
    assert source_key(source) == key


@pytest.mark.parametrize(("seconds", "text"), [
    (0.2, "1 second"), (1, "1 second"), (59, "59 seconds"), (59.5, "1 minute"), (61, "2 minutes"), (1800, "30 minutes"), (-3, "1 second")])
def test_how_long_is_said_in_words(seconds: float, text: str) -> None:
    """Rounded up: whoever waits that long may try."""
    assert waiting(seconds) == f"{TOO_MANY} {text}."


# --- the end of it

def test_an_operator_unlocks(browser: Any, world: Any) -> None:
    """What the command line does: the person may try at once."""
    page = fail(browser, world, WORKER, 10)
    assert TOO_MANY in give(browser, page, WORKER).text
    event = Event(EventType.STAND_IN_UNLOCKED, world.now, details={"user": Personal(WORKER)})
    assert world.stores.failed_tries.unlock(person_keys(ProviderKind.CIS2, WORKER), world.now, event) == 1
    assert "one-time code" in give(browser, page, WORKER).text


def test_no_secret_is_recorded(browser: Any, world: Any) -> None:
    """Not a password, right or wrong, not a code, not a name in clear."""
    page = give(browser, begin(browser, CIS2), WORKER, "a wrong password")
    page = give(browser, page, WORKER)
    shown = code(world, WORKER)
    guessed = wrong_code(world)
    browser.submit(browser.submit(page, code=guessed), code=shown)
    written = [str({name: value for name, value in event.details.items() if not isinstance(value, Personal)}) for event in world.events]
    assert len(written) == 3
    for secret in (WORKER, PASSWORD, "a wrong password", shown, guessed):
        assert not any(secret in one for one in written)


def test_a_password_that_cannot_be_judged_is_not_counted(world: Any) -> None:
    """Too many at once: the person is told to try later, and has failed nowhere."""
    world.app = StandInsApp(replace(world.deps, settings=replace(world.deps.settings, password_timeout_seconds=0.0)))
    with world.client() as one:
        for _ in range(6):
            answer = give(one, begin(one, CIS2), WORKER, "a wrong password")
            assert answer.status_code == 429
            assert answer.headers["retry-after"] == "5"
    assert list(world.stores.failed_tries.tallies([*person_keys(ProviderKind.CIS2, WORKER), source_key("unknown")], world.now)) == [None] * 3
    assert told(world) == [("StandInRefused", "temporarily_unavailable")] * 6


def test_a_store_that_cannot_count_lets_nobody_in(browser: Any, world: Any) -> None:
    """Fails closed."""
    page = begin(browser, CIS2)
    world.stores.close()
    with world.stores.failed_tries._context.database.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE failed_tries")
    answer = give(browser, page, WORKER)
    assert answer.status_code == 500
    assert answer.json()["error"] == "server_error"
