"""Our client, and our command line, against the MESH sandbox that others test their clients with; over wires that break as well."""

import asyncio
import io
import json
import os
import random
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click.testing
import pytest

from interop import mesh_sandbox
from interop.mesh_sandbox import PASSWORD, SHARED_KEY, WORKFLOW, Wire, admin
from wardgate.cli import main
from wardgate.client import (
    AsyncMeshMailbox,
    MeshCredentials,
    MeshMailbox,
    MeshMessageUnknown,
    MeshNotAuthenticated,
    MeshOutgoing,
    MeshRecipientUnknown,
    MeshUpload,
    RetryPolicy,
)

CONTENT = random.Random(4).randbytes(3_400_000)  # noqa: S311 - the same in every run
CHUNK = 1_000_000
QUICK = RetryPolicy(attempts=6, base_seconds=0.05, longest_pause_seconds=0.2, statuses=frozenset({429, 500, 502, 503, 504}))
PROGRAM = Path(sys.executable).with_name("wardgate")


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The sandbox's port."""
    with mesh_sandbox.sandbox(tmp_path_factory.mktemp("mesh") / "store") as found:
        yield found


@pytest.fixture
def breaking(port: int) -> Iterator[Wire]:
    """A wire to it."""
    with mesh_sandbox.wire(port) as found:
        yield found


@pytest.fixture(autouse=True)
def _empty(port: int) -> None:
    for name in ("X26ABC1", "X26ABC2", "X26ABC3"):
        admin(port, "DELETE", f"/messageexchange/admin/reset/{name}")


@pytest.fixture
def mailbox(port: int, breaking: Wire) -> Iterator[Callable[..., MeshMailbox]]:
    """Return a maker of clients."""
    made: list[MeshMailbox] = []

    def make(name: str, at: int = port, password: str = PASSWORD) -> MeshMailbox:
        made.append(MeshMailbox(f"http://127.0.0.1:{at}", MeshCredentials(name, password, SHARED_KEY.encode()), retry=QUICK))
        return made[-1]

    yield make
    for one in made:
        one.close()


def outgoing(**more: Any) -> MeshOutgoing:
    """Return what is said of a message."""
    return MeshOutgoing(**{"to": "X26ABC2", "workflow": WORKFLOW, "chunk_bytes": CHUNK, **more})


@pytest.mark.parametrize("content", [b"a letter", CONTENT], ids=["one chunk", "four chunks"])
@pytest.mark.parametrize("compression", [None, 6])
def test_a_message_goes_there_and_is_tracked(mailbox: Any, tmp_path: Path, content: bytes, compression: int | None) -> None:
    """Handshake, send, list, receive, acknowledge and track."""
    alice, bob, local_id = mailbox("X26ABC1"), mailbox("x26abc2"), uuid.uuid4().hex
    alice.handshake()
    sent = alice.send(io.BytesIO(content), outgoing(compression=compression, local_id=local_id, subject="a subject", file_name="letter.xml"))
    assert (alice.track(sent.message_id).status, alice.track_local(local_id).message_id) == ("accepted", sent.message_id)
    assert list(bob.messages()) == [sent.message_id]
    assert bob.head(sent.message_id).total_chunks == sent.chunks == (1 if len(content) < CHUNK else 4)
    received = bob.receive_to_file(sent.message_id, tmp_path / "letter", acknowledge=True)
    assert (tmp_path / "letter").read_bytes() == content
    message = received.message
    assert (message.sender, message.recipient, message.workflow, message.subject, message.file_name, message.local_id) == (
        "X26ABC1", "X26ABC2", WORKFLOW, "a subject", "letter.xml", local_id)
    assert (bob.inbox().messages, alice.track(sent.message_id).status) == ((), "acknowledged")


def test_pages_filters_and_look_ups(mailbox: Any) -> None:
    """The inbox comes in pages, oldest first; filters are the server's; mailboxes are found by organisation and workflow."""
    alice, bob = mailbox("X26ABC1"), mailbox("X26ABC2")
    ids = [alice.send(b"x", outgoing(workflow=("TEST_WORKFLOW2" if number % 2 else WORKFLOW))).message_id for number in range(23)]
    page = bob.inbox(max_results=10)
    assert (page.messages, page.more is not None) == (tuple(ids[:10]), True)
    assert list(bob.messages(page_size=10)) == ids
    assert list(bob.messages(workflow_filter="TEST_WORKFLOW2", page_size=10)) == ids[1::2]
    assert list(bob.messages(workflow_filter="!TEST_WORKFLOW2")) == ids[::2]
    assert [one.id for one in alice.lookup("X26", WORKFLOW)] == ["X26ABC2"]
    assert [one.id for one in alice.search("TEST_WORKFLOW2")] == ["X26ABC1", "X26ABC2", "X26ABC3"]


