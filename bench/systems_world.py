"""A world of accredited systems: ASIDs with shared sets of interactions, a certificate, and a bridge that shows it.

The load generator has no client certificates, so nginx on its core takes plain requests and passes them on with mutual TLS.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from bench.machine import LOAD_CORE, program, started, wait_port
from bench.world import Population, Realm
from wardgate.catalogue import API
from wardgate.dataplane.resources.secrets import TLSMaterial
from wardgate.directory import System
from wardgate.directory.index import DirectoryIndex
from wardgate.directory.stated import directory_of, stated
from wardgate.security_patterns.build import calling_systems, known_organisations
from wardgate.security_patterns.snapshot import Snapshot
from wardgate.spine.interaction_catalogue import INTERACTIONS, find
from wardgate.spine.mint import CoreContext, build_spine_jwt
from wardgate.spine.variants import VARIANTS, VariantName

OWN: Final = "299999999999"
CALLERS: Final = 10
"""Systems of one party key, whose certificate the load shows."""
EACH: Final = 10
"""Interactions of a system."""
SETS: Final = 200
"""Different sets of them."""
CONSENT: Final = "urn:nhs:names:services:raflags:Consent.read:1"
FLAG: Final = "urn:nhs:names:services:raflags:Flag.read:1"
NATIVE_PATH: Final = "/ra/STU3/Consent/1"
JWT_PATH: Final = "/ra/STU3/Flag/1"
TRACE: Final = "7f1c9b52-2f06-4d8e-9a53-0d6a4c1f8e21"
CALLER_NAME: Final = "callers.bench.thirdparty.nhs.uk"
AUDIENCE: Final = "https://clinicals.spineservices.nhs.uk/STU3"


def asid(number: int) -> str:
    """Return a system's ASID."""
    return f"{200_000_000_000 + number}"


def interactions(number: int) -> tuple[str, ...]:
    """Return one of `SETS` sets, which all have the two that are called."""
    others = [name for name in sorted(INTERACTIONS) if name not in {CONSENT, FLAG}]
    first, second = divmod(number % SETS, len(others))
    chosen = islice((others[(second + step * (first + 1)) % len(others)] for step in range(len(others))), EACH - 2)
    return (CONSENT, FLAG, *dict.fromkeys(chosen))


class SystemsRealm(Realm):
    """As many systems as the population has, of one organisation."""

    def __init__(self, systems: int, backend: str) -> None:
        super().__init__(Population(applications=10, systems=systems, revoked_tokens=10, ended_sign_ins=10), backend)

    def snapshot(self, generation: int = 1) -> Snapshot:
        """Return the world with its directory, as the manifest's systems make it."""
        statements = [stated(self._system(number), "bench") for number in range(self.population.systems)]
        names: dict[str, set[str]] = {}
        for one in statements:
            names.setdefault(one.party_key.lower(), set()).update({one.fqdn} if one.fqdn else ())
        directory = directory_of(statements)
        calling = calling_systems(directory, {key: frozenset(found) for key, found in names.items()})
        return replace(super().snapshot(generation), systems=calling, directory=DirectoryIndex(directory), organisations=known_organisations({}, directory))

    def _apis(self) -> Iterator[API]:
        by_asid = {"pattern": "asid-interaction", "methods": ["GET"]}
        yield API(name="patients", base_path="/ra/STU3", backend=self.backend, errors="spine", request_id="generated",
                  spine={"service": "reasonable-adjustments", "asid": OWN}, routes=[
                      by_asid | {"path": "/Consent/{id}", "spine_jwt": "none"}, by_asid | {"path": "/Flag/{id}", "spine_jwt": "reasonable-adjustments"}])

    @staticmethod
    def _system(number: int) -> System:
        named = number >= CALLERS
        return System(asid=asid(number), organisation="Z9X01", product="Bench EPR", interactions=interactions(number),
                      fqdn=f"system-{number:05d}.bench.thirdparty.nhs.uk" if named else CALLER_NAME,
                      party_key=f"Z9X01-{number:06d}" if named else "Z9X01-900000")

    def spine_jwt(self, number: int) -> str:
        """Return a Spine JWT of a system's user, good for five minutes."""
        context = CoreContext("https://bench.thirdparty.nhs.uk", AUDIENCE, asid(number), organisation="Z9X01", role="555000000201")
        return build_spine_jwt(VARIANTS[VariantName.REASONABLE_ADJUSTMENTS], context, datetime.now(UTC), find(FLAG))


def headers(number: int = 0, interaction: str = CONSENT) -> dict[str, str]:
    """Return the headers of a good call."""
    return {"FromASID": asid(number), "ToASID": OWN, "InteractionID": interaction, "TraceID": TRACE}


def client_certificate(tls: TLSMaterial, directory: Path, fqdn: str = CALLER_NAME) -> Path:
    """Issue the callers' certificate by the environment's own authority; return the file with it and its key."""
    authority = x509.load_pem_x509_certificate(tls.certificate_chain_pem.encode())
    signing = serialization.load_pem_private_key(tls.private_key_pem.encode(), None)
    if not isinstance(signing, rsa.RSAPrivateKey):
        raise TypeError("the authority has an RSA key")
    key, now = rsa.generate_private_key(65537, 2048), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, fqdn)])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(authority.subject).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=1))
    certificate = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(fqdn)]), False).sign(signing, hashes.SHA256())
    found = directory / "caller.pem"
    found.touch(mode=0o600)
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    found.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + private)
    return found


_BRIDGE: Final = """
daemon off; master_process off; pid {directory}/bridge-{port}.pid; error_log {directory}/bridge-{port}.log; worker_rlimit_nofile 8192;
events {{ worker_connections 4096; }}
http {{ access_log off; keepalive_requests 100000000; keepalive_timeout 600s; client_body_temp_path {directory}/body-{port};
 proxy_temp_path {directory}/p-{port}; fastcgi_temp_path {directory}/f-{port}; uwsgi_temp_path {directory}/u-{port}; scgi_temp_path {directory}/s-{port};
 upstream gateway {{ server 127.0.0.1:{to}; keepalive 64; keepalive_requests 100000000; keepalive_timeout 600s; }}
 server {{ listen 127.0.0.1:{port} backlog=4096;
  location / {{ proxy_pass https://gateway; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_ssl_certificate {certificate};
   proxy_ssl_certificate_key {certificate}; proxy_buffering off; {headers} }} }} }}
"""


@contextlib.contextmanager
def bridge(directory: Path, port: int, to: int, certificate: Path, given: dict[str, str]) -> Iterator[int]:
    """Pass on what comes to `port` with mutual TLS and these headers; yields the port."""
    configuration = directory / f"bridge-{port}.conf"
    lines = " ".join(f'proxy_set_header {name} "{value}";' for name, value in given.items())
    configuration.write_text(_BRIDGE.format(directory=directory, port=port, to=to, certificate=certificate, headers=lines))
    with started([program("nginx"), "-p", str(directory), "-c", str(configuration)], LOAD_CORE, directory / f"bridge-{port}.out"):
        wait_port(port)
        yield port
