"""Versions in one file: all or nothing, one winner, and what was removed is found no more."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from wardgate.samples.records import Records, Taken

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    """An empty file."""
    kept = Records(tmp_path / "records.db", lambda: NOW)
    yield kept
    kept.close()


def test_versions(records: Records) -> None:
    """Each write is a version; keys are those of the newest; a name is free once its holder gives it up."""
    with records.transaction() as kept:
        first = kept.add("Flag", "a", {"resourceType": "Flag", "status": "active"}, {"status": "active"}, "only")
        second = kept.replace(first, {**first.body, "status": "inactive"}, {"status": "inactive"})
        kept.add("Flag", "b", {}, {"status": "active"}, "only")
    assert second.body["meta"] == {"versionId": "2", "lastUpdated": "2026-03-01T00:00:00.000Z"}
    with records.transaction() as kept:
        assert [one.id for one in kept.find("Flag", 10, status="active")] == ["b"]
        assert kept.get("Flag", "a") == second
        kept.remove(second)
    with records.transaction() as kept:
        assert kept.get("Flag", "a") is None
        assert kept.find("Flag", 10, status="inactive") == []


def test_all_or_nothing(records: Records) -> None:
    """What an error ends was never there."""

    def two_of_one_name() -> None:
        with records.transaction() as kept:
            kept.add("Flag", "a", {}, {"x": "1"}, "only")
            kept.add("Flag", "b", {}, {"x": "1"}, "only")

    with pytest.raises(Taken):
        two_of_one_name()
    with records.transaction() as kept:
        assert kept.find("Flag", 10, x="1") == []


def test_one_winner(tmp_path: Path) -> None:
    """Of many who want one name at once, over several openings of the file, one gets it."""
    path = tmp_path / "records.db"
    files = [Records(path, lambda: NOW) for _ in range(2)]
    won: list[int] = []

    def want(number: int) -> None:
        try:
            with files[number % 2].transaction() as kept:
                kept.add("Consent", str(number), {}, {}, "9000000009")
                won.append(number)
        except Taken:
            pass

    threads = [threading.Thread(target=want, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with files[0].transaction() as kept:
        assert [one.id for one in kept.find("Consent", 20)] == [str(one) for one in won]
    assert len(won) == 1
    for file in files:
        file.close()
