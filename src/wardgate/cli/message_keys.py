"""`wardgate message keys`: the keys that messages are signed with and sealed to, from making to erasing."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import click
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from wardgate.ca.errors import CertificateNotFound
from wardgate.cli.authority import authority_of
from wardgate.cli.confirmation import confirm, wait_option
from wardgate.cli.context import World, with_world
from wardgate.cli.failures import Failed
from wardgate.cli.message_key_files import export_keys, import_keys, revocations, trust
from wardgate.cli.message_key_making import make_key
from wardgate.cli.message_key_request import request
from wardgate.cli.message_key_store import (
    Known,
    change_document,
    check_organisation,
    key_event,
    known_key,
    known_keys,
    with_key,
)
from wardgate.cli.output import Printer, table
from wardgate.keystores.hardware_uri import HardwareURI
from wardgate.keystores.message_keys import OPENS_AFTER_RETIREMENT
from wardgate.keystores.private_keys import KINDS, RSA_BITS
from wardgate.pki.chain import fingerprint
from wardgate.pki.crl import REASONS
from wardgate.sealing.keys import State, Use
from wardgate.stores.message_keys import HeldMessageKey
from wardgate.workflows.model import PublishedKey

LEAST_DAYS: Final = OPENS_AFTER_RETIREMENT.days
organisation_option = click.option("--organisation", required=True, metavar="ODS", help="The organisation whose key it is.")
use_option = click.option("--use", type=click.Choice([use.value for use in Use]), required=True, help="What the key is for.")
days_option = click.option(
    "--days", type=click.IntRange(LEAST_DAYS, 3650), default=LEAST_DAYS, show_default=True,
    help="How long messages that were sealed to a retired key are still opened.")


@click.group()
def keys() -> None:
    """The keys that messages are signed with and sealed to: ours, and those of partners."""


@keys.command("new")
@organisation_option
@click.option("--use", type=click.Choice([use.value for use in Use]), default=None, show_default="one key for each", help="What the key is for.")
@click.option("--publish", "at_once", is_flag=True, help="Publish it at once: from then on it signs, or messages are sealed to it.")
@click.option("--kind", type=click.Choice(list(KINDS)), default="ec", show_default=True, help="On P-256, or RSA.")
@click.option("--bits", type=click.Choice([str(bits) for bits in RSA_BITS]), default="2048", show_default=True, help="Of an RSA key.")
@click.option("--kid", default=None, metavar="KID", help="The key's id; without it one is made.")
@click.option("--token-label", default=None, metavar="LABEL", help="Make it in this token of the hardware module, which it never leaves.")
@click.option("--csr-out", type=click.Path(dir_okay=False, path_type=Path), default=None, metavar="FILE",
              help="Have it certified by another authority: write the request to this new file.")
@wait_option
@with_world
def new_key(
    organisation: str, use: str | None, at_once: bool, kind: str, bits: str, kid: str | None, token_label: str | None, csr_out: Path | None, wait: float,
    world: World, printer: Printer,
) -> None:
    """Make a key, or one for signing and one for encryption, certified by this environment's authority.

    A key is used when it is published: at once with --publish, or later by `wardgate message keys publish KID`.
    """
    if use is None and (kid is not None or csr_out is not None):
        raise click.UsageError("--kid and --csr-out are of one key: give --use")
    if at_once and csr_out is not None:
        raise click.UsageError("a key that is still to be certified cannot be published")
    check_organisation(world, organisation)
    lines, kids = [], []
    for one in [Use(use)] if use is not None else list(Use):
        made = make_key(world, organisation, one, kind=kind, bits=int(bits), kid=kid, token=token_label, request=csr_out)
        kids.append(made.kid)
        lines.append(f"made {made.kid}, a key of {organisation} for {one.value}")
        if at_once:
            _publish(world, made)
        elif csr_out is None:
            lines.append(f"publish it: wardgate message keys publish {made.kid}")
        else:
            lines.append(f"have {csr_out} certified, then: wardgate message keys import CERTIFICATE --organisation {organisation}")
    data: Any = [known_key(world, name).data() for name in kids]
    data = data[0] if use is not None else data
    if at_once:
        confirm(world, printer, world.stores.generation.current(), wait, data if isinstance(data, dict) else {"keys": data}, [*lines, "published"])
    else:
        printer.answer(data, lines)


@keys.command("list")
@click.option("--organisation", default=None, metavar="ODS", help="Only those of this organisation.")
@with_world
def list_keys(organisation: str | None, world: World, printer: Printer) -> None:
    """List the keys: whose, for what, how each stands, and where its private half is."""
    data = [key.data() for key in known_keys(world) if organisation in {None, key.organisation}]
    rows = [(row["kid"], row["organisation"], row["use"], row["state"], row["private"] or "-", (row["not_after"] or "-")[:10],
             (row["opens_until"] or "-")[:10]) for row in data]
    printer.answer(data, table(("KID", "ORGANISATION", "USE", "STATE", "PRIVATE HALF", "ENDS", "OPENS UNTIL"), rows))


@keys.command()
@click.argument("kid")
@wait_option
@with_world
def publish(kid: str, wait: float, world: World, printer: Printer) -> None:
    """Publish a key that was made here: from then on it signs, or messages are sealed to it."""
    key = known_key(world, kid)
    if key.published is not None or key.held is None or key.held.is_erased:
        raise Failed(f"the key {kid} is {key.state} already")
    generation = _publish(world, key.held)
    confirm(world, printer, generation, wait, known_key(world, kid).data(), [f"published {kid} of {key.organisation}"])


@keys.command()
@organisation_option
@use_option
@click.option("--token-label", default=None, metavar="LABEL", help="Make the new key in this token; without it, where the current one is.")
@days_option
@wait_option
@with_world
def rotate(organisation: str, use: str, token_label: str | None, days: int, wait: float, world: World, printer: Printer) -> None:
    """Make and publish a new key like the current one, and retire the keys it takes over from."""
    current = [key for key in known_keys(world) if (key.organisation, key.use) == (organisation, Use(use)) and key.held is not None and key.state == "published"]
    if not current:
        raise Failed(f"no key of {organisation} for {use} is published from here: wardgate message keys new")
    newest = max(current, key=lambda key: key.held.created.timestamp() if key.held is not None else 0.0)
    made = make_key(world, organisation, Use(use), **_like(newest, token_label))
    _publish(world, made)
    for key in current:
        _retire(world, key, timedelta(days=days))
    retired = [key.kid for key in current]
    confirm(world, printer, world.stores.generation.current(), wait, {**known_key(world, made.kid).data(), "retired": retired},
            [f"published {made.kid} of {organisation}", *(f"retired {kid}" for kid in retired)])


@keys.command()
@click.argument("kid")
@days_option
@wait_option
@with_world
def retire(kid: str, days: int, wait: float, world: World, printer: Printer) -> None:
    """Use a key no more: what it signed still verifies, what was sealed to it is still opened for a while."""
    key = known_key(world, kid)
    if key.state != "published":
        raise Failed(f"the key {kid} is {key.state}, not published")
    generation = _retire(world, key, timedelta(days=days))
    confirm(world, printer, generation, wait, known_key(world, kid).data(), [f"retired {kid} of {key.organisation}"])


@keys.command()
@click.argument("kid")
@click.option("--reason", type=click.Choice(list(REASONS)), default="keyCompromise", show_default=True, help="Why (RFC 5280 section 5.3.1).")
@click.option("--at", type=click.DateTime(["%Y-%m-%dT%H:%M:%SZ"]), default=None, help="Since when it is not to be believed, in UTC; now when absent.")
@wait_option
@with_world
def revoke(kid: str, reason: str, at: datetime | None, wait: float, world: World, printer: Printer) -> None:
    """Believe a key no more, and its certificate if it is ours. Signatures that a time-stamp shows to be older stay good."""
    key = known_key(world, kid)
    if key.published is None or key.state == "revoked":
        raise Failed(f"the key {kid} is {key.state}: only what is published can be revoked")
    since = (at or world.now).replace(tzinfo=world.now.tzinfo)
    if since > world.now:
        raise Failed("a key is revoked from now on or from a time in the past")
    revoked = key.published.model_copy(update={"state": State.REVOKED, "revoked_at": since})
    event = key_event(world, kid, key.organisation, "revoked", reason=reason)
    generation = change_document(world, key.organisation, lambda document: with_key(document, revoked), event)
    certified_here = _revoke_certificate(world, key, reason)
    if key.held is not None:
        # NOTE: it opens nothing from now on, also when its entry leaves the manifest
        over = world.now if key.use is Use.ENCRYPTION else None
        world.stores.message_keys.change(kid, lambda held: replace(held, retired_at=held.retired_at or world.now, opens_until=over), event)
    lines = [f"revoked {kid} of {key.organisation}", *([] if certified_here else ["tell the authority that certified it, too"])]
    confirm(world, printer, max(generation, world.stores.generation.current()), wait, known_key(world, kid).data(), lines)


@keys.command()
@click.argument("kid")
@click.option("--force", is_flag=True, help="Although messages sealed to it may still come: they can be opened no more.")
@with_world
def erase(kid: str, force: bool, world: World, printer: Printer) -> None:
    """Erase the private half of a key whose time is over. Its id stays taken; one in a hardware module is removed there by its own tools."""
    key = known_key(world, kid)
    if key.held is None or key.held.is_erased:
        raise Failed(f"nothing is held of the private half of {kid}")
    if not force and (key.state == "published" or (key.held.opens_until is not None and world.now < key.held.opens_until)):
        raise Failed(f"the key {kid} is still in use: retire it, and wait until its time is over")
    world.stores.message_keys.change(kid, lambda held: replace(held, private_pem=None, hardware=None), key_event(world, kid, key.organisation, "erased"))
    printer.answer(known_key(world, kid).data(), [f"erased {kid} of {key.organisation}"])


for command in (request, import_keys, export_keys, trust, revocations):
    keys.add_command(command)


def _publish(world: World, held: HeldMessageKey) -> int:
    if held.certificate_pem is None:
        raise Failed(f"the key {held.kid} has no certificate yet: wardgate message keys import")
    key = PublishedKey(kid=held.kid, use=held.use, certificate=held.certificate_pem)
    return change_document(world, held.organisation, lambda document: with_key(document, key), key_event(world, held.kid, held.organisation, "published"))


def _retire(world: World, key: Known, opens: timedelta) -> int:
    """NOTE: how long it opens is stored before its document says that it is retired, so that nothing is lost in between."""
    now, published = world.now, key.published
    if published is None:
        raise Failed(f"the key {key.kid} is not published")
    event = key_event(world, key.kid, key.organisation, "retired")
    if key.held is not None:
        until = now + opens if key.use is Use.ENCRYPTION else None
        world.stores.message_keys.change(key.kid, lambda held: replace(held, retired_at=now, opens_until=until), event)
    retired = published.model_copy(update={"state": State.RETIRED})
    return change_document(world, key.organisation, lambda document: with_key(document, retired), event)


def _revoke_certificate(world: World, key: Known, reason: str) -> bool:
    if key.certificate is None:
        return False
    try:
        authority_of(world).revoke(fingerprint=fingerprint(key.certificate), reason=reason, now=world.now)
    except CertificateNotFound:
        return False
    return True


def _like(key: Known, token_label: str | None) -> dict[str, Any]:
    """Return how to make another key like this one."""
    public = key.certificate.public_key() if key.certificate is not None else None
    held = key.held.hardware if key.held is not None else None
    where = token_label or (HardwareURI.parse(held).token if held is not None else None)
    bits = public.key_size if isinstance(public, RSAPublicKey) and public.key_size in RSA_BITS else RSA_BITS[0]
    return {"kind": "rsa" if isinstance(public, RSAPublicKey) else "ec", "bits": bits, "token": where}
