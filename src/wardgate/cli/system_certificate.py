"""The certificate a system is called with: the one named, else the one that is kept for it (spine 5.2)."""

import os
from datetime import datetime
from pathlib import Path
from typing import Final

import click
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from wardgate.ca.records import SubjectKind
from wardgate.cli.authority import authority_of
from wardgate.cli.context import World
from wardgate.cli.failures import Failed
from wardgate.cli.output import Printer
from wardgate.security_patterns.snapshot import CallingSystem

KEY_BITS: Final = 2048
CHAIN, KEY = "chain.pem", "key.pem"
_WHERE: Final = "give --cert (the chain, leaf first) and --cert-key, or put chain.pem and key.pem in {0}"


def certificate_for(world: World, system: CallingSystem | None, asid: str, printer: Printer) -> tuple[Path, Path]:
    """Return chain and key of a system in DATA/systems/ASID; where data are not real they are made when they are missing or over.

    Raises `Failed` where nothing is kept and nothing may be made.
    """
    kept = world.data / "systems" / asid
    chain, key = kept / CHAIN, kept / KEY
    names = system.certificate_names if system is not None else frozenset()
    if chain.is_file() and key.is_file() and (not names or _is_good(chain, names, world.now)):
        return chain, key
    if not world.exists or world.environment.live:
        raise Failed(f"no certificate of ASID {asid}: {_WHERE.format(kept)}")
    if not names:
        raise Failed(f"ASID {asid} has no name on the network, for which a certificate could be made: {_WHERE.format(kept)}")
    _make(world, asid, min(names), kept)
    printer.note(f"made a certificate of ASID {asid} for {min(names)}, and kept it in {kept}\n")
    return chain, key


def both(cert: Path | None, key: Path | None) -> tuple[Path, Path] | None:
    """Return the files that were named, both or none."""
    if (cert is None) != (key is None):
        raise click.UsageError("--cert (the chain, leaf first) and --cert-key go together")
    return (cert, key) if cert is not None and key is not None else None


def _is_good(chain: Path, names: frozenset[str], now: datetime) -> bool:
    try:
        leaf = x509.load_pem_x509_certificate(chain.read_bytes())
        found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
    except (ValueError, x509.ExtensionNotFound):
        return False
    return leaf.not_valid_before_utc <= now < leaf.not_valid_after_utc and set(found) <= names


def _make(world: World, asid: str, name: str, kept: Path) -> None:
    """Make a key and have it certified, as `wardgate cert issue --system` does. Raises `CAError`, `CheckFailed`."""
    key = rsa.generate_private_key(65537, KEY_BITS)
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])).add_extension(
        x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False).sign(key, hashes.SHA256())
    authority = authority_of(world)
    authority.ensure(world.environment.name, world.now)
    issued = authority.issue_from_csr(request.public_bytes(Encoding.PEM), subject_kind=SubjectKind.SYSTEM, subject=asid, expected_name=name, now=world.now)
    kept.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write(kept / KEY, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    _write(kept / CHAIN, issued.chain_pem.encode())


def _write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, readable by its owner only."""
    draft = path.with_name(f".{path.name}.new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
    os.replace(draft, path)  # noqa: PTH105 - the one that is atomic by its name
