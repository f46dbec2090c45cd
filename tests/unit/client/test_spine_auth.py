"""Requests between systems: fresh headers on every attempt, retries as published, refused certificates."""

import asyncio
import json
import ssl
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from unit.client.spine_callers import ENDPOINT, FLAG, PATIENT_READ, WORKER
from unit.client.spine_callers import GP as GP_CONTEXT
from wardgate.client import (
    AsyncRetryTransport,
    CertificateUnusable,
    ClearTextRefused,
    ClientCertificateRejected,
    RetryTransport,
    SpineAPI,
    SpineAuth,
    SpineCallInvalid,
    async_spine_client,
    spine_client,
)
from wardgate.client.spine_clients import SPINE_RETRY, AlertTransport, AsyncAlertTransport
from wardgate.jose import base64url


class Network:
    """Answers in the order given; an exception is raised."""

    def __init__(self, *answers: Any) -> None:
        self.answers, self.headers, self.urls = list(answers), [], []

    def __call__(self, request: httpx2.Request) -> Any:
        self.headers.append(dict(request.headers))
        self.urls.append(str(request.url))
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx2.Response) else httpx2.Response(answer)


RA = SpineAPI.of("reasonable-adjustments", ENDPOINT, "200000000116")
GP = SpineAPI.of("gp-connect-1", ENDPOINT, "200000000116", proxy="https://proxy.example.nhs.uk")


def client_of(network: Network, clock: Any, auth: SpineAuth) -> httpx2.Client:
    """Return a client with the published retries on the virtual clock."""
    transport = RetryTransport(AlertTransport(httpx2.MockTransport(network)), SPINE_RETRY, clock=clock, draw=lambda: 1.0)
    return httpx2.Client(transport=transport, auth=auth, base_url=auth.api.url())


def times(headers: dict[str, str]) -> tuple[int, int]:
    """Return iat and exp of the token."""
    claims = json.loads(base64url.decode(headers["authorization"].split(".")[1].encode()))
    return claims["iat"], claims["exp"]


def test_each_request_states_its_own_interaction(clock: Any) -> None:
    """One auth serves every request to an API; the trace id is the request id too."""
    network = Network()
    with client_of(network, clock, SpineAuth(WORKER, RA, clock=clock)) as client:
        client.get("/Flag", params={"patient": "https://fhir.nhs.uk/Id/nhs-number|9990000018"})
        client.get("/Consent/1", headers={"Accept": "application/fhir+xml"})
    assert [one["interactionid"] for one in network.headers] == [FLAG, FLAG.replace("Flag", "Consent")]
    assert [one["accept"] for one in network.headers] == ["application/fhir+json", "application/fhir+xml"]
    assert all(one["traceid"] == one["x-request-id"] for one in network.headers)
    assert network.headers[0]["traceid"] != network.headers[1]["traceid"]


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_passing_failure_is_tried_again_with_fresh_headers(clock: Any, status: int) -> None:
    """Each attempt has a token made at its own moment and a trace id of its own (spine 11)."""
    network = Network(httpx2.Response(status, headers={"Retry-After": "7"}), status, 200)
    with client_of(network, clock, SpineAuth(WORKER, RA, clock=clock)) as client:
        assert client.get("/Flag").status_code == 200
    assert clock.waited == [7.0, 0.5]
    assert len({one["traceid"] for one in network.headers}) == 3
    assert [times(one)[0] - times(network.headers[0])[0] for one in network.headers] == [0, 7, 7]


def test_three_more_attempts_are_the_end(clock: Any) -> None:
    """The fourth failure is the answer (spine 10)."""
    network = Network(*[503] * 9)
    with client_of(network, clock, SpineAuth(WORKER, RA, clock=clock)) as client:
        assert client.get("/Flag").status_code == 503
    assert len(network.headers) == 4


@pytest.mark.parametrize("answer", [400, 401, 403, 408, 409, 412, 422, 495, 496, 500, 501, 505, httpx2.ConnectError("no"), httpx2.ReadTimeout("no")])
def test_nothing_else_is_tried_again(clock: Any, answer: Any) -> None:
    """A refusal stands, and so does a connection that broke: who knows what was received."""
    network = Network(answer, 200)
    with client_of(network, clock, SpineAuth(WORKER, RA, clock=clock)) as client:
        if isinstance(answer, Exception):
            with pytest.raises(type(answer)):
                client.get("/Flag")
        else:
            assert client.get("/Flag").status_code == answer
    assert len(network.headers) == 1


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_writes_are_sent_once(clock: Any, method: str) -> None:
    """Whatever changes something may have had its effect."""
    network = Network(503, 200)
    with client_of(network, clock, SpineAuth(WORKER, RA, clock=clock)) as client:
        assert client.request(method, "/Flag" + ("" if method == "POST" else "/1")).status_code == 503


