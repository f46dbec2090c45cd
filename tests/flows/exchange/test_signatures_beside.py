"""A signature that travels as a message of its own, beside a clear one: first, late, never, twice, or somebody else's (itk3-messaging 6)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from exchange_world import (
    RECIPIENT,
    SENDER,
    STRANGER,
    WORKFLOW,
    Exchanging,
    Installation,
    MessageRules,
    Protection,
    office,
)
from wardgate.client import MeshOutgoing
from wardgate.exchange.posting import SIGNATURE_SUFFIX, SIGNATURE_TYPE
from wardgate.sealing.model import Suite
from wardgate.stores.exchange import Direction, HandledMessage, Stage

SIGNED = MessageRules(protection=Protection.SIGNED, suites=(Suite.DETACHED,))


@dataclass
class Letter:
    """A clear letter and the signature beside it, which a test sends as it likes."""

    two: Exchanging
    body: bytes
    signature: bytes
    local_id: str
    message_id: str

    def post(self, body: bytes | None = None, *, side: Installation | None = None, workflow: str = WORKFLOW) -> None:
        """Send the letter."""
        self._sent(self.body if body is None else body, self.local_id, "application/fhir+xml", side, workflow)

    def post_signature(self, signature: bytes | None = None, *, side: Installation | None = None, workflow: str = WORKFLOW) -> None:
        """Send the signature."""
        self._sent(self.signature if signature is None else signature, self.local_id + SIGNATURE_SUFFIX, SIGNATURE_TYPE, side, workflow)

    def arrives(self) -> None:
        """The recipient looks into its mailbox, and does what is due."""
        self.two.recipient.handler.receive(RECIPIENT)
        self.two.recipient.handler.drive()

    def waits(self, *, minutes: int) -> None:
        """So much time goes by, and the recipient does what is due meanwhile."""
        for _ in range(minutes):
            self.two.later(minutes=1)
            self.two.recipient.handler.drive()

    @property
    def came(self) -> list[HandledMessage]:
        """The letters that came, without signatures."""
        return [row for row in self.two.recipient.rows(Direction.IN) if not row.local_id.endswith(SIGNATURE_SUFFIX)]

    @property
    def signatures(self) -> list[tuple[Stage, str | None]]:
        """Where each signature that came stands."""
        return [(row.stage, row.reason) for row in self.two.recipient.rows(Direction.IN) if row.local_id.endswith(SIGNATURE_SUFFIX)]

    @property
    def answers(self) -> list[tuple[str, ...]]:
        """The codes of each response that was made."""
        return [row.codes for row in self.two.recipient.rows(Direction.OUT)]

    def _sent(self, body: bytes, local_id: str, media_type: str, side: Installation | None, workflow: str) -> None:
        side = side or self.two.sender
        post: Any = side.parts.post(side.mailbox)
        post.send(body, MeshOutgoing(RECIPIENT, workflow, local_id=local_id, content_type=media_type))


@pytest.fixture
def letter(two: Exchanging) -> Letter:
    """One that its sender's own handler signed, and could not send."""
    def down(_request: httpx2.Request, _do: Callable[[], httpx2.Response]) -> httpx2.Response:
        raise httpx2.ConnectError("nobody there")

    two.rules(SIGNED)
    usual, two.sender.bridge.fault = two.sender.bridge.fault, down
    row = two.send()
    two.sender.bridge.fault = usual
    assert row.signature is not None
    return Letter(two, two.sender.handler.content(row), row.signature.encode(), row.local_id, row.message_id)


def test_signature_first(letter: Letter) -> None:
    """It waits, and is used when its letter comes, which is delivered at once."""
    letter.post_signature()
    letter.arrives()
    assert (letter.came, letter.signatures, letter.answers) == ([], [(Stage.RECEIVED, None)], [])
    letter.waits(minutes=50)
    letter.post()
    letter.arrives()
    assert [(row.stage, row.seal) for row in letter.came] == [(Stage.OPENED, "detached")]
    assert (letter.signatures, letter.answers) == ([(Stage.OPENED, None)], [("20013",)])


def test_both_at_once(letter: Letter) -> None:
    """Whichever is looked at first."""
    letter.post()
    letter.post_signature()
    letter.arrives()
    letter.waits(minutes=2)
    assert [(row.stage, row.seal) for row in letter.came] == [(Stage.OPENED, "detached")]
    assert (letter.signatures, letter.answers) == ([(Stage.OPENED, None)], [("20013",)])


@pytest.mark.parametrize("minutes", [1, 30, 55])
def test_signature_late(letter: Letter, minutes: int) -> None:
    """The letter waits for it, neither delivered nor refused; once both are there it is delivered once."""
    letter.post()
    letter.arrives()
    letter.waits(minutes=minutes)
    assert [(row.stage, row.content) for row in letter.came] == [(Stage.RECEIVED, None)]
    assert letter.answers == []
    letter.post_signature()
    letter.arrives()
    letter.waits(minutes=70)
    assert [(row.stage, row.seal) for row in letter.came] == [(Stage.OPENED, "detached")]
    assert (letter.signatures, letter.answers) == ([(Stage.OPENED, None)], [("20013",)])


