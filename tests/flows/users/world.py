"""The authorisation server with users in one process: a real database, two foreign sign-in providers, every clock in the test's hand."""

import asyncio
import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie
from ipaddress import ip_network
from typing import Any

from user_rows.place import BASE, CALLBACK, NOBODY_LISTENS, STANDINGS, Answer, Place
from wardgate.applications import Profile
from wardgate.audit.model import Event
from wardgate.authserver import AuthServer, AuthServerApp, AuthServerSettings, SigningKeyRing
from wardgate.authserver.message_ids import message_ids
from wardgate.jose import UnverifiedJWT
from wardgate.oauth.providers import Provider
from wardgate.outbound import FetchRules, KeySetSettings, KeySetSource, ProviderSettings, ProviderSource
from wardgate.security_patterns.snapshot import APIKey, Client, Revocations, Snapshot
from wardgate.server.sign_ins import StoredSignIns
from wardgate.stores import GroupCommit, Stores, StoreUnavailable
from wardgate.stores.ports import SigningKey, SingleUse

START = datetime(2026, 3, 2, 9, 0, 0, 500_000, UTC)
KEY, PUBLIC, SECRET = "DemoKeyDemoKeyDemoKeyDemoKey0001", "https://wardgate.example", "SecretOfDemoApp1"
SCOPES = tuple(f"urn:nhsd:apim:{family}:{level}:hello-world" for family, levels in (
    ("user-nhs-cis2", ("aal1", "aal2", "aal3")), ("user-nhs-id", ("aal3",)), ("user-nhs-login", ("P0", "P5", "P9")),
    ("app", ("level3",))) for level in levels)
STRONGEST = ("urn:nhsd:apim:user-nhs-cis2:aal3:hello-world", "urn:nhsd:apim:user-nhs-login:P9:hello-world")
LOOPBACK = (ip_network("127.0.0.0/8"),)

Changes = Mapping[str, Any]
STANDING: Mapping[str, tuple[Changes, Changes]] = {
    "good": ({}, {}), "another": ({}, {}), "strict": ({"profile": Profile.STRICT}, {"secret": None}),
    "strict over http": ({"profile": Profile.STRICT, "callback_urls": ("http://example.org/",)}, {"secret": None}),
    "two callbacks": ({"callback_urls": (CALLBACK, CALLBACK + "/2")}, {}), "no callback": ({"callback_urls": ()}, {}),
    "no secret": ({}, {"secret": None}), "no key set": ({"jwks": None}, {}),
    "unreachable key set": ({"jwks": None, "jwks_url": "https://127.0.0.1/jwks.json"}, {}),
    "application scopes only": ({"scopes": SCOPES[-1:]}, {}), "strongest only": ({"scopes": STRONGEST}, {}),
    "not approved": ({"refused": "application-not-approved"}, {}), "key revoked": ({}, {"revoked": True}), "key expired": ({}, {"expires": START}),
    "no product": ({"products": frozenset()}, {}), "developer inactive": ({"refused": "developer-inactive"}, {}),
    "company inactive": ({"refused": "company-inactive"}, {}), "known there": ({"provider_client_ids": ("known-there",)}, {}), "goes": ({}, {}), "moves": ({}, {}), "loses": ({}, {}),
}
"""What makes an application stand so: changes of it, and of its key."""


def application(standing: str) -> str:
    """Return the name of the application of a standing."""
    return "demo-app" if standing == "good" else f"{standing.replace(' ', '-')}-app"


def key_of(standing: str) -> str:
    """Return its API key."""
    return KEY if standing == "good" else f"KeyOf{''.join(word.title() for word in standing.split())}".ljust(32, "0")


def everybody(client: Client, credential: str) -> tuple[dict[str, Client], dict[str, APIKey]]:
    """Return an application of every standing, and its key."""
    clients, keys = {}, {}
    for standing in STANDINGS:
        of_client, of_key = STANDING[standing]
        name, text = application(standing), key_of(standing)
        clients[name] = replace(client, name=name, **of_client)
        identifier = credential if standing == "good" else f"{credential}-{name}"
        keys[text] = replace(APIKey(identifier, text, name, secret=SECRET), **of_key)
    return clients, keys


