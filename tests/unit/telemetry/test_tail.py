"""Tests of `telemetry.tail`: every line once, whatever happens to the file, to the store and to the reader."""

import asyncio
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from wardgate.audit.model import Event, EventType
from wardgate.dataplane.admin import AdminUnavailable
from wardgate.quotas import Quota
from wardgate.stores.errors import StoreUnavailable
from wardgate.stores.ports import QuotaCount
from wardgate.telemetry import tail as tail_module
from wardgate.telemetry.tail import LogTail

Line = Callable[..., bytes]
NOW = datetime(2026, 11, 21, tzinfo=UTC)


class Ledger:
    """A store that keeps offsets and events together, as the real one does, and refuses when it is told to."""

    def __init__(self) -> None:
        self.offsets: dict[str, int] = {}
        self.events: list[Event] = []
        self.counts: list[QuotaCount] = []
        self.down = False

    def append_from(self, source: str, offset: int, events: Sequence[Event], counts: Sequence[QuotaCount]) -> None:
        """Keep all of it or nothing."""
        if self.down:
            raise StoreUnavailable("down")
        assert offset > self.offsets.get(source, 0)
        self.offsets[source] = offset
        self.events += events
        self.counts += counts

    def offset_of(self, source: str) -> int:
        """Return where to go on."""
        return self.offsets.get(source, 0)

    @property
    def ids(self) -> list[str | None]:
        """The message ids in the order of their storing."""
        return [event.message_id for event in self.events]


class FakeEnvoy:
    """Writes to the file it has open, wherever that file has gone, until it is asked to open a new one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.up = True
        self.reopened = 0
        self._file = path.open("ab", buffering=0)

    def write(self, data: bytes) -> None:
        """Append to what is open."""
        self._file.write(data)

    async def reopen(self) -> None:
        """Open the path anew, as POST /reopen_logs does."""
        if not self.up:
            raise AdminUnavailable("admin.sock")
        self.reopened += 1
        self._file.close()
        self._file = self.path.open("ab", buffering=0)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Scene:
    """One log file with its writer, its reader and its store."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "access.log"
        self.ledger = Ledger()
        self.envoy = FakeEnvoy(self.path)
        self.quotas: dict[tuple[str, str], Quota] = {}

    def reader(self, **more: Any) -> LogTail:
        """Return a new reader, as after a restart."""
        return LogTail(self.path, self.ledger.append_from, self.ledger.offset_of, self.envoy.reopen, lambda: self.quotas, lambda: NOW,
                       flush_seconds=0.001, **more)

    def read(self, reader: LogTail | None = None) -> None:
        """Step until there is nothing more."""
        one = reader or self.reader()

        async def steps() -> None:
            while await one.step():
                pass

        asyncio.run(steps())


@pytest.fixture
def scene(tmp_path: Path) -> Any:
    """A scene that is tidied up."""
    one = Scene(tmp_path)
    yield one
    one.envoy.close()


def test_lines_are_stored_as_they_come(scene: Scene, line: Line) -> None:
    """Half a line waits for its other half; nothing is stored twice."""
    whole = line(message_id="b")
    scene.read()
    scene.envoy.write(line(message_id="a") + whole[:30])
    scene.read()
    assert scene.ledger.ids == ["a"]
    scene.read()
    scene.envoy.write(whole[30:] + line(message_id="c"))
    scene.read()
    assert scene.ledger.ids == ["a", "b", "c"]


def test_half_a_first_line_waits(scene: Scene, line: Line) -> None:
    """The first line names the file, so nothing is read before it is whole."""
    whole = line(message_id="a")
    scene.envoy.write(whole[:10])
    scene.read()
    assert scene.ledger.offsets == {}
    scene.envoy.write(whole[10:])
    scene.read()
    assert scene.ledger.ids == ["a"]


def test_no_file_is_no_failure(scene: Scene) -> None:
    """Before Envoy's first start there is none."""
    scene.path.unlink()
    scene.read()
    assert scene.ledger.events == []


def test_a_new_reader_goes_on_where_the_last_one_was(scene: Scene, line: Line) -> None:
    """The offset is in the store, beside the events."""
    for name in "abc":
        scene.envoy.write(line(message_id=name))
        scene.read(scene.reader())
    assert scene.ledger.ids == ["a", "b", "c"]


