"""Sending by MESH: chunks, tokens, what is tried again and what is never sent twice (itk3-messaging 5.1 to 5.4)."""

import hashlib
import io
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from unit.client.mesh_server import MeshServer, broken, status
from wardgate.client import (
    MeshAPIError,
    MeshCallInvalid,
    MeshNotAuthenticated,
    MeshOutgoing,
    MeshRecipientUnknown,
    MeshSendUncertain,
    MeshSourceChanged,
    MeshTransferInvalid,
    MeshUpload,
    RetryPolicy,
)
from wardgate.client.mesh_files import UploadFile
from wardgate.mesh.token import read

CONTENT = random.Random(1).randbytes(2_500_000)  # noqa: S311 - the same in every run
CHUNK = 1_000_000


def outgoing(**more: Any) -> MeshOutgoing:
    """Return what is said of a message of three chunks."""
    return MeshOutgoing(**{"to": "BOB", "workflow": "W", "local_id": "letter-1", "chunk_bytes": CHUNK, **more})


@pytest.fixture
def server(clock: Any) -> MeshServer:
    """Return a server on the virtual clock."""
    return MeshServer(clock)


def unseekable(content: bytes) -> io.RawIOBase:
    """Return a stream that can be read once."""
    class Once(io.BytesIO):
        def seekable(self) -> bool:
            return False

    return Once(content)


@pytest.mark.parametrize("compression", [None, 6])
@pytest.mark.parametrize("made", [
    lambda: CONTENT, lambda: io.BytesIO(CONTENT), lambda: unseekable(CONTENT), lambda: (CONTENT[at:at + 999] for at in range(0, len(CONTENT), 999)),
], ids=["octets", "file", "stream", "pieces"])
def test_any_content_arrives_as_it_was(server: MeshServer, made: Callable[[], Any], compression: int | None) -> None:
    """Octets, files, streams and pieces are split first, compressed by chunk if asked for, and arrive whole."""
    with server.mailbox() as mailbox:
        sent = mailbox.send(made(), outgoing(compression=compression))
    stored = server.messages[sent.message_id]
    assert stored.content == CONTENT
    assert (sent.size, sent.chunks, sent.sha256) == (len(CONTENT), 3, hashlib.sha256(CONTENT).hexdigest())
    assert stored.status == "accepted"
    assert len(server.asked) == 3


def test_a_file_is_sent_from_where_it_stands(server: MeshServer) -> None:
    """What was read before is not sent, and the file stays open."""
    file = io.BytesIO(b"skippedsent")
    file.seek(7)
    with server.mailbox() as mailbox:
        sent = mailbox.send(file, outgoing())
    assert server.messages[sent.message_id].content == b"sent"
    assert not file.closed


def test_the_first_chunk_says_all_of_the_message(server: MeshServer) -> None:
    """Headers of the message are with the first chunk; the others tell their place only."""
    with server.mailbox() as mailbox:
        mailbox.send(CONTENT, outgoing(subject="s", file_name="f", partner_id="p", content_type="text/xml", encrypted=True, compressed=True))
    first, second, third = (dict(one.headers) for one in server.asked)
    said = {name: value for name, value in first.items() if name.startswith(("mex-", "content-"))}
    assert said == {
        "mex-to": "BOB", "mex-workflowid": "W", "mex-chunk-range": "1:3", "mex-subject": "s", "mex-localid": "letter-1", "mex-filename": "f",
        "mex-partnerid": "p", "mex-content-type": "text/xml", "mex-content-encrypted": "Y", "mex-content-compressed": "Y",
        "mex-messagetype": "DATA", "mex-content-checksum": f"SHA256 {hashlib.sha256(CONTENT).hexdigest()}", "content-type": "application/octet-stream",
        "content-length": str(CHUNK),
    }
    for number, headers, size in ((2, second, CHUNK), (3, third, 500_000)):
        said = {name: value for name, value in headers.items() if name.startswith(("mex-", "content-"))}
        assert said == {"mex-chunk-range": f"{number}:3", "content-type": "application/octet-stream", "content-length": str(size)}


