"""A mailbox server with real stores, in this process, and callers with tokens and certificates of their own."""

import asyncio
import contextlib
import itertools
import json
import secrets
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx2

from wardgate.audit.model import Event, EventType
from wardgate.keystores import Sealer
from wardgate.mesh import token
from wardgate.messaging import MailboxServer, MeshSettings, MessagingApp
from wardgate.stores import Stores, open_stores
from wardgate.stores.bodies import FileBodies
from wardgate.stores.errors import StoreUnavailable
from wardgate.stores.mailbox_lane import MailboxLane
from wardgate.workflows.model import Mailbox, Workflow
from wardgate.workflows.post_office import PostOffice

NOW: Final = datetime(2026, 11, 21, 9, 30, 20, tzinfo=UTC)
SHARED_KEY: Final = b"TestKey"
PASSWORD: Final = "password"
STORE_KEY: Final = b"mailbox-server-store-key-32bytes"
URL: Final = "http://127.0.0.1:8701"
BASE: Final = "/messageexchange"

MAILBOXES: Final = (
    Mailbox(id="ALICE", organisation="Z9X01", name="Alice's"), Mailbox(id="BOB", organisation="Z9X02", name="Bob's"),
    Mailbox(id="CAROL", organisation="Z9X03"), Mailbox(id="DAVE", organisation="Z9X04", active=False), Mailbox(id="ERIN", organisation="Z9X05"),
    Mailbox(id="FRANK", organisation="Z9X06", certificates=("frank.example.nhs.uk",)),
)
WORKFLOWS: Final = (
    Workflow(id="LETTERS", senders=("ALICE", "FRANK"), receivers=("BOB", "DAVE", "ALICE")),
    Workflow(id="NOTES", senders=("BOB",), receivers=("ALICE", "BOB")),
)
OFFICE: Final = PostOffice.of(MAILBOXES, WORKFLOWS)
WITHOUT_PASSWORD: Final = "ERIN"
ORGANISATIONS: Final = {mailbox.id: mailbox.organisation for mailbox in MAILBOXES}

V1, V2 = "application/vnd.mesh.v1+json", "application/vnd.mesh.v2+json"


def certificate(mailbox: str) -> str:
    """Return what Envoy forwards of the certificate of a mailbox's client."""
    return forwarded(f"pc1.{ORGANISATIONS.get(mailbox, 'Z9X09').lower()}.api.mesh-client.nhs.uk")


def forwarded(*names: str) -> str:
    """Return the header about a certificate with these names."""
    return f"Hash={'a' * 64};" + ";".join(f"DNS={name}" for name in names)


@dataclass
class Place:
    """A running application. `now` may be moved; `events` are those that were recorded one by one."""

    app: MessagingApp
    server: MailboxServer
    stores: Stores
    client: httpx2.AsyncClient
    now: datetime = NOW
    counts: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def token(self, mailbox: str, **other: Any) -> str:
        """Return a new token of a mailbox."""
        stated: dict[str, Any] = {
            "mailbox": mailbox, "password": PASSWORD, "shared_key": SHARED_KEY, "nonce": str(uuid.uuid4()), "nonce_count": next(self.counts), "now": self.now,
        }
        return token.make(**stated | other)

    def headers(self, mailbox: str, given: Mapping[str, str | None], accept: str = V2) -> dict[str, str]:
        """Return a good call's headers, with others in place of them; None: without."""
        headers: dict[str, str | None] = {
            "Accept": accept, "Accept-Encoding": "identity", "User-Agent": None, "X-Forwarded-Client-Cert": certificate(mailbox),
            "Authorization": None if "Authorization" in given else self.token(mailbox),
        }
        return {name: value for name, value in (headers | dict(given)).items() if value is not None}

    async def call(self, mailbox: str, method: str, path: str, body: bytes = b"", *, accept: str = V2, **given: str | None) -> httpx2.Response:
        """Send a request as a mailbox. Names of headers have underscores for hyphens."""
        headers = self.headers(mailbox, {name.replace("_", "-"): value for name, value in given.items()}, accept)
        return await self.client.request(method, f"{BASE}/{path}", headers=headers, content=body or None)

    async def send(self, body: bytes = b"hello", *, sender: str = "ALICE", to: str = "BOB", workflow: str = "LETTERS", **headers: str) -> httpx2.Response:
        """Send a first chunk."""
        return await self.call(sender, "POST", f"{sender}/outbox", body, Mex_To=to, Mex_WorkflowID=workflow, **headers)

    async def sent(self, body: bytes = b"hello", **more: Any) -> str:
        """Send a message, and return its id."""
        answer = await self.send(body, **more)
        assert answer.status_code == 202, answer.text
        found: str = answer.json()["message_id"]
        return found

    async def inbox(self, mailbox: str = "BOB", query: str = "") -> list[str]:
        """Return what waits."""
        answer = await self.call(mailbox, "GET", f"{mailbox}/inbox{query}")
        assert answer.status_code == 200, answer.text
        found: list[str] = answer.json()["messages"]
        return found

    async def acknowledge(self, message_id: str, mailbox: str = "BOB") -> httpx2.Response:
        """Acknowledge."""
        return await self.call(mailbox, "PUT", f"{mailbox}/inbox/{message_id}/status/acknowledged")

    def recorded(self) -> int:
        """Return the number of the last record."""
        head = self.stores.audit.head()
        return 0 if head is None else head.seq

    def record(self, *kinds: EventType, after: int = 0) -> list[dict[str, Any]]:
        """Return the bodies of what was recorded after a number, of these kinds."""
        found = [json.loads(row.body) for row in self.stores.audit.read(after, 10_000)]
        return [event for event in found if not kinds or event["type"] in kinds]


class Down:
    """A store that cannot be reached."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def refuse(*_arguments: Any, **_named: Any) -> Any:
            raise StoreUnavailable("the disk is gone")

        return refuse


@contextlib.asynccontextmanager
async def a_place(url: str, directory: Path, settings: MeshSettings | None = None, **other: Any) -> AsyncIterator[Place]:
    """Run the application with a database of this URL, and bodies below a directory."""
    stores = open_stores(url, Sealer([STORE_KEY]), migrate=False)
    lane = MailboxLane(stores.mailboxes)
    pool = ThreadPoolExecutor(4, "mailboxes")

    async def record(event: Event) -> None:
        await asyncio.get_running_loop().run_in_executor(pool, stores.audit.append, [event])

    place: Place

    def now() -> datetime:
        place.now += timedelta(microseconds=1)
        return place.now

    parts: dict[str, Any] = {
        "settings": settings or MeshSettings(), "post_office": lambda: OFFICE, "passwords": lambda mailbox: None if mailbox == WITHOUT_PASSWORD else PASSWORD,
        "shared_key": lambda: SHARED_KEY, "step": lane.step, "mailboxes": stores.mailboxes, "bodies": FileBodies(directory), "record": record, "now": now,
        "random": secrets.token_bytes, "pool": pool, "is_live": False, "organisation_name": lambda ods: f"Practice {ods}",
    }
    server = MailboxServer(**parts | other)
    app = MessagingApp(server)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url=URL) as client:
        place = Place(app, server, stores, client)
        try:
            yield place
        finally:
            await lane.close()
            app.close()
            stores.close()


__all__ = ["MAILBOXES", "NOW", "V1", "V2", "Down", "Place", "a_place", "certificate", "forwarded"]
