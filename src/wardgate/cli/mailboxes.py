"""`wardgate mesh mailbox`: the mailboxes of this server, their passwords, and what they may send and receive."""

import secrets
from pathlib import Path
from typing import Any, Final

import click
from pydantic import ValidationError

from wardgate.audit import EventType
from wardgate.cli.confirmation import confirm, wait_option
from wardgate.cli.context import World, with_world
from wardgate.cli.failures import Failed
from wardgate.cli.mesh_admission import admit
from wardgate.cli.options import read_input
from wardgate.cli.output import Printer, pairs, table
from wardgate.cli.secrets_out import new_secret_file, write_secret
from wardgate.cli.stating import store_change
from wardgate.manifest import Manifest
from wardgate.server.published_secrets import is_published
from wardgate.workflows.model import Mailbox, Workflow
from wardgate.workflows.post_office import PostOffice

PASSWORD_BYTES: Final = 24
MIN_PASSWORD, MAX_PASSWORD = 8, 200
password_out_option = click.option(
    "--password-out", type=click.Path(dir_okay=False, path_type=Path), default=None, metavar="FILE", callback=new_secret_file,
    help="Write the password to a new file, readable by you only, instead of printing it.")


@click.group()
def mailbox() -> None:
    """The mailboxes of this server, their passwords, and what they may send and receive."""


@mailbox.command()
@click.argument("mailbox_id", metavar="ID")
@click.option("--organisation", required=True, metavar="ODS", help="The organisation whose it is.")
@click.option("--name", default="", help="The name for people.")
@click.option("--certificate", "certificates", multiple=True, metavar="FQDN", help="The name of a client certificate that may speak for it; several may be given.")
@password_out_option
@wait_option
@with_world
def create(
    mailbox_id: str, organisation: str, name: str, certificates: tuple[str, ...], password_out: Path | None, wait: float, world: World, printer: Printer,
) -> None:
    """Make a mailbox with a password of its own."""
    made = _made({"id": mailbox_id, "organisation": organisation, "name": name, "certificates": certificates})
    if any(found.id == made.id for found in world.manifest()[1].mailboxes):
        raise Failed(f"there is a mailbox {made.id} already")
    generation = store_change(world, lambda _: ([("mailboxes", made)], []), world.event(EventType.MAILBOX_CHANGED, mailbox=made.id, change="created"))
    data, lines = _new_password(world, made.id, secrets.token_urlsafe(PASSWORD_BYTES), password_out)
    confirm(world, printer, max(generation, world.stores.generation.current()), wait, {**_data(made), **data}, [f"created {made.id} of {organisation}", *lines])


@mailbox.command("list")
@with_world
def list_mailboxes(world: World, printer: Printer) -> None:
    """List the mailboxes: whose, whether they are active, how many messages wait."""
    found = world.manifest()[1].mailboxes
    data = [{**_data(one), "waiting": world.stores.mailboxes.count(one.id)} for one in found]
    rows = [(row["id"], row["organisation"], row["name"] or "-", "active" if row["active"] else "suspended", str(row["waiting"])) for row in data]
    printer.answer(data, table(("ID", "ORGANISATION", "NAME", "STATE", "WAITING"), rows))


@mailbox.command()
@click.argument("mailbox_id", metavar="ID")
@with_world
def show(mailbox_id: str, world: World, printer: Printer) -> None:
    """Show a mailbox: what it may send and receive, and who may speak for it."""
    manifest = world.manifest()[1]
    found, office = _found(manifest, mailbox_id), PostOffice.of(manifest.mailboxes, manifest.workflows)
    sends = sorted(name for name, rules in office.rules.items() if rules.sends(found.id))
    receives = sorted(name for name, rules in office.rules.items() if any(found.id in exchange.receivers for exchange in rules.exchanges))
    has_password = found.id in world.stores.mailboxes.passwords()
    data = {**_data(found), "sends": sends, "receives": receives, "has_password": has_password, "waiting": world.stores.mailboxes.count(found.id)}
    names = ", ".join(found.certificates) or f"any that ends in .{found.organisation.lower()}.api.mesh-client.nhs.uk"
    printer.answer(data, pairs([
        ("id", found.id), ("organisation", found.organisation), ("name", found.name), ("state", "active" if found.active else "suspended"),
        ("password", "is set" if has_password else f"is not set: wardgate mesh mailbox password {found.id}"), ("certificates", names),
        ("sends", ", ".join(sends)), ("receives", ", ".join(receives)), ("waiting", str(data["waiting"]))]))


@mailbox.command()
@click.argument("mailbox_id", metavar="ID")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path), required=False)
@password_out_option
@wait_option
@with_world
def password(mailbox_id: str, file: Path | None, password_out: Path | None, wait: float, world: World, printer: Printer) -> None:
    """Set a mailbox's password: from FILE, from standard input for `-`, or a new one that is made. The old one is refused from then on."""
    found = _found(world.manifest()[1], mailbox_id)
    if file is not None and password_out is not None:
        raise click.UsageError("--password-out is for a password that is made")
    if file is None:
        data, lines = _new_password(world, found.id, secrets.token_urlsafe(PASSWORD_BYTES), password_out)
    else:
        if str(file) != "-" and not file.is_file():
            raise click.UsageError(f"there is no file {file}")
        _new_password(world, found.id, _checked(read_input(file, "the password")), None)
        data, lines = {"mailbox": found.id}, [f"the password of {found.id} is set"]
    confirm(world, printer, world.stores.generation.current(), wait, data, lines)


