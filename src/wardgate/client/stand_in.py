"""Signing in at a stand-in provider as a browser would, for automated tests: the person of one click, and the answers to what is asked.

Only at the address the sign-in begins at, and only on a stand-in's pages: anywhere else a person has to sit before a browser.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final
from urllib.parse import urlsplit

import httpx2

from wardgate.client.authorization import PendingSignIn
from wardgate.client.clock import SYSTEM_CLOCK
from wardgate.client.error_shapes import api_error
from wardgate.client.errors import ClientError, StandInAsks, TokenRefused

MOST_STEPS: Final = 20
LARGEST_PAGE_BYTES: Final = 2_000_000
LOGIN_FORM: Final = "kc-form-login"
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


PREFIXES: Final = ("/realms/", "/standins/")
"""Where a Wardgate has its stand-ins."""
SIGN_IN_PAGE: Final = "/login-actions/authenticate"
QUESTIONS: Final = {
    "/login-actions/consent": ("consent", "the person is asked for consent"),
    "/login-actions/role": ("role", "the person has several roles, and one has to be chosen"),
    "/login-actions/identity-check": ("identity-check", "the provider asks for an identity check, and nobody has said how it ends"),
}
"""The pages after that of the user name: what each asks, in a word and in a sentence."""


@dataclass(frozen=True, slots=True)
class _Answers:
    """What is said to a stand-in's questions; None: nobody has said it."""

    user: str
    role: str | None
    identity_check: str | None

    def to(self, question: str) -> str | None:
        """Return what is chosen."""
        return {"consent": "agree", "role": self.role, "identity-check": self.identity_check}[question]


@dataclass(slots=True)
class Form:
    """A form of a page: where it goes, and the fields that it has already."""

    name: str
    action: str
    posts: bool
    hidden: dict[str, str] = field(default_factory=dict)
    fields: set[str] = field(default_factory=set)


class _Page(HTMLParser):
    """The forms of a page, and the words of what went wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.said: list[str] = []
        self._listens = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(told.get("id", ""), told.get("action", ""), told.get("method", "").lower() == "post"))
        elif tag in {"input", "select", "button"} and self.forms and "name" in told:
            self.forms[-1].fields.add(told["name"])
            if told.get("type") == "hidden":
                self.forms[-1].hidden[told["name"]] = told.get("value", "")
        self._listens += tag == "main"

    def handle_endtag(self, tag: str) -> None:
        self._listens -= tag == "main"

    def handle_data(self, data: str) -> None:
        if self._listens and data.strip():
            self.said.append(" ".join(data.split()))


def sign_in_at_stand_in(
    pending: PendingSignIn, user: str, *, tls: ssl.SSLContext | None = None, role: str | None = None, identity_check: str | None = None,
    transport: httpx2.BaseTransport | None = None,
) -> str:
    """Return the address that the person `user` comes back to, which `redeem` takes. NHS login's question for consent is answered by yes.

    `role` is the role profile to choose, if it is asked for; `identity_check` is how that check ends, `passed` or `failed`.
    Raises `StandInAsks` for what nobody has answered, `TokenRefused` when the authorisation server refuses at once.
    """
    inner = transport or httpx2.HTTPTransport(verify=tls or ssl.create_default_context())
    with httpx2.Client(transport=inner, timeout=httpx2.Timeout(30.0), trust_env=False) as client:
        browser = _Browser(client, pending)
        page = browser.go("GET", pending.url)
        for _ in range(MOST_STEPS):
            if isinstance(page, str):
                return page
            page = browser.go("POST", *_answer(page, _Answers(user, role, identity_check)))
    raise StandInAsks("other", f"the stand-in asked more than {MOST_STEPS} times")


@dataclass(frozen=True, slots=True)
class _Browser:
    client: httpx2.Client
    pending: PendingSignIn

    def go(self, method: str, url: str, form: Mapping[str, str] | None = None) -> "_Shown | str":
        """Return the page that is shown in the end, or the address the person is sent back to."""
        for _ in range(MOST_STEPS):
            self._check_ours(url)
            response = self._send(method, url, form)
            if response.status_code not in _REDIRECTS:
                return self._shown(response, url)
            method, form = "GET", None
            url = str(httpx2.URL(url).join(response.headers.get("location", "")))
            if url.startswith(self.pending.redirect_uri):
                return url
        raise ClientError(f"the sign-in was sent around more than {MOST_STEPS} times")

    def _check_ours(self, url: str) -> None:
        asked, ours = urlsplit(url), urlsplit(self.pending.url)
        if (asked.scheme, asked.netloc) != (ours.scheme, ours.netloc):
            raise StandInAsks("elsewhere", f"{asked.scheme}://{asked.netloc} signs people in here, which is no stand-in of this server")

    def _send(self, method: str, url: str, form: Mapping[str, str] | None) -> httpx2.Response:
        with self.client.stream(method, url, data=dict(form) if form is not None else None, follow_redirects=False) as response:
            body = bytearray()
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > LARGEST_PAGE_BYTES:
                    raise ClientError(f"{urlsplit(url).path}: a page of more than {LARGEST_PAGE_BYTES} bytes")
        kept = [(name, value) for name, value in response.headers.multi_items() if name not in {"content-encoding", "content-length"}]
        return httpx2.Response(response.status_code, headers=kept, content=bytes(body))

    def _shown(self, response: httpx2.Response, url: str) -> "_Shown":
        path = urlsplit(url).path
        if "json" in response.headers.get("content-type", ""):
            raise api_error(response, SYSTEM_CLOCK.now(), TokenRefused)
        page = _Page()
        page.feed(response.text)
        if response.status_code >= 400 and not any(form.name == LOGIN_FORM for form in page.forms):
            raise ClientError(f"the stand-in refuses: {' '.join(page.said)[:500] or response.status_code}")
        if not path.startswith(PREFIXES):
            raise StandInAsks("elsewhere", f"{path} is no page of a stand-in")
        return _Shown(page, url)


@dataclass(frozen=True, slots=True)
class _Shown:
    page: _Page
    url: str


def _answer(shown: _Shown, answers: _Answers) -> tuple[str, dict[str, str]]:
    """Return where the page's form goes, filled in. Raises `StandInAsks`."""
    forms = [form for form in shown.page.forms if form.posts]
    login = next((form for form in forms if form.name == LOGIN_FORM and "username" in form.fields), None)
    if login is not None:
        if urlsplit(shown.url).path.endswith(SIGN_IN_PAGE):  # our answer was not taken: it is asked again
            raise StandInAsks("user", "the stand-in has nobody of this user name")
        return _to(shown, login, {"username": answers.user})
    for form in forms:
        asked = next((asked for page, asked in QUESTIONS.items() if urlsplit(form.action).path.endswith(page) and "choice" in form.fields), None)
        if asked is not None:
            choice = answers.to(asked[0])
            if choice is None:
                raise StandInAsks(*asked)
            return _to(shown, form, {"choice": choice})
    raise StandInAsks("other", "the stand-in asks something that a program cannot answer")


def _to(shown: _Shown, form: Form, more: dict[str, str]) -> tuple[str, dict[str, str]]:
    return str(httpx2.URL(shown.url).join(form.action)), form.hidden | more
