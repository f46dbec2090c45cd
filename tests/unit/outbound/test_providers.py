"""Being the client of a sign-in provider: what is remembered, what is refused, and what is asked within the process."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any

import pytest

from wardgate.oauth.providers import Provider
from wardgate.oauth.users import ProviderKind
from wardgate.outbound.errors import HostDown, JWKSUnavailable, NotAKeySet, ProviderRefused
from wardgate.outbound.fetch import FetchRules
from wardgate.outbound.inside import InsideOrOut
from wardgate.outbound.providers import ProviderSettings, ProviderSource

LOOPBACK = (ip_network("127.0.0.0/8"),)
RULES = FetchRules(timeout_seconds=1, allowed_networks=LOOPBACK, plain_http_networks=LOOPBACK)


class Clock:
    """A clock that turns."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def foreign(openid: Any) -> Any:
    """A provider on a loopback port."""
    found = openid.OpenIDProvider("nhs-cis2")
    found.start()
    yield found
    found.stop()


def ask(foreign: Any, work: Callable[[ProviderSource, Provider, Clock], Coroutine[Any, Any, Any]], rules: FetchRules = RULES) -> Any:
    """Run some work with a client of the provider."""
    async def run() -> Any:
        clock = Clock()
        source = ProviderSource(ProviderSettings(fetch=rules), clock, lambda: "id")
        try:
            return await work(source, Provider("foreign", ProviderKind.CIS2, foreign.issuer, "wardgate", client_secret=foreign.client_secret), clock)
        finally:
            await source.aclose()

    return asyncio.run(run())


def paths(foreign: Any) -> list[str]:
    """Return what the provider was asked for."""
    return [path.rpartition("/")[2] for path, _ in foreign.asked]


def test_discovery_is_kept_for_an_hour(foreign: Any) -> None:
    """Asked once, by however many at once; again after an hour; what was known serves while the provider is down."""
    async def work(source: ProviderSource, provider: Provider, clock: Clock) -> None:
        await asyncio.gather(*(source.endpoints(provider) for _ in range(5)))
        clock.now += timedelta(minutes=59)
        first = await source.endpoints(provider)
        clock.now += timedelta(minutes=2)
        await source.endpoints(provider)
        foreign.answers["/.well-known/openid-configuration"] = (503, "text/plain", b"")
        clock.now += timedelta(minutes=61)
        assert await source.endpoints(provider) == first
        assert await source.endpoints(provider) == first

    ask(foreign, work)
    assert paths(foreign) == ["openid-configuration"] * 3


@pytest.mark.parametrize("answer", [
    (404, "text/html", b"no"), (200, "text/html", b"<html>"), (200, "application/json", b'{"issuer":"https://evil.example"}'),
    (302, "text/html", b""), (200, "application/json", b" " * 70_000),
], ids=["404", "a page", "another issuer", "a redirect", "too much"])
def test_unsound_discovery_is_refused_and_remembered_shortly(foreign: Any, answer: tuple[int, str, bytes]) -> None:
    """A failure holds for five seconds, so that a broken provider is not asked by every request."""
    foreign.answers["/.well-known/openid-configuration"] = answer

    async def work(source: ProviderSource, provider: Provider, clock: Clock) -> None:
        for _ in range(3):
            with pytest.raises(NotAKeySet):
                await source.endpoints(provider)
        del foreign.answers["/.well-known/openid-configuration"]
        clock.now += timedelta(seconds=6)
        assert (await source.endpoints(provider)).token.endswith("/access_token")

    ask(foreign, work)
    assert paths(foreign) == ["openid-configuration"] * 2


def test_a_changed_provider_is_asked_anew(foreign: Any) -> None:
    """The manifest's word counts at once."""
    async def work(source: ProviderSource, provider: Provider, _clock: Clock) -> None:
        from dataclasses import replace  # noqa: PLC0415 - only here

        await source.endpoints(provider)
        stated = replace(provider, token_endpoint="https://other.example/token")
        assert (await source.endpoints(stated)).token == "https://other.example/token"

    ask(foreign, work)


def test_bad_key_sets_are_not_believed(foreign: Any, openid: Any) -> None:
    """Weak, double, private, symmetric keys, and what is no key set: nothing may be verified with any of them."""
    async def work(source: ProviderSource, provider: Provider, clock: Clock) -> None:
        for document in openid.bad_key_sets(foreign).values():
            foreign.answers["/connect/jwk_uri"] = (200, "application/json", document)
            clock.now += timedelta(seconds=6)
            with pytest.raises(JWKSUnavailable):
                await source.keys(provider, ["x"])

    ask(foreign, work)


def test_keys_are_asked_again_at_most_once_a_minute(foreign: Any) -> None:
    """However many unknown names come."""
    async def work(source: ProviderSource, provider: Provider, clock: Clock) -> None:
        for number in range(20):
            await source.keys(provider, [f"unknown-{number}"])
        clock.now += timedelta(seconds=61)
        for number in range(20):
            await source.keys(provider, [f"unknown-{number}"])

    ask(foreign, work)
    assert paths(foreign).count("jwk_uri") == 2


def test_a_code_that_is_refused_and_one_that_cannot_be_asked(foreign: Any) -> None:
    """A no is a no; anything else may pass."""
    async def work(source: ProviderSource, provider: Provider, _clock: Clock) -> None:
        with pytest.raises(ProviderRefused, match="status 400 invalid_grant"):
            await source.redeem(provider, "forged", "https://x/callback")
        for status in (429, 500, 503):
            foreign.answers["/access_token"] = (status, "application/json", b"{}")
            with pytest.raises(HostDown):
                await source.redeem(provider, "x", "https://x/callback")
        foreign.answers["/access_token"] = (400, "application/json", json.dumps({"error": "<script>"}).encode())
        with pytest.raises(ProviderRefused, match="without a code"):
            await source.redeem(provider, "x", "https://x/callback")

    ask(foreign, work)


def test_a_provider_on_a_private_address_is_not_asked(foreign: Any) -> None:
    """The operator must allow the network: a discovery document could name any address (SSRF)."""
    async def work(source: ProviderSource, provider: Provider, _clock: Clock) -> None:
        with pytest.raises(NotAKeySet, match="a public address"):
            await source.endpoints(provider)
        probe = await source.probe(provider)
        assert "a public address" in probe.fault

    ask(foreign, work, FetchRules(timeout_seconds=1))
    assert foreign.asked == []


def test_our_own_addresses_are_asked_within_the_process() -> None:
    """No socket is opened; limits of time and size hold all the same."""
    seen: list[tuple[str, str, bytes]] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        seen.append((scope["method"], scope["path"], message.get("body", b"")))
        if scope["path"] == "/slow":
            await asyncio.sleep(5)
        body = b"x" * (70_000 if scope["path"] == "/large" else 3)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": body})

    async def run() -> None:
        asking = InsideOrOut(FetchRules(timeout_seconds=0.2), lambda url: application if url.startswith("https://ours.example/") else None)
        answer = await asking.ask("POST", "https://ours.example/token", {"Content-Type": "text/plain"}, b"form")
        assert (answer.status, answer.content_type, answer.body) == (200, "text/plain", b"xxx")
        with pytest.raises(NotAKeySet):
            await asking.ask("GET", "https://ours.example/large")
        with pytest.raises(HostDown):
            await asking.ask("GET", "https://ours.example/slow")
        with pytest.raises(NotAKeySet):
            await asking.ask("GET", "https://127.0.0.1/")
        await asking.aclose()

    asyncio.run(run())
    assert seen[0] == ("POST", "/token", b"form")
