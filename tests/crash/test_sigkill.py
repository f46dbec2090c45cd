"""SIGKILL at random points: nothing that was acknowledged is lost, and nothing is half written."""

import json
import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from crash.life import KEY, live
from wardgate.audit.chain import verify
from wardgate.keystores import Sealer
from wardgate.stores import Stores, open_stores
from wardgate.stores.verify_audit import read_all, verify_audit

KILLS = 24
SEED = 20_261_121
COUNTED_FROM = datetime(2026, 1, 1, tzinfo=UTC)
MOST_STEPS = 300
STEP_SECONDS = 60
PROCESSES = multiprocessing.get_context("forkserver")
"""Each is a process of its own, forked from one that has imported everything and opened nothing."""
PROCESSES.set_forkserver_preload(["wardgate.stores", "wardgate.keystores", "wardgate.server.messaging"])


def live_and_die(url: str, life: int, dice: random.Random, life_of: Callable[[str, int, Connection], None] = live, most_steps: int = MOST_STEPS) -> list[str]:
    """Start a process, kill it after it has acknowledged so and so much, at a random moment, and return what that was."""
    ours, its = PROCESSES.Pipe(duplex=False)
    child = PROCESSES.Process(target=life_of, args=(url, life, its))
    child.start()
    its.close()
    enough, said = dice.randint(1, most_steps), b""
    with ours:
        while ours.poll(STEP_SECONDS) and (part := os.read(ours.fileno(), 65536)):
            said += part
            if enough and said.count(b"\n") >= enough:
                time.sleep(dice.uniform(0.0, 0.005))
                child.kill()
                enough = 0
    child.kill()
    child.join()
    assert not enough, f"it ended, or did nothing for {STEP_SECONDS} s, after {said.decode()}"
    assert child.exitcode == -signal.SIGKILL
    return said.decode().split("\n")[:-1]  # a line cut by the kill acknowledges nothing


def acknowledged(lines: list[str], kind: str) -> list[list[str]]:
    """What was said of one kind."""
    return [line.split()[1:] for line in lines if line.split()[0] == kind]


@pytest.fixture(scope="module")
def aftermath(tmp_path_factory: pytest.TempPathFactory, new_database: Callable[[Path], str]) -> Iterator[tuple[Stores, list[str]]]:
    """A store whose process was killed many times, and everything those processes had acknowledged."""
    url = new_database(tmp_path_factory.mktemp("crash") / "wardgate.db")
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
