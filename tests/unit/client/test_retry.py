"""Which answers are tried again, how often and how long."""

import asyncio
import ssl
from typing import Any

import httpx2
import pytest

from wardgate.client import AsyncRetryTransport, RetryPolicy, RetryTransport, api_client, async_api_client
from wardgate.client.retry import IDEMPOTENT, worth_retrying
from wardgate.client.trace import add_trace_headers


class Network:
    """Answers in the order given; an exception is raised."""

    def __init__(self, *answers: Any) -> None:
        self.answers, self.requests = list(answers), []

    def __call__(self, request: httpx2.Request) -> Any:
        self.requests.append(request)
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx2.Response) else httpx2.Response(answer)


def client_of(network: Any, clock: Any, policy: Any = None) -> Any:
    """Return a client with retries on the virtual clock; jitter draws its maximum."""
    transport = RetryTransport(httpx2.MockTransport(network), policy, clock=clock, draw=lambda: 1.0)
    return httpx2.Client(transport=transport, base_url="https://a.example")


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_passing_failures_are_tried_again(clock: Any, status: int) -> None:
    """408, 429 and 5xx are tried again after a growing pause."""
    network = Network(status, status, 200)
    with client_of(network, clock) as client:
        assert client.get("/").status_code == 200
    assert clock.waited == [0.25, 0.5]


@pytest.mark.parametrize("status", [200, 204, 301, 400, 401, 403, 404, 409, 422, 495, 496])
def test_other_answers_stand(clock: Any, status: int) -> None:
    """A refusal is never tried again."""
    network = Network(status)
    with client_of(network, clock) as client:
        assert client.get("/").status_code == status
    assert (len(network.requests), clock.waited) == (1, [])


@pytest.mark.parametrize("method", ["POST", "PATCH", "CONNECT"])
@pytest.mark.parametrize("status", [429, 503])
def test_methods_that_may_not_be_repeated_are_not(clock: Any, method: str, status: int) -> None:
    """A POST or PATCH may have had its effect."""
    network = Network(status)
    with client_of(network, clock) as client:
        assert client.request(method, "/").status_code == status
    assert len(network.requests) == 1


@pytest.mark.parametrize("method", sorted(IDEMPOTENT))
def test_idempotent_methods_are_repeated(clock: Any, method: str) -> None:
    """Every idempotent method of RFC 9110 is tried again."""
    network = Network(503, 200)
    with client_of(network, clock) as client:
        assert client.request(method, "/").status_code == 200


def test_attempts_are_bounded(clock: Any) -> None:
    """The last answer is returned when the attempts are used up."""
    network = Network(*[503] * 9)
    with client_of(network, clock, RetryPolicy(attempts=3)) as client:
        assert client.get("/").status_code == 503
    assert len(network.requests) == 3


def test_one_attempt_means_no_retry(clock: Any) -> None:
    """`attempts=1` switches retries off."""
    network = Network(503)
    with client_of(network, clock, RetryPolicy(attempts=1)) as client:
        assert client.get("/").status_code == 503
    assert clock.waited == []


def test_total_time_is_bounded(clock: Any) -> None:
    """No pause is begun that would end after the total time."""
    network = Network(*[503] * 50)
    with client_of(network, clock, RetryPolicy(attempts=50, total_seconds=20, longest_pause_seconds=8)) as client:
        assert client.get("/").status_code == 503
    assert clock.waited == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0]


def test_retry_after_is_honoured(clock: Any) -> None:
    """The pause is at least what the server asks for."""
    network = Network(httpx2.Response(429, headers={"Retry-After": "5"}), 200)
    with client_of(network, clock) as client:
        assert client.get("/").status_code == 200
    assert clock.waited == [5.0]


def test_a_retry_after_beyond_the_total_time_is_the_end(clock: Any) -> None:
    """A server that asks for an hour is not called earlier."""
    network = Network(httpx2.Response(429, headers={"Retry-After": "3600"}), 200)
    with client_of(network, clock) as client:
        assert client.get("/").status_code == 429
    assert clock.waited == []


def test_jitter_spreads_pauses() -> None:
    """A pause is between nothing and the ceiling of its attempt."""
    policy = RetryPolicy()
    assert policy.pause_seconds(3, 0, None, lambda: 0.0) == 0.0
    assert policy.pause_seconds(3, 0, None, lambda: 0.5) == 0.5
    assert policy.pause_seconds(3, 0, 2.0, lambda: 0.5) == 2.0


