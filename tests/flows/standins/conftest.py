"""A whole stand-in provider in one process: a real database, real keys and signatures, a clock that turns, and browsers."""

import asyncio
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2
import pytest

from flows.standins import cast
from wardgate.audit.model import Event
from wardgate.demo import manifest as demo_manifest
from wardgate.demo.keys import key_set
from wardgate.identities import Identities
from wardgate.jose import JWKSet, KeyRules, UnverifiedJWT, VerifiedJWT, parse_jwk_set, verify
from wardgate.keystores import Sealer
from wardgate.keystores.client_secrets import secret_name
from wardgate.keystores.rsa import CalendarKeys
from wardgate.manifest import Manifest
from wardgate.manifest.documents import secrets_of
from wardgate.oauth.users import ProviderKind
from wardgate.standins import StandIns, StandInsApp, StandInSettings
from wardgate.standins.dependencies import ALGORITHMS
from wardgate.standins.logout_delivery import LogoutDelivery
from wardgate.standins.surfaces import Endpoint, Surface
from wardgate.stores.open import open_stores
from wardgate.stores.ports import SingleUse, Stores

ORIGIN, PLAIN_ORIGIN, CALLBACK, CLIENTS = cast.ORIGIN, cast.PLAIN_ORIGIN, cast.CALLBACK, cast.CLIENTS
SMARTCARD_ORIGIN = "https://wardgate.test:8445"
START = datetime(2026, 3, 2, 9, 0, 0, tzinfo=UTC)


class DemoKeys:
    """The key set of every client whose `jwks_url` is the demo's."""

    async def get(self, url: str) -> JWKSet:
        """Return the demo's set, whose names are those the demo publishes."""
        return parse_jwk_set(key_set(), KeyRules())

    refetched = get

    def inline(self, application: str, document: Mapping[str, Any]) -> JWKSet:
        """Return a set of the manifest."""
        return parse_jwk_set(document, KeyRules())


@dataclass
class World:
    """The stand-ins and everything around them that a test may change."""

    stores: Stores
    now: datetime = START
    identities: Identities = field(default_factory=Identities)
    events: list[Event] = field(default_factory=list)
    delivered: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    """Statuses that clients answer logout tokens with, in order; 200 when there are no more."""
    deps: StandIns = field(init=False)
    app: StandInsApp = field(init=False)

    def __post_init__(self) -> None:
        async def claim(use: SingleUse) -> bool:
            return self.stores.single_uses.claim([use])[0]

        async def record(event: Event) -> None:
            self.events.append(event)

        async def deliver(url: str, form: Mapping[str, str]) -> int:
            self.delivered.append((url, dict(form)))
            return self.answers.pop(0) if self.answers else 200

        period, overlap = timedelta(days=30), timedelta(hours=2)
        keys = {kind: CalendarKeys(self.stores.values, f"stand-in-key/{kind}", ALGORITHMS[kind], period, overlap) for kind in ProviderKind}
        settings = StandInSettings(logout_pauses_seconds=(0.0, 0.0))
        self.deps = StandIns(
            settings, lambda: self.identities, lambda: (ORIGIN, PLAIN_ORIGIN), self.stores.kept, self.stores.outbox, self.stores.values, keys, DemoKeys(),
            claim, record, deliver, lambda: self.now, lambda: f"secret-{uuid.uuid4().hex}", lambda: str(uuid.uuid4()),
            failed_tries=self.stores.failed_tries, passkeys=self.stores.passkeys, certificates=self.stores.certificates, smartcard_origin=SMARTCARD_ORIGIN,
        )
        self.app = StandInsApp(self.deps)

    def client(self, origin: str = ORIGIN, *, delivers: bool = True) -> "Browser":
        """Return a new browser. Unless it `delivers`, logout tokens stay in the outbox."""
        return Browser(self, origin, delivers)

    def secret(self, client_id: str, section: str = "relying_parties") -> str:
        """Return a client's secret."""
        found = self.stores.values.get(secret_name(section, client_id))
        assert found is not None
        return found

    def verified(self, surface: Surface, token: str) -> VerifiedJWT:
        """Return a token after verifying it with the published keys."""
        with self.client() as browser:
            keys = browser.get(surface.url(ORIGIN, Endpoint.JWKS)).json()
        unverified = UnverifiedJWT.parse(token)
        key = parse_jwk_set(keys, KeyRules()).get(unverified.header["kid"])
        assert key is not None
        return verify(unverified, key)


