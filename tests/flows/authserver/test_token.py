"""The token endpoint: what a good request gets, and what is recorded of it."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from wardgate.applications import Profile
from wardgate.audit.model import EventType
from wardgate.authserver import AuthServerSettings
from wardgate.jose import UnverifiedJWT, base64url, parse_jwk_set, verify
from wardgate.jose.jwk import KeyRules

KEY = "DemoKeyDemoKeyDemoKeyDemoKey0001"
SCOPE = "urn:nhsd:apim:app:level3:hello-world"


def test_a_good_request_gets_the_four_strings(world: Any) -> None:
    """application-restricted 6.6: four members, all strings; HSTS; never cached; no CORS."""
    answer = world.ask(world.form(), headers={"origin": "https://app.example"})
    assert answer.status == 200
    assert list(answer.json) == ["access_token", "expires_in", "token_type", "issued_at"]
    assert answer.json | {"access_token": ""} == {
        "access_token": "", "expires_in": "599", "token_type": "Bearer", "issued_at": "1772442000500",
    }
    assert answer.headers == {
        "content-type": "application/json", "strict-transport-security": "max-age=31536000; includeSubDomains",
        "cache-control": "no-store", "pragma": "no-cache", "content-length": str(len(answer.body)),
    }


def test_the_token_is_an_rfc_9068_token_without_the_api_key(world: Any) -> None:
    """`client_id` and `sub` are the application's name; the published key verifies the token."""
    text = world.token()
    keys = parse_jwk_set(world.ask(path="/oauth2/jwks", method="GET").body, KeyRules())
    proof = verify(UnverifiedJWT.parse(text), keys.keys["wg-1"])
    assert dict(proof.header) == {"alg": "ES256", "typ": "at+jwt", "kid": "wg-1"}
    assert proof.claims == {
        "iss": "https://wardgate.example/oauth2", "exp": 1772442600, "aud": "wardgate", "sub": "demo-app",
        "client_id": "demo-app", "iat": 1772442000, "jti": "token-0", "scope": SCOPE, "cred": "credential-1",
        "org": "Z9X01", "asid": "200000000115",
    }
    assert KEY not in base64url.decode(text.split(".")[1].encode()).decode()


def test_the_twin_issues_under_its_own_name(world: Any) -> None:
    """`/oauth2-mock` has its own token URL and issuer."""
    form = world.form(client_assertion=world.assertion(aud="http://localhost:8080/oauth2-mock/token"))
    answer = world.ask(form, path="/oauth2-mock/token")
    claims = UnverifiedJWT.parse(answer.json["access_token"]).claims
    assert claims["iss"] == "https://wardgate.example/oauth2-mock"


@pytest.mark.parametrize(("asked", "shown"), [
    ("100000", "99"), ("500000", "499"), ("700000", "599"), ("1000000", "599"), ("600000", "599"), ("500", "0"),
    ("0", "599"), ("-1", "599"), ("soon", "599"), ("1e3", "599"), ("9" * 40, "599"), ("\uff11\uff10\uff10", "599"),
])
def test_the_lifetime_may_only_be_shortened(world: Any, asked: str, shown: str) -> None:
    """application-restricted 6.4: `_access_token_expiry_ms`; whatever is no smaller number is ignored."""
    answer = world.ask(world.form(_access_token_expiry_ms=asked))
    assert answer.json["expires_in"] == shown
    claims = UnverifiedJWT.parse(answer.json["access_token"]).claims
    assert claims["exp"] - claims["iat"] - int(shown) in {0, 1}


def test_scope_and_client_id_in_the_form_are_ignored(world: Any) -> None:
    """application-restricted 6.4, profile nhs."""
    answer = world.ask(world.form(scope="anything", client_id="somebody"))
    assert UnverifiedJWT.parse(answer.json["access_token"]).claims["scope"] == SCOPE