def test_every_request_has_a_token_of_its_own(server: MeshServer) -> None:
    """One nonce, and a count that grows; a repeat is no replay."""
    server.spoil("POST", "2", status(503, done=True), status(429))
    with server.mailbox() as mailbox:
        mailbox.send(CONTENT, outgoing())
    tokens = [read(one.headers["authorization"], "ALICE") for one in server.asked]
    assert len({one.nonce for one in tokens}) == 1
    assert [int(one.nonce_count) for one in tokens] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("code", [425, 429])
def test_an_answer_that_proves_that_nothing_was_stored_is_tried_again(server: MeshServer, clock: Any, code: int) -> None:
    """The first chunk is sent again after as long as the server asked for, and is not looked for."""
    server.spoil("POST", "outbox", status(code, {"Retry-After": "7"}))
    with server.mailbox() as mailbox:
        mailbox.send(b"x", outgoing())
    assert clock.waited == [7.0]
    assert [one.method for one in server.asked] == ["POST", "POST"]


@pytest.mark.parametrize("error", [httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout])
def test_a_connection_that_was_not_made_is_tried_again(server: MeshServer, error: Any) -> None:
    """Not an octet left: the first chunk is sent again, and is not looked for."""
    server.spoil("POST", "outbox", broken(error))
    with server.mailbox() as mailbox:
        mailbox.send(b"x", outgoing())
    assert [one.method for one in server.asked] == ["POST", "POST"]


@pytest.mark.parametrize("content", [b"x", CONTENT], ids=["one chunk", "three chunks"])
@pytest.mark.parametrize("fault", [broken(done=True), broken(httpx2.ReadTimeout, done=True), status(502, done=True), status(503, done=True), status(500, done=True)])
def test_a_first_chunk_whose_answer_was_lost_is_not_sent_again(server: MeshServer, fault: Any, content: bytes) -> None:
    """The message is found by its local id, and gone on with."""
    server.spoil("POST", "outbox", fault)
    with server.mailbox() as mailbox:
        sent = mailbox.send(content, outgoing())
    assert len(server.messages) == 1
    assert server.messages[sent.message_id].content == content
    assert len(server.requests("POST", "outbox")) == 1


@pytest.mark.parametrize("fault", [broken(), broken(httpx2.WriteError), status(503), status(504)])
def test_a_first_chunk_that_the_server_does_not_know_is_sent_again(server: MeshServer, fault: Any) -> None:
    """The server says that it has no message with this local id."""
    server.spoil("POST", "outbox", fault)
    with server.mailbox() as mailbox:
        sent = mailbox.send(CONTENT, outgoing())
    assert [one.method for one in server.asked] == ["POST", "GET", "POST", "POST", "POST"]
    assert server.messages[sent.message_id].content == CONTENT


def test_nobody_sends_twice_what_cannot_be_looked_for(server: MeshServer) -> None:
    """With tracking out of order, with a local id that no path can carry, or with another message's: the caller is told, and asked nothing more."""
    one_try = RetryPolicy(attempts=1)
    server.spoil("POST", "outbox", broken(done=True), broken(done=True), *[status(503)] * 4)
    server.spoil("GET", "letter-1", status(503))
    server.put(b"another content", mex_localid="letter-3", mex_content_checksum="SHA256 " + "0" * 64)
    server.put(b"to another", mex_localid="letter-4", mex_to="ALICE")
    server.put(b"of another workflow", mex_localid="letter-5", mex_workflowid="V")
    with server.mailbox(retry=one_try) as mailbox:
        for local_id in ("letter-1", "a/b", "..", "letter-3", "letter-4", "letter-5"):
            with pytest.raises(MeshSendUncertain, match=local_id) as caught:
                mailbox.send(b"x", outgoing(local_id=local_id))
            assert caught.value.local_id == local_id
    assert len(server.requests("POST", "outbox")) == 6


