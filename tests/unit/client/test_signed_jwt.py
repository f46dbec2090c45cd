"""The signed JWT pattern of the SDK, against a token endpoint that verifies assertions."""

import asyncio
import gzip
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from wardgate.client import (
    ClearTextRefused,
    PrivateKeySigner,
    RetryPolicy,
    SignedJWTAuth,
    TokenAnswerInvalid,
    TokenCache,
    TokenRefused,
    api_client,
)

BASE = "https://int.example.nhs.uk"
RATE_LIMITED = {"message": "Your application, a, has exceeded its quota", "scope": "application", "policy": "quota",
                "limit": 300, "interval": 1, "timeunit": "minute", "ratelimiting_expiry_time_ms": 1, "message_id": "m1"}


def client_of(endpoint: Any, auth: Any) -> httpx2.Client:
    """Return a client whose network is the endpoint."""
    return httpx2.Client(base_url=BASE, auth=auth, transport=httpx2.MockTransport(endpoint))


def test_a_token_is_fetched_once_and_used_until_a_minute_before_its_end(endpoint: Any, signed_jwt: Any, clock: Any) -> None:
    """One token serves all calls of its first 539 s; the next call fetches another."""
    with client_of(endpoint, signed_jwt()) as client:
        assert [client.get("/api").json()["token"] for _ in range(3)] == ["token-1"] * 3
        clock.at += timedelta(seconds=539)
        assert client.get("/api").json() == {"token": "token-1"}
        clock.at += timedelta(seconds=1)
        assert client.get("/api").json() == {"token": "token-2"}
    assert endpoint.issued == 2


@pytest.mark.parametrize("life", ["599", 599, 599.0, "599.9"])
def test_expires_in_may_be_text_integer_or_float(endpoint: Any, signed_jwt: Any, clock: Any, life: Any) -> None:
    """Each spelling of the lifetime means the same."""
    endpoint.life = life
    with client_of(endpoint, signed_jwt()) as client:
        client.get("/api")
        clock.at += timedelta(seconds=500)
        client.get("/api")
        assert endpoint.issued == 1
        clock.at += timedelta(seconds=50)
        client.get("/api")
    assert endpoint.issued == 2


def test_a_short_lived_token_is_used_for_half_its_life(endpoint: Any, signed_jwt: Any, clock: Any) -> None:
    """A token of 40 s is not fetched anew for each call."""
    endpoint.life = "40"
    with client_of(endpoint, signed_jwt()) as client:
        client.get("/api")
        clock.at += timedelta(seconds=19)
        client.get("/api")
        assert endpoint.issued == 1
        clock.at += timedelta(seconds=2)
        client.get("/api")
    assert endpoint.issued == 2


def test_a_401_discards_the_token_and_is_tried_once_more(endpoint: Any, signed_jwt: Any) -> None:
    """A revoked token is replaced; the call is repeated with the new one."""
    with client_of(endpoint, signed_jwt()) as client:
        client.get("/api")
        endpoint.revoked.add("token-1")
        response = client.post("/api", json={"a": 1})
    assert (response.status_code, response.json()) == (200, {"token": "token-2"})
    assert endpoint.calls[-1].content == b'{"a":1}'


def test_a_401_for_a_new_token_is_the_answer(endpoint: Any, signed_jwt: Any) -> None:
    """A token fetched for this very call is not fetched a second time."""
    endpoint.revoked.update({"token-1", "token-2"})
    with client_of(endpoint, signed_jwt()) as client:
        assert client.get("/api").status_code == 401
    assert (endpoint.issued, len(endpoint.calls)) == (1, 1)


def test_a_401_is_tried_once_only(endpoint: Any, signed_jwt: Any) -> None:
    """After one refresh a second 401 stands."""
    with client_of(endpoint, signed_jwt()) as client:
        client.get("/api")
        endpoint.revoked.update({"token-1", "token-2", "token-3"})
        assert client.get("/api").status_code == 401
    assert (endpoint.issued, len(endpoint.calls)) == (2, 3)


def test_a_streamed_body_is_not_sent_twice(endpoint: Any, signed_jwt: Any) -> None:
    """A 401 stands when the request body cannot be repeated."""
    with client_of(endpoint, signed_jwt()) as client:
        client.get("/api")
        endpoint.revoked.add("token-1")
        auth = signed_jwt(cache=client.auth._plan.cache)
        request = client.build_request("POST", "/api", content=iter([b"once"]))
        flow = auth.sync_auth_flow(request)
        next(flow)
        with pytest.raises(StopIteration):
            flow.send(httpx2.Response(401))
    assert endpoint.issued == 1


