"""Mailboxes of this installation: the mailbox server joined to its stores, and what becomes of messages with time."""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final

from wardgate.audit.model import Detail, Event, EventType, Personal
from wardgate.directory import Organisation
from wardgate.mesh import reports
from wardgate.mesh.forms import ID_RANDOM_BYTES, message_id
from wardgate.mesh.model import MailboxMessage
from wardgate.messaging import MailboxServer, MeshSettings, MessagingApp
from wardgate.security_patterns.snapshot import Snapshot
from wardgate.server.clock import Clock
from wardgate.server.installation import MESH_SHARED_KEY
from wardgate.server.settings import Settings
from wardgate.stores import Stores
from wardgate.stores.bodies import FileBodies
from wardgate.stores.mailbox_lane import MailboxLane
from wardgate.stores.mailboxes import Bodies, Done, MailboxStep, PostChunk

AT_ONCE: Final = 200
"""How many messages expire, or are forgotten, in one step: others wait for it."""
STEP_SECONDS: Final = 3600.0
"""A body whose step has not come for so long belongs to no message: none takes that long."""
SHIFT: Final = "clock_shift_seconds"


@dataclass(slots=True)
class MeshSecrets:
    """Passwords, and the key that all clients of the environment share, as read last."""

    stores: Stores
    _passwords: Mapping[str, str] = field(default_factory=dict, repr=False)
    _shared_key: bytes = field(default=b"", repr=False)

    def reload(self) -> None:
        """Read them; the first start makes the shared key. Blocking."""
        self._passwords = self.stores.mailboxes.passwords()
        self._shared_key = self.stores.values.set_if_absent(MESH_SHARED_KEY, secrets.token_urlsafe(32)).encode()

    def password(self, mailbox: str) -> str | None:
        """Return a mailbox's password, if it has one."""
        return self._passwords.get(mailbox)

    def shared_key(self) -> bytes:
        """Return the key. Raises `LookupError` before the first `reload`."""
        if not self._shared_key:
            raise LookupError("the key of mailboxes was not read yet")
        return self._shared_key


@dataclass(frozen=True, slots=True)
class MessagingChores:
    """What must happen to messages now and then. Every method is blocking and safe to repeat."""

    stores: Stores
    bodies: Bodies
    snapshot: Callable[[], Snapshot]
    clock: Clock
    collect_days: int
    keep_days: int

    def expire(self) -> None:
        """Report to senders what was not collected in time, and all that waits for a mailbox that is not active, or is gone; by the virtual clock."""
        while len(self.stores.mailboxes.expire(self.clock.now(), AT_ONCE, self._uncollected)) == AT_ONCE:
            pass
        for mailbox in self.snapshot().post_office.mailboxes.values():
            if not mailbox.active and self.stores.mailboxes.count(mailbox.id):
                while len(self.stores.mailboxes.expire(self.clock.now(), AT_ONCE, self._deactivated, mailbox.id)) == AT_ONCE:
                    pass

        for gone in set(self.stores.mailboxes.waited_for()) - self.snapshot().post_office.mailboxes.keys():
            # NOTE: the store says it, not the snapshot alone: a mailbox may have been made a moment ago
            if self.stores.documents.get("mailboxes", gone) is None:
                self._give_up(gone)

    def _give_up(self, mailbox: str) -> None:
        """Nobody will collect what waits: its senders are told. Reports that wait there are of nobody's concern, least of all of whoever has the id next."""
        while len(self.stores.mailboxes.expire(self.clock.now(), AT_ONCE, self._deactivated, mailbox)) == AT_ONCE:
            pass
        while self.stores.mailboxes.purge(self.clock.now() + timedelta(days=1), AT_ONCE, mailbox, reports_only=True)[0]:
            pass

    def purge(self) -> None:
        """Forget messages and their bodies when they have been kept for their time; by the real clock, as everything is forgotten."""
        number = 1
        while number:
            number, places = self.stores.mailboxes.purge(self.clock.real() - timedelta(days=self.keep_days), AT_ONCE)
            self.bodies.remove(places)

    def sweep(self) -> None:
        """Remove bodies that belong to no message: their senders, or this process, ended before the step that would have kept them."""
        self.bodies.sweep(STEP_SECONDS, self.stores.mailboxes.known_places)

    def _uncollected(self, message: MailboxMessage) -> tuple[MailboxMessage, Event]:
        return self._told(message, deactivated=False)

    def _deactivated(self, message: MailboxMessage) -> tuple[MailboxMessage, Event]:
        return self._told(message, deactivated=True)

    def _told(self, message: MailboxMessage, *, deactivated: bool) -> tuple[MailboxMessage, Event]:
        """Return the report for the sender of a message, and the event."""
        now = self.clock.now()
        report_id = message_id(now, secrets.token_bytes(ID_RANDOM_BYTES))
        report = reports.not_collected(message, report_id, now, self.collect_days, deactivated=deactivated)
        details: dict[str, Detail] = {
            "mailbox": message.recipient, "mex_message_id": message.id, "sender": message.sender, "recipient": message.recipient,
            "workflow": message.workflow, "bytes": message.size, "report_id": report_id, "deactivated": deactivated,
        }
        if message.local_id:
            details["local_id"] = Personal(message.local_id)
        return report, timed(Event(EventType.MAILBOX_EXPIRED, now, message_id=message.id, details=details), self.clock.shift())


