"""The mailbox server alone, joined as `wardgate up` joins it: SQLite, group commit, full durability, bodies as files.

Run by mailboxes.py as `python -m bench.mailbox_server SETTINGS`, a JSON file: directory, and port or socket. On a port there is no TLS,
and certificates are not asked for.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from bench.store_server import now, run, serve
from wardgate.audit.model import Event, EventType
from wardgate.catalogue import Environment
from wardgate.jose import JWKSet
from wardgate.security_patterns.snapshot import Snapshot, TokenIssuer
from wardgate.server.clock import Clock
from wardgate.server.installation import MESH_SHARED_KEY
from wardgate.server.messaging import wire_messaging
from wardgate.server.settings import Settings
from wardgate.stores import GroupCommit, Stores
from wardgate.workflows.model import Mailbox, Workflow
from wardgate.workflows.post_office import PostOffice

SENDER: Final = "X26ABC1"
RECEIVER: Final = "X26ABC2"
WORKFLOW: Final = "TEST_WORKFLOW"
PASSWORD: Final = "password"  # noqa: S105 - of mailboxes that end with the bench
SHARED_KEY: Final = "BenchKey"
OFFICE: Final = PostOffice.of(
    [Mailbox(id=SENDER, organisation="X26"), Mailbox(id=RECEIVER, organisation="X26")],
    [Workflow(id=WORKFLOW, senders=(SENDER,), receivers=(RECEIVER,))],
)
"""The mailboxes that the sandbox brings with it as well."""


async def _serve(settings: dict[str, Any], stores: Stores) -> None:
    snapshot = Snapshot(1, Environment(name="bench"), (), {}, {}, {}, TokenIssuer(("https://localhost/oauth2",), "wardgate", JWKSet({}, {}), {"keys": []}),
                        post_office=OFFICE)
    stores.values.put(MESH_SHARED_KEY, SHARED_KEY)
    for mailbox in (SENDER, RECEIVER):
        stores.mailboxes.set_password(mailbox, PASSWORD, Event(EventType.MAILBOX_CHANGED, now()))
    behind_envoy = "socket" in settings
    where: dict[str, Any] = {"uds": settings["socket"]} if behind_envoy else {"host": "127.0.0.1", "port": settings["port"]}
    limits = Settings(data=Path(settings["directory"]), mesh_bind_certificate=behind_envoy)
    async with GroupCommit(stores) as commits:
        async def record(event: Event) -> None:
            await commits.append(event)

        messaging = wire_messaging(limits, stores, lambda: snapshot, Clock(now, timedelta), dict, record)
        messaging.keys.reload()
        await serve(messaging, **where)
        await messaging.close()


if __name__ == "__main__":
    run(_serve)