def test_many_lines_come_in_chunks(scene: Scene, line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """A chunk ends at a line's end."""
    monkeypatch.setattr(tail_module, "CHUNK_BYTES", 1000)
    scene.envoy.write(b"".join(line(message_id=str(number)) for number in range(50)))
    scene.read()
    assert scene.ledger.ids == [str(number) for number in range(50)]


def test_damaged_lines_are_counted_and_the_rest_is_read(scene: Scene, line: Line) -> None:
    """A torn line, one that follows it in the same line, and bytes that are no text."""
    scene.envoy.write(line(message_id="a") + b"nonsense\n" + line()[:40] + line(message_id="b") + b"\xff\xff\n" + line(message_id="c"))
    scene.read()
    assert scene.ledger.ids == ["a", "b", "c", None]
    assert scene.ledger.events[-1].type is EventType.RECORDS_LOST
    assert scene.ledger.events[-1].details["lines"] == 3


def test_an_endless_line_is_passed_over(scene: Scene, line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in the file can stop the reading, the first line not even."""
    monkeypatch.setattr(tail_module, "MAX_LINE_BYTES", 2000)
    scene.envoy.write(b"x" * 5000 + b"\n" + line(message_id="a"))
    scene.read()
    assert scene.ledger.ids[0] == "a"
    scene.envoy.write(b"y" * 5000)
    scene.read()
    scene.envoy.write(b"\n" + line(message_id="b"))
    scene.read()
    assert "b" in scene.ledger.ids


def test_a_store_that_is_down_loses_nothing(scene: Scene, line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reader tries again; the offset has not moved."""
    monkeypatch.setattr(tail_module, "RETRY_SECONDS", 0.01)
    scene.envoy.write(line(message_id="a"))
    scene.ledger.down = True
    reader = scene.reader()

    async def through_an_outage() -> None:
        running = asyncio.create_task(reader.run())
        await asyncio.sleep(0.05)
        assert scene.ledger.events == []
        scene.ledger.down = False
        while not scene.ledger.events:  # noqa: ASYNC110 - the reader tells nobody
            await asyncio.sleep(0.01)
        scene.envoy.write(line(message_id="b"))
        reader.stop()
        await running

    asyncio.run(through_an_outage())
    assert scene.ledger.ids == ["a", "b"], "what is left is read when the reader stops"


def test_a_large_file_is_renamed_read_to_its_end_and_deleted(scene: Scene, line: Line) -> None:
    """Envoy writes to a new one; each file is known by its first line, so the offsets do not mix."""
    reader = scene.reader(rotate_bytes=3000)
    for number in range(40):
        scene.envoy.write(line(message_id=str(number)))
        scene.read(reader)
    assert scene.ledger.ids == [str(number) for number in range(40)]
    assert scene.envoy.reopened >= 3
    assert scene.path.stat().st_size < 4000
    assert not scene.path.with_suffix(".rotated").exists()


def test_a_rename_that_was_interrupted_is_finished(scene: Scene, line: Line) -> None:
    """The control plane died after the rename: Envoy writes to the renamed file still, and must be told."""
    scene.envoy.write(line(message_id="a"))
    scene.read()
    scene.path.rename(scene.path.with_suffix(".rotated"))
    scene.envoy.write(line(message_id="b"))
    reader = scene.reader()
    scene.read(reader)
    scene.envoy.write(line(message_id="c"))
    scene.read(reader)
    assert scene.ledger.ids == ["a", "b", "c"]
    assert scene.envoy.reopened == 1


def test_a_renamed_file_waits_for_an_envoy_that_is_away(scene: Scene, line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is deleted while nobody can say that Envoy has left it."""
    monkeypatch.setattr(tail_module, "RETRY_SECONDS", 0.01)
    scene.envoy.write(line(message_id="a"))
    scene.path.rename(scene.path.with_suffix(".rotated"))
    scene.envoy.up = False
    reader = scene.reader()

    async def until_it_is_back() -> None:
        running = asyncio.create_task(reader.run())
        await asyncio.sleep(0.05)
        assert scene.path.with_suffix(".rotated").exists()
        scene.envoy.up = True
        while scene.path.with_suffix(".rotated").exists():  # noqa: ASYNC110 - the reader tells nobody
            await asyncio.sleep(0.01)
        reader.stop()
        await running

    asyncio.run(until_it_is_back())
    assert scene.ledger.ids == ["a"]


def test_counts_go_with_the_events(scene: Scene, line: Line) -> None:
    """In the same step; and whoever enforces them is told."""
    told: list[bool] = []
    scene.quotas = {("demo-app", "hello-world"): Quota(limit=2, timeunit="hour")}
    scene.envoy.write(line() + line(status=401, reason="api-key-revoked") + line())
    scene.read(scene.reader(on_counted=lambda: told.append(True)))
    (counted,) = scene.ledger.counts
    assert (counted.application, counted.used) == ("demo-app", 2)
    assert counted.window_start <= datetime.fromtimestamp(1795230000, UTC) < counted.window_start + timedelta(hours=1)
    assert told == [True]


def test_lines_are_json_of_ours(line: Line) -> None:
    """The test's own lines are what the real ones are: one object a line."""
    assert json.loads(line())["kind"] == "call"
    assert line().count(b"\n") == 1


def test_an_old_file_does_not_lie_about(scene: Scene, line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """What Envoy wrote is deleted soon after it was stored, however little it is; an empty file stays."""
    monkeypatch.setattr(asyncio, "sleep", _at_once)
    moment = NOW
    reader = scene.reader(keep_seconds=600)
    reader.now = lambda: moment
    scene.read(reader)
    moment += timedelta(hours=1)
    scene.read(reader)
    scene.envoy.write(line(message_id="a"))
    scene.read(reader)
    moment += timedelta(seconds=599)
    scene.read(reader)
    assert (scene.envoy.reopened, scene.ledger.ids) == (0, ["a"])
    moment += timedelta(seconds=1)
    scene.envoy.write(line(message_id="b"))
    scene.read(reader)
    assert (scene.envoy.reopened, scene.ledger.ids, scene.path.read_bytes()) == (1, ["a", "b"], b"")
    assert not scene.path.with_suffix(".rotated").exists()


async def _at_once(_seconds: float) -> None:
    """Take no time."""
