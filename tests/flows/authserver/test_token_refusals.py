"""Every way the authorisation server refuses: status, body, headers and record, one row per reason of the catalogue."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from wardgate.applications import Profile
from wardgate.audit.model import Outcome
from wardgate.authserver import AuthServerSettings
from wardgate.oauth import PROFILES
from wardgate.refusals import CATALOGUE, Area
from wardgate.security_patterns.snapshot import Revocations

KEY = "DemoKeyDemoKeyDemoKeyDemoKey0001"
CERTIFICATE = f'Hash={"ab" * 32};Subject="CN=epr.example.thirdparty.nhs.uk";DNS=epr.example.thirdparty.nhs.uk'
VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "client_assertion.json").read_text())["vectors"]
Case = Callable[[Any], Any]


def _strict(world: Any) -> Any:
    world.profile(Profile.STRICT)
    return world


def _with(world: Any, **client: Any) -> Any:
    world.client(**client)
    return world


def _with_key(world: Any, **key: Any) -> Any:
    world.key(**key)
    return world


def _assertion(**how: Any) -> Case:
    return lambda w: w.ask(w.form(client_assertion=w.assertion(**how)))


def _certificate_form(world: Any) -> dict[str, str]:
    return dict(world.form(client_assertion=None, client_assertion_type=None, client_id=KEY))


def _down(world: Any) -> Any:
    world.store.down = True
    return world.ask(world.form())


def _replay(world: Any) -> Any:
    form = world.form()
    world.ask(form)
    return world.ask(form)


def _others_token(world: Any) -> Any:
    token = world.token()
    other = replace(world.snapshot.clients["demo-app"], name="other-app")
    key = replace(world.snapshot.api_keys[KEY], id="credential-2", application="other-app")
    world.snapshot = replace(world.snapshot, clients={**world.snapshot.clients, "other-app": other}, api_keys={KEY: key})
    return world.ask(world.form(token=token), path="/oauth2/revoke")


def _bound_without_certificate(world: Any) -> Any:
    _strict(_with(world, certificate_bound_tokens=True))
    return world.ask(world.form(client_assertion=world.assertion("ES256")))


# fmt: off
CASES: list[tuple[str, str, Case]] = [
    ("no content type", "content-type-not-form", lambda w: w.ask(w.form(), headers={"content-type": ""})),
    ("JSON", "content-type-not-form", lambda w: w.ask(b"{}", headers={"content-type": "application/json"})),
    ("nhs: a charset", "content-type-not-form", lambda w: w.ask(w.form(), headers={"content-type": "application/x-www-form-urlencoded; charset=UTF-8"})),
    ("strict: another charset", "content-type-not-form", lambda w: _strict(w).ask(w.form(), headers={"content-type": "application/x-www-form-urlencoded; charset=utf-16"})),
    ("GET", "token-method-not-post", lambda w: w.ask(method="GET")),
    ("OPTIONS that is no preflight", "token-method-not-post", lambda w: w.ask(method="OPTIONS")),
    ("no grant_type", "grant-type-missing", lambda w: w.ask(w.form(grant_type=None))),
    ("grant_type without a value", "grant-type-missing", lambda w: w.ask(w.form(grant_type=""))),
    ("an empty body", "grant-type-missing", lambda w: w.ask(b"")),
    ("grant_type in the query only", "grant-type-missing", lambda w: w.ask(b"x=1")),
    ("password", "grant-type-unknown", lambda w: w.ask(w.form(grant_type="password"))),
    ("grant_type in another case", "grant-type-unknown", lambda w: w.ask(w.form(grant_type="Client_Credentials"))),
    ("no client_assertion_type", "assertion-type-invalid", lambda w: w.ask(w.form(client_assertion_type=None))),
    ("SAML", "assertion-type-invalid", lambda w: w.ask(w.form(client_assertion_type="urn:ietf:params:oauth:client-assertion-type:saml2-bearer"))),
    ("no client_assertion", "assertion-missing", lambda w: w.ask(w.form(client_assertion=None))),
    ("client_assertion of nothing", "assertion-missing", lambda w: w.ask(w.form(client_assertion=""))),
    ("no JWT", "assertion-malformed", lambda w: w.ask(w.form(client_assertion="x.y"))),
    ("RS256", "assertion-alg", _assertion(header={"alg": "RS256"})),
    ("expired", "assertion-expired", _assertion(exp={"ahead": -1})),
    ("no kid", "assertion-kid-missing", _assertion(header={"kid": None})),
    ("no typ", "assertion-typ", _assertion(header={"typ": None})),
    ("no exp", "assertion-exp-missing", _assertion(exp=None)),
    ("exp as text", "assertion-exp-type", _assertion(exp={"ahead_text": 60})),
    ("iss is not sub", "assertion-iss-sub", _assertion(iss="x")),
    ("no jti", "assertion-jti-missing", _assertion(jti=None)),
    ("jti is a number", "assertion-jti-type", _assertion(jti=5)),
    ("a replay", "assertion-jti-replayed", _replay),
    ("exp six minutes ahead", "assertion-exp-too-far", _assertion(exp={"ahead": 360})),
    ("an unknown client", "client-unknown", _assertion(iss="nobody", sub="nobody")),
    ("a revoked key", "client-not-approved", lambda w: _with_key(w, revoked=True).ask(w.form())),
    ("an expired key", "client-not-approved", lambda w: _with_key(w, expires=w.now).ask(w.form())),
    ("a pending application", "client-not-approved", lambda w: _with(w, refused="application-not-approved").ask(w.form())),
    ("an inactive developer", "client-not-approved", lambda w: _with(w, refused="developer-inactive").ask(w.form())),
    ("no product", "client-not-subscribed", lambda w: _with(w, products=frozenset()).ask(w.form())),
    ("no key set", "public-key-not-registered", lambda w: _with(w, jwks=None).ask(w.form())),
    ("an unreachable key set", "jwks-unreachable", lambda w: _with(w, jwks=None, jwks_url="https://127.0.0.1/jwks.json").ask(w.form())),
    ("an inline key set that is none", "jwks-unreachable", lambda w: _with(w, jwks={"keys": []}).ask(w.form())),
    ("an unknown kid", "assertion-kid-unknown", _assertion(header={"kid": "x"})),
    ("another signature", "assertion-signature", lambda w: w.ask(w.form(client_assertion=w.assertion() + "A" * 4))),
    ("no aud", "assertion-aud", _assertion(aud=None)),
    ("no level 3 scope", "scope-none-granted", lambda w: _with(w, scopes=("urn:nhsd:apim:user-nhs-login:P9:x",)).ask(w.form())),
    ("too many requests", "token-rate-limited", lambda w: [w.ask(w.form()) for _ in range(3)][-1]),
    ("an unknown path", "oauth-path-unknown", lambda w: w.ask(path="/oauth2/nothing", method="GET")),
    ("POST to an unknown path", "oauth-path-unknown", lambda w: w.ask(path="/oauth2/_ping")),
    ("a key set that is none", "oauth-path-unknown", lambda w: w.ask(path="/mock-jwks/PGh0bWw-", method="GET")),
    ("a private key to host", "oauth-path-unknown", lambda w: w.ask(path="/mock-jwks/eyJrZXlzIjpbeyJrdHkiOiJvY3QiLCJrIjoiQUEiLCJraWQiOiIxIn1dfQ", method="GET")),
    ("the store is down", "oauth-unexpected", _down),
    ("grant_type twice", "grant-type-repeated", lambda w: w.ask(b"grant_type=client_credentials&grant_type=client_credentials")),
    ("a parameter twice, one empty", "grant-type-repeated", lambda w: w.ask(b"grant_type=a&scope=&scope=b")),
    ("a bad escape", "form-malformed", lambda w: w.ask(b"grant_type=%zz")),
    ("half an escape", "form-malformed", lambda w: w.ask(b"grant_type=%4")),
    ("not UTF-8", "form-malformed", lambda w: w.ask(b"grant_type=%ff%fe")),
    ("a NUL", "form-malformed", lambda w: w.ask(b"grant_type=a%00b")),
    ("a megabyte", "form-too-large", lambda w: w.ask(b"client_assertion=" + b"x" * 1_000_000)),
    ("a megabyte announced", "form-too-large", lambda w: w.ask(b"", headers={"content-length": "1000000"})),
    ("a hundred parameters", "form-too-large", lambda w: w.ask("&".join(f"p{n}=1" for n in range(100)).encode())),
    ("nbf ahead", "assertion-nbf", _assertion(nbf={"ahead": 60})),
    ("strict: iat ahead", "assertion-iat", lambda w: _strict(w).ask(w.form(client_assertion=w.assertion("ES256", iat={"ahead": 100})))),
    ("strict: another client_id", "client-id-mismatch", lambda w: _strict(w).ask(w.form(client_assertion=w.assertion("ES256"), client_id="x"))),
    ("strict: RS512", "assertion-alg-strict", lambda w: _strict(w).ask(w.form())),
    ("strict: no certificate", "client-certificate-missing", lambda w: _strict(w).ask(_certificate_form(w))),
    ("strict: two certificates", "client-certificate-missing", lambda w: _strict(w).ask(_certificate_form(w), headers={"x-forwarded-client-cert": CERTIFICATE + "," + CERTIFICATE})),
    ("strict: a bound token without a certificate", "client-certificate-missing", _bound_without_certificate),
    ("strict: another certificate", "client-certificate-mismatch", lambda w: _strict(w).ask(_certificate_form(w), headers={"x-forwarded-client-cert": CERTIFICATE.replace("epr", "xyz")})),
    ("strict: a client without a registered name", "client-certificate-mismatch", lambda w: _strict(_with(w, certificate_name=None)).ask(_certificate_form(w), headers={"x-forwarded-client-cert": CERTIFICATE})),
    ("strict: an unknown client_id", "client-unknown", lambda w: _strict(w).ask(_certificate_form(w) | {"client_id": "x"}, headers={"x-forwarded-client-cert": CERTIFICATE})),
    ("nhs: certificates do not authenticate", "assertion-type-invalid", lambda w: w.ask(_certificate_form(w), headers={"x-forwarded-client-cert": CERTIFICATE})),
    ("introspection by nobody", "client-authentication-missing", lambda w: w.ask({"token": "x"}, path="/oauth2/introspect")),
    ("revocation by nobody", "client-authentication-missing", lambda w: w.ask({"token": "x"}, path="/oauth2/revoke")),
    ("introspection of nothing", "token-parameter-missing", lambda w: w.ask(w.form(), path="/oauth2/introspect")),
    ("another client's token", "token-of-another-client", _others_token),
    ("an assertion to revoke", "token-type-unsupported", lambda w: w.ask(w.form(token=w.assertion()), path="/oauth2/revoke")),
    ("_status without a key", "status-key-invalid", lambda w: w.ask(path="/oauth2/_status", method="GET")),
    ("_status with an application's key", "status-key-invalid", lambda w: w.ask(path="/oauth2/_status", method="GET", headers={"apikey": KEY})),
]
# fmt: on


@pytest.mark.parametrize(("name", "code", "case"), CASES, ids=[name for name, _, _ in CASES])
def test_each_refusal_is_answered_and_recorded(make_world: Callable[..., Any], name: str, code: str, case: Case) -> None:
    """The row's status, texts and headers leave; exactly one event has the reason, and nothing secret is in either."""
    world = make_world(AuthServerSettings(monitoring_key="monitoring-key-for-tests", requests_per_minute=2))
    answer = case(world)
    row = CATALOGUE[code]
    assert answer.headers["x-wardgate-reason"] == code
    assert answer.status == row.status
    assert answer.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
    assert answer.headers["cache-control"] == "no-store"
    for header, value in row.headers:
        assert answer.headers[header.lower()] == value
    if code == "token-method-not-post":
        assert (answer.body, answer.headers["content-type"]) == (b"", "text/plain")
    elif code != "token-rate-limited":
        text = row.text.replace("{parameter}", "scope" if b"'scope' must" in answer.body or b"scope must" in answer.body else "grant_type")
        assert list(answer.json) == ["error", "error_description", "message_id"]
        assert (answer.json["error"], answer.json["error_description"]) == (row.error, text)
    refused = [event for event in world.store.events if event.outcome is Outcome.REFUSED]
    if code == "oauth-unexpected":
        assert refused == []
        return
    (event,) = refused
    assert event.reason == code
    assert event.message_id is not None
    assert event.message_id.encode() in answer.body or answer.body == b""
    assert KEY not in repr(event)
    assert KEY.encode() not in answer.body


