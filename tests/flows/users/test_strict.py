"""The profile `strict`: pushed requests, PKCE, `iss`, the browser's cookie, bound tokens, and families of refresh tokens that end."""

import asyncio
from typing import Any

import pytest

ISSUER = "https://wardgate.example/oauth2"
CALLBACK = "https://example.org/callback"
KEY = "DemoKeyDemoKeyDemoKeyDemoKey0001"
CERTIFICATE = f'Hash={"ab" * 32};Subject="CN=epr.example.thirdparty.nhs.uk";DNS=epr.example.thirdparty.nhs.uk'


def test_a_sign_in_through_us(strict: Any) -> None:
    """Pushed (RFC 9126), with a nonce to the provider, and back with `iss` (RFC 9207)."""
    pushed = strict.push()
    assert pushed.status == 201
    assert list(pushed.json) == ["request_uri", "expires_in"]
    assert pushed.json["expires_in"] == 60
    away = strict.get(f"/authorize?client_id={KEY}&request_uri={pushed.json['request_uri']}")
    assert (away.status, away.location) == (302, strict.cis2.issuer + "/authorize")
    assert len(away.query["nonce"]) == 36
    back = strict.come_back(away)
    assert (back.location, back.query["state"], back.query["iss"]) == (CALLBACK, "1234567890", ISSUER)
    answer = strict.redeem(back.query["code"])
    assert answer.status == 200, answer.body
    assert strict.refresh(answer.json["refresh_token"]).json["refresh_count"] == "1"
    assert [event["type"] for event in strict.events()] == ["SignInStarted", "SignInStarted", "SignInCompleted", "TokenIssued", "TokenIssued"]


def test_what_the_browser_says_counts_for_nothing(strict: Any) -> None:
    """RFC 9126 section 4: the parameters are those that were pushed."""
    pushed = strict.push(scope="nhs-login")
    away = strict.get(f"/authorize?client_id={KEY}&request_uri={pushed.json['request_uri']}&scope=nhs-cis2&redirect_uri=https://evil.example/&state=x")
    assert away.location == strict.nhs_login.issuer + "/authorize"
    assert strict.come_back(away).query["state"] == "1234567890"


def test_a_pushed_request_waits_a_minute_for_its_own_client_and_base_path(strict: Any) -> None:
    """And is used once."""
    names = [strict.push().json["request_uri"] for _ in range(3)]
    assert strict.get(f"/authorize?client_id={KEY}&request_uri={names[0]}", base="/oauth2-mock").code == "request-uri-invalid"
    assert strict.get(f"/authorize?client_id={KEY}&request_uri={names[1]}").status == 302
    assert strict.get(f"/authorize?client_id={KEY}&request_uri={names[1]}").code == "request-uri-invalid"
    strict.pass_time(seconds=60)
    assert strict.get(f"/authorize?client_id={KEY}&request_uri={names[2]}").code == "request-uri-invalid"


def test_a_refusal_that_leaves_by_the_browser_names_the_issuer(strict: Any) -> None:
    """RFC 9207 section 2: in errors as well."""
    name = strict.push().json["request_uri"]
    strict.cis2.stop()
    told = strict.get(f"/authorize?client_id={KEY}&request_uri={name}").query
    assert (told["error"], told["iss"], told["state"]) == ("temporarily_unavailable", ISSUER, "1234567890")


def test_a_code_lasts_a_minute(strict: Any) -> None:
    """FAPI 2.0 section 5.3.2.1; in `nhs` it is five (user-restricted 4.4)."""
    soon, late = strict.sign_in(), strict.sign_in()
    strict.pass_time(seconds=59)
    assert strict.redeem(soon).status == 200
    strict.pass_time(seconds=1)
    assert strict.redeem(late).code == "code-invalid"


def test_a_secret_is_no_proof(strict: Any) -> None:
    """FAPI 2.0 section 5.3.2.1: keys or certificates only."""
    form = {"grant_type": "refresh_token", "client_id": KEY, "client_secret": "SecretOfDemoApp1", "refresh_token": "x"}
    assert strict.post("/token", form).code == "client-certificate-missing"
    assert strict.push(client_assertion=None, client_assertion_type=None, client_secret="SecretOfDemoApp1").code == "client-certificate-missing"


