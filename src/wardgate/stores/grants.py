"""The promises of the store of sign-ins. `ports` gives these names on.

A state waits for its provider; a grant begins; its code and each of its refresh tokens are used once; it ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from wardgate.audit.model import Event
from wardgate.stores.transitions import AuditRecord, SingleUse, TokenIssue

MAX_GRACE_SECONDS: Final = 300


@dataclass(frozen=True, slots=True)
class LoginState:
    """A sign-in that waits for its provider. `id` is the hash of the state; `body` is JSON, encrypted at rest."""

    id: str
    body: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Grant:
    """One sign-in and all tokens that come of it: the family of its refresh tokens.

    `id` is random and may be logged; `body` is JSON (who signed in, scopes, the provider's tokens), encrypted at rest, and
    empty once the grant has ended or was over for a while: only its outline is kept then. `provider_session` is the hash of
    provider and `sid`; `until` is when it can be refreshed no more.
    """

    id: str
    application: str
    credential: str
    started: datetime
    until: datetime
    body: str
    provider_session: str | None = None
    ended: datetime | None = None


@dataclass(frozen=True, slots=True)
class AuthorizationCode:
    """A code on its way to the client. `hash` is SHA-256 of the code; what it is bound to is compared by `authserver`."""

    hash: str
    grant: str
    application: str
    redirect_uri: str
    until: datetime
    challenge: str | None = None
    """The S256 `code_challenge` (RFC 7636), if there was one."""


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token. `hash` is SHA-256 of it; `count` is how many were before it.

    `text`, encrypted at rest, is kept only where a repeated use may get the same successor (`strict`), until it is used.
    """

    hash: str
    grant: str
    count: int
    until: datetime
    text: str | None = None


@dataclass(frozen=True, slots=True)
class GrantStart:
    """A sign-in about to be kept, with the code or the refresh token that begins it: not both.

    `use` is the assertion's single use, if the client proved itself by one; `if_replayed` is then needed.
    """

    grant: Grant
    if_first: Event
    code: AuthorizationCode | None = None
    refresh: RefreshToken | None = None
    use: SingleUse | None = None
    if_replayed: Event | None = None


@dataclass(frozen=True, slots=True)
class CodeRedemption:
    """A code about to become tokens; `refresh` is the grant's first refresh token."""

    hash: str
    application: str
    at: datetime
    refresh: RefreshToken
    if_redeemed: Event
    if_refused: Event
    ends_family: bool = False
    """Whether a second use ends the grant, unless that is over (RFC 6749 section 4.1.2); `if_ended` is then stored in place
    of `if_refused`."""
    if_ended: Event | None = None


@dataclass(frozen=True, slots=True)
class Rotation:
    """A refresh token about to be replaced.

    `grace` seconds (at most `MAX_GRACE_SECONDS`): how long a repeated use gets the successor again (0: never), as long as
    nobody has used the successor: it is given out only while it is good. `ends_family`: whether a use after the grace ends
    the grant (RFC 9700 section 4.14); `if_ended` is the event of that. The store counts on from the token that is replaced,
    and lets the successor last no longer than the grant.
    """

    hash: str
    application: str
    at: datetime
    successor: RefreshToken
    if_rotated: Event
    grace: int = 0
    ends_family: bool = False
    if_ended: Event | None = None


class RotationOutcome(StrEnum):
    """What became of a rotation."""

    ROTATED = "rotated"
    REPEATED = "repeated"
    """Used a moment ago: `Rotated.token` is the successor that was made then, with its text."""
    USED = "used"
    UNKNOWN = "unknown"
    """No such token of this application, or its grant has ended."""
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Rotated:
    """The answer to a rotation: the grant, unless the token is unknown, and the token that is good now, where there is one.

    `ended`: this use has ended the grant, and `if_ended` was stored.
    """

    outcome: RotationOutcome
    grant: Grant | None = None
    token: RefreshToken | None = None
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Steps:
    """Transitions that will share one transaction."""

    starts: Sequence[GrantStart] = ()
    redemptions: Sequence[CodeRedemption] = ()
    rotations: Sequence[Rotation] = ()
    issues: Sequence[TokenIssue] = ()
    events: Sequence[Event] = ()


@dataclass(frozen=True, slots=True)
class Taken:
    """The answers to `Steps`, each in the order of its questions."""

    started: Sequence[bool]
    redeemed: Sequence[Grant | None]
    rotated: Sequence[Rotated]
    issued: Sequence[bool]
    appended: Sequence[AuditRecord]


class Grants(Protocol):
    """Sign-ins: states, codes, refresh tokens. Fails closed: a store that cannot answer raises.

    Every transition is one atomic step with its event; what is single use is used by one of any number of concurrent callers.
    """

    def hold(self, state: LoginState) -> None: ...
    def take(self, state_id: str, now: datetime) -> LoginState | None:
        """Return and forget a state that is not over: one caller gets it."""

    def start(self, starts: Sequence[GrantStart]) -> Sequence[bool]:
        """Claim the single use, keep grant, code or refresh token, and store the event that applies, in one transaction.

        False: the assertion was used before; nothing but `if_replayed` was stored.
        """

    def code(self, code_hash: str, now: datetime) -> AuthorizationCode | None:
        """A look that may only refuse: the code, unless it is unused and over, or its grant is over or has ended.

        A code that was used is found as well: `redeem` must hear of its second use.
        """

    def redeem(self, redemptions: Sequence[CodeRedemption]) -> Sequence[Grant | None]:
        """Use each code once, for its application, and keep the first refresh token.

        None: unknown, used, over, another application's, or its grant has ended; then `if_refused` is stored.
        """

    def refresh_token(self, token_hash: str) -> tuple[RefreshToken, Grant] | None:
        """A look that may only refuse: the token, used or not, over or not, if its grant has not ended. Without its text."""

    def rotate(self, rotations: Sequence[Rotation]) -> Sequence[Rotated]:
        """Replace each token by its successor, once.

        ROTATED stores its event, and a use that ends the grant stores `if_ended`; the caller records the others.
        """

    def step(self, steps: Steps) -> Taken:
        """Do `Tokens.issue`, `start`, `redeem`, `rotate` and `AuditLog.append` in one transaction, in this order.

        `stores.group_commit` calls this.
        """

    def refresh_tokens(self, token_hashes: Sequence[str]) -> Sequence[tuple[RefreshToken, Grant] | None]:
        """Look at many at once, as `refresh_token` does; `stores.group_commit` calls this."""

    def get(self, grant_id: str) -> Grant | None: ...
    def end(self, grant_ids: Sequence[str], at: datetime, event: Event) -> int:
        """End grants: no refresh, no access token of theirs counts any more. Return the new generation."""

    def of_session(self, provider_session: str) -> Sequence[Grant]:
        """Grants of a provider's session that have not ended."""

    def ended(self, since: datetime) -> frozenset[str]:
        """Ids of grants that ended later than this: their access tokens are refused until they are over."""

    def purge(self, now: datetime) -> int:
        """Forget what nothing asks for any more; return how many rows were changed or removed."""
