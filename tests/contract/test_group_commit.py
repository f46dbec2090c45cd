"""Group commit on every database: calls share a transaction, and each caller gets its own answer."""

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from contract.grant_steps import NHS, STRICT, redemption, rotation, start
from wardgate.audit import Event, EventType
from wardgate.audit.chain import verify
from wardgate.stores import AlreadyExists, GroupCommit, Stores, StoreUnavailable
from wardgate.stores.ports import AuditRecord, SingleUse, Steps, Taken, TokenIssue


class WatchedTokens:
    """Passes batches on, and notes them; can be held, and can refuse."""

    def __init__(self, stores: Stores) -> None:
        self.tokens = stores.tokens
        self.batches: list[tuple[int, int]] = []
        self.free = threading.Event()
        self.free.set()
        self.down = False

    def issue_and_append(
        self, issues: Sequence[TokenIssue], events: Sequence[Event]
    ) -> tuple[Sequence[bool], Sequence[AuditRecord]]:
        self.free.wait(20)
        self.batches.append((len(issues), len(events)))
        if self.down:
            raise StoreUnavailable("the disk is full")
        return self.tokens.issue_and_append(issues, events)


def token(now: datetime, name: str) -> TokenIssue:
    """A token about to leave."""
    event = Event(EventType.TOKEN_ISSUED, now, message_id=name)
    return TokenIssue(SingleUse("n", name, now), event, replace(event, type=EventType.TOKEN_REFUSED))


def run(stores: Stores, scenario: Any, **settings: Any) -> WatchedTokens:
    """Run the scenario with a group commit over watched stores."""
    watched = WatchedTokens(stores)

    async def main() -> None:
        async with GroupCommit(replace(stores, tokens=watched), **settings) as commits:  # type: ignore[arg-type]
            await scenario(commits, watched)

    asyncio.run(main())
    return watched


async def outcomes(*calls: Coroutine[Any, Any, Any]) -> list[Any]:
    """The result or the exception of each call, all started in one tick."""
    return list(await asyncio.gather(*calls, return_exceptions=True))


def test_calls_of_one_tick_are_one_transaction(stores: Stores, now: datetime) -> None:
    """A hundred issues and ten events: one batch, each its answer, one chain."""
    async def scenario(commits: GroupCommit, _: WatchedTokens) -> None:
        issues = [commits.issue(token(now, str(number % 99))) for number in range(100)]
        appends = [commits.append(Event(EventType.CALL_ALLOWED, now)) for _ in range(10)]
        found = await outcomes(*issues, *appends)
        assert found[:100] == [True] * 99 + [False]
        assert [record.seq for record in found[100:]] == list(range(101, 111))

    assert run(stores, scenario).batches == [(100, 10)]
    assert verify(stores.audit.read(0, 1000)).intact


def test_calls_during_a_commit_wait_for_the_next(stores: Stores, now: datetime) -> None:
    """While the first batch is written, later calls gather into one."""
    async def scenario(commits: GroupCommit, watched: WatchedTokens) -> None:
        watched.free.clear()
        first = asyncio.create_task(commits.issue(token(now, "a")))
        await asyncio.sleep(0.05)
        later = [asyncio.create_task(commits.issue(token(now, name))) for name in ("a", "b", "b")]
        await asyncio.sleep(0.05)
        later.append(asyncio.create_task(commits.issue(token(now, "c"))))
        await asyncio.sleep(0.05)
        assert commits.waiting == 5
        watched.free.set()
        assert [await first, *[await task for task in later]] == [True, False, True, False, True]
        assert commits.waiting == 0

    assert run(stores, scenario).batches == [(1, 0), (4, 0)]


def test_a_large_wave_is_split(stores: Stores, now: datetime) -> None:
    """A batch has a largest size; the answers stay with their callers."""
    async def scenario(commits: GroupCommit, _: WatchedTokens) -> None:
        assert await outcomes(*[commits.issue(token(now, str(number))) for number in range(25)]) == [True] * 25

    assert run(stores, scenario, max_batch=10).batches == [(10, 0), (10, 0), (5, 0)]


