"""Mailboxes: send, receive and acknowledge, requests a second with durable storage; memory from 1 to 10,000 queued messages.

Compared with the MESH sandbox of PyPI, in the same run and by the same callers: it writes files and does not wait until they are on the
disk. Wardgate is measured alone, in the same way, and behind Envoy with mutual TLS, as it is run.
"""

import argparse
import asyncio
import contextlib
import json
import os
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bench.caller import context
from bench.machine import (
    SERVER_CORE,
    children,
    cpu_seconds,
    free_ports,
    pin_self,
    resident_megabytes,
    started,
    wait_path,
    wait_port,
)
from bench.mailbox_server import OFFICE, PASSWORD, RECEIVER, SENDER, SHARED_KEY, WORKFLOW
from bench.peers import mesh_sandbox
from bench.plane import running
from bench.report import Verdict, table, verdicts
from bench.systems_world import client_certificate
from bench.world import Population, Realm, self_signed_material
from wardgate.mesh import token

CONNECTIONS: Final = 32
BODY: Final = os.urandom(4_096)
QUEUED: Final = 10_000
CLIENT: Final = "bench.x26.api.mesh-client.nhs.uk"
PEER: Final = "mesh-sandbox, files"
PLAIN: Final = "Wardgate"
BEHIND: Final = "Wardgate behind Envoy, mutual TLS"
READY_SECONDS: Final = 60.0


@dataclass(slots=True)
class Caller:
    """One connection, and tokens of its own."""

    port: int
    certificate: Path | None
    nonce: str = field(default_factory=lambda: secrets.token_hex(16))
    count: int = 0
    reader: asyncio.StreamReader | None = None
    writer: asyncio.StreamWriter | None = None

    async def ask(self, mailbox: str, method: str, path: str, headers: str = "", body: bytes = b"") -> bytes:
        """Ask once, and return the body. Raises `RuntimeError` for a refusal."""
        if self.reader is None or self.writer is None:
            tls = context(self.certificate) if self.certificate is not None else None
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=tls)
        self.count += 1
        made = token.make(mailbox=mailbox, password=PASSWORD, shared_key=SHARED_KEY.encode(), nonce=self.nonce, nonce_count=self.count, now=datetime.now(UTC))
        head = (f"{method} /messageexchange/{mailbox}/{path} HTTP/1.1\r\nHost: localhost\r\nAccept: application/vnd.mesh.v2+json\r\n"
                f"Accept-Encoding: identity\r\nAuthorization: {made}\r\nContent-Length: {len(body)}\r\n{headers}\r\n")
        self.writer.write(head.encode() + body)
        answer = await self.reader.readuntil(b"\r\n\r\n")
        content = await self._body(answer.lower())
        if answer[9:12] not in {b"200", b"202"}:
            raise RuntimeError(f"{method} {path}: {answer[9:12].decode()} {content[:300]!r}")
        return content

    async def _body(self, head: bytes) -> bytes:
        assert self.reader is not None
        if b"transfer-encoding: chunked" not in head:
            return await self.reader.readexactly(int(head.partition(b"content-length:")[2].partition(b"\r\n")[0] or 0))
        found = b""
        while size := int(await self.reader.readline(), 16):
            found += (await self.reader.readexactly(size + 2))[:-2]
        await self.reader.readline()
        return found

    async def send(self) -> str:
        """Send a message, and return its id."""
        headers = f"Mex-To: {RECEIVER}\r\nMex-WorkflowID: {WORKFLOW}\r\nMex-Chunk-Range: 1:1\r\nContent-Type: application/octet-stream\r\n"
        return str(json.loads(await self.ask(SENDER, "POST", "outbox", headers, BODY))["message_id"])

    async def cycle(self) -> int:
        """Send, receive and acknowledge; return how many requests that was."""
        message_id = await self.send()
        if await self.ask(RECEIVER, "GET", f"inbox/{message_id}") != BODY:
            raise RuntimeError("another content came back")
        await self.ask(RECEIVER, "PUT", f"inbox/{message_id}/status/acknowledged")
        return 3

    def close(self) -> None:
        """Drop the connection."""
        if self.writer is not None:
            self.writer.close()


@dataclass(slots=True)
class Contestant:
    """Who is measured."""

    port: int
    pids: tuple[int, ...]
    certificate: Path | None = None
    per_second: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)

    def load(self, seconds: float) -> tuple[float, float]:
        """Load it; return requests a second and CPU µs a request."""
        before, began = cpu_seconds(self.pids), time.monotonic()
        count = asyncio.run(self._all(lambda caller: self._until(caller, began + seconds)))
        return count / (time.monotonic() - began), (cpu_seconds(self.pids) - before) / count * 1e6

    async def greet(self) -> None:
        """Send, receive and acknowledge one message."""
        caller = Caller(self.port, self.certificate)
        try:
            await caller.cycle()
        finally:
            caller.close()

    def queue(self, count: int) -> float:
        """Leave so many messages in the inbox; return the seconds it took."""
        left = iter(range(count))

        async def some(caller: Caller) -> int:
            return len([await caller.send() for _ in left])

        began = time.monotonic()
        asyncio.run(self._all(some))
        return time.monotonic() - began

    async def _all(self, work: Callable[[Caller], Awaitable[int]]) -> int:
        callers = [Caller(self.port, self.certificate) for _ in range(CONNECTIONS)]
        try:
            return sum(await asyncio.gather(*(work(caller) for caller in callers)))
        finally:
            for caller in callers:
                caller.close()

    @staticmethod
    async def _until(caller: Caller, end: float) -> int:
        done = 0
        while time.monotonic() < end:
            done += await caller.cycle()
        return done


