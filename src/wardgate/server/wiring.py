"""The one place that names concrete parts and joins them (style 4.12)."""

import asyncio
import ipaddress
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from wardgate import __version__
from wardgate.audit.model import Event
from wardgate.authserver import AuthServer, AuthServerApp, AuthServerSettings, Build, SigningKeyRing
from wardgate.authserver.message_ids import message_ids
from wardgate.ca import CASettings, CertificateAuthority, create_app
from wardgate.catalogue.platform import SYSTEM_DIRECTORY
from wardgate.dataplane import admin
from wardgate.dataplane.layout import Layout
from wardgate.dataplane.process import EnvoyProcess
from wardgate.dataplane.publish import Publisher
from wardgate.dataplane.resources.secrets import TLSMaterial
from wardgate.dataplane.xds import Discovery, XDSApp
from wardgate.decisions.service import DecisionService
from wardgate.demo.samples import Samples
from wardgate.directory import Directory
from wardgate.directory.index import DirectoryIndex
from wardgate.jose import KeyRules
from wardgate.keystores import DatabaseKeys
from wardgate.keystores.database import ACCESS_TOKEN
from wardgate.keystores.message_keys import MessageKeyRing
from wardgate.ldap import LDAPServer, LDAPSettings
from wardgate.outbound.fetch import FetchRules
from wardgate.outbound.inside import InsideOrOut
from wardgate.outbound.jwks import KeySetSettings, KeySetSource
from wardgate.outbound.providers import ProviderSettings, ProviderSource
from wardgate.quotas.failed_tries import TryLimit
from wardgate.sds import SDSSettings
from wardgate.sds import create_app as create_directory_app
from wardgate.security_patterns.snapshot import Snapshot
from wardgate.server.chores import Chores
from wardgate.server.clock import Clock
from wardgate.server.control import Control
from wardgate.server.demo_practice import PracticeTLS
from wardgate.server.demo_samples import DEMO_DIRECTORY, samples_of
from wardgate.server.errors import StartRefused
from wardgate.server.exchange import Posts, VirtualClock, message_handler
from wardgate.server.exchange_rounds import MessageRounds
from wardgate.server.health import APIHealth
from wardgate.server.installation import CA_BASE_URL, STATUS_KEY, default_ca_base_url, rotation_of
from wardgate.server.ldap_ports import DirectoryContent, LDAPTrust
from wardgate.server.message_keys import hardware_of
from wardgate.server.messaging import Messaging, wire_messaging
from wardgate.server.own_health import OwnHealth
from wardgate.server.partner_lists import PartnerLists
from wardgate.server.settings import Settings
from wardgate.server.sign_in import TrustedProviders, own_application, stand_ins
from wardgate.server.sign_ins import StoredSignIns
from wardgate.server.world import WorldKeeper
from wardgate.standins import LogoutDelivery, StandInsApp, StandInSettings
from wardgate.stores import GroupCommit, Stores
from wardgate.stores.errors import StoreError
from wardgate.stores.ports import SigningKey, SingleUse
from wardgate.telemetry.systems import Known
from wardgate.telemetry.tail import LogTail
from wardgate.workflows.post_office import PostOffice
from wardgate.workflows.revocation_lists import MAX_LIST_BYTES

LOOPBACK: Final = ("127.0.0.0/8", "::1/128")
LIST_SECONDS: Final = 10.0
"""How long a partner's revocation list may take to arrive."""
REFUSAL_SECRET: Final = "refusal-secret"  # noqa: S105 - the name under which the store keeps it
_NO_DIRECTORY: Final = DirectoryIndex(Directory())
_HTTP_NOT_FOUND: Final = {"type": "http.response.start", "status": 404, "headers": [(b"content-length", b"0")]}


