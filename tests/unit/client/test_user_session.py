"""A user's tokens: renewed once however many ask, and never with the same refresh token twice."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from wardgate.client import FileTokenStore, SignInNeeded, TokenFileUnusable, TokenRefused

MANY = 24


def lost(request: httpx2.Request, _answer: httpx2.Response) -> httpx2.Response:
    """The server has answered, and the answer does not arrive."""
    raise httpx2.ReadTimeout("nothing came", request=request)


def broken(request: httpx2.Request, _answer: httpx2.Response) -> httpx2.Response:
    """The connection ends in the middle."""
    raise httpx2.RemoteProtocolError("ended", request=request)


def failed(_request: httpx2.Request, _answer: httpx2.Response) -> httpx2.Response:
    """A proxy says that its server went away, which may be after the server did its work."""
    return httpx2.Response(503, text="upstream connect error or disconnect/reset before headers")


def garbled(_request: httpx2.Request, _answer: httpx2.Response) -> httpx2.Response:
    """A 200 that is no answer of the platform."""
    return httpx2.Response(200, text="<html>")


AMBIGUOUS = [lost, broken, failed, garbled]


def is_over(session: Any, why: str) -> bool:
    """Whether the session says that the user has to sign in, for this reason."""
    with pytest.raises(SignInNeeded) as needed:
        session.token()
    return bool(needed.value.why == why)


def test_a_fresh_token_is_given_out_without_asking(sessions: Any, refreshing: Any, clock: Any) -> None:
    """Until a minute before its end."""
    session = sessions(refreshing)
    clock.at += timedelta(seconds=539)
    assert session.token().value == "access-0"
    assert refreshing.asked == []
    clock.at += timedelta(seconds=1)
    assert session.token().value == "access-1"
    assert session.tokens.refresh_count == 1


def test_each_renewal_uses_the_newest_refresh_token(sessions: Any, refreshing: Any, clock: Any) -> None:
    """One after the other, each once."""
    session = sessions(refreshing)
    for count in range(1, 6):
        clock.at += timedelta(seconds=590)
        assert session.token().value == f"access-{count}"
    assert refreshing.asked == [f"refresh-{count}" for count in range(5)]


def test_a_refused_token_is_replaced_though_it_is_fresh(sessions: Any, refreshing: Any) -> None:
    """An API said 401: another one is got, once for everybody who was refused with the same."""
    session = sessions(refreshing)
    refused = session.token()
    assert session.token(refused).value == "access-1"
    assert session.token(refused).value == "access-1"
    assert refreshing.asked == ["refresh-0"]


def test_threads_share_one_renewal(sessions: Any, refreshing: Any, clock: Any) -> None:
    """All ask at once; one request leaves, and all get what it brings."""
    session = sessions(refreshing)
    clock.at += timedelta(seconds=590)
    together, arrived = threading.Barrier(MANY), threading.Event()
    refreshing.before = lambda: arrived.wait(0.1)  # the request is under way for a while

    def ask() -> str:
        together.wait(10)
        return str(session.token().value)

    with ThreadPoolExecutor(MANY) as pool:
        got = {future.result(30) for future in [pool.submit(ask) for _ in range(MANY)]}
    assert got == {"access-1"}
    assert refreshing.asked == ["refresh-0"]


def test_tasks_and_threads_share_one_renewal(sessions: Any, refreshing: Any, clock: Any) -> None:
    """Two event loops and several threads, one session."""
    session = sessions(refreshing)
    clock.at += timedelta(seconds=590)
    together = threading.Barrier(6)

    def by_tasks() -> set[str]:
        async def main() -> set[str]:
            return {token.value for token in await asyncio.gather(*(session.atoken() for _ in range(MANY)))}

        together.wait(10)
        return asyncio.run(main())

    def by_thread() -> set[str]:
        together.wait(10)
        return {session.token().value}

    with ThreadPoolExecutor(6) as pool:
        futures = [pool.submit(by_tasks) for _ in range(2)] + [pool.submit(by_thread) for _ in range(4)]
        assert set().union(*(future.result(30) for future in futures)) == {"access-1"}
    assert refreshing.asked == ["refresh-0"]


def test_a_cancelled_task_does_not_lose_the_answer(sessions: Any, refreshing: Any, clock: Any) -> None:
    """The renewal goes on without the task that asked; the next one gets its result, and the old token is not sent again."""
    session = sessions(refreshing)
    clock.at += timedelta(seconds=590)
    under_way, go_on = threading.Event(), threading.Event()

    def before() -> None:
        under_way.set()
        go_on.wait(10)

    refreshing.before = before

    async def main() -> str:
        task = asyncio.create_task(session.atoken())
        await asyncio.to_thread(under_way.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        go_on.set()
        return str((await session.atoken()).value)

    assert asyncio.run(main()) == "access-1"
    assert refreshing.asked == ["refresh-0"]


def test_two_sessions_on_one_file_share_one_renewal(sessions: Any, refreshing: Any, clock: Any, tmp_path: Path) -> None:
    """As two processes do: each has its own session and store, and the file between them."""
    path = tmp_path / "tokens.json"
    both = [sessions(refreshing, store=FileTokenStore(path)), sessions(refreshing, store=FileTokenStore(path), begin=False)]
    clock.at += timedelta(seconds=590)
    together = threading.Barrier(2)

    def ask(session: Any) -> str:
        together.wait(10)
        return str(session.token().value)

    with ThreadPoolExecutor(2) as pool:
        assert {future.result(30) for future in [pool.submit(ask, session) for session in both]} == {"access-1"}
    assert refreshing.asked == ["refresh-0"]


@pytest.mark.parametrize("fault", AMBIGUOUS, ids=lambda fault: fault.__name__)
def test_after_a_lost_answer_the_token_is_not_sent_again(
    sessions: Any, refreshing: Any, clock: Any, tmp_path: Path, fault: Callable[..., httpx2.Response]
) -> None:
    """The access token serves to its end, then the user signs in: neither this session nor another process uses the old token."""
    path = tmp_path / "tokens.json"
    session = sessions(refreshing, store=FileTokenStore(path))
    clock.at += timedelta(seconds=545)
    refreshing.faults = [fault]
    assert session.token().value == "access-0"
    assert session.token().value == "access-0"
    clock.at += timedelta(seconds=50)
    assert is_over(session, "uncertain")
    assert is_over(sessions(refreshing, store=FileTokenStore(path), begin=False), "uncertain")
    assert refreshing.asked == ["refresh-0"]


@pytest.mark.parametrize("fault", AMBIGUOUS, ids=lambda fault: fault.__name__)
def test_a_server_with_a_grace_is_asked_again_within_it(sessions: Any, refreshing: Any, clock: Any, fault: Callable[..., httpx2.Response]) -> None:
    """In the profile `strict` a repeat within 10 s gets the same successor: nothing is lost."""
    refreshing.grace_seconds = 10.0
    session = sessions(refreshing, repeat_within_seconds=8.0)
    clock.at += timedelta(seconds=590)
    refreshing.faults = [fault]
    assert session.token().value == "access-1"
    clock.at += timedelta(seconds=590)
    assert session.token().value == "access-2"
    assert refreshing.asked == ["refresh-0", "refresh-0", "refresh-1"]


def test_after_the_grace_nothing_is_sent_again(sessions: Any, refreshing: Any, clock: Any) -> None:
    """A later use would end the sign-in (RFC 9700 section 4.14.2)."""
    refreshing.grace_seconds = 10.0
    session = sessions(refreshing, repeat_within_seconds=8.0)
    clock.at += timedelta(seconds=590)

    def slow(request: httpx2.Request, answer: httpx2.Response) -> httpx2.Response:
        clock.at += timedelta(seconds=9)
        return lost(request, answer)

    refreshing.faults = [slow]
    assert is_over(session, "uncertain")
    assert is_over(session, "uncertain")
    assert refreshing.asked == ["refresh-0"]


def test_a_process_that_died_in_between_leaves_its_mark(sessions: Any, refreshing: Any, clock: Any, tmp_path: Path) -> None:
    """The note stands in the file before the request leaves: who comes after knows that the token may be used up."""
    path = tmp_path / "tokens.json"

    def dies(_request: httpx2.Request, _answer: httpx2.Response) -> httpx2.Response:
        raise SystemExit(9)

    session = sessions(refreshing, store=FileTokenStore(path))
    clock.at += timedelta(seconds=595)
    refreshing.faults = [dies]
    with pytest.raises(SystemExit):
        session.token()
    assert is_over(sessions(refreshing, store=FileTokenStore(path), begin=False), "uncertain")
    assert refreshing.asked == ["refresh-0"]


@pytest.mark.parametrize("error", [httpx2.ConnectError("refused"), httpx2.ConnectTimeout("slow"), httpx2.PoolTimeout("busy")], ids=repr)
def test_a_request_that_never_left_is_sent_later(sessions: Any, refreshing: Any, clock: Any, error: Exception) -> None:
    """The server is down: the client tries a few times, gives up, and the token is as good as before."""
    session = sessions(refreshing)
    clock.at += timedelta(seconds=590)
    refreshing.unsent = [error] * 4
    with pytest.raises(type(error)):
        session.token()
    assert session.tokens.sent is None
    refreshing.unsent = [error] * 2
    assert session.token().value == "access-1"
    assert refreshing.asked == ["refresh-0"]


def test_a_rate_limit_uses_nothing_up(sessions: Any, refreshing: Any, clock: Any) -> None:
    """429 is said before the token is looked at: it is waited for, then the same token is sent."""
    answers = [httpx2.Response(429, headers={"Retry-After": "2"}, json={"error": "x"})]

    def server(request: httpx2.Request) -> httpx2.Response:
        return answers.pop() if answers else refreshing(request)

    session = sessions(server)
    clock.at += timedelta(seconds=590)
    assert session.token().value == "access-1"
    assert max(clock.waited) >= 2
    assert refreshing.asked == ["refresh-0"]


def test_a_refused_refresh_token_ends_the_session(sessions: Any, refreshing: Any, clock: Any) -> None:
    """The platform's words are told, and the token is not sent again."""
    refreshing.newest = "another"
    session = sessions(refreshing)
    clock.at += timedelta(seconds=595)
    with pytest.raises(SignInNeeded) as needed:
        session.token()
    assert (needed.value.why, needed.value.refusal.text) == ("refused", "refresh_token is invalid")
    assert is_over(session, "none")
    assert refreshing.asked == ["refresh-0"]


