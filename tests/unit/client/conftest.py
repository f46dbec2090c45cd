"""A virtual clock, a token endpoint that checks what it is sent, and a refresh grant that notes second uses."""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs

import httpx2
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from wardgate.client import ClientSecret, Environment, PrivateKeySigner, SignedJWTAuth, UserApplication, UserSession
from wardgate.client.user_tokens import read_user_tokens

BASE = "https://int.example.nhs.uk"
TOKEN_URL = f"{BASE}/oauth2/token"
CLIENT_ID = "ExampleKeyExampleKeyExampleKey01"


@dataclass
class VirtualClock:
    """Time that passes when somebody waits."""

    at: datetime = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    waited: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    def sleep(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.at += timedelta(seconds=seconds)

    async def asleep(self, seconds: float) -> None:
        self.sleep(seconds)


@dataclass
class TokenEndpoint:
    """The part of the platform that a client meets: assertions are verified, a jti is taken once."""

    public_key: rsa.RSAPublicKey
    clock: VirtualClock
    skew: timedelta = timedelta()
    life: Any = "599"
    answers: list[httpx2.Response] = field(default_factory=list)
    """Given out first, one for each token request."""
    issued: int = 0
    calls: list[httpx2.Request] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    jtis: set[str] = field(default_factory=set)
    revoked: set[str] = field(default_factory=set)
    guard: threading.Lock = field(default_factory=threading.Lock)
    slow: Callable[[], None] | None = None

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        if str(request.url) == TOKEN_URL:
            return self.token(request)
        self.calls.append(request)
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not token or token in self.revoked:
            return httpx2.Response(401, json={"fault": {"faultstring": "Invalid Access Token", "detail": {
                "errorcode": "keymanagement.service.invalid_access_token"}}})
        return httpx2.Response(200, json={"token": token})

    def token(self, request: httpx2.Request) -> httpx2.Response:
        assert request.headers["content-type"] == "application/x-www-form-urlencoded"
        form = {name: values[0] for name, values in parse_qs(request.content.decode(), strict_parsing=True).items()}
        assert form["grant_type"] == "client_credentials"
        claims = self.verified(form["client_assertion"])
        with self.guard:
            self.requests.append(claims)
            if self.slow is not None:
                self.slow()
            if self.answers:
                return self.answers.pop(0)
            refused = self.refuse(claims)
            if refused is not None:
                return self.oauth_error(400, refused)
            self.issued += 1
            return httpx2.Response(200, json={
                "access_token": f"token-{self.issued}", "expires_in": self.life, "token_type": "Bearer",
                "issued_at": "1772366400000",
            })

    def refuse(self, claims: dict[str, Any]) -> str | None:
        server_now = (self.clock.now() + self.skew).timestamp()
        if claims["exp"] < server_now:
            return "Invalid 'exp' claim in client_assertion JWT - JWT has expired"
        if claims["jti"] in self.jtis:
            return "Non-unique 'jti' claim in client_assertion JWT"
        self.jtis.add(claims["jti"])
        if claims["exp"] > server_now + 310:
            return "Invalid 'exp' claim in client_assertion JWT - more than 5 minutes in future"
        return None

    def oauth_error(self, status: int, description: str) -> httpx2.Response:
        date = format_datetime(self.clock.now() + self.skew, usegmt=True)
        return httpx2.Response(status, headers={"Date": date}, json={
            "error": "invalid_request", "error_description": description, "message_id": "rrt-1-a-geu2-1-1-1"})

    def verified(self, assertion: str) -> dict[str, Any]:
        header, payload, signature = assertion.split(".")
        assert json.loads(unbase64(header)) == {"alg": "RS512", "typ": "JWT", "kid": "test-1"}
        self.public_key.verify(unbase64(signature), f"{header}.{payload}".encode(), padding.PKCS1v15(), hashes.SHA512())
        claims: dict[str, Any] = json.loads(unbase64(payload))
        assert claims["iss"] == claims["sub"] == CLIENT_ID
        assert claims["aud"] == TOKEN_URL
        return claims


@dataclass
class RefreshEndpoint:
    """The refresh grant of the platform: every use replaces the token, and a second use is noted and refused (user-restricted 4.5)."""

    clock: VirtualClock
    grace_seconds: float = 0.0
    """In the profile `strict`: how long a repeat gets the same successor."""
    asked: list[str] = field(default_factory=list)
    """Every refresh token that arrived, in order."""
    before: Callable[[], None] | None = None
    """Called while a request is under way."""
    faults: list[Callable[[httpx2.Request, httpx2.Response], httpx2.Response]] = field(default_factory=list)
    """What becomes of the next answers; they are made, and then spoilt."""
    unsent: list[Exception] = field(default_factory=list)
    """Raised before a request arrives."""
    successors: dict[str, tuple[int, float]] = field(default_factory=dict)
    newest: str = "refresh-0"
    guard: threading.Lock = field(default_factory=threading.Lock)

    @property
    def second_uses(self) -> list[str]:
        """Tokens that came again after they were replaced."""
        return sorted({token for token in self.asked if self.asked.count(token) > 1})

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        assert (form["grant_type"], form["client_id"], form["client_secret"]) == ("refresh_token", CLIENT_ID, "a-secret")
        with self.guard:
            if self.unsent:
                raise self.unsent.pop(0)
            answer = self.answer(form["refresh_token"])
            fault = self.faults.pop(0) if self.faults else None
        if self.before is not None:
            self.before()
        return answer if fault is None else fault(request, answer)

    def answer(self, token: str) -> httpx2.Response:
        self.asked.append(token)
        now = self.clock.monotonic()
        if token in self.successors:
            count, at = self.successors[token]
            if now - at > self.grace_seconds or self.grace_seconds == 0:
                return httpx2.Response(401, json={"error": "invalid_grant", "error_description": "refresh_token is invalid", "message_id": "m"})
        elif token != self.newest:
            return httpx2.Response(401, json={"error": "invalid_grant", "error_description": "refresh_token is invalid", "message_id": "m"})
        else:
            count = len(self.successors) + 1
            self.successors[token], self.newest = (count, now), f"refresh-{count}"
        return httpx2.Response(200, json=user_answer(f"access-{count}", f"refresh-{count}", count))


def user_answer(access: str, refresh: str, count: int) -> dict[str, str]:
    """Return an answer of the token endpoint, numbers as texts (user-restricted 4.4)."""
    return {"access_token": access, "expires_in": "599", "token_type": "Bearer", "refresh_token": refresh,
            "refresh_token_expires_in": str(43199 - count), "refresh_count": str(count)}


def unbase64(text: str) -> bytes:
    """Decode base64url without padding."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@pytest.fixture
def clock() -> VirtualClock:
    """Return a clock that passes only when somebody waits."""
    return VirtualClock()


@pytest.fixture(scope="session")
def rsa_key() -> rsa.RSAPrivateKey:
    """Return one RSA key for all tests of this folder."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="session")
def rsa_pem(rsa_key: rsa.RSAPrivateKey) -> bytes:
    """Return the same key in PKCS #8 PEM."""
    return rsa_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


@pytest.fixture
def endpoint(rsa_key: rsa.RSAPrivateKey, clock: VirtualClock) -> TokenEndpoint:
    """Return a token endpoint and an API that takes its tokens, on the virtual clock."""
    return TokenEndpoint(rsa_key.public_key(), clock)


@pytest.fixture
def refreshing(clock: VirtualClock) -> RefreshEndpoint:
    """Return a refresh grant on the virtual clock, whose first token is `refresh-0`."""
    return RefreshEndpoint(clock)


@pytest.fixture
def sessions(clock: VirtualClock) -> Iterator[Callable[..., UserSession]]:
    """Return a maker of sessions against a transport; more goes to the session. The user has just signed in, unless told otherwise."""
    opened: list[UserApplication] = []

    def make(server: Callable[[httpx2.Request], httpx2.Response], *, begin: bool = True, **more: Any) -> UserSession:
        application = UserApplication(Environment.at(BASE), ClientSecret(CLIENT_ID, "a-secret"), clock=clock, draw=lambda: 1.0,
                                      transport=httpx2.MockTransport(server))
        opened.append(application)
        session = UserSession(application, **more)
        if begin:
            session.start(read_user_tokens(json.dumps(user_answer("access-0", "refresh-0", 0)).encode(), clock.now()))
        return session

    yield make
    for application in opened:
        application.close()


@pytest.fixture
def signed_jwt(rsa_key: rsa.RSAPrivateKey, clock: VirtualClock) -> Callable[..., SignedJWTAuth]:
    """Return a maker of auths for the endpoint; settings may be replaced."""
    def make(**settings: Any) -> SignedJWTAuth:
        defaults = {"kid": "test-1", "token_url": TOKEN_URL, "clock": clock, "draw": lambda: 1.0}
        return SignedJWTAuth(CLIENT_ID, PrivateKeySigner(rsa_key, "RS512"), **(defaults | settings))
    return make