@pytest.mark.parametrize("skew_seconds", [-400, 400], ids=["our clock is ahead", "our clock is behind"])
def test_the_servers_clock_is_believed_once(endpoint: Any, signed_jwt: Any, caplog: pytest.LogCaptureFixture, skew_seconds: Any) -> None:
    """An assertion whose time is wrong is made again with the time of the Date header, and the log says so."""
    endpoint.skew = timedelta(seconds=skew_seconds)
    with caplog.at_level(logging.WARNING, "wardgate.client"), client_of(endpoint, signed_jwt()) as client:
        assert client.get("/api").status_code == 200
    assert [record.message for record in caplog.records] == [
        f"this machine's clock differs from the token endpoint's by {skew_seconds} s; using the server's time"]
    assert len({claims["jti"] for claims in endpoint.requests}) == len(endpoint.requests) == 2


def test_the_offset_is_kept_for_the_next_token(endpoint: Any, signed_jwt: Any, clock: Any) -> None:
    """Once corrected, the next assertion is right the first time."""
    endpoint.skew = timedelta(seconds=400)
    with client_of(endpoint, signed_jwt()) as client:
        client.get("/api")
        clock.at += timedelta(seconds=590)
        client.get("/api")
    assert len(endpoint.requests) == 3


def test_a_clock_complaint_is_corrected_once_only(endpoint: Any, signed_jwt: Any) -> None:
    """A server that goes on complaining is refused after one correction."""
    endpoint.answers = [endpoint.oauth_error(400, "JWT has expired") for _ in range(3)]
    with client_of(endpoint, signed_jwt()) as client, pytest.raises(TokenRefused) as caught:
        client.get("/api")
    assert len(endpoint.requests) == 2
    assert (caught.value.status, caught.value.code, caught.value.message_id) == (400, "invalid_request", "rrt-1-a-geu2-1-1-1")


def test_a_clock_complaint_without_a_date_is_the_answer(endpoint: Any, signed_jwt: Any) -> None:
    """Without the server's time there is nothing to believe."""
    endpoint.answers = [httpx2.Response(400, json={"error": "invalid_request", "error_description": "JWT has expired"})]
    with client_of(endpoint, signed_jwt()) as client, pytest.raises(TokenRefused):
        client.get("/api")
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 415])
def test_refusals_of_the_token_endpoint_are_not_retried(endpoint: Any, signed_jwt: Any, status: int) -> None:
    """A refusal that will not pass by itself is raised at once."""
    endpoint.answers = [endpoint.oauth_error(status, "Missing 'jti' claim in client_assertion JWT")]
    with client_of(endpoint, signed_jwt()) as client, pytest.raises(TokenRefused) as caught:
        client.get("/api")
    assert caught.value.status == status
    assert (len(endpoint.requests), endpoint.calls) == (1, [])


def test_a_busy_token_endpoint_is_asked_again_with_a_new_jti(endpoint: Any, signed_jwt: Any, clock: Any) -> None:
    """429 and 503 are tried again after Retry-After, each time with an assertion of its own."""
    endpoint.answers = [httpx2.Response(429, headers={"Retry-After": "3"}, json=RATE_LIMITED), httpx2.Response(503)]
    with client_of(endpoint, signed_jwt()) as client:
        assert client.get("/api").status_code == 200
    assert clock.waited == [3.0, 0.5]
    assert len({claims["jti"] for claims in endpoint.requests}) == 3


def test_a_token_endpoint_that_stays_busy_is_given_up(endpoint: Any, signed_jwt: Any) -> None:
    """After the policy's attempts the last refusal is raised, with its shape decoded."""
    endpoint.answers = [httpx2.Response(429, json=RATE_LIMITED) for _ in range(9)]
    auth = signed_jwt(retry=RetryPolicy(attempts=3))
    with client_of(endpoint, auth) as client, pytest.raises(TokenRefused) as caught:
        client.get("/api")
    assert len(endpoint.requests) == 3
    assert (caught.value.shape, caught.value.code, caught.value.message_id) == ("rate-limit", "application-quota", "m1")


