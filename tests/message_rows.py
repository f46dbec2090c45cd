"""One way to be met for every reason of messages: a real seal and message, changed, sent through the mailbox server, and handled by its recipient.

What goes wrong is the sender's doing (`INCOMING`), or is found while sending (`OUTGOING`).
"""

import base64
import contextlib
import json
import os
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final

import httpx2

from exchange_world import RECIPIENT, SENDER, STRANGER, WORKFLOW, Exchanging, MessageRules, Protection, office
from message_world import DAY, NOW
from time_stamping import Authority
from unit.itk3.sample import RECEIVER, SENDING, resources
from wardgate.client.mesh_outgoing import MeshOutgoing
from wardgate.itk3 import Message, Party, build, document_facts, respond, write
from wardgate.sealing import cms, modern, xml
from wardgate.sealing.keys import Trust, Use
from wardgate.sealing.model import Context, Limits, Sealed, Statement, Suite
from wardgate.stores.exchange import Direction, HandledMessage
from wardgate.workflows.post_office import PostOffice

FHIR: Final = "application/fhir+xml"
JOSE: Final = modern.MEDIA_TYPE
SEALED: Final = MessageRules(protection=Protection.SEALED)
SIGNED_XML: Final = MessageRules(protection=Protection.SIGNED, suites=(Suite.XML,))


@contextlib.contextmanager
def as_it_was(two: Exchanging) -> Iterator[None]:
    """Put back afterwards what a row changed: keys, trust, rules, the time, the way to the server."""
    world, kept = two.world, {name: dict(getattr(two.world, name)) for name in ("keys", "held", "trusts")}
    time, offices, now = world.time, dict(two.offices), two.place.now
    faults = [(side, side.bridge.fault) for side in (two.sender, two.recipient)]
    try:
        yield
    finally:
        for name, was in kept.items():
            setattr(world, name, was)
        world.time, two.place.now = time, now
        two.offices.update(offices)
        for side, fault in faults:
            side.bridge.fault = fault


@dataclass
class Letter:
    """A letter of X26 to RY6, which a row seals and changes as it likes."""

    two: Exchanging
    payload: Any = None
    message_id: str | None = None
    message: Message = field(init=False)

    def __post_init__(self) -> None:
        """Build it."""
        sending = replace(SENDING, receiver=RECEIVER)
        made = build(self.payload if self.payload is not None else resources(), sending, now=NOW, random=os.urandom)
        self.message = replace(made, message_id=self.message_id) if self.message_id else made

    @property
    def content(self) -> bytes:
        """The octets."""
        return write(self.message)

    @property
    def context(self) -> Context:
        """What binds it."""
        document = document_facts(self.message.payload).document_id
        return Context(SENDER, "X26", (RECIPIENT,), WORKFLOW, self.message.message_id, self.message.event, document)

    @property
    def signer(self) -> Any:
        """X26's newest key."""
        return self.two.world.signing_key("X26")

    def seal(self, how: Callable[..., Sealed] = modern.seal, **changes: Any) -> bytes:
        """It, sealed."""
        world = self.two.world
        made: dict[str, Any] = {"content": self.content, "media_type": FHIR, "context": self.context, "statement": Statement(NOW), "signer": self.signer,
                                "recipients": world.encryption_keys("RY6")[:1]} | changes
        return how(directory=world, now=NOW, random=os.urandom, **made).body

    def send(self, body: bytes, media_type: str = JOSE) -> HandledMessage:
        """Have it brought to the recipient, and return what became of it."""
        local_id = uuid.uuid4().hex
        self.two.sender.parts.post(SENDER).send(body, MeshOutgoing(RECIPIENT, WORKFLOW, local_id=local_id, content_type=media_type))
        self.two.recipient.handler.receive(RECIPIENT)
        (row,) = [one for one in self.two.recipient.parts.store.find(local_id) if one.direction is Direction.IN]
        return row


@dataclass(frozen=True)
class Liar:
    """Signs something else than it is given."""

    key: Any

    def __getattr__(self, name: str) -> Any:
        return getattr(self.key, name)

    def sign(self, _data: bytes) -> bytes:
        """A good signature of the wrong octets."""
        return bytes(self.key.sign(b"something else"))


class NoPurpose:
    """A purpose that nobody has."""

    code = "1.2.3.4"


Row = Callable[[Letter], HandledMessage]


def _header(**members: str) -> str:
    return base64.urlsafe_b64encode(json.dumps(members).encode()).rstrip(b"=").decode()


def _changed(letter: Letter, **members: Any) -> HandledMessage:
    return letter.send(json.dumps(json.loads(letter.seal()) | members).encode())


