"""Everything of a sign-in that is used once, asked for many times at once through Envoy: one request wins, the others are told so."""

import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from user_rows.place import BASE, CALLBACK, FORM, Answer

CALLERS = 12


def _at_once(ask: Callable[[], Answer]) -> list[Answer]:
    with ThreadPoolExecutor(CALLERS) as pool:
        return [found.result() for found in [pool.submit(ask) for _ in range(CALLERS)]]


def _post(place: Any, form: dict[str, str]) -> Callable[[], Answer]:
    body = urlencode(form).encode()
    return lambda: place.ask(f"{BASE}/token", "POST", {"content-type": FORM}, body)


def _outcomes(answers: list[Answer]) -> Counter[tuple[int, str | None]]:
    return Counter((answer.status, answer.code) for answer in answers)


@pytest.mark.parametrize("how", ["exchange", "code"])
def test_refreshes(place: Any, how: str) -> None:
    """Spec README rule 9: of concurrent uses one wins, and the family goes on with it."""
    token = (place.exchange().json if how == "exchange" else place.tokens())["refresh_token"]
    answers = _at_once(_post(place, {"grant_type": "refresh_token", **place.proof(), "refresh_token": token}))
    assert _outcomes(answers) == {(200, None): 1, (401, "refresh-token-invalid"): CALLERS - 1}
    (good,) = [answer.json for answer in answers if answer.status == 200]
    assert good["refresh_count"] == "1"
    assert place.refresh(good["refresh_token"]).json["refresh_count"] == "2"


def test_codes(place: Any) -> None:
    """user-restricted 4.4: a code is used once."""
    answers = _at_once(_post(place, {"grant_type": "authorization_code", **place.proof(), "redirect_uri": CALLBACK, "code": place.sign_in()}))
    assert _outcomes(answers) == {(200, None): 1, (400, "code-invalid"): CALLERS - 1}


def test_assertions(place: Any) -> None:
    """user-restricted 3.3 row 14: one exchange for one jti."""
    answers = _at_once(_post(place, place.exchange_form()))
    assert _outcomes(answers) == {(200, None): 1, (400, "assertion-jti-replayed"): CALLERS - 1}


def test_states(place: Any) -> None:
    """user-restricted 4.3: a state is taken once."""
    away = place.authorize()
    query = dict(parse_qsl(urlsplit(place.cis2.sign_in(away.headers["location"])).query))
    cookie = {"cookie": "; ".join(f"{name}={value}" for name, value in place.jar.items())}
    answers = _at_once(lambda: place.ask(f"{BASE}/callback?{urlencode(query)}", "GET", cookie))
    assert _outcomes(answers) == {(302, None): 1, (400, "callback-state"): CALLERS - 1}


def test_logouts(place: Any) -> None:
    """user-restricted 7.2: the sign-in ends; who comes later finds none. What ended stays ended."""
    tokens, logout = place.tokens(), urlencode({"logout_token": place.cis2.logout_token()}).encode()
    answers = _at_once(lambda: place.ask(f"{BASE}/backchannel_logout", "POST", {"content-type": FORM}, logout))
    outcomes = _outcomes(answers)
    assert outcomes[(200, None)] >= 1
    assert set(outcomes) <= {(200, None), (501, "logout-sid-unknown")}
    assert place.refresh(tokens["refresh_token"]).code == "refresh-token-invalid"


def test_a_refresh_and_a_logout(place: Any) -> None:
    """Whichever is first, nothing works afterwards."""
    tokens, logout = place.tokens(), urlencode({"logout_token": place.cis2.logout_token()}).encode()
    refresh = _post(place, {"grant_type": "refresh_token", **place.proof(), "refresh_token": tokens["refresh_token"]})
    with ThreadPoolExecutor(2) as pool:
        refreshed = pool.submit(refresh)
        ended = pool.submit(lambda: place.ask(f"{BASE}/backchannel_logout", "POST", {"content-type": FORM}, logout))
        answer, out = refreshed.result(), ended.result()
    assert (out.status, json.loads(out.body)) == (200, {"success": True})
    newest = answer.json["refresh_token"] if answer.status == 200 else tokens["refresh_token"]
    assert place.refresh(newest).code == "refresh-token-invalid"
    if answer.status == 200:
        assert place.userinfo(answer.json["access_token"]).code == "access-token-revoked"


def test_strict_refreshes_get_one_successor(place: Any) -> None:
    """Spec README rule 9, `strict`: parallel honest refreshes get the same refresh token."""
    token = place.tokens(standing="strict")["refresh_token"]
    answers = _at_once(lambda: place.refresh(token, standing="strict"))
    assert _outcomes(answers) == {(200, None): CALLERS}
    assert len({answer.json["refresh_token"] for answer in answers}) == 1
    assert len({answer.json["access_token"] for answer in answers}) == CALLERS
