"""What a mailbox server does until it is killed: it takes messages, small and large, and gives them out, saying what it answered.

It is the real server on the real store, asked as its socket would ask it.
"""

import asyncio
import hashlib
import os
import secrets
import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from wardgate.audit import Event
from wardgate.catalogue import Environment
from wardgate.keystores import Sealer
from wardgate.mesh import token as tokens
from wardgate.server.clock import Clock
from wardgate.server.messaging import Messaging, wire_messaging
from wardgate.server.settings import Settings
from wardgate.stores import GroupCommit, open_stores
from wardgate.workflows.model import Mailbox, Workflow
from wardgate.workflows.post_office import PostOffice

KEY = b"k" * 32
PASSWORD = "password"
SHARED_KEY = b"BackBone"
SENDERS, RECEIVERS = 4, 2
CHUNK_BYTES = 100_000
OFFICE = PostOffice.of(
    [Mailbox(id=name, organisation="A1A") for name in ("ALICE", "BOB")], [Workflow(id="LETTER", senders=("ALICE",), receivers=("BOB",))],
)
Say = Callable[[str, object], None]


def live(url: str, life: int, out: Connection) -> None:
    """Serve and be served without end on the database at `url`, with bodies beside it; say what was answered on `out`."""
    warnings.simplefilter("error")

    def say(kind: str, done: object) -> None:
        os.write(out.fileno(), f"{kind} {done}\n".encode())

    asyncio.run(_work(url, life, say))


def directory_of(url: str) -> Path:
    """Where the bodies are."""
    return Path(url.removeprefix("sqlite:///")).parent / "mesh"


async def _work(url: str, life: int, say: Say) -> None:
    stores = open_stores(url, Sealer([KEY]))
    snapshot: Any = SimpleNamespace(post_office=OFFICE, environment=Environment(name="unit"))
    settings = Settings(data=directory_of(url).parent, mesh_bind_certificate=False)
    async with GroupCommit(stores) as commits:
        async def record(event: Event) -> None:
            await commits.append(event)

        messaging = wire_messaging(settings, stores, lambda: snapshot, Clock(lambda: datetime.now(UTC), timedelta), dict, record)
        messaging.keys.reload()
        caller = Caller(messaging)
        say("ready", life)
        await asyncio.gather(
            *[_send(caller, say) for _ in range(SENDERS)], *[_receive(caller, number, say) for number in range(RECEIVERS)],
        )


class Caller:
    """Asks the server as Envoy's socket would."""

    def __init__(self, messaging: Messaging) -> None:
        self._messaging, self._count = messaging, count()

    async def ask(self, method: str, mailbox: str, path: str, headers: dict[str, str] | None = None, body: bytes = b"") -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body."""
        token = tokens.make(mailbox=mailbox, password=PASSWORD, shared_key=SHARED_KEY, nonce=secrets.token_hex(16), nonce_count=next(self._count), now=datetime.now(UTC))
        said = {"accept": "application/vnd.mesh.v2+json", "authorization": token, **(headers or {})}
        scope = {"type": "http", "method": method, "path": f"/messageexchange/{mailbox}{path}", "raw_path": None, "query_string": b"",
                 "headers": [(name.encode(), value.encode()) for name, value in said.items()]}
        pieces = [body[start : start + 65_536] for start in range(0, len(body), 65_536)] or [b""]
        arriving = iter({"type": "http.request", "body": piece, "more_body": number < len(pieces)} for number, piece in enumerate(pieces, 1))
        answered: list[Any] = []

        async def receive() -> Any:
            await asyncio.sleep(0)
            return next(arriving)

        async def send(message: Any) -> None:
            answered.append(message)

        await self._messaging(scope, receive, send)
        found = {name.decode(): value.decode() for name, value in answered[0]["headers"]}
        return answered[0]["status"], found, b"".join(message.get("body", b"") for message in answered[1:])


async def _send(caller: Caller, say: Say) -> None:
    """Send a small message and a large one in three chunks, in turn."""
    while True:
        for chunks, size in ((1, 500), (3, CHUNK_BYTES)):
            bodies = [secrets.token_bytes(size) for _ in range(chunks)]
            digest = hashlib.sha256(b"".join(bodies)).hexdigest()
            headers = {"mex-to": "BOB", "mex-workflowid": "LETTER", "mex-chunk-range": f"1:{chunks}", "mex-subject": digest}
            status, _, answer = await caller.ask("POST", "ALICE", "/outbox", headers, bodies[0])
            assert status == 202, answer
            message_id = answer.decode().split('"')[3]
            say("begun", message_id)
            for number in range(2, chunks + 1):
                status, _, answer = await caller.ask("POST", "ALICE", f"/outbox/{message_id}/{number}", {"mex-chunk-range": f"{number}:{chunks}"}, bodies[number - 1])
                assert status == 202, answer
            say("sent", f"{message_id} {digest}")


async def _receive(caller: Caller, number: int, say: Say) -> None:
    """Read what waits, check it, acknowledge it. Some are left for another life."""
    while True:
        await asyncio.sleep(0)
        status, _, answer = await caller.ask("GET", "BOB", "/inbox")
        assert status == 200, answer
        waiting = [part for part in answer.decode().split('"') if "_" in part and part[:8].isdigit()]
        for message_id in waiting:
            if hash_of(message_id) % (RECEIVERS + 1) == number:
                await _take(caller, message_id, say)


async def _take(caller: Caller, message_id: str, say: Say) -> None:
    status, headers, whole = await caller.ask("GET", "BOB", f"/inbox/{message_id}")
    chunk = 1
    while status == 206:
        chunk += 1
        status, _, more = await caller.ask("GET", "BOB", f"/inbox/{message_id}/{chunk}")
        whole += more
    assert status == 200, (status, whole[:200])
    assert hashlib.sha256(whole).hexdigest() == headers["mex-subject"]
    say("read", message_id)
    status, _, answer = await caller.ask("PUT", "BOB", f"/inbox/{message_id}/status/acknowledged")
    assert status == 200, answer
    say("acknowledged", message_id)


def hash_of(message_id: str) -> int:
    """The same in every process."""
    return int(hashlib.sha256(message_id.encode()).hexdigest()[:8], 16)
