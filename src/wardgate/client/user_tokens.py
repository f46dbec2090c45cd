"""Tokens of a user: the server's answer read with care (user-restricted 3.5, 4.4), and what is known of their renewal."""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from wardgate.client.errors import TokenAnswerInvalid
from wardgate.client.tokens import AccessToken, read_token

_LONGEST_REFRESH_TOKEN: Final = 8_192
_LONGEST_REFRESH_SECONDS: Final = 366 * 86_400.0


@dataclass(frozen=True, slots=True)
class UserTokens:
    """An access token and what renews it. No token is shown by `repr`."""

    access: AccessToken
    refresh_token: str | None = field(default=None, repr=False)
    refresh_until: datetime | None = None
    """When the refresh token is over; None: the server did not say."""
    refresh_count: int | None = None
    """How often the tokens have been renewed since the user signed in."""
    sent: datetime | None = None
    """When the refresh token was first sent without an answer: since then it may have been replaced."""

    def may_renew(self, now: datetime) -> bool:
        """Whether there is a refresh token that is not over."""
        return self.refresh_token is not None and (self.refresh_until is None or now < self.refresh_until)


def read_user_tokens(body: bytes, now: datetime) -> UserTokens:
    """Read a 200 of the token endpoint to one of a user's grants. Raises `TokenAnswerInvalid`.

    Numbers may be texts, as the platform writes them, or numbers. `now` is when the request was sent.
    """
    access = read_token(body, now)
    parsed = json.loads(body)
    refresh = parsed.get("refresh_token")
    if refresh is None:
        return UserTokens(access)
    if not isinstance(refresh, str) or not 0 < len(refresh) <= _LONGEST_REFRESH_TOKEN or not refresh.isascii() or not refresh.isprintable():
        raise TokenAnswerInvalid("the token endpoint's answer has a refresh_token that cannot be one")
    seconds = _number(parsed, "refresh_token_expires_in")
    until = None if seconds is None else now + timedelta(seconds=min(max(seconds, 0.0), _LONGEST_REFRESH_SECONDS))
    count = _number(parsed, "refresh_count")
    return UserTokens(access, refresh, until, None if count is None else int(min(max(count, 0.0), 1e9)))


def _number(parsed: dict[str, Any], name: str) -> float | None:
    value = parsed.get(name)
    if value is None:
        return None
    try:
        number = float("nan" if isinstance(value, bool) else value)
    except (TypeError, ValueError, OverflowError):
        number = float("nan")
    if not abs(number) < float("inf"):
        raise TokenAnswerInvalid(f"{name} of the token endpoint's answer is not a number")
    return number