def test_one_event_records_the_issue_and_holds_no_secret(world: Any) -> None:
    """Design 3.4: exactly one event, with who, why and the token's id; never assertion, key or token."""
    form = world.form()
    answer = world.ask(form, headers={"x-correlation-id": "c-1", "x-wardgate-message-id": "gw-1"})
    (event,) = world.store.events
    assert event.type is EventType.TOKEN_ISSUED
    assert (event.application, event.request_id, event.correlation_id) == ("demo-app", "1" * 8 + "-1111-4111-8111-" + "1" * 12, "c-1")
    assert event.details == {
        "pattern": "signed-jwt", "grant_type": "client_credentials", "alg": "RS512", "kid": "test-1", "credential": "credential-1",
        "authenticated": True, "jti": "token-0", "scope": SCOPE, "lifetime_ms": 600_000, "issuer": "https://wardgate.example/oauth2",
        "signing_kid": "wg-1", "assertion_jti": "jti-1", "gateway_message_id": "gw-1",
    }
    for secret in (KEY, form["client_assertion"], answer.json["access_token"], form["client_assertion"].rsplit(".", 1)[1]):
        assert secret not in repr(event)


def test_the_claim_outlives_the_assertion(world: Any) -> None:
    """Rule 4: (client, jti) is remembered past exp, under the credential's id, never its key."""
    world.ask(world.form())
    ((namespace, jti),) = world.store.claimed
    assert (namespace, jti) == ("assertion:credential-1", "jti-1")
    assert world.store.claimed[namespace, jti] - world.now > timedelta(seconds=310)


def test_of_many_concurrent_uses_one_wins(world: Any) -> None:
    """Single use is decided by the store, however many requests pass the early look at once."""
    form = world.form()

    async def race() -> list[Any]:
        return await asyncio.gather(*(world.asking(form) for _ in range(20)))

    answers = asyncio.run(race())
    assert sorted(answer.status for answer in answers) == [200] + [400] * 19
    assert {answer.json["error_description"] for answer in answers if answer.status == 400} == {
        "Non-unique 'jti' claim in client_assertion JWT"}
    assert len(world.store.events) == 20


def test_a_replay_at_another_process_is_refused_by_the_store(world: Any, make_world: Callable[..., Any]) -> None:
    """The early look is local; the claim is not."""
    other = make_world()
    other.store.claimed = world.store.claimed
    form = world.form()
    assert world.ask(form).status == 200
    answer = other.ask(form)
    assert (answer.status, answer.headers["x-wardgate-reason"]) == (400, "assertion-jti-replayed")
    assert [event.reason for event in other.store.events] == ["assertion-jti-replayed"]


def test_two_applications_may_use_one_jti(world: Any) -> None:
    """The key is (client, jti)."""
    world.snapshot.api_keys["SecondKeySecondKeySecondKey0002"] = world.snapshot.api_keys[KEY].__class__(
        "credential-2", "SecondKeySecondKeySecondKey0002", "demo-app")
    second = world.assertion(iss="SecondKeySecondKeySecondKey0002", sub="SecondKeySecondKeySecondKey0002", jti="same")
    first = world.assertion(jti="same")
    assert world.ask(world.form(client_assertion=first)).status == 200
    assert world.ask(world.form(client_assertion=second)).status == 200


def test_no_record_no_token(world: Any) -> None:
    """When the store is down nothing leaves but row 28, and the failure names no secret."""
    world.store.down = True
    answer = world.ask(world.form())
    assert answer.status == 500
    assert answer.json["error"] == "unknown_error"
    assert b"access_token" not in answer.body


def test_signing_keys_rotate_without_a_gap(world: Any, make_world: Callable[..., Any]) -> None:
    """The next key is published before it signs; the last one stays published while its tokens may be out."""
    def published() -> list[str]:
        return [key["kid"] for key in world.ask(path="/oauth2/jwks", method="GET").json["keys"]]

    def signed_by() -> str:
        return str(UnverifiedJWT.parse(world.token()).header["kid"])

    begin = world.now
    old = world.keys[0]
    new = make_world().keys[0]
    new = replace(new, kid="wg-2", sign_from=begin + timedelta(hours=1))
    world.keys = (old, new)
    assert (published(), signed_by()) == (["wg-1", "wg-2"], "wg-1")
    world.now = begin + timedelta(hours=1)
    world.keys = (replace(old, verify_until=world.now + timedelta(minutes=15)), new)
    assert (published(), signed_by()) == (["wg-1", "wg-2"], "wg-2")
    world.now += timedelta(minutes=15)
    assert (published(), signed_by()) == (["wg-2"], "wg-2")


def test_without_a_signing_key_nothing_is_issued(world: Any) -> None:
    """A key that is not yet to sign does not sign."""
    world.keys = (replace(world.keys[0], sign_from=world.now + timedelta(seconds=1)),)
    assert world.ask(world.form()).status == 500
    assert not world.store.claimed


