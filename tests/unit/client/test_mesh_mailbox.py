"""A MESH mailbox's small calls, in both versions of the API, and what is not believed of answers (itk3-messaging 5.2, 5.5)."""

import asyncio
import contextlib
import json
import random
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from unit.client.mesh_server import BASE, KEY, MeshServer, broken, cut, status
from wardgate.client import (
    ClearTextRefused,
    ClientError,
    FoundMailbox,
    InboxPage,
    MeshAnswerInvalid,
    MeshAPIError,
    MeshCallInvalid,
    MeshContentRefused,
    MeshCredentials,
    MeshHeadersRefused,
    MeshMailbox,
    MeshMessageGone,
    MeshMessageUnknown,
    MeshNotAuthenticated,
    MeshOutgoing,
    MeshRecipientUnknown,
    MeshWorkflowRefused,
)
from wardgate.mesh.token import read

CONTENT = random.Random(3).randbytes(2_500_000)  # noqa: S311 - the same in every run


@pytest.fixture(params=[2, 1], ids=["version 2", "version 1"])
def server(clock: Any, request: Any) -> MeshServer:
    """Return a server that speaks up to a version."""
    return MeshServer(clock, speaks=request.param)


def test_every_call_works_in_both_versions(server: MeshServer) -> None:
    """A server that does not speak version 2 is asked in version 1, once and for all."""
    with server.mailbox() as alice, server.mailbox("BOB") as bob:
        alice.handshake()
        sent = alice.send(CONTENT, MeshOutgoing("BOB", "W", local_id="l", chunk_bytes=1_000_000))
        assert bob.inbox().messages == (sent.message_id,)
        assert bob.head(sent.message_id).total_chunks == 3
        assert bob.read(sent.message_id)[1] == CONTENT
        bob.acknowledge(sent.message_id)
        tracked = alice.track(sent.message_id)
        assert (tracked.message_id, tracked.status, tracked.workflow, tracked.uploaded_at) == (
            sent.message_id, "acknowledged", "W", datetime(2026, 3, 1, 12, tzinfo=UTC))
        assert alice.track_local("l").recipient == "BOB"
        assert alice.lookup("Z9X01", "W") == alice.search("W") == (FoundMailbox("BOB", "Bob's"),)
        first = len(server.asked)
        alice.handshake()
    assert len(server.asked) == first + 1


def test_the_inbox_is_read_page_by_page(clock: Any) -> None:
    """All ids come once, oldest first; where to go on is the link's word, and its address is not."""
    server = MeshServer(clock)
    for _ in range(25):
        server.put(b"x")
    with server.mailbox("BOB") as mailbox:
        page = mailbox.inbox(max_results=10)
        assert page == InboxPage(tuple(f"M{number}" for number in range(1, 11)), "10", 25)
        assert list(mailbox.messages(page_size=10)) == [f"M{number}" for number in range(1, 26)]
    assert {one.url.host for one in server.asked} == {"mesh.example.nhs.uk"}


def test_messages_may_be_acknowledged_while_they_are_read(clock: Any) -> None:
    """A server that begins anew gives nothing twice, and one that never ends is left."""
    server = MeshServer(clock)
    pages = [["A", "B"], ["A", "C"], [], ["D"], ["D"]]
    server.spoil("GET", "inbox", *[status(200, body={"messages": page, "links": {"next": f"https://evil.example/x?continue_from={number % 4}"}})
                                   for number, page in enumerate(pages)])
    with server.mailbox("BOB") as mailbox:
        assert list(mailbox.messages()) == ["A", "B", "C", "D"]
    assert len(server.asked) == 5


@pytest.mark.parametrize("local_id", ["", "a/b", "a\\b", ".", "..", "é", "a\nb", "x" * 301])
def test_a_local_id_that_no_path_carries(server: MeshServer, local_id: str) -> None:
    """It is not asked for: a gateway would refuse the path, or make another of it."""
    with server.mailbox() as alice, pytest.raises(MeshCallInvalid, match="by its message id"):
        alice.track_local(local_id)
    assert server.asked == []


