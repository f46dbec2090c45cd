"""The lane: who waits for whom, on a clock of the test's and a thread of its own."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from wardgate.stores import StoreUnavailable
from wardgate.stores.lane import Lane, LaneLimits


class Worker:
    """Answers each question with itself, and notes the batches."""

    def __init__(self) -> None:
        self.batches: list[Sequence[str]] = []

    def __call__(self, questions: Sequence[str]) -> Sequence[Any]:
        self.batches.append(tuple(questions))
        return questions


def run(talk: Callable[[Lane[str], Worker], Awaitable[None]], gather_seconds: float, batch: int = 1000, timeout_seconds: float = 20.0) -> Worker:
    """Run a scenario with a lane, and close it."""
    worker = Worker()

    async def main() -> None:
        lane = Lane("test", worker, LaneLimits(10_000, batch, timeout_seconds, gather_seconds))
        try:
            await talk(lane, worker)
        finally:
            await asyncio.wait_for(lane.close(), 10)

    asyncio.run(main())
    return worker


def test_who_is_alone_does_not_wait() -> None:
    """One call after the other, each answered at once: gathering, which would take a minute here, never begins."""
    async def talk(lane: Lane[str], _: Worker) -> None:
        for number in range(20):
            assert await asyncio.wait_for(lane.ask(str(number)), 10) == str(number)

    assert [len(batch) for batch in run(talk, gather_seconds=60).batches] == [1] * 20


def test_a_crowd_shares() -> None:
    """Calls that come one tick after the other, while others wait, share batches, and each gets its own answer."""
    async def one(lane: Lane[str], name: str) -> None:
        for number in range(10):
            assert await lane.ask(f"{name}-{number}") == f"{name}-{number}"

    async def talk(lane: Lane[str], _: Worker) -> None:
        callers = []
        for number in range(16):
            callers.append(asyncio.ensure_future(one(lane, str(number))))
            await asyncio.sleep(0)
        await asyncio.gather(*callers)

    batches = run(talk, gather_seconds=0.05).batches
    assert sum(map(len, batches)) == 160
    assert len(batches) < 30, "without gathering the first of each round goes alone"


def test_gathering_ends_though_calls_keep_coming() -> None:
    """A batch that keeps growing is started after three times the wait; nobody waits for ever."""
    async def talk(lane: Lane[str], worker: Worker) -> None:
        asked = [lane.ask("first"), lane.ask("second")]
        while not worker.batches:
            asked.append(lane.ask("another"))
            await asyncio.sleep(0.0005)
        assert await asyncio.wait_for(asked[0], 10) == "first"
        await asyncio.gather(*asked)

    run(talk, gather_seconds=0.01)


def test_what_is_given_up_on_while_gathering_does_not_hold_the_end_up() -> None:
    """The batch's time ends before its gathering: every caller learns it, and the lane can be closed."""
    async def talk(lane: Lane[str], worker: Worker) -> None:
        await asyncio.gather(lane.ask("a"), lane.ask("b"))  # now there is a crowd
        late = [lane.ask("c"), lane.ask("d")]
        found = await asyncio.gather(*late, return_exceptions=True)
        assert [type(one) for one in found] == [StoreUnavailable] * 2
        assert worker.batches == [("a", "b")]

    run(talk, gather_seconds=0.5, timeout_seconds=0.1)


@pytest.mark.parametrize("gather_seconds", [0, 0.01])
def test_no_more_than_a_batch_holds(gather_seconds: float) -> None:
    """The rest goes next, in order."""
    async def talk(lane: Lane[str], _: Worker) -> None:
        assert await asyncio.gather(*(lane.ask(str(number)) for number in range(25))) == [str(number) for number in range(25)]

    assert [len(batch) for batch in run(talk, gather_seconds, batch=10).batches] == [10, 10, 5]
