"""What the demo's samples keep, and what they are told of the world: organisations and role profiles, as they are now."""

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

from wardgate.demo.samples import FILE, Samples, profiles_of
from wardgate.identities import User
from wardgate.samples.provenance import RoleProfile
from wardgate.samples.records import Records
from wardgate.security_patterns.snapshot import Snapshot

DEMO_DIRECTORY: Final = "demo"
"""Below the data directory: the demo's keys, its surgery's certificate, and what its samples keep."""
Users = Callable[[], Mapping[str, User]]


def samples_of(data: Path, snapshot: Callable[[], Snapshot], users: Users, clock: Callable[[], datetime]) -> Samples:
    """Return the samples over one file. Raises `sqlite3.Error` for one that cannot be opened."""
    records = Records(data / DEMO_DIRECTORY / FILE, clock)
    return Samples(records, lambda ods: ods in snapshot().organisations, _Profiles(users).find, clock)


class _Profiles:
    """The role profiles of the manifest's workers, made anew when its people have changed."""

    def __init__(self, users: Users) -> None:
        self._users = users
        self._made: tuple[Mapping[str, User], dict[str, RoleProfile]] | None = None

    def find(self, number: str) -> RoleProfile | None:
        """Return a role profile by its number."""
        users = self._users()
        if self._made is None or self._made[0] is not users:
            self._made = users, profiles_of(users.values())
        return self._made[1].get(number)