@dataclass(slots=True)
class Server:
    """Every part of a running Wardgate."""

    settings: Settings
    stores: Stores
    layout: Layout
    commits: GroupCommit
    keys: DatabaseKeys
    authority: CertificateAuthority
    control: Control
    envoy: EnvoyProcess
    tail: LogTail
    chores: Chores
    key_sets: KeySetSource
    providers: ProviderSource
    told: InsideOrOut
    """How clients of the stand-in providers are told of a sign-out."""
    deliveries: LogoutDelivery
    public: Any
    """The ASGI application of the public socket."""
    xds: XDSApp
    """The ASGI application of the control socket."""
    decisions: DecisionService
    """What the decision socket serves."""
    ldap: LDAPServer
    ldap_trust: LDAPTrust
    samples: Samples | None
    """What the demo's samples keep."""
    practice: PracticeTLS | None
    """How the demo's surgery speaks TLS."""
    messaging: Messaging
    """The ASGI application of the messaging socket."""
    posts: Posts
    """The clients of our mailboxes."""
    rounds: MessageRounds
    """The message handler by itself."""


def now() -> datetime:
    """Return the time of day: the one clock of the program."""
    return datetime.now(UTC)


def layout_of(settings: Settings) -> Layout:
    """Return where this Envoy's sockets and files are. Unix socket paths are short: they live in DATA/run."""
    run = settings.data.resolve() / "run"
    return Layout(
        node=settings.node, address=settings.address, https_port=settings.port, mtls_port=settings.mtls_port,
        http_port=settings.http_port, control_socket=run / "control.sock", decision_socket=run / "decisions.sock", public_socket=run / "public.sock",
        admin_socket=run / "admin.sock", access_log=run / "access.log", run_directory=run,
        envoy_binary=settings.envoy_binary, poll_seconds=settings.envoy_poll_seconds,
        log_flush_seconds=settings.log_flush_seconds, worker_threads=settings.envoy_threads,
        smartcard_port=settings.smartcard_port, relay_port=settings.relay_port,
    )


def authority_of(settings: Settings, stores: Stores) -> CertificateAuthority:
    """Return the certification authority; its lists are fetched over plain HTTP where there is such a port."""
    base_url = stores.values.set_if_absent(CA_BASE_URL, default_ca_base_url(settings))
    if settings.pki_url not in {None, base_url}:
        raise StartRefused(f"WARDGATE_PKI_URL is another than at the first start, and certificates name that: {base_url}")
    return CertificateAuthority(
        stores.certificates, stores.values,
        CASettings(base_url, client_suffixes=settings.client_certificate_suffixes, reserved_names=(settings.relay_name,)),
    )


def public_urls(settings: Settings) -> tuple[str, ...]:
    """Return the addresses this server is reached at, the first of them its name."""
    urls = [f"https://localhost:{settings.port}", f"https://localhost:{settings.mtls_port}"]
    return (*urls, f"http://localhost:{settings.http_port}") if settings.http_port else tuple(urls)


def keys_of(settings: Settings, stores: Stores) -> DatabaseKeys:
    """Return the signing keys, the first of each use made if there is none."""
    keys = DatabaseKeys(stores.signing_keys, rotation_of(settings))
    for use in (ACCESS_TOKEN, "audit"):
        keys.rotate_if_due(use, now())
    return keys


