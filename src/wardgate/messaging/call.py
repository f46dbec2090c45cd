"""One request on its way: what it says, who asks, and the token that is still to be used up."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from wardgate.mesh import versions
from wardgate.mesh.errors import MeshRefused, wrong_parameter
from wardgate.mesh.forms import CONTROL
from wardgate.messaging.server import MailboxServer
from wardgate.messaging.wire import JSON_TYPES, Message, Receive, Scope, Send, encode_json, respond
from wardgate.stores.mailboxes import Claim, Done, MailboxStep
from wardgate.stores.transitions import SingleUse
from wardgate.workflows.model import Mailbox

MAX_QUERY_BYTES = 4_096
MAX_PARAMETERS = 20
MAX_NAME_CHARACTERS = 100


@dataclass(slots=True)
class Call:
    """A request. `mailbox` is the one that was proved to ask; reading it before that raises `LookupError`."""

    server: MailboxServer
    scope: Scope
    receive: Receive
    _send: Send
    at: datetime
    headers: Mapping[bytes, bytes]
    parts: Mapping[str, str] = field(default_factory=dict)
    """Of the path, by name."""
    use: SingleUse | None = None
    """The token, until a step uses it up."""
    started: bool = False
    """Whether an answer is on its way."""
    body_over: bool = False
    """Whether all of the request came."""
    details: dict[str, Any] = field(default_factory=dict)
    """What is recorded of a refusal, as far as it is known."""
    _mailbox: Mailbox | None = None
    _version: int = 0
    _internal_id: str = ""

    @property
    def mailbox(self) -> Mailbox:
        """The mailbox that asks."""
        if self._mailbox is None:
            raise LookupError("nobody was authenticated")
        return self._mailbox

    @mailbox.setter
    def mailbox(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    @property
    def is_authenticated(self) -> bool:
        """Whether it was proved who asks."""
        return self._mailbox is not None

    @property
    def internal_id(self) -> str:
        """The id of this request: most answers do not tell it, and have none made."""
        self._internal_id = self._internal_id or self.server.new_internal_id()
        return self._internal_id

    @property
    def version(self) -> int:
        """The version to answer in. Raises `MeshRefused` where there is none."""
        self._version = self._version or versions.accepted_version(self.header(b"accept"))
        return self._version

    def header(self, name: bytes) -> str | None:
        """Return a header's text, or None."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")

    def query(self) -> dict[str, str]:
        """Return the parameters; of several with one name the last. Raises `MeshRefused` for too many."""
        raw: bytes = self.scope["query_string"]
        if not raw:
            return {}
        if len(raw) > MAX_QUERY_BYTES or raw.count(b"&") >= MAX_PARAMETERS:
            raise wrong_parameter("mesh-parameter-long", "string_too_long", "query", "query", MAX_QUERY_BYTES)
        found = dict(parse_qsl(raw.decode("latin-1"), keep_blank_values=True))
        for name, value in found.items():
            if CONTROL.search(value):
                raise wrong_parameter("mesh-parameter-value", "value_error", "query", name[:MAX_NAME_CHARACTERS])
        return found

    async def step(self, step: MailboxStep) -> Done:
        """Do a step that uses the token up. Raises `MeshRefused` when it was used before; then nothing was done."""
        done = await self.server.step(step)
        self.use = None
        if done is Done.REPLAYED:
            raise MeshRefused("mesh-token-used", "a new token", "one that was used")
        return done

    async def claim(self) -> None:
        """Use the token up for a request that changes nothing. Raises `MeshRefused`."""
        if self.use is not None:
            await self.step(Claim(self.use))

    async def send(self, message: Message) -> None:
        """Pass on a part of the answer."""
        self.started = True
        await self._send(message)

    async def answer(self, status: int, body: dict[str, Any] | None) -> None:
        """Send a whole answer in JSON, or an empty one."""
        if body is None:
            await respond(self.send, status, (), b"")
        else:
            await respond(self.send, status, (JSON_TYPES[self.version],), encode_json(body).encode("utf-8"))
