"""`wardgate message receive`: what came to our mailboxes, opened and answered; and what is due of what goes out."""

import time
from typing import Any, Final

import click

from wardgate.cli.context import World
from wardgate.cli.failures import Failed
from wardgate.cli.handled import cells, post_office, shown, with_handler
from wardgate.cli.output import Printer
from wardgate.cli.output import shown as escaped
from wardgate.exchange.account import Accounts
from wardgate.exchange.handler import MessageHandler
from wardgate.exchange.posting import PASSING, said
from wardgate.stores.exchange import Direction, HandledMessage, Stage

PAUSE_SECONDS: Final = 5.0


@click.command()
@click.option("--mailbox", "mailboxes", multiple=True, metavar="ID", show_default="every mailbox with an account, and those hosted here of organisations whose keys are here", help="Only this one; several may be given.")
@click.option("--follow", is_flag=True, help="Look again and again, until interrupted.")
@click.option("--every", type=click.FloatRange(1, 86_400), default=PAUSE_SECONDS, show_default=True, metavar="SECONDS", help="How often, with --follow.")
@click.option("--limit", type=click.IntRange(1), default=None, help="At most so many messages of each mailbox.")
@with_handler
def receive(mailboxes: tuple[str, ...], follow: bool, every: float, limit: int | None, handler: MessageHandler, world: World, printer: Printer) -> None:
    """Receive what waits, open it, deliver or refuse it, and answer; then send what is due.

    Each message is told in a line. A message that was refused is no failure of this command: it was kept, and its sender was told.
    """
    ours = tuple(name.upper() for name in mailboxes) or _ours(world)
    if not ours:
        raise Failed("no mailbox is ours: wardgate mesh account set ID")
    while True:
        failed = [mailbox for mailbox in ours if not _received(handler, mailbox, limit, printer)]
        handler.drive(mailboxes=ours)
        if not follow:
            click.get_current_context().exit(1 if failed else 0)
        time.sleep(every)


def _received(handler: MessageHandler, mailbox: str, limit: int | None, printer: Printer) -> bool:
    """Receive of one mailbox, and tell of each message; False where its server could not be asked, or not for all, and the others are."""
    try:
        found = handler.receive(mailbox, limit)
    except PASSING as error:
        click.echo(escaped(f"wardgate: {mailbox}: {said(error)}"), err=True)
        return False
    for row in found.messages:
        _say(printer, handler.message(row.key))
    for mex_id, why in found.failed:
        click.echo(escaped(f"wardgate: {mailbox}: {mex_id} could not be had, and waits there: {why}"), err=True)
    if found.reports:
        printer.note(f"{found.reports} reports of {mailbox}")
    return not found.failed


def _ours(world: World) -> tuple[str, ...]:
    """NOTE: other organisations' mailboxes may be hosted here as well; reading their mail is theirs."""
    accounts, passwords = Accounts(world.stores.values), world.stores.mailboxes.passwords()
    we_are = {key.organisation for key in world.stores.message_keys.all() if not key.is_erased}
    return tuple(name for name, found in post_office(world).mailboxes.items()
                 if found.active and (accounts.get(name) is not None or (name in passwords and found.organisation in we_are)))


def _say(printer: Printer, row: HandledMessage) -> None:
    data: dict[str, Any] = shown(row)
    printer.item(data, "  ".join(cells(row)))
    if row.direction is Direction.IN and row.stage is Stage.OPENED and row.responses_due:
        printer.note(f"  a business response is owed: wardgate message acknowledge {row.key} --code 30001")