def test_messages_acknowledged_while_listed_come_once(mailbox: Any) -> None:
    """Every message of several pages, none twice."""
    alice, bob = mailbox("X26ABC1"), mailbox("X26ABC2")
    ids = [alice.send(b"x", outgoing()).message_id for _ in range(21)]
    found = []
    for message_id in bob.messages(page_size=10):
        found.append(message_id)
        bob.acknowledge(message_id)
    assert found == ids
    assert bob.inbox().messages == ()


def test_refusals_are_typed(mailbox: Any) -> None:
    """Unknown recipients and messages, a wrong password, another's message."""
    alice, bob, carol = mailbox("X26ABC1"), mailbox("X26ABC2"), mailbox("X26ABC3")
    with pytest.raises(MeshRecipientUnknown) as unknown:
        alice.send(b"x", outgoing(to="NOBODY"))
    assert (unknown.value.status, unknown.value.event, unknown.value.code) == (417, "SEND", "12")
    with pytest.raises(MeshMessageUnknown) as missing:
        bob.read("0" * 32)
    assert (missing.value.event, missing.value.code) == ("RECEIVE", "20")
    with pytest.raises(MeshNotAuthenticated, match="Invalid Authentication Token"):
        mailbox("X26ABC1", password="wrong").handshake()
    sent = alice.send(b"x", outgoing())
    with pytest.raises(MeshNotAuthenticated):
        carol.read(sent.message_id)
    with pytest.raises(MeshMessageUnknown):
        carol.track(sent.message_id)


def test_a_report_tells_what_became_of_a_message(mailbox: Any, port: int, tmp_path: Path) -> None:
    """A message that was not collected comes back as a report."""
    admin(port, "POST", "/messageexchange/admin/report", {
        "mailbox_id": "X26ABC1", "code": "14", "description": "Message not collected by recipient after 5 days", "workflow_id": WORKFLOW,
        "subject": "s", "local_id": "letter-1", "status": "undeliverable", "file_name": "f", "linked_message_id": "M1"})
    alice = mailbox("X26ABC1")
    (message_id,) = alice.messages()
    received = alice.receive_to_file(message_id, tmp_path / "report")
    assert received.message.is_report
    assert (received.message.linked_id, received.message.report.code, received.message.report.success) == ("M1", "14", False)
    assert not (tmp_path / "report").exists()


@pytest.mark.parametrize("compression", [None, 1])
@pytest.mark.parametrize(("direction", "after"), [("up", 100), ("up", 500_000), ("up", 1_500_000), ("up", 3_300_000), ("down", 0), ("down", 20)])
def test_sending_over_a_wire_that_breaks(mailbox: Any, breaking: Wire, direction: str, after: int, compression: int | None) -> None:
    """Whatever breaks, and wherever: one message, whole, and no other."""
    alice, bob = mailbox("X26ABC1", breaking.port), mailbox("X26ABC2")
    alice.handshake()
    breaking.cut(direction, after)
    sent = alice.send(CONTENT, outgoing(compression=compression))
    assert breaking.broken == 1
    assert list(bob.messages()) == [sent.message_id]
    assert bob.read(sent.message_id)[1] == CONTENT


@pytest.mark.parametrize("after", [0, 300, 700_000, 1_500_000, 3_300_000])
def test_receiving_over_a_wire_that_breaks(mailbox: Any, breaking: Wire, tmp_path: Path, after: int) -> None:
    """The broken chunk comes again, and the file is whole."""
    alice, bob = mailbox("X26ABC1"), mailbox("X26ABC2", breaking.port)
    sent = alice.send(CONTENT, outgoing())
    bob.handshake()
    breaking.cut("down", after)
    bob.receive_to_file(sent.message_id, tmp_path / "file", acknowledge=True)
    assert breaking.broken == 1
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_the_mailbox_on_asyncio(port: int, breaking: Wire, tmp_path: Path) -> None:
    """The same over the same wires."""
    async def there_and_back() -> None:
        credentials = [MeshCredentials(name, PASSWORD, SHARED_KEY.encode()) for name in ("X26ABC1", "X26ABC2")]
        url = f"http://127.0.0.1:{breaking.port}"
        async with AsyncMeshMailbox(url, credentials[0], retry=QUICK) as alice, AsyncMeshMailbox(url, credentials[1], retry=QUICK) as bob:
            states: list[MeshUpload] = []
            breaking.cut("up", 1_500_000)
            sent = await alice.send(CONTENT, outgoing(compression=1), keep=states.append)
            assert [state.done for state in states] == [0, 1, 2, 3, 4]
            breaking.cut("down", 1_500_000)
            await bob.receive_to_file(sent.message_id, tmp_path / "file", acknowledge=True)
            assert (await alice.track(sent.message_id)).status == "acknowledged"

    asyncio.run(there_and_back())
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert breaking.broken == 2


