"""Two installations that write to each other through one mailbox server, all in this process: X26 to RY6, and back."""

import asyncio
import contextlib
import functools
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx2

from mesh_rows.place import BASE, PASSWORD, SHARED_KEY, URL, Place, a_place, forwarded
from message_world import NOW, World
from unit.itk3.sample import resources
from wardgate.client import MeshCredentials, MeshMailbox
from wardgate.client.retry import RetryPolicy
from wardgate.exchange.handler import MessageHandler
from wardgate.exchange.outgoing import Route, Wishes
from wardgate.exchange.parts import Parts, Patience
from wardgate.keystores import Sealer
from wardgate.sealing.keys import Use
from wardgate.stores import Stores, open_stores
from wardgate.stores.bodies import FileBodies
from wardgate.stores.exchange import Direction, HandledMessage
from wardgate.workflows.model import Mailbox, MessageRules, Protection, Workflow
from wardgate.workflows.post_office import PostOffice

SENDER, RECIPIENT, STRANGER = "X26OT001", "RY6OT002", "RQMOT003"
ODS: Final = {SENDER: "X26", RECIPIENT: "RY6", STRANGER: "RQM"}
WORKFLOW: Final = "LETTERS"
STORE_KEY: Final = b"message-handlers-store-key-32byt"
MAILBOXES: Final = tuple(Mailbox(id=name, organisation=ods) for name, ods in ODS.items())
NO_RETRY: Final = RetryPolicy(attempts=1)


class Killed(BaseException):
    """The process ended here."""


def office(rules: MessageRules | None = None, **more: Any) -> PostOffice:
    """Both sides' post office: a workflow from the sender, and the stranger, to the recipient."""
    stated: dict[str, Any] = {"id": WORKFLOW, "senders": (SENDER, STRANGER), "receivers": (RECIPIENT,), "messages": rules or MessageRules()}
    return PostOffice.of(MAILBOXES, [Workflow(**stated | more)])


class Ours:
    """The private keys of some organisations of a world."""

    def __init__(self, world: World, *organisations: str) -> None:
        self._world, self._of = world, organisations

    def signing_key(self, organisation: str) -> Any:
        """`HeldKeys`."""
        return self._world.signing_key(organisation) if organisation in self._of else None

    def decryption_key(self, kid: str) -> Any:
        """`HeldKeys`."""
        key = self._world.keys.get(kid)
        return self._world.held.get(kid) if key is not None and key.organisation in self._of else None

    def decryption_key_of(self, sha256: bytes) -> Any:
        """`HeldKeys`."""
        found = self._world.by_certificate(sha256)
        return self.decryption_key(found.kid) if found else None

    def decryption_keys(self) -> list[Any]:
        """`HeldKeys`."""
        return [held for kid, held in self._world.held.items() if self._world.keys[kid].use is Use.ENCRYPTION and self._world.keys[kid].organisation in self._of]


@dataclass
class Bridge(httpx2.BaseTransport):
    """From a client on any thread to the application on its loop. `faults` may do, spoil, lose or kill each request."""

    place: Place
    loop: asyncio.AbstractEventLoop
    shown: str
    fault: Callable[[httpx2.Request, Callable[[], httpx2.Response]], httpx2.Response] = lambda _request, do: do()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answer."""
        request.read()
        request.headers["x-forwarded-client-cert"] = self.shown
        return self.fault(request, lambda: asyncio.run_coroutine_threadsafe(self._ask(request), self.loop).result(20))

    async def _ask(self, request: httpx2.Request) -> httpx2.Response:
        inner = httpx2.Request(request.method, request.url, headers=request.headers, content=request.content)
        answer = await httpx2.ASGITransport(app=self.place.app).handle_async_request(inner)
        content = await answer.aread()
        return httpx2.Response(answer.status_code, headers=answer.headers.raw, stream=httpx2.ByteStream(content))


@dataclass
class Still:
    """The server's time; waiting takes none of it."""

    place: Place

    def now(self) -> datetime:
        """The time of day."""
        return self.place.now.astimezone(UTC)

    def monotonic(self) -> float:
        """No time."""
        return 0.0

    def sleep(self, seconds: float) -> None:
        """Do not wait."""

    async def asleep(self, seconds: float) -> None:
        """Do not wait."""


@dataclass
class Installation:
    """One message handler with a store of its own."""

    mailbox: str
    stores: Stores
    handler: MessageHandler
    bridge: Bridge
    opened: list[MeshMailbox] = field(default_factory=list)

    @property
    def parts(self) -> Parts:
        """Its parts."""
        return self.handler.parts

    def with_parts(self, **changes: Any) -> MessageHandler:
        """The handler as another process has it, with other parts."""
        return MessageHandler(replace(self.parts, **changes))

    def rows(self, direction: Direction | None = None) -> list[HandledMessage]:
        """Every message, oldest first."""
        from wardgate.stores.exchange import Stage  # noqa: PLC0415

        found = [row for stage in Stage for row in self.stores.exchange.waiting(stage, limit=1_000)]
        return sorted((row for row in found if direction in (None, row.direction)), key=lambda row: (row.created, row.key))

    def events(self) -> list[dict[str, Any]]:
        """The record."""
        import json  # noqa: PLC0415

        return [json.loads(row.body) for row in self.stores.audit.read(0, 10_000)]


