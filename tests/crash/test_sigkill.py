"""SIGKILL at random points: nothing that was acknowledged is lost, and nothing is half written."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from wardgate.audit.chain import verify
from wardgate.keystores import Sealer
from wardgate.stores import Stores, open_stores
from wardgate.stores.verify_audit import read_all, verify_audit

KILLS = 24
KEY = b"k" * 32
SEED = 20_261_121
COUNTED_FROM = datetime(2026, 1, 1, tzinfo=UTC)

CHILD = """
import asyncio, sys
from datetime import UTC, datetime, timedelta
from wardgate.audit import Event, EventType
from wardgate.keystores import Sealer
from wardgate.stores import GroupCommit, open_stores
from wardgate.stores.ports import Grant, GrantStart, QuotaCount, RefreshToken, Rotation, SingleUse, StoredDocument, TokenIssue

stores = open_stores(sys.argv[1], Sealer([b"k" * 32]))
life, now = sys.argv[2], datetime.now(UTC)

def say(kind, name):
    sys.stdout.write(f"{kind} {name}\\n")
    sys.stdout.flush()

async def issue(commits, worker):
    number = 0
    while True:
        number += 1
        name = f"{life}-{worker}-{number}"
        event = Event(EventType.TOKEN_ISSUED, now, message_id=name)
        assert await commits.issue(TokenIssue(SingleUse("jti", name, now), event, event))
        say("token", name)
        record = await commits.append(Event(EventType.CALL_ALLOWED, now, message_id=f"e-{name}"))
        say("event", f"e-{name} {record.seq}")

async def sign_in(commits, worker):
    number, until = 0, now + timedelta(hours=1)
    while True:
        number += 1
        name = f"g-{life}-{worker}-{number}"
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
            say("ended", f"{name} {await commits.run(stores.grants.end, [name], now, Event(EventType.TOKEN_REVOKED, now))}")

async def read_log(commits):
    while True:
        offset = await commits.run(stores.audit.offset_of, "log")
        events = [Event(EventType.CALL_ALLOWED, now, message_id=f"line-{offset + n}") for n in range(1, 4)]
        await commits.run(stores.audit.append_from, "log", offset + 3, events, [QuotaCount("a", "b", 86400, datetime(2026, 1, 1, tzinfo=UTC), 3)])
        say("log", offset + 3)

async def write(commits):
    while True:
        event = Event(EventType.MANIFEST_APPLIED, now)
        documents = [StoredDocument("apis", name, {"life": life}) for name in ("one", "two")]
        say("generation", await commits.run(stores.documents.write, documents, [], event))

async def main():
    async with GroupCommit(stores) as commits:
        say("ready", life)
        await asyncio.gather(*[issue(commits, worker) for worker in range(6)], *[sign_in(commits, worker) for worker in range(2)], read_log(commits), write(commits))

