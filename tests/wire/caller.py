"""A caller that sends exactly the bytes it is told: repeated headers, odd paths, kept-alive and resumed connections.

HTTP libraries tidy requests up; here a test says what goes on the wire, and learns what came back.
"""

import contextlib
import socket
import ssl
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TIMEOUT_SECONDS = 30.0
Headers = Iterable[tuple[str, str]]


@dataclass(frozen=True)
class Identity:
    """A client certificate and its key, on disk as OpenSSL wants them."""

    name: str
    certificate: Path
    key: Path


@dataclass(frozen=True)
class Answer:
    """What came back. Header names are lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def reason(self) -> str | None:
        """Why it was refused, None when it was not."""
        return self.headers.get("x-wardgate-reason")


@dataclass
class Connection:
    """One connection, TLS or plain; `resumed` says whether TLS went on from an earlier session."""

    stream: socket.socket
    resumed: bool = False
    closed: bool = False
    _left: bytes = b""

    def send(self, method: str, path: str, headers: Headers = (), body: bytes = b"", host: str = "localhost") -> Answer:
        """Send one request and read its answer."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", *(f"{name}: {value}" for name, value in headers)]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        return self.raw("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body, head=method == "HEAD")

    def raw(self, data: bytes, *, head: bool = False) -> Answer:
        """Send these bytes and read one answer."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # an early answer may come before all is sent
            self.stream.sendall(data)
        return self.read(head=head)

    def read(self, *, head: bool = False) -> Answer:
        """Read one answer."""
        while b"\r\n\r\n" not in self._left:
            self._more()
        top, _, self._left = self._left.partition(b"\r\n\r\n")
        first, *lines = top.decode("latin-1").split("\r\n")
        headers: dict[str, str] = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.lower()] = f"{headers[name.lower()]},{value.strip()}" if name.lower() in headers else value.strip()
        status = int(first.split()[1])
        body = b"" if head or status in {204, 304} else self._body(headers)
        if headers.get("connection") == "close":
            self.close()
        return Answer(status, headers, body)

    def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding") == "chunked":
            return self._chunks()
        return self._take(int(headers.get("content-length", "0")))

    def _chunks(self) -> bytes:
        found = b""
        while True:
            while b"\r\n" not in self._left:
                self._more()
            size, _, self._left = self._left.partition(b"\r\n")
            chunk = self._take(int(size, 16) + 2)[:-2]
            if not chunk:
                return found
            found += chunk

    def _take(self, size: int) -> bytes:
        while len(self._left) < size:
            self._more()
        taken, self._left = self._left[:size], self._left[size:]
        return taken

    def _more(self) -> None:
        received = self.stream.recv(65536)
        if not received:
            raise ConnectionResetError("the connection ended before the answer did")
        self._left += received

    def close(self) -> None:
        """End the connection."""
        self.closed = True
        self.stream.close()


@contextlib.contextmanager
def _closed_on_error(connection: Connection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.close()
        raise


@dataclass
class Caller:
    """Opens connections to one Envoy's ports and remembers TLS sessions, to resume them."""

    ports: dict[str, int]
    roots: Path
    _contexts: dict[tuple[str, str], ssl.SSLContext] = field(default_factory=dict)
    _sessions: dict[tuple[str, str, str], ssl.SSLSession] = field(default_factory=dict)
    _open: dict[tuple[str, str, str], Connection] = field(default_factory=dict)

    def context(self, identity: Identity | None, version: str) -> ssl.SSLContext:
        """Return the TLS context of an identity at exactly this version of TLS."""
        key = (identity.name if identity else "", version)
        if key not in self._contexts:
            context = ssl.create_default_context(cafile=str(self.roots))
            context.check_hostname = False
            context.minimum_version = context.maximum_version = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[version]
            if identity is not None:
                context.load_cert_chain(identity.certificate, identity.key)
            self._contexts[key] = context
        return self._contexts[key]

    def connect(self, listener: str, identity: Identity | None = None, version: str = "1.3", *, resume: bool = False) -> Connection:
        """Open a connection; with `resume`, offer the session of the last one like it."""
        plain = socket.create_connection(("127.0.0.1", self.ports[listener]), timeout=TIMEOUT_SECONDS)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if listener == "http":
            return Connection(plain)
        session = self._sessions.get(self._key(listener, identity, version)) if resume else None
        try:
            stream = self.context(identity, version).wrap_socket(plain, server_hostname="localhost", session=session)
        except BaseException:
            plain.close()
            raise
        return Connection(stream, resumed=bool(stream.session_reused))

    def keep_session(self, connection: Connection, listener: str, identity: Identity | None, version: str) -> None:
        """Remember the connection's session. Call it after an answer: TLS 1.3 sends tickets with the first data."""
        session = getattr(connection.stream, "session", None)
        if session is not None:
            self._sessions[self._key(listener, identity, version)] = session

    def kept(self, listener: str, identity: Identity | None = None, version: str = "1.3") -> Connection:
        """Return the connection of this kind that is still open, or open it."""
        key = self._key(listener, identity, version)
        found = self._open.get(key)
        if found is None or found.closed:
            found = self._open[key] = self.connect(listener, identity, version)
        return found

    def send(self, how: str, listener: str, method: str, path: str, headers: Headers = (), *,
             identity: Identity | None = None, version: str = "1.3", body: bytes = b"") -> tuple[Answer, Connection]:
        """Send one request on an `open`, a `new` or a `resumed` connection."""
        if how == "open":
            connection = self.kept(listener, identity, version)
            with _closed_on_error(connection):
                return connection.send(method, path, headers, body), connection
        if how == "resumed" and listener != "http" and self._key(listener, identity, version) not in self._sessions:
            self._once(listener, identity, version, "GET", "/", (), b"")
        return self._once(listener, identity, version, method, path, headers, body, resume=how == "resumed")

    def _once(self, listener: str, identity: Identity | None, version: str, method: str, path: str, headers: Headers, body: bytes,
              *, resume: bool = False) -> tuple[Answer, Connection]:
        connection = self.connect(listener, identity, version, resume=resume)
        try:
            answer = connection.send(method, path, headers, body)
            self.keep_session(connection, listener, identity, version)
        finally:
            connection.close()
        return answer, connection

    def close(self) -> None:
        """End every kept connection."""
        for connection in self._open.values():
            connection.close()
        self._open.clear()

    @staticmethod
    def _key(listener: str, identity: Identity | None, version: str) -> tuple[str, str, str]:
        return listener, identity.name if identity else "", version


def caller_of(plane: Any, roots: Path) -> Caller:
    """Return a caller of a data plane's three ports."""
    layout = plane.layout
    return Caller({"https": layout.https_port, "mtls": layout.mtls_port, "http": layout.http_port, "relay": layout.relay_port}, roots)
