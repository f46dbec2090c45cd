"""Faults at the authorisation server: the answer of one that is asked for is the real one, by whichever way it is asked for."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from user_rows.tables import ORDERED, SINGLE
from wardgate.refusals.faults import EXAMPLES, FAULTS, Endpoint

ENDPOINTS = {
    "exchange": ("/token", "grant_type="), "code": ("/token", "grant_type=authorization_code"), "refresh": ("/token", "grant_type=refresh_token"),
    "authorize": ("/authorize", ""), "pushed": ("/par", ""), "callback": ("/callback", ""), "userinfo": ("/userinfo", ""),
    "logout": ("/backchannel_logout", ""),
}
"""Of each table of rows: the endpoint, and what the body of the request that is to meet the fault begins or goes on with."""
FILLED = {"form-malformed", "grant-type-repeated", "provider-refused", "token-type-invalid"}
"""Rows whose words, or whose request, differ from case to case: they are compared with the catalogue's examples."""


def _rows() -> Iterator[Any]:
    seen: set[tuple[str, str]] = set()
    for table, (draft, rows) in (*ORDERED.items(), *SINGLE.items()):
        for row in rows:
            if (table, row.code) not in seen and row.code not in FILLED:
                seen.add((table, row.code))
                yield pytest.param(table, draft, row, id=f"{table}: {row.code}")


def _asking(place: Any, table: str, code: str) -> Callable[..., Any]:
    path, words = ENDPOINTS[table]
    ask = place.ask

    def asking(target: str, method: str, headers: Any, body: bytes = b"") -> Any:
        meant = target.partition("?")[0].endswith(path) and words.encode() in body
        return ask(target, method, {**headers, "wardgate-fault": code} if meant else headers, body)
    return asking


def _same(answer: Any) -> tuple[Any, ...]:
    headers = {name: value for name, value in answer.headers.items() if name not in {"wardgate-fault", "content-length", "set-cookie"}}
    return answer.status, headers, re.sub(rb'"message_id":"[^"]*"', b"", answer.body)


@pytest.mark.parametrize(("table", "draft", "row"), list(_rows()))
def test_what_is_asked_for_is_what_really_happens(place: Any, monkeypatch: pytest.MonkeyPatch, table: str, draft: Any, row: Any) -> None:
    """The same good request, spoilt for real and by the header: status, headers, body and redirect are the same; the record tells them apart."""
    spoilt, trusted, snapshot = draft(), place.trusted, place.snapshot
    row.spoil(spoilt)
    real = spoilt.send(place)
    assert real.code == row.code
    place.trusted, place.snapshot = trusted, snapshot
    monkeypatch.setattr(place, "ask", _asking(place, table, row.code))
    asked = draft().send(place)
    assert _same(asked) == _same(real), (asked.body, real.body)
    assert asked.headers["wardgate-fault"] == row.code
    event = place.events_of(asked)[-1]
    assert (event["reason"], event["details"]["fault"], event["details"]["fault_asked_by"]) == (row.code, row.code, "header")
    assert row.code.encode() not in asked.body


OF_TOKEN = [name for name, fault in FAULTS.items() if Endpoint.TOKEN in fault.endpoints and not fault.is_delay]


@pytest.mark.parametrize("name", OF_TOKEN)
def test_every_fault_of_the_token_endpoint_can_be_had(world: Any, name: str) -> None:
    """Every row, those among them that no test spoils a request for: its status and words, with a value for each placeholder."""
    row = FAULTS[name].reason
    assert row is not None
    answer = world.post("/token", {"grant_type": "refresh_token", "client_id": world.identifier()}, wardgate_fault=name)
    assert (answer.status, answer.code) == (400 if row.status == 302 else row.status, name)
    if name == "token-rate-limited":
        assert int(answer.headers["retry-after"]) > 0
        assert answer.json["limit"] == 300
    elif row.error:
        text = re.sub(r"\{(\w+)\}", lambda found: EXAMPLES[found[1]], row.text)
        assert (answer.json["error"], answer.json["error_description"]) == (row.error, text)
    assert world.events()[-1]["application"] == "demo-app"


OTHERS = (Endpoint.PAR, Endpoint.INTROSPECT, Endpoint.REVOKE, Endpoint.LOGOUT, Endpoint.STATUS)


