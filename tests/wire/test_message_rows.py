"""Every reason of the area `Area.MESSAGES`, met by real seals and messages that real message handlers exchange by a real mailbox server in this process.

Of each: the code in the record, the response code, the class of the failure, and that nobody outside is told which check failed.
And every response code, written, sent and read back in both forms (itk3-messaging 1.8).
"""

import io
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from exchange_world import RECIPIENT, SENDER, WORKFLOW, Exchanging, exchanging
from message_rows import INCOMING, OUTGOING, SEALED, Letter, as_it_was
from message_world import NOW
from wardgate.client.mesh_outgoing import MeshOutgoing
from wardgate.exchange.outgoing import MEDIA_TYPES
from wardgate.exchange.parts import Post
from wardgate.fhir import Format
from wardgate.itk3 import RESPONSE_CODE_ROWS, Message, Party, read, respond, write
from wardgate.refusals import CATALOGUE, Area, reason
from wardgate.refusals.messages import FAILURES, MESSAGES
from wardgate.sealing.errors import SealRefused
from wardgate.stores.exchange import Direction, HandledMessage, Stage

TABLE = """
seal-too-large malformed 20015
seal-malformed malformed 10009
seal-algorithm-refused not-trusted 20012
seal-suite-refused not-allowed 20012
seal-not-for-us cannot-decrypt 10009
seal-undecryptable cannot-decrypt 10009
seal-signature-missing not-trusted 20012
seal-encryption-missing not-trusted 20012
signer-unknown not-trusted 20012
signer-untrusted not-trusted 20012
signer-expired not-trusted 20012
signer-revoked not-trusted 20012
signer-revocation-unknown not-trusted 20012
signer-key-usage not-trusted 20012
signer-organisation not-trusted 20012
signature-invalid not-trusted 20012
signature-wrapped not-trusted 20012
signature-purpose not-trusted 20012
signer-role not-allowed 20012
time-stamp-missing not-trusted 20012
time-stamp-invalid not-trusted 20012
seal-context altered-or-out-of-context 20006
seal-stale replay-or-stale 20006
message-seen replay-or-stale 20007
document-seen replay-or-stale 20008
workflow-unknown not-allowed 20012
sender-not-allowed not-allowed 20012
recipient-not-allowed not-allowed 20002
event-not-allowed not-allowed 20012
document-type-not-allowed not-allowed 20012
confidentiality-not-allowed not-allowed 20012
message-invalid invalid-itk3 20006
response-unexpected not-allowed 20012
response-negative not-allowed -
response-overdue transport -
message-not-taken transport -
message-not-sent transport -
message-not-collected transport -
message-not-processed transport -
recipient-key-unknown not-trusted 20002
recipient-key-unusable not-trusted 20002
signing-key-unavailable not-trusted 20012
"""
EXPECTED = {code: (failure, response.strip("-")) for code, failure, response in map(str.split, TABLE.split("\n")[1:-1])}
DUPLICATES = {"message-seen", "document-seen"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, new_database: Callable[[Path], str]) -> Iterator[Exchanging]:
    """Both sides and the server, for all rows."""
    with exchanging(new_database, tmp_path_factory.mktemp("rows")) as found:
        yield found


@pytest.fixture
def two(running: Exchanging) -> Iterator[Exchanging]:
    """As they were before each row: a workflow whose messages are sealed."""
    with as_it_was(running):
        running.rules(SEALED)
        yield running


def test_every_reason_is_met() -> None:
    """A reason without a row, or a row without a reason, fails here; and each is one of the catalogue's."""
    assert INCOMING.keys() | OUTGOING.keys() == EXPECTED.keys() == {one.code for one in MESSAGES} == {code for code, one in CATALOGUE.items() if one.area is Area.MESSAGES}
    assert not INCOMING.keys() & OUTGOING.keys()


@pytest.mark.parametrize("code", EXPECTED)
def test_what_a_reason_is_and_says(code: str) -> None:
    """Class, response code, and a public text that is the response code's display and no more."""
    failure, response = EXPECTED[code]
    assert (FAILURES[code], reason(code).error) == (failure, response)
    assert str(SealRefused(code, "what was expected", "what was received")) == reason(code).text
    if response:
        assert reason(code).text == RESPONSE_CODE_ROWS[response].display


def recorded(two: Exchanging, row: HandledMessage) -> str:
    """All that the record has of a message."""
    return "\n".join(str(event) for side in (two.sender, two.recipient) for event in side.events() if row.key in str(event))


