"""The demo's discharge letter, and the manifests of the two sides that exchange it."""

import secrets
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from wardgate import fhir
from wardgate.cli import main
from wardgate.demo.letter import PATIENT, letter
from wardgate.demo.post import MAILBOX_PASSWORD, SIDES, exchange_manifest, mailboxes
from wardgate.demo.world import manifest
from wardgate.fhir import Format, Version
from wardgate.itk3 import Party, Sending, build, document_facts, read, write
from wardgate.manifest import Source, check
from wardgate.workflows.decide import MessageFacts, decide_message
from wardgate.workflows.post_office import PostOffice

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)


def test_the_letter_is_a_document_that_the_workflow_takes() -> None:
    """It makes a valid message without a warning, and the demo's policy for discharge letters allows it, sealed."""
    sending = Sending(Party(ods="Z9X01"), "Z9X01OT001", "ITK003D", receiver=Party(ods="Z9X03"))
    message = read(write(build(letter(NOW, secrets.token_bytes), sending, now=NOW, random=secrets.token_bytes), Format.XML))
    facts = document_facts(message.payload)
    assert (message.warnings, facts.types, facts.patients) == ((), ("373942005",), (PATIENT,))
    demo = manifest()
    rules = PostOffice.of(demo.mailboxes, demo.workflows).rules_of("TOC_FHIR_IP_DISCH")
    assert rules is not None
    said = MessageFacts("Z9X01OT001", ("Z9X03OT001",), "TOC_FHIR_IP_DISCH", "ITK003D", facts.type, facts.confidentiality,
                        suite=rules.messages.suites[0], signed=True, encrypted=True)
    assert decide_message(rules, said).allowed


def test_each_letter_is_a_document_of_its_own() -> None:
    """No two have an id in common, so that neither is a duplicate of the other."""
    first, second = (document_facts(letter(NOW, secrets.token_bytes)) for _ in range(2))
    assert first.document_id != second.document_id
    assert first.composition != second.composition


def test_both_sides_agree_on_everything_but_their_name() -> None:
    """The two manifests are valid, and differ in the environment's name alone."""
    hospital, surgery = (check([Source(side, exchange_manifest(side).encode())]) for side in SIDES)
    assert (hospital.environment.name, surgery.environment.name) == ("hospital", "surgery")
    assert hospital.model_copy(update={"environment": surgery.environment}) == surgery
    with pytest.raises(KeyError):
        exchange_manifest("laboratory")


def test_the_mailboxes_of_the_demo_are_its_organisations() -> None:
    """Their password says that it is no secret, and can be a mailbox's."""
    organisations = {one.ods for one in manifest().organisations}
    assert set(mailboxes().values()) <= organisations
    assert ":" not in MAILBOX_PASSWORD


def test_the_commands_write_what_the_functions_make(tmp_path: Path) -> None:
    """`wardgate demo letter` in both forms and about somebody else, `wardgate demo manifest`; a number that is not of the test range is refused."""
    run = CliRunner()
    assert run.invoke(main, ["demo", "manifest", "surgery"]).stdout.rstrip() == exchange_manifest("surgery").rstrip()
    for form in Format:
        path = tmp_path / form.value
        done = run.invoke(main, ["demo", "letter", "--format", form.value, "--patient", "9000000009", "--out", str(path)])
        assert done.exit_code == 0, done.output
        assert document_facts(fhir.read(path.read_bytes(), form, Version.STU3)).patient == "9000000009"
    for number in ("4000000004", "9000000000"):
        assert run.invoke(main, ["demo", "letter", "--patient", number]).exit_code == 2
