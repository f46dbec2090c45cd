"""`wardgate message seal --time-stamp`: whose time-stamp a signature gets, when nobody says whose (itk3-messaging 6)."""

import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from unit.cli.message_installation import HOSPITAL, SURGERY, Run, install_with_message, key_directory, messages
from wardgate.ca import CertificateAuthority
from wardgate.cli.authority import authority_of
from wardgate.cli.context import World
from wardgate.refusals import reason

MANIFEST = """
environment: {name: trial}
organisations: [{ods: Z9X01, name: Example Hospital}, {ods: Z9X02, name: Example Surgery}]
mailboxes: [{id: Z9X01OT001, organisation: Z9X01}, {id: Z9X02OT001, organisation: Z9X02}]
workflows:
  - {id: LETTERS, senders: [Z9X01OT001], receivers: [Z9X02OT001], messages: {protection: sealed}}
  - {id: STAMPED, senders: [Z9X01OT001], receivers: [Z9X02OT001], messages: {protection: sealed, suites: [modern, cms, xml], time_stamp: true}}
  - {id: BESIDE, senders: [Z9X01OT001], receivers: [Z9X02OT001], messages: {protection: signed, suites: [detached], time_stamp: true}}
"""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of an installation with keys of both organisations, and a message."""
    return install_with_message(tmp_path_factory.mktemp("template"), MANIFEST)


@pytest.fixture
def run(wardgate: Any, template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command on a copy of it and return its JSON, or what it says to a wrong use."""
    monkeypatch.delenv("WARDGATE_TIME_STAMP_URL", raising=False)
    monkeypatch.delenv("WARDGATE_MESSAGE_TIME_STAMPS", raising=False)
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    return messages(wardgate)


class Elsewhere(ThreadingHTTPServer):
    """Another Wardgate's authority on plain HTTP, which counts who asks."""

    def __init__(self, authority: CertificateAuthority, world: World) -> None:
        self.asked = 0
        elsewhere = self

        class Answer(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                elsewhere.asked += 1
                body = authority.time_stamp(self.rfile.read(int(self.headers["content-length"])), world.now)
                self.send_response(200)
                self.send_header("Content-Type", "application/timestamp-reply")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_said: Any) -> None:
                """Say nothing."""

        super().__init__(("127.0.0.1", 0), Answer)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.server_port}/pki/tsa"


@pytest.fixture
def elsewhere(template: Path) -> Iterator[Elsewhere]:
    """The installation's authority, running at an address of its own."""
    with World(template / "data", None) as world, Elsewhere(authority_of(world), world) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join(20)


def seal(run: Run, place: Path, workflow: str, *more: Any, code: int = 0) -> Any:
    """Seal the message into a new file."""
    return run("seal", place / "message.xml", "--to", SURGERY, "--workflow", workflow, "--out", place / "sealed", *more, code=code)


def stamped(run: Run, place: Path, *more: Any) -> bool:
    """Whether the signature has a time-stamp that is believed."""
    (signature,) = run("verify", place / "sealed", *more)["signatures"]
    return signature["time_stamped_at"] is not None


@pytest.mark.parametrize("suite", ["modern", "cms", "xml"])
def test_a_workflow_that_wants_time_stamps_gets_them_of_our_own_authority(run: Run, tmp_path: Path, suite: str) -> None:
    """Nobody names one, and no server runs; what was sealed opens by the policy that wants it."""
    seal(run, tmp_path, "STAMPED", "--suite", suite)
    assert stamped(run, tmp_path)
    opened = run("open", tmp_path / "sealed")
    assert reason("time-stamp-missing").check in opened["policy"]


def test_without_a_url_where_nobody_demands_one(run: Run, tmp_path: Path) -> None:
    """Only who asks for a time-stamp gets one; options may follow."""
    seal(run, tmp_path, "LETTERS")
    assert not stamped(run, tmp_path)
    (tmp_path / "sealed").unlink()
    run("seal", tmp_path / "message.xml", "--time-stamp", "--to", SURGERY, "--workflow", "LETTERS", "--out", tmp_path / "sealed")
    assert stamped(run, tmp_path)


def test_beside_a_clear_message_and_around_files(run: Run, tmp_path: Path) -> None:
    """The detached suite, and attachments of any size, are stamped as messages are."""
    seal(run, tmp_path, "BESIDE", "--signature-out", tmp_path / "sig")
    assert stamped(run, tmp_path, "--signature", tmp_path / "sig")
    (tmp_path / "scan").write_bytes(b"scan" * 1000)
    run("seal", tmp_path / "scan", "--attachment", "--to", SURGERY, "--workflow", "STAMPED", "--from", HOSPITAL, "--event", "ITK007C", "--message-id",
        "5d0b7a52-1c7e-4a0e-9b0a-2f6f4c1d9e03", "--out", tmp_path / "scan.cms")
    found = run("open", tmp_path / "scan.cms", "--attachment", "--out", tmp_path / "scan.again")
    assert found["signatures"][0]["time_stamped_at"] is not None


def test_the_authority_of_the_settings_is_asked_before_our_own(run: Run, tmp_path: Path, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the workflow wants time-stamps; one that is not there is a refusal, not another authority."""
    monkeypatch.setenv("WARDGATE_MESSAGE_TIME_STAMPS", elsewhere.url)
    seal(run, tmp_path, "STAMPED")
    assert (elsewhere.asked, stamped(run, tmp_path)) == (1, True)
    monkeypatch.setenv("WARDGATE_MESSAGE_TIME_STAMPS", "http://127.0.0.1:9/nobody")
    (tmp_path / "sealed").unlink()
    assert seal(run, tmp_path, "STAMPED", code=1)["code"] == "time-stamp-missing"
    assert not (tmp_path / "sealed").exists()


@pytest.mark.parametrize("said", ["option", "environment"])
def test_a_url_that_is_said_is_the_one_that_is_asked(run: Run, tmp_path: Path, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    """Whatever the settings have, and whether or not the workflow wants one."""
    monkeypatch.setenv("WARDGATE_MESSAGE_TIME_STAMPS", "http://127.0.0.1:9/nobody")
    if said == "environment":
        monkeypatch.setenv("WARDGATE_TIME_STAMP_URL", elsewhere.url)
    for number, workflow in enumerate(("LETTERS", "STAMPED")):
        seal(run, tmp_path, workflow, *(("--time-stamp", elsewhere.url) if said == "option" else ()))
        assert (elsewhere.asked, stamped(run, tmp_path)) == (number + 1, True)
        (tmp_path / "sealed").unlink()


def test_with_keys_of_a_directory_there_is_no_authority_of_ours(run: Run, tmp_path: Path, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wrong use, unless an address is set; nothing is stamped that nobody asked for."""
    place = tmp_path / "keys"
    key_directory(place)
    to = ("--to", f"{SURGERY}:Z9X02", "--workflow", "W", "--keys", place, "--organisation", "Z9X01", "--out", tmp_path / "sealed")
    assert "give its URL" in run("seal", tmp_path / "message.xml", *to, "--time-stamp", code=2)
    assert not (tmp_path / "sealed").exists()
    monkeypatch.setenv("WARDGATE_MESSAGE_TIME_STAMPS", elsewhere.url)
    run("seal", tmp_path / "message.xml", *to)
    assert elsewhere.asked == 0
    (tmp_path / "sealed").unlink()
    run("seal", tmp_path / "message.xml", *to, "--time-stamp")
    assert elsewhere.asked == 1
