"""`wardgate user`: the made-up people of the stand-in providers, what they sign in with, and lock-outs."""

import secrets
import sys
from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_address
from typing import Any, Final

import click

from wardgate.audit import EventType
from wardgate.audit.model import Event, Personal
from wardgate.cli.context import World, with_world
from wardgate.cli.failures import Failed
from wardgate.cli.options import printing, read_input
from wardgate.cli.output import Printer, pairs, table
from wardgate.cli.passkeys import passkeys, remove_passkey
from wardgate.identities import User
from wardgate.identities.one_time_code import STEP_SECONDS, code_of, key_of, step_at
from wardgate.identities.password import SALT_BYTES, UnfitPassword, hash_password
from wardgate.keystores.client_secrets import USERS, stated_secret
from wardgate.quotas.failed_tries import Tally
from wardgate.standins.methods.failed_tries import Guarded, person_keys, source_key

_AT_ONCE: Final = 500


@click.group()
def user() -> None:
    """The made-up people of the stand-in providers, what they sign in with, and lock-outs."""


user.add_command(passkeys)
user.add_command(remove_passkey)


@user.command("list")
@with_world
def list_users(world: World, printer: Printer) -> None:
    """List the people, with what they can prove and who has to wait after failed tries."""
    people = world.manifest()[1].users
    data = [_told(world, one, tallies) for one, tallies in zip(people, _tallies(world, people), strict=True)]
    rows = [(one["username"], one["name"], one["provider"], " and ".join(one["proves_with"]), one["waits_until"] or "") for one in data]
    printer.answer(data, table(("USER NAME", "NAME", "SIGNS IN AT", "PROVES WITH", "WAITS UNTIL"), rows))


@user.command()
@click.argument("username")
@with_world
def show(username: str, world: World, printer: Printer) -> None:
    """Show a person: what they sign in with, and their failed tries. Never a hash or a secret."""
    found = _found(world, username)
    (tallies,) = _tallies(world, [found])
    told = _told(world, found, tallies)
    failures = ", ".join(f"{count} at the {guarded}" for guarded, count in told["failures"].items() if count)
    rows = [("user name", found.username), ("name", found.name), ("signs in at", told["provider"]), ("note", found.note),
            ("can sign in with", ", ".join(told["signs_in_with"])), ("proves with", " and ".join(told["proves_with"]) or "nothing: one click only"),
            ("failed tries", failures or "none"), ("waits until", told["waits_until"] or "")]
    printer.answer(told, pairs(rows))


@user.command()
@click.argument("username")
@with_world
def totp(username: str, world: World, printer: Printer) -> None:
    """Print the one-time code that a made-up person's authenticator app would show now. Refused in a live environment."""
    if world.environment.live:
        raise Failed("a live environment has no made-up people, and gives nobody's codes away")
    found = _found(world, username)
    secret = stated_secret(world.stores.values, USERS, found.username)
    if secret is None:
        raise Failed(f"{found.username} has no one-time codes: state a `totp_secret` in the manifest")
    now = world.now
    code, left = code_of(key_of(secret), step_at(now)), STEP_SECONDS - int(now.timestamp()) % STEP_SECONDS
    printer.answer({"username": found.username, "code": code, "seconds_left": left}, [code])
    printer.note(f"for {left} more seconds; good once")


@user.command("hash-password")
@printing
def make_hash(printer: Printer) -> None:
    """Ask for a password, or read it from standard input, and print its hash for the manifest."""
    if sys.stdin.isatty():
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        password = read_input(None, "the password").decode("utf-8", "replace").removesuffix("\n").removesuffix("\r")
    try:
        phc = hash_password(password, secrets.token_bytes(SALT_BYTES))
    except UnfitPassword as unfit:
        raise Failed(str(unfit)) from None
    printer.answer({"password": phc}, [phc])


@user.command()
@click.argument("username", required=False)
@click.option("--source", default=None, metavar="ADDRESS", help="End the lock-out of a network address instead, for whomever it tried to sign in.")
@with_world
def unlock(username: str | None, source: str | None, world: World, printer: Printer) -> None:
    """End the lock-out of a person, or of a network address, and forget the failed tries."""
    if (username is None) == (source is None):
        raise click.UsageError("give a user name, or --source")
    if source is not None:
        if not _is_address(source.strip()):
            raise click.UsageError("--source is an IP address")
        keys: tuple[str, ...] = (source_key(source.strip()),)
        event, name = _event(world, source=Personal(source.strip())), source.strip()
    else:
        found = _found(world, username or "")
        keys, name = person_keys(found.kind, found.username), found.username
        event = _event(world, provider=found.kind.value, user=Personal(name))
    known = world.stores.failed_tries.unlock(keys, world.now, event)
    told = f"{name} may try at once" if known else f"{name} had no failed tries"
    printer.answer({"username": None if source is not None else name, "source": source, "forgotten": known > 0}, [told])


def _event(world: World, **details: str | Personal) -> Event:
    made = world.event(EventType.STAND_IN_UNLOCKED)
    return replace(made, details={**made.details, **details})


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _found(world: World, username: str) -> User:
    found = next((one for one in world.manifest()[1].users if one.username.casefold() == username.casefold()), None)
    if found is None:
        raise Failed(f"there is nobody of the user name {username}: wardgate user list")
    return found


def _tallies(world: World, people: Sequence[User]) -> list[tuple[Tally | None, ...]]:
    """Return the failures of each person, at the password and at the code."""
    keys = [key for one in people for key in person_keys(one.kind, one.username)]
    found: list[Tally | None] = []
    for start in range(0, len(keys), _AT_ONCE):
        found += world.stores.failed_tries.tallies(keys[start:start + _AT_ONCE], world.now)
    kinds = len(Guarded)
    return [tuple(found[start:start + kinds]) for start in range(0, len(found), kinds)]


def _told(world: World, person: User, tallies: Sequence[Tally | None]) -> dict[str, Any]:
    waits = [tally.open_from for tally in tallies if tally is not None and tally.open_from > world.now]
    has_code = stated_secret(world.stores.values, USERS, person.username) is not None
    ways: Sequence[str] = person.worker.authenticators if person.worker is not None else person.patient.credentials if person.patient is not None else ()
    return {
        "username": person.username, "name": person.name, "provider": person.kind.value, "note": person.note, "signs_in_with": [str(way) for way in ways],
        "proves_with": [name for name, has in (("password", person.password is not None), ("code", has_code)) if has],
        "failures": {guarded.value: tally.failures if tally is not None else 0 for guarded, tally in zip(Guarded, tallies, strict=True)},
        "waits_until": max(waits).isoformat(timespec="seconds") if waits else None,
    }
