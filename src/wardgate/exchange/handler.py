"""The message handler: what callers ask of it, and what it does by itself with what is due. Blocking; safe for several threads and processes."""

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from wardgate.audit.model import EventType
from wardgate.exchange import dead_letters
from wardgate.exchange.arrival import Collected, collect
from wardgate.exchange.errors import MessageRefused, NoMessage, NotPossible, of_itk3
from wardgate.exchange.fate import follow, overdue
from wardgate.exchange.judging import judge
from wardgate.exchange.kept import let_go, whole
from wardgate.exchange.moving import changed, later, move, taken
from wardgate.exchange.outgoing import Route, Wishes, accepted, made_of, not_made, seal_it
from wardgate.exchange.parts import Parts
from wardgate.exchange.posting import given_up, post_it
from wardgate.exchange.record import about, event_of, facts_in
from wardgate.exchange.reply import is_to_stranger, not_answered, reply
from wardgate.fhir import Resource
from wardgate.itk3 import ITK3Error, Message, Owed, read
from wardgate.stores.errors import StoreError
from wardgate.stores.exchange import Direction, HandledMessage, Stage

PAGE: Final = 100
MOST_STEPS: Final = 4
"""Steps that one message makes at once: sealed, sent, and what follows."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MessageHandler:
    """Sends, receives, answers. Everything it does is kept before it is told."""

    parts: Parts

    def send(self, route: Route, document: Resource | Sequence[Resource], wishes: Wishes | None = None) -> HandledMessage:
        """Build a message of a document, keep it, and try to send it at once. Raises `MessageRefused`, `StoreError`."""
        return self.send_message(route, made_of(self.parts, route, document, wishes or Wishes()))

    def send_message(self, route: Route, message: Message | bytes) -> HandledMessage:
        """Keep a message that was built before, and try to send it at once. Raises `MessageRefused`, `StoreError`."""
        if isinstance(message, bytes):
            try:
                message = read(message)
            except ITK3Error as error:
                failure = of_itk3(error)
                not_made(self.parts, route, failure)
                raise failure from None
        row = accepted(self.parts, route, message)
        self.work(row)
        return self.message(row.key)

    def receive(self, mailbox: str, limit: int | None = None) -> Collected:
        """Bring what waits in a mailbox, and handle it. Raises `StoreError`, `ExchangeError`, and what the client does."""
        found = collect(self.parts, mailbox.upper(), limit)
        for row in found.messages:
            self.work(row)
        return found

    def drive(self, limit: int = PAGE, mailboxes: Collection[str] | None = None) -> int:
        """Take up what is due, of these mailboxes or all, and return how much that was. Raises `StoreError`."""
        number = 0
        for row in self._due(mailboxes):
            if number == limit:
                break
            number += 1
            self.work(row)
        return number

    def due_mailboxes(self, among: Collection[str]) -> frozenset[str]:
        """Return those of these mailboxes of which something is due. Raises `StoreError`."""
        found: set[str] = set()
        for row in self._due(among):
            found.add(row.mailbox)
            if len(found) == len(among):
                break
        return frozenset(found)

    def work(self, row: HandledMessage) -> None:
        """Do with a message what is to be done now. Raises `StoreError`; whatever else fails is tried again later, and then given up."""
        for _ in range(MOST_STEPS):
            step = STEPS.get((row.direction, row.stage))
            if step is None or row.due is None or row.due > self.parts.now():
                return
            mine = taken(self.parts, row)
            if mine is None:
                return
            self._tried(step, mine)
            again = self.parts.store.get(row.key)
            if again is None:
                return
            row = again

    def acknowledge(self, key: str, code: str, *, ok: bool | None = None) -> HandledMessage:
        """Answer a message for the business, and return the response. Raises `NoMessage`, `NotPossible`, `StoreError`."""
        seen = self.message(key)
        if seen.direction is not Direction.IN or Owed.BUSINESS.value not in seen.responses_due:
            raise NotPossible(f"the message is {seen.stage.value}, and no business response is owed for it")
        if not code.startswith("3"):
            raise NotPossible("a business response has a code of 30001 to 30025")
        try:
            made, event = reply(self.parts, seen, read(self.content(seen)), code, ok=ok)
        except ValueError as error:
            raise NotPossible(str(error)) from None
        answered = changed(seen, self.parts.now(), stage=Stage.ANSWERED, responses_due=(), codes=(*seen.codes, code))
        if not move(self.parts, seen, answered, None, [(made, event)]):
            let_go(self.parts, made.content)
            raise NotPossible("somebody else answered it meanwhile")
        self.work(made)
        return self.message(made.key)

    def message(self, key: str) -> HandledMessage:
        """Return a message. Raises `NoMessage`."""
        found = self.parts.store.get(key)
        if found is None:
            raise NoMessage(f"there is no message with the key {key}")
        return found

    def content(self, row: HandledMessage, *, sealed: bool = False) -> bytes:
        """Return the clear octets of a message, or those that travel. Raises `NoMessage`."""
        chunk = row.sealed if sealed else row.content
        if chunk is None:
            raise NoMessage(f"the message {row.key} is {row.stage.value}: its {'sealed form' if sealed else 'content'} is not kept")
        return whole(self.parts, chunk, chunk.size)

    def opened(self, row: HandledMessage, *, sealed: bool = False) -> bytes:
        """Return the clear octets, or those that travel, for somebody to see; that is recorded first (itk3-messaging 1.6, FHIR-DOC).

        What travels may be clear as well. Raises `NoMessage`.
        """
        content = self.content(row, sealed=sealed)
        said = about(facts_in(self.content(row) if row.content is not None else content))
        change = "inspected" if sealed else "displayed"
        self.parts.record([event_of(EventType.MESSAGE_OPENED, row, self.parts.now(), self.parts.post_office(), said, by=self.parts.by, change=change)])
        return content

    def replay(self, key: str) -> HandledMessage:
        """Take up again what was given up, and try at once. Raises `NoMessage`, `NotPossible`, `StoreError`."""
        row = dead_letters.replay(self.parts, key)
        self.work(row)
        return self.message(row.key)

    def drop(self, key: str) -> HandledMessage:
        """Give up for good. Raises `NoMessage`, `NotPossible`, `StoreError`."""
        return dead_letters.drop(self.parts, key)

    def _due(self, mailboxes: Collection[str] | None) -> Iterator[HandledMessage]:
        after: HandledMessage | None = None
        while page := self.parts.store.due(self.parts.now(), PAGE, after=after):
            yield from (row for row in page if mailboxes is None or row.mailbox in mailboxes)
            after = page[-1]

    def _tried(self, step: Callable[[Parts, HandledMessage], HandledMessage | None], mine: HandledMessage) -> None:
        try:
            step(self.parts, mine)
        except MessageRefused as error:  # ours: what came in is refused by its own step
            if is_to_stranger(mine, error.code):
                not_answered(self.parts, mine, error.refusal)
            else:
                given_up(self.parts, mine, error.code, error.refusal.expected or "", error.refusal.received or "")
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - one message must not stop the others
            if mine.attempts >= self.parts.patience.attempts:
                given_up(self.parts, mine, "message-not-processed", "the message handled", type(error).__name__)
            else:
                _log.warning("message %s could not be handled, and will be tried again: %s", mine.key, type(error).__name__)
                later(self.parts, mine, type(error).__name__)


STEPS: Final[dict[tuple[Direction, Stage], Callable[[Parts, HandledMessage], HandledMessage | None]]] = {
    (Direction.OUT, Stage.BUILT): seal_it,
    (Direction.OUT, Stage.SEALED): post_it,
    (Direction.OUT, Stage.SENT): follow,
    (Direction.OUT, Stage.COLLECTED): overdue,
    (Direction.IN, Stage.RECEIVED): judge,
}
