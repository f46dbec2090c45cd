"""Handled messages as rows: what they say is sealed before any transaction, and opened after."""

import base64
import json
from collections.abc import Iterator
from dataclasses import asdict, fields
from typing import Any, Final

from wardgate.mesh.model import Chunk
from wardgate.stores.exchange import Direction, HandledMessage, Stage
from wardgate.stores.sql.context import Context

_COLUMNS: Final = frozenset({"key", "stage", "created", "changed", "due"})
_TUPLES: Final = frozenset({"responses_due", "codes"})
_BODIES: Final = ("content", "sealed")
_SAID: Final = tuple(field.name for field in fields(HandledMessage) if field.name not in _COLUMNS | {*_BODIES})
INLINE: Final = "i"
"""How the place of a body begins that is in its row."""


def row_of(context: Context, message: HandledMessage) -> dict[str, Any]:
    """Return the row of a message."""
    said: dict[str, Any] = {name: getattr(message, name) for name in _SAID}
    said |= {name: _written(getattr(message, name)) for name in _BODIES}
    return {
        "key": message.key, "stage": str(message.stage), "created": message.created, "changed": message.changed, "due": message.due,
        "arrival": _arrival(context, message), "content_place": _place(message.content), "sealed_place": _place(message.sealed),
        "sealed": context.seal(json.dumps(said, ensure_ascii=False, separators=(",", ":")), _at(message.key)),
    }


def message_of(context: Context, row: Any) -> HandledMessage:
    """Return the message of a row. Raises `WrongStoreKey`."""
    said = json.loads(context.open(row.sealed, _at(row.key)))
    said |= {name: tuple(said[name]) for name in _TUPLES} | {name: _read(said[name]) for name in _BODIES}
    said["direction"] = Direction(said["direction"])
    return HandledMessage(key=row.key, stage=Stage(row.stage), created=row.created, changed=row.changed, due=row.due, **said)


def ids_of(context: Context, message: HandledMessage) -> Iterator[bytes]:
    """Yield by what the message is found."""
    for any_id in {message.key, message.message_id, message.mex_id, message.document_id, message.answers, message.local_id}:
        if any_id:
            yield id_hash(context, any_id)
    if message.direction is Direction.IN and message.local_id:
        yield called_hash(context, message.mailbox, message.peer, message.local_id)


def called_hash(context: Context, mailbox: str, peer: str, local_id: str) -> bytes:
    """Return the keyed hash of what a sender called its message: no other sender's, and no other id, has it."""
    return seen_hash(context, "called", f"{len(mailbox)}/{mailbox}/{peer}", local_id)


def id_hash(context: Context, any_id: str) -> bytes:
    """Return the keyed hash of an id."""
    return context.lookup_hash(f"exchange/id/{any_id}")


def seen_hash(context: Context, kind: str, sender: str, any_id: str) -> bytes:
    """Return the keyed hash of a sender's id of this kind. Lengths stand before what is joined: no two pairs are one text."""
    return context.lookup_hash(f"exchange/{kind}/{len(sender)}/{sender}/{any_id}")


def _arrival(context: Context, message: HandledMessage) -> bytes | None:
    if message.direction is Direction.OUT or message.mex_id is None:
        return None
    content = "" if message.sealed is None else message.sealed.sha256
    return seen_hash(context, "arrival", message.mailbox, f"{message.mex_id}/{content}")


def _at(key: str) -> str:
    return f"exchange_messages/sealed/{key}"


def _place(chunk: Chunk | None) -> str | None:
    return None if chunk is None or chunk.place.startswith(INLINE) else chunk.place


def _written(chunk: Chunk | None) -> dict[str, Any] | None:
    if chunk is None:
        return None
    return asdict(chunk) | {"kept": None if chunk.kept is None else base64.b64encode(chunk.kept).decode("ascii")}


def _read(said: dict[str, Any] | None) -> Chunk | None:
    if said is None:
        return None
    return Chunk(**said | {"kept": None if said["kept"] is None else base64.b64decode(said["kept"])})
