"""An endpoint behind the secure proxy: TLS that demands a certificate, and a record of every byte it was sent."""

import contextlib
import socket
import ssl
import threading
import time
from pathlib import Path
from typing import Any

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/fhir+json\r\nX-Own: kept\r\nX-Wardgate-Reason: spoofed\r\nContent-Length: 2\r\n\r\n{}"


class Endpoint:
    """Serves one connection a thread. `answer` is what it says to everything, after `delay_seconds`; empty: it hangs up."""

    def __init__(self, certificate: Path, key: Path, roots: Path) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        context.load_verify_locations(roots)
        context.verify_mode = ssl.CERT_REQUIRED
        self.context = context
        self.answer, self.delay_seconds = ANSWER, 0.0
        self.requests: list[tuple[bytes, bytes]] = []
        """Head and body of each request, as they came."""
        self.peers: list[Any] = []
        """The certificate of each caller."""
        self.server_names: list[str | None] = []
        context.sni_callback = lambda _socket, name, _context: self.server_names.append(name)  # type: ignore[assignment]
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.accepted = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                plain, _ = self._listening.accept()
                self.accepted += 1
                threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), self.context.wrap_socket(plain, server_side=True) as stream:
            self.peers.append(stream.getpeercert())
            left = b""
            while True:
                while b"\r\n\r\n" not in left:
                    left += _some(stream)
                head, _, left = left.partition(b"\r\n\r\n")
                while not _whole(head, left):
                    left += _some(stream)
                self.requests.append((head, left))
                left = b""
                time.sleep(self.delay_seconds)
                if not self.answer:
                    return
                stream.sendall(self.answer)
                if b"Connection: close" in self.answer:
                    return

    def close(self) -> None:
        """Serve no more."""
        self._listening.close()


def _some(stream: ssl.SSLSocket) -> bytes:
    found = stream.recv(65536)
    if not found:
        raise ConnectionResetError
    return found


def _whole(head: bytes, body: bytes) -> bool:
    lowered = head.lower()
    if b"transfer-encoding: chunked" in lowered:
        return body.endswith(b"0\r\n\r\n")
    length = next((int(line.partition(b":")[2]) for line in lowered.split(b"\r\n") if line.startswith(b"content-length:")), 0)
    return len(body) >= length
