"""Whatever comes: no endpoint of users fails, and a browser is only ever sent to the provider or to a registered address."""

import json
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from user_rows_bad_input import ADDRESSES, POSTED, READ
from user_rows_place import CALLBACK, FORM, Answer

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
