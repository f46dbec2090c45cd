"""Tests of `server.world`: a world kept up to date by what changed is the world as a whole."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from depth import examples
from simulators.message_authority import MessageAuthority, new_key, pem_of
from wardgate.audit.model import Event, EventType
from wardgate.keystores import Sealer
from wardgate.manifest import Manifest
from wardgate.manifest.documents import changes
from wardgate.security_patterns.snapshot import Snapshot
from wardgate.server.world import WorldKeeper, next_moment
from wardgate.stores import Stores, open_stores
from wardgate.stores.ports import Credential, Grant, GrantStart, QuotaCount, RefreshToken, StoredDocument
from wardgate.telemetry.counting import window_start

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
URLS = ("https://localhost:8443", "https://localhost:8444")
JWKS = {"keys": [{"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "k1", "x": "ToOZeCtqARsfL9gNTw1e7aRFla4KcQeTCNZTO-gH8cw",
                  "y": "dYvpMr3XiJn4h1_0OnoUkjP3utpFiKfKmQlddguQ9e0"}]}
NAMES = ("one", "two", "three")
_PARTNER = MessageAuthority()
CERTIFICATES = {name: pem_of(_PARTNER.certify("Z9X01", new_key().public_key())) for name in NAMES}
_numbers = count(1)


def keeper(stores: Stores, fingerprints: frozenset[str] = frozenset()) -> WorldKeeper:
    """Return a keeper that has read nothing yet."""
    return WorldKeeper(stores, lambda _now: JWKS, lambda _now: fingerprints, URLS)


def happened(kind: EventType = EventType.MANIFEST_APPLIED) -> Event:
    """Return an event to go with a change."""
    return Event(kind, NOW)


def put(stores: Stores, manifest: Manifest) -> None:
    """Bring the documents to a manifest."""
    step = changes(stores.documents.load()[1], manifest)
    if step:
        stores.documents.write([StoredDocument(found.kind, found.name, found.body) for found in step.put], step.remove, happened())


@dataclass(frozen=True)
class Parts:
    """A manifest in a few choices."""

    applications: tuple[tuple[str, str, tuple[str, ...], str | None], ...]
    """(name, status, products, ASID)."""
    products: tuple[tuple[str, tuple[str, ...], int | None], ...]
    apis: tuple[tuple[str, str], ...]
    active: bool
    fqdn: str | None
    profile: str
    default_limit: int | None
    senders: tuple[str, ...]

    def manifest(self) -> Manifest:
        """Return the manifest of these choices; what refers to nothing is left out."""
        apis = {name for name, _ in self.apis}
        products = {name for name, _, _ in self.products}
        limits = None if self.default_limit is None else {"quota": {"limit": self.default_limit, "timeunit": "hour"}}
        box = {"one": "ONE", "two": "TWO", "three": "THREE"}
        return Manifest.model_validate({
            "environment": {"name": "trial", "profile": self.profile, "default_limits": limits},
            "organisations": [{"ods": "Z9X01", "name": "Hospital", "active": self.active}],
            "systems": [{"asid": "200000000115", "organisation": "Z9X01", "fqdn": self.fqdn, "party_key": "Z9X01-0000001"}],
            "apis": [{"name": name, "base_path": f"/{name}", "backend": "http://127.0.0.1:9001", "routes": [{"path": "/", "pattern": pattern}]}
                     for name, pattern in self.apis],
            "products": [{"name": name, "apis": sorted(set(covered) & apis),
                          "limits": None if limit is None else {"quota": {"limit": limit, "timeunit": "day"}}}
                         for name, covered, limit in self.products],
            "applications": [{"name": name, "organisation": "Z9X01", "status": status, "asid": asid, "products": sorted(set(held) & products)}
                             for name, status, held, asid in self.applications],
            "mailboxes": [{"id": box[name], "organisation": "Z9X01"} for name in self.senders],
            "workflows": [{"id": "LETTER", "senders": [box[name] for name in self.senders], "receivers": [box[name] for name in self.senders[:1]]}],
            "message_keys": [{"organisation": "Z9X01", "keys": [{"kid": name, "use": "signing", "certificate": CERTIFICATES[name]} for name in self.senders]}],
        })


def some(names: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    """Some of the names, in their order."""
    return st.sets(st.sampled_from(names)).map(lambda found: tuple(sorted(found)))


def named(values: tuple[st.SearchStrategy[Any], ...]) -> st.SearchStrategy[Any]:
    """For some of the names, a tuple of name and values."""
    return st.dictionaries(st.sampled_from(NAMES), st.tuples(*values)).map(
        lambda found: tuple((name, *rest) for name, rest in sorted(found.items())))


PARTS = st.builds(
    Parts,
    applications=named((st.sampled_from(["approved", "pending", "revoked"]), some(NAMES), st.sampled_from([None, "200000000115"]))),
    products=named((some(NAMES), st.sampled_from([None, 3]))),
    apis=named((st.sampled_from(["open-access", "api-key", "signed-jwt"]),)),
    active=st.booleans(), fqdn=st.sampled_from(["a.example.nhs.uk", "b.example.nhs.uk"]), profile=st.sampled_from(["nhs", "strict"]),
    default_limit=st.sampled_from([None, 5]), senders=some(NAMES),
)
"""A whole other manifest each time: many documents come, change and go in one step."""
STEPS = st.one_of(
    PARTS.map(lambda parts: ("manifest", parts)),
    st.tuples(st.just("key"), st.sampled_from(NAMES), st.sampled_from([None, timedelta(minutes=-1), timedelta(days=1)])),
    st.tuples(st.just("status"), st.integers(0, 20), st.sampled_from(["approved", "revoked", "pending"])),
    st.tuples(st.just("token"), st.integers(1, 3)),
    st.just(("look",)),
)


def do(stores: Stores, step: Any) -> None:
    """Make one change."""
    match step:
        case ("manifest", parts):
            put(stores, parts.manifest())
        case ("key", application, expires):
            number = next(_numbers)
            made = Credential(f"id-{number}", application, f"a-key-for-the-trial-{number}", "approved", NOW, NOW + expires if expires else None)
            stores.credentials.add(made, happened(EventType.CREDENTIAL_ISSUED))
        case ("status", index, status):
            held = stores.credentials.all()
            if held:
                stores.credentials.set_status(held[index % len(held)].id, status, NOW, happened(EventType.CREDENTIAL_REVOKED))
        case ("token", number):
            stores.tokens.revoke(f"jti-{number}", NOW + timedelta(minutes=number), happened(EventType.TOKEN_REVOKED))


@pytest.fixture(scope="module")
def long_lived(new_database: Callable[[Path], str], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A store for all examples: each goes on with whatever the last one left."""
    opened = open_stores(new_database(tmp_path_factory.mktemp("world") / "wardgate.db"), Sealer([bytes(32)]), synchronous="normal")
    yield opened
    opened.close()


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(start=PARTS, steps=st.lists(STEPS, min_size=1, max_size=8))
def test_what_changed_makes_the_same_world_as_everything(long_lived: Stores, start: Parts, steps: list[Any]) -> None:
    """After any changes, looked at after any of them, the kept snapshot is the one a new keeper makes from everything."""
    put(long_lived, start.manifest())
    kept = keeper(long_lived)
    kept.refresh(NOW)
    for step in steps:
        do(long_lived, step)
        if step == ("look",):
            _same(kept.refresh(NOW), keeper(long_lived).refresh(NOW))
    fresh = keeper(long_lived)
    _same(kept.refresh(NOW), fresh.refresh(NOW))
    assert kept.quotas == fresh.quotas
    assert kept.generation == fresh.generation == long_lived.generation.current()


