"""Two Wardgates with authorities of their own exchange sealed discharge letters: a hospital, and a surgery that runs the MESH.

Everything is done by the commands of `docs/tutorials/sealed-letter.md`; both servers are real, and each is killed once.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from system import running as system
from wardgate.demo.letter import PATIENT
from wardgate.demo.post import exchange_manifest

HOSPITAL, SURGERY, LETTERS = "Z9X01OT001", "Z9X03OT001", "TOC_FHIR_IP_DISCH"
SENT = ["MessageBuilt", "MessageSealed", "MessageSent"]
POLLS = {"WARDGATE_MESSAGE_POLL_SECONDS": "10"}
LETTERS_IN_FLIGHT = 3


@dataclass
class Exchange:
    """Both sides, and where their files are."""

    hospital: Any
    surgery: Any
    directory: Path

    def letter(self, name: str) -> Path:
        """A new discharge letter."""
        path = self.directory / name
        self.hospital.done("demo", "letter", "--out", path)
        return path

    def send(self, letter: Path) -> Any:
        """Send it as the hospital, and return what is told."""
        return self.hospital.done("message", "send", letter, "--from", HOSPITAL, "--to", "Z9X03", "--workflow", LETTERS)


def _introduce(hospital: Any, surgery: Any, directory: Path) -> None:
    """Keys both ways, the surgery's own mailbox, and the hospital's account there."""
    for side, organisations in ((hospital, ("Z9X01", "Z9X02")), (surgery, ("Z9X03",))):
        for ods in organisations:
            side.done("message", "keys", "new", "--organisation", ods, "--publish")
            side.done("message", "keys", "export", "--organisation", ods, "--out", directory / f"{ods}.yaml")
    hospital.done("message", "keys", "import", directory / "Z9X03.yaml")
    for ods in ("Z9X01", "Z9X02"):
        surgery.done("message", "keys", "import", directory / f"{ods}.yaml")
    surgery.done("mesh", "account", "set", SURGERY)
    hospital.done("mesh", "account", "request", HOSPITAL, "--out", directory / "request.csr")
    surgery.done("mesh", "mailbox", "admit", HOSPITAL, "--csr", directory / "request.csr", "--out", directory / "account.json")
    hospital.done("mesh", "account", "set", HOSPITAL, "--from", directory / "account.json")
    told = system.until(lambda: (found := hospital.cli("mesh", "account", "check", HOSPITAL, "--output", "json")).code == 0 and found.data, what="the admission")
    assert told["server"] == surgery.mtls_url


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    """They are started side by side, and introduced to each other."""
    directory = tmp_path_factory.mktemp("letters")
    for side in ("hospital", "surgery"):
        (directory / side).mkdir()
        (directory / f"{side}.yaml").write_text(exchange_manifest(side))
    with system.running(directory / "surgery", "--manifest", str(directory / "surgery.yaml"), start=False, environ=POLLS) as surgery, \
            system.running(directory / "hospital", "--manifest", str(directory / "hospital.yaml"), start=False, environ=POLLS) as hospital:
        for one in (surgery, hospital):
            one.start()
            one.arguments = ("--database-url", f"sqlite:///{one.data / 'wardgate.db'}")  # from now on the store has the manifest, and the keys
        _introduce(hospital, surgery, directory)
        yield Exchange(hospital, surgery, directory)


def _recorded(side: Any, message_id: str) -> list[str]:
    """Return the types of what one side recorded of a message, in order."""
    found = [json.loads(json.loads(line)["body"]) for line in side.cli("audit", "export").out.splitlines()]
    return [body["type"] for body in found if body.get("message_id") == message_id and body["type"].startswith("Message")]


def test_a_letter_is_sealed_sent_opened_acknowledged_and_tracked(exchange: Exchange) -> None:
    """The hospital learns that the patient is known there; every step is in the record of who took it, and both records hold."""
    hospital, surgery = exchange.hospital, exchange.surgery
    assert hospital.ca.read_bytes() != surgery.ca.read_bytes()
    sent = exchange.send(exchange.letter("letter.xml"))
    assert (sent["stage"], sent["seal"]) == ("sent", "modern")
    (came,) = _received(surgery)
    assert (came["stage"], came["message_id"], came["responses_due"]) == ("opened", sent["message_id"], ["business"])
    shown = surgery.cli("message", "read", came["key"])
    assert shown.code == 0
    assert PATIENT in shown.out
    assert surgery.done("message", "acknowledge", came["key"], "--code", "30001")["stage"] == "sent"
    _received(hospital)
    (at_hospital,) = _own(hospital.done("message", "track", sent["message_id"]), "out")
    (at_surgery,) = _own(surgery.done("message", "track", sent["message_id"]), "in")
    assert (at_hospital["stage"], at_hospital["codes"]) == ("answered", ["20013", "30001"])
    assert at_surgery["stage"] == "answered"
    assert _recorded(hospital, sent["message_id"])[:3] == SENT
    assert _recorded(surgery, sent["message_id"])[:2] == ["MessageReceived", "MessageOpened"]
    assert _kinds(hospital) >= {*SENT, "MessageReceived", "MessageAcknowledged"}
    assert _kinds(surgery) >= {"MailboxAccepted", "MailboxDownloaded", "MailboxAcknowledged", "MessageReceived", "MessageOpened", "MessageResponded", "MessageSent"}
    for side in (hospital, surgery):
        assert side.cli("explain", sent["message_id"]).code == 0
        assert side.cli("audit", "verify").code == 0
        assert sent["message_id"] in side.cli("audit", "who-saw", "--nhs-number", PATIENT, "--output", "json").out
        assert PATIENT not in side.cli("audit", "export").out


def test_the_same_letter_twice_is_a_duplicate(exchange: Exchange) -> None:
    """It is refused with 20008, and delivered once."""
    letter = exchange.letter("twice.xml")
    first, second = exchange.send(letter), exchange.send(letter)
    came = {row["message_id"]: row for row in _received(exchange.surgery)}
    assert [came[one["message_id"]]["stage"] for one in (first, second)] == ["opened", "duplicate"]
    _received(exchange.hospital)
    (told,) = _own(exchange.hospital.done("message", "track", second["message_id"]), "out")
    assert (told["stage"], told["codes"]) == ("refused", ["20008"])


def test_a_letter_signed_by_another_organisation_is_refused(exchange: Exchange) -> None:
    """A hospital's mailbox with a laboratory's signature: the surgery believes both keys, delivers nothing, and answers 20012."""
    hospital, changed = exchange.hospital, exchange.directory / "changed.yaml"
    before = hospital.cli("manifest", "export").out
    (exchange.directory / "before.yaml").write_text(before)
    changed.write_text(_moved(before))
    hospital.done("manifest", "apply", "--yes", changed)
    try:
        sent = exchange.send(exchange.letter("forged.xml"))
    finally:
        hospital.done("manifest", "apply", "--yes", exchange.directory / "before.yaml")
    came = next(row for row in _received(exchange.surgery) if row["peer"] == HOSPITAL)
    assert (came["stage"], came["reason"]) == ("refused", "signer-organisation")
    assert exchange.surgery.cli("message", "read", came["key"]).code == 1
    _received(hospital)
    (told,) = _own(hospital.done("message", "track", sent["message_id"]), "out")
    assert (told["stage"], told["codes"]) == ("refused", ["20012"])


def test_killing_either_server_loses_nothing(exchange: Exchange) -> None:
    """Both work by themselves, and are killed on the way: every letter is delivered once, and answered once."""
    hospital, surgery = exchange.hospital, exchange.surgery
    hospital.done("mesh", "account", "set", HOSPITAL, "--automatic")
    sent = [exchange.send(exchange.letter(f"flight-{number}.xml")) for number in range(LETTERS_IN_FLIGHT)]
    surgery.kill()
    hospital.kill()
    surgery.spawn()
    hospital.spawn()
    for side in (surgery, hospital):
        system.until(lambda side=side: "\nready " in "\n" + side.said(), system.READY_SECONDS, "the restart")
    rows = {row["message_id"]: row for row in _received(surgery)}
    assert sorted(rows) == sorted(one["message_id"] for one in sent)
    assert {row["stage"] for row in rows.values()} == {"opened"}
    for row in rows.values():
        surgery.done("message", "acknowledge", row["key"], "--code", "30001")

    def stages() -> list[str]:
        return [_own(hospital.done("message", "track", one["message_id"], "--offline"), "out")[0]["stage"] for one in sent]

    system.until(lambda: stages() == ["answered"] * len(sent), what="the answers")
    assert _received(surgery) == []
    for one in sent:
        (told,) = _own(hospital.done("message", "track", one["message_id"], "--offline"), "out")
        assert sorted(told["codes"]) == ["20013", "30001"]
        assert len(_own(surgery.done("message", "track", one["message_id"]), "in")) == 1
    for side in (hospital, surgery):
        assert side.cli("audit", "verify").code == 0


def _moved(manifest: str) -> str:
    """Return the manifest in which the hospital's mailbox is the laboratory's."""
    moved = manifest.replace(f"{{id: {HOSPITAL}, organisation: Z9X01,", f"{{id: {HOSPITAL}, organisation: Z9X02,")
    assert moved != manifest
    return moved


def _received(side: Any) -> list[dict[str, Any]]:
    """Receive what waits, and return the rows that were told."""
    result = side.cli("message", "receive", "--output", "json")
    assert result.code == 0, result.err
    return [json.loads(line) for line in result.out.splitlines() if line.startswith("{")]


def _own(tracked: dict[str, Any], direction: str) -> list[dict[str, Any]]:
    """Return the tracked messages of one direction that answer none."""
    return [one for one in tracked["messages"] if one["direction"] == direction and one["answers"] is None]


def _kinds(side: Any) -> set[str]:
    return {json.loads(json.loads(line)["body"])["type"] for line in side.cli("audit", "export").out.splitlines()}
