"""What a process does until it is killed: everything that writes, at once, saying after each step what was acknowledged."""

import asyncio
import os
import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection

from wardgate.audit import Event, EventType
from wardgate.keystores import Sealer
from wardgate.stores import GroupCommit, Stores, open_stores
from wardgate.stores.ports import (
    Grant,
    GrantStart,
    QuotaCount,
    RefreshToken,
    Rotation,
    SingleUse,
    StoredDocument,
    TokenIssue,
)

KEY = b"k" * 32
Say = Callable[[str, object], None]


def live(url: str, life: int, out: Connection) -> None:
    """Work without end on the database at `url`; say lines of a kind and what was done on `out`."""
    warnings.simplefilter("error")

    def say(kind: str, done: object) -> None:
        os.write(out.fileno(), f"{kind} {done}\n".encode())

    asyncio.run(_work(open_stores(url, Sealer([KEY])), life, say))


async def _work(stores: Stores, life: int, say: Say) -> None:
    now = datetime.now(UTC)
    async with GroupCommit(stores) as commits:
        say("ready", life)
        await asyncio.gather(
            *[_issue(commits, f"{life}-{worker}", now, say) for worker in range(6)],
            *[_sign_in(stores, commits, f"g-{life}-{worker}", now, say) for worker in range(2)],
            _read_log(stores, commits, now, say), _write(stores, commits, life, now, say),
        )


async def _issue(commits: GroupCommit, worker: str, now: datetime, say: Say) -> None:
    number = 0
    while True:
        number += 1
        name = f"{worker}-{number}"
        event = Event(EventType.TOKEN_ISSUED, now, message_id=name)
        assert await commits.issue(TokenIssue(SingleUse("jti", name, now), event, event))
        say("token", name)
        record = await commits.append(Event(EventType.CALL_ALLOWED, now, message_id=f"e-{name}"))
        say("event", f"e-{name} {record.seq}")


async def _sign_in(stores: Stores, commits: GroupCommit, worker: str, now: datetime, say: Say) -> None:
    number, until = 0, now + timedelta(hours=1)
    while True:
        number += 1
        name = f"{worker}-{number}"
        started = Event(EventType.CALL_DECIDED, now, message_id=name)
        first = RefreshToken(f"{name}-0", name, 0, until)
        assert await commits.start(GrantStart(Grant(name, "a", "c", now, until, "{}"), started, None, first))
        say("start", name)
        for count in range(1, 4):
            rotated = Event(EventType.CALL_DECIDED, now, message_id=f"{name}-{count}")
            successor = RefreshToken(f"{name}-{count}", name, count, until)
            done = await commits.rotate(Rotation(f"{name}-{count - 1}", "a", now, successor, rotated))
            assert done.outcome == "rotated", done
            say("rotated", f"{name} {count}")
        if number % 4 == 0:
            ended = await commits.run(stores.grants.end, [name], now, Event(EventType.TOKEN_REVOKED, now))
            say("ended", f"{name} {ended}")


async def _read_log(stores: Stores, commits: GroupCommit, now: datetime, say: Say) -> None:
    counted_from = datetime(2026, 1, 1, tzinfo=UTC)
    while True:
        offset = await commits.run(stores.audit.offset_of, "log")
        events = [Event(EventType.CALL_ALLOWED, now, message_id=f"line-{offset + n}") for n in range(1, 4)]
        await commits.run(stores.audit.append_from, "log", offset + 3, events, [QuotaCount("a", "b", 86400, counted_from, 3)])
        say("log", offset + 3)


async def _write(stores: Stores, commits: GroupCommit, life: int, now: datetime, say: Say) -> None:
    while True:
        event = Event(EventType.MANIFEST_APPLIED, now)
        documents = [StoredDocument("apis", name, {"life": life}) for name in ("one", "two")]
        say("generation", await commits.run(stores.documents.write, documents, [], event))