@pytest.mark.parametrize("code", INCOMING)
def test_a_message_that_is_refused(two: Exchanging, code: str) -> None:
    """Kept as refused for this reason, with this response code; the response to the sender tells the code and its display only."""
    row = INCOMING[code](Letter(two))
    assert (row.reason, row.codes, row.content) == (code, (EXPECTED[code][1],), None)
    assert row.stage is (Stage.DUPLICATE if code in DUPLICATES else Stage.REFUSED)
    assert code in recorded(two, row)
    (answer,) = [one for one in two.recipient.parts.store.find(row.message_id or row.local_id) if one.direction is Direction.OUT and one.created >= row.created]
    told = two.recipient.handler.content(answer)
    response = read(told).response
    assert response is not None
    assert response.code == "fatal-error"
    assert [(one.code, one.display, one.severity) for one in response.issues] == [(EXPECTED[code][1], RESPONSE_CODE_ROWS[EXPECTED[code][1]].display, "fatal")]
    for secret in (code, reason(code).check, reason(code).advice, "9000000009"):
        assert secret.encode() not in told


@pytest.mark.parametrize("code", OUTGOING)
def test_what_we_cannot_send_or_use(two: Exchanging, code: str) -> None:
    """Given up or refused for this reason, and recorded; nobody is answered."""
    row = OUTGOING[code](two)
    assert row.reason == code
    assert row.stage is (Stage.COLLECTED if code == "response-overdue" else Stage.REFUSED if code.startswith("response-") else Stage.DEAD)
    assert code == "response-negative" or code in recorded(two, row)
    assert "9000000009" not in recorded(two, row)
    assert not [one for one in two.sender.parts.store.find(row.message_id) if one.answers == row.message_id and one.direction is Direction.OUT]


def test_all_that_does_not_decrypt_is_one_answer(two: Exchanging) -> None:
    """For whatever part of it was changed: key, tag or content."""
    answers = set()
    for code in ("seal-undecryptable", "seal-not-for-us", "seal-malformed"):
        row = INCOMING[code](Letter(two))
        answers.add(row.codes)
    assert answers == {("10009",)}


def test_a_sender_that_is_two_organisations_is_not_ours_to_believe(two: Exchanging) -> None:
    """A site of the organisation that signed does not make another organisation's code true: 20003."""
    for sender, codes in ((Party(ods="RQM", site="X26A1"), ("20003",)), (Party(ods="X26", site="X26A1"), ("20013",)), (Party(site="X26A1"), ("20013",))):
        letter = Letter(two)
        letter.message = replace(letter.message, sender=sender)
        assert letter.send(letter.seal()).codes == codes


@pytest.fixture(scope="module")
def answered(running: Exchanging) -> tuple[Message, Post, Post]:
    """A letter, its recipient's mailbox and its sender's."""
    return Letter(running).message, running.recipient.parts.post(RECIPIENT), running.sender.parts.post(SENDER)


@pytest.mark.parametrize("form", Format)
@pytest.mark.parametrize("code", RESPONSE_CODE_ROWS)
def test_every_response_code_goes_there_and_back(answered: tuple[Message, Post, Post], code: str, form: Format) -> None:
    """Written, sent by the mailbox server, and read again: code, exact display, severity, issue, and what it answers."""
    row, (letter, theirs, ours) = RESPONSE_CODE_ROWS[code], answered
    for ok in (True, False) if row.ok is None else (None,):
        made = respond(letter, code, sender=Party(ods="RY6"), endpoint=RECIPIENT, now=NOW, random=os.urandom, receiver=Party(ods="X26"), ok=ok)
        to = io.BytesIO()
        sent = theirs.send(write(made, form), MeshOutgoing(SENDER, f"{WORKFLOW}_ACK", content_type=MEDIA_TYPES[form]))
        ours.receive(sent.message_id, to, max_bytes=100_000)
        ours.acknowledge(sent.message_id)
        found = read(to.getvalue())
        assert found == made
        assert found.response is not None
        good = row.ok if ok is None else ok
        (issue,) = found.response.issues
        assert (found.response.identifier, found.response.code) == (letter.message_id, "ok" if good else "fatal-error")
        assert (issue.code, issue.display, issue.severity) == (code, row.display, "information" if good else "fatal")
        assert issue.issue in (row.issues or ("informational", "business-rule"))
        assert row.display.encode() in to.getvalue().replace(b"&amp;", b"&").replace(b"&quot;", b'"')
