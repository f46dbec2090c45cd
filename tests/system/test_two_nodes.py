"""Two Wardgates, each with its Envoy, on one PostgreSQL: a sign-in begun at one goes on at the other, and nothing is used twice."""

import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle
from threading import Barrier
from typing import Any

import httpx2
import pytest
import yaml

from system.signing_in import PATIENT, Person, claims, refused
from wardgate.demo import source
from wardgate.keystores.store_key import new_store_key
from wardgate.oauth.pkce import challenge_of

pytestmark = pytest.mark.postgres
LIMIT_SECONDS = 5.0
"""The promise is one second; a loaded machine gets five before a test fails, and the figure is printed."""
ROUNDS = 12


@dataclass
class Nodes:
    """Both, with their addresses in the manifest. The demo's backends are those of the first."""

    one: Any
    other: Any

    @property
    def callback(self) -> str:
        """Where people are sent back to."""
        return f"http://127.0.0.1:{self.one.demo_port}/callback"

    def person(self, username: str = "656005750104", scope: str = "nhs-cis2") -> Person:
        """Return a person of the demo's world."""
        return Person.at(self.one, username, scope, self.callback)

    def at_once(self, ask: Callable[[Any], httpx2.Response], count: int = 4) -> list[httpx2.Response]:
        """Ask both nodes, in turn, at the same moment."""
        barrier = Barrier(count)

        def one(node: Any) -> httpx2.Response:
            barrier.wait()
            return ask(node)

        nodes = cycle((self.one, self.other))
        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(one, [next(nodes) for _ in range(count)]))


@pytest.fixture(scope="module")
def nodes(new_wardgate: Callable[..., Any], database_url: str) -> Iterator[Nodes]:
    """The first brings the demo's world, whose applications have their keys in place: a node that is no demo asks no loopback address."""
    shared = {"WARDGATE_DATABASE_URL": database_url, "WARDGATE_STORE_KEY": new_store_key(), "WARDGATE_TOKEN_REQUESTS_PER_MINUTE": "100000"}
    with new_wardgate(environ=shared | {"WARDGATE_NODE": "one"}) as one, \
            new_wardgate(start=False, environ=shared | {"WARDGATE_NODE": "other"}) as other:
        other.arguments = ()
        manifest = yaml.safe_load(source(f"http://127.0.0.1:{one.demo_port}").content)
        manifest["environment"]["public_urls"] = [one.url, other.url]
        for product in manifest["products"]:
            product.setdefault("limits", {"quota": {"limit": 1_000_000, "timeunit": "minute"}})  # whoever waits for a change asks again and again
        path = one.data.parent / "manifest.yaml"
        path.write_text(yaml.safe_dump(manifest))
        one.done("manifest", "apply", path, "--yes")
        other.start()
        yield Nodes(one, other)


def test_a_code_of_one_is_redeemed_at_the_other(nodes: Nodes) -> None:
    """And its token opens routes of both; the refresh token goes back and forth; userinfo is told by either."""
    with nodes.person() as person:
        code = person.code(nodes.one)
        found = person.redeem(nodes.other, code)
        assert found.status_code == 200, found.text
        assert refused(person.redeem(nodes.one, code)) == (400, "authorization_code is invalid")
        tokens = found.json()
        for count, node in enumerate((nodes.one, nodes.other, nodes.one), 1):
            before = tokens
            tokens = person.refresh(node, before["refresh_token"]).json()
            assert tokens["refresh_count"] == str(count)
        for node in (nodes.one, nodes.other):
            assert person.call(node, tokens["access_token"]).status_code == 200
            details = person.http.get(f"{node.url}/oauth2-mock/userinfo", headers={"authorization": f"Bearer {tokens['access_token']}"})
            assert details.json()["sub"] == "656005750104"


def test_a_sign_in_that_changes_nodes_at_every_step(nodes: Nodes) -> None:
    """As behind a load balancer, which keeps the name that was asked for: begun, asked who, and come back at different nodes."""
    name = {"host": f"localhost:{nodes.one.port}"}
    turn = cycle((nodes.other, nodes.one))

    def at_the_next(url: str) -> str:
        return url.replace(nodes.one.url, next(turn).url)

    with nodes.person(PATIENT, "nhs-login") as person:
        asked = {"client_id": "demo-app-key-not-a-secret", "redirect_uri": nodes.callback, "response_type": "code", "state": "1", "scope": "nhs-login"}
        answer = person.http.get(f"{nodes.one.url}/oauth2-mock/authorize", params=asked)
        page = person.http.get(at_the_next(answer.headers["location"]), headers=name)
        action = page.text.partition('<form id="kc-form-login" action="')[2].partition('"')[0].replace("&amp;", "&")
        answer = person.http.post(at_the_next(action), headers=name, data={"username": PATIENT})
        back = person.http.get(at_the_next(answer.headers["location"]), headers=name)
        code = httpx2.URL(back.headers["location"]).params["code"]
        redeemed = person.redeem(nodes.one, str(code))
        assert 3570 <= int(redeemed.json()["refresh_token_expires_in"]) <= 3599, "a busy machine may take seconds from the sign-in to here"
        assert person.call(nodes.other, redeemed.json()["access_token"], "/user-demo/echo/patient").status_code == 200


def test_a_code_is_redeemed_once_on_both(nodes: Nodes) -> None:
    """Of many requests at once at two nodes one gets tokens; the others are refused as for any used code."""
    with nodes.person() as person:
        for _ in range(ROUNDS):
            code = person.code(nodes.one)
            answers = nodes.at_once(lambda node, code=code: person.redeem(node, code))
            assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400]
            assert {refused(answer) for answer in answers if answer.status_code != 200} == {(400, "authorization_code is invalid")}


