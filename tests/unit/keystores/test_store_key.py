"""Where the store key comes from."""

import base64
import os
import threading
from pathlib import Path

import pytest

from wardgate.keystores.errors import StoreKeyInvalid
from wardgate.keystores.sealing import Sealer
from wardgate.keystores.store_key import FILE_VARIABLE, VARIABLE, load_store_keys, new_store_key

KEY, OTHER = (base64.b64encode(letter * 32).decode() for letter in (b"a", b"b"))


def opens(one: Sealer, two: Sealer) -> bool:
    """Whether both have the same first key."""
    return two.is_current(one.seal(b"x", "p"))


def write(path: Path, text: str, mode: int = 0o600) -> Path:
    """A key file."""
    path.write_text(text)
    path.chmod(mode)
    return path


def test_environment_comes_first(tmp_path: Path) -> None:
    """The variable wins over the file, the file over the data directory; neither makes a file."""
    file = write(tmp_path / "k", OTHER)
    expected = Sealer([b"a" * 32])
    assert opens(expected, load_store_keys({VARIABLE: KEY, FILE_VARIABLE: str(file)}, tmp_path))
    assert opens(Sealer([b"b" * 32]), load_store_keys({FILE_VARIABLE: str(file)}, tmp_path))
    assert not (tmp_path / "keys").exists()


def test_first_start_makes_a_key(tmp_path: Path) -> None:
    """It is for its owner only, whatever the umask, and the next start uses it."""
    before = os.umask(0)
    try:
        first = load_store_keys({}, tmp_path / "data")
    finally:
        os.umask(before)
    keys = tmp_path / "data" / "keys"
    assert ((keys / "store.key").stat().st_mode & 0o777, keys.stat().st_mode & 0o777) == (0o600, 0o700)
    assert [path.name for path in keys.iterdir()] == ["store.key"]
    assert opens(first, load_store_keys({}, tmp_path / "data"))


def test_starts_at_the_same_time_agree(tmp_path: Path) -> None:
    """Of eight first starts one makes the key, and all use it."""
    found: list[Sealer] = []
    barrier = threading.Barrier(8)

    def start() -> None:
        barrier.wait()
        found.append(load_store_keys({}, tmp_path))

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert all(opens(found[0], other) for other in found)


@pytest.mark.parametrize("text", [f"{KEY}\n{OTHER}\n", f"{KEY},{OTHER}", f"  {KEY}   {OTHER}"])
def test_several_keys(text: str) -> None:
    """The first seals, the others open."""
    loaded = load_store_keys({VARIABLE: text})
    assert opens(Sealer([b"a" * 32]), loaded)
    assert loaded.open(Sealer([b"b" * 32]).seal(b"x", "p"), "p") == b"x"


@pytest.mark.parametrize(("text", "says"), [
    ("", "0 are there"), ("not base64!", "base64"), (base64.b64encode(b"short").decode(), "this one has 5 bytes"),
    (" ".join([KEY] * 9), "9 are there"), ("ключ", "base64"),
])
def test_bad_keys_are_refused(text: str, says: str) -> None:
    """The message says what is wrong and shows no key."""
    with pytest.raises(StoreKeyInvalid, match=says) as refused:
        load_store_keys({VARIABLE: text})
    assert not text or text not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o601])
def test_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    """Group and world get nothing, in the given file and in the data directory."""
    file = write(tmp_path / "k", KEY, mode)
    with pytest.raises(StoreKeyInvalid, match="readable by others"):
        load_store_keys({FILE_VARIABLE: str(file)})
    load_store_keys({}, tmp_path).seal(b"", "")
    (tmp_path / "keys" / "store.key").chmod(mode)
    with pytest.raises(StoreKeyInvalid, match="readable by others"):
        load_store_keys({}, tmp_path)


def test_what_is_no_key_file_is_refused(tmp_path: Path) -> None:
    """A missing file, a directory, a pipe, a large file, binary content, and no place at all."""
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "directory").mkdir(mode=0o700)
    write(tmp_path / "large", "A" * 5000)
    (tmp_path / "binary").write_bytes(b"\xff" * 32)
    (tmp_path / "binary").chmod(0o600)
    for name, says in (("none", "cannot be read"), ("pipe", "plain file"), ("directory", "plain file"), ("large", "too large"), ("binary", "not text")):
        with pytest.raises(StoreKeyInvalid, match=says):
            load_store_keys({FILE_VARIABLE: str(tmp_path / name)})
    with pytest.raises(StoreKeyInvalid, match="no store key"):
        load_store_keys({})
    (tmp_path / "taken").write_text("")
    with pytest.raises(StoreKeyInvalid, match="cannot be made"):
        load_store_keys({}, tmp_path / "taken")


def test_new_keys_differ() -> None:
    """Thirty-two random bytes each time."""
    assert len({new_store_key() for _ in range(10)}) == 10
    assert len(base64.b64decode(new_store_key())) == 32
