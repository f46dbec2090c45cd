"""Signing in through us: the rows of user-restricted 2.2 and 4.1 (authorize), 4.3 (callback) and 7.1 (userinfo), each table in order."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from user_rows.place import BASE, CALLBACK, STATE, TWIN, Answer, Place, kept
from user_rows.rows import Row, be, both, put


@dataclass
class Authorization:
    """The browser at our authorization endpoint."""

    query: dict[str, Any] = field(default_factory=dict)
    standing: str = "good"
    base: str = BASE
    method: str = "GET"
    raw: str | None = None

    def send(self, place: Place) -> Answer:
        """Ask."""
        if self.raw is not None:
            return place.get(f"/authorize?{self.raw}", self.base, self.method)
        good = {"client_id": place.identifier(self.standing), "redirect_uri": CALLBACK, "state": STATE, "response_type": "code"}
        return place.get("/authorize?" + urlencode(kept(good | self.query)), self.base, self.method)


@dataclass
class Pushed:
    """A request that an application of the profile `strict` pushes (RFC 9126): refused to itself, not by the browser."""

    form: dict[str, Any] = field(default_factory=dict)

    def send(self, place: Place) -> Answer:
        """Push."""
        return place.push(standing="strict", **self.form)


@dataclass
class Return:
    """A user who comes back from the provider. `person` and `header` change the ID token, `answers` what the provider says."""

    query: dict[str, Any] = field(default_factory=dict)
    person: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, tuple[int, str, bytes]] = field(default_factory=dict)
    standing: str = "good"
    base: str = BASE
    asked: dict[str, Any] = field(default_factory=dict)
    """Of the authorization request."""
    then: Callable[[Place], Any] = lambda _place: None
    """What happens while the user is away."""

    def send(self, place: Place) -> Answer:
        """Begin, sign in, come back."""
        away = place.authorize(standing=self.standing, **self.asked)
        provider, make = place.cis2, place.cis2.id_token
        person = {name: value(place) if callable(value) else value for name, value in self.person.items()}
        provider.id_token = lambda **claims: make(self.header, **{**claims, **person})
        provider.answers |= self.answers
        try:
            self.then(place)
            return self._come_back(place, away)
        finally:
            provider.id_token = make
            for path in self.answers:
                del provider.answers[path]

    def _come_back(self, place: Place, away: Answer) -> Answer:
        if self.base == BASE:
            return place.come_back(away, **self.query)
        return place.get("/callback?" + urlencode({"code": "x", "state": away.query["state"]}), self.base)


# fmt: off
AUTHORIZE_ROWS: tuple[Row[Authorization], ...] = (
    Row("POST", "method-not-get", be(method="POST")),
    Row("no client_id", "client-id-missing", put("query", client_id=None)),
    Row("an unknown client_id", "authorize-client-id-invalid", put("query", client_id="nobody")),
    Row("an application that is not approved", "client-not-approved-or-revoked", be(standing="not approved")),
    Row("no redirect_uri", "redirect-uri-missing", put("query", redirect_uri=None)),
    Row("another redirect_uri", "redirect-uri-invalid", put("query", redirect_uri="https://evil.example/")),
    Row("no state", "state-missing", put("query", state=None)),
    Row("no response_type", "response-type-missing", put("query", response_type=None)),
    Row("a token in place of a code", "response-type-invalid", put("query", response_type="token")),
    Row("a challenge that is none", "code-challenge-invalid", put("query", code_challenge="x", code_challenge_method="S256")),
    Row("a provider that is down", "provider-unavailable", be(base=TWIN)),
)
MORE_AUTHORIZE_ROWS: tuple[Row[Authorization], ...] = (
    Row("HEAD", "method-not-get", be(method="HEAD")),
    Row("PUT", "method-not-get", be(method="PUT")),
    Row("a bad escape", "query-malformed", be(raw="client_id=%zz")),
    Row("bytes that are no UTF-8", "query-malformed", be(raw="client_id=%ff%fe")),
    Row("a NUL", "query-malformed", be(raw="client_id=%00")),
    Row("a huge query", "query-too-large", be(raw="client_id=" + "x" * 20_000)),
    Row("many parameters", "query-too-large", be(raw="&".join(f"p{number}=1" for number in range(40)))),
    Row("a huge state", "query-too-large", put("query", state="x" * 5_000)),
    Row("an application whose key was revoked", "client-not-approved-or-revoked", be(standing="key revoked")),
    Row("an application whose key is over", "client-not-approved-or-revoked", be(standing="key expired")),
    Row("an application without products", "client-no-access", be(standing="no product")),
    Row("an inactive developer", "client-developer-inactive", be(standing="developer inactive")),
    Row("an inactive company", "client-company-inactive", be(standing="company inactive")),
    Row("an application without callback URLs", "redirect-uri-invalid", be(standing="no callback")),
    Row("strict: not pushed", "request-not-pushed", be(standing="strict")),
    Row("strict: a request of nobody", "request-uri-invalid", both(be(standing="strict"), put("query", request_uri="urn:ietf:params:oauth:request_uri:x"))),
    Row("strict: a request_uri elsewhere", "request-uri-invalid", both(be(standing="strict"), put("query", request_uri="https://evil.example/request"))),
)

PUSHED_ROWS: tuple[Row[Pushed], ...] = (
    Row("a secret in place of an assertion", "client-certificate-missing", put("form", client_assertion=None, client_assertion_type=None, client_secret="x")),
    Row("no redirect_uri", "redirect-uri-missing", put("form", redirect_uri=None)),
    Row("another redirect_uri", "redirect-uri-invalid", put("form", redirect_uri="https://evil.example/")),
    Row("no state", "state-missing", put("form", state=None)),
    Row("no response_type", "response-type-missing", put("form", response_type=None)),
    Row("another response_type", "response-type-invalid", put("form", response_type="token")),
    Row("no challenge", "code-challenge-missing", put("form", code_challenge=None)),
    Row("plain", "code-challenge-invalid", put("form", code_challenge_method="plain")),
)
CALLBACK_ROWS: tuple[Row[Return], ...] = (
    Row("a state of nobody", "callback-state", put("query", state="guessed")),
    Row("an application that went meanwhile", "client-not-approved-or-revoked", be(standing="goes", then=lambda place: place.revoke("goes"))),
    Row("a cookie of another browser", "callback-browser", be(then=lambda place: place.plant_cookies())),
    Row("a mixed-up issuer", "callback-issuer", put("query", iss="https://evil.example")),
    Row("the provider refuses", "provider-refused", put("query", error="access_denied", error_description="ConsentNotGiven")),
    Row("no code", "callback-code-missing", put("query", code=None)),
    Row("a code the provider does not know", "provider-code-refused", put("query", code="forged")),
    Row("no ID token", "id-token-malformed", be(answers={"/access_token": (200, "application/json", b'{"access_token":"x"}')}), alone=True),
    Row("an ID token for another client", "id-token-aud", put("person", aud="somebody")),
    Row("an ID token of another issuer", "id-token-iss", put("person", iss="https://elsewhere.example")),
    Row("an ID token by an unknown key", "id-token-kid-unknown", put("header", kid="unknown")),
    Row("an ID token by another key than it says", "id-token-signature", put("header", kid="nhs-cis2-1")),
    Row("an ID token that is over", "id-token-expired", put("person", exp=1)),
    Row("an ID token of nobody", "id-token-subject", put("person", sub=None)),
    Row("no scope of that level", "scope-none-for-user", put("person", authentication_assurance_level=None)),
)
MORE_CALLBACK_ROWS: tuple[Row[Return], ...] = (
    Row("no state", "callback-state", put("query", state=None)),
    Row("a state after 600 s", "callback-state", be(then=lambda place: place.age(600))),
    Row("a state at the twin's callback", "callback-state", be(base=TWIN)),
    Row("a state twice", "callback-state", be(then=lambda place: place.use_state())),
    Row("a callback URL that was taken back", "redirect-uri-invalid", be(standing="moves", then=lambda place: place.take_callback_back("moves"))),
    Row("the provider goes from the manifest", "provider-not-configured", be(then=lambda place: place.forget_provider())),
    Row("strict: a browser without the cookie", "callback-browser", be(standing="strict", then=lambda place: place.jar.clear())),
    Row("strict: another nonce", "id-token-nonce", both(be(standing="strict"), put("person", nonce="another"))),
    Row("strict: no nonce", "id-token-nonce", both(be(standing="strict"), put("person", nonce=None))),
    Row("the provider refuses in signs", "provider-refused", put("query", error="\r\nLocation: x", error_description='"<script>', code=None)),
    Row("the provider's token endpoint fails", "provider-unreachable", be(answers={"/access_token": (503, "text/plain", b"")})),
    Row("the provider answers a page", "provider-unreachable", be(answers={"/access_token": (200, "text/html", b"<html>")})),
    Row("the provider answers too much", "provider-unreachable",
        be(answers={"/access_token": (200, "application/json", b'{"id_token":"' + b"x" * 70_000 + b'"}')})),
    Row("an audience of two", "id-token-aud", put("person", aud=["wardgate", "somebody"])),
    Row("an issuer that only begins alike", "id-token-iss", put("person", iss=lambda place: place.cis2.issuer + ".evil.example")),
    Row("alg none", "id-token-signature", put("header", alg="none")),
    Row("HMAC", "id-token-signature", put("header", alg="HS256")),
    Row("PS256", "id-token-signature", put("header", alg="PS256")),
    Row("no kid", "id-token-kid-unknown", put("header", kid=None)),
    Row("a critical extension", "id-token-malformed", put("header", crit=["b64"], b64=False)),
    Row("an ID token without exp", "id-token-expired", put("person", exp=None)),
    Row("exp as text", "id-token-expired", put("person", exp="4000000000")),
    Row("a sub of 300 characters", "id-token-subject", put("person", sub="5" * 300)),
    Row("an application that has too few scopes", "scope-none-for-user", be(standing="strongest only", person={"authentication_assurance_level": "2"})),
)
# fmt: on


@dataclass
class Asking:
    """Somebody who asks for a user's details."""

    header: Callable[[Place], str | None] = lambda place: "Bearer " + place.tokens()["access_token"]
    then: Callable[[Place], Any] = lambda _place: None
    method: str = "GET"
    answers: dict[str, tuple[int, str, bytes]] = field(default_factory=dict)
    """What the provider says."""

    def send(self, place: Place) -> Answer:
        """Ask."""
        header = self.header(place)
        self.then(place)
        place.cis2.answers |= self.answers
        return place.get("/userinfo", method=self.method, **({} if header is None else {"authorization": header}))


