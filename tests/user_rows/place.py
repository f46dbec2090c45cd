"""A place where users sign in through Wardgate and tokens are asked for: what the rows need of it, whichever it is.

Two places exist: the authorisation server in one process with every clock and store in the test's hand (`tests/flows/users`),
and a Wardgate as its operator runs it, behind a real Envoy (`tests/system`). Both have two foreign sign-in providers at
`BASE`; behind the twin, `TWIN`, are two providers that are down.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from wardgate.oauth.pkce import challenge_of

BASE = "/oauth2"
TWIN = "/oauth2-mock"
NOBODY_LISTENS = "http://127.0.0.1:9"
"""The issuer of the twin's CIS2; its NHS login has the path `/login` behind it."""
FORM = "application/x-www-form-urlencoded"
ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
CALLBACK = "https://example.org/callback"
STATE = "1234567890"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"

STANDINGS = (
    "good", "another", "strict", "strict over http", "two callbacks", "no callback", "no secret", "no key set", "unreachable key set",
    "application scopes only", "strongest only", "not approved", "key revoked", "key expired", "no product", "developer inactive",
    "company inactive", "known there", "goes", "moves", "loses",
)
"""How an application stands: each is one application of a place. The last three are those that change while a user is away."""


@dataclass
class Answer:
    """One response."""

    status: int
    headers: dict[str, str]
    body: bytes
    cookies: dict[str, str]

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def location(self) -> str:
        """Where the browser is sent, without the query."""
        return self.headers["location"].partition("?")[0]

    @property
    def query(self) -> dict[str, str]:
        """What the browser takes with it."""
        return {name: values[0] for name, values in parse_qs(urlsplit(self.headers["location"]).query, strict_parsing=True).items()}

    @property
    def code(self) -> str | None:
        """The reason's code, if this is a refusal."""
        return self.headers.get("x-wardgate-reason")


def kept(members: Mapping[str, str | None]) -> dict[str, str]:
    """Return the members that are not None."""
    return {name: value for name, value in members.items() if value is not None}


