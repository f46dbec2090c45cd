"""The listener that waits for the user's browser: only our answer ends it, whoever else knocks."""

import asyncio
import http.client
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from wardgate.client import ListenerUnusable, LoopbackListener, NobodyCameBack, PendingSignIn
from wardgate.client.loopback import LARGEST_HEAD_BYTES, MOST_CONNECTIONS

SECONDS = 30.0


@pytest.fixture
def listener() -> Iterator[LoopbackListener]:
    """Return a listener on a free port."""
    with LoopbackListener("http://127.0.0.1:0/callback") as one:
        yield one


@pytest.fixture
def pending(listener: LoopbackListener) -> PendingSignIn:
    """Return the sign-in it waits for."""
    return PendingSignIn("https://int.example.nhs.uk/oauth2/authorize", listener.redirect_uri, "https://int.example.nhs.uk/oauth2", "the-state")


@pytest.fixture
def waiting(listener: LoopbackListener, pending: PendingSignIn) -> Iterator[Future[str]]:
    """Return what the listener will have heard."""
    with ThreadPoolExecutor(1) as pool:
        heard = pool.submit(listener.wait, pending, SECONDS)
        yield heard
        if not heard.done():
            get(listener, "/callback?code=end&state=the-state")


def port_of(listener: LoopbackListener) -> int:
    """Return where it listens."""
    return int(listener.redirect_uri.split(":")[2].split("/")[0])


def get(listener: LoopbackListener, target: str, method: str = "GET", headers: dict[str, str] | None = None) -> tuple[int, str, dict[str, str]]:
    """Ask as a browser does."""
    connection = http.client.HTTPConnection("127.0.0.1", port_of(listener), timeout=SECONDS)
    try:
        connection.request(method, target, headers=headers or {})
        response = connection.getresponse()
        return response.status, response.read().decode(), {name.lower(): value for name, value in response.getheaders()}
    finally:
        connection.close()


def send(listener: LoopbackListener, data: bytes) -> bytes:
    """Send bytes, and return everything that comes back."""
    with socket.create_connection(("127.0.0.1", port_of(listener)), SECONDS) as connection:
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            answer = b""
            while part := connection.recv(65_536):
                answer += part
        except ConnectionError:
            return b""
        return answer


def test_the_answer_is_heard_and_the_page_says_so(listener: LoopbackListener, pending: PendingSignIn, waiting: Future[str]) -> None:
    """The person gets a small page that repeats nothing; the program gets the address."""
    status, page, headers = get(listener, "/callback?code=c0de&state=the-state")
    assert (status, "You have signed in" in page, "c0de" in page) == (200, True, False)
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert (headers["cache-control"], headers["referrer-policy"]) == ("no-store", "no-referrer")
    assert pending.code_of(waiting.result(SECONDS)) == "c0de"


def test_an_error_ends_the_waiting_as_well(listener: LoopbackListener, waiting: Future[str]) -> None:
    """The page says that nobody signed in; what the error is, the program says."""
    _, page, _ = get(listener, "/callback?error=access_denied&state=the-state")
    assert "You have not signed in" in page
    assert "access_denied" not in page
    assert waiting.result(SECONDS).endswith("?error=access_denied&state=the-state")


def test_whoever_else_knocks_is_sent_away(listener: LoopbackListener, pending: PendingSignIn, waiting: Future[str]) -> None:
    """A favicon, an attacker's code, another path, method or host, a repeated parameter: 404, and the waiting goes on."""
    assert get(listener, "/favicon.ico")[0] == 404
    assert get(listener, "/callback?code=attackers&state=guessed")[0] == 404
    assert get(listener, "/callback?code=attackers")[0] == 404
    assert get(listener, "/callback?code=attackers&state=the-state&code=again")[0] == 404
    assert get(listener, "/other?code=c0de&state=the-state")[0] == 404
    assert get(listener, "/callback?code=c0de&state=the-state", "POST")[0] == 404
    assert get(listener, "/callback?code=c0de&state=the-state", "HEAD")[0] == 404
    rebound = get(listener, "/callback?code=c0de&state=the-state", headers={"Host": "evil.example"})
    assert rebound[0] == 404
    assert not waiting.done()
    get(listener, "/callback?code=c0de&state=the-state")
    assert pending.code_of(waiting.result(SECONDS)) == "c0de"


