"""Whatever comes: no endpoint of users fails, and a browser is only ever sent to the provider or to a registered address."""

import json
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from user_rows.bad_input import ADDRESSES, POSTED, READ
from user_rows.place import CALLBACK, FORM, Answer
from wardgate.refusals import CATALOGUE

KEY = "DemoKeyDemoKeyDemoKeyDemoKey0001"
HARD = settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

words = st.one_of(
    st.sampled_from(["", "x", KEY, CALLBACK, "code", "nhs-login", "nhs-cis2", "S256", "1234567890", *ADDRESSES]), st.text(max_size=60),
    st.text(st.characters(codec="utf-8", categories=("Cc", "Cf", "Zl", "Zs", "Po")), max_size=12))
good = {"client_id": KEY, "redirect_uri": CALLBACK, "state": "1234567890", "response_type": "code"}
some_names = st.sampled_from([*READ["authorize"][1], *READ["callback"][1], "iss", "nonce", "request", "_access_token_expiry_ms"])
changes = st.dictionaries(st.one_of(some_names, st.text(max_size=10)), words, max_size=6)
queries = st.one_of(
    st.builds(lambda more: urlencode({**good, **more}).encode(), changes),
    st.builds(lambda more, gone: urlencode({k: v for k, v in {**good, **more}.items() if k != gone}).encode(), changes, st.sampled_from(list(good))),
    st.builds(lambda pairs: "&".join(f"{quote(k)}={quote(v)}" for k, v in pairs).encode(), st.lists(st.tuples(some_names, words), max_size=8)),
    st.binary(max_size=200),
)


def _check_refused(answer: Answer) -> None:
    """A documented refusal: its row's status and words, and three members."""
    assert answer.code is not None
    row = CATALOGUE[answer.code]
    assert answer.status == row.status < 500
    told = json.loads(answer.body)
    assert list(told) == ["error", "error_description", "message_id"]


def _raw(world: Any, path: str, query: bytes, headers: dict[str, str]) -> Answer:
    """Send a query as bytes."""
    return world.ask(f"/oauth2{path}?{query.decode('latin-1')}", "GET", headers)


@given(query=queries)
@HARD
def test_authorize(world: Any, query: bytes) -> None:
    """Refused in words, or sent to one of two places, with every value as it came."""
    answer = _raw(world, "/authorize", query, {})
    if answer.status != 302:
        _check_refused(answer)
        return
    location = answer.headers["location"]
    assert location.isascii()
    assert location.isprintable()
    asked = dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True))
    told = dict(parse_qsl(urlsplit(location).query, strict_parsing=True))
    if location.startswith(CALLBACK + "?"):
        assert told["error"] in {"invalid_request", "unsupported_response_type"}
        assert told.get("state", "") == asked.get("state", "")
        return
    assert answer.code is None
    assert location.startswith((world.cis2.issuer + "/authorize?", world.nhs_login.issuer + "/authorize?"))
    assert told["redirect_uri"] == "https://wardgate.example/oauth2/callback"
    assert told["client_id"] == "wardgate"
    assert told["state"] != asked.get("state")


@given(query=queries, cookie=st.text(st.characters(codec="latin-1"), max_size=80))
@HARD
def test_callback(world: Any, query: bytes, cookie: str) -> None:
    """Nobody gets past without a state that waits."""
    answer = _raw(world, "/callback", query, {"cookie": cookie})
    _check_refused(answer)
    assert answer.code in {"callback-state", "query-malformed", "query-too-large", "grant-type-repeated"}


@given(changes=changes)
@HARD
def test_callback_with_a_state_that_waits(world: Any, changes: dict[str, str]) -> None:
    """The application, or a refusal in words: never anywhere else, whatever the provider's side says."""
    away = world.authorize()
    state = away.query["state"]
    answer = _raw(world, "/callback", urlencode({**changes, "state": state}).encode(), {})
    if answer.status == 302:
        location = answer.headers["location"]
        assert location.isascii()
        assert location.isprintable()
        assert location.startswith(CALLBACK + "?")
        told = dict(parse_qsl(urlsplit(location).query, strict_parsing=True))
        assert told["state"] == "1234567890"
        assert "code" not in told
        return
    assert answer.code is not None
    assert answer.status == CATALOGUE[answer.code].status
    assert answer.code != "oauth-unexpected"


