"""Every way for a user's tokens to be given: each answer compared whole, and what it leaves in the record."""

import json
from typing import Any

import pytest

ISSUER = "https://wardgate.example/oauth2"
CALLBACK = "https://example.org/callback"


def without_tokens(answer: Any) -> dict[str, str]:
    """Return the members that are not random; every member is a text."""
    members = dict(answer.json)
    assert all(type(value) is str for value in members.values())
    assert members["access_token"].count(".") == 2
    assert len(members["refresh_token"]) == 36
    return {name: value for name, value in members.items() if name not in {"access_token", "refresh_token"}}


LEVELS = [("cis2", "1", "aal1", "43199"), ("cis2", "2", "aal2", "43199"), ("cis2", 3, "aal3", "43199"),
          ("nhs_login", "P0", "P0", "3599"), ("nhs_login", "P5", "P5", "3599"), ("nhs_login", "P9", "P9", "3599")]


@pytest.mark.parametrize(("provider", "claim", "level", "life"), LEVELS, ids=[level for _, _, level, _ in LEVELS])
def test_token_exchange(world: Any, provider: str, claim: Any, level: str, life: str) -> None:
    """user-restricted 3.5 and 5.2: all texts, only scopes of exactly the level, and section 6 in the record."""
    name = "authentication_assurance_level" if provider == "cis2" else "identity_proofing_level"
    answer = world.exchange(subject_token=getattr(world, provider).id_token(**{name: claim}))
    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-store"
    assert without_tokens(answer) == {
        "expires_in": "599", "token_type": "Bearer", "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "refresh_token_expires_in": life, "refresh_count": "0"}
    claims = world.claims(answer.json["access_token"])
    assert claims["scope"].split() == [scope for scope in world.snapshot.clients["demo-app"].scopes if f":{level}:" in scope]
    assert (claims["iss"], claims["level"], claims["separate"], claims["exp"] - claims["iat"]) == (ISSUER, level, True, 600)
    (event,) = world.events()
    kind = "nhs-cis2" if provider == "cis2" else "nhs-login"
    wanted = {"auth_type": "user", "auth_grant_type": "token_exchange", "auth_level": level.lower(), "auth_provider": kind, "sign_in": claims["sess"],
              "jti": claims["jti"], "grant_type": "token_exchange", "refresh_count": 0}
    assert (event["type"], event["outcome"]) == ("TokenIssued", "allowed")
    assert {name: event["details"][name] for name in wanted} == wanted
    assert list(event["details"]["auth_user_id"]) == ["hmac_sha256"]
    assert "9912003071" not in json.dumps(world.events())
    assert "555000000101" not in json.dumps(world.events())


def test_a_workers_token_after_exchange(world: Any) -> None:
    """The chosen role travels with the token; the roles are not known."""
    claims = world.claims(world.exchange(subject_token=world.cis2.id_token(selected_roleid="555000000201")).json["access_token"])
    assert (claims["sub"], claims["idp"], claims["role"]) == ("555000000101", world.cis2.issuer, "555000000201")
    assert "roles" not in claims
    assert "patient" not in claims


def test_a_patients_token_and_who_acts(world: Any) -> None:
    """user-restricted 10.1 and 14: level and NHS number as backends get them, and the actor."""
    delegated = world.nhs_login.id_token(act={"sub": world.nhs_login.id_token(nhs_number="9912003072")})
    claims = world.claims(world.exchange(subject_token=delegated).json["access_token"])
    assert (claims["sub"], claims["patient"], claims["act"]) == ("9912003071", "P9:9912003071", {"sub": "9912003072"})
    details = world.events()[0]["details"]
    assert details["actor_delegated"] is True
    assert list(details["actor_user_id"]) == ["hmac_sha256"]
    assert "9912003072" not in json.dumps(world.events())


@pytest.mark.parametrize(("scope", "life", "level", "provider"), [
    (None, "43199", "aal3", "nhs-cis2"), ("nhs-cis2", "43199", "aal3", "nhs-cis2"), ("nhs-login", "3599", "P9", "nhs-login")])
def test_a_sign_in_through_us(world: Any, scope: str | None, life: str, level: str, provider: str) -> None:
    """user-restricted 4.2 to 4.4: to the provider, back with a code and nothing else, and tokens for it."""
    serving = world.cis2 if provider == "nhs-cis2" else world.nhs_login
    away = world.authorize(scope=scope)
    asked = away.query
    assert (away.status, away.location) == (302, serving.issuer + "/authorize")
    assert len(asked.pop("state")) == 36
    assert asked == {"response_type": "code", "client_id": "wardgate", "redirect_uri": f"{ISSUER}/callback", "max_age": "300",
                     **({"scope": "openid nationalrbacaccess", "acr_values": "AAL3_ANY"} if provider == "nhs-cis2" else {"scope": "openid profile"})}
    back = world.come_back(away)
    assert (back.status, back.location, list(back.query)) == (302, CALLBACK, ["code", "state"])
    assert back.query["state"] == "1234567890"
    world.pass_time(milliseconds=100)
    answer = world.redeem(back.query["code"])
    assert answer.status == 200
    assert without_tokens(answer) == {"expires_in": "599", "token_type": "Bearer", "refresh_token_expires_in": life, "refresh_count": "0"}
    claims = world.claims(answer.json["access_token"])
    assert (claims["level"], claims["separate"]) == (level, False)
    kinds = [(event["type"], event["outcome"], event["details"].get("auth_provider")) for event in world.events()]
    assert kinds == [("SignInStarted", "allowed", provider), ("SignInCompleted", "allowed", provider), ("TokenIssued", "allowed", provider)]
    assert {event["application"] for event in world.events()} == {"demo-app"}
    assert world.events()[2]["details"]["auth_grant_type"] == "authorization_code"


def test_the_roles_of_a_worker_are_known_after_a_sign_in_through_us(world: Any) -> None:
    """user-restricted 8: from the provider's userinfo, asked once, when the user comes back."""
    assert world.claims(world.tokens()["access_token"])["roles"] == ["555000000201"]
    for roles, told in (([], []), ([{}], [""]), ([{"person_roleid": ""}], [""]), ("x", [""]), ([{"person_roleid": "1"}, {"person_roleid": "2"}], ["1", "2"])):
        world.cis2.userinfo["nhsid_nrbac_roles"] = roles
        assert world.claims(world.tokens()["access_token"])["roles"] == told
    del world.cis2.userinfo["nhsid_nrbac_roles"]
    assert world.claims(world.tokens()["access_token"])["roles"] == []


@pytest.mark.parametrize("answer", [(500, "text/html", b"down"), (200, "application/json", b'{"sub":"555000000999"}'), (200, "text/html", b"<html>")])
def test_roles_that_cannot_be_had_do_not_stop_a_sign_in(world: Any, answer: Any) -> None:
    """The choice of a role says so later; the record says why."""
    world.cis2.answers["/userinfo"] = answer
    assert "roles" not in world.claims(world.tokens()["access_token"])
    assert world.events()[1]["details"]["roles_fault"]


def test_acr_values_pass_through(world: Any) -> None:
    """user-restricted 4.1: to CIS2 as they came, percent-encoded; NHS login is not sent any."""
    assert world.authorize(acr_values="AAL2_OR_AAL3_ANY AAL1&x=1").query["acr_values"] == "AAL2_OR_AAL3_ANY AAL1&x=1"
    assert "acr_values" not in world.authorize(acr_values="AAL2_ANY", scope="nhs-login").query


@pytest.mark.parametrize("how", ["exchange", "code"])
def test_refresh_counts_and_falls(world: Any, how: str) -> None:
    """user-restricted 4.5: new tokens each time, a count as text, an end that falls second for second."""
    token = world.exchange().json["refresh_token"] if how == "exchange" else world.tokens()["refresh_token"]
    grant = None
    for count in ("1", "2", "3"):
        world.pass_time(seconds=10)
        answer = world.refresh(token)
        assert answer.status == 200
        assert without_tokens(answer) == {"expires_in": "599", "token_type": "Bearer",
                                          "refresh_token_expires_in": str(43199 - 10 * int(count)), "refresh_count": count}
        claims = world.claims(answer.json["access_token"])
        assert grant in {None, claims["sess"]}
        grant = claims["sess"]
        assert world.refresh(token).code == "refresh-token-invalid"
        token = answer.json["refresh_token"]
    issued = [event["details"] for event in world.events() if event["type"] == "TokenIssued"]
    assert [details["refresh_count"] for details in issued] == [0, 1, 2, 3]
    assert {details["sign_in"] for details in issued} == {grant}
    assert {details["auth_grant_type"] for details in issued} == {"token_exchange" if how == "exchange" else "authorization_code"}


def test_knobs_shorten_and_never_lengthen(world: Any) -> None:
    """user-restricted 3.1, 4.4: the test parameters at every grant."""
    found = world.exchange(_access_token_expiry_ms="5000", _refresh_token_expiry_ms="60000")
    assert (found.json["expires_in"], found.json["refresh_token_expires_in"]) == ("4", "59")
    claims = world.claims(found.json["access_token"])
    assert claims["exp"] - claims["iat"] == 5
    again = world.refresh(found.json["refresh_token"], _access_token_expiry_ms="999999999", _refresh_tokens_validity_ms="3600000")
    assert (again.json["expires_in"], again.json["refresh_token_expires_in"]) == ("599", "3599")
    code = world.redeem(world.sign_in(), _refresh_token_expiry_ms="1000", _access_token_expiry_ms="2000")
    assert (code.json["expires_in"], code.json["refresh_token_expires_in"]) == ("1", "0")


def test_a_scope_the_application_lost_is_lost_at_the_next_refresh(world: Any) -> None:
    """What a sign-in was for never grows, and shrinks with the products."""
    token = world.exchange().json["refresh_token"]
    world.client(scopes=("urn:nhsd:apim:user-nhs-id:aal3:hello-world", "urn:nhsd:apim:user-nhs-cis2:aal3:another"))
    answer = world.refresh(token)
    assert world.claims(answer.json["access_token"])["scope"] == "urn:nhsd:apim:user-nhs-id:aal3:hello-world"
    world.client(scopes=("urn:nhsd:apim:user-nhs-cis2:aal3:another",))
    assert world.refresh(answer.json["refresh_token"]).code == "scope-none-for-user"


def test_userinfo_is_the_providers(world: Any) -> None:
    """user-restricted 7.1: the provider's token in place of ours, its answer as it is."""
    token = world.tokens()["access_token"]
    answer = world.userinfo(token)
    assert (answer.status, answer.json, answer.headers["content-type"]) == (200, world.cis2.userinfo, "application/json")
    assert world.cis2.asked[-1][1]["authorization"] == f"Bearer {world.cis2.access_tokens[-1]}"
    assert world.events()[-1]["type"] == "UserinfoRead"
    world.cis2.access_tokens.clear()
    late = world.userinfo(token)
    assert (late.status, late.json) == (401, {"error": "invalid_token"})
    assert late.headers["www-authenticate"] == 'Bearer error="invalid_token"'


def test_signing_out_ends_every_token_of_the_session(world: Any) -> None:
    """user-restricted 7.2: the refresh token, those refreshed later, and codes on their way."""
    first, second = world.tokens(), world.tokens()
    waiting = world.sign_in()
    later = world.refresh(first["refresh_token"]).json
    other = world.exchange().json
    answer = world.logout(world.cis2.logout_token(), content_type="application/x-www-form-urlencoded; charset=UTF-8")
    assert (answer.status, answer.body) == (200, b'{"success":true}')
    event = world.events()[-1]
    assert (event["type"], event["outcome"], event["details"]["sign_ins"]) == ("SignInEnded", "allowed", 3)
    for token in (later["refresh_token"], second["refresh_token"]):
        assert world.refresh(token).code == "refresh-token-invalid"
    assert world.redeem(waiting).code == "code-invalid"
    assert world.userinfo(second["access_token"]).code == "access-token-revoked"
    assert world.refresh(other["refresh_token"]).status == 200
    assert world.logout(world.cis2.logout_token()).code == "logout-sid-unknown"


def test_the_answer_to_a_code_has_cors_headers_for_a_page(world: Any) -> None:
    """user-restricted 2.1; no other grant's has."""
    form = {"grant_type": "authorization_code", **world.proof(), "redirect_uri": CALLBACK, "code": world.sign_in()}
    answer = world.post("/token", form, origin="https://app.example")
    assert answer.headers["access-control-allow-origin"] == "https://app.example"
    assert "access-control-allow-origin" not in world.post("/token", world.exchange_form(), origin="https://app.example").headers


def test_a_new_key_of_the_provider_is_believed_without_a_restart(world: Any) -> None:
    """user-restricted 3.4: asked again for an unknown kid, at most once a minute."""
    assert world.exchange().status == 200
    world.cis2.rotate()
    assert world.exchange().code == "subject-token-kid-unknown"
    world.pass_time(seconds=61)
    assert world.exchange().status == 200
    asked = [path for path, _ in world.cis2.asked if path.endswith("jwk_uri")]
    for _ in range(5):
        assert world.exchange(subject_token=world.cis2.id_token({"kid": "forged"})).code == "subject-token-kid-unknown"
    assert [path for path, _ in world.cis2.asked if path.endswith("jwk_uri")] == asked


def test_a_provider_is_asked_once_a_day_for_its_keys(world: Any) -> None:
    """And once an hour where it is."""
    for _ in range(3):
        world.exchange()
        world.exchange(subject_token=world.nhs_login.id_token())
    assert [path for path, _ in world.cis2.asked] == ["GET /.well-known/openid-configuration", "GET /connect/jwk_uri"]
    world.pass_time(hours=2)
    world.exchange()
    assert [path for path, _ in world.cis2.asked][2:] == ["GET /.well-known/openid-configuration"]


def test_a_provider_that_went_down_serves_from_what_is_known(world: Any) -> None:
    """Until its keys are a day old; then nobody is believed."""
    world.exchange()
    world.cis2.stop()
    world.pass_time(hours=2)
    assert world.exchange().status == 200
    world.pass_time(hours=23)
    assert world.exchange().code == "provider-keys-unavailable"


def test_status_has_a_check_per_provider(world: Any) -> None:
    """user-restricted 2.1."""
    answer = world.get("/_status", apikey="monitoring-key-for-tests")
    assert answer.json["status"] == "pass"
    assert answer.json["checks"] == {
        kind: {"status": "pass", "timeout": "false", "responseCode": 200, "outcome": "", "links": {"self": issuer + "/connect/jwk_uri"}}
        for kind, issuer in (("nhs-cis2", world.cis2.issuer), ("nhs-login", world.nhs_login.issuer))}
    world.cis2.stop()
    world.nhs_login.answers["/connect/jwk_uri"] = (503, "text/html", b"")
    answer = world.get("/_status", apikey="monitoring-key-for-tests")
    assert answer.status == 200
    assert (answer.json["status"], answer.json["checks"]["nhs-cis2"]["status"], answer.json["checks"]["nhs-login"]["responseCode"]) == ("fail", "fail", 503)


def test_private_key_jwt_at_the_provider(world: Any) -> None:
    """user-restricted 4.3 and 11.4: RS512, named key, five minutes, a jti; no secret leaves."""
    from wardgate.jose import SigningJWK, UnverifiedJWT  # noqa: PLC0415 - only here
    from wardgate.oauth.providers import ProviderAuthentication  # noqa: PLC0415 - only here

    key = SigningJWK.of("ours", "RS512", world.cis2.signers[0].key)
    world.provider("nhs-cis2", authentication=ProviderAuthentication.PRIVATE_KEY_JWT, signing_key=key, client_secret=None)
    world.tokens()
    form = next(form for path, form in world.cis2.asked if path == "POST /access_token")
    assert "client_secret" not in form
    token = UnverifiedJWT.parse(form["client_assertion"])
    assert dict(token.header) == {"alg": "RS512", "typ": "JWT", "kid": "ours"}
    assert (token.claims["iss"], token.claims["sub"], token.claims["aud"]) == ("wardgate", "wardgate", world.cis2.issuer + "/access_token")
    assert token.claims["exp"] - token.claims["iat"] == 300
