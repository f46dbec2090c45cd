"""The file of tokens: who may read it, that it is never half written, and that one process at a time renews."""

import json
import os
import stat
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from wardgate.client import AccessToken, FileTokenStore, TokenFileUnusable, UserTokens
from wardgate.client.token_store import LARGEST_FILE_BYTES

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TOKENS = UserTokens(AccessToken("access-0", NOW, 599.0), "refresh-0", NOW + timedelta(hours=12), 0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the tokens are kept: in a directory that does not exist yet."""
    return tmp_path / "sign-ins" / "tokens.json"


@pytest.fixture
def store(path: Path) -> FileTokenStore:
    """Return a store that holds tokens."""
    made = FileTokenStore(path, lock_wait_seconds=0.2)
    made.save(TOKENS)
    return made


def test_what_is_saved_is_loaded(store: FileTokenStore, path: Path) -> None:
    """By another store too, as another process has it; after `forget` there is nothing."""
    assert FileTokenStore(path).load() == TOKENS
    store.forget()
    assert FileTokenStore(path).load() is None
    store.forget()


def test_the_owner_alone_may_read(store: FileTokenStore, path: Path) -> None:
    """0600 in a directory of 0700, whatever the umask says."""
    before = os.umask(0)
    try:
        store.save(TOKENS)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o610, 0o601], ids=oct)
def test_a_file_that_others_may_read_is_refused(store: FileTokenStore, path: Path, mode: int) -> None:
    """And not repaired: its tokens may be known."""
    path.chmod(mode)
    with pytest.raises(TokenFileUnusable, match="others may read or write it"):
        store.load()
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_a_file_that_is_no_file_is_refused(store: FileTokenStore, path: Path, tmp_path: Path) -> None:
    """A link, a directory, a pipe (which is not waited for)."""
    target = tmp_path / "elsewhere"
    path.replace(target)
    path.symlink_to(target)
    with pytest.raises(TokenFileUnusable):
        store.load()
    path.unlink()
    path.mkdir()
    with pytest.raises(TokenFileUnusable):
        store.load()
    path.rmdir()
    os.mkfifo(path, 0o600)
    with pytest.raises(TokenFileUnusable, match="not a file of this account"):
        store.load()


GOOD = {"version": 1, "access_token": "a", "obtained": NOW.isoformat(), "life_seconds": 599.0, "refresh_token": "r",
        "refresh_until": NOW.isoformat(), "refresh_count": 0, "sent": None}


@pytest.mark.parametrize("change", [
    {"version": 2}, {"access_token": None}, {"access_token": ""}, {"access_token": "a b"}, {"access_token": "a\nb"}, {"access_token": 1},
    {"obtained": None}, {"obtained": "yesterday"}, {"obtained": "2026-03-01T12:00:00"}, {"life_seconds": "599"}, {"life_seconds": True},
    {"refresh_token": 1}, {"refresh_token": "é"}, {"refresh_until": 5}, {"refresh_count": "0"}, {"refresh_count": True}, {"sent": "never"},
], ids=str)
def test_a_file_of_another_shape_is_damaged(store: FileTokenStore, path: Path, change: dict[str, Any]) -> None:
    """Nothing of it is used, and nothing of it is told."""
    path.write_text(json.dumps(GOOD | {"refresh_token": "very-secret"} | change))
    with pytest.raises(TokenFileUnusable, match="damaged") as refused:
        store.load()
    assert "very-secret" not in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"null", b"[]", b"{}", b"\xff\xfe", json.dumps(GOOD).encode()[:-5], b"[" * 50_000, b" " * (LARGEST_FILE_BYTES + 1)],
                         ids=lambda content: repr(content[:12]))
def test_what_is_no_such_file_is_refused(store: FileTokenStore, path: Path, content: bytes) -> None:
    """Cut off, empty, not JSON, too deep, too large."""
    path.write_bytes(content)
    with pytest.raises(TokenFileUnusable):
        store.load()


def test_the_good_form_is_one() -> None:
    """The cases above fail because of what they change."""
    assert json.loads(json.dumps(GOOD)).keys() == GOOD.keys()


@given(count=some.none() | some.integers(0, 10**9), life=some.floats(0.001, 86_400), refresh=some.none() | some.text("aZ09._~-+/=", min_size=1),
       until=some.none() | some.datetimes(timezones=some.just(UTC)), sent=some.none() | some.datetimes(timezones=some.just(UTC)))
def test_every_token_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, count: int | None, life: float, refresh: str | None, until: datetime | None, sent: datetime | None
) -> None:
    """Save and load are each other's inverse."""
    tokens = UserTokens(AccessToken("token", NOW, life), refresh, until, count, sent)
    store = FileTokenStore(tmp_path_factory.getbasetemp() / "round-trip.json")
    store.save(tokens)
    assert store.load() == tokens


def test_readers_see_the_old_or_the_new_and_nothing_between(store: FileTokenStore, path: Path) -> None:
    """Replaced in one step, however often."""
    stop, seen = threading.Event(), set()

    def read() -> None:
        while not stop.is_set():
            loaded = FileTokenStore(path).load()
            seen.add(loaded.access.value if loaded is not None else None)

    reader = threading.Thread(target=read)
    reader.start()
    for count in range(200):
        store.save(UserTokens(AccessToken(f"access-{count % 2}", NOW, 599.0)))
    stop.set()
    reader.join()
    assert seen <= {"access-0", "access-1"}


def test_a_disk_that_cannot_be_written_is_told(store: FileTokenStore, path: Path) -> None:
    """And what was kept stays."""
    blocked = FileTokenStore(path / "below-a-file")
    with pytest.raises(TokenFileUnusable):
        blocked.save(TOKENS)
    with pytest.raises(TokenFileUnusable), blocked.locked():
        pass
    assert store.load() == TOKENS


def test_another_process_keeps_us_from_renewing(store: FileTokenStore, path: Path) -> None:
    """For as long as it lives, and no longer: the lock ends with its process."""
    code = ("import sys\nfrom wardgate.client import FileTokenStore\n"
            "with FileTokenStore(sys.argv[1]).locked():\n    print('held', flush=True)\n    sys.stdin.read()\n")
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(TokenFileUnusable, match="another process has held it"), store.locked():
            pass
        other.kill()
        other.wait(10)
    with FileTokenStore(path).locked():
        assert store.load() == TOKENS


def test_a_link_in_place_of_the_lock_is_not_followed(store: FileTokenStore, path: Path, tmp_path: Path) -> None:
    """Nobody has us write elsewhere."""
    path.with_name(path.name + ".lock").symlink_to(tmp_path / "victim")
    with pytest.raises(TokenFileUnusable), store.locked():
        pass
    assert not (tmp_path / "victim").exists()
