"""`wardgate ca`: the authorities of this installation, and their change of generation in two stages."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import click

from wardgate.ca.hierarchy import HeldAuthority
from wardgate.cli.authority import authority_of
from wardgate.cli.confirmation import confirm, wait_option
from wardgate.cli.context import World, with_world
from wardgate.cli.output import Printer, table
from wardgate.pki.crl import REASONS
from wardgate.stores.ports import IssuedCertificate


@click.group()
def ca() -> None:
    """The certification authorities: the root, and those that issue."""


@ca.command("list")
@with_world
def list_authorities(world: World, printer: Printer) -> None:
    """List the authorities: which is trusted, until when, and how many certificates in use depend on it."""
    now = world.now
    authority = authority_of(world)
    certificates = authority.certificates()
    data = [_data(entry, certificates, now) for entry in authority.authorities()]
    rows = [(entry["name"], entry["issuer"] or "-", entry["not_after"][:10], str(entry["in_use"]), entry["state"]) for entry in data]
    printer.answer(data, table(("NAME", "UNDER", "ENDS", "IN USE", "STATE"), rows))


@ca.command()
@wait_option
@with_world
def rotate(wait: float, world: World, printer: Printer) -> None:
    """Make the next issuing authority, trusted beside the old one. It issues when every Envoy knows it.

    Then renew what `wardgate cert list` shows of the old one, and retire that: wardgate ca retire NAME.
    """
    authority = authority_of(world)
    name = authority.rotate_issuing_ca(world.environment.name, world.now)
    lead = timedelta(seconds=authority.settings.trust_lead_seconds)
    issues_from = world.now + lead
    confirm(world, printer, world.stores.generation.current(), wait, {"name": name, "issues_from": issues_from.isoformat()},
            [f"{name} is trusted now and issues from {issues_from:%Y-%m-%d %H:%M:%S} UTC"])


@ca.command()
@click.argument("name")
@click.option("--reason", type=click.Choice(list(REASONS)), default="superseded", show_default=True, help="Why (RFC 5280 section 5.3.1).")
@click.option("--force", is_flag=True, help="Although certificates in use depend on it: they are refused at once, on open connections too.")
@wait_option
@with_world
def retire(name: str, reason: str, force: bool, wait: float, world: World, printer: Printer) -> None:
    """Trust an issuing authority no more. Refused while certificates in use depend on it, and for the only one."""
    authority_of(world).retire_issuing_ca(name, world.now, reason=reason, force=force)
    confirm(world, printer, world.stores.generation.current(), wait, {"name": name, "reason": reason}, [f"{name} is retired"])


def _data(entry: HeldAuthority, certificates: Sequence[IssuedCertificate], now: datetime) -> dict[str, Any]:
    issued = (c for c in certificates if c.authority == entry.name and c.name != entry.name)
    in_use = sum(1 for c in issued if c.revoked_at is None and c.not_after > now)
    return {"name": entry.name, "issuer": entry.parent, "not_after": entry.certificate.not_valid_after_utc.isoformat(), "in_use": in_use,
            "state": f"retired {entry.retired:%Y-%m-%d}" if entry.retired else "trusted"}
