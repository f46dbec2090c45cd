"""The SDK's look-ups at the directory's own FHIR API (spine 7.4), and what a session keeps."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from unit.directory.samples import CONTENT, DIRECTORY, ENDPOINT, PROVIDER, READ
from wardgate.client import (
    AsyncSpineDirectory,
    DirectoryAmbiguous,
    DirectoryAnswerInvalid,
    DirectorySessionOver,
    NotInDirectory,
    ResolvedEndpoint,
    SpineAPIError,
    SpineCallInvalid,
    SpineDirectory,
)
from wardgate.directory.index import DirectoryIndex
from wardgate.sds import SDSSettings, create_app

URL = "https://gateway.example"
SERVING = replace(DIRECTORY, systems=(DIRECTORY.systems[0], replace(PROVIDER, interactions=(*PROVIDER.interactions, CONTENT))))
"""A provider has its interactions at the system and at the endpoint."""
FOUND = ResolvedEndpoint("https://nrl-Z9X02.example.thirdparty.nhs.uk/Z9X02", PROVIDER.asid, "Z9X02-850002", "nrl-Z9X02.example.thirdparty.nhs.uk")


class Clock:
    """Time that stands still until it is moved."""

    seconds = 0.0

    def now(self) -> datetime:
        return datetime(2026, 3, 1, tzinfo=UTC)

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    async def asleep(self, seconds: float) -> None:
        self.seconds += seconds


class Counted(httpx2.AsyncBaseTransport):
    """The directory's application, and the requests it got."""

    def __init__(self, directory: Any) -> None:
        async def index() -> DirectoryIndex:
            return DirectoryIndex(directory)

        self.app = httpx2.ASGITransport(app=create_app(index, SDSSettings(), lambda: URL))
        self.asked: list[httpx2.Request] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        return await self.app.handle_async_request(request)


Serving = Callable[..., tuple[AsyncSpineDirectory, Counted]]


@pytest.fixture
def clock() -> Clock:
    """Return a clock of the test's own."""
    return Clock()


@pytest.fixture
def serving(clock: Clock) -> Serving:
    """Return a maker of directories over the directory's own application."""
    def make(directory: Any = SERVING) -> tuple[AsyncSpineDirectory, Counted]:
        app = Counted(directory)
        return AsyncSpineDirectory(URL, "a-key", transport=app, clock=clock), app
    return make


@pytest.mark.anyio
async def test_an_endpoint_is_resolved_endpoint_first(serving: Serving) -> None:
    """Endpoint and ASID of the provider, by its organisation or by its party key; the record locator's id is registered under another."""
    directory, app = serving()
    async with directory, directory.session() as look_up:
        assert await look_up.resolve_endpoint("Z9X02", CONTENT) == FOUND
        assert await look_up.resolve_endpoint("Z9X02", CONTENT + ".read", fqdn=FOUND.fqdn.upper()) == FOUND
        assert await look_up.resolve_endpoint(None, CONTENT, party_key="Z9X02-850002") == FOUND
    assert [request.url.path.rpartition("/")[2] for request in app.asked] == ["Endpoint", "Device", "Endpoint"]
    assert {request.headers["apikey"] for request in app.asked} == {"a-key"}


@pytest.mark.anyio
async def test_an_endpoint_without_a_system_that_has_its_interaction_is_not_resolved(serving: Serving) -> None:
    """Nobody would know which ASID to send to; the id that is sent is tried as well as the one that is registered."""
    directory, app = serving(DIRECTORY)
    async with directory, directory.session() as look_up:
        with pytest.raises(NotInDirectory, match="party key that has the interaction"):
            await look_up.resolve_endpoint("Z9X02", CONTENT + ".read")
    assert len(app.asked) == 3


@pytest.mark.anyio
async def test_ones_own_asid_is_found(serving: Serving) -> None:
    """By organisation and interaction, and the supplier where there is one."""
    directory, _ = serving()
    async with directory, directory.session() as look_up:
        assert await look_up.own_asid("Z9X01", READ) == "200000100001"
        assert await look_up.own_asid("Z9X01", READ, manufacturer="Z9S99", party_key="Z9X01-850001") == "200000100001"
        with pytest.raises(NotInDirectory):
            await look_up.own_asid("Z9X01", READ, manufacturer="Z9X02")


@pytest.mark.anyio
@pytest.mark.parametrize(("ods", "interaction", "more"), [("Z9X01", CONTENT, {}), ("Z9X02", READ, {}), ("Z9X02", CONTENT, {"fqdn": "other.example"})])
async def test_what_is_not_there_is_said(serving: Serving, ods: str, interaction: str, more: Any) -> None:
    """No endpoint of the organisation, for the interaction, with the FQDN."""
    directory, _ = serving()
    async with directory, directory.session() as look_up:
        with pytest.raises(NotInDirectory):
            await look_up.resolve_endpoint(ods, interaction, **more)