class FailingSignIns:
    """The store of sign-ins, of which some calls fail as they do when the database is away."""

    def __init__(self, found: Any) -> None:
        self.found = found
        self.down: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        if name in self.down:
            async def fail(*_: Any) -> Any:
                raise StoreUnavailable("the database is away")
            return fail
        return getattr(self.found, name)


@dataclass(kw_only=True)
class UserWorld(Place):
    """The server under test and everything around it that a test may change."""

    runner: asyncio.Runner
    stores: Stores
    commits: GroupCommit
    developer: Any
    credential: str
    now: datetime = START
    snapshot: Snapshot = field(init=False)
    trusted: tuple[Provider, ...] = field(init=False)
    settings: AuthServerSettings = field(default_factory=lambda: AuthServerSettings(monitoring_key="monitoring-key-for-tests", requests_per_minute=None))
    keys: tuple[SigningKey, ...] = field(init=False)
    app: AuthServerApp = field(init=False)
    sign_ins: FailingSignIns = field(init=False)
    shift: timedelta = timedelta(0)
    """How far `now` is ahead of the real time."""
    personas: dict[str, str] = field(default_factory=dict)
    """Faults of people, by subject."""
    numbers: int = 0
    first_record: int = 0

    def build(self) -> None:
        """Make the server anew, from the settings and keys of now."""
        source = ProviderSource(
            ProviderSettings(fetch=FetchRules(timeout_seconds=2, allowed_networks=LOOPBACK, plain_http_networks=LOOPBACK)),
            lambda: self.now, lambda: secrets.token_hex(8),
        )
        self.sign_ins = FailingSignIns(StoredSignIns(self.stores.grants, self.commits))

        async def record(event: Event) -> None:
            await self.commits.append(event)

        async def claim(use: SingleUse) -> bool:
            return (await self.commits.run(self.stores.single_uses.claim, [use]))[0]

        async def revoke(jti: str, until: datetime, event: Event) -> None:
            await self.commits.run(self.stores.tokens.revoke, jti, until, event)

        self.app = AuthServerApp(AuthServer(
            settings=self.settings, clients=lambda: self.snapshot, issue=self.commits.issue, claim=claim, record=record, revoke=revoke,
            keys=SigningKeyRing(lambda: self.keys), key_sets=KeySetSource(KeySetSettings(), lambda: self.now, lambda: (PUBLIC,)),
            now=lambda: self.now, new_token_id=lambda: secrets.token_urlsafe(16), new_message_id=message_ids(secrets.randbits(64)),
            new_secret=lambda: secrets.token_urlsafe(27), sign_ins=self.sign_ins, trusted=lambda: self.trusted, providers=source,
            clock_shift=lambda: self.shift, persona_fault=lambda who: self.personas.get(who.subject),
        ))

    # --- changes

    def client(self, name: str = "demo-app", **changes: Any) -> None:
        """Change an application."""
        client = replace(self.snapshot.clients[name], **changes)
        self.snapshot = replace(self.snapshot, clients={**self.snapshot.clients, name: client})

    def key(self, **changes: Any) -> None:
        """Change its API key."""
        self.snapshot = replace(self.snapshot, api_keys={**self.snapshot.api_keys, KEY: replace(self.snapshot.api_keys[KEY], **changes)})

    def profile(self, profile: Profile) -> "UserWorld":
        """Put the environment and the application into a profile."""
        environment = self.snapshot.environment.model_copy(update={"profile": profile})
        self.snapshot = replace(self.snapshot, environment=environment)
        self.client(profile=profile)
        return self

    def provider(self, kind: str, **changes: Any) -> None:
        """Change what the server knows of a provider."""
        self.trusted = tuple(replace(found, **changes) if found.kind == kind else found for found in self.trusted)

    def pass_time(self, **time: float) -> None:
        """Turn every clock."""
        self.now += timedelta(**time)
        self.cis2.now = self.nhs_login.now = self.now.timestamp()

    def forget_ended(self) -> None:
        """Take the sign-ins that ended into the snapshot, as the control loop does."""
        ended = self.stores.grants.ended(self.now - timedelta(minutes=11))
        self.snapshot = replace(self.snapshot, revocations=Revocations(grants=ended))

    # --- requests

    def assertion(
        self, header: Mapping[str, Any] | None = None, *, alg: str | None = None, standing: str = "good", base: str = BASE, **claims: Any
    ) -> str:
        """Return a new signed assertion; None leaves a header member or claim out."""
        self.numbers += 1
        vector = {"sign": alg or ("ES256" if self.is_strict(standing) else "RS512"), "header": header or {},
                  "claims": {"iss": key_of(standing), "sub": key_of(standing), "aud": self.token_url(base), **claims}}
        return str(self.developer.assertion(vector, self.now.timestamp(), self.numbers))

    def ask(self, target: str, method: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """Send one request."""
        return self.runner.run(self.asking(target, method, headers, body))

    async def asking(self, target: str, method: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """Send one request within the loop."""
        scope = {"type": "http", "method": method, "path": target.partition("?")[0], "query_string": target.partition("?")[2].encode("latin-1"),
                 "headers": [(k.encode(), v.encode("latin-1")) for k, v in {"host": "wardgate.example", **headers}.items()]}
        messages: list[Any] = []

        async def receive() -> dict[str, Any]:
            await asyncio.sleep(0)
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            messages.append(message)

        await self.app(scope, receive, send)
        start, end = messages
        jar: SimpleCookie = SimpleCookie()
        for name, value in start["headers"]:
            if name == b"set-cookie":
                jar.load(value.decode())
        return Answer(start["status"], {k.decode(): v.decode() for k, v in start["headers"]}, end["body"], {name: found.value for name, found in jar.items()})

    # --- what a place must know

    def identifier(self, standing: str = "good") -> str:
        """Return the API key of an application of this standing."""
        return key_of(standing)

    def secret(self, standing: str = "good") -> str:
        """Return its client secret."""
        return SECRET

    def is_strict(self, standing: str) -> bool:
        """Return whether an application has the profile `strict`."""
        return self.snapshot.clients[application(standing)].profile is Profile.STRICT

    def token_url(self, base: str = BASE) -> str:
        """Return the token endpoint's URL."""
        return f"{PUBLIC}{base}/token"

    def seconds(self) -> int:
        """Return the time."""
        return int(self.now.timestamp())

    def age(self, seconds: int) -> None:
        """Turn every clock."""
        self.pass_time(seconds=seconds)

    def outlive(self, seconds: float) -> None:
        """Turn every clock."""
        self.pass_time(seconds=seconds)

    def revoke(self, standing: str) -> None:
        """Revoke an application."""
        self.client(application(standing), refused="application-not-approved")

    def take_callback_back(self, standing: str) -> None:
        """Take an application's callback URLs away."""
        self.client(application(standing), callback_urls=())

    def lose_scopes(self, standing: str) -> None:
        """Take an application's scopes of users away."""
        self.client(application(standing), scopes=SCOPES[-1:])

    def limit_logout(self, network: str) -> None:
        """Say that logout tokens of CIS2 come from one network only."""
        self.provider("nhs-cis2", logout_networks=(network,))

    def forget_provider(self) -> None:
        """Take NHS CIS2 out of the manifest."""
        self.trusted = tuple(found for found in self.trusted if found.issuer != self.cis2.issuer)

    def trust_keys_at(self, path: str) -> None:
        """Say that the keys of the twin's NHS login are at a path of the other one, which is not down."""
        stated = {name: f"{NOBODY_LISTENS}/{name}" for name in ("authorization_endpoint", "token_endpoint")}
        self.trusted = tuple(replace(found, jwks_uri=self.nhs_login.issuer + path, **stated) if found.issuer == f"{NOBODY_LISTENS}/login" else found
                             for found in self.trusted)

    @contextmanager
    def store_that_cannot_end(self) -> Iterator[None]:
        """Keep the store from ending sign-ins, for a while."""
        self.sign_ins.down.add("end")
        yield
        self.sign_ins.down.clear()

    # --- what is left behind

    def events_of(self, answer: Answer) -> list[dict[str, Any]]:
        """Return the newest record, which is of this request."""
        return self.events()[-1:]

    def events(self) -> list[dict[str, Any]]:
        """Return the bodies of this test's records."""
        return [json.loads(record.body) for record in self.stores.audit.read(self.first_record, 1000)]

    def claims(self, token: str) -> dict[str, Any]:
        """Return what an access token says."""
        return dict(UnverifiedJWT.parse(token).claims)
