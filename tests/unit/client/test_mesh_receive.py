"""Receiving by MESH: chunks in order, interrupted ones again, and nothing under its name before all of it is there and proved."""

import gzip
import hashlib
import io
import json
import random
from pathlib import Path
from typing import Any

import httpx2
import pytest

from unit.client.mesh_server import MeshServer, Octets, Stored, broken, cut, status
from wardgate.client import (
    MeshAnswerInvalid,
    MeshAPIError,
    MeshCallInvalid,
    MeshContentInvalid,
    MeshMessageGone,
    MeshMessageUnknown,
    MeshTransferInvalid,
    RetryPolicy,
)
from wardgate.client.mesh_files import PartFile
from wardgate.mesh.model import MessageType

CONTENT = random.Random(2).randbytes(2_500_000)  # noqa: S311 - the same in every run
CHECKSUM = f"SHA256 {hashlib.sha256(CONTENT).hexdigest()}"
ONE_TRY = RetryPolicy(attempts=1)


@pytest.fixture
def server(clock: Any) -> MeshServer:
    """Return a server on the virtual clock."""
    return MeshServer(clock)


def files(directory: Path) -> list[str]:
    """Return what is in a directory."""
    return sorted(path.name for path in directory.iterdir())


@pytest.mark.parametrize("gzipped", [False, True])
@pytest.mark.parametrize("asked", [False, True])
def test_a_message_arrives_as_it_was_sent(server: MeshServer, tmp_path: Path, gzipped: bool, asked: bool) -> None:
    """As a file, to a stream and in memory; compressed on the way or not."""
    encoding = {"content_encoding": "gzip"} if gzipped else {}
    message_id = server.put(CONTENT, mex_content_checksum=CHECKSUM, mex_subject="s", **encoding)
    stream = io.BytesIO()
    with server.mailbox("BOB", compressed_downloads=asked) as mailbox:
        received = mailbox.receive_to_file(message_id, tmp_path / "file")
        mailbox.receive(message_id, stream)
        _, content = mailbox.read(message_id)
    assert (tmp_path / "file").read_bytes() == stream.getvalue() == content == CONTENT
    assert files(tmp_path) == ["file"]
    assert (received.size, received.sha256, received.message.total_chunks) == (len(CONTENT), CHECKSUM[7:], 3)
    assert (received.message.sender, received.message.workflow, received.message.subject) == ("ALICE", "W", "s")
    assert server.messages[message_id].status == "accepted"
    assert (tmp_path / "file").stat().st_mode & 0o077 == 0


def test_it_is_acknowledged_when_it_is_durable(server: MeshServer, tmp_path: Path) -> None:
    """The file has its name before the server is told."""
    message_id = server.put(b"x")

    def look(_request: Any, answer: Any) -> Any:
        assert (tmp_path / "file").read_bytes() == b"x"
        return answer()

    server.spoil("PUT", "acknowledged", look)
    with server.mailbox("BOB") as mailbox:
        mailbox.receive_to_file(message_id, tmp_path / "file", acknowledge=True)
    assert server.messages[message_id].status == "acknowledged"


