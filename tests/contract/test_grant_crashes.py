"""A crash between any two statements of a step leaves nothing of it, and the step then succeeds as if it were the first."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select

from contract.grant_exploration import NHS, STRICT, perform
from contract.grant_steps import redemption, rotation, start
from wardgate.stores import Stores
from wardgate.stores.sql.engine import Database
from wardgate.stores.sql.grants import SQLGrants
from wardgate.stores.sql.schema import METADATA

STEPS: dict[str, tuple[Any, ...]] = {
    "start": ("start", "j", "h", "h0"), "redeem": ("redeem", "c", "c0"), "rotate": ("rotate", "t0", "t1"),
    "end": ("end", "g"), "reuse of a token": ("rotate", "u0", "u2"), "reuse of a code": ("redeem", "d", "d1"),
}
LATER_SECONDS = 60
"""After the grace, before the codes are over."""


class Stop(Exception):
    """The moment of a crash."""


class Stopping:
    """The hot statements; the process ends before the next one after `left`, as far as the database can tell."""

    def __init__(self, statements: Any, left: int) -> None:
        self.statements, self.left = statements, left

    def __getattr__(self, name: str) -> Any:
        statement = getattr(self.statements, name)

        def run(*arguments: Any) -> Any:
            if self.left == 0:
                raise Stop
            self.left -= 1
            return statement(*arguments)

        return run


def contents(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that is stored."""
    with database.engine.connect() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for table in METADATA.sorted_tables
        }


@pytest.mark.parametrize("profile", [NHS, STRICT], ids=lambda profile: profile.name)
@pytest.mark.parametrize("name", STEPS)
def test_crash_between_statements(stores: Stores, database: Database, now: datetime, name: str, profile: Any) -> None:
    """Whatever the statement before which it happens."""
    stores.grants.start([
        start(profile, now, grant_id="g", refresh="t0"), start(profile, now, grant_id="f", refresh="u0"),
        start(profile, now, grant_id="a", code="c"), start(profile, now, grant_id="b", code="d"),
    ])
    stores.grants.rotate([rotation(profile, now, "u0", "u1")])
    stores.grants.redeem([redemption(profile, now, "d", "d0")])
    before, statements = contents(database), 0
    grants = stores.grants
    assert isinstance(grants, SQLGrants)
    while True:
        stopping = Stopping(grants._context.hot, statements)
        stopped = replace(stores, grants=SQLGrants(replace(grants._context, hot=stopping)))
        try:
            answer = perform(stopped, profile, STEPS[name], LATER_SECONDS, now)
        except Stop:
            assert contents(database) == before
            statements += 1
            continue
        break
    assert answer[0] == {
        "start": "started", "redeem": "redeemed", "rotate": "rotated", "end": "over", "reuse of a code": "refused",
        "reuse of a token": "ended" if profile is STRICT else "used",
    }[name]
    assert statements >= (2 if name == "reuse of a token" and profile is NHS else 3)
    assert (contents(database) == before) == (name == "reuse of a token" and profile is NHS)