@pytest.mark.parametrize("answer", [
    httpx2.Response(200, content=b"<html>"),
    httpx2.Response(200, json=["token"]),
    httpx2.Response(200, json={"token_type": "Bearer", "expires_in": "599"}),
    httpx2.Response(200, json={"access_token": "a b", "token_type": "Bearer", "expires_in": "599"}),
    httpx2.Response(200, json={"access_token": "a\r\nx: y", "token_type": "Bearer", "expires_in": "599"}),
    httpx2.Response(200, json={"access_token": "a", "token_type": "MAC", "expires_in": "599"}),
    httpx2.Response(200, json={"access_token": "a", "token_type": "Bearer"}),
    httpx2.Response(200, json={"access_token": "a", "token_type": "Bearer", "expires_in": "soon"}),
    httpx2.Response(200, json={"access_token": "a", "token_type": "Bearer", "expires_in": True}),
    httpx2.Response(200, json={"access_token": "a", "token_type": "Bearer", "expires_in": "0"}),
    httpx2.Response(200, content=b'{"access_token":"a","token_type":"Bearer","expires_in":1e999}'),
    httpx2.Response(200, json={"access_token": "a" * 20_000, "token_type": "Bearer", "expires_in": "599"}),
    httpx2.Response(200, content=b" " * 70_000),
    httpx2.Response(200, content=gzip.compress(b"{}"), headers={"Content-Encoding": "gzip"}),
    httpx2.Response(200, content=b"[" * 60_000),
], ids=["not JSON", "not an object", "no token", "token with a space", "token with a line break", "another type", "no lifetime",
        "lifetime in words", "lifetime true", "lifetime zero", "endless lifetime", "token too long", "body too large",
        "compressed", "nested too deep"])
def test_a_malformed_yes_is_not_a_token(endpoint: Any, signed_jwt: Any, answer: Any) -> None:
    """An answer that is not a token of the platform's form is refused, and nothing is sent to the API."""
    endpoint.answers = [answer]
    with client_of(endpoint, signed_jwt()) as client, pytest.raises(TokenAnswerInvalid):
        client.get("/api")
    assert endpoint.calls == []


def test_threads_share_one_fetch(endpoint: Any, signed_jwt: Any) -> None:
    """Twenty threads that find no token cause one token request."""
    together = threading.Barrier(20)

    def call(client: httpx2.Client) -> str:
        together.wait(10)
        return client.get("/api").json()["token"]

    with client_of(endpoint, signed_jwt()) as client, ThreadPoolExecutor(20) as pool:
        assert set(pool.map(call, [client] * 20)) == {"token-1"}
    assert len(endpoint.requests) == 1


def test_tasks_share_one_fetch(endpoint: Any, signed_jwt: Any) -> None:
    """Fifty tasks that find no token cause one token request, and one more after it is revoked."""
    async def run() -> None:
        async with httpx2.AsyncClient(base_url=BASE, auth=signed_jwt(), transport=httpx2.MockTransport(endpoint)) as client:
            first = await asyncio.gather(*(client.get("/api") for _ in range(50)))
            assert {response.json()["token"] for response in first} == {"token-1"}
            endpoint.revoked.add("token-1")
            second = await asyncio.gather(*(client.get("/api") for _ in range(50)))
            assert {response.json()["token"] for response in second} == {"token-2"}

    asyncio.run(run())
    assert len(endpoint.requests) == 2


def test_the_async_auth_corrects_the_clock_and_waits_too(endpoint: Any, signed_jwt: Any, clock: Any) -> None:
    """The same plan is carried out on asyncio: a pause, a correction, a token."""
    endpoint.skew = timedelta(seconds=900)
    endpoint.answers = [httpx2.Response(503)]

    async def run() -> int:
        async with httpx2.AsyncClient(base_url=BASE, auth=signed_jwt(), transport=httpx2.MockTransport(endpoint)) as client:
            return (await client.get("/api")).status_code

    assert asyncio.run(run()) == 200
    assert (clock.waited, len(endpoint.requests)) == ([0.25], 3)


def test_a_failed_fetch_lets_the_next_one_try(endpoint: Any, signed_jwt: Any) -> None:
    """An error during a fetch does not leave the lock held."""
    endpoint.answers = [endpoint.oauth_error(401, "x"), httpx2.Response(200, content=b"?")]
    with client_of(endpoint, signed_jwt()) as client:
        with pytest.raises(TokenRefused):
            client.get("/api")
        with pytest.raises(TokenAnswerInvalid):
            client.get("/api")
        assert client.get("/api").status_code == 200


def test_a_broken_connection_during_a_fetch_lets_the_next_one_try(endpoint: Any, signed_jwt: Any) -> None:
    """The lock is free again when the token request never got an answer, on threads and on asyncio."""
    down = [True]

    def network(request: httpx2.Request) -> httpx2.Response:
        if down[0]:
            raise httpx2.ConnectError("no route")
        return endpoint(request)

    async def run() -> int:
        down[0] = True
        async with httpx2.AsyncClient(base_url=BASE, auth=signed_jwt(), transport=httpx2.MockTransport(network)) as client:
            with pytest.raises(httpx2.ConnectError):
                await client.get("/api")
            down[0] = False
            return (await client.get("/api")).status_code

    with client_of(network, signed_jwt()) as client:
        with pytest.raises(httpx2.ConnectError):
            client.get("/api")
        down[0] = False
        assert client.get("/api").status_code == 200
    assert asyncio.run(run()) == 200


