"""The token of a request: `Authorization: NHSMESH …`, made and checked (itk3-messaging 5.1)."""

import hmac
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Final

from wardgate.mesh.errors import MeshRefused
from wardgate.mesh.forms import TOKEN_TIME

SCHEME: Final = "NHSMESH "
PARTS: Final = 5
MAX_CHARACTERS: Final = 1_000
WINDOW: Final = timedelta(hours=2)
"""How far a token's time may be from ours, either way."""
MARGIN: Final = timedelta(minutes=5)
"""How much longer than it counts a token is remembered."""
NAMESPACE: Final = "mesh-token"
"""Of single uses."""
_TIME: Final = re.compile(r"[0-9]{12}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Token:
    """What a header says. Nothing of it is proved."""

    mailbox: str
    nonce: str
    nonce_count: str
    timestamp: str
    hash: str = field(repr=False)

    @property
    def use_id(self) -> str:
        """Return what a token is remembered by: what is under its hash. The hash itself may be written in several ways, and is no part of it."""
        return sha256(f"{self.mailbox}:{self.nonce}:{self.nonce_count}:{self.timestamp}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class VerifiedToken:
    """A token that was made with the mailbox's password and the environment's key, in time. It may have been used before."""

    mailbox: str
    use_id: str
    remember_until: datetime


def make(*, mailbox: str, password: str, shared_key: bytes, nonce: str, nonce_count: int, now: datetime) -> str:
    """Return the header of a request. Mailbox ids are in capitals; each count of a nonce is for one request."""
    timestamp = now.astimezone(UTC).strftime(TOKEN_TIME)
    stated = f"{mailbox}:{nonce}:{nonce_count}:{timestamp}"
    return f"{SCHEME}{stated}:{_hash(shared_key, mailbox, nonce, str(nonce_count), password, timestamp)}"


def read(header: str | None, mailbox: str | None) -> Token:
    """Return what the header says, for the mailbox in the path, in capitals; None: the path has none. Raises `MeshRefused`."""
    if header is None or len(header) > MAX_CHARACTERS or not header.isascii() or not header.startswith(SCHEME):
        raise MeshRefused("mesh-token-unreadable", f"{SCHEME}and five parts", "no header" if header is None else "another form")
    parts = header[len(SCHEME):].split(":")
    if mailbox is not None and parts[0] != mailbox:
        raise MeshRefused("mesh-token-of-another-mailbox", mailbox, "another mailbox")
    if len(parts) != PARTS or not parts[2].isdigit() or " " in parts[0] or not parts[0]:
        raise MeshRefused("mesh-token-unreadable", "five parts, and a count in digits", f"{len(parts)} parts")
    mailbox_id, nonce, nonce_count, timestamp, made = parts
    return Token(mailbox_id, nonce, nonce_count, timestamp, made)


def verify(token: Token, *, password: str | None, shared_key: bytes, now: datetime) -> VerifiedToken:
    """Return the proof that the mailbox made the token. Raises `MeshRefused`; a mailbox without a password has no valid token.

    Whether it was used before is asked after this, in the step that uses it.
    """
    expected = _hash(shared_key, token.mailbox, token.nonce, token.nonce_count, password or "", token.timestamp)
    same = hmac.compare_digest(token.hash.lower().encode("ascii"), expected.encode("ascii"))
    if not same or password is None:
        raise MeshRefused("mesh-token-invalid", "the hash of this mailbox", "another one")
    made = _time(token.timestamp)
    if made is None or abs(made - now) > WINDOW:
        raise MeshRefused("mesh-token-stale", f"within 2 hours of {now.astimezone(UTC):%Y%m%d%H%M}", token.timestamp if made else "no time")
    return VerifiedToken(token.mailbox, token.use_id, made + WINDOW + MARGIN)


def _hash(shared_key: bytes, mailbox: str, nonce: str, nonce_count: str, password: str, timestamp: str) -> str:
    made = _keyed(shared_key).copy()
    made.update(f"{mailbox}:{nonce}:{nonce_count}:{password}:{timestamp}".encode())
    return made.hexdigest()


@lru_cache(8)
def _keyed(shared_key: bytes) -> hmac.HMAC:
    """Begin a hash. NOTE: `hmac.digest` is quicker alone, but lets other threads go first, and they take their time."""
    return hmac.new(shared_key, digestmod=sha256)


def _time(text: str) -> datetime | None:
    if not _TIME.fullmatch(text):
        return None
    try:
        return datetime(int(text[:4]), int(text[4:6]), int(text[6:8]), int(text[8:10]), int(text[10:]), tzinfo=UTC)
    except ValueError:
        return None
