"""One user's tokens at one application, renewed when they are due: by one caller at a time, and never with a token twice.

However many threads, tasks and processes ask, one renewal is under way, and the others get what it brings. The renewal runs on
a thread of its own, so that a caller who is cancelled or interrupted does not lose the answer.

What happens when no answer comes (user-restricted 4.5): the server may have replaced the refresh token. The tokens are marked
before the request leaves, in the store too, and a marked refresh token is not sent again, except within `repeat_within_seconds`
of its first use: servers of the profile `strict` give the same successor to a repeat within 10 s, and end the sign-in after
that. The access token serves until its end, then the user signs in again.
"""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from datetime import datetime
from typing import Final

import httpx2

from wardgate.client.errors import AnswerLost, SignInNeeded, TokenAnswerInvalid, TokenRefused
from wardgate.client.token_store import MemoryTokenStore, TokenStore, marked
from wardgate.client.tokens import AccessToken
from wardgate.client.user_tokens import UserTokens
from wardgate.client.users import UserApplication

STILL_GOOD_SECONDS: Final = 5.0
"""An access token that cannot be renewed is used until so long before its end."""
REPEATS: Final = 2


class UserSession:
    """What is held for one user. Safe for threads, for several event loops, and with a `FileTokenStore` for processes.

    `start` puts tokens in, `token` and `atoken` get a good access token out.
    """

    def __init__(self, application: UserApplication, store: TokenStore | None = None, *, repeat_within_seconds: float = 0.0) -> None:
        self._application = application
        self._store: TokenStore = store if store is not None else MemoryTokenStore()
        self._repeat_within_seconds = repeat_within_seconds
        self._guard = threading.Lock()
        self._renewal: Future[AccessToken] | None = None

    def start(self, tokens: UserTokens) -> None:
        """Take the tokens of a sign-in, in place of what was held."""
        with self._store.locked():
            self._store.save(tokens)

    @property
    def tokens(self) -> UserTokens | None:
        """What is held now."""
        return self._store.load()

    def token(self, refused: AccessToken | None = None) -> AccessToken:
        """Return an access token that is good for a while, other than one an API refused. Raises `SignInNeeded`.

        Raises `TokenRefused` and httpx2's errors when the server cannot renew it now but may later.
        """
        while (held := self._usable(refused)) is None:
            renewed = self._shared(refused).result()
            if not _is(renewed, refused):  # else we had joined the renewal that brought the very token that was refused
                return renewed
        return held

    async def atoken(self, refused: AccessToken | None = None) -> AccessToken:
        """Return the same on asyncio. Cancelling the task does not stop a renewal that is under way."""
        while (held := self._usable(refused)) is None:  # reads a small file at most: a thread would cost more than it saves
            renewed = await asyncio.shield(asyncio.wrap_future(self._shared(refused)))
            if not _is(renewed, refused):
                return renewed
        return held

    def end(self, *, revoke: bool = False) -> None:
        """Forget the tokens; with `revoke` the access token is taken back at the server first. Raises `TokenRefused`.

        The user stays signed in at the provider: `RelyingParty.logout_url` is where that ends.
        """
        with self._store.locked():
            held = self._store.load()
            self._store.forget()
        if revoke and held is not None:
            self._application.revoke(held.access)

    def _usable(self, refused: AccessToken | None) -> AccessToken | None:
        held = self._store.load()
        if held is None:
            return None
        fresh = held.access.is_fresh(self._application.clock.now())
        return held.access if fresh and not _is(held.access, refused) else None

    def _shared(self, refused: AccessToken | None) -> Future[AccessToken]:
        """Return the renewal under way, else begin one."""
        with self._guard:
            if self._renewal is None:
                self._renewal = Future()
                threading.Thread(target=self._run, args=(self._renewal, refused), name="wardgate-renewal").start()
            return self._renewal

    def _run(self, renewal: Future[AccessToken], refused: AccessToken | None) -> None:
        try:
            result = self._renew(refused)
        except BaseException as error:  # noqa: BLE001 - raised again by everybody who waits
            self._done()
            renewal.set_exception(error)
        else:
            self._done()
            renewal.set_result(result)

    def _done(self) -> None:
        with self._guard:
            self._renewal = None

    def _renew(self, refused: AccessToken | None) -> AccessToken:
        with self._store.locked():
            held = self._usable(refused)  # another process may have renewed it while we waited
            if held is not None:
                return held
            tokens = self._store.load()
            try:
                renewed = self._successor(tokens)
            except SignInNeeded:
                if tokens is not None and not _is(tokens.access, refused) and self._is_still_good(tokens.access):
                    return tokens.access
                raise
            self._store.save(renewed)
            return renewed.access

    def _successor(self, tokens: UserTokens | None) -> UserTokens:
        """Return what the refresh token was exchanged for. Raises `SignInNeeded` when it cannot be."""
        now = self._application.clock.now()
        if tokens is None or tokens.refresh_token is None:
            raise SignInNeeded("none")
        if not tokens.may_renew(now):
            raise SignInNeeded("over")
        if tokens.sent is not None and not self._may_repeat(tokens.sent, now):
            raise SignInNeeded("uncertain")
        noted = marked(tokens, now)
        self._store.save(noted)
        with self._unmarked_unless_received(tokens):
            return self._answer(tokens.refresh_token, noted.sent or now)

    def _answer(self, refresh_token: str, first: datetime) -> UserTokens:
        """Send it, and again where the server takes a repeat for the same request. Raises what `UserApplication.renew` raises."""
        for _ in range(REPEATS):
            with contextlib.suppress(AnswerLost, TokenAnswerInvalid):
                return self._application.renew(refresh_token)
            if not self._may_repeat(first, self._application.clock.now()):
                break
        raise SignInNeeded("uncertain")

    @contextlib.contextmanager
    def _unmarked_unless_received(self, tokens: UserTokens) -> Iterator[None]:
        """Put the tokens back as they were when the server did nothing with them; forget them when it will never take them again."""
        try:
            yield
        except TokenRefused as refusal:
            if refusal.code == "invalid_grant":
                self._store.save(replace(tokens, refresh_token=None, sent=None))
                raise SignInNeeded("refused", refusal) from None
            self._store.save(tokens)
            raise
        except httpx2.TransportError:  # of those, only what never left comes here
            self._store.save(tokens)
            raise

    def _may_repeat(self, first: datetime, now: datetime) -> bool:
        return 0 <= (now - first).total_seconds() <= self._repeat_within_seconds and self._repeat_within_seconds > 0

    def _is_still_good(self, access: AccessToken) -> bool:
        return access.seconds_left(self._application.clock.now()) > STILL_GOOD_SECONDS


def _is(held: AccessToken, refused: AccessToken | None) -> bool:
    return refused is not None and held.value == refused.value
