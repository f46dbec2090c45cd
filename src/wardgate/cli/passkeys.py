"""`wardgate user passkeys` and `remove-passkey`: the passkeys that people registered at the stand-in providers."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any

import click

from wardgate.audit import EventType
from wardgate.audit.model import Personal
from wardgate.cli.context import World, with_world
from wardgate.cli.failures import Failed
from wardgate.cli.output import Printer, table
from wardgate.stores.passkeys import Passkey


@click.command()
@click.argument("username")
@with_world
def passkeys(username: str, world: World, printer: Printer) -> None:
    """List the passkeys that a person registered at a stand-in provider, oldest first."""
    found = _of(world, username)
    rows = [(_id(one)[:16], one.label, one.rp_id, f"{one.created:%Y-%m-%d}", f"{one.used:%Y-%m-%d}" if one.used else "never", str(one.sign_count)) for one in found]
    printer.answer([_data(one) for one in found], table(("ID", "NAME", "HOST", "REGISTERED", "USED", "COUNTER"), rows))


@click.command("remove-passkey")
@click.argument("username")
@click.argument("beginning", metavar="ID")
@with_world
def remove_passkey(username: str, beginning: str, world: World, printer: Printer) -> None:
    """Remove a passkey, by the beginning of its id: it signs nobody in any more."""
    wanted = beginning.strip().lower()
    fitting = [one for one in _of(world, username) if wanted and _id(one).startswith(wanted)]
    if len(fitting) != 1:
        raise Failed(f"{username} has {len(fitting) or 'no'} passkeys whose id begins with {beginning}: wardgate user passkeys {username}")
    found = fitting[0]
    made = world.event(EventType.PASSKEY_REMOVED)
    details = {**made.details, "user": Personal(found.username), "rp_id": found.rp_id, "passkey": _id(found)}
    if not world.stores.passkeys.remove(found.id, replace(made, details=details)):
        raise Failed("the passkey was removed meanwhile")
    printer.answer({"removed": _data(found)}, [f"removed {found.label} of {found.username}"])


def _of(world: World, username: str) -> Sequence[Passkey]:
    """Return a person's passkeys; of one who left the manifest too, because they come back with the person."""
    found = world.stores.passkeys.of(username)
    if not found and username.casefold() not in {one.username.casefold() for one in world.manifest()[1].users}:
        raise Failed(f"there is nobody of the user name {username}: wardgate user list")
    return found


def _id(found: Passkey) -> str:
    """Return what a passkey is called in records and here: a hash of the credential ID."""
    return sha256(found.id).hexdigest()


def _data(found: Passkey) -> dict[str, Any]:
    return {"id": _id(found), "username": found.username, "name": found.label, "rp_id": found.rp_id, "registered": found.created.isoformat(),
            "used": found.used.isoformat() if found.used else None, "sign_count": found.sign_count}
