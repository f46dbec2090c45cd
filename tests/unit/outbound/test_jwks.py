"""The cache of key sets: how long answers hold, what happens when hosts are down; no sockets."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from wardgate.jose import base64url
from wardgate.outbound import JWKSUnavailable, KeySetSettings, KeySetSource
from wardgate.outbound.errors import HostDown, NotAKeySet

URL = "https://client.example/jwks.json"


class Hosts(KeySetSource):
    """Hosts that answer what the test says, after a tick."""

    def __init__(self, body: bytes, **settings: Any) -> None:
        self.now = datetime(2026, 3, 2, tzinfo=UTC)
        super().__init__(KeySetSettings(**settings), lambda: self.now, lambda: ("https://wardgate.example",))
        self.body: bytes | Exception = body
        self.asked = 0

    async def _document(self, url: str) -> bytes:
        if "mock-jwks" in url:
            return await super()._document(url)
        self.asked += 1
        await asyncio.sleep(0)
        if isinstance(self.body, Exception):
            raise self.body
        return self.body

    def names(self, *, again: bool = False) -> list[str]:
        """Return the kids of the set, or what went wrong."""
        async def look() -> list[str]:
            try:
                keys = await (self.refetched(URL) if again else self.get(URL))
            except JWKSUnavailable as fault:
                return [type(fault).__name__]
            finally:
                await asyncio.sleep(0)
                await asyncio.sleep(0)
            return list(keys.keys)

        return asyncio.run(look())

    def pass_time(self, **time: float) -> None:
        """Turn the clock."""
        self.now += timedelta(**time)


@pytest.fixture
def keys(developer: Any) -> Any:
    """Key sets by kid."""
    def make(kid: str) -> bytes:
        return json.dumps({"keys": [developer.SIGNERS["ES256"].public_jwk() | {"kid": kid}]}).encode()

    return make


def test_a_set_holds_for_an_hour(keys: Any) -> None:
    """application-restricted 6.2: TTL 3600 s, by URL."""
    hosts = Hosts(keys("one"))
    assert hosts.names() == ["one"]
    hosts.body = keys("two")
    hosts.pass_time(seconds=3599)
    assert (hosts.names(), hosts.asked) == (["one"], 1)
    hosts.pass_time(seconds=1)
    assert (hosts.names(), hosts.asked) == (["two"], 2)


def test_a_hundred_requests_make_one_fetch(keys: Any) -> None:
    """Single flight: a cold cache does not flood the client's host."""
    hosts = Hosts(keys("one"))

    async def crowd() -> list[Any]:
        return await asyncio.gather(*(hosts.get(URL) for _ in range(100)))

    assert len(asyncio.run(crowd())) == 100
    assert hosts.asked == 1


def test_one_who_leaves_does_not_stop_the_fetch(keys: Any) -> None:
    """A caller that hangs up does not fail the others."""
    hosts = Hosts(keys("one"))

    async def leave() -> Any:
        first = asyncio.create_task(hosts.get(URL))
        second = asyncio.create_task(hosts.get(URL))
        await asyncio.sleep(0)
        first.cancel()
        return await second

    assert list(asyncio.run(leave()).keys) == ["one"]
    assert hosts.asked == 1


def test_a_failure_holds_for_five_seconds(keys: Any) -> None:
    """A dead host is asked once in five seconds, not by every request."""
    hosts = Hosts(b"")
    hosts.body = HostDown("an answer", "none")
    assert [hosts.names(), hosts.names(), hosts.asked] == [["HostDown"], ["HostDown"], 1]
    hosts.pass_time(seconds=5)
    hosts.body = keys("one")
    assert (hosts.names(), hosts.asked) == (["one"], 2)


def test_a_set_serves_for_a_day_while_its_host_is_down(keys: Any) -> None:
    """Serve stale at most 24 hours; nobody waits for the host meanwhile; then refuse."""
    hosts = Hosts(keys("one"))
    hosts.names()
    hosts.body = HostDown("an answer", "none")
    hosts.pass_time(hours=2)
    assert hosts.names() == ["one"]
    hosts.pass_time(hours=21)
    assert hosts.names() == ["one"]
    hosts.pass_time(hours=2)
    assert hosts.names() == ["HostDown"]


def test_a_host_that_comes_back_is_believed_again(keys: Any) -> None:
    """While an old set serves, the host is asked in the background; the next request has its answer."""
    hosts = Hosts(keys("one"))
    hosts.names()
    hosts.body = HostDown("an answer", "none")
    hosts.pass_time(hours=2)
    hosts.names()
    hosts.body = keys("two")
    hosts.pass_time(seconds=5)
    assert hosts.names() == ["one"]
    assert hosts.names() == ["two"]


def test_a_host_that_answers_nonsense_takes_its_set_back(keys: Any) -> None:
    """Only a host that is down is excused: a set that was withdrawn must not verify anything."""
    hosts = Hosts(keys("one"))
    hosts.names()
    hosts.pass_time(hours=1)
    hosts.body = b"<html>not found</html>"
    assert hosts.names() == ["NotAKeySet"]


def test_asking_again_is_limited_per_url(keys: Any) -> None:
    """An unknown kid makes one fetch in 60 s, however many requests bring one."""
    hosts = Hosts(keys("one"))
    hosts.names()
    hosts.body = keys("two")
    assert [hosts.names(again=True) for _ in range(5)] == [["one"]] * 5
    hosts.pass_time(seconds=60)
    assert [hosts.names(again=True) for _ in range(5)] == [["two"]] * 5
    assert hosts.asked == 2


def test_asking_again_keeps_the_set_of_a_host_that_went_down(keys: Any) -> None:
    """A failed second look does not take away what the first one got."""
    hosts = Hosts(keys("one"))
    hosts.names()
    hosts.pass_time(seconds=61)
    hosts.body = HostDown("an answer", "none")
    assert hosts.names(again=True) == ["one"]


def test_the_cache_is_bounded(keys: Any) -> None:
    """Old URLs are forgotten first."""
    hosts = Hosts(keys("one"), max_entries=2)

    async def many() -> None:
        for number in range(5):
            await hosts.get(f"{URL}?{number}")

    asyncio.run(many())
    assert list(hosts._entries) == [f"{URL}?3", f"{URL}?4"]


def test_our_own_mock_host_is_decoded_locally(keys: Any) -> None:
    """Only on our own public hosts; a broken one is refused."""
    hosts = Hosts(b"")
    hosts.body = HostDown("an answer", "none")
    path = "/mock-jwks/" + base64url.encode(keys("mine"))

    async def look(url: str) -> Any:
        return await hosts.get(url)

    assert list(asyncio.run(look("https://wardgate.example" + path)).keys) == ["mine"]
    for url, error in (("https://wardgate.example/mock-jwks/!!", NotAKeySet), ("https://wardgate.example.evil" + path, HostDown)):
        with pytest.raises(error):
            asyncio.run(look(url))


def test_inline_sets_are_parsed_once_and_refused_as_others(developer: Any) -> None:
    """By application and document; a new document of the next generation is parsed anew."""
    hosts = Hosts(b"")
    first = hosts.inline("demo-app", developer.JWKS)
    assert hosts.inline("demo-app", developer.JWKS) is first
    assert hosts.inline("demo-app", dict(developer.JWKS)) is not first
    with pytest.raises(NotAKeySet):
        hosts.inline("demo-app", {"keys": "none"})