def _after(act: Callable[[Letter], object], **sealing: Any) -> Row:
    """Sealed well; then the world changes."""
    def row(letter: Letter) -> HandledMessage:
        body = letter.seal(**sealing)
        act(letter)
        return letter.send(body)

    return row


def _under(rules: MessageRules | None = None, **stated: Any) -> Row:
    """Sealed well, and not as the recipient's workflow has it."""
    return _after(lambda letter: letter.two.rules(rules or SEALED, RECIPIENT, **stated))


def _trust(letter: Letter, trust: Trust) -> None:
    letter.two.world.trusts["X26"] = trust


def _revoked(letter: Letter) -> None:
    world = letter.two.world
    _trust(letter, world.believed(world.root.revocations(), world.issuing.revocations(letter.signer.certificate)))


def _with_key(letter: Letter, organisation: str = "X26", statement: Statement = Statement(NOW), **made: Any) -> HandledMessage:  # noqa: B008 - frozen
    signer = letter.two.world.add(organisation, Use.SIGNING, **made)
    return letter.send(letter.seal(signer=signer, statement=statement, context=replace(letter.context, sender_ods=organisation)))


def _wrapped(letter: Letter) -> HandledMessage:
    """A second signature beside the first."""
    letter.two.rules(SIGNED_XML)
    body = letter.seal(xml.seal, recipients=())
    at = body.index(b"<ds:Signature")
    return letter.send(body[:at] + b'<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"/>' + body[at:], "application/xml")


def _in_clear(letter: Letter) -> HandledMessage:
    letter.two.rules(replace_rules(suites=(Suite.XML,)))
    return letter.send(letter.seal(xml.seal, recipients=()), "application/xml")


def _bomb(letter: Letter) -> HandledMessage:
    """A few kilobytes that unfold to more than is taken."""
    return letter.send(letter.seal(content=letter.content + b" " * 11_000_000, compress=True, limits=Limits(max_content_bytes=20_000_000)))


def _again(letter: Letter, **same: Any) -> HandledMessage:
    letter.send(letter.seal())
    other = Letter(letter.two, **same)
    return other.send(other.seal())


def _unstated(letter: Letter) -> None:
    letter.two.offices[RECIPIENT] = PostOffice.of(letter.two.offices[RECIPIENT].mailboxes.values(), [])


INCOMING: Final[dict[str, Row]] = {
    "seal-too-large": _bomb,
    "seal-malformed": lambda letter: letter.send(letter.seal()[:-9]),
    "seal-algorithm-refused": lambda letter: _changed(letter, protected=_header(enc="A128GCM", typ=modern.JWE_TYPE, cty=modern.COMPACT)),
    "seal-suite-refused": lambda letter: letter.send(letter.seal(cms.seal), cms.MEDIA_TYPE),
    "seal-not-for-us": lambda letter: letter.send(letter.seal(recipients=letter.two.world.encryption_keys("RQM"))),
    "seal-undecryptable": lambda letter: _changed(letter, tag="AAAAAAAAAAAAAAAAAAAAAA"),
    "seal-signature-missing": lambda letter: letter.send(letter.content, FHIR),
    "seal-encryption-missing": _in_clear,
    "signer-unknown": _after(lambda letter: letter.two.world.keys.pop(letter.signer.kid)),
    "signer-untrusted": _after(lambda letter: _trust(letter, Trust())),
    "signer-expired": lambda letter: _with_key(letter, end=NOW - DAY, statement=Statement(NOW - 2 * DAY)),
    "signer-revoked": _after(_revoked),
    "signer-revocation-unknown": _after(lambda letter: _trust(letter, replace(letter.two.world.believed(), revocations=()))),
    "signer-key-usage": lambda letter: _with_key(letter, usages=("content_commitment",)),
    "signer-organisation": lambda letter: _with_key(letter, "RQM"),
    "signature-invalid": lambda letter: letter.send(letter.seal(signer=Liar(letter.signer))),
    "signature-wrapped": _wrapped,
    "signature-purpose": lambda letter: letter.send(letter.seal(statement=Statement(NOW, NoPurpose()))),  # type: ignore[arg-type]
    "signer-role": _under(MessageRules(protection=Protection.SEALED, signer_roles=("R8000",))),
    "time-stamp-missing": _under(MessageRules(protection=Protection.SEALED, time_stamp=True)),
    "time-stamp-invalid": lambda letter: letter.send(letter.seal(stamper=Authority(letter.two.world))),
    "seal-context": lambda letter: letter.send(letter.seal(context=replace(letter.context, workflow="OTHERS"))),
    "seal-stale": lambda letter: letter.send(letter.seal(statement=Statement(NOW - timedelta(days=36)))),
    "message-seen": lambda letter: _again(letter, message_id=letter.message.message_id),
    "document-seen": lambda letter: _again(letter, payload=letter.message.payload),
    "workflow-unknown": _after(_unstated),
    "sender-not-allowed": _under(senders=(STRANGER,)),
    "recipient-not-allowed": _under(receivers=(STRANGER,)),
    "event-not-allowed": _under(MessageRules(protection=Protection.SEALED, events=("ITK003D",))),
    "document-type-not-allowed": _under(MessageRules(protection=Protection.SEALED, document_types=("1323571000000101",))),
    "confidentiality-not-allowed": _under(MessageRules(protection=Protection.SEALED, confidentiality=("R",))),
    "message-invalid": lambda letter: letter.send(letter.seal(content=re.sub(rb"<timestamp [^>]*>", b"", letter.content, count=1))),
}


