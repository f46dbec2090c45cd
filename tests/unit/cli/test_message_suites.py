"""`wardgate message seal|inspect|verify|open`: every suite that is made, by the keys and policy of an installation, and what each refuses when it was changed (itk3-messaging 6)."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from unit.cli.message_installation import HOSPITAL, SURGERY, Run, install_with_message, messages
from wardgate.audit import EventType
from wardgate.cli.context import World

MANIFEST = """
environment: {name: trial}
organisations: [{ods: Z9X01, name: Example Hospital}, {ods: Z9X02, name: Example Surgery}]
mailboxes: [{id: Z9X01OT001, organisation: Z9X01}, {id: Z9X02OT001, organisation: Z9X02}]
workflows:
  - {id: SEALED, senders: [Z9X01OT001], receivers: [Z9X02OT001], messages: {protection: sealed, suites: [modern, xml, cms]}}
  - {id: SIGNED, senders: [Z9X01OT001], receivers: [Z9X02OT001], messages: {protection: signed, suites: [modern, xml, detached]}}
"""
SUITES: dict[str, tuple[str, tuple[str, ...], str]] = {
    "modern": ("SEALED", ("--suite", "modern"), "modern"), "header readable": ("SEALED", ("--suite", "modern", "--header-readable"), "header-readable"),
    "CMS": ("SEALED", ("--suite", "cms"), "cms"), "XML": ("SEALED", ("--suite", "xml"), "xml"), "XML signed": ("SIGNED", ("--suite", "xml", "--sign-only"), "xml"),
    "detached": ("SIGNED", ("--suite", "detached"), "clear"),
}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation with keys of both organisations, and a message."""
    return install_with_message(tmp_path_factory.mktemp("template"), MANIFEST)


@pytest.fixture
def run(wardgate: Any, template: Path, tmp_path: Path) -> Run:
    """Run a command on a copy of it and return its JSON."""
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    return messages(wardgate)


def sealed(run: Run, place: Path, name: str) -> tuple[Any, ...]:
    """Seal the message as a suite; return how it is given to other commands."""
    workflow, words, _ = SUITES[name]
    beside = ("--signature", place / "signature") if name == "detached" else ()
    run("seal", place / "message.xml", "--to", SURGERY, "--workflow", workflow, *words, "--out", place / "sealed", *(("--signature-out", place / "signature") if beside else ()))
    return (place / "sealed", *beside)


def came(name: str, workflow: str | None = None) -> tuple[str, ...]:
    """What the transport says."""
    return "--came-from", HOSPITAL, "--came-to", SURGERY, "--came-by", workflow or SUITES[name][0]


@pytest.mark.parametrize("name", SUITES)
def test_there_and_back(run: Run, tmp_path: Path, name: str) -> None:
    """What it looks like, who signed what, and the message; opened for its own workflow and no other."""
    given = sealed(run, tmp_path, name)
    assert run("inspect", tmp_path / "sealed")["kind"] == SUITES[name][2]
    (signature,) = run("verify", *given)["signatures"]
    assert (signature["kid"], signature["organisation"]) == ("Z9X01-signing", "Z9X01")
    opened = run("open", *given, *came(name), "--out", tmp_path / "opened")
    assert opened["encrypted"] is (SUITES[name][0] == "SEALED")
    assert opened["event"] == "ITK007C"
    assert (tmp_path / "opened").read_bytes() == (tmp_path / "message.xml").read_bytes()
    assert run("open", *given, *came(name, "OTHER"), code=1)["code"] == "seal-context"
    with World(tmp_path / "data", None) as world:
        kinds = [json.loads(record.body)["type"] for record in world.stores.audit.read(0, 500)]
    assert [kind for kind in kinds if kind in {EventType.MESSAGE_SEALED, EventType.MESSAGE_OPENED, EventType.MESSAGE_REFUSED}] == ["MessageSealed", "MessageOpened", "MessageRefused"]


@pytest.mark.parametrize("name", SUITES)
def test_changed_on_the_way(run: Run, tmp_path: Path, name: str) -> None:
    """One sign in the middle is enough: not verified, not opened, nothing written."""
    given = sealed(run, tmp_path, name)
    body = bytearray((tmp_path / "sealed").read_bytes())
    place = body.find(b"SYNTHETIC") if b"SYNTHETIC" in body else len(body) // 2
    body[place] = ord("T") if body[place] != ord("T") else ord("U")
    (tmp_path / "sealed").write_bytes(body)
    verified = run("verify", *given, code=1)
    assert verified["failure"] in {"not-trusted", "cannot-decrypt", "malformed", "altered-or-out-of-context"}
    refused = run("open", *given, *came(name), "--out", tmp_path / "opened", code=1)
    assert refused["code"] == verified["code"]
    assert not (tmp_path / "opened").exists()