@pytest.mark.parametrize("gzipped", [False, True])
@pytest.mark.parametrize("fault", [cut(300_000), cut(0), broken(), status(503), status(429, {"Retry-After": "1"})])
@pytest.mark.parametrize("chunk", ["M1", "2", "3"])
def test_an_interrupted_chunk_comes_again_from_its_beginning(server: MeshServer, tmp_path: Path, chunk: str, fault: Any, gzipped: bool) -> None:
    """What came of it is forgotten; the other chunks are not asked for again."""
    message_id = server.put(CONTENT, mex_content_checksum=CHECKSUM, **({"content_encoding": "gzip"} if gzipped else {}))
    server.spoil("GET", chunk, fault, fault)
    with server.mailbox("BOB") as mailbox:
        mailbox.receive_to_file(message_id, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert len(server.asked) == 5


def test_another_process_goes_on_with_what_came(server: MeshServer, tmp_path: Path) -> None:
    """Whole chunks are not downloaded again; nothing has the name meanwhile."""
    message_id = server.put(CONTENT, mex_content_checksum=CHECKSUM)
    server.spoil("GET", "3", cut(100_000))
    with server.mailbox("BOB", retry=ONE_TRY) as mailbox, pytest.raises(httpx2.ReadError):
        mailbox.receive_to_file(message_id, tmp_path / "file")
    assert files(tmp_path) == [".file.part", ".file.part.json"]
    before = len(server.asked)
    with server.mailbox("BOB") as mailbox:
        received = mailbox.receive_to_file(message_id, tmp_path / "file", acknowledge=True)
    assert [one.method for one in server.asked[before:]] == ["HEAD", "GET", "PUT"]
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert (received.size, received.sha256) == (len(CONTENT), CHECKSUM[7:])
    assert files(tmp_path) == ["file"]


@pytest.mark.parametrize("damage", ["octet", "short", "state", "other message"])
def test_what_is_left_is_believed_only_when_it_is_right(server: MeshServer, tmp_path: Path, damage: str) -> None:
    """A part that was changed, cut, or is another message's is begun anew."""
    message_id = server.put(CONTENT, mex_content_checksum=CHECKSUM)
    server.spoil("GET", "3", broken())
    with server.mailbox("BOB", retry=ONE_TRY) as mailbox, pytest.raises(httpx2.ReadError):
        mailbox.receive_to_file(message_id, tmp_path / "file")
    part, state = tmp_path / ".file.part", tmp_path / ".file.part.json"
    if damage == "octet":
        part.write_bytes(b"?" + part.read_bytes()[1:])
    elif damage == "short":
        part.write_bytes(part.read_bytes()[:1_000_000])
    elif damage == "state":
        state.write_bytes(b'{"version": 1}')
    else:
        state.write_text(json.dumps(json.loads(state.read_text()) | {"message_id": "M9"}))
    with server.mailbox("BOB") as mailbox:
        mailbox.receive_to_file(message_id, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert len(server.requests("GET", message_id)) == 2


def test_what_is_left_of_a_message_with_other_chunks_is_begun_anew(server: MeshServer, tmp_path: Path) -> None:
    """An id whose message is another one now: it is told, and the part forgotten."""
    message_id = server.put(CONTENT)
    server.spoil("GET", "3", broken())
    with server.mailbox("BOB", retry=ONE_TRY) as mailbox:
        with pytest.raises(httpx2.ReadError):
            mailbox.receive_to_file(message_id, tmp_path / "file")
        server.messages[message_id].total = 2
        with pytest.raises(MeshTransferInvalid):
            mailbox.receive_to_file(message_id, tmp_path / "file")
    assert files(tmp_path) == []


def test_no_file_is_written_over(server: MeshServer, tmp_path: Path) -> None:
    """Not one that was there, nor one that came meanwhile; a symbolic link to nowhere is a file as well."""
    message_id = server.put(b"x")
    (tmp_path / "file").write_bytes(b"precious")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")

    def meanwhile(_request: Any, answer: Any) -> Any:
        (tmp_path / "late").write_bytes(b"precious")
        return answer()

    server.spoil("GET", message_id, meanwhile)
    with server.mailbox("BOB") as mailbox:
        for name in ("file", "link", "late"):
            with pytest.raises(FileExistsError):
                mailbox.receive_to_file(message_id, tmp_path / name, acknowledge=True)
    assert (tmp_path / "file").read_bytes() == (tmp_path / "late").read_bytes() == b"precious"
    assert server.messages[message_id].status == "accepted"


def test_two_processes_do_not_receive_into_one_file(tmp_path: Path) -> None:
    """The second one is told."""
    with PartFile(tmp_path / "file", "M1", 10), pytest.raises(MeshTransferInvalid, match="another process"):
        PartFile(tmp_path / "file", "M1", 10)


def raw(server: MeshServer, *chunks: bytes, **headers: str) -> str:
    """Put octets into the inbox as they are."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    message = Stored("RAW", "ALICE", httpx2.Headers({"mex-to": "BOB", "mex-workflowid": "W", **named}), len(chunks), dict(enumerate(chunks, 1)))
    server.messages["RAW"] = message
    return "RAW"


@pytest.mark.parametrize(("chunks", "headers", "why"), [
    ((CONTENT,), {"mex_content_checksum": "SHA256 " + "0" * 64}, "SHA-256"),
    ((CONTENT,), {"mex_content_checksum": "sha-256: " + "0" * 64}, "SHA-256"),
    ((gzip.compress(CONTENT)[:-9],), {"content_encoding": "gzip"}, "cut off"),
    ((b"",), {"content_encoding": "gzip"}, "cut off"),
    ((CONTENT,), {"content_encoding": "gzip"}, "is not"),
    ((gzip.compress(CONTENT) + b"more",), {"content_encoding": "gzip"}, "is not|cut off"),
    ((gzip.compress(bytes(9_000_001)),), {"content_encoding": "gzip"}, "limit"),
    ((bytes(5_000_000), bytes(5_000_000)), {}, "limit"),
], ids=["checksum", "checksum in another spelling", "gzip cut", "gzip empty", "no gzip", "gzip and more", "bomb", "too large"])
def test_a_content_that_is_not_what_it_should_be_is_nobodys(server: MeshServer, tmp_path: Path, chunks: Any, headers: Any, why: str) -> None:
    """Nothing has the name, nothing is left, the stream got nothing, and the server is not told."""
    message_id = raw(server, *chunks, **headers)
    stream = io.BytesIO()
    with server.mailbox("BOB") as mailbox:
        with pytest.raises(MeshContentInvalid, match=why):
            mailbox.receive_to_file(message_id, tmp_path / "file", max_bytes=9_000_000, acknowledge=True)
        with pytest.raises(MeshContentInvalid, match=why):
            mailbox.receive(message_id, stream, max_bytes=9_000_000)
    assert files(tmp_path) == []
    assert stream.getvalue() == b""
    assert server.messages[message_id].status == "accepted"


def test_gzip_members_may_follow_each_other(server: MeshServer) -> None:
    """RFC 1952 section 2.2."""
    message_id = raw(server, gzip.compress(b"one ") + gzip.compress(b"two"), content_encoding="gzip")
    with server.mailbox("BOB") as mailbox:
        assert mailbox.read(message_id)[1] == b"one two"


def test_a_checksum_of_another_kind_is_the_senders_matter(server: MeshServer) -> None:
    """It is passed on, not verified."""
    message_id = raw(server, b"x", mex_content_checksum="md5 0123")
    with server.mailbox("BOB") as mailbox:
        received, content = mailbox.read(message_id)
    assert (received.message.checksum, content) == ("md5 0123", b"x")


@pytest.mark.parametrize(("headers", "why"), [
    ({"mex-chunk-range": "2:3"}, "another chunk"), ({"mex-chunk-range": "1:0"}, "another chunk|number"), ({"mex-chunk-range": "x"}, "number"),
    ({"mex-chunk-range": "1:999999"}, "number"), ({"mex-messageid": "M9"}, "another message"), ({"mex-messagetype": "PICTURE"}, "neither"),
    ({"content-encoding": "br"}, "encoding"),
])
def test_headers_that_are_not_believed(server: MeshServer, tmp_path: Path, headers: dict[str, str], why: str) -> None:
    """Chunks out of order, other messages and unknown encodings make no file."""
    message_id = server.put(CONTENT)
    server.extra = headers
    with server.mailbox("BOB") as mailbox, pytest.raises((MeshAnswerInvalid, MeshContentInvalid), match=why):
        mailbox.receive_to_file(message_id, tmp_path / "file")
    assert "file" not in files(tmp_path)


def test_an_endless_answer_ends(server: MeshServer, clock: Any) -> None:
    """A body that trickles is a broken connection after a while; tries are bounded."""
    class Trickle(Octets):
        def __iter__(self) -> Any:
            while True:
                clock.sleep(10)
                yield b"x"

    message_id = server.put(b"x")
    server.spoil("GET", message_id, *[lambda _request, _answer: httpx2.Response(200, stream=Trickle(b""))] * 2)
    with server.mailbox("BOB", retry=RetryPolicy(attempts=2)) as mailbox, pytest.raises(httpx2.ReadTimeout, match="slowly"):
        mailbox.read(message_id)
    assert len(server.asked) == 2


def test_a_report_has_no_content_and_makes_no_file(server: MeshServer, tmp_path: Path) -> None:
    """Its meaning is in its headers; it is the caller's to acknowledge."""
    message_id = server.put(b"", mex_messagetype="REPORT")
    server.extra = {"mex-messagetype": "REPORT", "mex-linkedmsgid": "M0", "mex-statusevent": "SEND", "mex-statuscode": "14",
                    "mex-statusdescription": "Message not collected by recipient after 5 days", "mex-statussuccess": "ERROR",
                    "mex-statustimestamp": "20260301120000", "mex-localid": "letter-1", "mex-chunk-range": "1:0"}
    with server.mailbox("BOB") as mailbox:
        received = mailbox.receive_to_file(message_id, tmp_path / "file", acknowledge=True)
    assert (received.message.type, received.message.linked_id, received.message.local_id) == (MessageType.REPORT, "M0", "letter-1")
    report = received.message.report
    assert report is not None
    assert (report.event, report.code, report.success, report.at.isoformat()) == ("SEND", "14", False, "2026-03-01T12:00:00+00:00")
    assert files(tmp_path) == []
    assert server.messages[message_id].status == "accepted"


def test_unknown_and_gone_messages_are_told_apart(server: MeshServer, tmp_path: Path) -> None:
    """404 with code 20, and 410."""
    message_id = server.put(b"x")
    with server.mailbox("BOB") as mailbox:
        with pytest.raises(MeshMessageUnknown) as unknown:
            mailbox.read("M9")
        mailbox.acknowledge(message_id)
        with pytest.raises(MeshMessageGone) as gone:
            mailbox.receive_to_file(message_id, tmp_path / "file")
    assert (unknown.value.event, unknown.value.code) == ("RECEIVE", "20")
    assert gone.value.status == 410


@pytest.mark.parametrize("code", [204, 300, 304, 400, 500])
def test_other_answers_are_no_download(server: MeshServer, code: int) -> None:
    """Neither a success without a message nor a redirect is one."""
    message_id = server.put(b"x")
    server.spoil("GET", message_id, *[status(code)] * 9)
    with server.mailbox("BOB") as mailbox, pytest.raises((MeshAnswerInvalid, MeshAPIError)):
        mailbox.read(message_id)


@pytest.mark.parametrize("message_id", ["", "../x", "a/b", "M1?x", "M" * 101, "é", "M1\n"])
def test_ids_that_are_none_are_not_asked_for(server: MeshServer, message_id: str, tmp_path: Path) -> None:
    """An id from anywhere cannot become another path."""
    with server.mailbox("BOB") as mailbox:
        for call in (mailbox.head, mailbox.read, mailbox.acknowledge, mailbox.track, lambda one: mailbox.receive_to_file(one, tmp_path / "file")):
            with pytest.raises(MeshCallInvalid):
                call(message_id)
    assert not server.asked
