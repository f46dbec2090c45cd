"""Messages that were given up: an operator sees them, takes them up again, or drops them for good."""

from dataclasses import replace

from wardgate.audit.model import EventType
from wardgate.exchange.errors import NoMessage, NotPossible
from wardgate.exchange.kept import let_go
from wardgate.exchange.moving import changed, move
from wardgate.exchange.parts import Parts
from wardgate.exchange.record import event_of
from wardgate.stores.exchange import Direction, HandledMessage, Stage

_UNCERTAIN = frozenset({"message-not-sent", "message-not-processed"})
"""Given up by us: what was sealed may have arrived."""


def dead(parts: Parts, key: str) -> HandledMessage:
    """Return a message that was given up. Raises `NoMessage`, `NotPossible`."""
    found = parts.store.get(key)
    if found is None:
        raise NoMessage(f"there is no message with the key {key}")
    if found.stage is not Stage.DEAD:
        raise NotPossible(f"the message is {found.stage.value}, not given up")
    return found


def replay(parts: Parts, key: str) -> HandledMessage:
    """Take a message up again. What came in is opened again; what goes out is sealed again and sent as another message of the mailbox server.

    Not so one of which nobody knows whether it arrived: that is sent under its old local id, so that it is found if it did.
    Raises `NoMessage`, `NotPossible`.
    """
    seen = dead(parts, key)
    now = parts.now()
    if seen.direction is Direction.IN:
        again = changed(seen, now, stage=Stage.RECEIVED, reason=None, trouble=None, attempts=0, due=now)
    elif seen.reason in _UNCERTAIN and seen.sealed is not None and now - seen.created < parts.patience.limits.max_age / 2:
        again = changed(seen, now, stage=Stage.SEALED, reason=None, trouble=None, attempts=1, due=now)
    else:
        again = changed(
            seen, now, stage=Stage.BUILT, reason=None, trouble=None, attempts=0, due=now, sealed=None, signature=None, seal=None, mex_id=None,
            local_id=f"{seen.message_id}.{parts.random(4).hex()}",
        )
    return _moved(parts, seen, again, EventType.MESSAGE_REPLAYED)


def drop(parts: Parts, key: str) -> HandledMessage:
    """Give a message up for good; its contents are removed. Raises `NoMessage`, `NotPossible`."""
    seen = dead(parts, key)
    gone = changed(seen, parts.now(), stage=Stage.DROPPED, due=None, content=None, sealed=None, signature=None, responses_due=())
    return _moved(parts, seen, gone, EventType.MESSAGE_DEAD)


def _moved(parts: Parts, seen: HandledMessage, to: HandledMessage, kind: EventType) -> HandledMessage:
    event = event_of(kind, replace(to, reason=seen.reason), parts.now(), parts.post_office(), by=parts.by, change=to.stage.value, was=seen.reason)
    if not move(parts, seen, to, event):
        raise NotPossible("the message was moved by somebody else meanwhile: look again")
    left = {chunk.place: chunk for chunk in (seen.content, seen.sealed) if chunk is not None}
    stays = {chunk.place for chunk in (to.content, to.sealed) if chunk is not None}
    let_go(parts, *(chunk for place, chunk in left.items() if place not in stays))
    return to