@dataclass(frozen=True)
class Done:
    """What a command printed, and its exit code."""

    returncode: int
    stdout: bytes
    stderr: bytes


def run(port: int, *words: str, content: bytes = b"", password: str = PASSWORD) -> Done:
    """Run `wardgate mesh …` in this process."""
    environ = {name: None for name in os.environ if name.startswith("WARDGATE_")} | {
        "WARDGATE_MESH_URL": f"http://127.0.0.1:{port}", "WARDGATE_MESH_PASSWORD": password, "WARDGATE_MESH_SHARED_KEY": SHARED_KEY}
    done = click.testing.CliRunner().invoke(main, ["mesh", *words], input=content, env=environ, catch_exceptions=False)
    return Done(done.exit_code, done.stdout_bytes, done.stderr_bytes or b"")


def test_the_command_line_sends_and_receives(port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file goes there and arrives; what went wrong is one line and code 1; wrong use is code 2."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "letter.bin").write_bytes(CONTENT)
    to = ("--mailbox", "X26ABC1", "--to", "X26ABC2", "--workflow", WORKFLOW)
    done = run(port, "send", "letter.bin", *to, "--chunk-bytes", str(CHUNK), "--compress", "-o", "json")
    assert (done.returncode, done.stderr) == (0, b"")
    sent = json.loads(done.stdout)
    piped = json.loads(run(port, "send", "-", *to, "--local-id", "note-1", "-o", "json", content=b"a note").stdout)
    listed = json.loads(run(port, "list", "--mailbox", "X26ABC2", "-o", "json").stdout)
    assert listed["messages"] == [sent["message_id"], piped["message_id"]]
    done = run(port, "receive", "--mailbox", "X26ABC2", "--into", "in", "-o", "json")
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == listed["messages"]
    assert (tmp_path / "in" / f"{sent['message_id']}.dat").read_bytes() == CONTENT
    assert json.loads((tmp_path / "in" / f"{piped['message_id']}.json").read_text())["local_id"] == "note-1"
    assert json.loads(run(port, "track", sent["message_id"], "--mailbox", "X26ABC1", "-o", "json").stdout)["status"] == "acknowledged"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "letter.bin"]
    refused = run(port, "send", "letter.bin", "--mailbox", "X26ABC1", "--to", "NOBODY", "--workflow", WORKFLOW, "-o", "json")
    assert (refused.returncode, json.loads(refused.stdout)["failure"], json.loads(refused.stdout)["code"]) == (1, "transport", "12")
    wrong = run(port, "handshake", "--mailbox", "X26ABC1", password="wrong")
    assert (wrong.returncode, wrong.stderr) == (1, b"HTTP 403: Invalid Authentication Token\n")
    assert run(port, "track", "--mailbox", "X26ABC1").returncode == 2


def test_the_command_line_goes_on(port: int, breaking: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that was killed goes on when it is given again: the same message, and a file that was whole before the server was told."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "letter.bin").write_bytes(CONTENT)
    send = ("send", "letter.bin", "--mailbox", "X26ABC1", "--to", "X26ABC2", "--workflow", WORKFLOW, "--chunk-bytes", str(CHUNK))
    breaking.cut("up", 2_500_000)
    environ = os.environ | {"WARDGATE_MESH_URL": f"http://127.0.0.1:{breaking.port}", "WARDGATE_MESH_PASSWORD": PASSWORD,
                            "WARDGATE_MESH_SHARED_KEY": SHARED_KEY}
    with subprocess.Popen([PROGRAM, "mesh", *send], env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while not breaking.broken:
            assert process.poll() is None
            time.sleep(0.001)
        process.kill()
    (state,) = tmp_path.glob(".letter.bin.*.mesh-upload")
    kept = MeshUpload.from_json(state.read_bytes())
    assert kept.done in {1, 2}
    done = run(port, *send)
    assert done.returncode == 0, done.stderr
    assert b"going on" in done.stderr
    assert not state.exists()
    listed = json.loads(run(port, "list", "--mailbox", "X26ABC2", "-o", "json").stdout)["messages"]
    assert listed == [kept.message_id]
    assert run(port, "receive", "--keep", "--mailbox", "X26ABC2").returncode == 0
    assert (tmp_path / f"{kept.message_id}.dat").read_bytes() == CONTENT
    (tmp_path / f"{kept.message_id}.json").unlink()
    assert run(port, "receive", "--mailbox", "X26ABC2").returncode == 0
    assert (tmp_path / f"{kept.message_id}.json").exists()
    assert json.loads(run(port, "list", "--mailbox", "X26ABC2", "-o", "json").stdout)["messages"] == []