@dataclass
class Exchanging:
    """The server, both sides, and a stranger's client."""

    place: Place
    world: World
    sender: Installation
    recipient: Installation
    offices: dict[str, PostOffice]
    open_stranger: Callable[[], Installation]

    @functools.cached_property
    def stranger(self) -> Installation:
        """Somebody else's mailbox: few tests hear of it, so it is opened by those."""
        return self.open_stranger()

    def rules(self, rules: MessageRules | None = None, *only: str, **more: Any) -> None:
        """State other rules, at the server and both sides, or one side only."""
        for name in only or tuple(self.offices):
            self.offices[name] = office(rules, **more)

    def send(self, **changes: Any) -> HandledMessage:
        """Send the letter."""
        route = Route(**{"mailbox": SENDER, "to": RECIPIENT, "workflow": WORKFLOW, **{k: v for k, v in changes.items() if k in {"to", "role", "on_behalf_of", "form", "workflow"}}})
        wishes = Wishes(**{k: v for k, v in changes.items() if k not in {"to", "role", "on_behalf_of", "form", "workflow"}})
        return self.sender.handler.send(route, resources(), wishes)

    def later(self, **delta: float) -> None:
        """Let time go by."""
        self.place.now += timedelta(**delta)

    def exchange(self, rounds: int = 3) -> None:
        """Let both sides receive and do what is due, until there is nothing."""
        for _ in range(rounds):
            moved = 0
            for side in (self.recipient, self.sender):
                found = side.handler.receive(side.mailbox)
                moved += len(found.messages) + found.reports + found.again + side.handler.drive()
            if not moved:
                break


def _installation(mailbox: str, place: Place, loop: asyncio.AbstractEventLoop, world: World, url: str, directory: Path, offices: dict[str, PostOffice]) -> Installation:
    stores = open_stores(url, Sealer([STORE_KEY]), migrate=False)
    bridge = Bridge(place, loop, forwarded(f"pc1.{ODS[mailbox].lower()}.api.mesh-client.nhs.uk"))
    opened: list[MeshMailbox] = []

    def post(name: str) -> MeshMailbox:
        assert name == mailbox
        opened.append(MeshMailbox(URL, MeshCredentials(name, PASSWORD, SHARED_KEY), clock=Still(place), transport=bridge, compressed_downloads=False, retry=NO_RETRY))
        return opened[-1]

    parts = Parts(
        stores.exchange, FileBodies(directory), stores.audit.append, lambda: offices[mailbox], lambda: world, Ours(world, ODS[mailbox]), post,
        lambda: place.now.astimezone(UTC), os.urandom, patience=Patience(attempts=4),
    )
    return Installation(mailbox, stores, MessageHandler(parts), bridge, opened)


@contextlib.contextmanager
def undelayed(directory: Path) -> Iterator[Path]:
    """A directory whose commits wait for no disk, where the machine has one; else the one given. Nothing here cuts the power: `tests/crash` kills."""
    memory = Path("/dev/shm")  # noqa: S108 - a directory of our own is made in it
    if not os.access(memory, os.W_OK):
        yield directory
        return
    with tempfile.TemporaryDirectory(prefix="wardgate-", dir=memory) as name:
        yield Path(name)


@contextlib.contextmanager
def exchanging(new_database: Callable[[Path], str], directory: Path) -> Iterator[Exchanging]:
    """Run it all."""
    world = World()
    for ods in ODS.values():
        world.add(ods, Use.SIGNING)
        world.add(ods, Use.ENCRYPTION)
    offices = {name: office() for name in ("server", *ODS)}
    loop, ready, stop = asyncio.new_event_loop(), threading.Event(), asyncio.Event()
    found: list[Place] = []

    async def run() -> None:
        async with a_place(new_database(directory / "mesh.db"), directory / "mesh", post_office=lambda: offices["server"]) as place:
            place.now = NOW
            found.append(place)
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),), daemon=True)
    thread.start()
    assert ready.wait(20)
    sides: list[Installation] = []

    def side(name: str) -> Installation:
        sides.append(_installation(name, found[0], loop, world, new_database(directory / f"{name}.db"), directory / name, offices))
        return sides[-1]

    try:
        yield Exchanging(found[0], world, side(SENDER), side(RECIPIENT), offices, functools.partial(side, STRANGER))
    finally:
        for one in sides:
            for client in one.opened:
                client.close()
            one.stores.close()
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)
        loop.close()


__all__ = ["BASE", "ODS", "RECIPIENT", "SENDER", "STRANGER", "WORKFLOW", "Exchanging", "Installation", "Killed", "MessageRules", "Protection", "exchanging", "office", "undelayed"]
