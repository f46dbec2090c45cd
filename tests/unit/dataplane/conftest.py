"""A small world for the compiler, and a reader of what it made that judges as Envoy does."""

import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from wardgate.catalogue import API, Environment
from wardgate.dataplane.layout import Layout
from wardgate.dataplane.resources.secrets import TLSMaterial
from wardgate.jose import KeyRules, SigningJWK, parse_jwk_set
from wardgate.security_patterns.snapshot import APIKey, Client, Snapshot, TokenIssuer

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
_JWKS = {"keys": [SigningJWK.of("wg-1", "ES256", ec.generate_private_key(ec.SECP256R1())).public_jwk()]}
ISSUER = TokenIssuer(("https://localhost/oauth2", "https://localhost/oauth2-mock"), "wardgate", parse_jwk_set(_JWKS, KeyRules()), _JWKS)


class World:
    """Makes snapshots, layouts and evaluates maps."""

    now = NOW

    @staticmethod
    def client(name: str, apis: frozenset[str], refused: str | None = None) -> Client:
        """Return an application."""
        return Client(name=name, organisation="Z9X01", products=frozenset({"p"} if apis else ()), apis=apis, scopes=(), refused=refused,
                      certificate_name=f"{name}.example.nhs.uk")

    @staticmethod
    def snapshot(clients: Mapping[str, Client], apis: tuple[API, ...] = (), **more: Any) -> Snapshot:
        """Return a snapshot of these applications, each with one key."""
        keys = {key.key: key for key in (APIKey(f"id-{name}", f"key-{name}".ljust(20, "k"), name) for name in clients)}
        names = {found.certificate_name: name for name, found in clients.items() if found.certificate_name}
        found = Snapshot(generation=1, environment=Environment(name="unit"), apis=apis, clients=dict(clients), api_keys=keys,
                         certificate_names=names, tokens=ISSUER)
        return replace(found, **more)

    @staticmethod
    def layout(directory: Path, binary: Path) -> Layout:
        """Return a layout below a directory."""
        return Layout(
            node="unit", address="127.0.0.1", https_port=18443, mtls_port=18444, http_port=18080,
            control_socket=directory / "control.sock", decision_socket=directory / "decisions.sock", public_socket=directory / "public.sock", admin_socket=directory / "admin.sock",
            access_log=directory / "access.log", run_directory=directory, envoy_binary=binary,
        )

    @staticmethod
    def verdict(rbac: Mapping[str, Any], values: Mapping[str, str]) -> tuple[str, str]:
        """Return the action's name and verdict of a compiled matcher tree; `values` are what its inputs read."""
        node: Mapping[str, Any] = {"matcher": rbac["matcher"]}
        while "matcher" in node:
            matcher = node["matcher"]
            found = matcher.get("matcher_tree")
            if found is None:
                node = matcher["on_no_match"]
                continue
            source = found["input"]["typed_config"]
            value = values.get(source.get("header_name") or source.get("key"))
            if "prefix_match_map" in found:
                fitting = [key for key in found["prefix_match_map"]["map"] if (value or "").startswith(key)]
                node = found["prefix_match_map"]["map"][max(fitting, key=len)] if fitting else matcher["on_no_match"]
            else:
                node = found["exact_match_map"]["map"].get(value, matcher["on_no_match"])
        action = node["action"]["typed_config"]
        return action["name"], action["action"]


@pytest.fixture(scope="session")
def world() -> World:
    """The maker of worlds."""
    return World()


@pytest.fixture(scope="session")
def envoy() -> Path:
    """The real binary."""
    return Path(sys.executable).with_name("envoy")


@pytest.fixture(scope="session")
def tls() -> TLSMaterial:
    """A self-signed certificate and its list: enough for Envoy to look at."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(5)
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=9))
        .add_extension(x509.BasicConstraints(True, None), critical=True).sign(key, hashes.SHA256())
    )
    crl = x509.CertificateRevocationListBuilder().issuer_name(name).last_update(now).next_update(now + timedelta(days=1)).sign(key, hashes.SHA256())
    pem = certificate.public_bytes(Encoding.PEM).decode()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return TLSMaterial(pem, private, pem, crl.public_bytes(Encoding.PEM).decode())
