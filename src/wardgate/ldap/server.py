"""The LDAP server: its sockets, its connections and their number. Each connection is served by `connection`."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from wardgate.ldap.connection import Connection
from wardgate.ldap.results import Code
from wardgate.ldap.settings import LDAPSettings
from wardgate.ldap.tree import Content


class LDAPServer:
    """Serves the directory on any number of sockets until `stop`."""

    def __init__(self, content: Callable[[], Content], settings: LDAPSettings) -> None:
        self._content, self._settings = content, settings
        self._pool = ThreadPoolExecutor(settings.max_searches, "ldap")
        self._servers: list[asyncio.Server] = []
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def connections(self) -> int:
        """How many there are."""
        return len(self._connections)

    async def listen(self, where: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        """Serve a bound socket, with TLS from the first byte if there is a context. Raises `OSError`."""
        limit = self._settings.message_seconds if tls is not None else None
        server = await asyncio.start_server(self._accept, sock=where, ssl=tls, ssl_handshake_timeout=limit, limit=self._settings.max_message_bytes)
        self._servers.append(server)

    async def stop(self) -> None:
        """Close every socket and connection."""
        for server in self._servers:
            server.close()
        for task in list(self._connections):
            task.cancel()
        if self._connections:
            await asyncio.wait(self._connections)
        self._pool.shutdown(wait=False, cancel_futures=True)

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
