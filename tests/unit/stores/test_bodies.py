"""Bodies as files: what was written is what is read, and nothing else is."""

import errno
import hashlib
import os
import stat
import time
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from wardgate.mesh.model import Chunk
from wardgate.stores import StoreUnavailable
from wardgate.stores import bodies as bodies_module
from wardgate.stores.bodies import INLINE_BYTES, FileBodies
from wardgate.stores.body_segments import SEALED_BYTES, SEGMENT_BYTES, TAG_BYTES

HOUR = 3600.0
SIZES = [0, 1, INLINE_BYTES, INLINE_BYTES + 1, SEGMENT_BYTES - 1, SEGMENT_BYTES, SEGMENT_BYTES + 1, 2 * SEGMENT_BYTES, 3 * SEGMENT_BYTES + 7]


@pytest.fixture
def bodies(tmp_path: Path) -> FileBodies:
    """An empty store."""
    return FileBodies(tmp_path / "mesh")


def octets(size: int) -> bytes:
    """So many, none like the next."""
    return (b"".join(hashlib.sha256(number.to_bytes(8)).digest() for number in range(size // 32 + 1)))[:size]


def written(bodies: FileBodies, body: bytes, piece: int = 65_536) -> Chunk:
    """A body in the store."""
    writer = bodies.create()
    for start in range(0, len(body), piece):
        writer.write(body[start : start + piece])
    return writer.finish().as_chunk(1)


def files(bodies: FileBodies, tmp_path: Path) -> list[Path]:
    """Every file there is."""
    return [path for path in (tmp_path / "mesh").rglob("*") if path.is_file()]


@pytest.mark.parametrize("piece", [1000, 65_536, 10_000_000])
@pytest.mark.parametrize("size", SIZES)
def test_what_is_written_is_read(bodies: FileBodies, tmp_path: Path, size: int, piece: int) -> None:
    """In pieces of at most a mebibyte, with its size and digest; small ones make no file."""
    body = octets(size)
    chunk = written(bodies, body, piece)
    assert (chunk.number, chunk.size, chunk.sha256) == (1, size, hashlib.sha256(body).hexdigest())
    pieces = list(FileBodies(tmp_path / "mesh").read(chunk))
    assert b"".join(pieces) == body
    assert max(map(len, pieces)) <= 1_048_576
    assert len(files(bodies, tmp_path)) == (1 if size > INLINE_BYTES else 0)


def test_a_file_is_private_and_says_nothing(bodies: FileBodies, tmp_path: Path) -> None:
    """Neither its content nor its key; folders are private too, and names are spread over them."""
    body = b"clear text of a letter " * 10_000
    chunk = written(bodies, body)
    (path,) = files(bodies, tmp_path)
    content = path.read_bytes()
    assert b"letter" not in content
    assert chunk.kept is not None
    assert chunk.kept not in content
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in (path.parent, path.parent.parent, tmp_path / "mesh")} == {0o700}
    assert path == bodies.path(chunk.place)
    assert len({bodies.path(written(bodies, body).place).parent for _ in range(8)}) > 1
    assert "kept" not in repr(chunk)


def _flip(content: bytes) -> bytes:
    return content[:SEGMENT_BYTES + 5] + bytes([content[SEGMENT_BYTES + 5] ^ 1]) + content[SEGMENT_BYTES + 6 :]


CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "one bit": _flip,
    "cut at a segment": lambda content: content[: 2 * SEALED_BYTES],
    "cut in a segment": lambda content: content[:-1],
    "emptied": lambda _content: b"",
    "segments exchanged": lambda content: content[SEALED_BYTES : 2 * SEALED_BYTES] + content[:SEALED_BYTES] + content[2 * SEALED_BYTES :],
    "a segment twice": lambda content: content[:SEALED_BYTES] * 2 + content[2 * SEALED_BYTES :],
    "the last first": lambda content: content[2 * SEALED_BYTES :] + content[:SEALED_BYTES],
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_file_that_was_changed(bodies: FileBodies, tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    """What was proved before the change is read; nothing of what was not."""
    body = octets(2 * SEGMENT_BYTES + 100)
    chunk = written(bodies, body)
    (path,) = files(bodies, tmp_path)
    path.write_bytes(change(path.read_bytes()))
    read: list[bytes] = []
    with pytest.raises(StoreUnavailable, match="changed, moved or cut"):
        read.extend(bodies.read(chunk))
    assert body.startswith(b"".join(read))
    assert sum(map(len, read)) < len(body)


def test_a_file_cut_where_its_row_says_it_ends(bodies: FileBodies, tmp_path: Path) -> None:
    """A row with a smaller size does not make a segment the last one; nor does a longer one make more of it."""
    chunk = written(bodies, octets(2 * SEGMENT_BYTES + 100))
    for size in (SEGMENT_BYTES, 2 * SEGMENT_BYTES + 99, 2 * SEGMENT_BYTES + 101, 9 * SEGMENT_BYTES):
        with pytest.raises(StoreUnavailable):
            list(bodies.read(Chunk(1, size, "", chunk.place, chunk.kept)))


def test_files_cannot_be_exchanged(bodies: FileBodies) -> None:
    """Not even with their keys: the name is proved as well."""
    one, other = written(bodies, octets(100_000)), written(bodies, octets(100_000))
    bodies.path(other.place).write_bytes(bodies.path(one.place).read_bytes())
    for key in (one.kept, other.kept):
        with pytest.raises(StoreUnavailable, match="changed, moved or cut"):
            list(bodies.read(Chunk(1, one.size, "", other.place, key)))


UNREADABLE = [
    ("without a row", Chunk(1, 100_000, "", "f" + "0" * 32)),
    ("without a file", Chunk(1, 100_000, "", "f" + "0" * 32, b"k" * 32)),
    ("with a key that is none", Chunk(1, 100_000, "", "f" + "0" * 32, b"k")),
    ("outside the store", Chunk(1, 100_000, "", "f../../../../../../etc/passwd000", b"k" * 32)),
    ("at no place", Chunk(1, 100_000, "", "", b"k" * 32)),
]


@pytest.mark.parametrize("chunk", [row[1] for row in UNREADABLE], ids=[row[0] for row in UNREADABLE])
def test_a_body_that_cannot_be_read(bodies: FileBodies, chunk: Chunk) -> None:
    """It is said before anything is given out."""
    with pytest.raises(StoreUnavailable):
        bodies.read(chunk)


def test_a_body_that_is_given_up_leaves_nothing(bodies: FileBodies, tmp_path: Path) -> None:
    """However often that is said; afterwards nothing can be written. What was finished stays."""
    writer = bodies.create()
    writer.write(octets(300_000))
    assert len(files(bodies, tmp_path)) == 1
    writer.abandon()
    writer.abandon()
    assert files(bodies, tmp_path) == []
    for late in (lambda: writer.write(b"x"), writer.finish):
        with pytest.raises(StoreUnavailable, match="given up"):
            late()
    writer = bodies.create()
    writer.write(octets(300_000))
    writer.finish()
    writer.abandon()
    assert len(files(bodies, tmp_path)) == 1


def _full(*_: object) -> int:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("name", ["write", "fsync", "open"])
def test_a_full_disk(bodies: FileBodies, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """It is said, whenever it is noticed, and nothing remains."""
    writer = bodies.create()
    if name == "fsync":
        writer.write(octets(300_000))
    monkeypatch.setattr(f"wardgate.stores.bodies.os.{name}", _full)

    def use() -> None:
        writer.write(octets(300_000))
        writer.finish()

    with pytest.raises(StoreUnavailable, match="No space left"):
        use()
    monkeypatch.undo()
    assert files(bodies, tmp_path) == []
    with pytest.raises(StoreUnavailable, match="given up"):
        writer.write(b"x")
    assert b"".join(bodies.read(written(bodies, octets(300_000)))) == octets(300_000)


def test_a_device_that_is_full(bodies: FileBodies, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real refusal of the system, not one that we made."""
    monkeypatch.setattr(bodies_module, "_create", lambda _path: os.open("/dev/full", os.O_WRONLY))
    writer = bodies.create()
    with pytest.raises(StoreUnavailable, match="No space left"):
        writer.write(octets(2 * SEGMENT_BYTES))


def test_what_nobody_knows_is_swept_when_it_is_old(bodies: FileBodies, tmp_path: Path) -> None:
    """What is known stays, and what is young: its step may still come."""
    chunks = [written(bodies, octets(100_000)) for _ in range(5)]
    old = time.time() - 2 * HOUR
    for chunk in chunks[:4]:
        os.utime(bodies.path(chunk.place), (old, old))
    (tmp_path / "mesh" / "note.txt").write_text("somebody else's")
    os.utime(tmp_path / "mesh" / "note.txt", (old, old))
    asked: list[str] = []

    def known(places: Sequence[str]) -> frozenset[str]:
        asked.extend(places)
        return frozenset({chunks[0].place, chunks[1].place}) & set(places)

    assert bodies.sweep(HOUR, known) == 2
    assert sorted(asked) == sorted(chunk.place for chunk in chunks[:4])
    assert sorted(path.name for path in files(bodies, tmp_path)) == sorted(["note.txt", *(chunk.place for chunk in (chunks[0], chunks[1], chunks[4]))])
    bodies.remove([chunks[0].place, chunks[0].place, "i0"])
    assert not bodies.path(chunks[0].place).exists()
    assert FileBodies(tmp_path / "none").sweep(HOUR, known) == 0


def test_memory_is_constant(bodies: FileBodies) -> None:
    """Ten times as much takes no more."""
    def peak(segments: int) -> int:
        piece = octets(SEGMENT_BYTES)
        tracemalloc.start()
        writer = bodies.create()
        for _ in range(segments):
            writer.write(piece)
        chunk = writer.finish().as_chunk(1)
        assert sum(map(len, bodies.read(chunk))) == segments * SEGMENT_BYTES
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(40) < peak(4) + SEGMENT_BYTES + TAG_BYTES
