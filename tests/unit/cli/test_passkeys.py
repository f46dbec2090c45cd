"""`wardgate user passkeys` and `wardgate user remove-passkey`."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from wardgate.audit import Event, EventType
from wardgate.keystores import load_store_keys
from wardgate.stores import open_stores
from wardgate.stores.passkeys import Passkey

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
PEOPLE = """
environment: {name: trial}
identity_providers: [{name: cis2, kind: nhs-cis2, base_path: /oauth2, stand_in: true}]
users: [{username: Aal3, worker: {authenticators: [FIDO2]}}, {username: Aal4, worker: {authenticators: [FIDO2]}}]
"""


@pytest.fixture
def peopled(wardgate: Any, tmp_path: Path) -> Any:
    """An installation in which one person has two passkeys."""
    path = tmp_path / "people.yaml"
    path.write_text(PEOPLE)
    assert wardgate("manifest", "apply", path, "--yes").code == 0
    data = tmp_path / "data"
    stores = open_stores(f"sqlite:///{data / 'wardgate.db'}", load_store_keys({}, data))
    for number, label in enumerate(("Blue key", "Phone")):
        kept = Passkey(f"id-{number}".encode(), "Aal3", "localhost", b"key", number, label, NOW + timedelta(days=number), NOW if number else None)
        assert stores.passkeys.add(kept, 20, Event(EventType.PASSKEY_REGISTERED, NOW))
    stores.close()
    return wardgate


def test_passkeys_are_listed(peopled: Any) -> None:
    """Oldest first, without keys; for a person without any an empty list."""
    listed = peopled("user", "passkeys", "aal3", "-o", "json").data
    assert [(one["name"], one["rp_id"], one["username"], one["sign_count"]) for one in listed] == [
        ("Blue key", "localhost", "Aal3", 0), ("Phone", "localhost", "Aal3", 1)]
    assert [one["used"] for one in listed] == [None, NOW.isoformat()]
    text = peopled("user", "passkeys", "Aal3").out
    assert listed[0]["id"][:16] in text
    assert "never" in text
    assert peopled("user", "passkeys", "Aal4", "-o", "json").data == []


def test_a_passkey_is_removed(peopled: Any) -> None:
    """By the beginning of its id, once, and recorded without the person."""
    first, second = peopled("user", "passkeys", "Aal3", "-o", "json").data
    removed = peopled("user", "remove-passkey", "Aal3", first["id"][:10], "-o", "json")
    assert (removed.code, removed.data["removed"]["name"]) == (0, "Blue key")
    assert peopled("user", "passkeys", "Aal3", "-o", "json").data == [second]
    again = peopled("user", "remove-passkey", "Aal3", first["id"][:10])
    assert (again.code, "Aal3 has no passkeys whose id begins with" in again.err) == (1, True)
    (record,) = [line for line in peopled("audit", "tail", "-o", "json").out.splitlines() if "PasskeyRemoved" in line]
    assert "Aal3" not in record
    assert first["id"] in record


@pytest.mark.parametrize("arguments", [["passkeys", "nobody"], ["remove-passkey", "nobody", "00"]])
def test_nobodys_passkeys(peopled: Any, arguments: list[str]) -> None:
    """One line that says where to look."""
    answer = peopled("user", *arguments)
    assert (answer.code, answer.err) == (1, "wardgate: there is nobody of the user name nobody: wardgate user list\n")


def test_an_id_that_fits_several(peopled: Any) -> None:
    """Nothing is removed by an empty beginning, nor by another person's id."""
    first = peopled("user", "passkeys", "Aal3", "-o", "json").data[0]
    for username, beginning in (("Aal3", " "), ("Aal4", first["id"])):
        assert peopled("user", "remove-passkey", username, beginning).code == 1
    assert len(peopled("user", "passkeys", "Aal3", "-o", "json").data) == 2
