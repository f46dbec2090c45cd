"""What the commands tell of messages: the whole story, to whoever may know it, without what others wrote into it; and what was seen is recorded (itk3-messaging 1.6, 9.1)."""

import base64
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from click.testing import CliRunner

from command_result import CommandResult
from exchange_world import (
    MAILBOXES,
    ODS,
    RECIPIENT,
    SENDER,
    STORE_KEY,
    WORKFLOW,
    Exchanging,
    MessageRules,
    Protection,
    office,
)
from message_world import NOW
from unit.itk3.sample import counted, resources
from wardgate.audit.model import EventType
from wardgate.cli import main
from wardgate.cli.context import World
from wardgate.cli.handled import handler_of
from wardgate.cli.message_track import _lines, _told, put
from wardgate.exchange.errors import MessageRefused
from wardgate.exchange.outgoing import Route
from wardgate.exchange.record import event_of
from wardgate.exchange.tracked import track
from wardgate.fhir import Format, Version
from wardgate.fhir import write as write_fhir
from wardgate.itk3 import Message, payload_of, write
from wardgate.stores.exchange import Direction, Stage

NHS_NUMBER = "9000000009"
Do = Callable[[], httpx2.Response]


Run = Callable[..., CommandResult]


@pytest.fixture
def command(two: Exchanging, directory: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command on the installation of a mailbox, whose store and contents these are."""
    ready: set[str] = set()

    def run(mailbox: str, *words: Any, stdin: str | None = None) -> CommandResult:
        if mailbox not in ready:
            ready.add(mailbox)
            assert run(mailbox, "manifest", "apply", directory / "manifest.yaml", "--yes").code == 0
        for name, value in {
            "WARDGATE_DATABASE_URL": f"sqlite:///{directory / mailbox}.db", "WARDGATE_STORE_KEY": base64.b64encode(STORE_KEY).decode(),
            "WARDGATE_MESSAGE_DIRECTORY": str(directory / mailbox), "WARDGATE_DATA": str(directory / f"{mailbox}.data"),
        }.items():
            monkeypatch.setenv(name, value)
        result = CliRunner().invoke(main, [str(word) for word in words], input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return CommandResult(result.exit_code, result.stdout, result.stderr)

    manifest = {
        "environment": {"name": "trial"}, "organisations": [{"ods": ods, "name": f"Organisation {ods}"} for ods in ODS.values()],
        "mailboxes": [{"id": one.id, "organisation": one.organisation} for one in MAILBOXES],
        "workflows": [{"id": WORKFLOW, "senders": [SENDER], "receivers": [RECIPIENT]}],
    }
    (directory / "manifest.yaml").write_text(json.dumps(manifest))
    return run


def who_saw(command: Run, mailbox: str) -> list[tuple[str, str]]:
    """How often, and how, somebody had to do with the patient."""
    said = command(mailbox, "audit", "who-saw", "--nhs-number", "-", "--output", "json", stdin=NHS_NUMBER)
    return [(row["caller_kind"], row["organisation"]) for row in said.data["calls"]]


def test_a_message_is_told_from_its_beginning_to_its_end(two: Exchanging, command: Run) -> None:
    """By its id, the mailbox server's and our key, at both ends: `explain` tells each step in order, `who-saw` who had to do with the patient."""
    two.rules(MessageRules(protection=Protection.SEALED))
    row = two.send(on_behalf_of={"user": "555021935107", "role": "R8000"})
    two.exchange()
    (came,) = two.recipient.rows(Direction.IN)
    two.recipient.handler.acknowledge(came.key, "30001")
    two.exchange()
    told = {SENDER: command(SENDER, "explain", row.message_id), RECIPIENT: command(RECIPIENT, "explain", row.message_id)}
    steps = {
        SENDER: ("A message was built, and its workflow allows it", "A message was sealed", "A message was sent", "A response to a message of ours came in"),
        RECIPIENT: ("A message was received and kept", "A message was opened", "A response was made to a message that came in", "A message was sent"),
    }
    for mailbox, answer in told.items():
        assert answer.code == 0, answer
        places = [answer.out.index(step) for step in steps[mailbox]]
        assert places == sorted(places)
        assert not [secret for secret in (NHS_NUMBER, "555021935107", "SYNTHETIC") if secret in answer.out]
    for any_id in (row.key, two.sender.handler.message(row.key).mex_id):
        found = command(SENDER, "explain", any_id, "--wait", "0")
        assert (found.code, "A message was sent" in found.out) == (0, True)
    assert who_saw(command, SENDER) == [("message sent", "RY6")]
    assert who_saw(command, RECIPIENT) == [("message opened", "RY6")]


@pytest.mark.parametrize(("words", "said"), [((), "message displayed"), (("--sealed",), "message inspected")])
@pytest.mark.parametrize("rules", [MessageRules(), MessageRules(protection=Protection.SEALED)], ids=["clear", "sealed"])
def test_whoever_reads_a_message_is_on_record(two: Exchanging, command: Run, words: tuple[str, ...], said: str, rules: MessageRules) -> None:
    """What travels may be clear: looking at it is looking at the patient's letter."""
    two.rules(rules)
    two.send()
    two.exchange()
    (came,) = two.recipient.rows(Direction.IN)
    shown = command(RECIPIENT, "message", "read", came.key, *words)
    assert (shown.code, NHS_NUMBER in shown.out) == (0, not words or rules.protection is Protection.NONE)
    assert who_saw(command, RECIPIENT) == [("message opened", "RY6"), (said, "RY6")]


def test_whoever_inspects_a_letter_that_was_refused_is_on_record(two: Exchanging, command: Run, post: Any, letter: Any) -> None:
    """It was not delivered, and is read all the same: whoever it is about can be told, though it is no valid message."""
    body = write(letter(two.sender, "X26"), Format.JSON).replace(b'"timestamp"', b'"timestamp":"2026-01-05T10:00:00+00:00","_no"', 1)
    post(two.sender, write(letter(two.sender, "X26")).replace(b'ITK007C"', b'ITK999X"'))
    post(two.sender, body, "application/fhir+json")
    two.recipient.handler.receive(RECIPIENT)
    rows = two.recipient.rows(Direction.IN)
    assert {row.stage for row in rows} == {Stage.REFUSED}
    assert who_saw(command, RECIPIENT) == []
    for row in rows:
        assert command(RECIPIENT, "message", "read", row.key, "--sealed").code == 0
    assert who_saw(command, RECIPIENT)[:1] == [("message inspected", "RY6")]


def test_a_message_that_is_not_read_is_not_recorded_as_read(two: Exchanging, command: Run, directory: Path) -> None:
    """Where the file is there already, nobody saw anything."""
    two.send()
    two.exchange()
    (came,) = two.recipient.rows(Direction.IN)
    (directory / "there").symlink_to(directory / "nowhere")
    refused = command(RECIPIENT, "message", "read", came.key, "--out", directory / "there")
    assert (refused.code, "is there already" in refused.err) == (1, True)
    assert who_saw(command, RECIPIENT) == [("message opened", "RY6")]


class Terminal(io.TextIOWrapper):
    """A terminal."""

    def isatty(self) -> bool:
        """It is one."""
        return True


@pytest.mark.parametrize(("kind", "seen"), [(Terminal, b"a\\u001b[31m\\u009bb\n"), (io.TextIOWrapper, b"a\x1b[31m\xc2\x9bb\n")])
def test_no_message_commands_a_terminal(kind: type[io.TextIOWrapper], seen: bytes) -> None:
    """What others wrote is shown; a file or another program gets it octet for octet."""
    inner = io.BytesIO()
    to = kind(inner, encoding="utf-8")
    put(b"a\x1b[31m\xc2\x9bb\n", to)
    assert inner.getvalue() == seen


def test_what_cannot_be_sent_says_why_and_what_happens_next(two: Exchanging, command: Run, directory: Path) -> None:
    """No `sealed` without a word; and the same to whoever tracks it."""
    del two
    path = directory / "letter.xml"
    path.write_bytes(write_fhir(payload_of(resources(), now=NOW, random=counted(), version=Version.STU3), Format.XML, Version.STU3))
    sent = command(SENDER, "message", "send", path, "--from", SENDER, "--to", RECIPIENT, "--workflow", WORKFLOW)
    assert sent.code == 0, sent
    said = dict(line.split("  ", 1) for line in sent.out.splitlines() if "  " in line)
    assert said["last try"].strip() == f"{SENDER} has no account, and no password as a mailbox of this server: wardgate mesh account set {SENDER}"
    assert said["next try"].strip().endswith(f"UTC, by `wardgate message receive --mailbox {SENDER}`")
    told = command(SENDER, "message", "list", "--output", "json").data
    assert [(row["stage"], row["trouble"][:20]) for row in told] == [("sealed", f"{SENDER} has no acco")]
    tracked = command(SENDER, "message", "track", told[0]["message_id"], "--offline")
    assert "has no account" in tracked.out
    assert command(SENDER, "mesh", "account", "set", SENDER, "--automatic").code == 0
    waited = command(SENDER, "message", "send", path, "--from", SENDER, "--to", RECIPIENT, "--workflow", WORKFLOW, "--wait", "1s")
    assert waited.code == 0, waited
    assert "UTC, by the server" in waited.out


def test_a_message_that_was_given_up_says_what_it_met(two: Exchanging, command: Run) -> None:
    """The mailbox server's own words, in one line."""
    two.rules(None, "server", receivers=())
    row = two.send()
    assert row.stage is Stage.DEAD
    shown = command(SENDER, "message", "dead", "show", row.key)
    assert (shown.code, "message-not-taken" in shown.out, "last try" in shown.out) == (0, True, True)
    assert f"whole story: wardgate explain {row.message_id}" in shown.out


def test_a_list_is_of_what_was_asked_for_however_much_else_there_is(two: Exchanging, command: Run) -> None:
    """The limit counts what is listed: a mailbox with a thousand messages hides no other's."""
    row = two.send()
    two.exchange()
    (came,) = two.recipient.rows(Direction.IN)
    store = two.recipient.stores.exchange
    for number in range(101):
        other = replace(came, key=f"{number:024}", mailbox="OTHER", message_id=f"other-{number}", mex_id=f"M{number}", created=came.created.replace(year=2025), responses_due=(), local_id="")
        assert store.add(other, event_of(EventType.MESSAGE_RECEIVED, other, other.created, office()))
    for words in (("--mailbox", RECIPIENT, "--direction", "in"), ("--owed",)):
        listed = command(RECIPIENT, "message", "list", *words, "--output", "json").data
        assert [one["message_id"] for one in listed] == [row.message_id]


def test_a_server_writes_no_lines_of_its_own(two: Exchanging) -> None:
    """A description of where a message stands is one line, whatever is in it."""
    row = two.send()

    def lie(request: httpx2.Request, do: Do) -> httpx2.Response:
        if "/tracking" not in request.url.path:
            return do()
        return httpx2.Response(200, json={"message_id": row.mex_id, "status": "accepted", "status_description": "x\n  stage     answered\x1b[2J"})

    two.sender.bridge.fault = lie
    (found,) = track(two.sender.parts, row.message_id)
    lines = _lines(_told(found, []))
    assert [line.split() for line in "\n".join(lines).splitlines() if line.strip().startswith("stage")] == [["stage", "sent"]]
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize(("to", "mailbox"), [("NOBODY", SENDER), (RECIPIENT, "NOBODY")])
def test_every_message_that_is_refused_is_on_record(two: Exchanging, to: str, mailbox: str, letter: Any) -> None:
    """Before there is one, too: whom it was to go to is not known here."""
    message: Message = letter(two.sender, "X26")
    for send in (lambda route: two.sender.handler.send(route, resources()), lambda route: two.sender.handler.send_message(route, message),
                 lambda route: two.sender.handler.send_message(route, write(message))):
        before = len(two.sender.events())
        with pytest.raises(MessageRefused) as refused:
            send(Route(mailbox, to, WORKFLOW))
        (event,) = two.sender.events()[before:]
        assert (event["type"], event["reason"], event["outcome"]) == ("MessageRefused", refused.value.code, "refused")
    before = len(two.sender.events())
    with pytest.raises(MessageRefused):
        two.sender.handler.send_message(Route(SENDER, RECIPIENT, WORKFLOW), b"<no-message/>")
    assert [event["reason"] for event in two.sender.events()[before:]] == ["message-invalid"]


def test_a_command_that_runs_for_days_hears_of_what_changes(command: Run, directory: Path) -> None:
    """`message receive --follow` asks the policy and the keys that are there now, not those of its start."""
    applied = command(RECIPIENT, "message", "list")
    assert applied.code == 0
    with World(directory / f"{RECIPIENT}.data", f"sqlite:///{directory / RECIPIENT}.db") as world, handler_of(world, 0) as handler:
        parts = handler.parts
        assert parts.held.signing_key("RY6") is None
        assert parts.post_office().rules_of(WORKFLOW) is not None
        manifest = json.loads((directory / "manifest.yaml").read_text())
        (directory / "other.yaml").write_text(json.dumps(manifest | {"workflows": []}))
        assert command(RECIPIENT, "manifest", "apply", directory / "other.yaml", "--yes").code == 0
        made = command(RECIPIENT, "message", "keys", "new", "--organisation", "RY6", "--use", "signing", "--kid", "ry6-new", "--publish", "--wait", "0")
        assert made.code == 0, made
        assert parts.post_office().rules_of(WORKFLOW) is None
        assert parts.held.signing_key("RY6") is not None
        assert parts.directory().key("ry6-new") is not None


@pytest.mark.parametrize("content", ["[" * 200_000, '{"mailbox": 1}', "null", "", '{"mailbox":"' + SENDER + '"}'])
def test_an_admission_that_is_none_is_said_in_a_line(command: Run, directory: Path, content: str) -> None:
    """Whatever a partner hands over as one."""
    (directory / "account.json").write_text(content)
    answer = command(SENDER, "mesh", "account", "set", SENDER, "--from", directory / "account.json")
    assert (answer.code, answer.err.count("\n")) == (1, 1)
    assert "is not what `wardgate mesh mailbox admit` writes" in answer.err


def test_a_request_is_written_over_nothing_but_another(command: Run, directory: Path) -> None:
    """An operator who names the file of a key by mistake has it still."""
    path = directory / "a.key"
    path.write_text("the only copy")
    refused = command(SENDER, "mesh", "account", "request", SENDER, "--out", path)
    assert (refused.code, "is there already, and is no certificate request" in refused.err, path.read_text()) == (1, True, "the only copy")
    for _ in range(2):
        assert command(SENDER, "mesh", "account", "request", SENDER, "--out", directory / "a.csr").code == 0
