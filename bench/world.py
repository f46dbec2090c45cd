"""A world to serve: applications, systems, keys and tokens in any number, real keys and certificates, and a backend.

Limits are as high as they go, so that counters count and nothing is refused while it is measured.
"""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from bench.machine import LOAD_CORE, program, started, wait_port
from wardgate.applications import Application, Product
from wardgate.catalogue import API, Environment
from wardgate.dataplane.resources.secrets import TLSMaterial
from wardgate.directory import Organisation, System
from wardgate.jose import KeyRules, SigningJWK, parse_jwk_set, sign
from wardgate.oauth.access_token import TYPE, AccessToken, TokenUser
from wardgate.quotas import Quota, RateLimits
from wardgate.security_patterns.build import World, build
from wardgate.security_patterns.snapshot import APIKey, Revocations, Snapshot, TokenIssuer

ISSUER: Final = "https://localhost/oauth2"
AUDIENCE: Final = "wardgate"
API_NAME: Final = "patients"
SCOPE: Final = f"urn:nhsd:apim:app:level3:{API_NAME}"
KEY_PATH: Final = "/patients/R4/key/1"
JWT_PATH: Final = "/patients/R4/jwt/1"
USER_PATH: Final = "/patients/R4/user/1"
ROLE_PATH: Final = "/patients/R4/role/1"
BEFORE_PATH: Final = "/patients/R4/before/1"
USER_SCOPE: Final = f"urn:nhsd:apim:user-nhs-cis2:aal3:{API_NAME}"
TLS_PATH: Final = "/patients/R4/tls/1"
UNLIMITED: Final = RateLimits(quota=Quota(limit=1_000_000_000))


@dataclass(frozen=True)
class Population:
    """How many of each."""

    applications: int = 100
    systems: int = 100
    revoked_tokens: int = 10_000
    ended_sign_ins: int = 10_000


class Realm:
    """Keys of an environment, and the snapshots and tokens made with them."""

    def __init__(self, population: Population, backend: str) -> None:
        self.population = population
        self.backend = backend
        key = ec.generate_private_key(ec.SECP256R1())
        self.signing_key = SigningJWK.of("bench", "ES256", key)
        self.verifying_pem = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
        self.ended = frozenset(f"{number:08x}-ended-sign-in" for number in range(population.ended_sign_ins))
        self.revoked = frozenset(f"{number:08x}-revoked-token" for number in range(population.revoked_tokens))

    def application(self, number: int) -> str:
        """Return an application's name."""
        return f"application-{number:05d}"

    def key(self, number: int) -> str:
        """Return the API key of an application."""
        return f"bench-key-{number:05d}-0123456789abcdef"

    def token(self, number: int, seconds: int = 3600, scope: str = SCOPE, jti: str | None = None) -> str:
        """Return an access token of an application, as the authorisation server would make it."""
        now = int(time.time())
        claims = AccessToken(ISSUER, AUDIENCE, self.application(number), f"credential-{number:05d}", "Z9X01", scope,
                             jti or f"{number:08x}-valid-token", now - 5, now + seconds).claims()
        return sign(claims, self.signing_key, TYPE)

    def user_token(self, number: int, level: str = "aal3", grant: str | None = None) -> str:
        """Return the access token of a healthcare worker, signed in at another provider for each application."""
        user = TokenUser(f"{656_000_000_000 + number}", grant or f"{number:08x}-sign-in", "https://provider.example/Healthcare", level, separate=True,
                         role="555000000201")
        now = int(time.time())
        claims = AccessToken(ISSUER, AUDIENCE, self.application(number), f"credential-{number:05d}", "Z9X01", USER_SCOPE,
                             f"{number:08x}-user-token", now - 5, now + 3600, user=user).claims()
        return sign(claims, self.signing_key, TYPE)

    def ended_user_token(self) -> str:
        """Return a user's token that is good but for the end of the sign-in."""
        return self.user_token(1, grant=min(self.ended))

    def revoked_token(self) -> str:
        """Return a token that is good but for its revocation."""
        return self.token(1, jti=min(self.revoked))

    def snapshot(self, generation: int = 1) -> Snapshot:
        """Return the whole world: a few APIs, this many systems, and applications that may call them all."""
        jwks = {"keys": [self.signing_key.public_jwk()]}
        issuer = TokenIssuer((ISSUER,), AUDIENCE, parse_jwk_set(jwks, KeyRules()), jwks)
        apis = {api.name: api for api in self._apis()}
        product = Product(name="everything", apis=tuple(apis), scopes=(SCOPE,), limits=UNLIMITED)
        systems = {system.asid: system for system in map(self._system, range(self.population.systems))}
        asids = list(systems)
        applications = {
            (name := self.application(number)): Application(name=name, organisation="Z9X01", products=("everything",), asid=asids[number % len(asids)])
            for number in range(self.population.applications)
        }
        keys = [APIKey(f"credential-{number:05d}", self.key(number), self.application(number)) for number in range(self.population.applications)]
        return build(World(
            generation, Environment(name="bench"), {"Z9X01": Organisation(ods="Z9X01", name="Bench Hospital")}, systems,
            apis, {"everything": product}, applications, keys, issuer, Revocations(tokens=self.revoked, grants=self.ended),
        ))

    def _apis(self) -> Iterator[API]:
        yield API(name="hello", base_path="/hello", backend=self.backend, routes=[{"path": "/world", "pattern": "open-access"}])
        yield API(name=API_NAME, base_path="/patients/R4", backend=self.backend, routes=[
            {"path": "/open/*", "pattern": "open-access"}, {"path": "/key/{id}", "pattern": "api-key"},
            {"path": "/jwt/{id}", "pattern": "signed-jwt", "methods": ["GET", "POST"]}, {"path": "/tls/{id}", "pattern": "tls-ma"},
            {"path": "/user/{id}", "pattern": "user-restricted", "access_mode": "healthcare-worker"},
            {"path": "/role/{id}", "pattern": "user-restricted", "access_mode": "healthcare-worker", "role": "required"},
            {"path": "/before/{id}", "pattern": "user-restricted", "access_mode": "healthcare-worker", "audit": "before"},
        ])
        yield API(name="records", base_path="/records", backend=self.backend, errors="fhir", routes=[{"path": "/*", "pattern": "signed-jwt"}])

    @staticmethod
    def _system(number: int) -> System:
        return System(asid=f"{200_000_000_000 + number}", organisation="Z9X01", product="Bench EPR", fqdn=f"system-{number:05d}.bench.thirdparty.nhs.uk")


