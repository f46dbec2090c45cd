"""A whole authorisation server in one process: real keys and signatures, an in-memory store, a clock that turns."""

import asyncio
import importlib.util
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from wardgate.applications import Profile
from wardgate.authserver import AuthServer, AuthServerApp, AuthServerSettings, SigningKeyRing
from wardgate.authserver.message_ids import message_ids
from wardgate.catalogue import Environment
from wardgate.jose import JWKSet, SigningJWK, base64url, sign
from wardgate.jose.strict_json import encode
from wardgate.outbound import KeySetSettings, KeySetSource
from wardgate.security_patterns.snapshot import APIKey, Client, Revocations, Snapshot, TokenIssuer
from wardgate.stores.ports import SigningKey


def _simulator(name: str) -> Any:
    path = Path(__file__).parents[2] / "simulators" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"simulators_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


MemoryIssue = _simulator("memory_issue").MemoryIssue

START = datetime(2026, 3, 2, 9, 0, 0, 500_000, UTC)
PUBLIC = "https://wardgate.example"
TOKEN_URL = f"{PUBLIC}/oauth2/token"
KEY = "DemoKeyDemoKeyDemoKeyDemoKey0001"
SCOPE = "urn:nhsd:apim:app:level3:hello-world"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
FORM = "application/x-www-form-urlencoded"

RSA = rsa.generate_private_key(65537, 2048)
OTHER_RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()
SIGNERS = {
    "RS512": SigningJWK.of("test-1", "RS512", RSA),
    "PS256": SigningJWK.of("ps-1", "PS256", RSA),
    "ES256": SigningJWK.of("es-1", "ES256", EC),
    "EdDSA": SigningJWK.of("ed-1", "EdDSA", ED),
}
JWKS = {"keys": [signer.public_jwk() for signer in SIGNERS.values()]}


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

    app: AuthServerApp
    store: Any
    now: datetime
    snapshot: Snapshot
    keys: tuple[SigningKey, ...]
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

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Return good claims, changed; a change to None leaves the claim out."""
        self.numbers += 1
        claims: dict[str, Any] = {"iss": KEY, "sub": KEY, "aud": TOKEN_URL, "jti": f"jti-{self.numbers}",
                                  "exp": int(self.now.timestamp()) + 300}
        return {name: value for name, value in (claims | changes).items() if value is not None}

    def assertion(self, alg: str = "RS512", header: Mapping[str, Any] | None = None, **changes: Any) -> str:
        """Return a signed assertion; `header` changes its header after the same rule."""
        claims = self.claims(**changes)
        if header is None:
            return sign(claims, SIGNERS[alg])
        members = {"alg": alg, "typ": "JWT", "kid": SIGNERS[alg].kid} | dict(header)
        return raw_assertion({k: v for k, v in members.items() if v is not None}, claims, alg)

    def form(self, **changes: str | None) -> dict[str, str]:
        """Return a good form, changed."""
        form: dict[str, str | None] = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE}
        form["client_assertion"] = changes.pop("client_assertion", None) or self.assertion()
        return {name: value for name, value in (form | changes).items() if value is not None}

    def ask(self, form: Mapping[str, str] | bytes | None = None, *, path: str = "/oauth2/token", method: str = "POST",
            headers: Mapping[str, str] | None = None) -> Answer:
        """Send one request and return the answer."""
        return asyncio.run(self.asking(form, path=path, method=method, headers=headers))

    async def asking(self, form: Mapping[str, str] | bytes | None = None, *, path: str = "/oauth2/token",
                     method: str = "POST", headers: Mapping[str, str] | None = None) -> Answer:
        """Send one request within a running loop."""
        body = form if isinstance(form, bytes) else urlencode(form or {}).encode()
        sent = {"content-type": FORM, "x-request-id": "11111111-1111-4111-8111-111111111111"} | dict(headers or {})
        scope = {"type": "http", "method": method, "path": path,
                 "headers": [(k.encode(), v.encode()) for k, v in sent.items() if v]}
        messages: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            messages.append(message)

        await self.app(scope, receive, send)
        start, end = messages
        return Answer(start["status"], {k.decode(): v.decode() for k, v in start["headers"]}, end["body"])

    def refusals(self) -> list[str | None]:
        """Reason codes recorded so far."""
        return [event.reason for event in self.store.events if event.reason is not None]


def raw_assertion(header: Mapping[str, Any], claims: Mapping[str, Any], alg: str = "RS512") -> str:
    """Return an assertion with exactly this header, signed by `alg`'s key."""
    text = ".".join(base64url.encode(encode(dict(part)).encode()) for part in (header, claims))
    signer = SIGNERS[alg]
    return f"{text}.{base64url.encode(signer.algorithm.sign(signer.key, text.encode()))}"


def snapshot() -> Snapshot:
    """Return an environment with one application and one API key."""
    client = Client(name="demo-app", organisation="Z9X01", products=frozenset({"hello-world"}), apis=frozenset({"hello-world"}),
                    scopes=(SCOPE, "urn:nhsd:apim:user-nhs-login:P9:hello-world"), asid="200000000115",
                    certificate_name="epr.example.thirdparty.nhs.uk", jwks=JWKS)
    issuers = (f"{PUBLIC}/oauth2", f"{PUBLIC}/oauth2-mock", "http://localhost:8080/oauth2", "http://localhost:8080/oauth2-mock")
    return Snapshot(
        generation=1, environment=Environment(name="demo"), apis=(), clients={"demo-app": client},
        api_keys={KEY: APIKey("credential-1", KEY, "demo-app")}, certificate_names={},
        tokens=TokenIssuer(issuers, "wardgate", JWKSet({}, {}), {"keys": []}), revocations=Revocations(),
    )


def make_world(settings: AuthServerSettings | None = None) -> World:
    """Return a server with the demonstration application."""
    store = MemoryIssue()
    numbers = iter(range(10**9))
    world = World(None, store, START, snapshot(), (signing_key("wg-1", START - timedelta(days=1)),))  # type: ignore[arg-type]

    class Sets(KeySetSource):
        """Key sets whose hosts are the test's dictionary."""

        async def _document(self, url: str) -> bytes:
            world.fetched.append(url)
            if url not in world.hosted:
                return await super()._document(url)
            return world.hosted[url]

    server = AuthServer(
        settings=settings or AuthServerSettings(monitoring_key="monitoring-key-for-tests"),
        clients=lambda: world.snapshot, issue=store.issue, claim=store.claim, record=store.record, revoke=store.revoke,
        keys=SigningKeyRing(lambda: world.keys), key_sets=Sets(KeySetSettings(), lambda: world.now, lambda: (PUBLIC,)),
        now=lambda: world.now, new_token_id=lambda: f"token-{next(numbers)}", new_message_id=message_ids(2**63 + 12345),
    )
    world.app = AuthServerApp(server)
    return world


@pytest.fixture
def world() -> World:
    """A fresh server."""
    return make_world()


