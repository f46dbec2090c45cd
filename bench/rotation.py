"""What rotations cost callers: signing key, server certificate, issuing authority and revocation list, all under load.

Connections opened before the rotations go on, and new ones are made all the time, on both TLS ports. Every answer but 200 counts as
lost. At the end one client certificate is revoked, and the time is taken until its open connection is refused.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from bench.caller import Connection, Tally, context, keep_asking, seconds_until
from bench.machine import free_ports, pin_self
from bench.plane import Plane, running
from bench.report import Verdict, table, verdicts
from bench.world import AUDIENCE, ISSUER, JWT_PATH, SCOPE, TLS_PATH, Population, Realm, backend
from wardgate.authserver import SigningKeyRing
from wardgate.ca import CASettings, CertificateAuthority
from wardgate.ca.records import SubjectKind
from wardgate.dataplane.resources.secrets import TLSMaterial
from wardgate.jose import KeyRules, parse_jwk_set, sign
from wardgate.keystores import DatabaseKeys, load_store_keys
from wardgate.keystores.database import ACCESS_TOKEN
from wardgate.oauth.access_token import TYPE, AccessToken
from wardgate.security_patterns.snapshot import Revocations, Snapshot, TokenIssuer
from wardgate.stores import Stores, open_stores
from wardgate.stores.ports import SigningKey

SETTLE_SECONDS: Final = 1.0
"""Load between one rotation and the next, after every Envoy has it."""
KEPT_CONNECTIONS: Final = 8
NEW_CONNECTIONS: Final = 2
"""How many callers open a connection for every request, on each port."""
ENVIRONMENT: Final = "bench"


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class Site:
    """Keys, authorities and what is in force. `ahead` moves the clock of the signing keys, which is not Envoy's."""

    directory: Path
    stores: Stores
    keys: DatabaseKeys
    authority: CertificateAuthority
    realm: Realm
    names: tuple[str, ...] = ("localhost", "127.0.0.1")
    ahead: timedelta = timedelta(0)
    generation: int = 0
    records: tuple[SigningKey, ...] = ()
    clients: dict[str, Path] = field(default_factory=dict)
    fingerprints: dict[str, str] = field(default_factory=dict)

    def ring(self) -> SigningKeyRing:
        """Return the signing keys as they are stored now."""
        records = tuple(self.stores.signing_keys.all(ACCESS_TOKEN))
        return SigningKeyRing(lambda: records)

    def token(self, number: int) -> str:
        """Return a new token by the key that signs now."""
        now = int(time.time())
        token = AccessToken(ISSUER, AUDIENCE, self.realm.application(number), "credential-00000", "Z9X01", SCOPE, f"token-{number}", now - 5, now + 600)
        return sign(token.claims(), self.ring().signer(_now() + self.ahead).key, TYPE)

    def snapshot(self) -> Snapshot:
        """Return the world as the store has it now."""
        self.generation += 1
        jwks = self.ring().published(_now() + self.ahead)
        tokens = TokenIssuer((ISSUER,), AUDIENCE, parse_jwk_set(jwks, KeyRules()), jwks)
        revoked = Revocations(tokens=self.realm.revoked, fingerprints=self.authority.revoked_fingerprints(_now()))
        return replace(self.realm.snapshot(self.generation), tokens=tokens, revocations=revoked)

    def material(self) -> TLSMaterial:
        """Return the server's certificate and the clients' trust as they are now."""
        server, trust = self.authority.server_certificate(self.names, _now()), self.authority.client_trust()
        return TLSMaterial(server.chain_pem, server.private_key_pem, trust.authorities, trust.crls)

    def certify(self, label: str, number: int) -> Path:
        """Issue a client certificate to an application's system; return the file with chain and key."""
        name = f"system-{number:05d}.bench.thirdparty.nhs.uk"
        key = rsa.generate_private_key(65537, 2048)
        request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])).sign(key, hashes.SHA256())
        issued = self.authority.issue_from_csr(request.public_bytes(serialization.Encoding.PEM), subject_kind=SubjectKind.SYSTEM,
                                               subject=f"{200_000_000_000 + number}", expected_name=name, now=_now())
        path = self.directory / f"client-{label}.pem"
        private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
        path.touch(mode=0o600)
        path.write_text(issued.chain_pem + private)
        self.clients[label], self.fingerprints[label] = path, issued.certificate.fingerprint
        return path


def site(directory: Path, backend_url: str) -> Site:
    """Make an installation's keys and authorities; new authorities are trusted and used at once."""
    stores = open_stores(f"sqlite:///{directory / 'wardgate.db'}", load_store_keys({}, directory))
    keys = DatabaseKeys(stores.signing_keys)
    keys.rotate_if_due(ACCESS_TOKEN, _now())
    authority = CertificateAuthority(stores.certificates, stores.values, CASettings("http://127.0.0.1:1/pki", trust_lead_seconds=0))
    authority.ensure(ENVIRONMENT, _now())
    found = Site(directory, stores, keys, authority, Realm(Population(10, 10, 100), backend_url))
    for label, number in (("first", 1), ("victim", 2), ("other", 3)):
        found.certify(label, number)
    return found


