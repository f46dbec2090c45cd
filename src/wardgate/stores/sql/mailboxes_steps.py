"""The steps of mailboxes: a batch in one transaction, with its events. Each claims its token first, whatever then becomes of it.

Every batch locks the head of the record before anything else, so of two steps on one message, on any node, the second sees what the
first left. What a batch changes is written once, at its end; a later step of the batch sees it before.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from wardgate.audit.chain import Link
from wardgate.audit.model import Event
from wardgate.mesh.model import Status
from wardgate.stores.mailboxes import Acknowledge, Claim, Done, Downloaded, MailboxStep, Post, PostChunk
from wardgate.stores.sql import chain
from wardgate.stores.sql.columns import to_micros
from wardgate.stores.sql.context import Context
from wardgate.stores.sql.mailboxes_hot import FoundMessage, MailboxStatements
from wardgate.stores.sql.mailboxes_rows import ChangeRow, ChunkRow, MessageRow, chunk_key, chunk_row, message_row
from wardgate.stores.sql.single_uses import keys_of
from wardgate.stores.sql.transaction import hot_writing

_READABLE: Final = frozenset({str(Status.ACCEPTED), str(Status.ACKNOWLEDGED)})


@dataclass(frozen=True, slots=True)
class Prepared:
    """A step whose secrets are sealed: done before the transaction, which others wait for."""

    step: MailboxStep
    message: MessageRow | None = None
    chunk: ChunkRow | None = None


def prepare(context: Context, step: MailboxStep) -> Prepared:
    """Raise `ValueError` for a step that would leave a message that cannot be."""
    if isinstance(step, Post):
        whole = step.message.total_chunks == 1
        if step.chunk.number != 1 or step.message.status is not (Status.ACCEPTED if whole else Status.UPLOADING) or (step.event is None) is whole:
            raise ValueError("a message begins with its first chunk; it is accepted, with an event, when that is the only one")
        return Prepared(step, message_row(context, step.message, 1, step.chunk.size), chunk_row(context, step.message.id, step.chunk))
    if isinstance(step, PostChunk):
        return Prepared(step, chunk=chunk_row(context, step.message_id, step.chunk))
    return Prepared(step)


def take(context: Context, statements: MailboxStatements, steps: Sequence[MailboxStep]) -> list[Done]:
    """Do all steps in order. Raises `StoreUnavailable`, `AlreadyExists` for a message id that is taken, and `ValueError`."""
    prepared = [prepare(context, step) for step in steps]
    if not prepared:
        return []
    with hot_writing(context.database) as driver:
        return _Transaction(context, statements, driver).take(prepared)


@dataclass(slots=True)
class _Message:
    """A message as the transaction has it by now."""

    found: FoundMessage
    row: MessageRow | None = None
    """The row that this transaction makes."""
    changed: bool = False

    def change(self, **values: Any) -> None:
        self.found = self.found._replace(**values)
        self.changed = True


@dataclass(slots=True)
class Written:
    """What a transaction writes at its end: `mailboxes` uses it for reports too."""

    context: Context
    statements: MailboxStatements
    driver: Any
    head: Link
    messages: list[MessageRow] = field(default_factory=list)
    chunks: list[ChunkRow] = field(default_factory=list)
    changes: list[ChangeRow] = field(default_factory=list)
    waiting: dict[str, int] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)

    def record(self, event: Event) -> int:
        """Return the number that the record of an event will have."""
        self.events.append(event)
        return self.head.seq + len(self.events)

    def count(self, mailbox: str, added: int) -> None:
        """Note that so many more wait."""
        self.waiting[mailbox] = self.waiting.get(mailbox, 0) + added

    def write(self) -> None:
        """Write all."""
        counts = sorted((mailbox, added) for mailbox, added in self.waiting.items() if added)
        work: list[tuple[Callable[[Any, Any], None], Sequence[Any]]] = [
            (self.statements.insert_messages, self.messages), (self.statements.insert_chunks, self.chunks),
            (self.statements.change_messages, self.changes), (self.statements.count, counts),
        ]
        for statement, rows in work:
            if rows:
                statement(self.driver, rows)
        chain.append_after(self.context, self.driver, self.head, self.events)


class _Transaction:
    """One batch."""

    def __init__(self, context: Context, statements: MailboxStatements, driver: Any) -> None:
        self._context, self._statements, self._driver = context, statements, driver
        self._written = Written(context, statements, driver, Link(*context.hot.lock_head(driver)))
        self._messages: dict[str, _Message] = {}
        self._chunks: dict[str, tuple[int, str]] = {}

    def take(self, prepared: Sequence[Prepared]) -> list[Done]:
        uses = [one.step.use for one in prepared if one.step.use is not None]
        firsts = iter(self._context.hot.claim(self._driver, *keys_of(uses)) if uses else ())
        self._find([one.step for one in prepared])
        answers = [self._do(one) if one.step.use is None or next(firsts) else Done.REPLAYED for one in prepared]
        for message in self._messages.values():
            found = message.found
            if message.row is not None:
                self._written.messages.append(message.row._replace(**{name: getattr(found, name) for name in ChangeRow._fields}))
            elif message.changed:
                self._written.changes.append(ChangeRow._make(getattr(found, name) for name in ChangeRow._fields))
        self._written.write()
        return answers

    def _find(self, steps: Sequence[MailboxStep]) -> None:
        ids = list(dict.fromkeys(step.message_id for step in steps if isinstance(step, PostChunk | Downloaded | Acknowledge)))
        if ids:
            self._messages = {found.id: _Message(found) for found in self._statements.find_messages(self._driver, ids)}
        keys = [chunk_key(step.message_id, step.chunk.number) for step in steps if isinstance(step, PostChunk)]
        if keys:
            self._chunks = dict(self._statements.find_chunks(self._driver, keys))

    def _do(self, one: Prepared) -> Done:
        match one.step:
            case Claim() as step:
                if step.event is not None:
                    self._written.record(step.event)
                return Done.DONE
            case Post() as step:
                return self._post(step, one)
            case PostChunk() as step:
                return self._post_chunk(step, one)
            case Downloaded() as step:
                return self._downloaded(step)
            case Acknowledge() as step:
                return self._acknowledge(step)

    def _post(self, step: Post, one: Prepared) -> Done:
        assert one.message is not None and one.chunk is not None  # noqa: S101, PT018 - `prepare` has made them
        row = one.message
        message = _Message(FoundMessage._make(getattr(row, name) for name in FoundMessage._fields), row)
        if step.event is not None:
            message.change(position=self._written.record(step.event))
            self._written.count(row.recipient, 1)
        self._messages[row.id] = message
        self._keep(one.chunk)
        return Done.DONE

    def _post_chunk(self, step: PostChunk, one: Prepared) -> Done:
        assert one.chunk is not None  # noqa: S101 - `prepare` has made it
        message = self._messages.get(step.message_id)
        refused = _refused_chunk(message.found if message else None, step)
        if message is None or refused is not None:
            return refused or Done.UNKNOWN
        known = self._chunks.get(one.chunk.id)
        if known is not None and known != (step.chunk.size, step.chunk.sha256):
            return Done.DIFFERENT
        if known is None and step.max_bytes is not None and message.found.size + step.chunk.size > step.max_bytes:
            return Done.TOO_LARGE
        if known is None:
            self._keep(one.chunk)
            message.change(received=message.found.received + 1, size=message.found.size + step.chunk.size)
        found = message.found
        if found.received == found.total_chunks:
            message.change(status=str(Status.ACCEPTED), position=self._written.record(step.completed), accepted_at=to_micros(step.now),
                           expires=to_micros(step.expires))
            self._written.count(found.recipient, 1)
            return Done.COMPLETE
        return Done.INCOMPLETE if step.chunk.number == found.total_chunks else Done.DONE

    def _downloaded(self, step: Downloaded) -> Done:
        message = self._messages.get(step.message_id)
        refused = _unreadable(message.found if message else None, step.mailbox)
        if message is None or refused is not None:
            return refused or Done.UNKNOWN
        if message.found.downloaded_at is None:
            message.change(downloaded_at=to_micros(step.now))
            self._written.record(step.event)
        return Done.DONE

    def _acknowledge(self, step: Acknowledge) -> Done:
        message = self._messages.get(step.message_id)
        refused = _unreadable(message.found if message else None, step.mailbox)
        if message is None or refused is not None:
            return refused or Done.UNKNOWN
        if message.found.status == Status.ACCEPTED:
            message.change(status=str(Status.ACKNOWLEDGED), acknowledged_at=to_micros(step.now))
            self._written.count(message.found.recipient, -1)
            self._written.record(step.event)
        return Done.DONE

    def _keep(self, chunk: ChunkRow) -> None:
        self._chunks[chunk.id] = (chunk.size, chunk.sha256)
        self._written.chunks.append(chunk)


def _refused_chunk(message: FoundMessage | None, step: PostChunk) -> Done | None:
    """Return why a chunk cannot be taken (itk3-messaging 5.2, in its order), None when it can."""
    if message is None:
        return Done.UNKNOWN
    if message.sender != step.mailbox:
        return Done.FOREIGN
    if message.status != Status.UPLOADING:
        return Done.ALREADY_COMPLETE
    if not 1 <= step.chunk.number <= message.total_chunks:
        return Done.OUT_OF_RANGE
    return Done.DIFFERENT if message.encoding != step.encoding else None


def _unreadable(message: FoundMessage | None, mailbox: str) -> Done | None:
    """Return why a mailbox cannot have a message, None when it can."""
    if message is None:
        return Done.UNKNOWN
    if message.recipient != mailbox:
        return Done.FOREIGN
    return None if message.status in _READABLE else Done.GONE