def test_full_queue_refuses_at_once(stores: Stores, now: datetime) -> None:
    """Beyond the limit a caller is refused, fails closed, and those who wait are served."""
    async def scenario(commits: GroupCommit, watched: WatchedTokens) -> None:
        watched.free.clear()
        waiting = [asyncio.create_task(commits.issue(token(now, str(number)))) for number in range(3)]
        await asyncio.sleep(0.05)
        (refused,) = await outcomes(commits.issue(token(now, "x")))
        assert isinstance(refused, StoreUnavailable)
        watched.free.set()
        assert [await task for task in waiting] == [True] * 3
        assert await commits.issue(token(now, "x")) is True

    run(stores, scenario, max_waiting=3)


def test_a_store_that_takes_too_long_is_given_up_on(stores: Stores, now: datetime) -> None:
    """The batch that runs and the one that waits are both refused; the one that waited was never written."""
    async def scenario(commits: GroupCommit, watched: WatchedTokens) -> None:
        watched.free.clear()
        first = asyncio.create_task(commits.issue(token(now, "a")))
        await asyncio.sleep(0.02)
        found = await outcomes(first, commits.issue(token(now, "b")), commits.append(Event(EventType.CALL_ALLOWED, now)))
        assert all(isinstance(refused, StoreUnavailable) for refused in found)
        watched.free.set()
        await asyncio.sleep(0.1)
        assert commits.waiting == 0
        assert await commits.issue(token(now, "b")) is True

    run(stores, scenario, timeout_seconds=0.2)
    assert not stores.audit.find("zzz")


def test_store_that_is_down_refuses_every_caller(stores: Stores, now: datetime) -> None:
    """Everyone of the batch learns it, and it is not tried once per caller."""
    async def scenario(commits: GroupCommit, watched: WatchedTokens) -> None:
        watched.down = True
        found = await outcomes(commits.issue(token(now, "a")), commits.append(Event(EventType.CALL_ALLOWED, now)))
        assert all(isinstance(refused, StoreUnavailable) for refused in found)
        watched.down = False
        assert await commits.issue(token(now, "a")) is True

    assert run(stores, scenario).batches == [(1, 1), (1, 0)]


def test_bad_input_harms_its_own_caller_only(stores: Stores, now: datetime) -> None:
    """The batch is taken apart: the others are stored."""
    async def scenario(commits: GroupCommit, _: WatchedTokens) -> None:
        bad = Event(EventType.CALL_ALLOWED, now.replace(tzinfo=None))
        good, refused, also_good = await outcomes(
            commits.issue(token(now, "a")), commits.append(bad), commits.append(Event(EventType.CALL_ALLOWED, now))
        )
        assert (good, type(refused), also_good.seq) == (True, ValueError, 2)

    run(stores, scenario)


def test_a_caller_that_left_disturbs_nobody(stores: Stores, now: datetime) -> None:
    """A cancelled call is still stored; the others get their answers."""
    async def scenario(commits: GroupCommit, watched: WatchedTokens) -> None:
        watched.free.clear()
        left, stayed = (asyncio.create_task(commits.issue(token(now, name))) for name in ("a", "b"))
        await asyncio.sleep(0.05)
        left.cancel()
        await asyncio.sleep(0)
        watched.free.set()
        assert await stayed is True
        assert await commits.issue(token(now, "a")) is False

    run(stores, scenario)


def test_cold_calls_run_beside(stores: Stores, now: datetime) -> None:
    """A call that is not hot runs on another thread, answers or raises, and does not wait for a batch."""
    async def scenario(commits: GroupCommit, watched: WatchedTokens) -> None:
        watched.free.clear()
        held = asyncio.create_task(commits.issue(token(now, "a")))
        await asyncio.sleep(0.02)
        assert await commits.run(stores.generation.current) == 0
        with pytest.raises(ZeroDivisionError):
            await commits.run(divmod, 1, 0)
        watched.free.set()
        assert await held is True

    run(stores, scenario)


def test_closing_serves_who_waits_and_refuses_who_comes(stores: Stores, now: datetime) -> None:
    """Close returns when the last batch is written."""
    async def main() -> None:
        commits = GroupCommit(stores)
        waiting = [asyncio.create_task(commits.issue(token(now, str(number)))) for number in range(20)]
        await asyncio.sleep(0)
        await commits.close()
        assert [await task for task in waiting] == [True] * 20
        with pytest.raises(StoreUnavailable, match="closing"):
            await commits.issue(token(now, "late"))
        with pytest.raises(StoreUnavailable):
            await commits.run(stores.generation.current)

    asyncio.run(main())