def _same(kept: Snapshot, fresh: Snapshot) -> None:
    for name in ("generation", "environment", "apis", "clients", "api_keys", "certificate_names", "revocations", "over_quota", "post_office", "message_keys"):
        assert getattr(kept, name) == getattr(fresh, name), name
    assert (kept.tokens.issuers, kept.tokens.audience, kept.tokens.jwks) == (fresh.tokens.issuers, fresh.tokens.audience, fresh.tokens.jwks)


def test_an_empty_store_has_no_world(stores: Stores) -> None:
    """There is nothing to enforce, and that is said."""
    with pytest.raises(LookupError, match="no manifest"):
        keeper(stores).refresh(NOW)


def test_a_refresh_that_failed_on_its_way_is_made_good(stores: Stores, manifest: Callable[..., Manifest]) -> None:
    """What it had read already is not taken for known: the application that was revoked is refused after all."""
    faults: list[Exception] = []

    def published(_now: datetime) -> Any:
        if faults:
            raise faults.pop()
        return JWKS

    kept = WorldKeeper(stores, published, lambda _now: frozenset(), URLS)
    put(stores, manifest())
    assert kept.refresh(NOW).clients["one"].refused is None
    put(stores, manifest(applications=[{"name": "one", "organisation": "Z9X01", "products": ["hello"], "status": "revoked"}]))
    faults.append(OSError("no key at the moment"))
    with pytest.raises(OSError, match="at the moment"):
        kept.refresh(NOW)
    assert kept.generation != stores.generation.current()
    assert kept.refresh(NOW).clients["one"].refused == "application-not-approved"
    assert kept.generation == stores.generation.current()


def test_public_urls_default_to_the_servers(stores: Stores, manifest: Callable[..., Manifest]) -> None:
    """Issuers are the public URLs with both base paths; the environment's own come first."""
    put(stores, manifest())
    assert keeper(stores).refresh(NOW).tokens.issuers == tuple(url + path for url in URLS for path in ("/oauth2", "/oauth2-mock"))
    put(stores, manifest(environment={"name": "trial", "public_urls": ["https://api.example.nhs.uk"]}))
    assert keeper(stores).refresh(NOW).tokens.issuers == ("https://api.example.nhs.uk/oauth2", "https://api.example.nhs.uk/oauth2-mock")