def test_every_reason_of_the_area_is_produced() -> None:
    """No row of the catalogue is left that this server never gives."""
    produced = {code for _, code, _ in CASES}
    assert produced == {row.code for row in CATALOGUE.values() if row.area is Area.TOKEN_ENDPOINT}


def test_message_ids_have_the_platforms_shape(world: Any) -> None:
    """user-restricted 2.2; and no two are the same."""
    ids = [world.ask(b"").json["message_id"] for _ in range(3)]
    assert len(set(ids)) == 3
    for message_id in ids:
        first, digits, letter, region, *numbers = message_id.split("-")
        assert (first, len(digits), digits.isdigit(), len(letter), region) == ("rrt", 19, True, 1, "geu2")
        assert [number.isdigit() for number in numbers] == [True] * 3


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
def test_assertion_vectors_at_the_endpoint(world: Any, developer: Any, vector: Any) -> None:
    """Each stored assertion is accepted or refused as its vector says, by the whole application."""
    world.profile(Profile(vector["profile"]))
    text = developer.assertion(vector, world.now.timestamp(), 1)
    answer = world.ask(world.form(client_assertion=text))
    expected = vector["expect"]
    if expected == "assertion-malformed" and len(text) > 60_000:
        expected = "form-too-large"
    assert answer.headers.get("x-wardgate-reason") == expected
    assert (answer.status == 200) == (expected is None)
    (event,) = world.store.events
    assert event.reason == expected


