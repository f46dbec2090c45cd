"""The store of sign-ins as the authorisation server asks it from the loop: what is hot shares commits, the rest goes to a thread."""

from collections.abc import Sequence
from datetime import datetime

from wardgate.audit.model import Event
from wardgate.stores import GroupCommit
from wardgate.stores.ports import (
    AuthorizationCode,
    CodeRedemption,
    Grant,
    Grants,
    GrantStart,
    LoginState,
    RefreshToken,
    Rotated,
    Rotation,
)


class StoredSignIns:
    """`authserver.dependencies.SignIns`. Raises `StoreUnavailable` when the store cannot keep its promise."""

    def __init__(self, grants: Grants, commits: GroupCommit) -> None:
        self._grants, self._commits = grants, commits

    async def start(self, start: GrantStart) -> bool:
        return await self._commits.start(start)

    async def redeem(self, redemption: CodeRedemption) -> Grant | None:
        return await self._commits.redeem(redemption)

    async def rotate(self, rotation: Rotation) -> Rotated:
        return await self._commits.rotate(rotation)

    async def refresh_token(self, token_hash: str) -> tuple[RefreshToken, Grant] | None:
        return await self._commits.refresh_token(token_hash)

    async def hold(self, state: LoginState) -> None:
        await self._commits.run(self._grants.hold, state)

    async def take(self, state_id: str, now: datetime) -> LoginState | None:
        return await self._commits.run(self._grants.take, state_id, now)

    async def code(self, code_hash: str, now: datetime) -> AuthorizationCode | None:
        return await self._commits.run(self._grants.code, code_hash, now)

    async def get(self, grant_id: str) -> Grant | None:
        return await self._commits.run(self._grants.get, grant_id)

    async def of_session(self, provider_session: str) -> Sequence[Grant]:
        return await self._commits.run(self._grants.of_session, provider_session)

    async def end(self, grant_ids: Sequence[str], at: datetime, event: Event) -> None:
        await self._commits.run(self._grants.end, grant_ids, at, event)
