"""The LDAP server: its sockets, its connections and their number. Each connection is served by `connection`.

A connection that still shakes hands counts as well: the process has its files in common with those who decide about calls,
and nobody who has shown no certificate may use them up.
"""

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from wardgate.ldap.connection import Connection
from wardgate.ldap.results import Code
from wardgate.ldap.settings import LDAPSettings
from wardgate.ldap.tree import Content

PAUSE_SECONDS: Final = 0.1
"""After the system could not give another socket."""
_log = logging.getLogger(__name__)


class LDAPServer:
    """Serves the directory on any number of sockets until `stop`."""

    def __init__(self, content: Callable[[], Content], settings: LDAPSettings) -> None:
        self._content, self._settings = content, settings
        self._pool = ThreadPoolExecutor(settings.max_searches, "ldap")
        self._listening: list[tuple[socket.socket, asyncio.Task[None]]] = []
        self._arriving: set[asyncio.Task[None]] = set()
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def connections(self) -> int:
        """How many there are."""
        return len(self._connections)

    async def listen(self, where: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        """Serve a bound socket, with TLS from the first byte if there is a context. Raises `OSError`."""
        where.setblocking(False)
        self._listening.append((where, asyncio.create_task(self._take_in(where, tls))))

    async def stop(self) -> None:
        """Close every socket and connection."""
        tasks = [*(task for _, task in self._listening), *self._arriving, *self._connections]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        for where, _ in self._listening:
            where.close()
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _take_in(self, where: socket.socket, tls: ssl.SSLContext | None) -> None:
        """Accept connections for as long as the server runs. Of those that shake hands there are as many as of others, and no more."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                one, _ = await loop.sock_accept(where)
            except OSError as error:
                _log.warning("a connection could not be accepted: %s", error.strerror)
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            if tls is not None and len(self._arriving) >= self._settings.max_connections:
                one.close()
                continue
            task = asyncio.create_task(self._shake_hands(one, tls))
            self._arriving.add(task)
            task.add_done_callback(self._arriving.discard)

    async def _shake_hands(self, one: socket.socket, tls: ssl.SSLContext | None) -> None:
        """Begin a connection, with TLS from its first byte if there is a context; `_accept` takes it from there."""
        protocol = asyncio.StreamReaderProtocol(asyncio.StreamReader(self._settings.max_message_bytes), self._accept)
        limit = self._settings.message_seconds if tls is not None else None
        try:
            await asyncio.get_running_loop().connect_accepted_socket(lambda: protocol, one, ssl=tls, ssl_handshake_timeout=limit)
        except (OSError, TimeoutError):
            one.close()  # no handshake came, or none that holds: there is nobody to tell

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        transport: socket.socket = writer.get_extra_info("socket")
        transport.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # asyncio leaves it to sockets that name their protocol
        full = len(self._connections) >= self._settings.max_connections
        task = asyncio.ensure_future(self._serve(reader, writer, full=full))
        if not full:
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, full: bool) -> None:
        connection = Connection(self._content, self._settings, self._pool, reader, writer)
        try:
            if full:
                await connection.hang_up(Code.UNAVAILABLE, f"there are {self._settings.max_connections} connections already")
            else:
                await connection.serve()
        finally:
            writer.close()
            with contextlib.suppress(OSError, TimeoutError, ssl.SSLError):
                async with asyncio.timeout(self._settings.message_seconds):
                    await writer.wait_closed()
