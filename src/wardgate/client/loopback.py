"""Waiting for the user's browser on this machine (RFC 8252 section 7.3): one answer, for a limited time, from loopback only.

Whatever else connects is answered and forgotten: a favicon, a connection that a browser opens ahead, another program's request,
a code that somebody slips in. Only a request to the redirect URI with our state ends the waiting.
"""

import asyncio
import socket
import threading
from collections.abc import Callable
from typing import Final, Self

import httpx2

from wardgate.client.authorization import PendingSignIn
from wardgate.client.errors import ClientError, ListenerUnusable, NobodyCameBack

WAIT_SECONDS: Final = 300.0
REQUEST_SECONDS: Final = 5.0
LARGEST_HEAD_BYTES: Final = 32_768
MOST_CONNECTIONS: Final = 16
_HOSTS: Final = {"127.0.0.1": "127.0.0.1", "localhost": "127.0.0.1", "::1": "::1"}
_PAGE: Final = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>{title}</title></head>
<body><main><h1>{title}</h1><p>{text}</p></main></body>
</html>
"""
_DONE: Final = ("200 OK", "You have signed in", "You can close this page and go back to the program that sent you here.")
_NOT_DONE: Final = ("200 OK", "You have not signed in", "Close this page: the program that sent you here says why.")
_ELSE: Final = ("404 Not Found", "Nothing is here", "This address waits for the answer to a sign-in, and this is none.")


class LoopbackListener:
    """Listens at `redirect_uri` from when it is made. Close it, or use it as a context; it is good for one sign-in.

    The URI is `http://127.0.0.1:PORT/path`, or with `[::1]` or `localhost` (which section 8.3 advises against). Port 0 means any
    free one, for servers that allow that: `redirect_uri` then tells which. Raises `ListenerUnusable`.
    """

    def __init__(self, redirect_uri: str) -> None:
        url = httpx2.URL(redirect_uri)
        if url.scheme != "http" or url.host not in _HOSTS or url.port is None:
            raise ListenerUnusable(f"{redirect_uri}: not a redirect URI of this machine, such as http://127.0.0.1:9003/callback")
        address = _HOSTS[url.host]
        try:
            self._socket = socket.create_server((address, url.port), family=socket.AF_INET6 if ":" in address else socket.AF_INET)
        except OSError as error:
            raise ListenerUnusable(f"{redirect_uri}: cannot listen there ({error.strerror or error})") from None
        self._socket.setblocking(False)
        self.redirect_uri = str(url.copy_with(port=self._socket.getsockname()[1]))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Listen no more."""
        self._socket.close()

    def wait(self, pending: PendingSignIn, seconds: float = WAIT_SECONDS) -> str:
        """Return the address that the browser came back to, which `pending.code_of` reads. Raises `NobodyCameBack`."""
        found: list[str | BaseException] = []
        thread = threading.Thread(target=_into, args=(found, lambda: asyncio.run(self.await_answer(pending, seconds))), daemon=True)
        thread.start()  # a thread, so that a program whose own thread runs an event loop may wait too
        while thread.is_alive():
            thread.join(0.2)  # in pieces: Ctrl-C is heard between them
        if isinstance(found[0], BaseException):
            raise found[0]
        return found[0]

    async def await_answer(self, pending: PendingSignIn, seconds: float = WAIT_SECONDS) -> str:
        """Return the same on asyncio. Raises `NobodyCameBack`."""
        answers = _Answers(self.redirect_uri, pending)
        server = await asyncio.start_server(answers.take, sock=self._socket, limit=LARGEST_HEAD_BYTES)
        try:
            return await asyncio.wait_for(answers.found, seconds)
        except TimeoutError:
            raise NobodyCameBack(f"nobody came back to {self.redirect_uri} within {seconds:g} s") from None
        finally:
            server.close()
            await answers.end()


def _into(found: list[str | BaseException], run: Callable[[], str]) -> None:
    try:
        found.append(run())
    except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits
        found.append(error)


class _Answers:
    """The connections of one waiting."""

    def __init__(self, redirect_uri: str, pending: PendingSignIn) -> None:
        self._url = httpx2.URL(redirect_uri)
        self._pending = pending
        self._tasks: set[asyncio.Task[None]] = set()
        self.found: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection."""
        task = asyncio.current_task()
        if task is None or len(self._tasks) >= MOST_CONNECTIONS or self.found.done():
            writer.close()
            return
        self._tasks.add(task)
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                redirect = self._redirect(await reader.readuntil(b"\r\n\r\n"))
                answered = redirect is not None and self._pending.is_answered_by(redirect)
                writer.write(_answer(self._page(redirect) if answered and redirect is not None else _ELSE))
                await writer.drain()
            if answered and redirect is not None and not self.found.done():
                self.found.set_result(redirect)
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # whoever that was has nothing to say to us
        finally:
            writer.close()
            self._tasks.discard(task)

    async def end(self) -> None:
        """Let go of every connection."""
        waiting = list(self._tasks)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    def _redirect(self, head: bytes) -> str | None:
        """Return the whole address of a GET for our host, else None: a name that points here is not ours (DNS rebinding)."""
        lines = head.decode("latin-1").split("\r\n")
        method, _, rest = lines[0].partition(" ")
        target, _, version = rest.rpartition(" ")
        hosts = [line.partition(":")[2].strip().lower() for line in lines[1:] if line.lower().startswith("host:")]
        netloc = self._url.netloc.decode()
        if method != "GET" or not target.startswith("/") or not version.startswith("HTTP/1.") or hosts != [netloc.lower()]:
            return None
        return f"http://{netloc}{target}"

    def _page(self, redirect: str) -> tuple[str, str, str]:
        try:
            self._pending.code_of(redirect)
        except ClientError:
            return _NOT_DONE
        return _DONE


def _answer(page: tuple[str, str, str]) -> bytes:
    status, title, text = page
    body = _PAGE.format(title=title, text=text).encode()
    headers = (
        f"HTTP/1.1 {status}", "Content-Type: text/html; charset=utf-8", f"Content-Length: {len(body)}", "Connection: close",
        "Cache-Control: no-store", "Content-Security-Policy: default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
        "Referrer-Policy: no-referrer", "X-Content-Type-Options: nosniff",
    )
    return "\r\n".join([*headers, "", ""]).encode() + body
