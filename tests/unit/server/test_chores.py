"""A chore that fails is said and tried again, and ends no other."""

import asyncio
import logging
from datetime import UTC, datetime
from typing import Any

import pytest

from wardgate.server.chores import Chores
from wardgate.stores import StoreUnavailable


@pytest.mark.parametrize(("fault", "traceback"), [(StoreUnavailable("the store takes too long"), False), (KeyError("x"), True)],
                         ids=["a busy store", "a mistake of ours"])
def test_a_chore_that_fails_is_tried_again(caplog: pytest.LogCaptureFixture, fault: Exception, traceback: bool) -> None:
    """A busy store is no mistake of the program: it is said in a line, without a traceback."""
    done: list[int] = []

    async def run() -> None:
        anything: Any = None
        enough = asyncio.Event()
        loop = asyncio.get_running_loop()

        def flaky() -> None:
            done.append(1)
            if len(done) == 1:
                raise fault
            loop.call_soon_threadsafe(enough.set)

        chores = Chores(anything, anything, anything, lambda: datetime.now(UTC))
        task = asyncio.create_task(chores._repeat(flaky, 0.001))
        await enough.wait()
        task.cancel()

    with caplog.at_level(logging.WARNING):
        asyncio.run(run())
    (said,) = caplog.records
    assert ("flaky" in said.getMessage(), said.exc_info is not None) == (True, traceback)