def test_several_messages_with_the_local_id_are_none(server: MeshServer) -> None:
    """300: which one is ours cannot be said."""
    server.put(b"1", mex_localid="letter-1")
    server.put(b"2", mex_localid="letter-1")
    server.spoil("POST", "outbox", broken())
    with server.mailbox() as mailbox, pytest.raises(MeshSendUncertain, match="300"):
        mailbox.send(b"x", outgoing())


def test_a_refusal_is_not_tried_again(server: MeshServer) -> None:
    """An unknown recipient is one answer, with the table's event, code and text."""
    with server.mailbox() as mailbox, pytest.raises(MeshRecipientUnknown) as caught:
        mailbox.send(b"x", outgoing(to="NOBODY"))
    error = caught.value
    assert (error.status, error.event, error.code, error.text) == (417, "SEND", "12", "Unregistered to address")
    assert len(server.asked) == 1


def test_the_last_of_many_failures_is_told(server: MeshServer) -> None:
    """Tries are bounded; the answer to the last one is the error."""
    server.spoil("POST", "outbox", *[status(503)] * 9)
    with server.mailbox(retry=RetryPolicy(attempts=3, statuses=frozenset({503}))) as mailbox, pytest.raises(MeshAPIError) as caught:
        mailbox.send(b"x", outgoing())
    assert caught.value.status == 503
    assert len(server.requests("POST", "outbox")) == 3


@pytest.mark.parametrize("compression", [None, 6])
@pytest.mark.parametrize("fault", [broken(), broken(done=True), broken(httpx2.ConnectError), status(500), status(503, done=True), status(429)])
def test_a_later_chunk_that_failed_is_sent_again_alone(server: MeshServer, fault: Any, compression: int | None) -> None:
    """The same octets, with a fresh token; the others are not."""
    server.spoil("POST", "2", fault, fault)
    with server.mailbox() as mailbox:
        sent = mailbox.send(CONTENT, outgoing(compression=compression))
    assert server.messages[sent.message_id].content == CONTENT
    assert [len(server.requests("POST", last)) for last in ("outbox", "2", "3")] == [1, 3, 1]


def test_a_last_chunk_whose_answer_was_lost_completed_the_message(server: MeshServer) -> None:
    """423 to the repeat means that all is there, when tracking says so."""
    server.spoil("POST", "3", broken(done=True))
    with server.mailbox() as mailbox:
        sent = mailbox.send(CONTENT, outgoing())
    assert server.messages[sent.message_id].status == "accepted"
    assert len(server.requests("GET", "tracking")) == 1


def test_a_locked_message_that_is_not_complete_is_a_refusal(server: MeshServer) -> None:
    """423 without a complete message behind it is what it says."""
    for last in ("2", "3"):
        server.spoil("POST", last, status(423))
        with server.mailbox() as mailbox, pytest.raises(MeshAPIError) as caught:
            mailbox.send(CONTENT, outgoing())
        assert caught.value.status == 423


class _Died(BaseException):
    """The process ends."""


@pytest.mark.parametrize("compression", [None, 9])
@pytest.mark.parametrize("at", range(4))
def test_another_process_goes_on_where_the_first_was(server: MeshServer, tmp_path: Path, at: int, compression: int | None) -> None:
    """After each kept state the next process sends what is missing, and nothing again that was known to be there."""
    path, seen = tmp_path / "state", []

    def die(state: MeshUpload) -> None:
        file.keep(state)
        seen.append(state)
        if len(seen) == at + 1:
            raise _Died

    said = outgoing(compression=compression)
    with server.mailbox() as mailbox, UploadFile(path) as file, pytest.raises(_Died):
        mailbox.send(CONTENT, said, keep=die)
    before = len(server.asked)
    with server.mailbox() as mailbox, UploadFile(path) as file:
        assert file.state == seen[-1]
        sent = mailbox.send(io.BytesIO(CONTENT), said, resume=file.state, keep=file.keep)
        file.forget()
    assert not path.exists()
    assert [one.content for one in server.messages.values()] == [server.messages[sent.message_id].content]
    assert server.messages[sent.message_id].content == CONTENT
    looked = 1 if at == 0 else 0
    assert len(server.asked) - before == 3 - at + looked


