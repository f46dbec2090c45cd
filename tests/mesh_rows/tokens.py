"""How tokens are spoilt, by the names that rows use."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

Make = Callable[..., str]
"""Makes a new token of a mailbox; other values go in place of good ones."""
TWO_HOURS: Final = timedelta(minutes=122)


def _hash_changed(token: str) -> str:
    return token[:-1] + ("0" if token[-1] != "0" else "1")


def _counted_in_letters(token: str) -> str:
    parts = token.split(":")
    return ":".join([*parts[:2], "one", *parts[3:]])


SPOILT: Final[Mapping[str, Callable[[Make, str, Any], str | None]]] = {
    "no header": lambda _make, _who, _now: None,
    "another scheme": lambda make, who, _: make(who).replace("NHSMESH", "Bearer"),
    "no scheme": lambda make, who, _: make(who).removeprefix("NHSMESH "),
    "four parts": lambda make, who, _: make(who).rpartition(":")[0],
    "six parts": lambda make, who, _: make(who) + ":1",
    "a count in letters": lambda make, who, _: _counted_in_letters(make(who)),
    "a space": lambda make, who, _: make(who).replace("ALICE", "AL ICE"),
    "of another": lambda make, _who, _now: make("BOB"),
    "in small letters": lambda make, who, _: make(who.lower()),
    "another password": lambda make, who, _: make(who, password="other"),
    "another key": lambda make, who, _: make(who, shared_key=b"other"),
    "another hash": lambda make, who, _: _hash_changed(make(who)),
    "hours ago": lambda make, who, now: make(who, now=now - TWO_HOURS),
    "hours ahead": lambda make, who, now: make(who, now=now + TWO_HOURS),
}
"""`used` and `another certificate` are the place's to do."""