def test_auths_that_share_a_cache_share_a_token(endpoint: Any, signed_jwt: Any) -> None:
    """The cache is keyed by token URL, client id and kid: same key, same token; another kid, another token."""
    cache = TokenCache()
    with client_of(endpoint, signed_jwt(cache=cache)) as one, client_of(endpoint, signed_jwt(cache=cache)) as two:
        assert one.get("/api").json() == two.get("/api").json() == {"token": "token-1"}
    other = signed_jwt(cache=cache, kid="test-2")
    assert other._plan.cache.get(other._plan.key) is None
    assert repr(cache) == "TokenCache(1 held)"


def test_obtain_gives_the_token_without_calling_an_api(endpoint: Any, signed_jwt: Any) -> None:
    """`obtain` fetches through a client, raises refusals, and keeps the token for later calls."""
    auth = signed_jwt()
    with client_of(endpoint, None) as client:
        assert auth.obtain(client).value == "token-1"
        assert auth.obtain(client).value == "token-1"
        endpoint.answers = [endpoint.oauth_error(403, "no key")]
        with pytest.raises(TokenRefused):
            signed_jwt().obtain(client)
    assert endpoint.calls == []


def test_the_transport_does_not_send_an_assertion_twice(endpoint: Any, signed_jwt: Any, clock: Any) -> None:
    """Through the SDK's own client, a 503 of the token endpoint is answered with a new assertion, never the old one."""
    endpoint.answers = [httpx2.Response(503), httpx2.Response(503)]
    with api_client(BASE, auth=signed_jwt(), transport=httpx2.MockTransport(endpoint)) as client:
        assert client.get("/api").status_code == 200
    assert len({claims["jti"] for claims in endpoint.requests}) == len(endpoint.requests) == 3


def test_nothing_secret_is_shown(endpoint: Any, signed_jwt: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Neither repr nor log nor message holds the key, the assertion or the token."""
    auth = signed_jwt()
    with caplog.at_level(logging.DEBUG), client_of(endpoint, auth) as client:
        client.get("/api")
        token = auth.obtain(client)
        endpoint.answers = [endpoint.oauth_error(401, "no")]
        with pytest.raises(TokenRefused) as caught:
            signed_jwt().obtain(client)
    shown = " ".join([repr(auth), repr(auth._plan), repr(auth._plan.cache), repr(token), repr(auth._plan.key), caplog.text,
                      str(caught.value), repr(caught.value)])
    for secret in ("token-1", "ExampleKey", "PRIVATE", "eyJ"):
        assert secret not in shown


@pytest.mark.parametrize("url", ["http://int.example.nhs.uk/oauth2/token", "http://10.0.0.1/token", "ftp://localhost.example/x"])
def test_assertions_leave_over_tls_only(signed_jwt: Any, url: str) -> None:
    """A token URL in clear text on another machine is refused before anything is sent."""
    with pytest.raises(ClearTextRefused):
        signed_jwt(token_url=url)


def test_tokens_leave_over_tls_only(endpoint: Any, signed_jwt: Any) -> None:
    """A call in clear text to another machine is refused, and no token is fetched for it."""
    with client_of(endpoint, signed_jwt()) as client, pytest.raises(ClearTextRefused):
        client.get("http://elsewhere.example/api")
    assert endpoint.requests == []


@pytest.mark.parametrize("settings", [{"lifetime_seconds": 0}, {"lifetime_seconds": 301}, {"kid": ""}])
def test_settings_outside_the_rules_are_refused(signed_jwt: Any, settings: Any) -> None:
    """An assertion lives one second to five minutes and names its key."""
    with pytest.raises(ValueError, match=r"seconds|empty"):
        signed_jwt(**settings)


def test_an_audience_may_differ_from_the_token_url(rsa_key: Any, clock: Any) -> None:
    """A strict server takes its issuer as the audience."""
    seen = []

    def network(request: httpx2.Request) -> httpx2.Response:
        seen.append(request.content.decode())
        return httpx2.Response(400)

    auth = SignedJWTAuth("c" * 20, PrivateKeySigner(rsa_key, "PS256"), kid="k", token_url=f"{BASE}/oauth2/token",
                         audience=BASE, clock=clock)
    with client_of(network, auth) as client, pytest.raises(TokenRefused) as caught:
        client.get("/api")
    assert len(seen) == 1
    assert (caught.value.code, caught.value.text, caught.value.shape) == ("400", "Bad Request", "none")