def _exchanged(place: Place) -> str:
    return "Bearer " + str(place.exchange().json["access_token"])


def _short(place: Place) -> str:
    token = str(place.redeem(place.sign_in(), _access_token_expiry_ms="1000").json["access_token"])
    place.outlive(3)
    return "Bearer " + token


USERINFO_ROWS: tuple[Row[Asking], ...] = (
    Row("no header", "authorization-missing", be(header=lambda _place: None)),
    Row("an empty header", "authorization-empty", be(header=lambda _place: "")),
    Row("one word", "access-token-missing", be(header=lambda _place: "Bearer")),
    Row("a password", "token-type-invalid", be(header=lambda _place: "Basic eA==")),
    Row("an ID token", "access-token-unknown", be(header=lambda place: "Bearer " + place.cis2.id_token())),
    Row("a token that is over", "access-token-expired", be(header=_short)),
    Row("a token of a sign-in that ended", "access-token-revoked", be(
        header=lambda place: "Bearer " + place.tokens()["access_token"], then=lambda place: place.logout(place.cis2.logout_token()))),
    Row("a token of an exchange", "userinfo-not-combined", be(header=_exchanged)),
    Row("a patient's token", "userinfo-not-combined", be(header=lambda place: "Bearer " + place.tokens(scope="nhs-login")["access_token"])),
    Row("details of somebody else", "userinfo-mismatch", be(answers={"/userinfo": (200, "application/json", b'{"sub":"555000000999"}')})),
    Row("details of nobody", "userinfo-mismatch", be(answers={"/userinfo": (200, "application/json", b'{"name":"x"}')})),
    Row("details that are no JSON", "userinfo-mismatch", be(answers={"/userinfo": (200, "text/html", b"<html>")})),
    Row("a provider that fails", "provider-unreachable", be(answers={"/userinfo": (503, "text/html", b"<html>")})),
    Row("PUT", "method-not-get", be(method="PUT")),
)