@pytest.mark.parametrize(("local_id", "path"), [("50%", "50%25"), ("a%2Fb", "a%252Fb"), ("a b", "a%20b"), ("...", "..."), ("q?1#2", "q%3F1%232")])
def test_any_other_local_id_is_one_step_of_the_path(server: MeshServer, local_id: str, path: str) -> None:
    """Encoded once."""
    with server.mailbox() as alice, contextlib.suppress(MeshAPIError):
        alice.track_local(local_id)
    assert server.asked[0].url.raw_path.decode().endswith(f"/outbox/tracking/{path}")


def test_a_workflow_filter_goes_to_the_server(clock: Any) -> None:
    """As it is; filters of a length that is refused are not asked for."""
    server = MeshServer(clock)
    with server.mailbox("BOB") as mailbox:
        mailbox.inbox(workflow_filter="!*TOC & co*", max_results=10)
        for bad in ({"workflow_filter": "x"}, {"workflow_filter": "x" * 256}, {"max_results": 9}, {"max_results": 5_001}):
            with pytest.raises(MeshCallInvalid):
                mailbox.inbox(**bad)
    (asked,) = server.asked
    assert dict(asked.url.params) == {"max_results": "10", "workflow_filter": "!*TOC & co*"}


@pytest.mark.parametrize("body", [
    b"", b"[]", b"{}", b'{"messages": "M1"}', b'{"messages": [1]}', b'{"messages": ["../x"]}', b'{"messages": [], "links": {"next": "/x"}}',
    b'{"messages": [], "links": {"next": "/x?continue_from=' + b"a" * 1_001 + b'"}}', b"[" * 100_000, b" " * 2_000_001,
], ids=range(10))
def test_an_inbox_that_is_none(clock: Any, body: bytes) -> None:
    """Nothing is made up of an answer in another form, or too large."""
    server = MeshServer(clock)
    server.spoil("GET", "inbox", lambda _request, _answer: httpx2.Response(200, content=body))
    with server.mailbox("BOB") as mailbox, pytest.raises(MeshAnswerInvalid):
        mailbox.inbox()


def test_other_answers_that_are_none(clock: Any) -> None:
    """A message without an id, tracking of nothing, a look-up of nobody."""
    server = MeshServer(clock)
    empty = status(200, body={"results": [{}], "message_id": "a/b"})
    server.spoil("POST", "outbox", empty)
    server.spoil("GET", "tracking", empty)
    server.spoil("GET", "W", empty, status(200, body={"results": "none"}))
    with server.mailbox() as mailbox:
        for call in (lambda: mailbox.send(b"x", MeshOutgoing("BOB", "W")), lambda: mailbox.track("M1"), lambda: mailbox.search("W"), lambda: mailbox.search("W")):
            with pytest.raises(MeshAnswerInvalid):
                call()


