"""One connection: messages come in, are judged, and are answered (RFC 4511 sections 3.1, 4.1.1, 4.2, 4.11, 5.1).

Searches run beside each other, everything else in its turn. A caller that sends what is no message is told so and hung up on.
"""

import asyncio
import contextlib
import logging
import secrets
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from wardgate.ldap import answers, requests, search
from wardgate.ldap.errors import Malformed, Refused
from wardgate.ldap.paging import Pages, Part
from wardgate.ldap.requests import Abandon, Bind, Change, Control, Extended, Message, Search, Unbind
from wardgate.ldap.results import Code
from wardgate.ldap.settings import LDAPSettings
from wardgate.ldap.tree import Content, Node

SEQUENCE: Final = 0x30
TURN: Final = 16
"""How many entries are written before others have their turn."""
_log = logging.getLogger(__name__)


class Connection:
    """What one caller says and is told. `serve` ends when the caller does, or when it is hung up on."""

    def __init__(
        self, content: Callable[[], Content], settings: LDAPSettings, pool: ThreadPoolExecutor, reader: asyncio.StreamReader, writer: asyncio.StreamWriter,
    ) -> None:  # fmt: skip
        self._content, self._settings, self._pool = content, settings, pool
        self._reader, self._writer = reader, writer
        self._running: dict[int, asyncio.Task[None]] = {}
        self._pages = Pages(settings.max_paged_searches, settings.max_entries, lambda: secrets.token_bytes(16))
        self._writing = asyncio.Lock()

    async def serve(self) -> None:
        """Answer until there is nothing more to answer."""
        try:
            while (data := await self._next()) is not None and await self._handle(requests.read(data)):
                pass
        except Malformed as malformed:
            await self.hang_up(Code.PROTOCOL_ERROR, str(malformed))
        except (OSError, EOFError, TimeoutError):
            pass  # the caller has gone, or is too slow: there is nobody to tell
        finally:
            await self._abandon_all()

    async def hang_up(self, code: Code, diagnostic: str) -> None:
        """Say why, if the caller still listens."""
        with contextlib.suppress(OSError, TimeoutError):
            await self._send(answers.notice_of_disconnection(code, diagnostic))

    async def _next(self) -> bytes | None:
        """Return the next message, None after the last one. Raises `Malformed` before reading what is too long."""
        first = await self._first_byte()
        if not first:
            return None
        if first[0] != SEQUENCE:
            raise Malformed("a message begins with another byte")
        async with asyncio.timeout(self._settings.message_seconds):
            head = await self._reader.readexactly(1)
            length = head[0]
            if length == 0x80 or length > 0x84:
                raise Malformed("the length of a message is definite, and at most 4 bytes long")
            if length > 0x80:
                more = await self._reader.readexactly(length - 0x80)
                head, length = head + more, int.from_bytes(more, "big")
            if length > self._settings.max_message_bytes:
                raise Malformed(f"a message has at most {self._settings.max_message_bytes} bytes")
            return first + head + await self._reader.readexactly(length)

    async def _first_byte(self) -> bytes:
        """Wait for the next message. Who waits for an answer is not idle. Raises `TimeoutError`."""
        while True:
            try:
                async with asyncio.timeout(self._settings.idle_seconds):
                    return await self._reader.read(1)
            except TimeoutError:
                if not self._running:
                    raise

    async def _handle(self, message: Message) -> bool:
        """Answer one message, or begin to. Returns whether to go on."""
        match message.operation:
            case Unbind():
                return False
            case Abandon(message_id):
                await self._abandon(message_id)
            case Search() as asked:
                await self._begin(message, asked)
            case Bind() as bind:
                await self._abandon_all()
                await self._finish(message.id, answers.BIND, lambda: _check_bind(bind, message.controls))
            case Extended():
                await self._finish(message.id, answers.EXTENDED, lambda: _refuse(Code.PROTOCOL_ERROR, "there are no extended operations: TLS has a port of its own"))
            case Change(response):
                await self._finish(message.id, response, lambda: _refuse(Code.UNWILLING_TO_PERFORM, "the directory is searched here, and nothing else"))
        return True

    async def _finish(self, message_id: int, response: int, judge: Callable[[], None]) -> None:
        try:
            judge()
        except Refused as refused:
            await self._send(answers.result(message_id, response, refused.code, refused.diagnostic))
        else:
            await self._send(answers.result(message_id, response, Code.SUCCESS))

    async def _begin(self, message: Message, asked: Search) -> None:
        if message.id in self._running:
            raise Malformed("the number of a message is that of one that is not answered yet")
        if len(self._running) >= self._settings.max_operations:
            diagnostic = f"a connection has at most {self._settings.max_operations} searches at once"
            await self._send(answers.result(message.id, answers.SEARCH_DONE, Code.BUSY, diagnostic))
            return
        task = asyncio.create_task(self._search(message, asked))
        self._running[message.id] = task
        task.add_done_callback(lambda _: self._running.pop(message.id, None))

    async def _search(self, message: Message, asked: Search) -> None:
        """Answer one search, in full: entries, then how it ended."""
        try:
            done = await self._answered(message, asked)
        except Refused as refused:
            done = answers.result(message.id, answers.SEARCH_DONE, refused.code, refused.diagnostic, refused.matched)
        except Malformed as malformed:
            done = answers.result(message.id, answers.SEARCH_DONE, Code.PROTOCOL_ERROR, str(malformed))
        except (OSError, TimeoutError):
            self._writer.transport.abort()  # the caller reads nothing
            return
        except Exception:  # noqa: BLE001 - whatever went wrong, the caller gets a result and the log the trace
            _log.exception("a search failed")
            done = answers.result(message.id, answers.SEARCH_DONE, Code.OTHER, "the search failed")
        with contextlib.suppress(OSError, TimeoutError):
            await self._send(done)

    async def _answered(self, message: Message, asked: Search) -> bytes:
        page = search.page_of(message.controls)
        if page is not None and page.cookie:
            return await self._page(message.id, asked, self._pages.go_on(asked, page))
        found = await self._found(asked, paged=page is not None)
        if page is not None:
            return await self._page(message.id, asked, self._pages.begin(asked, found, page))
        last = await self._entries(message.id, asked, found.nodes)
        if found.more:
            diagnostic = f"there are more than {len(found.nodes)} entries: ask for less, or in pages"
            return last + answers.result(message.id, answers.SEARCH_DONE, Code.SIZE_LIMIT_EXCEEDED, diagnostic)
        return last + answers.result(message.id, answers.SEARCH_DONE, Code.SUCCESS)

    async def _page(self, message_id: int, asked: Search, part: Part) -> bytes:
        last = await self._entries(message_id, asked, part.nodes)
        code = Code.SIZE_LIMIT_EXCEEDED if part.cut else Code.SUCCESS
        return last + answers.result(message_id, answers.SEARCH_DONE, code, page=(part.total, part.cookie))

    async def _found(self, asked: Search, *, paged: bool) -> search.Found:
        """Search on a thread of the pool. Raises `Refused` when it takes too long; waiting for a thread counts.

        A search that nobody waits for any more, because it took too long or was abandoned, gives its thread back at once.
        """
        content, settings = self._content(), self._settings
        seconds = min(asked.time_limit or settings.search_seconds, settings.search_seconds)
        over = threading.Event()
        work = asyncio.get_running_loop().run_in_executor(self._pool, lambda: search.run(content, asked, settings, paged=paged, stopped=over.is_set))
        try:
            async with asyncio.timeout(seconds):
                return await work
        except TimeoutError:
            raise Refused(Code.TIME_LIMIT_EXCEEDED, f"the search takes more than {seconds:g} s") from None
        finally:
            over.set()

    async def _entries(self, message_id: int, asked: Search, nodes: Sequence[Node]) -> bytes:
        """Send the entries, but for the last few, which are returned: they go with the result."""
        last = b""
        for start in range(0, len(nodes), TURN):
            if last:
                await self._send(last)
                await asyncio.sleep(0)
            last = b"".join(answers.entry(message_id, node.dn, search.told(node, asked)) for node in nodes[start : start + TURN])
        return last

    async def _send(self, data: bytes) -> None:
        """Write, and wait until the caller has read enough of it. Raises `TimeoutError`, `OSError`."""
        async with self._writing, asyncio.timeout(self._settings.write_seconds):
            self._writer.write(data)
            await self._writer.drain()

    async def _abandon(self, message_id: int) -> None:
        if (task := self._running.get(message_id)) is not None:
            task.cancel()
            await asyncio.wait([task])

    async def _abandon_all(self) -> None:
        for message_id in list(self._running):
            await self._abandon(message_id)
        self._pages.forget()


def _check_bind(bind: Bind, controls: Sequence[Control]) -> None:
    """Raise `Refused` for anyone but the anonymous (RFC 4513 section 5.1): nobody has a password here."""
    search.check(controls)
    if bind.version != 3:
        _refuse(Code.PROTOCOL_ERROR, "the version of the protocol is 3")
    if not bind.simple:
        _refuse(Code.AUTH_METHOD_NOT_SUPPORTED, "a bind is simple and anonymous")
    if bind.with_password:
        _refuse(Code.INVALID_CREDENTIALS, "a bind is simple and anonymous: there are no passwords")
    if bind.named:
        _refuse(Code.UNWILLING_TO_PERFORM, "a bind is anonymous: a name without a password proves nothing")


def _refuse(code: Code, diagnostic: str) -> None:
    raise Refused(code, diagnostic)