@dataclass(slots=True)
class Load:
    """Everybody who calls while things rotate. `token` and `certificate` are what new requests and connections use."""

    here: Site
    plane: Plane
    token: str
    certificate: str = "first"
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    tallies: dict[str, Tally] = field(default_factory=dict)

    def start(self) -> list[asyncio.Task[None]]:
        """Begin to call on both ports."""
        https, mtls = self.plane.layout.https_port, self.plane.layout.mtls_port
        plain, first = context(), context(self.here.clients["first"])

        def with_token() -> Mapping[str, str]:
            return {"authorization": f"Bearer {self.token}"}

        def present() -> Connection:
            return Connection(mtls, context(self.here.clients[self.certificate]))

        rows: list[tuple[str, int, Callable[[], Connection], str, Callable[[], Mapping[str, str]], bool]] = [
            ("signed-jwt, connections opened before", KEPT_CONNECTIONS, lambda: Connection(https, plain), JWT_PATH, with_token, False),
            ("signed-jwt, a new connection each time", NEW_CONNECTIONS, lambda: Connection(https, plain), JWT_PATH, with_token, True),
            ("tls-ma, connections opened before", KEPT_CONNECTIONS, lambda: Connection(mtls, first), TLS_PATH, dict, False),
            ("tls-ma, a new connection each time", NEW_CONNECTIONS, present, TLS_PATH, dict, True),
        ]
        tasks = []
        for name, callers, connection, path, headers, new in rows:
            tally = self.tallies[name] = Tally()
            tasks += [asyncio.create_task(keep_asking(connection, path, headers, tally, self.stop, new_each_time=new)) for _ in range(callers)]
        return tasks


async def _in_force(load: Load) -> None:
    """Publish what the store says and wait until Envoy has it, then a little more."""
    here = load.here
    snapshot, material = await asyncio.to_thread(here.snapshot), await asyncio.to_thread(here.material)
    await asyncio.wrap_future(load.plane.begin(load.plane.publisher.publish(snapshot, material, _now())))
    await asyncio.to_thread(load.plane.wait_confirmed)
    await asyncio.sleep(SETTLE_SECONDS)


async def rotate_everything(load: Load) -> list[str]:
    """Rotate one thing after the other; return what was done, with the count of requests lost until then."""
    here, done = load.here, []

    def note(what: str) -> None:
        done.append(f"{what}: {sum(len(tally.lost) for tally in load.tallies.values())} lost so far of {sum(tally.requests for tally in load.tallies.values())}")

    await asyncio.to_thread(here.keys.rotate, ACCESS_TOKEN, _now())
    await _in_force(load)
    note("next signing key published")
    here.ahead = timedelta(days=1, minutes=3)
    load.token = here.token(1)
    await asyncio.sleep(SETTLE_SECONDS)
    note("next signing key signs")
    here.ahead = timedelta(days=1, minutes=20)
    if len(here.ring().published(_now() + here.ahead)["keys"]) != 1:
        raise RuntimeError("the old signing key was not withdrawn, so its rotation was not measured")
    await _in_force(load)
    note("old signing key withdrawn")
    here.names = ("localhost", "127.0.0.1", "gateway.bench.nhs.uk")
    await _in_force(load)
    note("server certificate")
    await asyncio.to_thread(here.authority.rotate_issuing_ca, ENVIRONMENT, _now())
    await _in_force(load)
    await asyncio.to_thread(here.certify, "second", 4)
    load.certificate = "second"
    await asyncio.sleep(SETTLE_SECONDS)
    note("issuing authority, and a client of the new one")
    await asyncio.to_thread(here.authority.revoke, reason="superseded", now=_now(), fingerprint=here.fingerprints["other"])
    await _in_force(load)
    note("revocation lists")
    return done


async def _revocation_seconds(load: Load) -> float:
    """Revoke a certificate and return how long its open connection was still answered."""
    here = load.here
    connection = Connection(load.plane.layout.mtls_port, context(here.clients["victim"]))
    if await connection.get(TLS_PATH, {}) != 200:
        raise RuntimeError("the certificate was refused before its revocation")
    began = time.monotonic()
    refused = asyncio.create_task(seconds_until(lambda status: status != 200, connection, TLS_PATH, {}))
    await asyncio.to_thread(here.authority.revoke, reason="keyCompromise", now=_now(), fingerprint=here.fingerprints["victim"])
    snapshot, material = await asyncio.to_thread(here.snapshot), await asyncio.to_thread(here.material)
    await asyncio.wrap_future(load.plane.begin(load.plane.publisher.publish(snapshot, material, _now())))
    seconds = await refused - began
    connection.close()
    return seconds


async def _measure(here: Site, plane: Plane) -> tuple[Load, list[str], float]:
    load = Load(here, plane, here.token(1))
    tasks = load.start()
    await asyncio.sleep(SETTLE_SECONDS)
    try:
        done = await rotate_everything(load)
        seconds = await _revocation_seconds(load)
    finally:
        load.stop.set()
        await asyncio.gather(*tasks)
    return load, done, seconds


def measure() -> list[Verdict]:
    """Measure and return the promises. Raises `Missing` without nginx."""
    pin_self()
    with tempfile.TemporaryDirectory(prefix="wardgate-bench-") as temporary:
        directory = Path(temporary)
        with backend(directory, free_ports(1)[0]) as url:
            here = site(directory, url)
            try:
                with running(directory / "run", here.snapshot(), here.material()) as plane:
                    load, done, seconds = asyncio.run(_measure(here, plane))
            finally:
                here.stores.close()
    for line in done:
        print(line)
    table(["callers", "requests", "lost", "why"], [[name, tally.requests, len(tally.lost), ", ".join(sorted({why for _, why in tally.lost}))]
                                                  for name, tally in load.tallies.items()])
    lost = sum(len(tally.lost) for tally in load.tallies.values())
    requests = sum(tally.requests for tally in load.tallies.values())
    return [
        Verdict("requests lost while everything rotates", float(lost), 0.0, note=f"of {requests:,}"),
        Verdict("a revoked certificate is refused on its open connection after", seconds, 1.0, " s"),
    ]


def main() -> None:
    """Measure from the command line."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    verdicts(measure())


if __name__ == "__main__":
    main()
