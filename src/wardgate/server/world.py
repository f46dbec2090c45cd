"""The world in memory: the store's documents and records, kept up to date by what changed, and its snapshot.

Blocking: it reads the store. The control loop calls it on a thread.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from wardgate.applications import Application, Product
from wardgate.catalogue import API, Environment
from wardgate.directory import Organisation, System
from wardgate.directory.model import SharingRule
from wardgate.identities import Identities, IdentityProvider, RelyingParty, User
from wardgate.jose import KeyRules, parse_jwk_set
from wardgate.manifest.documents import CLOCK, model_of
from wardgate.oauth.users import SignedIn
from wardgate.quotas import Quota
from wardgate.security_patterns.build import World, build, client
from wardgate.security_patterns.snapshot import APIKey, Client, Revocations, Snapshot, TokenIssuer
from wardgate.server.directory import DirectoryKeeper, parts_of
from wardgate.server.message_keys import MessageKeyKeeper
from wardgate.stores import Stores
from wardgate.stores.ports import Credential, StoredDocument
from wardgate.telemetry.counting import over, quotas_of
from wardgate.workflows.key_directory import PublishedKeys
from wardgate.workflows.model import Mailbox, MessageKeys, Workflow
from wardgate.workflows.post_office import PostOffice

KEPT_REVOCATION: Final = timedelta(minutes=11)
"""The tokens of a revoked key or an ended sign-in are refused this long: their lifetime and a minute."""
BASE_PATHS: Final = ("/oauth2", "/oauth2-mock")
_KINDS: Final = {"organisations": Organisation, "systems": System, "sharing_rules": SharingRule, "apis": API, "products": Product, "applications": Application,
                 "identity_providers": IdentityProvider, "relying_parties": RelyingParty, "users": User,
          "mailboxes": Mailbox, "workflows": Workflow, "message_keys": MessageKeys}
_SIGN_IN: Final = frozenset({"identity_providers", "relying_parties", "users"})
"""Kinds of which the gateway's snapshot has nothing but the roles of healthcare workers."""
_OF_POST: Final = frozenset({"mailboxes", "workflows", "organisations"})
_NOT_OF_CLIENTS: Final = _SIGN_IN | {"mailboxes", "workflows", "message_keys", "applications", "sharing_rules"}
"""Kinds of which no other application's client is made; its own application is named."""