def test_an_assertion_is_used_up_by_a_refusal_that_follows(strict: Any) -> None:
    """Spec README rule 4: once it has proved the client, it proves nobody again."""
    assertion = strict.assertion()
    assert strict.refresh("x", client_assertion=assertion).code == "refresh-token-invalid"
    assert strict.refresh("x", client_assertion=assertion).code == "assertion-jti-replayed"


def test_par_is_for_strict_clients(world: Any) -> None:
    """The platform has no such endpoint (user-restricted 2.1)."""
    answer = world.post("/par", {"client_id": KEY, "client_secret": "SecretOfDemoApp1", "redirect_uri": CALLBACK})
    assert (answer.status, answer.code) == (404, "oauth-path-unknown")


def test_a_repeated_refresh_gets_the_same_successor(strict: Any) -> None:
    """Spec README rule 9: within ten seconds, as long as the successor was not used."""
    first = strict.exchange().json["refresh_token"]
    answers = [strict.refresh(first).json for _ in range(3)]
    assert len({answer["refresh_token"] for answer in answers}) == 1
    assert len({answer["access_token"] for answer in answers}) == 3
    assert {answer["refresh_count"] for answer in answers} == {"1"}
    assert [event["details"].get("repeated") for event in strict.events()] == [None, None, True, True]
    assert strict.refresh(answers[0]["refresh_token"]).json["refresh_count"] == "2"


def test_use_after_the_grace_ends_the_sign_in(strict: Any) -> None:
    """RFC 9700 section 4.14.2: whoever has the newest token loses it too; its access tokens stop."""
    first = strict.exchange().json["refresh_token"]
    second = strict.refresh(first).json
    strict.pass_time(seconds=11)
    assert strict.refresh(first).code == "refresh-token-invalid"
    ended = strict.events()[-1]
    assert (ended["type"], ended["outcome"], ended["details"]["cause"]) == ("SignInEnded", "refused", "a refresh token was used again")
    assert strict.refresh(second["refresh_token"]).code == "refresh-token-invalid"
    strict.forget_ended()
    assert strict.userinfo(second["access_token"]).code == "access-token-revoked"


def test_a_code_used_again_ends_the_sign_in(strict: Any) -> None:
    """RFC 6749 section 4.1.2; in `nhs` the tokens stay good."""
    code = strict.sign_in()
    tokens = strict.redeem(code).json
    assert strict.redeem(code).code == "code-invalid"
    assert [event["type"] for event in strict.events()][-2:] == ["TokenIssued", "SignInEnded"]
    assert strict.refresh(tokens["refresh_token"]).code == "refresh-token-invalid"
    before = len(strict.events())
    assert strict.redeem("unknown").code == "code-invalid"
    assert [event["type"] for event in strict.events()[before:]] == ["TokenRefused"]


def test_a_code_used_again_in_nhs_changes_nothing(world: Any) -> None:
    """user-restricted 4.5: no such step was seen."""
    code = world.sign_in()
    tokens = world.redeem(code).json
    assert world.redeem(code).code == "code-invalid"
    assert world.refresh(tokens["refresh_token"]).status == 200


def test_tokens_are_bound_to_the_certificate(strict: Any) -> None:
    """RFC 8705 section 3: at exchange, code and refresh; userinfo wants the same certificate."""
    strict.client(certificate_bound_tokens=True)
    for form in (strict.exchange_form(), {"grant_type": "refresh_token", **strict.proof(), "refresh_token": "x"}):
        assert strict.post("/token", form).code == "client-certificate-missing"
    found = strict.post("/token", strict.exchange_form(), x_forwarded_client_cert=CERTIFICATE).json
    assert strict.claims(found["access_token"])["bound"] == "ab" * 32
    form = {"grant_type": "refresh_token", **strict.proof(), "refresh_token": found["refresh_token"]}
    assert strict.claims(strict.post("/token", form, x_forwarded_client_cert=CERTIFICATE).json["access_token"])["bound"] == "ab" * 32
    assert strict.userinfo(found["access_token"]).code == "access-token-not-bound"
    assert strict.get("/userinfo", **{"authorization": f"Bearer {found['access_token']}", "x-forwarded-client-cert": CERTIFICATE}).code == "userinfo-not-combined"