@pytest.mark.parametrize(("code", "body", "kind", "told"), [
    (417, {"detail": [{"event": "SEND", "code": "02", "msg": "Data file is missing or inaccessible."}]}, MeshContentRefused, ("SEND", "02")),
    (400, {"errorEvent": "TRANSFER", "errorCode": "06", "errorDescription": "MalformedControlFile", "fields": ["mex_to"]}, MeshHeadersRefused, ("TRANSFER", "06")),
    (417, {"detail": [{"event": "SEND", "code": "07", "msg": "Invalid From Address"}]}, MeshHeadersRefused, ("SEND", "07")),
    (400, {"errorEvent": "SEND", "errorCode": "08", "errorDescription": "TO_DTS missing"}, MeshHeadersRefused, ("SEND", "08")),
    (417, {"detail": [{"event": "SEND", "code": "12", "msg": "Unregistered to address"}]}, MeshRecipientUnknown, ("SEND", "12")),
    (417, {"detail": [{"event": "SEND", "code": "EPL-150", "msg": "Multiple mailboxes matches"}]}, MeshRecipientUnknown, ("SEND", "EPL-150")),
    (417, {"detail": [{"event": "SEND", "code": "EPL-151", "msg": "No mailbox matched"}]}, MeshRecipientUnknown, ("SEND", "EPL-151")),
    (417, {"detail": [{"event": "SEND", "code": "16", "msg": "not allowed"}]}, MeshWorkflowRefused, ("SEND", "16")),
    (417, {"detail": [{"event": "SEND", "code": "17", "msg": "not registered"}]}, MeshWorkflowRefused, ("SEND", "17")),
    (417, {"detail": [{"event": "SEND", "code": "InvalidHeaderChunks", "msg": ""}]}, MeshHeadersRefused, ("SEND", "InvalidHeaderChunks")),
    (400, {"errorDescription": "Invalid checksum"}, MeshContentRefused, ("", "400")),
    (404, {"errorEvent": "RECEIVE", "errorCode": "20", "errorDescription": "Message does not exist"}, MeshMessageUnknown, ("RECEIVE", "20")),
    (403, {"errorDescription": "Request Received from Inactive Mailbox"}, MeshNotAuthenticated, ("", "403")),
    (403, None, MeshNotAuthenticated, ("", "403")),
    (404, {"internal_id": "i", "message": "An internal error occurred."}, MeshMessageUnknown, ("", "404")),
    (410, {"detail": "Gone"}, MeshMessageGone, ("", "410")),
    (400, {"detail": [{"type": "missing", "loc": ["header", "mex-to"], "msg": "Field required"}]}, MeshAPIError, ("", "400")),
    (417, "a text", MeshAPIError, ("", "417")), (417, {"detail": [3]}, MeshAPIError, ("", "417")), (302, None, MeshAPIError, ("", "302")),
])
def test_refusals_have_types(clock: Any, code: int, body: Any, kind: type, told: tuple[str, str]) -> None:
    """By the table's code, else by status, in the forms of both versions and in none."""
    server = MeshServer(clock)
    server.spoil("POST", "ALICE", status(code, body=body))
    with server.mailbox() as mailbox, pytest.raises(MeshAPIError) as caught:
        mailbox.handshake()
    assert type(caught.value) is kind
    assert (caught.value.status, caught.value.event, caught.value.code) == (code, *told)
    assert isinstance(caught.value, ClientError)


def test_wardgates_reason_and_id_are_told(clock: Any) -> None:
    """Where the server is a Wardgate, the error leads to its reason and its whole story."""
    server = MeshServer(clock)
    server.spoil("POST", "ALICE", status(403, {"x-wardgate-reason": "mesh-token-stale", "x-wardgate-message-id": "m-1"}))
    with server.mailbox() as mailbox, pytest.raises(MeshNotAuthenticated) as caught:
        mailbox.handshake()
    assert (caught.value.reason, caught.value.explain_id) == ("mesh-token-stale", "m-1")


@pytest.mark.parametrize("fault", [status(500), status(502), status(503), status(504), status(408), status(425), status(429), broken(), broken(httpx2.ReadTimeout)])
def test_what_passes_is_tried_again(clock: Any, fault: Any) -> None:
    """Every call but a first chunk may be made twice."""
    server = MeshServer(clock)
    message_id = server.put(b"x")
    with server.mailbox("BOB") as mailbox:
        for method, last, call in (
            ("POST", "BOB", mailbox.handshake), ("GET", "inbox", mailbox.inbox), ("HEAD", message_id, lambda: mailbox.head(message_id)),
            ("PUT", "acknowledged", lambda: mailbox.acknowledge(message_id)), ("GET", "W", lambda: mailbox.search("W")),
        ):
            server.spoil(method, last, fault)
            call()
            assert len(server.requests(method, last)) == 2


def test_a_bad_request_about_the_accept_header_is_version_1(clock: Any) -> None:
    """Some servers say 400 where they do not know the version."""
    server = MeshServer(clock)
    server.spoil("POST", "ALICE", status(400, body={"errorDescription": "Accept header api format incorrect"}))
    with server.mailbox() as mailbox:
        mailbox.handshake()
    assert [one.headers["accept"] for one in server.asked] == ["application/vnd.mesh.v2+json", "application/vnd.mesh.v1+json"]


def test_a_406_about_something_else_keeps_the_version(clock: Any) -> None:
    """A server that refuses version 1 as well is spoken to in version 2 again."""
    server = MeshServer(clock)
    server.spoil("POST", "ALICE", status(406), status(406))
    with server.mailbox() as mailbox:
        with pytest.raises(MeshAPIError, match="406"):
            mailbox.handshake()
        mailbox.handshake()
    assert server.asked[-1].headers["accept"] == "application/vnd.mesh.v2+json"


