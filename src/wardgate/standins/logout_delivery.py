"""Telling clients that a session is over (Back-Channel Logout 1.0 section 2.5; user-restricted 11.8).

What is to be told is put into the store's outbox in the step that ends the session, so that it outlives the process. Whichever
process is free takes what is due and posts a logout token made at that moment. A client that does not take it is asked again
after each pause; what was not delivered by then is recorded and forgotten.
"""

import asyncio
import json
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Final, Self

from starlette.concurrency import run_in_threadpool

from wardgate.audit.model import EventType, Outcome
from wardgate.jose import sign
from wardgate.oauth.users import ProviderKind
from wardgate.standins.clients import Client, find_client
from wardgate.standins.dependencies import StandIns
from wardgate.standins.record import note
from wardgate.standins.sessions import Session
from wardgate.standins.surfaces import SURFACES, Surface
from wardgate.stores.errors import StoreError
from wardgate.stores.ports import KeptEntry, Parcel

EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
TOKEN_SECONDS: Final = 120
POLL_SECONDS: Final = 1.0
"""How often the outbox is looked into for what another process left, or an earlier one."""
AT_ONCE: Final = 32
"""Clients that are being told at the same time, so that a slow one does not hold up the others."""
MARGIN_SECONDS: Final = 5.0
"""A delivery is another process's when it is not over this long after the client's time is up."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Letter:
    """Which client is told what. `base` names the provider, `origin` the address of it that the client uses."""

    base: str
    client_id: str
    origin: str
    sid: str
    sub: str

    @classmethod
    def read(cls, body: str) -> Self:
        """Return what `write` wrote."""
        return cls(**json.loads(body))

    def write(self) -> str:
        """Return the letter as a parcel's body."""
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one attempt. `told` may be recorded."""

    told: str
    is_taken: bool = False
    is_last: bool = False
    """The client understood and refused, or there is nobody to ask again."""


def letters(deps: StandIns, session: Session, ended: Sequence[KeptEntry]) -> list[Letter]:
    """Return a letter to each client that the person signed in to and that wants to be told."""
    found = []
    for body in (json.loads(entry.body) for entry in ended if entry.body.startswith("{")):
        if "party" not in body:
            continue
        surface = SURFACES[body["base"]]
        client = find_client(deps, surface, body["party"])
        if client is not None and client.backchannel_logout_uri is not None:
            found.append(Letter(surface.base, client.client_id, body["origin"], session.sid, _subject(deps, surface, session)))
    return found


def parcel(deps: StandIns, letter: Letter) -> Parcel:
    """Return the letter as it goes into the outbox, due now."""
    return Parcel(deps.identifier(), letter.write(), deps.real_now())


def _subject(deps: StandIns, surface: Surface, session: Session) -> str:
    user = deps.identities().person(surface.kind, session.sign_in.username)
    if surface.kind is ProviderKind.CIS2 or user is None or user.patient is None:
        return session.sign_in.username
    return user.patient.subject


class LogoutDelivery:
    """Empties the outbox. One of these runs in every process that serves stand-ins."""

    def __init__(self, deps: StandIns) -> None:
        self._deps = deps
        self._under_way: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Deliver what is due, at once when something was put in here, until cancelled. What is under way then stays in the outbox."""
        try:
            while True:
                self._deps.posted.clear()
                try:
                    await self.take_up()
                except StoreError as fault:
                    _log.warning("logout tokens could not be looked for (%s); they will be", fault)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._deps.posted.wait(), POLL_SECONDS)
        finally:
            for task in self._under_way:
                task.cancel()
            await asyncio.gather(*self._under_way, return_exceptions=True)

    async def take_up(self) -> int:
        """Begin to deliver what is due, as much as may be under way at once; return how much that is."""
        free = AT_ONCE - len(self._under_way)
        if free <= 0:
            return 0
        now = self._deps.real_now()
        until = now + timedelta(seconds=self._deps.settings.logout_timeout_seconds + MARGIN_SECONDS)
        taken = await run_in_threadpool(self._deps.outbox.take, now, until, free)
        for one in taken:
            task = asyncio.create_task(self._deliver(one))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        return len(taken)

    async def settle(self) -> None:
        """Deliver until nothing is due."""
        while await self.take_up() or self._under_way:
            await asyncio.gather(*self._under_way)

    async def _deliver(self, taken: Parcel) -> None:
        try:
            await self._attempt(taken)
        except StoreError as fault:
            _log.warning("a logout token's delivery could not be noted (%s); it will be tried again", fault)
        except Exception:  # noqa: BLE001 - a task has no caller: what went wrong is logged, and tried again when the time is over
            _log.exception("a logout token could not be delivered")
            if taken.attempts > len(self._deps.settings.logout_pauses_seconds):
                await run_in_threadpool(self._deps.outbox.remove, taken.id)

    async def _attempt(self, taken: Parcel) -> None:
        deps, letter = self._deps, Letter.read(taken.body)
        surface, pauses = SURFACES[letter.base], deps.settings.logout_pauses_seconds
        client = find_client(deps, surface, letter.client_id)
        begun = taken.attempts > len(pauses) + 1  # as often as may be, and whoever did vanished each time
        answer = Answer("none: each attempt was cut off", is_last=True) if begun else await _post(deps, surface, letter, client)
        if not (answer.is_taken or answer.is_last) and taken.attempts <= len(pauses):
            due = deps.real_now() + timedelta(seconds=pauses[taken.attempts - 1])
            await run_in_threadpool(deps.outbox.postpone, taken.id, due)
            return
        if not answer.is_taken:
            await note(deps, EventType.STAND_IN_REFUSED, Outcome.REFUSED, "logout-not-delivered", surface, letter.client_id,
                       sid=letter.sid, attempts=taken.attempts, answer=answer.told)
        await run_in_threadpool(deps.outbox.remove, taken.id)


async def _post(deps: StandIns, surface: Surface, letter: Letter, client: Client | None) -> Answer:
    if client is None or client.backchannel_logout_uri is None:
        return Answer("none: the client has no address for it any more", is_last=True)
    token = await logout_token(deps, surface, letter)
    try:
        async with asyncio.timeout(deps.settings.logout_timeout_seconds):
            status = await deps.deliver(client.backchannel_logout_uri, {"logout_token": token})
    except TimeoutError:
        return Answer("none in time")
    except OSError as fault:
        return Answer(str(fault) or "none")
    return Answer(f"status {status}", is_taken=status in {200, 204}, is_last=status == 400)


async def logout_token(deps: StandIns, surface: Surface, letter: Letter) -> str:
    """Return a new logout token: no nonce, and nothing that makes it an ID token (Back-Channel Logout section 2.4)."""
    moment = int(deps.now().timestamp())
    key = await run_in_threadpool(deps.keys[surface.kind].signer, deps.now())
    return sign({
        "iss": surface.issuer(letter.origin), "aud": letter.client_id, "sub": letter.sub, "iat": moment, "exp": moment + TOKEN_SECONDS,
        "jti": deps.identifier(), "sid": letter.sid, "events": {EVENT: {}},
    }, key)
