"""The authorisation server with users: a real database, a client's developer, and two foreign sign-in providers over loopback HTTP."""

import asyncio
import contextlib
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from flows.users import world as users
from simulators import client_developer as developer
from simulators import openid_provider as openid
from wardgate.applications import Profile
from wardgate.authserver import SigningKeyRing
from wardgate.catalogue import Environment
from wardgate.jose import KeyRules, parse_jwk_set
from wardgate.keystores import Sealer
from wardgate.oauth.providers import Provider
from wardgate.oauth.users import ProviderKind
from wardgate.security_patterns.snapshot import Client, Snapshot, TokenIssuer
from wardgate.stores import GroupCommit, Stores, open_stores
from wardgate.stores.ports import SigningKey

START, KEY, PUBLIC, SCOPES = users.START, users.KEY, users.PUBLIC, users.SCOPES


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
def world(stores: Stores) -> Iterator[Any]:
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
        made = users.UserWorld(cis2=cis2, nhs_login=nhs_login, runner=runner, stores=stores, commits=commits, developer=developer,
                               credential=f"credential-{uuid.uuid4()}")
        made.keys = (_signing_key(),)
        made.trusted = (_provider(cis2), _provider(nhs_login))
        keys = SigningKeyRing(lambda: made.keys).published(START)
        client = Client(
            name="demo-app", organisation="Z9X01", products=frozenset({"hello-world"}), apis=frozenset({"hello-world"}), scopes=SCOPES,
            asid="200000000115", certificate_name="epr.example.thirdparty.nhs.uk", jwks=developer.JWKS, callback_urls=("https://example.org/callback",),
        )
        clients, api_keys = users.everybody(client, made.credential)
        made.snapshot = Snapshot(
            generation=1, environment=Environment(name="demo"), apis=(), clients=clients, api_keys=api_keys, certificate_names={},
            tokens=TokenIssuer((f"{PUBLIC}/oauth2", f"{PUBLIC}/oauth2-mock"), "wardgate", parse_jwk_set(keys, KeyRules()), keys),
        )
        head = stores.audit.head()
        made.first_record = head.seq if head is not None else 0
        made.build()
        yield made


@pytest.fixture
def place(world: Any) -> Any:
    """The same, with two providers behind the twin that are down."""
    down = [Provider(f"{kind}-down", kind, f"http://127.0.0.1:9{path}", "wardgate", "/oauth2-mock", client_secret="x")
            for kind, path in ((ProviderKind.CIS2, ""), (ProviderKind.NHS_LOGIN, "/login"))]
    world.trusted = (*world.trusted, *down)
    return world


@pytest.fixture
def strict(world: Any) -> Any:
    """The same in the profile `strict`."""
    return world.profile(Profile.STRICT)


@pytest.fixture(scope="session", name="openid")
def _openid() -> Any:
    return openid