def test_signature_never(letter: Letter) -> None:
    """After an hour the letter is refused as unsigned, and its sender told; one that comes after that is refused as well, and tells nobody."""
    letter.post()
    letter.arrives()
    letter.waits(minutes=59)
    assert letter.answers == []
    letter.waits(minutes=70)
    assert [(row.stage, row.reason, row.content) for row in letter.came] == [(Stage.REFUSED, "seal-signature-missing", None)]
    assert letter.answers == [("20012",)]
    letter.post_signature()
    letter.arrives()
    letter.waits(minutes=300)
    assert (letter.signatures, letter.answers) == ([(Stage.REFUSED, "seal-malformed")], [("20012",)])
    assert [row.stage for row in letter.came] == [Stage.REFUSED]


def test_signature_of_nothing(letter: Letter) -> None:
    """It is refused after two hours, recorded, and not answered: nobody knows what it would be an answer to."""
    letter.post_signature()
    letter.arrives()
    letter.waits(minutes=300)
    assert (letter.signatures, letter.answers) == ([(Stage.REFUSED, "seal-malformed")], [])
    (event,) = [event for event in letter.two.recipient.events() if event["type"] == "MessageRefused"]
    assert (event["reason"], event["details"]["answered"]) == ("seal-malformed", False)


@pytest.mark.parametrize("when", ["before", "after"])
def test_signature_twice(letter: Letter, when: str) -> None:
    """One is used; the other has no letter. Nothing is delivered or answered twice."""
    letter.post_signature()
    if when == "before":
        letter.post_signature()
    letter.post()
    letter.arrives()
    letter.waits(minutes=5)
    if when == "after":
        letter.post_signature()
        letter.arrives()
    letter.waits(minutes=300)
    assert [row.stage for row in letter.came] == [Stage.OPENED]
    assert sorted(letter.signatures) == [(Stage.OPENED, None), (Stage.REFUSED, "seal-malformed")]
    assert letter.answers == [("20013",)]


def test_letter_twice_with_its_signature(letter: Letter) -> None:
    """The second is a duplicate, with a signature or without: 20007."""
    for _ in range(2):
        letter.post_signature()
        letter.post()
        letter.arrives()
    assert [(row.stage, row.reason) for row in letter.came] == [(Stage.OPENED, None), (Stage.DUPLICATE, "message-seen")]
    assert letter.answers == [("20013",), ("20007",)]


def test_letter_changed_on_its_way(letter: Letter) -> None:
    """One octet is enough: 20012, and the signature is spent with it."""
    letter.post_signature()
    letter.post(letter.body.replace(b"SYNTHETIC", b"SYNTHETIG"))
    letter.arrives()
    letter.waits(minutes=5)
    assert [(row.stage, row.reason, row.codes) for row in letter.came] == [(Stage.REFUSED, "signature-invalid", ("20012",))]
    assert letter.signatures == [(Stage.REFUSED, None)]


@pytest.mark.parametrize(("spoiled", "reason", "code"), [
    (b"rubbish", "seal-malformed", "10009"), (b"e30..AA", "seal-algorithm-refused", "20012"), (b"\xff\xfe", "seal-malformed", "10009"),
    (b"x" * 65_537, "seal-too-large", "20015"),
], ids=["text", "no header", "octets", "too long"])
def test_signature_that_is_none(letter: Letter, spoiled: bytes, reason: str, code: str) -> None:
    """Refused, and answered with a code of seals; never delivered as unsigned."""
    letter.post_signature(spoiled)
    letter.post()
    letter.arrives()
    (row,) = letter.came
    assert (row.stage, row.content, row.reason, row.codes) == (Stage.REFUSED, None, reason, (code,))
    assert letter.answers == [(code,)]


@pytest.mark.parametrize("whose", ["a stranger's", "of another workflow"])
def test_signature_of_somebody_else_is_not_taken(letter: Letter, whose: str) -> None:
    """The letter goes on waiting for its own, and is delivered with that."""
    if "stranger" in whose:
        letter.post_signature(side=letter.two.stranger)
    else:
        for name in letter.two.offices:
            letter.two.offices[name] = office(SIGNED, id="OTHERS")
        letter.post_signature(workflow="OTHERS")
        letter.two.rules(SIGNED)
    letter.post()
    letter.arrives()
    letter.waits(minutes=10)
    assert [row.stage for row in letter.came] == [Stage.RECEIVED]
    letter.post_signature()
    letter.arrives()
    letter.waits(minutes=60)
    assert [(row.stage, row.peer) for row in letter.came] == [(Stage.OPENED, SENDER)]
    assert STRANGER not in {row.peer for row in letter.came}
