"""Access tokens: the server's answer read with care, and kept until shortly before they end."""

import asyncio
import json
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from weakref import WeakKeyDictionary

from wardgate.client.errors import TokenAnswerInvalid

REFRESH_AHEAD_SECONDS: Final = 60.0
LARGEST_ANSWER_BYTES: Final = 65_536
_LONGEST_LIFE_SECONDS: Final = 86_400.0
_LONGEST_TOKEN: Final = 16_384


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token and its time. It is shown by no `repr`."""

    value: str = field(repr=False)
    obtained: datetime
    life_seconds: float

    def seconds_left(self, now: datetime) -> float:
        """Return how long it is still good for; negative when it is over."""
        return (self.obtained + timedelta(seconds=self.life_seconds) - now).total_seconds()

    def is_fresh(self, now: datetime) -> bool:
        """Whether more than the last 60 s are left, or the last half of a token that lives less than two minutes."""
        return self.seconds_left(now) >= min(REFRESH_AHEAD_SECONDS, self.life_seconds / 2)


def read_token(body: bytes, now: datetime) -> AccessToken:
    """Read a 200 of the token endpoint (application-restricted 6.6). Raises `TokenAnswerInvalid`.

    `expires_in` may be a string, an integer or a float; `issued_at` is not depended on.
    """
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        raise TokenAnswerInvalid("the token endpoint's answer is not JSON") from None
    if not isinstance(parsed, dict):
        raise TokenAnswerInvalid("the token endpoint's answer is not a JSON object")
    value, kind = parsed.get("access_token"), parsed.get("token_type")
    if not isinstance(value, str) or not value.isascii() or not value.isprintable() or " " in value or not value:
        raise TokenAnswerInvalid("the token endpoint's answer has no access_token")
    if len(value) > _LONGEST_TOKEN:
        raise TokenAnswerInvalid("the access token is too long for a header")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise TokenAnswerInvalid("the token endpoint's answer is not of token_type Bearer")
    return AccessToken(value, now, _life_seconds(parsed.get("expires_in")))


def _life_seconds(value: Any) -> float:
    try:
        life = float("nan" if isinstance(value, bool) else value)
    except (TypeError, ValueError, OverflowError):
        raise TokenAnswerInvalid("expires_in of the token endpoint's answer is not a number") from None
    if not 0 < life < float("inf"):
        raise TokenAnswerInvalid("expires_in of the token endpoint's answer is not a positive number")
    return min(life, _LONGEST_LIFE_SECONDS)


@dataclass(frozen=True, slots=True)
class CacheKey:
    """What a token belongs to."""

    token_url: str
    client_id: str = field(repr=False)
    kid: str


class TokenCache:
    """Tokens in memory, by (token URL, client id, kid), and who may fetch one: one at a time for each key.

    Safe for threads, and for several event loops at once; a thread and a loop may each fetch one. Share a cache only
    among credentials of one application (application-restricted 14).
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._tokens: dict[CacheKey, AccessToken] = {}
        self._locks: dict[CacheKey, threading.Lock] = {}
        self._async_locks: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[CacheKey, asyncio.Lock]] = WeakKeyDictionary()

    def get(self, key: CacheKey) -> AccessToken | None:
        """Return the token held for `key`, fresh or not."""
        with self._guard:
            return self._tokens.get(key)

    def put(self, key: CacheKey, token: AccessToken) -> None:
        with self._guard:
            self._tokens[key] = token

    def discard(self, key: CacheKey, token: AccessToken) -> None:
        """Forget `token`, unless another has taken its place."""
        with self._guard:
            if self._tokens.get(key) is token:
                del self._tokens[key]

    def lock(self, key: CacheKey) -> threading.Lock:
        """Return the lock that a fetching thread holds."""
        with self._guard:
            return self._locks.setdefault(key, threading.Lock())

    def async_lock(self, key: CacheKey) -> asyncio.Lock:
        """Return the lock that a fetching task of the running loop holds."""
        loop = asyncio.get_running_loop()
        with self._guard:
            return self._async_locks.setdefault(loop, {}).setdefault(key, asyncio.Lock())

    def __repr__(self) -> str:
        return f"TokenCache({len(self._tokens)} held)"