class _TokenKeys:
    """The access token keys as records, the same object until `reload`."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self.records: tuple[SigningKey, ...] = ()
        self.reload()

    def reload(self) -> None:
        found = tuple(self._stores.signing_keys.all(ACCESS_TOKEN))
        if found != self.records:
            self.records = found

    def ends(self) -> list[datetime]:
        """Return when each is no longer believed."""
        return [record.verify_until for record in self.records if record.verify_until is not None]


async def wire(settings: Settings, stores: Stores, authority: CertificateAuthority, keys: DatabaseKeys) -> Server:
    """Join every part. Call it on the loop that will run them, after the store holds a manifest."""
    layout = layout_of(settings)
    commits = GroupCommit(stores)
    token_keys = _TokenKeys(stores)
    ring = SigningKeyRing(lambda: token_keys.records)
    keeper = WorldKeeper(stores, ring.published, authority.revoked_fingerprints, public_urls(settings))
    discovery = Discovery()
    publisher = Publisher(layout, discovery, _refusal_secret(stores))
    server_names = _ServerNames(settings)
    trusted = TrustedProviders(stores.values)
    ldap_trust = LDAPTrust(layout.run_directory, settings)
    practice = PracticeTLS(settings.data / DEMO_DIRECTORY, authority) if settings.demo else None

    def reload_keys() -> None:
        keys.reload()
        token_keys.reload()
        messaging.keys.reload()
        message_keys.reload()

    def tls(snapshot: Snapshot, moment: datetime) -> TLSMaterial:
        trusted.reload(keeper.identities, snapshot.environment.public_urls)  # on the thread that reads the store, with the snapshot
        certificate = authority.server_certificate(server_names.of(snapshot), moment)
        trust = authority.client_trust()
        material = TLSMaterial(certificate.chain_pem, certificate.private_key_pem, trust.authorities, trust.crls)
        if settings.relay_port is not None:
            shown = authority.relay_certificate(settings.relay_name, moment)
            material = replace(material, relay_chain_pem=shown.chain_pem, relay_key_pem=shown.private_key_pem,
                               relay_trust_pem=snapshot.environment.relay_trust or "")
        ldap_trust.reload(material)
        if practice is not None:
            practice.reload(material, moment)
        return material

    control = Control(stores, keeper, publisher, discovery, tls, reload_keys, now, token_keys.ends)
    clock = Clock(now, lambda: control.snapshot().clock_shift)
    samples = samples_of(settings.data, control.snapshot, lambda: keeper.identities.users, clock.now) if settings.demo else None
    key_sets = KeySetSource(_key_set_settings(settings), clock.steady, lambda: control.snapshot().environment.public_urls)

    async def record(event: Event) -> None:
        await commits.append(event)

    message_keys = MessageKeyRing(stores.message_keys, lambda: control.snapshot().message_keys, now, hardware_of(settings, os.environ))
    posts, rounds = _message_rounds(settings, stores, authority, control, clock, message_keys)
    messaging = wire_messaging(settings, stores, control.snapshot, clock, lambda: keeper.organisations, record)

    lists = PartnerLists(stores, _list_rules(settings), lambda: keeper.message_keys.trusts, now, settings.message_lists_seconds)

    async def claim(use: SingleUse) -> bool:
        return (await commits.run(stores.single_uses.claim, [use]))[0]

    async def revoke(jti: str, until: datetime, event: Event) -> None:
        await commits.run(stores.tokens.revoke, jti, until, event)

    inside = own_application(lambda: control.snapshot().environment.public_urls, lambda: public)
    providers = ProviderSource(_provider_settings(settings), clock.now, lambda: secrets.token_urlsafe(16), inside, clock.steady)
    authserver = AuthServerApp(AuthServer(
        settings=_authserver_settings(settings, stores), clients=control.snapshot, issue=commits.issue, claim=claim,
        record=record, revoke=revoke, keys=ring, key_sets=key_sets, now=clock.now,
        new_token_id=lambda: secrets.token_urlsafe(16), new_message_id=message_ids(secrets.randbits(64)),
        new_secret=lambda: secrets.token_urlsafe(27), sign_ins=StoredSignIns(stores.grants, commits), trusted=lambda: trusted.records,
        providers=providers, health=OwnHealth(stores, authority, discovery, now, lambda: keeper.message_keys, lists.failing),
        persona_fault=keeper.persona_fault, clock_shift=clock.shift,
    ))
    told = InsideOrOut(_logout_rules(settings), inside)
    people = stand_ins(
        stores, lambda: keeper.identities, lambda: control.snapshot().environment.public_urls, key_sets, told, claim, record, clock,
        stand_in_settings(settings),
        _smartcard_origin(settings),
    )
    standins = StandInsApp(people)

    async def index() -> DirectoryIndex:
        return control.snapshot().directory or _NO_DIRECTORY

    directory = create_directory_app(index, SDSSettings(base_path=SYSTEM_DIRECTORY.base_path), lambda: control.snapshot().environment.public_urls[0])
    public = _Public(authserver, standins, create_app(authority, now), APIHealth(lambda: control.world().routes, _status_key(stores)), directory)
    return Server(
        settings, stores, layout, commits, keys, authority, control,
        envoy=EnvoyProcess(layout, on_restart=lambda _code: control.ask()),
        tail=LogTail(layout.access_log, stores.audit.append_from, stores.audit.offset_of,
                     lambda: admin.reopen_logs(layout.admin_socket), lambda: keeper.quotas, now, settings.log_flush_seconds,
                     known=Known(stores.audit.reveal, lambda asid: _organisations_of(control.snapshot(), asid))),
        chores=Chores(stores, keys, authority, now, settings.checkpoint_seconds, messaging.chores, rounds, lists), key_sets=key_sets, providers=providers,
        told=told, deliveries=LogoutDelivery(people), public=public,
        xds=XDSApp(discovery), ldap=LDAPServer(DirectoryContent(control.snapshot, lambda: keeper.organisations), LDAPSettings()), ldap_trust=ldap_trust,
        samples=samples, practice=practice, messaging=messaging, posts=posts, rounds=rounds,
        decisions=DecisionService(control.world, now, record, (StoreError, asyncio.TimeoutError), stores.audit.conceal),
    )


def _message_rounds(
    settings: Settings, stores: Stores, authority: CertificateAuthority, control: Control, clock: Clock, held: MessageKeyRing,
) -> tuple[Posts, MessageRounds]:
    """The message handler by the real time; of the virtual one are the tokens of mailboxes that are hosted here."""
    def post_office() -> PostOffice:
        return control.snapshot().post_office

    posts = Posts(settings, stores, authority, post_office, lambda: control.snapshot().environment.name, now, VirtualClock(clock.now))
    handler = message_handler(
        settings, stores, authority, posts, post_office=post_office, directory=lambda: control.snapshot().message_keys, held=held, now=now, by="server",
    )
    return posts, MessageRounds(
        stores, handler, posts, post_office, now, timedelta(seconds=settings.message_poll_seconds), settings.message_transfers,
        timedelta(days=settings.message_keep_days),
    )


def _organisations_of(snapshot: Snapshot, asid: str) -> tuple[str, ...]:
    """Return the ODS codes that a system acts for, for the record of calls that Envoy judged."""
    system = snapshot.systems.get(asid)
    return tuple(system.acts_for) if system is not None else ()


class _ServerNames:
    """The names of the server's certificate: those of the environment, and loopback where that is all there is."""

    def __init__(self, settings: Settings) -> None:
        self._loopback = ("localhost", "127.0.0.1", "::1")
        self._address = settings.address

    def of(self, snapshot: Snapshot) -> tuple[str, ...]:
        """Return the names, in order and once each."""
        return tuple(dict.fromkeys((*snapshot.environment.server_names, *self._loopback)))