def test_threads_share_a_mailbox(clock: Any) -> None:
    """Every request of every thread has a token of its own."""
    server = MeshServer(clock)
    with server.mailbox() as mailbox:
        threads = [threading.Thread(target=lambda: [mailbox.handshake() for _ in range(20)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    counts = [int(read(one.headers["authorization"], "ALICE").nonce_count) for one in server.asked]
    assert sorted(counts) == list(range(1, 81))


def test_secrets_are_not_shown_nor_sent_in_the_clear() -> None:
    """Neither password nor key is in a representation; plain HTTP is for this machine only."""
    credentials = MeshCredentials("alice", "a-password", b"a-key")
    assert repr(credentials) == "MeshCredentials(mailbox='ALICE')"
    with pytest.raises(ClearTextRefused):
        MeshMailbox("http://mesh.example.nhs.uk", credentials)
    MeshMailbox("http://127.0.0.1:1", credentials).close()


@pytest.mark.parametrize("given", [
    ("", "hunter2", b"k"), ("a/b", "hunter2", b"k"), ("A" * 101, "hunter2", b"k"), ("A", "", b"k"), ("A", "hunter2", b""), ("A:B", "hunter2", b"k"),
])
def test_credentials_that_are_none(given: tuple[str, str, bytes]) -> None:
    """A mailbox id is a plain word, and both secrets are something."""
    with pytest.raises(MeshCallInvalid) as caught:
        MeshCredentials(*given)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(("ods", "workflow"), [("", "W"), ("A/B", "W"), ("Z9X01", ""), ("Z9X01", "a\nb"), ("Z9X01", " W"), ("Z9X01", "W" * 301)])
def test_look_ups_that_are_none(clock: Any, ods: str, workflow: str) -> None:
    """Nothing is asked."""
    server = MeshServer(clock)
    with server.mailbox() as mailbox, pytest.raises(MeshCallInvalid):
        mailbox.lookup(ods, workflow)
    assert not server.asked


def test_a_server_may_have_another_name_than_its_address(clock: Any) -> None:
    """The name to expect goes with every request to the connection."""
    seen: list[Any] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request.extensions.get("sni_hostname"))
        return httpx2.Response(200)

    credentials = MeshCredentials("ALICE", "p", KEY)
    with MeshMailbox(BASE, credentials, server_name="msg.example", clock=clock, transport=httpx2.MockTransport(answer)) as mailbox:
        mailbox.handshake()
    assert seen == ["msg.example"]


def test_the_mailbox_on_asyncio_does_the_same(server: MeshServer, tmp_path: Path) -> None:
    """Every call, with broken connections on both ways."""
    async def everything() -> None:
        async with server.async_mailbox() as alice, server.async_mailbox("BOB") as bob:
            await alice.handshake()
            server.spoil("POST", "outbox", broken(done=True))
            server.spoil("POST", "2", status(503, done=True))
            with (tmp_path / "out").open("w+b") as file:
                file.write(CONTENT)
                file.seek(0)
                sent = await alice.send(file, MeshOutgoing("BOB", "W", local_id="l", chunk_bytes=1_000_000, compression=1))
            assert [one async for one in bob.messages()] == [sent.message_id]
            server.spoil("GET", "2", cut(5_000))
            received = await bob.receive_to_file(sent.message_id, tmp_path / "in")
            assert (tmp_path / "in").read_bytes() == CONTENT
            assert await bob.received_before(sent.message_id, tmp_path / "in") == received
            assert (await bob.read(sent.message_id))[1] == CONTENT
            assert (await bob.head(sent.message_id)).sender == "ALICE"
            await bob.acknowledge(sent.message_id)
            assert (await alice.track(sent.message_id)).status == (await alice.track_local("l")).status == "acknowledged"
            assert await alice.lookup("Z9X01", "W") == await alice.search("W")
            with pytest.raises(MeshRecipientUnknown):
                await alice.send(b"x", MeshOutgoing("NOBODY", "W"))

    asyncio.run(everything())
    assert len(server.messages) == 1
    assert json.dumps(server.messages["M1"].status) == '"acknowledged"'
