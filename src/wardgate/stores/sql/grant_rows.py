"""Grants, codes and refresh tokens as rows: sealing on the way in, opening on the way out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from wardgate.audit.model import Event
from wardgate.stores.grants import (
    MAX_GRACE_SECONDS,
    AuthorizationCode,
    Grant,
    GrantStart,
    RefreshToken,
    Steps,
)
from wardgate.stores.sql.columns import from_micros, to_micros
from wardgate.stores.sql.context import Context
from wardgate.stores.sql.hot import CodeRow, FoundGrant, FoundToken, GrantRow, TokenRow

MAX_BODY_CHARACTERS: Final = 65_536
"""Of a grant's body or a login state's: a hundred times what a sign-in says, and an end to what a provider may send."""


@dataclass(frozen=True, slots=True)
class StartRows:
    """The rows of one start."""

    grant: GrantRow
    code: CodeRow | None
    token: TokenRow | None


@dataclass(frozen=True, slots=True)
class Prepared:
    """Steps whose secrets are sealed: done before the transaction, which others wait for."""

    steps: Steps
    starts: Sequence[StartRows]
    redemptions: Sequence[bytes | None]
    """The sealed text of each first refresh token."""
    rotations: Sequence[bytes | None]
    """The sealed text of each successor."""


def prepare(context: Context, steps: Steps) -> Prepared:
    """Raise `ValueError` for a step that could not be recorded, or is beyond a limit."""
    for start in steps.starts:
        if start.use is not None and start.if_replayed is None:
            raise ValueError("a start with a single use needs the event of its replay")
        if start.code is not None and start.refresh is not None:
            raise ValueError("a grant begins with a code or with a refresh token, not with both")
    for redemption in steps.redemptions:
        _check_end(redemption.if_ended, ends_family=redemption.ends_family)
    for rotation in steps.rotations:
        _check_end(rotation.if_ended, ends_family=rotation.ends_family)
        if not 0 <= rotation.grace <= MAX_GRACE_SECONDS:
            raise ValueError(f"the grace of a refresh token is 0 to {MAX_GRACE_SECONDS} seconds")
    return Prepared(
        steps,
        [_start_rows(context, start) for start in steps.starts],
        [_sealed_text(context, redemption.refresh) for redemption in steps.redemptions],
        [_sealed_text(context, rotation.successor) for rotation in steps.rotations],
    )


def check_body(body: str) -> str:
    """Return the body, or raise `ValueError` when it is too long."""
    if len(body) > MAX_BODY_CHARACTERS:
        raise ValueError(f"the body has more than {MAX_BODY_CHARACTERS} characters")
    return body


def grant_of(context: Context, found: FoundGrant) -> Grant:
    """Return the grant, its body opened. Raises `WrongStoreKey`."""
    body = "" if found.sealed is None else context.open(found.sealed, _grant_place(found.id))
    return Grant(
        found.id, found.application, found.credential, from_micros(found.started), from_micros(found.until), body,
        found.provider_session, None if found.ended is None else from_micros(found.ended),
    )


def refresh_token_of(context: Context, row: TokenRow) -> RefreshToken:
    """Return the refresh token with its text, where that is kept. Raises `WrongStoreKey`."""
    grant_id, number, token_hash, until, sealed = row
    text = None if sealed is None else context.open(sealed, _token_place(token_hash))
    return RefreshToken(token_hash, grant_id, number, from_micros(until), text)


def looked_at(context: Context, found: FoundToken) -> tuple[RefreshToken, Grant] | None:
    """Return what a look says: nothing of a grant that has ended."""
    if found.grant.ended is not None:
        return None
    token = RefreshToken(found.hash, found.grant.id, found.number, from_micros(found.until))
    return token, grant_of(context, found.grant)


def _start_rows(context: Context, start: GrantStart) -> StartRows:
    grant = start.grant
    sealed = context.seal(check_body(grant.body), _grant_place(grant.id))
    until = to_micros(grant.until)
    token = start.refresh
    return StartRows(
        (grant.id, grant.application, grant.credential, to_micros(grant.started), until, sealed, grant.provider_session),
        None if start.code is None else _code_row(start.code, grant),
        None if token is None else (grant.id, 0, token.hash, min(to_micros(token.until), until), _sealed_text(context, token)),
    )


def _code_row(code: AuthorizationCode, grant: Grant) -> CodeRow:
    return code.hash, grant.id, code.application, code.redirect_uri, code.challenge, to_micros(code.until)


def _sealed_text(context: Context, token: RefreshToken) -> bytes | None:
    return None if token.text is None else context.seal(token.text, _token_place(token.hash))


def _check_end(event: Event | None, *, ends_family: bool) -> None:
    if ends_family and event is None:
        raise ValueError("a step that may end a grant needs the event of that")


def _grant_place(grant_id: str) -> str:
    return f"grants/sealed/{grant_id}"


def _token_place(token_hash: str) -> str:
    return f"refresh_tokens/sealed/{token_hash}"