@dataclass(slots=True)
class Messaging:
    """The mailbox server and all that belongs to it."""

    keys: MeshSecrets
    chores: MessagingChores
    _lane: MailboxLane
    _snapshot: Callable[[], Snapshot]
    _app: MessagingApp
    _live: MessagingApp
    """The same without what tests may relax: of an environment that went live."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request: the ASGI application of the messaging socket."""
        await (self._live if self._snapshot().environment.live else self._app)(scope, receive, send)

    async def close(self) -> None:
        """End the lane and the threads, when nobody asks any more."""
        await self._lane.close()
        self._app.close()


def wire_messaging(
    settings: Settings, stores: Stores, snapshot: Callable[[], Snapshot], clock: Clock,
    organisations: Callable[[], Mapping[str, Organisation]], record: Callable[[Event], Awaitable[object]],
) -> Messaging:
    """Join the mailbox server. Call it on the loop that will run it, and `keys.reload` before it is asked anything."""
    bodies = FileBodies(settings.mesh_directory or settings.data / "mesh")
    lane = MailboxLane(stores.mailboxes)
    keys = MeshSecrets(stores)
    limits = mesh_settings(settings)

    async def step(one: MailboxStep) -> Done:
        return await lane.step(timed_step(one, clock.shift()))

    async def told(event: Event) -> object:
        return await record(timed(event, clock.shift()))

    def organisation_name(ods: str) -> str:
        found = organisations().get(ods)
        return found.name if found is not None else ""

    server = MailboxServer(
        settings=limits, post_office=lambda: snapshot().post_office, passwords=keys.password, shared_key=keys.shared_key, step=step,
        mailboxes=stores.mailboxes, bodies=bodies, record=told, now=clock.now, random=secrets.token_bytes, is_live=False,
        organisation_name=organisation_name,
    )
    live = replace(server, is_live=True, settings=replace(limits, enforce_workflows=True))
    chores = MessagingChores(stores, bodies, snapshot, clock, settings.mesh_collect_days, settings.mesh_keep_days)
    return Messaging(keys, chores, lane, snapshot, MessagingApp(server), MessagingApp(live))


def mesh_settings(settings: Settings) -> MeshSettings:
    """Return what the settings of this installation mean for the mailbox server."""
    return MeshSettings(
        bind_certificate=settings.mesh_bind_certificate, serve_acknowledged=settings.mesh_serve_acknowledged, consume_token_on_5xx=settings.mesh_token_on_5xx,
        verify_checksum=settings.mesh_verify_checksum, enforce_workflows=settings.mesh_enforce_workflows, test_routes=settings.mesh_test_routes,
        max_request_bytes=settings.mesh_request_bytes, max_message_bytes=settings.mesh_message_bytes, max_chunks=settings.mesh_chunks,
        compress_bytes=settings.mesh_compress_bytes, max_inflated_bytes=settings.mesh_inflated_bytes, max_inflate_ratio=settings.mesh_inflate_ratio,
        max_transfers=settings.mesh_transfers, max_mailbox_transfers=settings.mesh_mailbox_transfers, idle_seconds=settings.mesh_idle_seconds, least_bytes_per_second=settings.mesh_least_bytes_per_second,
        expiry_days=settings.mesh_collect_days,
    )


def timed(event: Event, shift: timedelta) -> Event:
    """Return an event of the virtual time as it is recorded: by the real one, saying how far the clock was ahead."""
    if not shift:
        return event
    return replace(event, at=event.at - shift, details={**event.details, SHIFT: int(shift.total_seconds())})


def timed_step(step: MailboxStep, shift: timedelta) -> MailboxStep:
    """Return a step whose event is timed."""
    if not shift:
        return step
    if isinstance(step, PostChunk):
        return replace(step, completed=timed(step.completed, shift))
    return step if step.event is None else replace(step, event=timed(step.event, shift))

