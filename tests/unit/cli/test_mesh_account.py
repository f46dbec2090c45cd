"""`wardgate mesh account`: kept encrypted, shown without secrets, checked before it is kept."""

from pathlib import Path
from typing import Any

import pytest

MANIFEST = """
environment: {name: trial}
organisations: [{ods: Z9X01, name: Example Hospital}]
mailboxes: [{id: Z9X01OT001, organisation: Z9X01}]
"""


@pytest.fixture
def stated(wardgate: Any, tmp_path: Path) -> Any:
    """An installation with one mailbox."""
    (tmp_path / "manifest.yaml").write_text(MANIFEST)
    assert wardgate("manifest", "apply", tmp_path / "manifest.yaml", "--yes").code == 0
    (tmp_path / "password").write_text("a-secret-password\n")
    (tmp_path / "key").write_text("a-secret-key\n")
    return wardgate


def test_an_account_from_setting_to_forgetting(stated: Any, tmp_path: Path) -> None:
    """Secrets come from files and are never shown; what is not given stays as it was."""
    where = ("--base-url", "http://127.0.0.1:1", "--password-file", tmp_path / "password", "--shared-key-file", tmp_path / "key")
    made = stated("mesh", "account", "set", "z9x01ot001", *where, "-o", "json")
    assert made.data["base_url"] == "http://127.0.0.1:1"
    assert (made.data["has_password"], made.data["has_shared_key"], made.data["automatic"]) == (True, True, False)
    changed = stated("mesh", "account", "set", "Z9X01OT001", "--automatic", "-o", "json").data
    assert (changed["automatic"], changed["has_password"], changed["base_url"]) == (True, True, "http://127.0.0.1:1")
    for words in (("show", "Z9X01OT001"), ("list",)):
        said = stated("mesh", "account", *words)
        assert said.code == 0
        assert "secret" not in said.out + said.err
    assert b"a-secret" not in (tmp_path / "data" / "wardgate.db").read_bytes()
    assert stated("mesh", "account", "check", "Z9X01OT001").code == 1
    assert stated("mesh", "account", "remove", "Z9X01OT001").code == 0
    assert stated("mesh", "account", "show", "Z9X01OT001").err.startswith("wardgate: Z9X01OT001 has no account")


@pytest.mark.parametrize(("words", "code", "said"), [
    (("set", "NOBODY"), 1, "there is no mailbox NOBODY in the manifest"),
    (("set", "Z9X01OT001", "--base-url", "https://mesh.example.nhs.uk"), 1, "has password, shared key, certificate"),
    (("set", "Z9X01OT001", "--password-file", "-", "--shared-key-file", "-"), 2, "standard input has one secret"),
    (("set", "Z9X01OT001", "--cert", "password"), 1, "a certificate goes with its private key"),
    (("check", "Z9X01OT001"), 1, "has no account, and no password as a mailbox of this server"),
    (("remove", "Z9X01OT001"), 1, "has no account"),
])
def test_what_is_wrong_is_said(stated: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], code: int, said: str) -> None:
    """One line, and nothing is kept."""
    monkeypatch.chdir(tmp_path)
    answer = stated("mesh", "account", *words)
    assert (answer.code, said in answer.err) == (code, True), answer.err
    assert stated("mesh", "account", "list", "-o", "json").data == []