def test_the_order_of_two_faults_is_the_platforms(world: Any) -> None:
    """application-restricted 6.5: with two faults the earlier check answers."""
    def reason(answer: Any) -> str:
        return str(answer.headers["x-wardgate-reason"])

    bad_type = {"content-type": "text/plain"}
    assert reason(world.ask({}, headers=bad_type)) == "content-type-not-form"
    assert reason(world.ask(world.form(grant_type="x", client_assertion_type=None))) == "grant-type-unknown"
    assert reason(world.ask(world.form(client_assertion_type=None, client_assertion=None))) == "assertion-type-invalid"
    unknown_and_unsigned = world.assertion(iss="nobody", sub="nobody", aud=None)
    assert reason(world.ask(world.form(client_assertion=unknown_and_unsigned))) == "client-unknown"
    form = world.form()
    world.ask(form)
    world.key(revoked=True)
    assert reason(world.ask(form)) == "assertion-jti-replayed"
    world.key(revoked=False)
    world.client(jwks=None, scopes=())
    assert reason(world.ask(world.form(client_assertion=world.assertion(aud=None)))) == "public-key-not-registered"


def test_a_refused_assertion_is_not_used_up(world: Any) -> None:
    """Rule 4: nothing is stored before signature and aud; a forged assertion burns no jti of its victim."""
    forged = world.assertion(jti="victim") + "AAAA"
    assert world.ask(world.form(client_assertion=forged)).headers["x-wardgate-reason"] == "assertion-signature"
    assert world.ask(world.form(client_assertion=world.assertion(jti="victim"))).status == 200


