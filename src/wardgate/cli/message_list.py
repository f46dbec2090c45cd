"""`wardgate message list`, `acknowledge` and `dead`: what is here, what is owed, and what was given up."""

from collections.abc import Iterator
from itertools import islice

import click

from wardgate.cli.context import World
from wardgate.cli.failures import Failed
from wardgate.cli.handled import COLUMNS, cells, found_row, shown, with_handler
from wardgate.cli.output import Printer, pairs, table
from wardgate.exchange.handler import MessageHandler
from wardgate.itk3 import RESPONSE_CODE_ROWS
from wardgate.stores.exchange import Direction, HandledMessage, Stage

LATEST = 100
OVERDUE = "response-overdue"


@click.command("list")
@click.option("--stage", "stages", type=click.Choice([stage.value for stage in Stage]), multiple=True, show_default="all", help="Only those that stand here.")
@click.option("--direction", type=click.Choice([way.value for way in Direction]), default=None, help="Only those that go out, or came in.")
@click.option("--mailbox", default=None, metavar="ID", help="Only those of this mailbox of ours.")
@click.option("--owed", is_flag=True, help="Only those that we owe a business response.")
@click.option("--overdue", is_flag=True, help="Only those that nobody answered in time.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=LATEST, show_default=True, help="At most so many of each stage, the oldest first.")
@with_handler
def list_messages(
    stages: tuple[str, ...], direction: str | None, mailbox: str | None, owed: bool, overdue: bool, limit: int, handler: MessageHandler, world: World,
    printer: Printer,
) -> None:
    """List messages that went out and came in, and where each stands."""
    del world
    found = [row for stage in map(Stage, stages or tuple(Stage)) for row in islice(_at(handler, stage, direction, mailbox, owed=owed, overdue=overdue), limit)]
    rows = sorted(found, key=lambda row: (row.created, row.key))
    printer.answer([shown(row) for row in rows], table(COLUMNS, [cells(row) for row in rows]))


@click.command()
@click.argument("any_id", metavar="ID")
@click.option("--code", required=True, metavar="CODE", help="A business response code: 30001 to 30025.")
@click.option("--ok/--not-ok", default=None, help="Whether it is good news, of a code whose meaning is the payload's to say.")
@with_handler
def acknowledge(any_id: str, code: str, ok: bool | None, handler: MessageHandler, world: World, printer: Printer) -> None:
    """Answer a message that came in, for the business; ID is its message id or our key. The code is all that is said: nothing of a patient."""
    del world
    row = found_row(handler, any_id, Direction.IN)
    made = handler.acknowledge(row.key, code, ok=ok)
    printer.answer(shown(made), pairs([
        ("answered", row.message_id), ("with", f"{code} {RESPONSE_CODE_ROWS[code].display}"), ("response", made.message_id), ("stage", made.stage.value), ("to", made.peer)]))


@click.group()
def dead() -> None:
    """Messages that were given up: see them, take them up again, or drop them."""


@dead.command("list")
@with_handler
def list_dead(handler: MessageHandler, world: World, printer: Printer) -> None:
    """List the messages that were given up, the oldest first."""
    del world
    rows: list[HandledMessage] = []
    while page := handler.parts.store.waiting(Stage.DEAD, after=rows[-1].key if rows else None):
        rows += page
    printer.answer([shown(row) for row in rows], table(COLUMNS, [cells(row) for row in rows]))


@dead.command()
@click.argument("any_id", metavar="ID")
@with_handler
def show(any_id: str, handler: MessageHandler, world: World, printer: Printer) -> None:
    """Show one, and why it was given up."""
    row = _dead(handler, any_id)
    why = [record for record in world.stores.audit.find(row.message_id or row.key) if '"MessageDead"' in record.body]
    told = shown(row) | {"records": [record.seq for record in why]}
    printer.answer(told, [
        *pairs([("key", row.key), ("message", row.message_id), ("to" if row.direction is Direction.OUT else "from", row.peer), ("workflow", row.workflow),
                ("given up", f"{row.changed:%Y-%m-%d %H:%M}"), ("why", row.reason or ""), ("last try", row.trouble or ""), ("tries", str(row.attempts))]),
        f"whole story: wardgate explain {row.message_id or row.mex_id or row.key}", f"again: wardgate message dead replay {row.key}"])


@dead.command()
@click.argument("any_id", metavar="ID")
@with_handler
def replay(any_id: str, handler: MessageHandler, world: World, printer: Printer) -> None:
    """Take one up again, and try at once. A message that may have arrived is looked for before it is sent again."""
    del world
    row = handler.replay(_dead(handler, any_id).key)
    printer.answer(shown(row), [f"{row.key} is {row.stage.value}"])
    if row.stage is Stage.DEAD:
        click.get_current_context().exit(1)


@dead.command()
@click.argument("any_id", metavar="ID")
@with_handler
def drop(any_id: str, handler: MessageHandler, world: World, printer: Printer) -> None:
    """Give one up for good: its contents are removed, its records stay."""
    del world
    row = handler.drop(_dead(handler, any_id).key)
    printer.answer(shown(row), [f"{row.key} is dropped"])


def _dead(handler: MessageHandler, any_id: str) -> HandledMessage:
    row = found_row(handler, any_id)
    if row.stage is not Stage.DEAD:
        raise Failed(f"the message {row.key} is {row.stage.value}, not given up")
    return row


def _at(handler: MessageHandler, stage: Stage, direction: str | None, mailbox: str | None, *, owed: bool, overdue: bool) -> Iterator[HandledMessage]:
    """Yield those at a stage that are asked for, the oldest first."""
    after = None
    while page := handler.parts.store.waiting(stage, after=after):
        yield from (row for row in page if _wanted(row, direction, mailbox, owed=owed) and (not overdue or row.reason == OVERDUE))
        after = page[-1].key


def _wanted(row: HandledMessage, direction: str | None, mailbox: str | None, *, owed: bool) -> bool:
    if owed and not (row.direction is Direction.IN and row.responses_due):
        return False
    return direction in (None, row.direction.value) and (mailbox is None or row.mailbox == mailbox.upper())
