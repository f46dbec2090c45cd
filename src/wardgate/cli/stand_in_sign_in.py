"""Signing in at a stand-in as its browser would: the person of one click, and the answers to what is asked afterwards.

Only at the environment's own address, and only on a stand-in's pages: anywhere else a person has to sit before a browser.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2

from wardgate.cli.failures import Failed
from wardgate.client import ClientError, PendingSignIn, TokenRefused, api_error
from wardgate.client.clock import SYSTEM_CLOCK
from wardgate.standins.surfaces import PREFIXES, STEPS, Endpoint

MOST_STEPS: Final = 20
LARGEST_PAGE_BYTES: Final = 2_000_000
LOGIN_FORM: Final = "kc-form-login"
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class Answers:
    """What is said to a stand-in's questions; None: it was not said on the command line."""

    user: str
    role: str | None = None
    identity_check: str | None = None


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


def sign_in(client: httpx2.Client, base_url: str, pending: PendingSignIn, answers: Answers) -> str:
    """Return the address that the person comes back to. Raises `Failed` when somebody has to do it by hand, `ClientError` for a refusal."""
    browser = _Browser(client, base_url, pending.redirect_uri)
    page = browser.go("GET", pending.url)
    for _ in range(MOST_STEPS):
        if isinstance(page, str):
            return page
        page = browser.go("POST", *_answer(page, answers))
    raise Failed(f"the stand-in asked more than {MOST_STEPS} times: sign in with --browser")


@dataclass(frozen=True, slots=True)
class _Browser:
    client: httpx2.Client
    base_url: str
    redirect_uri: str

    def go(self, method: str, url: str, form: Mapping[str, str] | None = None) -> "_Shown | str":
        """Return the page that is shown in the end, or the address the person is sent back to."""
        for _ in range(MOST_STEPS):
            self._check_ours(url)
            response = self._send(method, url, form)
            if response.status_code not in _REDIRECTS:
                return self._shown(response, url)
            method, form = "GET", None
            url = str(httpx2.URL(url).join(response.headers.get("location", "")))
            if url.startswith(self.redirect_uri):
                return url
        raise Failed(f"the sign-in was sent around more than {MOST_STEPS} times")

    def _check_ours(self, url: str) -> None:
        asked, ours = urlsplit(url), urlsplit(self.base_url)
        if (asked.scheme, asked.netloc) != (ours.scheme, ours.netloc):
            raise Failed(f"{asked.scheme}://{asked.netloc} signs people in here: use --browser, and do it by hand")

    def _send(self, method: str, url: str, form: Mapping[str, str] | None) -> httpx2.Response:
        with self.client.stream(method, url, data=dict(form) if form is not None else None, follow_redirects=False) as response:
            body = bytearray()
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > LARGEST_PAGE_BYTES:
                    raise Failed(f"{urlsplit(url).path}: a page of more than {LARGEST_PAGE_BYTES} bytes")
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
            raise Failed(f"{path} is no page of a stand-in: use --browser, and sign in by hand")
        return _Shown(page, url)


@dataclass(frozen=True, slots=True)
class _Shown:
    page: _Page
    url: str


def _answer(shown: _Shown, answers: Answers) -> tuple[str, dict[str, str]]:
    """Return where the page's form goes, filled in. Raises `Failed` for a question nobody has answered."""
    forms = [form for form in shown.page.forms if form.posts]
    login = next((form for form in forms if form.name == LOGIN_FORM and "username" in form.fields), None)
    if login is not None:
        if STEPS[Endpoint.SIGN_IN] in urlsplit(shown.url).path:  # our answer was not taken: it is asked again
            raise Failed("the stand-in has nobody of this user name: its page, with --browser, lists who there is")
        return _to(shown, login, {"username": answers.user})
    for form in forms:
        step = next((step for step, path in STEPS.items() if urlsplit(form.action).path.endswith(path) and "choice" in form.fields), None)
        if step is not None:
            return _to(shown, form, {"choice": _choice(step, answers)})
    raise Failed("the stand-in asks something that a command cannot answer: use --browser")


def _to(shown: _Shown, form: Form, more: dict[str, str]) -> tuple[str, dict[str, str]]:
    return str(httpx2.URL(shown.url).join(form.action)), form.hidden | more


def _choice(step: Endpoint, answers: Answers) -> str:
    if step is Endpoint.CONSENT:
        return "agree"
    if step is Endpoint.ROLE:
        return _said(answers.role, "the person has several roles: choose one with --role")
    return _said(answers.identity_check, "the provider asks for an identity check: say how it ends with --identity-check passed|failed")


def _said(value: str | None, otherwise: str) -> str:
    if value is None:
        raise Failed(otherwise)
    return value


def browser_client(tls: Any) -> httpx2.Client:
    """Return a client that keeps cookies, as a browser of its own."""
    return httpx2.Client(verify=tls, timeout=httpx2.Timeout(30.0), trust_env=False)