def test_revoked_keys_are_remembered_while_their_tokens_live(stores: Stores, manifest: Callable[..., Manifest]) -> None:
    """Ten minutes and a bit; for ever would make the map grow."""
    put(stores, manifest())
    stores.credentials.add(Credential("id-1", "one", "a-key-for-a-trial", "approved", NOW), happened())
    stores.credentials.set_status("id-1", "revoked", NOW, happened())
    kept = keeper(stores)
    assert kept.refresh(NOW + timedelta(minutes=10)).revocations.credentials == {"id-1"}
    assert kept.refresh(NOW + timedelta(minutes=12)).revocations.credentials == frozenset()
    assert kept.refresh(NOW + timedelta(minutes=12)).api_keys["a-key-for-a-trial"].revoked, "the key itself stays refused"


def test_certificates_and_tokens_are_taken_back(stores: Stores, manifest: Callable[..., Manifest]) -> None:
    """What the authority and the store say is in the snapshot until it is over."""
    put(stores, manifest())
    stores.tokens.revoke("jti-1", NOW + timedelta(minutes=5), happened())
    kept = keeper(stores, frozenset({"ab" * 32}))
    assert (kept.refresh(NOW).revocations.fingerprints, kept.refresh(NOW).revocations.tokens) == ({"ab" * 32}, {"jti-1"})
    assert kept.refresh(NOW + timedelta(minutes=6)).revocations.tokens == frozenset()


def test_an_ended_sign_in_is_remembered_while_its_tokens_live(stores: Stores, manifest: Callable[..., Manifest]) -> None:
    """As long as a revoked key, and found by the generation that ending it raises."""
    put(stores, manifest())
    for name in ("grant-1", "grant-2"):
        grant = Grant(name, "one", "id-1", NOW, NOW + timedelta(hours=1), "{}")
        stores.grants.start([GrantStart(grant, happened(), refresh=RefreshToken(f"hash-{name}", name, 0, grant.until))])
    kept = keeper(stores)
    assert kept.refresh(NOW).revocations.grants == frozenset()
    assert stores.grants.end(["grant-1"], NOW, happened(EventType.TOKEN_REVOKED)) == stores.generation.current() > kept.generation
    assert kept.refresh(NOW + timedelta(minutes=10)).revocations.grants == {"grant-1"}
    assert kept.refresh(NOW + timedelta(minutes=12)).revocations.grants == frozenset()


def test_the_roles_of_workers_are_in_the_snapshot(stores: Stores, manifest: Callable[..., Manifest]) -> None:
    """By the identifier that is in their tokens, and as soon as the manifest says them; patients have none."""
    role = {"person_roleid": "555254240100", "person_orgid": "1", "org_code": "Z9X01", "role_code": "R8000", "role_name": "Role"}
    worker = {"username": "656005750104", "worker": {"roles": [role]}}
    patient = {"username": "9912003071", "patient": {"subject": "49f470a1", "nhs_number": "9912003071", "birthdate": "1970-01-01", "identity_proofing_level": "P9"}}
    put(stores, manifest())
    kept = keeper(stores)
    assert kept.refresh(NOW).roles == {}
    put(stores, manifest(users=[worker, patient]))
    assert kept.refresh(NOW).roles == {"656005750104": {"555254240100"}}
    assert keeper(stores).refresh(NOW).roles == kept.refresh(NOW).roles
    put(stores, manifest(users=[patient]))
    assert kept.refresh(NOW).roles == {}


def test_a_long_quota_is_spent_until_its_window_ends(stores: Stores, manifest: Callable[..., Manifest]) -> None:
    """Counted in the store, so it is spent for every Wardgate and after a restart."""
    put(stores, manifest(products=[{"name": "hello", "apis": ["hello"], "limits": {"quota": {"limit": 2, "timeunit": "hour"}}}]))
    kept = keeper(stores)
    assert kept.refresh(NOW).over_quota == {}
    start = window_start(NOW, 3600)
    stores.audit.append_from("log", 1, [], [QuotaCount("one", "hello", 3600, start, 2)])
    for one in (kept, keeper(stores)):
        assert one.refresh(NOW).over_quota == {("one", "hello"): start + timedelta(hours=1)}
    assert kept.refresh(NOW + timedelta(hours=1)).over_quota == {}


def test_the_next_moment_is_the_earliest_to_come(stores: Stores, manifest: Callable[..., Manifest]) -> None:
    """A key's expiry, the end of a window, the end of a signing key; what is past does not come again."""
    put(stores, manifest())
    snapshot = keeper(stores).refresh(NOW)
    assert next_moment(snapshot, NOW) is None
    assert next_moment(snapshot, NOW, [NOW - timedelta(1), NOW + timedelta(2), NOW + timedelta(1)]) == NOW + timedelta(1)
    stores.credentials.add(Credential("id-1", "one", "a-key-for-a-trial", "approved", NOW, NOW + timedelta(hours=3)), happened())
    expiring = keeper(stores).refresh(NOW)
    assert next_moment(expiring, NOW) == NOW + timedelta(hours=3)
    assert next_moment(expiring, NOW + timedelta(hours=3)) is None


def test_the_store_is_the_tests_own(tmp_path: Path, stores: Stores) -> None:
    """Nothing of another test is in it."""
    assert stores.generation.current() == 0
    assert (tmp_path / "wardgate.db").exists()
