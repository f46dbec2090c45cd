"""`wardgate key`: the keys this Wardgate signs and seals with, and the key set of yours."""

import json
import os
from pathlib import Path
from typing import Any, Final

import click
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from wardgate.cli.context import World, with_world
from wardgate.cli.failures import Failed
from wardgate.cli.options import IN_FILE, printing, read_input
from wardgate.cli.output import Printer, table
from wardgate.jose.jwk import public_members
from wardgate.keystores import load_store_keys
from wardgate.keystores.database import USES
from wardgate.stores.reseal import reseal as seal_again

PASSWORD_VARIABLE: Final = "WARDGATE_KEY_PASSWORD"  # noqa: S105 - the name of a variable
ALGORITHM_OF: Final = {"RSA": "RS512", "EC": "ES256", "OKP": "EdDSA"}
"""`alg` of a key in a key set; an RSA key for the profile `strict` is said to be one with --alg."""


@click.group()
def key() -> None:
    """The keys this Wardgate signs and seals with, and the key set of yours."""


@key.command()
@click.argument("files", metavar="FILE...", type=IN_FILE, nargs=-1, required=True)
@click.option("--alg", type=click.Choice(["RS512", "PS256"]), default="RS512", show_default=True, help="What RSA keys sign with; PS256 is for the profile strict.")
@printing
def jwks(files: tuple[Path, ...], alg: str, printer: Printer) -> None:
    """Print the key set (JWKS) of public or private keys in PEM, to publish or to register. Each kid is its file's name.

    Of a private key only the public half is printed. A password comes from WARDGATE_KEY_PASSWORD.
    """
    kids = [path.stem for path in files]
    if len(set(kids)) != len(kids):
        raise click.UsageError("two files have the same name, which is the kid")
    keys = [_public_jwk(path, alg) for path in files]
    printer.answer({"keys": keys}, json.dumps({"keys": keys}, indent=2).split("\n"))


def _public_jwk(path: Path, rsa_alg: str) -> dict[str, str]:
    members = public_members(_public_key(path))
    alg = rsa_alg if members["kty"] == "RSA" else ALGORITHM_OF[members["kty"]]
    return {"kid": path.stem, "use": "sig", "alg": alg, **members}


def _public_key(path: Path) -> Any:
    """Return the key of a PEM file, the public half of a private one. Raises `Failed`, without a word of the key."""
    pem, password = read_input(path, "the key"), os.environ.get(PASSWORD_VARIABLE)
    try:
        if b"PRIVATE KEY-----" in pem:
            return load_pem_private_key(pem, password.encode() if password and b"ENCRYPTED" in pem else None).public_key()
        return load_pem_public_key(pem)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Failed(f"{path}: not a key in PEM, or its password is missing or wrong") from None


@key.command()
@with_world
def reseal(world: World, printer: Printer) -> None:
    """Seal everything in the store with the first store key, so that the others can be dropped.

    The keys come from WARDGATE_STORE_KEY, WARDGATE_STORE_KEY_FILE or the data directory: the new one first, then the old. A
    server that runs must have been started with both.
    """
    if not world.exists:
        raise Failed(f"there is no Wardgate in {world.data}")
    count = seal_again(world.settings.database, load_store_keys(os.environ, world.data))
    printer.answer({"resealed": count}, [f"sealed {count} values again with the first store key"])


@key.command()
@click.option("--use", type=click.Choice(USES), default=USES[0], show_default=True, help="What the key signs.")
@with_world
def rotate(use: str, world: World, printer: Printer) -> None:
    """Make the next signing key now. It is published at once and signs when every cache has it; the old one overlaps."""
    kid = world.keys.rotate(use, world.now)
    if kid is None:
        raise Failed("another process made the next key at the same moment; see `wardgate key list`")
    made = next(found for found in world.stores.signing_keys.all(use) if found.kid == kid)
    printer.answer({"use": use, "kid": kid, "sign_from": made.sign_from.isoformat()},
                   [f"{kid} signs {use} from {made.sign_from:%Y-%m-%d %H:%M} UTC"])


@key.command("list")
@click.option("--use", type=click.Choice(USES), default=USES[0], show_default=True, help="What the keys sign.")
@with_world
def list_keys(use: str, world: World, printer: Printer) -> None:
    """List the signing keys: which signs, which is next, until when the last is believed."""
    found = sorted(world.stores.signing_keys.all(use), key=lambda entry: entry.sign_from)
    rows = [(entry.kid, f"{entry.sign_from:%Y-%m-%d %H:%M}", f"{entry.verify_until:%Y-%m-%d %H:%M}" if entry.verify_until else "-")
            for entry in found]
    data = [{"kid": entry.kid, "sign_from": entry.sign_from.isoformat(),
             "verify_until": entry.verify_until.isoformat() if entry.verify_until else None} for entry in found]
    printer.answer(data, table(("KID", "SIGNS FROM", "BELIEVED UNTIL"), rows))
