"""The authorisation server with users: a real database, a client's developer, and two foreign sign-in providers over loopback HTTP."""

import asyncio
import contextlib
import importlib.util
import json
import secrets
import sys
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from wardgate.applications import Profile
from wardgate.audit.model import Event
from wardgate.authserver import AuthServer, AuthServerApp, AuthServerSettings, SigningKeyRing
from wardgate.authserver.message_ids import message_ids
from wardgate.catalogue import Environment
from wardgate.jose import KeyRules, UnverifiedJWT, parse_jwk_set
from wardgate.keystores import Sealer
from wardgate.oauth.pkce import challenge_of
from wardgate.oauth.providers import Provider
from wardgate.oauth.users import ProviderKind
from wardgate.outbound import FetchRules, KeySetSettings, KeySetSource, ProviderSettings, ProviderSource
from wardgate.security_patterns.snapshot import APIKey, Client, Revocations, Snapshot, TokenIssuer
from wardgate.server.sign_ins import StoredSignIns
from wardgate.stores import GroupCommit, Stores, StoreUnavailable, open_stores
from wardgate.stores.ports import SigningKey, SingleUse


def _simulator(name: str) -> Any:
    module_name = f"simulators_{name}"
    if module_name not in sys.modules:
        spec = importlib.util.spec_from_file_location(module_name, Path(__file__).parents[2] / "simulators" / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        sys.modules[module_name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[module_name])
    return sys.modules[module_name]


def _neighbour(name: str) -> None:
    """Make a file beside this one importable as `users_NAME`: tests are imported by path, not from packages."""
    spec = importlib.util.spec_from_file_location(f"users_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    sys.modules[f"users_{name}"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[f"users_{name}"])


_neighbour("checking")
developer, openid = _simulator("client_developer"), _simulator("openid_provider")

START = datetime(2026, 3, 2, 9, 0, 0, 500_000, UTC)
KEY, PUBLIC, SECRET = developer.KEY, developer.PUBLIC, "SecretOfDemoApp1"
CALLBACK = "https://example.org/callback"
FORM = "application/x-www-form-urlencoded"
ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
SCOPES = tuple(f"urn:nhsd:apim:{family}:{level}:hello-world" for family, levels in (
    ("user-nhs-cis2", ("aal1", "aal2", "aal3")), ("user-nhs-id", ("aal3",)), ("user-nhs-login", ("P0", "P5", "P9")),
    ("app", ("level3",))) for level in levels)
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
LOOPBACK = (ip_network("127.0.0.0/8"),)


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


@dataclass
class UserWorld:
    """The server under test and everything around it that a test may change."""

    runner: asyncio.Runner
    stores: Stores
    commits: GroupCommit
    cis2: Any
    nhs_login: Any
    credential: str
    now: datetime = START
    snapshot: Snapshot = field(init=False)
    trusted: tuple[Provider, ...] = field(init=False)
    settings: AuthServerSettings = field(default_factory=lambda: AuthServerSettings(monitoring_key="monitoring-key-for-tests", requests_per_minute=None))
    keys: tuple[SigningKey, ...] = field(init=False)
    app: AuthServerApp = field(init=False)
    sign_ins: FailingSignIns = field(init=False)
    jar: dict[str, str] = field(default_factory=dict)
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
        ))

    # --- changes

    def client(self, **changes: Any) -> None:
        """Change the application."""
        client = replace(self.snapshot.clients["demo-app"], **changes)
        self.snapshot = replace(self.snapshot, clients={**self.snapshot.clients, "demo-app": client})

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

    def assertion(self, alg: str | None = None, header: Mapping[str, Any] | None = None, **claims: Any) -> str:
        """Return a new signed assertion; None leaves a header member or claim out."""
        self.numbers += 1
        strict = self.snapshot.environment.profile is Profile.STRICT
        vector = {"sign": alg or ("ES256" if strict else "RS512"), "header": header or {}, "claims": claims}
        return str(developer.assertion(vector, self.now.timestamp(), self.numbers))

    def exchange_form(self, **changes: str | None) -> dict[str, str]:
        """Return a good token exchange, changed; None leaves a parameter out."""
        form: dict[str, str | None] = {
            "grant_type": EXCHANGE, "subject_token_type": ID_TOKEN, "client_assertion_type": developer_type(),
            "client_assertion": changes["client_assertion"] if "client_assertion" in changes else self.assertion(),
            "subject_token": changes["subject_token"] if "subject_token" in changes else self.cis2.id_token(),
        }
        return {name: value for name, value in (form | changes).items() if value is not None}

    def exchange(self, **changes: str | None) -> Answer:
        """Exchange an ID token."""
        return self.post("/token", self.exchange_form(**changes))

    def proof(self) -> dict[str, str]:
        """Return what proves the client at the code and refresh grants."""
        if self.snapshot.environment.profile is Profile.STRICT:
            return {"client_id": KEY, "client_assertion_type": developer_type(), "client_assertion": self.assertion()}
        return {"client_id": KEY, "client_secret": SECRET}

    def refresh(self, token: str | None, **changes: str | None) -> Answer:
        """Refresh."""
        form = {"grant_type": "refresh_token", **self.proof(), "refresh_token": token, **changes}
        return self.post("/token", {name: value for name, value in form.items() if value is not None})

    def redeem(self, code: str | None, **changes: str | None) -> Answer:
        """Redeem a code of ours."""
        strict = {"code_verifier": VERIFIER} if self.snapshot.environment.profile is Profile.STRICT else {}
        form = {"grant_type": "authorization_code", **self.proof(), "redirect_uri": CALLBACK, "code": code, **strict, **changes}
        return self.post("/token", {name: value for name, value in form.items() if value is not None})

    def authorize(self, **changes: str | None) -> Answer:
        """Begin a sign-in as the browser does; in `strict` the request is pushed first."""
        query: dict[str, str | None] = {"client_id": KEY, "redirect_uri": CALLBACK, "state": "1234567890", "response_type": "code"}
        if self.snapshot.environment.profile is Profile.STRICT and "request_uri" not in changes:
            pushed = self.push(**changes)
            if pushed.status != 201:
                return pushed
            query, changes = {"client_id": KEY, "request_uri": pushed.json["request_uri"]}, {}
        return self.get("/authorize?" + urlencode({name: value for name, value in (query | changes).items() if value is not None}))

    def push(self, **changes: str | None) -> Answer:
        """Push an authorization request (RFC 9126)."""
        form: dict[str, str | None] = {**self.proof(), "redirect_uri": CALLBACK, "state": "1234567890", "response_type": "code",
                                       "code_challenge": challenge_of(VERIFIER), "code_challenge_method": "S256"}
        return self.post("/par", {name: value for name, value in (form | changes).items() if value is not None})

    def come_back(self, away: Answer, **changes: str | None) -> Answer:
        """Sign in at the provider the browser was sent to, and come back to the callback; None leaves a parameter out."""
        provider = self.cis2 if away.location.startswith(self.cis2.issuer) else self.nhs_login
        back = urlsplit(provider.sign_in(away.headers["location"]))
        query: dict[str, str | None] = {name: values[0] for name, values in parse_qs(back.query).items()}
        return self.get("/callback?" + urlencode({name: value for name, value in (query | changes).items() if value is not None}))

    def sign_in(self, **changes: str | None) -> str:
        """Sign in through us and return the code."""
        back = self.come_back(self.authorize(**changes))
        assert back.status == 302, back.body
        return back.query["code"]

    def tokens(self, **changes: str | None) -> dict[str, str]:
        """Sign in through us and return the tokens."""
        answer = self.redeem(self.sign_in(**changes))
        assert answer.status == 200, answer.body
        return dict(answer.json)

    def get(self, path: str, base: str = "/oauth2", method: str = "GET", **headers: str) -> Answer:
        """Send a request of a browser, with its cookies."""
        cookie = "; ".join(f"{name}={value}" for name, value in self.jar.items())
        answer = self.runner.run(self.asking(base + path, method, {"cookie": cookie, **headers}))
        for name, value in answer.cookies.items():
            self.jar[name] = value
        return answer

    def post(self, path: str, form: Mapping[str, str] | bytes, base: str = "/oauth2", **headers: str) -> Answer:
        """Post a form."""
        body = form if isinstance(form, bytes) else urlencode(form).encode()
        return self.runner.run(self.asking(base + path, "POST", {"content-type": FORM, **{name.replace("_", "-"): value for name, value in headers.items()}}, body))

    async def asking(self, target: str, method: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """Send one request within the loop."""
        scope = {"type": "http", "method": method, "path": target.partition("?")[0], "query_string": target.partition("?")[2].encode(),
                 "headers": [(k.encode(), v.encode()) for k, v in {"host": "wardgate.example", **headers}.items() if v]}
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

    def logout(self, token: str | None, **headers: str) -> Answer:
        """Post a logout token."""
        return self.post("/backchannel_logout", {} if token is None else {"logout_token": token}, **headers)

    def userinfo(self, token: str, **headers: str) -> Answer:
        """Ask for the user's details."""
        return self.get("/userinfo", authorization=f"Bearer {token}", **headers)

    # --- what is left behind

    def events(self) -> list[dict[str, Any]]:
        """Return the bodies of this test's records."""
        return [json.loads(record.body) for record in self.stores.audit.read(self.first_record, 1000)]

    def claims(self, token: str) -> dict[str, Any]:
        """Return what an access token says."""
        return dict(UnverifiedJWT.parse(token).claims)


def developer_type() -> str:
    """Return the type of assertions."""
    return "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@pytest.fixture(scope="session")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    """A real database for all tests of this folder."""
    path = tmp_path_factory.mktemp("users") / "wardgate.db"
    found = open_stores(f"sqlite:///{path}", Sealer([b"user-flows-of-tests-store-key-32"]), synchronous="normal")
    yield found
    found.close()


def _signing_key() -> SigningKey:
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return SigningKey("wg-1", "access-token", pem.decode(), START, START - timedelta(days=1), None)


def _provider(found: Any, base_path: str = "/oauth2") -> Provider:
    return Provider(f"{found.kind}-foreign", ProviderKind(found.kind), found.issuer, "wardgate", base_path, client_secret=found.client_secret)


@pytest.fixture
def world(stores: Stores) -> Iterator[UserWorld]:
    """A fresh server, a fresh application, fresh providers."""
    with contextlib.ExitStack() as stack:
        runner = stack.enter_context(asyncio.Runner())

        async def start() -> GroupCommit:
            return GroupCommit(stores)

        commits = runner.run(start())
        stack.callback(lambda: runner.run(commits.close()))
        cis2, nhs_login = openid.OpenIDProvider("nhs-cis2"), openid.OpenIDProvider("nhs-login")
        for found in (cis2, nhs_login):
            found.now = START.timestamp()
            found.person = {**found.person, "sid": f"session-{uuid.uuid4()}"} if found is cis2 else found.person
            found.start()
            stack.callback(found.stop)
        made = UserWorld(runner, stores, commits, cis2, nhs_login, f"credential-{uuid.uuid4()}")
        made.keys = (_signing_key(),)
        made.trusted = (_provider(cis2), _provider(nhs_login))
        keys = SigningKeyRing(lambda: made.keys).published(START)
        client = Client(
            name="demo-app", organisation="Z9X01", products=frozenset({"hello-world"}), apis=frozenset({"hello-world"}), scopes=SCOPES,
            asid="200000000115", certificate_name="epr.example.thirdparty.nhs.uk", jwks=developer.JWKS, callback_urls=(CALLBACK,),
        )
        made.snapshot = Snapshot(
            generation=1, environment=Environment(name="demo"), apis=(), clients={"demo-app": client},
            api_keys={KEY: APIKey(made.credential, KEY, "demo-app", secret=SECRET)}, certificate_names={},
            tokens=TokenIssuer((f"{PUBLIC}/oauth2", f"{PUBLIC}/oauth2-mock"), "wardgate", parse_jwk_set(keys, KeyRules()), keys),
        )
        head = stores.audit.head()
        made.first_record = head.seq if head is not None else 0
        made.build()
        yield made


@pytest.fixture
def strict(world: UserWorld) -> UserWorld:
    """The same in the profile `strict`."""
    return world.profile(Profile.STRICT)


@pytest.fixture(scope="session", name="openid")
def _openid() -> Any:
    return openid