class _Public:
    """The public socket: stand-in providers, the authorisation server, the PKI's endpoints, `_status` of every API, the system directory."""

    def __init__(self, authserver: AuthServerApp, standins: StandInsApp, pki: Any, health: APIHealth, directory: Any) -> None:
        self._authserver, self._standins, self._pki, self._health, self._directory = authserver, standins, pki, health, directory

    async def __call__(self, scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        path = scope["path"]
        if self._standins.handles(path):
            await self._standins(dict(scope), receive, send)
        elif self._authserver.handles(path):
            await self._authserver(dict(scope), receive, send)
        elif path.startswith("/pki/"):
            await self._pki(scope, receive, send)
        elif self._health.handles(path):
            await self._health(scope, receive, send)
        elif path.startswith(SYSTEM_DIRECTORY.base_path + "/"):
            await self._directory(scope, receive, send)
        else:
            await send(_HTTP_NOT_FOUND)
            await send({"type": "http.response.body", "body": b""})


def stand_in_settings(settings: Settings) -> StandInSettings:
    """Return how long things last at the stand-ins, and how patient they are with guesses."""
    failures, seconds, hour = settings.sign_in_lock_failures, settings.sign_in_lock_seconds, 3600
    source = settings.sign_in_source_failures
    return StandInSettings(
        logout_timeout_seconds=settings.logout_timeout_seconds, logout_pauses_seconds=settings.logout_retry_pauses_seconds,
        person_tries=TryLimit(free=min(3, failures - 1), first_wait_seconds=min(5, seconds), lock_after=failures, lock_seconds=seconds),
        source_tries=TryLimit(free=source - 1, first_wait_seconds=hour, lock_after=source, lock_seconds=hour, forget_seconds=hour),
    )


def _smartcard_origin(settings: Settings) -> str | None:
    if settings.smartcard_port is None:
        return None
    return settings.smartcard_url or f"https://localhost:{settings.smartcard_port}"


def _authserver_settings(settings: Settings, stores: Stores) -> AuthServerSettings:
    return AuthServerSettings(
        requests_per_minute=settings.token_requests_per_minute, resource_servers=settings.resource_servers,
        monitoring_key=_status_key(stores), mtls_public_url=settings.mtls_url or f"https://localhost:{settings.mtls_port}",
        build=Build(__version__, __version__, __version__, __version__),
    )


def _status_key(stores: Stores) -> str:
    return stores.values.set_if_absent(STATUS_KEY, secrets.token_urlsafe(24))


def _refusal_secret(stores: Stores) -> str:
    """The word by which Envoy's own redirects are known. The same in every start: it is part of the listeners."""
    return stores.values.set_if_absent(REFUSAL_SECRET, secrets.token_urlsafe(24))


def _provider_settings(settings: Settings) -> ProviderSettings:
    """Sign-in providers are asked under the rules of key sets: what the operator allows for the one, it allows for the other."""
    found = _key_set_settings(settings)
    return ProviderSettings(fetch=replace(found.fetch, timeout_seconds=settings.provider_timeout_seconds), keys=found.keys,
                            refetch_seconds=settings.provider_keys_refetch_seconds)


def _key_set_settings(settings: Settings) -> KeySetSettings:
    fetch = _fetch_rules(settings, settings.jwks_timeout_seconds, settings.jwks_allowed_networks)
    return KeySetSettings(fetch=fetch, keys=KeyRules(settings.jwks_min_rsa_bits))


def _list_rules(settings: Settings) -> FetchRules:
    """Revocation lists are signed, so plain HTTP will do (RFC 5280 section 8)."""
    rules = _fetch_rules(settings, LIST_SECONDS, settings.jwks_allowed_networks)
    return replace(rules, max_body_bytes=MAX_LIST_BYTES, plain_http_networks=(ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0")))


def _logout_rules(settings: Settings) -> FetchRules:
    """A logout address is written by a client's developer, as that of a key set is; but it is posted to, so it is allowed apart."""
    return _fetch_rules(settings, settings.logout_timeout_seconds, settings.logout_allowed_networks)


def _fetch_rules(settings: Settings, timeout_seconds: float, allowed: tuple[str, ...]) -> FetchRules:
    networks = tuple(ipaddress.ip_network(name) for name in (*allowed, *(LOOPBACK if settings.demo else ())))
    plain = tuple(ipaddress.ip_network(name) for name in LOOPBACK) if settings.demo else ()
    return FetchRules(timeout_seconds=timeout_seconds, allowed_networks=networks, plain_http_networks=plain)
