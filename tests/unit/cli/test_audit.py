"""`wardgate audit` and `wardgate explain`."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from wardgate.audit import Event, EventType, Outcome
from wardgate.audit.checkpoint import sign_checkpoint
from wardgate.cli.context import World
from wardgate.stores.ports import Checkpoint


@pytest.fixture
def world(installed: Any, tmp_path: Path) -> Any:
    """Open the installation that the commands act on."""
    with World(tmp_path / "data", None) as opened:
        yield opened


def refuse(world: World, request_id: str) -> None:
    """Record a refused call."""
    world.stores.audit.append([Event(
        EventType.CALL_REFUSED, world.now, Outcome.REFUSED, "api-key-unknown", request_id=request_id,
        details={"expected": "a known key", "received": "a key of 32 characters"})])


def test_explain_tells_the_story(installed: Any, world: World) -> None:
    """The check, expected, received, who can fix it and what to do are told."""
    refuse(world, "request-1")
    answer = installed("explain", "request-1")
    assert answer.code == 0
    for said in ("A call was refused", "api-key-unknown", "a known key", "a key of 32 characters", "what to do", "read more"):
        assert said in answer.out
    data = installed("explain", "request-1", "-o", "json").data
    assert (data["found"], data["events"][0]["refusal"]["code"]) == (True, "api-key-unknown")


def test_an_unknown_id_is_exit_code_1(installed: Any) -> None:
    """Nothing recorded is said, and can be told by a program."""
    answer = installed("explain", "no-such-id", "--wait", "0", "-o", "json")
    assert (answer.code, answer.data["found"]) == (1, False)


def test_tail_shows_the_newest(installed: Any, world: World) -> None:
    """One line a record, the newest last, as many as asked for."""
    for number in range(5):
        refuse(world, f"request-{number}")
    lines = installed("audit", "tail", "-n", "2").out.splitlines()
    assert [line.split()[-1] for line in lines] == ["request-3", "request-4"]
    assert "CallRefused  refused  api-key-unknown" in lines[0]
    assert installed("audit", "tail", "-n", "0").out == ""


def test_export_can_be_verified_by_itself(installed: Any, world: World, tmp_path: Path) -> None:
    """JSON lines hold what was hashed; FHIR is one AuditEvent a record."""
    refuse(world, "request-1")
    lines = [json.loads(line) for line in installed("audit", "export").out.splitlines()]
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
    assert json.loads(lines[-1]["body"])["request_id"] == "request-1"
    assert len(installed("audit", "export", "--after", len(lines) - 1).out.splitlines()) == 1
    path = tmp_path / "events.ndjson"
    told = installed("audit", "export", "--format", "fhir", "--out", path)
    assert told.out == f"{len(lines)} lines written to {path}\n"
    events = [json.loads(line) for line in path.read_text().splitlines()]
    assert {event["resourceType"] for event in events} == {"AuditEvent"}
    assert events[-1]["outcome"] == "4"


def test_verify_finds_the_log_intact(installed: Any, world: World) -> None:
    """A checkpoint proves the records up to it."""
    refuse(world, "request-1")
    world.keys.rotate("audit", world.now)
    head = world.stores.audit.head()
    assert head is not None
    signer = world.keys.signer("audit", world.now)
    signature = sign_checkpoint(head.seq, head.hash, world.now.replace(microsecond=0), signer.kid, signer.sign)
    world.stores.audit.add_checkpoint(Checkpoint(head.seq, world.now.replace(microsecond=0), head.hash, signature))
    answer = installed("audit", "verify", "-o", "json")
    assert answer.code == 0
    assert (answer.data["intact"], answer.data["proved_up_to"]) == (True, head.seq)


@pytest.mark.parametrize("statement", [
    "UPDATE audit_records SET body = replace(body, 'api-key-unknown', 'api-key-expired') WHERE seq = {seq}",
    "DELETE FROM audit_records WHERE seq = {seq}",
], ids=["edited", "deleted"])
def test_verify_names_the_place_of_a_change(installed: Any, world: World, tmp_path: Path, statement: str) -> None:
    """A record changed behind our back is found; the exit code is 1."""
    for number in range(3):
        refuse(world, f"request-{number}")
    head = world.stores.audit.head()
    assert head is not None
    world.stores.close()
    with sqlite3.connect(tmp_path / "data" / "wardgate.db") as database:
        tables = {row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        table = next(name for name in tables if "body" in {column[1] for column in database.execute(f"PRAGMA table_info({name})")}
                     and "seq" in {column[1] for column in database.execute(f"PRAGMA table_info({name})")})
        database.execute(statement.format(seq=head.seq - 1).replace("audit_records", table))
    database.close()
    answer = installed("audit", "verify")
    assert answer.code == 1
    assert answer.out.startswith(f"NOT INTACT at record {head.seq - 1}: ")


def test_a_file_that_holds_no_checkpoints_is_refused(installed: Any, tmp_path: Path) -> None:
    """What is given as exported checkpoints has to be that; the place is named."""
    path = tmp_path / "checkpoints.jsonl"
    path.write_text("{}\n")
    answer = installed("audit", "verify", "--checkpoints", path)
    assert answer.code == 1
    assert answer.err.startswith(f"wardgate: {path}:1: not a checkpoint")


def test_exported_checkpoints_are_taken_back(installed: Any, world: World, tmp_path: Path) -> None:
    """Checkpoints kept elsewhere are verified with those in the store, each once, and without them."""
    test_verify_finds_the_log_intact(installed, world)
    path = tmp_path / "checkpoints.jsonl"
    installed("audit", "export", "--format", "checkpoints", "--out", path)
    answer = installed("audit", "verify", "--checkpoints", path, "-o", "json")
    assert (answer.code, answer.data["checkpoints"]) == (0, 1)
    with sqlite3.connect(tmp_path / "data" / "wardgate.db") as database:
        database.execute("DELETE FROM checkpoints")
    database.close()
    proved = [installed("audit", "verify", *more, "-o", "json").data["proved_up_to"] for more in ((), ("--checkpoints", path))]
    assert proved[0] == 0 < proved[1]


def test_signing_keys_rotate(installed: Any) -> None:
    """A new key is listed, and the act is in the record."""
    made = installed("key", "rotate", "-o", "json")
    assert made.code == 0
    assert made.data["kid"] in installed("key", "list").out
    assert "SigningKeyRotated" in installed("audit", "tail", "-n", "1").out
