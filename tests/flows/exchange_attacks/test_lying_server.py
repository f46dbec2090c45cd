"""A mailbox server that lies, and one of whose messages cannot be had: nothing is lost, nobody else waits, and there is an end (itk3-messaging 5.2, 5.4)."""

import os
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import httpx2
import pytest

from exchange_world import RECIPIENT, WORKFLOW, Exchanging
from wardgate.itk3 import write
from wardgate.stores.exchange import Direction, Stage

Do = Callable[[], httpx2.Response]


def is_download(request: httpx2.Request) -> bool:
    """Whether a message is asked for."""
    return request.method == "GET" and "/inbox/" in request.url.path


def with_body(answer: httpx2.Response, body: bytes, **headers: str) -> httpx2.Response:
    """The same answer with another body, and without what would give that away."""
    kept = {name: value for name, value in answer.headers.items() if name not in {"content-length", "mex-content-checksum"}}
    return httpx2.Response(answer.status_code, headers={**kept, **headers}, stream=httpx2.ByteStream(body))


def test_other_octets_under_a_known_id_are_another_message(two: Exchanging, letter: Any, post: Any) -> None:
    """What is acknowledged is kept: an id that is used again, for something else, is no message that came again."""
    first, second = letter(two.sender, "X26"), letter(two.sender, "X26")
    post(two.sender, write(first))
    bodies = [write(first), write(first), write(second)]

    def lie(request: httpx2.Request, do: Do) -> httpx2.Response:
        if request.url.path.endswith("acknowledged"):
            return httpx2.Response(200)
        return with_body(do(), bodies.pop(0)) if is_download(request) else do()

    two.recipient.bridge.fault = lie
    found = [two.recipient.handler.receive(RECIPIENT) for _ in range(3)]
    assert [(len(one.messages), one.again) for one in found] == [(1, 0), (0, 1), (1, 0)]
    came = two.recipient.rows(Direction.IN)
    assert len({row.mex_id for row in came}) == 1
    assert {row.message_id for row in came} == {first.message_id, second.message_id}


@pytest.mark.parametrize("broken", ["an answer that is none", "a failure of the server", "a connection that breaks"])
def test_one_message_that_cannot_be_had_holds_up_no_other(two: Exchanging, broken: str) -> None:
    """It stays in the mailbox and is told of; those behind it come, and are handled."""
    sent = [two.send() for _ in range(3)]

    def spoil(request: httpx2.Request, do: Do) -> httpx2.Response:
        if not is_download(request) or (sent[0].mex_id or "") not in request.url.path:
            return do()
        if "connection" in broken:
            raise httpx2.RemoteProtocolError("the peer closed the connection without sending the whole body")
        return with_body(do(), b"", **{"mex-chunk-range": "1:x"}) if "answer" in broken else httpx2.Response(500, stream=httpx2.ByteStream(b""))

    two.recipient.bridge.fault = spoil
    found = two.recipient.handler.receive(RECIPIENT)
    assert [mex_id for mex_id, _ in found.failed] == [sent[0].mex_id]
    assert {row.mex_id for row in two.recipient.rows(Direction.IN)} == {row.mex_id for row in sent[1:]}
    assert two.place.stores.mailboxes.count(RECIPIENT) == 1
    two.recipient.bridge.fault = lambda _request, do: do()
    assert [row.mex_id for row in two.recipient.handler.receive(RECIPIENT).messages] == [sent[0].mex_id]


def test_a_server_that_goes_away_is_not_asked_for_every_message(two: Exchanging) -> None:
    """After a few connections in a row that broke, the look is over."""
    for _ in range(8):
        two.send()
    asked: list[str] = []

    def gone(request: httpx2.Request, do: Do) -> httpx2.Response:
        if not is_download(request):
            return do()
        asked.append(request.url.path)
        raise httpx2.ConnectError("nobody there")

    two.recipient.bridge.fault = gone
    with pytest.raises(httpx2.ConnectError):
        two.recipient.handler.receive(RECIPIENT)
    assert len(asked) == 3