def test_reading_by_post_is_tried_again_with_its_body(clock: Any) -> None:
    """GP Connect's records are read by POST."""
    network = Network(503, 200)
    with client_of(network, clock, SpineAuth(GP_CONTEXT, GP, clock=clock)) as client:
        assert client.post("/Patient/$gpc.getstructuredrecord", json={"resourceType": "Parameters"}).status_code == 200
    assert network.urls == [f"https://proxy.example.nhs.uk/{ENDPOINT}/Patient/$gpc.getstructuredrecord"] * 2
    assert len({one["ssp-traceid"] for one in network.headers}) == 2


def test_an_interaction_may_be_named_for_one_request(clock: Any) -> None:
    """Where several fit, and for another user."""
    network = Network()
    auth = SpineAuth(GP_CONTEXT, GP, clock=clock)
    metadata = PATIENT_READ.replace("patient-1", "metadata-1")
    with client_of(network, clock, auth) as client:
        with pytest.raises(SpineCallInvalid, match="several"):
            client.get("/metadata")
        assert client.get("/metadata", auth=auth.naming(metadata)).status_code == 200
        client.get("/Patient/1", auth=auth.speaking_for(replace(GP_CONTEXT, asid="200000000117")))
    assert network.headers[0]["ssp-interactionid"] == metadata
    assert network.headers[1]["ssp-from"] == "200000000117"


@pytest.mark.parametrize("url", ["https://elsewhere.example/Flag", "https://proxy.example.nhs.uk/https://elsewhere.example/Flag"])
def test_nothing_is_stated_to_another_address(clock: Any, url: str) -> None:
    """The token names a person, and is for the API alone."""
    network = Network()
    for auth in (SpineAuth(WORKER, RA, clock=clock), SpineAuth(GP_CONTEXT, GP, clock=clock)):
        with client_of(network, clock, auth) as client, pytest.raises(SpineCallInvalid, match="elsewhere"):
            client.get(url)
    assert network.headers == []


def test_nothing_is_stated_in_clear_text(clock: Any) -> None:
    """Plain HTTP is for this machine."""
    auth = SpineAuth(WORKER, SpineAPI.of("reasonable-adjustments", ENDPOINT, "200000000116", base_url="http://gateway.example/ra"), clock=clock)
    with client_of(Network(), clock, auth) as client, pytest.raises(ClearTextRefused):
        client.get("/Flag")


def rejected() -> httpx2.ReadError:
    """Return the error of a handshake that the server ended over the certificate."""
    alert = ssl.SSLError(1, "x")
    alert.reason = "TLSV13_ALERT_CERTIFICATE_REQUIRED"
    error = httpx2.ReadError("x")
    error.__cause__ = alert
    return error


def test_a_refused_certificate_is_told_as_such() -> None:
    """Once, in the sync client and in the async one."""
    network = Network(rejected(), rejected())
    auth = SpineAuth(WORKER, RA)
    with spine_client(auth, "", "", transport=httpx2.MockTransport(network)) as client, pytest.raises(ClientCertificateRejected, match="certificate_required"):
        client.get("/Flag")

    async def run() -> None:
        async with async_spine_client(auth, "", "", transport=httpx2.MockTransport(network)) as client:
            with pytest.raises(ClientCertificateRejected, match="certificate_required"):
                await client.get("/Flag")

    asyncio.run(run())
    assert len(network.headers) == 2


def test_the_async_client_is_the_same(clock: Any) -> None:
    """Fresh headers on each attempt there too."""
    network = Network(503, 200)

    async def run() -> int:
        transport = AsyncRetryTransport(AsyncAlertTransport(httpx2.MockTransport(network)), SPINE_RETRY, clock=clock, draw=lambda: 1.0)
        async with httpx2.AsyncClient(transport=transport, auth=SpineAuth(WORKER, RA, clock=clock), base_url=RA.url()) as client:
            return (await client.get("/Flag")).status_code

    assert asyncio.run(run()) == 200
    assert len({one["traceid"] for one in network.headers}) == 2


def test_a_certificate_that_cannot_be_used_is_told_at_once(tmp_path: Any) -> None:
    """Before any request."""
    with pytest.raises(CertificateUnusable):
        spine_client(SpineAuth(WORKER, RA), tmp_path / "none.pem", tmp_path / "none.pem")
    with pytest.raises(CertificateUnusable):
        async_spine_client(SpineAuth(WORKER, RA), tmp_path / "none.pem", tmp_path / "none.pem")