@pytest.mark.parametrize("data", [
    b"", b"\r\n\r\n", b"GET\r\n\r\n", b"\xff\xfe\r\n\r\n", b"GET /callback?code=c&state=the-state HTTP/1.1\r\n\r\n", b"GET http://127.0.0.1/ HTTP/1.1\r\n\r\n",
    b"GET /callback?code=c&state=the-state HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil\r\n\r\n", b"x" * (LARGEST_HEAD_BYTES * 3),
    b"GET /" + b"x" * LARGEST_HEAD_BYTES + b" HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
], ids=lambda data: repr(data[:30]))
def test_what_is_no_request_ends_nothing(listener: LoopbackListener, waiting: Future[str], data: bytes) -> None:
    """Nonsense, a request without our host, one that is too large, TLS: at most a 404."""
    answer = send(listener, data)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 404")
    assert not waiting.done()


def test_connections_that_say_nothing_do_not_stand_in_the_way(listener: LoopbackListener, waiting: Future[str]) -> None:
    """Browsers open connections ahead; as many as are allowed at once may be silent but one."""
    silent = [socket.create_connection(("127.0.0.1", port_of(listener)), SECONDS) for _ in range(MOST_CONNECTIONS - 1)]
    try:
        assert get(listener, "/callback?code=c0de&state=the-state")[0] == 200
        assert waiting.result(SECONDS).endswith("code=c0de&state=the-state")
    finally:
        for one in silent:
            one.close()


def test_the_waiting_ends_by_itself(listener: LoopbackListener, pending: PendingSignIn) -> None:
    """After its time nobody listens any more."""
    began = time.monotonic()
    with pytest.raises(NobodyCameBack, match=r"within 0\.2 s"):
        listener.wait(pending, 0.2)
    assert time.monotonic() - began < SECONDS
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port_of(listener)), SECONDS)


def test_nobody_but_this_machine_can_knock(listener: LoopbackListener) -> None:
    """The socket is bound to loopback."""
    assert listener._socket.getsockname()[0] == "127.0.0.1"


@pytest.mark.parametrize("uri", [
    "https://127.0.0.1:9003/callback", "http://192.0.2.1:9003/callback", "http://app.example.com:9003/callback", "http://127.0.0.1/callback",
    "https://example.org/callback", "http://0.0.0.0:9003/callback",
])
def test_only_a_loopback_address_with_a_port_can_be_listened_at(uri: str) -> None:
    """RFC 8252 section 7.3."""
    with pytest.raises(ListenerUnusable, match="not a redirect URI of this machine"):
        LoopbackListener(uri)


def test_a_port_that_is_taken_is_told(listener: LoopbackListener) -> None:
    """Nobody is sent to a program that is not ours."""
    with pytest.raises(ListenerUnusable, match="cannot listen there"):
        LoopbackListener(listener.redirect_uri)


def test_it_waits_on_asyncio_too(listener: LoopbackListener, pending: PendingSignIn) -> None:
    """And from a thread whose own loop runs, the blocking form works as well."""
    async def main() -> str:
        task = asyncio.create_task(listener.await_answer(pending, SECONDS))
        await asyncio.to_thread(get, listener, "/callback?code=c0de&state=the-state")
        return await task

    assert asyncio.run(main()).endswith("code=c0de&state=the-state")

    async def blocking() -> str:
        with LoopbackListener("http://127.0.0.1:0/callback") as other:
            again = PendingSignIn(pending.url, other.redirect_uri, pending.issuer, "the-state")
            caller = threading.Thread(target=get, args=(other, "/callback?code=2&state=the-state"))
            caller.start()
            found = other.wait(again, SECONDS)
            caller.join()
            return found

    assert asyncio.run(blocking()).endswith("code=2&state=the-state")


def test_a_cancelled_wait_lets_go(listener: LoopbackListener, pending: PendingSignIn) -> None:
    """Cancelling the task closes the port."""
    async def main() -> None:
        task = asyncio.create_task(listener.await_answer(pending, SECONDS))
        await asyncio.to_thread(get, listener, "/favicon.ico")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port_of(listener)), SECONDS)
