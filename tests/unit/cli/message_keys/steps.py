"""What tests of message keys do and ask again and again."""

from pathlib import Path

from cryptography import x509

from simulators.message_authority import MessageAuthority, pem_of
from unit.cli.message_installation import Run
from wardgate.cli.context import World

MANIFEST = """
environment: {name: trial}
organisations: [{ods: Z9X01, name: Example Hospital}, {ods: Z9X02, name: Example Laboratory}]
"""


def made(keys: Run, kid: str, use: str = "signing", *more: str) -> None:
    """Make and publish a key of Z9X01."""
    keys("new", "--organisation", "Z9X01", "--use", use, "--kid", kid, *more)
    keys("publish", kid)


def states(keys: Run) -> dict[str, tuple[str, str | None]]:
    """Return state and place of each key."""
    return {row["kid"]: (row["state"], row["private"]) for row in keys("list") if row["kid"] != "first"}


def world(tmp_path: Path) -> World:
    """Open the installation as a server does."""
    return World(tmp_path / "data", None)


def certified_by(partner: MessageAuthority, request: Path, certificate: Path) -> x509.CertificateSigningRequest:
    """Have a request certified."""
    csr = x509.load_pem_x509_csr(request.read_bytes())
    certificate.write_text(pem_of(partner.certify("Z9X01", csr.public_key())))
    return csr