def test_the_true_reason_is_recorded_where_the_wire_says_less(world: Any) -> None:
    """Rule 5: one text for every client that is refused; the record tells them apart."""
    world.client(refused="company-inactive")
    world.ask(world.form())
    (event,) = world.store.events
    assert event.application == "demo-app"
    assert event.details["client_reason"] == "company-inactive"
    assert "authenticated" not in event.details


def test_a_revoked_certificate_does_not_authenticate(world: Any) -> None:
    """A CRL does not touch open connections, so the fingerprint is checked here too."""
    world.profile(Profile.STRICT)
    headers = {"x-forwarded-client-cert": CERTIFICATE}
    assert world.ask(_certificate_form(world), headers=headers).status == 200
    world.snapshot = replace(world.snapshot, revocations=Revocations(fingerprints=frozenset({"ab" * 32})))
    answer = world.ask(_certificate_form(world), headers=headers)
    assert answer.headers["x-wardgate-reason"] == "client-certificate-mismatch"


def test_a_slow_body_is_given_up(make_world: Callable[..., Any]) -> None:
    """Everything that enters has a time limit."""
    world = make_world(AuthServerSettings(body_timeout_seconds=0.01))
    sent: list[Any] = []

    async def receive() -> Any:
        await asyncio.sleep(5)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/oauth2/token", "headers": [(b"content-type", b"application/x-www-form-urlencoded")]}
    asyncio.run(world.app(scope, receive, send))
    assert sent[0]["status"] == 408
    assert [event.reason for event in world.store.events] == ["request-timeout"]


def test_a_caller_that_hangs_up_gets_no_answer_and_no_token(world: Any) -> None:
    """Half a request is not a request."""
    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        raise AssertionError(message)

    scope = {"type": "http", "method": "POST", "path": "/oauth2/token", "headers": [(b"content-type", b"application/x-www-form-urlencoded")]}
    asyncio.run(world.app(scope, receive, send))
    assert world.store.events == []


def test_profiles_are_two_and_differ_in_algorithms() -> None:
    """An empty table would allow nothing; a shared algorithm would blur the profiles."""
    assert set(PROFILES) == {"nhs", "strict"}
    assert PROFILES["nhs"].algorithms == {"RS512"}
    assert not PROFILES["nhs"].algorithms & PROFILES["strict"].algorithms


def test_the_clock_of_the_record_is_the_servers(world: Any) -> None:
    """Time is a parameter: the event is at the server's clock."""
    world.now += timedelta(days=1)
    world.ask(b"")
    assert world.store.events[0].at == world.now
