"""The message handler of an installation, for commands; and what is shown of a message, and of why one is refused."""

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, Generic, TypeVar

import click

from wardgate.cli.authority import authority_of
from wardgate.cli.context import World, operator, with_world
from wardgate.cli.failures import Failed
from wardgate.cli.message_key_store import directory, hardware
from wardgate.cli.options import Command
from wardgate.cli.output import Printer
from wardgate.cli.output import shown as escaped
from wardgate.exchange.account import Accounts
from wardgate.exchange.errors import ExchangeError, MessageRefused
from wardgate.exchange.handler import MessageHandler
from wardgate.exchange.record import plain
from wardgate.keystores.message_keys import MessageKeyRing
from wardgate.server.exchange import Posts, VirtualClock, message_handler
from wardgate.stores.exchange import Direction, HandledMessage, Stage
from wardgate.workflows.post_office import PostOffice

REREAD_SECONDS: Final = 5.0
T = TypeVar("T")
COLUMNS = ("KEY", "WAY", "STAGE", "WORKFLOW", "FROM", "TO", "MESSAGE", "CHANGED")


class Reread(Generic[T]):
    """What the store says, read again when that was some time ago: a command may run for days, and keys be revoked meanwhile."""

    def __init__(self, read: Callable[[], T], after_seconds: float = REREAD_SECONDS) -> None:
        self._read, self._after_seconds = read, after_seconds
        self._at, self._found = time.monotonic(), read()

    def __call__(self) -> T:
        """Return it. Raises `StoreError`."""
        if time.monotonic() - self._at >= self._after_seconds:
            self._at, self._found = time.monotonic(), self._read()
        return self._found


@contextmanager
def handler_of(world: World, reread_seconds: float = REREAD_SECONDS) -> Iterator[MessageHandler]:
    """Open the message handler on an installation."""
    known = Reread(lambda: directory(world), reread_seconds)
    held = MessageKeyRing(world.stores.message_keys, known, lambda: world.now, hardware(world))

    def read_post_office() -> PostOffice:
        held.reload()
        return post_office(world)

    office = Reread(read_post_office, reread_seconds)
    with posts_of(world) as posts:
        yield message_handler(
            world.settings, world.stores, authority_of(world), posts, post_office=office, directory=known, held=held, now=lambda: world.now, by=operator(),
        )


@contextmanager
def posts_of(world: World) -> Iterator[Posts]:
    """Open the clients of our mailboxes."""
    office, shift = Reread(lambda: post_office(world)), world.clock_shift
    posts = Posts(
        world.settings, world.stores, authority_of(world), office, lambda: world.environment.name, lambda: world.now,
        VirtualClock(lambda: world.now + shift),
    )
    try:
        yield posts
    finally:
        posts.close()


def post_office(world: World) -> PostOffice:
    """Return mailboxes and workflows as the store has them."""
    _, manifest = world.manifest()
    closed = frozenset(found.ods for found in manifest.organisations if not found.active)
    return PostOffice.of(manifest.mailboxes, manifest.workflows, closed)


def with_handler(command: Command) -> Command:
    """Add `--data` and `--output`; pass a `handler`, a `world` and a `printer`; tell refusals."""
    @with_world
    @functools.wraps(command)
    def wrapped(*arguments: Any, world: World, printer: Printer, **options: Any) -> Any:
        with handler_of(world) as handler:
            try:
                return command(*arguments, handler=handler, world=world, printer=printer, **options)
            except MessageRefused as error:
                tell(printer, error)
                click.get_current_context().exit(1)
            except ExchangeError as error:
                raise Failed(str(error)) from None

    return wrapped


def tell(printer: Printer, error: MessageRefused) -> None:
    """Say why a message is refused, to the one whose message it is."""
    found = error.refusal
    if printer.is_json:
        printer.item({
            "failure": error.failure.value, "reason": error.code, "check": found.reason.check, "expected": found.expected, "received": found.received,
            "response_code": error.response_code or None, "advice": found.reason.advice,
        }, "")
        return
    lines = [f"wardgate: refused: {error.code}: {found.reason.check}: this did not hold"]
    lines += [f"  {name:<13} {value}" for name, value in (("expected", found.expected), ("received", plain(found.received or ""))) if value]
    for line in [*lines, f"  {'what to do':<13} {found.reason.advice}"]:
        click.echo(escaped(line), err=True)


def shown(row: HandledMessage) -> dict[str, Any]:
    """Return what is told of a message; contents, and whom it is signed for, are not."""
    return {
        "key": row.key, "direction": row.direction.value, "stage": row.stage.value, "mailbox": row.mailbox, "peer": row.peer, "workflow": row.workflow,
        "message_id": row.message_id or None, "event": row.event or None, "document_id": row.document_id, "mex_message_id": row.mex_id,
        "local_id": row.local_id or None, "answers": row.answers, "responses_due": list(row.responses_due), "codes": list(row.codes), "reason": row.reason,
        "attempts": row.attempts, "trouble": row.trouble, "due": row.due.isoformat() if row.due is not None else None, "seal": row.seal, "created": row.created.isoformat(),
        "changed": row.changed.isoformat(),
    }


def cells(row: HandledMessage) -> tuple[str, ...]:
    """Return a message as a line of a table."""
    stage = f"{row.stage.value} ({row.reason})" if row.reason else row.stage.value
    ends = (row.mailbox, row.peer) if row.direction.value == "out" else (row.peer, row.mailbox)
    return (row.key, row.direction.value, stage, row.workflow, *ends, row.message_id or row.mex_id or "-", f"{row.changed:%Y-%m-%d %H:%M}")


def next_try(world: World, row: HandledMessage) -> str:
    """Return when a message that could not be sent is tried again, and by whom; empty for any other."""
    if row.due is None or row.direction is not Direction.OUT or row.stage not in {Stage.BUILT, Stage.SEALED}:
        return ""
    account = Accounts(world.stores.values).get(row.mailbox)
    by = "the server" if account is not None and account.automatic else f"`wardgate message receive --mailbox {row.mailbox}`"
    return f"after {row.due:%Y-%m-%d %H:%M} UTC, by {by}"


def found_row(handler: MessageHandler, any_id: str, way: Direction | None = None) -> HandledMessage:
    """Return the one message of an id: its key, or an id that only it has, of those that go this way. Raises `Failed`."""
    known = handler.parts.store.find(any_id)
    found = [row for row in known if row.key == any_id] or [row for row in known if row.answers != any_id]
    found = [row for row in found if way in {None, row.direction}] or found  # both ends of an exchange may be here
    if not found:
        raise Failed(f"there is no message {any_id} here: wardgate message list")
    if len(found) > 1:
        keys = ", ".join(f"{row.key} ({'from us' if row.direction is Direction.OUT else 'to us'})" for row in found)
        raise Failed(f"{len(found)} messages have the id {any_id}; give the key of one: {keys}")
    return found[0]