def replace_rules(**changes: Any) -> MessageRules:
    """The sealed workflow's rules, changed."""
    return SEALED.model_copy(update=changes)


def _sent(two: Exchanging) -> HandledMessage:
    return two.sender.handler.message(two.send().key)


def _later(two: Exchanging, row: HandledMessage, tries: int = 6) -> HandledMessage:
    for _ in range(tries):
        two.later(hours=5)
        two.sender.handler.drive()
    return two.sender.handler.message(row.key)


def _lost_way(two: Exchanging) -> HandledMessage:
    def fault(request: httpx2.Request, _do: Callable[[], httpx2.Response]) -> httpx2.Response:
        raise httpx2.ConnectError("no way", request=request)

    two.sender.bridge.fault = fault
    return _later(two, _sent(two))


def _not_collected(two: Exchanging) -> HandledMessage:
    row = _sent(two)
    two.later(days=32)
    two.sender.handler.drive()
    return two.sender.handler.message(row.key)


def _unanswered(two: Exchanging) -> HandledMessage:
    """Collected by somebody who never answers."""
    row = _sent(two)
    post = two.recipient.parts.post(RECIPIENT)
    for mex_id in post.messages():
        post.acknowledge(mex_id)
    for days in (1, 7):
        two.later(days=days)
        two.sender.handler.drive()
    return two.sender.handler.message(row.key)


def _not_processed(two: Exchanging) -> HandledMessage:
    """A directory that fails in a way that nobody foresaw."""
    def broken() -> Any:
        raise RuntimeError("patient 9000000009")

    whole, two.sender.handler = two.sender.handler, two.sender.with_parts(directory=broken)
    try:
        return _later(two, _sent(two))
    finally:
        two.sender.handler = whole


def _negative(two: Exchanging) -> HandledMessage:
    two.rules(replace_rules(events=("ITK003D",)), RECIPIENT)
    row = _sent(two)
    two.exchange()
    return two.sender.handler.message(row.key)


def _unasked(two: Exchanging) -> HandledMessage:
    """An answer to a message that nobody sent."""
    two.rules(MessageRules())
    answer = respond(
        Letter(two).message, "20013", sender=Party(ods="RY6"), endpoint=RECIPIENT, now=NOW, random=os.urandom, receiver=Party(ods="X26"),
    )
    local_id = uuid.uuid4().hex
    two.recipient.parts.post(RECIPIENT).send(write(answer), MeshOutgoing(SENDER, f"{WORKFLOW}_ACK", local_id=local_id, content_type=FHIR))
    two.sender.handler.receive(SENDER)
    (row,) = [one for one in two.sender.parts.store.find(local_id) if one.direction is Direction.IN]
    return row


def _without_keys(organisation: str, use: Use) -> Callable[[Exchanging], HandledMessage]:
    def row(two: Exchanging) -> HandledMessage:
        two.world.keys = {kid: key for kid, key in two.world.keys.items() if (key.organisation, key.use) != (organisation, use)}
        return _sent(two)

    return row


def _untrusted_recipient(two: Exchanging) -> HandledMessage:
    two.world.trusts["RY6"] = Trust()
    return _sent(two)


def _refused_by_server(two: Exchanging) -> HandledMessage:
    two.offices["server"] = office(SEALED, senders=(STRANGER,))
    return _sent(two)


OUTGOING: Final[dict[str, Callable[[Exchanging], HandledMessage]]] = {
    "response-unexpected": _unasked,
    "response-negative": _negative,
    "response-overdue": _unanswered,
    "message-not-taken": _refused_by_server,
    "message-not-sent": _lost_way,
    "message-not-collected": _not_collected,
    "message-not-processed": _not_processed,
    "recipient-key-unknown": _without_keys("RY6", Use.ENCRYPTION),
    "recipient-key-unusable": _untrusted_recipient,
    "signing-key-unavailable": _without_keys("X26", Use.SIGNING),
}