def test_a_refresh_token_is_used_once_on_both(nodes: Nodes) -> None:
    """Profile `nhs`: one request wins, at whichever node; the sign-in goes on with what the winner got (spec README rule 9)."""
    with nodes.person() as person:
        token = person.tokens(nodes.other)["refresh_token"]
        for count in range(1, ROUNDS + 1):
            answers = nodes.at_once(lambda node, token=token: person.refresh(node, token))
            won = [answer.json() for answer in answers if answer.status_code == 200]
            assert [found["refresh_count"] for found in won] == [str(count)]
            assert {refused(answer) for answer in answers if answer.status_code != 200} == {(401, "refresh_token is invalid")}
            token = won[0]["refresh_token"]


def test_parallel_refreshes_of_the_strict_profile(nodes: Nodes) -> None:
    """Honest ones at both nodes within the grace get the same successor, until that was used; pushed requests and codes change nodes too."""
    client = "strict-app-key-not-a-secret"
    base = f"{nodes.one.url}/oauth2-mock"  # the issuer: the first address, whichever node is asked

    def proof() -> dict[str, str]:
        return {"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "client_id": client,
                "client_assertion": nodes.one.assertion("strict-app", sign_with="strict-es256", aud=base, iat=int(time.time()))}

    with nodes.person() as person:
        def refresh(node: Any, token: str) -> httpx2.Response:
            return person.http.post(f"{node.url}/oauth2-mock/token", data=proof() | {"grant_type": "refresh_token", "refresh_token": token})

        verifier = secrets.token_urlsafe(32)
        pushed = person.http.post(f"{nodes.other.url}/oauth2-mock/par", data=proof() | {
            "response_type": "code", "redirect_uri": nodes.callback, "state": "1", "scope": "nhs-cis2",
            "code_challenge": challenge_of(verifier), "code_challenge_method": "S256"})
        code = person.code(nodes.one, client_id=client, request_uri=pushed.json()["request_uri"])
        first = person.http.post(f"{nodes.other.url}/oauth2-mock/token", data=proof() | {
            "grant_type": "authorization_code", "code": code, "redirect_uri": nodes.callback, "code_verifier": verifier}).json()
        answers = nodes.at_once(lambda node: refresh(node, first["refresh_token"]))
        assert {answer.status_code for answer in answers} == {200}
        (successor,) = {answer.json()["refresh_token"] for answer in answers}
        assert len({claims(answer.json()["access_token"])["jti"] for answer in answers}) == len(answers)
        third = refresh(nodes.other, successor).json()
        assert refresh(nodes.one, first["refresh_token"]).status_code == 401
        assert third["refresh_count"] == "2"


def test_a_sign_out_at_one_reaches_both_gateways(nodes: Nodes, until: Callable[..., Any]) -> None:
    """Within a second: the session ends at the first node, and the Envoy of either refuses the token; neither refreshes it."""
    with nodes.person() as person:
        found = person.tokens(nodes.other)
        for node in (nodes.one, nodes.other):
            assert person.call(node, found["access_token"]).status_code == 200
        began = time.monotonic()
        person.sign_out(nodes.one)
        for node in (nodes.other, nodes.one):
            refusal = until(lambda node=node: answer if (answer := person.call(node, found["access_token"])).status_code == 401 else None, LIMIT_SECONDS, "the refusal")
            assert refusal.json()["fault"]["faultstring"] == "Access Token not approved"
            print(f"\nended at one node: {'the other' if node is nodes.other else 'the same'} Envoy refuses after {time.monotonic() - began:.2f} s")
        for node in (nodes.one, nodes.other):
            assert refused(person.refresh(node, found["refresh_token"])) == (401, "refresh_token is invalid")


def test_one_node_goes_on_without_the_other(nodes: Nodes, until: Callable[..., Any]) -> None:
    """The second is killed between the steps of a sign-in; the first finishes it, and the record of both is one chain."""
    with nodes.person() as person:
        code, tokens = person.code(nodes.other), person.tokens(nodes.other)
        nodes.other.kill()
        assert person.redeem(nodes.one, code).status_code == 200
        assert person.refresh(nodes.one, tokens["refresh_token"]).status_code == 200
        assert person.call(nodes.other, tokens["access_token"]).status_code in {200, 503}
        nodes.other.start()
        assert person.call(nodes.other, tokens["access_token"]).status_code == 200
    until(lambda: nodes.one.done("audit", "verify")["intact"], what="the chain")


def test_a_clock_that_is_turned_is_turned_at_both(nodes: Nodes) -> None:
    """Within a second of the command's change both nodes judge by it, and both go back with it."""
    with nodes.person() as person:
        token = person.tokens(nodes.one)["access_token"]
        assert [person.call(node, token).status_code for node in (nodes.one, nodes.other)] == [200, 200]
        try:
            nodes.one.done("clock", "advance", "11m", "--wait", "0")
            began = time.monotonic()
            for node in (nodes.one, nodes.other):
                while person.call(node, token).status_code != 401:
                    assert time.monotonic() - began < LIMIT_SECONDS
                    time.sleep(0.01)
            print(f"\nboth nodes went by the turned clock after {time.monotonic() - began:.2f} s")
            ahead = person.tokens(nodes.other)
            assert [person.call(node, ahead["access_token"]).status_code for node in (nodes.one, nodes.other)] == [200, 200]
        finally:
            assert nodes.other.done("clock", "reset")["confirmed_by"] == ["one", "other"]
        assert [person.call(node, token).status_code for node in (nodes.one, nodes.other)] == [200, 200]
        assert refused(person.refresh(nodes.one, ahead["refresh_token"])) == (401, "refresh_token is invalid")
