"""Steps of sign-ins as tests write them: short names stand for hashes."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from wardgate.audit import Event, EventType, Outcome
from wardgate.stores.ports import (
    AuthorizationCode,
    CodeRedemption,
    Grant,
    GrantStart,
    RefreshToken,
    Rotation,
    SingleUse,
)

APPLICATION = "demo-app"
CODE_SECONDS = 300
GRANT_SECONDS = 3_600


@dataclass(frozen=True)
class Profile:
    """How an application's refresh tokens are treated."""

    name: str
    grace: int
    ends_family: bool


NHS = Profile("nhs", 0, ends_family=False)
STRICT = Profile("strict", 10, ends_family=True)


def said(now: datetime, word: str) -> Event:
    """An event that is recognised by its reason."""
    return Event(EventType.TOKEN_ISSUED, now, Outcome.ALLOWED, word, APPLICATION, f"m-{word}")


def grant(now: datetime, grant_id: str = "g", **more: Any) -> Grant:
    """A sign-in of this moment."""
    return replace(Grant(grant_id, APPLICATION, "c-1", now, now + timedelta(seconds=GRANT_SECONDS), '{"sub":"1"}'), **more)


def token(profile: Profile, name: str, until: datetime, grant_id: str = "g", count: int = 0) -> RefreshToken:
    """A refresh token; its text is kept where a repeated use may get it again."""
    return RefreshToken(f"hash-{name}", grant_id, count, until, f"text-{name}" if profile.grace else None)


def start(profile: Profile, now: datetime, *, grant_id: str = "g", code: str | None = None, refresh: str | None = None,
          jti: str | None = None, **more: Any) -> GrantStart:
    """A sign-in about to be kept."""
    begun = grant(now, grant_id, **more)
    return GrantStart(
        begun, said(now, f"started-{grant_id}"),
        None if code is None else AuthorizationCode(
            f"hash-{code}", grant_id, APPLICATION, "https://client.example/back", now + timedelta(seconds=CODE_SECONDS), "challenge"),
        None if refresh is None else token(profile, refresh, begun.until, grant_id),
        None if jti is None else SingleUse("assertion:c-1", jti, now + timedelta(seconds=300)),
        None if jti is None else said(now, f"replayed-{jti}"),
    )


def redemption(profile: Profile, at: datetime, code: str, refresh: str, application: str = APPLICATION) -> CodeRedemption:
    """A code about to become tokens."""
    return CodeRedemption(
        f"hash-{code}", application, at, token(profile, refresh, at + timedelta(days=1)), said(at, f"redeemed-{code}"),
        said(at, f"refused-{code}"), profile.ends_family, said(at, f"ended-by-{code}") if profile.ends_family else None,
    )


def rotation(profile: Profile, at: datetime, old: str, new: str, application: str = APPLICATION, **more: Any) -> Rotation:
    """A refresh token about to be replaced."""
    return replace(Rotation(
        f"hash-{old}", application, at, token(profile, new, at + timedelta(days=1)), said(at, f"rotated-{old}"),
        profile.grace, profile.ends_family, said(at, f"ended-by-{old}") if profile.ends_family else None,
    ), **more)