def test_a_first_chunk_in_doubt_is_looked_for_by_the_next_process(server: MeshServer, tmp_path: Path) -> None:
    """The first process died between sending and hearing: the second finds the message, and sends the rest."""
    with server.mailbox(retry=RetryPolicy(attempts=1)) as mailbox, UploadFile(tmp_path / "s") as file:
        server.spoil("POST", "outbox", broken(done=True))
        server.spoil("GET", "letter-1", broken())
        with pytest.raises(MeshSendUncertain):
            mailbox.send(CONTENT, outgoing(), keep=file.keep)
    with server.mailbox() as mailbox, UploadFile(tmp_path / "s") as file:
        sent = mailbox.send(CONTENT, outgoing(), resume=file.state)
    assert len(server.messages) == 1
    assert server.messages[sent.message_id].content == CONTENT
    assert len(server.requests("POST", "outbox")) == 1


@pytest.mark.parametrize("change", [{"to": "ALICE"}, {"workflow": "V"}, {"chunk_bytes": 999_999}, {"compression": 1}, {"local_id": "other"}], ids=str)
def test_a_state_is_of_one_message(server: MeshServer, change: dict[str, Any]) -> None:
    """Another recipient, workflow, local id, chunk or compression is not gone on with."""
    states: list[MeshUpload] = []
    with server.mailbox() as mailbox:
        mailbox.send(CONTENT, outgoing(), keep=states.append)
        with pytest.raises(MeshTransferInvalid, match="another message"):
            mailbox.send(CONTENT, outgoing(**change), resume=states[1])
        with pytest.raises(MeshTransferInvalid, match="not the one"):
            mailbox.send(CONTENT[:-1] + b"?", outgoing(), resume=states[1])
    assert len(server.messages) == 1


@pytest.mark.parametrize("text", [b"{}", b"nothing", b'{"version": 2}', b"[]", b'{"version": 1, "mailbox": 3}', b"[" * 9_000], ids=range(6))
def test_a_damaged_state_is_refused(tmp_path: Path, text: bytes) -> None:
    """It is told, and left alone."""
    path = tmp_path / "state"
    path.write_bytes(text)
    with pytest.raises(MeshTransferInvalid, match="damaged"):
        UploadFile(path)
    assert path.read_bytes() == text


def test_a_state_is_one_processs(tmp_path: Path) -> None:
    """A second one is told that sending is under way."""
    with UploadFile(tmp_path / "state"), pytest.raises(MeshTransferInvalid, match="another process"):
        UploadFile(tmp_path / "state")


def test_a_state_holds_no_patient_and_no_secret(server: MeshServer, tmp_path: Path) -> None:
    """An address that names a patient is kept as its hash; the file is its owner's only."""
    said = outgoing(to="GPPROVIDER_9434765919_01011980_SMITH")
    with server.mailbox() as mailbox, UploadFile(tmp_path / "state") as file, pytest.raises(MeshRecipientUnknown):
        mailbox.send(b"x", said, keep=file.keep)
    text = (tmp_path / "state").read_text()
    assert "9434765919" not in text + repr(said) + repr(file.state)
    assert "SMITH" not in text
    assert "password" not in text
    assert (tmp_path / "state").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("compression", [None, 6])
def test_a_content_that_changes_is_not_finished(server: MeshServer, tmp_path: Path, compression: int | None) -> None:
    """A file that is written to while it is sent raises, and its message never becomes one."""
    path = tmp_path / "file"
    path.write_bytes(CONTENT)

    def change(state: MeshUpload) -> None:
        if state.done == 1:
            path.write_bytes(CONTENT[:-100] + bytes(100))

    with server.mailbox() as mailbox, path.open("rb") as file, pytest.raises(MeshSourceChanged):
        mailbox.send(file, outgoing(compression=compression), keep=change)
    (stored,) = server.messages.values()
    assert (stored.status, sorted(stored.chunks)) == ("uploading", [1, 2])