@mailbox.command()
@click.argument("mailbox_id", metavar="ID")
@wait_option
@with_world
def suspend(mailbox_id: str, wait: float, world: World, printer: Printer) -> None:
    """Refuse every request of a mailbox; what waits for it is reported as not collected."""
    _set_active(world, printer, mailbox_id, False, wait)


@mailbox.command()
@click.argument("mailbox_id", metavar="ID")
@wait_option
@with_world
def resume(mailbox_id: str, wait: float, world: World, printer: Printer) -> None:
    """Serve a suspended mailbox again."""
    _set_active(world, printer, mailbox_id, True, wait)


@mailbox.command("workflow")
@click.argument("mailbox_id", metavar="ID")
@click.argument("workflow_id", metavar="WORKFLOW")
@click.option("--sends/--no-sends", default=None, help="Let it send the workflow, or no more.")
@click.option("--receives/--no-receives", default=None, help="Let the workflow be sent to it, or no more.")
@wait_option
@with_world
def of_workflow(
    mailbox_id: str, workflow_id: str, sends: bool | None, receives: bool | None, wait: float, world: World, printer: Printer,
) -> None:
    """Let a mailbox send or receive a workflow, or no more; responses go back without being listed."""
    if sends is None and receives is None:
        raise click.UsageError("give --sends, --no-sends, --receives or --no-receives")
    found = _found(world.manifest()[1], mailbox_id)

    def change(manifest: Manifest) -> tuple[list[tuple[str, Any]], list[tuple[str, str]]]:
        held = next((one for one in manifest.workflows if one.id == workflow_id), None)
        if held is None:
            raise Failed(f"there is no workflow {workflow_id}: wardgate mesh workflow list")
        return [("workflows", held.model_copy(update={
            "senders": _with(held.senders, found.id, sends), "receivers": _with(held.receivers, found.id, receives)}))], []

    event = world.event(EventType.MAILBOX_CHANGED, mailbox=found.id, change="workflow", workflow=workflow_id)
    generation = store_change(world, change, event)
    data = _side(next(one for one in world.manifest()[1].workflows if one.id == workflow_id), found.id)
    may = [word for word, is_so in (("sends", data["sends"]), ("receives", data["receives"])) if is_so]
    confirm(world, printer, generation, wait, data, [f"{found.id} {' and '.join(may) or 'neither sends nor receives'} {workflow_id}"])


def _side(workflow: Workflow, mailbox_id: str) -> dict[str, Any]:
    return {"mailbox": mailbox_id, "workflow": workflow.id, "sends": mailbox_id in workflow.senders, "receives": mailbox_id in workflow.receivers}


def _with(listed: tuple[str, ...], name: str, wanted: bool | None) -> tuple[str, ...]:
    if wanted is None:
        return listed
    others = tuple(one for one in listed if one != name)
    return (*others, name) if wanted else others


def _set_active(world: World, printer: Printer, mailbox_id: str, active: bool, wait: float) -> None:
    found = _found(world.manifest()[1], mailbox_id)
    word = "resumed" if active else "suspended"

    def change(manifest: Manifest) -> tuple[list[tuple[str, Any]], list[tuple[str, str]]]:
        return [("mailboxes", _found(manifest, found.id).model_copy(update={"active": active}))], []

    generation = store_change(world, change, world.event(EventType.MAILBOX_CHANGED, mailbox=found.id, change=word))
    confirm(world, printer, generation, wait, {"mailbox": found.id, "active": active}, [f"{word} {found.id}"])


def _new_password(world: World, mailbox_id: str, text: str, path: Path | None) -> tuple[dict[str, Any], list[str]]:
    if is_published(text) and world.environment.live:
        raise Failed("this password is the demo's, which everyone knows: a live environment has others")
    world.stores.mailboxes.set_password(mailbox_id, text, world.event(EventType.MAILBOX_CHANGED, mailbox=mailbox_id, change="password"))
    return write_secret("password", text, path)


def _checked(content: bytes) -> str:
    text = content.decode("ascii", "replace").strip()
    if not MIN_PASSWORD <= len(text) <= MAX_PASSWORD or not text.isprintable() or not text.isascii() or ":" in text:
        raise Failed(f"a mailbox's password has {MIN_PASSWORD} to {MAX_PASSWORD} printable ASCII characters, and no colon")
    return text


def _found(manifest: Manifest, mailbox_id: str) -> Mailbox:
    found = next((one for one in manifest.mailboxes if one.id == mailbox_id.upper()), None)
    if found is None:
        raise Failed(f"there is no mailbox {mailbox_id.upper()}: wardgate mesh mailbox list")
    return found


def _made(data: dict[str, Any]) -> Mailbox:
    try:
        return Mailbox.model_validate(data)
    except ValidationError as invalid:
        names = ", ".join(str(error["loc"][0]) for error in invalid.errors(include_url=False))
        raise Failed(f"not a mailbox of the manifest: {names} (an id is in capitals, a certificate's name in small letters)") from None


def _data(found: Mailbox) -> dict[str, Any]:
    return found.model_dump(mode="json")


mailbox.add_command(admit)