@pytest.mark.parametrize(("endpoint", "name"), [
    (endpoint, name) for endpoint in OTHERS for name, fault in FAULTS.items() if endpoint in fault.endpoints and not fault.is_delay])
def test_every_fault_of_the_other_endpoints_can_be_had(world: Any, endpoint: Endpoint, name: str) -> None:
    """Pushed requests, introspection, revocation, back-channel logout and `_status`: the row's status, whatever the request is."""
    row = FAULTS[name].reason
    assert row is not None
    if endpoint is Endpoint.STATUS:
        answer = world.get("/_status", **{"wardgate-fault": name})
    else:
        answer = world.post(f"/{endpoint}", {"client_assertion": world.assertion()}, wardgate_fault=name)
        assert world.events()[-1]["application"] == "demo-app"
    assert (answer.status, answer.code, answer.headers["wardgate-fault"]) == (400 if row.status == 302 else row.status, name, name)


@pytest.mark.parametrize(("name", "said"), [
    ("refresh-token-expird", "There is no fault of this name: did you mean refresh-token-expired or "),
    ("xyzzy", "There is no fault of this name: wardgate faults list"),
    ("<script>", "There is no fault of this name: NAME, or NAME; seconds=N for one that takes time"),
    ("slow; seconds=21", "There is no fault of this name: seconds are for slow and idp-slow, at most 20"),
    ("slow; seconds=0", "There is no fault of this name: seconds are for slow and idp-slow, at most 20"),
    ("code-invalid; seconds=1", "There is no fault of this name: seconds are for slow and idp-slow, at most 20"),
    ("x" * 2000, "There is no fault of this name: NAME, or NAME; seconds=N for one that takes time"),
    ("id-token-aud", "The fault id-token-aud cannot be met here, but at: callback"),
])
def test_what_cannot_be_met_is_said(world: Any, name: str, said: str) -> None:
    """An unknown name, a fault of another endpoint, too long a delay: 400, with near names, and nothing of what was sent."""
    answer = world.post("/token", {"grant_type": "refresh_token"}, wardgate_fault=name)
    assert answer.status == 400
    assert answer.json["error_description"].startswith(said)
    assert b"<script" not in answer.body
    assert "wardgate-fault" not in answer.headers


@pytest.mark.parametrize("name", ["code-invalid", "slow; seconds=20", "nonsense"])
def test_a_live_environment_has_none(world: Any, name: str) -> None:
    """Header, parameter and person mean nothing there: the sign-in succeeds, at once."""
    world.snapshot = replace(world.snapshot, environment=world.snapshot.environment.model_copy(update={"live": True}))
    away = world.get(f"/authorize?client_id={world.identifier()}&redirect_uri=https://example.org/callback&state=1&response_type=code&wardgate_fault={name}",
                     **{"wardgate-fault": name})
    assert "wardgate_fault" not in away.headers["location"]
    code = world.come_back(away).query["code"]
    answer = world.post("/token", {"grant_type": "authorization_code", **world.proof(), "redirect_uri": "https://example.org/callback", "code": code},
                        wardgate_fault=name)
    assert answer.status == 200
    assert not [event for event in world.events() if "fault" in event["details"]]


def test_a_sign_in_carries_nothing_into_a_live_environment(world: Any) -> None:
    """Asked for before the environment became live: forgotten."""
    tokens = world.tokens(wardgate_fault="refresh-token-expired")
    world.snapshot = replace(world.snapshot, environment=world.snapshot.environment.model_copy(update={"live": True}))
    assert world.refresh(tokens["refresh_token"]).status == 200


def test_a_slow_authorization_endpoint_is_slow_once(world: Any) -> None:
    """The header is about one request; it does not go with the sign-in."""
    away = world.get("/authorize?" + f"client_id={world.identifier()}&redirect_uri=https://example.org/callback&state=1&response_type=code",
                     **{"wardgate-fault": "slow; seconds=0.01"})
    code = world.come_back(away).query["code"]
    assert world.redeem(code).status == 200
    assert [event["type"] for event in world.events() if "fault" in event["details"]] == ["SignInStarted"]