def test_a_content_that_shrinks_is_not_finished(server: MeshServer, tmp_path: Path) -> None:
    """Less than was there before is not sent as if it were all."""
    path = tmp_path / "file"
    path.write_bytes(b"x" * 100)
    with server.mailbox() as mailbox, path.open("r+b") as file, pytest.raises(MeshSourceChanged):
        mailbox.send(file, outgoing(), keep=lambda _state: file.truncate(50) and None)
    assert not server.messages


@pytest.mark.parametrize(("change", "named"), [
    ({"to": ""}, "recipient"), ({"workflow": ""}, "workflow"), ({"to": "B" * 101}, "Mex-To"), ({"workflow": "W" * 301}, "Mex-WorkflowID"),
    ({"subject": "s" * 501}, "Mex-Subject"), ({"local_id": "l" * 301}, "Mex-LocalID"), ({"file_name": "f" * 301}, "Mex-FileName"),
    ({"partner_id": "p" * 501}, "Mex-PartnerID"), ({"content_type": "t" * 101}, "Mex-Content-Type"), ({"subject": "two\nlines"}, "Mex-Subject"),
    ({"file_name": "é.xml"}, "Mex-FileName"), ({"to": "https://a"}, "Mex-To"), ({"workflow": "HTTP://a"}, "Mex-WorkflowID"),
    ({"checksum": "http://a"}, "Mex-Content-Checksum"), ({"checksum": "a_b"}, "Mex-Content-Checksum"), ({"checksum": "c" * 101}, "Mex-Content-Checksum"),
    ({"chunk_bytes": 0}, "chunk"), ({"chunk_bytes": 100_000_001}, "chunk"), ({"compression": 0}, "gzip"), ({"compression": 10}, "gzip"),
    ({"subject": " s"}, "Mex-Subject"),
])
def test_headers_that_no_server_takes_are_not_sent(change: dict[str, Any], named: str) -> None:
    """Limits and forms of 5.3; the message names the header, never its value."""
    with pytest.raises(MeshCallInvalid, match=named) as caught:
        outgoing(**change)
    assert not any(isinstance(value, str) and len(value) > 3 and value in str(caught.value) for value in change.values())


@pytest.mark.parametrize("content", [b"", io.BytesIO(), iter(())], ids=["octets", "file", "pieces"])
def test_an_empty_message_is_not_sent(server: MeshServer, content: Any) -> None:
    """The server would refuse it (02)."""
    with server.mailbox() as mailbox, pytest.raises(MeshCallInvalid, match="empty"):
        mailbox.send(content, outgoing())
    assert not server.asked


def test_a_stream_that_fails_is_told(server: MeshServer) -> None:
    """Its own error comes through, and nothing was sent."""
    def pieces() -> Iterator[bytes]:
        yield b"x"
        raise OSError("the tape tore")

    with server.mailbox() as mailbox, pytest.raises(OSError, match="tape"):
        mailbox.send(pieces(), outgoing())
    assert not server.asked


def test_progress_is_told(server: MeshServer) -> None:
    """Octets done and all there are, in order, to the end."""
    told: list[tuple[int, int]] = []
    with server.mailbox() as mailbox:
        mailbox.send(CONTENT, outgoing(), progress=lambda done, total: told.append((done, total)))
    assert [done for done, _ in told] == sorted({done for done, _ in told})
    assert told[-1] == (len(CONTENT), len(CONTENT))


def test_a_server_that_does_not_believe_us_is_told_by_its_clock(server: MeshServer) -> None:
    """403, and how far the clocks are apart when that may be why."""
    server.spoil("POST", "outbox", status(403, {"Date": "Sun, 01 Mar 2026 15:00:00 GMT"}, body={"errorDescription": "Invalid Authentication Token"}))
    with server.mailbox() as mailbox, pytest.raises(MeshNotAuthenticated, match="180 minutes ahead") as caught:
        mailbox.send(b"x", outgoing())
    assert caught.value.clock_skew_seconds == 10_800