asyncio.run(main())
"""


def live_and_die(url: str, life: int, dice: random.Random) -> list[str]:
    """Start a child, kill it at a random moment after it is ready, and return what it acknowledged."""
    child = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", CHILD, url, str(life)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    lines: list[str] = []
    ready = threading.Event()

    def listen() -> None:
        assert child.stdout is not None
        for line in child.stdout:
            if line.endswith("\n"):  # a line cut by the kill acknowledges nothing
                lines.append(line.rstrip("\n"))
            ready.set()

    listener = threading.Thread(target=listen)
    listener.start()
    assert ready.wait(30), child.communicate()[1]
    time.sleep(dice.uniform(0.0, 0.15))
    os.kill(child.pid, signal.SIGKILL)
    _, error = child.communicate(timeout=30)
    listener.join()
    assert child.returncode == -signal.SIGKILL, error
    return lines


def acknowledged(lines: list[str], kind: str) -> list[list[str]]:
    """What was said of one kind."""
    return [line.split()[1:] for line in lines if line.split()[0] == kind]


@pytest.fixture(scope="module")
def aftermath(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stores, list[str]]]:
    """A store whose process was killed many times, and everything those processes had acknowledged."""
    url = f"sqlite:///{tmp_path_factory.mktemp('crash')}/wardgate.db"
    dice = random.Random(SEED)  # noqa: S311 - moments of death, not secrets
    open_stores(url, Sealer([KEY])).close()
    lines = [line for life in range(KILLS) for line in live_and_die(url, life, dice)]
    stores = open_stores(url, Sealer([KEY]))
    yield stores, lines
    stores.close()


def test_children_worked_before_they_died(aftermath: tuple[Stores, list[str]]) -> None:
    """The test would show nothing if the processes had acknowledged nothing."""
    _, lines = aftermath
    assert len(acknowledged(lines, "ready")) == KILLS
    assert min(len(acknowledged(lines, kind)) for kind in ("token", "event", "log", "generation", "start", "rotated")) >= KILLS
    assert acknowledged(lines, "ended")


def test_chain_is_whole(aftermath: tuple[Stores, list[str]]) -> None:
    """Records follow each other without a gap up to the head."""
    stores, _ = aftermath
    assert verify(read_all(stores.audit)).intact
    assert verify_audit(stores.audit, lambda *_: False).intact


def test_every_acknowledged_token_is_used_and_recorded(aftermath: tuple[Stores, list[str]]) -> None:
    """The single use is gone and the event is there, once."""
    stores, lines = aftermath
    for (name,) in acknowledged(lines, "token"):
        assert stores.single_uses.seen("jti", name)
        assert len(stores.audit.find(name)) == 1


def test_every_acknowledged_event_has_its_number(aftermath: tuple[Stores, list[str]]) -> None:
    """The record is where its writer was told it is."""
    stores, lines = aftermath
    for name, seq in acknowledged(lines, "event"):
        assert [record.seq for record in stores.audit.find(name)] == [int(seq)]


def test_log_file_was_read_exactly_once(aftermath: tuple[Stores, list[str]]) -> None:
    """Every line up to the offset is recorded once and counted once, however often reading began again."""
    stores, lines = aftermath
    offset = stores.audit.offset_of("log")
    assert offset >= max(int(said) for (said,) in acknowledged(lines, "log"))
    assert all(len(stores.audit.find(f"line-{number}")) == 1 for number in range(1, offset + 1))
    assert stores.audit.find(f"line-{offset + 1}") == []
    (count,) = stores.quotas.used(COUNTED_FROM)
    assert count.used == offset


def test_every_acknowledged_rotation_is_there_with_its_event(aftermath: tuple[Stores, list[str]]) -> None:
    """The successor is known, what it replaced is used, and each step is recorded once."""
    stores, lines = aftermath
    ended = {name for name, _ in acknowledged(lines, "ended")}
    assert stores.grants.ended(COUNTED_FROM) >= ended
    for (name,) in acknowledged(lines, "start"):
        assert stores.grants.get(name) is not None
        assert len(stores.audit.find(name)) == 1
    for name, count in acknowledged(lines, "rotated"):
        assert len(stores.audit.find(f"{name}-{count}")) == 1
        found = stores.grants.refresh_token(f"{name}-{count}")
        assert found is None if name in stores.grants.ended(COUNTED_FROM) else found is not None and found[0].count == int(count)


def test_no_family_is_torn(aftermath: tuple[Stores, list[str]]) -> None:
    """Of every sign-in whose start is recorded, each recorded rotation has its token, and no token is without its record."""
    stores, _ = aftermath
    recorded = {body["message_id"] for body in map(json.loads, (record.body for record in read_all(stores.audit))) if body["type"] == "CallDecided"}
    ended = stores.grants.ended(COUNTED_FROM)
    for name in {"-".join(step.split("-")[:4]) for step in recorded} - ended:
        for count in range(5):
            known = stores.grants.refresh_token(f"{name}-{count}") is not None
            assert known == ((name if count == 0 else f"{name}-{count}") in recorded)


def test_documents_are_whole(aftermath: tuple[Stores, list[str]]) -> None:
    """Both documents are of the same write, and the generation is at least the last one acknowledged."""
    stores, lines = aftermath
    generation, (one, two) = stores.documents.load()
    assert one.body == two.body
    assert generation >= max(int(said) for (said,) in acknowledged(lines, "generation"))


def test_no_claim_without_its_event_and_no_event_without_its_claim(aftermath: tuple[Stores, list[str]]) -> None:
    """What was not acknowledged is either all there or not there."""
    stores, _ = aftermath
    bodies = [json.loads(record.body) for record in read_all(stores.audit)]
    issued = [body["message_id"] for body in bodies if body["type"] == "TokenIssued"]
    assert len(set(issued)) == len(issued)
    assert all(stores.single_uses.seen("jti", name) for name in issued)
    assert stores.single_uses.purge(datetime.now(UTC)) == len(issued)  # the last test: it forgets them
