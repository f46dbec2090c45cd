"""The hot steps of grants: a batch of starts, redemptions and rotations in one transaction, with their events.

Every step locks the head of the audit chain first, so of two steps on one grant, on any node, the second sees what the
first left. A use that ends a grant raises the generation, whose row must be locked before the head: the batch is then
rolled back and done again in that order. That happens once per grant at most.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, update

from wardgate.audit.chain import Link
from wardgate.audit.model import Event
from wardgate.stores.errors import StoreUnavailable
from wardgate.stores.grants import CodeRedemption, Grant, Rotated, Rotation, RotationOutcome, Steps, Taken
from wardgate.stores.sql import chain
from wardgate.stores.sql.columns import to_micros
from wardgate.stores.sql.context import Context
from wardgate.stores.sql.grant_rows import Prepared, grant_of, prepare, refresh_token_of
from wardgate.stores.sql.hot import FoundCode, FoundToken, TokenRow
from wardgate.stores.sql.schema import GRANTS, REFRESH_TOKENS
from wardgate.stores.sql.single_uses import keys_of
from wardgate.stores.sql.transaction import driver_of, hot_writing, raise_generation, writing

_SECOND = 1_000_000


class _MustEnd(Exception):
    """A grant must end, and this transaction has not locked the generation."""


def take(context: Context, steps: Steps) -> Taken:
    """Do all steps or none. Raises `StoreUnavailable`, `WrongStoreKey`, `AlreadyExists`, and `ValueError` for bad input."""
    prepared = prepare(context, steps)
    try:
        with hot_writing(context.database) as driver:
            return _Transaction(context, driver, prepared, _refuse_to_end).take()
    except _MustEnd:
        pass
    with writing(context.database) as connection:
        raise_generation(connection)
        return _Transaction(context, driver_of(connection), prepared, lambda ids, at: end(connection, ids, at)).take()


def end(connection: Connection, grant_ids: Sequence[str], at: datetime) -> None:
    """End those that have not ended, and forget what they held. The generation and the head are locked."""
    for grant_id in grant_ids:
        live = GRANTS.c.ended.is_(None) & (GRANTS.c.id == grant_id)
        connection.execute(update(GRANTS).where(live).values(ended=at, sealed=None))
        kept = REFRESH_TOKENS.c.sealed.is_not(None) & (REFRESH_TOKENS.c.grant_id == grant_id)
        connection.execute(update(REFRESH_TOKENS).where(kept).values(sealed=None))


def _refuse_to_end(_grant_ids: Sequence[str], _at: datetime) -> None:
    raise _MustEnd


@dataclass(slots=True)
class _Token:
    """A refresh token as the transaction sees it, after the rotations before this one."""

    found: FoundToken
    used: int | None
    successor: TokenRow | None
    """The row this transaction has made."""


class _Transaction:
    """One transaction's steps, in order. `_ended` are grants that ended in it."""

    def __init__(
        self, context: Context, driver: Any, prepared: Prepared, end_grants: Callable[[Sequence[str], datetime], None]
    ) -> None:
        self._context, self._driver, self._prepared, self._end_grants = context, driver, prepared, end_grants
        self._hot = context.hot
        self._events: list[Event] = []
        self._ended: set[str] = set()

    def take(self) -> Taken:
        head = Link(*self._hot.lock_head(self._driver))
        issued, started = self._claim()
        self._start(started)
        redeemed = self._redeem(self._prepared.steps.redemptions)
        rotated = self._rotate(self._prepared.steps.rotations)
        before = len(self._events)
        records = chain.append_after(self._context, self._driver, head, [*self._events, *self._prepared.steps.events])
        return Taken(started, redeemed, rotated, issued, records[before:])

    def _claim(self) -> tuple[list[bool], list[bool]]:
        """Claim every single use; a start without one is always the first."""
        issues, starts = self._prepared.steps.issues, self._prepared.steps.starts
        uses = [issue.use for issue in issues] + [start.use for start in starts if start.use is not None]
        firsts = self._hot.claim(self._driver, *keys_of(uses)) if uses else []
        issued, rest = firsts[: len(issues)], iter(firsts[len(issues) :])
        for issue, first in zip(issues, issued, strict=True):
            self._events.append(issue.if_first if first else issue.if_replayed)
        return issued, [start.use is None or next(rest) for start in starts]

    def _start(self, firsts: Sequence[bool]) -> None:
        for start, first in zip(self._prepared.steps.starts, firsts, strict=True):
            applies = start.if_first if first else start.if_replayed
            assert applies is not None  # noqa: S101 - `prepare` refuses a use without its event
            self._events.append(applies)
        rows = [row for row, first in zip(self._prepared.starts, firsts, strict=True) if first]
        grants = [row.grant for row in rows]
        codes = [row.code for row in rows if row.code is not None]
        tokens = [row.token for row in rows if row.token is not None]
        if grants:
            self._hot.insert_grants(self._driver, grants)
        if codes:
            self._hot.insert_codes(self._driver, codes)
        if tokens:
            self._hot.insert_tokens(self._driver, tokens)

    def _redeem(self, redemptions: Sequence[CodeRedemption]) -> list[Grant | None]:
        if not redemptions:
            return []
        known = {code.hash: code for code in self._hot.find_codes(self._driver, _distinct(redemptions))}
        used: list[tuple[str, int]] = []
        tokens: list[TokenRow] = []
        answers: list[Grant | None] = []
        for redemption, sealed in zip(redemptions, self._prepared.redemptions, strict=True):
            at = to_micros(redemption.at)
            code = self._redeemable(known.get(redemption.hash), redemption, at)
            if code is None:
                answers.append(None)
                continue
            known[code.hash] = code._replace(used=at)
            used.append((code.hash, at))
            until = min(to_micros(redemption.refresh.until), code.grant.until)
            tokens.append((code.grant.id, 0, redemption.refresh.hash, until, sealed))
            self._events.append(redemption.if_redeemed)
            answers.append(grant_of(self._context, code.grant))
        self._write(self._hot.use_codes, used, tokens)
        return answers

    def _redeemable(self, code: FoundCode | None, redemption: CodeRedemption, at: int) -> FoundCode | None:
        """Return the code if it may be used now; if not, record that, and end the grant if a second use does."""
        if code is not None and (
            code.application != redemption.application or self._over(code.grant.id, code.grant.ended)
        ):
            code = None
        if code is not None and at >= code.grant.until:
            code = None
        if code is not None and code.used is None and at < code.until:
            return code
        if code is not None and code.used is not None and redemption.ends_family:
            self._end(code.grant.id, redemption.at, redemption.if_ended)
        else:
            self._events.append(redemption.if_refused)
        return None

    def _rotate(self, rotations: Sequence[Rotation]) -> list[Rotated]:
        if not rotations:
            return []
        found = self._hot.find_tokens(self._driver, _distinct(rotations))
        known = {token.hash: _Token(token, token.used, None) for token in found}
        used: list[tuple[str, int, int]] = []
        tokens: list[TokenRow] = []
        answers: list[Rotated] = []
        for rotation, sealed in zip(rotations, self._prepared.rotations, strict=True):
            token = known.get(rotation.hash)
            at = to_micros(rotation.at)
            outcome, ends = self._outcome(token, rotation, at)
            if token is None or outcome is RotationOutcome.UNKNOWN:
                answers.append(Rotated(RotationOutcome.UNKNOWN))
                continue
            if outcome is RotationOutcome.ROTATED:
                grant = token.found.grant
                until = min(to_micros(rotation.successor.until), grant.until)
                token.used, token.successor = at, (grant.id, token.found.number + 1, rotation.successor.hash, until, sealed)
                used.append((grant.id, token.found.number, at))
                tokens.append(token.successor)
                self._events.append(rotation.if_rotated)
            answer = self._answer(outcome, token)
            if ends:
                self._end(token.found.grant.id, rotation.at, rotation.if_ended)
                answer = replace(answer, ended=True)
            answers.append(answer)
        self._write(self._hot.use_tokens, used, tokens)
        return answers

    def _outcome(self, token: _Token | None, rotation: Rotation, at: int) -> tuple[RotationOutcome, bool]:
        """Return what becomes of the rotation, and whether it ends the grant."""
        if token is None or token.found.grant.application != rotation.application:
            return RotationOutcome.UNKNOWN, False
        if self._over(token.found.grant.id, token.found.grant.ended):
            return RotationOutcome.UNKNOWN, False
        if token.used is None:
            over = at >= min(token.found.until, token.found.grant.until)
            return (RotationOutcome.EXPIRED if over else RotationOutcome.ROTATED), False
        if rotation.grace == 0 or at >= token.used + rotation.grace * _SECOND:
            return RotationOutcome.USED, rotation.ends_family
        until, good = _successor_state(token)
        if not good:
            return RotationOutcome.USED, False
        return (RotationOutcome.EXPIRED if at >= until else RotationOutcome.REPEATED), False

    def _answer(self, outcome: RotationOutcome, token: _Token) -> Rotated:
        context, found = self._context, token.found
        grant = grant_of(context, found.grant)
        row = token.successor
        if row is None and found.next_hash is not None and found.next_until is not None:
            row = (found.grant.id, found.number + 1, found.next_hash, found.next_until, found.next_sealed)
        if row is None or outcome not in {RotationOutcome.ROTATED, RotationOutcome.REPEATED}:
            return Rotated(outcome, grant)
        return Rotated(outcome, grant, refresh_token_of(context, row))

    def _over(self, grant_id: str, ended: int | None) -> bool:
        return ended is not None or grant_id in self._ended

    def _end(self, grant_id: str, at: datetime, event: Event | None) -> None:
        assert event is not None  # noqa: S101 - `prepare` refuses a step that may end a grant without its event
        self._end_grants([grant_id], at)
        self._ended.add(grant_id)
        self._events.append(event)

    def _write(self, use: Callable[[Any, Sequence[Any]], int], used: Sequence[Any], tokens: Sequence[TokenRow]) -> None:
        if not used:
            return
        if use(self._driver, used) != len(used):  # purged at this moment
            raise StoreUnavailable("a row changed while it was used")
        self._hot.insert_tokens(self._driver, tokens)


def _successor_state(token: _Token) -> tuple[int, bool]:
    """Return when the successor is over, and whether it can still be given: unused, and its text is there."""
    if token.successor is not None:
        return token.successor[3], token.successor[4] is not None
    found = token.found
    good = found.next_used is None and found.next_sealed is not None
    return found.next_until or 0, good


def _distinct(asked: Sequence[CodeRedemption] | Sequence[Rotation]) -> list[str]:
    return list(dict.fromkeys(one.hash for one in asked))
