"""An account at another Wardgate: asked for here, given there, taken here; and what is not taken."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from wardgate.cli import main
from wardgate.cli.context import World
from wardgate.demo.post import exchange_manifest
from wardgate.exchange.account import Accounts

HOSPITAL = "Z9X01OT001"
Run = Callable[..., Any]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a command on one side; with `code`, one that must fail, and return what it says."""
    def one(side: str, *words: Any, code: int = 0) -> Any:
        said = [str(word) for word in words]
        result = CliRunner().invoke(main, [*said, "--data", str(tmp_path / side), "-o", "json"])
        assert result.exit_code == code, result.output
        return json.loads(result.stdout) if code == 0 else result.stderr

    for side in ("hospital", "surgery"):
        file = tmp_path / f"{side}.yaml"
        file.write_text(exchange_manifest(side))
        one(side, "manifest", "apply", "--yes", "--wait", "0", file)
    return one


def test_an_account_is_asked_for_and_given(run: Run, tmp_path: Path) -> None:
    """The private key stays where it was made; everything else comes in one file, which only its owner may read."""
    request, file = tmp_path / "request.csr", tmp_path / "account.json"
    asked = run("hospital", "mesh", "account", "request", HOSPITAL, "--out", request)
    assert asked["name"] == "z9x01ot001.z9x01.api.mesh-client.nhs.uk"
    given = run("surgery", "mesh", "mailbox", "admit", HOSPITAL, "--csr", request, "--out", file, "--base-url", "https://mesh.example.org", "--wait", "0")
    assert (given["name"], file.stat().st_mode & 0o777) == (asked["name"], 0o600)
    assert "PRIVATE KEY" not in file.read_text()
    kept = run("hospital", "mesh", "account", "set", HOSPITAL, "--from", file)
    assert (kept["base_url"], kept["has_certificate"], kept["has_password"]) == ("https://mesh.example.org", True, True)
    with World(tmp_path / "hospital", None) as hospital, World(tmp_path / "surgery", None) as surgery:
        account = Accounts(hospital.stores.values).get(HOSPITAL)
        assert account is not None
        assert account.password == surgery.stores.mailboxes.passwords()[HOSPITAL]
    assert "not for the last request" in run("hospital", "mesh", "account", "set", HOSPITAL, "--from", file, code=1)
    assert "exists" in run("surgery", "mesh", "mailbox", "admit", HOSPITAL, "--csr", request, "--out", file, code=2)


def test_what_is_not_an_admission_is_refused(run: Run, tmp_path: Path) -> None:
    """Other files, another mailbox's, a mailbox that nobody stated, and a request that was asked again."""
    request, file, other = tmp_path / "request.csr", tmp_path / "account.json", tmp_path / "other.json"
    run("hospital", "mesh", "account", "request", HOSPITAL, "--out", request)
    run("surgery", "mesh", "mailbox", "admit", HOSPITAL, "--csr", request, "--out", file, "--wait", "0")
    good = json.loads(file.read_text())
    for bad in ("{", "[]", "{}", json.dumps(good | {"password": 1}), json.dumps(good | {"certificate": "é"}), json.dumps(good | {"more": "x"})):
        other.write_text(bad)
        assert "is not what `wardgate mesh mailbox admit` writes" in run("hospital", "mesh", "account", "set", HOSPITAL, "--from", other, code=1)
    assert "is for Z9X01OT001" in run("hospital", "mesh", "account", "set", "Z9X03OT001", "--from", file, code=1)
    assert "there is no mailbox NOBODY" in run("hospital", "mesh", "account", "request", "NOBODY", "--out", request, code=1)
    run("hospital", "mesh", "account", "request", HOSPITAL, "--out", request)
    assert "not for the last request" in run("hospital", "mesh", "account", "set", HOSPITAL, "--from", file, code=1)


def test_a_mailbox_that_is_hosted_here_gets_a_password(run: Run, tmp_path: Path) -> None:
    """`account set` with nothing else is enough for it; a password that is there stays."""
    def password() -> str | None:
        with World(tmp_path / "surgery", None) as world:
            return world.stores.mailboxes.passwords().get("Z9X03OT001")

    run("surgery", "mesh", "account", "set", "Z9X03OT001")
    made = password()
    assert made
    run("surgery", "mesh", "account", "set", "Z9X03OT001", "--automatic")
    assert password() == made