class WorldKeeper:
    """Holds every document and credential; `refresh` brings what changed and returns the new snapshot."""

    def __init__(
        self, stores: Stores, published_keys: Callable[[datetime], Mapping[str, Any]],
        revoked_fingerprints: Callable[[datetime], frozenset[str]], default_urls: tuple[str, ...],
    ) -> None:
        self._stores = stores
        self._published_keys = published_keys
        self._revoked_fingerprints = revoked_fingerprints
        self._default_urls = default_urls
        self._documents: dict[str, dict[str, Any]] = {kind: {} for kind in _KINDS}
        self._environment: Environment | None = None
        self._credentials: dict[str, Credential] = {}
        self._clients: dict[str, Client] = {}
        self._generation = -1
        self._jwks: Mapping[str, Any] = {}
        self._issuer: TokenIssuer | None = None
        self._quotas: Mapping[tuple[str, str], Quota] = {}
        self._identities = Identities()
        self._directory = DirectoryKeeper()
        self._message_keys = MessageKeyKeeper()
        self._post_office = PostOffice()
        self._published = PublishedKeys()
        self._roles: Mapping[str, frozenset[str]] = {}
        self._turned = timedelta(0)

    @property
    def generation(self) -> int:
        """The generation that was read last."""
        return self._generation

    def refresh(self, now: datetime, known: int | None = None) -> Snapshot:
        """Read what changed since the last time and return the snapshot of `now`, which is the real time.

        Keys, revocations and quotas go by the real time; the virtual clock's shift is a part of the snapshot. `known` is the generation at which the
        caller began to read what is not read here: the snapshot is of no later one, for what was written meanwhile may be in it only in part.

        NOTE: the generation is taken over last: a refresh that failed on its way reads its changes again.
        """
        before = self._generation
        found, changed, removed = self._stores.documents.changed_since(before)
        generation = found if known is None else min(found, known)
        for credential in self._stores.credentials.changed_since(before):
            self._credentials[credential.id] = credential
        changed, removed = self._without_clock(changed, removed)
        kinds = {entry.kind for entry in changed} | {kind for kind, _ in removed}
        wider = bool(kinds - _NOT_OF_CLIENTS)
        for entry in changed:
            if entry.kind == "environment":
                self._environment = self._complete(model_of(entry))
            else:
                self._documents[entry.kind][entry.name] = model_of(entry)
        for kind, name in removed:
            self._documents.get(kind, {}).pop(name, None)
        named = {entry.name for entry in changed if entry.kind == "applications"} | {name for kind, name in removed if kind == "applications"}
        if kinds & _SIGN_IN:
            self._identities = Identities(
                tuple(self._documents["identity_providers"].values()), dict(self._documents["relying_parties"]), dict(self._documents["users"]),
            )
            self._roles = _roles(self._documents["users"].values())
        names = {*((entry.kind, entry.name) for entry in changed), *removed}
        self._follow_directory(before, names)
        self._follow_messages(kinds, names)
        snapshot = self._snapshot(now, generation, None if wider else named)
        self._generation = generation
        return snapshot

    def _follow_directory(self, before: int, changed: set[tuple[str, str]]) -> None:
        """Bring the directory up to the documents and to what the store has of it."""
        _, change = self._stores.system_directory.changed_since(before)
        if self._environment is not None:
            documents = self._documents
            self._directory.refresh(
                change, self._environment.name, documents["organisations"], documents["systems"], documents["sharing_rules"], changed,
            )

    def _follow_messages(self, kinds: set[str], changed: set[tuple[str, str]]) -> None:
        """Bring mailboxes, workflows and message keys up to the documents, and to what our own authorities took back."""
        documents = self._documents
        if kinds & _OF_POST:
            closed = frozenset(code for code, found in documents["organisations"].items() if not found.active)
            self._post_office = PostOffice.of(documents["mailboxes"].values(), documents["workflows"].values(), closed)
        self._published = self._message_keys.refresh(self._stores, self._environment, documents["message_keys"], changed)

    def _without_clock(
        self, changed: Sequence[StoredDocument], removed: Sequence[tuple[str, str]]
    ) -> tuple[list[StoredDocument], list[tuple[str, str]]]:
        """Take note of how far the clock is turned, and return the documents of the manifest."""
        if any(kind == CLOCK for kind, _ in removed):
            self._turned = timedelta(0)
        for entry in changed:
            if entry.kind == CLOCK:
                self._turned = timedelta(seconds=int(entry.body["ahead_seconds"]))
        return [entry for entry in changed if entry.kind != CLOCK], [name for name in removed if name[0] != CLOCK]

    @property
    def clock_shift(self) -> timedelta:
        """How far the virtual clock is ahead: not at all in a live environment."""
        return timedelta(0) if self._environment is None or self._environment.live else self._turned

    def _complete(self, found: Any) -> Environment:
        environment: Environment = found
        return environment if environment.public_urls else environment.model_copy(update={"public_urls": self._default_urls})

    def _snapshot(self, now: datetime, generation: int, changed_applications: set[str] | None) -> Snapshot:
        world = self._world(now, generation)
        if changed_applications is None:
            snapshot = build(world)
        else:
            clients = {name: known for name, known in self._clients.items() if name in world.applications}
            clients |= {name: client(world.applications[name], world) for name in changed_applications if name in world.applications}
            snapshot = build(world, clients)
        self._clients = dict(snapshot.clients)
        self._quotas = quotas_of(snapshot)
        spent = self.spent(now)
        return replace(snapshot, over_quota=spent, clock_shift=self.clock_shift, post_office=self._post_office, message_keys=self._published)

    @property
    def organisations(self) -> Mapping[str, Organisation]:
        """The organisations that the manifest states, by ODS code, as read last."""
        return self._documents["organisations"]

    @property
    def message_keys(self) -> PublishedKeys:
        """The directory of message keys, as read last."""
        return self._published

    @property
    def identities(self) -> Identities:
        """People, sign-in providers and their clients, as read last."""
        return self._identities

    def persona_fault(self, who: SignedIn) -> str | None:
        """Return the fault of a made-up person; there are none in a live environment."""
        live = self._environment is not None and self._environment.live
        return None if live else self._identities.fault_of(who)

    @property
    def quotas(self) -> Mapping[tuple[str, str], Quota]:
        """Every quota that is counted in the store."""
        return self._quotas

    def spent(self, now: datetime) -> dict[tuple[str, str], datetime]:
        """Return the long quotas that are used up, and when their windows end by the virtual clock; `now` is the real time."""
        if not self._quotas:
            return {}
        return {pair: until + self.clock_shift for pair, until in over(self._stores.quotas.used(now), self._quotas).items()}

    def _world(self, now: datetime, generation: int) -> World:
        if self._environment is None:
            raise LookupError("the store holds no manifest")
        revoked = frozenset(found.id for found in self._credentials.values()
                            if found.revoked_at is not None and found.revoked_at > now - KEPT_REVOCATION)
        revocations = Revocations(
            tokens=frozenset(self._stores.tokens.revoked(now)), credentials=revoked, fingerprints=self._revoked_fingerprints(now),
            grants=self._stores.grants.ended(now - KEPT_REVOCATION),
        )
        return World(
            generation=generation, environment=self._environment,
            organisations=self._documents["organisations"], systems=self._documents["systems"], apis=self._documents["apis"],
            products=self._documents["products"], applications=self._documents["applications"],
            api_keys=[_api_key(found) for found in self._credentials.values()],
            tokens=self._token_issuer(now), revocations=revocations, roles=self._roles,
            **parts_of(self._directory),
        )

    def _token_issuer(self, now: datetime) -> TokenIssuer:
        environment = self._environment
        jwks = self._published_keys(now)
        urls = environment.public_urls if environment else ()
        issuers = tuple(url + path for url in urls for path in BASE_PATHS)
        if self._issuer is None or jwks != self._jwks or issuers != self._issuer.issuers:
            self._jwks = jwks
            self._issuer = TokenIssuer(issuers, urls[0], parse_jwk_set(jwks, KeyRules()), jwks)
        return self._issuer


def next_moment(snapshot: Snapshot, now: datetime, more: Iterable[datetime] = ()) -> datetime | None:
    """Return when time alone will change what is enforced: a key expires, a spent quota's window ends, or `more`."""
    moments = [key.expires for key in snapshot.api_keys.values() if key.expires is not None and key.expires > now]
    moments += [until for until in (*snapshot.over_quota.values(), *more) if until > now]
    return min(moments, default=None)


def _api_key(found: Credential) -> APIKey:
    return APIKey(found.id, found.key, found.application, revoked=found.status != "approved", expires=found.expires, secret=found.secret)


def _roles(users: Iterable[User]) -> dict[str, frozenset[str]]:
    return {user.username: frozenset(role.person_roleid for role in user.worker.roles) for user in users if user.worker is not None}