@dataclass
class Place(ABC):
    """Somebody who asks. The two places fill in what is abstract here."""

    cis2: Any
    nhs_login: Any
    jar: dict[str, str] = field(default_factory=dict, kw_only=True)
    away: Answer | None = field(default=None, kw_only=True)
    """Where a browser was sent last."""

    # --- what a place must know

    @abstractmethod
    def ask(self, target: str, method: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """Send one request."""

    @abstractmethod
    def identifier(self, standing: str = "good") -> str:
        """Return the API key of an application of this standing."""

    @abstractmethod
    def secret(self, standing: str = "good") -> str:
        """Return its client secret."""

    @abstractmethod
    def assertion(self, header: Mapping[str, Any] | None = None, *, standing: str = "good", base: str = BASE, **claims: Any) -> str:
        """Return a new signed assertion of an application; None leaves a header member or claim out."""

    @abstractmethod
    def token_url(self, base: str = BASE) -> str:
        """Return the token endpoint's URL, as `aud` names it."""

    @abstractmethod
    def seconds(self) -> int:
        """Return the time."""

    @abstractmethod
    def age(self, seconds: int) -> None:
        """Make every state, code, sign-in and refresh token older."""

    @abstractmethod
    def outlive(self, seconds: float) -> None:
        """Let that much time pass, as access tokens see it."""

    def is_strict(self, standing: str) -> bool:
        """Return whether an application has the profile `strict`."""
        return standing.startswith("strict")

    @abstractmethod
    def revoke(self, standing: str) -> None:
        """Revoke an application."""

    @abstractmethod
    def take_callback_back(self, standing: str) -> None:
        """Take an application's callback URLs away."""

    @abstractmethod
    def lose_scopes(self, standing: str) -> None:
        """Take an application's scopes of users away."""

    @abstractmethod
    def limit_logout(self, network: str) -> None:
        """Say that logout tokens of CIS2 come from one network only."""

    @abstractmethod
    def forget_provider(self) -> None:
        """Take NHS CIS2 out of the manifest."""

    @abstractmethod
    def trust_keys_at(self, path: str) -> None:
        """Say that the keys of the twin's NHS login are at a path of the other one, which is not down."""

    @abstractmethod
    def store_that_cannot_end(self) -> AbstractContextManager[None]:
        """Keep the store from ending sign-ins, for a while."""

    @abstractmethod
    def events_of(self, answer: Answer) -> list[dict[str, Any]]:
        """Return what was recorded of a request."""

    # --- browsers

    def plant_cookies(self) -> None:
        """Put other values into the browser's cookies."""
        self.jar = dict.fromkeys(self.jar, "planted")

    def use_state(self) -> None:
        """Come back with the last state, before the user does."""
        assert self.away is not None
        self.get("/callback?" + urlencode({"code": "x", "state": self.away.query["state"]}))

    # --- requests

    def get(self, path: str, base: str = BASE, method: str = "GET", **headers: str) -> Answer:
        """Send a request of a browser, with its cookies."""
        cookie = "; ".join(f"{name}={value}" for name, value in self.jar.items())
        answer = self.ask(base + path, method, kept({"cookie": cookie or None, **headers}))
        self.jar |= answer.cookies
        return answer

    def post(self, path: str, form: Mapping[str, str] | bytes, base: str = BASE, **headers: str) -> Answer:
        """Post a form."""
        body = form if isinstance(form, bytes) else urlencode(form).encode()
        return self.ask(base + path, "POST", {"content-type": FORM, **{name.replace("_", "-"): value for name, value in headers.items()}}, body)

    def exchange(self, **changes: str | None) -> Answer:
        """Exchange an ID token; None leaves a parameter out."""
        return self.post("/token", self.exchange_form(**changes))

    def exchange_form(self, **changes: str | None) -> dict[str, str]:
        """Return a good token exchange, changed."""
        form: dict[str, str | None] = {
            "grant_type": EXCHANGE, "subject_token_type": ID_TOKEN, "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": changes["client_assertion"] if "client_assertion" in changes else self.assertion(),
            "subject_token": changes["subject_token"] if "subject_token" in changes else self.cis2.id_token(),
        }
        return kept(form | changes)

    def proof(self, standing: str = "good") -> dict[str, str]:
        """Return what proves an application at the code and refresh grants."""
        if self.is_strict(standing):
            return {"client_id": self.identifier(standing), "client_assertion_type": ASSERTION_TYPE,
                    "client_assertion": self.assertion(standing=standing)}
        return {"client_id": self.identifier(standing), "client_secret": self.secret(standing)}

    def refresh(self, token: str | None, *, standing: str = "good", **changes: str | None) -> Answer:
        """Refresh."""
        return self.post("/token", kept({"grant_type": "refresh_token", **self.proof(standing), "refresh_token": token, **changes}))

    def redeem(self, code: str | None, *, standing: str = "good", **changes: str | None) -> Answer:
        """Redeem a code of ours."""
        strict = {"code_verifier": VERIFIER} if self.is_strict(standing) else {}
        return self.post("/token", kept({"grant_type": "authorization_code", **self.proof(standing), "redirect_uri": CALLBACK, "code": code,
                                         **strict, **changes}))

    def authorize(self, *, standing: str = "good", base: str = BASE, **changes: str | None) -> Answer:
        """Begin a sign-in as the browser does; a `strict` application has pushed the request before."""
        query: dict[str, str | None] = {"client_id": self.identifier(standing), "redirect_uri": CALLBACK, "state": STATE, "response_type": "code"}
        if self.is_strict(standing) and "request_uri" not in changes:
            pushed = self.push(standing=standing, **changes)
            if pushed.status != 201:
                return pushed
            query, changes = {"client_id": self.identifier(standing), "request_uri": pushed.json["request_uri"]}, {}
        self.away = self.get("/authorize?" + urlencode(kept(query | changes)), base)
        return self.away

    def push(self, *, standing: str = "good", **changes: str | None) -> Answer:
        """Push an authorization request (RFC 9126)."""
        form: dict[str, str | None] = {**self.proof(standing), "redirect_uri": CALLBACK, "state": STATE, "response_type": "code",
                                       "code_challenge": challenge_of(VERIFIER), "code_challenge_method": "S256"}
        return self.post("/par", kept(form | changes))

    def come_back(self, away: Answer, **changes: str | None) -> Answer:
        """Sign in at the provider the browser was sent to, and come back to the callback; None leaves a parameter out."""
        assert away.status == 302, away.body
        provider = self.cis2 if away.location.startswith(self.cis2.issuer) else self.nhs_login
        back = urlsplit(provider.sign_in(away.headers["location"]))
        query: dict[str, str | None] = {name: values[0] for name, values in parse_qs(back.query).items()}
        return self.get("/callback?" + urlencode(kept(query | changes)))

    def sign_in(self, *, standing: str = "good", **changes: str | None) -> str:
        """Sign in through us and return the code."""
        back = self.come_back(self.authorize(standing=standing, **changes))
        assert back.status == 302, back.body
        return back.query["code"]

    def tokens(self, *, standing: str = "good", **changes: str | None) -> dict[str, str]:
        """Sign in through us and return the tokens."""
        answer = self.redeem(self.sign_in(standing=standing, **changes), standing=standing)
        assert answer.status == 200, answer.body
        return dict(answer.json)

    def logout(self, token: str | None, base: str = BASE, **headers: str) -> Answer:
        """Post a logout token."""
        return self.post("/backchannel_logout", {} if token is None else {"logout_token": token}, base, **headers)

    def userinfo(self, token: str, base: str = BASE, **headers: str) -> Answer:
        """Ask for the user's details."""
        return self.get("/userinfo", base, authorization=f"Bearer {token}", **headers)