def test_an_inbox_without_an_end_has_one(two: Exchanging) -> None:
    """A look takes so many messages, however many more are promised; there is another look."""
    numbers = count(1)

    def endless(request: httpx2.Request, do: Do) -> httpx2.Response:
        if request.url.path.endswith("/inbox"):
            page = [f"{next(numbers):020}" for _ in range(500)]
            return httpx2.Response(200, json={"messages": page, "links": {"next": f"/messageexchange/{RECIPIENT}/inbox?continue_from={page[-1]}"}})
        return httpx2.Response(404) if is_download(request) else do()

    two.recipient.bridge.fault = endless
    assert two.recipient.handler.receive(RECIPIENT).messages == ()
    assert next(numbers) <= 10_501


def test_a_look_ends_when_its_time_is_over(two: Exchanging) -> None:
    """A server that takes its time for each message gets no more than one look may take; what came is handled."""
    for _ in range(3):
        two.send()

    def slow(request: httpx2.Request, do: Do) -> httpx2.Response:
        if is_download(request):
            two.later(minutes=6)
        return do()

    two.recipient.bridge.fault = slow
    assert len(two.recipient.handler.receive(RECIPIENT).messages) == 2


def test_what_headers_say_is_kept_within_their_limits(two: Exchanging, post: Any) -> None:
    """Names of any length and with any signs: what is kept and recorded of them is no longer than the API allows (itk3-messaging 5.3)."""
    post(two.sender, b"rubbish")

    def lie(request: httpx2.Request, do: Do) -> httpx2.Response:
        long = "\x9b31m" + "L" * 20_000
        said = {"mex-localid": long, "mex-from": long, "mex-workflowid": long, "mex-content-type": long}
        if not is_download(request):
            return do()
        kept = [(name, value) for name, value in do().headers.raw if name.decode().lower() not in {*said, "mex-content-checksum", "content-length"}]
        return httpx2.Response(200, headers=[*kept, *((name.encode(), text.encode("latin-1")) for name, text in said.items())], stream=httpx2.ByteStream(b"rubbish"))

    two.recipient.bridge.fault = lie
    two.recipient.handler.receive(RECIPIENT)
    (came,) = two.recipient.rows(Direction.IN)
    assert (len(came.local_id), len(came.peer), len(came.workflow), len(came.media_type)) == (300, 100, 300, 100)
    assert all(text.isprintable() for text in (came.local_id, came.peer, came.workflow, came.media_type))


@pytest.mark.parametrize(("spoilt", "stage"), [(1, Stage.OPENED), (2, Stage.REFUSED)])
def test_what_came_damaged_is_asked_for_again_before_it_is_believed(two: Exchanging, spoilt: int, stage: Stage) -> None:
    """What is refused for its octets is acknowledged, and gone: once may be the way, twice is the message."""
    two.send()
    left = [True] * spoilt

    def damage(request: httpx2.Request, do: Do) -> httpx2.Response:
        answer = do()
        if not is_download(request) or not left:
            return answer
        left.pop()
        return httpx2.Response(answer.status_code, headers=[(name, value) for name, value in answer.headers.raw if name.lower() != b"content-length"], stream=httpx2.ByteStream(b"x"))

    two.recipient.bridge.fault = damage
    two.recipient.handler.receive(RECIPIENT)
    (came,) = two.recipient.rows(Direction.IN)
    assert (came.stage, left) == (stage, [])


def test_a_delivered_file_is_durable_with_its_directory(two: Exchanging, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the message counts as delivered: a name that a power cut takes back would be a letter that nobody gets."""
    synced: list[str] = []
    usual = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        usual(descriptor)

    two.send()
    monkeypatch.setattr(os, "fsync", fsync)
    two.recipient.with_parts(drop_directory=tmp_path / "drop").receive(RECIPIENT)
    assert {str(tmp_path / "drop"), str(tmp_path / "drop" / WORKFLOW)} <= set(synced)


def test_a_message_from_nobody_is_refused_and_not_answered(two: Exchanging) -> None:
    """A server that names no sender: there is nobody to believe, and nobody to tell."""
    two.send()

    def lie(request: httpx2.Request, do: Do) -> httpx2.Response:
        answer = do()
        if not is_download(request):
            return answer
        return httpx2.Response(answer.status_code, headers=[(name, value) for name, value in answer.headers.raw if name.lower() != b"mex-from"], stream=answer.stream)

    two.recipient.bridge.fault = lie
    two.recipient.handler.receive(RECIPIENT)
    (came,) = two.recipient.rows()
    assert (came.stage, came.reason, came.peer) == (Stage.REFUSED, "seal-context", "")