def test_a_refusal_of_the_application_keeps_the_token(sessions: Any, refreshing: Any, clock: Any) -> None:
    """A wrong secret is no fault of the user's sign-in."""
    wrong = [httpx2.Response(401, json={"error": "invalid_client", "error_description": "client_id or client_secret is invalid"})]
    session = sessions(lambda request: wrong.pop() if wrong else refreshing(request))
    clock.at += timedelta(seconds=595)
    with pytest.raises(TokenRefused, match="client_secret is invalid"):
        session.token()
    assert session.token().value == "access-1"


def test_the_end_of_renewing_is_known_without_asking(sessions: Any, refreshing: Any, clock: Any) -> None:
    """Twelve hours after the sign-in."""
    session = sessions(refreshing)
    clock.at += timedelta(hours=12)
    assert is_over(session, "over")
    assert refreshing.asked == []


def test_without_tokens_the_user_signs_in(sessions: Any, refreshing: Any) -> None:
    """Before the first sign-in, and after the last sign-out."""
    session = sessions(refreshing, begin=False)
    assert is_over(session, "none")
    ended = sessions(refreshing)
    ended.end()
    assert is_over(ended, "none")
    assert ended.tokens is None


def test_a_damaged_file_is_told(sessions: Any, refreshing: Any, tmp_path: Path) -> None:
    """Not taken for a sign-out."""
    path = tmp_path / "tokens.json"
    session = sessions(refreshing, store=FileTokenStore(path))
    path.write_text("{")
    with pytest.raises(TokenFileUnusable, match="damaged"):
        session.token()


def test_nothing_shows_a_token(sessions: Any, refreshing: Any) -> None:
    """Neither `repr` nor an exception."""
    session = sessions(refreshing)
    refreshing.newest = "another"
    with pytest.raises(SignInNeeded) as needed:
        session.token(session.token())
    for shown in (repr(session.tokens), str(needed.value), repr(needed.value)):
        assert "refresh-0" not in shown
        assert "access-0" not in shown
