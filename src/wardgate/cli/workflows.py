"""`wardgate mesh workflow` and `wardgate mesh shared-key`: kinds of exchange, and the key that all mailbox clients share."""

import secrets
from pathlib import Path
from typing import Any, Final

import click
from pydantic import ValidationError

from wardgate.audit import EventType
from wardgate.cli.confirmation import confirm, wait_option
from wardgate.cli.context import World, with_world
from wardgate.cli.failures import Failed
from wardgate.cli.options import read_input
from wardgate.cli.output import Printer, pairs, table
from wardgate.cli.secrets_out import new_secret_file, write_secret
from wardgate.cli.stating import store_change
from wardgate.manifest import Manifest
from wardgate.manifest.documents import as_stated
from wardgate.sealing.model import Suite
from wardgate.server.installation import MESH_SHARED_KEY
from wardgate.server.published_secrets import is_published
from wardgate.workflows.model import Protection, Workflow

KEY_BYTES: Final = 32
MIN_KEY, MAX_KEY = 8, 500


@click.group()
def workflow() -> None:
    """The workflows: who may send which messages to whom, and how they are protected."""


@workflow.command("list")
@with_world
def list_workflows(world: World, printer: Printer) -> None:
    """List the workflows."""
    found = world.manifest()[1].workflows
    rows = [(one.id, str(len(one.senders)), str(len(one.receivers)), one.response_id or "-", one.messages.protection.value) for one in found]
    printer.answer([as_stated("workflows", one) for one in found], table(("ID", "SENDERS", "RECEIVERS", "RESPONSES ON", "PROTECTION"), rows))


@workflow.command()
@click.argument("workflow_id", metavar="ID")
@with_world
def show(workflow_id: str, world: World, printer: Printer) -> None:
    """Show a workflow with its rules."""
    found = _found(world.manifest()[1], workflow_id)
    rules = found.messages
    printer.answer(found.model_dump(mode="json"), pairs([
        ("id", found.id), ("senders", ", ".join(found.senders)), ("receivers", ", ".join(found.receivers)), ("responses on", found.response_id or "none"),
        ("protection", rules.protection.value), ("suites", ", ".join(rules.suites)), ("events", ", ".join(rules.events)),
        ("document types", ", ".join(rules.document_types)), ("confidentiality", ", ".join(rules.confidentiality)),
        ("signer roles", ", ".join(rules.signer_roles)), ("time-stamp", "required" if rules.time_stamp else ""),
        ("full ack", "yes" if rules.full_ack else ""), ("refused messages", "are kept" if rules.keep_refused else "are not kept")]))


@workflow.command("set")
@click.argument("workflow_id", metavar="ID")
@click.option("--protection", type=click.Choice([one.value for one in Protection]), default=None, help="How much of it the messages need.")
@click.option("--suite", "suites", multiple=True, type=click.Choice([one.value for one in Suite]), help="A kind of seal; the first is the one that is made.")
@click.option("--event", "events", multiple=True, metavar="CODE", help="A message event that it carries; several may be given.")
@click.option("--document-type", "document_types", multiple=True, metavar="CODE", help="A type of document (SNOMED CT); several may be given.")
@click.option("--confidentiality", multiple=True, metavar="CODE", help="A confidentiality that documents may have; several may be given.")
@click.option("--signer-role", "signer_roles", multiple=True, metavar="CODE", help="A role of which a signer must state one; several may be given.")
@click.option("--time-stamp/--no-time-stamp", default=None, help="Whether signatures must be time-stamped.")
@click.option("--full-ack/--no-full-ack", default=None, help="Whether a business response is itself answered.")
@click.option("--keep-refused/--no-keep-refused", default=None, help="Whether a message that was refused is kept for inspection.")
@click.option("--acknowledgement", default=None, metavar="ID", help="The workflow of responses; without it the id with _ACK.")
@click.option("--one-way/--answered", default=None, help="Whether there are no responses.")
@wait_option
@with_world
def set_workflow(workflow_id: str, acknowledgement: str | None, one_way: bool | None, wait: float, world: World, printer: Printer, **rules: Any) -> None:
    """Make a workflow, or change what is given of its rules; mailboxes join it by `wardgate mesh mailbox workflow`."""
    stated = {name: value for name, value in rules.items() if value is not None and value != ()}
    top = {name: value for name, value in (("acknowledgement", acknowledgement), ("one_way", one_way)) if value is not None}

    def change(manifest: Manifest) -> tuple[list[tuple[str, Any]], list[tuple[str, str]]]:
        held = next((one for one in manifest.workflows if one.id == workflow_id), None)
        before: dict[str, Any] = held.model_dump(mode="json") if held is not None else {"id": workflow_id, "messages": {}}
        return [("workflows", _made({**before, **top, "messages": {**before["messages"], **stated}}))], []

    generation = store_change(world, change, world.event(EventType.MAILBOX_CHANGED, workflow=workflow_id, change="workflow"))
    found = _found(world.manifest()[1], workflow_id)
    confirm(world, printer, generation, wait, found.model_dump(mode="json"), [f"{workflow_id}: {found.messages.protection} messages, responses on {found.response_id or 'none'}"])