def test_a_sign_in_carries_what_was_asked_for_when_it_began(world: Any) -> None:
    """From the parameter of the authorization request to the refresh: nothing before that knows of it, and the sign-in goes on."""
    tokens = world.tokens(wardgate_fault="refresh-token-expired")
    for _ in range(2):
        refused = world.refresh(tokens["refresh_token"])
        assert (refused.status, refused.json["error_description"]) == (401, "refresh token refresh period has expired")
    event = world.events()[-1]
    assert (event["details"]["fault_asked_by"], event["details"]["sign_in"]) == ("parameter", world.claims(tokens["access_token"])["sess"])


def test_a_callback_meets_what_was_asked_for_when_the_sign_in_began(world: Any) -> None:
    """A page in a browser cannot set a header: the parameter reaches the callback."""
    refused = world.come_back(world.authorize(wardgate_fault="id-token-signature"))
    assert (refused.status, refused.json["error"], refused.code) == (401, "public_key error", "id-token-signature")
    sent_back = world.come_back(world.authorize(wardgate_fault="provider-refused"))
    assert sent_back.query == {"error": "access_denied", "error_description": "ConsentNotGiven", "state": "1234567890"}


@pytest.mark.parametrize(("name", "error"), [("state-missing", "invalid_request"), ("provider-unavailable", "temporarily_unavailable")])
def test_the_authorization_endpoint_meets_its_own_by_parameter(world: Any, name: str, error: str) -> None:
    """At once, as a redirect; one of a missing state has none, as the real one."""
    answer = world.authorize(wardgate_fault=name)
    assert (answer.status, answer.location, answer.query["error"]) == (302, "https://example.org/callback", error)
    assert ("state" in answer.query) is (name != "state-missing")


@pytest.mark.parametrize(("name", "places"), [("form-malformed", "token, par"), ("idp-consent-refused", "provider authorize")])
def test_a_sign_in_cannot_carry_everything(world: Any, name: str, places: str) -> None:
    """Not what no sign-in meets, and nothing of a stand-in when the provider is a real one."""
    answer = world.authorize(wardgate_fault=name)
    said = parse_qs(urlsplit(answer.headers["location"]).query)["error_description"][0] if answer.status == 302 else answer.json["error_description"]
    assert said.startswith(f"The fault {name} cannot be met here, but at: {places}")


def test_a_stand_in_is_asked_for_its_faults(world: Any) -> None:
    """They go with the browser to the provider, and are not kept here."""
    world.provider("nhs-cis2", stand_in=True)
    assert world.authorize(wardgate_fault="idp-consent-refused").query["wardgate_fault"] == "idp-consent-refused"
    assert world.authorize(wardgate_fault="idp-slow; seconds=2").query["wardgate_fault"] == "idp-slow; seconds=2"


@pytest.mark.parametrize(("name", "moment"), [
    ("id-token-nonce", "callback"), ("code-invalid", "code"), ("refresh-token-invalid", "refresh"), ("userinfo-mismatch", "userinfo"),
    ("subject-token-expired", "exchange"), ("provider-keys-unavailable", "callback"), ("token-rate-limited", "code"),
])
def test_a_person_has_a_fault(world: Any, name: str, moment: str) -> None:
    """Whoever signs in as them meets it at its moment, whichever application asks; other people do not."""
    world.personas[world.cis2.person["sub"]] = name
    steps: dict[str, Callable[[], Any]] = {
        "callback": lambda: world.come_back(world.authorize()), "code": lambda: world.redeem(world.sign_in()),
        "refresh": lambda: world.refresh(world.tokens()["refresh_token"]), "exchange": world.exchange,
        "userinfo": lambda: world.get("/userinfo", authorization=f"Bearer {world.tokens()['access_token']}"),
    }
    answer = steps[moment]()
    assert answer.code == name
    assert world.events()[-1]["details"]["fault_asked_by"] == "persona"
    world.personas.clear()
    assert steps[moment]().status in {200, 302}


def test_a_slow_answer_is_the_answer(world: Any) -> None:
    """It takes its time and is otherwise what it would be; the record says why it was late."""
    answer = world.post("/token", world.exchange_form(), wardgate_fault="slow; seconds=0.01")
    assert answer.status == 200
    issued = world.events()[-1]
    assert (issued["type"], issued["details"]["fault"]) == ("TokenIssued", "slow")
