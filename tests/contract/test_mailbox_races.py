"""Mailboxes used at the same moment: by many threads on two nodes, and by two processes. Nothing is lost, counted twice or told twice."""

import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from contract.conftest import STORE_KEY
from contract.mailbox_cast import (
    NOW,
    acknowledge,
    claim,
    do,
    downloaded,
    event,
    post,
    post_chunk,
    recorded,
    report,
    waiting,
)
from wardgate.audit import Event
from wardgate.audit.chain import verify
from wardgate.keystores import Sealer
from wardgate.mesh.model import MailboxMessage, Status
from wardgate.stores import Stores, open_stores
from wardgate.stores.mailboxes import Done, MailboxStep

ROUNDS, RACERS = 6, 6
DAY = timedelta(days=1)


@pytest.fixture
def nodes(url: str) -> Iterator[list[Stores]]:
    """Two nodes of one installation."""
    opened = [open_stores(url, Sealer([STORE_KEY]), migrate=False) for _ in range(2)]
    yield opened
    assert verify(opened[0].audit.read(0, 10_000)).intact
    for node in opened:
        node.close()


def race(nodes: list[Stores], work: Callable[[Stores, int, int], Any], rounds: int = ROUNDS) -> list[list[Any]]:
    """Do the work (store, round, racer) by every racer at the same moment, in every round; return what each got. What one raises is raised."""
    barrier = threading.Barrier(RACERS)
    answers: list[list[Any]] = [[None] * RACERS for _ in range(rounds)]
    raised: list[BaseException] = []

    def run(racer: int) -> None:
        try:
            for number in range(rounds):
                barrier.wait(60)
                answers[number][racer] = work(nodes[racer % 2], number, racer)
        except BaseException as error:  # noqa: BLE001 - raised below, by the test's own thread
            raised.append(error)
            barrier.abort()

    threads = [threading.Thread(target=run, args=(racer,)) for racer in range(RACERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    if raised:
        raise raised[0]
    return answers


def step(stores: Stores, one: MailboxStep) -> Done:
    """Do one step in a batch of its own."""
    return stores.mailboxes.step([one])[0]


def found(stores: Stores, name: str) -> MailboxMessage:
    """Return a message."""
    message = stores.mailboxes.message(name)
    assert message is not None
    return message


def test_the_same_chunk_at_once_is_one_chunk(nodes: list[Stores]) -> None:
    """Sent again before the first was answered: each is told that it is there, and it is counted once."""
    do(nodes[0], *(post(f"M{number}", chunks=3) for number in range(ROUNDS)))
    answers = race(nodes, lambda store, number, racer: step(store, post_chunk(f"M{number}", 2, f"t{number}-{racer}")))
    assert answers == [[Done.DONE] * RACERS] * ROUNDS
    assert [(message.received, message.size) for message in (found(nodes[1], f"M{number}") for number in range(ROUNDS))] == [(2, 8)] * ROUNDS


def test_different_octets_at_once_are_refused_but_for_one(nodes: list[Stores]) -> None:
    """What is kept is what was answered well."""
    do(nodes[0], *(post(f"M{number}", chunks=3) for number in range(ROUNDS)))
    answers = race(nodes, lambda store, number, racer: step(store, post_chunk(f"M{number}", 2, body=b"body %d" % racer)))
    for number, answer in enumerate(answers):
        assert Counter(answer) == {Done.DONE: 1, Done.DIFFERENT: RACERS - 1}
        chunk = nodes[1].mailboxes.chunk(f"M{number}", 2)
        assert chunk is not None
        assert chunk.kept == b"body %d" % answer.index(Done.DONE)


def test_a_message_is_completed_once(nodes: list[Stores]) -> None:
    """By one of many that bring the last chunk: it waits once, and is recorded once."""
    do(nodes[0], *(post(f"M{number}", chunks=2) for number in range(ROUNDS)))
    answers = race(nodes, lambda store, number, _: step(store, post_chunk(f"M{number}", 2)))
    assert [Counter(answer) for answer in answers] == [{Done.COMPLETE: 1, Done.ALREADY_COMPLETE: RACERS - 1}] * ROUNDS
    names = [f"M{number}" for number in range(ROUNDS)]
    assert (list(waiting(nodes[1])), nodes[1].mailboxes.count("BOB"), recorded(nodes[1])) == (names, ROUNDS, names)


def test_all_chunks_at_once_complete_it(nodes: list[Stores]) -> None:
    """Each another one: whichever is last in the store completes, wherever it came."""
    do(nodes[0], *(post(f"M{number}", chunks=RACERS + 1) for number in range(ROUNDS)))
    answers = race(nodes, lambda store, number, racer: step(store, post_chunk(f"M{number}", racer + 2)))
    for number, answer in enumerate(answers):
        assert Counter(answer)[Done.COMPLETE] == 1
        assert set(answer) <= {Done.DONE, Done.COMPLETE, Done.INCOMPLETE}
        message = found(nodes[0], f"M{number}")
        assert (message.status, message.received, message.size) == (Status.ACCEPTED, RACERS + 1, 4 * (RACERS + 1))


def test_chunks_at_once_do_not_pass_the_limit(nodes: list[Stores]) -> None:
    """As many as fit are kept."""
    do(nodes[0], *(post(f"M{number}", chunks=20) for number in range(ROUNDS)))
    answers = race(nodes, lambda store, number, racer: step(store, post_chunk(f"M{number}", racer + 2, max_bytes=14)))
    assert [Counter(answer) for answer in answers] == [{Done.DONE: 2, Done.TOO_LARGE: RACERS - 2}] * ROUNDS
    assert [found(nodes[0], f"M{number}").size for number in range(ROUNDS)] == [12] * ROUNDS


def test_a_token_at_once_on_two_nodes_works_once(nodes: list[Stores]) -> None:
    """Whatever it is used for."""
    do(nodes[0], *(post(f"M{number}") for number in range(ROUNDS)))
    kinds: list[Callable[[int], MailboxStep]] = [
        lambda number: claim(f"t{number}"), lambda number: acknowledge(f"M{number}", token=f"t{number}"), lambda number: downloaded(f"M{number}", token=f"t{number}"),
    ]
    answers = race(nodes, lambda store, number, racer: step(store, kinds[racer % 3](number)))
    assert [Counter(answer) for answer in answers] == [{Done.DONE: 1, Done.REPLAYED: RACERS - 1}] * ROUNDS


def test_acknowledged_while_it_is_downloaded(nodes: list[Stores]) -> None:
    """Each is recorded once at the most, and what waits is counted right: no download is recorded after the message was gone."""
    do(nodes[0], *(post(f"M{number}") for number in range(ROUNDS)))
    answers = race(nodes, lambda store, number, racer: step(store, acknowledge(f"M{number}") if racer % 3 == 0 else downloaded(f"M{number}")))
    assert {one for answer in answers for one in answer} == {Done.DONE}
    kept = recorded(nodes[0])
    assert max(Counter(kept).values()) == 1
    assert sum(name.startswith("ack-") for name in kept) == ROUNDS
    assert nodes[1].mailboxes.count("BOB") == 0


def test_acknowledged_or_expired_never_both(nodes: list[Stores]) -> None:
    """A sender is told that it was not collected, or the recipient that it has it; expiry on two nodes reports once."""
    do(nodes[0], *(post(f"M{number}") for number in range(ROUNDS)))

    def told(message: MailboxMessage) -> tuple[MailboxMessage, Event]:
        return report(f"R-{message.id}", message), event(message_id=f"expired-{message.id}")

    def work(store: Stores, number: int, racer: int) -> Any:
        if racer % 2:
            return step(store, (acknowledge if racer % 3 else downloaded)(f"M{number}"))
        return len(store.mailboxes.expire(NOW + 6 * DAY, 1, told))

    race(nodes, work)
    while nodes[0].mailboxes.expire(NOW + 6 * DAY, 9, told):
        pass
    kept, reports = set(recorded(nodes[0])), set(waiting(nodes[1], "ALICE"))
    for number in range(ROUNDS):
        status = found(nodes[1], f"M{number}").status
        assert status in {Status.ACKNOWLEDGED, Status.UNDELIVERABLE}
        assert (f"ack-M{number}" in kept, f"expired-M{number}" in kept, f"R-M{number}" in reports) == (
            (True, False, False) if status is Status.ACKNOWLEDGED else (False, True, True))
    assert (nodes[0].mailboxes.count("BOB"), nodes[0].mailboxes.count("ALICE")) == (0, len(reports))


def test_forgotten_by_two_nodes_while_others_post(nodes: list[Stores]) -> None:
    """Old ones go once, new ones stay, and the counts are right."""
    do(nodes[0], *(post(f"M{number}", created=NOW - 40 * DAY) for number in range(40)))

    def work(store: Stores, number: int, racer: int) -> int:
        if racer % 2:
            do(store, post(f"N{number}-{racer}", created=NOW))
            return 0
        return store.mailboxes.purge(NOW - 30 * DAY, 3)[0]

    gone = sum(sum(answer) for answer in race(nodes, work))
    while (more := nodes[0].mailboxes.purge(NOW - 30 * DAY, 3)[0]):
        gone += more
    assert (gone, nodes[1].mailboxes.count("BOB"), len(waiting(nodes[1]))) == (40, ROUNDS * RACERS // 2, ROUNDS * RACERS // 2)


def test_two_processes(url: str, stores: Stores) -> None:
    """Both bring the same last chunks and acknowledge: one completes, both are told that it is acknowledged, everything is recorded once."""
    names = [f"M{number}" for number in range(10)]
    do(stores, *(post(name, chunks=3) for name in names))
    tests = Path(__file__).parents[1]
    command = [sys.executable, str(tests / "contract" / "mailbox_racer.py"), url]
    racers = [subprocess.Popen([*command, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(tests)})
              for name in ("more", "then")]
    try:
        assert [_line(racer) for racer in racers] == ["ready"] * 2
        for name in names:
            for racer in racers:
                assert racer.stdin is not None
                racer.stdin.write(f"{name}\n")
                racer.stdin.flush()
            (_, first, one), (_, second, other) = [_line(racer).split() for racer in racers]
            assert {first, second} <= {Done.COMPLETE, Done.ALREADY_COMPLETE, Done.DIFFERENT}
            assert [first, second].count(Done.COMPLETE) == 1
            assert Done.DONE in {one, other}
    finally:
        for racer in racers:
            racer.communicate(timeout=30)
    assert [racer.returncode for racer in racers] == [0, 0]
    assert Counter(recorded(stores)) == dict.fromkeys([*names, *(f"ack-{name}" for name in names)], 1)
    assert stores.mailboxes.count("BOB") == 0
    assert {found(stores, name).status for name in names} == {Status.ACKNOWLEDGED}


def _line(racer: "subprocess.Popen[str]") -> str:
    assert racer.stdout is not None
    return racer.stdout.readline().strip()