def suspended(snapshot: Snapshot, application: str, generation: int) -> Snapshot:
    """Return the next snapshot, in which one application is refused."""
    clients = dict(snapshot.clients)
    clients[application] = replace(clients[application], refused="developer-inactive")
    return replace(snapshot, generation=generation, clients=clients)


def self_signed_material() -> TLSMaterial:
    """Return a server certificate that is its own authority, RSA-2048 as the platform's, with an empty list."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=9))
    builder = builder.add_extension(x509.BasicConstraints(True, None), True)
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
    pem = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
    empty = x509.CertificateRevocationListBuilder().issuer_name(name).last_update(now).next_update(now + timedelta(days=1))
    crl = empty.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
    return TLSMaterial(pem, private, pem, crl)


_BACKEND: Final = """
daemon off; master_process off; pid {directory}/backend.pid; error_log {directory}/backend.log; worker_rlimit_nofile 8192;
events {{ worker_connections 4096; }}
http {{ access_log off; keepalive_requests 100000000; keepalive_timeout 600s; client_body_temp_path {directory}/body;
 proxy_temp_path {directory}/p; fastcgi_temp_path {directory}/f; uwsgi_temp_path {directory}/u; scgi_temp_path {directory}/s;
 server {{ listen 127.0.0.1:{port} backlog=4096; default_type application/fhir+json;
  location / {{ return 200 '{{"resourceType":"Patient","id":"9000000009","active":true,"name":[{{"family":"Bench"}}]}}'; }} }} }}
"""


@contextlib.contextmanager
def backend(directory: Path, port: int) -> Iterator[str]:
    """Run nginx as a backend that answers 200 and a small JSON body, on the load's core; yields its URL."""
    configuration = directory / "backend.conf"
    configuration.write_text(_BACKEND.format(directory=directory, port=port))
    with started([program("nginx"), "-p", str(directory), "-c", str(configuration)], LOAD_CORE, directory / "backend.out"):
        wait_port(port)
        yield f"http://127.0.0.1:{port}"