class Browser:
    """A browser: cookies, forms, no following of redirects."""

    def __init__(self, world: World, origin: str, delivers: bool) -> None:
        self.world = world
        self.origin = origin
        self.delivers = delivers
        self._loop = asyncio.new_event_loop()
        self.http = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=world.app), base_url=origin)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._loop.run_until_complete(self.http.aclose())
        self._loop.close()

    def request(self, method: str, url: str, **more: Any) -> httpx2.Response:
        """Send one request and return its answer; what it set going is done by then."""
        async def ask() -> httpx2.Response:
            answer = await self.http.request(method, url, **more)
            if self.delivers:
                await LogoutDelivery(self.world.deps).settle()
            return answer

        return self._loop.run_until_complete(ask())

    def get(self, url: str, **more: Any) -> httpx2.Response:
        """GET."""
        return self.request("GET", url, **more)

    def post(self, url: str, **more: Any) -> httpx2.Response:
        """POST."""
        return self.request("POST", url, **more)

    def authorize(self, surface: Surface, **changes: str | None) -> httpx2.Response:
        """Send a good authorization request, changed; None leaves a parameter out."""
        good: dict[str, str | None] = {
            "response_type": "code", "client_id": CLIENTS[surface.kind], "redirect_uri": CALLBACK, "scope": "openid profile",
            "state": "state-1", "nonce": "nonce-1",
        }
        return self.get(surface.url(self.origin, Endpoint.AUTHORIZE), params={name: value for name, value in (good | changes).items() if value is not None})

    def submit(self, page: httpx2.Response, which: int = 0, **fields: str) -> httpx2.Response:
        """Submit a form of a page with its hidden fields and these."""
        action, hidden = cast.forms(page)[which]
        return self.post(action, data=hidden | fields)

    def sign_in(self, surface: Surface, username: str, **changes: str | None) -> httpx2.Response:
        """Begin a sign-in and choose a person in the first form, as the platform's helpers do."""
        page = self.authorize(surface, **changes)
        assert page.status_code == 200, page.headers.get("location")
        return self.submit(page, username=username)

    def token(self, surface: Surface, code: str, /, **changes: str | None) -> httpx2.Response:
        """Redeem a code."""
        client_id = CLIENTS[surface.kind]
        good: dict[str, str | None] = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "client_id": client_id,
            "client_secret": self.world.secret(client_id),
        }
        data = {name: value for name, value in (good | changes).items() if value is not None}
        return self.post(surface.url(self.origin, Endpoint.TOKEN), data=data)

    def tokens(self, surface: Surface, username: str, **changes: str | None) -> dict[str, Any]:
        """Sign in and redeem the code."""
        back = self.sign_in(surface, username, **changes)
        answer = self.token(surface, cast.returned(back)["code"])
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture
def make_stores(tmp_path: Path, new_database: Callable[[Path], str]) -> Iterator[Callable[[], Stores]]:
    """Open the test's database: each call is another node."""
    url, sealer = new_database(tmp_path / "standins.db"), Sealer([b"k" * 32])
    opened: list[Stores] = []

    def make() -> Stores:
        opened.append(open_stores(url, sealer, synchronous="normal"))
        return opened[-1]

    yield make
    for stores in opened:
        stores.close()


@pytest.fixture(scope="session")
def manifest() -> Manifest:
    """The demo's, read once."""
    return demo_manifest()


@pytest.fixture
def make_world(make_stores: Callable[[], Stores], manifest: Manifest) -> Callable[[], World]:
    """Make a node with the demo's people and clients."""
    def make() -> World:
        stores = make_stores()
        for (section, name), secret in secrets_of(manifest).sign_in.items():
            stores.values.put(secret_name(section, name), secret)
        people = Identities(manifest.identity_providers, {one.client_id: one for one in manifest.relying_parties},
                            {user.username: user for user in manifest.users})
        return World(stores, identities=people)

    return make


@pytest.fixture
def world(make_world: Callable[[], World]) -> World:
    """One node."""
    return make_world()


@pytest.fixture
def browser(world: World) -> Iterator[Browser]:
    """A new browser of that node."""
    with world.client() as one:
        yield one
