"""An application with users: what it sends at each step, and what it makes of the answers."""

import asyncio
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from wardgate.client import (
    AnswerLost,
    APIError,
    ClearTextRefused,
    ClientAssertion,
    ClientCertificate,
    ClientError,
    ClientSecret,
    Environment,
    PrivateKeySigner,
    Provider,
    RedirectInvalid,
    SignInRefused,
    TokenAnswerInvalid,
    TokenRefused,
    UserApplication,
    run,
)
from wardgate.client.user_tokens import read_user_tokens
from wardgate.jose import UnverifiedJWT

BASE = "https://int.example.nhs.uk"
KEY = "ExampleKeyExampleKeyExampleKey01"
HOME = "http://127.0.0.1:9003/callback"
ANSWER = {"access_token": "access-0", "expires_in": "599", "token_type": "Bearer", "refresh_token": "refresh-0",
          "refresh_token_expires_in": "43199", "refresh_count": "0"}


class Server:
    """Gives out prepared answers, an exception among them, and remembers what it was asked."""

    def __init__(self, *answers: httpx2.Response | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[httpx2.Request] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def forms(self) -> list[dict[str, str]]:
        """The forms that came, each parameter once."""
        found = [parse_qs(request.content.decode(), strict_parsing=True) for request in self.asked]
        assert all(len(values) == 1 for form in found for values in form.values())
        return [{name: values[0] for name, values in form.items()} for form in found]


def good(**changes: Any) -> httpx2.Response:
    """Return an answer of the token endpoint; members given as None are left out."""
    return httpx2.Response(200, json={name: value for name, value in (ANSWER | changes).items() if value is not None})


def refusal(status: int, error: str, text: str, **more: Any) -> httpx2.Response:
    """Return a refusal of the authorisation server."""
    return httpx2.Response(status, json={"error": error, "error_description": text, "message_id": "rrt-1"}, **more)


Make = Callable[..., UserApplication]


@pytest.fixture
def application(clock: Any, rsa_key: rsa.RSAPrivateKey) -> Iterator[Make]:
    """Return a maker of applications with a secret and a key; `strict` has the key alone."""
    made: list[UserApplication] = []

    def make(server: Server, *, strict: bool = False, **more: Any) -> UserApplication:
        assertion = ClientAssertion(KEY, PrivateKeySigner(rsa_key, "RS512"), "test-1")
        first = assertion if strict else ClientSecret(KEY, "a-secret")
        settings: dict[str, Any] = {"exchange_authentication": assertion, "pushed": strict, "issuer_required": strict, "clock": clock,
                                    "draw": lambda: 1.0, "transport": httpx2.MockTransport(server)}
        made.append(UserApplication(Environment.at(BASE), first, **(settings | more)))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_the_combined_pattern_from_begin_to_tokens(application: Make, clock: Any) -> None:
    """The address names provider and strength; the code is redeemed with secret and verifier (user-restricted 4.1, 4.4)."""
    server = Server(good())
    app = application(server)
    pending = app.begin(HOME, Provider.NHS_LOGIN)
    asked = parse_qs(urlsplit(pending.url).query)
    assert pending.url.startswith(f"{BASE}/oauth2/authorize?")
    assert (asked["client_id"], asked["scope"], asked["state"]) == ([KEY], ["nhs-login"], [pending.state])
    tokens = app.redeem(pending, f"{HOME}?code=c0de&state={pending.state}")
    assert server.forms == [{"grant_type": "authorization_code", "code": "c0de", "redirect_uri": HOME, "client_id": KEY,
                             "client_secret": "a-secret", "code_verifier": pending.verifier}]
    assert server.asked[0].headers["content-type"] == "application/x-www-form-urlencoded"
    assert (tokens.access.value, tokens.refresh_token, tokens.refresh_count) == ("access-0", "refresh-0", 0)
    assert tokens.refresh_until == clock.now() + timedelta(seconds=43199)


def test_without_pkce_nothing_of_it_is_sent(application: Make) -> None:
    """For a server that refuses what it does not know."""
    server = Server(good())
    app = application(server)
    pending = app.begin(HOME, acr_values="AAL2_OR_AAL3_ANY", pkce=False)
    assert "code_challenge" not in pending.url
    assert "acr_values=AAL2_OR_AAL3_ANY" in pending.url
    app.redeem(pending, f"{HOME}?code=c0de&state={pending.state}")
    assert "code_verifier" not in server.forms[0]


def test_a_wrong_answer_is_not_redeemed(application: Make) -> None:
    """Neither a forged state nor an error leads to a request."""
    server = Server()
    app = application(server)
    pending = app.begin(HOME)
    with pytest.raises(RedirectInvalid):
        app.redeem(pending, f"{HOME}?code=attackers&state=guessed")
    with pytest.raises(SignInRefused, match="access_denied"):
        app.redeem(pending, f"{HOME}?error=access_denied&state={pending.state}")
    assert server.asked == []


def test_in_the_profile_strict_the_request_is_pushed(application: Make) -> None:
    """RFC 9126: client and request travel to the server, the browser carries a name; the answer must name the issuer (RFC 9207)."""
    server = Server(httpx2.Response(201, json={"request_uri": "urn:ietf:params:oauth:request_uri:1", "expires_in": 60}), good())
    app = application(server, strict=True)
    pending = app.begin(HOME)
    assert str(server.asked[0].url) == f"{BASE}/oauth2/par"
    pushed = server.forms[0]
    assert (pushed["client_id"], pushed["state"], pushed["redirect_uri"]) == (KEY, pending.state, HOME)
    assert UnverifiedJWT.parse(pushed["client_assertion"]).claims["aud"] == f"{BASE}/oauth2/token"
    assert parse_qs(urlsplit(pending.url).query) == {"client_id": [KEY], "request_uri": ["urn:ietf:params:oauth:request_uri:1"]}
    with pytest.raises(RedirectInvalid, match="does not say"):
        app.redeem(pending, f"{HOME}?code=c0de&state={pending.state}")
    app.redeem(pending, f"{HOME}?code=c0de&state={pending.state}&iss={BASE}/oauth2")
    redeemed = server.forms[1]
    assert redeemed["client_id"] == KEY
    assert "client_secret" not in redeemed
    assert redeemed["client_assertion"] != pushed["client_assertion"]


@pytest.mark.parametrize("answer", [b"", b"[]", b"{}", b'{"request_uri": 1}', b'{"request_uri": ""}', b'{"request_uri": "a\\nb"}', b'{"request_uri": "' + b"a" * 1001 + b'"}'],
                         ids=lambda answer: repr(answer[:30]))
def test_a_pushed_request_without_a_name_is_refused(application: Make, answer: bytes) -> None:
    """The user is not sent anywhere."""
    with pytest.raises(TokenAnswerInvalid):
        application(Server(httpx2.Response(201, content=answer)), strict=True).begin(HOME)


def test_an_exchange_has_exactly_five_fields(application: Make) -> None:
    """As the platform's own test tools send them (user-restricted 3.1), signed anew for each request."""
    server = Server(good(), good())
    app = application(server)
    app.exchange("an.id.token")
    app.exchange("an.id.token")
    first, second = server.forms
    assert set(first) == {"grant_type", "subject_token_type", "subject_token", "client_assertion_type", "client_assertion"}
    assert (first["grant_type"], first["subject_token"]) == ("urn:ietf:params:oauth:grant-type:token-exchange", "an.id.token")
    assert UnverifiedJWT.parse(first["client_assertion"]).claims["jti"] != UnverifiedJWT.parse(second["client_assertion"]).claims["jti"]


def test_an_exchange_is_tried_again_and_a_code_is_not(application: Make) -> None:
    """A lost answer to an exchange costs nothing; a code is used up by being received."""
    server = Server(httpx2.ReadTimeout("slow"), httpx2.Response(503), good())
    assert application(server).exchange("an.id.token").access.value == "access-0"
    assert len({form["client_assertion"] for form in server.forms}) == 3
    for lost in (httpx2.ReadTimeout("slow"), httpx2.Response(503), httpx2.RemoteProtocolError("ended")):
        once = Server(lost)
        app = application(once)
        pending = app.begin(HOME)
        with pytest.raises(AnswerLost):
            app.redeem(pending, f"{HOME}?code=c0de&state={pending.state}")
        assert len(once.asked) == 1


def test_a_code_is_sent_again_when_it_never_left(application: Make) -> None:
    """A refused connection is no use of the code."""
    server = Server(httpx2.ConnectError("refused"), good())
    app = application(server)
    pending = app.begin(HOME)
    assert app.redeem(pending, f"{HOME}?code=c0de&state={pending.state}").access.value == "access-0"


def test_the_servers_clock_is_believed_once(application: Make, clock: Any) -> None:
    """An assertion that is over for the server is made again by its time, for codes too: nothing was used up by that."""
    text = "Invalid 'exp' claim in client_assertion JWT - JWT has expired"
    server = Server(refusal(400, "invalid_request", text, headers={"Date": "Sun, 01 Mar 2026 13:00:00 GMT"}), good())
    application(server).exchange("an.id.token")
    first, second = (UnverifiedJWT.parse(form["client_assertion"]).claims["exp"] for form in server.forms)
    assert second - first == 3600


def test_refusals_are_told_in_the_platforms_words(application: Make) -> None:
    """Row 29, and where the whole story is."""
    text = "Invalid 'exp' claim in subject_token JWT - JWT has expired"
    with pytest.raises(TokenRefused) as refused:
        application(Server(refusal(400, "invalid_request", text))).exchange("an.id.token")
    assert (refused.value.status, refused.value.code, refused.value.text, refused.value.explain_id) == (400, "invalid_request", text, "rrt-1")


def test_a_secret_does_not_exchange_or_revoke(clock: Any) -> None:
    """Nothing is sent that the server would refuse for certain."""
    with UserApplication(Environment.at(BASE), ClientSecret(KEY, "a-secret"), transport=httpx2.MockTransport(Server()), clock=clock) as app:
        with pytest.raises(ValueError, match="signed assertion"):
            app.exchange("an.id.token")
        with pytest.raises(ValueError, match="signed assertion"):
            app.revoke(read_user_tokens(json.dumps(ANSWER).encode(), clock.now()).access)


def test_a_certificate_proves_without_a_word(clock: Any) -> None:
    """RFC 8705 section 2: the form has the client's name; the handshake is the proof."""
    server = Server(good())
    with UserApplication(Environment.at(BASE), ClientCertificate(KEY), transport=httpx2.MockTransport(server), clock=clock) as app:
        app.renew("refresh-0")
    assert server.forms == [{"grant_type": "refresh_token", "refresh_token": "refresh-0", "client_id": KEY}]


def test_a_token_is_taken_back(application: Make, clock: Any) -> None:
    """RFC 7009, with an assertion."""
    server = Server(httpx2.Response(200))
    application(server).revoke(read_user_tokens(json.dumps(ANSWER).encode(), clock.now()).access)
    assert str(server.asked[0].url) == f"{BASE}/oauth2/revoke"
    assert (server.forms[0]["token"], server.forms[0]["token_type_hint"]) == ("access-0", "access_token")


def test_userinfo_is_read_within_limits(application: Make, clock: Any) -> None:
    """With the user's token; a refusal is told, and what is no object or too large is refused."""
    access = read_user_tokens(json.dumps(ANSWER).encode(), clock.now()).access
    server = Server(httpx2.Response(200, json={"sub": "1"}), refusal(400, "invalid_request", "The Userinfo endpoint is only"),
                    httpx2.Response(200, content=b"[]"), httpx2.Response(200, content=b" " * 300_000), httpx2.Response(302, headers={"Location": "/"}))
    app = application(server)
    assert app.userinfo(access) == {"sub": "1"}
    assert server.asked[0].headers["authorization"] == "Bearer access-0"
    with pytest.raises(APIError, match="The Userinfo endpoint is only"):
        app.userinfo(access)
    for _ in range(3):
        with pytest.raises(ClientError):
            app.userinfo(access)


def test_it_runs_on_asyncio(application: Make) -> None:
    """On a thread, which ends its work though the task is cancelled."""
    app = application(Server(good()))
    assert asyncio.run(run(app.exchange, "an.id.token")).access.value == "access-0"


def test_nothing_leaves_in_clear_text() -> None:
    """Neither codes nor secrets."""
    with pytest.raises(ClearTextRefused):
        Environment.at("http://int.example.nhs.uk")


@pytest.mark.parametrize("change", [
    {"refresh_token": ""}, {"refresh_token": 1}, {"refresh_token": "é"}, {"refresh_token": "a\nb"}, {"refresh_token": "a" * 9000},
    {"refresh_token_expires_in": "soon"}, {"refresh_token_expires_in": True}, {"refresh_token_expires_in": [1]}, {"refresh_count": "NaN"},
    {"refresh_count": "inf"}, {"access_token": None}, {"token_type": "mac"}, {"expires_in": None},
], ids=str)
def test_an_answer_of_another_form_is_refused(application: Make, change: dict[str, Any]) -> None:
    """As for other tokens, and the refresh token's members as well."""
    with pytest.raises(TokenAnswerInvalid):
        application(Server(good(**change))).exchange("an.id.token")


@pytest.mark.parametrize(("change", "seconds", "count"), [
    ({}, 43199.0, 0), ({"refresh_token_expires_in": 3599, "refresh_count": 3}, 3599.0, 3), ({"refresh_token_expires_in": None, "refresh_count": None}, None, None),
    ({"refresh_token_expires_in": "-5"}, 0.0, 0), ({"refresh_token": None}, None, None),
], ids=str)
def test_numbers_may_be_texts_or_absent(application: Make, clock: Any, change: dict[str, Any], seconds: float | None, count: int | None) -> None:
    """A tolerant client takes both spellings (user-restricted 13)."""
    tokens = application(Server(good(**change))).exchange("an.id.token")
    assert tokens.refresh_until == (None if seconds is None else clock.now() + timedelta(seconds=seconds))
    assert tokens.refresh_count == count