@pytest.mark.parametrize("alg", ["PS256", "ES256", "EdDSA"])
def test_strict_takes_the_stronger_algorithms(world: Any, alg: str) -> None:
    """Profile strict: PS256, ES256, EdDSA; the issuer as audience; a charset in the content type."""
    world.profile(Profile.STRICT)
    form = world.form(client_assertion=world.assertion(alg, aud="https://wardgate.example/oauth2"), client_id=KEY)
    assert world.ask(form, headers={"content-type": "application/x-www-form-urlencoded; charset=UTF-8"}).status == 200


def test_an_application_may_be_strict_in_an_nhs_environment(world: Any) -> None:
    """The profile of the application that the request names decides."""
    world.client(profile=Profile.STRICT)
    assert world.ask(world.form()).headers["x-wardgate-reason"] == "assertion-alg-strict"
    assert world.ask(world.form(client_assertion=world.assertion("ES256"))).status == 200


def test_a_jwks_url_of_our_own_mock_host_is_decoded_without_a_fetch(world: Any) -> None:
    """application-restricted 6.1 (c)."""
    keys = {"keys": [world.snapshot.clients["demo-app"].jwks["keys"][0]]}
    url = "https://wardgate.example/mock-jwks/" + base64url.encode(json.dumps(keys).encode())
    world.client(jwks=None, jwks_url=url)
    assert world.ask(world.form()).status == 200
    path = url.removeprefix("https://wardgate.example")
    hosted = world.ask(path=path, method="GET")
    assert (hosted.status, hosted.json) == (200, keys)
    assert world.ask(path=path + "==", method="GET").json == keys


def test_an_unknown_kid_is_refetched_in_strict_only(world: Any) -> None:
    """application-restricted 6.2: nhs waits an hour; strict asks again, at most once a minute."""
    url = "https://client.example/jwks.json"
    rsa, ps = world.snapshot.clients["demo-app"].jwks["keys"][:2]
    world.hosted[url] = json.dumps({"keys": [rsa | {"kid": "old"}]}).encode()
    world.client(jwks=None, jwks_url=url)
    reason = lambda answer: answer.headers.get("x-wardgate-reason")  # noqa: E731 - a name for a look
    assert reason(world.ask(world.form())) == "assertion-kid-unknown"
    world.hosted[url] = json.dumps({"keys": [rsa, ps]}).encode()
    world.now += timedelta(minutes=59)
    assert reason(world.ask(world.form())) == "assertion-kid-unknown"
    world.profile(Profile.STRICT)
    assert world.ask(world.form(client_assertion=world.assertion("PS256"))).status == 200
    fetches = len(world.fetched)
    for _ in range(5):
        assert reason(world.ask(world.form(client_assertion=world.assertion("PS256", header={"kid": "x"})))) == "assertion-kid-unknown"
    assert len(world.fetched) == fetches
    world.now += timedelta(minutes=1)
    world.ask(world.form(client_assertion=world.assertion("PS256", header={"kid": "x"})))
    assert len(world.fetched) == fetches + 1


def test_the_limit_is_a_rolling_minute(make_world: Callable[..., Any]) -> None:
    """application-restricted 9 and 17: the request after the limit is refused until the minute has rolled on."""
    world = make_world(AuthServerSettings(requests_per_minute=3))
    assert [world.ask(world.form()).status for _ in range(4)] == [200, 200, 200, 429]
    answer = world.ask(world.form())
    assert answer.json == {
        "message": "Your application, demo-app, has exceeded its quota of 3 requests every 1 minute(s) and is being rate limited.",
        "scope": "application", "policy": "quota", "limit": 3, "interval": 1, "timeunit": "minute",
        "ratelimiting_expiry_time_ms": answer.json["ratelimiting_expiry_time_ms"], "message_id": answer.json["message_id"],
    }
    wait = int(answer.headers["retry-after"])
    assert answer.headers["ratelimit-policy"] == '"token";q=3;w=60'
    assert answer.headers["ratelimit"] == f'"token";r=0;t={wait}'
    assert world.now.timestamp() * 1000 < answer.json["ratelimiting_expiry_time_ms"] <= (world.now.timestamp() + wait) * 1000 + 1000
    world.now += timedelta(seconds=wait)
    assert world.ask(world.form()).status == 200
    world.now += timedelta(minutes=3)
    assert [world.ask(world.form()).status for _ in range(4)] == [200, 200, 200, 429]
