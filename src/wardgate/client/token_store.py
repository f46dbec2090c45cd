"""Where a user's tokens are kept, and who may renew them: in memory, or in a file that several processes share.

Renewing happens under the store's lock, and the store knows that a renewal began before the request leaves: whoever finds
that note without an answer knows that the refresh token may have been replaced.
"""

import contextlib
import fcntl
import json
import os
import stat
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Protocol

from wardgate.client.errors import TokenFileUnusable
from wardgate.client.tokens import AccessToken
from wardgate.client.user_tokens import UserTokens

LOCK_WAIT_SECONDS: Final = 90.0
"""Longer than any renewal takes, retries included."""
LARGEST_FILE_BYTES: Final = 65_536
_POLL_SECONDS: Final = 0.02
_VERSION: Final = 1


class TokenStore(Protocol):
    """Keeps one user's tokens at one application. Safe for threads. A promise of every store: what `save` returned from is kept."""

    def load(self) -> UserTokens | None:
        """Return what is kept; None: nothing. Raises `TokenFileUnusable`."""

    def save(self, tokens: UserTokens) -> None:
        """Put these in place of what is kept, in one step. Raises `TokenFileUnusable`."""

    def forget(self) -> None:
        """Keep nothing any more."""

    def locked(self) -> AbstractContextManager[None]:
        """Keep everybody else, other processes included, from renewing. Raises `TokenFileUnusable` when that takes too long."""


class MemoryTokenStore:
    """Tokens of this process."""

    def __init__(self) -> None:
        self._held: UserTokens | None = None
        self._lock = threading.Lock()

    def load(self) -> UserTokens | None:
        return self._held

    def save(self, tokens: UserTokens) -> None:
        self._held = tokens

    def forget(self) -> None:
        self._held = None

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        with self._lock:
            yield


class FileTokenStore:
    """Tokens in a file that its owner alone may read (0600), replaced in one step, renewed by one process at a time.

    Beside it stands a file `NAME.lock`. A file that others may read or that is not ours is refused, not repaired: its
    tokens may be known to somebody.
    """

    def __init__(self, path: Path | str, *, lock_wait_seconds: float = LOCK_WAIT_SECONDS) -> None:
        self.path = Path(path)
        self._lock_wait_seconds = lock_wait_seconds

    def load(self) -> UserTokens | None:
        try:
            content = self._content()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise TokenFileUnusable(f"{self.path}: {error.strerror or error}") from None
        try:
            return _read(content)
        except (ValueError, KeyError, TypeError, RecursionError):
            raise TokenFileUnusable(f"{self.path}: damaged; remove it and sign in again") from None

    def save(self, tokens: UserTokens) -> None:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(prefix=f".{self.path.name}.", dir=self.path.parent)  # 0600 (tempfile's promise)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(_written(tokens))
                    file.flush()
                    os.fsync(file.fileno())
                Path(name).replace(self.path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
            _sync(self.path.parent)
        except OSError as error:
            raise TokenFileUnusable(f"{self.path}: {error.strerror or error}") from None

    def forget(self) -> None:
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise TokenFileUnusable(f"{self.path}: {error.strerror or error}") from None

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        lock = self.path.with_name(self.path.name + ".lock")
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise TokenFileUnusable(f"{lock}: {error.strerror or error}") from None
        try:
            self._wait_for(descriptor, lock)
            yield
        finally:
            os.close(descriptor)  # which also unlocks

    def _wait_for(self, descriptor: int, lock: Path) -> None:
        give_up = time.monotonic() + self._lock_wait_seconds
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= give_up:
                    raise TokenFileUnusable(f"{lock}: another process has held it for {self._lock_wait_seconds:g} s") from None
                time.sleep(_POLL_SECONDS)
            except OSError as error:
                raise TokenFileUnusable(f"{lock}: {error.strerror or error}") from None
            else:
                return

    def _content(self) -> bytes:
        descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
                raise TokenFileUnusable(f"{self.path}: not a file of this account")
            if stat.S_IMODE(found.st_mode) & 0o077:
                raise TokenFileUnusable(f"{self.path}: others may read or write it ({stat.S_IMODE(found.st_mode):04o}, not 0600); "
                                        "remove it and sign in again")
            content = file.read(LARGEST_FILE_BYTES + 1)
        if len(content) > LARGEST_FILE_BYTES:
            raise TokenFileUnusable(f"{self.path}: more than {LARGEST_FILE_BYTES} bytes")
        return content


def marked(tokens: UserTokens, now: datetime) -> UserTokens:
    """Return the tokens with the note that their refresh token leaves now; an earlier note stays."""
    return replace(tokens, sent=tokens.sent or now)


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _written(tokens: UserTokens) -> bytes:
    return json.dumps({
        "version": _VERSION, "access_token": tokens.access.value, "obtained": tokens.access.obtained.isoformat(),
        "life_seconds": tokens.access.life_seconds, "refresh_token": tokens.refresh_token, "refresh_until": _text(tokens.refresh_until),
        "refresh_count": tokens.refresh_count, "sent": _text(tokens.sent),
    }).encode()


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None


def _read(content: bytes) -> UserTokens:
    """Return what `_written` made. Raises `ValueError`, `KeyError` or `TypeError` for anything else."""
    found: dict[str, Any] = json.loads(content)
    value, life, refresh, count = found["access_token"], found["life_seconds"], found["refresh_token"], found["refresh_count"]
    texts = [value] if refresh is None else [value, refresh]
    if found["version"] != _VERSION or type(life) not in {int, float} or type(count) not in {int, type(None)}:
        raise ValueError("not a file of tokens")
    if not all(type(text) is str and text.isascii() and text.isprintable() and text and " " not in text for text in texts):
        raise ValueError("not a token")
    obtained = _moment(found["obtained"])
    if obtained is None:
        raise ValueError("no time")
    return UserTokens(AccessToken(value, obtained, float(life)), refresh, _moment(found["refresh_until"]), count, _moment(found["sent"]))


def _moment(value: Any) -> datetime | None:
    if value is None:
        return None
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError("a time without its zone")
    return moment