def test_a_certificate_proves_the_client(strict: Any) -> None:
    """RFC 8705 section 2.1: in place of the assertion, in every grant."""
    form = {name: value for name, value in strict.exchange_form().items() if not name.startswith("client_assertion")} | {"client_id": KEY}
    found = strict.post("/token", form, x_forwarded_client_cert=CERTIFICATE)
    assert found.status == 200, found.body
    form = {"grant_type": "refresh_token", "client_id": KEY, "refresh_token": found.json["refresh_token"]}
    assert strict.post("/token", form, x_forwarded_client_cert=CERTIFICATE).status == 200
    wrong = {"grant_type": "x", "subject_token_type": "urn:ietf:params:oauth:token-type:id_token", "client_id": KEY}
    assert strict.post("/token", wrong, x_forwarded_client_cert=CERTIFICATE).code == "exchange-grant-type"


def test_the_cookie_is_of_this_host_and_this_sign_in(world: Any) -> None:
    """RFC 6265bis: `__Host-`, not for scripts, Lax, one per sign-in, taken back at the end."""
    away, other = world.authorize(), world.authorize()
    header = away.headers["set-cookie"]
    assert header.startswith("__Host-wardgate-sign-in-")
    for word in ("Path=/", "Max-Age=600", "HttpOnly", "SameSite=Lax", "Secure"):
        assert word in header.split("; ")
    assert away.cookies.keys() != other.cookies.keys()
    assert world.come_back(away).headers["set-cookie"].startswith(f"{next(iter(away.cookies))}=; Path=/; Max-Age=0")
    assert world.come_back(other).status == 302


def test_the_cookie_may_be_missing_in_nhs(world: Any) -> None:
    """user-restricted 17: the platform has none, and test tools use bare sessions."""
    away = world.authorize()
    world.jar.clear()
    assert world.come_back(away).status == 302


@pytest.mark.parametrize("profile", ["world", "strict"])
def test_of_many_refreshes_at_once_one_wins(request: pytest.FixtureRequest, profile: str) -> None:
    """Spec README rule 9: in `nhs` the others are refused, in `strict` they get what the winner got."""
    server = request.getfixturevalue(profile)
    token = server.exchange().json["refresh_token"]
    forms = [{"grant_type": "refresh_token", **server.proof(), "refresh_token": token} for _ in range(8)]

    async def all_at_once() -> list[Any]:
        from urllib.parse import urlencode  # noqa: PLC0415 - only here

        headers = {"content-type": "application/x-www-form-urlencoded"}
        return await asyncio.gather(*(server.asking("/oauth2/token", "POST", headers, urlencode(form).encode()) for form in forms))

    answers = server.runner.run(all_at_once())
    good = [answer.json["refresh_token"] for answer in answers if answer.status == 200]
    if profile == "world":
        assert len(good) == 1
        assert {answer.code for answer in answers if answer.status != 200} == {"refresh-token-invalid"}
    else:
        assert len(good) == 8
        assert len(set(good)) == 1
    assert server.refresh(good[0]).json["refresh_count"] == "2"


def test_of_many_redemptions_at_once_one_wins(world: Any) -> None:
    """A code is used once, whoever is first."""
    from urllib.parse import urlencode  # noqa: PLC0415 - only here

    body = urlencode({"grant_type": "authorization_code", **world.proof(), "redirect_uri": CALLBACK, "code": world.sign_in()}).encode()
    headers = {"content-type": "application/x-www-form-urlencoded"}

    async def all_at_once() -> list[Any]:
        return await asyncio.gather(*(world.asking("/oauth2/token", "POST", headers, body) for _ in range(8)))

    answers = world.runner.run(all_at_once())
    assert sorted(answer.status for answer in answers) == [200] + [400] * 7
    assert {answer.code for answer in answers} == {None, "code-invalid"}


def test_of_many_returns_at_once_one_wins(world: Any) -> None:
    """A state is taken once."""
    away = world.authorize()
    query = world.cis2.sign_in(away.headers["location"]).partition("?")[2]

    async def all_at_once() -> list[Any]:
        return await asyncio.gather(*(world.asking("/oauth2/callback?" + query, "GET", {}) for _ in range(5)))

    answers = world.runner.run(all_at_once())
    assert sorted(answer.status for answer in answers) == [302, 400, 400, 400, 400]