class WatchedGrants:
    """Passes sign-ins on, and notes the batches; can be held."""

    def __init__(self, stores: Stores) -> None:
        self.grants = stores.grants
        self.batches: list[tuple[int, ...]] = []
        self.looks: list[int] = []
        self.free = threading.Event()
        self.free.set()

    def step(self, steps: Steps) -> Taken:
        self.free.wait(20)
        self.batches.append(tuple(len(part) for part in (steps.starts, steps.redemptions, steps.rotations, steps.issues, steps.events)))
        return self.grants.step(steps)

    def refresh_tokens(self, token_hashes: Sequence[str]) -> Any:
        self.looks.append(len(token_hashes))
        return self.grants.refresh_tokens(token_hashes)


def run_grants(stores: Stores, scenario: Any) -> WatchedGrants:
    """Run the scenario with a group commit over watched sign-ins."""
    watched = WatchedGrants(stores)

    async def main() -> None:
        async with GroupCommit(replace(stores, grants=watched)) as commits:  # type: ignore[arg-type]
            await scenario(commits, watched)

    asyncio.run(main())
    return watched


def test_sign_ins_of_one_tick_share_a_transaction(stores: Stores, now: datetime) -> None:
    """Starts, redemptions, rotations, tokens and events of one tick: one batch, each its answer."""
    stores.grants.start([start(NHS, now, grant_id="a", code="c"), start(NHS, now, grant_id="b", refresh="t0")])

    async def scenario(commits: GroupCommit, _: WatchedGrants) -> None:
        found = await outcomes(
            commits.rotate(rotation(NHS, now, "t0", "t1")), commits.start(start(NHS, now, grant_id="g", refresh="g0", jti="j")),
            commits.redeem(redemption(NHS, now, "c", "c0")), commits.append(Event(EventType.CALL_ALLOWED, now)),
            commits.issue(token(now, "x")), commits.rotate(rotation(NHS, now, "t0", "u1")),
            commits.start(start(NHS, now, grant_id="h", refresh="h0", jti="j")),
        )
        assert [found[0].outcome, found[5].outcome] == ["rotated", "used"]
        assert (found[1], found[2].id, found[3].seq, found[4], found[6]) == (True, "a", 8, True, False)

    assert run_grants(stores, scenario).batches == [(2, 1, 2, 1, 1)]
    assert verify(stores.audit.read(0, 1000)).intact


def test_looks_of_one_tick_are_one_statement_and_wait_for_no_commit(stores: Stores, now: datetime) -> None:
    """A look is answered while a commit is held, each caller its own."""
    stores.grants.start([start(NHS, now, grant_id="a", refresh="a0"), start(NHS, now, grant_id="b", refresh="b0")])

    async def scenario(commits: GroupCommit, watched: WatchedGrants) -> None:
        watched.free.clear()
        held = asyncio.create_task(commits.rotate(rotation(NHS, now, "a0", "a1")))
        await asyncio.sleep(0.02)
        found = await outcomes(*[commits.refresh_token(f"hash-{name}") for name in ("b0", "zz", "a0", "b0")])
        assert [None if one is None else one[1].id for one in found] == ["b", None, "a", "b"]
        watched.free.set()
        assert (await held).outcome == "rotated"

    assert run_grants(stores, scenario).looks == [4]


def test_a_bad_sign_in_harms_its_own_caller_only(stores: Stores, now: datetime) -> None:
    """A successor that exists, a grant that exists, a step without its event: the others are stored."""
    stores.grants.start([start(STRICT, now, grant_id=name, refresh=f"{name}0") for name in "abc"])

    async def scenario(commits: GroupCommit, _: WatchedGrants) -> None:
        found = await outcomes(
            commits.rotate(rotation(STRICT, now, "a0", "a1")), commits.rotate(rotation(STRICT, now, "b0", "c0")),
            commits.start(start(STRICT, now, grant_id="a")), commits.rotate(rotation(STRICT, now, "c0", "c1", if_ended=None)),
            commits.start(start(STRICT, now, grant_id="d")),
        )
        assert found[0].outcome == "rotated"
        assert [type(one) for one in found[1:4]] == [AlreadyExists, AlreadyExists, ValueError]
        assert found[4] is True

    run_grants(stores, scenario)
    assert stores.grants.get("d") is not None