forms = st.one_of(
    st.builds(lambda which, more: urlencode({**POSTED[which][1], **more}).encode(), st.sampled_from(sorted(POSTED)),
              st.dictionaries(st.sampled_from(sorted({name for _, form in POSTED.values() for name in form})), words, max_size=5)),
    st.binary(max_size=300))


@pytest.mark.parametrize("path", ["/token", "/backchannel_logout", "/par"])
@given(body=forms)
@HARD
def test_forms(world: Any, path: str, body: bytes) -> None:
    """Nothing is given, nothing fails."""
    _check_refused(world.ask("/oauth2" + path, "POST", {"content-type": FORM}, body))


@given(header=st.one_of(st.text(st.characters(codec="latin-1"), max_size=120), st.builds("Bearer {}.{}.{}".format, *[st.text(
    st.sampled_from("eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9-_"), max_size=90)] * 3)))
@HARD
def test_userinfo(world: Any, header: str) -> None:
    """As the gateway answers."""
    answer = world.ask("/oauth2/userinfo", "GET", {"authorization": header})
    assert answer.status == 401
    assert list(json.loads(answer.body)) == ["fault"]


numbers = st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.sampled_from([10**400, -(10**400), 1e308, 0, -1]))
values = st.recursive(st.one_of(st.none(), st.booleans(), numbers, st.text(max_size=20), st.sampled_from(["9912003071", "3", "P9", "x" * 300])),
                      lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3), max_leaves=6)
told_names = st.sampled_from(["iss", "aud", "sub", "exp", "iat", "nbf", "sid", "acr", "amr", "nhs_number", "identity_proofing_level", "selected_roleid", "act", "vot",
                              "authentication_assurance_level", "id_assurance_level", "events", "nonce", "jti", "typ", "azp"])
told_claims = st.dictionaries(told_names, values, max_size=5)
headers = st.dictionaries(st.sampled_from(["alg", "typ", "kid", "jwk", "b64", "cty"]), values, max_size=2)
NOT_OURS = {"actor-token-malformed"}
"""500 by the platform's table."""


def _check_claims(answer: Answer) -> None:
    assert answer.code != "oauth-unexpected", answer.body
    if answer.code is not None:
        row = CATALOGUE[answer.code]
        assert answer.status == row.status
        assert row.status < 500 or answer.code in NOT_OURS or answer.code.startswith("logout-")
    else:
        assert answer.status in {200, 302}


@pytest.mark.parametrize("provider", ["cis2", "nhs_login"])
@given(claims=told_claims, header=headers)
@HARD
def test_an_id_token_that_is_exchanged(world: Any, provider: str, claims: dict[str, Any], header: dict[str, Any]) -> None:
    """Signed by the provider, and whatever it says: a token of ours or a row of the table."""
    token = getattr(world, provider).id_token(header, **claims)
    _check_claims(world.exchange(subject_token=token))


@given(claims=told_claims, header=headers)
@HARD
def test_an_act_that_is_exchanged(world: Any, claims: dict[str, Any], header: dict[str, Any]) -> None:
    """The same of who acts."""
    actor = world.nhs_login.id_token(header, **claims)
    _check_claims(world.exchange(subject_token=world.nhs_login.id_token(act={"sub": actor})))


@given(claims=told_claims, roles=values)
@HARD
def test_what_a_provider_tells_at_the_callback(world: Any, claims: dict[str, Any], roles: Any) -> None:
    """The same of an ID token that our code was redeemed for, and of the details that follow."""
    away = world.authorize()
    before, make = dict(world.cis2.userinfo), world.cis2.id_token
    world.cis2.userinfo["nhsid_nrbac_roles"] = roles
    world.cis2.id_token = lambda **given: make(**{**given, **claims})
    try:
        answer = world.come_back(away)
        _check_claims(answer)
        if answer.code is None:
            _check_claims(world.redeem(answer.query["code"]))
    finally:
        world.cis2.id_token, world.cis2.userinfo = make, before


@given(claims=told_claims, header=headers)
@HARD
def test_a_logout_token(world: Any, claims: dict[str, Any], header: dict[str, Any]) -> None:
    """The same of a session that ends."""
    _check_claims(world.logout(world.cis2.logout_token(header, **claims)))


@given(claims=told_claims, header=headers)
@HARD
def test_an_assertion(world: Any, claims: dict[str, Any], header: dict[str, Any]) -> None:
    """The same of an application's own proof."""
    kept = {name: value for name, value in claims.items() if name != "typ"}
    _check_claims(world.exchange(client_assertion=world.assertion(header, **kept)))
