"""Moving messages: what is done only by who saw them last, and never twice at one moment."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from wardgate.audit.model import Event
from wardgate.exchange.parts import Parts
from wardgate.stores.exchange import HandledMessage, Move

_STEP = timedelta(microseconds=1)


def changed(message: HandledMessage, now: datetime, **changes: Any) -> HandledMessage:
    """Return the message changed now. Its time of change always moves on, so that whoever saw it before can tell."""
    return replace(message, changed=max(now, message.changed + _STEP), **changes)


def move(parts: Parts, seen: HandledMessage, to: HandledMessage, event: Event | None, then: Sequence[tuple[HandledMessage, Event]] = (), *more: Move) -> bool:
    """Make the move; False when somebody else moved it first, and nothing was done."""
    return parts.store.move([Move(to, seen.stage, seen.changed, event), *more], then)


def taken(parts: Parts, seen: HandledMessage) -> HandledMessage | None:
    """Take a message in hand for one try, and return it; None: somebody else has it.

    A process that ends meanwhile leaves it due again after `Patience.in_hand`.
    """
    now = parts.now()
    mine = changed(seen, now, attempts=seen.attempts + 1, due=now + parts.patience.in_hand, trouble=None)
    return mine if move(parts, seen, mine, None) else None


def later(parts: Parts, mine: HandledMessage, trouble: str) -> HandledMessage:
    """Put back what is in hand, to be tried again after a wait, with what this try met; return it."""
    now = parts.now()
    waiting = changed(mine, now, due=now + parts.patience.wait(mine.attempts), trouble=trouble)
    return waiting if move(parts, mine, waiting, None) else mine
