"""A caller that keeps a TLS connection open and asks again and again: what a rotation must not disturb."""

import asyncio
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

TIMEOUT_SECONDS = 5.0


def context(certificate: Path | None = None) -> ssl.SSLContext:
    """Return a client's TLS context that takes any server, with a client certificate (chain and key in one file) if given."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    if certificate is not None:
        made.load_cert_chain(certificate)
    return made


@dataclass(slots=True)
class Connection:
    """One HTTP/1.1 connection, opened when it is first used."""

    port: int
    tls: ssl.SSLContext
    reader: asyncio.StreamReader | None = None
    writer: asyncio.StreamWriter | None = None

    async def get(self, path: str, headers: Mapping[str, str]) -> int:
        """Return the status of one request. Raises `OSError`, `ssl.SSLError`, `TimeoutError` or `asyncio.IncompleteReadError`."""
        async with asyncio.timeout(TIMEOUT_SECONDS):
            if self.writer is None or self.reader is None:
                self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=self.tls)
            lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            self.writer.write(f"GET {path} HTTP/1.1\r\nhost: localhost\r\n{lines}\r\n".encode())
            head = (await self.reader.readuntil(b"\r\n\r\n")).lower()
            length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
            await self.reader.readexactly(int(length or 0))
            if b"\r\nconnection: close" in head:
                self.close()
            return int(head[9:12])

    def close(self) -> None:
        """Drop the connection; the next request opens another."""
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None


@dataclass(slots=True)
class Tally:
    """What became of requests: how many, and those that were lost, each with when and why."""

    requests: int = 0
    lost: list[tuple[float, str]] = field(default_factory=list)


FAILURES = (OSError, TimeoutError, asyncio.IncompleteReadError, EOFError)


async def keep_asking(
    connection: Callable[[], Connection], path: str, headers: Callable[[], Mapping[str, str]], tally: Tally, stop: asyncio.Event, *,
    new_each_time: bool, pause: float = 0.002,
) -> None:
    """Ask until told to stop, on one connection or on a new one for each request; every answer but 200 counts as lost."""
    current = connection()
    while not stop.is_set():
        tally.requests += 1
        try:
            status = await current.get(path, headers())
            if status != 200:
                tally.lost.append((time.monotonic(), f"status {status}"))
        except FAILURES as error:
            tally.lost.append((time.monotonic(), type(error).__name__))
            current.close()
        if new_each_time:
            current.close()
            current = connection()
        await asyncio.sleep(pause)
    current.close()


async def seconds_until(wanted: Callable[[int], bool], connection: Connection, path: str, headers: Mapping[str, str], limit_seconds: float = 15.0) -> float:
    """Ask on an open connection until the answer is as wanted and return when, by `time.monotonic`. Raises `TimeoutError`."""
    deadline = time.monotonic() + limit_seconds
    while time.monotonic() < deadline:
        status = await connection.get(path, headers)
        if wanted(status):
            return time.monotonic()
        await asyncio.sleep(0.005)
    raise TimeoutError(f"the answer did not change within {limit_seconds:.0f} s")