@workflow.command()
@click.argument("workflow_id", metavar="ID")
@wait_option
@with_world
def remove(workflow_id: str, wait: float, world: World, printer: Printer) -> None:
    """Remove a workflow: nothing is sent by it any more."""
    _found(world.manifest()[1], workflow_id)
    event = world.event(EventType.MAILBOX_CHANGED, workflow=workflow_id, change="workflow removed")
    generation = store_change(world, lambda _: ([], [("workflows", workflow_id)]), event)
    confirm(world, printer, generation, wait, {"workflow": workflow_id}, [f"removed {workflow_id}"])


@click.group("shared-key")
def shared_key() -> None:
    """The key that all mailbox clients of this environment share."""


@shared_key.command("show")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=None, metavar="FILE", callback=new_secret_file,
              help="Write it to a new file, readable by you only, instead of printing it.")
@with_world
def show_key(out: Path | None, world: World, printer: Printer) -> None:
    """Show the key, made on first use."""
    text = world.stores.values.get(MESH_SHARED_KEY) or world.stores.values.set_if_absent(MESH_SHARED_KEY, secrets.token_urlsafe(KEY_BYTES))
    data, lines = write_secret("shared key", text, out)
    printer.answer(data, lines)


@shared_key.command("set")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path), required=False)
@wait_option
@with_world
def set_key(file: Path | None, wait: float, world: World, printer: Printer) -> None:
    """Set the key from FILE, from standard input for `-`, or make a new one. Every client that has the old one is refused from then on."""
    if file is not None and str(file) != "-" and not file.is_file():
        raise click.UsageError(f"there is no file {file}")
    text = secrets.token_urlsafe(KEY_BYTES) if file is None else read_input(file, "the shared key").decode("ascii", "replace").strip()
    if not MIN_KEY <= len(text) <= MAX_KEY or not text.isascii() or not text.isprintable():
        raise Failed(f"a shared key has {MIN_KEY} to {MAX_KEY} printable ASCII characters")
    if is_published(text) and world.environment.live:
        raise Failed("this key is the demo's, which everyone knows: a live environment has one of its own")
    world.stores.values.put(MESH_SHARED_KEY, text)
    generation = store_change(world, lambda _: ([], []), world.event(EventType.MAILBOX_CHANGED, change="shared key"))
    confirm(world, printer, generation, wait, {"changed": True}, ["the shared key is set: wardgate mesh shared-key show"])


def _found(manifest: Manifest, workflow_id: str) -> Workflow:
    found = next((one for one in manifest.workflows if one.id == workflow_id), None)
    if found is None:
        raise Failed(f"there is no workflow {workflow_id}: wardgate mesh workflow list")
    return found


def _made(data: dict[str, Any]) -> Workflow:
    try:
        return Workflow.model_validate(data)
    except ValidationError as invalid:
        names = ", ".join(".".join(map(str, error["loc"])) for error in invalid.errors(include_url=False))
        raise Failed(f"not a workflow of the manifest: {names}") from None