def test_the_same_request_is_sent_with_the_same_id(clock: Any) -> None:
    """X-Request-ID stays the same over all attempts of a logical request."""
    network = Network(503, 503, 200)
    with client_of(network, clock) as client:
        client.event_hooks = {"request": [add_trace_headers]}
        client.put("/", json={"a": 1})
    assert len({request.headers["x-request-id"] for request in network.requests}) == 1
    assert {request.content for request in network.requests} == {b'{"a":1}'}


def test_a_streamed_body_is_not_repeated(clock: Any) -> None:
    """A body that can be read once is sent once."""
    transport = RetryTransport(Unread(Network(503, 200)), clock=clock, draw=lambda: 1.0)
    with httpx2.Client(transport=transport) as client:
        assert client.put("https://a.example/", content=iter([b"once"])).status_code == 503


class Unread(httpx2.BaseTransport):
    """A transport that leaves the request body as it is."""

    def __init__(self, network: Any) -> None:
        self.network = network

    def handle_request(self, request: httpx2.Request) -> Any:
        return self.network(request)


@pytest.mark.parametrize("error", [httpx2.ConnectError("refused"), httpx2.ConnectTimeout("slow"), httpx2.PoolTimeout("full")])
def test_a_connection_never_made_is_tried_again_for_any_method(clock: Any, error: Any) -> None:
    """Nothing was sent, so even a POST may be tried again."""
    network = Network(error, 200)
    with client_of(network, clock) as client:
        assert client.post("/", json={}).status_code == 200


@pytest.mark.parametrize("error", [httpx2.ReadTimeout("slow"), httpx2.ReadError("reset"), httpx2.RemoteProtocolError("gone")])
def test_a_broken_connection_is_tried_again_for_idempotent_methods(clock: Any, error: Any) -> None:
    """Something may have been done: a GET is repeated, a POST is not."""
    with client_of(Network(error, 200), clock) as client:
        assert client.get("/").status_code == 200
    with client_of(Network(error, 200), clock) as client, pytest.raises(type(error)):
        client.post("/", json={})


def test_a_failed_handshake_is_not_tried_again(clock: Any) -> None:
    """A certificate does not become good by waiting."""
    error = httpx2.ConnectError("tls")
    error.__cause__ = ssl.SSLCertVerificationError("untrusted")
    network = Network(error, 200)
    with client_of(network, clock) as client, pytest.raises(httpx2.ConnectError):
        client.get("/")
    assert len(network.requests) == 1


def test_the_async_transport_does_the_same(clock: Any) -> None:
    """Pauses, attempts and errors are those of the thread's transport."""
    async def run() -> Any:
        network = Network(503, httpx2.ReadError("reset"), httpx2.Response(429, headers={"Retry-After": "2"}), 200)
        transport = AsyncRetryTransport(httpx2.MockTransport(network), clock=clock, draw=lambda: 1.0)
        async with httpx2.AsyncClient(transport=transport) as client:
            assert (await client.get("https://a.example/")).status_code == 200
        network = Network(*[httpx2.ReadError("reset")] * 9)
        transport = AsyncRetryTransport(httpx2.MockTransport(network), clock=clock, draw=lambda: 1.0)
        async with httpx2.AsyncClient(transport=transport) as client:
            with pytest.raises(httpx2.ReadError):
                await client.get("https://a.example/")
        return len(network.requests)

    assert asyncio.run(run()) == 4
    assert clock.waited[:3] == [0.25, 0.5, 2.0]


@pytest.mark.parametrize("settings", [{"attempts": 0}, {"total_seconds": -1}, {"base_seconds": 0}, {"longest_pause_seconds": 0}])
def test_a_policy_that_makes_no_sense_is_refused(settings: Any) -> None:
    """Attempts are at least one and times are not negative."""
    with pytest.raises(ValueError, match="attempts"):
        RetryPolicy(**settings)


def test_the_table_of_statuses() -> None:
    """Exactly 408, 429 and 5xx are worth retrying."""
    assert [status for status in range(100, 700) if worth_retrying(status)] == [408, 429, *range(500, 600)]


def test_clients_have_retries_built_in() -> None:
    """Both clients of the SDK try again by default."""
    network = Network(503, 200)
    policy = RetryPolicy(base_seconds=0.001)
    with api_client("https://a.example", retry=policy, transport=httpx2.MockTransport(network)) as client:
        assert client.get("/").status_code == 200

    async def run() -> Any:
        network.answers = [503, 200]
        async with async_api_client("https://a.example", retry=policy, transport=httpx2.MockTransport(network)) as client:
            return (await client.get("/")).status_code

    assert asyncio.run(run()) == 200
