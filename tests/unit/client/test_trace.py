"""Trace headers: one request id per logical request, one correlation id per transaction."""

import asyncio
import uuid
from typing import Any

import httpx2

from wardgate.client import api_client, async_api_client, transaction


class Seen:
    """Keeps the headers of every request."""

    def __init__(self) -> None:
        self.headers = []

    def __call__(self, request: httpx2.Request) -> Any:
        self.headers.append(request.headers)
        return httpx2.Response(200)


def test_each_request_has_its_own_id() -> None:
    """X-Request-ID is a new UUIDv4 for each logical request."""
    seen = Seen()
    with api_client("https://a.example", transport=httpx2.MockTransport(seen)) as client:
        client.get("/")
        client.get("/")
    ids = [headers["x-request-id"] for headers in seen.headers]
    assert len(set(ids)) == 2
    assert {uuid.UUID(value).version for value in ids} == {4}
    assert len({headers["x-correlation-id"] for headers in seen.headers}) == 2


def test_a_transaction_ties_requests_together() -> None:
    """Inside `transaction` the correlation id is the same, and it ends with the block."""
    seen = Seen()
    with api_client("https://a.example", transport=httpx2.MockTransport(seen)) as client:
        with transaction() as first:
            client.get("/")
            client.get("/")
        with transaction("my-transaction"):
            client.get("/")
        client.get("/")
    correlation = [headers["x-correlation-id"] for headers in seen.headers]
    assert correlation[:3] == [first, first, "my-transaction"]
    assert correlation[3] not in {first, "my-transaction"}


def test_ids_of_the_caller_are_kept() -> None:
    """A caller may set both headers itself, as a retry on another day must."""
    seen = Seen()
    with api_client("https://a.example", ods="Y12345", transport=httpx2.MockTransport(seen)) as client:
        client.get("/", headers={"X-Request-ID": "mine", "X-Correlation-ID": "ours"})
    headers = seen.headers[0]
    assert (headers["x-request-id"], headers["x-correlation-id"]) == ("mine", "ours")
    assert headers["nhsd-end-user-organisation-ods"] == "Y12345"


def test_transactions_of_tasks_do_not_mix() -> None:
    """Each task has its own transaction."""
    seen = Seen()

    async def run() -> None:
        async with async_api_client("https://a.example", transport=httpx2.MockTransport(seen)) as client:
            async def work(name: str) -> None:
                with transaction(name):
                    await client.get(f"/{name}")
                    await asyncio.sleep(0)
                    await client.get(f"/{name}")
            await asyncio.gather(work("one"), work("two"))

    asyncio.run(run())
    assert sorted(headers["x-correlation-id"] for headers in seen.headers) == ["one", "one", "two", "two"]
