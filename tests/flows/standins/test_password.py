"""Signing in with a password, and the one-time code after it: what is proved, what is told, and what is not."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from time import process_time
from typing import Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.standins.cast import CIS2, LOGIN, MOCK_CIS2, MOCK_LOGIN, forms, returned
from flows.standins.password_pages import (
    DOCTOR,
    PASSWORD,
    PATIENT,
    PLAIN,
    PLAIN_PATIENT,
    WORKER,
    WRONG,
    begin,
    code,
    give,
)
from wardgate.audit import EventType
from wardgate.audit.model import Personal
from wardgate.standins.surfaces import Surface


def claims_of(world: Any, browser: Any, surface: Surface, back: httpx2.Response) -> Any:
    """The claims of the ID token that the code of a redirect gives."""
    return world.verified(surface, browser.token(surface, returned(back)["code"]).json()["id_token"]).claims


def test_password_and_code_are_aal2(browser: Any, world: Any) -> None:
    """Two pages without a script; `amr`, `acr` and the level follow from what was proved (user-restricted 11.3)."""
    page = give(browser, begin(browser, CIS2), WORKER)
    assert page.status_code == 200
    assert "Enter your one-time code" in page.text
    assert "<script" not in page.text
    world.now += timedelta(seconds=7)
    back = browser.submit(page, code=code(world, WORKER))
    claims = claims_of(world, browser, CIS2, back)
    assert (claims["sub"], claims["amr"], claims["acr"]) == (WORKER, ["TOTP"], "AAL2_TOTP")
    assert (claims["authentication_assurance_level"], claims["auth_time"]) == ("2", int(world.now.timestamp()))


@pytest.mark.parametrize(("username", "acr_values", "asked", "acr", "amr"), [
    (DOCTOR, None, True, "AAL2_TOTP", "TOTP"), (DOCTOR, "AAL2_OR_AAL3_ANY", True, "AAL2_ANY", "TOTP"),
    (DOCTOR, "AAL1_USERPASS", False, "AAL1_USERPASS", "USERPASS"), (DOCTOR, "AAL1_USERPASS AAL2_ANY", False, "AAL1_USERPASS", "USERPASS"),
    (DOCTOR, "AAL2_ANY AAL1_USERPASS", True, "AAL2_ANY", "TOTP"), (PLAIN, "AAL2_ANY AAL1_USERPASS", False, "AAL1_USERPASS", "USERPASS"),
    (PLAIN, None, False, "AAL1_USERPASS", "USERPASS")])
def test_the_code_is_asked_for_when_the_request_needs_it(
    browser: Any, world: Any, username: str, acr_values: str | None, asked: bool, acr: str, amr: str
) -> None:
    """The first of `acr_values` that the person can meet decides; without any, what they like best."""
    page = give(browser, begin(browser, CIS2, acr_values=acr_values), username)
    assert ("Enter your one-time code" in page.text) is asked
    claims = claims_of(world, browser, CIS2, browser.submit(page, code=code(world, username)) if asked else page)
    assert (claims["acr"], claims["amr"]) == (acr, [amr])


@pytest.mark.parametrize(("username", "vtr", "asked", "vot"), [
    (PATIENT, None, True, "P9.Cp.Cd"), (PATIENT, '["P9.Cp"]', True, "P9.Cp.Cd"), (PATIENT, '["P5.Cm","P5.Cp.Cd"]', True, "P5.Cp.Cd"),
    (PLAIN_PATIENT, '["P0.Cp","P0.Cp.Cd"]', False, "P0.Cp"), (PLAIN_PATIENT, '["P0"]', False, "P0.Cp")])
def test_what_a_patient_proves(browser: Any, world: Any, username: str, vtr: str | None, asked: bool, vot: str) -> None:
    """A password is `Cp`, with the code it is `Cp.Cd` (user-restricted 12.3); consent comes after."""
    page = give(browser, begin(browser, LOGIN, vtr=vtr), username)
    assert ("Enter your one-time code" in page.text) is asked
    if asked:
        page = browser.submit(page, code=code(world, username))
    assert claims_of(world, browser, LOGIN, browser.submit(page, choice="agree"))["vot"] == vot


def test_a_stronger_request_asks_the_same_session_for_the_code(browser: Any, world: Any) -> None:
    """Step-up: the session goes on, and is stronger afterwards."""
    weak = give(browser, begin(browser, CIS2, acr_values="AAL1_USERPASS"), DOCTOR)
    before = claims_of(world, browser, CIS2, weak)
    world.now += timedelta(minutes=5)
    page = give(browser, begin(browser, CIS2, acr_values="AAL2_ANY"), DOCTOR)
    after = claims_of(world, browser, CIS2, browser.submit(page, code=code(world, DOCTOR)))
    assert (after["sid"], after["acr"]) == (before["sid"], "AAL2_ANY")
    assert after["auth_time"] == before["auth_time"] + 300
    assert "code" in returned(browser.authorize(CIS2, acr_values="AAL2_ANY", prompt="none"))


@pytest.mark.parametrize(("surface", "asked", "username", "description"), [
    (CIS2, {"acr_values": "AAL2_ANY"}, PLAIN, "The user cannot sign in as strongly as acr_values asks for"),
    (LOGIN, {}, PLAIN_PATIENT, "The sign-in is not one of those that vtr asks for")])
def test_a_person_who_cannot_prove_enough(browser: Any, surface: Surface, asked: dict[str, str], username: str, description: str) -> None:
    """`access_denied`, and only after the right password."""
    page = begin(browser, surface, **asked)
    assert WRONG in give(browser, page, username, "a wrong password").text
    answer = returned(give(browser, page, username))
    assert (answer["error"], answer["error_description"]) == ("access_denied", description)


@pytest.mark.parametrize(("surface", "asked"), [
    (CIS2, {"acr_values": "AAL3_ANY"}), (CIS2, {"acr_values": "AAL3_FIDO2 AAL2_NHSMAIL"}), (LOGIN, {"vtr": '["P9.Cm","P9.Ck"]'})])
def test_it_is_not_offered_where_it_is_not_enough(browser: Any, surface: Surface, asked: dict[str, str]) -> None:
    """Nor does it help to know its address."""
    page = browser.authorize(surface, **asked)
    assert "method=password" not in page.text
    action = forms(page)[0][0]
    page = browser.get(f"{action}&method=password")
    username = DOCTOR if surface is CIS2 else PATIENT
    assert returned(give(browser, page, username))["error"] == "access_denied"


def test_a_mock_realm_takes_it_too(browser: Any, world: Any) -> None:
    """What was proved is told; nothing is demanded."""
    page = give(browser, begin(browser, MOCK_CIS2, acr_values="AAL3_ANY"), WORKER)
    assert claims_of(world, browser, MOCK_CIS2, browser.submit(page, code=code(world, WORKER)))["acr"] == "AAL2_TOTP"
    page = give(browser, begin(browser, MOCK_LOGIN), PLAIN_PATIENT)
    assert claims_of(world, browser, MOCK_LOGIN, page)["vot"] == "P0.Cp"


def test_the_helpers_form_is_the_one_click_persona_as_before(browser: Any) -> None:
    """A form of `username`, `login`, `credentialId` and `password` names no method: nothing is proved by it (13)."""
    page = browser.authorize(MOCK_CIS2)
    fields = {"username": WORKER, "login": "Sign In", "credentialId": "", "password": "whatever"}
    assert "code" in returned(browser.post(forms(page)[0][0], data=fields))


# --- what is not told

@pytest.mark.parametrize(("username", "password"), [
    (WORKER, "a wrong password"), (WORKER, PASSWORD + " "), (WORKER, PASSWORD.upper()), ("656005750104", PASSWORD), ("nobody", PASSWORD),
    (PATIENT, PASSWORD), ("x" * 3000, PASSWORD), ("<script>", "<script>"), (WORKER, "x" * 256)])
def test_whoever_it_is_the_answer_is_the_same(browser: Any, world: Any, username: str, password: str) -> None:
    """A wrong password, nobody, nobody here, somebody without a password: one text, and one event that names nobody in clear."""
    answer = give(browser, begin(browser, CIS2), username, password)
    assert answer.status_code == 400
    assert WRONG in answer.text
    assert password not in answer.text
    (event,) = world.events
    assert event.type is EventType.STAND_IN_REFUSED
    assert event.details == {
        "provider": "nhs-cis2", "realm": "/NHSIdentity/Healthcare", "client": "test-client-cis2", "error": "wrong-password",
        "method": "password", "secret": "password", "failures": 1, "user": Personal(username), "source": Personal("unknown")}


def test_nobody_learns_from_the_time_who_exists(browser: Any) -> None:
    """A name of nobody costs as much work as one of somebody; work is measured, not time, which others share."""
    def work(username: str) -> float:
        page = begin(browser, CIS2)
        start = process_time()
        give(browser, page, username, "a wrong password")
        return process_time() - start

    somebody, nobody, without = (min(work(f"{name}") for _ in range(4)) for name in (WORKER, "nobody", "656005750104"))
    assert 0.6 < nobody / somebody < 1.7
    assert 0.6 < without / somebody < 1.7


# --- codes

@pytest.mark.parametrize(("steps", "good"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_clocks_may_differ_by_one_step(browser: Any, world: Any, steps: int, good: bool) -> None:
    """RFC 6238 section 5.2."""
    page = give(browser, begin(browser, CIS2), WORKER)
    answer = browser.submit(page, code=code(world, WORKER, steps))
    assert (answer.status_code == 302) is good
    assert good or "The code is wrong, or was used already." in answer.text


def test_a_code_is_accepted_once(browser: Any, world: Any, make_world: Any) -> None:
    """Not by another node, in another browser, a moment later; the next one is."""
    used = code(world, WORKER)
    assert "code" in returned(browser.submit(give(browser, begin(browser, CIS2), WORKER), code=used))
    node = make_world()
    node.now = world.now + timedelta(seconds=20)
    with node.client() as other:
        page = give(other, begin(other, CIS2), WORKER)
        answer = other.submit(page, code=used)
        assert answer.status_code == 400
        assert "was used already" in answer.text
        assert [event.details["error"] for event in node.events] == ["code-used"]
        assert "code" in returned(other.submit(answer, code=code(node, WORKER, 1)))


def test_a_code_sent_twice_at_once_is_accepted_once(world: Any, make_world: Any) -> None:
    """Two nodes, two browsers, the same moment."""
    nodes = [world, make_world(), make_world(), make_world()]
    start = Barrier(len(nodes))

    def use(node: Any) -> bool:
        with node.client() as one:
            page = give(one, begin(one, CIS2), WORKER)
            start.wait()
            return bool(one.submit(page, code=code(node, WORKER)).status_code == 302)

    with ThreadPoolExecutor(len(nodes)) as pool:
        assert sorted(pool.map(use, nodes)) == [False] * 3 + [True]


def test_codes_of_somebody_else_or_of_nobody(browser: Any, world: Any) -> None:
    """The code is the one of whoever gave the password, whatever the form says."""
    page = give(browser, begin(browser, CIS2), WORKER)
    answer = browser.submit(page, code=code(world, DOCTOR))
    assert "The code is wrong" in answer.text
    fresh = begin(browser, CIS2)
    answer = browser.submit(fresh, code=code(world, WORKER))
    assert "Enter your user name and your password first." in answer.text


def test_turning_back_forgets_the_password(browser: Any, world: Any) -> None:
    """Whoever follows the link again begins with the password; so does another browser with the same address."""
    page = give(browser, begin(browser, CIS2), WORKER)
    action, hidden = forms(page)[0]
    browser.get(f"{action}&method=password")
    assert "password first" in browser.post(action, data=hidden | {"code": code(world, WORKER)}).text
    page = give(browser, begin(browser, CIS2), WORKER)
    with world.client() as other:
        other.authorize(CIS2)
        assert other.submit(page, code=code(world, WORKER)).status_code == 400


def test_a_person_who_goes_away_between_the_pages(browser: Any, world: Any) -> None:
    """Nobody signs in who is not in the manifest any more."""
    page = give(browser, begin(browser, CIS2), WORKER)
    shown = code(world, WORKER)
    people = {name: user for name, user in world.identities.users.items() if name != WORKER}
    world.identities = type(world.identities)(world.identities.providers, world.identities.relying_parties, people)
    assert "password first" in browser.submit(page, code=shown).text


# --- forms

@pytest.mark.parametrize(("fields", "told"), [
    ({}, "Enter your user name and your password."), ({"username": WORKER}, "Enter your user name and your password."),
    ({"password": PASSWORD}, "Enter your user name and your password."), ({"username": "  ", "password": PASSWORD}, "Enter your user name"),
    ({"username": WORKER, "password": "x" * 257}, "A password has at most 256 characters."), ({"method": "magic"}, "no such way to sign in"),
    ({"username": WORKER, "password": "x" * 4001}, "more than 4000 characters"), ({"code": "123456"}, "password first")])
def test_forms_that_prove_nothing(browser: Any, world: Any, fields: dict[str, str], told: str) -> None:
    """The page says what is missing; no guess is counted."""
    answer = browser.submit(begin(browser, CIS2), **fields)
    assert answer.status_code == 400
    assert told in answer.text
    assert all("failures" not in event.details for event in world.events)


@pytest.mark.parametrize("entered", ["", "12345", "1234567", "12345a", "\u0661\u0662\u0663\u0664\u0665\u0666", "-12345", "x" * 3000])
def test_what_is_no_code_is_no_guess(browser: Any, world: Any, entered: str) -> None:
    """Six digits of ASCII, with spaces between them or not."""
    page = give(browser, begin(browser, CIS2), WORKER)
    answer = browser.submit(page, code=entered)
    assert answer.status_code == 400
    assert "<title>Error: Enter your one-time code" in answer.text
    assert all("failures" not in event.details for event in world.events)
    spaced = code(world, WORKER)
    back = browser.submit(give(browser, begin(browser, CIS2), WORKER), code=f" {spaced[:3]} {spaced[3:]} ")
    assert "code" in returned(back)


@pytest.mark.parametrize("body", [
    "method=password&username=a&username=b&password=c", "method=password&method=persona", "method=password&username=%FF&password=x",
    "&".join(f"f{number}=1" for number in range(40)), "method=password&username=a&password=" + "x" * 70_000])
def test_forms_that_cannot_be_read(browser: Any, body: str) -> None:
    """Repeated, not UTF-8, too many, too large."""
    action, hidden = forms(begin(browser, CIS2))[0]
    content = f"{body}&csrf={hidden['csrf']}"
    answer = browser.post(action, content=content, headers={"content-type": "application/x-www-form-urlencoded"})
    assert answer.status_code == 400
    assert "location" not in answer.headers


@pytest.mark.parametrize("csrf", [{}, {"csrf": "forged"}])
def test_both_forms_need_their_token(browser: Any, world: Any, csrf: dict[str, str]) -> None:
    """403, and no guess is counted."""
    action = forms(begin(browser, CIS2))[0][0]
    answer = browser.post(action, data={"method": "password", "username": WORKER, "password": PASSWORD} | csrf)
    assert answer.status_code == 403
    action = forms(give(browser, begin(browser, CIS2), WORKER))[0][0]
    assert browser.post(action, data={"method": "password", "code": code(world, WORKER)} | csrf).status_code == 403


def test_any_form_is_answered_and_signs_nobody_in(browser: Any, world: Any) -> None:
    """A form of any fields is a page with a status of 400 or 403: never a redirect, never a failure of ours."""
    action, hidden = forms(begin(browser, CIS2))[0]
    names = st.sampled_from(["username", "password", "code", "csrf", "consent", "authenticator", "q", "choice", "kept", "asked", "form"])

    @settings(max_examples=60, deadline=None)
    @given(st.dictionaries(names, st.text(max_size=300), max_size=8))
    def answers(fields: dict[str, str]) -> None:
        answer = browser.post(action, data=hidden | fields)
        assert answer.status_code in {400, 403}
        assert answer.headers["content-type"].startswith("text/html")

    answers()
    assert {event.type for event in world.events} <= {EventType.STAND_IN_REFUSED, EventType.STAND_IN_LOCKED}