@pytest.mark.anyio
async def test_several_endpoints_are_told_apart_by_their_fqdn(serving: Serving) -> None:
    """Without it nothing is guessed (spine 7.4, 5)."""
    other = replace(ENDPOINT, identifier="S918999000077", cpa_id="S918999000077", fqdn="other.example.nhs.uk", urls=("https://other.example.nhs.uk/Z9X02",))
    directory, _ = serving(replace(SERVING, endpoints=(*DIRECTORY.endpoints, other)))
    async with directory, directory.session() as look_up:
        with pytest.raises(DirectoryAmbiguous, match="2 endpoints"):
            await look_up.resolve_endpoint("Z9X02", CONTENT)
        assert (await look_up.resolve_endpoint("Z9X02", CONTENT, fqdn="other.example.nhs.uk")).url == "https://other.example.nhs.uk/Z9X02"


@pytest.mark.anyio
async def test_answers_belong_to_one_session(serving: Serving, clock: Clock) -> None:
    """Asked once in a session, anew in the next one and after half an hour; a closed session answers nothing."""
    directory, app = serving()
    async with directory:
        async with directory.session() as first:
            for _ in range(3):
                await first.resolve_endpoint("Z9X02", CONTENT)
            assert len(app.asked) == 2
            clock.seconds += 1_801
            await first.resolve_endpoint("Z9X02", CONTENT)
            assert len(app.asked) == 4
        with pytest.raises(DirectorySessionOver):
            await first.resolve_endpoint("Z9X02", CONTENT)
        async with directory.session() as second:
            await second.resolve_endpoint("Z9X02", CONTENT)
    assert len(app.asked) == 6


@pytest.mark.anyio
async def test_the_directorys_refusals_are_typed(serving: Serving) -> None:
    """As everywhere, by code."""
    directory, app = serving()
    async with directory, directory.session() as look_up:
        app.app = httpx2.ASGITransport(app=create_app(_fails, SDSSettings(max_query_bytes=1), lambda: URL))
        with pytest.raises(SpineAPIError) as raised:
            await look_up.own_asid("Z9X01", READ)
    assert raised.value.status == 400


async def _fails() -> DirectoryIndex:
    raise AssertionError("not reached")


@pytest.mark.anyio
@pytest.mark.parametrize(("ods", "interaction"), [("Z9X-1", READ), ("", READ), ("Z9X01", ""), ("Z9X01", "a\nb"), ("Z9X01", "x" * 301)])
async def test_what_cannot_be_looked_up_is_not_asked(serving: Serving, ods: str, interaction: str) -> None:
    """The form is checked before anything is sent."""
    directory, app = serving()
    async with directory, directory.session() as look_up:
        for asking in (look_up.own_asid, look_up.resolve_endpoint):
            with pytest.raises(SpineCallInvalid):
                await asking(ods, interaction)
        with pytest.raises(SpineCallInvalid, match="by party key"):
            await look_up.resolve_endpoint(None, READ)
    assert app.asked == []


@pytest.mark.parametrize("body", [
    b"", b"[]", b"{}", b'{"resourceType":"Bundle","resourceType":"Bundle"}', b'{"resourceType":"Bundle","entry":{}}', b'{"resourceType":"Bundle","entry":[1]}',
    b'{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Patient"}}]}', b'{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Device"}}]}',
    json.dumps({"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Endpoint", "address": "https://a\n"}}]}).encode(), b" " * 2_000_001,
], ids=range(10))
def test_an_answer_that_is_none_is_refused(body: bytes) -> None:
    """In the sync look-ups as well; nothing of it is kept."""
    answers = [httpx2.Response(200, content=body), httpx2.Response(200, content=body)]
    with SpineDirectory(URL, "a-key", transport=httpx2.MockTransport(lambda _request: answers.pop())) as directory, directory.session() as look_up:
        if b"Endpoint" not in body:
            with pytest.raises(DirectoryAnswerInvalid):
                look_up.own_asid("Z9X01", READ)
        if b"Device" not in body:
            with pytest.raises(DirectoryAnswerInvalid):
                look_up.resolve_endpoint("Z9X02", CONTENT)


def test_the_sync_look_ups_find_the_same(clock: Clock) -> None:
    """The same steps, on a blocking client."""
    device = {"resource": {"resourceType": "Device", "identifier": [{"system": "https://fhir.nhs.uk/Id/nhsSpineASID", "value": "200000100002"}]}}
    asked: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(str(request.url))
        return httpx2.Response(200, json={"resourceType": "Bundle", "entry": [device]})

    with SpineDirectory(URL, "a-key", transport=httpx2.MockTransport(answer), clock=clock) as directory:
        with directory.session() as look_up:
            assert [look_up.own_asid("Z9X02", CONTENT) for _ in range(2)] == ["200000100002"] * 2
        with pytest.raises(DirectorySessionOver):
            look_up.own_asid("Z9X02", CONTENT)
    assert len(asked) == 1
