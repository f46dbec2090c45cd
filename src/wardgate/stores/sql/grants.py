"""Sign-ins: what is not hot, and the way to the hot steps (`grant_steps`).

How long what is over is kept, and why:

- A refresh token that was used is known as used while its grant may last: only then could a second use do harm. An hour
  more is for nodes whose clocks differ.
- The last token of a grant that ran out is known for three days: who comes back after a weekend is told that the period
  has ended, not that the token is wrong. The grant's body, which says who signed in, goes after the hour.
- A code is known for a day: whoever got hold of one and tries it later is still recognised.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Table, delete, insert, select, update

from wardgate.audit.model import Event
from wardgate.stores.grants import (
    AuthorizationCode,
    CodeRedemption,
    Grant,
    GrantStart,
    LoginState,
    RefreshToken,
    Rotated,
    Rotation,
    Steps,
    Taken,
)
from wardgate.stores.sql import chain, generation
from wardgate.stores.sql.columns import to_micros
from wardgate.stores.sql.context import Context
from wardgate.stores.sql.grant_rows import check_body, grant_of, looked_at
from wardgate.stores.sql.grant_steps import end, take
from wardgate.stores.sql.hot import FoundGrant
from wardgate.stores.sql.schema import AUTHORIZATION_CODES, GRANTS, LOGIN_STATES, REFRESH_TOKENS
from wardgate.stores.sql.transaction import driver_of, hot_reading, raise_generation, reading, writing

CLOCKS_DIFFER: Final = timedelta(hours=1)
CODES_KNOWN: Final = timedelta(days=1)
OUTLINES_KNOWN: Final = timedelta(days=3)
_ROWS_AT_ONCE: Final = 2_000
"""Of a purge: requests wait for a transaction no longer than this many rows take."""


class SQLGrants:
    """Every transition holds the head of the audit chain, so steps on one grant take turns on all nodes."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def hold(self, state: LoginState) -> None:
        """Raise `AlreadyExists` for an id that is held."""
        sealed = self._context.seal(check_body(state.body), _state_place(state.id))
        with writing(self._context.database) as connection:
            connection.execute(insert(LOGIN_STATES).values(id=state.id, sealed=sealed, until=state.until))

    def take(self, state_id: str, now: datetime) -> LoginState | None:
        statement = delete(LOGIN_STATES).where(LOGIN_STATES.c.id == state_id)
        with writing(self._context.database) as connection:
            row = connection.execute(statement.returning(LOGIN_STATES.c.sealed, LOGIN_STATES.c.until)).first()
        if row is None or row.until <= now:
            return None
        return LoginState(state_id, self._context.open(row.sealed, _state_place(state_id)), row.until)

    def start(self, starts: Sequence[GrantStart]) -> Sequence[bool]:
        return self.step(Steps(starts=starts)).started

    def redeem(self, redemptions: Sequence[CodeRedemption]) -> Sequence[Grant | None]:
        return self.step(Steps(redemptions=redemptions)).redeemed

    def rotate(self, rotations: Sequence[Rotation]) -> Sequence[Rotated]:
        return self.step(Steps(rotations=rotations)).rotated

    def step(self, steps: Steps) -> Taken:
        return take(self._context, steps)

    def code(self, code_hash: str, now: datetime) -> AuthorizationCode | None:
        found = AUTHORIZATION_CODES.c
        statement = select(AUTHORIZATION_CODES).join(GRANTS, GRANTS.c.id == found.grant_id)
        statement = statement.where(
            found.hash == code_hash, GRANTS.c.ended.is_(None), GRANTS.c.until > now,
            found.used.is_not(None) | (found.until > now),
        )
        with reading(self._context.database) as connection:
            row = connection.execute(statement).first()
        if row is None:
            return None
        return AuthorizationCode(row.hash, row.grant_id, row.application, row.redirect_uri, row.until, row.challenge)

    def refresh_token(self, token_hash: str) -> tuple[RefreshToken, Grant] | None:
        return self.refresh_tokens([token_hash])[0]

    def refresh_tokens(self, token_hashes: Sequence[str]) -> Sequence[tuple[RefreshToken, Grant] | None]:
        with hot_reading(self._context.database) as driver:
            found = self._context.hot.find_tokens(driver, list(dict.fromkeys(token_hashes)))
        known = {token.hash: looked_at(self._context, token) for token in found}
        return [known.get(token_hash) for token_hash in token_hashes]

    def get(self, grant_id: str) -> Grant | None:
        found = self._select(GRANTS.c.id == grant_id)
        return found[0] if found else None

    def end(self, grant_ids: Sequence[str], at: datetime, event: Event) -> int:
        """Record the event also when there was nothing left to end; the generation then stays as it is."""
        with reading(self._context.database) as connection:
            live = select(GRANTS.c.id).where(GRANTS.c.id.in_(grant_ids), GRANTS.c.ended.is_(None))
            before = generation.current(connection)
            changes = connection.execute(live.limit(1)).first() is not None
        with writing(self._context.database) as connection:
            after = raise_generation(connection) if changes else before
            self._context.hot.lock_head(driver_of(connection))  # before the rows, as every hot step
            end(connection, grant_ids, at)
            chain.append(self._context, connection, [event])
        return after

    def of_session(self, provider_session: str) -> Sequence[Grant]:
        """Return them in the order they began."""
        return self._select(GRANTS.c.provider_session == provider_session, GRANTS.c.ended.is_(None))

    def ended(self, since: datetime) -> frozenset[str]:
        with reading(self._context.database) as connection:
            return frozenset(connection.execute(select(GRANTS.c.id).where(GRANTS.c.ended > since)).scalars())

    def purge(self, now: datetime) -> int:
        """Forget what is over, a few rows at a time."""
        changed = self._purge_rows(LOGIN_STATES, LOGIN_STATES.c.id, LOGIN_STATES.c.until <= now)
        codes = AUTHORIZATION_CODES.c
        changed += self._purge_rows(AUTHORIZATION_CODES, codes.hash, codes.until < now - CODES_KNOWN)
        full = GRANTS.c.sealed.is_not(None) & (GRANTS.c.until < now - CLOCKS_DIFFER)
        while grant_ids := self._some(full):
            with writing(self._context.database) as connection:
                used = REFRESH_TOKENS.c.grant_id.in_(grant_ids) & REFRESH_TOKENS.c.used.is_not(None)
                changed += connection.execute(delete(REFRESH_TOKENS).where(used)).rowcount
                left = update(REFRESH_TOKENS).where(REFRESH_TOKENS.c.grant_id.in_(grant_ids))
                connection.execute(left.values(sealed=None))
                outlines = update(GRANTS).where(GRANTS.c.id.in_(grant_ids)).values(sealed=None)
                changed += connection.execute(outlines).rowcount
        gone = GRANTS.c.sealed.is_(None) & (GRANTS.c.until < now - OUTLINES_KNOWN)
        while grant_ids := self._some(gone):
            with writing(self._context.database) as connection:
                tokens = delete(REFRESH_TOKENS).where(REFRESH_TOKENS.c.grant_id.in_(grant_ids))
                changed += connection.execute(tokens).rowcount
                changed += connection.execute(delete(GRANTS).where(GRANTS.c.id.in_(grant_ids))).rowcount
        return changed

    def _purge_rows(self, table: Table, key: ColumnElement[Any], condition: ColumnElement[bool]) -> int:
        some = delete(table).where(key.in_(select(key).where(condition).limit(_ROWS_AT_ONCE)))
        changed = 0
        while True:
            with writing(self._context.database) as connection:
                removed = connection.execute(some).rowcount
            changed += removed
            if removed < _ROWS_AT_ONCE:
                return changed

    def _some(self, condition: ColumnElement[bool]) -> Sequence[str]:
        with reading(self._context.database) as connection:
            return connection.execute(select(GRANTS.c.id).where(condition).limit(_ROWS_AT_ONCE // 4)).scalars().all()

    def _select(self, *conditions: ColumnElement[bool]) -> list[Grant]:
        statement = select(GRANTS).where(*conditions).order_by(GRANTS.c.started, GRANTS.c.id)
        with reading(self._context.database) as connection:
            found = connection.execute(statement).all()
        return [grant_of(self._context, _found(row)) for row in found]


def _found(row: Row[Any]) -> FoundGrant:
    ended = None if row.ended is None else to_micros(row.ended)
    return FoundGrant(
        row.id, row.application, row.credential, to_micros(row.started), to_micros(row.until), row.sealed, row.provider_session, ended
    )


def _state_place(state_id: str) -> str:
    return f"login_states/sealed/{state_id}"
