"""`wardgate key`: the keys this Wardgate signs with."""

import click

from wardgate.cli.context import World, with_world
from wardgate.cli.failures import Failed
from wardgate.cli.output import Printer, table
from wardgate.keystores.database import USES


@click.group()
def key() -> None:
    """The keys this Wardgate signs with."""


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
