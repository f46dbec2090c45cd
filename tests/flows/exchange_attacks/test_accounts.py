"""What an operator states of mailboxes and accounts: secrets are on no disk, what is wrong is said, and what is suspended is suspended (itk3-messaging 5.1)."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from exchange_world import RECIPIENT, SENDER, Exchanging
from message_world import common_name, root
from wardgate.exchange.account import Account
from wardgate.exchange.errors import AccountInvalid, MessageRefused
from wardgate.exchange.tracked import MOST_ASKED, track
from wardgate.stores.exchange import Direction, Stage
from wardgate.workflows.post_office import PostOffice


def account(**changes: Any) -> Account:
    """One at another server."""
    authority, key = root(), ec.generate_private_key(ec.SECP256R1())
    said = {
        "base_url": "https://mesh.example.nhs.uk", "password": "secret-password", "shared_key": "secret-key", "ca": authority.certificate.public_bytes(Encoding.PEM).decode(),
        "certificate": authority.sign(common_name("pc1"), key.public_key(), "digital_signature").public_bytes(Encoding.PEM).decode(),
        "key": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
    }
    return Account("X26OT001", **said | changes)


def test_a_private_key_is_written_to_no_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no file can be made, an account is used all the same; nobody finds the key of a process that was killed."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    account().check()


@pytest.mark.parametrize("changes", [
    {"key": "no key"}, {"certificate": "no certificate"}, {"ca": "no roots"}, {"base_url": "https://user:secret@mesh.example.nhs.uk"}, {"base_url": "http://mesh.example.nhs.uk"},
    {"password": None}, {"key": None},
])
def test_what_is_wrong_is_said_without_secrets(changes: dict[str, Any]) -> None:
    """And without names of files that nobody knows."""
    broken = account(**changes)
    with pytest.raises(AccountInvalid) as refused:
        broken.check()
    told = f"{refused.value} {broken!r}"
    assert not [secret for secret in ("secret-password", "secret-key", "/proc", "PRIVATE KEY") if secret in told]


def suspend(two: Exchanging, mailbox: str, *at: str) -> None:
    """The operator suspends a mailbox."""
    for name in at:
        before = two.offices[name]
        boxes = [box.model_copy(update={"active": box.id != mailbox}) for box in before.mailboxes.values()]
        two.offices[name] = PostOffice.of(boxes, before.workflows.values())


def test_nothing_is_taken_from_a_mailbox_that_is_suspended(two: Exchanging) -> None:
    """Whoever runs the mailbox server: the recipient's operator said that nothing of it is believed. Nothing is answered either."""
    row = two.send()
    suspend(two, SENDER, RECIPIENT)
    two.recipient.handler.receive(RECIPIENT)
    (came,) = two.recipient.rows()
    assert (came.stage, came.reason, came.message_id) == (Stage.REFUSED, "sender-not-allowed", row.message_id)


@pytest.mark.parametrize(("mailbox", "code"), [(SENDER, "sender-not-allowed"), (RECIPIENT, "recipient-not-allowed")])
def test_nothing_goes_to_or_from_a_mailbox_that_is_suspended(two: Exchanging, mailbox: str, code: str) -> None:
    """Not what is built now, nor what was built before and not sealed yet."""
    suspend(two, mailbox, SENDER)
    with pytest.raises(MessageRefused) as refused:
        two.send()
    assert refused.value.code == code
    assert not two.sender.rows()


def test_a_server_is_not_asked_about_everything_that_is_called_alike(two: Exchanging, post: Any) -> None:
    """Strangers may name any number of messages like ours: following ours takes no longer for that."""
    row = two.send()
    for _ in range(MOST_ASKED + 2):
        post(two.stranger, b"<x/>", local_id=row.message_id)
    two.exchange()
    asked: list[str] = []

    def count(request: Any, do: Any) -> Any:
        asked.append(request.url.path)
        return do()

    two.recipient.bridge.fault = count
    found = track(two.recipient.parts, row.message_id)
    assert len([one for one in found if one.row.direction is Direction.OUT]) == MOST_ASKED + 3
    assert len(asked) == MOST_ASKED