@contextlib.contextmanager
def wardgate(directory: Path, **where: int | str) -> Iterator[int]:
    """Run the mailbox server on a port or a socket; yields its process id."""
    directory.mkdir(mode=0o700, exist_ok=True)
    settings = directory / "settings.json"
    settings.write_text(json.dumps({"directory": str(directory), **where}))
    with started([sys.executable, "-m", "bench.mailbox_server", str(settings)], SERVER_CORE, directory / "server.out") as process:
        if "port" in where:
            wait_port(int(where["port"]), READY_SECONDS)
        else:
            wait_path(Path(str(where["socket"])), READY_SECONDS)
        yield process.pid


@contextlib.contextmanager
def contestants(directory: Path) -> Iterator[dict[str, Contestant]]:
    """Run all of them, on one core."""
    tls = self_signed_material()
    certificate = client_certificate(tls, directory, CLIENT)
    sandbox_port, plain_port = free_ports(2)
    snapshot = replace(Realm(Population(applications=1, systems=1, revoked_tokens=1, ended_sign_ins=1), "http://127.0.0.1:9").snapshot(), post_office=OFFICE)
    with contextlib.ExitStack() as stack:
        sandbox = stack.enter_context(mesh_sandbox.running(directory, sandbox_port, SHARED_KEY))
        plain = stack.enter_context(wardgate(directory / "plain", port=plain_port))
        plane = stack.enter_context(running(directory / "plane", snapshot, tls))
        behind = stack.enter_context(wardgate(directory / "behind", socket=str(plane.layout.messaging_socket)))
        yield {
            PEER: Contestant(sandbox_port, tuple(children(sandbox))), PLAIN: Contestant(plain_port, (plain,)),
            BEHIND: Contestant(plane.layout.mtls_port, (behind, plane.pid), certificate),
        }


def speed(who: dict[str, Contestant], rounds: int, seconds: float) -> list[Verdict]:
    """Compare, in interleaved rounds; the first is a warm-up.

    NOTE: each is asked once by itself at first: the sandbox makes a store for every one of the first requests that come together, and forgets all but one.
    """
    for one in who.values():
        asyncio.run(one.greet())
    for number in range(rounds + 1):
        for one in who.values():
            per_second, cpu_us = one.load(seconds if number else 1.0)
            if number:
                one.per_second.append(per_second)
                one.cpu_us.append(cpu_us)
    peer = who[PEER]
    rows = [[name, statistics.median(one.per_second), statistics.median(one.cpu_us), ratio(one, peer)] for name, one in who.items()]
    table([f"send, receive, acknowledge ({len(BODY):,} octets, {CONNECTIONS} connections)", "requests/s", "CPU µs/request", "to the sandbox"], rows)
    return [
        Verdict(f"{name}: requests/s, to the sandbox's", ratio(one, peer), 2.0, " x", at_least=True, note="durable; the sandbox's files are not")
        for name, one in who.items() if one is not peer
    ]


def ratio(one: Contestant, peer: Contestant) -> float:
    """Return the median of the ratios of requests a second, round by round."""
    return statistics.median(ours / theirs for ours, theirs in zip(one.per_second, peer.per_second, strict=True))


def memory(who: Contestant) -> list[Verdict]:
    """Queue messages that nobody collects, and look at the server's memory and at the inbox."""
    (pid,) = who.pids
    who.queue(1)
    before = resident_megabytes(pid)
    seconds = who.queue(QUEUED - 1)
    after = resident_megabytes(pid)
    first, page = asyncio.run(_listed(who))
    print(f"memory with 1 message queued {before:.0f} MB, with {QUEUED:,} {after:.0f} MB; queueing took {seconds:.1f} s; a page of {page} ids {first * 1e3:.1f} ms")
    return [Verdict(f"the mailbox server's memory with {QUEUED:,} messages queued, to 1", after / before, 1.15, " x", note=f"{before:.0f} and {after:.0f} MB")]


async def _listed(who: Contestant) -> tuple[float, int]:
    caller = Caller(who.port, who.certificate)
    try:
        await caller.ask(RECEIVER, "GET", "inbox")
        began = time.monotonic()
        found = json.loads(await caller.ask(RECEIVER, "GET", "inbox"))
        return time.monotonic() - began, len(found["messages"])
    finally:
        caller.close()


def measure(rounds: int = 5, seconds: float = 4.0) -> list[Verdict]:
    """Measure everything and return the promises."""
    pin_self()
    with tempfile.TemporaryDirectory(prefix="wardgate-bench-") as temporary, contestants(Path(temporary)) as who:
        return [*speed(who, rounds, seconds), *memory(who[PLAIN])]


def main() -> None:
    """Measure from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    verdicts(measure(parser.parse_args().rounds))


if __name__ == "__main__":
    main()
