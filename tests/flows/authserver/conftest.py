"""A whole authorisation server in one process: real keys and signatures, an in-memory store, a clock that turns."""

import asyncio
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from simulators import client_developer as developer
from simulators.memory_issue import MemoryIssue
from wardgate.applications import Profile
from wardgate.authserver import AuthServer, AuthServerApp, AuthServerSettings, SigningKeyRing
from wardgate.authserver.message_ids import message_ids
from wardgate.catalogue import Environment
from wardgate.jose import JWKSet
from wardgate.outbound import KeySetSettings, KeySetSource, ProviderSettings, ProviderSource
from wardgate.security_patterns.snapshot import APIKey, Client, Revocations, Snapshot, TokenIssuer
from wardgate.stores.ports import SigningKey

START = datetime(2026, 3, 2, 9, 0, 0, 500_000, UTC)
KEY, PUBLIC, TOKEN_URL = developer.KEY, developer.PUBLIC, developer.TOKEN_URL
SCOPE = "urn:nhsd:apim:app:level3:hello-world"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
FORM = "application/x-www-form-urlencoded"
REQUEST_ID = "11111111-1111-4111-8111-111111111111"


@dataclass
class Answer:
    """One response."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def signing_key(kid: str, sign_from: datetime, verify_until: datetime | None = None) -> SigningKey:
    """Return a stored signing key of our own."""
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return SigningKey(kid, "access-token", pem.decode(), START, sign_from, verify_until)


@dataclass
class World:
    """The server under test and everything around it that a test may change."""

    store: Any
    now: datetime
    snapshot: Snapshot
    keys: tuple[SigningKey, ...]
    app: AuthServerApp = field(init=False)
    fetched: list[str] = field(default_factory=list)
    hosted: dict[str, bytes] = field(default_factory=dict)
    numbers: int = 0

    def client(self, **changes: Any) -> None:
        """Change the demonstration application."""
        client = replace(self.snapshot.clients["demo-app"], **changes)
        self.snapshot = replace(self.snapshot, clients={**self.snapshot.clients, "demo-app": client})

    def key(self, **changes: Any) -> None:
        """Change its API key."""
        key = replace(self.snapshot.api_keys[KEY], **changes)
        self.snapshot = replace(self.snapshot, api_keys={**self.snapshot.api_keys, KEY: key})

    def profile(self, profile: Profile) -> None:
        """Put the environment and the application into a profile."""
        environment = self.snapshot.environment.model_copy(update={"profile": profile})
        self.snapshot = replace(self.snapshot, environment=environment)
        self.client(profile=profile)

    def assertion(self, alg: str = "RS512", header: Mapping[str, Any] | None = None, **claims: Any) -> str:
        """Return a new signed assertion; None leaves a header member or claim out."""
        self.numbers += 1
        vector = {"sign": alg, "header": header or {}, "claims": claims}
        return str(developer.assertion(vector, self.now.timestamp(), self.numbers))

    def form(self, **changes: str | None) -> dict[str, str]:
        """Return a good form, changed; None leaves a parameter out."""
        form: dict[str, str | None] = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE}
        if "client_assertion" not in changes:
            form["client_assertion"] = self.assertion()
        return {name: value for name, value in (form | changes).items() if value is not None}

    def ask(self, form: Mapping[str, str] | bytes | None = None, *, path: str = "/oauth2/token", method: str = "POST",
            headers: Mapping[str, str] | None = None) -> Answer:
        """Send one request and return the answer."""
        return asyncio.run(self.asking(form, path=path, method=method, headers=headers))

    async def asking(self, form: Mapping[str, str] | bytes | None = None, *, path: str = "/oauth2/token",
                     method: str = "POST", headers: Mapping[str, str] | None = None) -> Answer:
        """Send one request within a running loop."""
        body = form if isinstance(form, bytes) else urlencode(form or {}).encode()
        parts = [body[start: start + 20_000] for start in range(0, len(body), 20_000)] or [b""]
        sent = {"content-type": FORM, "x-request-id": REQUEST_ID} | dict(headers or {})
        scope = {"type": "http", "method": method, "path": path.partition("?")[0], "query_string": path.partition("?")[2].encode(),
                 "headers": [(k.encode(), v.encode()) for k, v in sent.items() if v]}
        messages: list[Any] = []

        async def receive() -> dict[str, Any]:
            await asyncio.sleep(0)
            return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

        async def send(message: Any) -> None:
            messages.append(message)

        await self.app(scope, receive, send)
        start, end = messages
        return Answer(start["status"], {k.decode(): v.decode() for k, v in start["headers"]}, end["body"])

    def token(self) -> str:
        """Return a new access token."""
        return str(self.ask(self.form()).json["access_token"])


def snapshot() -> Snapshot:
    """Return an environment with one application and one API key."""
    client = Client(name="demo-app", organisation="Z9X01", products=frozenset({"hello-world"}), apis=frozenset({"hello-world"}),
                    scopes=(SCOPE, "urn:nhsd:apim:user-nhs-login:P9:hello-world"), asid="200000000115",
                    certificate_name="epr.example.thirdparty.nhs.uk", jwks=developer.JWKS)
    issuers = (f"{PUBLIC}/oauth2", f"{PUBLIC}/oauth2-mock", "http://localhost:8080/oauth2", "http://localhost:8080/oauth2-mock")
    return Snapshot(
        generation=1, environment=Environment(name="demo"), apis=(), clients={"demo-app": client},
        api_keys={KEY: APIKey("credential-1", KEY, "demo-app")}, certificate_names={},
        tokens=TokenIssuer(issuers, "wardgate", JWKSet({}, {}), {"keys": []}), revocations=Revocations(),
    )


class Nobody:
    """No user ever signs in here: nothing is known of any, and asking more is a failure of the test."""

    async def refresh_token(self, _hash: str) -> None:
        """Know no refresh token."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)


def _make_world(settings: AuthServerSettings | None = None) -> World:
    store = MemoryIssue()
    numbers = iter(range(10**9))
    world = World(store, START, snapshot(), (signing_key("wg-1", START - timedelta(days=1)),))

    class Sets(KeySetSource):
        """Key sets whose hosts are the test's dictionary."""

        async def _document(self, url: str) -> bytes:
            world.fetched.append(url)
            await asyncio.sleep(0)
            if url in world.hosted:
                return world.hosted[url]
            return await super()._document(url)

    server = AuthServer(
        settings=settings or AuthServerSettings(monitoring_key="monitoring-key-for-tests"),
        clients=lambda: world.snapshot, issue=store.issue, claim=store.claim, record=store.record, revoke=store.revoke,
        keys=SigningKeyRing(lambda: world.keys), key_sets=Sets(KeySetSettings(), lambda: world.now, lambda: (PUBLIC,)),
        now=lambda: world.now, new_token_id=lambda: f"token-{next(numbers)}", new_message_id=message_ids(2**63 + 12345),
        new_secret=lambda: secrets.token_urlsafe(27), sign_ins=Nobody(), trusted=tuple,
        providers=ProviderSource(ProviderSettings(), lambda: world.now, lambda: "never"),
    )
    world.app = AuthServerApp(server)
    return world


@pytest.fixture
def world() -> World:
    """A fresh server."""
    return _make_world()


@pytest.fixture
def make_world() -> Callable[..., World]:
    """Make a server with settings of the test's own."""
    return _make_world


@pytest.fixture(name="developer", scope="session")
def _developer() -> Any:
    return developer
