"""Signing in at a stand-in without a browser: what is answered, and where nothing is."""

from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from wardgate.client import ClientError, PendingSignIn, StandInAsks, TokenRefused, sign_in_at_stand_in
from wardgate.client.stand_in import LARGEST_PAGE_BYTES, PREFIXES, QUESTIONS, SIGN_IN_PAGE
from wardgate.standins.surfaces import PREFIXES as SERVED
from wardgate.standins.surfaces import STEPS, Endpoint

BASE = "https://int.example.nhs.uk"
PROVIDER = "/standins/nhs-login"
HOME = "http://127.0.0.1:9003/callback"
PENDING = PendingSignIn(f"{BASE}/oauth2/authorize?x=1", HOME, f"{BASE}/oauth2", "the-state")
LOGIN = f'<main><form id="kc-form-login" action="{PROVIDER}{SIGN_IN_PAGE}?session_code=1" method="post"><input name="username"></form></main>'


def to(location: str) -> httpx2.Response:
    """Return a redirect."""
    return httpx2.Response(302, headers={"Location": location})


def page(text: str, status: int = 200) -> httpx2.Response:
    """Return a page."""
    return httpx2.Response(status, html=text)


def asks(step: str, *fields: str) -> httpx2.Response:
    """Return a page that asks something, with a search form before it."""
    inputs = "".join(f'<input name="{name}">' for name in fields)
    return page(f'<form method="get" action="x"><input name="q"></form><form method="post" action="{PROVIDER}{step}?s=1">'
                f'<input type="hidden" name="csrf" value="c&amp;1">{inputs}</form>')


class Server:
    """Gives out prepared answers, and remembers what it was asked."""

    def __init__(self, *answers: httpx2.Response) -> None:
        self.answers = list(answers)
        self.asked: list[httpx2.Request] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        return self.answers.pop(0)


def sign_in(server: Callable[[httpx2.Request], httpx2.Response], **more: Any) -> str:
    """Sign in as the patient."""
    return sign_in_at_stand_in(PENDING, "9912003071", transport=httpx2.MockTransport(server), **more)


def test_the_pages_are_those_of_the_stand_ins() -> None:
    """The SDK does not import them, so the words are compared here."""
    assert set(PREFIXES) == set(SERVED)
    assert {SIGN_IN_PAGE, *QUESTIONS} == set(STEPS.values())
    assert STEPS[Endpoint.SIGN_IN] == SIGN_IN_PAGE


def test_every_question_is_answered() -> None:
    """User name, consent, role, identity check; hidden fields go back as they came; the end is the redirect URI."""
    server = Server(to(f"{PROVIDER}/authorize?y=1"), page(LOGIN), asks("/login-actions/consent", "choice"), asks("/login-actions/role", "choice"),
                    asks("/login-actions/identity-check", "choice"), to("/oauth2/callback?code=1"), to(f"{HOME}?code=c&state=the-state"))
    assert sign_in(server, role="555254242105", identity_check="passed") == f"{HOME}?code=c&state=the-state"
    assert [request.content.decode() for request in server.asked if request.method == "POST"] == [
        "username=9912003071", "csrf=c%261&choice=agree", "csrf=c%261&choice=555254242105", "csrf=c%261&choice=passed"]


@pytest.mark.parametrize(("answers", "question"), [
    ((page(LOGIN), page(LOGIN)), "user"), ((page(LOGIN), page(LOGIN, 400)), "user"), ((page(LOGIN), asks("/login-actions/role", "choice")), "role"),
    ((page(LOGIN), asks("/login-actions/identity-check", "choice")), "identity-check"), ((page(LOGIN), asks("/login-actions/new", "choice")), "other"),
    ((page(LOGIN), asks("/login-actions/role")), "other"), ((page("<p>nothing</p>"),), "other"),
    ((page(LOGIN), *[asks("/login-actions/consent", "choice")] * 30), "other"),
], ids=str)
def test_what_nobody_has_answered_is_asked(answers: tuple[httpx2.Response, ...], question: str) -> None:
    """A program is told what to say, and nothing is guessed."""
    with pytest.raises(StandInAsks) as asked:
        sign_in(Server(to(f"{PROVIDER}/authorize"), *answers))
    assert asked.value.question == question


@pytest.mark.parametrize("location", [
    "https://am.nhsint.example/authorize", "http://int.example.nhs.uk/standins/x", "https://int.example.nhs.uk.evil.example/", "https://int.example.nhs.uk:444/standins/x",
])
def test_nobody_signs_in_elsewhere(location: str) -> None:
    """A real provider's page is for a person: nothing is sent there."""
    server = Server(to(location))
    with pytest.raises(StandInAsks, match="which is no stand-in"):
        sign_in(server)
    assert len(server.asked) == 1


def test_a_page_that_is_no_stand_ins_is_left_alone() -> None:
    """On the same host a login form of something else."""
    with pytest.raises(StandInAsks, match="no page of a stand-in"):
        sign_in(Server(to("/portal/login"), page(LOGIN)))


def test_refusals_are_told() -> None:
    """The authorisation server's JSON as itself, the stand-in's page by its words."""
    with pytest.raises(TokenRefused, match="client_id is invalid"):
        sign_in(Server(httpx2.Response(401, json={"error": "invalid_request", "error_description": "client_id is invalid"})))
    with pytest.raises(ClientError, match="The request cannot go on The client is not known"):
        sign_in(Server(to(f"{PROVIDER}/authorize"), page("<nav>x</nav><main><h1>The request cannot go on</h1><p>The client is not known</p></main>", 401)))


@pytest.mark.parametrize("answers", [[to("/oauth2/authorize?again")] * 40, [page("x" * (LARGEST_PAGE_BYTES + 1))]], ids=["a circle", "a huge page"])
def test_a_server_without_end_is_left(answers: list[httpx2.Response]) -> None:
    """Steps and sizes have a limit."""
    with pytest.raises(ClientError, match="more than"):
        sign_in(Server(*answers))
